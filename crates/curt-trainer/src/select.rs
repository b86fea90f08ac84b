//! `select`: problems → the prompts of one step.
//!
//! A pure function of seed, step and what the sampler remembers: there is no state of a random generator to lose. Problems
//! that are drawn twice in a step get different occurrence numbers, so their samples differ.

use std::collections::BTreeMap;
use std::sync::Arc;

use curt_difficulty::{GroupOutcome, SamplerState, Turn};
use curt_runtime::random::{below, uniform_from};
use curt_runtime::{DrawKey, Purpose};
use curt_task::Problem;
use curt_task::chain::Chain;

use crate::credit::CreditedGroup;
use crate::dataset::Dataset;
use crate::error::TrainError;
use crate::prompt::PromptEncoder;

/// A problem chosen for a step, with its prompt as token ids.
#[derive(Clone, Debug)]
pub struct Selected {
    /// The problem.
    pub problem: Arc<Problem>,
    /// Its place in the data set; for a problem that was drawn afresh, in the step.
    pub place: usize,
    /// Its stable hash.
    pub key: u64,
    /// The round of the step in which it was drawn: 0, or that of a refill.
    pub round: u16,
    /// How often an equal problem was chosen before in the same step.
    pub occurrence: u32,
    /// Token ids of the prompt.
    pub prompt_ids: Vec<u32>,
}

/// Where the problems of a step come from.
#[derive(Debug)]
pub enum ProblemSource {
    /// Fresh chain problems with a number of links drawn evenly from the range.
    Chain {
        /// Fewest links.
        min_links: u32,
        /// Most links.
        max_links: u32,
    },
    /// A data set, with its sampler.
    Dataset(Dataset),
}

impl ProblemSource {
    /// The first round of `step`, of `count` problems a step.
    pub fn turn(&self, step: u32, count: usize) -> Turn {
        match self {
            ProblemSource::Chain { .. } => Turn { step, ..Turn::default() },
            ProblemSource::Dataset(dataset) => dataset.turn(step, count),
        }
    }

    /// The `count` problems of a round, with their places in the data set (for fresh ones: in the round).
    ///
    /// # Errors
    /// A number of links that the chain task does not have.
    pub fn problems(&self, seed: u64, turn: Turn, count: usize) -> Result<Vec<(usize, Arc<Problem>)>, TrainError> {
        match self {
            ProblemSource::Chain { min_links, max_links } => {
                let key = DrawKey { step: turn.step, refill: turn.round, ..DrawKey::new(seed, Purpose::Shuffle) };
                let mut generator = key.generator();
                (0..count)
                    .map(|place| {
                        let links = min_links + below(&mut generator, u64::from(max_links - min_links + 1)) as u32;
                        let chain = Chain::sample(&mut || uniform_from(&mut generator), links)?;
                        Ok((place, Arc::new(chain.problem())))
                    })
                    .collect()
            }
            ProblemSource::Dataset(dataset) => Ok(dataset.draw(seed, turn, count)),
        }
    }

    /// Tells the sampler, where there is one, what became of the groups of `step`; `target` is L_T.
    ///
    /// # Errors
    /// Groups that are not of this source.
    pub fn observe(&mut self, step: u32, groups: &[CreditedGroup], target: usize) -> Result<(), TrainError> {
        match self {
            ProblemSource::Chain { .. } => Ok(()),
            ProblemSource::Dataset(dataset) => dataset.observe(step, groups, u32::try_from(target).unwrap_or(u32::MAX)),
        }
    }

    /// Tells the sampler alone, where there is one, what became of the groups of a round.
    ///
    /// # Errors
    /// Groups that are not of this source.
    pub fn observe_round(&mut self, turn: Turn, outcomes: &[GroupOutcome]) -> Result<(), TrainError> {
        match self {
            ProblemSource::Chain { .. } => Ok(()),
            ProblemSource::Dataset(dataset) => dataset.observe_round(turn, outcomes),
        }
    }

    /// Problems that refills drew from a data set, in the steps that are done.
    pub fn refilled(&self) -> u64 {
        match self {
            ProblemSource::Chain { .. } => 0,
            ProblemSource::Dataset(dataset) => dataset.refilled(),
        }
    }

    /// What the sampler remembers; `None` without one.
    pub fn save(&self) -> Option<SamplerState> {
        match self {
            ProblemSource::Chain { .. } => None,
            ProblemSource::Dataset(dataset) => Some(dataset.save()),
        }
    }

    /// Back to what it remembered, after refills that drew `refilled` problems.
    ///
    /// # Errors
    /// The memory of another sampler or another data set.
    pub fn load(&mut self, state: Option<&SamplerState>, refilled: u64) -> Result<(), TrainError> {
        match self {
            ProblemSource::Chain { .. } => Ok(()),
            ProblemSource::Dataset(dataset) => {
                dataset.load(state)?;
                dataset.set_refilled(refilled);
                Ok(())
            }
        }
    }

    /// The sampler's state before `step`, as metrics; none without one.
    pub fn metrics(&self, step: u32, count: usize) -> Vec<(String, f64)> {
        match self {
            ProblemSource::Chain { .. } => Vec::new(),
            ProblemSource::Dataset(dataset) => dataset.metrics(step, count),
        }
    }

    /// A number that changes when the problems do.
    pub fn fingerprint(&self) -> u64 {
        match self {
            ProblemSource::Chain { min_links, max_links } => (u64::from(*min_links) << 32) | u64::from(*max_links),
            ProblemSource::Dataset(dataset) => fingerprint(dataset.problems().iter().map(|problem| problem.key().0)),
        }
    }

    /// A number that changes when the pass rates do; `None` where nothing depends on them.
    pub fn rates_fingerprint(&self) -> Option<u64> {
        match self {
            ProblemSource::Dataset(dataset) if !dataset.rates().is_empty() => {
                // no rate is negative, so 1 is free to say that there is none
                let bits = |rate: &Option<f64>| rate.map_or(1, |rate| (rate + 0.0).to_bits() << 1);
                Some(fingerprint(dataset.rates().iter().map(bits)))
            }
            _ => None,
        }
    }

    /// How often `drawn` problems are the whole data set; `None` for problems that are drawn afresh.
    pub fn epochs(&self, drawn: u64) -> Option<f64> {
        match self {
            ProblemSource::Chain { .. } => None,
            ProblemSource::Dataset(dataset) => Some(drawn as f64 / dataset.problems().len() as f64),
        }
    }
}

/// A number that changes when the keys or their order do.
pub(crate) fn fingerprint(keys: impl ExactSizeIterator<Item = u64>) -> u64 {
    let length = keys.len() as u64;
    keys.fold(length, |hash, key| hash.rotate_left(5).wrapping_mul(31) ^ key)
}

/// The prompts of a round; `earlier` are the keys of those of the rounds before in its step.
///
/// # Errors
/// A prompt that is empty or longer than the limit, by the id of its problem.
pub fn select(
    source: &ProblemSource,
    encoder: &PromptEncoder,
    seed: u64,
    turn: Turn,
    count: usize,
    earlier: impl IntoIterator<Item = u64>,
) -> Result<Vec<Selected>, TrainError> {
    let mut prompts = with_occurrences(source.problems(seed, turn, count)?, encoder, earlier)?;
    prompts.iter_mut().for_each(|selected| selected.round = turn.round);
    Ok(prompts)
}

/// Encodes problems and numbers the equal ones among them and those of the keys `earlier`.
pub(crate) fn with_occurrences(
    problems: impl IntoIterator<Item = (usize, Arc<Problem>)>,
    encoder: &PromptEncoder,
    earlier: impl IntoIterator<Item = u64>,
) -> Result<Vec<Selected>, TrainError> {
    let mut seen = BTreeMap::<u64, u32>::new();
    earlier.into_iter().for_each(|key| *seen.entry(key).or_default() += 1);
    problems
        .into_iter()
        .map(|(place, problem)| {
            let key = problem.key().0;
            let count = seen.entry(key).or_default();
            let occurrence = *count;
            *count += 1;
            let prompt_ids = encoder.encode(&problem)?;
            Ok(Selected { problem, place, key, round: 0, occurrence, prompt_ids })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run_file::RunFile;

    fn dataset(n: usize) -> ProblemSource {
        let mut draw = {
            let mut x = 0.1;
            move || {
                x = (x * 7.3 + 0.11) % 1.0;
                x
            }
        };
        let problems = (0..n).map(|_| Arc::new(Chain::sample(&mut draw, 3).unwrap().problem())).collect();
        let data = RunFile::load(None, &["data.task=jsonl".to_owned(), "data.path=x".to_owned()]).unwrap().data;
        ProblemSource::Dataset(Dataset::new(problems, &data, 8).unwrap())
    }

    #[test]
    fn every_epoch_visits_every_problem_once() {
        let source = dataset(7);
        let prompts: Vec<_> =
            (0..7).flat_map(|step| source.problems(5, source.turn(step, 3), 3).unwrap()).map(|(_, problem)| problem).collect();
        for epoch in prompts.chunks(7) {
            let mut keys: Vec<u64> = epoch.iter().map(|p| p.key().0).collect();
            keys.sort_unstable();
            keys.dedup();
            assert_eq!(keys.len(), 7);
        }
        assert_ne!(
            prompts[..7].iter().map(|p| p.key().0).collect::<Vec<_>>(),
            prompts[7..14].iter().map(|p| p.key().0).collect::<Vec<_>>()
        );
    }

    #[test]
    fn epochs_are_shares_of_the_data_set() {
        assert_eq!((dataset(8).epochs(4), dataset(8).epochs(20)), (Some(0.5), Some(2.5)));
        assert_eq!(ProblemSource::Chain { min_links: 1, max_links: 2 }.epochs(4), None);
    }

    #[test]
    fn a_step_is_a_pure_function_of_seed_and_step() {
        for source in [dataset(5), ProblemSource::Chain { min_links: 1, max_links: 10 }] {
            let problems = |seed| source.problems(seed, source.turn(9, 16), 16).unwrap();
            assert_eq!(problems(3), problems(3));
            assert_ne!(problems(3), problems(4));
        }
    }
}
