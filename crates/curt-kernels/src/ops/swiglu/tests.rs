//! Finite differences, laws, and every backend against the twin.

#[cfg(feature = "cuda")]
use crate::cuda::Module;
use crate::testing::Call::{Backward, Forward};
use crate::testing::{
    Call, Numbers, OpCase, Outputs, assert_gradient, assert_same_bits, backends_agree, dot, guarded, on_every_backend,
    on_fast_backends, overwritten, twin, unguarded,
};
use crate::{Backend, Cpu, Ops};

use super::Swiglu;

/// Inputs of both directions.
#[derive(Clone)]
pub(crate) struct Case {
    width: usize,
    gate_up: Vec<f64>,
    dout: Vec<f64>,
}

impl OpCase for Case {
    const OP: &'static str = "swiglu";
    const CALLS: &'static [Call] = &[Forward, Backward];
    #[cfg(feature = "cuda")]
    const MODULES: &'static [&'static Module] = &[&super::cuda::MODULE];

    /// Rows and width.
    type Sizes = (usize, usize);
    const SMOKE: &'static [(usize, usize)] = &[(0, 5), (1, 1), (7, 31), (17, 17), (31, 33), (2, 257)];
    const MATRIX: &'static [(usize, usize)] = &[
        (0, 5),
        (1, 1),
        (1, 257),
        (257, 1),
        (31, 33),
        (33, 31),
        (7, 255),
        (61, 256),
        (127, 257),
        (33, 576),
        (31, 896),
        (17, 1024),
        (7, 1536),
        (3, 3072),
        (1, 4864),
    ];

    /// Gates in (−20, 20), ups in (−2, 2).
    fn new((rows, width): (usize, usize)) -> Self {
        let mut numbers = Numbers::new((rows * 10_000 + width) as u64);
        let mut gate_up = numbers.vector(rows * 2 * width);
        for row in gate_up.chunks_exact_mut(2 * width) {
            row[..width].iter_mut().for_each(|gate| *gate = f64::from((*gate * 20.0) as f32));
            row[width..].iter_mut().for_each(|up| *up *= 2.0);
        }
        Self { width, gate_up, dout: numbers.vector(rows * width) }
    }

    fn run<B: Ops>(&self, call: Call, backend: &B) -> Outputs {
        let (rows, gate_up) = (self.dout.len() / self.width, guarded(backend, &self.gate_up));
        match call {
            Forward => {
                let mut out = overwritten(backend, self.dout.len());
                backend.swiglu_forward(&mut out, &gate_up, rows, self.width);
                [("out", unguarded(backend, "out", &out), 1e-6)].into()
            }
            Backward => {
                let mut dgate_up = overwritten(backend, self.gate_up.len());
                backend.swiglu_backward(&mut dgate_up, &guarded(backend, &self.dout), &gate_up, rows, self.width);
                [("dgate_up", unguarded(backend, "dgate_up", &dgate_up), 1e-6)].into()
            }
            _ => unreachable!("{call:?} is no call of swiglu"),
        }
    }
}

#[test]
fn every_backend_agrees_cuda_too() {
    backends_agree::<Case>();
}

#[test]
fn gradient_matches_finite_differences() {
    let mut n = Numbers::new(1);
    let case = Case { width: 5, gate_up: n.vector(3 * 2 * 5), dout: n.vector(3 * 5) };
    let dgate_up = &case.run(Backward, &twin())["dgate_up"];
    let loss = |x: &[f64]| dot(&Case { gate_up: x.to_vec(), ..case.clone() }.run(Forward, &twin())["out"], &case.dout);
    assert_gradient("dgate_up", &loss, &case.gate_up, dgate_up, 1e-8);
}

#[test]
fn a_row_has_the_same_bits_alone_cuda_too() {
    let width = 257;
    let case = Case::new((61, width));
    on_every_backend(|name, run| {
        let all = run(&case, Forward);
        for row in [0, 1, 60] {
            let gate_up = case.gate_up[row * 2 * width..(row + 1) * 2 * width].to_vec();
            let alone = run(&Case { width, gate_up, dout: vec![0.0; width] }, Forward);
            assert_same_bits(&format!("row {row} alone on {name}"), &alone["out"], &all["out"][row * width..(row + 1) * width]);
        }
    });
}

#[test]
fn bits_do_not_depend_on_how_the_work_is_shared() {
    // enough work for the threads to be used
    let case = Case::new((257, 257));
    let want = [Forward, Backward].map(|call| case.run(call, &Cpu::<f32>::new(1).unwrap()));
    for cpu in crate::testing::fast_backends() {
        [Forward, Backward].iter().zip(&want).for_each(|(&call, want)| case.run(call, &cpu).assert_same("257 rows", want));
    }
}

#[test]
fn extreme_gates_saturate_and_nan_stays_nan_cuda_too() {
    let case = Case { width: 5, gate_up: vec![-200.0, -90.0, 0.0, 200.0, f64::NAN, 2.0, 2.0, 2.0, 2.0, 2.0], dout: vec![1.0; 5] };
    on_fast_backends(|_, run| {
        let outputs = run(&case, Forward);
        let out = &outputs["out"];
        assert_eq!(out[0], 0.0);
        assert!(out[1] <= 0.0 && out[1] > -1e-30);
        assert_eq!(out[2..4], [0.0, 400.0]);
        assert!(out[4].is_nan());
        let outputs = run(&case, Backward);
        let dgate_up = &outputs["dgate_up"];
        assert_eq!([dgate_up[0], dgate_up[2], dgate_up[3]], [0.0, 1.0, 2.0]);
        assert!(dgate_up[1].abs() < 1e-30);
        assert!(dgate_up[4].is_nan() && dgate_up[9].is_nan());
    });
}

#[test]
#[should_panic(expected = "swiglu_forward: gate_up holds 5 elements, 6 needed")]
fn a_short_input_is_named() {
    let cpu = Cpu::<f32>::new(1).unwrap();
    let (mut out, gate_up) = (cpu.zeros(3).unwrap(), cpu.zeros(5).unwrap());
    cpu.swiglu_forward(&mut out, &gate_up, 1, 3);
}
