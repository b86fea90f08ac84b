//! One body for every backend: an op's calls at given sizes, and what must hold of all that they leave.
//!
//! The body is [`OpCase::run`]. [`backends_agree`] compares what it gives on each instruction set and on CUDA with the f64
//! twin, and their bits with each other; [`on_every_backend`] checks a law on each. With the variable `CURT_TEST_MATRIX` set
//! to a file, the sizes are those of the whole matrix, and what was run is appended to the file (`cargo xtask matrix`).

use std::fmt::Debug;
use std::io::Write;
use std::ops::Index;
use std::time::Instant;

use super::{assert_close, assert_same_numbers, fast_backends};
use crate::{Backend, Cpu, Ops};

/// What an op is called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Values from inputs.
    Forward,
    /// Gradients.
    Backward,
    /// A forward in which part of each sequence lies in pages already; it has no backward.
    Cached,
    /// Drawing tokens; it has no backward.
    Sample,
    /// The optimizer's update in place.
    Update,
    /// A sum over a tensor.
    Sum,
}

/// What a call leaves: outputs by name, each with the largest distance from the f64 twin, relative to the largest value or 1.
#[derive(Clone, Debug)]
pub struct Outputs(Vec<(&'static str, Vec<f64>, f64)>);

impl<const N: usize> From<[(&'static str, Vec<f64>, f64); N]> for Outputs {
    fn from(outputs: [(&'static str, Vec<f64>, f64); N]) -> Self {
        Self(outputs.into())
    }
}

impl Index<&str> for Outputs {
    type Output = [f64];

    fn index(&self, name: &str) -> &[f64] {
        &self.0.iter().find(|output| output.0 == name).unwrap_or_else(|| panic!("no output {name}")).1
    }
}

impl Outputs {
    /// Checks that each output is within its bound of the twin's.
    pub fn assert_near(&self, label: &str, twin: &Self) {
        for ((name, values, bound), want) in self.0.iter().zip(&twin.0) {
            assert_close(&format!("{label}: {name}"), values, &want.1, *bound);
        }
    }

    /// Checks that each output has the bits of the other's; any NaN is as good as another.
    pub fn assert_same(&self, label: &str, other: &Self) {
        assert_eq!(self.0.len(), other.0.len(), "{label}: outputs");
        for ((name, values, _), want) in self.0.iter().zip(&other.0) {
            assert_same_numbers(&format!("{label}: {name}"), values, &want.1);
        }
    }
}

/// The inputs of an op at given sizes, and its calls, the same for every backend.
///
/// A call lays a guard band behind each output and checks it; an output to be overwritten starts as NaN, one to be
/// accumulated starts as numbers of the case.
pub trait OpCase: Sized {
    /// The op's folder.
    const OP: &'static str;
    /// The op's calls, all of which are made at all sizes.
    const CALLS: &'static [Call];
    /// The op's kernels, all of which must be launched by the calls at the sizes of the smoke, and of the matrix.
    #[cfg(feature = "cuda")]
    const MODULES: &'static [&'static crate::cuda::Module];
    /// What distinguishes one case from another.
    type Sizes: Copy + Debug + 'static;
    /// A few small sizes, for every run of the tests.
    const SMOKE: &'static [Self::Sizes];
    /// Sizes around every limit of the kernels, odd ones, primes, and those of real models.
    const MATRIX: &'static [Self::Sizes];

    /// Seeded inputs, exact in f32.
    fn new(sizes: Self::Sizes) -> Self;

    /// Makes a call of [`OpCase::CALLS`]; panics where a guard band was written.
    fn run<B: Ops>(&self, call: Call, backend: &B) -> Outputs;
}

/// The plain backend that all others are compared with.
pub fn twin() -> Cpu<f64> {
    Cpu::new(1).unwrap()
}

/// Runs all cases on every backend. The fast ones must be within the bounds of the f64 twin and have the same bits, CUDA too,
/// and all kernels of the op must have been launched.
pub fn backends_agree<C: OpCase>() {
    let matrix = std::env::var_os("CURT_TEST_MATRIX");
    let sizes = if matrix.is_some() { C::MATRIX } else { C::SMOKE };
    assert!(!sizes.is_empty() && !C::CALLS.is_empty(), "{}: nothing to run", C::OP);
    let (twin, fast) = (twin(), fast_backends());
    #[cfg(feature = "cuda")]
    let device = super::device::Device::open();
    let mut seconds = vec![0.0; C::CALLS.len()];
    for (i, &size) in sizes.iter().enumerate() {
        let case = C::new(size);
        for (&call, seconds) in C::CALLS.iter().zip(&mut seconds) {
            let started = Instant::now();
            let want = case.run(call, &twin);
            let mut first: Option<Outputs> = None;
            let mut check = |name: &str, got: Outputs| {
                let label = format!("{} {call:?} {size:?} on {name}", C::OP);
                got.assert_near(&label, &want);
                got.assert_same(&label, first.get_or_insert_with(|| got.clone()));
            };
            for cpu in &fast {
                check(&format!("{} with {} threads", cpu.path().name(), cpu.threads()), case.run(call, cpu));
            }
            #[cfg(feature = "cuda")]
            device.run(i, |cuda| case.run(call, cuda), &mut check);
            #[cfg(not(feature = "cuda"))]
            let _ = i;
            *seconds += started.elapsed().as_secs_f64();
        }
    }
    let calls = C::CALLS.iter().zip(seconds).map(|(call, s)| format!("call\t{call:?}\t{}\t{s:.3}\n", sizes.len()));
    #[cfg_attr(not(feature = "cuda"), allow(unused_mut))]
    let mut report: String = calls.collect();
    #[cfg(feature = "cuda")]
    {
        report += &device.launches(C::OP, C::MODULES);
    }
    if let Some(file) = matrix {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(file);
        file.and_then(|mut file| file.write_all(report.as_bytes())).expect("the file that CURT_TEST_MATRIX names");
    }
}

/// A backend behind a function that makes a case's call there.
pub type Run<'a, C> = &'a dyn Fn(&C, Call) -> Outputs;

/// The function of a backend that makes a case's call there.
pub fn on<C: OpCase, B: Ops>(backend: &B) -> impl Fn(&C, Call) -> Outputs {
    |case, call| case.run(call, backend)
}

/// Checks a law on the twin, on every fast backend and on CUDA; it is given the backend's name and how to run a case there.
pub fn on_every_backend<C: OpCase>(law: impl Fn(&str, Run<'_, C>)) {
    let twin = twin();
    law("the twin", &on(&twin));
    on_fast_backends(law);
}

/// As [`on_every_backend`] without the twin, for laws of f32.
pub fn on_fast_backends<C: OpCase>(law: impl Fn(&str, Run<'_, C>)) {
    for cpu in fast_backends() {
        law(&format!("{} with {} threads", cpu.path().name(), cpu.threads()), &on(&cpu));
    }
    #[cfg(feature = "cuda")]
    super::on_cuda(|cuda| law("CUDA", &on(cuda)));
}
