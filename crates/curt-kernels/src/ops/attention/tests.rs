//! Finite differences, twins with guard bands, and the bits of every way to batch and split a sequence.

use super::{Attention, AttentionShape, KvPages, PAGE, SequencePlan};
use crate::testing::{Numbers, assert_close, assert_gradient, dot, fast_backends, guarded, unguarded};
use crate::{Backend, Cpu, Real};

fn shape(heads: usize, kv_heads: usize, head_dim: usize) -> AttentionShape {
    AttentionShape { heads, kv_heads, head_dim, scale: 1.3 / (head_dim as f64).sqrt() }
}

/// Queries, keys and values of some rows.
#[derive(Clone)]
struct Rows {
    shape: AttentionShape,
    q: Vec<f64>,
    k: Vec<f64>,
    v: Vec<f64>,
}

impl Rows {
    fn seeded(shape: AttentionShape, rows: usize, seed: u64) -> Self {
        let mut numbers = Numbers::new(seed);
        let mut vector =
            |heads: usize| -> Vec<f64> { numbers.vector(rows * heads * shape.head_dim).into_iter().map(|x| 2.0 * x).collect() };
        Self { shape, q: vector(shape.heads), k: vector(shape.kv_heads), v: vector(shape.kv_heads) }
    }

    fn len(&self) -> usize {
        self.k.len() / (self.shape.kv_heads * self.shape.head_dim)
    }

    fn slice(&self, first: usize, count: usize) -> Self {
        let cut = |x: &[f64], heads: usize| {
            let width = heads * self.shape.head_dim;
            x[first * width..(first + count) * width].to_vec()
        };
        let (heads, kv_heads) = (self.shape.heads, self.shape.kv_heads);
        Self { shape: self.shape, q: cut(&self.q, heads), k: cut(&self.k, kv_heads), v: cut(&self.v, kv_heads) }
    }

    fn append(&mut self, other: &Self) {
        self.q.extend(&other.q);
        self.k.extend(&other.k);
        self.v.extend(&other.v);
    }

    /// Fused rows; the q and k parts, which attention must not look at, are NaN.
    fn qkv(&self) -> Vec<f64> {
        let width = self.shape.kv_heads * self.shape.head_dim;
        let other = (self.shape.heads + self.shape.kv_heads) * self.shape.head_dim;
        let row = |v: &[f64]| [vec![f64::NAN; other], v.to_vec()].concat();
        self.v.chunks(width).flat_map(row).collect()
    }
}

/// Pages whose every slot is NaN.
fn poisoned<B: Backend>(backend: &B, shape: AttentionShape, pages: usize) -> KvPages<B> {
    let nan = vec![f64::NAN; pages * shape.page_len()];
    KvPages { k: guarded(backend, &nan), v: guarded(backend, &nan) }
}

/// Stores the rows of a plan and returns outputs and lse.
fn forward<B: Attention>(backend: &B, pages: &mut KvPages<B>, plan: &SequencePlan, rows: &Rows) -> (Vec<f64>, Vec<f64>) {
    let (s, n) = (rows.shape, rows.len());
    let upload = |x: &[f64]| backend.upload(&x.iter().map(|&x| B::Real::from_f64(x)).collect::<Vec<_>>()).unwrap();
    let slots = backend.upload_ids(&plan.slots()).unwrap();
    backend.attention_store(pages, &upload(&rows.k), &upload(&rows.qkv()), &slots, n, s);
    let mut out = guarded(backend, &vec![f64::NAN; n * s.heads * s.head_dim]);
    let mut lse = guarded(backend, &vec![f64::NAN; n * s.heads]);
    let sequences = backend.sequences(plan).unwrap();
    backend.attention_forward(&mut out, &mut lse, &upload(&rows.q), pages, &sequences, s);
    (unguarded(backend, "out", &out), unguarded(backend, "lse", &lse))
}

/// out, lse, dq, dk, dv of whole sequences.
fn both_ways<B: Attention>(backend: &B, plan: &SequencePlan, rows: &Rows, dout: &[f64]) -> [Vec<f64>; 5] {
    let (s, n) = (rows.shape, rows.len());
    let mut pages = poisoned(backend, s, plan.pages.len());
    let (out, lse) = forward(backend, &mut pages, plan, rows);
    let sequences = backend.sequences(plan).unwrap();
    let nan = |heads: usize| guarded(backend, &vec![f64::NAN; n * heads * s.head_dim]);
    let (mut dq, mut dk, mut dv) = (nan(s.heads), nan(s.kv_heads), nan(s.kv_heads));
    let [dout, out_b, lse_b, q] = [dout, &out, &lse, &rows.q].map(|x| guarded(backend, x));
    backend.attention_backward(&mut dq, &mut dk, &mut dv, &dout, &out_b, &lse_b, &q, &pages, &sequences, s);
    unguarded(backend, "pages.k", &pages.k);
    unguarded(backend, "pages.v", &pages.v);
    let [dq, dk, dv] = [("dq", dq), ("dk", dk), ("dv", dv)].map(|(name, x)| unguarded(backend, name, &x));
    [out, lse, dq, dk, dv]
}

/// A packed plan whose page ids are shuffled.
fn shuffled(lengths: &[usize], seed: u64) -> SequencePlan {
    let mut plan = SequencePlan::packed(lengths);
    let mut numbers = Numbers::new(seed);
    for i in (1..plan.pages.len()).rev() {
        plan.pages.swap(i, numbers.below(i + 1));
    }
    plan
}

#[test]
fn plain_gradients_are_finite_differences() {
    let lengths = [1, 15, 16, 17, 33];
    let (shape, plan) = (shape(4, 2, 4), shuffled(&lengths, 5));
    let cpu = Cpu::<f64>::new(1).unwrap();
    let rows = Rows::seeded(shape, plan.rows(), 1);
    let dout = Numbers::new(2).vector(rows.q.len());
    let [_, _, dq, dk, dv] = both_ways(&cpu, &plan, &rows, &dout);
    let value = |rows: &Rows| {
        let mut pages = poisoned(&cpu, shape, plan.pages.len());
        dot(&forward(&cpu, &mut pages, &plan, rows).0, &dout)
    };
    assert_gradient("dq", &|x| value(&Rows { q: x.to_vec(), ..rows.clone() }), &rows.q, &dq, 1e-8);
    assert_gradient("dk", &|x| value(&Rows { k: x.to_vec(), ..rows.clone() }), &rows.k, &dk, 1e-8);
    assert_gradient("dv", &|x| value(&Rows { v: x.to_vec(), ..rows.clone() }), &rows.v, &dv, 1e-8);
}

#[test]
fn lse_is_the_log_of_the_sum_of_exponentials() {
    // one key head of width 1: scores are products of two numbers
    let shape = AttentionShape { heads: 1, kv_heads: 1, head_dim: 1, scale: 0.5 };
    let rows = Rows { shape, q: vec![3.0, -2.0], k: vec![1.0, 4.0], v: vec![10.0, 20.0] };
    let plan = SequencePlan::packed(&[2]);
    let cpu = Cpu::<f32>::new(1).unwrap();
    let (out, lse) = forward(&cpu, &mut poisoned(&cpu, shape, 1), &plan, &rows);
    let total = libm::exp(-1.0) + libm::exp(-4.0);
    assert_close("lse", &lse, &[1.5, libm::log(total)], 1e-6);
    assert_close("out", &out, &[10.0, (10.0 * libm::exp(-1.0) + 20.0 * libm::exp(-4.0)) / total], 1e-6);
}

#[test]
fn weights_too_small_to_count_are_zero_on_every_path() {
    // from position 18 on, one key outweighs all others by e^100
    let shape = AttentionShape { heads: 1, kv_heads: 1, head_dim: 1, scale: 1.0 };
    let mut rows = Rows { shape, q: vec![1.0; 40], k: vec![0.0; 40], v: (0..40).map(f64::from).collect() };
    rows.k[18] = 100.0;
    let plan = SequencePlan::packed(&[40]);
    for cpu in fast_backends() {
        let dout = vec![1.0; 40];
        let [out, lse, dq, dk, dv] = both_ways(&cpu, &plan, &rows, &dout);
        assert_close("early", &out[..18], &(0..18).map(|i| f64::from(i) / 2.0).collect::<Vec<_>>(), 1e-6);
        assert!(out[18..].iter().all(|&x| x == 18.0) && lse[18..].iter().all(|&x| x == 100.0));
        assert!(dq[18..].iter().chain(&dk[18..]).all(|&x| x == 0.0), "{dq:?} {dk:?}");
        assert_eq!(dv[18..], [vec![22.0], vec![0.0; 21]].concat());
    }
}

#[test]
fn every_fast_path_agrees_with_the_twin() {
    let plan = shuffled(&[1, 17, 31, 257], 7);
    for (heads, kv_heads, head_dim) in [(4, 2, 8), (3, 1, 16), (4, 2, 32), (2, 2, 64), (5, 1, 24)] {
        let shape = shape(heads, kv_heads, head_dim);
        let rows = Rows::seeded(shape, plan.rows(), head_dim as u64);
        let dout = Numbers::new(3).vector(rows.q.len());
        let want = both_ways(&Cpu::<f64>::new(1).unwrap(), &plan, &rows, &dout);
        let mut first: Option<[Vec<f64>; 5]> = None;
        for fast in fast_backends() {
            let got = both_ways(&fast, &plan, &rows, &dout);
            for (i, name) in ["out", "lse", "dq", "dk", "dv"].into_iter().enumerate() {
                assert_close(&format!("{name}, head_dim {head_dim}, {:?}", fast.path()), &got[i], &want[i], 3e-6);
            }
            let first = first.get_or_insert_with(|| got.clone());
            assert!(*first == got, "head_dim {head_dim}: {:?} with {} threads has other bits", fast.path(), fast.threads());
        }
    }
}

/// Some consecutive tokens of a sequence and the pages that hold it, written or to be written.
struct Part<'a> {
    rows: &'a Rows,
    first: usize,
    count: usize,
    pages: &'a [u32],
}

/// Stores and attends parts of several sequences in one batch; the bits of out and lse of each part, row by row.
fn batch<B: Attention>(backend: &B, pages: &mut KvPages<B>, parts: &[Part<'_>]) -> Vec<Vec<u64>> {
    let mut plan = SequencePlan { row_starts: vec![0], page_starts: vec![0], ..SequencePlan::default() };
    let mut rows = parts[0].rows.slice(0, 0);
    for part in parts {
        rows.append(&part.rows.slice(part.first, part.count));
        plan.row_starts.push(rows.len() as u32);
        plan.first_positions.push(part.first as u32);
        plan.pages.extend(part.pages);
        plan.page_starts.push(plan.pages.len() as u32);
    }
    let (out, lse) = forward(backend, pages, &plan, &rows);
    let (width, heads) = (rows.shape.heads * rows.shape.head_dim, rows.shape.heads);
    let mut bits: Vec<Vec<u64>> = Vec::new();
    for s in 0..parts.len() {
        let (a, b) = (plan.row_starts[s] as usize, plan.row_starts[s + 1] as usize);
        let row = |row: usize| out[row * width..][..width].iter().chain(&lse[row * heads..][..heads]).map(|x| x.to_bits());
        bits.push((a..b).flat_map(row).collect());
    }
    bits
}

/// Sequences of odd lengths, the second of which starts with the first 37 tokens of the first, and shuffled pages.
struct World {
    sequences: Vec<Rows>,
    pages: Vec<Vec<u32>>,
    page_count: usize,
}

/// Tokens that the first two sequences share: two full pages and a partial one.
const SHARED: usize = 37;

impl World {
    fn new(shape: AttentionShape) -> Self {
        let lengths = [90, 61, 1, 15, 16, 17, 33];
        let mut sequences: Vec<Rows> = (0..7).map(|i| Rows::seeded(shape, lengths[i], 11 + i as u64)).collect();
        let mut second = sequences[0].slice(0, SHARED);
        second.append(&sequences[1].slice(SHARED, lengths[1] - SHARED));
        sequences[1] = second;
        let plan = shuffled(&lengths, 23);
        let pages = (0..lengths.len()).map(|s| plan.pages_of(s).to_vec()).collect();
        Self { sequences, pages, page_count: plan.pages.len() }
    }

    fn poisoned<B: Backend>(&self, backend: &B) -> KvPages<B> {
        poisoned(backend, self.sequences[0].shape, self.page_count)
    }

    fn part(&self, s: usize, first: usize, count: usize) -> Part<'_> {
        Part { rows: &self.sequences[s], first, count, pages: &self.pages[s] }
    }

    fn whole(&self, s: usize) -> Part<'_> {
        self.part(s, 0, self.sequences[s].len())
    }

    /// Each sequence alone, in pages 0, 1, 2, …: what all other ways must reproduce.
    fn alone(&self) -> Vec<Vec<u64>> {
        let cpu = Cpu::<f32>::new(1).unwrap();
        let alone = |rows: &Rows| {
            let ids: Vec<u32> = (0..rows.len().div_ceil(PAGE) as u32).collect();
            let part = Part { rows, first: 0, count: rows.len(), pages: &ids };
            batch(&cpu, &mut poisoned(&cpu, rows.shape, ids.len()), &[part]).remove(0)
        };
        self.sequences.iter().map(alone).collect()
    }
}

/// Runs `check` for group sizes 1, 2, 3 and 7, even and odd widths, on every backend.
fn for_each_world(check: impl Fn(&World, &Cpu<f32>, &[Vec<u64>])) {
    for (heads, kv_heads, head_dim) in [(4, 2, 32), (3, 1, 24), (7, 1, 64), (2, 2, 8), (2, 1, 128)] {
        let world = World::new(shape(heads, kv_heads, head_dim));
        let want = world.alone();
        assert!(want.iter().flatten().all(|&bits| f64::from_bits(bits).is_finite()), "an unwritten slot was read");
        for cpu in fast_backends() {
            check(&world, &cpu, &want);
        }
    }
}

fn check_compositions<B: Attention + std::fmt::Debug>(world: &World, backend: &B, want: &[Vec<u64>]) {
    for order in [vec![0, 1, 2, 3, 4, 5, 6], vec![6, 2, 0], vec![5, 4, 3, 1]] {
        let parts: Vec<Part<'_>> = order.iter().map(|&s| world.whole(s)).collect();
        let got = batch(backend, &mut world.poisoned(backend), &parts);
        for (&s, got) in order.iter().zip(&got) {
            assert!(*got == want[s], "sequence {s} of {order:?}, {backend:?}");
        }
    }
}

fn check_token_by_token<B: Attention + std::fmt::Debug>(world: &World, backend: &B, want: &[Vec<u64>]) {
    let mut pages = world.poisoned(backend);
    let mut got = vec![Vec::new(); want.len()];
    for position in 0..world.sequences[0].len() {
        // sequences end at different times, so the batch shrinks; its order changes from step to step
        let mut alive: Vec<usize> = (0..want.len()).filter(|&s| position < world.sequences[s].len()).collect();
        let turn = position % alive.len();
        alive.rotate_left(turn);
        let parts: Vec<Part<'_>> = alive.iter().map(|&s| world.part(s, position, 1)).collect();
        for (&s, bits) in alive.iter().zip(batch(backend, &mut pages, &parts)) {
            got[s].extend(bits);
        }
    }
    assert!(got == want, "{backend:?}");
}

fn check_prefixes<B: Attention + std::fmt::Debug>(world: &World, backend: &B, want: &[Vec<u64>], splits: &[usize]) {
    for &split in splits {
        let mut pages = world.poisoned(backend);
        let long: Vec<usize> = (0..want.len()).filter(|&s| world.sequences[s].len() > split).collect();
        let prefixes: Vec<Part<'_>> = long.iter().map(|&s| world.part(s, 0, split)).collect();
        let mut got = batch(backend, &mut pages, &prefixes);
        // the rest in two batches of its own
        for s in 0..long.len() {
            let rest = world.sequences[long[s]].len() - split;
            let middle = rest / 2;
            for (first, count) in [(split, middle), (split + middle, rest - middle)] {
                got[s].extend(batch(backend, &mut pages, &[world.part(long[s], first, count)]).remove(0));
            }
            assert!(got[s] == want[long[s]], "sequence {} split at {split}, {backend:?}", long[s]);
        }
    }
}

#[test]
fn packed_in_any_composition_has_the_bits_of_alone() {
    for_each_world(check_compositions);
}

#[test]
fn token_by_token_has_the_bits_of_packed() {
    for_each_world(check_token_by_token);
}

#[test]
fn prefix_in_pages_then_the_rest_has_the_bits_of_packed() {
    for_each_world(|world, cpu, want| check_prefixes(world, cpu, want, &[1, 15, 16, 17, 31, 32, 33]));
}

#[test]
fn a_shared_prefix_has_the_bits_of_packed() {
    for_each_world(|world, cpu, want| {
        let mut pages = world.poisoned(cpu);
        let page_len = world.sequences[0].shape.page_len();
        // the first sequence writes the shared tokens; the second has the full pages by id and a copy of the partial page
        batch(cpu, &mut pages, &[world.part(0, 0, SHARED)]);
        let (from, to) = (world.pages[0][2] as usize * page_len, world.pages[1][2] as usize * page_len);
        cpu.copy_within(&mut pages.k, to, from, page_len);
        cpu.copy_within(&mut pages.v, to, from, page_len);
        let ids = [&world.pages[0][..2], &world.pages[1][2..]].concat();
        for position in SHARED..world.sequences[0].len() {
            let mut parts = vec![world.part(0, position, 1)];
            if position < world.sequences[1].len() {
                parts.push(Part { rows: &world.sequences[1], first: position, count: 1, pages: &ids });
            }
            for (s, got) in batch(cpu, &mut pages, &parts).into_iter().enumerate() {
                let width = got.len();
                assert!(got == want[s][position * width..][..width], "sequence {s} at {position}, {:?}", cpu.path());
            }
        }
    });
}

#[test]
fn later_tokens_change_nothing() {
    // values and keys of the future so large that 0 · future would show
    let shape = shape(2, 1, 16);
    let cpu = Cpu::<f32>::new(1).unwrap();
    let mut rows = Rows::seeded(shape, 40, 9);
    let before = batch(&cpu, &mut poisoned(&cpu, shape, 3), &[Part { rows: &rows, first: 0, count: 20, pages: &[2, 0, 1] }]);
    for x in &mut rows.v[20 * 16..] {
        *x = f64::INFINITY;
    }
    for x in &mut rows.k[20 * 16..] {
        *x = f64::NAN;
    }
    let after = batch(&cpu, &mut poisoned(&cpu, shape, 3), &[Part { rows: &rows, first: 0, count: 40, pages: &[2, 0, 1] }]);
    assert!(after[0].starts_with(&before[0]));
}

#[test]
fn no_sequences_and_empty_sequences_are_fine() {
    let shape = shape(2, 1, 8);
    for cpu in fast_backends() {
        let rows = Rows::seeded(shape, 0, 1);
        let none = both_ways(&cpu, &SequencePlan::packed(&[]), &rows, &[]);
        assert!(none.iter().all(Vec::is_empty));
        let rows = Rows::seeded(shape, 3, 1);
        let plan = SequencePlan::packed(&[0, 3, 0]);
        let got = both_ways(&cpu, &plan, &rows, &vec![1.0; 3 * 16]);
        assert!(got == both_ways(&cpu, &SequencePlan::packed(&[3]), &rows, &vec![1.0; 3 * 16]));
    }
}

#[test]
#[should_panic(expected = "sequence 1 has 17 tokens and 1 pages")]
fn a_plan_with_too_few_pages_panics() {
    let mut plan = SequencePlan::packed(&[3, 17]);
    plan.page_starts[2] -= 1;
    let _ = Cpu::<f32>::new(1).unwrap().sequences(&plan);
}

#[test]
#[should_panic(expected = "attention: q holds")]
fn a_short_buffer_panics() {
    let (shape, cpu) = (shape(2, 1, 8), Cpu::<f32>::new(1).unwrap());
    let plan = SequencePlan::packed(&[3]);
    let pages = poisoned(&cpu, shape, 1);
    let (mut out, mut lse, q) = (cpu.zeros(48).unwrap(), cpu.zeros(6).unwrap(), cpu.zeros(47).unwrap());
    cpu.attention_forward(&mut out, &mut lse, &q, &pages, &plan, shape);
}

#[cfg(feature = "cuda")]
#[test]
fn cuda_has_the_bits_of_the_cpu_both_ways() {
    use crate::testing::{assert_same_numbers, on_cuda};
    let cpu = Cpu::<f32>::new(1).unwrap();
    on_cuda(|cuda| {
        let (short, long) = ([1, 17, 31, 0, 33], [130, 3]);
        for (heads, kv_heads, head_dim) in [(4, 2, 8), (3, 1, 16), (5, 1, 24), (4, 2, 32), (2, 2, 64), (3, 1, 80), (2, 1, 128)] {
            let plan = shuffled(if head_dim == 16 { &long } else { &short }, 7);
            let rows = Rows::seeded(shape(heads, kv_heads, head_dim), plan.rows(), head_dim as u64);
            let dout = Numbers::new(3).vector(rows.q.len());
            let (got, want) = (both_ways(cuda, &plan, &rows, &dout), both_ways(&cpu, &plan, &rows, &dout));
            for (i, name) in ["out", "lse", "dq", "dk", "dv"].into_iter().enumerate() {
                assert_same_numbers(&format!("{name}, head_dim {head_dim}"), &got[i], &want[i]);
            }
        }
        let none = both_ways(cuda, &SequencePlan::packed(&[]), &Rows::seeded(shape(2, 1, 8), 0, 1), &[]);
        assert!(none.iter().all(Vec::is_empty));
    });
}

#[cfg(feature = "cuda")]
#[test]
fn cuda_has_the_bits_of_the_cpu_in_every_batch() {
    crate::testing::on_cuda(|cuda| {
        for (heads, kv_heads, head_dim) in [(7, 1, 64), (2, 2, 8)] {
            let world = World::new(shape(heads, kv_heads, head_dim));
            let want = world.alone();
            check_compositions(&world, cuda, &want);
            check_prefixes(&world, cuda, &want, &[16, 33]);
        }
        let world = World::new(shape(3, 1, 24));
        check_token_by_token(&world, cuda, &world.alone());
    });
}

#[cfg(feature = "cuda")]
#[test]
fn later_tokens_change_nothing_on_cuda() {
    crate::testing::on_cuda(|cuda| {
        let shape = shape(2, 1, 16);
        let mut rows = Rows::seeded(shape, 40, 9);
        fn part(rows: &Rows, count: usize) -> Part<'_> {
            Part { rows, first: 0, count, pages: &[2, 0, 1] }
        }
        let before = batch(cuda, &mut poisoned(cuda, shape, 3), &[part(&rows, 20)]);
        rows.v[20 * 16..].fill(f64::INFINITY);
        rows.k[20 * 16..].fill(f64::NAN);
        let after = batch(cuda, &mut poisoned(cuda, shape, 3), &[part(&rows, 40)]);
        assert!(after[0].starts_with(&before[0]));
    });
}

#[cfg(feature = "cuda")]
#[test]
#[should_panic(expected = "attention: heads of 136 are wider than the 128 that the CUDA kernels hold")]
fn heads_too_wide_for_cuda_are_refused() {
    crate::testing::on_cuda(|cuda| {
        let rows = Rows::seeded(shape(1, 1, 136), 1, 1);
        forward(cuda, &mut poisoned(cuda, rows.shape, 1), &SequencePlan::packed(&[1]), &rows);
    });
}
