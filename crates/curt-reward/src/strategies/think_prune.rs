//! `think_prune`: truncation whose target falls in stages.

use crate::parameters::{Parameter, Preset, Value};
use crate::registry::Entry;
use crate::statistics::fill_beside_verdict;
use crate::{Parameters, RewardError, RewardStrategy, Rollout, Shaped, StepContext, check_group};

pub(crate) static ENTRY: Entry = Entry {
    name: "think_prune",
    parameters: &[
        Parameter { name: "start_length", preset: Preset::Target, meaning: "limit of the first stage in tokens" },
        Parameter {
            name: "end_length",
            preset: Preset::Share(0.5, "start_length"),
            meaning: "limit of the last stage in tokens",
        },
        Parameter::number("stages", 3.0, "number of stages"),
        Parameter::number("stage_steps", 100.0, "training steps of each stage but the last"),
    ],
    build: |given| Ok(Box::new(ThinkPrune::new(given)?)),
};

/// **R = c · 1\[finished within ℓ\]**, with ℓ falling from `start_length` to `end_length` in equal steps (ThinkPrune,
/// arXiv 2504.01296).
///
/// - ℓ: tokens, in stage k of K: start − ⌊k(start − end)/(K − 1)⌋, where k = ⌊step/`stage_steps`⌋, at most K − 1.
///   `start_length`: required; `end_length`: half of it; `stages`, K: 3. From 4,096 these are the authors' 4k, 3k, 2k.
///   `stage_steps`: 100; ours, the authors restart by hand from the last checkpoint of a stage.
/// - A rollout cut at the generation limit did not finish. The authors also state ℓ in the prompt; that is the task's work.
/// - No state: the step number says the stage, so a resumed run needs nothing.
/// - Degenerate: one stage is plain truncation at `start_length`. One rollout, none right, equal and zero lengths: as
///   [`Truncation`](crate::Truncation).
/// - Keeps and breaks what truncation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThinkPrune {
    start_length: u32,
    end_length: u32,
    stages: u32,
    stage_steps: u32,
}

impl ThinkPrune {
    /// The strategy with these parameters.
    ///
    /// # Errors
    /// An unknown parameter, a missing one, one out of its range, an end beyond the start.
    pub fn new(given: &Parameters) -> Result<Self, RewardError> {
        let read = ENTRY.reading(given)?;
        let (start_length, end_length) = (read.length("start_length")?, read.length("end_length")?);
        if end_length > start_length {
            return Err(read.bad("end_length", "at most `start_length`", &Value::from(end_length)));
        }
        Ok(Self { start_length, end_length, stages: read.length("stages")?, stage_steps: read.length("stage_steps")? })
    }

    /// ℓ, the limit in tokens at this step.
    pub fn limit(&self, step: u64) -> u32 {
        let last = u64::from(self.stages - 1);
        let stage = (step / u64::from(self.stage_steps)).min(last);
        let fall = u64::from(self.start_length - self.end_length) * stage;
        self.start_length - fall.checked_div(last).unwrap_or(0) as u32
    }
}

impl RewardStrategy for ThinkPrune {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        check_group(self.needs(), ctx, group, out.len())?;
        let limit = self.limit(ctx.step);
        fill_beside_verdict(group, out, |rollout| {
            let is_late = rollout.truncated || rollout.length > limit;
            if rollout.correct && is_late { -1.0 } else { 0.0 }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(stages: u32, steps: &[u64]) -> Vec<u32> {
        let given = Parameters::new().with("start_length", 100).with("end_length", 40);
        let pruning = ThinkPrune::new(&given.with("stages", stages).with("stage_steps", 10)).unwrap();
        steps.iter().map(|step| pruning.limit(*step)).collect()
    }

    #[test]
    fn the_limit_falls_by_stages_and_one_stage_does_not_fall() {
        assert_eq!(limits(3, &[0, 9, 10, 19, 20, 29, 30, u64::MAX]), [100, 100, 70, 70, 40, 40, 40, 40]);
        assert_eq!(limits(2, &[0, 9, 10, 20]), [100, 100, 40, 40]);
        assert_eq!(limits(1, &[0, 9, 10, u64::MAX]), [100; 4]);
    }

    #[test]
    fn an_end_at_the_start_is_a_limit_that_stays() {
        let given = Parameters::new().with("start_length", 100).with("end_length", 100);
        assert_eq!(ThinkPrune::new(&given).unwrap().limit(250), 100);
    }
}
