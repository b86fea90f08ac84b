//! Products in tiles of 64 × 64, and the head over them, whose passes over logits stream.

use super::{Case, expected, numbers};
use crate::Backend;
use crate::cuda::Cuda;
use crate::ops::linear::{Linear, LinearShape};
use crate::ops::lm_head::{Draw, HeadFacts, LmHead, LmHeadShape, VOCAB_CHUNK};

pub(super) fn cases() -> Vec<Case> {
    vec![linear(128, 192, 256), linear_few(32, 256, 512), lm_head(64, 4096, 128)]
}

fn linear_few(r: usize, n: usize, k: usize) -> Case {
    let run = move |cuda: &Cuda| {
        let [x, weight, bias] = [r * k, n * k, n].map(|len| numbers(cuda, len));
        let (mut y, mut packed) = (cuda.zeros(r * n).unwrap(), cuda.packed(n, k).unwrap());
        cuda.pack(&mut packed, &weight);
        cuda.linear_forward(&mut y, &x, &packed, Some(&bias), LinearShape { rows: r, n, k });
    };
    let bytes = 4 * (r * k * n.div_ceil(16) + n * k + r * n + n);
    let expected = vec![expected("linear_forward_few", "4 (r k ⌈n/16⌉ + n k + r n + n)", bytes)];
    Case { at: format!("r = {r}, n = {n}, k = {k}"), expected, run: Box::new(run) }
}

fn linear(r: usize, n: usize, k: usize) -> Case {
    let shape = LinearShape { rows: r, n, k };
    let run = move |cuda: &Cuda| {
        let [x, dy, weight, bias] = [r * k, r * n, n * k, n].map(|len| numbers(cuda, len));
        let [mut y, mut dx, mut dweight, mut dbias] = [r * n, r * k, n * k, n].map(|len| cuda.zeros(len).unwrap());
        let mut packed = cuda.packed(n, k).unwrap();
        cuda.pack(&mut packed, &weight);
        cuda.linear_forward(&mut y, &x, &packed, Some(&bias), shape);
        cuda.linear_backward_input(&mut dx, &dy, &weight, shape);
        cuda.linear_backward_weight(&mut dweight, Some(&mut dbias), &dy, &x, shape);
    };
    let [rows, columns, depths] = [r, n, k].map(|size| size.div_ceil(64));
    let bytes = [
        4 * (n * k + 64 * columns * k),
        4 * (r * k * columns + n * k * rows + r * n + n * rows),
        4 * (r * n * depths + n * k * rows + r * k),
        4 * (r * n * depths + r * k * columns + 2 * n * k),
        4 * (r * n + 2 * n),
    ];
    let expected = vec![
        expected("linear_pack", "4 n k + 4·64 ⌈n/64⌉ k", bytes[0]),
        expected("linear_forward", "4 (r k ⌈n/64⌉ + n k ⌈r/64⌉ + r n + n ⌈r/64⌉)", bytes[1]),
        expected("product_of_rows", "4 (r n ⌈k/64⌉ + n k ⌈r/64⌉ + r k)", bytes[2]),
        expected("product_of_columns", "4 (r n ⌈k/64⌉ + r k ⌈n/64⌉ + 2 n k)", bytes[3]),
        expected("linear_backward_bias", "4 r n + 8 n", bytes[4]),
    ];
    Case { at: format!("r = {r}, n = {n}, k = {k}"), expected, run: Box::new(run) }
}

/// Forward, backward and a draw that looks through all chunks.
fn lm_head(r: usize, vocab: usize, d: usize) -> Case {
    let shape = LmHeadShape { rows: r, vocab, width: d, inv_temperature: 1.0 };
    let run = move |cuda: &Cuda| {
        let [x, weight, dlogprob, dentropy] = [r * d, vocab * d, r, r].map(|len| numbers(cuda, len));
        let mut packed = cuda.packed(vocab, d).unwrap();
        cuda.pack(&mut packed, &weight);
        let targets = cuda.upload_ids(&(0..r).map(|row| (row * 61 % vocab) as u32).collect::<Vec<_>>()).unwrap();
        let mut facts = HeadFacts::zeros(cuda, r).unwrap();
        cuda.lm_head_forward(&mut facts, &x, &packed, &targets, shape);
        let [mut dx, mut dweight] = [r * d, vocab * d].map(|len| cuda.zeros(len).unwrap());
        cuda.lm_head_backward(&mut dx, &mut dweight, &dlogprob, &dentropy, &facts, &x, &weight, &packed, &targets, shape);
        cuda.lm_head_sample(&mut vec![0; r], &mut facts, &x, &packed, &vec![Draw::Uniform(0.999_999); r], shape);
    };
    let chunks = vocab.div_ceil(VOCAB_CHUNK);
    // statistics are taken for the targets and for the draw; the backward makes 2048 columns at a time
    let (statistics, groups) = (4 * r * vocab + 16 * r * chunks, vocab.div_ceil(2048));
    let expected = vec![
        expected("lm_head_statistics", "4 r V + 16 r c + 4 r c", 2 * statistics + 4 * r * chunks),
        expected("lm_head_facts", "16 r c + 20 r", 16 * r * chunks + 20 * r),
        expected("lm_head_search", "16 r c + 52 r", 16 * r * chunks + 52 * r),
        expected("lm_head_draw", "4 r (512 d + d)", 4 * r * (VOCAB_CHUNK * d + d)),
        expected("lm_head_gather", "8 r d + 4 r", 8 * r * d + 4 * r),
        expected("lm_head_gradient", "8 r V + 24 r ⌈V/2048⌉", 8 * r * vocab + 24 * r * groups),
        expected("lm_head_scatter", "8 r d + 4 r", 8 * r * d + 4 * r),
    ];
    Case { at: format!("r = {r}, V = {vocab}, d = {d}, c = {chunks}"), expected, run: Box::new(run) }
}
