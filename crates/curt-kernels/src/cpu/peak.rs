//! The rate that no product can outrun.

use std::hint::black_box;

use super::Cpu;
use super::simd::LANES;
use super::vector::{self, Vector, VectorKernel};

impl Cpu<f32> {
    /// The number of fused multiply-adds (each two operations) that `steps` rounds of a loop from registers to registers did.
    ///
    /// Timed by a bench it gives the peak of one core: independent chains of sums, as many as hide the latency of the adder
    /// and fit the registers, and no memory at all. One thread. 0 for no rounds.
    pub fn multiply_adds(&self, steps: usize) -> usize {
        let mut done = 0;
        vector::run(self.path(), Chains { steps, done: &mut done });
        done
    }
}

struct Chains<'a> {
    steps: usize,
    done: &'a mut usize,
}

impl VectorKernel for Chains<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        // a chain is one register of AVX-512, two of AVX2
        *self.done = match V::WIDE {
            true => chains::<V, 16>(self.steps),
            false => chains::<V, 6>(self.steps),
        };
    }
}

#[inline(always)]
fn chains<V: Vector, const N: usize>(steps: usize) -> usize {
    let (mut sums, a, b) = ([V::splat(1.0); N], V::splat(black_box(0.5)), V::splat(black_box(0.25)));
    for _ in 0..steps {
        for sum in &mut sums {
            *sum = sum.fma(a, b);
        }
    }
    let mut total = V::splat(0.0);
    for sum in sums {
        total = total.add(sum);
    }
    black_box(total.sum());
    steps * N * LANES
}

#[cfg(test)]
mod tests {
    use crate::testing::fast_backends;

    #[test]
    fn every_path_counts_its_multiply_adds() {
        for cpu in fast_backends() {
            assert_eq!(cpu.multiply_adds(0), 0);
            assert!(cpu.multiply_adds(10) >= 10 * 6 * 16);
            assert_eq!(cpu.multiply_adds(10), 10 * cpu.multiply_adds(1));
        }
    }
}
