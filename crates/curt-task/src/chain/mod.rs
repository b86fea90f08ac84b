//! The synthetic chain task: labelled digit-wise arithmetic modulo 10 on a state of two digits.
//!
//! A prompt such as `^44a*3b*9>` gives a start and one link per label. Every link applies its operation to *both* digits of
//! the state, each modulo 10 and without carry: `84 + 7 → 51`. All links can be undone (factors are 3, 7 or 9), so nothing
//! of the start is lost and a guess is right in 1 % of cases. The answer `#88$` is the last state.
//!
//! A solution may be written at very different lengths ([`Style`]): 3 tokens per link at best, up to about 30. How many links
//! there are is the difficulty. One character is one token of [`VOCABULARY`]; `$` ends the answer and is the stop token.
//!
//! ```
//! # use curt_task::chain::Chain;
//! let chain: Chain = "^84a+7b*3>".parse()?;
//! assert_eq!(chain.states(), [51, 53]);
//! # Ok::<(), curt_task::TaskError>(())
//! ```

mod solution;
mod style;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

pub use solution::{SLIP_PROBABILITY, SOLUTION_LIMIT, SftExample, sft_example, solution};
pub use style::Style;

use crate::draw::{Draw, index};
use crate::{Problem, Prompt, TaskError};

/// The 42 characters of the task; a character's place is its token id.
pub const VOCABULARY: &str = "_^>$#=?:w+-*0123456789abcdefghijklmnopqrst";
/// The character that pads.
pub const PAD: char = '_';
/// The character that begins a prompt.
pub const BEGIN: char = '^';
/// The character that ends a prompt.
pub const SEPARATOR: char = '>';
/// The character that ends an answer: the stop token.
pub const END: char = '$';
/// The most links that a chain can have: one per label.
pub const MAX_LINKS: u32 = LABELS.len() as u32;

const LABELS: &[u8; 20] = b"abcdefghijklmnopqrst";

/// What a link does to each digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
}

/// One operation with its digit: 1 to 9 for `+` and `-`; 3, 7 or 9 for `*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    op: Op,
    digit: u8,
}

/// A start and 1 to [`MAX_LINKS`] links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    start: u8,
    links: Vec<Link>,
}

impl Link {
    /// The operation.
    pub fn op(self) -> Op {
        self.op
    }

    /// The digit.
    pub fn digit(self) -> u8 {
        self.digit
    }

    /// The state after this link: both digits of `state` (0 to 99) changed modulo 10.
    pub fn apply(self, state: u8) -> u8 {
        let change = |x: u8| match self.op {
            Op::Add => (x + self.digit) % 10,
            Op::Subtract => (x + 10 - self.digit) % 10,
            Op::Multiply => x * self.digit % 10,
        };
        10 * change(state / 10) + change(state % 10)
    }

    fn sample(draw: &mut Draw) -> Link {
        let op = [Op::Add, Op::Subtract, Op::Multiply][index(draw, 3)];
        let digit = match op {
            Op::Multiply => [3, 7, 9][index(draw, 3)],
            _ => 1 + index(draw, 9) as u8,
        };
        Link { op, digit }
    }
}

impl Chain {
    /// A chain of `links` links drawn uniformly: one draw for the start, two per link.
    /// Error: [`TaskError::ChainLinks`] if `links` is not 1 to [`MAX_LINKS`].
    pub fn sample(draw: &mut Draw, links: u32) -> Result<Chain, TaskError> {
        if !(1..=MAX_LINKS).contains(&links) {
            return Err(TaskError::ChainLinks { found: links });
        }
        let start = index(draw, 100) as u8;
        Ok(Chain { start, links: (0..links).map(|_| Link::sample(draw)).collect() })
    }

    /// The state before the first link, 0 to 99.
    pub fn start(&self) -> u8 {
        self.start
    }

    /// The links in order, at least one.
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// The state after each link.
    pub fn states(&self) -> Vec<u8> {
        let mut state = self.start;
        let after = |link: &Link| {
            state = link.apply(state);
            state
        };
        self.links.iter().map(after).collect()
    }

    /// The prompt, `3 + 3k + 1` characters for k links: `^44a*3b*9>`. Also the form that [`FromStr`] reads.
    pub fn prompt(&self) -> String {
        format!("{BEGIN}{}{SEPARATOR}", self.body())
    }

    /// The last state in two digits.
    pub fn answer(&self) -> String {
        format!("{:02}", self.links.iter().fold(self.start, |state, link| link.apply(state)))
    }

    /// This chain as a problem: id `chain-44a*3b*9`, source `chain`, difficulty = number of links.
    pub fn problem(&self) -> Problem {
        Problem {
            id: format!("chain-{}", self.body()),
            prompt: Prompt::Text(self.prompt()),
            answer: self.answer(),
            source: "chain".to_string(),
            difficulty: Some(self.links.len() as u32),
            extra: serde_json::Map::new(),
        }
    }

    /// The prompt without its begin and end marks.
    fn body(&self) -> String {
        let links = LABELS.iter().zip(&self.links);
        let links: String = links.map(|(label, link)| format!("{}{link}", char::from(*label))).collect();
        format!("{:02}{links}", self.start)
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let op = match self.op {
            Op::Add => '+',
            Op::Subtract => '-',
            Op::Multiply => '*',
        };
        write!(f, "{op}{}", self.digit)
    }
}

impl FromStr for Chain {
    type Err = TaskError;

    fn from_str(text: &str) -> Result<Chain, TaskError> {
        let bytes = text.as_bytes();
        let digit = |at: usize| bytes.get(at).filter(|byte| byte.is_ascii_digit()).map(|byte| byte - b'0');
        let fail = |at: usize, expected| {
            let column = 1 + text.char_indices().take_while(|(start, _)| *start < at).count();
            Err(TaskError::ChainPrompt { text: text.chars().take(80).collect(), column, expected })
        };
        if bytes.first() != Some(&(BEGIN as u8)) {
            return fail(0, "`^`");
        }
        let Some(tens) = digit(1) else { return fail(1, "a digit") };
        let Some(ones) = digit(2) else { return fail(2, "a digit") };
        let mut links = Vec::new();
        for (i, label) in LABELS.iter().enumerate() {
            let at = 3 + 3 * i;
            if i > 0 && bytes.get(at) == Some(&(SEPARATOR as u8)) {
                break;
            }
            if bytes.get(at) != Some(label) {
                return fail(at, if i == 0 { "the label `a`" } else { "the next label or `>`" });
            }
            let op = match bytes.get(at + 1) {
                Some(b'+') => Op::Add,
                Some(b'-') => Op::Subtract,
                Some(b'*') => Op::Multiply,
                _ => return fail(at + 1, "`+`, `-` or `*`"),
            };
            match (op, digit(at + 2)) {
                (Op::Multiply, Some(digit @ (3 | 7 | 9))) | (Op::Add | Op::Subtract, Some(digit @ 1..=9)) => {
                    links.push(Link { op, digit });
                }
                (Op::Multiply, _) => return fail(at + 2, "3, 7 or 9"),
                _ => return fail(at + 2, "a digit from 1"),
            }
        }
        let end = 3 + 3 * links.len();
        if bytes.get(end) != Some(&(SEPARATOR as u8)) {
            return fail(end, "`>`");
        }
        if bytes.len() > end + 1 {
            return fail(end + 1, "the end");
        }
        Ok(Chain { start: 10 * tens + ones, links })
    }
}

/// `per` different chains for each number of `links`, in that order: a fixed evaluation set when `draw` is fixed.
///
/// Repeats are drawn again. Errors: [`TaskError::ChainLinks`]; [`TaskError::TooFewChains`] when 1,000 draws in a row were
/// repeats (there are 2,100 chains of one link and 21 times as many with each link more).
pub fn evaluation_set(draw: &mut Draw, links: &[u32], per: usize) -> Result<Vec<Problem>, TaskError> {
    const REDRAWS: usize = 1000;
    let mut seen = BTreeSet::new();
    let mut problems = Vec::new();
    for &links in links {
        for found in 0..per {
            let mut fresh = None;
            for _ in 0..REDRAWS {
                let problem = Chain::sample(draw, links)?.problem();
                if seen.insert(problem.id.clone()) {
                    fresh = Some(problem);
                    break;
                }
            }
            problems.push(fresh.ok_or(TaskError::TooFewChains { per, links, found })?);
        }
    }
    Ok(problems)
}
