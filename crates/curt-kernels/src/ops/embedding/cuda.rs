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
    use super::{Embedding, by_id};
    use crate::testing::{Numbers, assert_same_numbers, guarded, on_cuda, unguarded};
    use crate::{Backend, Cpu};

    fn backward<B: Backend + Embedding>(backend: &B, ids: &[u32], width: usize) -> Vec<f64> {
        let mut n = Numbers::new(width as u64);
        let (mut dtable, dout) = (guarded(backend, &n.vector(4 * width)), guarded(backend, &n.vector(ids.len() * width)));
        backend.embedding_backward(&mut dtable, &dout, &backend.upload_ids(ids).unwrap(), ids.len(), width);
        unguarded(backend, "dtable", &dtable)
    }

    /// More rows of an id and more columns than a block takes at once.
    #[test]
    fn many_rows_of_an_id_and_wide_rows_have_the_bits_of_the_cpu() {
        let cpu = Cpu::<f32>::new(1).unwrap();
        let often: Vec<u32> = (0..700).map(|row| 2 + u32::from(row % 9 == 0)).collect();
        on_cuda(|cuda| {
            for (ids, width) in [(&often[..], 5), (&[3, 0, 3], 1100)] {
                let (got, want) = (backward(cuda, ids, width), backward(&cpu, ids, width));
                assert_same_numbers("dtable", &got, &want);
            }
        });
    }

    #[test]
    fn rows_are_grouped_in_order() {
        assert_eq!(by_id(&[]), (vec![], vec![0]));
        assert_eq!(by_id(&[7, 3, 7, 3, 3, 9]), (vec![1, 3, 4, 0, 2, 5], vec![0, 3, 5, 6]));
    }
}
