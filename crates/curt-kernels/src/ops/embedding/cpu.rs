//! The fast f32 half.
//!
//! Backward gives each task [`COLUMNS`] columns of the table and lets it walk all rows in order: ids that occur twice
//! meet in one task, so no sum depends on the threads.

use std::ops::Range;

use super::Embedding;
use crate::cpu::simd::Kernel;
use crate::cpu::{Buffer, Cpu, SharedMut};
use crate::ops::{ELEMENTS_PER_TASK, check_ids, first, first_mut};

/// Columns of the table that one backward task owns: four cache lines.
const COLUMNS: usize = 64;

impl Embedding for Cpu<f32> {
    fn embedding_forward(&self, out: &mut Buffer<f32>, table: &Buffer<f32>, ids: &Vec<u32>, rows: usize, width: usize) {
        let out = SharedMut::new(first_mut("embedding_forward", "out", out, rows * width));
        let ids = first("embedding_forward", "ids", ids, rows);
        check_ids("embedding_forward", "id", "table", ids, table.len() / width.max(1));
        let block = (ELEMENTS_PER_TASK / width.max(1)).max(1);
        self.for_each_block(rows, block, rows * width, |task| {
            for row in task {
                // SAFETY: each row belongs to one task.
                let out = unsafe { out.range(row * width, width) };
                out.copy_from_slice(&table[ids[row] as usize * width..][..width]);
            }
        });
    }

    fn embedding_backward(&self, dtable: &mut Buffer<f32>, dout: &Buffer<f32>, ids: &Vec<u32>, rows: usize, width: usize) {
        let dout = first("embedding_backward", "dout", dout, rows * width);
        let ids = first("embedding_backward", "ids", ids, rows);
        check_ids("embedding_backward", "id", "table", ids, dtable.len() / width.max(1));
        let dtable = SharedMut::new(dtable);
        self.for_each_block(width, COLUMNS, rows * width, |columns| {
            self.path().run(Backward { dtable, dout, ids, width, columns });
        });
    }
}

/// `dtable[ids[i]] += dout[i]` in some columns, rows in order.
struct Backward<'a> {
    dtable: SharedMut<'a, f32>,
    dout: &'a [f32],
    ids: &'a [u32],
    width: usize,
    columns: Range<usize>,
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (row, &id) in self.ids.iter().enumerate() {
            // SAFETY: these columns belong to this task, and the range of the row before is no longer in use.
            let target = unsafe { self.dtable.range(id as usize * self.width + self.columns.start, self.columns.len()) };
            let source = &self.dout[row * self.width..][self.columns.clone()];
            for (t, s) in target.iter_mut().zip(source) {
                *t += s;
            }
        }
    }
}
