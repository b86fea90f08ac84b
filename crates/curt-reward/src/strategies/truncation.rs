//! `truncation`: right within the target, or nothing.

use crate::cells::checked_target;
use crate::parameters::TARGET_LENGTH;
use crate::registry::Entry;
use crate::{Cells, Masking, RewardError, RewardStrategy, Rollout, Shaped, StepContext, check_group};

pub(crate) static ENTRY: Entry = Entry {
    name: "truncation",
    parameters: &[TARGET_LENGTH],
    build: |given| Ok(Box::new(Truncation::new(ENTRY.reading(given)?.length("target_length")?)?)),
};

/// **R_T = c · 1\[L ≤ L_T\]**: 1 for a right answer of at most `target_length` tokens, else 0 (arXiv 2602.20945, eq. 2;
/// "Vanilla" in its Table 1). ThinkPrune (arXiv 2504.01296) uses the same reward with a falling target.
///
/// - `target_length`, L_T: tokens, at least 1, required. The paper trains with 4,096 under a cap L_R of 16,384, and finds
///   L_T = L_R best: the reward is then plain correctness, because a rollout cut at the cap has no answer.
/// - Nothing is masked.
/// - Degenerate: a group without a right and short rollout is all 0 and gives no signal; so is one that is all 1.
/// - Keeps: never rises with L; a wrong answer never gets more than a right one (but a long right one gets the same);
///   raising L_T never lowers a reward. Breaks: a right answer can have a negative advantage, when it is long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truncation {
    target_length: u32,
}

impl Truncation {
    /// Its row of Table 1.
    pub const CELLS: Cells =
        Cells { correct_short: Some(1.0), correct_long: Some(0.0), wrong_short: Some(0.0), wrong_long: Some(0.0) };

    /// The strategy with this target, in tokens.
    ///
    /// # Errors
    /// A target of 0.
    pub fn new(target_length: u32) -> Result<Self, RewardError> {
        Ok(Self { target_length: checked_target("truncation", target_length)? })
    }
}

impl RewardStrategy for Truncation {
    fn name(&self) -> &'static str {
        "truncation"
    }

    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        check_group(self.needs(), ctx, group, out.len())?;
        Self::CELLS.fill(self.target_length, Masking::Exclude, group, out);
        Ok(())
    }
}
