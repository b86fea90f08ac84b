//! The plain f64 twin.

use super::{QkNormRope, QkParams, QkShape};
use crate::cpu::{Buffer, Cpu};
use crate::ops::rms_norm::plain::{norm, norm_backward};
use crate::ops::{check_ids, first, first_mut};

impl QkNormRope for Cpu<f64> {
    fn qk_norm_rope_forward(
        &self,
        q: &mut Buffer<f64>,
        k: &mut Buffer<f64>,
        qkv: &Buffer<f64>,
        params: &QkParams<'_, Self>,
        shape: QkShape,
    ) {
        let QkShape { rows, heads, kv_heads, head_dim: d, epsilon } = shape;
        let q = first_mut("qk_norm_rope_forward", "q", q, rows * heads * d);
        let k = first_mut("qk_norm_rope_forward", "k", k, rows * kv_heads * d);
        let qkv = first("qk_norm_rope_forward", "qkv", qkv, rows * shape.fused_width());
        let positions = first("qk_norm_rope_forward", "positions", params.positions, rows);
        check_ids(
            "qk_norm_rope_forward",
            "position",
            "tables",
            positions,
            params.cos.len().min(params.sin.len()) / (d / 2).max(1),
        );
        for row in 0..rows {
            let (cos, sin) = angles(params, row, d);
            for head in 0..heads + kv_heads {
                let x = &qkv[row * shape.fused_width() + head * d..][..d];
                let (y, weight) = if head < heads {
                    (&mut q[(row * heads + head) * d..][..d], params.norms.map(|n| n.0))
                } else {
                    (&mut k[(row * kv_heads + head - heads) * d..][..d], params.norms.map(|n| n.1))
                };
                match weight {
                    Some(weight) => norm(y, x, &weight[..d], epsilon),
                    None => y.copy_from_slice(x),
                }
                rotate(y, cos, sin, 1.0);
            }
        }
    }

    fn qk_norm_rope_backward(
        &self,
        dqkv: &mut Buffer<f64>,
        mut dnorms: Option<(&mut Buffer<f64>, &mut Buffer<f64>)>,
        dq: &Buffer<f64>,
        dk: &Buffer<f64>,
        dv: &Buffer<f64>,
        qkv: &Buffer<f64>,
        params: &QkParams<'_, Self>,
        shape: QkShape,
    ) {
        let QkShape { rows, heads, kv_heads, head_dim: d, epsilon } = shape;
        let fused = shape.fused_width();
        assert_eq!(dnorms.is_some(), params.norms.is_some(), "qk_norm_rope_backward: dnorms must be given exactly with norms");
        let dqkv = first_mut("qk_norm_rope_backward", "dqkv", dqkv, rows * fused);
        let dq = first("qk_norm_rope_backward", "dq", dq, rows * heads * d);
        let dk = first("qk_norm_rope_backward", "dk", dk, rows * kv_heads * d);
        let dv = first("qk_norm_rope_backward", "dv", dv, rows * kv_heads * d);
        let qkv = first("qk_norm_rope_backward", "qkv", qkv, rows * fused);
        let positions = first("qk_norm_rope_backward", "positions", params.positions, rows);
        check_ids(
            "qk_norm_rope_backward",
            "position",
            "tables",
            positions,
            params.cos.len().min(params.sin.len()) / (d / 2).max(1),
        );
        for row in 0..rows {
            let (cos, sin) = angles(params, row, d);
            for head in 0..heads + kv_heads {
                let is_query = head < heads;
                let mut dy = match is_query {
                    true => dq[(row * heads + head) * d..][..d].to_vec(),
                    false => dk[(row * kv_heads + head - heads) * d..][..d].to_vec(),
                };
                rotate(&mut dy, cos, sin, -1.0);
                let at = row * fused + head * d..row * fused + (head + 1) * d;
                let dx = &mut dqkv[at.clone()];
                match (&mut dnorms, params.norms) {
                    (Some(dnorms), Some(norms)) => {
                        let (dweight, weight) = if is_query { (&mut *dnorms.0, norms.0) } else { (&mut *dnorms.1, norms.1) };
                        norm_backward(dx, &mut dweight[..d], &dy, &qkv[at], &weight[..d], epsilon);
                    }
                    _ => dx.copy_from_slice(&dy),
                }
            }
            let v = kv_heads * d;
            dqkv[(row + 1) * fused - v..(row + 1) * fused].copy_from_slice(&dv[row * v..(row + 1) * v]);
        }
    }
}

/// Cosines and sines of a row's position.
fn angles<'a>(params: &QkParams<'a, Cpu<f64>>, row: usize, head_dim: usize) -> (&'a [f64], &'a [f64]) {
    let half = head_dim / 2;
    let at = params.positions[row] as usize * half;
    (&params.cos[at..at + half], &params.sin[at..at + half])
}

/// Rotates one head in place by the angles (`direction` 1) or back (−1).
fn rotate(head: &mut [f64], cos: &[f64], sin: &[f64], direction: f64) {
    let half = head.len() / 2;
    for i in 0..half {
        let (x1, x2, c, s) = (head[i], head[i + half], cos[i], sin[i] * direction);
        head[i] = x1 * c - x2 * s;
        head[i + half] = x2 * c + x1 * s;
    }
}
