//! The trap test: does a strategy still tell right from wrong among short answers?

use curt_advantage::AdvantageEstimator;
use curt_reward::{ProblemKey, Reference, RewardStrategy, Rollout};
use serde::Serialize;

use crate::LabError;
use crate::read::{RecordedGroup, RecordedStep};
use crate::replay::{Replay, ReplayedGroup};
use crate::row::GroupName;

/// What the trap test says of a strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// In some group a short right answer has another advantage than a short wrong one.
    Clear,
    /// In no group: whatever is learned about short answers is that they are short. The short-is-correct trap.
    Trap,
    /// No group of the recording holds both a short right and a short wrong rollout, so nothing can be said.
    Undecided,
}

/// The trap statistic: mean advantage of right rollouts less that of wrong ones, among those of a group that are trained on
/// and have L ≤ L_T.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Trap {
    /// Groups with a short right and a short wrong rollout, masked or not.
    pub comparable_groups: u64,
    /// Of these, the groups where both kinds are trained on, so that the statistic is defined.
    pub defined_groups: u64,
    /// Of these, the groups where it is not 0.
    pub nonzero_groups: u64,
    sum: f64,
}

impl Trap {
    /// Takes in a group.
    pub fn add(&mut self, target_length: u32, group: &ReplayedGroup) {
        let mut present = [false; 2];
        let mut sums = [(0.0, 0_u32); 2];
        let rows = group.rollouts.iter().zip(&group.shaped).zip(&group.advantages);
        for ((rollout, shaped), advantage) in rows.filter(|((rollout, _), _)| rollout.length <= target_length) {
            let kind = usize::from(rollout.correct);
            present[kind] = true;
            if shaped.in_loss {
                sums[kind].0 += advantage;
                sums[kind].1 += 1;
            }
        }
        self.comparable_groups += u64::from(present == [true; 2]);
        let [(wrong, n_wrong), (right, n_right)] = sums;
        if n_wrong > 0 && n_right > 0 {
            let difference = right / f64::from(n_right) - wrong / f64::from(n_wrong);
            self.defined_groups += 1;
            self.nonzero_groups += u64::from(difference != 0.0);
            self.sum += difference;
        }
    }

    /// The mean of the statistic over the groups where it is defined; `None` without one.
    pub fn mean(&self) -> Option<f64> {
        (self.defined_groups > 0).then(|| self.sum / self.defined_groups as f64)
    }

    /// The verdict.
    pub fn verdict(&self) -> Verdict {
        match self {
            Trap { comparable_groups: 0, .. } => Verdict::Undecided,
            Trap { nonzero_groups: 0, .. } => Verdict::Trap,
            _ => Verdict::Clear,
        }
    }
}

/// The verdict on a strategy before any rollout exists: over made-up groups of eight that hold every mixture of right and
/// wrong, short and long (L_T from half to one and a half), and every optional fact.
///
/// # Errors
/// What the strategy or the estimator refuses.
pub fn probe(
    strategy: Box<dyn RewardStrategy>,
    estimator: Box<dyn AdvantageEstimator>,
    target_length: u32,
) -> Result<Verdict, LabError> {
    let mut replay = Replay::new(strategy, estimator, None);
    let groups = (0..256_u32).map(|mixture| probe_group(mixture, target_length)).collect();
    let mut trap = Trap::default();
    for group in replay.step("the probe", &RecordedStep { step: 1, groups })? {
        trap.add(target_length, &group);
    }
    Ok(trap.verdict())
}

/// Bit i of `mixture`: is rollout i right?
fn probe_group(mixture: u32, target_length: u32) -> RecordedGroup {
    let rollout = |i: u32| {
        let eighths = u64::from(4 + i + u32::from(i > 3));
        let length = (u64::from(target_length) * eighths / 8).clamp(1, u64::from(u32::MAX)) as u32;
        Rollout {
            answer_length: Some(length / 8),
            budget: Some(target_length),
            repetition: Some(0.0),
            reference: Some(Reference { mean_length: f64::from(target_length), accuracy: 0.5 }),
            ..Rollout::new(ProblemKey(u64::from(mixture)), mixture >> i & 1 == 1, length)
        }
    };
    RecordedGroup { name: GroupName::Number(i64::from(mixture)), line: 0, rollouts: (0..8).map(rollout).collect() }
}
