//! The plain f64 twin.

use super::Embedding;
use crate::cpu::{Buffer, Cpu};
use crate::ops::{check_ids, first, first_mut};

impl Embedding for Cpu<f64> {
    fn embedding_forward(&self, out: &mut Buffer<f64>, table: &Buffer<f64>, ids: &Vec<u32>, rows: usize, width: usize) {
        let out = first_mut("embedding_forward", "out", out, rows * width);
        let ids = first("embedding_forward", "ids", ids, rows);
        check_ids("embedding_forward", "id", "table", ids, table.len() / width.max(1));
        for (row, &id) in ids.iter().enumerate() {
            let from = id as usize * width;
            out[row * width..][..width].copy_from_slice(&table[from..from + width]);
        }
    }

    fn embedding_backward(&self, dtable: &mut Buffer<f64>, dout: &Buffer<f64>, ids: &Vec<u32>, rows: usize, width: usize) {
        let dout = first("embedding_backward", "dout", dout, rows * width);
        let ids = first("embedding_backward", "ids", ids, rows);
        check_ids("embedding_backward", "id", "table", ids, dtable.len() / width.max(1));
        for (row, &id) in ids.iter().enumerate() {
            for column in 0..width {
                dtable[id as usize * width + column] += dout[row * width + column];
            }
        }
    }
}
