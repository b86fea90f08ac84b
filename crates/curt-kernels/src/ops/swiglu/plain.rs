//! The plain f64 twin.

use super::Swiglu;
use crate::cpu::{Buffer, Cpu};
use crate::ops::{first, first_mut};

impl Swiglu for Cpu<f64> {
    fn swiglu_forward(&self, out: &mut Buffer<f64>, gate_up: &Buffer<f64>, rows: usize, width: usize) {
        let out = first_mut("swiglu_forward", "out", out, rows * width);
        let gate_up = first("swiglu_forward", "gate_up", gate_up, rows * 2 * width);
        for row in 0..rows {
            for i in 0..width {
                let (gate, up) = (gate_up[row * 2 * width + i], gate_up[row * 2 * width + width + i]);
                out[row * width + i] = gate * sigmoid(gate) * up;
            }
        }
    }

    fn swiglu_backward(&self, dgate_up: &mut Buffer<f64>, dout: &Buffer<f64>, gate_up: &Buffer<f64>, rows: usize, width: usize) {
        let dgate_up = first_mut("swiglu_backward", "dgate_up", dgate_up, rows * 2 * width);
        let dout = first("swiglu_backward", "dout", dout, rows * width);
        let gate_up = first("swiglu_backward", "gate_up", gate_up, rows * 2 * width);
        for row in 0..rows {
            for i in 0..width {
                let (at_gate, at_up) = (row * 2 * width + i, row * 2 * width + width + i);
                let (gate, up, d) = (gate_up[at_gate], gate_up[at_up], dout[row * width + i]);
                let s = sigmoid(gate);
                dgate_up[at_gate] = d * up * s * (1.0 + gate * (1.0 - s));
                dgate_up[at_up] = d * gate * s;
            }
        }
    }
}

/// `1 / (1 + e^−x)`.
fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-x))
}
