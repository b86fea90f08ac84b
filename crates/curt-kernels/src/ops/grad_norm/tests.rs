//! The twin, guard bands, NaN.

use super::{BLOCK, GradNorm};
use crate::testing::{Numbers, SIZES, assert_close, fast_backends, guarded};
use crate::{Backend, Cpu};

#[test]
fn fast_paths_match_the_twin_and_each_other() {
    let twin = Cpu::<f64>::new(1).unwrap();
    for len in SIZES.into_iter().chain([0, BLOCK - 1, BLOCK, 5 * BLOCK + 3]) {
        let x = Numbers::new(len as u64).vector(len);
        // the guard band behind must not be counted
        let want = twin.sum_of_squares(&guarded(&twin, &x), len);
        let first = &fast_backends()[0];
        let bits = first.sum_of_squares(&guarded(first, &x), len).to_bits();
        for fast in fast_backends() {
            let got = fast.sum_of_squares(&guarded(&fast, &x), len);
            assert_close(&format!("{len}"), &[got], &[want], 1e-13);
            assert_eq!(got.to_bits(), bits, "{len} {} {}", fast.path().name(), fast.threads());
        }
    }
}

#[test]
fn small_and_large_numbers_keep_their_squares() {
    // in f32 the squares would be 0 and infinite
    for (x, want) in [([1e-30f32; 3], 3e-60), ([1e30; 3], 3e60)] {
        for fast in fast_backends() {
            let got = fast.sum_of_squares(&fast.upload(&x).unwrap(), 3);
            assert!((got / want - 1.0).abs() < 1e-6, "{got}");
        }
    }
}

#[test]
fn nan_and_infinity_are_seen_wherever_they_are() {
    for (bad, at) in [f32::NAN, f32::INFINITY].into_iter().flat_map(|bad| [0, 15, 16, BLOCK + 5].map(|at| (bad, at))) {
        let mut x = vec![1.0; BLOCK + 6];
        x[at] = bad;
        for fast in fast_backends() {
            let got = fast.sum_of_squares(&fast.upload(&x).unwrap(), x.len());
            assert!(if bad.is_nan() { got.is_nan() } else { got == f64::INFINITY }, "{bad} at {at}: {got}");
        }
    }
}

#[test]
#[should_panic(expected = "sum_of_squares: x holds 2 elements, 3 needed")]
fn a_short_input_is_named() {
    let cpu = Cpu::<f32>::new(1).unwrap();
    cpu.sum_of_squares(&cpu.zeros(2).unwrap(), 3);
}

#[cfg(feature = "cuda")]
#[test]
fn cuda_has_the_bits_of_the_cpu() {
    use crate::testing::on_cuda;
    let cpu = Cpu::<f32>::new(1).unwrap();
    on_cuda(|cuda| {
        for len in [0, 1, 17, 257, BLOCK - 1, BLOCK, 3 * BLOCK + 5] {
            let mut x = Numbers::new(len as u64).vector(len);
            let sums = |x: &[f64]| (cuda.sum_of_squares(&guarded(cuda, x), len), cpu.sum_of_squares(&guarded(&cpu, x), len));
            let (got, want) = sums(&x);
            assert_eq!(got.to_bits(), want.to_bits(), "{len}");
            if let Some(last) = x.last_mut() {
                *last = f64::NAN;
                assert!(sums(&x).0.is_nan(), "{len}");
            }
        }
    });
}
