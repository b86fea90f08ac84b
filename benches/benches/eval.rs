//! An evaluation of 125,000 problems with 8 samples each, and a paired bootstrap of 675 problems, each on one core.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use curt_eval::{
    Bootstrap, EvalEntry, EvalSettings, Groups, ProblemSamples, Sample, auc_oaa, budget_curve, draw, lengths_by_correctness,
    majority_at_k, pass_at_k, spread, summarize, tokens_per_correct,
};

const PROBLEMS: usize = 125_000;
const EACH: usize = 8;
const LIMIT: u32 = 32_768;
const BUDGETS: [u32; 5] = [2048, 4096, 8192, 16_384, 32_768];

fn sample(problem: usize, i: usize) -> Sample {
    let bits = draw(1, problem as u64, i as u64);
    let length = 1 + (bits % u64::from(LIMIT)) as u32;
    let correct = (bits >> 32) % 100 < (problem as u64 % 100);
    Sample {
        answer_at: correct.then_some(length / 2),
        answer: Some((bits >> 50) as u32 % 4),
        ..Sample::new(problem, length, correct, length < LIMIT)
    }
}

fn settings(resamples: u32) -> EvalSettings {
    EvalSettings { limit: LIMIT, budgets: BUDGETS.to_vec(), sampling: None, resamples, bootstrap_seed: 0 }
}

/// The same samples by name of problem.
fn named(problems: usize) -> Vec<ProblemSamples> {
    let of = |problem: usize| {
        let samples: Vec<Sample> = (0..EACH).map(|i| sample(problem, i)).collect();
        ProblemSamples {
            problem: format!("problem {problem}"),
            lengths: samples.iter().map(|s| s.length).collect(),
            correct: samples.iter().map(|s| s.correct).collect(),
            finished: samples.iter().map(|s| s.finished).collect(),
            answer_at: samples.iter().map(|s| s.answer_at).collect(),
            answers: samples.iter().map(|s| s.answer).collect(),
            ..ProblemSamples::default()
        }
    };
    (0..problems).map(of).collect()
}

/// Every metric of a million samples, grouping included.
fn metrics(criterion: &mut Criterion) {
    let samples: Vec<Sample> = (0..PROBLEMS * EACH).map(|i| sample(i / EACH, i % EACH)).collect();
    let mut bench = criterion.benchmark_group("eval");
    bench.throughput(Throughput::Elements(samples.len() as u64)).sample_size(10);
    bench.bench_function("metrics of 1M samples", |bencher| {
        bencher.iter(|| {
            let groups = Groups::new(&samples).expect("equal groups");
            black_box(summarize(&groups, LIMIT, &BUDGETS, &[]).expect("budgets within the limit"));
            black_box(budget_curve(&groups, LIMIT, &BUDGETS).expect("budgets in order"));
            black_box(lengths_by_correctness(&groups, LIMIT));
            for k in [1, 2, 4, 8] {
                black_box(majority_at_k(&groups, k).expect("answers"));
                black_box(pass_at_k(&groups, k).expect("k within the samples"));
            }
            black_box(auc_oaa(&groups, LIMIT).expect("a limit"));
            black_box(spread(&groups).expect("many problems"));
            black_box(tokens_per_correct(&groups))
        });
    });
    let problems = named(PROBLEMS);
    let settings = settings(1);
    bench.bench_function("entry of 1M samples without bootstrap", |bencher| {
        bencher.iter(|| black_box(EvalEntry::new("m".into(), "d".into(), problems.clone(), &settings).expect("an entry")));
    });
    bench.finish();
}

fn bootstrap(criterion: &mut Criterion) {
    let differences: Vec<f64> = (0..675).map(|i| (draw(2, 0, i) % 17) as f64 / 8.0 - 1.0).collect();
    let mut bench = criterion.benchmark_group("eval");
    bench.throughput(Throughput::Elements(10_000 * 675)).sample_size(10);
    bench.bench_function("bootstrap of 10,000 x 675 problems", |bencher| {
        bencher.iter(|| black_box(Bootstrap::default().means(&[&differences]).expect("finite differences")));
    });
    bench.finish();
}

criterion_group!(benches, metrics, bootstrap);
criterion_main!(benches);
