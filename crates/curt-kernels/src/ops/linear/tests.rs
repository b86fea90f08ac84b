//! Finite differences, laws, and every backend against the twin; the parts that products are made of.

use super::panels::{COLUMNS, panel_product};
use super::product::Product;
use super::{Linear, LinearShape};
use crate::cpu::SharedMut;
#[cfg(feature = "cuda")]
use crate::cuda::Module;
use crate::testing::Call::{Backward, Forward};
use crate::testing::{
    Call, Numbers, OpCase, Outputs, assert_gradient, assert_same_bits, backends_agree, dot, fast_backends, guarded,
    on_every_backend, on_fast_backends, overwritten, twin, unguarded,
};
use crate::{Backend, Cpu, Ops};

/// Inputs of both directions.
#[derive(Clone)]
pub(crate) struct Case {
    shape: LinearShape,
    x: Vec<f64>,
    weight: Vec<f64>,
    bias: Option<Vec<f64>>,
    dy: Vec<f64>,
    /// What stands in the accumulated gradients before the backward.
    dweight: Vec<f64>,
    dbias: Vec<f64>,
}

impl Case {
    fn forward<B: Ops>(&self, backend: &B) -> Outputs {
        let LinearShape { rows, n, k } = self.shape;
        let mut packed = backend.packed(n, k).unwrap();
        backend.pack(&mut packed, &guarded(backend, &self.weight));
        let bias = self.bias.as_ref().map(|b| guarded(backend, b));
        let mut y = overwritten(backend, rows * n);
        backend.linear_forward(&mut y, &guarded(backend, &self.x), &packed, bias.as_ref(), self.shape);
        [("y", unguarded(backend, "y", &y), 1e-5)].into()
    }

    /// Without a bias its gradient must be left alone.
    fn backward<B: Ops>(&self, backend: &B) -> Outputs {
        let (x, dy) = (guarded(backend, &self.x), guarded(backend, &self.dy));
        let mut dx = overwritten(backend, self.x.len());
        backend.linear_backward_input(&mut dx, &dy, &guarded(backend, &self.weight), self.shape);
        let (mut dweight, mut dbias) = (guarded(backend, &self.dweight), guarded(backend, &self.dbias));
        let given = self.bias.is_some().then_some(&mut dbias);
        backend.linear_backward_weight(&mut dweight, given, &dy, &x, self.shape);
        [("dx", dx), ("dweight", dweight), ("dbias", dbias)].map(|(name, x)| (name, unguarded(backend, name, &x), 1e-5)).into()
    }

    /// Some rows by themselves.
    fn rows(&self, rows: std::ops::Range<usize>) -> Self {
        let LinearShape { n, k, .. } = self.shape;
        let (x, dy) = (self.x[rows.start * k..rows.end * k].to_vec(), self.dy[rows.start * n..rows.end * n].to_vec());
        Self { shape: LinearShape { rows: rows.len(), n, k }, x, dy, ..self.clone() }
    }
}

impl OpCase for Case {
    const OP: &'static str = "linear";
    const CALLS: &'static [Call] = &[Forward, Backward];
    #[cfg(feature = "cuda")]
    const MODULES: &'static [&'static Module] = &[&super::cuda::MODULE];

    /// Rows, outputs n, inputs k, whether there is a bias.
    type Sizes = (usize, usize, usize, bool);
    const SMOKE: &'static [Self::Sizes] = &[
        (0, 3, 2, true),
        (2, 0, 3, true),
        (2, 3, 0, true),
        (1, 1, 1, false),
        (31, 33, 7, true),
        (65, 31, 33, false),
        (3, 130, 65, true),
        (17, 257, 17, true),
    ];
    const MATRIX: &'static [Self::Sizes] = &[
        (0, 3, 2, true),
        (2, 0, 3, true),
        (2, 3, 0, true),
        (1, 1, 1, true),
        (1, 257, 31, false),
        (257, 1, 33, true),
        (31, 33, 257, false),
        (33, 257, 1, true),
        (7, 61, 127, true),
        (127, 7, 61, false),
        (61, 127, 7, true),
        (64, 64, 64, false),
        (63, 65, 16, true),
        (65, 63, 17, true),
        (128, 130, 15, false),
        (257, 127, 257, true),
        (5, 64, 700, false),
        (700, 65, 3, true),
        (1, 576, 576, false),
        (31, 960, 576, false),
        (17, 576, 1536, false),
        (33, 1152, 896, true),
        (7, 1024, 1024, false),
        (1, 896, 1024, true),
    ];

    fn new((rows, n, k, bias): Self::Sizes) -> Self {
        let mut numbers = Numbers::new((rows * 1_000_003 + n * 1009 + k) as u64);
        Self {
            shape: LinearShape { rows, n, k },
            x: numbers.vector(rows * k),
            weight: numbers.vector(n * k),
            bias: bias.then(|| numbers.vector(n)),
            dy: numbers.vector(rows * n),
            dweight: numbers.vector(n * k),
            dbias: numbers.vector(n),
        }
    }

    fn run<B: Ops>(&self, call: Call, backend: &B) -> Outputs {
        match call {
            Forward => self.forward(backend),
            Backward => self.backward(backend),
            _ => unreachable!("{call:?} is no call of linear"),
        }
    }
}

#[test]
fn every_backend_agrees_cuda_too() {
    backends_agree::<Case>();
}

#[test]
fn gradients_are_those_of_finite_differences() {
    let mut case = Case::new((3, 5, 4, true));
    case.dweight.fill(0.0);
    case.dbias.fill(0.0);
    let back = case.run(Backward, &twin());
    let at = |set: &dyn Fn(&mut Case)| {
        let mut moved = case.clone();
        set(&mut moved);
        dot(&moved.run(Forward, &twin())["y"], &case.dy)
    };
    assert_gradient("dx", &|v| at(&|c| c.x = v.to_vec()), &case.x, &back["dx"], 1e-9);
    assert_gradient("dweight", &|v| at(&|c| c.weight = v.to_vec()), &case.weight, &back["dweight"], 1e-9);
    let bias = case.bias.clone().unwrap();
    assert_gradient("dbias", &|v| at(&|c| c.bias = Some(v.to_vec())), &bias, &back["dbias"], 1e-9);
}

#[test]
fn without_a_bias_its_gradient_is_left_alone_cuda_too() {
    let case = Case::new((5, 7, 3, false));
    on_every_backend(|name, run| assert_same_bits(name, &run(&case, Backward)["dbias"], &case.dbias));
}

/// Sizes at which the CPU splits the work otherwise than the small ones of the tests: whole panels and ragged ones, several
/// blocks of depth, several groups of columns, several parts per thread.
#[test]
fn every_cpu_path_agrees_with_the_twin_and_the_others_at_large_sizes() {
    let sizes = [(40, 97, 42), (9, 1030, 1030), (300, 192, 130), (410, 42, 520), (300, 1100, 130), (1, 128, 257)];
    for (rows, n, k) in sizes {
        let case = Case::new((rows, n, k, true));
        for call in [Forward, Backward] {
            let want = case.run(call, &twin());
            let first = case.run(call, &Cpu::<f32>::new(1).unwrap());
            first.assert_near(&format!("{rows}x{n}x{k}"), &want);
            let many = Cpu::<f32>::new(5).unwrap();
            for cpu in fast_backends().iter().chain([&many]) {
                let name = format!("{rows}x{n}x{k} {} threads {}", cpu.path().name(), cpu.threads());
                case.run(call, cpu).assert_same(&name, &first);
            }
        }
    }
}

#[test]
fn forward_bits_of_a_row_do_not_depend_on_its_company() {
    let (n, k) = (97, 300);
    let whole = Case::new((411, n, k, true));
    for cpu in fast_backends() {
        let want = whole.run(Forward, &cpu);
        let mut start = 0;
        for rows in (1..=20).chain([200]) {
            let got = whole.rows(start..start + rows).run(Forward, &cpu);
            assert_same_bits(cpu.path().name(), &got["y"], &want["y"][start * n..(start + rows) * n]);
            start += rows;
        }
        assert!(start <= 411);
    }
}

#[test]
fn forward_bits_of_a_row_are_those_of_the_row_alone_cuda_too() {
    let n = 70;
    let whole = Case::new((67, n, 33, true));
    on_every_backend(|name, run| {
        let want = run(&whole, Forward);
        for rows in [0..1, 5..8, 63..66, 66..67] {
            let got = run(&whole.rows(rows.clone()), Forward);
            assert_same_bits(&format!("{rows:?} on {name}"), &got["y"], &want["y"][rows.start * n..rows.end * n]);
        }
    });
}

#[test]
fn forward_is_one_chain_of_fused_multiply_adds_cuda_too() {
    let case = Case::new((3, 70, 400, true));
    let LinearShape { rows, n, k } = case.shape;
    let bias = case.bias.clone().unwrap();
    let chain = |r: usize, i: usize| {
        (0..k).fold(0.0f32, |sum, j| (case.x[r * k + j] as f32).mul_add(case.weight[i * k + j] as f32, sum)) + bias[i] as f32
    };
    let want: Vec<f64> = (0..rows * n).map(|at| f64::from(chain(at / n, at % n))).collect();
    on_fast_backends(|name, run| assert_same_bits(name, &run(&case, Forward)["y"], &want));
}

#[test]
fn panel_product_writes_only_its_columns() {
    let (rows, n, k, stride) = (9, 150, 33, 100);
    let case = Case::new((rows, n, k, false));
    for fast in fast_backends() {
        let outputs = case.run(Forward, &fast);
        let want = &outputs["y"];
        let mut packed = fast.packed(n, k).unwrap();
        fast.pack(&mut packed, &guarded(&fast, &case.weight));
        let x = guarded(&fast, &case.x);
        let mut y = vec![-1.0f32; 5 + rows * stride];
        panel_product(fast.path(), SharedMut::new(&mut y), 5, stride, &x, k, rows, &packed, 1..3);
        assert!(y[..5].iter().all(|&v| v == -1.0));
        for (r, line) in y[5..].chunks_exact(stride).enumerate() {
            let written: Vec<f64> = line[..n - COLUMNS].iter().map(|&v| f64::from(v)).collect();
            assert_eq!(written, want[r * n + COLUMNS..(r + 1) * n]);
            assert!(line[n - COLUMNS..].iter().all(|&v| v == -1.0), "row {r}: wrote past the last column");
        }
    }
}

#[test]
fn a_part_of_a_product_has_the_bits_of_the_whole() {
    let (rows, columns, depth) = (40, 130, 600);
    let mut numbers = Numbers::new(9);
    let mut floats = |n: usize| -> Vec<f32> { numbers.vector(n).into_iter().map(|v| v as f32).collect() };
    let (a, b, start) = (floats(rows * depth), floats(depth * columns), floats(rows * columns));
    for accumulate in [false, true] {
        let product = Product { a: &a, a_row: depth, a_step: 1, b: &b, b_stride: columns, rows, columns, depth, accumulate };
        for fast in fast_backends() {
            let mut whole = start.clone();
            product.run(&fast, &mut whole, columns);
            let mut parts = start.clone();
            for r in [0..7, 7..40] {
                for c in [0..64, 64..130] {
                    product.run_part(fast.path(), SharedMut::new(&mut parts), columns, r.clone(), c);
                }
            }
            assert!(whole == parts, "{} accumulate {accumulate}", fast.path().name());
        }
    }
}

#[test]
#[should_panic(expected = "linear_forward: x has 27 numbers, 7 x 4 expected")]
fn a_short_input_is_named() {
    let cpu = Cpu::<f32>::new(1).unwrap();
    let packed = cpu.packed(2, 4).unwrap();
    let x = guarded(&cpu, &[0.0; 8]);
    cpu.linear_forward(&mut cpu.zeros(14).unwrap(), &x, &packed, None, LinearShape { rows: 7, n: 2, k: 4 });
}

#[test]
fn parts_cover_the_output_once() {
    for (rows, columns) in [(1, 1), (17, 31), (128, 128), (257, 1100), (1536, 576), (4864, 2049), (0, 5), (5, 0)] {
        for threads in [1, 2, 3, 16] {
            let product =
                Product { a: &[], a_row: 0, a_step: 0, b: &[], b_stride: 0, rows, columns, depth: 0, accumulate: false };
            let mut times = vec![0u8; rows * columns];
            for (part_rows, part_columns) in product.parts(threads) {
                for row in part_rows {
                    times[row * columns..][part_columns.clone()].iter_mut().for_each(|t| *t += 1);
                }
            }
            assert!(times.iter().all(|&t| t == 1), "{rows} x {columns} on {threads} threads");
        }
    }
}
