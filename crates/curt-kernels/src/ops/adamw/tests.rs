//! A hand-computed example, the twin, guard bands.

use super::{AdamW, AdamWStep};
use crate::testing::{Numbers, SIZES, assert_close, assert_same_bits, fast_backends, guarded, unguarded};
use crate::{Backend, Cpu};

/// The constants of update `t` of a typical run.
fn typical(t: i32) -> AdamWStep {
    AdamWStep {
        learning_rate: 1e-3,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weight_decay: 0.1,
        correction1: 1.0 - libm::pow(0.9, f64::from(t)),
        correction2: 1.0 - libm::pow(0.999, f64::from(t)),
        grad_scale: 0.7,
    }
}

/// `[weight, m, v]` after one update.
fn update<B: AdamW>(backend: &B, state: &[Vec<f64>; 3], grad: &[f64], step: AdamWStep) -> [Vec<f64>; 3] {
    let [mut weight, mut m, mut v] = state.each_ref().map(|x| guarded(backend, x));
    backend.adamw_step(&mut weight, &mut m, &mut v, &guarded(backend, grad), step, grad.len());
    [unguarded(backend, "weight", &weight), unguarded(backend, "m", &m), unguarded(backend, "v", &v)]
}

/// Three updates of one weight, worked out by hand: |g| = 2 keeps v / c₂ at 4, and m / c₁ is 2, −2/3, 6/7.
fn hand_computed<B: AdamW>(backend: &B) {
    let mut state = [vec![1.0], vec![0.0], vec![0.0]];
    let want = [
        [0.9, 1.0, 1.0],                            // 1 − 0.1·(0.5 + 2/4)
        [0.855 + 0.1 / 6.0, -0.5, 1.75],            // 0.9·0.95 + 0.1·(2/3)/4
        [0.828_083_333 - 0.3 / 14.0, 0.75, 2.3125], // 0.8716…·0.95 − 0.1·(6/7)/4
    ];
    for (t, (grad, want)) in [4.0, -4.0, 4.0].into_iter().zip(want).enumerate() {
        let step = AdamWStep {
            learning_rate: 0.1,
            beta1: 0.5,
            beta2: 0.75,
            epsilon: 2.0,
            weight_decay: 0.5,
            correction1: [0.5, 0.75, 0.875][t],
            correction2: [0.25, 0.4375, 0.578125][t],
            grad_scale: 0.5,
        };
        state = update(backend, &state, &[grad], step);
        assert_close(&format!("update {t}"), &state.concat(), &want, 1e-7);
    }
}

#[test]
fn three_updates_worked_out_by_hand() {
    hand_computed(&Cpu::<f64>::new(1).unwrap());
    fast_backends().iter().for_each(hand_computed);
}

#[test]
fn fast_paths_match_the_twin() {
    type State = [Vec<f64>; 3];
    let twin = Cpu::<f64>::new(1).unwrap();
    for len in SIZES.into_iter().chain([16_384, 40_001]) {
        let mut n = Numbers::new(len as u64);
        let start = [n.vector(len), n.vector(len), n.vector(len).iter().map(|v| v.abs()).collect()];
        let grads = [n.vector(len), n.vector(len), n.vector(len)];
        let run = |backend: &dyn Fn(&State, &[f64], AdamWStep) -> State| {
            grads.iter().zip(1..).fold(start.clone(), |state, (grad, t)| backend(&state, grad, typical(t)))
        };
        let want = run(&|state, grad, step| update(&twin, state, grad, step));
        let mut first: Option<State> = None;
        for fast in fast_backends() {
            let got = run(&|state, grad, step| update(&fast, state, grad, step));
            for (i, name) in ["weight", "m", "v"].into_iter().enumerate() {
                let name = format!("{name} {len} {} {}", fast.path().name(), fast.threads());
                assert_close(&name, &got[i], &want[i], 1e-6);
                assert_same_bits(&name, &got[i], &first.get_or_insert_with(|| got.clone())[i]);
            }
        }
    }
}

#[test]
fn without_gradient_only_the_decay_acts() {
    let mut n = Numbers::new(5);
    let weight = n.vector(257);
    let zeros = vec![0.0; 257];
    for fast in fast_backends() {
        let state = [weight.clone(), zeros.clone(), zeros.clone()];
        let still = update(&fast, &state, &zeros, AdamWStep { weight_decay: 0.0, ..typical(1) });
        assert_same_bits("without decay", &still.concat(), &state.concat());
        let [decayed, m, v] = update(&fast, &state, &zeros, typical(1));
        let want: Vec<f64> = weight.iter().map(|w| w * (1.0 - 1e-3 * 0.1)).collect();
        assert_close("with decay", &decayed, &want, 1e-7);
        assert_same_bits("moments", &[m, v].concat(), &vec![0.0; 2 * 257]);
    }
}

#[test]
fn a_small_rate_decays_by_the_right_amount() {
    // lr · weight_decay = 2e-7: a factor rounded to f32 would be 1 − 1.79e-7
    let (n, step) = (50_001, AdamWStep { learning_rate: 2e-6, ..typical(1) });
    let weight = Numbers::new(6).vector(n);
    let zeros = vec![0.0; n];
    for fast in fast_backends() {
        let state = [weight.clone(), zeros.clone(), zeros.clone()];
        let [decayed, ..] = update(&fast, &state, &zeros, step);
        let lost: f64 = weight.iter().zip(&decayed).map(|(w, d)| (w - d).abs()).sum();
        let total: f64 = weight.iter().map(|w| w.abs()).sum();
        assert!((lost / total / 2e-7 - 1.0).abs() < 0.02, "decayed by {}", lost / total);
    }
}

#[test]
fn nan_stays_with_its_element() {
    for fast in fast_backends() {
        let mut grad = vec![1.0; 31];
        grad[17] = f64::NAN;
        let state = [vec![1.0; 31], vec![0.0; 31], vec![0.0; 31]];
        for result in update(&fast, &state, &grad, typical(1)) {
            assert!((0..31).all(|i| result[i].is_nan() == (i == 17)));
        }
    }
}

#[test]
#[should_panic(expected = "adamw_step: grad holds 2 elements, 3 needed")]
fn a_short_gradient_is_named() {
    let cpu = Cpu::<f32>::new(1).unwrap();
    let [mut weight, mut m, mut v] = [(); 3].map(|()| cpu.zeros(3).unwrap());
    let grad = cpu.zeros(2).unwrap();
    cpu.adamw_step(&mut weight, &mut m, &mut v, &grad, typical(1), 3);
}

#[cfg(feature = "cuda")]
#[test]
fn cuda_has_the_bits_of_the_cpu() {
    use crate::testing::{assert_same_numbers, on_cuda};
    let cpu = Cpu::<f32>::new(1).unwrap();
    on_cuda(|cuda| {
        hand_computed(cuda);
        for len in [0, 1, 17, 257, 4097] {
            let mut n = Numbers::new(len as u64);
            let start = [n.vector(len), n.vector(len), n.vector(len).iter().map(|v| v.abs()).collect()];
            let (mut want, mut got) = (start.clone(), start);
            for t in 1..4 {
                let grad = n.vector(len);
                (want, got) = (update(&cpu, &want, &grad, typical(t)), update(cuda, &got, &grad, typical(t)));
                assert_same_numbers(&format!("update {t} of {len}"), &got.concat(), &want.concat());
            }
        }
    });
}
