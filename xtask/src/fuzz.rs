//! `cargo xtask fuzz verify`: random answers that look like mathematics, as long as asked.
//!
//! Every text is built from pieces that the reader knows, then damaged; each is judged against itself, against the one before and
//! as a response. A panic or a verdict that takes longer than [`SLOW`] fails the run, and the text is printed to be repeated.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::ValueEnum;
use curt_verify::math::equal::Reason;
use curt_verify::math::{Math, Options as Judging, equivalent};
use curt_verify::{Verdict, Verifier};

/// Far beyond the budget of a verdict (some milliseconds, optimized: `cargo run --release -p xtask -- fuzz verify`), but within what another process on the same core may take.
const SLOW: Duration = Duration::from_millis(200);

/// Longest text, in pieces.
const MAX_PIECES: u64 = 40;

#[derive(clap::Args)]
pub struct Options {
    /// What is given random input
    #[arg(value_enum)]
    target: Target,
    /// For so long
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// Other seeds are other texts
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Target {
    /// Reading and comparing mathematics, and finding it in responses
    Verify,
}

/// Runs until the time is up or something is found.
pub fn run(options: &Options) -> Result<String> {
    let Target::Verify = options.target;
    let end = Instant::now() + Duration::from_secs(60 * options.minutes);
    let mut source = Source { state: options.seed };
    let (mut before, mut counts, mut slowest) = (String::from("7"), Counts::default(), (Duration::ZERO, String::new()));
    while Instant::now() < end {
        let text = source.text();
        let started = Instant::now();
        let Ok(()) = catch_unwind(AssertUnwindSafe(|| counts.judge(&before, &text))) else {
            bail!("a panic on {before:?} and {text:?} (seed {})", options.seed);
        };
        let taken = started.elapsed();
        if taken > SLOW {
            bail!("{taken:?} for {before:?} and {text:?} (seed {})", options.seed);
        }
        if taken > slowest.0 {
            slowest = (taken, text.clone());
        }
        before = text;
    }
    println!("slowest: {:?} for {:?}", slowest.0, slowest.1);
    counts.unlike.iter().for_each(|text| println!("differs from itself: {text:?}"));
    Ok(format!(
        "{} texts in {} minutes: {} equal to themselves, {} ungradable",
        counts.n, options.minutes, counts.equal, counts.ungradable
    ))
}

#[derive(Default)]
struct Counts {
    n: u64,
    equal: u64,
    ungradable: u64,
    /// The first texts whose reading differs from itself.
    unlike: Vec<String>,
}

impl Counts {
    fn judge(&mut self, before: &str, text: &str) {
        let options = Judging { identity: false, ..Judging::default() };
        let itself = equivalent(text, text, &options);
        self.n += 1;
        match itself.verdict {
            Verdict::Correct => self.equal += 1,
            Verdict::Ungradable => self.ungradable += 1,
            Verdict::Wrong if itself.reason == Reason::Different && self.unlike.len() < 10 => self.unlike.push(text.to_owned()),
            Verdict::Wrong => {}
        }
        equivalent(before, text, &options);
        equivalent(before, text, &Judging { strict: false, precision: Some(3), ..options });
        Math::default().verify(before, text, true);
    }
}

/// Random texts (splitmix64).
struct Source {
    state: u64,
}

#[rustfmt::skip]
const PIECES: [&str; 96] = [
    "0", "1", "2", "7", "10", "999", "1,000", "0.5", ".25", "3.14", "1e9", "x", "y", "n", "x_1", "a_{ij}", "e", "i", "\\pi", "\\infty", "\\alpha",
    "+", "-", "*", "/", "^", "_", "!", "%", "\\cdot ", "\\times ", "\\div ", "\\pm ", "\\mp ", "=", "<", "\\le ", "\\ge ", "\\ne ", "\\approx ",
    "\\in ", "\\to ", ",", ";", ":", "|", "(", ")", "[", "]", "{", "}", "\\{", "\\}", "\\left(", "\\right)", "\\left|", "\\right|",
    "\\frac{1}{2}", "\\frac{", "}{", "\\frac12", "\\sqrt{", "\\sqrt[3]{", "\\sqrt2", "\\binom{5}{2}", "\\boxed{", "\\text{", "\\text{ cm}", "\\text{ or }",
    "\\sin ", "\\cos^2 ", "\\log_2 ", "\\ln(", "\\sum_{k=1}^{5} k", "\\sum_{k=1}^{n} ", "\\prod_{i=1}^{3} ", "\\int_0^1 x dx", "\\lim_{x \\to 0} ",
    "\\lfloor ", "\\rfloor ", "\\cup ", "\\cap ", "\\setminus ", "\\mathbb{R}", "\\emptyset ", "\\begin{pmatrix}1 & 2 \\\\ 3 & 4\\end{pmatrix}",
    "\\begin{", "\\end{", "&", "\\\\", "^\\circ", "$", " and ", "\\overline{", "\u{221e}",
];

impl Source {
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// Half of the texts are well formed, the others pieces as they come; one in four is damaged.
    fn text(&mut self) -> String {
        let mut text =
            if self.below(2) == 0 { self.expression(4) } else { (0..1 + self.below(MAX_PIECES)).map(|_| self.piece()).collect() };
        if self.below(4) == 0 {
            let mut characters: Vec<char> = text.chars().collect();
            for _ in 0..1 + self.below(3) {
                let at = self.below(characters.len() as u64 + 1) as usize;
                match self.below(3) {
                    0 if at < characters.len() => {
                        characters.remove(at);
                    }
                    1 => characters.insert(at, char::from_u32(self.below(0x3000) as u32).unwrap_or('\u{fffd}')),
                    _ => characters.truncate(at),
                }
            }
            text = characters.into_iter().collect();
        }
        text
    }

    fn piece(&mut self) -> &'static str {
        PIECES[self.below(PIECES.len() as u64) as usize]
    }

    fn expression(&mut self, depth: u32) -> String {
        if depth == 0 {
            return PIECES[self.below(21) as usize].to_owned();
        }
        let (a, b) = (self.expression(depth - 1), self.expression(self.state as u32 % depth));
        match self.below(16) {
            0 => format!("\\frac{{{a}}}{{{b}}}"),
            1 => format!("\\sqrt{{{a}}}"),
            2 => format!("({a})^{{{b}}}"),
            3 => format!("{a} + {b}"),
            4 => format!("{a} - {b}"),
            5 => format!("({a})({b})"),
            6 => format!("({a}, {b})"),
            7 => format!("\\{{{a}, {b}\\}}"),
            8 => format!("[{a}, {b})"),
            9 => format!("x = {a}"),
            10 => format!("{a} < {b}"),
            11 => format!("\\sin({a})"),
            12 => format!("\\log_{{{a}}}({b})"),
            13 => format!("({a})!"),
            14 => format!("\\lfloor {a} \\rfloor"),
            _ => format!("\\sum_{{k=1}}^{{{a}}} ({b}) k"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_hundred_texts() {
        let mut source = Source { state: 7 };
        let mut counts = Counts::default();
        let mut before = String::from("7");
        for _ in 0..300 {
            let text = source.text();
            counts.judge(&before, &text);
            before = text;
        }
        assert!(counts.n == 300 && counts.equal > 60, "{} of {} are mathematics", counts.equal, counts.n);
    }
}
