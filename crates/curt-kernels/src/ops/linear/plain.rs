//! The plain f64 twin.

use super::{Linear, LinearShape};
use crate::cpu::Buffer;
use crate::{Cpu, DeviceError};

impl Linear for Cpu<f64> {
    type Packed = Vec<f64>;

    fn packed(&self, n: usize, k: usize) -> Result<Vec<f64>, DeviceError> {
        Ok(vec![0.0; n * k])
    }

    fn pack(&self, packed: &mut Vec<f64>, weight: &Buffer<f64>) {
        let len = packed.len();
        packed.copy_from_slice(&weight[..len]);
    }

    fn linear_forward(
        &self,
        y: &mut Buffer<f64>,
        x: &Buffer<f64>,
        weight: &Vec<f64>,
        bias: Option<&Buffer<f64>>,
        shape: LinearShape,
    ) {
        let LinearShape { rows, n, k } = shape;
        for r in 0..rows {
            for i in 0..n {
                let mut sum = 0.0;
                for j in 0..k {
                    sum += x[r * k + j] * weight[i * k + j];
                }
                y[r * n + i] = sum + bias.map_or(0.0, |b| b[i]);
            }
        }
    }

    fn linear_backward_input(&self, dx: &mut Buffer<f64>, dy: &Buffer<f64>, weight: &Buffer<f64>, shape: LinearShape) {
        let LinearShape { rows, n, k } = shape;
        dx[..rows * k].fill(0.0);
        for r in 0..rows {
            for i in 0..n {
                for j in 0..k {
                    dx[r * k + j] += dy[r * n + i] * weight[i * k + j];
                }
            }
        }
    }

    fn linear_backward_weight(
        &self,
        dweight: &mut Buffer<f64>,
        dbias: Option<&mut Buffer<f64>>,
        dy: &Buffer<f64>,
        x: &Buffer<f64>,
        shape: LinearShape,
    ) {
        let LinearShape { rows, n, k } = shape;
        for r in 0..rows {
            for i in 0..n {
                for j in 0..k {
                    dweight[i * k + j] += dy[r * n + i] * x[r * k + j];
                }
            }
        }
        if let Some(dbias) = dbias {
            for r in 0..rows {
                for i in 0..n {
                    dbias[i] += dy[r * n + i];
                }
            }
        }
    }
}
