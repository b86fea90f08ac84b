//! From what was typed to a configuration: defaults, ranges, and what must fit together.

use std::path::PathBuf;

use curt_reward::{Parameters, Preset, RewardError};
use curt_task::STEP_BY_STEP_SUFFIX;

use super::error::{MOST_ROLLOUTS, RunFileError};
use super::keys;
use super::raw::RunFile;
use super::reader::{AT_LEAST_ONE, FROM_ZERO, UP_TO_A_MILLION, Words};
use crate::config::{
    CheckpointSection, Config, DataSection, EvalSection, GroupFilter, LogSection, LrScheduler, MaskingMode, ModelSection,
    RewardSection, RolloutSection, TaskKind, TrainSection, cuda_ordinal,
};

const TASKS: &Words<TaskKind> = &[("chain", TaskKind::Chain), ("jsonl", TaskKind::Jsonl)];
pub(super) const GROUP_FILTERS: &Words<GroupFilter> = &[
    ("any_correct_and_spread", GroupFilter::AnyCorrectAndSpread),
    ("mixed_outcome", GroupFilter::MixedOutcome),
    ("reward_std", GroupFilter::RewardStd),
    ("none", GroupFilter::None),
];
const MASKING: &Words<MaskingMode> = &[("exclude", MaskingMode::Exclude), ("zero_after", MaskingMode::ZeroAfter)];
const SCHEDULERS: &Words<LrScheduler> = &[("constant", LrScheduler::Constant), ("cosine", LrScheduler::Cosine)];

const EMBEDDED_MODELS: &[&str] = &["embedded:good", "embedded:weak"];

const TOKENS: &str = "a number of tokens, at least 1";
const LINKS: &str = "a number of links from 1 to 20";
const LINK_RANGE: std::ops::RangeInclusive<i128> = 1..=20;

impl RunFile {
    /// The configuration that this run file describes.
    ///
    /// # Errors
    /// A missing key without default, a value of the wrong type or outside its range, values that do not fit together.
    pub fn resolve(&self) -> Result<Config, RunFileError> {
        let model = self.model()?;
        let data = self.data(&model)?;
        let rollout = self.rollout()?;
        let config = Config {
            output_dir: self
                .path("output_dir")?
                .ok_or_else(|| self.missing("output_dir", "a folder for what the run writes"))?
                .into(),
            seed: self.seed("seed", 42)?,
            verify: self.verify(&data)?,
            reward: self.reward(&rollout)?,
            algo: self.algo(&rollout)?,
            train: self.train(&rollout)?,
            checkpoint: self.checkpoint()?,
            eval: self.eval(&data, &rollout)?,
            log: LogSection {
                completions: self.flag("log.completions", true)?,
                tensorboard: self.flag("log.tensorboard", true)?,
            },
            alarms: self.alarms()?,
            model,
            data,
            rollout,
        };
        let (prompts, updates) = (config.rollout.prompts_per_step, config.algo.updates_per_batch);
        if prompts % updates != 0 {
            return Err(RunFileError::PromptsNotDivisible { place: self.place("rollout.prompts_per_step"), prompts, updates });
        }
        Ok(config)
    }

    fn model(&self) -> Result<ModelSection, RunFileError> {
        let path = self.path("model.path")?.unwrap_or_else(|| EMBEDDED_MODELS[0].to_owned());
        if path.starts_with("embedded:") {
            self.name("model.path", EMBEDDED_MODELS, EMBEDDED_MODELS[0], Some("or the folder of a checkpoint"))?;
        }
        let device = self.text("model.device")?.unwrap_or_else(|| "auto".to_owned());
        Ok(ModelSection {
            path,
            device: match cuda_ordinal(&device) {
                Some(_) => device,
                None => self.name("model.device", &["auto", "cpu"], "auto", Some("or cuda:N such as cuda:0"))?,
            },
            threads: self.integer("model.threads", 0..=4096, "a number of threads up to 4096, 0 for all cores")?.unwrap_or(0),
        })
    }

    fn data(&self, model: &ModelSection) -> Result<DataSection, RunFileError> {
        let path = self.path("data.path")?.map(PathBuf::from);
        let sources = self.sources()?;
        if path.is_some() && !sources.is_empty() {
            return Err(RunFileError::PathAndSources { place: self.place("data.sources") });
        }
        let no_file = path.is_none() && sources.is_empty();
        let plain = no_file && model.path.starts_with("embedded:");
        let task = self.word("data.task", TASKS, if plain { TaskKind::Chain } else { TaskKind::Jsonl })?;
        let jsonl = task == TaskKind::Jsonl;
        if jsonl && no_file {
            return Err(RunFileError::JsonlWithoutPath { place: self.place("data.task") });
        }
        if !jsonl && !no_file {
            let key = if path.is_some() { "data.path" } else { "data.sources" };
            return Err(RunFileError::PathWithoutJsonl { place: self.place(key) });
        }
        // a program, say, is not to stand in a box
        let asks_for_box = jsonl && self.verify_kind(task)? == "math";
        Ok(DataSection {
            task,
            path,
            sources,
            links: self.links()?,
            prompt_key: self.text("data.prompt_key")?.unwrap_or_else(|| "auto".to_owned()),
            answer_key: self.text("data.answer_key")?.unwrap_or_else(|| "auto".to_owned()),
            prompt_suffix: self
                .text("data.prompt_suffix")?
                .unwrap_or_else(|| if asks_for_box { STEP_BY_STEP_SUFFIX } else { "" }.to_owned()),
            chat_template: self.flag("data.chat_template", jsonl)?,
            filter_overlong_prompts: self.flag("data.filter_overlong_prompts", false)?,
            pass_rate_field: self.text("data.pass_rate_field")?.unwrap_or_else(|| "pass_rate".to_owned()),
            sampler: self.sampler(task)?,
        })
    }

    fn links(&self) -> Result<[u32; 2], RunFileError> {
        let key = "data.links";
        match self.integers(key, LINK_RANGE, LINKS)?.as_deref() {
            None => Ok([1, 10]),
            Some(&[fewest, most]) if fewest <= most => Ok([fewest, most]),
            Some(&[fewest, most]) => Err(RunFileError::LinksReversed { place: self.place(key), fewest, most }),
            Some(other) => {
                let expected = "[fewest, most], a list of 2".to_owned();
                Err(RunFileError::Mistyped { place: self.place(key), expected, found: format!("a list of {}", other.len()) })
            }
        }
    }

    fn rollout(&self) -> Result<RolloutSection, RunFileError> {
        let limit = "rollout.max_completion_length";
        let num_generations = self
            .integer("rollout.num_generations", UP_TO_A_MILLION, "a number of rollouts per prompt, 2 to a million")?
            .unwrap_or(8);
        if num_generations == 1 {
            return Err(RunFileError::GroupOfOne { place: self.place("rollout.num_generations") });
        }
        let rollout = RolloutSection {
            num_generations,
            screening: self.integer("rollout.screening", FROM_ZERO, "a number of rollouts, 0 for off")?.unwrap_or(0),
            refill_rounds: self
                .integer("rollout.refill_rounds", 0..=1000, "a number of rounds up to 1000, 0 for off")?
                .unwrap_or(0),
            prompts_per_step: self
                .integer("rollout.prompts_per_step", UP_TO_A_MILLION, "a number of prompts, 1 to a million")?
                .unwrap_or(16),
            max_completion_length: self
                .integer(limit, AT_LEAST_ONE, "a length limit in tokens, at least 1")?
                .ok_or_else(|| self.missing(limit, "the length limit of a rollout in tokens"))?,
            max_prompt_length: self.integer("rollout.max_prompt_length", AT_LEAST_ONE, TOKENS)?.unwrap_or(1024),
            temperature: self.number(
                "rollout.temperature",
                |t| in_f32(t) && in_f32(1.0 / t),
                "a temperature above 0, in f32 and with an inverse there",
                1.0,
            )?,
            group_filter: self.word("rollout.group_filter", GROUP_FILTERS, GroupFilter::AnyCorrectAndSpread)?,
            max_sequences: self
                .integer("rollout.max_sequences", UP_TO_A_MILLION, "a number of sequences, 1 to a million")?
                .unwrap_or(64),
        };
        let (prompts, rollouts) = (rollout.prompts_per_step, rollout.prompts_per_step * num_generations);
        if rollouts > MOST_ROLLOUTS {
            return Err(RunFileError::TooManyRollouts {
                place: self.place("rollout.prompts_per_step"),
                prompts,
                num_generations,
            });
        }
        match rollout.screening() {
            Ok(_) => Ok(rollout),
            Err(source) => Err(RunFileError::Difficulty { place: self.place("rollout.screening"), source }),
        }
    }

    fn reward(&self, rollout: &RolloutSection) -> Result<RewardSection, RunFileError> {
        let limit = rollout.max_completion_length;
        let key = "reward.target_length";
        let target = self.integer(key, AT_LEAST_ONE, "a target length in tokens, at least 1")?.unwrap_or(limit);
        if target > limit {
            return Err(RunFileError::TargetAboveLimit { place: self.place(key), target, limit });
        }
        let strategy = self.name("reward.strategy", &curt_reward::names(), "truncation", None)?;
        let masking = self.word("reward.masking", MASKING, MaskingMode::Exclude)?;
        let parameters = self.parameters(&strategy, target, limit)?;
        let section = RewardSection { strategy, target_length: target, masking, parameters };
        let built = section.all_parameters().and_then(|all| curt_reward::by_name(&section.strategy, &all));
        built.map_err(|source| self.reward_error(source))?;
        Ok(section)
    }

    /// The strategy's own parameters, each with its value: as given, as preset, the target or the limit.
    fn parameters(&self, strategy: &str, target: usize, limit: usize) -> Result<Parameters, RunFileError> {
        let known = curt_reward::parameters_of(strategy).map_err(|source| self.reward_error(source))?;
        let mut given = Parameters::new();
        for name in keys::parameters() {
            let preset = known.iter().find(|parameter| parameter.name == name).map(|parameter| parameter.preset);
            match (self.parameter(&format!("reward.{name}"))?, preset) {
                (Some(value), _) => given = given.with(name, value),
                (None, Some(Preset::Target)) => given = given.with(name, target as u32),
                (None, Some(Preset::Limit)) => given = given.with(name, limit as u32),
                (None, _) => {}
            }
        }
        let full = curt_reward::resolved(strategy, &given).map_err(|source| self.reward_error(source))?;
        let own = full.iter().filter(|(name, _)| !["target_length", "masking"].contains(name));
        Ok(own.fold(Parameters::new(), |all, (name, value)| all.with(name, value.clone())))
    }

    /// Where the parameter was given that the strategy does not take, or the strategy itself.
    fn reward_error(&self, source: RewardError) -> RunFileError {
        let key = match &source {
            RewardError::BadParameter { parameter, .. } => format!("reward.{parameter}"),
            RewardError::UnknownParameter { parameter, .. } => format!("reward.{parameter}"),
            _ => "reward.strategy".to_owned(),
        };
        RunFileError::Reward { place: self.place(&key), source }
    }

    fn train(&self, rollout: &RolloutSection) -> Result<TrainSection, RunFileError> {
        let needed = rollout.max_prompt_length + rollout.max_completion_length;
        let micro_tokens = self.integer("train.micro_tokens", AT_LEAST_ONE, TOKENS)?.unwrap_or(needed.max(4096));
        if micro_tokens < needed {
            return Err(RunFileError::MicroTokensTooFew { place: self.place("train.micro_tokens"), found: micro_tokens, needed });
        }
        let beta = |key, default| self.number(key, |b| (0.0..1.0).contains(&b), "a decay from 0 to below 1", default);
        Ok(TrainSection {
            steps: self.steps()?,
            learning_rate: self.number("train.learning_rate", in_f32, "a learning rate above 0 and finite in f32", 1e-6)?,
            warmup_steps: self.integer("train.warmup_steps", FROM_ZERO, "a number of updates, at least 0")?.unwrap_or(0),
            lr_scheduler_type: self.word("train.lr_scheduler_type", SCHEDULERS, LrScheduler::Constant)?,
            weight_decay: self.number("train.weight_decay", |w| w >= 0.0, "a finite weight decay from 0", 0.0)?,
            adam_beta1: beta("train.adam_beta1", 0.9)?,
            adam_beta2: beta("train.adam_beta2", 0.999)?,
            adam_epsilon: self.number("train.adam_epsilon", in_f32, "a number above 0 and finite in f32", 1e-8)?,
            max_grad_norm: self.number("train.max_grad_norm", |n| n > 0.0, "a finite gradient norm above 0", 1.0)?,
            micro_tokens,
            recompute_activations: self.flag("train.recompute_activations", false)?,
        })
    }

    pub(super) fn steps(&self) -> Result<u32, RunFileError> {
        Ok(self.integer("train.steps", AT_LEAST_ONE, "a number of steps, at least 1")?.unwrap_or(150))
    }

    fn checkpoint(&self) -> Result<CheckpointSection, RunFileError> {
        Ok(CheckpointSection {
            save_steps: self
                .integer("checkpoint.save_steps", FROM_ZERO, "a number of steps, 0 for only at the end")?
                .unwrap_or(50),
            save_total_limit: self
                .integer("checkpoint.save_total_limit", FROM_ZERO, "a number of checkpoints, 0 for all")?
                .unwrap_or(3),
        })
    }

    fn eval(&self, data: &DataSection, rollout: &RolloutSection) -> Result<EvalSection, RunFileError> {
        let jsonl = data.task == TaskKind::Jsonl;
        let path = self.path("eval.path")?.map(PathBuf::from);
        if path.is_some() && !jsonl {
            return Err(RunFileError::PathWithoutJsonl { place: self.place("eval.path") });
        }
        let limit = self
            .integer("eval.max_completion_length", AT_LEAST_ONE, "a length limit in tokens, at least 1")?
            .unwrap_or(rollout.max_completion_length);
        let links = self.integers("eval.links", LINK_RANGE, LINKS)?;
        Ok(EvalSection {
            every: self.integer("eval.every", FROM_ZERO, "a number of steps, 0 for only before and after")?.unwrap_or(50),
            enabled: self.flag("eval.enabled", true)?,
            n: self.integer("eval.n", UP_TO_A_MILLION, "a number of samples per problem, 1 to a million")?.unwrap_or(8),
            max_completion_length: limit,
            budgets: self.budgets(limit)?,
            problems: self.integer("eval.problems", AT_LEAST_ONE, "a number of problems, at least 1")?.unwrap_or(if jsonl {
                256
            } else {
                32
            }),
            links: self
                .rising("eval.links", links, "at least one number of links")?
                .unwrap_or_else(|| (data.links[0]..=data.links[1]).collect()),
            path,
            temperature: self.number("eval.temperature", |t| t >= 0.0, "a temperature, 0 for greedy", 1.0)?,
            top_p: self.number("eval.top_p", |p| p > 0.0 && p <= 1.0, "a probability above 0, 1 for off", 1.0)?,
            top_k: self.integer("eval.top_k", FROM_ZERO, "a number of tokens, 0 for off")?.unwrap_or(0),
            min_p: self.number("eval.min_p", |p| (0.0..1.0).contains(&p), "a share below 1, 0 for off", 0.0)?,
            seed: self.seed("eval.seed", 0)?,
        })
    }

    /// By default the limit and its halves, quarters, eighths and sixteenths.
    fn budgets(&self, limit: usize) -> Result<Vec<u32>, RunFileError> {
        let key = "eval.budgets";
        let given = self.integers(key, AT_LEAST_ONE, "budgets in tokens, at least 1")?;
        let Some(budgets) = self.rising(key, given, "at least one budget in tokens")? else {
            let limit = u32::try_from(limit).unwrap_or(u32::MAX);
            let mut budgets: Vec<u32> = [16, 8, 4, 2, 1].into_iter().map(|part| (limit / part).max(1)).collect();
            budgets.dedup();
            return Ok(budgets);
        };
        match budgets.iter().find(|budget| **budget as usize > limit) {
            Some(&budget) => Err(RunFileError::BudgetAboveLimit { place: self.place(key), budget, limit }),
            None => Ok(budgets),
        }
    }

    fn rising(&self, key: &str, list: Option<Vec<u32>>, expected: &'static str) -> Result<Option<Vec<u32>>, RunFileError> {
        let Some(list) = list else { return Ok(None) };
        if list.is_empty() {
            return Err(RunFileError::EmptyList { place: self.place(key), expected });
        }
        match list.windows(2).find(|pair| pair[0] >= pair[1]) {
            Some(pair) => Err(RunFileError::NotRising { place: self.place(key), first: pair[0], second: pair[1] }),
            None => Ok(Some(list)),
        }
    }

    fn seed(&self, key: &str, default: u64) -> Result<u64, RunFileError> {
        Ok(self.integer(key, 0..=u64::MAX as i128, "a whole number from 0 to 18446744073709551615")?.unwrap_or(default))
    }
}

/// Whether a number is above 0 and finite as the kernels take it.
fn in_f32(number: f64) -> bool {
    let number = number as f32;
    number > 0.0 && number.is_finite()
}
