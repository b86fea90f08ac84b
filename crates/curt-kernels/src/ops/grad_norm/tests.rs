//! Every backend against the twin, and laws.

#[cfg(feature = "cuda")]
use crate::cuda::Module;
use crate::testing::{
    Call, Numbers, OpCase, Outputs, backends_agree, fast_backends, guarded, on_every_backend, on_fast_backends,
};
use crate::{Backend, Cpu, Ops};

use super::{BLOCK, GradNorm};

/// A tensor.
pub(crate) struct Case(Vec<f64>);

impl OpCase for Case {
    const OP: &'static str = "grad_norm";
    const CALLS: &'static [Call] = &[Call::Sum];
    #[cfg(feature = "cuda")]
    const MODULES: &'static [&'static Module] = &[&super::cuda::MODULE];

    /// Elements.
    type Sizes = usize;
    const SMOKE: &'static [usize] = &[0, 1, 17, 31, 257, BLOCK - 1, BLOCK, BLOCK + 33];
    const MATRIX: &'static [usize] =
        &[0, 1, 7, 15, 16, 31, 33, 61, 127, 257, BLOCK - 1, BLOCK, BLOCK + 1, 7 * BLOCK, 8 * BLOCK + 31, 576 * 576, 65_537];

    fn new(len: usize) -> Self {
        Self(Numbers::new(len as u64).vector(len))
    }

    /// There is no output on the device; the guard band behind the input must not be counted.
    fn run<B: Ops>(&self, call: Call, backend: &B) -> Outputs {
        assert_eq!(call, Call::Sum, "the only call of grad_norm");
        [("sum", vec![backend.sum_of_squares(&guarded(backend, &self.0), self.0.len())], 1e-13)].into()
    }
}

#[test]
fn every_backend_agrees_cuda_too() {
    backends_agree::<Case>();
}

#[test]
fn bits_do_not_depend_on_how_the_work_is_shared() {
    let case = Case::new(5 * BLOCK + 3);
    let want = case.run(Call::Sum, &Cpu::<f32>::new(1).unwrap());
    fast_backends().iter().for_each(|cpu| case.run(Call::Sum, cpu).assert_same("several blocks", &want));
}

#[test]
fn small_and_large_numbers_keep_their_squares_cuda_too() {
    // in f32 the squares would be 0 and infinite
    for (x, want) in [([1e-30; 3], 3e-60), ([1e30; 3], 3e60)] {
        let case = Case(x.into());
        on_fast_backends(|name, run| {
            let got = run(&case, Call::Sum)["sum"][0];
            assert!((got / want - 1.0).abs() < 1e-6, "{name}: {got}");
        });
    }
}

#[test]
fn nan_and_infinity_are_seen_wherever_they_are_cuda_too() {
    for (bad, at) in [f64::NAN, f64::INFINITY].into_iter().flat_map(|bad| [0, 15, 16, BLOCK + 5].map(|at| (bad, at))) {
        let mut x = vec![1.0; BLOCK + 6];
        x[at] = bad;
        let case = Case(x);
        on_every_backend(|name, run| {
            let got = run(&case, Call::Sum)["sum"][0];
            assert!(if bad.is_nan() { got.is_nan() } else { got == f64::INFINITY }, "{bad} at {at} on {name}: {got}");
        });
    }
}

#[test]
#[should_panic(expected = "sum_of_squares: x holds 2 elements, 3 needed")]
fn a_short_input_is_named() {
    let cpu = Cpu::<f32>::new(1).unwrap();
    cpu.sum_of_squares(&cpu.zeros(2).unwrap(), 3);
}
