//! The objects of a run, built from its configuration.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use curt_advantage::{
    AdvantageError, AdvantageEstimator, Aggregation, EntropyBonus, KlPenalty, Objective, OffPolicyMask, estimator_by_name,
    objective_by_name,
};
use curt_difficulty::Gate;
use curt_reward::{RewardStrategy, makes_short_is_correct_trap};
use curt_runtime::random::uniform_from;
use curt_runtime::{ChatTemplate, DrawKey, GenerateProgress, Policy, Purpose, ReferencePolicy, Tokenizer, Update};
use curt_task::chain::Chain;
use curt_task::{Problem, Source, chain};

use crate::config::{AlgoSection, Config, DataSection, GroupFilter, LossAggregation, RewardSection, ScaleRewards, TaskKind};
use crate::credit::unweighable;
use crate::dataset::Dataset;
use crate::error::TrainError;
use crate::evaluate::{Evaluation, evaluate};
use crate::problem_files::ProblemFiles;
use crate::prompt::PromptEncoder;
use crate::schedule::Schedule;
use crate::select::{ProblemSource, Selected, with_occurrences};
use crate::shape::SUPPLIED;
use crate::verifiers::Verifiers;

/// Everything that a step needs.
pub struct Trainer {
    /// The resolved configuration.
    pub config: Config,
    /// The model.
    pub policy: Box<dyn Policy>,
    /// Renders and encodes prompts.
    pub encoder: PromptEncoder,
    /// Problems to train on.
    pub source: ProblemSource,
    /// Problems to evaluate on.
    pub evaluation_set: Vec<Selected>,
    /// Judge completions.
    pub verifiers: Verifiers,
    /// Turns verdicts and lengths into rewards.
    pub strategy: Box<dyn RewardStrategy>,
    /// Decides which groups are trained on.
    pub gate: Box<dyn Gate>,
    /// Turns rewards into advantages.
    pub estimator: Box<dyn AdvantageEstimator>,
    /// Turns advantages into a loss.
    pub objective: Box<dyn Objective>,
    /// What the KL term holds the policy to; there if `algo.beta` is not 0.
    pub reference: Option<Reference>,
}

/// The frozen reference of the KL term.
pub struct Reference {
    /// The model that the run began with.
    pub policy: Box<dyn ReferencePolicy>,
    /// Digest of its weights: a resumed run must have the same.
    pub digest: String,
}

impl Trainer {
    /// A trainer for `config`; `folder` is the checkpoint's folder, with its tokenizer and chat template.
    ///
    /// # Errors
    /// Data that cannot be read, prompts that are too long, words that name nothing, limits beyond the model's context.
    pub fn new(config: Config, policy: Box<dyn Policy>, tokenizer: Tokenizer, folder: &Path) -> Result<Self, TrainError> {
        let (prompt, completion) = (config.rollout.max_prompt_length, config.rollout.max_completion_length);
        let context = policy.context_length();
        let evaluated = if config.eval.enabled { config.eval.max_completion_length } else { 0 };
        for (key, completion) in [("rollout.max_completion_length", completion), ("eval.max_completion_length", evaluated)] {
            if prompt.saturating_add(completion) > context {
                return Err(TrainError::ContextTooShort { prompt, key, completion, context });
            }
        }
        let data = &config.data;
        let missing = || TrainError::MissingChatTemplate { model: config.model.path.clone() };
        let template = match data.task {
            TaskKind::Jsonl if data.chat_template => Some(ChatTemplate::find(folder)?.ok_or_else(missing)?),
            _ => None,
        };
        let suffix = if data.task == TaskKind::Jsonl { data.prompt_suffix.clone() } else { String::new() };
        let encoder = PromptEncoder::new(tokenizer, template, suffix, prompt);
        let source = source(data, config.rollout.num_generations, &encoder)?;
        let (strategy, estimator) = (suppliable(strategy(&config.reward)?)?, estimator(&config.algo)?);
        if strategy.reweights() && estimator.wants_tokens() {
            return Err(unweighable(&*strategy, &*estimator));
        }
        Ok(Self {
            evaluation_set: evaluation_set(&config, &source, &encoder)?,
            verifiers: Verifiers::new(&config.verify)?,
            strategy,
            gate: gate(config.rollout.group_filter)?,
            estimator,
            objective: objective(&config.algo, config.rollout.max_completion_length)?,
            reference: None,
            policy,
            encoder,
            source,
            config,
        })
    }

    /// The same with the model that the KL term holds it to, `folder` the checkpoint it was loaded from. A run with
    /// `algo.beta` other than 0 needs it.
    ///
    /// # Errors
    /// Weights that cannot be read.
    pub fn with_reference(mut self, policy: Box<dyn ReferencePolicy>, folder: &Path) -> Result<Self, TrainError> {
        self.reference = Some(Reference { policy, digest: crate::checkpoint::digest_weights(folder)? });
        Ok(self)
    }

    /// The name of the evaluation set in metrics: of its file, `mix` for that of several, or of the task.
    pub fn evaluation_name(&self) -> String {
        let data = &self.config.data;
        let file = self.config.eval.path.as_ref().or(data.path.as_ref()).filter(|_| data.task == TaskKind::Jsonl);
        let stem = file.and_then(|file| file.file_stem()).map(|stem| stem.to_string_lossy().into_owned());
        stem.unwrap_or_else(|| if data.task == TaskKind::Jsonl { "mix" } else { "chain" }.to_owned())
    }

    /// What is allowed and yet likely a mistake, each in one line.
    pub fn warnings(&self) -> Vec<String> {
        let (target, limit) = (self.config.reward.target_length as u32, self.config.rollout.max_completion_length as u32);
        let is_trap = target < limit && makes_short_is_correct_trap(self.strategy.as_ref(), target, target + 1);
        let name = self.strategy.name();
        let trap = format!(
            "reward.strategy `{name}` leaves short wrong rollouts out of the statistics: short becomes correct, right or wrong; \
             `reward.masking = \"zero_after\"` counts them"
        );
        is_trap.then_some(trap).into_iter().chain(vain_scale(&self.config.algo)).collect()
    }

    /// The optimizer's constants for update number `update` (from 0).
    pub fn optimizer(&self, update: u64) -> Update {
        let train = &self.config.train;
        Update {
            learning_rate: Schedule::new(train, self.config.algo.updates_per_batch).at(update),
            beta1: train.adam_beta1,
            beta2: train.adam_beta2,
            epsilon: train.adam_epsilon,
            weight_decay: train.weight_decay,
            max_grad_norm: train.max_grad_norm,
        }
    }

    /// Evaluates the policy on the evaluation set.
    ///
    /// # Errors
    /// See [`evaluate`].
    pub fn evaluate(&mut self, keep_going: &mut dyn FnMut(GenerateProgress) -> bool) -> Result<Evaluation, TrainError> {
        let tokenizer = self.encoder.tokenizer();
        evaluate(self.policy.as_mut(), tokenizer, &self.verifiers, &self.evaluation_set, &self.config.eval, keep_going)
    }
}

/// What to say of a scaling that the estimator does not take. The default says nothing, and to divide by no deviation is what
/// `dr_grpo` does.
fn vain_scale(algo: &AlgoSection) -> Option<String> {
    let is_usual = algo.scale_rewards == ScaleRewards::Group
        || algo.scale_rewards == ScaleRewards::None && algo.advantage == "dr_grpo"
        || curt_advantage::estimator_parameters(&algo.advantage).is_ok_and(|known| known.contains(&"scale_rewards"));
    let advantage = &algo.advantage;
    (!is_usual)
        .then(|| format!("algo.scale_rewards says nothing beside algo.advantage = \"{advantage}\", which does not take it"))
}

/// Where problems come from. Encodes every prompt of a data set, or a longest one of the chain task.
fn source(data: &DataSection, group_size: usize, encoder: &PromptEncoder) -> Result<ProblemSource, TrainError> {
    let files = data.files();
    match data.task {
        TaskKind::Jsonl if files.is_empty() => Err(TrainError::NoProblems { what: "data.path".into() }),
        TaskKind::Jsonl => {
            let mut files = ProblemFiles::read(data, &files)?;
            files.check_prompts(encoder, data.filter_overlong_prompts, usize::MAX)?;
            let dataset = Dataset::new(files.problems.clone(), data, group_size);
            Ok(ProblemSource::Dataset(dataset.map_err(|error| files.locate(error))?))
        }
        TaskKind::Chain => {
            let [min_links, max_links] = data.links;
            // the length depends on the number of links alone
            encoder.encode(&Chain::sample(&mut || 0.5, max_links)?.problem())?;
            Ok(ProblemSource::Chain { min_links, max_links })
        }
    }
}

fn evaluation_set(config: &Config, source: &ProblemSource, encoder: &PromptEncoder) -> Result<Vec<Selected>, TrainError> {
    let eval = &config.eval;
    if !eval.enabled {
        return Ok(Vec::new());
    }
    let problems: Vec<Arc<Problem>> = match source {
        ProblemSource::Chain { .. } => {
            let mut generator = DrawKey::new(eval.seed, Purpose::Eval).generator();
            let set = chain::evaluation_set(&mut || uniform_from(&mut generator), &eval.links, eval.problems)?;
            set.into_iter().map(Arc::new).collect()
        }
        ProblemSource::Dataset(training) => {
            let mut problems = match &eval.path {
                Some(path) => {
                    let mut files = ProblemFiles::read(&config.data, &[Source::new(path)])?;
                    files.check_prompts(encoder, config.data.filter_overlong_prompts, eval.problems)?;
                    files.problems
                }
                None => each_once(training.problems()),
            };
            problems.truncate(eval.problems);
            problems
        }
    };
    with_occurrences(problems.into_iter().enumerate(), encoder, [])
}

/// The problems in their order, those that stand several times in a mix once. No two of a data set have one id.
fn each_once(problems: &[Arc<Problem>]) -> Vec<Arc<Problem>> {
    let mut seen = BTreeSet::new();
    problems.iter().filter(|problem| seen.insert(&problem.id)).cloned().collect()
}

fn strategy(reward: &RewardSection) -> Result<Box<dyn RewardStrategy>, TrainError> {
    Ok(curt_reward::by_name(&reward.strategy, &reward.all_parameters()?)?)
}

/// The strategy, if it needs no more than [`SUPPLIED`].
fn suppliable(strategy: Box<dyn RewardStrategy>) -> Result<Box<dyn RewardStrategy>, TrainError> {
    match strategy.needs().missing_from(&SUPPLIED)[..] {
        [] => Ok(strategy),
        ref facts => Err(TrainError::MissingFacts { strategy: strategy.name().into(), facts: facts.join(", ") }),
    }
}

fn gate(filter: GroupFilter) -> Result<Box<dyn Gate>, TrainError> {
    let word = match filter {
        GroupFilter::AnyCorrectAndSpread => "any_correct_and_spread",
        GroupFilter::None => "none",
        GroupFilter::MixedOutcome => "mixed_outcome",
        GroupFilter::RewardStd => "reward_std",
    };
    Ok(curt_difficulty::by_name(word)?)
}

/// The estimator that the configuration names.
pub(crate) fn estimator(algo: &AlgoSection) -> Result<Box<dyn AdvantageEstimator>, AdvantageError> {
    let scale = match algo.scale_rewards {
        ScaleRewards::Group => "group",
        ScaleRewards::Batch => "batch",
        ScaleRewards::None => "none",
    };
    let settings = [("scale_rewards", scale.into()), ("advantage_epsilon", algo.advantage_epsilon.into())];
    let known = curt_advantage::estimator_parameters(&algo.advantage)?;
    estimator_by_name(&algo.advantage, &parameters_among(known, settings, algo))
}

/// Of these settings and of the parameters that were given, those that are known.
fn parameters_among<'a>(
    known: &[&str],
    settings: impl IntoIterator<Item = (&'a str, curt_advantage::Value)>,
    algo: &'a AlgoSection,
) -> curt_advantage::Parameters {
    let given = &algo.parameters;
    let own = given.names().filter_map(|name| Some((name, given.get(name)?.clone())));
    let all = settings.into_iter().chain(own).filter(|(name, _)| known.contains(name));
    all.fold(curt_advantage::Parameters::new(), |parameters, (name, value)| parameters.with(name, value))
}

/// The objective that the configuration names, with its mask, its KL term and its entropy bonus; `limit` is L_R.
pub(crate) fn objective(algo: &AlgoSection, limit: usize) -> Result<Box<dyn Objective>, AdvantageError> {
    let aggregation = match algo.loss_aggregation {
        LossAggregation::TokenMean => Aggregation::TokenMean,
        LossAggregation::SeqMeanTokenMean => Aggregation::SeqMeanTokenMean,
        LossAggregation::SeqMeanTokenSum => Aggregation::SeqMeanTokenSum,
        LossAggregation::SeqMeanTokenSumNorm => Aggregation::SeqMeanTokenSumNorm { length: limit as u32 },
    };
    let clip = [("epsilon", algo.epsilon.into()), ("epsilon_high", algo.epsilon_high.into())];
    // in its canonical form it has no lower bound
    let clip = clip.into_iter().filter(|(name, _)| (algo.loss_type.as_str(), *name) != ("cispo", "epsilon"));
    let known = curt_advantage::objective_parameters(&algo.loss_type)?;
    let mut objective = objective_by_name(&algo.loss_type, &parameters_among(known, clip, algo), aggregation)?;
    if let Some(threshold) = algo.off_policy_mask_threshold {
        objective = Box::new(OffPolicyMask::new(objective, threshold)?);
    }
    if algo.beta != 0.0 {
        objective = Box::new(KlPenalty::new(objective, algo.beta, algo.kl_estimator, aggregation)?);
    }
    if algo.entropy_bonus != 0.0 {
        objective = Box::new(EntropyBonus::new(objective, algo.entropy_bonus, aggregation)?);
    }
    Ok(objective)
}

#[cfg(test)]
mod tests {
    use curt_reward::{Facts, RewardError, Rollout, Shaped, StepContext};

    use super::*;

    #[derive(Debug)]
    struct Wanting(Facts);

    impl RewardStrategy for Wanting {
        fn name(&self) -> &'static str {
            "wanting"
        }

        fn needs(&self) -> Facts {
            self.0
        }

        fn shape(&self, _: &StepContext, _: &[Rollout], _: &mut [Shaped]) -> Result<(), RewardError> {
            Ok(())
        }
    }

    #[test]
    fn a_strategy_that_needs_what_the_loop_does_not_know_is_refused() {
        assert!(suppliable(Box::new(Wanting(Facts::BASIC))).is_ok());
        assert!(suppliable(Box::new(Wanting(Facts { repetition: true, step_accuracy: true, ..Facts::BASIC }))).is_ok());
        let facts = Facts { budget: true, reference: true, ..Facts::BASIC };
        let error = suppliable(Box::new(Wanting(facts))).err().unwrap().to_string();
        assert_eq!(
            error,
            "reward.strategy `wanting` needs facts of each rollout that this loop does not know: budget, reference"
        );
    }
}
