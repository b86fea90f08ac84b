//! What the op tests share: seeded numbers, guard bands, comparisons, and one body for every backend.

mod backends;
#[cfg(feature = "cuda")]
mod device;

use std::io::Write;

pub use backends::{Call, OpCase, Outputs, Run, backends_agree, on, on_every_backend, on_fast_backends, twin};
#[cfg(feature = "cuda")]
pub use device::on_cuda;

use crate::{Backend, Cpu, Real, SimdPath};

/// Elements behind every tested output that an op must not touch.
pub const GUARD: usize = 19;

/// The sentinel in guard bands.
pub const SENTINEL: f64 = -12345.0;

/// Seeded numbers in about (-1, 1); a test's own generator, so that tests need no dependency.
pub struct Numbers(u64);

impl Numbers {
    /// A stream of its own per seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// The next number in [0, 1).
    pub fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    /// `n` numbers in (-1, 1), each exact in f32, so that f32 and f64 ops see the same inputs.
    pub fn vector(&mut self, n: usize) -> Vec<f64> {
        (0..n).map(|_| f64::from((2.0 * self.uniform() - 1.0) as f32)).collect()
    }

    /// An integer below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.uniform() * n as f64) as usize
    }
}

/// The instruction sets that this processor can run, the widest first. Says so once per test program, past the harness
/// that hides what passing tests print.
pub fn available_paths() -> Vec<SimdPath> {
    static SAID: std::sync::Once = std::sync::Once::new();
    let (paths, line) = SimdPath::tested();
    // a closed stderr is no reason to fail
    SAID.call_once(|| drop(writeln!(std::io::stderr(), "{line}")));
    paths
}

/// Every fast f32 backend that this processor can run: each instruction set, with 1 and with 2 threads.
pub fn fast_backends() -> Vec<Cpu<f32>> {
    available_paths().into_iter().flat_map(|p| [1, 2].map(|threads| Cpu::with_path(threads, p).unwrap())).collect()
}

/// A buffer with `values`, followed by a guard band.
pub fn guarded<B: Backend>(backend: &B, values: &[f64]) -> B::Buffer {
    let mut all: Vec<B::Real> = values.iter().map(|&x| B::Real::from_f64(x)).collect();
    all.extend(std::iter::repeat_n(B::Real::from_f64(SENTINEL), GUARD));
    backend.upload(&all).unwrap()
}

/// A guarded buffer of `len` elements that an op must overwrite: they are NaN.
pub fn overwritten<B: Backend>(backend: &B, len: usize) -> B::Buffer {
    guarded(backend, &vec![f64::NAN; len])
}

/// The values of a guarded buffer, after checking that the guard band is intact.
pub fn unguarded<B: Backend>(backend: &B, name: &str, buffer: &B::Buffer) -> Vec<f64> {
    let mut all: Vec<f64> = backend.download(buffer).into_iter().map(Real::to_f64).collect();
    let band = all.split_off(all.len() - GUARD);
    assert!(band.iter().all(|&x| x == SENTINEL), "{name}: wrote past its end");
    all
}

/// Checks `|got - want| <= tolerance * max(1, max|want|)` for all elements; NaN never passes.
pub fn assert_close(name: &str, got: &[f64], want: &[f64], tolerance: f64) {
    assert_eq!(got.len(), want.len(), "{name}: length");
    let scale = want.iter().fold(1.0f64, |m, x| m.max(x.abs()));
    for (i, (&g, &w)) in got.iter().zip(want).enumerate() {
        assert!((g - w).abs() <= tolerance * scale, "{name}[{i}]: got {g}, want {w} (tolerance {tolerance} x {scale})");
    }
}

/// Checks the gradient `grad` of the scalar function `f` at `x` by central differences, in f64.
pub fn assert_gradient(name: &str, f: &dyn Fn(&[f64]) -> f64, x: &[f64], grad: &[f64], tolerance: f64) {
    let step = 1e-5;
    let numeric: Vec<f64> = (0..x.len())
        .map(|i| {
            let mut at = x.to_vec();
            at[i] = x[i] + step;
            let up = f(&at);
            at[i] = x[i] - step;
            (up - f(&at)) / (2.0 * step)
        })
        .collect();
    assert_close(name, grad, &numeric, tolerance);
}

/// The dot product, for turning a vector output into the scalar that [`assert_gradient`] wants.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Checks that two results have the same bits, except that any NaN is as good as another: processors differ in its bits.
pub fn assert_same_numbers(name: &str, got: &[f64], want: &[f64]) {
    assert_eq!(got.len(), want.len(), "{name}: length");
    for (i, (g, w)) in got.iter().zip(want).enumerate() {
        assert!(g.to_bits() == w.to_bits() || (g.is_nan() && w.is_nan()), "{name}[{i}]: got {g:e}, want the bits of {w:e}");
    }
}

/// Checks that two results have the same bits.
pub fn assert_same_bits(name: &str, got: &[f64], want: &[f64]) {
    assert_eq!(got.len(), want.len(), "{name}: length");
    for (i, (g, w)) in got.iter().zip(want).enumerate() {
        assert!(g.to_bits() == w.to_bits(), "{name}[{i}]: got {g:e}, want the bits of {w:e}");
    }
}
