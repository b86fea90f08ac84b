//! The transformer: weights, and the passes over them.

mod activations;
mod backward;
mod batch;
mod forward;
mod frozen;
mod parameters;
mod policy;
mod rope_tables;
mod store;
mod training;

use curt_kernels::ops::attention::KvPages;
use curt_kernels::ops::lm_head::LmHeadShape;
use curt_kernels::{DeviceError, Ops, Real};
use ndarray::Array2;

pub use activations::Keep;
pub(crate) use activations::{Activations, HeadBuffers, kv_pages};
pub(crate) use batch::{PackedSequences, RowBatch, check_tokens};
pub(crate) use forward::{Network, Pages};
pub use frozen::FrozenTransformer;
pub(crate) use parameters::Parameters;
pub use parameters::{Parameter, Part, TensorSource};
pub(crate) use rope_tables::RopeTables;
pub(crate) use training::TrainingState;

use crate::config::ModelConfig;
use crate::policy::{PolicyCounters, PolicyError, Sequence, TokenFacts};

/// A dense decoder of the Llama, Qwen2 or Qwen3 family on one backend; see [`crate::Policy`] for what it does.
#[derive(Debug)]
pub struct Transformer<B: Ops> {
    pub(crate) backend: B,
    pub(crate) config: ModelConfig,
    /// Ids at which a completion ends.
    pub(crate) stops: Vec<u32>,
    pub(crate) parameters: Parameters<B>,
    pub(crate) rope: RopeTables<B>,
    pub(crate) inference: Option<InferenceBuffers<B>>,
    pub(crate) cache: Vec<KvPages<B>>,
    pub(crate) training: Option<TrainingState<B>>,
    pub(crate) settings: Settings,
    pub(crate) companions: store::Companions,
    pub(crate) version: u64,
    pub(crate) counters: PolicyCounters,
}

/// Choices that trade memory for speed and change no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Sequences decoded at once; the others wait and refill the slots of those that end.
    pub max_sequences: usize,
    /// Whether the backward pass runs each layer's forward again instead of keeping its activations.
    pub recompute_activations: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { max_sequences: 256, recompute_activations: false }
    }
}

/// Buffers of passes without a backward.
#[derive(Debug)]
pub(crate) struct InferenceBuffers<B: Ops> {
    pub acts: Activations<B>,
    pub head: HeadBuffers<B>,
}

impl<B: Ops> Transformer<B> {
    /// The architecture.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The ids at which a completion ends.
    pub fn stop_token_ids(&self) -> &[u32] {
        &self.stops
    }

    /// The device.
    pub fn backend(&self) -> &B {
        &self.backend
    }

    /// Every parameter with the checkpoint tensors that it is made of.
    pub fn parameters(&self) -> &[Parameter<B>] {
        &self.parameters.all
    }

    /// The number of weights, tied ones once.
    pub fn num_parameters(&self) -> usize {
        self.parameters.all.iter().map(|p| p.len).sum()
    }

    /// Facts of every completion token, by a forward pass that keeps nothing.
    pub fn score_tokens(
        &mut self,
        sequences: &[Sequence<'_>],
        inverse_temperature: f64,
    ) -> Result<Vec<TokenFacts<B::Real>>, PolicyError> {
        check_inverse_temperature(inverse_temperature)?;
        let packed = PackedSequences::new(sequences, self.config.vocab, self.config.max_position_embeddings)?;
        if packed.ids.is_empty() {
            return Ok(Vec::new());
        }
        let batch = RowBatch::new(&self.backend, &packed.ids, &packed.plan)?;
        let mut pages = [kv_pages(&self.backend, &self.config, packed.plan.pages.len())?];
        let scored = packed.scored_rows.len();
        self.prepare_inference(&batch, scored)?;
        let shape = self.head_shape(scored, inverse_temperature);
        let (network, inference) = Self::split(&self.backend, &self.config, &self.parameters, &self.rope, &mut self.inference);
        network.forward(&mut inference.acts, &mut Pages::Scratch(&mut pages[0]), &batch);
        let rows = self.backend.upload_ids(&packed.scored_rows)?;
        let targets = self.backend.upload_ids(&packed.targets)?;
        let head = &mut inference.head;
        self.backend.embedding_forward(&mut head.x, &inference.acts.y, &rows, scored, self.config.hidden);
        let weight = self.parameters.packed(self.parameters.head);
        self.backend.lm_head_forward(&mut head.facts, &head.x, weight, &targets, shape);
        let facts = read_facts(&self.backend, &inference.head, &packed.completion_lengths)?;
        self.counters.scoring_passes += 1;
        check_finite(&facts)?;
        Ok(facts)
    }

    /// Raw logits \[tokens × vocabulary\] of every position of one sequence. Inference only, for small checks.
    pub fn logits(&mut self, tokens: &[u32]) -> Result<Array2<B::Real>, PolicyError> {
        let (what, index, length, context) = ("sequence", 0, tokens.len(), self.config.max_position_embeddings);
        if length == 0 {
            return Err(PolicyError::EmptyPrompt { what, index });
        }
        if length > context {
            return Err(PolicyError::TooLong { what, index, length, context });
        }
        check_tokens(what, index, tokens, self.config.vocab)?;
        let plan = curt_kernels::ops::attention::SequencePlan::packed(&[tokens.len()]);
        let batch = RowBatch::new(&self.backend, tokens, &plan)?;
        let mut pages = [kv_pages(&self.backend, &self.config, plan.pages.len())?];
        self.prepare_inference(&batch, 1)?;
        let (network, inference) = Self::split(&self.backend, &self.config, &self.parameters, &self.rope, &mut self.inference);
        network.forward(&mut inference.acts, &mut Pages::Scratch(&mut pages[0]), &batch);
        let mut logits = self.backend.zeros(tokens.len() * self.config.vocab)?;
        let head = self.parameters.head;
        let shape = network.linear_shape(head, tokens.len());
        self.backend.linear_forward(&mut logits, &inference.acts.y, self.parameters.packed(head), None, shape);
        let (shape, logits) = ((tokens.len(), self.config.vocab), self.backend.download(&logits));
        self.backend.synchronize()?;
        Ok(Array2::from_shape_vec(shape, logits).expect("the buffer was made of this size"))
    }

    pub(crate) fn head_shape(&self, rows: usize, inv_temperature: f64) -> LmHeadShape {
        LmHeadShape { rows, vocab: self.config.vocab, width: self.config.hidden, inv_temperature }
    }

    /// Makes room for a pass over `batch` that looks at `head_rows` rows.
    pub(crate) fn prepare_inference(&mut self, batch: &RowBatch<B>, head_rows: usize) -> Result<(), DeviceError> {
        self.rope.ensure(&self.backend, &self.config, batch.max_positions)?;
        let (rows, head_rows) = (room_for(batch.rows), room_for(head_rows));
        let fits = self.inference.as_ref().is_some_and(|i| i.acts.capacity >= rows && i.head.capacity >= head_rows);
        if !fits {
            let (old_rows, old_head) = self.inference.take().map_or((0, 0), |i| (i.acts.capacity, i.head.capacity));
            self.inference = Some(InferenceBuffers {
                acts: Activations::new(&self.backend, &self.config, rows.max(old_rows), Keep::Nothing)?,
                head: HeadBuffers::new(&self.backend, &self.config, head_rows.max(old_head))?,
            });
        }
        Ok(())
    }

    /// The network's shared view beside the buffers that a pass writes to.
    pub(crate) fn split<'a>(
        backend: &'a B,
        config: &'a ModelConfig,
        parameters: &'a Parameters<B>,
        rope: &'a RopeTables<B>,
        inference: &'a mut Option<InferenceBuffers<B>>,
    ) -> (Network<'a, B>, &'a mut InferenceBuffers<B>) {
        let inference = inference.as_mut().expect("prepare_inference was called");
        (Network { backend, config, parameters, rope }, inference)
    }
}

/// Refuses a factor that the head cannot put on logits.
pub(crate) fn check_inverse_temperature(inverse_temperature: f64) -> Result<(), PolicyError> {
    let factor = inverse_temperature as f32;
    if factor > 0.0 && factor.is_finite() {
        return Ok(());
    }
    let (what, expected) = ("1 / temperature", "above 0 and finite in f32");
    Err(PolicyError::BadSetting { what, expected, found: inverse_temperature.to_string() })
}

/// Names the first log-probability that is not finite.
fn check_finite<R: Real>(facts: &[TokenFacts<R>]) -> Result<(), PolicyError> {
    for (index, facts) in facts.iter().enumerate() {
        if let Some(position) = facts.logprob.iter().position(|x| !x.to_f64().is_finite()) {
            let value = facts.logprob[position].to_f64();
            return Err(PolicyError::NonFiniteLogprob { subject: format!("sequence {index}"), position, value });
        }
    }
    Ok(())
}

/// Rows are rounded up so that buffers are not made anew for each slightly larger batch.
pub(crate) fn room_for(rows: usize) -> usize {
    rows.next_multiple_of(256)
}

/// The facts of each sequence's scored rows, which lie one after the other in the head's buffers. Errors: the device failed.
pub(crate) fn read_facts<B: Ops>(
    backend: &B,
    head: &HeadBuffers<B>,
    lengths: &[usize],
) -> Result<Vec<TokenFacts<B::Real>>, DeviceError> {
    let mut start = 0;
    let read = |buffer: &B::Buffer, start: usize, len: usize| {
        let mut host = vec![Default::default(); len];
        backend.read(&mut host, buffer, start);
        host
    };
    let mut facts = Vec::with_capacity(lengths.len());
    for &len in lengths {
        facts.push(TokenFacts {
            logprob: read(&head.facts.logprob, start, len),
            entropy: read(&head.facts.entropy, start, len),
            sum_p2: read(&head.facts.sum_p2, start, len),
        });
        start += len;
    }
    // after the reads: one that fails gives NaN
    backend.synchronize()?;
    Ok(facts)
}
