//! Finite differences, laws, and every backend against the twin; the bits of every way to batch and split a sequence.

#[cfg(feature = "cuda")]
use crate::cuda::Module;
use crate::testing::Call::{Backward, Cached, Forward};
use crate::testing::{
    Call, Numbers, OpCase, Outputs, assert_close, assert_gradient, assert_same_bits, backends_agree, dot, fast_backends, guarded,
    on_every_backend, on_fast_backends, overwritten, twin, unguarded,
};
use crate::{Backend, Cpu, Ops, Real};

use super::{Attention, AttentionShape, KvPages, PAGE, SequencePlan};

mod batches;

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
    let (mut out, mut lse) = (overwritten(backend, n * s.heads * s.head_dim), overwritten(backend, n * s.heads));
    let sequences = backend.sequences(plan).unwrap();
    backend.attention_forward(&mut out, &mut lse, &upload(&rows.q), pages, &sequences, s);
    (unguarded(backend, "out", &out), unguarded(backend, "lse", &lse))
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

/// Tokens that sequences share: two full pages and a partial one.
const SHARED: usize = 37;

/// How many tokens of each sequence follow at once on what is cached already, again and again.
const STEPS: [usize; 5] = [1, 3, 1, 16, 17];

/// Packed sequences, and a prefix that all of them may continue.
#[derive(Clone)]
pub(crate) struct Case {
    plan: SequencePlan,
    rows: Rows,
    prefix: Rows,
    dout: Vec<f64>,
}

impl Case {
    fn packed<B: Ops>(&self, backend: &B) -> (KvPages<B>, Vec<f64>, Vec<f64>) {
        let mut pages = poisoned(backend, self.rows.shape, self.plan.pages.len());
        let (out, lse) = forward(backend, &mut pages, &self.plan, &self.rows);
        (pages, out, lse)
    }

    fn forward<B: Ops>(&self, backend: &B) -> Outputs {
        let (pages, out, lse) = self.packed(backend);
        let numbers = |x: &[f64]| x.iter().filter(|x| !x.is_nan()).count();
        for (name, page, rows) in [("pages.k", &pages.k, &self.rows.k), ("pages.v", &pages.v, &self.rows.v)] {
            let written = numbers(&unguarded(backend, name, page));
            assert_eq!(written, numbers(rows), "{name}: a slot of no row was written");
        }
        [("out", out, 3e-6), ("lse", lse, 3e-6)].into()
    }

    fn backward<B: Ops>(&self, backend: &B) -> Outputs {
        let (pages, out, lse) = self.packed(backend);
        let sequences = backend.sequences(&self.plan).unwrap();
        let [mut dq, mut dk, mut dv] = [&self.rows.q, &self.rows.k, &self.rows.v].map(|x| overwritten(backend, x.len()));
        let [dout, out, lse, q] = [&self.dout, &out, &lse, &self.rows.q].map(|x| guarded(backend, x));
        backend.attention_backward(&mut dq, &mut dk, &mut dv, &dout, &out, &lse, &q, &pages, &sequences, self.rows.shape);
        [("dq", dq), ("dk", dk), ("dv", dv)].map(|(name, x)| (name, unguarded(backend, name, &x), 3e-6)).into()
    }

    /// Each sequence continues the prefix, which is computed once. Its full pages are shared by id, the partly filled one is
    /// copied for each. Sequences end at different times, so the batches shrink.
    fn cached<B: Ops>(&self, backend: &B) -> Outputs {
        let (n, page_len) = (self.plan.sequences(), self.rows.shape.page_len());
        let tail = |s: usize| (self.plan.row_starts[s] as usize, self.plan.row_starts[s + 1] as usize);
        let lengths: Vec<usize> = (0..n).map(|s| SHARED + tail(s).1 - tail(s).0).collect();
        let ids = shuffled(&[&[SHARED][..], &lengths].concat(), 3);
        let mut cache = poisoned(backend, self.rows.shape, ids.pages.len());
        let mut batch = Batch::default();
        batch.push(&self.prefix, 0, ids.pages_of(0));
        let (mut out, mut lse) = batch.forward(backend, &mut cache);
        let (full, from) = (SHARED / PAGE, ids.pages_of(0)[SHARED / PAGE] as usize * page_len);
        let pages: Vec<Vec<u32>> = (1..=n).map(|s| [&ids.pages_of(0)[..full], &ids.pages_of(s)[full..]].concat()).collect();
        for pages in &pages {
            backend.copy_within(&mut cache.k, pages[full] as usize * page_len, from, page_len);
            backend.copy_within(&mut cache.v, pages[full] as usize * page_len, from, page_len);
        }
        let mut done = vec![0; n];
        for step in STEPS.into_iter().cycle() {
            let mut batch = Batch::default();
            for s in (0..n).rev() {
                let (first, end) = tail(s);
                let count = step.min(end - first - done[s]);
                if count > 0 {
                    batch.push(&self.rows.slice(first + done[s], count), SHARED + done[s], &pages[s]);
                    done[s] += count;
                }
            }
            if batch.rows.is_none() {
                break;
            }
            let (more, more_lse) = batch.forward(backend, &mut cache);
            out.extend(more);
            lse.extend(more_lse);
        }
        for (name, page) in [("pages.k", &cache.k), ("pages.v", &cache.v)] {
            unguarded(backend, name, page);
        }
        [("out", out, 3e-6), ("lse", lse, 3e-6)].into()
    }
}

/// Rows of some sequences whose earlier tokens lie in pages.
#[derive(Default)]
struct Batch {
    plan: SequencePlan,
    rows: Option<Rows>,
}

impl Batch {
    /// Adds rows of a sequence from position `first` on.
    fn push(&mut self, rows: &Rows, first: usize, pages: &[u32]) {
        match &mut self.rows {
            Some(all) => all.append(rows),
            None => {
                (self.plan.row_starts, self.plan.page_starts) = (vec![0], vec![0]);
                self.rows = Some(rows.clone());
            }
        }
        let plan = &mut self.plan;
        plan.row_starts.push(plan.row_starts[plan.row_starts.len() - 1] + rows.len() as u32);
        plan.first_positions.push(first as u32);
        plan.pages.extend(pages);
        plan.page_starts.push(plan.pages.len() as u32);
    }

    fn forward<B: Attention>(&self, backend: &B, pages: &mut KvPages<B>) -> (Vec<f64>, Vec<f64>) {
        forward(backend, pages, &self.plan, self.rows.as_ref().expect("a batch of some rows"))
    }
}

impl OpCase for Case {
    const OP: &'static str = "attention";
    const CALLS: &'static [Call] = &[Forward, Backward, Cached];
    #[cfg(feature = "cuda")]
    const MODULES: &'static [&'static Module] = &[&super::cuda::FORWARD, &super::cuda::BACKWARD];

    /// Lengths of the sequences, query heads, key heads, width of a head.
    type Sizes = (&'static [usize], usize, usize, usize);
    const SMOKE: &'static [Self::Sizes] = &[
        (&[], 2, 1, 8),
        (&[1, 17, 31, 0, 33], 4, 2, 8),
        (&[16, 15], 3, 1, 24),
        (&[33], 2, 2, 64),
        (&[17, 1], 2, 1, 128),
        (&[257], 1, 1, 8),
    ];
    const MATRIX: &'static [Self::Sizes] = &[
        (&[], 2, 1, 8),
        (&[1, 15, 16, 17, 31, 0, 33], 4, 2, 8),
        (&[257], 3, 1, 16),
        (&[7, 61, 1], 5, 1, 24),
        (&[127, 16, 33, 1], 4, 2, 32),
        (&[31, 17, 1], 9, 3, 64),
        (&[33, 15], 14, 2, 64),
        (&[127, 3], 2, 2, 64),
        (&[61, 7], 3, 1, 80),
        (&[17, 1, 31], 16, 8, 128),
        (&[65, 16], 2, 1, 128),
    ];

    fn new((lengths, heads, kv_heads, head_dim): Self::Sizes) -> Self {
        let (shape, plan) = (shape(heads, kv_heads, head_dim), shuffled(lengths, 7));
        let rows = Rows::seeded(shape, plan.rows(), head_dim as u64);
        let prefix = Rows::seeded(shape, SHARED, 1 + head_dim as u64);
        Self { dout: Numbers::new(3).vector(rows.q.len()), plan, rows, prefix }
    }

    fn run<B: Ops>(&self, call: Call, backend: &B) -> Outputs {
        match call {
            Forward => self.forward(backend),
            Backward => self.backward(backend),
            Cached => self.cached(backend),
            _ => unreachable!("{call:?} is no call of attention"),
        }
    }
}

#[test]
fn every_backend_agrees_cuda_too() {
    backends_agree::<Case>();
}

#[test]
fn gradients_are_finite_differences() {
    let (case, twin) = (Case::new((&[1, 15, 16, 17, 33], 4, 2, 4)), twin());
    let back = case.run(Backward, &twin);
    let value = |rows: Rows| dot(&Case { rows, ..case.clone() }.run(Forward, &twin)["out"], &case.dout);
    let rows = &case.rows;
    assert_gradient("dq", &|x| value(Rows { q: x.to_vec(), ..rows.clone() }), &rows.q, &back["dq"], 1e-8);
    assert_gradient("dk", &|x| value(Rows { k: x.to_vec(), ..rows.clone() }), &rows.k, &back["dk"], 1e-8);
    assert_gradient("dv", &|x| value(Rows { v: x.to_vec(), ..rows.clone() }), &rows.v, &back["dv"], 1e-8);
}

/// A case of whole sequences in pages 0, 1, 2, …
fn in_order(lengths: &[usize], rows: Rows, dout: Vec<f64>) -> Case {
    Case { plan: SequencePlan::packed(lengths), prefix: rows.slice(0, 0), rows, dout }
}

#[test]
fn lse_is_the_log_of_the_sum_of_exponentials_cuda_too() {
    // one key head of width 1: scores are products of two numbers
    let shape = AttentionShape { heads: 1, kv_heads: 1, head_dim: 1, scale: 0.5 };
    let case = in_order(&[2], Rows { shape, q: vec![3.0, -2.0], k: vec![1.0, 4.0], v: vec![10.0, 20.0] }, vec![0.0; 2]);
    let total = libm::exp(-1.0) + libm::exp(-4.0);
    on_every_backend(|name, run| {
        let forward = run(&case, Forward);
        assert_close(&format!("lse on {name}"), &forward["lse"], &[1.5, libm::log(total)], 1e-6);
        let out = [10.0, (10.0 * libm::exp(-1.0) + 20.0 * libm::exp(-4.0)) / total];
        assert_close(&format!("out on {name}"), &forward["out"], &out, 1e-6);
    });
}

#[test]
fn weights_too_small_to_count_are_zero_cuda_too() {
    // from position 18 on, one key outweighs all others by e^100
    let shape = AttentionShape { heads: 1, kv_heads: 1, head_dim: 1, scale: 1.0 };
    let mut rows = Rows { shape, q: vec![1.0; 40], k: vec![0.0; 40], v: (0..40).map(f64::from).collect() };
    rows.k[18] = 100.0;
    let case = in_order(&[40], rows, vec![1.0; 40]);
    on_fast_backends(|name, run| {
        let (forward, back) = (run(&case, Forward), run(&case, Backward));
        assert_close(name, &forward["out"][..18], &(0..18).map(|i| f64::from(i) / 2.0).collect::<Vec<_>>(), 1e-6);
        assert!(forward["out"][18..].iter().all(|&x| x == 18.0) && forward["lse"][18..].iter().all(|&x| x == 100.0), "{name}");
        assert!(back["dq"][18..].iter().chain(&back["dk"][18..]).all(|&x| x == 0.0), "{name}");
        assert_eq!(back["dv"][18..], [vec![22.0], vec![0.0; 21]].concat(), "{name}");
    });
}

#[test]
fn bits_do_not_depend_on_how_the_work_is_shared() {
    // enough work for the threads to be used
    for (heads, kv_heads, head_dim) in [(4, 2, 8), (3, 1, 16), (4, 2, 32), (2, 2, 64), (5, 1, 24)] {
        let case = Case::new((&[1, 17, 31, 257], heads, kv_heads, head_dim));
        for call in [Forward, Backward] {
            let first = case.run(call, &Cpu::<f32>::new(1).unwrap());
            first.assert_near(&format!("heads of {head_dim}"), &case.run(call, &twin()));
            fast_backends().iter().for_each(|cpu| case.run(call, cpu).assert_same(&format!("heads of {head_dim}"), &first));
        }
    }
}

#[test]
fn later_tokens_change_nothing_cuda_too() {
    // values and keys of the future so large that 0 · future would show
    let mut rows = Rows::seeded(shape(2, 1, 16), 40, 9);
    let whole = |rows: &Rows, count: usize| in_order(&[count], rows.slice(0, count), vec![0.0; count * 32]);
    let before = whole(&rows, 20);
    rows.v[20 * 16..].fill(f64::INFINITY);
    rows.k[20 * 16..].fill(f64::NAN);
    let after = whole(&rows, 40);
    on_every_backend(|name, run| {
        let (before, after) = (run(&before, Forward), run(&after, Forward));
        for output in ["out", "lse"] {
            assert_same_bits(&format!("{output} on {name}"), &before[output], &after[output][..before[output].len()]);
        }
    });
}

#[test]
fn empty_sequences_change_nothing_cuda_too() {
    let rows = Rows::seeded(shape(2, 1, 8), 3, 1);
    let (alone, among) = (in_order(&[3], rows.clone(), vec![1.0; 48]), in_order(&[0, 3, 0], rows, vec![1.0; 48]));
    on_every_backend(|name, run| {
        for call in [Forward, Backward] {
            run(&among, call).assert_same(name, &run(&alone, call));
        }
    });
}

#[test]
#[should_panic(expected = "sequence 1 has 17 tokens and 1 pages")]
fn a_plan_with_too_few_pages_panics() {
    let mut plan = SequencePlan::packed(&[3, 17]);
    plan.page_starts[2] -= 1;
    let _ = Cpu::<f32>::new(1).unwrap().sequences(&plan);
}

#[test]
#[should_panic(expected = "slot 18 is that of two rows")]
fn a_slot_of_two_rows_panics() {
    let (shape, cpu) = (shape(2, 1, 8), Cpu::<f32>::new(1).unwrap());
    let (k, qkv) = (cpu.zeros(24).unwrap(), cpu.zeros(96).unwrap());
    cpu.attention_store(&mut poisoned(&cpu, shape, 2), &k, &qkv, &vec![18, 3, 18], 3, shape);
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
#[should_panic(expected = "attention: heads of 136 are wider than the 128 that the CUDA kernels hold")]
fn heads_too_wide_for_cuda_are_refused() {
    crate::testing::on_cuda(|cuda| {
        let rows = Rows::seeded(shape(1, 1, 136), 1, 1);
        forward(cuda, &mut poisoned(cuda, rows.shape, 1), &SequencePlan::packed(&[1]), &rows);
    });
}
