//! `minus_lc`: row -L&C of Table 1, truncation where long right answers are masked.

use crate::cells::checked_target;
use crate::parameters::{MASKING, TARGET_LENGTH};
use crate::registry::Entry;
use crate::{Cells, Masking, RewardError, RewardStrategy, Rollout, Shaped, StepContext, check_group};

pub(crate) static ENTRY: Entry = Entry {
    name: "minus_lc",
    parameters: &[TARGET_LENGTH, MASKING],
    build: |given| {
        let read = ENTRY.reading(given)?;
        Ok(Box::new(MinusLc::new(read.length("target_length")?, read.masking()?)?))
    },
};

/// **-L&C**: like truncation, with long *and* correct rollouts masked (arXiv 2602.20945, Table 1): they are neither
/// rewarded nor punished.
///
/// | correct, short | correct, long | wrong, short | wrong, long |
/// |---|---|---|---|
/// | 1 | – | 0 | 0 |
///
/// - `target_length`, L_T: tokens, at least 1, required. `masking`: [`Masking`], `exclude` by default.
/// - Degenerate: a group without a right and short rollout, or under `exclude` one without a wrong rollout, gives no signal.
/// - In the paper the most accurate of the rows with L_T < L_R, with longer outputs than truncation.
/// - Keeps: among rollouts in the loss every right one gets more than every wrong one, and no right one has a negative
///   advantage. What it masks is also masked by [`MinusLcSi`](crate::MinusLcSi) and [`MinusLcLi`](crate::MinusLcLi).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinusLc {
    target_length: u32,
    masking: Masking,
}

impl MinusLc {
    /// Its row of Table 1.
    pub const CELLS: Cells =
        Cells { correct_short: Some(1.0), correct_long: None, wrong_short: Some(0.0), wrong_long: Some(0.0) };

    /// The strategy with this target, in tokens, and this way of masking.
    ///
    /// # Errors
    /// A target of 0.
    pub fn new(target_length: u32, masking: Masking) -> Result<Self, RewardError> {
        Ok(Self { target_length: checked_target("minus_lc", target_length)?, masking })
    }
}

impl RewardStrategy for MinusLc {
    fn name(&self) -> &'static str {
        "minus_lc"
    }

    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        check_group(self.needs(), ctx, group, out.len())?;
        Self::CELLS.fill(self.target_length, self.masking, group, out);
        Ok(())
    }
}
