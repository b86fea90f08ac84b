//! Attention: blocks of queries that walk pages, and pages that walk blocks of queries.

use super::{Case, Expected, expected, numbers};
use crate::Backend;
use crate::cuda::Cuda;
use crate::ops::attention::{Attention, AttentionShape, KvPages, PAGE, SequencePlan};

/// Rows of the sequences: whole pages, so that neighbouring rows of a page are stored together.
const LENGTHS: [usize; 2] = [96, 48];

pub(super) fn cases() -> Vec<Case> {
    [32, 64, 128].map(|e| attention((4, 2), e)).into()
}

fn attention((h, k): (usize, usize), e: usize) -> Case {
    let shape = AttentionShape { heads: h, kv_heads: k, head_dim: e, scale: 0.1 };
    let rows: usize = LENGTHS.iter().sum();
    let run = move |cuda: &Cuda| {
        let plan = SequencePlan::packed(&LENGTHS);
        let [q, dout, key, qkv] = [h, h, k, h + 2 * k].map(|heads| numbers(cuda, rows * heads * e));
        let mut pages = {
            let [k, v] = [(); 2].map(|()| cuda.zeros(plan.pages.len() * shape.page_len()).unwrap());
            KvPages { k, v }
        };
        let slots = cuda.upload_ids(&plan.slots()).unwrap();
        cuda.attention_store(&mut pages, &key, &qkv, &slots, rows, shape);
        let sequences = cuda.sequences(&plan).unwrap();
        let [mut out, mut lse, mut dq, mut dk, mut dv] =
            [h * e, h, h * e, k * e, k * e].map(|width| cuda.zeros(rows * width).unwrap());
        cuda.attention_forward(&mut out, &mut lse, &q, &pages, &sequences, shape);
        cuda.attention_backward(&mut dq, &mut dk, &mut dv, &dout, &out, &lse, &q, &pages, &sequences, shape);
    };
    let [store, correction] = [16 * rows * k * e + 4 * rows, 8 * rows * h * e + 4 * rows * h];
    let mut expected = vec![
        expected("attention_store", "16 r k e + 4 r", store),
        expected("attention_backward_correction", "8 r h e + 4 r h", correction),
    ];
    expected.extend(tiled((h, k), e));
    Case { at: format!("t = 96, 48, h = {h}, k = {k}, e = {e}"), expected, run: Box::new(run) }
}

/// The kernels of this width.
///
/// A page is 128 e bytes of keys and values and, for each of the four warps, a sector with its number. The lse of a row's
/// heads of one key head lie together in one sector. A block's four warps read four numbers of the plan.
fn tiled((h, k): (usize, usize), e: usize) -> [Expected; 3] {
    let (group, rows) = (h / k, LENGTHS.iter().sum::<usize>());
    let plan = 4 * 4 * 32;
    // blocks of so many queries of a sequence and key head, and the pages that they walk
    let walked = |queries: usize| {
        let of_sequence = |length: usize| {
            let firsts = (0..length * group).step_by(queries);
            let pages = firsts.map(|first| ((first + queries).min(length * group) - 1) / group / PAGE + 1);
            (pages.clone().count(), pages.sum::<usize>())
        };
        LENGTHS.into_iter().map(of_sequence).fold((0, 0), |sum, n| (sum.0 + k * n.0, sum.1 + k * n.1))
    };
    // queries from a page on, over all pages
    let seen = |length: usize| (0..length).step_by(PAGE).map(|first| length - first).sum::<usize>();
    let (rows_seen, pages) = (k * LENGTHS.map(seen).iter().sum::<usize>(), k * rows / PAGE);
    let page = 128 * e + 128;
    let (blocks, walks) = walked(32);
    let forward = 8 * rows * h * e + 32 * rows * k + page * walks + plan * blocks;
    let (blocks, walks) = walked(16);
    let queries = 12 * rows * h * e + 64 * rows * k + page * walks + plan * blocks;
    let keys = (page + 128 * e + plan) * pages + (8 * group * e + 64) * rows_seen;
    let names = match e {
        32 => ["attention_forward_32", "attention_backward_queries_32", "attention_backward_keys_32"],
        64 => ["attention_forward_64", "attention_backward_queries_64", "attention_backward_keys_64"],
        _ => ["attention_forward_128", "attention_backward_queries_128", "attention_backward_keys_128"],
    };
    [
        expected(names[0], "8 r h e + 32 r k + Σ over blocks of 32 queries (512 + (128 e + 128) pages)", forward),
        expected(names[1], "12 r h e + 64 r k + Σ over blocks of 16 queries (512 + (128 e + 128) pages)", queries),
        expected(names[2], "Σ over pages (256 e + 640 + (8 e h/k + 64) rows from the page on)", keys),
    ]
}
