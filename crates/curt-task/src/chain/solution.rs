//! Correct solutions of every length, to teach a model the task before reinforcement learning.

use std::fmt::Write;

use super::{Chain, END, LABELS, Style};
use crate::TaskError;
use crate::draw::{Draw, chance, index};

/// Probability that a checked step of the training data first shows a wrong result, which its check repairs.
pub const SLIP_PROBABILITY: f64 = 0.04;

/// The longest solution in the training data, in tokens.
pub const SOLUTION_LIMIT: usize = 320;

/// A solved chain for supervised training: the model reads `chain.prompt()` and learns to write `solution`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SftExample {
    /// The problem.
    pub chain: Chain,
    /// A correct solution, at most [`SOLUTION_LIMIT`] characters.
    pub solution: String,
}

/// A solution of `chain` in the given style, ending in the right `#RR$`. A plain step that is checked shows a wrong result
/// with probability `slip`; all else is right.
pub fn solution(draw: &mut Draw, chain: &Chain, style: &Style, slip: f64) -> String {
    if style.direct {
        return format!("#{}{END}", chain.answer());
    }
    let mut text = if style.restate { format!(":{}", chain.body()) } else { String::new() };
    let states = chain.states();
    for (i, (link, &after)) in chain.links.iter().zip(&states).enumerate() {
        let before = if i == 0 { chain.start } else { states[i - 1] };
        let last = i + 1 == states.len();
        if last || !chance(draw, style.skip) {
            let label = char::from(LABELS[i]);
            if chance(draw, style.terse) {
                append(&mut text, format_args!("{label}{after:02}"));
            } else {
                let checks = u32::from(chance(draw, style.check)) + u32::from(chance(draw, style.check));
                let shown = if checks > 0 && chance(draw, slip) { slipped(draw, after) } else { after };
                append(&mut text, format_args!("{label}{link}{before:02}={shown:02}"));
                for _ in 0..checks {
                    append(&mut text, format_args!("?{link}{before:02}={after:02}"));
                }
            }
        }
    }
    if style.redo {
        text.push('w');
        for (label, state) in LABELS.iter().zip(&states) {
            append(&mut text, format_args!("{}{state:02}", char::from(*label)));
        }
    }
    append(&mut text, format_args!("#{}{END}", chain.answer()));
    text
}

/// A solved chain of at most `max_links` links: `k = min(U{1..max_links}, U{1..max_links + 4})`, so that short
/// chains are more frequent; styles are drawn until the solution has at most [`SOLUTION_LIMIT`] tokens (after 100 the terse
/// one is taken). Error: [`TaskError::ChainLinks`] if `max_links` is not 1 to [`super::MAX_LINKS`].
pub fn sft_example(draw: &mut Draw, max_links: u32) -> Result<SftExample, TaskError> {
    if !(1..=super::MAX_LINKS).contains(&max_links) {
        return Err(TaskError::ChainLinks { found: max_links });
    }
    let first = 1 + index(draw, max_links as usize);
    let second = 1 + index(draw, max_links as usize + 4);
    let chain = Chain::sample(draw, first.min(second) as u32)?;
    for _ in 0..100 {
        let style = Style::sample(draw);
        let solution = solution(draw, &chain, &style, SLIP_PROBABILITY);
        if solution.len() <= SOLUTION_LIMIT {
            return Ok(SftExample { chain, solution });
        }
    }
    let solution = solution(draw, &chain, &Style::TERSE, 0.0);
    Ok(SftExample { chain, solution })
}

/// A wrong result near the right one: one digit off by one, or two off, modulo 100.
fn slipped(draw: &mut Draw, state: u8) -> u8 {
    let off = [1, 99, 10, 90, 2, 98][index(draw, 6)];
    (state + off) % 100
}

fn append(text: &mut String, piece: std::fmt::Arguments) {
    text.write_fmt(piece).expect("writing to a string does not fail");
}
