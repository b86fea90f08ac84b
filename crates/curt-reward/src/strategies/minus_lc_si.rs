//! `minus_lc_si`: row -L&C-S&I of Table 1, truncation where long right and short wrong answers are masked.

use crate::cells::checked_target;
use crate::parameters::{MASKING, TARGET_LENGTH};
use crate::registry::Entry;
use crate::{Cells, Masking, RewardError, RewardStrategy, Rollout, Shaped, StepContext, check_group};

pub(crate) static ENTRY: Entry = Entry {
    name: "minus_lc_si",
    parameters: &[TARGET_LENGTH, MASKING],
    build: |given| {
        let read = ENTRY.reading(given)?;
        Ok(Box::new(MinusLcSi::new(read.length("target_length")?, read.masking()?)?))
    },
};

/// **-L&C-S&I**: like truncation, with long correct and short incorrect rollouts masked (arXiv 2602.20945, Table 1).
///
/// | correct, short | correct, long | wrong, short | wrong, long |
/// |---|---|---|---|
/// | 1 | – | – | 0 |
///
/// - `target_length`, L_T: tokens, at least 1, required. `masking`: [`Masking`], `exclude` by default.
/// - Degenerate: a group without a right and short rollout, or under `exclude` one without a long wrong rollout, gives no
///   signal.
/// - **The "short is correct" trap.** Every positive is short and every negative long: length separates them perfectly, and
///   a short wrong answer costs nothing. The paper saw entropy explode and accuracy collapse, as with
///   [`MinusI`](crate::MinusI).
/// - Keeps: among rollouts in the loss every right one gets more than every wrong one, and no right one has a negative
///   advantage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinusLcSi {
    target_length: u32,
    masking: Masking,
}

impl MinusLcSi {
    /// Its row of Table 1.
    pub const CELLS: Cells = Cells { correct_short: Some(1.0), correct_long: None, wrong_short: None, wrong_long: Some(0.0) };

    /// The strategy with this target, in tokens, and this way of masking.
    ///
    /// # Errors
    /// A target of 0.
    pub fn new(target_length: u32, masking: Masking) -> Result<Self, RewardError> {
        Ok(Self { target_length: checked_target("minus_lc_si", target_length)?, masking })
    }
}

impl RewardStrategy for MinusLcSi {
    fn name(&self) -> &'static str {
        "minus_lc_si"
    }

    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        check_group(self.needs(), ctx, group, out.len())?;
        Self::CELLS.fill(self.target_length, self.masking, group, out);
        Ok(())
    }
}
