//! `any_correct_and_spread`: the default gate.

use crate::{Admission, Gate, GateFacts};

/// Keeps a group iff **some rollout is right and the counted shaped rewards are not all equal**.
///
/// - Without a right answer a shaped reward can still differ, by length alone; such phantom advantages taught models to
///   answer in one token (verl-recipe#125, NeMo-RL#2431). They are dropped as `all_wrong`.
/// - A group that is all right but of mixed lengths is kept: it carries the length signal of a truncation reward
///   (arXiv 2602.20945), which a gate on the outcome alone ([`MixedOutcome`](crate::MixedOutcome)) throws away.
/// - Equal rewards give no advantage, so dropping them (`no_spread`) saves work alone.
/// - Degenerate: a group of one is dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AnyCorrectAndSpread;

impl Gate for AnyCorrectAndSpread {
    fn name(&self) -> &'static str {
        "any_correct_and_spread"
    }

    fn admit(&self, group: &GateFacts<'_>) -> Admission {
        if !group.any_correct() {
            Admission::AllWrong
        } else if !group.has_spread() {
            Admission::NoSpread
        } else {
            Admission::Kept
        }
    }
}
