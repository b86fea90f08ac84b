//! A data set, and the sampler that draws from it.

use std::sync::Arc;

use curt_difficulty::{Admission, Bits, Curriculum, GroupOutcome, Pools, Sampler, SamplerState, Stream, Turn, Uniform, Weighted};
use curt_runtime::{DrawKey, Purpose};
use curt_task::Problem;
use rand::Rng;

use crate::config::{DataSection, SamplerSection};
use crate::credit::CreditedGroup;
use crate::error::TrainError;
use crate::shape::{ShapedGroup, pick};

/// The problems of a run, their pass rates where the sampler asks for them, and the sampler.
#[derive(Debug)]
pub struct Dataset {
    problems: Vec<Arc<Problem>>,
    /// Empty for a sampler that does not look at them.
    rates: Vec<Option<f64>>,
    sampler: Box<dyn Sampler>,
    /// Problems that refills drew, in the steps that are done.
    refilled: u64,
}

impl Dataset {
    /// A data set with the sampler of `data`, for groups of `group_size` rollouts.
    ///
    /// # Errors
    /// No problems; a pass rate that is none, by the id of its problem; a sampler that needs pass rates and has none or too few.
    pub fn new(problems: Vec<Arc<Problem>>, data: &DataSection, group_size: usize) -> Result<Self, TrainError> {
        let n = problems.len();
        let field = &data.pass_rate_field;
        let by_rate = !matches!(data.sampler, SamplerSection::Uniform | SamplerSection::Pools { .. });
        let rates = if by_rate { pass_rates(&problems, field)? } else { Vec::new() };
        let unknown = rates.iter().filter(|rate| rate.is_none()).count();
        let needed = if matches!(data.sampler, SamplerSection::Weighted) { 1 } else { n };
        if by_rate && n - unknown < needed {
            return Err(TrainError::NoPassRates { field: field.clone(), unknown, problems: n });
        }
        let sampler: Box<dyn Sampler> = match &data.sampler {
            SamplerSection::Uniform => Box::new(Uniform::new(n)?),
            SamplerSection::Weighted => Box::new(Weighted::new(&rates, u32::try_from(group_size).unwrap_or(u32::MAX))?),
            SamplerSection::Widening { direction, start, steps } => {
                Box::new(Curriculum::widening(&rates, *direction, *start, *steps)?)
            }
            SamplerSection::Stages { stages } => Box::new(Curriculum::stages(&rates, stages)?),
            SamplerSection::Pools { rest } => Box::new(Pools::new(n, *rest)?),
        };
        Ok(Self { problems, rates, sampler, refilled: 0 })
    }

    /// All problems, in the order of their files.
    pub fn problems(&self) -> &[Arc<Problem>] {
        &self.problems
    }

    /// The pass rates that the sampler was made with; empty for one that does not look at them.
    pub fn rates(&self) -> &[Option<f64>] {
        &self.rates
    }

    /// The first round of `step`, of `count` problems a step.
    pub fn turn(&self, step: u32, count: usize) -> Turn {
        Turn { step, round: 0, drawn: u64::from(step) * count as u64 + self.refilled }
    }

    /// The `count` problems of a round, with their places.
    pub fn draw(&self, seed: u64, turn: Turn, count: usize) -> Vec<(usize, Arc<Problem>)> {
        let places = self.sampler.draw(turn, count, &|stream| bits(seed, stream));
        places.into_iter().map(|place| (place, self.problems[place].clone())).collect()
    }

    /// Tells the sampler what became of the groups of `step`, round by round. A rollout is good if it is right and has no more
    /// than `target` tokens.
    ///
    /// # Errors
    /// Groups that are not of this data set.
    pub fn observe(&mut self, step: u32, groups: &[CreditedGroup], target: u32) -> Result<(), TrainError> {
        let round = |group: &CreditedGroup| group.shaped.verified.group.selected.round;
        let first = groups.iter().filter(|group| round(group) == 0).count();
        let mut turn = self.turn(step, first);
        for groups in groups.chunk_by(|a, b| round(a) == round(b)) {
            let outcomes: Vec<_> = groups.iter().map(|group| outcome(&group.shaped, group.admission, target)).collect();
            self.observe_round(turn, &outcomes)?;
            turn = Turn { round: turn.round + 1, drawn: turn.drawn + groups.len() as u64, ..turn };
        }
        self.refilled += (groups.len() - first) as u64;
        Ok(())
    }

    /// Tells the sampler alone what became of the groups of a round, in the order of the draw.
    ///
    /// # Errors
    /// Groups that are not of this data set.
    pub fn observe_round(&mut self, turn: Turn, outcomes: &[GroupOutcome]) -> Result<(), TrainError> {
        Ok(self.sampler.observe(turn, outcomes)?)
    }

    /// Problems that refills drew, in the steps that are done.
    pub fn refilled(&self) -> u64 {
        self.refilled
    }

    /// Goes on after refills that drew so many.
    pub fn set_refilled(&mut self, refilled: u64) {
        self.refilled = refilled;
    }

    /// What the sampler remembers.
    pub fn save(&self) -> SamplerState {
        self.sampler.save()
    }

    /// Back to what it remembered. `None` is the memory of a run from before there was a choice of samplers.
    ///
    /// # Errors
    /// The memory of another sampler or another data set.
    pub fn load(&mut self, state: Option<&SamplerState>) -> Result<(), TrainError> {
        let uniform = || SamplerState::without_memory("uniform");
        Ok(self.sampler.load(&state.cloned().unwrap_or_else(uniform))?)
    }

    /// The sampler's state before `step`, as metrics: `sampler/NAME/…`.
    pub fn metrics(&self, step: u32, count: usize) -> Vec<(String, f64)> {
        let numbers = self.sampler.metrics(self.turn(step, count));
        numbers.into_iter().map(|(name, value)| (format!("sampler/{}/{name}", self.sampler.name()), value)).collect()
    }
}

/// What a sampler is told of a group that was admitted so.
pub(crate) fn outcome(group: &ShapedGroup, admission: Admission, target: u32) -> GroupOutcome {
    let rollouts = pick(&group.rollouts, &group.counts());
    let good = rollouts.iter().filter(|rollout| rollout.correct && rollout.length <= target);
    GroupOutcome {
        problem: group.verified.group.selected.place,
        attempts: rollouts.len() as u32,
        good: good.count() as u32,
        kept: matches!(admission, Admission::Kept | Admission::Surplus),
    }
}

/// The numbers of a stream: a pure function of seed and stream.
fn bits(seed: u64, stream: Stream) -> Bits {
    let key = DrawKey::new(seed, Purpose::Shuffle);
    let key = match stream {
        Stream::Epoch(epoch) => DrawKey { step: u32::MAX, problem: epoch, ..key },
        Stream::Step { step, round } => DrawKey { step, refill: round, ..key },
    };
    let mut generator = key.generator();
    Box::new(move || generator.next_u64())
}

/// The field `field` of each problem, where it has one that is not null.
fn pass_rates(problems: &[Arc<Problem>], field: &str) -> Result<Vec<Option<f64>>, TrainError> {
    let rate = |problem: &Arc<Problem>| match problem.extra.get(field) {
        None | Some(serde_json::Value::Null) => Ok(None),
        Some(value) => match value.as_f64().filter(|rate| (0.0..=1.0).contains(rate)) {
            Some(rate) => Ok(Some(rate)),
            None => {
                let found = value.to_string().chars().take(80).collect();
                Err(TrainError::BadPassRate { problem: problem.id.clone(), field: field.to_owned(), found })
            }
        },
    };
    problems.iter().map(rate).collect()
}

#[cfg(test)]
mod tests;
