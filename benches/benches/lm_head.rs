//! The language-model head, beside the matrix product alone that it is made of.
//!
//! `cargo bench -p curt-benches --bench lm_head`; a filter such as `smollm2/sample` after `--` picks rows of the table.
//! Each line `TABLE` gives the rate of useful arithmetic and its share of `linear_forward`'s rate at the same rows and
//! width, measured in turn with it. Useful: 2·rows·vocab·width operations, three times that in the backward.

use std::cell::Cell;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use curt_kernels::ops::linear::{Linear, LinearShape};
use curt_kernels::ops::lm_head::{Draw, HeadFacts, LmHead, LmHeadShape};
use curt_kernels::{Backend, Buffer, Cpu};

/// A head and the batches it meets.
struct Model {
    name: &'static str,
    vocab: usize,
    width: usize,
    decode_rows: &'static [usize],
    train_rows: usize,
}

const MODELS: [Model; 3] = [
    Model { name: "tiny", vocab: 42, width: 128, decode_rows: &[128, 512], train_rows: 8192 },
    Model { name: "smollm2", vocab: 49_152, width: 576, decode_rows: &[1, 8, 32, 64], train_rows: 2560 },
    Model { name: "qwen", vocab: 151_936, width: 896, decode_rows: &[32, 64], train_rows: 512 },
];

/// The largest output that the bare product is given; more columns would not change its rate.
const PRODUCT_NUMBERS: usize = 4 << 20;

/// A buffer of seeded numbers in (-0.1, 0.1).
fn numbers(cpu: &Cpu<f32>, len: usize) -> Buffer<f32> {
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        ((state >> 40) as f32 / 8_388_608.0 - 1.0) * 0.1
    };
    let host: Vec<f32> = (0..len).map(|_| next()).collect();
    cpu.upload(&host).expect("memory for a bench")
}

/// One head with its weights, and the bare product to compare with.
struct Bench<'a> {
    cpu: &'a Cpu<f32>,
    model: &'a Model,
    weight: Buffer<f32>,
    packed: <Cpu<f32> as Linear>::Packed,
}

impl<'a> Bench<'a> {
    fn new(cpu: &'a Cpu<f32>, model: &'a Model) -> Self {
        let weight = numbers(cpu, model.vocab * model.width);
        let mut packed = cpu.packed(model.vocab, model.width).expect("memory for a bench");
        cpu.pack(&mut packed, &weight);
        Self { cpu, model, weight, packed }
    }

    /// Runs `job` and the bare product in turn and prints the best of each.
    fn measure(&self, criterion: &mut Criterion, op: &str, rows: usize, products: usize, mut job: impl FnMut()) {
        let (cpu, Model { name, vocab, width, .. }) = (self.cpu, self.model);
        let n = if rows * vocab <= PRODUCT_NUMBERS { *vocab } else { (PRODUCT_NUMBERS / rows).next_multiple_of(64) };
        let shape = LinearShape { rows, n, k: *width };
        let mut weight = cpu.packed(n, *width).expect("memory for a bench");
        cpu.pack(&mut weight, &self.weight);
        let (x, mut y) = (numbers(cpu, rows * width), numbers(cpu, rows * n));
        let (best, best_product) = (Cell::new(f64::MAX), Cell::new(f64::MAX));
        let repeats = (1e8 / (2 * rows * vocab * width) as f64).ceil() as u32;
        let name = format!("{name}/{op}/{rows}/{}t", cpu.threads());
        let mut group = criterion.benchmark_group("lm_head");
        group.sampling_mode(SamplingMode::Flat).sample_size(10);
        group.bench_function(&name, |bencher| {
            bencher.iter_custom(|iterations| {
                let mut total = Duration::ZERO;
                for _ in 0..iterations {
                    let start = Instant::now();
                    (0..repeats).for_each(|_| job());
                    let elapsed = start.elapsed() / repeats;
                    total += elapsed;
                    best.set(best.get().min(elapsed.as_secs_f64()));
                    let start = Instant::now();
                    (0..repeats).for_each(|_| cpu.linear_forward(black_box(&mut y), &x, &weight, None, shape));
                    best_product.set(best_product.get().min((start.elapsed() / repeats).as_secs_f64()));
                }
                total
            });
        });
        if best.get() < f64::MAX {
            let rate = (2 * products * rows * vocab * width) as f64 / best.get() * 1e-9;
            let ceiling = (2 * rows * n * width) as f64 / best_product.get() * 1e-9;
            println!("TABLE {name:<30} {rate:7.1} GFLOP/s = {:.2} of linear_forward's {ceiling:.1}", rate / ceiling);
        }
    }

    fn forward(&self, criterion: &mut Criterion, rows: usize) {
        let (cpu, shape) = (self.cpu, self.shape(rows));
        let x = numbers(cpu, rows * shape.width);
        let targets = self.targets(rows);
        let mut facts = HeadFacts::zeros(cpu, rows).expect("memory for a bench");
        self.measure(criterion, "forward", rows, 1, || {
            cpu.lm_head_forward(black_box(&mut facts), &x, &self.packed, &targets, shape);
        });
    }

    fn backward(&self, criterion: &mut Criterion, rows: usize) {
        let (cpu, shape) = (self.cpu, self.shape(rows));
        let (x, dlogprob, dentropy) = (numbers(cpu, rows * shape.width), numbers(cpu, rows), numbers(cpu, rows));
        let targets = self.targets(rows);
        let mut facts = HeadFacts::zeros(cpu, rows).expect("memory for a bench");
        cpu.lm_head_forward(&mut facts, &x, &self.packed, &targets, shape);
        let (mut dx, mut dweight) = (numbers(cpu, rows * shape.width), numbers(cpu, shape.vocab * shape.width));
        self.measure(criterion, "backward", rows, 3, || {
            let (dx, dweight) = (black_box(&mut dx), &mut dweight);
            cpu.lm_head_backward(dx, dweight, &dlogprob, &dentropy, &facts, &x, &self.weight, &self.packed, &targets, shape);
        });
    }

    fn sample(&self, criterion: &mut Criterion, op: &str, rows: usize, draw: impl Fn(f64) -> Draw) {
        let (cpu, shape) = (self.cpu, self.shape(rows));
        let x = numbers(cpu, rows * shape.width);
        let draws: Vec<Draw> = (0..rows).map(|r| draw((r as f64 + 0.5) / rows as f64)).collect();
        let mut tokens = vec![0; rows];
        let mut facts = HeadFacts::zeros(cpu, rows).expect("memory for a bench");
        self.measure(criterion, op, rows, 1, || {
            cpu.lm_head_sample(black_box(&mut tokens), &mut facts, &x, &self.packed, &draws, shape);
        });
    }

    fn shape(&self, rows: usize) -> LmHeadShape {
        LmHeadShape { rows, vocab: self.model.vocab, width: self.model.width, inv_temperature: 1.0 }
    }

    fn targets(&self, rows: usize) -> Vec<u32> {
        (0..rows).map(|r| (r * 7919 % self.model.vocab) as u32).collect()
    }
}

fn heads(criterion: &mut Criterion) {
    for model in &MODELS {
        for threads in [1, 2] {
            let cpu = Cpu::<f32>::new(threads).expect("threads");
            let bench = Bench::new(&cpu, model);
            for &rows in model.decode_rows {
                bench.sample(criterion, "sample", rows, Draw::Uniform);
            }
            let nucleus = |u| Draw::Filtered { u, top_k: 0, top_p: 0.95, min_p: 0.0 };
            bench.sample(criterion, "nucleus", model.decode_rows[model.decode_rows.len() - 1], nucleus);
            bench.forward(criterion, model.train_rows);
            bench.backward(criterion, model.train_rows);
        }
    }
}

criterion_group!(
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(2));
    targets = heads
);
criterion_main!(benches);
