//! `reward_std`: the shaped rewards differ.

use crate::{Admission, Gate, GateFacts};

/// Keeps a group iff **the counted shaped rewards are not all equal**: the usual filter on a deviation above 0, decided
/// exactly.
///
/// With a length reward it lets groups without a right answer pass; see
/// [`AnyCorrectAndSpread`](crate::AnyCorrectAndSpread) for what that does. Degenerate: a group of one is dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RewardStd;

impl Gate for RewardStd {
    fn name(&self) -> &'static str {
        "reward_std"
    }

    fn admit(&self, group: &GateFacts<'_>) -> Admission {
        if group.has_spread() { Admission::Kept } else { Admission::NoSpread }
    }
}
