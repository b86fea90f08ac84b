//! The plain f64 twin.

use super::{RmsNorm, RmsNormShape};
use crate::cpu::{Buffer, Cpu};
use crate::ops::{first, first_mut};

impl RmsNorm for Cpu<f64> {
    fn rms_norm_forward(&self, y: &mut Buffer<f64>, x: &Buffer<f64>, weight: &Buffer<f64>, shape: RmsNormShape) {
        let RmsNormShape { rows, width, epsilon } = shape;
        let y = first_mut("rms_norm_forward", "y", y, rows * width);
        let x = first("rms_norm_forward", "x", x, rows * width);
        let weight = first("rms_norm_forward", "weight", weight, width);
        for row in 0..rows {
            let at = row * width..(row + 1) * width;
            norm(&mut y[at.clone()], &x[at], weight, epsilon);
        }
    }

    fn add_rms_norm_forward(
        &self,
        h: &mut Buffer<f64>,
        y: &mut Buffer<f64>,
        x: &Buffer<f64>,
        delta: &Buffer<f64>,
        weight: &Buffer<f64>,
        shape: RmsNormShape,
    ) {
        let len = shape.rows * shape.width;
        let sum = first_mut("add_rms_norm_forward", "h", h, len);
        let x = first("add_rms_norm_forward", "x", x, len);
        let delta = first("add_rms_norm_forward", "delta", delta, len);
        for i in 0..len {
            sum[i] = x[i] + delta[i];
        }
        self.rms_norm_forward(y, h, weight, shape);
    }

    fn rms_norm_backward(
        &self,
        dx: &mut Buffer<f64>,
        dweight: &mut Buffer<f64>,
        dresidual: Option<&Buffer<f64>>,
        dy: &Buffer<f64>,
        x: &Buffer<f64>,
        weight: &Buffer<f64>,
        shape: RmsNormShape,
    ) {
        let RmsNormShape { rows, width, epsilon } = shape;
        let dx = first_mut("rms_norm_backward", "dx", dx, rows * width);
        let dweight = first_mut("rms_norm_backward", "dweight", dweight, width);
        let dresidual = dresidual.map(|d| first("rms_norm_backward", "dresidual", d, rows * width));
        let dy = first("rms_norm_backward", "dy", dy, rows * width);
        let x = first("rms_norm_backward", "x", x, rows * width);
        let weight = first("rms_norm_backward", "weight", weight, width);
        for row in 0..rows {
            let at = row * width..(row + 1) * width;
            norm_backward(&mut dx[at.clone()], dweight, &dy[at.clone()], &x[at.clone()], weight, epsilon);
            if let Some(dresidual) = dresidual {
                for i in at {
                    dx[i] += dresidual[i];
                }
            }
        }
    }
}

/// `s = 1 / sqrt(mean(x²) + ε)`.
fn scale(x: &[f64], epsilon: f64) -> f64 {
    let squares: f64 = x.iter().map(|x| x * x).sum();
    1.0 / (squares / x.len() as f64 + epsilon).sqrt()
}

/// One row: `y = x · s · w`.
pub(crate) fn norm(y: &mut [f64], x: &[f64], weight: &[f64], epsilon: f64) {
    let s = scale(x, epsilon);
    for i in 0..x.len() {
        y[i] = x[i] * s * weight[i];
    }
}

/// One row backward: overwrites `dx`, adds to `dweight`.
pub(crate) fn norm_backward(dx: &mut [f64], dweight: &mut [f64], dy: &[f64], x: &[f64], weight: &[f64], epsilon: f64) {
    let s = scale(x, epsilon);
    let gx: f64 = (0..x.len()).map(|i| dy[i] * weight[i] * x[i]).sum();
    let mean = gx / x.len() as f64;
    for i in 0..x.len() {
        dweight[i] += dy[i] * x[i] * s;
        dx[i] = s * (dy[i] * weight[i] - x[i] * s * s * mean);
    }
}
