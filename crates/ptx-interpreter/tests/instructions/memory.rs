//! Spaces, vectors, calls and atomics.

use crate::harness::{Bench, run};

#[test]
fn vectors_and_narrow_types() {
    let mut bench = Bench::new(
        ".visible .entry k(.param .u64 x, .param .u64 y) {
        .reg .b64 %rd<3>; .reg .b32 %r<9>; .reg .b16 %h<3>; .reg .f32 %f<5>;
        ld.param.u64 %rd1, [x]; ld.param.u64 %rd2, [y];
        ld.global.v4.f32 {%f1, %f2, %f3, %f4}, [%rd1]; st.global.v2.f32 [%rd2], {%f4, %f3}; st.global.v2.f32 [%rd2+8], {%f2, %f1};
        ld.global.v2.u32 {%r1, _}, [%rd1+8]; st.global.u32 [%rd2+16], %r1;
        ld.global.s8 %r2, [%rd1+16]; st.global.u32 [%rd2+20], %r2;
        ld.global.u8 %r3, [%rd1+16]; st.global.u32 [%rd2+24], %r3;
        ld.global.nc.s16 %h1, [%rd1+18]; cvt.s32.s16 %r4, %h1; st.global.b32 [%rd2+28], %r4;
        st.global.b8 [%rd2+33], %r3; st.global.b8 [%rd2+32], 1; st.global.u16 [%rd2+34], 0xabcd; ret; }",
        &[&[10, 20, 30, 40, 0x8001_00f0]],
    )
    .fresh(9);
    bench.launch(1, 1, 0).unwrap();
    assert_eq!(bench.words(1), [40, 30, 20, 10, 30, 0xffff_fff0, 0xf0, 0xffff_8001, 0xabcd_f001]);
}

#[test]
fn values_are_packed_and_unpacked() {
    assert_eq!(run("mov.b64 %d, {%ra, %rb};", &[[1, 2, 0]]), [0x2_0000_0001]);
    assert_eq!(run("mov.b64 {%rc, %rd}, %a; mov.b64 %d, {%rd, %rc};", &[[0x0000_0007_0000_0009, 0, 0]]), [0x0000_0009_0000_0007]);
    assert_eq!(run("mov.b32 %rd, {%ha, %hb}; cvt.u64.u32 %d, %rd;", &[[0x1234, 0xabcd, 0]]), [0xabcd_1234]);
    assert_eq!(run("mov.b32 {%hc, %hd}, %ra; cvt.u64.u16 %d, %hd;", &[[0xabcd_1234, 0, 0]]), [0xabcd]);
}

#[test]
fn variables_of_the_module_and_generic_addresses() {
    let mut bench = Bench::new(
        ".const .align 4 .b8 table[8] = {1, 0, 0, 0, 0, 1, 0, 0}; .global .align 4 .u32 total = 40; .shared .align 4 .b8 s[16];
        .visible .entry k(.param .u64 y) {
        .local .align 8 .b8 depot[16]; .reg .b64 %SP, %SPL, %rd<9>; .reg .b32 %r<9>;
        mov.u64 %SPL, depot; cvta.local.u64 %SP, %SPL; ld.param.u64 %rd1, [y];
        mov.u64 %rd2, table; ld.const.u32 %r1, [%rd2+4]; st.global.u32 [%rd1], %r1;
        ld.global.u32 %r2, [total]; add.u32 %r2, %r2, 2; st.global.u32 [total], %r2; ld.global.u32 %r3, [total]; st.global.u32 [%rd1+4], %r3;
        mov.u64 %rd3, s; cvta.shared.u64 %rd4, %rd3; st.shared.u32 [s+12], 7; ld.u32 %r4, [%rd4+12]; st.u32 [%rd1+8], %r4;
        st.u32 [%SP+4], 9; ld.local.u32 %r5, [%SPL+4]; st.global.u32 [%rd1+12], %r5;
        cvta.to.shared.u64 %rd5, %rd4; ld.shared.u32 %r6, [%rd5+12]; st.global.u32 [%rd1+16], %r6; ret; }",
        &[],
    )
    .fresh(5);
    bench.launch(1, 1, 0).unwrap();
    assert_eq!(bench.words(0), [256, 42, 7, 9, 7]);
}

#[test]
fn special_registers() {
    let text = ".visible .entry k(.param .u64 y) {
        .reg .b64 %rd<5>; .reg .b32 %r<20>;
        ld.param.u64 %rd1, [y];
        mov.u32 %r1, %tid.x; mov.u32 %r2, %tid.y; mov.u32 %r3, %tid.z; mov.u32 %r4, %ntid.x; mov.u32 %r5, %ntid.y;
        mov.u32 %r6, %ctaid.x; mov.u32 %r7, %ctaid.y; mov.u32 %r8, %nctaid.x; mov.u32 %r9, %laneid; mov.u32 %r10, %lanemask_lt;
        mad.lo.u32 %r11, %r3, %r5, %r2; mad.lo.u32 %r11, %r11, %r4, %r1;
        mad.lo.u32 %r12, %r7, %r8, %r6; mad.lo.u32 %r11, %r12, 48, %r11;
        mul.wide.u32 %rd2, %r11, 4; add.u64 %rd1, %rd1, %rd2;
        shl.b32 %r13, %r9, 8; add.u32 %r13, %r13, %r1; shl.b32 %r14, %r2, 4; add.u32 %r13, %r13, %r14; shl.b32 %r14, %r6, 16; add.u32 %r13, %r13, %r14;
        popc.b32 %r15, %r10; shl.b32 %r15, %r15, 24; add.u32 %r13, %r13, %r15;
        st.global.u32 [%rd1], %r13; ret; }";
    let mut memory = ptx_interpreter::Memory::new();
    let module = ptx_interpreter::Module::load(&mut memory, &format!("{}{text}", crate::harness::HEAD)).unwrap();
    let out = memory.allocate(4 * 48 * 6).unwrap();
    let launch = ptx_interpreter::Launch {
        grid: [3, 2, 1],
        block: [4, 3, 4],
        shared_bytes: 0,
        arguments: vec![out.to_le_bytes().to_vec()],
    };
    module.kernel("k").unwrap().launch(&mut memory, &launch, &ptx_interpreter::Options::default()).unwrap();
    for (i, word) in crate::harness::read_words(&memory, out, 48 * 6).into_iter().enumerate() {
        let (block, thread) = (i as u32 / 48, i as u32 % 48);
        let (x, y, lane) = (thread % 4, thread / 4 % 3, thread % 32);
        assert_eq!(word, lane << 24 | (block % 3) << 16 | lane << 8 | y << 4 | x, "{i}");
    }
}

#[test]
fn calls_and_scopes() {
    let mut bench = Bench::new(
        ".func (.param .b32 out) power(.param .b32 base, .param .b32 n) {
            .reg .b32 %r<5>; .reg .pred %p<2>;
            ld.param.u32 %r1, [base]; ld.param.u32 %r2, [n]; mov.u32 %r3, 1;
        loop: setp.eq.u32 %p1, %r2, 0; @%p1 bra done; mul.lo.u32 %r3, %r3, %r1; sub.u32 %r2, %r2, 1; bra loop;
        done: st.param.b32 [out], %r3; ret; }
        .visible .entry k(.param .u64 y) {
            .reg .b64 %rd<4>; .reg .b32 %r<9>; .reg .pred %p<2>;
            ld.param.u64 %rd1, [y]; mov.u32 %r1, %tid.x; mul.wide.u32 %rd2, %r1, 4; add.u64 %rd1, %rd1, %rd2;
            { .param .b32 p0; st.param.b32 [p0+0], 3; .param .b32 p1; st.param.b32 [p1+0], %r1; .param .b32 r0;
              call.uni (r0), power, (p0, p1); ld.param.b32 %r2, [r0+0]; }
            { .reg .pred q; setp.gt.u32 q, %r1, 2; @q bra skip; add.u32 %r2, %r2, 1000; skip: }
            { .reg .pred q; setp.gt.u32 q, %r1, 1; @q bra skip; add.u32 %r2, %r2, 5000; skip: }
            st.global.u32 [%rd1], %r2; ret; }",
        &[],
    )
    .fresh(5);
    bench.launch(1, 5, 0).unwrap();
    assert_eq!(bench.words(0), [6001, 6003, 1009, 27, 81]);
}

#[test]
fn recursion_is_refused() {
    let text = format!("{}.func f() {{ call f; ret; }} .entry k() {{ call f; ret; }}", crate::harness::HEAD);
    let error = ptx_interpreter::Module::load(&mut ptx_interpreter::Memory::new(), &text).err().unwrap();
    assert!(error.to_string().contains("recursion"), "{error}");
}

#[test]
fn indexed_branches() {
    let mut bench = Bench::new(
        ".visible .entry k(.param .u64 y) {
            .reg .b64 %rd<4>; .reg .b32 %r<9>;
            ld.param.u64 %rd1, [y]; mov.u32 %r1, %tid.x; mul.wide.u32 %rd2, %r1, 4; add.u64 %rd1, %rd1, %rd2; rem.u32 %r2, %r1, 3;
            targets: .branchtargets a, b, c;
            brx.idx %r2, targets;
            a: mov.u32 %r3, 10; bra end; b: mov.u32 %r3, 20; bra end; c: mov.u32 %r3, 30;
            end: st.global.u32 [%rd1], %r3; ret; }",
        &[],
    )
    .fresh(6);
    bench.launch(1, 6, 0).unwrap();
    assert_eq!(bench.words(0), [10, 20, 30, 10, 20, 30]);
}

#[test]
fn atomics_see_every_thread() {
    let mut bench = Bench::new(
        ".visible .entry k(.param .u64 x, .param .u64 y) {
            .reg .b64 %rd<6>; .reg .b32 %r<9>; .reg .f32 %f<3>;
            ld.param.u64 %rd1, [x]; ld.param.u64 %rd2, [y]; mov.u32 %r1, %tid.x; mov.u32 %r2, %ctaid.x; mad.lo.u32 %r1, %r2, 64, %r1;
            atom.global.add.u32 %r3, [%rd1], 1; mul.wide.u32 %rd3, %r3, 4; add.u64 %rd4, %rd2, %rd3; st.global.u32 [%rd4], %r1;
            red.global.max.s32 [%rd1+4], %r1; red.global.min.u32 [%rd1+8], %r1; red.global.or.b32 [%rd1+12], %r1;
            atom.global.cas.b32 %r4, [%rd1+16], 5, 6; atom.global.inc.u32 %r5, [%rd1+20], 9;
            red.global.add.u64 [%rd1+24], 3; red.global.xor.b32 [%rd1+32], %r1; red.global.add.f32 [%rd1+36], 0f3F000000;
            atom.global.exch.b32 %r6, [%rd1+40], 8; atom.global.dec.u32 %r7, [%rd1+44], 4; ret; }",
        &[&[0, 0x8000_0000, 1000, 0, 5, 0, 0xffff_ffff, 0, 0, 0, 7, 2]],
    )
    .fresh(256);
    bench.launch(4, 64, 0).unwrap();
    let mut order = bench.words(1);
    order.sort_unstable();
    assert_eq!(order, (0..256).collect::<Vec<u32>>(), "every ticket once");
    let x = bench.words(0);
    assert_eq!(&x[..6], [256, 255, 0, 255, 6, 256 % 10]);
    assert_eq!(u64::from(x[6]) | u64::from(x[7]) << 32, 0xffff_ffff + 3 * 256);
    // 2, 1, 0, 4, 3, 2, .. : 256 steps down from 2 in a ring of five.
    assert_eq!(&x[8..], [0, 128f32.to_bits(), 8, (2 + 5 * 52 - 256) % 5]);
}

#[test]
fn divergent_lanes_join_again() {
    // Every lane loops as often as its number says; then all shuffle together.
    let mut bench = Bench::new(
        ".visible .entry k(.param .u64 y) {
            .reg .b64 %rd<6>; .reg .b32 %r<9>; .reg .pred %p<3>;
            ld.param.u64 %rd1, [y]; mov.u32 %r1, %tid.x; mov.u32 %r2, 0; mov.u32 %r3, %r1;
            loop: setp.eq.u32 %p1, %r3, 0; @%p1 bra out; add.u32 %r2, %r2, %r3; sub.u32 %r3, %r3, 1; bra loop;
            out: shfl.sync.idx.b32 %r4, %r2, 31, 31, -1; sub.u32 %r4, %r4, %r2;
            mul.wide.u32 %rd2, %r1, 4; add.u64 %rd1, %rd1, %rd2; st.global.u32 [%rd1], %r4; ret; }",
        &[],
    )
    .fresh(32);
    let counters = bench.launch(1, 32, 0).unwrap();
    assert_eq!(bench.words(0), (0..32).map(|i| 31 * 32 / 2 - i * (i + 1) / 2).collect::<Vec<u32>>());
    assert!(counters.warp_instructions < 250, "{}: lanes run one by one", counters.warp_instructions);
}
