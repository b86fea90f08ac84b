//! One strategy over recorded steps, as a trainer would drive it.

use curt_advantage::{AdvantageEstimator, Credit, RewardGroup};
use curt_reward::{GroupFacts, RewardStrategy, Rollout, Shaped, StepContext};

use crate::LabError;
use crate::read::{RecordedGroup, RecordedStep};

/// A group as a strategy left it.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplayedGroup {
    /// The rollouts as they count: where the strategy cuts one, it has the length of the cut and is wrong.
    pub rollouts: Vec<Rollout>,
    /// Rewards, parts and masks.
    pub shaped: Vec<Shaped>,
    /// One advantage per rollout; of advantages per token the mean. 0 for what is masked out of the loss.
    pub advantages: Vec<f64>,
}

impl ReplayedGroup {
    fn leave_out(&mut self) {
        self.advantages = vec![0.0; self.rollouts.len()];
        for shaped in &mut self.shaped {
            (shaped.in_statistics, shaped.in_loss) = (false, false);
        }
    }
}

/// A strategy with an estimator, and the memory of the steps that it saw.
#[derive(Debug)]
pub struct Replay {
    strategy: Box<dyn RewardStrategy>,
    estimator: Box<dyn AdvantageEstimator>,
    max_completion_length: Option<u32>,
}

impl Replay {
    /// A replay that has seen no step. With `max_completion_length` (L_R) a longer rollout is refused as damaged.
    pub fn new(
        strategy: Box<dyn RewardStrategy>,
        estimator: Box<dyn AdvantageEstimator>,
        max_completion_length: Option<u32>,
    ) -> Self {
        Self { strategy, estimator, max_completion_length }
    }

    /// The strategy.
    pub fn strategy(&self) -> &dyn RewardStrategy {
        &*self.strategy
    }

    /// Shapes and credits the groups of a step, then lets the strategy observe it. All groups take part in statistics
    /// over the batch; no gate drops any. Those that screening left are shaped and observed as in training, and as there they
    /// have no advantages, are in no statistics and in no loss.
    ///
    /// # Errors
    /// What the strategy refuses, by group and line, and what the estimator refuses.
    pub fn step(&mut self, source_name: &str, step: &RecordedStep) -> Result<Vec<ReplayedGroup>, LabError> {
        let context =
            StepContext { step: step.step, max_completion_length: self.max_completion_length, accuracy: accuracy(&step.groups) };
        let mut groups = Vec::with_capacity(step.groups.len());
        for recorded in &step.groups {
            let shaped = self.shape(&context, &recorded.rollouts).map_err(|source| LabError::Reward {
                source_name: source_name.to_owned(),
                group: recorded.name.to_string(),
                line: recorded.line,
                source: Box::new(source),
            })?;
            groups.push(shaped);
        }
        let whole = || step.groups.iter().map(|recorded| !recorded.screened);
        let rewards: Vec<RewardGroup> =
            groups.iter().zip(whole()).filter(|(_, whole)| *whole).map(|(g, _)| reward_group(g)).collect();
        let credits = if rewards.is_empty() { Ok(Vec::new()) } else { self.estimator.estimate(&rewards) };
        let credits = credits.map_err(|source| LabError::Advantage {
            strategy: self.strategy.name().to_owned(),
            step: step.step,
            source,
        })?;
        for ((group, _), credits) in groups.iter_mut().zip(whole()).filter(|(_, whole)| *whole).zip(credits) {
            group.advantages.extend(credits.iter().map(mean));
            self.strategy.reweight(&mut group.advantages, &group.rollouts);
            let masks = group.advantages.iter_mut().zip(&group.shaped);
            masks.filter(|(_, shaped)| !shaped.in_loss).for_each(|(advantage, _)| *advantage = 0.0);
        }
        let observed: Vec<GroupFacts<'_>> = groups.iter().map(|g| GroupFacts { group: &g.rollouts, shaped: &g.shaped }).collect();
        self.strategy.observe(&observed);
        groups.iter_mut().zip(whole()).filter(|(_, whole)| !whole).for_each(|(group, _)| group.leave_out());
        Ok(groups)
    }

    /// The rewards of a group. Where the strategy cuts rollouts, the cut ones are judged again as what is left of them: wrong,
    /// because the answer comes last.
    fn shape(&self, context: &StepContext, recorded: &[Rollout]) -> Result<ReplayedGroup, curt_reward::RewardError> {
        let mut rollouts = recorded.to_vec();
        let mut shaped = vec![Shaped::default(); rollouts.len()];
        self.strategy.shape(context, &rollouts, &mut shaped)?;
        let mut any_cut = false;
        for (rollout, shaped) in rollouts.iter_mut().zip(&shaped) {
            if let Some(tokens) = shaped.cut_at.filter(|tokens| *tokens < rollout.length) {
                *rollout = Rollout { correct: false, length: tokens, truncated: true, answer_length: None, ..*rollout };
                any_cut = true;
            }
        }
        if any_cut {
            self.strategy.shape(context, &rollouts, &mut shaped)?;
        }
        Ok(ReplayedGroup { rollouts, shaped, advantages: Vec::with_capacity(recorded.len()) })
    }
}

fn reward_group(group: &ReplayedGroup) -> RewardGroup {
    let parts = group.shaped.first().map_or(&[][..], |s| &s.parts[..]);
    let part = |p: usize| group.shaped.iter().map(|s| s.parts.get(p).map_or(0.0, |part| part.1)).collect();
    RewardGroup {
        rewards: group.shaped.iter().map(|s| s.total).collect(),
        in_statistics: group.shaped.iter().map(|s| s.in_statistics).collect(),
        in_loss: group.shaped.iter().map(|s| s.in_loss).collect(),
        lengths: group.rollouts.iter().map(|r| r.length).collect(),
        parts: parts.iter().enumerate().map(|(p, (name, _))| ((*name).to_owned(), part(p))).collect(),
        tokens: Vec::new(),
    }
}

/// The share of all rollouts of a step that are right.
fn accuracy(groups: &[RecordedGroup]) -> Option<f64> {
    let rollouts = || groups.iter().flat_map(|group| &group.rollouts);
    let n = rollouts().count();
    (n > 0).then(|| rollouts().filter(|rollout| rollout.correct).count() as f64 / n as f64)
}

fn mean(credit: &Credit) -> f64 {
    match credit {
        Credit::Sequence(advantage) => *advantage,
        Credit::Tokens(advantages) if advantages.is_empty() => 0.0,
        Credit::Tokens(advantages) => advantages.iter().sum::<f64>() / advantages.len() as f64,
    }
}
