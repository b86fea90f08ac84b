//! Finite differences, twins, guard bands.

use super::Embedding;
use crate::testing::{Numbers, SIZES, assert_close, assert_gradient, assert_same_bits, dot, fast_backends, guarded, unguarded};
use crate::{Backend, Cpu};

const VOCABULARY: usize = 23;

fn forward<B: Embedding>(backend: &B, table: &[f64], ids: &[u32]) -> Vec<f64> {
    let width = table.len() / VOCABULARY;
    let mut out = guarded(backend, &vec![7.0; ids.len() * width]);
    let ids_on_device = backend.upload_ids(ids).unwrap();
    backend.embedding_forward(&mut out, &guarded(backend, table), &ids_on_device, ids.len(), width);
    unguarded(backend, "out", &out)
}

fn backward<B: Embedding>(backend: &B, dtable: &[f64], dout: &[f64], ids: &[u32]) -> Vec<f64> {
    let width = dtable.len() / VOCABULARY;
    let mut dtable = guarded(backend, dtable);
    let ids_on_device = backend.upload_ids(ids).unwrap();
    backend.embedding_backward(&mut dtable, &guarded(backend, dout), &ids_on_device, ids.len(), width);
    unguarded(backend, "dtable", &dtable)
}

/// Ids with many repetitions, the last row of the table among them.
fn ids(numbers: &mut Numbers, rows: usize) -> Vec<u32> {
    (0..rows).map(|row| if row % 5 == 0 { VOCABULARY as u32 - 1 } else { numbers.below(VOCABULARY) as u32 }).collect()
}

#[test]
fn gradient_matches_finite_differences() {
    let twin = Cpu::<f64>::new(1).unwrap();
    let mut n = Numbers::new(1);
    let (table, ids) = (n.vector(VOCABULARY * 3), ids(&mut n, 11));
    let dout = n.vector(ids.len() * 3);
    let dtable = backward(&twin, &vec![0.0; table.len()], &dout, &ids);
    assert_gradient("dtable", &|table| dot(&forward(&twin, table, &ids), &dout), &table, &dtable, 1e-8);
}

#[test]
fn fast_paths_match_the_twin() {
    let twin = Cpu::<f64>::new(1).unwrap();
    for (rows, width) in SIZES.into_iter().flat_map(|rows| SIZES.map(|width| (rows, width))) {
        let mut n = Numbers::new((rows * 1000 + width) as u64);
        let (table, start, dout) = (n.vector(VOCABULARY * width), n.vector(VOCABULARY * width), n.vector(rows * width));
        let ids = ids(&mut n, rows);
        let (out, dtable) = (forward(&twin, &table, &ids), backward(&twin, &start, &dout, &ids));
        for fast in fast_backends() {
            let name = |what: &str| format!("{what} {rows}x{width} {} {}", fast.path().name(), fast.threads());
            assert_same_bits(&name("out"), &forward(&fast, &table, &ids), &out);
            assert_close(&name("dtable"), &backward(&fast, &start, &dout, &ids), &dtable, 2e-6);
        }
    }
}

#[test]
fn backward_bits_are_those_of_row_order() {
    let (rows, width) = (1031, 257); // enough work for the threads to be used
    let mut n = Numbers::new(3);
    let (start, dout, ids) = (n.vector(VOCABULARY * width), n.vector(rows * width), ids(&mut n, rows));
    let mut want: Vec<f32> = start.iter().map(|&x| x as f32).collect();
    for (row, &id) in ids.iter().enumerate() {
        for column in 0..width {
            want[id as usize * width + column] += dout[row * width + column] as f32;
        }
    }
    let want: Vec<f64> = want.into_iter().map(f64::from).collect();
    for fast in fast_backends() {
        assert_same_bits("dtable", &backward(&fast, &start, &dout, &ids), &want);
    }
}

#[test]
fn nan_reaches_its_row_only() {
    for fast in fast_backends() {
        let mut dout = vec![1.0; 2 * 17];
        dout[0] = f64::NAN;
        let dtable = backward(&fast, &[0.0; VOCABULARY * 17], &dout, &[4, 5]);
        let nans: Vec<usize> = (0..dtable.len()).filter(|&i| dtable[i].is_nan()).collect();
        assert_eq!(nans, [4 * 17]);
        let out = forward(&fast, &dtable, &[3, 4]);
        assert!(out[17].is_nan() && out.iter().filter(|x| x.is_nan()).count() == 1);
    }
}

#[test]
#[should_panic(expected = "embedding_forward: ids holds 2 elements, 3 needed")]
fn short_ids_are_named() {
    let cpu = Cpu::<f32>::new(1).unwrap();
    let (mut out, table, ids) = (cpu.zeros(12).unwrap(), cpu.zeros(40).unwrap(), cpu.upload_ids(&[1, 2]).unwrap());
    cpu.embedding_forward(&mut out, &table, &ids, 3, 4);
}

#[test]
#[should_panic(expected = "embedding_forward: id 10 of row 1 is outside the table of 10 rows")]
fn an_id_outside_the_table_is_named() {
    let cpu = Cpu::<f32>::new(1).unwrap();
    let (mut out, table, ids) = (cpu.zeros(12).unwrap(), cpu.zeros(40).unwrap(), cpu.upload_ids(&[1, 10, 3]).unwrap());
    cpu.embedding_forward(&mut out, &table, &ids, 3, 4);
}

#[cfg(feature = "cuda")]
#[test]
fn cuda_has_the_bits_of_the_cpu() {
    use crate::testing::{assert_same_numbers, on_cuda};
    let cpu = Cpu::<f32>::new(1).unwrap();
    on_cuda(|cuda| {
        for (rows, width) in [(0, 3), (1, 1), (17, 31), (257, 33), (31, 257)] {
            let mut n = Numbers::new((rows * 1000 + width) as u64);
            let (table, start, dout) = (n.vector(VOCABULARY * width), n.vector(VOCABULARY * width), n.vector(rows * width));
            let ids = ids(&mut n, rows);
            assert_same_numbers("out", &forward(cuda, &table, &ids), &forward(&cpu, &table, &ids));
            assert_same_numbers("dtable", &backward(cuda, &start, &dout, &ids), &backward(&cpu, &start, &dout, &ids));
        }
    });
}
