//! Gradients and the optimizer.

use curt_kernels::ops::adamw::AdamWStep;
use curt_kernels::ops::attention::KvPages;
use curt_kernels::{DeviceError, Ops, Real};

use super::activations::{Activations, BackwardBuffers, HeadBuffers, Keep, kv_pages};
use super::batch::{PackedSequences, RowBatch};
use super::forward::{Network, Pages};
use super::{Parameter, Part, Transformer, check_inverse_temperature, read_facts, room_for};
use crate::policy::{PolicyError, Sequence, TokenFacts, TokenGradients, Update, UpdateNorms};

/// What only training needs; made by the first backward pass.
#[derive(Debug)]
pub(crate) struct TrainingState<B: Ops> {
    /// Accumulated gradient, first and second moment of each parameter.
    pub grads: Vec<B::Buffer>,
    pub m: Vec<B::Buffer>,
    pub v: Vec<B::Buffer>,
    /// Updates that the moments have seen.
    pub updates: u64,
    buffers: Option<TrainingBuffers<B>>,
}

#[derive(Debug)]
struct TrainingBuffers<B: Ops> {
    acts: Activations<B>,
    back: BackwardBuffers<B>,
    head: HeadBuffers<B>,
    pages: KvPages<B>,
    page_capacity: usize,
}

impl<B: Ops> TrainingState<B> {
    pub fn new(backend: &B, lengths: &[usize]) -> Result<Self, DeviceError> {
        let zeros = || lengths.iter().map(|&n| backend.zeros(n)).collect::<Result<Vec<_>, _>>();
        Ok(Self { grads: zeros()?, m: zeros()?, v: zeros()?, updates: 0, buffers: None })
    }
}

impl<B: Ops> Transformer<B> {
    /// Adds the gradient of the given per-token derivatives to the accumulated gradient; returns the forward's facts.
    pub fn backward_tokens(
        &mut self,
        sequences: &[Sequence<'_>],
        gradients: &[TokenGradients<B::Real>],
        inverse_temperature: f64,
    ) -> Result<Vec<TokenFacts<B::Real>>, PolicyError> {
        check_inverse_temperature(inverse_temperature)?;
        let packed = PackedSequences::new(sequences, self.config.vocab, self.config.max_position_embeddings)?;
        let (d_logprob, d_entropy) = flatten(gradients, &packed.completion_lengths)?;
        if packed.ids.is_empty() {
            return Ok(Vec::new());
        }
        let batch = RowBatch::new(&self.backend, &packed.ids, &packed.plan)?;
        let scored = packed.scored_rows.len();
        self.rope.ensure(&self.backend, &self.config, batch.max_positions)?;
        self.prepare_training(batch.rows, scored, packed.plan.pages.len())?;
        let shape = self.head_shape(scored, inverse_temperature);
        let (backend, parameters, d) = (&self.backend, &self.parameters, self.config.hidden);
        let scored_rows = backend.upload_ids(&packed.scored_rows)?;
        let targets = backend.upload_ids(&packed.targets)?;
        let state = self.training.as_mut().expect("prepare_training made it");
        let TrainingBuffers { acts, back, head, pages, .. } = state.buffers.as_mut().expect("prepare_training made them");
        let network = Network { backend, config: &self.config, parameters, rope: &self.rope };

        network.forward(acts, &mut Pages::Scratch(pages), &batch);
        // only the scored rows go through the head; gathering rows is an embedding of row numbers
        backend.embedding_forward(&mut head.x, &acts.y, &scored_rows, scored, d);
        let (weight, packed_weight) = (parameters.value(parameters.head), parameters.packed(parameters.head));
        backend.lm_head_forward(&mut head.facts, &head.x, packed_weight, &targets, shape);
        backend.write(&mut head.d_logprob, &d_logprob);
        backend.write(&mut head.d_entropy, &d_entropy);
        backend.lm_head_backward(
            &mut head.dx,
            &mut state.grads[parameters.head],
            &head.d_logprob,
            &head.d_entropy,
            &head.facts,
            &head.x,
            weight,
            packed_weight,
            &targets,
            shape,
        );
        backend.fill_zero(&mut back.dy, batch.rows * d);
        backend.embedding_backward(&mut back.dy, &head.dx, &scored_rows, scored, d);
        network.backward(&mut state.grads, back, acts, pages, &batch);
        let facts = read_facts(backend, head, &packed.completion_lengths)?;
        self.counters.training_passes += 1;
        Ok(facts)
    }

    /// The accumulated gradient of each parameter, in the order of [`Transformer::parameters`]; empty before the first
    /// backward pass.
    pub fn gradients(&self) -> Vec<Vec<B::Real>> {
        self.training.as_ref().map_or(Vec::new(), |t| t.grads.iter().map(|g| self.backend.download(g)).collect())
    }

    /// Clips the accumulated gradient to `update.max_grad_norm`, updates all weights, clears the gradient.
    ///
    /// A gradient that is not finite changes no weight, is discarded, and is an error that names the tensor. Other errors: a
    /// constant outside its range, a failure of the device.
    pub fn apply_update(&mut self, update: &Update) -> Result<UpdateNorms, PolicyError> {
        check_update::<B::Real>(update)?;
        self.ensure_training_state()?;
        let state = self.training.as_mut().expect("just made");
        let mut total = 0.0;
        for (grad, parameter) in state.grads.iter().zip(&self.parameters.all) {
            let value = self.backend.sum_of_squares(grad, parameter.len);
            if !value.is_finite() {
                let tensor = first_non_finite(&self.backend, grad, parameter);
                // NaN is what a device gives that has failed, too
                self.backend.synchronize()?;
                self.clear_gradients();
                return Err(PolicyError::NonFiniteGradient { tensor, value });
            }
            total += value;
        }
        let grad_norm = total.sqrt();
        let grad_scale = if grad_norm > update.max_grad_norm { update.max_grad_norm / (grad_norm + 1e-6) } else { 1.0 };
        state.updates += 1;
        let t = state.updates as f64;
        for (i, parameter) in self.parameters.all.iter_mut().enumerate() {
            let step = AdamWStep {
                learning_rate: update.learning_rate,
                beta1: update.beta1,
                beta2: update.beta2,
                epsilon: update.epsilon,
                weight_decay: if parameter.decays() { update.weight_decay } else { 0.0 },
                correction1: 1.0 - libm::pow(update.beta1, t),
                correction2: 1.0 - libm::pow(update.beta2, t),
                grad_scale,
            };
            let (m, v, grad) = (&mut state.m[i], &mut state.v[i], &mut state.grads[i]);
            self.backend.adamw_step(&mut parameter.value, m, v, grad, step, parameter.len);
            self.backend.fill_zero(grad, parameter.len);
        }
        self.parameters.pack(&self.backend);
        self.backend.synchronize()?;
        self.version += 1;
        self.counters.updates += 1;
        Ok(UpdateNorms { grad_norm, grad_scale })
    }

    /// Sets the accumulated gradient to zero.
    pub(crate) fn clear_gradients(&mut self) {
        if let Some(state) = &mut self.training {
            for (grad, parameter) in state.grads.iter_mut().zip(&self.parameters.all) {
                self.backend.fill_zero(grad, parameter.len);
            }
        }
    }

    pub(crate) fn ensure_training_state(&mut self) -> Result<(), DeviceError> {
        if self.training.is_none() {
            let lengths: Vec<usize> = self.parameters.all.iter().map(|p| p.len).collect();
            self.training = Some(TrainingState::new(&self.backend, &lengths)?);
        }
        Ok(())
    }

    fn prepare_training(&mut self, rows: usize, scored: usize, pages: usize) -> Result<(), DeviceError> {
        self.ensure_training_state()?;
        let keep = if self.settings.recompute_activations { Keep::Inputs } else { Keep::All };
        let state = self.training.as_mut().expect("just made");
        let fits = state.buffers.as_ref().is_some_and(|b| {
            b.acts.capacity >= rows && b.head.capacity >= scored && b.page_capacity >= pages && b.acts.keep == keep
        });
        if fits {
            return Ok(());
        }
        let old = state.buffers.take();
        let (old_rows, old_scored, old_pages) =
            old.as_ref().map_or((0, 0, 0), |b| (b.acts.capacity, b.head.capacity, b.page_capacity));
        drop(old);
        let (rows, scored) = (room_for(rows).max(old_rows), room_for(scored).max(old_scored));
        let page_capacity = room_for(pages).max(old_pages);
        state.buffers = Some(TrainingBuffers {
            acts: Activations::new(&self.backend, &self.config, rows, keep)?,
            back: BackwardBuffers::new(&self.backend, &self.config, rows)?,
            head: HeadBuffers::new(&self.backend, &self.config, scored)?,
            pages: kv_pages(&self.backend, &self.config, page_capacity)?,
            page_capacity,
        });
        Ok(())
    }
}

/// Refuses constants that would spoil the weights, as the numbers that the backend computes in.
fn check_update<R: Real>(update: &Update) -> Result<(), PolicyError> {
    let Update { learning_rate, beta1, beta2, epsilon, weight_decay, max_grad_norm } = *update;
    let decays = 0.0..1.0;
    let real = |x: f64| R::from_f64(x).to_f64();
    let checks = [
        ("learning_rate", "at least 0 and finite", learning_rate, learning_rate >= 0.0 && real(learning_rate).is_finite()),
        ("beta1", "at least 0 and below 1", beta1, decays.contains(&beta1)),
        ("beta2", "at least 0 and below 1", beta2, decays.contains(&beta2)),
        ("epsilon", "above 0 and finite", epsilon, real(epsilon) > 0.0 && real(epsilon).is_finite()),
        ("weight_decay", "at least 0 and finite", weight_decay, weight_decay >= 0.0 && real(weight_decay).is_finite()),
        ("max_grad_norm", "above 0", max_grad_norm, max_grad_norm > 0.0),
    ];
    match checks.into_iter().find(|(_, _, _, good)| !good) {
        Some((what, expected, found, _)) => Err(PolicyError::BadSetting { what, expected, found: found.to_string() }),
        None => Ok(()),
    }
}

/// The name of the first checkpoint tensor of `parameter` whose gradient has an element that is not finite.
fn first_non_finite<B: Ops>(backend: &B, grad: &B::Buffer, parameter: &Parameter<B>) -> String {
    let host = backend.download(grad);
    let bad = |part: &&Part| host[part.offset..part.offset + part.len()].iter().any(|x| !x.to_f64().is_finite());
    // finite elements whose squares overflow are nowhere: then the parameter's first tensor stands for it
    parameter.parts.iter().find(bad).unwrap_or(&parameter.parts[0]).name.clone()
}

/// The per-token derivatives of all sequences, one after the other.
fn flatten<R: Real>(gradients: &[TokenGradients<R>], lengths: &[usize]) -> Result<(Vec<R>, Vec<R>), PolicyError> {
    let (mut d_logprob, mut d_entropy) = (Vec::new(), Vec::new());
    for index in 0..lengths.len().max(gradients.len()) {
        let expected = lengths.get(index).copied().unwrap_or(0);
        let given = gradients.get(index).map_or([0, 0], |g| [g.d_logprob.len(), g.d_entropy.len()]);
        if let Some(found) = given.into_iter().find(|&found| found != expected) {
            return Err(PolicyError::GradientLength { index, expected, found });
        }
        if let Some(given) = gradients.get(index) {
            d_logprob.extend_from_slice(&given.d_logprob);
            d_entropy.extend_from_slice(&given.d_entropy);
        }
    }
    Ok((d_logprob, d_entropy))
}
