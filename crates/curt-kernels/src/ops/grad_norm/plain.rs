//! The plain f64 twin.

use super::{BLOCK, GradNorm};
use crate::cpu::{Buffer, Cpu};
use crate::ops::first;

impl GradNorm for Cpu<f64> {
    fn sum_of_squares(&self, x: &Buffer<f64>, len: usize) -> f64 {
        let x = first("sum_of_squares", "x", x, len);
        x.chunks(BLOCK).map(|block| block.iter().map(|x| x * x).sum::<f64>()).fold(0.0, |total, block| total + block)
    }
}
