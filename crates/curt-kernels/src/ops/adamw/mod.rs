//! AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101): decoupled weight decay, bias-corrected moments.
//!
//! With the scaled gradient `g = grad_scale · grad`: `m = β₁m + (1−β₁)g`, `v = β₂v + (1−β₂)g²`,
//! `w = w − lr·weight_decay·w − lr · (m / c₁) / (sqrt(v / c₂) + ε)`, where `c_i = 1 − β_i^t` come from the caller.

mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
mod plain;
#[cfg(test)]
pub(crate) mod tests;

use crate::Backend;

/// One update's constants.
#[derive(Clone, Copy, Debug)]
pub struct AdamWStep {
    /// Learning rate of this update.
    pub learning_rate: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// ε beside the root.
    pub epsilon: f64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// `1 − β₁^t` for update t = 1, 2, …
    pub correction1: f64,
    /// `1 − β₂^t`.
    pub correction2: f64,
    /// Factor on the gradient: 1, or less when the global norm is clipped.
    pub grad_scale: f64,
}

/// The optimizer's update of one tensor.
pub trait AdamW: Backend {
    /// Updates `weight`, `m` and `v` \[len\] in place from `grad`.
    fn adamw_step(
        &self,
        weight: &mut Self::Buffer,
        m: &mut Self::Buffer,
        v: &mut Self::Buffer,
        grad: &Self::Buffer,
        step: AdamWStep,
        len: usize,
    );
}
