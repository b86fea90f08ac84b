//! Launches on a GPU; the arithmetic is that of `cpu.rs`, bit for bit. Heads of up to 128 are computed, of any width.
//!
//! A grid has blocks for the longest sequence; those past the end of a shorter one return at once.

use super::{Attention, AttentionShape, KvPages, PAGE, SequencePlan, page_end};
use crate::DeviceError;
use crate::cuda::{Argument, Cuda, CudaBuffer, CudaIds, Kernel, Module, Parameter, reads, writes};
use crate::ops::{check_len, first};

use Parameter::{F32, Pointer, U32};

pub(crate) const FORWARD: Module = Module {
    name: "attention",
    ptx: include_str!("../../../ptx/attention.ptx"),
    kernels: &[STORE, FORWARD_32, FORWARD_64, FORWARD_128],
};

pub(crate) const BACKWARD: Module = Module {
    name: "attention_backward",
    ptx: include_str!("../../../ptx/attention_backward.ptx"),
    kernels: &[CORRECTION, QUERIES_32, QUERIES_64, QUERIES_128, KEYS_32, KEYS_64, KEYS_128],
};

const STORE: Kernel = Kernel {
    name: "attention_store",
    threads: 256,
    parameters: &[Pointer, Pointer, Pointer, Pointer, Pointer, U32, U32, U32, U32],
};

/// Columns of a block of the store, which owns [`PAGE`] rows: fixed by the kernel.
const STORE_COLUMNS: usize = 32;

const fn forward(name: &'static str) -> Kernel {
    const PARAMETERS: &[Parameter] =
        &[Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, U32, U32, U32, F32];
    Kernel { name, threads: 128, parameters: PARAMETERS }
}

const FORWARD_32: Kernel = forward("attention_forward_32");
const FORWARD_64: Kernel = forward("attention_forward_64");
const FORWARD_128: Kernel = forward("attention_forward_128");

const CORRECTION: Kernel =
    Kernel { name: "attention_backward_correction", threads: 128, parameters: &[Pointer, Pointer, Pointer, U32, U32, U32] };

const fn queries(name: &'static str) -> Kernel {
    const PARAMETERS: &[Parameter] =
        &[Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, U32, U32, U32, F32];
    Kernel { name, threads: 128, parameters: PARAMETERS }
}

const QUERIES_32: Kernel = queries("attention_backward_queries_32");
const QUERIES_64: Kernel = queries("attention_backward_queries_64");
const QUERIES_128: Kernel = queries("attention_backward_queries_128");

const fn keys(name: &'static str) -> Kernel {
    const PARAMETERS: &[Parameter] = &[
        Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, U32, U32,
        U32, F32,
    ];
    Kernel { name, threads: 128, parameters: PARAMETERS }
}

const KEYS_32: Kernel = keys("attention_backward_keys_32");
const KEYS_64: Kernel = keys("attention_backward_keys_64");
const KEYS_128: Kernel = keys("attention_backward_keys_128");

/// Queries of one block, forward and backward: fixed by the kernels.
const FORWARD_QUERIES: usize = 32;
const BACKWARD_QUERIES: usize = 16;

/// The widest head that some kernel serves.
const WIDEST: usize = 128;

/// The forward, and the backward for queries and for keys, that serve heads of this width. Panics above [`WIDEST`].
fn kernels(head_dim: usize) -> [&'static Kernel; 3] {
    match head_dim {
        0..=32 => [&FORWARD_32, &QUERIES_32, &KEYS_32],
        33..=64 => [&FORWARD_64, &QUERIES_64, &KEYS_64],
        65..=WIDEST => [&FORWARD_128, &QUERIES_128, &KEYS_128],
        _ => panic!("attention: heads of {head_dim} are wider than the {WIDEST} that the CUDA kernels hold"),
    }
}

/// A [`SequencePlan`] on the device.
#[derive(Debug)]
pub struct CudaSequences {
    plan: SequencePlan,
    row_starts: CudaIds,
    first_positions: CudaIds,
    page_starts: CudaIds,
    pages: CudaIds,
    /// Rows of the longest sequence.
    longest: usize,
    /// One more than the largest page id.
    page_end: usize,
}

impl CudaSequences {
    fn arguments(&self) -> [Argument; 4] {
        [&self.row_starts, &self.first_positions, &self.page_starts, &self.pages].map(reads)
    }

    /// A grid of `blocks` for each key head and sequence.
    fn grid(&self, blocks: usize, shape: AttentionShape) -> [u32; 3] {
        let sequences = self.plan.sequences();
        assert!(sequences <= 65_535, "attention: {sequences} sequences are more than a grid of the device holds");
        [blocks as u32, shape.kv_heads as u32, sequences as u32]
    }
}

fn sizes(shape: AttentionShape) -> [Argument; 3] {
    [shape.heads, shape.kv_heads, shape.head_dim].map(|n| Argument::size("attention", n))
}

fn scale(shape: AttentionShape) -> Argument {
    Argument::F32(shape.scale as f32)
}

impl Attention for Cuda {
    type Sequences = CudaSequences;

    const WIDEST_HEAD: usize = WIDEST;

    fn sequences(&self, plan: &SequencePlan) -> Result<CudaSequences, DeviceError> {
        use crate::Backend;
        plan.check();
        let longest = plan.row_starts.windows(2).map(|pair| (pair[1] - pair[0]) as usize).max().unwrap_or(0);
        Ok(CudaSequences {
            row_starts: self.upload_ids(&plan.row_starts)?,
            first_positions: self.upload_ids(&plan.first_positions)?,
            page_starts: self.upload_ids(&plan.page_starts)?,
            pages: self.upload_ids(&plan.pages)?,
            longest,
            page_end: plan.pages.iter().max().map_or(0, |page| *page as usize + 1),
            plan: plan.clone(),
        })
    }

    fn attention_store(
        &self,
        pages: &mut KvPages<Self>,
        k: &CudaBuffer,
        qkv: &CudaBuffer,
        slots: &CudaIds,
        rows: usize,
        shape: AttentionShape,
    ) {
        const OP: &str = "attention";
        let slots_on_host = first(OP, "slots", &slots.host, rows);
        let end = page_end(slots_on_host);
        check_len(OP, "k", k.len(), rows * shape.kv_heads * shape.head_dim);
        check_len(OP, "qkv", qkv.len(), rows * (shape.heads + 2 * shape.kv_heads) * shape.head_dim);
        check_len(OP, "pages.k", pages.k.len(), end * shape.page_len());
        check_len(OP, "pages.v", pages.v.len(), end * shape.page_len());
        let arrays = [writes(&mut pages.k), writes(&mut pages.v), reads(k), reads(qkv), reads(slots)];
        let columns = shape.kv_heads * shape.head_dim;
        let grid = [rows.div_ceil(PAGE) as u32, columns.div_ceil(STORE_COLUMNS) as u32, 1];
        self.launch(&STORE, grid, &[&arrays[..], &[Argument::size(OP, rows)], &sizes(shape)].concat());
    }

    fn attention_forward(
        &self,
        out: &mut CudaBuffer,
        lse: &mut CudaBuffer,
        q: &CudaBuffer,
        pages: &KvPages<Self>,
        sequences: &CudaSequences,
        shape: AttentionShape,
    ) {
        const OP: &str = "attention";
        let rows = sequences.plan.rows();
        check_len(OP, "out", out.len(), rows * shape.heads * shape.head_dim);
        check_len(OP, "lse", lse.len(), rows * shape.heads);
        check_len(OP, "q", q.len(), rows * shape.heads * shape.head_dim);
        check_len(OP, "pages.k", pages.k.len(), sequences.page_end * shape.page_len());
        check_len(OP, "pages.v", pages.v.len(), sequences.page_end * shape.page_len());
        let [kernel, ..] = kernels(shape.head_dim);
        let blocks = (sequences.longest * shape.group()).div_ceil(FORWARD_QUERIES);
        let arrays = [writes(out), writes(lse), reads(q), reads(&pages.k), reads(&pages.v)];
        let arguments = [&arrays[..], &sequences.arguments(), &sizes(shape), &[scale(shape)]].concat();
        self.launch(kernel, sequences.grid(blocks, shape), &arguments);
    }

    fn attention_backward(
        &self,
        dq: &mut CudaBuffer,
        dk: &mut CudaBuffer,
        dv: &mut CudaBuffer,
        dout: &CudaBuffer,
        out: &CudaBuffer,
        lse: &CudaBuffer,
        q: &CudaBuffer,
        pages: &KvPages<Self>,
        sequences: &CudaSequences,
        shape: AttentionShape,
    ) {
        const OP: &str = "attention";
        let whole = sequences.plan.first_positions.iter().all(|&p| p == 0);
        assert!(whole, "attention_backward: sequences must be whole");
        let rows = sequences.plan.rows();
        let width = rows * shape.heads * shape.head_dim;
        for (name, len) in [("dq", dq.len()), ("dout", dout.len()), ("out", out.len()), ("q", q.len())] {
            check_len(OP, name, len, width);
        }
        check_len(OP, "dk", dk.len(), rows * shape.kv_heads * shape.head_dim);
        check_len(OP, "dv", dv.len(), rows * shape.kv_heads * shape.head_dim);
        check_len(OP, "lse", lse.len(), rows * shape.heads);
        check_len(OP, "pages.k", pages.k.len(), sequences.page_end * shape.page_len());
        check_len(OP, "pages.v", pages.v.len(), sequences.page_end * shape.page_len());
        let [_, for_queries, for_keys] = kernels(shape.head_dim);
        let Some(mut corrections) = self.scratch(rows * shape.heads) else { return };

        let dimensions = [rows, shape.heads, shape.head_dim].map(|n| Argument::size(OP, n));
        let arguments = [&[writes(&mut corrections), reads(dout), reads(out)][..], &dimensions].concat();
        self.launch(&CORRECTION, [CORRECTION.blocks_of_half_warps(rows * shape.heads), 1, 1], &arguments);
        let inputs = [dout, &corrections, lse, q, &pages.k, &pages.v].map(reads);
        let inputs = [&inputs[..], &sequences.arguments(), &sizes(shape), &[scale(shape)]].concat();
        let blocks = (sequences.longest * shape.group()).div_ceil(BACKWARD_QUERIES);
        self.launch(for_queries, sequences.grid(blocks, shape), &[&[writes(dq)][..], &inputs].concat());
        let pages = sequences.longest.div_ceil(PAGE);
        self.launch(for_keys, sequences.grid(pages, shape), &[&[writes(dk), writes(dv)][..], &inputs].concat());
    }
}
