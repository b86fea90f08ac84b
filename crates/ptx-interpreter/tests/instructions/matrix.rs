//! Fragments of `ldmatrix` and `mma.sync`, by the manual's formulas.

use crate::harness::Bench;

fn bf16(x: f32) -> u32 {
    assert_eq!(x.to_bits() & 0xffff, 0, "{x} is no bfloat16");
    x.to_bits() >> 16
}

/// Loads four matrices of 8 × 8 whose elements are their own numbers, and stores each lane's registers.
fn loaded(suffix: &str, n: usize) -> Vec<u32> {
    let registers = ["%r10", "%r11", "%r12", "%r13"][..n].join(", ");
    let stores: String = (0..n).map(|i| format!("st.global.u32 [%rd4+{}], %r1{i};", 4 * i)).collect();
    let mut bench = Bench::new(
        &format!(
            ".shared .align 16 .b8 s[512];
            .entry k(.param .u64 y) {{ .reg .b64 %rd<6>; .reg .b32 %r<20>; .reg .b16 %h<3>; .reg .pred %p<3>;
            ld.param.u64 %rd1, [y]; mov.u32 %r1, %tid.x; mul.wide.u32 %rd2, %r1, {}; add.u64 %rd4, %rd1, %rd2;
            mov.u32 %r5, s; shl.b32 %r2, %r1, 4; add.u32 %r2, %r2, %r5; shl.b32 %r6, %r1, 3; mov.u32 %r7, 0;
            fill: cvt.u16.u32 %h1, %r6; st.shared.u16 [%r2], %h1; add.u32 %r2, %r2, 2; add.u32 %r6, %r6, 1; add.u32 %r7, %r7, 1; setp.lt.u32 %p1, %r7, 8; @%p1 bra fill;
            bar.warp.sync -1; shl.b32 %r2, %r1, 4; add.u32 %r2, %r2, %r5;
            ldmatrix.sync.aligned.m8n8.x{n}{suffix}.shared.b16 {{{registers}}}, [%r2]; {stores} ret; }}",
            4 * n
        ),
        &[],
    )
    .fresh(32 * n);
    bench.launch(1, 32, 0).unwrap();
    bench.words(0)
}

#[test]
fn matrices_are_loaded_by_rows() {
    for n in [1, 2, 4] {
        let (plain, transposed) = (loaded("", n), loaded(".trans", n));
        for lane in 0..32 {
            for m in 0..n {
                let element = |row: usize, column: usize| (64 * m + 8 * row + column) as u32;
                // Thread T holds row T / 4, columns 2 (T mod 4) and the next; of the transpose alike.
                let (row, column) = (lane / 4, 2 * (lane % 4));
                assert_eq!(plain[n * lane + m], element(row, column) | element(row, column + 1) << 16);
                assert_eq!(transposed[n * lane + m], element(column, row) | element(column + 1, row) << 16);
            }
        }
    }
}

/// Rows and columns of the elements that a lane holds, as the manual's formulas for `.m16n8k16` and `.m16n8k8` give them.
fn place_a(lane: usize, i: usize) -> (usize, usize) {
    let row = if (i / 2).is_multiple_of(2) { lane >> 2 } else { (lane >> 2) + 8 };
    (row, (lane % 4) * 2 + (i & 1) + if i >= 4 { 8 } else { 0 })
}

fn place_b(lane: usize, i: usize) -> (usize, usize) {
    ((lane % 4) * 2 + (i & 1) + if i >= 2 { 8 } else { 0 }, lane >> 2)
}

fn place_c(lane: usize, i: usize) -> (usize, usize) {
    (if i < 2 { lane >> 2 } else { (lane >> 2) + 8 }, (lane % 4) * 2 + (i & 1))
}

/// The product by `mma.sync`, with the order of the first two registers of a maybe swapped; and the exact product.
fn products(k: usize, swaps: bool) -> (Vec<f32>, Vec<f32>) {
    let a = |row: usize, i: usize| ((row * 7 + i * 3) % 13) as f32 - 6.0;
    let b = |i: usize, column: usize| ((i * 5 + column * 11) % 9) as f32 * 0.25 - 1.0;
    let c = |row: usize, column: usize| (row * 8 + column) as f32;
    let mut words = Vec::new();
    for lane in 0..32 {
        let pack = |place: &dyn Fn(usize) -> f32, n: usize| {
            (0..n).map(|j| bf16(place(2 * j)) | bf16(place(2 * j + 1)) << 16).collect::<Vec<u32>>()
        };
        words.extend(pack(
            &|i| {
                let (r, q) = place_a(lane, i);
                a(r, q)
            },
            k / 4,
        ));
        words.extend(pack(
            &|i| {
                let (q, n) = place_b(lane, i);
                b(q, n)
            },
            k / 8,
        ));
        words.extend((0..4).map(|i| {
            let (r, n) = place_c(lane, i);
            c(r, n).to_bits()
        }));
    }
    let (n_a, n_b) = (k / 4, k / 8);
    let n = n_a + n_b + 4;
    let loads: String = (0..n).map(|i| format!("ld.global.u32 %r{}, [%rd3+{}];", 10 + i, 4 * i)).collect();
    let list = |from: usize, n: usize| (from..from + n).map(|i| format!("%r{i}")).collect::<Vec<_>>().join(", ");
    let mut a_list = list(10, n_a);
    if swaps {
        a_list = a_list.replace("%r10, %r11", "%r11, %r10");
    }
    let (b_list, c_list) = (list(10 + n_a, n_b), list(10 + n_a + n_b, 4));
    let mut bench = Bench::new(
        &format!(
            ".entry k(.param .u64 x, .param .u64 y) {{ .reg .b64 %rd<6>; .reg .b32 %r<30>;
            ld.param.u64 %rd1, [x]; ld.param.u64 %rd2, [y]; mov.u32 %r1, %tid.x; mul.wide.u32 %rd3, %r1, {}; add.u64 %rd3, %rd3, %rd1;
            mul.wide.u32 %rd4, %r1, 16; add.u64 %rd4, %rd4, %rd2; {loads}
            mma.sync.aligned.m16n8k{k}.row.col.f32.bf16.bf16.f32 {{%r2, %r3, %r4, %r5}}, {{{a_list}}}, {{{b_list}}}, {{{c_list}}};
            st.global.v4.u32 [%rd4], {{%r2, %r3, %r4, %r5}}; ret; }}",
            4 * n
        ),
        &[&words],
    )
    .fresh(128);
    bench.launch(1, 32, 0).unwrap();
    let found = bench.words(1);
    let (mut product, mut expected) = (vec![0.0; 128], vec![0.0; 128]);
    for lane in 0..32 {
        for i in 0..4 {
            let (row, column) = place_c(lane, i);
            product[8 * row + column] = f32::from_bits(found[4 * lane + i]);
            expected[8 * row + column] = c(row, column) + (0..k).map(|q| a(row, q) * b(q, column)).sum::<f32>();
        }
    }
    (product, expected)
}

#[test]
fn products_of_fragments() {
    for k in [8, 16] {
        let (product, expected) = products(k, false);
        assert_eq!(product, expected, "k = {k}");
        let (product, expected) = products(k, true);
        assert_ne!(product, expected, "swapped operands must show");
    }
}

#[test]
fn a_part_of_a_warp_cannot_multiply() {
    let text = ".entry k() { .reg .b32 %r<9>; .reg .pred %p<2>; mov.u32 %r1, %tid.x; setp.lt.u32 %p1, %r1, 16;
        @%p1 mma.sync.aligned.m16n8k8.row.col.f32.bf16.bf16.f32 {%r2, %r3, %r4, %r5}, {%r6, %r7}, {%r8}, {%r2, %r3, %r4, %r5}; ret; }";
    let kind = Bench::new(text, &[]).fault_kind(1, 32, 0);
    assert!(matches!(kind, ptx_interpreter::FaultKind::DivergentExchange { .. }), "{kind}");
}
