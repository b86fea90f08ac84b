//! The plain f64 twin: one query, one key at a time, two passes over the scores.

use super::{Attention, AttentionShape, KvPages, PAGE, SequencePlan, page_end};
use crate::cpu::Buffer;
use crate::{Cpu, DeviceError};

/// One query head of one row, and the pages it may look at.
struct Query<'a> {
    q: &'a [f64],
    position: usize,
    pages: &'a [u32],
    kv_head: usize,
    shape: AttentionShape,
}

impl Query<'_> {
    /// Start of page `j / 16` of this head in either page buffer.
    fn page(&self, j: usize) -> usize {
        (self.pages[j / PAGE] as usize * self.shape.kv_heads + self.kv_head) * self.shape.head_dim * PAGE
    }

    /// Where element d of key j lies.
    fn key(&self, j: usize, d: usize) -> usize {
        self.page(j) + d * PAGE + j % PAGE
    }

    /// Where element d of value j lies.
    fn value(&self, j: usize, d: usize) -> usize {
        self.page(j) + (j % PAGE) * self.shape.head_dim + d
    }

    /// The scaled scores of all visible keys.
    fn scores(&self, k: &[f64]) -> Vec<f64> {
        (0..=self.position)
            .map(|j| self.shape.scale * (0..self.q.len()).map(|d| self.q[d] * k[self.key(j, d)]).sum::<f64>())
            .collect()
    }
}

/// Calls `visit(row, head, query)` for every query.
fn for_each_query(plan: &SequencePlan, q: &[f64], shape: AttentionShape, mut visit: impl FnMut(usize, usize, &Query<'_>)) {
    let group = shape.group();
    for s in 0..plan.sequences() {
        let first = plan.row_starts[s] as usize;
        for row in first..plan.row_starts[s + 1] as usize {
            for head in 0..shape.heads {
                let at = (row * shape.heads + head) * shape.head_dim;
                let query = Query {
                    q: &q[at..at + shape.head_dim],
                    position: plan.first_positions[s] as usize + row - first,
                    pages: plan.pages_of(s),
                    kv_head: head / group,
                    shape,
                };
                visit(row, head, &query);
            }
        }
    }
}

impl Attention for Cpu<f64> {
    type Sequences = SequencePlan;

    fn sequences(&self, plan: &SequencePlan) -> Result<SequencePlan, DeviceError> {
        plan.check();
        Ok(plan.clone())
    }

    fn attention_store(
        &self,
        pages: &mut KvPages<Self>,
        k: &Buffer<f64>,
        qkv: &Buffer<f64>,
        slots: &Vec<u32>,
        rows: usize,
        shape: AttentionShape,
    ) {
        let (kv_heads, hd) = (shape.kv_heads, shape.head_dim);
        let fused = (shape.heads + 2 * kv_heads) * hd;
        page_end(&slots[..rows]);
        for row in 0..rows {
            let (page, offset) = (slots[row] as usize / PAGE, slots[row] as usize % PAGE);
            for h in 0..kv_heads {
                let start = (page * kv_heads + h) * hd * PAGE;
                for d in 0..hd {
                    pages.k[start + d * PAGE + offset] = k[(row * kv_heads + h) * hd + d];
                    pages.v[start + offset * hd + d] = qkv[row * fused + (shape.heads + kv_heads + h) * hd + d];
                }
            }
        }
    }

    fn attention_forward(
        &self,
        out: &mut Buffer<f64>,
        lse: &mut Buffer<f64>,
        q: &Buffer<f64>,
        pages: &KvPages<Self>,
        sequences: &SequencePlan,
        shape: AttentionShape,
    ) {
        for_each_query(sequences, q, shape, |row, head, query| {
            let s = query.scores(&pages.k);
            let max = s.iter().fold(f64::NEG_INFINITY, |m, &x| m.max(x));
            let sum: f64 = s.iter().map(|x| libm::exp(x - max)).sum();
            let at = row * shape.heads + head;
            lse[at] = max + libm::log(sum);
            for d in 0..shape.head_dim {
                let weighted = |(j, x): (usize, &f64)| libm::exp(x - lse[at]) * pages.v[query.value(j, d)];
                out[at * shape.head_dim + d] = s.iter().enumerate().map(weighted).sum();
            }
        });
    }

    fn attention_backward(
        &self,
        dq: &mut Buffer<f64>,
        dk: &mut Buffer<f64>,
        dv: &mut Buffer<f64>,
        dout: &Buffer<f64>,
        out: &Buffer<f64>,
        lse: &Buffer<f64>,
        q: &Buffer<f64>,
        pages: &KvPages<Self>,
        sequences: &SequencePlan,
        shape: AttentionShape,
    ) {
        assert!(sequences.first_positions.iter().all(|&p| p == 0), "attention_backward: sequences must be whole");
        let hd = shape.head_dim;
        dk[..sequences.rows() * shape.kv_heads * hd].fill(0.0);
        dv[..sequences.rows() * shape.kv_heads * hd].fill(0.0);
        for_each_query(sequences, q, shape, |row, head, query| {
            let head_of_row = row * shape.heads + head;
            let at = head_of_row * hd;
            let (dout, out, dq) = (&dout[at..at + hd], &out[at..at + hd], &mut dq[at..at + hd]);
            let correction: f64 = dout.iter().zip(out).map(|(a, b)| a * b).sum();
            dq.fill(0.0);
            for (j, s) in query.scores(&pages.k).into_iter().enumerate() {
                let p = libm::exp(s - lse[head_of_row]);
                let dp: f64 = (0..hd).map(|d| dout[d] * pages.v[query.value(j, d)]).sum();
                let ds = p * (dp - correction) * shape.scale;
                let key_row = ((row - query.position + j) * shape.kv_heads + query.kv_head) * hd;
                for d in 0..hd {
                    dq[d] += ds * pages.k[query.key(j, d)];
                    dk[key_row + d] += ds * query.q[d];
                    dv[key_row + d] += p * dout[d];
                }
            }
        });
    }
}
