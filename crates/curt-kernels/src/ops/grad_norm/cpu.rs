//! The fast f32 half: f64 accumulation in 16 lanes per block. The square of an f32 is exact in f64.

use super::{BLOCK, GradNorm};
use crate::cpu::simd::{Kernel, LANES};
use crate::cpu::{Buffer, Cpu, SharedMut};
use crate::ops::first;

impl GradNorm for Cpu<f32> {
    fn sum_of_squares(&self, x: &Buffer<f32>, len: usize) -> f64 {
        let x = first("sum_of_squares", "x", x, len);
        let mut sums = vec![0.0; len.div_ceil(BLOCK)];
        let shared = SharedMut::new(&mut sums);
        self.for_each_block(len, BLOCK, 2 * len, |task| {
            // SAFETY: each block's sum belongs to one task.
            let sum = unsafe { shared.range(task.start / BLOCK, 1) };
            sum[0] = self.path().run(Block(&x[task]));
        });
        sums.iter().fold(0.0, |total, sum| total + sum)
    }
}

/// `Σ x²` of one block: lane `i` sums the elements `i`, `i + 16`, …; then the tree 8 + 8, 4 + 4, 2 + 2, 1 + 1.
struct Block<'a>(&'a [f32]);

impl Kernel for Block<'_> {
    type Output = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        let mut lanes = [0.0f64; LANES];
        let (full, rest) = self.0.as_chunks::<LANES>();
        for x in full {
            for i in 0..LANES {
                lanes[i] += f64::from(x[i]) * f64::from(x[i]);
            }
        }
        for (lane, &x) in lanes.iter_mut().zip(rest) {
            *lane += f64::from(x) * f64::from(x);
        }
        let mut half = LANES / 2;
        while half > 0 {
            for i in 0..half {
                lanes[i] += lanes[i + half];
            }
            half /= 2;
        }
        lanes[0]
    }
}
