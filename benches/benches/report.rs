//! The page of a long run: 2,000 steps of 128 rollouts, 256,000 in all.

use std::fs;
use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use curt_report::{Page, read_run};

const STEPS: u32 = 2000;
const GROUPS: u32 = 16;
const SAMPLES: u32 = 8;
/// Tokens of a completion on average.
const LENGTH: u32 = 40;
/// Names beside the drawn ones, as a run has them.
const OTHERS: u32 = 40;

/// Numbers that look random and are the same each time.
struct Noise(u64);

impl Noise {
    fn below(&mut self, most: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % u64::from(most)) as u32
    }
}

fn rollouts(step: u32, noise: &mut Noise) -> String {
    let mut text = String::new();
    for group in 0..GROUPS {
        let key = noise.below(4000);
        for sample in 0..SAMPLES {
            let length = 2 + noise.below(2 * LENGTH - 4);
            let ids: Vec<String> = (0..length).map(|_| noise.below(1000).to_string()).collect();
            let logprobs: Vec<String> = (0..length).map(|_| format!("-0.{:07}", noise.below(10_000_000))).collect();
            let (ids, logprobs, words) = (ids.join(","), logprobs.join(","), "so it is 12 ".repeat(length as usize / 4));
            let correct = noise.below(3) > 0;
            text += &format!(
                "{{\"step\":{step},\"seed\":0,\"prompt_id\":\"p{key}\",\"problem_key\":\"{key:016x}\",\"occurrence\":0,\"sample_index\":{sample},\
                 \"difficulty\":{group},\"prompt_ids\":[1,2,3,4,5,6,7,8],\"completion_ids\":[{ids}],\"sampler_logprobs\":[{logprobs}],\
                 \"finish_reason\":\"eos\",\"weight_version\":{step},\"verdict\":\"correct\",\"correct\":{correct},\"length\":{length},\
                 \"answer\":\"12\",\"answer_extracted\":\"12\",\"rewards\":{{\"correctness\":1.0,\"length\":-0.5}},\"shaped\":0.5,\
                 \"in_statistics\":true,\"in_loss\":true,\"advantage\":0.25,\"kept\":true,\"text\":\"{words}\"}}\n"
            );
        }
    }
    text
}

fn metrics(step: u32, noise: &mut Noise) -> String {
    let mut row = format!("{{\"step\":{step}");
    let drawn = [
        "reward",
        "entropy",
        "grad_norm",
        "completions/mean_length",
        "eff/accuracy",
        "eff/accuracy_in_budget",
        "eff/len_correct_p10",
        "eff/len_correct_p50",
        "eff/len_correct_p90",
        "eff/len_wrong_p50",
        "eff/frac_groups_kept",
    ];
    let others: Vec<String> = (0..OTHERS).map(|i| format!("other/{i}")).collect();
    for name in drawn.into_iter().chain(others.iter().map(String::as_str)) {
        row += &format!(",\"{name}\":0.{:09}", noise.below(1_000_000_000));
    }
    row + "}\n"
}

fn write_run(run: &Path) {
    let mut noise = Noise(7);
    fs::create_dir_all(run.join("rollouts")).expect("a folder");
    fs::write(run.join("run.toml"), format!("[reward]\ntarget_length = {LENGTH}\n[train]\nsteps = {STEPS}\n")).expect("run.toml");
    let rows: String = (1..=STEPS).map(|step| metrics(step, &mut noise)).collect();
    fs::write(run.join("metrics.jsonl"), rows).expect("metrics.jsonl");
    for step in 1..=STEPS {
        let packed = zstd::encode_all(rollouts(step, &mut noise).as_bytes(), 3).expect("zstd");
        fs::write(run.join(format!("rollouts/step_{step:05}.jsonl.zst")), packed).expect("rollouts");
    }
}

fn report(c: &mut Criterion) {
    let run = std::env::temp_dir().join(format!("curt-report-bench-{}", std::process::id()));
    write_run(&run);
    let page = |run: &Path| {
        let run = read_run(run).expect("the run was written by this bench");
        Page::new(vec![run], Vec::new()).expect("one run").to_html()
    };
    println!("the page has {} bytes", page(&run).len());
    let mut group = c.benchmark_group("report");
    group.sample_size(10);
    group.bench_function("2,000 steps, 256,000 rollouts", |bench| bench.iter(|| black_box(page(&run))));
    group.finish();
    fs::remove_dir_all(&run).expect("the run's folder");
}

criterion_group!(benches, report);
criterion_main!(benches);
