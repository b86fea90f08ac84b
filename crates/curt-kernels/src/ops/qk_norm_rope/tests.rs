//! Finite differences, laws, and every backend against the twin.

#[cfg(feature = "cuda")]
use crate::cuda::Module;
use crate::testing::Call::{Backward, Forward};
use crate::testing::{
    Call, Numbers, OpCase, Outputs, assert_gradient, assert_same_bits, backends_agree, dot, fast_backends, guarded,
    on_every_backend, overwritten, twin, unguarded,
};
use crate::{Backend, Cpu, Ops};

use super::{QkParams, QkShape};

const POSITIONS: usize = 40;

/// One test's inputs.
#[derive(Clone)]
pub(crate) struct Case {
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
    /// Calls `job` with the parameters on `backend`.
    fn with_params<B: Backend, T>(&self, backend: &B, job: impl FnOnce(&QkParams<'_, B>) -> T) -> T {
        let norms = self.norms.as_ref().map(|(q, k)| (guarded(backend, q), guarded(backend, k)));
        let (cos, sin) = (guarded(backend, &self.cos), guarded(backend, &self.sin));
        let positions = backend.upload_ids(&self.positions).unwrap();
        let norms = norms.as_ref().map(|(q, k)| (q, k));
        job(&QkParams { norms, cos: &cos, sin: &sin, positions: &positions })
    }

    fn forward<B: Ops>(&self, backend: &B) -> Outputs {
        let [mut q, mut k] = [&self.dq, &self.dk].map(|x| overwritten(backend, x.len()));
        let qkv = guarded(backend, &self.qkv);
        self.with_params(backend, |params| backend.qk_norm_rope_forward(&mut q, &mut k, &qkv, params, self.shape));
        [("q", q), ("k", k)].map(|(name, x)| (name, unguarded(backend, name, &x), 2e-6)).into()
    }

    /// Without norms their gradients must be left alone.
    fn backward<B: Ops>(&self, backend: &B) -> Outputs {
        let mut dqkv = overwritten(backend, self.qkv.len());
        let (mut dq_norm, mut dk_norm) = (guarded(backend, &self.start.0), guarded(backend, &self.start.1));
        let [dq, dk, dv, qkv] = [&self.dq, &self.dk, &self.dv, &self.qkv].map(|x| guarded(backend, x));
        self.with_params(backend, |params| {
            let dnorms = params.norms.is_some().then_some((&mut dq_norm, &mut dk_norm));
            backend.qk_norm_rope_backward(&mut dqkv, dnorms, &dq, &dk, &dv, &qkv, params, self.shape);
        });
        let outputs = [("dqkv", dqkv), ("dq_norm", dq_norm), ("dk_norm", dk_norm)];
        outputs.map(|(name, x)| (name, unguarded(backend, name, &x), 2e-6)).into()
    }

    /// `q · dq + k · dk + v · dv`.
    fn loss(&self) -> f64 {
        let forward = self.run(Forward, &twin());
        let v_width = self.shape.kv_heads * self.shape.head_dim;
        let fused = self.qkv.chunks_exact(self.shape.fused_width());
        let v: Vec<f64> = fused.flat_map(|row| row[row.len() - v_width..].to_vec()).collect();
        dot(&forward["q"], &self.dq) + dot(&forward["k"], &self.dk) + dot(&v, &self.dv)
    }

    /// One row by itself.
    fn row(&self, row: usize) -> Self {
        let shape = self.shape;
        let cut = |x: &[f64], heads: usize| x[row * heads * shape.head_dim..][..heads * shape.head_dim].to_vec();
        Self {
            shape: QkShape { rows: 1, ..shape },
            qkv: cut(&self.qkv, shape.heads + 2 * shape.kv_heads),
            positions: vec![self.positions[row]],
            dq: cut(&self.dq, shape.heads),
            dk: cut(&self.dk, shape.kv_heads),
            dv: cut(&self.dv, shape.kv_heads),
            ..self.clone()
        }
    }
}

impl OpCase for Case {
    const OP: &'static str = "qk_norm_rope";
    const CALLS: &'static [Call] = &[Forward, Backward];
    #[cfg(feature = "cuda")]
    const MODULES: &'static [&'static Module] = &[&super::cuda::MODULE];

    /// Rows, query heads, key heads, width of a head, whether heads are normed.
    type Sizes = (usize, usize, usize, usize, bool);
    const SMOKE: &'static [Self::Sizes] = &[
        (0, 2, 1, 8, true),
        (1, 3, 1, 2, true),
        (31, 3, 1, 34, true),
        (7, 5, 5, 16, false),
        (65, 2, 1, 64, true),
        (257, 1, 1, 16, true),
    ];
    const MATRIX: &'static [Self::Sizes] = &[
        (0, 2, 1, 8, true),
        (1, 1, 1, 2, true),
        (1, 3, 1, 2, false),
        (31, 3, 1, 34, true),
        (33, 3, 1, 34, false),
        (61, 4, 2, 8, true),
        (127, 5, 5, 16, true),
        (64, 5, 1, 16, false),
        (65, 4, 2, 32, true),
        (257, 2, 1, 30, true),
        (7, 2, 2, 62, true),
        (31, 9, 3, 64, false),
        (33, 14, 2, 64, false),
        (17, 14, 2, 64, true),
        (31, 16, 8, 128, true),
        (130, 3, 1, 128, true),
        (1, 16, 8, 128, true),
    ];

    fn new((rows, heads, kv_heads, head_dim, with_norms): Self::Sizes) -> Self {
        let mut n = Numbers::new((rows * 1_000_003 + heads * 1009 + head_dim) as u64);
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

    fn run<B: Ops>(&self, call: Call, backend: &B) -> Outputs {
        match call {
            Forward => self.forward(backend),
            Backward => self.backward(backend),
            _ => unreachable!("{call:?} is no call of qk_norm_rope"),
        }
    }
}

#[test]
fn every_backend_agrees_cuda_too() {
    backends_agree::<Case>();
}

#[test]
fn gradients_match_finite_differences() {
    for with_norms in [true, false] {
        let mut case = Case::new((3, 2, 1, 4, with_norms));
        case.start = (vec![0.0; 4], vec![0.0; 4]);
        let back = case.run(Backward, &twin());
        assert_gradient("dqkv", &|qkv| Case { qkv: qkv.to_vec(), ..case.clone() }.loss(), &case.qkv, &back["dqkv"], 1e-8);
        if let Some((q, k)) = &case.norms {
            let loss = |x: &[f64]| Case { norms: Some((x[..4].to_vec(), x[4..].to_vec())), ..case.clone() }.loss();
            assert_gradient("dnorms", &loss, &[&q[..], k].concat(), &[&back["dq_norm"], &back["dk_norm"]].concat(), 1e-8);
        }
    }
}

#[test]
fn without_norms_their_gradients_are_left_alone_cuda_too() {
    let case = Case::new((5, 2, 1, 8, false));
    on_every_backend(|name, run| {
        let back = run(&case, Backward);
        assert_same_bits(&format!("dq_norm on {name}"), &back["dq_norm"], &case.start.0);
        assert_same_bits(&format!("dk_norm on {name}"), &back["dk_norm"], &case.start.1);
    });
}

#[test]
fn rotation_is_that_of_the_half_split_form_cuda_too() {
    // one head of width 4 at position 1: the pairs are (x0, x2) and (x1, x3), turned by 90 and by 180 degrees
    let mut case = Case::new((1, 1, 1, 4, false));
    case.qkv = vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 0.0, 0.0, 0.0, 0.0];
    (case.cos, case.sin) = (vec![1.0, 1.0, 0.0, -1.0], vec![0.0, 0.0, 1.0, 0.0]);
    case.positions = vec![1];
    on_every_backend(|name, run| {
        let forward = run(&case, Forward);
        assert_eq!(forward["q"], [-3.0, -2.0, 1.0, -4.0], "{name}");
        assert_eq!(forward["k"], [-7.0, -6.0, 5.0, -8.0], "{name}");
    });
}

#[test]
fn a_row_has_the_same_bits_alone_cuda_too() {
    for (heads, kv_heads, head_dim, norms) in [(3, 1, 34, true), (2, 2, 64, false), (5, 5, 16, true)] {
        let case = Case::new((33, heads, kv_heads, head_dim, norms));
        on_every_backend(|name, run| {
            let all = run(&case, Forward);
            for row in [0, 1, 18, 32] {
                let alone = run(&case.row(row), Forward);
                for output in ["q", "k"] {
                    let width = alone[output].len();
                    let label = format!("{output} of row {row} alone on {name}");
                    assert_same_bits(&label, &alone[output], &all[output][row * width..(row + 1) * width]);
                }
            }
        });
    }
}

#[test]
fn bits_do_not_depend_on_how_the_work_is_shared() {
    for (head_dim, norms) in [(2, true), (8, true), (16, false), (32, true), (34, true), (64, true), (64, false)] {
        let case = Case::new((257, 3, 1, head_dim, norms)); // enough work for the threads to be used
        let want = [Forward, Backward].map(|call| case.run(call, &Cpu::<f32>::new(1).unwrap()));
        for cpu in fast_backends() {
            [Forward, Backward].iter().zip(&want).for_each(|(&call, want)| case.run(call, &cpu).assert_same("257 rows", want));
        }
    }
}

#[test]
fn nan_stays_in_its_head_cuda_too() {
    let mut case = Case::new((2, 2, 1, 16, true));
    case.qkv[16] = f64::NAN; // second query head of the first row
    on_every_backend(|name, run| {
        let (forward, backward) = (run(&case, Forward), run(&case, Backward));
        for out in [&forward["q"], &backward["dqkv"]] {
            assert!((0..out.len()).all(|i| out[i].is_nan() == (16..32).contains(&i)), "{name}");
        }
        assert!(forward["k"].iter().chain(&backward["dk_norm"]).all(|k| k.is_finite()), "{name}");
        assert!(backward["dq_norm"].iter().all(|d| d.is_nan()), "{name}");
    });
}

#[test]
#[should_panic(expected = "qk_norm_rope_forward: position 40 of row 1 is outside the tables of 40 rows")]
fn a_position_outside_the_tables_is_named() {
    let mut case = Case::new((2, 1, 1, 64, false));
    case.positions[1] = POSITIONS as u32;
    case.run(Forward, &Cpu::<f32>::new(1).unwrap());
}
