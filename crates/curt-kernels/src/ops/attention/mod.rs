//! Causal grouped-query attention over paged keys and values; packed training and cached decode are one op.
//!
//! A query row of head h at position p attends to positions 0 ..= p of its own sequence:
//! `s_j = scale · q·k_j`, `o = Σ softmax(s)_j · v_j`, `lse = max s + ln Σ exp(s − max s)`.
//!
//! **Order of arithmetic (invariant 1).** Keys are walked in pages of [`PAGE`] = 16 counted from the sequence's own first
//! token. Per page: each of the 16 scores in its own lane, over the head's width in order; the running maximum m is
//! raised to m', `α = exp(m − m')`, `p_j = exp(s_j − m')`, where exponentials below e^−87 are 0;
//! `l = l·α + tree-sum(p)` (fused); `o = o·α`, then `o += p_j · v_j` (fused) with j in order; after the last page
//! `o · (1 / l)` and `lse = m + ln l`. A page is the same arithmetic whether it lies in a decode cache, is shared with
//! other samples, or was written a moment ago by a packed training batch.
//! Scores of lanes past the query's position are replaced by −∞ before the maximum and their values are skipped, so
//! nothing that lies in a slot not yet written (even NaN) is ever seen.
//!
//! Backward (recomputes p from `lse`): `D = Σ do·o`, `dv_j += p_j·do`, `ds_j = p_j·(do·v_j − D)·scale`,
//! `dq = Σ ds_j·k_j`, `dk_j = Σ ds_j·q`. Tasks are whole (sequence, key head) pairs: no sum crosses a task.

mod backward;
mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
mod forward;
mod plain;
#[cfg(test)]
pub(crate) mod tests;
mod tiles;

use crate::{Backend, DeviceError};

/// Tokens of one page.
pub const PAGE: usize = 16;

/// Sizes of attention.
#[derive(Clone, Copy, Debug)]
pub struct AttentionShape {
    /// Query heads; a multiple of `kv_heads`.
    pub heads: usize,
    /// Key and value heads.
    pub kv_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// Factor on the scores, usually `1 / sqrt(head_dim)`.
    pub scale: f64,
}

impl AttentionShape {
    /// Query heads that share a key head.
    fn group(&self) -> usize {
        assert!(
            self.kv_heads > 0 && self.heads.is_multiple_of(self.kv_heads),
            "attention: {} heads over {} kv_heads",
            self.heads,
            self.kv_heads
        );
        self.heads / self.kv_heads
    }

    /// Elements of one page of keys (or of values).
    pub fn page_len(&self) -> usize {
        self.kv_heads * self.head_dim * PAGE
    }
}

/// The pages of one layer. Keys `[page][kv head][head_dim][16 tokens]`, values `[page][kv head][16 tokens][head_dim]`.
#[derive(Debug)]
pub struct KvPages<B: Backend> {
    /// Keys, transposed inside a page so that 16 scores are 16 lanes.
    pub k: B::Buffer,
    /// Values.
    pub v: B::Buffer,
}

/// Which rows belong to which sequence, and where its pages are. Rows of a sequence are consecutive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SequencePlan {
    /// First row of each sequence, and the number of rows at the end: `sequences + 1` entries.
    pub row_starts: Vec<u32>,
    /// Position of each sequence's first row: how many tokens of it lie in its pages already.
    pub first_positions: Vec<u32>,
    /// First entry in `pages` of each sequence, and the length of `pages` at the end: `sequences + 1` entries.
    pub page_starts: Vec<u32>,
    /// Page ids, sequence after sequence; page i of a sequence holds its tokens 16·i ..
    pub pages: Vec<u32>,
}

impl SequencePlan {
    /// Whole sequences of the given lengths with pages 0, 1, 2, … in order: the plan of a packed training batch.
    pub fn packed(lengths: &[usize]) -> Self {
        let mut plan = Self { row_starts: vec![0], page_starts: vec![0], ..Self::default() };
        for &length in lengths {
            plan.row_starts.push(plan.row_starts[plan.row_starts.len() - 1] + length as u32);
            plan.first_positions.push(0);
            let first = plan.pages.len() as u32;
            plan.pages.extend(first..first + length.div_ceil(PAGE) as u32);
            plan.page_starts.push(plan.pages.len() as u32);
        }
        plan
    }

    /// Panics with the reason unless rows and pages are consistent and every token of every sequence has a page.
    fn check(&self) {
        let n = self.sequences();
        assert!(
            self.row_starts.len() == n + 1,
            "attention plan: row_starts has {} entries, not {}",
            self.row_starts.len(),
            n + 1
        );
        assert!(self.page_starts.len() == n + 1, "attention plan: page_starts has {}, not {}", self.page_starts.len(), n + 1);
        assert!(self.page_starts[n] as usize <= self.pages.len(), "attention plan: page_starts ends past pages");
        for s in 0..n {
            assert!(self.row_starts[s] <= self.row_starts[s + 1], "attention plan: row_starts falls at sequence {s}");
            assert!(self.page_starts[s] <= self.page_starts[s + 1], "attention plan: page_starts falls at sequence {s}");
            let tokens = (self.first_positions[s] + self.row_starts[s + 1] - self.row_starts[s]) as usize;
            let pages = (self.page_starts[s + 1] - self.page_starts[s]) as usize;
            assert!(tokens <= pages * PAGE, "attention plan: sequence {s} has {tokens} tokens and {pages} pages");
        }
    }

    /// The pages of sequence `s`.
    fn pages_of(&self, s: usize) -> &[u32] {
        &self.pages[self.page_starts[s] as usize..self.page_starts[s + 1] as usize]
    }

    /// The number of sequences.
    pub fn sequences(&self) -> usize {
        self.first_positions.len()
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.row_starts.last().map_or(0, |&r| r as usize)
    }

    /// Where each row's key and value go: `page · 16 + offset` per row.
    pub fn slots(&self) -> Vec<u32> {
        let mut slots = Vec::with_capacity(self.rows());
        for s in 0..self.sequences() {
            let pages = self.pages_of(s);
            for row in 0..self.row_starts[s + 1] - self.row_starts[s] {
                let position = (self.first_positions[s] + row) as usize;
                slots.push(pages[position / PAGE] * PAGE as u32 + (position % PAGE) as u32);
            }
        }
        slots
    }

    /// The position of each row in its sequence.
    pub fn positions(&self) -> Vec<u32> {
        (0..self.sequences())
            .flat_map(|s| (0..self.row_starts[s + 1] - self.row_starts[s]).map(move |r| self.first_positions[s] + r))
            .collect()
    }
}

/// One more than the largest page of `slots`. Panics where two of them are equal: rows are stored side by side.
fn page_end(slots: &[u32]) -> usize {
    // those of whole sequences rise, which is seen without a copy
    if !slots.is_sorted_by(|a, b| a < b) {
        let mut sorted = slots.to_vec();
        sorted.sort_unstable();
        let twice = sorted.windows(2).find(|pair| pair[0] == pair[1]);
        assert!(twice.is_none(), "attention_store: slot {} is that of two rows", twice.map_or(0, |pair| pair[0]));
    }
    slots.iter().max().map_or(0, |&slot| slot as usize / PAGE + 1)
}

/// Attention over pages.
pub trait Attention: Backend {
    /// A [`SequencePlan`] on the device.
    type Sequences: Send + Sync + std::fmt::Debug;

    /// The widest head that the kernels hold; wider ones make them panic.
    const WIDEST_HEAD: usize = usize::MAX;

    /// Brings a plan to the device.
    fn sequences(&self, plan: &SequencePlan) -> Result<Self::Sequences, DeviceError>;

    /// Writes the rows' keys `k` \[rows × kv_heads · head_dim\] and the v part of the fused rows `qkv` into their pages.
    ///
    /// `slots[i] = page · 16 + offset` of row i. Panics where two rows share a slot.
    fn attention_store(
        &self,
        pages: &mut KvPages<Self>,
        k: &Self::Buffer,
        qkv: &Self::Buffer,
        slots: &Self::Ids,
        rows: usize,
        shape: AttentionShape,
    );

    /// `out` \[rows × heads · head_dim\] and `lse` \[rows × heads\] from `q` \[rows × heads · head_dim\] and the pages.
    fn attention_forward(
        &self,
        out: &mut Self::Buffer,
        lse: &mut Self::Buffer,
        q: &Self::Buffer,
        pages: &KvPages<Self>,
        sequences: &Self::Sequences,
        shape: AttentionShape,
    );

    /// `dq` \[rows × heads · head_dim\], `dk` and `dv` \[rows × kv_heads · head_dim\]; whole sequences only (first position 0).
    #[allow(clippy::too_many_arguments)]
    fn attention_backward(
        &self,
        dq: &mut Self::Buffer,
        dk: &mut Self::Buffer,
        dv: &mut Self::Buffer,
        dout: &Self::Buffer,
        out: &Self::Buffer,
        lse: &Self::Buffer,
        q: &Self::Buffer,
        pages: &KvPages<Self>,
        sequences: &Self::Sequences,
        shape: AttentionShape,
    );
}
