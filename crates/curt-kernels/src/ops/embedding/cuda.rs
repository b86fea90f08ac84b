//! Launches on a GPU; the arithmetic is that of `cpu.rs`, bit for bit.
//!
//! The backward sorts rows by id on the host, which knows the ids: then each id's row of the table has one owner, which
//! adds in row order.

use super::Embedding;
use crate::cuda::{Argument, Cuda, CudaBuffer, CudaIds, Kernel, Module, Parameter, reads, writes};
use crate::ops::{check_ids, check_len, first};

use Parameter::{Pointer, U32};

pub(crate) const MODULE: Module =
    Module { name: "embedding", ptx: include_str!("../../../ptx/embedding.ptx"), kernels: &[FORWARD, BACKWARD] };

const FORWARD: Kernel = Kernel { name: "embedding_forward", threads: 256, parameters: &[Pointer, Pointer, Pointer, U32] };

const BACKWARD: Kernel =
    Kernel { name: "embedding_backward", threads: 256, parameters: &[Pointer, Pointer, Pointer, Pointer, Pointer, U32] };

/// Columns of a block of the backward: fixed by the kernel.
const BACKWARD_COLUMNS: usize = 1024;

impl Embedding for Cuda {
    fn embedding_forward(&self, out: &mut CudaBuffer, table: &CudaBuffer, ids: &CudaIds, rows: usize, width: usize) {
        const OP: &str = "embedding_forward";
        check_len(OP, "out", out.len(), rows * width);
        check_ids(OP, "id", "table", first(OP, "ids", &ids.host, rows), table.len() / width.max(1));
        let arguments = [writes(out), reads(table), reads(ids), Argument::size(OP, width)];
        self.launch(&FORWARD, [rows as u32, 1, 1], &arguments);
    }

    fn embedding_backward(&self, dtable: &mut CudaBuffer, dout: &CudaBuffer, ids: &CudaIds, rows: usize, width: usize) {
        const OP: &str = "embedding_backward";
        check_len(OP, "dout", dout.len(), rows * width);
        let host = first(OP, "ids", &ids.host, rows);
        check_ids(OP, "id", "table", host, dtable.len() / width.max(1));
        let (order, starts) = by_id(host);
        let distinct = starts.len() as u32 - 1;
        let (Some(order), Some(starts)) = (self.scratch_from(&order), self.scratch_from(&starts)) else { return };
        let arguments = [writes(dtable), reads(dout), reads(ids), reads(&order), reads(&starts), Argument::size(OP, width)];
        self.launch(&BACKWARD, [distinct, width.div_ceil(BACKWARD_COLUMNS) as u32, 1], &arguments);
    }
}

/// The rows sorted by id, equal ids in row order, and where each id's rows start (and the last end).
fn by_id(ids: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let mut order: Vec<u32> = (0..ids.len() as u32).collect();
    order.sort_by_key(|&row| ids[row as usize]);
    let starts = (0..order.len()).filter(|&i| i == 0 || ids[order[i] as usize] != ids[order[i - 1] as usize]);
    let starts = starts.chain([order.len()]).map(|i| i as u32).collect();
    (order, starts)
}

#[cfg(test)]
mod tests {
    use super::by_id;

    #[test]
    fn rows_are_grouped_in_order() {
        assert_eq!(by_id(&[]), (vec![], vec![0]));
        assert_eq!(by_id(&[7, 3, 7, 3, 3, 9]), (vec![1, 3, 4, 0, 2, 5], vec![0, 3, 5, 6]));
    }
}
