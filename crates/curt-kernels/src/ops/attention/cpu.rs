//! The fast f32 half: the fixed list of tasks.

use super::backward::BackwardHead;
use super::forward::{ForwardBlock, Scratch};
use super::tiles::HeadPages;
use super::{Attention, AttentionShape, KvPages, PAGE, SequencePlan, page_end};
use crate::cpu::{Buffer, SharedMut};
use crate::{Cpu, DeviceError};

/// Query rows of one forward task.
const BLOCK_ROWS: usize = 64;

/// Rows of one store task.
const STORE_ROWS: usize = 256;

/// Panics unless `buffer` holds `want` numbers.
fn check(name: &str, buffer: &Buffer<f32>, want: usize) {
    assert!(buffer.as_ref().len() >= want, "attention: {name} holds {} numbers, not {want}", buffer.as_ref().len());
}

/// Multiply-adds of all queries with all their visible keys, for one product.
fn work(plan: &SequencePlan, shape: AttentionShape) -> usize {
    let sequence = |s: usize| {
        let rows = (plan.row_starts[s + 1] - plan.row_starts[s]) as usize;
        rows * (plan.first_positions[s] as usize + rows.div_ceil(2))
    };
    (0..plan.sequences()).map(sequence).sum::<usize>() * shape.heads * shape.head_dim
}

impl Attention for Cpu<f32> {
    type Sequences = SequencePlan;

    fn sequences(&self, plan: &SequencePlan) -> Result<SequencePlan, DeviceError> {
        plan.check();
        Ok(plan.clone())
    }

    fn attention_store(
        &self,
        pages: &mut KvPages<Self>,
        k: &Buffer<f32>,
        qkv: &Buffer<f32>,
        slots: &Vec<u32>,
        rows: usize,
        shape: AttentionShape,
    ) {
        let (kv_heads, hd) = (shape.kv_heads, shape.head_dim);
        let fused = (shape.heads + 2 * kv_heads) * hd;
        check("k", k, rows * kv_heads * hd);
        check("qkv", qkv, rows * fused);
        let slots = &slots[..rows];
        let end = page_end(slots);
        check("pages.k", &pages.k, end * shape.page_len());
        check("pages.v", &pages.v, end * shape.page_len());
        let (page_k, page_v) = (SharedMut::new(&mut pages.k), SharedMut::new(&mut pages.v));
        self.for_each_task(rows.div_ceil(STORE_ROWS), rows * kv_heads * hd, |task| {
            for row in task * STORE_ROWS..rows.min((task + 1) * STORE_ROWS) {
                let (page, offset) = (slots[row] as usize / PAGE, slots[row] as usize % PAGE);
                for h in 0..kv_heads {
                    let start = (page * kv_heads + h) * hd * PAGE;
                    for (d, &x) in k[(row * kv_heads + h) * hd..][..hd].iter().enumerate() {
                        // SAFETY: in bounds by the check of the last page; `page_end` saw that no two rows share a slot.
                        unsafe { *page_k.pointer(start + d * PAGE + offset) = x };
                    }
                    // SAFETY: `page_end` saw that no two rows share a slot.
                    let v = unsafe { page_v.range(start + offset * hd, hd) };
                    v.copy_from_slice(&qkv[row * fused + (shape.heads + kv_heads + h) * hd..][..hd]);
                }
            }
        });
    }

    fn attention_forward(
        &self,
        out: &mut Buffer<f32>,
        lse: &mut Buffer<f32>,
        q: &Buffer<f32>,
        pages: &KvPages<Self>,
        sequences: &SequencePlan,
        shape: AttentionShape,
    ) {
        let rows = sequences.rows();
        check("out", out, rows * shape.heads * shape.head_dim);
        check("lse", lse, rows * shape.heads);
        check("q", q, rows * shape.heads * shape.head_dim);
        let blocks = |s: usize| {
            let end = sequences.row_starts[s + 1] as usize;
            (sequences.row_starts[s] as usize..end).step_by(BLOCK_ROWS).map(move |row| (s, row, BLOCK_ROWS.min(end - row)))
        };
        let blocks: Vec<(usize, usize, usize)> = (0..sequences.sequences()).flat_map(blocks).collect();
        let (out, lse) = (SharedMut::new(out), SharedMut::new(lse));
        self.for_each_task(blocks.len() * shape.kv_heads, 2 * work(sequences, shape), |task| {
            let (s, row, rows) = blocks[task / shape.kv_heads];
            let kv_head = task % shape.kv_heads;
            let pages = HeadPages { k: &pages.k, v: &pages.v, pages: sequences.pages_of(s), kv_head, shape };
            let position = sequences.first_positions[s] as usize + row - sequences.row_starts[s] as usize;
            ForwardBlock { q, out, lse, pages, row, rows, position }.run(self.path(), &mut Scratch::default());
        });
    }

    fn attention_backward(
        &self,
        dq: &mut Buffer<f32>,
        dk: &mut Buffer<f32>,
        dv: &mut Buffer<f32>,
        dout: &Buffer<f32>,
        out: &Buffer<f32>,
        lse: &Buffer<f32>,
        q: &Buffer<f32>,
        pages: &KvPages<Self>,
        sequences: &SequencePlan,
        shape: AttentionShape,
    ) {
        assert!(sequences.first_positions.iter().all(|&p| p == 0), "attention_backward: sequences must be whole");
        let rows = sequences.rows();
        check("dq", dq, rows * shape.heads * shape.head_dim);
        check("dk", dk, rows * shape.kv_heads * shape.head_dim);
        check("dv", dv, rows * shape.kv_heads * shape.head_dim);
        check("dout", dout, rows * shape.heads * shape.head_dim);
        check("out", out, rows * shape.heads * shape.head_dim);
        check("lse", lse, rows * shape.heads);
        check("q", q, rows * shape.heads * shape.head_dim);
        let (dq, dk, dv) = (SharedMut::new(dq), SharedMut::new(dk), SharedMut::new(dv));
        self.for_each_task(sequences.sequences() * shape.kv_heads, 5 * work(sequences, shape), |task| {
            let (s, kv_head) = (task / shape.kv_heads, task % shape.kv_heads);
            let pages = HeadPages { k: &pages.k, v: &pages.v, pages: sequences.pages_of(s), kv_head, shape };
            let row = sequences.row_starts[s] as usize;
            let rows = sequences.row_starts[s + 1] as usize - row;
            BackwardHead { dq, dk, dv, dout, out, lse, q, pages, row, rows }.run(self.path());
        });
    }
}
