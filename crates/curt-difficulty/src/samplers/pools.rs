//! `pools`: what gave no signal rests for a while.

use std::collections::{BTreeMap, BTreeSet};

use crate::random::epoch_order;
use crate::sampler::{bad_state, check_outcomes, whole_numbers};
use crate::{DifficultyError, GroupOutcome, Randomness, Sampler, SamplerState, Turn};

/// Walks the data set in shuffled epochs, as [`Uniform`](crate::Uniform) does, **without the problems that rest**: one whose
/// group was dropped rests for `rest` steps and is then back in the walk, in the same epoch where it has not come yet.
///
/// Where fewer problems are awake than a step asks for, those are woken whose rest ends first. It remembers which problems
/// have come in this epoch, and who rests until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pools {
    n: usize,
    rest: u32,
    epoch: u64,
    /// Those that have come in this epoch.
    come: BTreeSet<usize>,
    /// The first step at which each resting problem is awake again.
    wakes: BTreeMap<usize, u32>,
}

impl Pools {
    /// Over `n` problems; one without signal is left out of the next `rest` steps.
    ///
    /// # Errors
    /// No problems, a rest of 0 steps.
    pub fn new(n: usize, rest: u32) -> Result<Self, DifficultyError> {
        match (n, rest) {
            (0, _) => Err(DifficultyError::NoProblems),
            (_, 0) => Err(DifficultyError::NoRest),
            _ => Ok(Self { n, rest, epoch: 0, come: BTreeSet::new(), wakes: BTreeMap::new() }),
        }
    }

    fn rests(&self, problem: usize, step: u32) -> bool {
        self.wakes.get(&problem).is_some_and(|wakes| *wakes > step)
    }

    /// Who may come at a step that draws `count` problems.
    fn awake(&self, step: u32, count: usize) -> Vec<bool> {
        let mut awake: Vec<bool> = (0..self.n).map(|problem| !self.rests(problem, step)).collect();
        let missing = count.min(self.n).saturating_sub(awake.iter().filter(|awake| **awake).count());
        if missing > 0 {
            let mut sleepers: Vec<(u32, usize)> = (0..self.n).filter(|&p| !awake[p]).map(|p| (self.wakes[&p], p)).collect();
            sleepers.sort_unstable();
            sleepers.iter().take(missing).for_each(|(_, problem)| awake[*problem] = true);
        }
        awake
    }
}

impl Sampler for Pools {
    fn name(&self) -> &'static str {
        "pools"
    }

    fn draw(&self, turn: Turn, count: usize, random: &Randomness<'_>) -> Vec<usize> {
        let awake = self.awake(turn.step, count);
        let mut drawn = Vec::with_capacity(count);
        let (mut epoch, mut come) = (self.epoch, self.come.clone());
        while drawn.len() < count {
            let order = epoch_order(random, epoch, self.n);
            let coming = order.into_iter().filter(|problem| awake[*problem] && !come.contains(problem));
            drawn.extend(coming.take(count - drawn.len()));
            (epoch, come) = (epoch + 1, BTreeSet::new());
        }
        drawn
    }

    /// The epoch ends when a problem comes that has come already: draws leave nothing out that is awake.
    fn observe(&mut self, turn: Turn, outcomes: &[GroupOutcome]) -> Result<(), DifficultyError> {
        check_outcomes(outcomes, self.n)?;
        for outcome in outcomes {
            if !self.come.insert(outcome.problem) {
                self.epoch += 1;
                self.come = BTreeSet::from([outcome.problem]);
            }
        }
        // a problem that came twice rests if its last group gave nothing
        for outcome in outcomes {
            if outcome.kept {
                self.wakes.remove(&outcome.problem);
            } else {
                self.wakes.insert(outcome.problem, turn.step.saturating_add(self.rest).saturating_add(1));
            }
        }
        self.wakes.retain(|_, wakes| *wakes > turn.step.saturating_add(1));
        Ok(())
    }

    fn save(&self) -> SamplerState {
        SamplerState::without_memory(self.name())
            .with("epoch", [self.epoch as f64])
            .with("come", self.come.iter().map(|problem| *problem as f64))
            .with("resting", self.wakes.keys().map(|problem| *problem as f64))
            .with("wakes", self.wakes.values().map(|step| f64::from(*step)))
    }

    fn load(&mut self, state: &SamplerState) -> Result<(), DifficultyError> {
        let lists = state.expect(self.name(), &["epoch", "come", "resting", "wakes"])?;
        let last = self.n as u64 - 1;
        let epoch = whole_numbers("epoch", lists[0], 1 << 53)?;
        let [epoch] = epoch[..] else { return Err(bad_state("expected one `epoch`".to_owned())) };
        let places = |name, list| -> Result<Vec<usize>, DifficultyError> {
            Ok(whole_numbers(name, list, last)?.into_iter().map(|place| place as usize).collect())
        };
        let (come, resting) = (places("come", lists[1])?, places("resting", lists[2])?);
        let wakes = whole_numbers("wakes", lists[3], u64::from(u32::MAX))?;
        if wakes.len() != resting.len() {
            return Err(bad_state("lists of different lengths".to_owned()));
        }
        let wakes: BTreeMap<usize, u32> = resting.iter().copied().zip(wakes.iter().map(|step| *step as u32)).collect();
        let come_once: BTreeSet<usize> = come.iter().copied().collect();
        if wakes.len() != resting.len() || come_once.len() != come.len() {
            return Err(bad_state("a problem comes twice".to_owned()));
        }
        (self.epoch, self.come, self.wakes) = (epoch, come_once, wakes);
        Ok(())
    }

    fn metrics(&self, turn: Turn) -> Vec<(&'static str, f64)> {
        let resting = (0..self.n).filter(|&problem| self.rests(problem, turn.step)).count();
        vec![
            ("awake", (self.n - resting) as f64),
            ("resting", resting as f64),
            ("epoch", self.epoch as f64 + self.come.len() as f64 / self.n as f64),
        ]
    }
}
