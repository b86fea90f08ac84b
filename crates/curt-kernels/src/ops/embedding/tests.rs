//! Finite differences, laws, and every backend against the twin.

#[cfg(feature = "cuda")]
use crate::cuda::Module;
use crate::testing::Call::{Backward, Forward};
use crate::testing::{
    Call, Numbers, OpCase, Outputs, assert_gradient, assert_same_bits, backends_agree, dot, guarded, on_every_backend,
    on_fast_backends, overwritten, twin, unguarded,
};
use crate::{Backend, Cpu, Ops};

use super::Embedding;

/// Inputs of both directions.
#[derive(Clone)]
pub(crate) struct Case {
    width: usize,
    table: Vec<f64>,
    ids: Vec<u32>,
    dout: Vec<f64>,
    /// What stands in the accumulated gradient before the backward.
    dtable: Vec<f64>,
}

impl OpCase for Case {
    const OP: &'static str = "embedding";
    const CALLS: &'static [Call] = &[Forward, Backward];
    #[cfg(feature = "cuda")]
    const MODULES: &'static [&'static Module] = &[&super::cuda::MODULE];

    /// Rows, width and vocabulary.
    type Sizes = (usize, usize, usize);
    const SMOKE: &'static [(usize, usize, usize)] =
        &[(0, 3, 5), (1, 1, 1), (17, 17, 23), (31, 33, 23), (61, 7, 23), (7, 257, 23)];
    const MATRIX: &'static [(usize, usize, usize)] = &[
        (0, 3, 5),
        (1, 1, 1),
        (1, 257, 2),
        (31, 33, 23),
        (33, 31, 127),
        (257, 1, 1),
        (127, 255, 61),
        (61, 256, 7),
        (257, 257, 23),
        (33, 576, 97),
        (61, 896, 31),
        (31, 1024, 257),
    ];

    /// Many ids occur again, the last row of the table among them.
    fn new((rows, width, vocabulary): (usize, usize, usize)) -> Self {
        let mut n = Numbers::new((rows * 1_000_003 + width * 1009 + vocabulary) as u64);
        let last = vocabulary - 1;
        let ids = (0..rows).map(|row| if row % 5 == 0 { last } else { n.below(vocabulary) } as u32).collect();
        let (table, dtable) = (n.vector(vocabulary * width), n.vector(vocabulary * width));
        Self { width, table, ids, dout: n.vector(rows * width), dtable }
    }

    fn run<B: Ops>(&self, call: Call, backend: &B) -> Outputs {
        let (rows, ids) = (self.ids.len(), backend.upload_ids(&self.ids).unwrap());
        match call {
            Forward => {
                let mut out = overwritten(backend, self.dout.len());
                backend.embedding_forward(&mut out, &guarded(backend, &self.table), &ids, rows, self.width);
                [("out", unguarded(backend, "out", &out), 0.0)].into()
            }
            Backward => {
                let mut dtable = guarded(backend, &self.dtable);
                backend.embedding_backward(&mut dtable, &guarded(backend, &self.dout), &ids, rows, self.width);
                [("dtable", unguarded(backend, "dtable", &dtable), 2e-6)].into()
            }
            _ => unreachable!("{call:?} is no call of embedding"),
        }
    }
}

#[test]
fn every_backend_agrees_cuda_too() {
    backends_agree::<Case>();
}

#[test]
fn gradient_matches_finite_differences() {
    let mut case = Case::new((11, 3, 23));
    case.dtable.fill(0.0);
    let dtable = &case.run(Backward, &twin())["dtable"];
    let loss = |table: &[f64]| dot(&Case { table: table.to_vec(), ..case.clone() }.run(Forward, &twin())["out"], &case.dout);
    assert_gradient("dtable", &loss, &case.table, dtable, 1e-8);
}

/// The table's gradient when f32 numbers are added in the order of rows.
fn in_row_order(case: &Case) -> Vec<f64> {
    let mut sums: Vec<f32> = case.dtable.iter().map(|&x| x as f32).collect();
    for (row, &id) in case.ids.iter().enumerate() {
        for column in 0..case.width {
            sums[id as usize * case.width + column] += case.dout[row * case.width + column] as f32;
        }
    }
    sums.into_iter().map(f64::from).collect()
}

#[test]
fn backward_bits_are_those_of_row_order_cuda_too() {
    let case = Case::new((127, 97, 23));
    let want = in_row_order(&case);
    on_fast_backends(|name, run| assert_same_bits(name, &run(&case, Backward)["dtable"], &want));
}

#[test]
fn backward_bits_do_not_depend_on_how_the_work_is_shared() {
    let case = Case::new((1031, 257, 23)); // enough work for the threads to be used
    let want = in_row_order(&case);
    for cpu in crate::testing::fast_backends() {
        assert_same_bits("dtable", &case.run(Backward, &cpu)["dtable"], &want);
    }
}

#[test]
fn nan_reaches_its_row_only_cuda_too() {
    let mut case = Case::new((2, 17, 23));
    case.ids = vec![4, 5];
    case.dout[0] = f64::NAN;
    on_every_backend(|name, run| {
        let outputs = run(&case, Backward);
        let nans: Vec<usize> = (0..23 * 17).filter(|&i| outputs["dtable"][i].is_nan()).collect();
        assert_eq!(nans, [4 * 17], "{name}");
        let looked_up = Case { table: outputs["dtable"].to_vec(), ids: vec![3, 4], ..case.clone() };
        let outputs = run(&looked_up, Forward);
        let nans: Vec<usize> = (0..2 * 17).filter(|&i| outputs["out"][i].is_nan()).collect();
        assert_eq!(nans, [17], "{name}");
    });
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
