//! The stage detector: fed one row of metrics per step, it says when the state of the run changes and when something is
//! likely wrong.
//!
//! It is a pure function of the rows: no clock, no random numbers, and means are summed afresh over the last steps in order,
//! so that a detector fed the same rows again, or taken up from its serialized state, says the same at every step. What it
//! keeps is bounded: the last `2 × window` rows.

mod latch;
mod observation;
#[cfg(test)]
mod recorded;
mod stage;
#[cfg(test)]
mod tests;
mod window;

pub use observation::{Column, Observation, Reading};
pub use stage::{Stage, StageChange};
pub use window::Means;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::alarm::{Advice, Alarm, AlarmRaised, AlarmRule, AlarmSettings, RunFacts, Side, advice};
use latch::{Evidence, Latch};
use stage::{LengthFacts, StageTracker, Trouble};
use window::{Landmarks, Recent};

/// Comparable groups that the trap alarm needs within its window.
const TRAP_GROUPS: f64 = 8.0;
/// Change of a share of right rollouts below which it is noise.
const ACCURACY_NOISE: f64 = 0.05;
/// Share of right rollouts from which on a policy may be certain: it is, because it is right.
const MASTERED: f64 = 0.9;
/// Rise in entropy, in nats, below which it is noise.
const ENTROPY_RISE: f64 = 0.02;

/// What a step brought.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    /// The new state, if it changed. The first step of a run brings the first state.
    pub stage: Option<StageChange>,
    /// The alarms that were raised, the gravest first.
    pub alarms: Vec<AlarmRaised>,
}

/// What the detector remembers. Through JSON each number comes back bit for bit only if `serde_json` is built with its feature
/// `float_roundtrip`; without it some are off by a last bit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DetectorState {
    recent: Recent,
    landmarks: Landmarks,
    stage: StageTracker,
    #[serde(default)]
    latches: BTreeMap<Alarm, Latch>,
}

/// Watches a run, or reads the record of one.
#[derive(Clone, Debug)]
pub struct Detector {
    settings: AlarmSettings,
    facts: RunFacts,
    state: DetectorState,
}

impl Detector {
    /// A detector at the beginning of a run.
    pub fn new(settings: AlarmSettings, facts: RunFacts) -> Self {
        Self { settings, facts, state: DetectorState::default() }
    }

    /// A detector in the middle of one.
    pub fn resume(settings: AlarmSettings, facts: RunFacts, state: DetectorState) -> Self {
        Self { settings, facts, state }
    }

    /// Its rules.
    pub fn settings(&self) -> &AlarmSettings {
        &self.settings
    }

    /// What it remembers.
    pub fn state(&self) -> &DetectorState {
        &self.state
    }

    /// The state of the run; `None` before its first step.
    pub fn stage(&self) -> Option<StageChange> {
        self.state.stage.current()
    }

    /// The alarms that have been raised and are not over, the gravest first.
    pub fn active(&self) -> impl Iterator<Item = Alarm> + '_ {
        Alarm::ALL.into_iter().filter(|alarm| self.state.latches.get(alarm).is_some_and(Latch::is_on))
    }

    /// Takes in the row of the next step. Rows of evaluations must not be given.
    pub fn observe(&mut self, row: &Observation) -> Findings {
        let (window, patience) = (self.settings.window.max(1), self.settings.patience.max(1));
        let DetectorState { recent, landmarks, stage, latches } = &mut self.state;
        recent.push(row, window);
        let view = View::new(recent, landmarks, row, window as usize, &self.facts);
        let (mut alarms, mut collapsed) = (Vec::new(), false);
        // what has no verdict counts as wrong, or in nothing, however easy the problems are
        let unjudged = view.value(Alarm::Ungradable).filter(|share| *share > 0.0);
        let unjudged = unjudged.is_some_and(|share| share >= self.settings.rule(Alarm::Ungradable).threshold);
        for alarm in Alarm::ALL {
            let latch = latches.entry(alarm).or_default();
            let AlarmRule { threshold, action } = self.settings.rule(alarm);
            let value = view.value(alarm);
            // a number that is none needs no second look
            let patience = if alarm == Alarm::Nan { 1 } else { patience };
            if latch.observe(row.step, view.evidence(alarm, value, threshold), patience) {
                let value = value.unwrap_or(threshold);
                let message = message(alarm, value, threshold, row);
                let blamed = match alarm {
                    Alarm::Collapse | Alarm::EntropyRise | Alarm::RewardDensity | Alarm::Signal if unjudged => Alarm::Ungradable,
                    // a policy that has lost what it knew lacks signal for that reason
                    Alarm::RewardDensity | Alarm::Signal if collapsed => Alarm::Collapse,
                    alarm => alarm,
                };
                let Advice { cause, key, change } = advice(blamed, &self.facts, &view.last);
                let (key, since) = (key.to_owned(), latch.since());
                alarms.push(AlarmRaised { alarm, message, cause, key, change, action, value, threshold, since });
            }
            collapsed |= alarm == Alarm::Collapse && latch.is_on();
        }
        let settled = view.lengths().map_or(Evidence::Neither, |lengths| lengths.settled(&view.landmarks));
        let short = view.landmarks.is_short(view.last.get(Column::Length));
        let stage = stage.observe(row.step, settled, short, trouble(latches), patience);
        *landmarks = view.landmarks;
        Findings { stage, alarms }
    }
}

fn trouble(latches: &BTreeMap<Alarm, Latch>) -> Trouble {
    let since = |alarm: Alarm| latches.get(&alarm).filter(|latch| latch.is_on()).map(Latch::since);
    Trouble {
        nan: since(Alarm::Nan),
        entropy: since(Alarm::EntropyRise),
        accuracy: since(Alarm::Collapse),
        length: since(Alarm::LengthRebound),
    }
}

/// What was seen, in one line.
fn message(alarm: Alarm, value: f64, threshold: f64, row: &Observation) -> String {
    if alarm == Alarm::Nan {
        let names: Vec<&str> = row.not_finite().map(Column::name).collect();
        return format!("not a finite number: {}", names.join(", "));
    }
    let side = match alarm.side() {
        Side::Above => "at or above",
        Side::Below => "at or below",
    };
    format!("{}: {}, {side} {threshold}", alarm.measure(), rounded(value))
}

/// Three digits behind the point, or as many as show that it is not 0.
fn rounded(value: f64) -> String {
    if value == 0.0 || value.abs() >= 0.001 { format!("{value:.3}") } else { format!("{value:.1e}") }
}

/// The last steps beside the landmarks.
struct View<'a> {
    recent: &'a Recent,
    row: &'a Observation,
    window: usize,
    /// Whether the window is full.
    enough: bool,
    last: Means,
    before: Means,
    /// Means of the older and the newer half of the window.
    halves: [Means; 2],
    landmarks: Landmarks,
    /// The best accuracy and the shortest length of before this step.
    best_accuracy: Option<f64>,
    shortest: Option<f64>,
    facts: &'a RunFacts,
}

impl<'a> View<'a> {
    fn new(recent: &'a Recent, landmarks: &Landmarks, row: &'a Observation, window: usize, facts: &'a RunFacts) -> Self {
        let last = Means::of(recent.last(window));
        let half = window.div_ceil(2);
        let halves = [Means::of(recent.last(window).take(window - window / 2)), Means::of(recent.last(half))];
        let mut landmarks = landmarks.clone();
        // where the run began: the mean over the first half of a window
        if (recent.seen() as usize) <= half {
            landmarks.start_length = last.get(Column::Length);
            landmarks.start_entropy = last.get(Column::Entropy);
        }
        let best_accuracy = landmarks.best_accuracy;
        let shortest = landmarks.shortest;
        let enough = recent.seen() as usize >= window;
        if recent.seen() as usize == half || enough {
            landmarks.best_accuracy = larger(best_accuracy, last.get(Column::Accuracy));
        }
        if enough && last.get(Column::Length).is_some_and(|length| shortest.is_none_or(|shortest| length < shortest)) {
            (landmarks.shortest, landmarks.shortest_in_budget) = (last.get(Column::Length), last.get(Column::InBudget));
        }
        let before = Means::of(recent.before(window));
        Self { recent, row, window, enough, last, before, halves, landmarks, best_accuracy, shortest, facts }
    }

    /// What is compared with the threshold of `alarm`; `None` where it cannot be told yet.
    fn value(&self, alarm: Alarm) -> Option<f64> {
        let over = |value: f64, base: Option<f64>| base.filter(|base| *base > 0.0).map(|base| value / base);
        let Some(column) = alarm.column() else { return Some(self.row.not_finite().count() as f64) };
        let value = self.last.get(column).filter(|_| self.enough)?;
        match alarm {
            Alarm::Trap => (self.recent.comparable_groups(self.window) >= TRAP_GROUPS).then_some(value),
            Alarm::Ungradable => self.recent.ungradable(self.window),
            Alarm::Collapse => over(value, self.best_accuracy).filter(|_| !self.facts.curriculum),
            Alarm::EntropyRise | Alarm::EntropyFall => over(value, self.landmarks.start_entropy),
            Alarm::LengthRebound => over(value, self.shortest),
            Alarm::OffPolicy => Some(value).filter(|_| !self.facts.narrow_clip),
            _ => Some(value),
        }
    }

    fn evidence(&self, alarm: Alarm, value: Option<f64>, threshold: f64) -> Evidence {
        let Some(value) = value else { return Evidence::Neither };
        let passed = |limit: f64| match alarm.side() {
            Side::Above => value >= limit,
            Side::Below => value <= limit,
        };
        if passed(threshold) {
            if self.is_beyond_noise(alarm) { Evidence::Holds } else { Evidence::Neither }
        } else if passed(alarm.release(threshold)) {
            Evidence::Neither
        } else {
            Evidence::Cleared
        }
    }

    /// Whether a ratio that passes its threshold is more than noise, and still moves that way.
    fn is_beyond_noise(&self, alarm: Alarm) -> bool {
        let halves = |column| Some((self.halves[0].get(column)?, self.halves[1].get(column)?));
        let rises = |column| halves(column).is_some_and(|(older, newer)| newer > older);
        let moved =
            |from: Option<f64>, column, by: f64| from.zip(self.last.get(column)).is_some_and(|(a, b)| (b - a).abs() >= by);
        match alarm {
            Alarm::Collapse => moved(self.best_accuracy, Column::Accuracy, ACCURACY_NOISE),
            // longer answers of which more are right and short are what the reward asks for
            Alarm::LengthRebound => {
                let gain = self.landmarks.shortest_in_budget.zip(self.last.get(Column::InBudget)).map(|(then, now)| now - then);
                gain.is_none_or(|gain| gain < ACCURACY_NOISE)
            }
            Alarm::EntropyRise => rises(Column::Entropy) && moved(self.landmarks.start_entropy, Column::Entropy, ENTROPY_RISE),
            Alarm::EntropyFall => {
                !rises(Column::Entropy) && self.last.get(Column::Accuracy).is_none_or(|accuracy| accuracy < MASTERED)
            }
            _ => true,
        }
    }

    fn lengths(&self) -> Option<LengthFacts> {
        let full = self.recent.seen() as usize >= 2 * self.window;
        let late = self.recent.seen() as usize >= 5 * self.window;
        let (last, before) = (self.last.get(Column::Length)?, self.before.get(Column::Length)?);
        full.then_some(LengthFacts { last, before, late })
    }
}

fn larger(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    a.into_iter().chain(b).reduce(f64::max)
}
