//! The memory-bound ops on one thread, beside a plain copy: bytes that an op must read and write, per second.
//!
//! `cargo bench -p curt-benches --bench elementwise`

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime};
use curt_kernels::ops::adamw::{AdamW, AdamWStep};
use curt_kernels::ops::embedding::Embedding;
use curt_kernels::ops::grad_norm::GradNorm;
use curt_kernels::ops::qk_norm_rope::{QkNormRope, QkParams, QkShape};
use curt_kernels::ops::rms_norm::{RmsNorm, RmsNormShape};
use curt_kernels::ops::swiglu::Swiglu;
use curt_kernels::{Backend, Buffer, Cpu};

/// Rows of the embedding table.
const VOCABULARY: usize = 4096;

/// Rows, query heads, key heads and width of a head: a tiny model's activations, then SmolLM2-135M's.
const SIZES: [(usize, usize, usize, usize); 2] = [(8192, 4, 2, 32), (2560, 9, 3, 64)];

/// Numbers in (-1, 1).
fn numbers(cpu: &Cpu<f32>, len: usize) -> Buffer<f32> {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    cpu.upload(&(0..len).map(|_| next()).collect::<Vec<_>>()).unwrap()
}

/// One op that moves `floats` numbers.
fn bench(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, floats: usize, mut op: impl FnMut()) {
    group.throughput(Throughput::BytesDecimal(4 * floats as u64));
    group.bench_function(name, |b| b.iter(&mut op));
}

fn activations(criterion: &mut Criterion) {
    let cpu = Cpu::<f32>::new(1).unwrap();
    for (rows, heads, kv_heads, head_dim) in SIZES {
        let width = heads * head_dim;
        let n = rows * width;
        let mut group = criterion.benchmark_group(format!("{rows}x{width}"));
        let [x, dy, weight] = [n, n, width].map(|len| numbers(&cpu, len));
        let [mut y, mut h, mut dweight] = [n, n, width].map(|len| cpu.zeros(len).unwrap());

        bench(&mut group, "copy", 2 * n, || cpu.copy(&mut y, 0, black_box(&x), 0, n));
        let shape = RmsNormShape { rows, width, epsilon: 1e-6 };
        bench(&mut group, "rms_norm_forward", 2 * n, || cpu.rms_norm_forward(&mut y, &x, &weight, shape));
        bench(&mut group, "add_rms_norm_forward", 4 * n, || cpu.add_rms_norm_forward(&mut h, &mut y, &x, &dy, &weight, shape));
        bench(&mut group, "rms_norm_backward", 4 * n, || {
            cpu.rms_norm_backward(&mut y, &mut dweight, Some(&h), &dy, &x, &weight, shape)
        });

        let gate_up = numbers(&cpu, 2 * n);
        let mut dgate_up = cpu.zeros(2 * n).unwrap();
        bench(&mut group, "swiglu_forward", 3 * n, || cpu.swiglu_forward(&mut y, &gate_up, rows, width));
        bench(&mut group, "swiglu_backward", 5 * n, || cpu.swiglu_backward(&mut dgate_up, &dy, &gate_up, rows, width));

        let table = numbers(&cpu, VOCABULARY * width);
        let mut dtable = cpu.zeros(VOCABULARY * width).unwrap();
        let ids = cpu.upload_ids(&(0..rows as u32).map(|row| row * 97 % VOCABULARY as u32).collect::<Vec<_>>()).unwrap();
        bench(&mut group, "embedding_forward", 2 * n, || cpu.embedding_forward(&mut y, &table, &ids, rows, width));
        bench(&mut group, "embedding_backward", 3 * n, || cpu.embedding_backward(&mut dtable, &dy, &ids, rows, width));

        bench(&mut group, "sum_of_squares", n, || {
            black_box(cpu.sum_of_squares(&x, n));
        });
        query_key(&cpu, &mut group, QkShape { rows, heads, kv_heads, head_dim, epsilon: 1e-6 });
        group.finish();
    }
}

/// Head norm and rotation of fused rows.
fn query_key(cpu: &Cpu<f32>, group: &mut BenchmarkGroup<'_, WallTime>, shape: QkShape) {
    let QkShape { rows, heads, kv_heads, head_dim, .. } = shape;
    let (n_q, n_k, fused) = (rows * heads * head_dim, rows * kv_heads * head_dim, rows * shape.fused_width());
    let [qkv, dq, dk, dv] = [fused, n_q, n_k, n_k].map(|len| numbers(cpu, len));
    let [mut dqkv, mut q, mut k] = [fused, n_q, n_k].map(|len| cpu.zeros(len).unwrap());
    let [cos, sin] = [(); 2].map(|()| numbers(cpu, 1024 * head_dim / 2));
    let positions = cpu.upload_ids(&(0..rows as u32).map(|row| row % 1024).collect::<Vec<_>>()).unwrap();
    let (norm, mut dq_norm, mut dk_norm) = (numbers(cpu, head_dim), cpu.zeros(head_dim).unwrap(), cpu.zeros(head_dim).unwrap());
    for (norms, suffix) in [(Some((&norm, &norm)), "qk_norm_rope"), (None, "rope")] {
        let params = QkParams { norms, cos: &cos, sin: &sin, positions: &positions };
        bench(group, &format!("{suffix}_forward"), 2 * (n_q + n_k), || {
            cpu.qk_norm_rope_forward(&mut q, &mut k, &qkv, &params, shape)
        });
        let reads = if norms.is_some() { n_q + n_k } else { 0 };
        bench(group, &format!("{suffix}_backward"), 2 * fused + reads, || {
            let dnorms = norms.is_some().then_some((&mut dq_norm, &mut dk_norm));
            cpu.qk_norm_rope_backward(&mut dqkv, dnorms, &dq, &dk, &dv, &qkv, &params, shape)
        });
    }
}

fn optimizer(criterion: &mut Criterion) {
    let n = 16 << 20;
    let step = AdamWStep {
        learning_rate: 1e-6,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weight_decay: 0.1,
        correction1: 0.1,
        correction2: 0.001,
        grad_scale: 0.5,
    };
    for threads in [1, 2] {
        let cpu = Cpu::<f32>::new(threads).unwrap();
        let mut group = criterion.benchmark_group(format!("16M parameters, {threads} threads"));
        let [mut weight, grad] = [numbers(&cpu, n), numbers(&cpu, n)];
        let [mut m, mut v] = [(); 2].map(|()| cpu.zeros(n).unwrap());
        bench(&mut group, "copy on one thread", 2 * n, || cpu.copy(&mut m, 0, black_box(&grad), 0, n));
        bench(&mut group, "adamw", 7 * n, || cpu.adamw_step(&mut weight, &mut m, &mut v, &grad, step, n));
        bench(&mut group, "sum_of_squares", n, || {
            black_box(cpu.sum_of_squares(&grad, n));
        });
        group.finish();
    }
}

criterion_group! {
    name = elementwise;
    config = Criterion::default().sample_size(15).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(800));
    targets = activations, optimizer
}
criterion_main!(elementwise);
