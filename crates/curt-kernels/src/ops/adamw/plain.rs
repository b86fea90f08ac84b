//! The plain f64 twin.

use super::{AdamW, AdamWStep};
use crate::cpu::{Buffer, Cpu};
use crate::ops::{first, first_mut};

impl AdamW for Cpu<f64> {
    fn adamw_step(
        &self,
        weight: &mut Buffer<f64>,
        m: &mut Buffer<f64>,
        v: &mut Buffer<f64>,
        grad: &Buffer<f64>,
        step: AdamWStep,
        len: usize,
    ) {
        let weight = first_mut("adamw_step", "weight", weight, len);
        let m = first_mut("adamw_step", "m", m, len);
        let v = first_mut("adamw_step", "v", v, len);
        let grad = first("adamw_step", "grad", grad, len);
        for i in 0..len {
            let g = step.grad_scale * grad[i];
            m[i] = step.beta1 * m[i] + (1.0 - step.beta1) * g;
            v[i] = step.beta2 * v[i] + (1.0 - step.beta2) * g * g;
            let direction = (m[i] / step.correction1) / ((v[i] / step.correction2).sqrt() + step.epsilon);
            weight[i] -= step.learning_rate * (step.weight_decay * weight[i] + direction);
        }
    }
}
