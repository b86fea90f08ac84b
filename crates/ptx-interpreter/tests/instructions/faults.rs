//! Seeded bugs: each must be found, and named with its place.

use crate::harness::Bench;
use ptx_interpreter::{Access, FaultKind, MemoryError};

/// A kernel of one buffer x and one fresh buffer y; `%r1` is the thread, `%rd3` its word of x, `%rd4` of y, `%r4` of s.
fn text(body: &str) -> String {
    format!(
        ".shared .align 16 .b8 s[512];
.visible .entry k(.param .u64 x, .param .u64 y) {{
.reg .b64 %rd<9>; .reg .b32 %r<20>; .reg .f32 %f<9>; .reg .pred %p<6>;
.loc 1 10 0
ld.param.u64 %rd1, [x]; ld.param.u64 %rd2, [y]; mov.u32 %r1, %tid.x; mul.wide.u32 %rd5, %r1, 4;
add.u64 %rd3, %rd1, %rd5; add.u64 %rd4, %rd2, %rd5; shl.b32 %r3, %r1, 2; mov.u32 %r5, s; add.u32 %r4, %r5, %r3;
{body}
ret; }}
.file 1 \"seeded.cu\""
    )
}

fn bench(body: &str) -> Bench {
    Bench::new(&text(body), &[&[7; 128]]).fresh(128)
}

/// The fault of 64 threads, with warps in both orders.
fn faults(body: &str) -> [ptx_interpreter::Fault; 2] {
    [false, true].map(|reverse_warps| {
        let mut bench = bench(body);
        bench.options.reverse_warps = reverse_warps;
        bench.fault(1, 64, 0)
    })
}

#[test]
fn a_missing_barrier_is_found_in_both_orders() {
    let neighbour = "xor.b32 %r6, %r3, 128; add.u32 %r6, %r6, %r5;";
    let body = |barrier: &str| {
        format!(
            "{neighbour}\n.loc 1 20 0\nst.shared.u32 [%r4], %r1; {barrier}\n.loc 1 30 0\nld.shared.u32 %r7, [%r6]; st.global.u32 [%rd4], %r7;"
        )
    };
    bench(&body("bar.sync 0;")).launch(1, 64, 0).unwrap();
    // The first warp reads what nothing has written yet.
    for fault in faults(&body("")) {
        assert!(matches!(fault.kind, FaultKind::Memory { error: MemoryError::Unwritten { .. }, .. }), "{fault}");
    }
    // Without that check it is a race, and both sides are named.
    for reverse_warps in [false, true] {
        let mut unchecked = bench(&body(""));
        unchecked.options.check_unwritten = false;
        unchecked.options.reverse_warps = reverse_warps;
        let fault = unchecked.fault(1, 64, 0);
        assert!(fault.to_string().contains("seeded.cu:20") && fault.to_string().contains("seeded.cu:30"), "{fault}");
        let FaultKind::Race { earlier, access, what, .. } = &fault.kind else { panic!("{fault}") };
        assert_eq!((earlier.access, *access, what.as_str()), (Access::Read, Access::Write, "shared memory"));
        assert_eq!(earlier.thread[0] ^ 32, fault.thread[0]);
    }
}

#[test]
fn a_missing_second_barrier_is_a_race() {
    // The second round overwrites what a slower warp still reads.
    let body = |barrier: &str| {
        format!(
            "mov.u32 %r8, 0; xor.b32 %r6, %r3, 128; add.u32 %r6, %r6, %r5;
            loop: st.shared.u32 [%r4], %r8; bar.sync 0; ld.shared.u32 %r7, [%r6]; {barrier} add.u32 %r8, %r8, 1; setp.lt.u32 %p1, %r8, 3; @%p1 bra loop;"
        )
    };
    bench(&body("bar.sync 0;")).launch(1, 64, 0).unwrap();
    for fault in faults(&body("")) {
        assert!(matches!(fault.kind, FaultKind::Race { .. }), "{fault}");
    }
}

#[test]
fn within_a_warp_a_shuffle_is_no_barrier() {
    let body = |sync: &str| {
        format!("xor.b32 %r6, %r3, 4; add.u32 %r6, %r6, %r5; st.shared.u32 [%r4], %r1; {sync} ld.shared.u32 %r7, [%r6];")
    };
    bench(&body("bar.warp.sync -1;")).launch(1, 64, 0).unwrap();
    for fault in faults(&body("shfl.sync.idx.b32 %r8, %r1, 0, 31, -1;")) {
        assert!(matches!(fault.kind, FaultKind::Race { .. }), "{fault}");
    }
    // Only one of the two warps has its barrier.
    let fault = bench(&body("setp.lt.u32 %p1, %r1, 32; @%p1 bar.warp.sync -1;")).fault(1, 64, 0);
    assert!(matches!(fault.kind, FaultKind::Race { .. }) && fault.thread[0] >= 32, "{fault}");
}

#[test]
fn blocks_race_with_each_other() {
    let body = "st.global.u32 [%rd4], %r1;";
    let fault = bench(body).fault(2, 64, 0);
    let FaultKind::Race { earlier, .. } = &fault.kind else { panic!("{fault}") };
    assert_eq!((earlier.block, fault.block), ([0, 0, 0], [1, 0, 0]));
    // Reading what another block wrote, and overwriting what another block read.
    let read_and_write =
        "mov.u32 %r6, %ctaid.x; setp.eq.u32 %p1, %r6, 0; @%p1 st.global.u32 [%rd3], 1; @!%p1 ld.global.u32 %r7, [%rd3];";
    for reverse_blocks in [false, true] {
        let mut both = bench(read_and_write);
        both.options.reverse_blocks = reverse_blocks;
        let kind = both.fault_kind(2, 64, 0);
        assert!(matches!(kind, FaultKind::Race { .. }), "{kind}");
        both.options.check_races = false;
        both.launch(2, 64, 0).unwrap();
    }
    // One launch after the other is no race.
    let mut twice = bench(body);
    twice.launch(1, 64, 0).unwrap();
    twice.launch(1, 64, 0).unwrap();
}

#[test]
fn the_same_value_from_one_warp_is_no_race() {
    bench("st.global.u32 [%rd2], 1;").launch(1, 32, 0).unwrap();
    for body in ["st.global.u32 [%rd2], %r1;", "shr.u32 %r6, %r1, 5; st.global.u32 [%rd2], 1;"] {
        let kind = bench(body).fault_kind(1, 64, 0);
        assert!(matches!(kind, FaultKind::Race { .. }), "{kind}");
    }
}

#[test]
fn out_of_bounds() {
    let fault = bench("\n.loc 1 17 0\nld.global.u32 %r6, [%rd3+512];").fault(1, 64, 0);
    assert_eq!(fault.site.source, Some(("seeded.cu".to_owned(), 17)));
    let error = MemoryError::OutOfBounds { what: "allocation 0".to_owned(), offset: 512, bytes: 4, size: 512 };
    assert_eq!(fault.kind, FaultKind::Memory { access: Access::Read, error });
    let cases = [
        ("st.global.v4.u32 [%rd1+-16], {%r1, %r1, %r1, %r1};", "offset -16"),
        ("ld.shared.u32 %r6, [%r5+512];", "offset 512 reach out of shared memory of 512 bytes"),
        ("st.shared.u32 [%r4+-4], 0;", "offset -4 reach out of shared memory"),
        ("mov.u64 %rd6, 0; ld.global.u32 %r6, [%rd6];", "0x0 is no address"),
        ("ld.global.u32 %r6, [0];", "0x0 is no address"),
        ("cvta.shared.u64 %rd6, %rd5; ld.global.u32 %r6, [%rd6];", "no address of global memory"),
        ("mov.u64 %rd6, s; cvta.shared.u64 %rd6, %rd6; ld.u32 %r6, [%rd6+1024];", "shared memory of 512 bytes"),
        ("ld.local.u32 %r6, [%rd1];", "no address of local memory"),
        ("ld.global.u32 %r6, [%rd1+2];", "not aligned to 4 bytes"),
        ("ld.global.v4.u32 {%r6, %r7, %r8, %r9}, [%rd1+8];", "not aligned to 16 bytes"),
        ("ld.shared.f64 %rd6, [%r5+4];", "not aligned to 8 bytes"),
        ("st.shared.u16 [%r5+1], 1;", "not aligned to 2 bytes"),
        ("atom.shared.add.u32 %r6, [%r5+510], 1;", "not aligned"),
    ];
    for (body, part) in cases {
        let message = bench(body).fault(1, 1, 0).to_string();
        assert!(message.contains(part), "{body}: {message}");
    }
}

#[test]
fn freed_memory_is_gone() {
    let mut bench = bench("ld.global.u32 %r6, [%rd3];");
    bench.memory.free(bench.buffers[0].0).unwrap();
    let kind = bench.fault_kind(1, 1, 0);
    assert!(matches!(kind, FaultKind::Memory { error: MemoryError::Freed { .. }, .. }), "{kind}");
    assert!(bench.memory.free(bench.buffers[0].0).is_err(), "freed twice");
    assert!(bench.memory.free(bench.buffers[1].0 + 4).is_err(), "not its start");
}

#[test]
fn constants_are_read_only() {
    let text = ".const .align 4 .b8 c[4] = {1, 0, 0, 0}; .entry k() { .reg .b64 %rd1; mov.u64 %rd1, c; st.u32 [%rd1], 1; ret; }";
    let kind = Bench::new(text, &[]).fault_kind(1, 1, 0);
    assert!(matches!(kind, FaultKind::Memory { error: MemoryError::ReadOnly { .. }, .. }), "{kind}");
}

#[test]
fn what_nothing_wrote() {
    for (body, part) in [
        ("ld.global.u32 %r6, [%rd4];", "byte 0 of allocation 1"),
        ("st.shared.u16 [%r5], 1; ld.shared.u32 %r6, [%r5];", "byte 2 of shared memory"),
        ("red.global.add.u32 [%rd4+8], 1;", "byte 8 of allocation 1"),
    ] {
        let message = bench(body).fault(1, 1, 0).to_string();
        assert!(message.contains(part) && message.contains("never written"), "{body}: {message}");
        let mut unchecked = bench(body);
        unchecked.options.check_unwritten = false;
        unchecked.launch(1, 1, 0).unwrap();
    }
}

#[test]
fn divergent_barriers() {
    let half = "and.b32 %r6, %r1, 1; setp.eq.u32 %p1, %r6, 0;";
    let kind = bench(&format!("{half} @%p1 bra skip; bar.sync 0; skip: st.global.u32 [%rd4], 1;")).fault_kind(1, 64, 0);
    // The even lanes end first, so that the others wait alone.
    assert!(
        matches!(
            kind,
            FaultKind::DivergentBarrier { waiting: 0xaaaa_aaaa, elsewhere: 0x5555_5555 } | FaultKind::ExitedThreads { .. }
        ),
        "{kind}"
    );
    let kind = bench(&format!("{half} @%p1 bra other; bar.sync 0; bra end; other: bar.sync 1; end:")).fault_kind(1, 64, 0);
    assert!(matches!(kind, FaultKind::DivergentBarrier { .. }), "{kind}");
    // Whole warps that end or wait elsewhere.
    let kind = bench("setp.ge.u32 %p1, %r1, 32; @%p1 ret; bar.sync 0;").fault_kind(1, 64, 0);
    assert_eq!(kind, FaultKind::ExitedThreads { n_exited: 32 });
    let kind =
        bench("setp.ge.u32 %p1, %r1, 32; @%p1 bra other; bar.sync 0; bra end; other: bar.sync 1; end:").fault_kind(1, 64, 0);
    let FaultKind::Deadlock(waiting) = &kind else { panic!("{kind}") };
    assert!(waiting.contains("warp 0 waits at") && waiting.contains("warp 1 waits at"), "{waiting}");
    // What the hardware allows can be allowed here.
    let mut lenient = bench("setp.ge.u32 %p1, %r1, 40; @%p1 ret; bar.sync 0;");
    lenient.options.check_exited = false;
    lenient.launch(1, 64, 0).unwrap();
}

#[test]
fn divergent_exchanges() {
    let kind = bench("setp.ge.u32 %p1, %r1, 16; @%p1 bra other; shfl.sync.bfly.b32 %r7, %r1, 1, 31, -1; other: bar.sync 0;")
        .fault_kind(1, 32, 0);
    assert!(matches!(kind, FaultKind::DivergentExchange { .. } | FaultKind::DivergentBarrier { .. }), "{kind}");
    let kind = bench("setp.ge.u32 %p1, %r1, 16; @%p1 ret; shfl.sync.bfly.b32 %r7, %r1, 1, 31, -1;").fault_kind(1, 32, 0);
    assert_eq!(kind, FaultKind::DivergentExchange { named: u32::MAX, missing: 0xffff_0000 });
    let kind = bench("setp.ge.u32 %p1, %r1, 16; @%p1 vote.sync.ballot.b32 %r7, %p1, -1;").fault_kind(1, 32, 0);
    assert_eq!(kind, FaultKind::DivergentExchange { named: u32::MAX, missing: 0xffff });
    let kind = bench("shfl.sync.bfly.b32 %r7, %r1, 1, 31, 0xff;").fault_kind(1, 32, 0);
    assert!(kind.to_string().contains("does not name the lane itself"), "{kind}");
}

#[test]
fn deadlocks() {
    // Nobody raises the flag.
    let kind = bench("wait: ld.volatile.global.u32 %r6, [%rd1]; setp.eq.u32 %p1, %r6, 7; @%p1 bra wait;").fault_kind(1, 1, 0);
    let FaultKind::Deadlock(waiting) = &kind else { panic!("{kind}") };
    assert!(waiting.contains("spins at seeded.cu:10"), "{waiting}");
    // One arrival too few.
    let kind = bench(
        "setp.eq.u32 %p1, %r1, 0; @%p1 mbarrier.init.shared.b64 [%r5], 64; bar.sync 0; setp.lt.u32 %p2, %r1, 63; @%p2 mbarrier.arrive.shared.b64 %rd6, [%r5];
        wait: mbarrier.try_wait.parity.shared.b64 %p3, [%r5], 0; @!%p3 bra wait;",
    )
    .fault_kind(1, 64, 0);
    assert!(matches!(kind, FaultKind::Deadlock(_)), "{kind}");
    // One warp too few at a named barrier.
    let kind = bench("bar.sync 3, 96;").fault_kind(1, 64, 0);
    assert!(matches!(kind, FaultKind::Deadlock(_)), "{kind}");
}

#[test]
fn asynchronous_copies_without_wait() {
    let copy = "cp.async.ca.shared.global [%r4], [%rd3], 4; cp.async.commit_group;";
    let body = |wait: &str| {
        format!(
            "{copy} {wait} bar.sync 0; xor.b32 %r6, %r3, 128; add.u32 %r6, %r6, %r5; ld.shared.u32 %r7, [%r6]; st.global.u32 [%rd4], %r7;"
        )
    };
    let mut right = bench(&body("cp.async.wait_group 0;"));
    right.launch(1, 64, 0).unwrap();
    assert_eq!(right.words(1)[..64], [7; 64]);
    for wait in ["", "cp.async.wait_group 1;"] {
        let kind = bench(&body(wait)).fault_kind(1, 64, 0);
        assert!(matches!(kind, FaultKind::Memory { error: MemoryError::CopyPending { .. }, .. }), "{kind}");
        // Without the check the data are not there.
        let mut unchecked = bench(&body(wait));
        unchecked.options.check_unwritten = false;
        unchecked.launch(1, 64, 0).unwrap();
        assert_eq!(unchecked.words(1)[..64], [u32::MAX; 64]);
    }
    // Waited for by the thread itself, but no barrier before others read.
    let late = body("cp.async.wait_all;").replace("bar.sync 0;", "");
    for fault in faults(&late) {
        assert!(matches!(fault.kind, FaultKind::Race { .. } | FaultKind::Memory { .. }), "{fault}");
    }
    // Fewer source bytes: the rest is zero, and nothing is read past them.
    let mut tail = bench(
        "cp.async.cg.shared.global [%r5], [%rd1+496], 16, 4; cp.async.wait_all; ld.shared.v2.u32 {%r6, %r7}, [%r5]; st.global.u32 [%rd2], %r6; st.global.u32 [%rd2+4], %r7;",
    );
    tail.launch(1, 1, 0).unwrap();
    assert_eq!(tail.words(1)[..2], [7, 0]);
    let message = bench("cp.async.cg.shared.global [%r5], [%rd1+512], 16, 4;").fault(1, 1, 0).to_string();
    assert!(message.contains("offset 512"), "{message}");
}

#[test]
fn traps_and_sizes() {
    assert_eq!(bench("setp.eq.u32 %p1, %r1, 5; @%p1 trap;").fault(1, 32, 0).thread, [5, 0, 0]);
    let refused = |grid, block, shared| bench("").launch(grid, block, shared).unwrap_err().to_string();
    assert!(refused(1, 1025, 0).contains("more than 1024 threads"));
    assert!(refused(0, 32, 0).contains("empty"));
    assert!(refused(1, 32, 163 * 1024).contains("bytes of shared memory"));
    let mut bench = bench("");
    bench.buffers.pop();
    assert!(bench.launch(1, 1, 0).unwrap_err().to_string().contains("parameters of [8, 8] bytes are expected, [8] are given"));
}
