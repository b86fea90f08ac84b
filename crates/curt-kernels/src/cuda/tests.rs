//! Memory, copies and failures of the device layer.

mod missing_barrier;

use super::modules::MODULES;
use super::{Argument, Cuda, Kernel, Parameter};
use crate::ops::swiglu::Swiglu;
use crate::ops::{adamw, attention, embedding, grad_norm, linear, lm_head, qk_norm_rope, rms_norm, swiglu};
use crate::testing::{OpCase, on_cuda};
use crate::{Backend, DeviceError};

#[test]
fn copies_go_where_they_should() {
    on_cuda(|cuda| {
        let host: Vec<f32> = (0..1000).map(|i| i as f32).collect();
        let mut a = cuda.upload(&host).unwrap();
        assert_eq!(cuda.download(&a), host);
        assert_eq!(cuda.len(&a), 1000);
        let mut b = cuda.zeros(10).unwrap();
        assert_eq!(cuda.download(&b), [0.0; 10]);
        cuda.copy(&mut b, 2, &a, 500, 3);
        assert_eq!(cuda.download(&b), [0.0, 0.0, 500.0, 501.0, 502.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        cuda.copy_within(&mut b, 7, 2, 3);
        cuda.write(&mut b, &[-1.0, -2.0]);
        assert_eq!(cuda.download(&b), [-1.0, -2.0, 500.0, 501.0, 502.0, 0.0, 0.0, 500.0, 501.0, 502.0]);
        cuda.fill_zero(&mut a, 999);
        let mut last = [7.0; 2];
        cuda.read(&mut last, &a, 998);
        assert_eq!(last, [0.0, 999.0]);
        assert!(cuda.download(&cuda.zeros(0).unwrap()).is_empty());
        cuda.synchronize().unwrap();
    });
}

#[test]
fn memory_that_cannot_be_had_is_an_error_and_nothing_else() {
    on_cuda(|cuda| {
        for len in [usize::MAX, usize::MAX / 4, 1 << 50] {
            assert!(matches!(cuda.zeros(len), Err(DeviceError::OutOfMemory { .. })), "{len} numbers");
        }
        assert_eq!(cuda.download(&cuda.upload(&[1.0]).unwrap()), [1.0]);
        cuda.synchronize().unwrap();
    });
}

#[test]
fn freed_memory_is_used_again() {
    on_cuda(|cuda| {
        let first = cuda.zeros(1000).unwrap();
        let pointer = first.pointer(0);
        drop(first);
        let again = cuda.upload(&[1.0; 1010]).unwrap();
        assert_eq!(again.pointer(0), pointer);
        assert_ne!(cuda.zeros(1000).unwrap().pointer(0), pointer);
    });
}

#[test]
fn a_kernel_that_fails_is_named_and_stops_all_further_work() {
    if std::env::var_os("CURT_TEST_GPU").is_some() {
        return; // a fault ends the whole process's use of the device
    }
    let stand_in = stand_in_cuda::turn().unwrap();
    stand_in.set_print_reports(false);
    let cuda = Cuda::new(stand_in.ordinal()).unwrap();
    let (mut out, gate_up) = (cuda.zeros(4).unwrap(), cuda.upload(&[1.0; 8]).unwrap());
    const FORWARD: Kernel =
        Kernel { name: "swiglu_forward", threads: 256, parameters: &[Parameter::Pointer, Parameter::Pointer, Parameter::U32] };
    // a thousand times as many rows as there are
    let arguments = [Argument::Pointer(out.pointer(0)), Argument::Pointer(gate_up.pointer(0)), Argument::U32(4)];
    cuda.launch(&FORWARD, [1000, 1, 1], &arguments);
    assert!(cuda.download(&out).iter().all(|x| x.is_nan()), "numbers after a failure are NaN");
    cuda.swiglu_forward(&mut out, &gate_up, 1, 4);
    let error = cuda.synchronize().unwrap_err().to_string();
    assert!(error.contains("after the launch of swiglu_forward with 1000 x 1 x 1 blocks of 256 threads"), "{error}");
}

/// Each op's tests fail if one of the op's kernels is never launched; together they have all kernels.
#[test]
fn every_kernel_is_in_the_tests_of_an_op() {
    fn names<C: OpCase>() -> Vec<&'static str> {
        C::MODULES.iter().map(|module| module.name).collect()
    }
    let mut tested = [
        names::<adamw::tests::Case>(),
        names::<attention::tests::Case>(),
        names::<embedding::tests::Case>(),
        names::<grad_norm::tests::Case>(),
        names::<linear::tests::Case>(),
        names::<lm_head::tests::Case>(),
        names::<qk_norm_rope::tests::Case>(),
        names::<rms_norm::tests::Case>(),
        names::<swiglu::tests::Case>(),
    ]
    .concat();
    let mut all: Vec<&str> = MODULES.iter().map(|module| module.name).collect();
    tested.sort_unstable();
    all.sort_unstable();
    assert_eq!(tested, all);
}

#[test]
fn devices_that_do_not_exist_are_refused() {
    on_cuda(|_| {
        let count = Cuda::device_count().unwrap();
        let error = Cuda::new(count + 3).unwrap_err().to_string();
        assert_eq!(error, format!("no CUDA device {}: {count} devices are visible", count + 3));
    });
}

#[test]
#[should_panic(expected = "swiglu_forward: arguments [U32(1)] for parameters [Pointer]")]
fn arguments_of_other_types_are_refused() {
    const KERNEL: Kernel = Kernel { name: "swiglu_forward", threads: 256, parameters: &[Parameter::Pointer] };
    KERNEL.check(&[Argument::U32(1)]);
}
