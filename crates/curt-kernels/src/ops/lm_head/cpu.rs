//! The fast f32 half: checks, and the passes over row blocks and chunks.

use std::cell::RefCell;

use super::sample::{Search, choose, chunk_columns};
use super::stats::{ChunkStatistics, Merge, RowStatistics, lanes, scale_and_reduce};
use super::{Draw, HeadFacts, LmHead, LmHeadShape, VOCAB_CHUNK, backward};
use crate::cpu::{Buffer, SharedMut, SimdPath};
use crate::ops::linear::panels::{COLUMNS, Panels, panel_product};
use crate::{Backend, Cpu};

/// Rows that a task takes through one chunk: their logits stay in the second-level cache until they are reduced.
pub(super) const BLOCK_ROWS: usize = 128;

/// Panels of one chunk.
const CHUNK_PANELS: usize = VOCAB_CHUNK / COLUMNS;

/// Distance between rows of a tile of logits; not a power of two, so that rows do not compete for the same cache lines.
const TILE_STRIDE: usize = VOCAB_CHUNK + 16;

/// Statistics of (row, chunk) that are kept at once; more rows are done in turn.
const KEPT_STATISTICS: usize = 1 << 18;

/// Logits that a task keeps of whole rows, unless a single row has more.
const WHOLE_ROW_LOGITS: usize = 1 << 20;

thread_local! {
    /// Logits of this thread's task.
    static LOGITS: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// The operands of the forward.
#[derive(Clone, Copy)]
pub(super) struct Head<'a> {
    pub path: SimdPath,
    pub x: &'a [f32],
    pub weight: &'a Panels,
    pub shape: LmHeadShape,
}

impl<'a> Head<'a> {
    pub fn new(op: &str, cpu: &Cpu<f32>, x: &'a Buffer<f32>, weight: &'a Panels, shape: LmHeadShape) -> Self {
        check_head(op, x.len(), (weight.n(), weight.k()), shape);
        Self { path: cpu.path(), x, weight, shape }
    }

    /// The number of chunks.
    pub fn chunks(&self) -> usize {
        self.shape.vocab.div_ceil(VOCAB_CHUNK)
    }

    /// `1 / temperature` as the logits are multiplied by it.
    pub fn scale(&self) -> f32 {
        self.shape.inv_temperature as f32
    }

    /// The raw logits of rows `row .. row + rows` in the panels `first .. first + panels`, at `y_offset` of `y`.
    #[allow(clippy::too_many_arguments)]
    pub fn logits(&self, y: SharedMut<f32>, offset: usize, stride: usize, row: usize, rows: usize, first: usize, panels: usize) {
        let width = self.shape.width;
        let last = (first + panels).min(self.weight.count());
        panel_product(self.path, y, offset, stride, &self.x[row * width..], width, rows, self.weight, first..last);
    }

    /// The raw logits of one chunk.
    pub fn chunk_logits(&self, y: SharedMut<f32>, offset: usize, stride: usize, row: usize, rows: usize, chunk: usize) {
        self.logits(y, offset, stride, row, rows, chunk * CHUNK_PANELS, CHUNK_PANELS);
    }

    /// Scales a row's raw logits of one chunk, the first `columns` of `line`, in place and reduces them.
    fn reduce(&self, line: &mut [f32], columns: usize) -> ChunkStatistics {
        scale_and_reduce(self.path, lanes(line, columns), self.scale())
    }

    /// Statistics of `rows` rows from `row` on, as \[row\]\[chunk\]; `look(row, first token, scaled logits)` sees each chunk.
    fn statistics(
        &self,
        cpu: &Cpu<f32>,
        row: usize,
        rows: usize,
        look: impl Fn(usize, usize, &[f32]) + Sync,
    ) -> Vec<ChunkStatistics> {
        let chunks = self.chunks();
        let mut statistics = vec![ChunkStatistics::default(); rows * chunks];
        let shared = SharedMut::new(&mut statistics);
        let blocks = rows.div_ceil(BLOCK_ROWS);
        cpu.for_each_task(blocks * chunks, rows * self.shape.vocab * self.shape.width, |task| {
            let (chunk, first) = (task / blocks, task % blocks * BLOCK_ROWS);
            let count = BLOCK_ROWS.min(rows - first);
            let columns = chunk_columns(chunk, self.shape.vocab);
            with_scratch(count * TILE_STRIDE, |tile| {
                self.chunk_logits(SharedMut::new(tile), 0, TILE_STRIDE, row + first, count, chunk);
                for (r, line) in tile.chunks_exact_mut(TILE_STRIDE).enumerate() {
                    let reduced = self.reduce(line, columns.len());
                    // SAFETY: each task writes the elements of its own chunk and rows.
                    unsafe { shared.range((first + r) * chunks + chunk, 1)[0] = reduced };
                    look(row + first + r, columns.start, &line[..columns.len()]);
                }
            });
        });
        statistics
    }

    /// Rows whose statistics are kept at once.
    fn rows_at_once(&self) -> usize {
        (KEPT_STATISTICS / self.chunks()).next_multiple_of(BLOCK_ROWS)
    }

    /// Follows `search` through the logits of `row`, computed again panel by panel, and returns the token and its logit.
    fn find(&self, row: usize, mut search: Search) -> (usize, f32) {
        let columns = chunk_columns(search.chunk, self.shape.vocab);
        let mut panel = [0.0; COLUMNS];
        let mut logit = f32::NAN;
        for first in columns.clone().step_by(COLUMNS) {
            self.logits(SharedMut::new(&mut panel), 0, COLUMNS, row, 1, first / COLUMNS, 1);
            let count = COLUMNS.min(columns.end - first);
            for z in &mut panel[..count] {
                *z *= self.scale();
            }
            let found = search.visit(self.path, first, lanes(&mut panel, count));
            if let Some(&z) = search.token.checked_sub(first).and_then(|at| panel.get(at)) {
                logit = z;
            }
            if found {
                break;
            }
        }
        (search.token, logit)
    }

    /// Draws for rows `row ..` with all their logits at hand; used where a chunk alone does not decide.
    fn sample_whole_rows(&self, row: usize, draws: &[Draw], mut write: impl FnMut(usize, usize, f32, &RowStatistics)) {
        let (vocab, chunks) = (self.shape.vocab, self.chunks());
        let stride = self.weight.count() * COLUMNS + 16; // not a power of two, see `TILE_STRIDE`
        with_scratch(draws.len() * stride, |scratch| {
            self.logits(SharedMut::new(scratch), 0, stride, row, draws.len(), 0, self.weight.count());
            let mut statistics = vec![ChunkStatistics::default(); chunks];
            for (r, (line, &draw)) in scratch.chunks_exact_mut(stride).zip(draws).enumerate() {
                let (token, merged) = draw_from_row(self.path, line, vocab, self.scale(), draw, &mut statistics);
                write(row + r, token, line[token], &merged);
            }
        });
    }
}

/// Draws from the raw logits of a whole row, the first `vocab` numbers of `line`, which are scaled in place; `line` has room
/// for full lanes. `statistics` holds as many as the row has chunks.
pub(super) fn draw_from_row(
    path: SimdPath,
    line: &mut [f32],
    vocab: usize,
    scale: f32,
    draw: Draw,
    statistics: &mut [ChunkStatistics],
) -> (usize, RowStatistics) {
    for (c, (part, chunk)) in line.chunks_mut(VOCAB_CHUNK).zip(&mut *statistics).enumerate() {
        *chunk = scale_and_reduce(path, lanes(part, chunk_columns(c, vocab).len()), scale);
    }
    let merged = path.run(Merge(statistics));
    (choose(path, draw, lanes(line, vocab), statistics, &merged), merged)
}

/// Calls `job` with `len` numbers of this thread's scratch, aligned to a cache line; their values are arbitrary.
fn with_scratch<T>(len: usize, job: impl FnOnce(&mut [f32]) -> T) -> T {
    LOGITS.with_borrow_mut(|scratch| {
        if scratch.len() < len + 16 {
            scratch.resize(len + 16, 0.0);
        }
        let start = scratch.as_ptr().align_offset(64).min(16);
        job(&mut scratch[start..start + len])
    })
}

/// Where tasks write the facts of their rows.
struct FactsOut<'a> {
    logprob: SharedMut<'a, f32>,
    entropy: SharedMut<'a, f32>,
    sum_p2: SharedMut<'a, f32>,
    lse: SharedMut<'a, f32>,
}

impl<'a> FactsOut<'a> {
    fn new(op: &str, facts: &'a mut HeadFacts<Cpu<f32>>, rows: usize) -> Self {
        let shortest = facts.logprob.len().min(facts.entropy.len()).min(facts.sum_p2.len()).min(facts.lse.len());
        assert!(shortest >= rows, "{op}: facts have room for {shortest} rows, {rows} expected");
        Self {
            logprob: SharedMut::new(&mut facts.logprob),
            entropy: SharedMut::new(&mut facts.entropy),
            sum_p2: SharedMut::new(&mut facts.sum_p2),
            lse: SharedMut::new(&mut facts.lse),
        }
    }

    /// Writes the facts of `row`, whose token has the scaled logit `logit`.
    ///
    /// # Safety
    /// No other task writes this row.
    unsafe fn write(&self, row: usize, logit: f32, statistics: &RowStatistics) {
        // SAFETY: one number each, the caller's alone.
        unsafe {
            self.logprob.range(row, 1)[0] = statistics.logprob(logit);
            self.entropy.range(row, 1)[0] = statistics.entropy;
            self.sum_p2.range(row, 1)[0] = statistics.sum_p2;
            self.lse.range(row, 1)[0] = statistics.lse as f32;
        }
    }
}

/// Refuses a head without size, a temperature that is none, and operands of other sizes than `shape` says.
pub(super) fn check_head(op: &str, x: usize, (n, k): (usize, usize), shape: LmHeadShape) {
    let LmHeadShape { rows, vocab, width, inv_temperature } = shape;
    assert!(vocab > 0 && width > 0, "{op}: a head of {vocab} x {width}");
    assert!(inv_temperature > 0.0 && inv_temperature.is_finite(), "{op}: inverse temperature {inv_temperature}");
    assert!(n == vocab && k == width, "{op}: packed weight is {n} x {k}, {vocab} x {width} expected");
    assert!(x >= rows * width, "{op}: x has {x} numbers, {rows} x {width} expected");
}

/// Refuses targets outside the vocabulary.
pub(super) fn check_targets(op: &str, targets: &[u32], shape: LmHeadShape) {
    assert!(targets.len() >= shape.rows, "{op}: {} targets for {} rows", targets.len(), shape.rows);
    let outside = targets[..shape.rows].iter().position(|&t| t as usize >= shape.vocab);
    assert!(outside.is_none(), "{op}: target {:?} of a vocabulary of {}", outside.map(|r| targets[r]), shape.vocab);
}

impl LmHead for Cpu<f32> {
    fn lm_head_forward(
        &self,
        facts: &mut HeadFacts<Self>,
        x: &Buffer<f32>,
        weight: &Panels,
        targets: &Vec<u32>,
        shape: LmHeadShape,
    ) {
        let op = "lm_head_forward";
        let head = Head::new(op, self, x, weight, shape);
        check_targets(op, targets, shape);
        let out = FactsOut::new(op, facts, shape.rows);
        let at_once = head.rows_at_once();
        for first in (0..shape.rows).step_by(at_once) {
            let rows = at_once.min(shape.rows - first);
            let statistics = head.statistics(self, first, rows, |row, token, logits| {
                if let Some(&z) = (targets[row] as usize).checked_sub(token).and_then(|at| logits.get(at)) {
                    // SAFETY: only the task whose chunk holds the row's target writes here: the logit, for now.
                    unsafe { out.logprob.range(row, 1)[0] = z };
                }
            });
            let chunks = head.chunks();
            self.for_each_task(rows.div_ceil(BLOCK_ROWS), rows * chunks * 16, |block| {
                for r in block * BLOCK_ROWS..rows.min((block + 1) * BLOCK_ROWS) {
                    let merged = self.path().run(Merge(&statistics[r * chunks..(r + 1) * chunks]));
                    // SAFETY: each task has its own rows.
                    unsafe { out.write(first + r, out.logprob.range(first + r, 1)[0], &merged) };
                }
            });
        }
    }

    fn lm_head_backward(
        &self,
        dx: &mut Buffer<f32>,
        dweight: &mut Buffer<f32>,
        dlogprob: &Buffer<f32>,
        dentropy: &Buffer<f32>,
        facts: &HeadFacts<Self>,
        x: &Buffer<f32>,
        weight: &Buffer<f32>,
        packed: &Panels,
        targets: &Vec<u32>,
        shape: LmHeadShape,
    ) {
        let op = "lm_head_backward";
        Head::new(op, self, x, packed, shape);
        check_targets(op, targets, shape);
        let LmHeadShape { rows, vocab, width, .. } = shape;
        for (name, buffer) in [("dlogprob", dlogprob), ("dentropy", dentropy), ("entropy", &facts.entropy), ("lse", &facts.lse)] {
            assert!(buffer.len() >= rows, "{op}: {name} has {} numbers, {rows} expected", buffer.len());
        }
        assert!(dx.len() >= rows * width, "{op}: dx has {} numbers, {rows} x {width} expected", dx.len());
        for (name, buffer) in [("dweight", &*dweight), ("weight", weight)] {
            assert!(buffer.len() >= vocab * width, "{op}: {name} has {} numbers, {vocab} x {width} expected", buffer.len());
        }
        let inputs = backward::Inputs { dlogprob, dentropy, facts, x, weight, packed, targets, shape };
        backward::run(self, &mut dx[..rows * width], dweight, inputs);
    }

    fn lm_head_sample(
        &self,
        tokens: &mut [u32],
        facts: &mut HeadFacts<Self>,
        x: &Buffer<f32>,
        weight: &Panels,
        draws: &[Draw],
        shape: LmHeadShape,
    ) {
        let op = "lm_head_sample";
        let (rows, vocab) = (shape.rows, shape.vocab);
        let head = Head::new(op, self, x, weight, shape);
        assert!(draws.len() >= rows, "{op}: {} draws for {rows} rows", draws.len());
        assert!(tokens.len() >= rows, "{op}: {} tokens for {rows} rows", tokens.len());
        let out = FactsOut::new(op, facts, rows);
        let tokens = SharedMut::new(tokens);
        let write = |row: usize, token: usize, logit: f32, merged: &RowStatistics| {
            // SAFETY: each row belongs to one task of one of the two passes below.
            unsafe {
                tokens.range(row, 1)[0] = token as u32;
                out.write(row, logit, merged);
            }
        };

        // all logits of a row are needed by the filters, and are at hand anyway where there is but one chunk
        let whole = |draw: &Draw| head.chunks() == 1 || matches!(draw, Draw::Filtered { .. });
        let limit = (WHOLE_ROW_LOGITS / vocab).clamp(1, rows.div_ceil(self.threads()).max(1));
        let groups = row_groups(&draws[..rows], limit, whole);
        self.for_each_task(groups.len(), rows * vocab * shape.width, |g| {
            let group = groups[g].clone();
            head.sample_whole_rows(group.start, &draws[group], write);
        });

        if draws[..rows].iter().all(whole) {
            return;
        }
        let (at_once, chunks) = (head.rows_at_once(), head.chunks());
        for first in (0..rows).step_by(at_once) {
            let count = at_once.min(rows - first);
            let statistics = head.statistics(self, first, count, |_, _, _| ());
            self.for_each_task(count, count * VOCAB_CHUNK * shape.width, |r| {
                let row = first + r;
                let parts = &statistics[r * chunks..(r + 1) * chunks];
                let merged = self.path().run(Merge(parts));
                let search = match draws[row] {
                    Draw::Greedy => Search::greedy(parts, &merged),
                    Draw::Uniform(u) => Search::inverse_cdf(self.path(), parts, &merged, u),
                    Draw::Filtered { .. } => return,
                };
                let (token, logit) = head.find(row, search);
                write(row, token, logit, &merged);
            });
        }
    }
}

/// Neighbouring rows that want all their logits, in groups of at most `limit`.
fn row_groups(draws: &[Draw], limit: usize, whole: impl Fn(&Draw) -> bool) -> Vec<std::ops::Range<usize>> {
    let mut groups: Vec<std::ops::Range<usize>> = Vec::new();
    for row in (0..draws.len()).filter(|&r| whole(&draws[r])) {
        match groups.last_mut() {
            Some(group) if group.end == row && group.len() < limit => group.end += 1,
            _ => groups.push(row..row + 1),
        }
    }
    groups
}
