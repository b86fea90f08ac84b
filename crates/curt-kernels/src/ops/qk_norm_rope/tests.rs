//! Finite differences, twins, guard bands.

use super::{QkNormRope, QkParams, QkShape};
use crate::testing::{Numbers, SIZES, assert_close, assert_gradient, assert_same_bits, dot, fast_backends, guarded, unguarded};
use crate::{Backend, Cpu};

const POSITIONS: usize = 40;

/// One test's inputs.
#[derive(Clone)]
struct Case {
    shape: QkShape,
    qkv: Vec<f64>,
    norms: Option<(Vec<f64>, Vec<f64>)>,
    cos: Vec<f64>,
    sin: Vec<f64>,
    positions: Vec<u32>,
    dq: Vec<f64>,
    dk: Vec<f64>,
    dv: Vec<f64>,
    /// What the norms' gradients start with.
    start: (Vec<f64>, Vec<f64>),
}

impl Case {
    fn new(seed: u64, rows: usize, (heads, kv_heads): (usize, usize), head_dim: usize, with_norms: bool) -> Self {
        let mut n = Numbers::new(seed);
        let shape = QkShape { rows, heads, kv_heads, head_dim, epsilon: 1e-3 };
        let angles: Vec<f64> = n.vector(POSITIONS * head_dim / 2).iter().map(|a| a * 3.2).collect();
        let narrow = |x: f64| f64::from(x as f32);
        Self {
            shape,
            qkv: n.vector(rows * shape.fused_width()),
            norms: with_norms.then(|| (n.vector(head_dim), n.vector(head_dim))),
            cos: angles.iter().map(|&a| narrow(libm::cos(a))).collect(),
            sin: angles.iter().map(|&a| narrow(libm::sin(a))).collect(),
            positions: (0..rows).map(|_| n.below(POSITIONS) as u32).collect(),
            dq: n.vector(rows * heads * head_dim),
            dk: n.vector(rows * kv_heads * head_dim),
            dv: n.vector(rows * kv_heads * head_dim),
            start: (n.vector(head_dim), n.vector(head_dim)),
        }
    }

    /// Calls `job` with the parameters on `backend`.
    fn with_params<B: Backend, T>(&self, backend: &B, job: impl FnOnce(&QkParams<'_, B>) -> T) -> T {
        let norms = self.norms.as_ref().map(|(q, k)| (guarded(backend, q), guarded(backend, k)));
        let (cos, sin) = (guarded(backend, &self.cos), guarded(backend, &self.sin));
        let positions = backend.upload_ids(&self.positions).unwrap();
        let norms = norms.as_ref().map(|(q, k)| (q, k));
        job(&QkParams { norms, cos: &cos, sin: &sin, positions: &positions })
    }

    /// `(q, k)`.
    fn forward<B: QkNormRope>(&self, backend: &B) -> (Vec<f64>, Vec<f64>) {
        let (mut q, mut k) = (guarded(backend, &vec![7.0; self.dq.len()]), guarded(backend, &vec![7.0; self.dk.len()]));
        let qkv = guarded(backend, &self.qkv);
        self.with_params(backend, |params| backend.qk_norm_rope_forward(&mut q, &mut k, &qkv, params, self.shape));
        (unguarded(backend, "q", &q), unguarded(backend, "k", &k))
    }

    /// `(dqkv, norm gradients)`; the latter empty without norms.
    fn backward<B: QkNormRope>(&self, backend: &B) -> (Vec<f64>, Vec<f64>) {
        let mut dqkv = guarded(backend, &vec![7.0; self.qkv.len()]);
        let (mut dq_norm, mut dk_norm) = (guarded(backend, &self.start.0), guarded(backend, &self.start.1));
        let [dq, dk, dv, qkv] = [&self.dq, &self.dk, &self.dv, &self.qkv].map(|x| guarded(backend, x));
        self.with_params(backend, |params| {
            let dnorms = params.norms.is_some().then_some((&mut dq_norm, &mut dk_norm));
            backend.qk_norm_rope_backward(&mut dqkv, dnorms, &dq, &dk, &dv, &qkv, params, self.shape);
        });
        let dnorms = [unguarded(backend, "dq_norm", &dq_norm), unguarded(backend, "dk_norm", &dk_norm)].concat();
        if self.norms.is_none() {
            assert_same_bits("gradients without norms", &dnorms, &[&self.start.0[..], &self.start.1].concat());
        }
        (unguarded(backend, "dqkv", &dqkv), dnorms)
    }

    /// `q · dq + k · dk + v · dv`.
    fn loss(&self) -> f64 {
        let (q, k) = self.forward(&Cpu::<f64>::new(1).unwrap());
        let v_width = self.shape.kv_heads * self.shape.head_dim;
        let fused = self.qkv.chunks_exact(self.shape.fused_width());
        let v: Vec<f64> = fused.flat_map(|row| row[row.len() - v_width..].to_vec()).collect();
        dot(&q, &self.dq) + dot(&k, &self.dk) + dot(&v, &self.dv)
    }
}

/// All sizes of the tests: rows, heads, head width, norms.
fn cases() -> impl Iterator<Item = Case> {
    let sizes = SIZES.into_iter().flat_map(|rows| [2, 8, 16, 32, 34, 64].map(|head_dim| (rows, head_dim)));
    sizes.flat_map(|(rows, head_dim)| {
        let heads = if head_dim == 16 { (5, 5) } else { (3, 1) };
        [true, false].map(|norms| Case::new((rows * 100 + head_dim) as u64, rows, heads, head_dim, norms))
    })
}

#[test]
fn gradients_match_finite_differences() {
    let twin = Cpu::<f64>::new(1).unwrap();
    for with_norms in [true, false] {
        let mut case = Case::new(1, 3, (2, 1), 4, with_norms);
        case.start = (vec![0.0; 4], vec![0.0; 4]);
        let (dqkv, dnorms) = case.backward(&twin);
        assert_gradient("dqkv", &|qkv| Case { qkv: qkv.to_vec(), ..case.clone() }.loss(), &case.qkv, &dqkv, 1e-8);
        if let Some((q, k)) = &case.norms {
            let loss = |x: &[f64]| Case { norms: Some((x[..4].to_vec(), x[4..].to_vec())), ..case.clone() }.loss();
            assert_gradient("dnorms", &loss, &[&q[..], k].concat(), &dnorms, 1e-8);
        }
    }
}

#[test]
fn rotation_is_that_of_the_half_split_form() {
    // one head of width 4 at position 1: the pairs are (x0, x2) and (x1, x3), turned by 90 and by 180 degrees
    let mut case = Case::new(2, 1, (1, 1), 4, false);
    case.qkv = vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 0.0, 0.0, 0.0, 0.0];
    (case.cos, case.sin) = (vec![1.0, 1.0, 0.0, -1.0], vec![0.0, 0.0, 1.0, 0.0]);
    case.positions = vec![1];
    let want = (vec![-3.0, -2.0, 1.0, -4.0], vec![-7.0, -6.0, 5.0, -8.0]);
    assert_eq!(case.forward(&Cpu::<f64>::new(1).unwrap()), want);
    fast_backends().iter().for_each(|fast| assert_eq!(case.forward(fast), want));
}

#[test]
fn fast_paths_match_the_twin() {
    let twin = Cpu::<f64>::new(1).unwrap();
    for case in cases() {
        let ((q, k), (dqkv, dnorms)) = (case.forward(&twin), case.backward(&twin));
        for fast in fast_backends() {
            let name = |what: &str| format!("{what} {:?} {} {}", case.shape, fast.path().name(), fast.threads());
            let got = case.forward(&fast);
            assert_close(&name("q"), &got.0, &q, 2e-6);
            assert_close(&name("k"), &got.1, &k, 2e-6);
            let got = case.backward(&fast);
            assert_close(&name("dqkv"), &got.0, &dqkv, 2e-6);
            assert_close(&name("dnorms"), &got.1, &dnorms, 2e-6);
        }
    }
}

#[test]
fn bits_depend_on_nothing_but_the_row() {
    for case in cases().filter(|case| case.shape.rows == 257) {
        let first = &fast_backends()[0];
        let (forward, backward) = (case.forward(first), case.backward(first));
        for fast in fast_backends() {
            let got = case.forward(&fast);
            assert_same_bits("q", &got.0, &forward.0);
            assert_same_bits("k", &got.1, &forward.1);
            let got = case.backward(&fast);
            assert_same_bits("dqkv", &got.0, &backward.0);
            assert_same_bits("dnorms", &got.1, &backward.1);
            for row in [0, 1, 100, 256] {
                let (fused, q, k) = (case.shape.fused_width(), case.dq.len() / 257, case.dk.len() / 257);
                let mut alone = case.clone();
                alone.shape.rows = 1;
                alone.qkv = case.qkv[row * fused..(row + 1) * fused].to_vec();
                alone.positions = vec![case.positions[row]];
                (alone.dq, alone.dk) = (vec![0.0; q], vec![0.0; k]);
                let got = alone.forward(&fast);
                assert_same_bits("q of a row alone", &got.0, &forward.0[row * q..(row + 1) * q]);
                assert_same_bits("k of a row alone", &got.1, &forward.1[row * k..(row + 1) * k]);
            }
        }
    }
}

#[test]
fn nan_stays_in_its_head() {
    let mut case = Case::new(4, 2, (2, 1), 16, true);
    case.qkv[16] = f64::NAN; // second query head of the first row
    for fast in fast_backends() {
        let (q, k) = case.forward(&fast);
        assert!((0..q.len()).all(|i| q[i].is_nan() == (16..32).contains(&i)));
        assert!(k.iter().all(|k| k.is_finite()));
        let (dqkv, dnorms) = case.backward(&fast);
        assert!((0..dqkv.len()).all(|i| dqkv[i].is_nan() == (16..32).contains(&i)));
        assert!((0..32).all(|i| dnorms[i].is_nan() == (i < 16)));
    }
}

#[test]
#[should_panic(expected = "qk_norm_rope_forward: position 40 of row 1 is outside the tables of 40 rows")]
fn a_position_outside_the_tables_is_named() {
    let mut case = Case::new(5, 2, (1, 1), 64, false);
    case.positions[1] = POSITIONS as u32;
    case.forward(&Cpu::<f32>::new(1).unwrap());
}

#[cfg(feature = "cuda")]
#[test]
fn cuda_has_the_bits_of_the_cpu() {
    use crate::testing::{assert_same_numbers, on_cuda};
    let cpu = Cpu::<f32>::new(1).unwrap();
    on_cuda(|cuda| {
        for case in cases().filter(|case| [1, 31].contains(&case.shape.rows) || (case.shape.rows == 257 && case.dk.len() < 1000))
        {
            let name = |what: &str| format!("{what} {:?}", case.shape);
            let (got, want) = (case.forward(cuda), case.forward(&cpu));
            assert_same_numbers(&name("q"), &got.0, &want.0);
            assert_same_numbers(&name("k"), &got.1, &want.1);
            let (got, want) = (case.backward(cuda), case.backward(&cpu));
            assert_same_numbers(&name("dqkv"), &got.0, &want.0);
            assert_same_numbers(&name("dnorms"), &got.1, &want.1);
        }
        let case = Case::new(7, 130, (3, 1), 128, true);
        assert_same_numbers("a wide head", &case.backward(cuda).1, &case.backward(&cpu).1);
    });
}
