//! The trap test: does a strategy still tell right from wrong among short answers?

use serde::Serialize;

use crate::replay::ReplayedGroup;

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

/// The trap statistic: mean advantage of right rollouts less that of wrong ones, among those of a group with L ≤ L_T that are
/// trained on or count in the statistics.
///
/// A rollout that is masked out of the loss alone has an advantage of 0: nothing pushes it, but the others are measured against it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Trap {
    /// Groups with a short right and a short wrong rollout, masked or not.
    pub comparable_groups: u64,
    /// Of these, the groups where both kinds are trained on or count in the statistics, so that the difference is defined.
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
            if shaped.in_loss || shaped.in_statistics {
                sums[kind].0 += if shaped.in_loss { *advantage } else { 0.0 };
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
