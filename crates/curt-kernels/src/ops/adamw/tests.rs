//! A hand-computed example, laws, and every backend against the twin.

#[cfg(feature = "cuda")]
use crate::cuda::Module;
use crate::testing::{
    Call, Numbers, OpCase, Outputs, assert_close, assert_same_bits, backends_agree, fast_backends, guarded, on_every_backend,
    unguarded,
};
use crate::{Backend, Cpu, Ops};

use super::{AdamW, AdamWStep};

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

/// A tensor, its moments, and the gradients and constants of some updates.
#[derive(Clone)]
pub(crate) struct Case {
    state: [Vec<f64>; 3],
    updates: Vec<(Vec<f64>, AdamWStep)>,
}

impl OpCase for Case {
    const OP: &'static str = "adamw";
    const CALLS: &'static [Call] = &[Call::Update];
    #[cfg(feature = "cuda")]
    const MODULES: &'static [&'static Module] = &[&super::cuda::MODULE];

    /// Elements.
    type Sizes = usize;
    const SMOKE: &'static [usize] = &[0, 1, 17, 31, 257, 4099];
    const MATRIX: &'static [usize] = &[0, 1, 7, 31, 33, 61, 127, 255, 256, 257, 576, 896, 1024, 16_384, 40_001];

    /// Three updates.
    fn new(len: usize) -> Self {
        let mut n = Numbers::new(len as u64);
        let state = [n.vector(len), n.vector(len), n.vector(len).iter().map(|v| v.abs()).collect()];
        Self { state, updates: (1..4).map(|t| (n.vector(len), typical(t))).collect() }
    }

    /// Weight and moments after the last update.
    fn run<B: Ops>(&self, call: Call, backend: &B) -> Outputs {
        assert_eq!(call, Call::Update, "the only call of adamw");
        let [mut weight, mut m, mut v] = self.state.each_ref().map(|x| guarded(backend, x));
        for (grad, step) in &self.updates {
            backend.adamw_step(&mut weight, &mut m, &mut v, &guarded(backend, grad), *step, grad.len());
        }
        [("weight", weight), ("m", m), ("v", v)].map(|(name, x)| (name, unguarded(backend, name, &x), 1e-6)).into()
    }
}

/// A case of one update.
fn once(state: [Vec<f64>; 3], grad: Vec<f64>, step: AdamWStep) -> Case {
    Case { state, updates: vec![(grad, step)] }
}

#[test]
fn every_backend_agrees_cuda_too() {
    backends_agree::<Case>();
}

#[test]
fn bits_do_not_depend_on_how_the_work_is_shared() {
    let case = Case::new(40_001); // enough work for the threads to be used
    let want = case.run(Call::Update, &Cpu::<f32>::new(1).unwrap());
    fast_backends().iter().for_each(|cpu| case.run(Call::Update, cpu).assert_same("several tasks", &want));
}

/// Three updates of one weight, worked out by hand: |g| = 2 keeps v / c₂ at 4, and m / c₁ is 2, −2/3, 6/7.
#[test]
fn three_updates_worked_out_by_hand_cuda_too() {
    let want = [
        [0.9, 1.0, 1.0],                            // 1 − 0.1·(0.5 + 2/4)
        [0.855 + 0.1 / 6.0, -0.5, 1.75],            // 0.9·0.95 + 0.1·(2/3)/4
        [0.828_083_333 - 0.3 / 14.0, 0.75, 2.3125], // 0.8716…·0.95 − 0.1·(6/7)/4
    ];
    let update = |t: usize| {
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
        (vec![[4.0, -4.0, 4.0][t]], step)
    };
    on_every_backend(|name, run| {
        for (last, want) in want.iter().enumerate() {
            let case = Case { state: [vec![1.0], vec![0.0], vec![0.0]], updates: (0..=last).map(update).collect() };
            let after = run(&case, Call::Update);
            let got = ["weight", "m", "v"].map(|output| after[output][0]);
            assert_close(&format!("update {last} on {name}"), &got, want, 1e-7);
        }
    });
}

#[test]
fn without_gradient_only_the_decay_acts_cuda_too() {
    let weight = Numbers::new(5).vector(257);
    let zeros = vec![0.0; 257];
    let state = || [weight.clone(), zeros.clone(), zeros.clone()];
    let still = once(state(), zeros.clone(), AdamWStep { weight_decay: 0.0, ..typical(1) });
    let decaying = once(state(), zeros.clone(), typical(1));
    let want: Vec<f64> = weight.iter().map(|w| w * (1.0 - 1e-3 * 0.1)).collect();
    on_every_backend(|name, run| {
        let after = run(&still, Call::Update);
        assert_same_bits(&format!("without decay on {name}"), &after["weight"], &weight);
        let decayed = run(&decaying, Call::Update);
        assert_close(&format!("with decay on {name}"), &decayed["weight"], &want, 1e-7);
        for moment in [&after["m"], &after["v"], &decayed["m"], &decayed["v"]] {
            assert_same_bits(&format!("moments on {name}"), moment, &zeros);
        }
    });
}

#[test]
fn a_small_rate_decays_by_the_right_amount_cuda_too() {
    // lr · weight_decay = 2e-7: a factor rounded to f32 would be 1 − 1.79e-7
    let (n, step) = (20_011, AdamWStep { learning_rate: 2e-6, ..typical(1) });
    let weight = Numbers::new(6).vector(n);
    let case = once([weight.clone(), vec![0.0; n], vec![0.0; n]], vec![0.0; n], step);
    on_every_backend(|name, run| {
        let after = run(&case, Call::Update);
        let lost: f64 = weight.iter().zip(&after["weight"]).map(|(w, d)| (w - d).abs()).sum();
        let total: f64 = weight.iter().map(|w| w.abs()).sum();
        assert!((lost / total / 2e-7 - 1.0).abs() < 0.02, "decayed by {} on {name}", lost / total);
    });
}

#[test]
fn nan_stays_with_its_element_cuda_too() {
    let mut grad = vec![1.0; 31];
    grad[17] = f64::NAN;
    let case = once([vec![1.0; 31], vec![0.0; 31], vec![0.0; 31]], grad, typical(1));
    on_every_backend(|name, run| {
        let after = run(&case, Call::Update);
        for output in ["weight", "m", "v"] {
            assert!((0..31).all(|i| after[output][i].is_nan() == (i == 17)), "{output} on {name}");
        }
    });
}

#[test]
#[should_panic(expected = "adamw_step: grad holds 2 elements, 3 needed")]
fn a_short_gradient_is_named() {
    let cpu = Cpu::<f32>::new(1).unwrap();
    let [mut weight, mut m, mut v] = [(); 3].map(|()| cpu.zeros(3).unwrap());
    let grad = cpu.zeros(2).unwrap();
    cpu.adamw_step(&mut weight, &mut m, &mut v, &grad, typical(1), 3);
}
