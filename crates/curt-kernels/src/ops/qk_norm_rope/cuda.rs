//! Launches on a GPU; the arithmetic is that of `cpu.rs`, bit for bit.

use super::{QkNormRope, QkParams, QkShape};
use crate::cuda::{Argument, Cuda, CudaBuffer, Kernel, Module, Parameter, reads, writes};
use crate::ops::rms_norm::cpu::DWEIGHT_ROWS;
use crate::ops::{check_ids, check_len, first};

use Parameter::{F32, Pointer, U32};

pub(crate) const MODULE: Module = Module {
    name: "qk_norm_rope",
    ptx: include_str!("../../../ptx/qk_norm_rope.ptx"),
    kernels: &[FORWARD, BACKWARD_INPUT, BACKWARD_VALUES, BACKWARD_WEIGHT],
};

const FORWARD: Kernel = Kernel {
    name: "qk_norm_rope_forward",
    threads: 128,
    parameters: &[Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, U32, U32, U32, U32, F32],
};

const BACKWARD_INPUT: Kernel = Kernel {
    name: "qk_norm_rope_backward_input",
    threads: 128,
    parameters: &[
        Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, U32, U32, U32, U32, F32,
    ],
};

const BACKWARD_VALUES: Kernel =
    Kernel { name: "qk_norm_rope_backward_values", threads: 256, parameters: &[Pointer, Pointer, U32, U32] };

const BACKWARD_WEIGHT: Kernel = Kernel {
    name: "qk_norm_rope_backward_weight",
    threads: 128,
    parameters: &[Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, U32, U32, U32, U32],
};

impl QkNormRope for Cuda {
    fn qk_norm_rope_forward(
        &self,
        q: &mut CudaBuffer,
        k: &mut CudaBuffer,
        qkv: &CudaBuffer,
        params: &QkParams<'_, Self>,
        shape: QkShape,
    ) {
        const OP: &str = "qk_norm_rope_forward";
        let QkShape { rows, heads, kv_heads, head_dim: d, .. } = shape;
        check_len(OP, "q", q.len(), rows * heads * d);
        check_len(OP, "k", k.len(), rows * kv_heads * d);
        check_len(OP, "qkv", qkv.len(), rows * shape.fused_width());
        check(OP, params, shape);
        let arrays = [writes(q), writes(k), reads(qkv)];
        let arguments = [&arrays[..], &norms(params), &tables(params), &sizes(OP, shape), &[epsilon(shape)]].concat();
        self.launch(&FORWARD, [FORWARD.blocks_of_half_warps(rows * (heads + kv_heads)), 1, 1], &arguments);
    }

    fn qk_norm_rope_backward(
        &self,
        dqkv: &mut CudaBuffer,
        dnorms: Option<(&mut CudaBuffer, &mut CudaBuffer)>,
        dq: &CudaBuffer,
        dk: &CudaBuffer,
        dv: &CudaBuffer,
        qkv: &CudaBuffer,
        params: &QkParams<'_, Self>,
        shape: QkShape,
    ) {
        const OP: &str = "qk_norm_rope_backward";
        let QkShape { rows, heads, kv_heads, head_dim: d, .. } = shape;
        let all = rows * (heads + kv_heads);
        assert_eq!(dnorms.is_some(), params.norms.is_some(), "{OP}: dnorms must be given exactly with norms");
        check_len(OP, "dqkv", dqkv.len(), rows * shape.fused_width());
        check_len(OP, "dq", dq.len(), rows * heads * d);
        check_len(OP, "dk", dk.len(), rows * kv_heads * d);
        check_len(OP, "dv", dv.len(), rows * kv_heads * d);
        check_len(OP, "qkv", qkv.len(), rows * shape.fused_width());
        check(OP, params, shape);
        let blocks = rows.div_ceil(DWEIGHT_ROWS);
        let Some(mut scales) = self.scratch(all) else { return };

        let arrays = [writes(dqkv), writes(&mut scales), reads(dq), reads(dk), reads(qkv)];
        let arguments = [&arrays[..], &norms(params), &tables(params), &sizes(OP, shape), &[epsilon(shape)]].concat();
        self.launch(&BACKWARD_INPUT, [BACKWARD_INPUT.blocks_of_half_warps(all), 1, 1], &arguments);
        let widths = [shape.fused_width(), kv_heads * d].map(|n| Argument::size(OP, n));
        let arguments = [writes(dqkv), reads(dv), widths[0], widths[1]];
        self.launch(&BACKWARD_VALUES, [rows as u32, 1, 1], &arguments);
        if let Some((dq_norm, dk_norm)) = dnorms {
            check_len(OP, "dnorms.0", dq_norm.len(), d);
            check_len(OP, "dnorms.1", dk_norm.len(), d);
            let Some(mut partials) = self.scratch(2 * blocks * d) else { return };
            let arrays = [writes(&mut partials), reads(&scales), reads(dq), reads(dk), reads(qkv)];
            let arguments = [&arrays[..], &tables(params), &sizes(OP, shape)].concat();
            self.launch(&BACKWARD_WEIGHT, [blocks as u32, 2, 1], &arguments);
            self.add_in_order(dq_norm, &partials, 0, blocks, d);
            self.add_in_order(dk_norm, &partials, blocks * d, blocks, d);
        }
    }
}

/// Checks what both directions read of `params`.
fn check(op: &str, params: &QkParams<'_, Cuda>, shape: QkShape) {
    let d = shape.head_dim;
    if let Some((q, k)) = params.norms {
        check_len(op, "norms.0", q.len(), d);
        check_len(op, "norms.1", k.len(), d);
    }
    let positions = first(op, "positions", &params.positions.host, shape.rows);
    check_ids(op, "position", "tables", positions, params.cos.len().min(params.sin.len()) / (d / 2).max(1));
}

fn norms(params: &QkParams<'_, Cuda>) -> [Argument; 2] {
    params.norms.map_or([Argument::NULL; 2], |(q, k)| [reads(q), reads(k)])
}

fn tables(params: &QkParams<'_, Cuda>) -> [Argument; 3] {
    [reads(params.cos), reads(params.sin), reads(params.positions)]
}

fn sizes(op: &str, shape: QkShape) -> [Argument; 4] {
    [shape.rows, shape.heads, shape.kv_heads, shape.head_dim].map(|n| Argument::size(op, n))
}

fn epsilon(shape: QkShape) -> Argument {
    Argument::F32(shape.epsilon as f32)
}
