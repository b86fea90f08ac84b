//! How wordy a solution is.

use crate::draw::{Draw, chance};

/// How a solution is written; independent of the problem, so that verbosity is a free choice for a model to learn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Style {
    /// Probability that a written step is terse (`a22`, 3 tokens) rather than plain (`a*344=22`, 8 tokens).
    pub terse: f64,
    /// Probability that a step, not the last, is left out and done together with the next.
    pub skip: f64,
    /// Probability of each of two checks (`?*344=22`, 8 tokens) after a plain step.
    pub check: f64,
    /// The links are copied first (`:44a*3b*9`, 2 + 3k + 1 tokens).
    pub restate: bool,
    /// All steps are repeated tersely before the answer (`wa22b88`, 1 + 3k tokens).
    pub redo: bool,
    /// The answer alone.
    pub direct: bool,
}

impl Style {
    /// Every step written tersely and nothing else: `3k + 4` tokens, the shortest solution that leaves nothing out.
    pub const TERSE: Style = Style { terse: 1.0, skip: 0.0, check: 0.0, restate: false, redo: false, direct: false };

    /// A style of the training data: terse 0 (45 %) or U(0, 1); skip 0 (80 %) or U(0, 0.5); check 0 (15 %) or U(0, 0.9);
    /// restate 50 %; redo 40 %; direct 1 %.
    pub fn sample(draw: &mut Draw) -> Style {
        Style {
            terse: if chance(draw, 0.45) { 0.0 } else { draw() },
            skip: if chance(draw, 0.80) { 0.0 } else { 0.5 * draw() },
            check: if chance(draw, 0.15) { 0.0 } else { 0.9 * draw() },
            restate: chance(draw, 0.5),
            redo: chance(draw, 0.4),
            direct: chance(draw, 0.01),
        }
    }
}
