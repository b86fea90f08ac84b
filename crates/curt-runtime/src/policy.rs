//! What a trainer asks of a model: generate, score, push a gradient back, update, save.
//!
//! Everything crosses this border as plain host data; nothing here knows which device does the work.

use std::path::Path;

use curt_kernels::DeviceError;

use crate::random::DrawKey;

/// A prompt and the draws of its samples: one rollout group.
#[derive(Clone, Debug)]
pub struct GenerateRequest {
    /// Token ids of the prompt; at least one.
    pub prompt: Vec<u32>,
    /// One key per wanted sample. The key alone decides the sample's randomness.
    pub samples: Vec<DrawKey>,
    /// Most tokens a completion may have, its stop token included.
    pub max_new_tokens: usize,
}

/// How tokens are drawn from the distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// Divides the logits; 0 means greedy.
    pub temperature: f64,
    /// Keep this many most likely tokens; 0 keeps all. Evaluation only.
    pub top_k: u32,
    /// Keep the smallest set of tokens with this mass; 1 keeps all. Evaluation only.
    pub top_p: f64,
    /// Drop tokens below this share of the most likely one; 0 drops none. Evaluation only.
    pub min_p: f64,
}

impl Sampling {
    /// Plain sampling at a temperature: what training uses.
    pub fn temperature(temperature: f64) -> Self {
        Self { temperature, top_k: 0, top_p: 1.0, min_p: 0.0 }
    }

    /// The most likely token at every step.
    pub fn greedy() -> Self {
        Self::temperature(0.0)
    }

    /// Whether tokens are cut from the distribution, so that a stored log-probability is not the one sampled from.
    pub fn is_filtered(&self) -> bool {
        self.top_k != 0 || self.top_p < 1.0 || self.min_p > 0.0
    }

    /// The factor on the logits when scoring: `1 / temperature`, 1 for greedy.
    pub fn inverse_temperature(&self) -> f64 {
        if self.temperature > 0.0 { 1.0 / self.temperature } else { 1.0 }
    }
}

/// Why a completion ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StopReason {
    /// It drew an end-of-sequence token, which is its last token.
    Eos,
    /// It reached `max_new_tokens`.
    Budget,
    /// Prompt and completion filled the model's context.
    Context,
}

/// One sampled completion.
#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    /// Its token ids; the stop token is the last one when `stop` is [`StopReason::Eos`].
    pub ids: Vec<u32>,
    /// Log-probability of each token after temperature, as the decode step computed it.
    pub logprobs: Vec<f32>,
    /// Entropy in nats of the distribution that each token was drawn from.
    pub entropies: Vec<f32>,
    /// Σp² of the distribution that each token was drawn from.
    pub sum_p2: Vec<f32>,
    /// Why it ended.
    pub stop: StopReason,
    /// The weights that drew it: the number of updates they had seen.
    pub policy_version: u64,
}

/// A prompt with its completion, to be scored or trained on.
#[derive(Clone, Copy, Debug)]
pub struct Sequence<'a> {
    /// Prompt and completion ids.
    pub tokens: &'a [u32],
    /// How many of them are the prompt; the rest is scored.
    pub prompt_length: usize,
}

impl Sequence<'_> {
    /// The number of scored tokens.
    pub fn completion_length(&self) -> usize {
        self.tokens.len() - self.prompt_length
    }
}

/// What the model says of each completion token of one sequence.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TokenFacts<R = f32> {
    /// Log-probability of the token after temperature.
    pub logprob: Vec<R>,
    /// Entropy in nats of the distribution it stood in.
    pub entropy: Vec<R>,
    /// Σp² of that distribution.
    pub sum_p2: Vec<R>,
}

/// The loss's derivatives for each completion token of one sequence.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TokenGradients<R = f32> {
    /// d loss / d log-probability.
    pub d_logprob: Vec<R>,
    /// d loss / d entropy.
    pub d_entropy: Vec<R>,
}

/// Constants of one optimizer update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Update {
    /// Learning rate of this update.
    pub learning_rate: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// ε beside the root.
    pub epsilon: f64,
    /// Decoupled weight decay; matrices only, never norms and biases.
    pub weight_decay: f64,
    /// The gradient's global norm is scaled down to this; infinite for no clipping.
    pub max_grad_norm: f64,
}

/// What an update saw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UpdateNorms {
    /// Global norm of the gradient before clipping.
    pub grad_norm: f64,
    /// Factor that clipping put on it; 1 when it did nothing.
    pub grad_scale: f64,
}

/// Progress of a generation, for a progress bar: called once per decode step.
#[derive(Clone, Copy, Debug)]
pub struct GenerateProgress {
    /// Completions that have ended.
    pub finished: usize,
    /// All completions asked for.
    pub total: usize,
    /// Tokens drawn so far.
    pub tokens: usize,
}

/// Work that a policy has done, for tests and metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PolicyCounters {
    /// Forward passes that only scored.
    pub scoring_passes: u64,
    /// Forward-and-backward passes.
    pub training_passes: u64,
    /// Prompt tokens that went through the model for generation: each request's once, however many samples it has.
    pub prompt_tokens: u64,
    /// Decode steps.
    pub decode_steps: u64,
    /// Optimizer updates.
    pub updates: u64,
}

/// A trainable language model.
pub trait Policy {
    /// Completions of each request, in the order of the requests and of their keys.
    ///
    /// The result does not depend on how many run at once. `keep_going` is asked once per decode step; when it returns
    /// `false` the generation stops with [`PolicyError::Interrupted`].
    fn generate(
        &mut self,
        requests: &[GenerateRequest],
        sampling: &Sampling,
        keep_going: &mut dyn FnMut(GenerateProgress) -> bool,
    ) -> Result<Vec<Vec<Completion>>, PolicyError>;

    /// Facts of every completion token, by a forward pass over the packed sequences.
    fn score(&mut self, sequences: &[Sequence<'_>], inverse_temperature: f64) -> Result<Vec<TokenFacts>, PolicyError>;

    /// Adds the gradient of a loss with the given per-token derivatives to the accumulated gradient; one forward and
    /// one backward pass over the packed sequences. Returns the facts of that forward.
    fn backward(
        &mut self,
        sequences: &[Sequence<'_>],
        gradients: &[TokenGradients],
        inverse_temperature: f64,
    ) -> Result<Vec<TokenFacts>, PolicyError>;

    /// Clips the accumulated gradient, updates the weights by AdamW and clears the gradient.
    ///
    /// A gradient that is not finite changes no weight, is discarded, and is an error that names the tensor.
    fn apply(&mut self, update: &Update) -> Result<UpdateNorms, PolicyError>;

    /// The number of updates that the weights have seen.
    fn version(&self) -> u64;

    /// Counters of work done since the policy was made.
    fn counters(&self) -> PolicyCounters;

    /// Writes the weights as f32 in HF layout into the existing directory `dir`.
    fn save_weights(&self, dir: &Path) -> Result<(), PolicyError>;

    /// Writes the optimizer's moments and step count into the existing directory `dir` as `optimizer.state`.
    fn save_optimizer(&self, dir: &Path) -> Result<(), PolicyError>;

    /// Reads weights, moments and step count back from `dir`, and clears the accumulated gradient.
    ///
    /// A checkpoint that computes or stops in another way by its `config.json` and `generation_config.json` is refused.
    ///
    /// After an error the policy is part old and part new; it must be restored again or dropped.
    fn restore(&mut self, dir: &Path) -> Result<(), PolicyError>;

    /// The most tokens a prompt and its completion may have together.
    fn context_length(&self) -> usize;
}

/// A model that never changes and only scores: what a KL term holds the policy to.
pub trait ReferencePolicy {
    /// Facts of every completion token, by a forward pass over the packed sequences: bit for bit what [`Policy::score`]
    /// of a policy with the same weights says.
    ///
    /// # Errors
    /// Those of [`Policy::score`]: a bad sequence or factor, or weights that are not finite.
    fn score(&mut self, sequences: &[Sequence<'_>], inverse_temperature: f64) -> Result<Vec<TokenFacts>, PolicyError>;
}

/// What a policy can refuse.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The device failed.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// Reading or writing a checkpoint failed.
    #[error(transparent)]
    Checkpoint(#[from] crate::RuntimeError),
    /// Heads that are wider than the device's kernels hold.
    #[error(
        "config.json: `head_dim` is {found}, and the kernels of this device hold heads of at most {widest}; the CPU has no such limit"
    )]
    HeadTooWide {
        /// The width.
        found: usize,
        /// The largest that there is a kernel for.
        widest: usize,
    },
    /// A request or sequence without a prompt.
    #[error("{what} {index} has an empty prompt; at least one token is needed")]
    EmptyPrompt {
        /// `request` or `sequence`.
        what: &'static str,
        /// Its index.
        index: usize,
    },
    /// A sequence without a completion to score.
    #[error("sequence {index} has {length} tokens, all of them prompt; nothing to score")]
    EmptyCompletion {
        /// Its index.
        index: usize,
        /// Its length.
        length: usize,
    },
    /// No room for a completion in the context.
    #[error("{what} {index}: {length} tokens do not fit the context of {context} tokens")]
    TooLong {
        /// `prompt of request` or `sequence`.
        what: &'static str,
        /// Its index.
        index: usize,
        /// Its length.
        length: usize,
        /// The model's context.
        context: usize,
    },
    /// A token that the model does not have.
    #[error("{what} {index}: token id {token} at position {position} is not below the vocabulary size {vocab}")]
    TokenOutOfRange {
        /// `prompt of request` or `sequence`.
        what: &'static str,
        /// Its index.
        index: usize,
        /// Position of the token.
        position: usize,
        /// The id.
        token: u32,
        /// The model's vocabulary.
        vocab: usize,
    },
    /// A setting is outside its range.
    #[error("{what} must be {expected}, found {found}")]
    BadSetting {
        /// Name of the setting.
        what: &'static str,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// Per-token gradients do not match the sequence.
    #[error("sequence {index} has {expected} completion tokens but {found} gradients")]
    GradientLength {
        /// Its index.
        index: usize,
        /// Completion tokens.
        expected: usize,
        /// Gradients given.
        found: usize,
    },
    /// The model produced NaN or infinity.
    #[error("log-probability of token {position} of {subject} is {value}: the weights are not finite or overflow")]
    NonFiniteLogprob {
        /// `sample i of request j` or `sequence i`, counted from 0.
        subject: String,
        /// Index of the token in the completion.
        position: usize,
        /// What was found.
        value: f64,
    },
    /// The gradient of a tensor is NaN or infinite; the weights were left alone.
    #[error("gradient of `{tensor}` is not finite (sum of squares {value}); the update was not applied")]
    NonFiniteGradient {
        /// First tensor, in the order of the model, whose gradient is not finite.
        tensor: String,
        /// Sum of squares of the gradient's fused matrix that holds it.
        value: f64,
    },
    /// The caller's `keep_going` said stop.
    #[error("generation was interrupted")]
    Interrupted,
}
