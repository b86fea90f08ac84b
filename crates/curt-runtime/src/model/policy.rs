//! [`Policy`] for every f32 backend.

use std::path::Path;

use curt_kernels::Ops;

use super::Transformer;
use crate::checkpoint::Dtype;
use crate::policy::{
    Completion, GenerateProgress, GenerateRequest, Policy, PolicyCounters, PolicyError, Sampling, Sequence, TokenFacts,
    TokenGradients, Update, UpdateNorms,
};

impl<B: Ops<Real = f32>> Policy for Transformer<B> {
    fn generate(
        &mut self,
        requests: &[GenerateRequest],
        sampling: &Sampling,
        keep_going: &mut dyn FnMut(GenerateProgress) -> bool,
    ) -> Result<Vec<Vec<Completion>>, PolicyError> {
        self.generate_groups(requests, sampling, keep_going)
    }

    fn score(&mut self, sequences: &[Sequence<'_>], inverse_temperature: f64) -> Result<Vec<TokenFacts>, PolicyError> {
        self.score_tokens(sequences, inverse_temperature)
    }

    fn backward(
        &mut self,
        sequences: &[Sequence<'_>],
        gradients: &[TokenGradients],
        inverse_temperature: f64,
    ) -> Result<Vec<TokenFacts>, PolicyError> {
        self.backward_tokens(sequences, gradients, inverse_temperature)
    }

    fn apply(&mut self, update: &Update) -> Result<UpdateNorms, PolicyError> {
        self.apply_update(update)
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn counters(&self) -> PolicyCounters {
        self.counters
    }

    fn save_weights(&self, dir: &Path) -> Result<(), PolicyError> {
        self.save(dir, Dtype::F32)
    }

    fn save_optimizer(&self, dir: &Path) -> Result<(), PolicyError> {
        self.save_moments(dir)
    }

    fn restore(&mut self, dir: &Path) -> Result<(), PolicyError> {
        self.restore_from(dir)
    }

    fn context_length(&self) -> usize {
        self.config.max_position_embeddings
    }
}
