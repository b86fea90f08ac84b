//! What counts as equal, and what is said of two answers.

use std::fmt;

use crate::Verdict;

use super::budget::Obstacle;

/// What counts as equal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Numbers that differ by at most half a unit of this decimal are equal. None (the default): exactly equal.
    pub precision: Option<u32>,
    /// Numbers that differ by at most this share of the right one are equal. None (the default): exactly equal.
    pub tolerance: Option<f64>,
    /// Symbols of different names are different (the default). Otherwise names do not matter, only where they stand.
    pub strict: bool,
    /// Equal trees are equal without being evaluated (the default); switched off to test evaluation.
    pub identity: bool,
    /// Steps of work for one judgement; a step is about 20 ns.
    pub steps: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options { precision: None, tolerance: None, strict: true, identity: true, steps: 80_000 }
    }
}

impl Options {
    /// Whether only exactly equal numbers are equal.
    pub fn is_exact(&self) -> bool {
        self.precision.is_none() && self.tolerance.is_none()
    }
}

/// A verdict and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Why.
    pub reason: Reason,
}

/// Why a verdict is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Correct: the same in another writing.
    Equal,
    /// Wrong: something else.
    Different,
    /// Wrong: there is no answer.
    NoAnswer,
    /// Wrong: the answer cannot be read.
    AnswerUnreadable,
    /// Wrong: the right answer can be evaluated and the answer cannot.
    AnswerHasNoValue(Obstacle),
    /// Ungradable: there is no right answer.
    NoGold,
    /// Ungradable: the right answer cannot be read.
    GoldUnreadable,
    /// Ungradable: the right answer cannot be evaluated.
    GoldHasNoValue(Obstacle),
}

impl Reason {
    /// The judgement for this reason.
    pub fn judgement(self) -> Judgement {
        let verdict = match self {
            Reason::Equal => Verdict::Correct,
            Reason::Different | Reason::NoAnswer | Reason::AnswerUnreadable | Reason::AnswerHasNoValue(_) => Verdict::Wrong,
            Reason::NoGold | Reason::GoldUnreadable | Reason::GoldHasNoValue(_) => Verdict::Ungradable,
        };
        Judgement { verdict, reason: self }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Equal => write!(f, "equal"),
            Reason::Different => write!(f, "different"),
            Reason::NoAnswer => write!(f, "no answer"),
            Reason::AnswerUnreadable => write!(f, "the answer cannot be read"),
            Reason::AnswerHasNoValue(obstacle) => write!(f, "the answer has no value: {obstacle}"),
            Reason::NoGold => write!(f, "no right answer is given"),
            Reason::GoldUnreadable => write!(f, "the right answer cannot be read"),
            Reason::GoldHasNoValue(obstacle) => write!(f, "the right answer has no value: {obstacle}"),
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Obstacle::Steps => "too much work",
            Obstacle::Size => "a number too large or nesting too deep",
            Obstacle::Undefined => "undefined",
            Obstacle::Unsupported => "not to be evaluated",
            Obstacle::Precision => "too many digits cancel",
        })
    }
}
