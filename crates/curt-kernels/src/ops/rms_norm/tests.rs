//! Finite differences, laws, and every backend against the twin.

#[cfg(feature = "cuda")]
use crate::cuda::Module;
use crate::testing::Call::{Backward, Forward};
use crate::testing::{
    Call, Numbers, OpCase, Outputs, assert_gradient, assert_same_bits, backends_agree, dot, fast_backends, guarded,
    on_every_backend, on_fast_backends, overwritten, twin, unguarded,
};
use crate::{Backend, Cpu, Ops};

use super::{RmsNorm, RmsNormShape};

/// Inputs of both directions.
#[derive(Clone)]
pub(crate) struct Case {
    x: Vec<f64>,
    delta: Vec<f64>,
    weight: Vec<f64>,
    dy: Vec<f64>,
    dresidual: Vec<f64>,
    /// What stands in the accumulated gradient before the backward.
    dweight: Vec<f64>,
}

impl Case {
    /// ε large enough to matter beside the tests' smallest rows.
    fn shape(&self) -> RmsNormShape {
        RmsNormShape { rows: self.x.len() / self.weight.len(), width: self.weight.len(), epsilon: 1e-3 }
    }

    fn forward<B: Ops>(&self, backend: &B) -> Outputs {
        let [x, delta, weight] = [&self.x, &self.delta, &self.weight].map(|x| guarded(backend, x));
        let [mut y, mut h, mut sum_y] = [(); 3].map(|()| overwritten(backend, self.x.len()));
        backend.rms_norm_forward(&mut y, &x, &weight, self.shape());
        backend.add_rms_norm_forward(&mut h, &mut sum_y, &x, &delta, &weight, self.shape());
        let [y, h, sum_y] = [("y", y), ("h", h), ("y of the sum", sum_y)].map(|(name, x)| unguarded(backend, name, &x));
        [("y", y, 2e-6), ("h", h, 1e-7), ("y of the sum", sum_y, 2e-6)].into()
    }

    fn backward<B: Ops>(&self, backend: &B) -> Outputs {
        let inputs = [&self.dy, &self.x, &self.weight, &self.dresidual];
        let [dy, x, weight, dresidual] = inputs.map(|x| guarded(backend, x));
        let [dx, alone] = [Some(&dresidual), None].map(|dresidual| {
            let (mut dx, mut dweight) = (overwritten(backend, self.x.len()), guarded(backend, &self.dweight));
            backend.rms_norm_backward(&mut dx, &mut dweight, dresidual, &dy, &x, &weight, self.shape());
            [unguarded(backend, "dx", &dx), unguarded(backend, "dweight", &dweight)]
        });
        let [[dx, dweight], [dx_alone, dweight_alone]] = [dx, alone];
        assert_same_bits("dweight with and without a residual", &dweight, &dweight_alone);
        [("dx", dx, 2e-6), ("dweight", dweight, 2e-6), ("dx without residual", dx_alone, 2e-6)].into()
    }

    /// One row by itself.
    fn row(&self, row: usize) -> Self {
        let width = self.weight.len();
        let cut = |x: &[f64]| x[row * width..(row + 1) * width].to_vec();
        let [x, delta, dy, dresidual] = [&self.x, &self.delta, &self.dy, &self.dresidual].map(|x| cut(x));
        Self { x, delta, dy, dresidual, ..self.clone() }
    }
}

impl OpCase for Case {
    const OP: &'static str = "rms_norm";
    const CALLS: &'static [Call] = &[Forward, Backward];
    #[cfg(feature = "cuda")]
    const MODULES: &'static [&'static Module] = &[&super::cuda::MODULE];

    /// Rows and width.
    type Sizes = (usize, usize);
    const SMOKE: &'static [(usize, usize)] = &[(0, 3), (1, 1), (31, 33), (65, 31), (17, 17), (3, 257)];
    const MATRIX: &'static [(usize, usize)] = &[
        (0, 3),
        (1, 1),
        (1, 257),
        (257, 1),
        (31, 33),
        (33, 31),
        (7, 15),
        (64, 16),
        (65, 17),
        (127, 61),
        (129, 255),
        (61, 257),
        (257, 257),
        (33, 576),
        (31, 896),
        (17, 1024),
        (1, 2048),
    ];

    /// Rows of very different size, so that ε matters in some.
    fn new((rows, width): (usize, usize)) -> Self {
        let mut n = Numbers::new((rows * 10_000 + width) as u64);
        let mut x = n.vector(rows * width);
        for (row, x) in x.chunks_exact_mut(width).enumerate() {
            x.iter_mut().for_each(|x| *x *= [1.0, 0.015625, 64.0, 0.0][row % 4]);
        }
        let [delta, dy, dresidual] = [(); 3].map(|()| n.vector(rows * width));
        Self { x, delta, dy, dresidual, weight: n.vector(width), dweight: n.vector(width) }
    }

    fn run<B: Ops>(&self, call: Call, backend: &B) -> Outputs {
        match call {
            Forward => self.forward(backend),
            Backward => self.backward(backend),
            _ => unreachable!("{call:?} is no call of rms_norm"),
        }
    }
}

#[test]
fn every_backend_agrees_cuda_too() {
    backends_agree::<Case>();
}

#[test]
fn gradients_match_finite_differences() {
    let twin = twin();
    let case = Case { dweight: vec![0.0; 5], x: Numbers::new(2).vector(15), ..Case::new((3, 5)) };
    let back = case.run(Backward, &twin);
    let at_x = |x: &[f64]| Case { x: x.to_vec(), ..case.clone() }.run(Forward, &twin);
    let loss_x = |x: &[f64]| dot(&at_x(x)["y"], &case.dy) + dot(x, &case.dresidual);
    assert_gradient("dx", &loss_x, &case.x, &back["dx"], 1e-8);
    assert_gradient("dx alone", &|x| dot(&at_x(x)["y"], &case.dy), &case.x, &back["dx without residual"], 1e-8);
    let at_weight = |weight: &[f64]| Case { weight: weight.to_vec(), ..case.clone() }.run(Forward, &twin);
    assert_gradient("dweight", &|weight| dot(&at_weight(weight)["y"], &case.dy), &case.weight, &back["dweight"], 1e-8);
    // through the add: both inputs have the gradient of their sum
    let h = case.run(Forward, &twin)["h"].to_vec();
    let dh = Case { x: h, ..case.clone() }.run(Backward, &twin);
    let loss_delta = |delta: &[f64]| {
        let sum = Case { delta: delta.to_vec(), ..case.clone() }.run(Forward, &twin);
        dot(&sum["y of the sum"], &case.dy) + dot(&sum["h"], &case.dresidual)
    };
    assert_gradient("ddelta", &loss_delta, &case.delta, &dh["dx"], 1e-8);
}

#[test]
fn the_sum_is_rounded_once_and_its_norm_is_that_of_the_sum_cuda_too() {
    let case = Case::new((31, 33));
    let sum: Vec<f64> = case.x.iter().zip(&case.delta).map(|(x, d)| f64::from(*x as f32 + *d as f32)).collect();
    on_fast_backends(|name, run| {
        let outputs = run(&case, Forward);
        assert_same_bits(&format!("h on {name}"), &outputs["h"], &sum);
        let of_sum = run(&Case { x: sum.clone(), ..case.clone() }, Forward);
        assert_same_bits(&format!("norm of the sum on {name}"), &outputs["y of the sum"], &of_sum["y"]);
    });
}

#[test]
fn a_row_has_the_same_bits_alone_cuda_too() {
    for width in [31, 64, 257] {
        let case = Case::new((33, width));
        on_every_backend(|name, run| {
            let all = run(&case, Forward);
            for row in [0, 1, 18, 32] {
                let alone = run(&case.row(row), Forward);
                for output in ["y", "y of the sum"] {
                    let label = format!("{output} of row {row} alone on {name}");
                    assert_same_bits(&label, &alone[output], &all[output][row * width..(row + 1) * width]);
                }
            }
        });
    }
}

#[test]
fn bits_do_not_depend_on_how_the_work_is_shared() {
    for width in [31, 64, 257] {
        let case = Case::new((257, width)); // enough work for the threads to be used
        let want = [Forward, Backward].map(|call| case.run(call, &Cpu::<f32>::new(1).unwrap()));
        for cpu in fast_backends() {
            [Forward, Backward].iter().zip(&want).for_each(|(&call, want)| case.run(call, &cpu).assert_same("257 rows", want));
        }
    }
}

#[test]
fn nan_stays_in_its_row_cuda_too() {
    let mut case = Case::new((3, 17));
    case.x = vec![1.0; 3 * 17];
    case.x[17 + 16] = f64::NAN;
    on_every_backend(|name, run| {
        let (forward, backward) = (run(&case, Forward), run(&case, Backward));
        for out in [&forward["y"], &forward["y of the sum"], &backward["dx"], &backward["dx without residual"]] {
            assert!((0..51).all(|i| out[i].is_nan() == (17..34).contains(&i)), "{name}: {out:?}");
        }
        assert!(backward["dweight"].iter().all(|d| d.is_nan()), "{name}");
    });
}

#[test]
#[should_panic(expected = "rms_norm_forward: weight holds 2 elements, 3 needed")]
fn a_short_weight_is_named() {
    let cpu = Cpu::<f32>::new(1).unwrap();
    let (mut y, x, weight) = (cpu.zeros(6).unwrap(), cpu.zeros(6).unwrap(), cpu.zeros(2).unwrap());
    cpu.rms_norm_forward(&mut y, &x, &weight, RmsNormShape { rows: 2, width: 3, epsilon: 1e-3 });
}
