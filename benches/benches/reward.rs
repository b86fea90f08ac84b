//! 1,000 groups of 24 rollouts shaped by each strategy.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use curt_reward::{Parameters, Preset, ProblemKey, Reference, Rollout, Shaped, StepContext, by_name, names, parameters_of};

const GROUPS: u64 = 1000;
const ROLLOUTS: u32 = 24;

/// Lengths and verdicts that look random and are the same in every run.
fn groups() -> Vec<Vec<Rollout>> {
    let mut state = 1_u64;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u32
    };
    let mut rollout = |problem: u64| {
        let length = next() % 8192;
        Rollout {
            answer_length: Some(length / 5),
            budget: Some(4096),
            repetition: Some(f64::from(next() % 100) / 100.0),
            reference: Some(Reference { mean_length: 3000.0, accuracy: 0.5 }),
            ..Rollout::new(ProblemKey(problem), next().is_multiple_of(2), length)
        }
    };
    (0..GROUPS).map(|problem| (0..ROLLOUTS).map(|_| rollout(problem)).collect()).collect()
}

fn shape(criterion: &mut Criterion) {
    let groups = groups();
    let ctx = StepContext { step: 5, max_completion_length: Some(8192), accuracy: Some(0.5) };
    let mut out = vec![Shaped::default(); ROLLOUTS as usize];
    let mut bench = criterion.benchmark_group("reward");
    bench.throughput(Throughput::Elements(GROUPS * u64::from(ROLLOUTS)));
    for name in names() {
        let mut parameters = Parameters::new();
        for parameter in parameters_of(name).expect("a name of the table") {
            match parameter.preset {
                Preset::Target => parameters = parameters.with(parameter.name, 4096),
                Preset::Limit => parameters = parameters.with(parameter.name, 8192),
                _ => {}
            }
        }
        let strategy = by_name(name, &parameters).expect("presets");
        bench.bench_function(name, |bencher| {
            bencher.iter(|| {
                for group in &groups {
                    strategy.shape(&ctx, group, &mut out).expect("groups of the right form");
                    black_box(&out);
                }
            });
        });
    }
    bench.finish();
}

criterion_group!(benches, shape);
criterion_main!(benches);
