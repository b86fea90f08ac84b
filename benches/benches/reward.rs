//! 1,000 groups of 24 rollouts, shaped by each strategy and credited by GRPO, as a trainer would do it once per step.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use curt_advantage::{AdvantageEstimator, Grpo, RewardGroup};
use curt_reward::{
    Parameters, Preset, ProblemKey, Reference, RewardStrategy, Rollout, Shaped, StepContext, by_name, names, parameters_of,
};

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

fn strategy(name: &str) -> Box<dyn RewardStrategy> {
    let mut parameters = Parameters::new();
    for parameter in parameters_of(name).expect("a name of the table") {
        match parameter.preset {
            Preset::Target => parameters = parameters.with(parameter.name, 4096),
            Preset::Limit => parameters = parameters.with(parameter.name, 8192),
            _ => {}
        }
    }
    by_name(name, &parameters).expect("presets")
}

/// What the estimator reads of a group.
fn fill(rewards: &mut RewardGroup, shaped: &[Shaped]) {
    for (row, shaped) in shaped.iter().enumerate() {
        rewards.rewards[row] = shaped.total;
        rewards.in_statistics[row] = shaped.in_statistics;
        rewards.in_loss[row] = shaped.in_loss;
    }
}

fn shape_and_credit(criterion: &mut Criterion) {
    let groups = groups();
    let ctx = StepContext { step: 5, max_completion_length: Some(8192), accuracy: Some(0.5) };
    let mut shaped = vec![Shaped::default(); ROLLOUTS as usize];
    let lengths = |group: &Vec<Rollout>| group.iter().map(|rollout| rollout.length).collect();
    let mut rewards: Vec<RewardGroup> =
        groups.iter().map(|group| RewardGroup::new(vec![0.0; group.len()], lengths(group))).collect();
    let grpo = Grpo::default();
    let mut bench = criterion.benchmark_group("reward");
    bench.throughput(Throughput::Elements(GROUPS * u64::from(ROLLOUTS)));
    for name in names() {
        let strategy = strategy(name);
        bench.bench_function(name, |bencher| {
            bencher.iter(|| {
                for (group, rewards) in groups.iter().zip(&mut rewards) {
                    strategy.shape(&ctx, group, &mut shaped).expect("groups of the right form");
                    fill(rewards, &shaped);
                }
                black_box(grpo.estimate(&rewards).expect("finite rewards"))
            });
        });
    }
    bench.finish();
}

criterion_group!(benches, shape_and_credit);
criterion_main!(benches);
