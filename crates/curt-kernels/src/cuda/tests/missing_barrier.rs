//! That a test fails when a kernel lacks a barrier: one of the mutants of `cargo xtask mutate-kernels`, and what is none.

use std::process::Command;

use crate::ops::linear::{Linear, LinearShape};
use crate::testing::{assert_same_numbers, on_cuda};
use crate::{Cpu, Real};

#[test]
fn a_product_of_two_panels_has_the_bits_of_the_cpu() {
    fn product<B: Linear>(backend: &B) -> Vec<f64> {
        let shape = LinearShape { rows: 70, n: 70, k: 33 };
        let number = |i: usize| B::Real::from_f64((i * 7 % 31) as f64 / 8.0 - 1.0);
        let numbers = |n: usize| backend.upload(&(0..n).map(number).collect::<Vec<_>>()).unwrap();
        let (mut y, x, weight) = (backend.zeros(70 * 70).unwrap(), numbers(70 * 33), numbers(70 * 33));
        let mut packed = backend.packed(shape.n, shape.k).unwrap();
        backend.pack(&mut packed, &weight);
        backend.linear_forward(&mut y, &x, &packed, None, shape);
        backend.download(&y).into_iter().map(Real::to_f64).collect()
    }
    let want = product(&Cpu::<f32>::new(1).unwrap());
    on_cuda(|cuda| assert_same_numbers("y", &product(cuda), &want));
}

/// Whether the test above passes in a program of its own in which a kernel lacks an instruction, and what it prints.
fn without(removal: &str) -> (bool, String) {
    let test = format!("{}::a_product_of_two_panels_has_the_bits_of_the_cpu", module_path!().split_once("::").unwrap().1);
    let mut program = Command::new(std::env::current_exe().unwrap());
    program.args(["--exact", &test]).env("STAND_IN_CUDA_REMOVE", removal).env_remove("CURT_TEST_GPU");
    let output = program.output().unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(said.contains("running 1 test"), "{said}");
    (output.status.success(), said)
}

#[test]
fn a_kernel_without_a_barrier_is_caught() {
    for removal in ["linear_pack:1", "linear_forward:1"] {
        let (passed, said) = without(removal);
        let (kernel, number) = removal.split_once(':').unwrap();
        let notice = format!("kernel `{kernel}` runs without number {number}, ");
        assert!(said.contains(&notice), "{removal} was not left out: {said}");
        let is_fault = ["race: ", "was never written", "asynchronous copy"].iter().any(|what| said.contains(what));
        assert!(!passed && is_fault, "{removal} is not missed: {said}");
    }
}

#[test]
fn what_is_not_there_to_be_left_out_is_an_error() {
    for (removal, why) in [
        ("linear_pack:99", "instructions that synchronize, none has the number 99"),
        ("linear_unpack:1", "no loaded module has a kernel `linear_unpack`"),
        ("linear_pack", "STAND_IN_CUDA_REMOVE=linear_pack is not KERNEL:NUMBER"),
    ] {
        let (passed, said) = without(removal);
        assert!(!passed && said.contains(why), "{removal}: {said}");
    }
}
