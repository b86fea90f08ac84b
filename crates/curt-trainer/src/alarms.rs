//! Alarms within a run: their settings, and the detector that watches the steps.
//!
//! The detector is a pure function of the rows of `metrics.jsonl`. A resume feeds it the rows up to the checkpoint, so that no
//! state of it is saved, and `curt watch` says of a run directory what the run itself said.

use std::collections::BTreeMap;

use curt_eval::{Action, Alarm, AlarmRule, AlarmSettings, Detector, Findings, Observation, RunFacts};
use serde::Serialize;

use crate::config::{Config, MaskingMode, SamplerSection, TaskKind};
use crate::metrics::MetricsRow;

/// The metric of the state after a step, by the code of [`curt_eval::Stage`]. The detector does not read it.
const STAGE_METRIC: &str = "eff/stage";

/// A clip of the ratio below this clips much of what a sound run does; that of PPO and GRPO is 0.2.
const NARROW_CLIP: f64 = 0.1;

/// `[alarms]`
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AlarmsSection {
    /// Whether the run is watched at all.
    pub enabled: bool,
    /// What is done when an alarm is raised.
    pub action: Action,
    /// Steps per mean.
    pub window: u32,
    /// Steps in a row that must pass a threshold.
    pub patience: u32,
    /// The threshold of each alarm that has one, by key.
    #[serde(flatten)]
    pub thresholds: BTreeMap<String, f64>,
    /// What is done instead of `action`, by key; only what was given.
    #[serde(flatten)]
    pub actions: BTreeMap<String, Action>,
}

impl Default for AlarmsSection {
    /// Warnings, with the thresholds of `curt-eval`.
    fn default() -> Self {
        let AlarmSettings { window, patience, .. } = AlarmSettings::default();
        let with_threshold = Alarm::ALL.into_iter().filter(|alarm| *alarm != Alarm::Nan);
        let thresholds = with_threshold.map(|alarm| (Self::threshold_key(alarm), alarm.default_threshold())).collect();
        Self { enabled: true, action: Action::Warn, window, patience, thresholds, actions: BTreeMap::new() }
    }
}

impl AlarmsSection {
    /// The key of the threshold of `alarm`, within its section.
    pub fn threshold_key(alarm: Alarm) -> String {
        format!("{}_threshold", alarm.word())
    }

    /// The key of the action of `alarm`, within its section.
    pub fn action_key(alarm: Alarm) -> String {
        format!("{}_action", alarm.word())
    }

    /// The threshold of `alarm`.
    pub fn threshold(&self, alarm: Alarm) -> f64 {
        self.thresholds.get(&Self::threshold_key(alarm)).copied().unwrap_or(alarm.default_threshold())
    }

    /// The settings of the detector.
    pub fn settings(&self) -> AlarmSettings {
        let settings = AlarmSettings::new(self.window, self.patience);
        Alarm::ALL.into_iter().fold(settings, |settings, alarm| {
            let action = self.actions.get(&Self::action_key(alarm)).copied().unwrap_or(self.action);
            settings.with(alarm, AlarmRule { threshold: self.threshold(alarm), action })
        })
    }
}

/// What advice needs to know of a run.
pub fn run_facts(config: &Config) -> RunFacts {
    let count = |n: usize| u32::try_from(n).ok();
    RunFacts {
        strategy: Some(config.reward.strategy.clone()),
        masking_excludes: Some(config.reward.masking == MaskingMode::Exclude),
        learning_rate: Some(config.train.learning_rate),
        updates_per_batch: count(config.algo.updates_per_batch),
        target_length: count(config.reward.target_length),
        verifier: config.verify.sources.is_empty().then(|| config.verify.kind.clone()),
        max_completion_length: count(config.rollout.max_completion_length),
        links: (config.data.task == TaskKind::Chain).then_some(config.data.links),
        narrow_clip: config.algo.epsilon < NARROW_CLIP,
        curriculum: matches!(config.data.sampler, SamplerSection::Widening { .. } | SamplerSection::Stages { .. }),
    }
}

/// The detector of a run, or nothing where `alarms.enabled` is false.
#[derive(Debug)]
pub(crate) struct Watch(Option<Detector>);

impl Watch {
    /// For a run that has taken the steps in `rows`.
    pub fn new(config: &Config, rows: &[MetricsRow]) -> Self {
        let detector = || Detector::new(config.alarms.settings(), run_facts(config));
        let mut watch = Self(config.alarms.enabled.then(detector));
        for row in rows.iter().filter(|row| !row.is_evaluation()) {
            // null stands for a number that was not finite
            let values = row.values.iter().map(|(name, value)| (name.as_str(), value.unwrap_or(f64::NAN)));
            watch.take(&Observation::new(row.step, values));
        }
        watch
    }

    /// What the metrics of a step say.
    pub fn observe(&mut self, step: u32, metrics: &[(String, f64)]) -> Findings {
        self.take(&Observation::new(step, metrics.iter().map(|(name, value)| (name.as_str(), *value))))
    }

    /// The state of the run as a metric; nothing where the run is not watched.
    pub fn stage_metric(&self) -> Option<(String, f64)> {
        let change = self.0.as_ref()?.stage()?;
        Some((STAGE_METRIC.to_owned(), f64::from(change.state.code())))
    }

    fn take(&mut self, row: &Observation) -> Findings {
        self.0.as_mut().map(|detector| detector.observe(row)).unwrap_or_default()
    }

    /// The alarms with the action `stop` that are not over.
    pub fn stopped_by(&self) -> Option<Alarm> {
        let detector = self.0.as_ref()?;
        detector.active().find(|alarm| detector.settings().rule(*alarm).action == Action::Stop)
    }
}
