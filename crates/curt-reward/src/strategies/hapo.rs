//! `hapo`: against the shortest right answer that was ever seen for the problem.

use std::collections::BTreeMap;
use std::f64::consts::FRAC_PI_2;

use crate::parameters::{AT_LEAST_0, Parameter, Range};
use crate::registry::Entry;
use crate::state::SavedState;
use crate::statistics::fill_beside_verdict;
use crate::{
    GroupFacts, Parameters, ProblemKey, RewardError, RewardStrategy, Rollout, Shaped, StepContext, StrategyState, check_group,
};

pub(crate) static ENTRY: Entry = Entry {
    name: "hapo",
    parameters: &[
        Parameter::number("weight", 1.0, "weight of the length term"),
        Parameter::number("floor", -0.7, "least length term of a right rollout"),
    ],
    build: |given| Ok(Box::new(Hapo::new(given)?)),
};

const VERSION: u32 = 1;

const FLOOR: Range = Range { expected: "a number from -1 to 0", holds: |x| (-1.0..=0.0).contains(&x) };
const LENGTH: Range =
    Range { expected: "a whole number of tokens", holds: |x| x >= 0.0 && x <= u32::MAX as f64 && libm::trunc(x) == x };

/// **R = 1 + w · max(f, −0.7)** for a right rollout, **w · min(f, 0)** for a wrong one, **f = cos(π/2 · L/h)** for L < 2h and
/// **−1** beyond (HAPO, arXiv 2505.11225).
///
/// - h: tokens of the shortest right rollout ever seen for this problem, before this step. `weight`, w ≥ 0: 1. `floor`:
///   −0.7.
/// - State: h per problem, taken over after shaping, so that a step is not compared with itself. It never rises. The authors
///   also tried a running mean and a linear f; this is their main form.
/// - Degenerate: a problem without an h has no length term. h = 0 gives f = 1 to no length and −1 to any other. A group
///   without a right rollout is not flat beyond h. One rollout and equal lengths need no care.
/// - Keeps: among right ones falls with L up to 2h or the floor and is flat beyond; with the presets every right one is at
///   least 0.3 and every wrong one at most 0. Breaks: a long right one can be below the mean; wrong ones longer than h lose.
#[derive(Clone, Debug, PartialEq)]
pub struct Hapo {
    weight: f64,
    floor: f64,
    shortest: BTreeMap<ProblemKey, u32>,
}

impl Hapo {
    /// The strategy with these parameters, before its first step.
    ///
    /// # Errors
    /// An unknown parameter, one out of its range.
    pub fn new(given: &Parameters) -> Result<Self, RewardError> {
        let read = ENTRY.reading(given)?;
        let (weight, floor) = (read.number("weight", AT_LEAST_0)?, read.number("floor", FLOOR)?);
        Ok(Self { weight, floor, shortest: BTreeMap::new() })
    }
}

/// f.
fn closeness(length: u32, shortest: u32) -> f64 {
    match (u64::from(length) < 2 * u64::from(shortest), length) {
        (true, _) => libm::cos(FRAC_PI_2 * f64::from(length) / f64::from(shortest)),
        (false, 0) => 1.0,
        (false, _) => -1.0,
    }
}

impl RewardStrategy for Hapo {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        check_group(self.needs(), ctx, group, out.len())?;
        let shortest = group.first().and_then(|first| self.shortest.get(&first.problem)).copied();
        fill_beside_verdict(group, out, |rollout| {
            let f = shortest.map_or(0.0, |shortest| closeness(rollout.length, shortest));
            self.weight * if rollout.correct { f.max(self.floor) } else { f.min(0.0) }
        })
    }

    fn observe(&mut self, step: &[GroupFacts<'_>]) {
        for rollout in step.iter().flat_map(|facts| facts.group).filter(|rollout| rollout.correct) {
            let shortest = self.shortest.entry(rollout.problem).or_insert(rollout.length);
            *shortest = rollout.length.min(*shortest);
        }
    }

    /// One value per problem, under its key in hexadecimal.
    fn save(&self) -> StrategyState {
        let values = self.shortest.iter().map(|(problem, length)| (format!("{:016x}", problem.0), f64::from(*length)));
        StrategyState { strategy: ENTRY.name.to_owned(), version: VERSION, values: values.collect() }
    }

    fn load(&mut self, state: &StrategyState) -> Result<(), RewardError> {
        let saved = SavedState::of(ENTRY.name, VERSION, state)?;
        let mut shortest = BTreeMap::new();
        for (key, _) in saved.values() {
            // as they are written: a capital would be a second key of the same problem
            let is_key = key.len() == 16 && key.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
            let problem = u64::from_str_radix(key, 16).ok().filter(|_| is_key).ok_or_else(|| saved.unknown(key))?;
            shortest.insert(ProblemKey(problem), saved.number(key, LENGTH)? as u32);
        }
        self.shortest = shortest;
        Ok(())
    }

    fn metrics(&self) -> Vec<(&'static str, f64)> {
        vec![("remembered_problems", self.shortest.len() as f64)]
    }
}
