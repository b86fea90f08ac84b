//! Finite differences, twins, guard bands.

use super::{RmsNorm, RmsNormShape};
use crate::testing::{Numbers, SIZES, assert_close, assert_gradient, assert_same_bits, dot, fast_backends, guarded, unguarded};
use crate::{Backend, Cpu};

/// ε large enough to matter beside the tests' smallest rows.
fn shape(rows: usize, width: usize) -> RmsNormShape {
    RmsNormShape { rows, width, epsilon: 1e-3 }
}

fn forward<B: RmsNorm>(backend: &B, x: &[f64], weight: &[f64]) -> Vec<f64> {
    let mut y = guarded(backend, &vec![7.0; x.len()]);
    let shape = shape(x.len() / weight.len(), weight.len());
    backend.rms_norm_forward(&mut y, &guarded(backend, x), &guarded(backend, weight), shape);
    unguarded(backend, "y", &y)
}

/// `(h, y)`.
fn add_forward<B: RmsNorm>(backend: &B, x: &[f64], delta: &[f64], weight: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let (mut h, mut y) = (guarded(backend, &vec![7.0; x.len()]), guarded(backend, &vec![7.0; x.len()]));
    let shape = shape(x.len() / weight.len(), weight.len());
    let (x, delta, weight) = (guarded(backend, x), guarded(backend, delta), guarded(backend, weight));
    backend.add_rms_norm_forward(&mut h, &mut y, &x, &delta, &weight, shape);
    (unguarded(backend, "h", &h), unguarded(backend, "y", &y))
}

/// `(dx, dweight)`, where `dweight` starts at `dweight`.
fn backward<B: RmsNorm>(
    backend: &B,
    dweight: &[f64],
    dresidual: Option<&[f64]>,
    dy: &[f64],
    x: &[f64],
    weight: &[f64],
) -> (Vec<f64>, Vec<f64>) {
    let (mut dx, mut dweight) = (guarded(backend, &vec![7.0; x.len()]), guarded(backend, dweight));
    let dresidual = dresidual.map(|d| guarded(backend, d));
    let shape = shape(x.len() / weight.len(), weight.len());
    let (dy, x, weight) = (guarded(backend, dy), guarded(backend, x), guarded(backend, weight));
    backend.rms_norm_backward(&mut dx, &mut dweight, dresidual.as_ref(), &dy, &x, &weight, shape);
    (unguarded(backend, "dx", &dx), unguarded(backend, "dweight", &dweight))
}

/// Rows of very different size, so that ε matters in some.
fn rows_of_all_sizes(numbers: &mut Numbers, rows: usize, width: usize) -> Vec<f64> {
    let mut x = numbers.vector(rows * width);
    for (row, x) in x.chunks_exact_mut(width).enumerate() {
        x.iter_mut().for_each(|x| *x *= [1.0, 0.015625, 64.0, 0.0][row % 4]);
    }
    x
}

#[test]
fn gradients_match_finite_differences() {
    let twin = Cpu::<f64>::new(1).unwrap();
    let mut n = Numbers::new(1);
    let (x, weight, dy, dresidual) = (n.vector(15), n.vector(5), n.vector(15), n.vector(15));
    let start = n.vector(5);
    let (dx, dweight) = backward(&twin, &start, Some(&dresidual), &dy, &x, &weight);
    let loss_x = |x: &[f64]| dot(&forward(&twin, x, &weight), &dy) + dot(x, &dresidual);
    assert_gradient("dx", &loss_x, &x, &dx, 1e-8);
    let dweight: Vec<f64> = dweight.iter().zip(&start).map(|(d, s)| d - s).collect();
    assert_gradient("dweight", &|weight| dot(&forward(&twin, &x, weight), &dy), &weight, &dweight, 1e-8);
    // without a residual
    let (dx, _) = backward(&twin, &start, None, &dy, &x, &weight);
    assert_gradient("dx", &|x| dot(&forward(&twin, x, &weight), &dy), &x, &dx, 1e-8);
    // through the add: both inputs have the gradient of their sum
    let delta = n.vector(15);
    let (h, _) = add_forward(&twin, &x, &delta, &weight);
    let (dh, _) = backward(&twin, &start, Some(&dresidual), &dy, &h, &weight);
    let loss_delta = |delta: &[f64]| {
        let (h, y) = add_forward(&twin, &x, delta, &weight);
        dot(&y, &dy) + dot(&h, &dresidual)
    };
    assert_gradient("ddelta", &loss_delta, &delta, &dh, 1e-8);
}

#[test]
fn fast_paths_match_the_twin() {
    let twin = Cpu::<f64>::new(1).unwrap();
    for (rows, width) in SIZES.into_iter().flat_map(|rows| SIZES.map(|width| (rows, width))) {
        let mut n = Numbers::new((rows * 1000 + width) as u64);
        let x = rows_of_all_sizes(&mut n, rows, width);
        let (delta, dy, dresidual) = (n.vector(rows * width), n.vector(rows * width), n.vector(rows * width));
        let (weight, start) = (n.vector(width), n.vector(width));
        let y = forward(&twin, &x, &weight);
        let (_, added_y) = add_forward(&twin, &x, &delta, &weight);
        let (dx, dweight) = backward(&twin, &start, Some(&dresidual), &dy, &x, &weight);
        let (dx_alone, _) = backward(&twin, &start, None, &dy, &x, &weight);
        for fast in fast_backends() {
            let name = |what: &str| format!("{what} {rows}x{width} {} {}", fast.path().name(), fast.threads());
            assert_close(&name("y"), &forward(&fast, &x, &weight), &y, 2e-6);
            let (h, got) = add_forward(&fast, &x, &delta, &weight);
            let sum: Vec<f64> = x.iter().zip(&delta).map(|(x, d)| f64::from(*x as f32 + *d as f32)).collect();
            assert_same_bits(&name("h"), &h, &sum);
            assert_close(&name("y of the sum"), &got, &added_y, 2e-6);
            let got = backward(&fast, &start, Some(&dresidual), &dy, &x, &weight);
            assert_close(&name("dx"), &got.0, &dx, 2e-6);
            assert_close(&name("dweight"), &got.1, &dweight, 2e-6);
            let got = backward(&fast, &start, None, &dy, &x, &weight);
            assert_close(&name("dx without residual"), &got.0, &dx_alone, 2e-6);
        }
    }
}

#[test]
fn bits_depend_on_nothing_but_the_row() {
    for width in [31, 64, 257] {
        let rows = 257;
        let mut n = Numbers::new(3);
        let (x, delta, dy) = (rows_of_all_sizes(&mut n, rows, width), n.vector(rows * width), n.vector(rows * width));
        let (weight, start) = (n.vector(width), n.vector(width));
        let first = &fast_backends()[0];
        let y = forward(first, &x, &weight);
        let added = add_forward(first, &x, &delta, &weight);
        let back = backward(first, &start, Some(&delta), &dy, &x, &weight);
        assert_same_bits("norm of the sum", &added.1, &forward(first, &added.0, &weight));
        for fast in fast_backends() {
            assert_same_bits("y", &forward(&fast, &x, &weight), &y);
            assert_same_bits("y of the sum", &add_forward(&fast, &x, &delta, &weight).1, &added.1);
            let got = backward(&fast, &start, Some(&delta), &dy, &x, &weight);
            assert_same_bits("dx", &got.0, &back.0);
            assert_same_bits("dweight", &got.1, &back.1);
            for row in [0, 1, 100, 256] {
                let at = row * width..(row + 1) * width;
                assert_same_bits("row alone", &forward(&fast, &x[at.clone()], &weight), &y[at.clone()]);
                let alone = add_forward(&fast, &x[at.clone()], &delta[at.clone()], &weight);
                assert_same_bits("row of the sum alone", &alone.1, &added.1[at]);
            }
        }
    }
}

#[test]
fn nan_stays_in_its_row() {
    for fast in fast_backends() {
        let mut x = vec![1.0; 3 * 17];
        x[17 + 16] = f64::NAN;
        let ones = vec![1.0; 17];
        let y = forward(&fast, &x, &ones);
        let (dx, dweight) = backward(&fast, &ones, None, &[1.0; 3 * 17], &x, &ones);
        for out in [y, dx] {
            assert!(out[..17].iter().chain(&out[34..]).all(|y| y.is_finite()));
            assert!(out[17..34].iter().all(|y| y.is_nan()));
        }
        assert!(dweight.iter().all(|d| d.is_nan()));
    }
}

#[test]
#[should_panic(expected = "rms_norm_forward: weight holds 2 elements, 3 needed")]
fn a_short_weight_is_named() {
    let cpu = Cpu::<f32>::new(1).unwrap();
    let (mut y, x, weight) = (cpu.zeros(6).unwrap(), cpu.zeros(6).unwrap(), cpu.zeros(2).unwrap());
    cpu.rms_norm_forward(&mut y, &x, &weight, shape(2, 3));
}

#[cfg(feature = "cuda")]
#[test]
fn cuda_has_the_bits_of_the_cpu() {
    use crate::testing::{assert_same_numbers, on_cuda};
    let cpu = Cpu::<f32>::new(1).unwrap();
    on_cuda(|cuda| {
        for (rows, width) in [(0, 3), (1, 1), (17, 31), (129, 33), (257, 17), (5, 257)] {
            let mut n = Numbers::new((rows * 1000 + width) as u64);
            let x = rows_of_all_sizes(&mut n, rows, width);
            let (delta, dy) = (n.vector(rows * width), n.vector(rows * width));
            let (weight, start) = (n.vector(width), n.vector(width));
            let name = |what: &str| format!("{what} {rows}x{width}");
            assert_same_numbers(&name("y"), &forward(cuda, &x, &weight), &forward(&cpu, &x, &weight));
            let (got, want) = (add_forward(cuda, &x, &delta, &weight), add_forward(&cpu, &x, &delta, &weight));
            assert_same_numbers(&name("h"), &got.0, &want.0);
            assert_same_numbers(&name("y of the sum"), &got.1, &want.1);
            for dresidual in [None, Some(&delta[..])] {
                let got = backward(cuda, &start, dresidual, &dy, &x, &weight);
                let want = backward(&cpu, &start, dresidual, &dy, &x, &weight);
                assert_same_numbers(&name("dx"), &got.0, &want.0);
                assert_same_numbers(&name("dweight"), &got.1, &want.1);
            }
        }
    });
}
