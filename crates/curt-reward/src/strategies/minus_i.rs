//! `minus_i`: row -I of Table 1, truncation where wrong answers are masked.

use crate::cells::checked_target;
use crate::parameters::{MASKING, TARGET_LENGTH};
use crate::registry::Entry;
use crate::{Cells, Masking, RewardError, RewardStrategy, Rollout, Shaped, StepContext, check_group};

pub(crate) static ENTRY: Entry = Entry {
    name: "minus_i",
    parameters: &[TARGET_LENGTH, MASKING],
    build: |given| {
        let read = ENTRY.reading(given)?;
        Ok(Box::new(MinusI::new(read.length("target_length")?, read.masking()?)?))
    },
};

/// **-I**: like truncation, with all wrong rollouts masked (arXiv 2602.20945, Table 1).
///
/// | correct, short | correct, long | wrong, short | wrong, long |
/// |---|---|---|---|
/// | 1 | 0 | – | – |
///
/// - `target_length`, L_T: tokens, at least 1, required. `masking`: [`Masking`], `exclude` by default.
/// - Degenerate: under `exclude` a group counts only its right rollouts, so one with fewer than two of them, or with all
///   of them on one side of L_T, gives no signal.
/// - **The "short is correct" trap.** Under `exclude` what is left differs in length alone: length separates positive
///   from negative perfectly, and nothing punishes a wrong answer. The paper saw entropy explode and accuracy collapse.
/// - Keeps: never rises with L. Breaks: a long right answer has a negative advantage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinusI {
    target_length: u32,
    masking: Masking,
}

impl MinusI {
    /// Its row of Table 1.
    pub const CELLS: Cells = Cells { correct_short: Some(1.0), correct_long: Some(0.0), wrong_short: None, wrong_long: None };

    /// The strategy with this target, in tokens, and this way of masking.
    ///
    /// # Errors
    /// A target of 0.
    pub fn new(target_length: u32, masking: Masking) -> Result<Self, RewardError> {
        Ok(Self { target_length: checked_target("minus_i", target_length)?, masking })
    }
}

impl RewardStrategy for MinusI {
    fn name(&self) -> &'static str {
        "minus_i"
    }

    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        check_group(self.needs(), ctx, group, out.len())?;
        Self::CELLS.fill(self.target_length, self.masking, group, out);
        Ok(())
    }
}
