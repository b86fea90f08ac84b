//! Launches on a GPU: blocks of rows, groups of chunks, and the arithmetic of `cpu.rs`, bit for bit.
//!
//! The backward reads the gradients of the facts to the host, because only rows that have one take part; it waits for the
//! device once. Filtered draws, which evaluation alone makes, are chosen on the host.

use super::backward::{GROUP_CHUNKS, block_rows};
use super::cpu::{check_head, check_targets, draw_from_row};
use super::stats::ChunkStatistics;
use super::{Draw, HeadFacts, LmHead, LmHeadShape, VOCAB_CHUNK};
use crate::Backend;
use crate::cpu::SimdPath;
use crate::cuda::{Argument, Cuda, CudaBuffer, CudaIds, Kernel, Module, Parameter, reads, writes};
use crate::ops::linear::cuda::{CudaPanels, CudaProduct, PanelProduct, TILE};

use Parameter::{F32, Pointer, U32};

pub(crate) const MODULE: Module = Module {
    name: "lm_head",
    ptx: include_str!("../../../ptx/lm_head.ptx"),
    kernels: &[STATISTICS, FACTS, SEARCH, DRAW, GRADIENT, GATHER, SCATTER],
};

const STATISTICS: Kernel = Kernel {
    name: "lm_head_statistics",
    threads: 128,
    parameters: &[Pointer, Pointer, Pointer, Pointer, U32, U32, U32, U32, U32, F32],
};

const FACTS: Kernel =
    Kernel { name: "lm_head_facts", threads: 256, parameters: &[Pointer, Pointer, Pointer, Pointer, Pointer, U32, U32] };

const SEARCH: Kernel = Kernel {
    name: "lm_head_search",
    threads: 256,
    parameters: &[Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, U32, U32],
};

const DRAW: Kernel = Kernel {
    name: "lm_head_draw",
    threads: 256,
    parameters: &[Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, U32, U32, F32],
};

const GRADIENT: Kernel = Kernel {
    name: "lm_head_gradient",
    threads: 256,
    parameters: &[Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, Pointer, U32, U32, U32, F32],
};

const GATHER: Kernel = Kernel { name: "lm_head_gather", threads: 256, parameters: &[Pointer, Pointer, Pointer, U32] };
const SCATTER: Kernel = Kernel { name: "lm_head_scatter", threads: 256, parameters: &[Pointer, Pointer, Pointer, U32] };

/// Numbers of logits that exist at once: 16 MiB.
const LOGITS: usize = 1 << 22;

/// Most rows whose statistics are taken in one turn.
const ROWS: usize = 4096;

/// Rows of a block of [`FACTS`] and [`SEARCH`]: fixed by the kernels.
const MERGED_ROWS: usize = 8;

/// Numbers of f64 that `Search` of the kernels takes per row.
const SEARCH_WORDS: usize = 4;

/// What the forward's passes read.
#[derive(Clone, Copy)]
struct Head<'a> {
    x: &'a CudaBuffer,
    weight: &'a CudaPanels,
    shape: LmHeadShape,
}

impl<'a> Head<'a> {
    fn new(op: &str, x: &'a CudaBuffer, weight: &'a CudaPanels, shape: LmHeadShape) -> Self {
        check_head(op, x.len(), (weight.n, weight.k), shape);
        Self { x, weight, shape }
    }

    fn chunks(&self) -> usize {
        self.shape.vocab.div_ceil(VOCAB_CHUNK)
    }

    fn scale(&self) -> Argument {
        Argument::F32(self.shape.inv_temperature as f32)
    }

    /// Statistics of `rows` rows from `first_row` on. With targets, their logits go to `logprob`, from the row on.
    fn statistics(
        &self,
        cuda: &Cuda,
        (first_row, rows): (usize, usize),
        targets: Option<(&CudaIds, &CudaBuffer)>,
    ) -> Option<CudaBuffer> {
        const OP: &str = "lm_head";
        let LmHeadShape { vocab, .. } = self.shape;
        let mut statistics = cuda.scratch(4 * self.chunks() * rows)?;
        let group = (LOGITS / rows / VOCAB_CHUNK).clamp(1, self.chunks()) * VOCAB_CHUNK;
        let stride = group.min(vocab);
        let mut logits = cuda.scratch(rows * stride)?;
        let (ids, target_logits) = match targets {
            Some((ids, logprob)) => {
                let ids = Argument::Pointer(ids.pointer() + (first_row * size_of::<u32>()) as u64);
                (ids, Argument::Pointer(logprob.pointer(first_row)))
            }
            None => (Argument::NULL, Argument::NULL),
        };
        for first in (0..vocab).step_by(group) {
            let columns = group.min(vocab - first);
            let (x, weight) = (self.x, self.weight);
            let product = PanelProduct { x, first_row, rows, weight, first_panel: first / TILE, columns, stride };
            cuda.panel_product(&mut logits, product, None);
            let arrays = [writes(&mut statistics), target_logits, reads(&logits), ids];
            let sizes = [rows, columns, stride, first, self.chunks()].map(|n| Argument::size(OP, n));
            let grid = [STATISTICS.blocks_of_half_warps(rows), columns.div_ceil(VOCAB_CHUNK) as u32, 1];
            cuda.launch(&STATISTICS, grid, &[&arrays[..], &sizes, &[self.scale()]].concat());
        }
        Some(statistics)
    }

    /// Draws rows `first_row ..` by the inverse CDF or greedily; `numbers` has the uniform number of each, or −1.
    fn draw(
        &self,
        cuda: &Cuda,
        tokens: &mut [u32],
        facts: &mut HeadFacts<Cuda>,
        first_row: usize,
        numbers: &[f64],
    ) -> Option<()> {
        const OP: &str = "lm_head_sample";
        let rows = numbers.len();
        let statistics = self.statistics(cuda, (first_row, rows), None)?;
        let mut searches = cuda.scratch_of::<f64>(SEARCH_WORDS * rows)?;
        let mut drawn = cuda.scratch_of::<u32>(rows)?;
        let numbers = cuda.scratch_from(numbers)?;
        let [logprob, entropy, sum_p2, lse] =
            [&facts.logprob, &facts.entropy, &facts.sum_p2, &facts.lse].map(|fact| Argument::Pointer(fact.pointer(first_row)));
        let [rows_, chunks] = [rows, self.chunks()].map(|n| Argument::size(OP, n));
        let arguments = [writes(&mut searches), entropy, sum_p2, lse, reads(&statistics), reads(&numbers), rows_, chunks];
        cuda.launch(&SEARCH, [rows.div_ceil(MERGED_ROWS) as u32, 1, 1], &arguments);
        let x = Argument::Pointer(self.x.pointer(first_row * self.shape.width));
        let [vocab, width] = [self.shape.vocab, self.shape.width].map(|n| Argument::size(OP, n));
        let arrays = [writes(&mut drawn), logprob, reads(&searches), reads(&numbers), x, self.weight.pointer(0)];
        cuda.launch(&DRAW, [rows as u32, 1, 1], &[&arrays[..], &[vocab, width, self.scale()]].concat());
        cuda.read_block(tokens, &drawn).then_some(())
    }

    /// Draws one row on the host, from all its logits.
    fn draw_filtered(&self, cuda: &Cuda, facts: &mut HeadFacts<Cuda>, row: usize, draw: Draw) -> Option<u32> {
        let vocab = self.shape.vocab;
        let mut logits = cuda.scratch(vocab)?;
        let (x, weight) = (self.x, self.weight);
        let product = PanelProduct { x, first_row: row, rows: 1, weight, first_panel: 0, columns: vocab, stride: vocab };
        cuda.panel_product(&mut logits, product, None);
        let mut line = vec![0.0; vocab.next_multiple_of(TILE)];
        cuda.read(&mut line[..vocab], &logits, 0);
        let mut statistics = vec![ChunkStatistics::default(); self.chunks()];
        let scale = self.shape.inv_temperature as f32;
        let (token, merged) = draw_from_row(SimdPath::detect(), &mut line, vocab, scale, draw, &mut statistics);
        let found = [merged.logprob(line[token]), merged.entropy, merged.sum_p2, merged.lse as f32];
        for (fact, x) in [&mut facts.logprob, &mut facts.entropy, &mut facts.sum_p2, &mut facts.lse].into_iter().zip(found) {
            cuda.copy(fact, row, &cuda.keep_failure(cuda.upload(&[x]))?, 0, 1);
        }
        Some(token as u32)
    }
}

fn check_facts(op: &str, facts: &HeadFacts<Cuda>, rows: usize) {
    let shortest = facts.logprob.len().min(facts.entropy.len()).min(facts.sum_p2.len()).min(facts.lse.len());
    assert!(shortest >= rows, "{op}: facts have room for {shortest} rows, {rows} expected");
}

impl LmHead for Cuda {
    fn lm_head_forward(
        &self,
        facts: &mut HeadFacts<Self>,
        x: &CudaBuffer,
        weight: &CudaPanels,
        targets: &CudaIds,
        shape: LmHeadShape,
    ) {
        const OP: &str = "lm_head_forward";
        let head = Head::new(OP, x, weight, shape);
        check_targets(OP, &targets.host, shape);
        check_facts(OP, facts, shape.rows);
        for first in (0..shape.rows).step_by(ROWS) {
            let rows = ROWS.min(shape.rows - first);
            let Some(statistics) = head.statistics(self, (first, rows), Some((targets, &facts.logprob))) else { return };
            let [logprob, entropy, sum_p2, lse] =
                [&facts.logprob, &facts.entropy, &facts.sum_p2, &facts.lse].map(|fact| Argument::Pointer(fact.pointer(first)));
            let [count, chunks] = [rows, head.chunks()].map(|n| Argument::size(OP, n));
            let arguments = [logprob, entropy, sum_p2, lse, reads(&statistics), count, chunks];
            self.launch(&FACTS, [rows.div_ceil(MERGED_ROWS) as u32, 1, 1], &arguments);
        }
    }

    fn lm_head_backward(
        &self,
        dx: &mut CudaBuffer,
        dweight: &mut CudaBuffer,
        dlogprob: &CudaBuffer,
        dentropy: &CudaBuffer,
        facts: &HeadFacts<Self>,
        x: &CudaBuffer,
        weight: &CudaBuffer,
        packed: &CudaPanels,
        targets: &CudaIds,
        shape: LmHeadShape,
    ) {
        const OP: &str = "lm_head_backward";
        Head::new(OP, x, packed, shape);
        check_targets(OP, &targets.host, shape);
        let LmHeadShape { rows, vocab, width, .. } = shape;
        for (name, buffer) in [("dlogprob", dlogprob), ("dentropy", dentropy), ("entropy", &facts.entropy), ("lse", &facts.lse)] {
            assert!(buffer.len() >= rows, "{OP}: {name} has {} numbers, {rows} expected", buffer.len());
        }
        assert!(dx.len() >= rows * width, "{OP}: dx has {} numbers, {rows} x {width} expected", dx.len());
        for (name, buffer) in [("dweight", &*dweight), ("weight", weight)] {
            assert!(buffer.len() >= vocab * width, "{OP}: {name} has {} numbers, {vocab} x {width} expected", buffer.len());
        }
        let mut gradients = [vec![0.0; rows], vec![0.0; rows]];
        self.read(&mut gradients[0], dlogprob, 0);
        self.read(&mut gradients[1], dentropy, 0);
        let active: Vec<u32> =
            (0..rows as u32).filter(|&r| gradients.iter().any(|gradient| gradient[r as usize] != 0.0)).collect();
        self.fill_zero(dx, rows * width);
        for rows in active.chunks(block_rows(shape, active.len()).max(1)) {
            let inputs = BackwardInputs { dlogprob, dentropy, facts, x, weight, packed, targets, shape };
            if inputs.add_block(self, dx, dweight, rows).is_none() {
                return;
            }
        }
    }

    fn lm_head_sample(
        &self,
        tokens: &mut [u32],
        facts: &mut HeadFacts<Self>,
        x: &CudaBuffer,
        weight: &CudaPanels,
        draws: &[Draw],
        shape: LmHeadShape,
    ) {
        const OP: &str = "lm_head_sample";
        let rows = shape.rows;
        let head = Head::new(OP, x, weight, shape);
        assert!(draws.len() >= rows, "{OP}: {} draws for {rows} rows", draws.len());
        assert!(tokens.len() >= rows, "{OP}: {} tokens for {rows} rows", tokens.len());
        check_facts(OP, facts, rows);
        let numbers: Vec<f64> = draws[..rows]
            .iter()
            .map(|draw| match draw {
                Draw::Greedy => -1.0,
                Draw::Uniform(u) => u.max(0.0),
                Draw::Filtered { .. } => 0.0, // drawn below
            })
            .collect();
        let filtered = |draw: &Draw| matches!(draw, Draw::Filtered { .. });
        tokens[..rows].fill(0);
        if !draws[..rows].iter().all(filtered) {
            for (i, numbers) in numbers.chunks(ROWS).enumerate() {
                let first = i * ROWS;
                if head.draw(self, &mut tokens[first..first + numbers.len()], facts, first, numbers).is_none() {
                    return;
                }
            }
        }
        for row in (0..rows).filter(|&row| filtered(&draws[row])) {
            match head.draw_filtered(self, facts, row, draws[row]) {
                Some(token) => tokens[row] = token,
                None => return,
            }
        }
    }
}

/// What the backward reads.
struct BackwardInputs<'a> {
    dlogprob: &'a CudaBuffer,
    dentropy: &'a CudaBuffer,
    facts: &'a HeadFacts<Cuda>,
    x: &'a CudaBuffer,
    weight: &'a CudaBuffer,
    packed: &'a CudaPanels,
    targets: &'a CudaIds,
    shape: LmHeadShape,
}

impl BackwardInputs<'_> {
    /// Computes `dx` of some rows and adds their share of `dweight`; `None` after a failure.
    fn add_block(&self, cuda: &Cuda, dx: &mut CudaBuffer, dweight: &mut CudaBuffer, rows: &[u32]) -> Option<()> {
        const OP: &str = "lm_head_backward";
        let LmHeadShape { vocab, width, inv_temperature, .. } = self.shape;
        let count = rows.len();
        let places = cuda.scratch_from(rows)?;
        let stride = vocab.min(GROUP_CHUNKS * VOCAB_CHUNK);
        let (mut dz, mut x) = (cuda.scratch(count * stride)?, cuda.scratch(count * width)?);
        let mut block_dx = cuda.scratch(count * width)?;
        let [width_, stride_] = [width, stride].map(|n| Argument::size(OP, n));
        let blocks = [count as u32, 1, 1];
        cuda.launch(&GATHER, blocks, &[writes(&mut x), reads(self.x), reads(&places), width_]);
        for first in (0..vocab).step_by(stride) {
            let columns = stride.min(vocab - first);
            let product = PanelProduct {
                x: &x,
                first_row: 0,
                rows: count,
                weight: self.packed,
                first_panel: first / TILE,
                columns,
                stride,
            };
            cuda.panel_product(&mut dz, product, None);
            let facts = [self.dlogprob, self.dentropy, &self.facts.lse, &self.facts.entropy].map(reads);
            let sizes = [Argument::size(OP, columns), stride_, Argument::size(OP, first)];
            let arrays = [writes(&mut dz), reads(&places), reads(self.targets)];
            let scale = Argument::F32(inv_temperature as f32);
            cuda.launch(&GRADIENT, blocks, &[&arrays[..], &facts, &sizes, &[scale]].concat());
            cuda.product(CudaProduct {
                c: writes(&mut block_dx),
                a: reads(&dz),
                b: Argument::Pointer(self.weight.pointer(first * width)),
                rows: count,
                columns: width,
                depth: columns,
                strides: [stride, width, width],
                accumulate: first > 0,
                transposed: false,
            });
            cuda.product(CudaProduct {
                c: Argument::Pointer(dweight.pointer(first * width)),
                a: reads(&dz),
                b: reads(&x),
                rows: columns,
                columns: width,
                depth: count,
                strides: [stride, width, width],
                accumulate: true,
                transposed: true,
            });
        }
        cuda.launch(&SCATTER, blocks, &[writes(dx), reads(&block_dx), reads(&places), width_]);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::stats::{ChunkStatistics, Merge, chunk_factor};
    use super::*;
    use crate::testing::{Numbers, on_cuda};

    const ROWS: usize = 3;
    /// More than a block keeps, and no multiple of a warp.
    const CHUNKS: usize = 401;
    const LOGIT: f32 = 0.5;

    fn chunks() -> Vec<ChunkStatistics> {
        let mut n = Numbers::new(1);
        let chunk = |_| {
            let [max, mass, weighted, squares] = [30.0, 100.0, 50.0, 1.0].map(|scale: f64| (scale * n.uniform()) as f32);
            ChunkStatistics { max, mass: 1.0 + mass, weighted: -weighted, squares }
        };
        (0..ROWS * CHUNKS).map(chunk).collect()
    }

    /// Where the walk through a row's masses passes the threshold: chunk, and the sum before it.
    fn passes(row: &[ChunkStatistics], max: f32, threshold: f64) -> (u32, f64) {
        let mut sum = 0.0;
        for (i, chunk) in row.iter().enumerate() {
            let before = sum;
            sum += chunk_factor(chunk.max, max) * f64::from(chunk.mass);
            if sum > threshold {
                return (i as u32, before);
            }
        }
        panic!("nothing passes {threshold}");
    }

    #[test]
    fn many_chunks_are_merged_and_searched_as_on_the_cpu() {
        let all = chunks();
        let words: Vec<f32> = all.iter().flat_map(|c| [c.max, c.mass, c.weighted, c.squares]).collect();
        let draws = [0.25, -1.0, 0.97];
        on_cuda(|cuda| {
            let mut facts = HeadFacts::zeros(cuda, ROWS).unwrap();
            cuda.write(&mut facts.logprob, &[LOGIT; ROWS]);
            let (statistics, numbers) = (cuda.upload(&words).unwrap(), cuda.scratch_from(&draws).unwrap());
            let mut searches = cuda.scratch_of::<f64>(SEARCH_WORDS * ROWS).unwrap();
            let sizes = [ROWS, CHUNKS].map(|n| Argument::size("test", n));
            let [logprob, entropy, sum_p2, lse] =
                [&mut facts.logprob, &mut facts.entropy, &mut facts.sum_p2, &mut facts.lse].map(writes);
            let arrays = [logprob, entropy, sum_p2, lse, reads(&statistics)];
            cuda.launch(&FACTS, [1, 1, 1], &[&arrays[..], &sizes].concat());
            let arrays = [writes(&mut searches), entropy, sum_p2, lse, reads(&statistics), reads(&numbers)];
            cuda.launch(&SEARCH, [1, 1, 1], &[&arrays[..], &sizes].concat());
            let [logprob, entropy, sum_p2, lse] =
                [&facts.logprob, &facts.entropy, &facts.sum_p2, &facts.lse].map(|fact| cuda.download(fact));
            let mut found = [0.0; SEARCH_WORDS * ROWS];
            assert!(cuda.read_block(&mut found, &searches));
            for row in 0..ROWS {
                let chunks = &all[row * CHUNKS..][..CHUNKS];
                let want = SimdPath::detect().run(Merge(chunks));
                let got = [logprob[row], entropy[row], sum_p2[row], lse[row]].map(f32::to_bits);
                assert_eq!(got, [want.logprob(LOGIT), want.entropy, want.sum_p2, want.lse as f32].map(f32::to_bits));
                let (chunk, before) = match draws[row] {
                    u if u < 0.0 => (chunks.iter().position(|c| c.max == want.max).unwrap() as u32, 0.0),
                    u => passes(chunks, want.max, u * want.mass),
                };
                let &[row_lse, sum, threshold, last] = &found[SEARCH_WORDS * row..][..SEARCH_WORDS] else { unreachable!() };
                assert_eq!((row_lse, sum, threshold), (want.lse, before, draws[row] * want.mass), "row {row}");
                let last = last.to_bits();
                assert_eq!((f32::from_bits(last as u32), (last >> 32) as u32), (want.max, chunk), "row {row}");
            }
        });
    }
}
