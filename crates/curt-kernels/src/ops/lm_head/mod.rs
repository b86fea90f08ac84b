//! The vocabulary projection fused with what is wanted of it: log-probability of the target, entropy, Σp², a sample.
//!
//! `z = (x · Wᵀ) / T`, `p = softmax(z)`. Per row: `logprob = z_target − lse`, `entropy = −Σ p ln p`, `sum_p2 = Σ p²`.
//! Logits live in chunks of [`VOCAB_CHUNK`] columns for a block of rows; tokens × vocabulary never exists.
//!
//! **Order of arithmetic (invariant 1).** Logits are the product of [`crate::ops::linear`]. Each chunk gives its own
//! maximum m, `l = Σ exp(z−m)`, `a = Σ exp(z−m)·(z−m)`, `q = Σ exp(z−m)²`, by 16 lanes walking the chunk in order and
//! the fixed tree; chunks are then brought to the row's maximum and added in index order, in f64. Training and decode share this code, so the log-probability
//! that a decode step stores is the one that training computes.
//!
//! Backward (logits recomputed per chunk): `dz_v = [dlogprob·(1[v = target] − p_v) − dentropy·p_v·(ln p_v + entropy)] / T`,
//! `dx = dz · W`, `dW += dzᵀ · x`.

mod backward;
mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
mod plain;
mod sample;
mod stats;
#[cfg(test)]
pub(crate) mod tests;

use crate::ops::linear::Linear;
use crate::{Backend, DeviceError};

/// Columns whose statistics are taken together; a constant of the build, part of the bits of every log-probability.
pub const VOCAB_CHUNK: usize = 512;

/// Sizes of the head.
#[derive(Clone, Copy, Debug)]
pub struct LmHeadShape {
    /// Rows (tokens).
    pub rows: usize,
    /// Vocabulary.
    pub vocab: usize,
    /// Width of `x`.
    pub width: usize,
    /// `1 / temperature`, multiplied onto the logits; 1 for temperature 1.
    pub inv_temperature: f64,
}

/// What the head says of each row; each buffer holds at least `rows` numbers.
#[derive(Debug)]
pub struct HeadFacts<B: Backend> {
    /// Log-probability of the target (or of the drawn token).
    pub logprob: B::Buffer,
    /// Entropy of the distribution in nats.
    pub entropy: B::Buffer,
    /// Σp², the probability that two draws agree.
    pub sum_p2: B::Buffer,
    /// Log of the sum of exponentials of the scaled logits.
    pub lse: B::Buffer,
}

impl<B: Backend> HeadFacts<B> {
    /// Room for `rows` rows.
    pub fn zeros(backend: &B, rows: usize) -> Result<Self, DeviceError> {
        Ok(Self {
            logprob: backend.zeros(rows)?,
            entropy: backend.zeros(rows)?,
            sum_p2: backend.zeros(rows)?,
            lse: backend.zeros(rows)?,
        })
    }
}

/// How a row's token is chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Draw {
    /// The most likely token; the lowest id among equals.
    Greedy,
    /// Inverse CDF in token order at `u` in [0, 1): the plain sampling of training.
    Uniform(f64),
    /// Inverse CDF over a filtered distribution; for evaluation only, its log-probability is that of the whole distribution.
    ///
    /// The filters act in the order of transformers' warpers: top-k, then top-p of the mass that is left, then min-p; the
    /// most likely token always stays, and lower ids come first among equals.
    Filtered {
        /// The uniform number in [0, 1).
        u: f64,
        /// Keep this many most likely tokens; 0 keeps all.
        top_k: u32,
        /// Keep the smallest set of most likely tokens with at least this mass; 1 keeps all.
        top_p: f64,
        /// Drop tokens less likely than this share of the most likely one; 0 drops none.
        min_p: f64,
    },
}

/// The language-model head.
pub trait LmHead: Linear {
    /// Facts of each row for given `targets` \[rows\], from `x` \[rows × width\] and the packed head.
    fn lm_head_forward(
        &self,
        facts: &mut HeadFacts<Self>,
        x: &Self::Buffer,
        weight: &Self::Packed,
        targets: &Self::Ids,
        shape: LmHeadShape,
    );

    /// `dx` \[rows × width\] overwritten, `dweight` \[vocab × width\] accumulated, from d loss / d logprob and d loss / d entropy.
    ///
    /// `facts` are those of the forward; `weight` is row-major, `packed` the same weight packed.
    #[allow(clippy::too_many_arguments)]
    fn lm_head_backward(
        &self,
        dx: &mut Self::Buffer,
        dweight: &mut Self::Buffer,
        dlogprob: &Self::Buffer,
        dentropy: &Self::Buffer,
        facts: &HeadFacts<Self>,
        x: &Self::Buffer,
        weight: &Self::Buffer,
        packed: &Self::Packed,
        targets: &Self::Ids,
        shape: LmHeadShape,
    );

    /// Draws a token per row into `tokens` (on the host: the caller must look at each for a stop) and its facts.
    ///
    /// Inference only: a draw has no gradient; the facts are bit for bit those of [`LmHead::lm_head_forward`] at the drawn tokens.
    fn lm_head_sample(
        &self,
        tokens: &mut [u32],
        facts: &mut HeadFacts<Self>,
        x: &Self::Buffer,
        weight: &Self::Packed,
        draws: &[Draw],
        shape: LmHeadShape,
    );
}
