//! Times the CUDA kernels on device 0 at the sizes of a 0.6 B model, beside a plain copy: `cargo run --release --example cuda_speed`.

use std::time::Instant;

use curt_kernels::ops::adamw::{AdamW, AdamWStep};
use curt_kernels::ops::attention::{Attention, AttentionShape, KvPages, SequencePlan};
use curt_kernels::ops::linear::{Linear, LinearShape};
use curt_kernels::ops::lm_head::{Draw, HeadFacts, LmHead, LmHeadShape};
use curt_kernels::ops::rms_norm::{RmsNorm, RmsNormShape};
use curt_kernels::ops::swiglu::Swiglu;
use curt_kernels::{Backend, Cuda, DeviceError};

/// Prints the time of `job`, the best of five after one to warm up, and what it moves and computes per second.
fn time(cuda: &Cuda, name: &str, bytes: f64, operations: f64, mut job: impl FnMut()) -> Result<(), DeviceError> {
    job();
    cuda.synchronize()?;
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let start = Instant::now();
        job();
        cuda.synchronize()?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!("{name:34} {:9.3} ms  {:7.0} GB/s  {:7.2} TFLOP/s", best * 1e3, bytes / best / 1e9, operations / best / 1e12);
    Ok(())
}

/// Numbers of both signs that are no trouble to any op.
fn numbers(cuda: &Cuda, len: usize) -> Result<<Cuda as Backend>::Buffer, DeviceError> {
    cuda.upload(&(0..len).map(|i| ((i * 7919) % 1009) as f32 / 504.0 - 1.0).collect::<Vec<_>>())
}

fn main() -> Result<(), DeviceError> {
    let cuda = &Cuda::new(0)?;
    println!("{}", cuda.name());
    let (rows, d, ffn, vocab) = (4096, 1024, 3072, 151_936);
    let (x, mut y) = (numbers(cuda, rows * 2 * ffn)?, cuda.zeros(rows * 2 * ffn)?);
    let n = rows * 2 * ffn;
    time(cuda, "copy", 8.0 * n as f64, 0.0, || cuda.copy(&mut y, 0, &x, 0, n))?;
    time(cuda, "swiglu forward", 12.0 * (rows * ffn) as f64, 0.0, || cuda.swiglu_forward(&mut y, &x, rows, ffn))?;
    let (weight, norm) = (numbers(cuda, d)?, RmsNormShape { rows, width: d, epsilon: 1e-6 });
    time(cuda, "rms_norm forward", 8.0 * (rows * d) as f64, 0.0, || cuda.rms_norm_forward(&mut y, &x, &weight, norm))?;
    let (dy, mut dweight) = (numbers(cuda, rows * d)?, cuda.zeros(d)?);
    time(cuda, "rms_norm backward", 12.0 * (rows * d) as f64, 0.0, || {
        cuda.rms_norm_backward(&mut y, &mut dweight, None, &dy, &x, &weight, norm);
    })?;
    let (mut m, mut v, grad) = (cuda.zeros(n)?, cuda.zeros(n)?, numbers(cuda, n)?);
    let step = AdamWStep {
        learning_rate: 1e-6,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weight_decay: 0.1,
        correction1: 0.1,
        correction2: 0.001,
        grad_scale: 1.0,
    };
    time(cuda, "adamw", 28.0 * n as f64, 0.0, || cuda.adamw_step(&mut y, &mut m, &mut v, &grad, step, n))?;

    let weight = numbers(cuda, 2 * ffn * d)?;
    let mut packed = cuda.packed(2 * ffn, d)?;
    time(cuda, "linear pack", 8.0 * (2 * ffn * d) as f64, 0.0, || cuda.pack(&mut packed, &weight))?;
    for rows in [1, 32, 256, rows] {
        let shape = LinearShape { rows, n: 2 * ffn, k: d };
        let (bytes, operations) = (4.0 * (2 * ffn * d + rows * (2 * ffn + d)) as f64, 2.0 * (rows * 2 * ffn * d) as f64);
        time(cuda, &format!("linear forward, {rows} rows"), bytes, operations, || {
            cuda.linear_forward(&mut y, &x, &packed, None, shape);
        })?;
    }
    let (shape, operations) = (LinearShape { rows, n: 2 * ffn, k: d }, 2.0 * (rows * 2 * ffn * d) as f64);
    time(cuda, "linear backward input", 0.0, operations, || cuda.linear_backward_input(&mut y, &x, &weight, shape))?;
    let mut dweight = cuda.zeros(2 * ffn * d)?;
    time(cuda, "linear backward weight", 0.0, operations, || {
        cuda.linear_backward_weight(&mut dweight, None, &x, &dy, shape);
    })?;
    attention(cuda)?;
    head(cuda, vocab, d)
}

/// Sixteen query heads over eight key heads of 128.
fn attention(cuda: &Cuda) -> Result<(), DeviceError> {
    let shape = AttentionShape { heads: 16, kv_heads: 8, head_dim: 128, scale: 0.088 };
    for (count, length, new) in [(4, 1024, 1024), (32, 1024, 1)] {
        let mut plan = SequencePlan::packed(&vec![length; count]);
        if new == 1 {
            plan.row_starts = (0..=count as u32).collect();
            plan.first_positions = vec![length as u32 - 1; count];
        }
        let (rows, pages_len) = (plan.rows(), plan.pages.len() * shape.page_len());
        let pages = KvPages { k: numbers(cuda, pages_len)?, v: numbers(cuda, pages_len)? };
        let (q, mut out, mut lse) = (numbers(cuda, rows * 2048)?, cuda.zeros(rows * 2048)?, cuda.zeros(rows * 16)?);
        let sequences = cuda.sequences(&plan)?;
        let visible = count as f64 * if new == 1 { length as f64 } else { 0.5 * (length * length) as f64 };
        let (bytes, operations) = (8.0 * pages_len as f64, 4.0 * visible * 2048.0);
        time(cuda, &format!("attention forward, {count} x {new} of {length}"), bytes, operations, || {
            cuda.attention_forward(&mut out, &mut lse, &q, &pages, &sequences, shape);
        })?;
        if new > 1 {
            let (dout, mut dq) = (numbers(cuda, rows * 2048)?, cuda.zeros(rows * 2048)?);
            let (mut dk, mut dv) = (cuda.zeros(rows * 1024)?, cuda.zeros(rows * 1024)?);
            time(cuda, "attention backward", 0.0, 2.5 * operations, || {
                cuda.attention_backward(&mut dq, &mut dk, &mut dv, &dout, &out, &lse, &q, &pages, &sequences, shape);
            })?;
        }
    }
    Ok(())
}

/// A head of the given size.
fn head(cuda: &Cuda, vocab: usize, width: usize) -> Result<(), DeviceError> {
    let weight = numbers(cuda, vocab * width)?;
    let mut packed = cuda.packed(vocab, width)?;
    cuda.pack(&mut packed, &weight);
    let mut dweight = cuda.zeros(vocab * width)?;
    for rows in [32, 1024] {
        let shape = LmHeadShape { rows, vocab, width, inv_temperature: 1.0 };
        let (x, mut facts) = (numbers(cuda, rows * width)?, HeadFacts::zeros(cuda, rows)?);
        let targets = cuda.upload_ids(&vec![7; rows])?;
        let operations = 2.0 * (rows * vocab * width) as f64;
        time(cuda, &format!("lm_head forward, {rows} rows"), 4.0 * (vocab * width) as f64, operations, || {
            cuda.lm_head_forward(&mut facts, &x, &packed, &targets, shape);
        })?;
        let mut tokens = vec![0; rows];
        time(cuda, &format!("lm_head sample, {rows} rows"), 4.0 * (vocab * width) as f64, operations, || {
            cuda.lm_head_sample(&mut tokens, &mut facts, &x, &packed, &vec![Draw::Uniform(0.5); rows], shape);
        })?;
        let (dlogprob, dentropy, mut dx) = (numbers(cuda, rows)?, cuda.zeros(rows)?, cuda.zeros(rows * width)?);
        time(cuda, &format!("lm_head backward, {rows} rows"), 0.0, 3.0 * operations, || {
            cuda.lm_head_backward(&mut dx, &mut dweight, &dlogprob, &dentropy, &facts, &x, &weight, &packed, &targets, shape);
        })?;
    }
    Ok(())
}
