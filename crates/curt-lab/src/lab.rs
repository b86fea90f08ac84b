//! All strategies over the same rollouts.

use std::io::BufRead;

use curt_advantage::{AdvantageEstimator, Grpo};
use curt_reward::{Correctness, Parameter, Parameters, Preset, RewardError, RewardStrategy};
use serde::Serialize;

use crate::LabError;
use crate::at_limit::AtLimit;
use crate::comparison::{Comparison, StrategyReport};
use crate::read::{Reader, RecordedStep};
use crate::replay::Replay;

/// The comparison, ready for JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LabReport {
    /// L_T, tokens.
    pub target_length: u32,
    /// The advantage estimator.
    pub advantage: String,
    /// Steps read.
    pub steps: u64,
    /// Groups read.
    pub groups: u64,
    /// Rollouts read.
    pub rollouts: u64,
    /// Groups beside these that screening left: they hold their first rollouts alone, and are compared in nothing.
    pub screened: u64,
    /// One entry per strategy, in the order they were added.
    pub strategies: Vec<StrategyReport>,
    /// Strategies that could not be compared, and why.
    pub left_out: Vec<(String, String)>,
}

/// Strategies that are compared side by side, and what has been seen so far.
#[derive(Debug)]
pub struct Lab {
    target_length: u32,
    max_completion_length: Option<u32>,
    estimator: fn() -> Box<dyn AdvantageEstimator>,
    plain: Replay,
    compared: Vec<(String, Replay, Comparison)>,
    left_out: Vec<(String, String)>,
    counts: [u64; 3],
    screened: u64,
}

impl Lab {
    /// A lab without strategies. Short is L ≤ `target_length` (L_T, from 1); with `max_completion_length` (L_R) a longer
    /// rollout is refused as damaged. Advantages are those of [`Grpo`] with its defaults.
    pub fn new(target_length: u32, max_completion_length: Option<u32>) -> Self {
        let estimator: fn() -> Box<dyn AdvantageEstimator> = || Box::new(Grpo::default());
        Self {
            target_length,
            max_completion_length,
            estimator,
            plain: Replay::new(Box::new(Correctness), estimator(), max_completion_length),
            compared: Vec::new(),
            left_out: Vec::new(),
            counts: [0; 3],
            screened: 0,
        }
    }

    /// Adds every strategy that curt has, each with this lab's lengths and its own defaults; where masking has two readings,
    /// both; and L_R = L_T. Those that need a parameter without a default are left out by name.
    pub fn add_all(&mut self) {
        for name in curt_reward::names() {
            let known = curt_reward::parameters_of(name).unwrap_or_default();
            let parameters = self.parameters(known, Parameters::new());
            let has_masking = known.iter().any(|parameter| parameter.name == "masking");
            let readings: &[Option<&str>] = if has_masking { &[Some("exclude"), Some("zero_after")] } else { &[None] };
            for reading in readings {
                let label = reading.map_or_else(|| name.to_owned(), |word| format!("{name}, {word}"));
                let parameters = reading.iter().fold(parameters.clone(), |all, word| all.with("masking", *word));
                match curt_reward::by_name(name, &parameters) {
                    Ok(strategy) => self.add(&label, strategy),
                    Err(error) => self.left_out.push((label, error.to_string())),
                }
            }
        }
        self.add_at_limit();
    }

    /// Adds generation stopped at L_T, replayed by cutting at L_T what is longer and counting it as wrong.
    pub fn add_at_limit(&mut self) {
        self.add("L_R = L_T", Box::new(AtLimit { target_length: self.target_length }));
    }

    /// Adds the strategy of this name, with this lab's lengths where `given` has none.
    ///
    /// # Errors
    /// What [`curt_reward::by_name`] refuses.
    pub fn add_named(&mut self, name: &str, given: Parameters) -> Result<(), LabError> {
        let parameters = self.parameters(curt_reward::parameters_of(name)?, given);
        self.add(name, curt_reward::by_name(name, &parameters)?);
        Ok(())
    }

    /// `given`, with L_T and L_R for the parameters that are one of them and were not given.
    fn parameters(&self, known: &[Parameter], given: Parameters) -> Parameters {
        known.iter().fold(given, |all, parameter| {
            let length = match parameter.preset {
                Preset::Target => Some(self.target_length),
                Preset::Limit => self.max_completion_length,
                _ => None,
            };
            match length {
                Some(length) if all.get(parameter.name).is_none() => all.with(parameter.name, length),
                _ => all,
            }
        })
    }

    /// Adds one strategy under this label.
    pub fn add(&mut self, label: &str, strategy: Box<dyn RewardStrategy>) {
        let replay = Replay::new(strategy, (self.estimator)(), self.max_completion_length);
        self.compared.push((label.to_owned(), replay, Comparison::new(self.target_length)));
    }

    /// Takes in all steps of a recording.
    ///
    /// # Errors
    /// A recording that cannot be read or holds nothing; a group that a strategy refuses for another reason than a fact that
    /// it lacks.
    pub fn read<R: BufRead>(&mut self, reader: &mut Reader<R>) -> Result<(), LabError> {
        let before = self.counts[0];
        while let Some(step) = reader.next_step()? {
            self.step(reader.source_name(), &step)?;
        }
        if self.counts[0] == before {
            return Err(LabError::Empty { source_name: reader.source_name().to_owned() });
        }
        Ok(())
    }

    /// Takes in one step. A strategy that needs a fact which some row lacks is left out from here on, and by name.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn step(&mut self, source_name: &str, step: &RecordedStep) -> Result<(), LabError> {
        let whole = || step.groups.iter().filter(|group| !group.screened);
        let (groups, rollouts) = (whole().count(), whole().map(|group| group.rollouts.len() as u64).sum());
        let plain = self.plain.step(source_name, step)?;
        for (sum, n) in self.counts.iter_mut().zip([1, groups as u64, rollouts]) {
            *sum += n;
        }
        self.screened += (step.groups.len() - groups) as u64;
        let mut index = 0;
        while index < self.compared.len() {
            let (label, replay, comparison) = &mut self.compared[index];
            match replay.step(source_name, step) {
                Ok(groups) => {
                    let replayed = step.groups.iter().zip(&groups).zip(&plain);
                    for ((recorded, group), plain) in replayed.filter(|((recorded, _), _)| !recorded.screened) {
                        comparison.add(&recorded.rollouts, group, &plain.advantages);
                    }
                    index += 1;
                }
                Err(error) => {
                    let fact = missing_fact(&error).ok_or(error)?;
                    self.left_out.push((label.clone(), format!("needs `{fact}`, which {source_name} lacks")));
                    self.compared.remove(index);
                }
            }
        }
        Ok(())
    }

    /// The comparison of everything seen so far.
    pub fn report(&self) -> LabReport {
        LabReport {
            target_length: self.target_length,
            advantage: (self.estimator)().name().to_owned(),
            steps: self.counts[0],
            groups: self.counts[1],
            rollouts: self.counts[2],
            screened: self.screened,
            strategies: self.compared.iter().map(|(label, _, comparison)| comparison.report(label)).collect(),
            left_out: self.left_out.clone(),
        }
    }
}

/// The fact that a strategy needs and a row lacks, if that is the error.
fn missing_fact(error: &LabError) -> Option<&'static str> {
    match error {
        LabError::Reward { source, .. } => match **source {
            RewardError::MissingFact { fact, .. } => Some(fact),
            _ => None,
        },
        _ => None,
    }
}
