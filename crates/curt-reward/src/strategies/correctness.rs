//! `correctness`: the verdict alone.

use crate::registry::Entry;
use crate::{RewardError, RewardStrategy, Rollout, Shaped, StepContext, check_group};

pub(crate) static ENTRY: Entry = Entry {
    name: "correctness",
    parameters: &[],
    build: |given| ENTRY.reading(given).map(|_| Box::new(Correctness) as Box<dyn RewardStrategy>),
};

/// **R = c**: 1 for a right answer, 0 for a wrong one, whatever the length. The baseline without length shaping
/// (arXiv 2602.20945, eq. 1).
///
/// Parameters: none. Nothing is masked. Degenerate: a group that is all right or all wrong has no spread and so no
/// signal. There is no length pressure, except through the cap L_R: what is cut there has no answer and is wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Correctness;

impl RewardStrategy for Correctness {
    fn name(&self) -> &'static str {
        "correctness"
    }

    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        check_group(self.needs(), ctx, group, out.len())?;
        for (rollout, shaped) in group.iter().zip(out) {
            let total = f64::from(u8::from(rollout.correct));
            shaped.set(total, [("correctness", total)]);
        }
        Ok(())
    }
}
