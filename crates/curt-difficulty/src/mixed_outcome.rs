//! `mixed_outcome`: some right, some wrong.

use crate::{Admission, Gate, GateFacts};

/// Keeps a group iff **some rollout is right and some is wrong**: DAPO's dynamic sampling on the plain verdict
/// (arXiv 2503.14476). Rewards and masks are not looked at.
///
/// With a length reward it drops the all-right groups of mixed lengths, which teach brevity at no cost in accuracy.
/// Degenerate: a group of one is dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MixedOutcome;

impl Gate for MixedOutcome {
    fn name(&self) -> &'static str {
        "mixed_outcome"
    }

    fn admit(&self, group: &GateFacts<'_>) -> Admission {
        match (group.any_correct(), group.any_wrong()) {
            (true, true) => Admission::Kept,
            (true, false) => Admission::AllCorrect,
            _ => Admission::AllWrong,
        }
    }
}
