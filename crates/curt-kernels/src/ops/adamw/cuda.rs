//! The launch on a GPU; the arithmetic is that of `cpu.rs`, bit for bit.

use super::cpu::Constants;
use super::{AdamW, AdamWStep};
use crate::cuda::{Argument, Cuda, CudaBuffer, Kernel, Module, Parameter, reads, writes};
use crate::ops::check_len;

use Parameter::{F32, Pointer, U64};

pub(crate) const MODULE: Module = Module { name: "adamw", ptx: include_str!("../../../ptx/adamw.ptx"), kernels: &[STEP] };

const STEP: Kernel = Kernel {
    name: "adamw_step",
    threads: 256,
    parameters: &[Pointer, Pointer, Pointer, Pointer, F32, F32, F32, F32, F32, F32, F32, F32, F32, U64],
};

impl AdamW for Cuda {
    fn adamw_step(
        &self,
        weight: &mut CudaBuffer,
        m: &mut CudaBuffer,
        v: &mut CudaBuffer,
        grad: &CudaBuffer,
        step: AdamWStep,
        len: usize,
    ) {
        const OP: &str = "adamw_step";
        check_len(OP, "weight", weight.len(), len);
        check_len(OP, "m", m.len(), len);
        check_len(OP, "v", v.len(), len);
        check_len(OP, "grad", grad.len(), len);
        let c = Constants::new(step);
        let constants =
            [c.beta1, c.gain1, c.beta2, c.gain2, c.grad_scale, c.rate, c.correction2, c.epsilon, c.decay].map(Argument::F32);
        let arrays = [writes(weight), writes(m), writes(v), reads(grad)];
        let arguments = [&arrays[..], &constants, &[Argument::U64(len as u64)]].concat();
        self.launch(&STEP, [STEP.blocks_for(len), 1, 1], &arguments);
    }
}
