//! `art_laser_d`: the "Laser-D" of *The Art of Efficient Reasoning*.

use crate::parameters::{AT_LEAST_0, Parameter, TARGET_LENGTH};
use crate::registry::Entry;
use crate::statistics::fill_beside_verdict;
use crate::{Parameters, RewardError, RewardStrategy, Rollout, Shaped, StepContext, check_group};

pub(crate) static ENTRY: Entry = Entry {
    name: "art_laser_d",
    parameters: &[TARGET_LENGTH, Parameter::number("alpha", 0.4, "bonus of right and short, and of wrong and long")],
    build: |given| Ok(Box::new(ArtLaserD::new(given)?)),
};

/// **R = c · (1 + α · 1\[L < L_T\]) + (1 − c) · α · 1\[L ≥ L_T\]** (arXiv 2602.20945, eq. 5–6, "Laser-D").
///
/// The name is a trap: in LASER, D is the dynamic target ([`LaserD`](crate::LaserD)) and the bonus of long wrong answers is
/// the E of LASER-DE. This is LASER with a fixed target and that bonus.
///
/// - `target_length`, L_T: tokens, required; 4,096 in the paper. `alpha`, α ≥ 0: 0.4, as in the paper's appendix A.
/// - Degenerate: a group without a right rollout is not flat when its lengths lie on both sides of L_T. One rollout, equal
///   lengths and zero length need no care.
/// - Keeps: among right ones never rises with L, among wrong ones never falls; every right one above every wrong one iff
///   α < 1. Breaks: wrong and long beats wrong and short, by design; a long right rollout can be below the mean.
/// - L = L_T is *long* here: we follow the paper's `<`, where LASER's code has `≤`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ArtLaserD {
    target_length: u32,
    alpha: f64,
}

impl ArtLaserD {
    /// The strategy with these parameters.
    ///
    /// # Errors
    /// An unknown parameter, a missing one, one out of its range.
    pub fn new(given: &Parameters) -> Result<Self, RewardError> {
        let read = ENTRY.reading(given)?;
        Ok(Self { target_length: read.length("target_length")?, alpha: read.number("alpha", AT_LEAST_0)? })
    }
}

impl RewardStrategy for ArtLaserD {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        check_group(self.needs(), ctx, group, out.len())?;
        fill_beside_verdict(group, out, |rollout| {
            let is_short = rollout.length < self.target_length;
            if rollout.correct == is_short { self.alpha } else { 0.0 }
        })
    }
}
