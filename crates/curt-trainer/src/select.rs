//! `select`: problems → the prompts of one step.
//!
//! A pure function of (seed, step): nothing to save, nothing to lose. Problems that are drawn twice in a step get
//! different occurrence numbers, so their samples differ.

use std::collections::BTreeMap;
use std::sync::Arc;

use curt_runtime::random::{below, shuffle, uniform_from};
use curt_runtime::{DrawKey, Purpose};
use curt_task::Problem;
use curt_task::chain::Chain;

use crate::error::TrainError;
use crate::prompt::PromptEncoder;

/// A problem chosen for a step, with its prompt as token ids.
#[derive(Clone, Debug)]
pub struct Selected {
    /// The problem.
    pub problem: Arc<Problem>,
    /// Its stable hash.
    pub key: u64,
    /// How often an equal problem was chosen before in the same step.
    pub occurrence: u32,
    /// Token ids of the prompt.
    pub prompt_ids: Vec<u32>,
}

/// Where the problems of a step come from.
#[derive(Clone, Debug)]
pub enum ProblemSource {
    /// Fresh chain problems with a number of links drawn evenly from the range.
    Chain {
        /// Fewest links.
        min_links: u32,
        /// Most links.
        max_links: u32,
    },
    /// A data set, walked in shuffled epochs.
    Dataset(Vec<Arc<Problem>>),
}

impl ProblemSource {
    /// The `count` problems of `step`.
    ///
    /// # Errors
    /// A number of links that the chain task does not have.
    pub fn problems(&self, seed: u64, step: u32, count: usize) -> Result<Vec<Arc<Problem>>, TrainError> {
        match self {
            ProblemSource::Chain { min_links, max_links } => {
                let mut generator = shuffle_key(seed, step, 0).generator();
                (0..count)
                    .map(|_| {
                        let links = min_links + below(&mut generator, u64::from(max_links - min_links + 1)) as u32;
                        let chain = Chain::sample(&mut || uniform_from(&mut generator), links)?;
                        Ok(Arc::new(chain.problem()))
                    })
                    .collect()
            }
            ProblemSource::Dataset(problems) => {
                let mut epoch_order: Option<(u64, Vec<usize>)> = None;
                let first = u64::from(step) * count as u64;
                Ok((first..first + count as u64)
                    .map(|index| {
                        let (epoch, place) = (index / problems.len() as u64, (index % problems.len() as u64) as usize);
                        if epoch_order.as_ref().is_none_or(|(e, _)| *e != epoch) {
                            epoch_order = Some((epoch, permutation(seed, epoch, problems.len())));
                        }
                        let order = epoch_order.as_ref().map_or(&[][..], |(_, order)| order);
                        problems[order[place]].clone()
                    })
                    .collect())
            }
        }
    }
}

impl ProblemSource {
    /// A number that changes when the problems do.
    pub fn fingerprint(&self) -> u64 {
        match self {
            ProblemSource::Chain { min_links, max_links } => (u64::from(*min_links) << 32) | u64::from(*max_links),
            ProblemSource::Dataset(problems) => fingerprint(problems.iter().map(|problem| problem.key().0)),
        }
    }

    /// How often `drawn` problems are the whole data set; `None` for problems that are drawn afresh.
    pub fn epochs(&self, drawn: u64) -> Option<f64> {
        match self {
            ProblemSource::Chain { .. } => None,
            ProblemSource::Dataset(problems) => Some(drawn as f64 / problems.len() as f64),
        }
    }
}

/// A number that changes when the keys or their order do.
pub(crate) fn fingerprint(keys: impl ExactSizeIterator<Item = u64>) -> u64 {
    let length = keys.len() as u64;
    keys.fold(length, |hash, key| hash.rotate_left(5).wrapping_mul(31) ^ key)
}

fn shuffle_key(seed: u64, step: u32, problem: u64) -> DrawKey {
    DrawKey { step, problem, ..DrawKey::new(seed, Purpose::Shuffle) }
}

/// A random order of `0 .. n` for one epoch.
fn permutation(seed: u64, epoch: u64, n: usize) -> Vec<usize> {
    let mut generator = shuffle_key(seed, u32::MAX, epoch).generator();
    let mut order: Vec<usize> = (0..n).collect();
    shuffle(&mut generator, &mut order);
    order
}

/// The prompts of `step`.
///
/// # Errors
/// A prompt that is empty or longer than the limit, by the id of its problem.
pub fn select(
    source: &ProblemSource,
    encoder: &PromptEncoder,
    seed: u64,
    step: u32,
    count: usize,
) -> Result<Vec<Selected>, TrainError> {
    with_occurrences(source.problems(seed, step, count)?, encoder)
}

/// Encodes problems and numbers the equal ones among them.
pub(crate) fn with_occurrences(problems: Vec<Arc<Problem>>, encoder: &PromptEncoder) -> Result<Vec<Selected>, TrainError> {
    let mut seen = BTreeMap::<u64, u32>::new();
    problems
        .into_iter()
        .map(|problem| {
            let key = problem.key().0;
            let count = seen.entry(key).or_default();
            let occurrence = *count;
            *count += 1;
            let prompt_ids = encoder.encode(&problem)?;
            Ok(Selected { problem, key, occurrence, prompt_ids })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dataset(n: usize) -> ProblemSource {
        let mut draw = {
            let mut x = 0.1;
            move || {
                x = (x * 7.3 + 0.11) % 1.0;
                x
            }
        };
        ProblemSource::Dataset((0..n).map(|_| Arc::new(Chain::sample(&mut draw, 3).unwrap().problem())).collect())
    }

    #[test]
    fn every_epoch_visits_every_problem_once() {
        let source = dataset(7);
        let prompts: Vec<_> = (0..7).flat_map(|step| source.problems(5, step, 3).unwrap()).collect();
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
            let problems = |seed| source.problems(seed, 9, 16).unwrap();
            assert_eq!(problems(3), problems(3));
            assert_ne!(problems(3), problems(4));
        }
    }
}
