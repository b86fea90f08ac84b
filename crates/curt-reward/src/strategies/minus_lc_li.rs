//! `minus_lc_li`: row -L&C-L&I of Table 1, truncation where all long answers are masked.

use crate::cells::checked_target;
use crate::parameters::{MASKING, TARGET_LENGTH};
use crate::registry::Entry;
use crate::{Cells, Masking, RewardError, RewardStrategy, Rollout, Shaped, StepContext, check_group};

pub(crate) static ENTRY: Entry = Entry {
    name: "minus_lc_li",
    parameters: &[TARGET_LENGTH, MASKING],
    build: |given| {
        let read = ENTRY.reading(given)?;
        Ok(Box::new(MinusLcLi::new(read.length("target_length")?, read.masking()?)?))
    },
};

/// **-L&C-L&I**: plain correctness among the short rollouts; the long ones, right or wrong, are masked
/// (arXiv 2602.20945, Table 1).
///
/// | correct, short | correct, long | wrong, short | wrong, long |
/// |---|---|---|---|
/// | 1 | – | 0 | – |
///
/// - `target_length`, L_T: tokens, at least 1, required. `masking`: [`Masking`], `exclude` by default.
/// - Degenerate: under `exclude` a group with fewer than two short rollouts, or whose short rollouts are all right or all
///   wrong, gives no signal.
/// - **Nothing holds long outputs back**: they are never trained on. The paper saw lengths drift up to the cap.
/// - Keeps: among rollouts in the loss every right one gets more than every wrong one, and no right one has a negative
///   advantage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinusLcLi {
    target_length: u32,
    masking: Masking,
}

impl MinusLcLi {
    /// Its row of Table 1.
    pub const CELLS: Cells = Cells { correct_short: Some(1.0), correct_long: None, wrong_short: Some(0.0), wrong_long: None };

    /// The strategy with this target, in tokens, and this way of masking.
    ///
    /// # Errors
    /// A target of 0.
    pub fn new(target_length: u32, masking: Masking) -> Result<Self, RewardError> {
        Ok(Self { target_length: checked_target("minus_lc_li", target_length)?, masking })
    }
}

impl RewardStrategy for MinusLcLi {
    fn name(&self) -> &'static str {
        "minus_lc_li"
    }

    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        check_group(self.needs(), ctx, group, out.len())?;
        Self::CELLS.fill(self.target_length, self.masking, group, out);
        Ok(())
    }
}
