//! Attention in decode, packed training and on one long sequence, as shares of what the forward GEMM reaches in the same run.
//!
//! `cargo bench -p curt-benches --bench attention`; a filter such as `smollm2` after `--` picks rows of the table.
//! Operations counted: 4 · head_dim per query and visible key forward, 10 · head_dim backward (the recomputed scores
//! included). Masked halves of pages and the softmax count as nothing.

use std::cell::Cell;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use curt_kernels::ops::attention::{Attention, AttentionShape, KvPages, PAGE, SequencePlan};
use curt_kernels::ops::linear::{Linear, LinearShape};
use curt_kernels::{Backend, Buffer, Cpu};

/// The product that serves as the measure: SmolLM2's first MLP matrix at 512 rows.
const GEMM: LinearShape = LinearShape { rows: 512, n: 1536, k: 576 };

/// A buffer of seeded numbers in (-1, 1).
fn numbers(cpu: &Cpu<f32>, len: usize) -> Buffer<f32> {
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let host: Vec<f32> = (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / 8_388_608.0 - 1.0
        })
        .collect();
    cpu.upload(&host).expect("memory for a bench")
}

/// Seconds of the best of `times` calls.
fn best_of(times: usize, mut call: impl FnMut()) -> f64 {
    let seconds = (0..times).map(|_| {
        let start = Instant::now();
        call();
        start.elapsed().as_secs_f64()
    });
    seconds.fold(f64::MAX, f64::min)
}

/// One row of the table: name, heads, key heads, head_dim, and whole sequences or one new token of each.
struct Case {
    name: &'static str,
    shape: AttentionShape,
    lengths: Vec<usize>,
    decode: bool,
}

impl Case {
    fn plan(&self) -> SequencePlan {
        let mut plan = SequencePlan::packed(&self.lengths);
        if self.decode {
            plan.row_starts = (0..=self.lengths.len() as u32).collect();
            plan.first_positions = self.lengths.iter().map(|&n| n as u32 - 1).collect();
        }
        plan
    }

    /// Pairs of a query and a key that it sees, over all heads.
    fn pairs(&self) -> usize {
        let sequence = |&n: &usize| if self.decode { n } else { n * (n + 1) / 2 };
        self.lengths.iter().map(sequence).sum::<usize>() * self.shape.heads
    }
}

fn cases() -> Vec<Case> {
    let shape = |heads, kv_heads, head_dim: usize| {
        let scale = 1.0 / (head_dim as f64).sqrt();
        AttentionShape { heads, kv_heads, head_dim, scale }
    };
    let spread = |count: usize, from: usize, to: usize| (0..count).map(|i| from + (to - from) * i / count).collect::<Vec<_>>();
    let case = |name, shape, lengths, decode| Case { name, shape, lengths, decode };
    let (tiny, smollm2, qwen) = (shape(4, 2, 32), shape(9, 3, 64), shape(14, 2, 64));
    vec![
        case("tiny/decode/128x20-300", tiny, spread(128, 20, 300), true),
        case("tiny/decode/128x40", tiny, vec![40; 128], true),
        case("tiny/packed/128x60-130", tiny, spread(128, 60, 130), false),
        case("smollm2/decode/32x64-320", smollm2, spread(32, 64, 320), true),
        case("smollm2/packed/8x320", smollm2, vec![320; 8], false),
        case("qwen/decode/8x600", qwen, vec![600; 8], true),
        case("qwen/packed/1x600", qwen, vec![600], false),
        case("smollm2/packed/1x16384", smollm2, vec![16_384], false),
    ]
}

/// Runs `call` under criterion and prints its best rate beside that of the GEMM of the moment.
fn measure(criterion: &mut Criterion, cpu: &Cpu<f32>, name: &str, flops: usize, mut call: impl FnMut()) {
    let (mut y, x) = (numbers(cpu, GEMM.rows * GEMM.n), numbers(cpu, GEMM.rows * GEMM.k));
    let mut weight = cpu.packed(GEMM.n, GEMM.k).expect("memory for a bench");
    cpu.pack(&mut weight, &numbers(cpu, GEMM.n * GEMM.k));
    let gemm_flops = (2 * GEMM.rows * GEMM.n * GEMM.k) as f64;
    let (best, gemm) = (Cell::new(f64::MAX), Cell::new(f64::MAX));
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1));
    group.bench_function(format!("{} threads", cpu.threads()), |bencher| {
        bencher.iter_custom(|iterations| {
            gemm.set(gemm.get().min(best_of(3, || cpu.linear_forward(&mut y, &x, &weight, None, GEMM))));
            let start = Instant::now();
            let fastest = best_of(iterations as usize, &mut call);
            best.set(best.get().min(fastest));
            start.elapsed()
        });
    });
    group.finish();
    let (seconds, gemm) = (best.get(), gemm_flops / gemm.get());
    if seconds < f64::MAX {
        let rate = flops as f64 / seconds;
        println!(
            "{name}: {:.3} ms, {:.0} GFLOP/s, {:.2} of the GEMM's {:.0} ({} threads)",
            seconds * 1e3,
            rate * 1e-9,
            rate / gemm,
            gemm * 1e-9,
            cpu.threads()
        );
    }
}

fn attention(criterion: &mut Criterion) {
    for case in cases() {
        for threads in [1, 2] {
            let cpu = Cpu::<f32>::new(threads).expect("threads for a bench");
            bench_case(criterion, &cpu, &case);
        }
    }
}

fn bench_case(criterion: &mut Criterion, cpu: &Cpu<f32>, case: &Case) {
    let (shape, plan) = (case.shape, case.plan());
    let (rows, width, key_width) = (plan.rows(), shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim);
    let sequences = cpu.sequences(&plan).expect("a plan on the CPU");
    let page_numbers = plan.pages.len() * shape.page_len();
    let mut pages = KvPages { k: numbers(cpu, page_numbers), v: numbers(cpu, page_numbers) };
    let (q, dout) = (numbers(cpu, rows * width), numbers(cpu, rows * width));
    let zeros = |len| cpu.zeros(len).expect("memory for a bench");
    let (mut out, mut lse) = (zeros(rows * width), zeros(rows * shape.heads));
    let name = case.name;
    let pairs = case.pairs() * shape.head_dim;
    measure(criterion, cpu, &format!("{name}/forward"), 4 * pairs, || {
        cpu.attention_forward(&mut out, &mut lse, &q, &pages, &sequences, shape);
    });
    if !case.decode {
        let (mut dq, mut dk, mut dv) = (zeros(rows * width), zeros(rows * key_width), zeros(rows * key_width));
        cpu.attention_forward(&mut out, &mut lse, &q, &pages, &sequences, shape);
        measure(criterion, cpu, &format!("{name}/backward"), 10 * pairs, || {
            cpu.attention_backward(&mut dq, &mut dk, &mut dv, &dout, &out, &lse, &q, &pages, &sequences, shape);
        });
        let (k, qkv) = (numbers(cpu, rows * key_width), numbers(cpu, rows * (width + 2 * key_width)));
        assert!(plan.pages.len() * PAGE >= rows);
        let slots = cpu.upload_ids(&plan.slots()).expect("slots on the CPU");
        measure(criterion, cpu, &format!("{name}/store"), 2 * rows * key_width, || {
            cpu.attention_store(&mut pages, &k, &qkv, &slots, rows, shape);
        });
    }
}

criterion_group!(benches, attention);
criterion_main!(benches);
