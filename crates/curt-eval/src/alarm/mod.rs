//! Alarms: what each one measures, when it is raised, and what is said then.

mod advice;

pub use advice::{Advice, RunFacts, advice};

use serde::{Deserialize, Serialize};

use crate::detector::Column;

/// What can go wrong with a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alarm {
    /// A metric is no finite number.
    Nan,
    /// The verifier can say nothing of many rollouts.
    Ungradable,
    /// The advantages do not tell right from wrong among short answers.
    Trap,
    /// Accuracy has fallen below what it was.
    Collapse,
    /// Entropy has risen above where it began, and rises.
    EntropyRise,
    /// Entropy has fallen to a small share of where it began, and falls.
    EntropyFall,
    /// Lengths grow again.
    LengthRebound,
    /// Hardly any rollout is right and short.
    RewardDensity,
    /// Hardly any group is trained on.
    Signal,
    /// Most rollouts are cut off by the limit.
    Truncation,
    /// Groups without a right rollout are trained on.
    PhantomGroups,
    /// The policy leaves the one that sampled: ratios are clipped.
    OffPolicy,
}

/// What is done when an alarm is raised, from the mildest to the gravest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is said and recorded, and the run goes on.
    Warn,
    /// The run is saved and stops; a resume goes on.
    Pause,
    /// The run goes back to the newest checkpoint from before the trouble, and stops.
    Rollback,
    /// The run is saved and stops; a resume does not go on while the alarm lasts.
    Stop,
}

impl Action {
    /// Each action with its word.
    pub const WORDS: [(&'static str, Action); 4] =
        [("warn", Action::Warn), ("pause", Action::Pause), ("rollback", Action::Rollback), ("stop", Action::Stop)];

    /// Its word in the run file and in events.
    pub fn word(self) -> &'static str {
        match self {
            Action::Warn => "warn",
            Action::Pause => "pause",
            Action::Rollback => "rollback",
            Action::Stop => "stop",
        }
    }
}

/// On which side of its threshold an alarm is raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// At it or above.
    Above,
    /// At it or below.
    Below,
}

impl Alarm {
    /// Every alarm, the gravest first.
    pub const ALL: [Alarm; 12] = [
        Alarm::Nan,
        Alarm::Ungradable,
        Alarm::Trap,
        Alarm::Collapse,
        Alarm::EntropyRise,
        Alarm::OffPolicy,
        Alarm::LengthRebound,
        Alarm::PhantomGroups,
        Alarm::RewardDensity,
        Alarm::Signal,
        Alarm::Truncation,
        Alarm::EntropyFall,
    ];

    /// Its word in the run file and in events.
    pub fn word(self) -> &'static str {
        match self {
            Alarm::Nan => "nan",
            Alarm::Ungradable => "ungradable",
            Alarm::Trap => "trap",
            Alarm::Collapse => "collapse",
            Alarm::EntropyRise => "entropy_rise",
            Alarm::EntropyFall => "entropy_fall",
            Alarm::LengthRebound => "length_rebound",
            Alarm::RewardDensity => "reward_density",
            Alarm::Signal => "signal",
            Alarm::Truncation => "truncation",
            Alarm::PhantomGroups => "phantom_groups",
            Alarm::OffPolicy => "off_policy",
        }
    }

    /// The alarm of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|alarm| alarm.word() == word)
    }

    /// On which side of its threshold it is raised.
    pub fn side(self) -> Side {
        match self {
            Alarm::Trap | Alarm::Collapse | Alarm::EntropyFall | Alarm::RewardDensity | Alarm::Signal => Side::Below,
            Alarm::Nan | Alarm::EntropyRise | Alarm::LengthRebound => Side::Above,
            Alarm::Ungradable | Alarm::Truncation | Alarm::PhantomGroups | Alarm::OffPolicy => Side::Above,
        }
    }

    /// The threshold where none is given. How they were chosen is told beside the table of `docs/alarms.md`.
    pub fn default_threshold(self) -> f64 {
        match self {
            Alarm::Nan => 1.0,
            Alarm::Ungradable => 0.2,
            Alarm::Trap => 0.5,
            Alarm::Collapse => 0.8,
            Alarm::EntropyRise => 1.3,
            Alarm::EntropyFall => 0.1,
            Alarm::LengthRebound => 1.3,
            Alarm::RewardDensity => 0.02,
            Alarm::Signal => 0.05,
            Alarm::Truncation => 0.8,
            Alarm::PhantomGroups => 0.1,
            Alarm::OffPolicy => 0.01,
        }
    }

    /// Whether the threshold is a ratio to an earlier value, so that 1 is no change; else it is a share.
    pub fn is_ratio(self) -> bool {
        matches!(self, Alarm::Collapse | Alarm::EntropyRise | Alarm::LengthRebound)
    }

    /// The metric that it watches; `None` for all of them.
    pub fn column(self) -> Option<Column> {
        Some(match self {
            Alarm::Nan => return None,
            Alarm::Ungradable => Column::Ungradable,
            Alarm::Trap => Column::ToldApart,
            Alarm::Collapse => Column::Accuracy,
            Alarm::EntropyRise | Alarm::EntropyFall => Column::Entropy,
            Alarm::LengthRebound => Column::Length,
            Alarm::RewardDensity => Column::InBudget,
            Alarm::Signal => Column::Kept,
            Alarm::Truncation => Column::Clipped,
            Alarm::PhantomGroups => Column::PhantomKept,
            Alarm::OffPolicy => Column::ClipRegion,
        })
    }

    /// What is compared with the threshold, in words.
    pub fn measure(self) -> &'static str {
        match self {
            Alarm::Nan => "metrics of the step that are no finite number",
            Alarm::Ungradable => "share of rollouts of which the verifier can say nothing",
            Alarm::Trap => "share of groups in which the advantages tell a short right answer from a short wrong one",
            Alarm::Collapse => "accuracy over the best it was",
            Alarm::EntropyRise => "entropy over that of the first steps",
            Alarm::EntropyFall => "entropy over that of the first steps",
            Alarm::LengthRebound => "mean length over the shortest it was",
            Alarm::RewardDensity => "share of rollouts that are right and short",
            Alarm::Signal => "share of groups that are trained on",
            Alarm::Truncation => "share of rollouts that the limit cuts off",
            Alarm::PhantomGroups => "share of groups that are trained on without a right answer",
            Alarm::OffPolicy => "share of tokens whose ratio is clipped",
        }
    }

    /// The value at which a raised alarm begins to count as over: a fifth beyond a share, half-way back to 1 for a ratio.
    pub fn release(self, threshold: f64) -> f64 {
        match (self.is_ratio(), self.side()) {
            (true, _) => (1.0 + threshold) / 2.0,
            (false, Side::Below) => threshold * 1.25,
            (false, Side::Above) => threshold * 0.8,
        }
    }
}

/// When an alarm is raised, and what is done then.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AlarmRule {
    /// Where it is raised; see [`Alarm::side`].
    pub threshold: f64,
    /// What is done.
    pub action: Action,
}

/// The rules of all alarms, and how many steps they look at.
#[derive(Clone, Debug, PartialEq)]
pub struct AlarmSettings {
    /// Steps per mean, at least 1. Nothing but NaN is told before so many steps are there.
    pub window: u32,
    /// Steps in a row for which a threshold must be passed, at least 1, and after which a raised alarm may end.
    pub patience: u32,
    rules: [AlarmRule; Alarm::ALL.len()],
}

impl Default for AlarmSettings {
    /// Means over 10 steps, 3 steps in a row, the default thresholds, and warnings only.
    fn default() -> Self {
        Self { window: 10, patience: 3, rules: Alarm::ALL.map(|alarm| rule(alarm, Action::Warn)) }
    }
}

fn rule(alarm: Alarm, action: Action) -> AlarmRule {
    AlarmRule { threshold: alarm.default_threshold(), action }
}

impl AlarmSettings {
    /// Warnings with the default thresholds, for means over `window` steps and `patience` steps in a row.
    pub fn new(window: u32, patience: u32) -> Self {
        Self { window, patience, ..Self::default() }
    }

    /// The rule of `alarm`.
    pub fn rule(&self, alarm: Alarm) -> AlarmRule {
        let place = Alarm::ALL.iter().position(|other| *other == alarm);
        place.map_or_else(|| rule(alarm, Action::Warn), |place| self.rules[place])
    }

    /// The same with another rule for `alarm`.
    pub fn with(mut self, alarm: Alarm, rule: AlarmRule) -> Self {
        Alarm::ALL.iter().zip(&mut self.rules).filter(|(other, _)| **other == alarm).for_each(|(_, old)| *old = rule);
        self
    }
}

/// An alarm was raised: the `detail` of an event `alarm` in `events.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlarmRaised {
    /// Which.
    pub alarm: Alarm,
    /// What was seen, in one line.
    pub message: String,
    /// What is likely behind it.
    pub cause: String,
    /// The key of the run file to change.
    pub key: String,
    /// What to change it to.
    pub change: String,
    /// What is done.
    pub action: Action,
    /// What was compared.
    pub value: f64,
    /// With what.
    pub threshold: f64,
    /// The first of the steps in a row that passed the threshold.
    pub since: u32,
}
