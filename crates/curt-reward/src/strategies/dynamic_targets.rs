//! The memory of LASER-D and LASER-DE: which lengths cover the right answers of easy, medium and hard problems.

use std::collections::BTreeMap;

use crate::parameters::{Parameter, Preset, Range, Reading, Value, WHOLE};
use crate::state::SavedState;
use crate::statistics::{n_right, right_lengths};
use crate::{GroupFacts, RewardError, Rollout, StrategyState};

const LEVELS: [&str; 3] = ["high", "medium", "low"];

/// More places than this is a mistake in the parameters.
const MOST_PLACES: u32 = 1024;

const VERSION: u32 = 1;

const FLAG: Range = Range { expected: "0 or 1", holds: |x| x == 0.0 || x == 1.0 };
const NONE_YET: Range = Range { expected: "0 before the first step", holds: |x| x == 0.0 };

pub(crate) const TARGET: Parameter =
    Parameter { name: "target_length", preset: Preset::Target, meaning: "L_T before the first step was seen" };
pub(crate) const START: Parameter = Parameter::number("grid_start", 1024.0, "shortest target in tokens");
pub(crate) const STEP: Parameter = Parameter::number("grid_step", 1024.0, "tokens between targets");
pub(crate) const END: Parameter = Parameter::number("grid_end", 16384.0, "longest target in tokens");

/// A target per level of difficulty, learnt from the right answers of past steps.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DynamicTargets {
    initial: u32,
    grid: Vec<u32>,
    /// Was a step seen?
    is_awake: bool,
    seen: [Coverage; 3],
}

/// The right answers of one level in the last step that had any.
#[derive(Clone, Debug, Default, PartialEq)]
struct Coverage {
    /// How many.
    n: u64,
    /// How many of them within each length of the grid.
    within: Vec<u64>,
}

impl DynamicTargets {
    /// With the parameters [`TARGET`], [`START`], [`STEP`] and [`END`].
    pub fn new(read: &Reading<'_>) -> Result<Self, RewardError> {
        let initial = read.length("target_length")?;
        let (start, step, end) = (read.length("grid_start")?, read.length("grid_step")?, read.length("grid_end")?);
        if end < start || (end - start) / step >= MOST_PLACES {
            return Err(read.bad("grid_end", "at least `grid_start`, and at most 1,023 steps above it", &Value::from(end)));
        }
        let grid: Vec<u32> = (start..=end).step_by(step as usize).collect();
        let none = || Coverage { n: 0, within: vec![0; grid.len()] };
        Ok(Self { initial, is_awake: false, seen: [none(), none(), none()], grid })
    }

    /// The target of this group in tokens, or `None` for no limit.
    pub fn of(&self, group: &[Rollout]) -> Option<u32> {
        if !self.is_awake {
            return Some(self.initial);
        }
        let level = level(group);
        let n = group.len() as u64;
        let expected = [2 * n / 3, n / 3, 1][level];
        let seen = &self.seen[level];
        // ⌊share covered · expected⌋ ≥ 1, in whole numbers
        let place = seen.within.iter().position(|within| seen.n > 0 && within * expected >= seen.n);
        place.map(|place| self.grid[place])
    }

    /// Takes the right answers of a step as the new coverage of their levels; a level without any keeps its old one.
    pub fn observe(&mut self, step: &[GroupFacts<'_>]) {
        let mut fresh = [const { Vec::new() }; 3];
        for facts in step.iter().filter(|facts| !facts.group.is_empty()) {
            fresh[level(facts.group)].extend(right_lengths(facts.group));
        }
        self.is_awake |= !step.is_empty();
        for (seen, lengths) in self.seen.iter_mut().zip(fresh).filter(|(_, lengths)| !lengths.is_empty()) {
            seen.n = lengths.len() as u64;
            for (within, place) in seen.within.iter_mut().zip(&self.grid) {
                *within = lengths.iter().filter(|length| **length <= f64::from(*place)).count() as u64;
            }
        }
    }

    /// The counts of each level.
    pub fn save(&self, strategy: &'static str) -> StrategyState {
        let mut values = BTreeMap::from([("awake".to_owned(), f64::from(u8::from(self.is_awake)))]);
        for (name, seen) in LEVELS.iter().zip(&self.seen) {
            values.insert(format!("{name}/n"), seen.n as f64);
            for (place, within) in self.grid.iter().zip(&seen.within) {
                values.insert(format!("{name}/within/{place}"), *within as f64);
            }
        }
        StrategyState { strategy: strategy.to_owned(), version: VERSION, values }
    }

    /// Goes back to saved counts; those that no step gives are refused.
    pub fn load(&mut self, strategy: &'static str, state: &StrategyState) -> Result<(), RewardError> {
        let saved = SavedState::of(strategy, VERSION, state)?;
        let known = self.save(strategy).values;
        saved.expect_only(|key| known.contains_key(key))?;
        let is_awake = saved.number("awake", FLAG)? > 0.0;
        let mut seen = Vec::with_capacity(LEVELS.len());
        for name in LEVELS {
            seen.push(self.coverage(&saved, name, is_awake)?);
        }
        self.is_awake = is_awake;
        for (old, new) in self.seen.iter_mut().zip(seen) {
            *old = new;
        }
        Ok(())
    }

    /// The saved counts of one level.
    fn coverage(&self, saved: &SavedState<'_>, name: &str, is_awake: bool) -> Result<Coverage, RewardError> {
        let n = saved.number(&format!("{name}/n"), if is_awake { WHOLE } else { NONE_YET })? as u64;
        let mut within: Vec<u64> = Vec::with_capacity(self.grid.len());
        for place in &self.grid {
            let key = format!("{name}/within/{place}");
            let count = saved.number(&key, WHOLE)? as u64;
            // a right answer within one length is within all longer ones
            if count > n || within.last().is_some_and(|shorter| count < *shorter) {
                let expected = "at most all of the level, and no fewer than within a shorter length";
                return Err(saved.bad(&key, expected, count as f64));
            }
            within.push(count);
        }
        Ok(Coverage { n, within })
    }

    /// The right answers that each level was last measured on.
    pub fn metrics(&self) -> Vec<(&'static str, f64)> {
        let names = ["laser_n_high", "laser_n_medium", "laser_n_low"];
        names.into_iter().zip(&self.seen).map(|(name, seen)| (name, seen.n as f64)).collect()
    }
}

/// Place in [`LEVELS`] by the share of right rollouts: from ⅔, from ⅓, below.
fn level(group: &[Rollout]) -> usize {
    let (right, n) = (n_right(group), group.len());
    match () {
        () if 3 * right >= 2 * n => 0,
        () if 3 * right >= n => 1,
        () => 2,
    }
}
