//! The states of a run, and when one becomes another.

use serde::{Deserialize, Serialize};

use super::latch::{Evidence, Latch};
use super::window::Landmarks;

/// The state of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Lengths move towards what is rewarded.
    #[default]
    Adapting,
    /// Lengths have settled; accuracy may grow.
    Refining,
    /// Lengths grow again.
    Rebound,
    /// Answers have become short, and accuracy falls or entropy rises: the policy loses what it knew.
    Collapsing,
    /// Entropy rises while answers are not short, or numbers are not finite.
    Exploding,
}

impl Stage {
    /// Its word in events.
    pub fn word(self) -> &'static str {
        match self {
            Stage::Adapting => "adapting",
            Stage::Refining => "refining",
            Stage::Rebound => "rebound",
            Stage::Collapsing => "collapsing",
            Stage::Exploding => "exploding",
        }
    }

    /// Its number in the metric `eff/stage`: 0 and 1 where all is well, 2 to 4 in trouble, the graver the larger.
    pub fn code(self) -> u8 {
        match self {
            Stage::Adapting => 0,
            Stage::Refining => 1,
            Stage::Rebound => 2,
            Stage::Collapsing => 3,
            Stage::Exploding => 4,
        }
    }
}

/// The state of a run changed: the `detail` of an event `stage` in `events.jsonl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageChange {
    /// What it is now.
    pub state: Stage,
    /// The first of the steps in a row that say so; the event itself comes when there were enough of them.
    pub since: u32,
}

/// What the last steps say of lengths, beside the alarms.
#[derive(Clone, Copy, Debug)]
pub(super) struct LengthFacts {
    /// Mean length of the last window, and of the one before.
    pub last: f64,
    pub before: f64,
    /// Whether there are so many steps that a run whose lengths never moved counts as settled.
    pub late: bool,
}

/// Share of the whole fall so far that the last window may add to a length that has settled.
const SETTLED_SHARE: f64 = 0.05;
/// The same relative to the length at the start, below which a change is noise.
const SETTLED_NOISE: f64 = 0.01;
/// A length below this share of that at the start has fallen.
const FALLEN: f64 = 0.9;

impl LengthFacts {
    /// Whether lengths have settled: the last window adds little to a fall, or there was none to wait for.
    pub fn settled(&self, landmarks: &Landmarks) -> Evidence {
        let Some(start) = landmarks.start_length else { return Evidence::Neither };
        let fall = (start - self.last).max(0.0);
        let still = self.before - self.last <= (SETTLED_SHARE * fall).max(SETTLED_NOISE * start);
        let moved = self.last <= FALLEN * start;
        if still && (moved || self.late) { Evidence::Holds } else { Evidence::Neither }
    }
}

impl Landmarks {
    /// Whether answers of `length` tokens are short beside those of the start.
    pub fn is_short(&self, length: Option<f64>) -> bool {
        self.start_length.zip(length).is_some_and(|(start, length)| length <= FALLEN * start)
    }
}

/// The alarms that are on and make a state.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trouble {
    /// Of each the first step of those in a row that switched it on.
    pub nan: Option<u32>,
    pub entropy: Option<u32>,
    pub accuracy: Option<u32>,
    pub length: Option<u32>,
}

/// The state, and since when.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct StageTracker {
    current: Option<StageChange>,
    settled: Latch,
}

impl StageTracker {
    pub fn current(&self) -> Option<StageChange> {
        self.current
    }

    /// Takes in a step; what the state changed to, if it did. `settled`: whether lengths have settled; `short`: whether answers
    /// are short.
    pub fn observe(&mut self, step: u32, settled: Evidence, short: bool, trouble: Trouble, patience: u32) -> Option<StageChange> {
        self.settled.observe(step, settled, patience);
        let (state, since) = self.classify(step, short, trouble);
        match self.current {
            Some(current) if current.state == state => None,
            _ => {
                let change = StageChange { state, since };
                self.current = Some(change);
                Some(change)
            }
        }
    }

    fn classify(&self, step: u32, short: bool, trouble: Trouble) -> (Stage, u32) {
        let Trouble { nan, entropy, accuracy, length } = trouble;
        let quiet = if self.settled.is_on() { Stage::Refining } else { Stage::Adapting };
        let quiet_since = match self.current {
            // on the way back from trouble, the state begins now
            Some(current) if current.state != Stage::Adapting => step,
            Some(_) => self.settled.since(),
            None => step,
        };
        if let Some(since) = nan {
            return (Stage::Exploding, since);
        }
        match (entropy, accuracy, length) {
            (Some(since), _, Some(_)) => (Stage::Exploding, since),
            (Some(since), None, None) if !short => (Stage::Exploding, since),
            (Some(a), Some(b), None) => (Stage::Collapsing, a.min(b)),
            (Some(since), None, None) | (None, Some(since), _) => (Stage::Collapsing, since),
            (None, None, Some(since)) => (Stage::Rebound, since),
            (None, None, None) => (quiet, quiet_since),
        }
    }
}
