//! Finite differences, twins, guard bands.

use super::Swiglu;
use crate::testing::{Numbers, SIZES, assert_close, assert_gradient, assert_same_bits, dot, fast_backends, guarded, unguarded};
use crate::{Backend, Cpu};

fn forward<B: Swiglu>(backend: &B, gate_up: &[f64], width: usize) -> Vec<f64> {
    let mut out = guarded(backend, &vec![7.0; gate_up.len() / 2]);
    backend.swiglu_forward(&mut out, &guarded(backend, gate_up), gate_up.len() / (2 * width), width);
    unguarded(backend, "out", &out)
}

fn backward<B: Swiglu>(backend: &B, dout: &[f64], gate_up: &[f64], width: usize) -> Vec<f64> {
    let mut dgate_up = guarded(backend, &vec![7.0; gate_up.len()]);
    let (dout, gate_up_on_device) = (guarded(backend, dout), guarded(backend, gate_up));
    backend.swiglu_backward(&mut dgate_up, &dout, &gate_up_on_device, gate_up.len() / (2 * width), width);
    unguarded(backend, "dgate_up", &dgate_up)
}

/// Gates in (−20, 20), ups in (−2, 2).
fn inputs(numbers: &mut Numbers, rows: usize, width: usize) -> Vec<f64> {
    let mut gate_up = numbers.vector(rows * 2 * width);
    for row in gate_up.chunks_exact_mut(2 * width) {
        row[..width].iter_mut().for_each(|gate| *gate = f64::from((*gate * 20.0) as f32));
        row[width..].iter_mut().for_each(|up| *up *= 2.0);
    }
    gate_up
}

#[test]
fn gradient_matches_finite_differences() {
    let twin = Cpu::<f64>::new(1).unwrap();
    let mut n = Numbers::new(1);
    let (gate_up, dout) = (n.vector(3 * 2 * 5), n.vector(3 * 5));
    let dgate_up = backward(&twin, &dout, &gate_up, 5);
    assert_gradient("dgate_up", &|x| dot(&forward(&twin, x, 5), &dout), &gate_up, &dgate_up, 1e-8);
}

#[test]
fn fast_paths_match_the_twin() {
    let twin = Cpu::<f64>::new(1).unwrap();
    for (rows, width) in SIZES.into_iter().flat_map(|rows| SIZES.map(|width| (rows, width))) {
        let mut n = Numbers::new((rows * 1000 + width) as u64);
        let (gate_up, dout) = (inputs(&mut n, rows, width), n.vector(rows * width));
        let (out, dgate_up) = (forward(&twin, &gate_up, width), backward(&twin, &dout, &gate_up, width));
        for fast in fast_backends() {
            let name = |what: &str| format!("{what} {rows}x{width} {} {}", fast.path().name(), fast.threads());
            assert_close(&name("out"), &forward(&fast, &gate_up, width), &out, 1e-6);
            assert_close(&name("dgate_up"), &backward(&fast, &dout, &gate_up, width), &dgate_up, 1e-6);
        }
    }
}

#[test]
fn bits_depend_on_nothing_but_the_row() {
    let (rows, width) = (257, 257);
    let mut n = Numbers::new(3);
    let (gate_up, dout) = (inputs(&mut n, rows, width), n.vector(rows * width));
    let first = &fast_backends()[0];
    let (out, dgate_up) = (forward(first, &gate_up, width), backward(first, &dout, &gate_up, width));
    for fast in fast_backends() {
        assert_same_bits("out", &forward(&fast, &gate_up, width), &out);
        assert_same_bits("dgate_up", &backward(&fast, &dout, &gate_up, width), &dgate_up);
        for row in [0, 1, 100, 256] {
            let alone = forward(&fast, &gate_up[row * 2 * width..(row + 1) * 2 * width], width);
            assert_same_bits("row alone", &alone, &out[row * width..(row + 1) * width]);
        }
    }
}

#[test]
fn extreme_gates_saturate_and_nan_stays_nan() {
    for fast in fast_backends() {
        let gate_up = [-200.0, -90.0, 0.0, 200.0, f64::NAN, 2.0, 2.0, 2.0, 2.0, 2.0];
        let out = forward(&fast, &gate_up, 5);
        assert_eq!(out[0], 0.0);
        assert!(out[1] <= 0.0 && out[1] > -1e-30);
        assert_eq!(out[2..4], [0.0, 400.0]);
        assert!(out[4].is_nan());
        let dgate_up = backward(&fast, &[1.0; 5], &gate_up, 5);
        assert_eq!([dgate_up[0], dgate_up[2], dgate_up[3]], [0.0, 1.0, 2.0]);
        assert!(dgate_up[1].abs() < 1e-30);
        assert!(dgate_up[4].is_nan() && dgate_up[9].is_nan());
    }
}

#[test]
#[should_panic(expected = "swiglu_forward: gate_up holds 5 elements, 6 needed")]
fn a_short_input_is_named() {
    let cpu = Cpu::<f32>::new(1).unwrap();
    let (mut out, gate_up) = (cpu.zeros(3).unwrap(), cpu.zeros(5).unwrap());
    cpu.swiglu_forward(&mut out, &gate_up, 1, 3);
}

#[cfg(feature = "cuda")]
#[test]
fn cuda_has_the_bits_of_the_cpu() {
    use crate::testing::{assert_same_numbers, on_cuda};
    let cpu = Cpu::<f32>::new(1).unwrap();
    on_cuda(|cuda| {
        for (rows, width) in [(0, 5), (1, 1), (17, 31), (31, 33), (3, 257), (257, 1)] {
            let mut n = Numbers::new((rows * 1000 + width) as u64);
            let (gate_up, dout) = (inputs(&mut n, rows, width), n.vector(rows * width));
            assert_same_numbers("out", &forward(cuda, &gate_up, width), &forward(&cpu, &gate_up, width));
            assert_same_numbers("dgate_up", &backward(cuda, &dout, &gate_up, width), &backward(&cpu, &dout, &gate_up, width));
        }
        let extreme = [-200.0, -90.0, 0.0, 200.0, f64::NAN, 2.0, 2.0, 2.0, 2.0, 2.0];
        assert_same_numbers("extreme", &forward(cuda, &extreme, 5), &forward(&cpu, &extreme, 5));
    });
}
