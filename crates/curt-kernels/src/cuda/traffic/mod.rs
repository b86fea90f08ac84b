//! What each kernel moves between global memory and the chip, counted, beside what it must.
//!
//! Counted are sectors of 32 bytes that a warp's request touches, the unit in which a GPU moves memory: a number that all
//! threads of a warp read is one sector, and a warp that reads every second number pays for all. No cache is counted with.
//! A kernel must be within a twentieth of its formula, from both sides: one that asks for too little is wrong too. The
//! formula of a kernel that streams is each input and each output once; that of a product or of attention is its tiling's.

mod attention;
mod products;
mod rows;

use std::collections::BTreeSet;

use super::Cuda;
use super::modules::MODULES;
use crate::Backend;
use crate::testing::Numbers;

/// How far a count may be from its formula.
const WITHIN: f64 = 0.05;

/// Launches of some kernels at one size.
struct Case {
    /// The size, as the table of `docs/kernels.md` has it.
    at: String,
    /// What the launches must move.
    expected: Vec<Expected>,
    run: Box<dyn Fn(&Cuda)>,
}

/// What the launches of a kernel in one case must move together.
struct Expected {
    kernel: &'static str,
    /// The bytes as a formula in the letters of `docs/kernels.md`.
    formula: &'static str,
    bytes: usize,
}

fn expected(kernel: &'static str, formula: &'static str, bytes: usize) -> Expected {
    Expected { kernel, formula, bytes }
}

fn cases() -> Vec<Case> {
    [rows::cases(), products::cases(), attention::cases()].into_iter().flatten().collect()
}

/// A buffer of seeded numbers.
fn numbers(cuda: &Cuda, len: usize) -> super::CudaBuffer {
    let host: Vec<f32> = Numbers::new(len as u64).vector(len).iter().map(|&x| x as f32).collect();
    cuda.upload(&host).unwrap()
}

/// A device of the stand-in as a counter: without its checks.
struct Counting(stand_in_cuda::Turn);

impl Counting {
    fn start() -> Self {
        let stand_in = stand_in_cuda::turn().unwrap();
        stand_in.set_checks(stand_in_cuda::Checks::NONE);
        Self(stand_in)
    }

    /// Bytes that the launches of each kernel moved in `run`.
    fn bytes(&self, cuda: &Cuda, run: &dyn Fn(&Cuda)) -> impl Fn(&str) -> usize + use<> {
        self.0.clear_counters();
        run(cuda);
        cuda.synchronize().unwrap();
        let counters = self.0.counters();
        move |kernel| {
            let of_kernel = counters.get(kernel).unwrap_or_else(|| panic!("{kernel} was not launched"));
            let sectors = ["global_loads.sectors", "global_stores.sectors"].map(|name| of_kernel.by_name[name]);
            32 * sectors.iter().sum::<u64>() as usize
        }
    }
}

/// Prints a line per kernel and size, which `cargo xtask kernels --traffic` collects.
#[test]
fn every_kernel_moves_what_its_formula_says() {
    if std::env::var_os("CURT_TEST_GPU").is_some() {
        return; // a real driver counts nothing
    }
    let counting = Counting::start();
    let cuda = Cuda::new(counting.0.ordinal()).unwrap();
    let mut wrong = Vec::new();
    for case in cases() {
        let counted = counting.bytes(&cuda, &*case.run);
        for Expected { kernel, formula, bytes } in case.expected {
            let (counted, at) = (counted(kernel), &case.at);
            let ratio = counted as f64 / bytes as f64;
            println!("traffic\t{kernel}\t{formula}\t{at}\t{bytes}\t{counted}\t{ratio:.3}");
            if (ratio - 1.0).abs() > WITHIN {
                wrong.push(format!("{kernel} at {at}: {counted} bytes, {formula} = {bytes}: {ratio:.3}"));
            }
        }
    }
    assert!(wrong.is_empty(), "not what the formula says:\n{}", wrong.join("\n"));
}

#[test]
fn no_kernel_is_without_a_formula() {
    let cases = cases();
    let with: BTreeSet<&str> = cases.iter().flat_map(|case| &case.expected).map(|expected| expected.kernel).collect();
    let all: BTreeSet<&str> = MODULES.iter().flat_map(|module| module.kernels).map(|kernel| kernel.name).collect();
    assert_eq!(with, all);
}
