//! The fast f32 half: one pass over memory, constants computed in f64 and rounded once.
//!
//! The decay and the step are summed before they meet the weight, `w −= (lr·λ)·w + (lr/c₁)·m / (sqrt(v · 1/c₂) + ε)`:
//! a factor `1 − lr·λ` would be rounded to a multiple of 6e-8, which at lr 1e-6 is most of the decay.

use super::{AdamW, AdamWStep};
use crate::cpu::simd::Kernel;
use crate::cpu::{Buffer, Cpu, SharedMut};
use crate::ops::{ELEMENTS_PER_TASK, first, first_mut};

impl AdamW for Cpu<f32> {
    fn adamw_step(
        &self,
        weight: &mut Buffer<f32>,
        m: &mut Buffer<f32>,
        v: &mut Buffer<f32>,
        grad: &Buffer<f32>,
        step: AdamWStep,
        len: usize,
    ) {
        let weight = SharedMut::new(first_mut("adamw_step", "weight", weight, len));
        let m = SharedMut::new(first_mut("adamw_step", "m", m, len));
        let v = SharedMut::new(first_mut("adamw_step", "v", v, len));
        let grad = first("adamw_step", "grad", grad, len);
        let constants = Constants::new(step);
        self.for_each_block(len, ELEMENTS_PER_TASK, 8 * len, |task| {
            let (start, len) = (task.start, task.len());
            // SAFETY: each element belongs to one task.
            let (weight, m, v) = unsafe { (weight.range(start, len), m.range(start, len), v.range(start, len)) };
            self.path().run(Update { weight, m, v, grad: &grad[task], constants });
        });
    }
}

/// The constants of [`AdamWStep`] as the loop wants them.
#[derive(Clone, Copy)]
pub(super) struct Constants {
    pub beta1: f32,
    /// `grad_scale · (1 − β₁)`: the gradient's share of the first moment.
    pub gain1: f32,
    pub beta2: f32,
    /// `1 − β₂`.
    pub gain2: f32,
    pub grad_scale: f32,
    /// `lr / c₁`.
    pub rate: f32,
    /// `1 / c₂`.
    pub correction2: f32,
    pub epsilon: f32,
    /// `lr · weight_decay`.
    pub decay: f32,
}

impl Constants {
    pub fn new(step: AdamWStep) -> Self {
        Self {
            beta1: step.beta1 as f32,
            gain1: (step.grad_scale * (1.0 - step.beta1)) as f32,
            beta2: step.beta2 as f32,
            gain2: (1.0 - step.beta2) as f32,
            grad_scale: step.grad_scale as f32,
            rate: (step.learning_rate / step.correction1) as f32,
            correction2: (1.0 / step.correction2) as f32,
            epsilon: step.epsilon as f32,
            decay: (step.learning_rate * step.weight_decay) as f32,
        }
    }
}

/// The update of some elements.
struct Update<'a> {
    weight: &'a mut [f32],
    m: &'a mut [f32],
    v: &'a mut [f32],
    grad: &'a [f32],
    constants: Constants,
}

impl Kernel for Update<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { weight, m, v, grad, constants: c } = self;
        for (((w, m), v), &grad) in weight.iter_mut().zip(m).zip(v).zip(grad) {
            let g = c.grad_scale * grad;
            *m = c.beta1.mul_add(*m, c.gain1 * grad);
            *v = c.beta2.mul_add(*v, c.gain2 * (g * g));
            let step = c.rate * *m / ((*v * c.correction2).sqrt() + c.epsilon);
            *w -= c.decay.mul_add(*w, step);
        }
    }
}
