//! Transformer operations, forward and backward side by side, for `curt`.
//!
//! One folder per op under [`ops`]: the formula both ways and the trait in `mod.rs`, the fast f32 half in `cpu.rs`,
//! the plain f64 twin in `plain.rs`, the launches on a GPU in `cuda.rs` and their kernels in `*.cu`. A backend implements
//! every trait of [`Ops`], so none compiles with a forward and without its backward.
//!
//! What all ops promise (see `docs/architecture.md`):
//! - **One forward.** An output element is accumulated in one fixed order, in its own lane. Its bits do not depend on how
//!   many rows are computed with it, on the number of threads, or on the instruction set.
//! - **Argument order**: outputs, inputs, sizes. `dweight`-like outputs accumulate, `dx`-like outputs overwrite. Row-major.
//! - Sizes are checked; a wrong size is a programming error and panics with the name of the op and the argument.
//!
//! ```
//! use curt_kernels::{Backend, Cpu, ops::swiglu::Swiglu};
//! let cpu = Cpu::<f32>::new(1).unwrap();
//! let gate_up = cpu.upload(&[1.0, 2.0, 3.0, 4.0]).unwrap(); // one row: gate [1, 2], up [3, 4]
//! let mut out = cpu.zeros(2).unwrap();
//! cpu.swiglu_forward(&mut out, &gate_up, 1, 2);
//! assert!((cpu.download(&out)[0] - 3.0 * 0.7310586).abs() < 1e-5);
//! ```

mod backend;
pub mod cpu;
#[cfg(feature = "cuda")]
pub mod cuda;
pub mod math;
pub mod ops;
#[cfg(test)]
mod testing;

pub use backend::{Backend, DeviceError, Launch, Real};
pub use cpu::{Buffer, Cpu, SimdPath};
#[cfg(feature = "cuda")]
pub use cuda::Cuda;

/// Every op that the transformer needs; implemented by a backend that has them all.
pub trait Ops:
    Backend
    + ops::embedding::Embedding
    + ops::rms_norm::RmsNorm
    + ops::qk_norm_rope::QkNormRope
    + ops::linear::Linear
    + ops::attention::Attention
    + ops::swiglu::Swiglu
    + ops::lm_head::LmHead
    + ops::adamw::AdamW
    + ops::grad_norm::GradNorm
{
}

impl<B> Ops for B where
    B: Backend
        + ops::embedding::Embedding
        + ops::rms_norm::RmsNorm
        + ops::qk_norm_rope::QkNormRope
        + ops::linear::Linear
        + ops::attention::Attention
        + ops::swiglu::Swiglu
        + ops::lm_head::LmHead
        + ops::adamw::AdamW
        + ops::grad_norm::GradNorm
{
}
