//! `laser`: a step bonus for right rollouts within the target.

use crate::parameters::{ANY, AT_LEAST_0, Parameter, TARGET_LENGTH};
use crate::registry::Entry;
use crate::statistics::fill;
use crate::{Parameters, RewardError, RewardStrategy, Rollout, Shaped, StepContext, check_group};

/// α of the papers of LASER, of all its forms.
pub(crate) const ALPHA: Parameter = Parameter::number("alpha", 0.5, "size of the step at the target");

/// What a wrong rollout gets in all forms of LASER.
pub(crate) const WRONG_REWARD: Parameter = Parameter::number("wrong_reward", -0.5, "reward of a wrong rollout");

pub(crate) static ENTRY: Entry = Entry {
    name: "laser",
    parameters: &[
        TARGET_LENGTH,
        ALPHA,
        WRONG_REWARD,
        Parameter::word("mode", "reward", "`reward` the short, `penalty` for the long, or `hybrid`: both"),
    ],
    build: |given| Ok(Box::new(Laser::new(given)?)),
};

/// **R = 1 + α · 1\[L ≤ L_T\]** for a right rollout, **−½** for a wrong one (LASER, arXiv 2505.15612).
///
/// - `target_length`, L_T: tokens, required; 2k, 4k and 8k in the paper, under a cap of 16k. `alpha`, α ≥ 0: 0.5.
///   `wrong_reward`: −0.5. `mode`: `reward` as above; `penalty`: 1 − α · 1\[L > L_T\]; `hybrid`: 1 + α or 1 − α.
/// - Degenerate: a group without a right rollout is flat; so is one that is right and on one side of L_T. One rollout,
///   equal lengths and zero length need no care.
/// - Keeps: never rises with L; in mode `reward` every right one above every wrong one (in the others iff 1 − α is above
///   `wrong_reward`). Breaks: a long right rollout can be below the mean; scaling lengths moves them over L_T.
/// - L = L_T is short here, as in the authors' code. Eq. 5 of arXiv 2602.20945 writes `<`, with α = 0.4 and 0 for a wrong
///   rollout; see [`ArtLaserD`](crate::ArtLaserD).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Laser {
    target_length: u32,
    short: f64,
    long: f64,
    wrong: f64,
}

#[derive(Clone, Copy)]
enum Mode {
    Reward,
    Penalty,
    Hybrid,
}

impl Laser {
    /// The strategy with these parameters.
    ///
    /// # Errors
    /// An unknown parameter, a missing one, one out of its range.
    pub fn new(given: &Parameters) -> Result<Self, RewardError> {
        let read = ENTRY.reading(given)?;
        let alpha = read.number("alpha", AT_LEAST_0)?;
        let words = [("reward", Mode::Reward), ("penalty", Mode::Penalty), ("hybrid", Mode::Hybrid)];
        let (short, long) = match read.word("mode", &words, "`reward`, `penalty` or `hybrid`")? {
            Mode::Reward => (alpha, 0.0),
            Mode::Penalty => (0.0, -alpha),
            Mode::Hybrid => (alpha, -alpha),
        };
        let wrong = read.number("wrong_reward", ANY)?;
        Ok(Self { target_length: read.length("target_length")?, short, long, wrong })
    }
}

impl RewardStrategy for Laser {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        check_group(self.needs(), ctx, group, out.len())?;
        fill(group, out, |rollout| match (rollout.correct, rollout.length <= self.target_length) {
            (true, true) => (1.0, self.short),
            (true, false) => (1.0, self.long),
            (false, _) => (self.wrong, 0.0),
        })
    }
}
