//! The work of a real kernel: a tile product through shared memory.

use crate::harness::Bench;

/// A tile product through shared memory, as compilers write one: 16 × 16 threads, k in steps of 16.
fn product(k: u32) -> String {
    let inner: String = (0..16)
        .map(|q| {
            format!("ld.shared.f32 %f1, [%r10+{}]; ld.shared.f32 %f2, [%r11+{}]; fma.rn.f32 %f3, %f1, %f2, %f3;\n", 4 * q, 64 * q)
        })
        .collect();
    format!(
        ".shared .align 4 .b8 sa[1024]; .shared .align 4 .b8 sb[1024];
        .visible .entry k(.param .u64 a, .param .u64 b, .param .u64 c) {{
        .reg .b64 %rd<9>; .reg .b32 %r<30>; .reg .f32 %f<9>; .reg .pred %p<3>;
        ld.param.u64 %rd1, [a]; ld.param.u64 %rd2, [b]; ld.param.u64 %rd3, [c];
        mov.u32 %r1, %tid.x; and.b32 %r2, %r1, 15; shr.u32 %r3, %r1, 4; mov.u32 %r20, %ctaid.x;
        mov.u32 %r4, sa; mov.u32 %r5, sb; shl.b32 %r6, %r1, 2; add.u32 %r7, %r4, %r6; add.u32 %r8, %r5, %r6;
        shl.b32 %r9, %r3, 6; add.u32 %r10, %r4, %r9; shl.b32 %r9, %r2, 2; add.u32 %r11, %r5, %r9;
        mul.wide.u32 %rd4, %r1, 4; add.u64 %rd1, %rd1, %rd4; add.u64 %rd2, %rd2, %rd4; mov.f32 %f3, 0f00000000; mov.u32 %r12, 0;
        loop: ld.global.f32 %f4, [%rd1]; ld.global.f32 %f5, [%rd2]; st.shared.f32 [%r7], %f4; st.shared.f32 [%r8], %f5; bar.sync 0;
        {inner} bar.sync 0; add.u32 %r12, %r12, 16; setp.lt.u32 %p1, %r12, {k}; @%p1 bra loop;
        mad.lo.u32 %r13, %r20, 256, %r1; mul.wide.u32 %rd5, %r13, 4; add.u64 %rd3, %rd3, %rd5; st.global.f32 [%rd3], %f3; ret; }}"
    )
}

#[test]
fn checks_change_neither_the_result_nor_the_count() {
    let one = 1f32.to_bits();
    let run = |checks| {
        let mut bench = Bench::new(&product(64), &[&[one; 256], &[one; 256]]).fresh(256 * 2);
        bench.options.check_races = checks;
        bench.options.check_unwritten = checks;
        bench.options.count_traffic = checks;
        let counters = bench.launch(2, 256, 0).unwrap();
        assert!(bench.words(2).iter().all(|word| f32::from_bits(*word) == 64.0));
        counters.instructions.total()
    };
    assert_eq!(run(false), run(true));
}
