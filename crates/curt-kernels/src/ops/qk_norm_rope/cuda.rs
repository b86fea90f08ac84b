//! Launches on a GPU; the arithmetic is that of `cpu.rs`, bit for bit. Heads of up to 128, as attention has them.

use super::{QkNormRope, QkParams, QkShape};
use crate::cuda::{Argument, Cuda, CudaBuffer, Kernel, Module, Parameter, reads, writes};
use crate::ops::rms_norm::cpu::DWEIGHT_ROWS;
use crate::ops::{check_ids, check_len, first};

use Parameter::{F32, Pointer, U32};

pub(crate) const MODULE: Module = Module {
    name: "qk_norm_rope",
    ptx: include_str!("../../../ptx/qk_norm_rope.ptx"),
    kernels: &[FORWARD, BACKWARD, BACKWARD_VALUES],
};

/// The widest head, and rows of a block of the forward: fixed by the kernels.
const WIDEST: usize = 128;
const FORWARD_ROWS: usize = 4;

const FORWARD: Kernel = Kernel {
    name: "qk_norm_rope_forward",
    threads: 256,
    parameters: &[Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, U32, U32, U32, U32, F32],
};

const BACKWARD: Kernel = Kernel {
    name: "qk_norm_rope_backward",
    threads: 256,
    parameters: &[
        Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, U32, U32, U32, U32, F32,
    ],
};

const BACKWARD_VALUES: Kernel =
    Kernel { name: "qk_norm_rope_backward_values", threads: 256, parameters: &[Pointer, Pointer, U32, U32] };

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
        self.launch(&FORWARD, [rows.div_ceil(FORWARD_ROWS) as u32, 1, 1], &arguments);
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
        assert_eq!(dnorms.is_some(), params.norms.is_some(), "{OP}: dnorms must be given exactly with norms");
        check_len(OP, "dqkv", dqkv.len(), rows * shape.fused_width());
        check_len(OP, "dq", dq.len(), rows * heads * d);
        check_len(OP, "dk", dk.len(), rows * kv_heads * d);
        check_len(OP, "dv", dv.len(), rows * kv_heads * d);
        check_len(OP, "qkv", qkv.len(), rows * shape.fused_width());
        check(OP, params, shape);
        if let Some((dq_norm, dk_norm)) = &dnorms {
            check_len(OP, "dnorms.0", dq_norm.len(), d);
            check_len(OP, "dnorms.1", dk_norm.len(), d);
        }
        let blocks = rows.div_ceil(DWEIGHT_ROWS);
        let Some(mut partials) = self.scratch(2 * blocks * d) else { return };

        let arrays = [writes(dqkv), writes(&mut partials), reads(dq), reads(dk), reads(qkv)];
        let arguments = [&arrays[..], &norms(params), &tables(params), &sizes(OP, shape), &[epsilon(shape)]].concat();
        self.launch(&BACKWARD, [blocks as u32, 2, 1], &arguments);
        let widths = [shape.fused_width(), kv_heads * d].map(|n| Argument::size(OP, n));
        let arguments = [writes(dqkv), reads(dv), widths[0], widths[1]];
        self.launch(&BACKWARD_VALUES, [rows as u32, 1, 1], &arguments);
        if let Some((dq_norm, dk_norm)) = dnorms {
            self.add_in_order(dq_norm, &partials, 0, blocks, d);
            self.add_in_order(dk_norm, &partials, blocks * d, blocks, d);
        }
    }
}

/// Checks what both directions read of `params`.
fn check(op: &str, params: &QkParams<'_, Cuda>, shape: QkShape) {
    let d = shape.head_dim;
    assert!(d <= WIDEST, "{op}: heads of {d} are wider than the {WIDEST} that the CUDA kernels hold");
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

#[cfg(test)]
mod tests {
    use super::{QkNormRope, QkParams, QkShape};
    use crate::testing::{Numbers, assert_same_numbers, guarded, on_cuda, unguarded};
    use crate::{Backend, Cpu};

    /// Both ways with norms: q, k, dqkv and the norms' gradients.
    fn all<B: Backend + QkNormRope>(backend: &B, shape: QkShape) -> [Vec<f64>; 5] {
        let mut n = Numbers::new(shape.rows as u64);
        let QkShape { rows, heads, kv_heads, head_dim: d, .. } = shape;
        let widths = [shape.fused_width(), heads * d, kv_heads * d, kv_heads * d];
        let [qkv, dq, dk, dv] = widths.map(|width| guarded(backend, &n.vector(rows * width)));
        let [mut q, mut k, mut dqkv] = [widths[1], widths[2], widths[0]].map(|width| guarded(backend, &vec![7.0; rows * width]));
        let [q_norm, k_norm, mut dq_norm, mut dk_norm] = [(); 4].map(|()| guarded(backend, &n.vector(d)));
        let [cos, sin] = [(); 2].map(|()| guarded(backend, &n.vector(9 * d / 2)));
        let positions = backend.upload_ids(&(0..rows).map(|row| (row % 9) as u32).collect::<Vec<_>>()).unwrap();
        let params = QkParams { norms: Some((&q_norm, &k_norm)), cos: &cos, sin: &sin, positions: &positions };
        backend.qk_norm_rope_forward(&mut q, &mut k, &qkv, &params, shape);
        let dnorms = Some((&mut dq_norm, &mut dk_norm));
        backend.qk_norm_rope_backward(&mut dqkv, dnorms, &dq, &dk, &dv, &qkv, &params, shape);
        [&q, &k, &dqkv, &dq_norm, &dk_norm].map(|output| unguarded(backend, "output", output))
    }

    /// Heads that fill a half warp's registers and those that do not; more and fewer than are at work at once.
    #[test]
    fn heads_of_all_widths_have_the_bits_of_the_cpu() {
        let cpu = Cpu::<f32>::new(1).unwrap();
        on_cuda(|cuda| {
            for (rows, heads, kv_heads, head_dim) in [(5, 18, 2, 128), (70, 3, 1, 126), (3, 1, 1, 98)] {
                let shape = QkShape { rows, heads, kv_heads, head_dim, epsilon: 1e-6 };
                for (got, want) in all(cuda, shape).iter().zip(all(&cpu, shape)) {
                    assert_same_numbers(&format!("{shape:?}"), got, &want);
                }
            }
        });
    }

    #[test]
    #[should_panic(expected = "qk_norm_rope_forward: heads of 130 are wider than the 128 that the CUDA kernels hold")]
    fn heads_that_are_too_wide_are_refused() {
        on_cuda(|cuda| drop(all(cuda, QkShape { rows: 1, heads: 1, kv_heads: 1, head_dim: 130, epsilon: 1e-6 })));
    }
}
