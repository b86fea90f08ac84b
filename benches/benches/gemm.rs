//! Matrix products, forward and backward, as shares of the fused-multiply-add peak that the same run measures.
//!
//! `cargo bench -p curt-benches --bench gemm`; a filter such as `forward/576x1536` after `--` picks rows of the table.
//! For up to 64 rows the weights rotate through at least 128 MiB of copies, so that they come from memory as in decoding;
//! there the bound is the smaller of the peak and of what the measured reading rate can feed.

use std::cell::Cell;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use curt_kernels::cpu::simd::{Kernel, LANES, fma};
use curt_kernels::ops::linear::{Linear, LinearShape};
use curt_kernels::{Backend, Buffer, Cpu};

/// Input × output features: SmolLM2-135M, Qwen2.5-0.5B, and the tiny model.
const WIDTHS: [(usize, usize); 7] = [(576, 1536), (1536, 576), (896, 4864), (128, 640), (128, 128), (320, 128), (128, 256)];

/// Bytes of weight copies that no cache holds.
const ROTATED_BYTES: usize = 128 << 20;

/// GFLOP/s of the best of several runs of a register-only loop on one core.
fn peak() -> f64 {
    let cpu = Cpu::<f32>::new(1).unwrap();
    let best = (0..200).map(|_| {
        let start = Instant::now();
        let operations = 2 * cpu.multiply_adds(black_box(20_000));
        operations as f64 / start.elapsed().as_secs_f64()
    });
    best.fold(0.0, f64::max) * 1e-9
}

/// Reads memory and adds it up, four registers at a time.
struct Read<'a>(&'a [f32]);

impl Kernel for Read<'_> {
    type Output = f32;
    #[inline(always)]
    fn run(self) -> f32 {
        let mut sums = [[0.0f32; LANES]; 4];
        for chunk in self.0.as_chunks::<LANES>().0.as_chunks::<4>().0 {
            let [a, b, c, d] = &mut sums;
            fma(a, 1.0, &chunk[0]);
            fma(b, 1.0, &chunk[1]);
            fma(c, 1.0, &chunk[2]);
            fma(d, 1.0, &chunk[3]);
        }
        sums.iter().flatten().sum()
    }
}

/// GB/s at which one core reads `memory`, the best of a few runs.
fn read_rate(memory: &[f32]) -> f64 {
    let cpu = Cpu::<f32>::new(1).unwrap();
    let best = (0..3).map(|_| {
        let start = Instant::now();
        black_box(cpu.run(Read(black_box(memory))));
        start.elapsed().as_secs_f64()
    });
    size_of_val(memory) as f64 / best.fold(f64::MAX, f64::min) * 1e-9
}

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

/// Runs `product` under criterion and prints its best rate beside the peak of the moment.
fn measure(
    criterion: &mut Criterion,
    cpu: &Cpu<f32>,
    name: &str,
    shape: LinearShape,
    memory: Option<&[f32]>,
    mut product: impl FnMut(usize) + Send,
) {
    let flops = (2 * shape.rows * shape.n * shape.k) as f64;
    // a clock read per batch of about a millisecond: long against the clock, short against the scheduler
    let batch = ((1e8 / flops) as usize).clamp(1, 1000);
    let best = Cell::new(f64::MAX);
    let (ceiling, reading) = (Cell::new(0.0f64), Cell::new(0.0f64));
    let mut turn = 0;
    criterion.bench_function(name, |bencher| {
        bencher.iter_custom(|iterations| {
            // in the pool: threads that wake while another one computes may share a core for long
            let (fastest, fed) = cpu.inside(|| (peak(), memory.map_or(0.0, read_rate)));
            ceiling.set(ceiling.get().max(fastest));
            reading.set(reading.get().max(fed));
            let mut total = Duration::ZERO;
            let mut left = iterations as usize;
            while left > 0 {
                let now = batch.min(left);
                let elapsed = cpu.inside(|| {
                    let start = Instant::now();
                    for _ in 0..now {
                        product(turn);
                        turn += 1;
                    }
                    start.elapsed()
                });
                total += elapsed;
                left -= now;
                if now == batch {
                    best.set(best.get().min(elapsed.as_secs_f64() / batch as f64));
                }
            }
            total
        });
    });
    if best.get() < f64::MAX {
        let (rate, ceiling) = (flops / best.get() * 1e-9, ceiling.get() * cpu.threads() as f64);
        let from_memory = match memory {
            // two operations per weight and row, four bytes per weight
            Some(_) => {
                let roof = reading.get() * shape.rows as f64 / 2.0 * cpu.threads() as f64;
                format!(", {:.2} of what {:.1} GB/s feed", rate / roof.min(ceiling), reading.get())
            }
            None => String::new(),
        };
        println!("TABLE {name:<36} {rate:7.1} GFLOP/s = {:.2} of the peak {ceiling:.0}{from_memory}", rate / ceiling);
    }
}

fn forward(criterion: &mut Criterion) {
    let memory = vec![0.5f32; ROTATED_BYTES / 4];
    for threads in [1, 2] {
        let cpu = Cpu::<f32>::new(threads).expect("threads");
        for (k, n) in WIDTHS {
            let copies = ROTATED_BYTES / (n * k * 4) + 1;
            let weight = numbers(&cpu, n * k);
            let mut packed = Vec::new();
            for rows in [1, 8, 32, 64, 128, 512, 4096] {
                if packed.is_empty() {
                    packed = (0..copies)
                        .map(|_| {
                            let mut packed = cpu.packed(n, k).expect("memory");
                            cpu.pack(&mut packed, &weight);
                            packed
                        })
                        .collect();
                }
                let turns = if rows <= 64 { copies } else { 1 };
                let from_memory = (rows <= 64).then_some(&memory[..]);
                let shape = LinearShape { rows, n, k };
                let (x, mut y) = (numbers(&cpu, rows * k), numbers(&cpu, rows * n));
                measure(criterion, &cpu, &format!("forward/{k}x{n}/{rows}/{threads}t"), shape, from_memory, |turn| {
                    cpu.linear_forward(&mut y, &x, &packed[turn % turns], None, shape);
                });
            }
        }
    }
}

fn backward(criterion: &mut Criterion) {
    for threads in [1, 2] {
        let cpu = Cpu::<f32>::new(threads).expect("threads");
        for (k, n) in WIDTHS {
            let weight = numbers(&cpu, n * k);
            let mut dweight = numbers(&cpu, n * k);
            for rows in [1024, 4096] {
                let shape = LinearShape { rows, n, k };
                let (x, dy, mut dx) = (numbers(&cpu, rows * k), numbers(&cpu, rows * n), numbers(&cpu, rows * k));
                measure(criterion, &cpu, &format!("backward_input/{k}x{n}/{rows}/{threads}t"), shape, None, |_| {
                    cpu.linear_backward_input(&mut dx, &dy, &weight, shape);
                });
                measure(criterion, &cpu, &format!("backward_weight/{k}x{n}/{rows}/{threads}t"), shape, None, |_| {
                    cpu.linear_backward_weight(&mut dweight, None, &dy, &x, shape);
                });
            }
        }
    }
}

criterion_group! {
    name = gemm;
    config = Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_millis(500));
    targets = forward, backward
}
criterion_main!(gemm);
