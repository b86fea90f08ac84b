//! `kimi`: a bonus by the place of the length between the shortest and the longest of the group.

use crate::parameters::{AT_LEAST_0, Parameter};
use crate::registry::Entry;
use crate::statistics::{fill_beside_verdict, least_and_most, lengths};
use crate::{Parameters, RewardError, RewardStrategy, Rollout, Shaped, StepContext, check_group};

pub(crate) static ENTRY: Entry = Entry {
    name: "kimi",
    parameters: &[
        Parameter::number("alpha", 0.4, "weight of the length term"),
        Parameter::number("warmup_steps", 0.0, "first steps without the length term"),
    ],
    build: |given| Ok(Box::new(Kimi::new(given)?)),
};

/// Where the length term is 0: halfway between the shortest and the longest.
const MIDDLE: f64 = 0.5;

/// **R = c + αλ** for a right rollout and **min(0, αλ)** for a wrong one, **λ = ½ − (L − L_min)/(L_max − L_min)**
/// (Kimi k1.5, arXiv 2501.12599; eq. 3–4 of arXiv 2602.20945).
///
/// - L, L_min, L_max: tokens of the rollout and of the shortest and longest of the whole group, wrong ones included.
/// - `alpha`, α ≥ 0: 0.4, as in the code of LASER and in arXiv 2602.20945. `warmup_steps`: 0; in so many first steps λ = 0.
/// - Degenerate: one rollout or equal lengths have λ = 0. A group without a right rollout still presses on length: its
///   longer half is below 0. Zero lengths need no care.
/// - Keeps: among right ones falls with L; every right one above every wrong one iff α < 2; scaling all lengths changes
///   nothing. Breaks: a long right rollout can be below the mean, and one length moves the reward of all.
/// - The code of LASER gives a lone rollout L_max = 1, L_min = 0 and so λ in the thousands; here it is 0, as the paper's
///   rule for L_max = L_min says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kimi {
    alpha: f64,
    warmup_steps: u32,
}

impl Kimi {
    /// The strategy with these parameters.
    ///
    /// # Errors
    /// An unknown parameter, one out of its range.
    pub fn new(given: &Parameters) -> Result<Self, RewardError> {
        let read = ENTRY.reading(given)?;
        Ok(Self { alpha: read.number("alpha", AT_LEAST_0)?, warmup_steps: read.whole("warmup_steps")? })
    }
}

impl RewardStrategy for Kimi {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        check_group(self.needs(), ctx, group, out.len())?;
        let (shortest, longest) = least_and_most(lengths(group)).unwrap_or_default();
        let is_flat = shortest == longest || ctx.step < u64::from(self.warmup_steps);
        fill_beside_verdict(group, out, |rollout| {
            let place = (f64::from(rollout.length) - shortest) / (longest - shortest);
            let term = if is_flat { 0.0 } else { self.alpha * (MIDDLE - place) };
            if rollout.correct { term } else { term.min(0.0) }
        })
    }
}
