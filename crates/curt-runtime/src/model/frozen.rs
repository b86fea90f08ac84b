//! A policy that can no longer change: the reference of a KL term.

use curt_kernels::Ops;

use super::Transformer;
use crate::policy::{PolicyCounters, PolicyError, ReferencePolicy, Sequence, TokenFacts};

/// A transformer that only scores: no gradient, no optimizer, no cache of keys and values.
///
/// Its log-probabilities are bit for bit those of the [`Transformer`] that it was made of (one forward), so before the
/// first update the KL term against it is exactly 0.
#[derive(Debug)]
pub struct FrozenTransformer<B: Ops>(Transformer<B>);

impl<B: Ops> Transformer<B> {
    /// This model as it is now, for good. Gradients, moments and cache are freed; weights and their packed form stay.
    pub fn freeze(mut self) -> FrozenTransformer<B> {
        self.training = None;
        self.cache = Vec::new();
        FrozenTransformer(self)
    }
}

impl<B: Ops> FrozenTransformer<B> {
    /// Ids below this can be scored; a reference is of use only to a policy with the same vocabulary.
    pub fn vocabulary(&self) -> usize {
        self.0.config.vocab
    }

    /// Counters of work done, scoring passes among it.
    pub fn counters(&self) -> PolicyCounters {
        self.0.counters
    }
}

impl<B: Ops<Real = f32>> ReferencePolicy for FrozenTransformer<B> {
    fn score(&mut self, sequences: &[Sequence<'_>], inverse_temperature: f64) -> Result<Vec<TokenFacts>, PolicyError> {
        self.0.score_tokens(sequences, inverse_temperature)
    }
}
