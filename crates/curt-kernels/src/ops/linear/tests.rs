//! Finite differences, twins, guard bands; equal bits at any number of rows, threads and on every instruction set.

use super::panels::{COLUMNS, panel_product};
use super::product::Product;
use super::{Linear, LinearShape};
use crate::cpu::SharedMut;
use crate::testing::{Numbers, SIZES, assert_close, assert_gradient, dot, fast_backends, guarded, unguarded};
use crate::{Backend, Cpu};

/// Inputs of one product.
struct Case {
    shape: LinearShape,
    x: Vec<f64>,
    weight: Vec<f64>,
    bias: Option<Vec<f64>>,
    dy: Vec<f64>,
    /// What stands in the accumulated gradients before the backward.
    dweight: Vec<f64>,
    dbias: Vec<f64>,
}

impl Case {
    fn new(rows: usize, n: usize, k: usize, bias: bool) -> Self {
        let mut numbers = Numbers::new((rows * 1_000_003 + n * 1009 + k) as u64);
        Self {
            shape: LinearShape { rows, n, k },
            x: numbers.vector(rows * k),
            weight: numbers.vector(n * k),
            bias: bias.then(|| numbers.vector(n)),
            dy: numbers.vector(rows * n),
            dweight: numbers.vector(n * k),
            dbias: numbers.vector(n),
        }
    }
}

/// Output and gradients of one product.
#[derive(PartialEq, Debug)]
struct Results {
    y: Vec<f64>,
    dx: Vec<f64>,
    dweight: Vec<f64>,
    dbias: Vec<f64>,
}

fn forward<B: Linear>(backend: &B, case: &Case) -> Vec<f64> {
    let LinearShape { rows, n, k } = case.shape;
    let mut packed = backend.packed(n, k).unwrap();
    backend.pack(&mut packed, &guarded(backend, &case.weight));
    let bias = case.bias.as_ref().map(|b| guarded(backend, b));
    let mut y = guarded(backend, &vec![7.0; rows * n]);
    backend.linear_forward(&mut y, &guarded(backend, &case.x), &packed, bias.as_ref(), case.shape);
    unguarded(backend, "y", &y)
}

fn all<B: Linear>(backend: &B, case: &Case) -> Results {
    let LinearShape { rows, k, .. } = case.shape;
    let (x, dy) = (guarded(backend, &case.x), guarded(backend, &case.dy));
    let mut dx = guarded(backend, &vec![7.0; rows * k]);
    backend.linear_backward_input(&mut dx, &dy, &guarded(backend, &case.weight), case.shape);
    let mut dweight = guarded(backend, &case.dweight);
    let mut dbias = case.bias.is_some().then(|| guarded(backend, &case.dbias));
    backend.linear_backward_weight(&mut dweight, dbias.as_mut(), &dy, &x, case.shape);
    Results {
        y: forward(backend, case),
        dx: unguarded(backend, "dx", &dx),
        dweight: unguarded(backend, "dweight", &dweight),
        dbias: dbias.map_or_else(Vec::new, |d| unguarded(backend, "dbias", &d)),
    }
}

#[test]
fn gradients_are_those_of_finite_differences() {
    let cpu = Cpu::<f64>::new(1).unwrap();
    let mut case = Case::new(3, 5, 4, true);
    case.dweight.fill(0.0);
    case.dbias.fill(0.0);
    let got = all(&cpu, &case);
    let loss = |case: &Case| dot(&forward(&cpu, case), &case.dy);
    let at = |set: &dyn Fn(&mut Case)| {
        let mut moved = Case { bias: case.bias.clone(), ..Case::new(3, 5, 4, true) };
        set(&mut moved);
        loss(&moved)
    };
    assert_gradient("dx", &|v| at(&|c| c.x = v.to_vec()), &case.x, &got.dx, 1e-9);
    assert_gradient("dweight", &|v| at(&|c| c.weight = v.to_vec()), &case.weight, &got.dweight, 1e-9);
    let bias = case.bias.clone().unwrap();
    assert_gradient("dbias", &|v| at(&|c| c.bias = Some(v.to_vec())), &bias, &got.dbias, 1e-9);
}

#[test]
fn every_path_agrees_with_the_plain_twin() {
    let plain = Cpu::<f64>::new(1).unwrap();
    let mut shapes: Vec<(usize, usize, usize)> = Vec::new();
    for rows in SIZES {
        for n in SIZES {
            shapes.extend(SIZES.map(|k| (rows, n, k)));
        }
    }
    // multiples of the panel, ragged last panels, a depth of several blocks, several column groups, nothing at all
    shapes.extend([
        (64, 128, 64),
        (40, 97, 42),
        (40, 42, 97),
        (5, 64, 700),
        (700, 65, 3),
        (9, 1030, 1030),
        (0, 3, 2),
        (2, 3, 0),
        (2, 0, 3),
    ]);
    for (i, (rows, n, k)) in shapes.into_iter().enumerate() {
        let case = Case::new(rows, n, k, i % 2 == 0);
        let want = all(&plain, &case);
        for fast in fast_backends() {
            let name = |what: &str| format!("{what} {rows}x{n}x{k} {} threads {}", fast.path().name(), fast.threads());
            let got = all(&fast, &case);
            assert_close(&name("y"), &got.y, &want.y, 1e-5);
            assert_close(&name("dx"), &got.dx, &want.dx, 1e-5);
            assert_close(&name("dweight"), &got.dweight, &want.dweight, 1e-5);
            assert_close(&name("dbias"), &got.dbias, &want.dbias, 1e-5);
        }
    }
}

#[test]
fn all_bits_are_equal_on_every_path_and_thread_count() {
    for (rows, n, k) in [(1, 128, 257), (23, 97, 300), (300, 192, 130), (410, 42, 520)] {
        let case = Case::new(rows, n, k, true);
        let mut backends = fast_backends().into_iter();
        let want = all(&backends.next().unwrap(), &case);
        for fast in backends {
            assert!(all(&fast, &case) == want, "{rows}x{n}x{k} {} threads {}", fast.path().name(), fast.threads());
        }
    }
}

#[test]
fn forward_bits_of_a_row_do_not_depend_on_its_company() {
    let (n, k) = (97, 300);
    let whole = Case::new(411, n, k, true);
    for fast in fast_backends() {
        let want = forward(&fast, &whole);
        let mut start = 0;
        for rows in (1..=20).chain([200]) {
            let part = Case {
                shape: LinearShape { rows, n, k },
                x: whole.x[start * k..(start + rows) * k].to_vec(),
                bias: whole.bias.clone(),
                weight: whole.weight.clone(),
                ..Case::new(0, 0, 0, false)
            };
            let got = forward(&fast, &part);
            assert!(got == want[start * n..(start + rows) * n], "batch of {rows} on {}", fast.path().name());
            start += rows;
        }
        assert!(start <= 411);
    }
}

#[test]
fn forward_is_one_chain_of_fused_multiply_adds() {
    let case = Case::new(3, 70, 400, true);
    let LinearShape { rows, n, k } = case.shape;
    let got = forward(&fast_backends()[0], &case);
    for r in 0..rows {
        for i in 0..n {
            let chain = (0..k).fold(0.0f32, |sum, j| (case.x[r * k + j] as f32).mul_add(case.weight[i * k + j] as f32, sum));
            assert_eq!(got[r * n + i], f64::from(chain + case.bias.as_ref().unwrap()[i] as f32), "({r}, {i})");
        }
    }
}

#[test]
fn panel_product_writes_only_its_columns() {
    let (rows, n, k, stride) = (9, 150, 33, 100);
    let case = Case::new(rows, n, k, false);
    for fast in fast_backends() {
        let want = forward(&fast, &case);
        let mut packed = fast.packed(n, k).unwrap();
        fast.pack(&mut packed, &guarded(&fast, &case.weight));
        let x = guarded(&fast, &case.x);
        let mut y = vec![-1.0f32; 5 + rows * stride];
        panel_product(fast.path(), SharedMut::new(&mut y), 5, stride, &x, k, rows, &packed, 1..3);
        assert!(y[..5].iter().all(|&v| v == -1.0));
        for (r, line) in y[5..].chunks_exact(stride).enumerate() {
            let written: Vec<f64> = line[..n - COLUMNS].iter().map(|&v| f64::from(v)).collect();
            assert_eq!(written, want[r * n + COLUMNS..(r + 1) * n]);
            assert!(line[n - COLUMNS..].iter().all(|&v| v == -1.0), "row {r}: wrote past the last column");
        }
    }
}

#[test]
fn a_part_of_a_product_has_the_bits_of_the_whole() {
    let (rows, columns, depth) = (40, 130, 600);
    let mut numbers = Numbers::new(9);
    let mut floats = |n: usize| -> Vec<f32> { numbers.vector(n).into_iter().map(|v| v as f32).collect() };
    let (a, b, start) = (floats(rows * depth), floats(depth * columns), floats(rows * columns));
    for accumulate in [false, true] {
        let product = Product { a: &a, a_row: depth, a_step: 1, b: &b, b_stride: columns, rows, columns, depth, accumulate };
        for fast in fast_backends() {
            let mut whole = start.clone();
            product.run(&fast, &mut whole, columns);
            let mut parts = start.clone();
            for r in [0..7, 7..40] {
                for c in [0..64, 64..130] {
                    product.run_part(fast.path(), SharedMut::new(&mut parts), columns, r.clone(), c);
                }
            }
            assert!(whole == parts, "{} accumulate {accumulate}", fast.path().name());
        }
    }
}

#[test]
#[should_panic(expected = "linear_forward: x has 27 numbers, 7 x 4 expected")]
fn a_short_input_is_named() {
    let cpu = Cpu::<f32>::new(1).unwrap();
    let packed = cpu.packed(2, 4).unwrap();
    let x = guarded(&cpu, &[0.0; 8]);
    cpu.linear_forward(&mut cpu.zeros(14).unwrap(), &x, &packed, None, LinearShape { rows: 7, n: 2, k: 4 });
}

#[test]
fn parts_cover_the_output_once() {
    for (rows, columns) in [(1, 1), (17, 31), (128, 128), (257, 1100), (1536, 576), (4864, 2049), (0, 5), (5, 0)] {
        for threads in [1, 2, 3, 16] {
            let product =
                Product { a: &[], a_row: 0, a_step: 0, b: &[], b_stride: 0, rows, columns, depth: 0, accumulate: false };
            let mut times = vec![0u8; rows * columns];
            for (part_rows, part_columns) in product.parts(threads) {
                for row in part_rows {
                    times[row * columns..][part_columns.clone()].iter_mut().for_each(|t| *t += 1);
                }
            }
            assert!(times.iter().all(|&t| t == 1), "{rows} x {columns} on {threads} threads");
        }
    }
}

#[test]
fn bits_do_not_depend_on_how_a_product_is_split() {
    // large enough that 1, 2 and 5 threads get different parts, with several blocks of depth and a packed left operand
    let case = Case::new(300, 1100, 130, true);
    let path = crate::SimdPath::detect();
    let want = all(&Cpu::<f32>::with_path(1, path).unwrap(), &case);
    for threads in [2, 5] {
        assert!(all(&Cpu::<f32>::with_path(threads, path).unwrap(), &case) == want, "{threads} threads");
    }
}

#[cfg(feature = "cuda")]
#[test]
fn cuda_has_the_bits_of_the_cpu() {
    use crate::testing::{assert_same_numbers, on_cuda};
    let cpu = Cpu::<f32>::new(1).unwrap();
    on_cuda(|cuda| {
        for (rows, n, k) in [(1, 1, 1), (17, 31, 33), (65, 64, 16), (64, 130, 31), (257, 17, 129), (3, 65, 300), (0, 3, 2)] {
            for bias in [false, true] {
                let case = Case::new(rows, n, k, bias);
                let (got, want) = (all(cuda, &case), all(&cpu, &case));
                let name = |what: &str| format!("{what} {:?}", case.shape);
                assert_same_numbers(&name("y"), &got.y, &want.y);
                assert_same_numbers(&name("dx"), &got.dx, &want.dx);
                assert_same_numbers(&name("dweight"), &got.dweight, &want.dweight);
                assert_same_numbers(&name("dbias"), &got.dbias, &want.dbias);
            }
        }
    });
}
