//! The resolved configuration of a run: every value known and checked, ready to build objects from.
//!
//! What a user typed is the run file's business; nothing here is optional because "the user may have left it out",
//! only because the feature may be off. The resolved form is written to `run.toml` of the run directory and read back
//! by the same parser, so a run can be repeated from its own directory.

use std::path::PathBuf;

use curt_advantage::KlEstimator;
use curt_difficulty::{DifficultyError, Refill, Screening};
use curt_runtime::Settings;
use serde::Serialize;

mod data;

pub use crate::alarms::AlarmsSection;
pub use data::{DataSection, SamplerSection, SourceSection, TaskKind};

/// A whole run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Config {
    /// Where everything that the run writes goes.
    pub output_dir: PathBuf,
    /// Key of all randomness.
    pub seed: u64,
    /// What is trained.
    pub model: ModelSection,
    /// What it is trained on.
    pub data: DataSection,
    /// How completions are judged.
    pub verify: VerifySection,
    /// How completions are sampled.
    pub rollout: RolloutSection,
    /// What a completion earns.
    pub reward: RewardSection,
    /// How rewards become a loss.
    pub algo: AlgoSection,
    /// The optimizer and the length of the run.
    pub train: TrainSection,
    /// What is kept for a resume.
    pub checkpoint: CheckpointSection,
    /// What is evaluated, before and after and in between.
    pub eval: EvalSection,
    /// What is written besides metrics.
    pub log: LogSection,
    /// What is watched for, and what is done then.
    pub alarms: AlarmsSection,
}

impl Config {
    /// What the transformer is loaded with.
    pub fn settings(&self) -> Settings {
        Settings { max_sequences: self.rollout.max_sequences, recompute_activations: self.train.recompute_activations }
    }
}

/// `[model]`
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelSection {
    /// Folder of an HF checkpoint, or `embedded:good` / `embedded:weak` for the tiny models inside the binary.
    pub path: String,
    /// `cpu`, `cuda:N` (the N-th GPU, from 0), or `auto`: the first GPU that works, else the CPU. Changes speed, never a result.
    pub device: String,
    /// Worker threads; 0 = all cores. Changes speed, never a result.
    pub threads: usize,
}

/// N of `cuda:N`, or `None` for any other text.
pub fn cuda_ordinal(device: &str) -> Option<usize> {
    let digits = device.strip_prefix("cuda:")?;
    if digits.is_empty() || digits.len() > 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        None
    } else {
        digits.parse().ok()
    }
}

/// What becomes of a completion of which a verifier cannot say whether it is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ungradable {
    /// It counts as wrong.
    Wrong,
    /// It counts in nothing, and is not trained on.
    Drop,
}

/// `[verify]`
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VerifySection {
    /// Word of a verifier of `curt-verify`.
    pub kind: String,
    /// Problems of these sources have a verifier of their own: `source=kind` each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// What becomes of completions that cannot be graded.
    pub ungradable: Ungradable,
    /// Program and arguments of the verifier `command`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Program and arguments that run the programs of `code`; empty for `python3`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub interpreter: Vec<String>,
    /// Seconds for one completion (`command`) or one test (`code`).
    pub timeout: f64,
    /// Completions judged at once (`command`, `code`); 0 = all cores. Changes speed, never a verdict.
    pub workers: usize,
}

impl VerifySection {
    /// One verifier for all sources, with the usual limits.
    pub fn of(kind: &str, command: Vec<String>, interpreter: Vec<String>) -> Self {
        let (kind, ungradable) = (kind.to_owned(), Ungradable::Wrong);
        Self { kind, sources: Vec::new(), ungradable, command, interpreter, timeout: 10.0, workers: 0 }
    }
}

/// Which groups are trained on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupFilter {
    /// At least one correct rollout, and shaped rewards that differ.
    AnyCorrectAndSpread,
    /// All groups.
    None,
    /// Some rollouts right, some wrong.
    MixedOutcome,
    /// Shaped rewards that differ.
    RewardStd,
}

/// `[rollout]`
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RolloutSection {
    /// Completions per prompt: N.
    pub num_generations: usize,
    /// Completions of a prompt that are sampled first, the others only where these are neither all good nor all not; 0 = off.
    pub screening: usize,
    /// Most rounds of further prompts in place of groups that are not trained on; 0 = off.
    pub refill_rounds: u32,
    /// Prompts per step.
    pub prompts_per_step: usize,
    /// Most tokens of a completion: L_R.
    pub max_completion_length: usize,
    /// Most tokens of a prompt; longer ones are an error before the run starts.
    pub max_prompt_length: usize,
    /// Sampling temperature, also applied when scoring.
    pub temperature: f64,
    /// Which groups are trained on.
    pub group_filter: GroupFilter,
    /// Sequences decoded at once. Changes speed and memory, never a result.
    pub max_sequences: usize,
}

impl RolloutSection {
    /// The plan of the screening; `None` where it is off.
    ///
    /// # Errors
    /// Fewer than 2 rollouts to screen with, or not fewer than in all.
    pub fn screening(&self) -> Result<Option<Screening>, DifficultyError> {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        match self.screening {
            0 => Ok(None),
            screen => Screening::new(count(screen), count(self.num_generations)).map(Some),
        }
    }

    /// The plan of the refill, before anything is sampled; `None` where it is off.
    ///
    /// # Errors
    /// No prompts per step.
    pub fn refill(&self) -> Result<Option<Refill>, DifficultyError> {
        match self.refill_rounds {
            0 => Ok(None),
            rounds => Refill::new(u32::try_from(self.prompts_per_step).unwrap_or(u32::MAX), rounds).map(Some),
        }
    }
}

/// How a masked rollout counts in its group's statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MaskingMode {
    /// Not at all.
    Exclude,
    /// With reward 0; only the loss leaves it out.
    ZeroAfter,
}

/// `[reward]`
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RewardSection {
    /// Word of a strategy of `curt-reward`.
    pub strategy: String,
    /// L_T in tokens.
    pub target_length: usize,
    /// How masked rollouts count.
    pub masking: MaskingMode,
    /// The other parameters of the strategy, each with its value.
    #[serde(flatten)]
    pub parameters: curt_reward::Parameters,
}

impl RewardSection {
    /// Everything that the strategy is built from: those of the common settings that it has, and its own.
    ///
    /// # Errors
    /// The word names no strategy.
    pub fn all_parameters(&self) -> Result<curt_reward::Parameters, curt_reward::RewardError> {
        let known = curt_reward::parameters_of(&self.strategy)?;
        let has = |name: &str| known.iter().any(|parameter| parameter.name == name);
        let mut all = self.parameters.clone();
        if has("target_length") {
            all = all.with("target_length", self.target_length as u32);
        }
        if has("masking") {
            all = all.with("masking", if self.masking == MaskingMode::ZeroAfter { "zero_after" } else { "exclude" });
        }
        Ok(all)
    }
}

/// Over what the deviation of rewards is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ScaleRewards {
    /// Over the group.
    Group,
    /// Over the whole batch.
    Batch,
    /// Not divided at all.
    None,
}

/// How token losses become one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossAggregation {
    /// Sum over all tokens / number of tokens.
    TokenMean,
    /// Mean over sequences of the mean over tokens.
    SeqMeanTokenMean,
    /// Mean over sequences of the sum over tokens.
    SeqMeanTokenSum,
    /// The same, divided by `rollout.max_completion_length`.
    SeqMeanTokenSumNorm,
}

/// Which tokens the normalizer counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NormalizerKind {
    /// Those of all admitted in-loss rollouts.
    All,
    /// Only those with a non-zero advantage.
    Active,
}

/// `[algo]`
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AlgoSection {
    /// Word of an advantage estimator of `curt-advantage`.
    pub advantage: String,
    /// Division of advantages by a deviation.
    pub scale_rewards: ScaleRewards,
    /// ε beside that deviation.
    pub advantage_epsilon: f64,
    /// Word of an objective of `curt-advantage`.
    pub loss_type: String,
    /// Lower clip of the ratio: `1 − epsilon`.
    pub epsilon: f64,
    /// Upper clip of the ratio: `1 + epsilon_high`.
    pub epsilon_high: f64,
    /// How token losses become one number.
    pub loss_aggregation: LossAggregation,
    /// Which tokens its denominator counts.
    pub normalizer: NormalizerKind,
    /// Optimizer updates per rollout batch, each on its share of the prompts: S. 1 is on-policy.
    pub updates_per_batch: usize,
    /// Weight of the KL term to the model that the run began with; 0 is off.
    pub beta: f64,
    /// How that KL is estimated.
    pub kl_estimator: KlEstimator,
    /// Weight of a bonus on the entropy; 0 is off.
    pub entropy_bonus: f64,
    /// Wrong rollouts that the policy has left behind by more than this are not trained on; `None` is off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub off_policy_mask_threshold: Option<f64>,
    /// Other parameters of the estimator and the objective, as given; what is not given has their default.
    #[serde(flatten)]
    pub parameters: curt_advantage::Parameters,
}

/// How the learning rate moves after warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LrScheduler {
    /// Stays.
    Constant,
    /// Half a cosine, down to 0 right after the last update.
    Cosine,
}

/// `[train]`
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrainSection {
    /// Steps: rollout batches.
    pub steps: u32,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Updates of linear warm-up.
    pub warmup_steps: u32,
    /// After warm-up.
    pub lr_scheduler_type: LrScheduler,
    /// Decoupled weight decay of matrices.
    pub weight_decay: f64,
    /// Decay of the first moment.
    pub adam_beta1: f64,
    /// Decay of the second moment.
    pub adam_beta2: f64,
    /// ε of Adam.
    pub adam_epsilon: f64,
    /// Global gradient norm is clipped to this.
    pub max_grad_norm: f64,
    /// Tokens of one forward and backward pass. Part of the run: it moves a gradient by rounding.
    pub micro_tokens: usize,
    /// Run each layer's forward again in the backward pass instead of keeping its activations.
    pub recompute_activations: bool,
}

/// `[checkpoint]`
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CheckpointSection {
    /// Steps between checkpoints; 0 = only at the end.
    pub save_steps: u32,
    /// Checkpoints kept, oldest deleted first; 0 = all.
    pub save_total_limit: usize,
}

/// `[eval]`
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EvalSection {
    /// Steps between evaluations; 0 = only before and after.
    pub every: u32,
    /// Whether to evaluate at all.
    pub enabled: bool,
    /// Samples per problem.
    pub n: usize,
    /// Length limit of a completion.
    pub max_completion_length: usize,
    /// Accuracy is reported within each of these numbers of tokens.
    pub budgets: Vec<u32>,
    /// Problems: per number of links (`chain`), or in all (`jsonl`).
    pub problems: usize,
    /// Numbers of links (`chain` only).
    pub links: Vec<u32>,
    /// A JSONL file of its own for evaluation (`jsonl` only); else the training problems.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Sampling temperature.
    pub temperature: f64,
    /// See `Sampling` of `curt-runtime`.
    pub top_p: f64,
    /// See `Sampling` of `curt-runtime`.
    pub top_k: u32,
    /// See `Sampling` of `curt-runtime`.
    pub min_p: f64,
    /// Key of the evaluation's randomness and problems; its own, so that runs with different seeds share it.
    pub seed: u64,
}

/// `[log]`
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LogSection {
    /// Whether rollouts are recorded.
    pub completions: bool,
    /// Whether TensorBoard events are written.
    pub tensorboard: bool,
}
