//! Kernels without one of their barriers or waits: each is listed, can be taken out, and is missed.

use crate::harness::Bench;
use ptx_interpreter::{LaunchError, RemovalError};

/// A right kernel by what stands in `body`, of 64 threads with a buffer each way and shared memory; and what it is made of.
struct Case {
    body: &'static str,
    grid: u32,
    threads: u32,
    parts: &'static [&'static str],
}

const CASES: [Case; 6] = [
    Case {
        body: "st.shared.u32 [%r4], %r1; bar.sync 0; xor.b32 %r6, %r3, 128; add.u32 %r6, %r6, %r5; ld.shared.u32 %r7, [%r6];
            bar.sync 0; st.shared.u32 [%r4], %r7; st.global.u32 [%rd4], %r7;",
        grid: 1,
        threads: 64,
        parts: &["barrier of the block"; 2],
    },
    Case {
        body: "st.shared.u32 [%r4], %r1; bar.warp.sync -1; xor.b32 %r6, %r3, 4; add.u32 %r6, %r6, %r5; ld.shared.u32 %r7, [%r6];
            bar.warp.sync -1; st.shared.u32 [%r4], %r7; st.global.u32 [%rd4], %r7;",
        grid: 1,
        threads: 64,
        parts: &["barrier of the warp"; 2],
    },
    Case {
        body: "and.b32 %r3, %r3, 127; add.u32 %r4, %r5, %r3; setp.ge.u32 %p1, %r1, 32; @%p1 bra reads;
            st.shared.u32 [%r4], %r1; bar.arrive 1, 64; bra end;
            reads: bar.sync 1, 64; ld.shared.u32 %r7, [%r4]; st.global.u32 [%rd4], %r7; end:",
        grid: 1,
        threads: 64,
        parts: &["arrival at a barrier", "barrier of the block"],
    },
    Case {
        body: "setp.ne.u32 %p1, %r1, 0; @!%p1 mbarrier.init.shared.b64 [%r5], 32; bar.sync 0; setp.ge.u32 %p2, %r1, 32;
            and.b32 %r3, %r3, 127; add.u32 %r4, %r5, %r3; @%p2 bra writes;
            wait: mbarrier.try_wait.parity.shared.b64 %p3, [%r5], 0; @!%p3 bra wait; ld.shared.u32 %r7, [%r4+16];
            st.global.u32 [%rd4], %r7; bra end;
            writes: st.shared.u32 [%r4+16], %r1; mbarrier.arrive.shared.b64 _, [%r5]; end:",
        grid: 1,
        threads: 64,
        parts: &["barrier of the block", "wait for an mbarrier", "arrival at an mbarrier"],
    },
    Case {
        body: "cp.async.ca.shared.global [%r4], [%rd3], 4; cp.async.commit_group; cp.async.wait_group 0; bar.sync 0;
            xor.b32 %r6, %r3, 128; add.u32 %r6, %r6, %r5; ld.shared.u32 %r7, [%r6]; st.global.u32 [%rd4], %r7;",
        grid: 1,
        threads: 64,
        parts: &["end of a group of copies", "wait for copies", "barrier of the block"],
    },
    Case {
        body: "mov.u32 %r8, %ctaid.x; setp.ne.u32 %p1, %r8, 0; @%p1 bra reads;
            st.global.u32 [%rd1], 5; membar.gl; atom.global.exch.b32 %r9, [%rd1+4], 1; bra end;
            reads: atom.global.add.u32 %r9, [%rd1+4], 0; membar.gl; ld.global.u32 %r7, [%rd1]; st.global.u32 [%rd2], %r7; end:",
        grid: 2,
        threads: 1,
        parts: &["fence"; 2],
    },
];

fn bench(body: &str) -> Bench {
    let text = format!(
        ".shared .align 16 .b8 s[512];
        .visible .entry k(.param .u64 x, .param .u64 y) {{ .reg .b64 %rd<9>; .reg .b32 %r<20>; .reg .pred %p<6>;
        ld.param.u64 %rd1, [x]; ld.param.u64 %rd2, [y]; mov.u32 %r1, %tid.x; mul.wide.u32 %rd5, %r1, 4;
        add.u64 %rd3, %rd1, %rd5; add.u64 %rd4, %rd2, %rd5; shl.b32 %r3, %r1, 2; mov.u32 %r5, s; add.u32 %r4, %r5, %r3;
        {body} ret; }}"
    );
    Bench::new(&text, &[&[7; 64]]).fresh(64)
}

fn parts(bench: &Bench) -> Vec<&'static str> {
    bench.module.kernel("k").unwrap().synchronizations().iter().map(|found| found.what).collect()
}

#[test]
fn a_kernel_lists_what_synchronizes_it_and_works() {
    for case in CASES {
        assert_eq!(parts(&bench(case.body)), case.parts, "{}", case.body);
        for reverse_warps in [false, true] {
            let mut bench = bench(case.body);
            bench.options.reverse_warps = reverse_warps;
            bench.launch(case.grid, case.threads, 0).unwrap_or_else(|error| panic!("{error}\n{}", case.body));
        }
    }
    let exchanges = "shfl.sync.idx.b32 %r6, %r1, 0, 31, -1; vote.sync.all.pred %p1, %p2, -1;";
    assert!(parts(&bench(exchanges)).is_empty(), "an exchange orders no memory");
}

#[test]
fn each_of_them_is_missed() {
    for case in CASES {
        for number in 1..=case.parts.len() {
            let faults = [false, true].map(|reverse_warps| {
                let mut bench = bench(case.body);
                bench.options.reverse_warps = reverse_warps;
                let removed = bench.module.remove_synchronization("k", number).unwrap();
                assert_eq!(removed.what, case.parts[number - 1]);
                assert_eq!(parts(&bench).len(), case.parts.len() - 1);
                matches!(bench.launch(case.grid, case.threads, 0), Err(LaunchError::Fault(_)))
            });
            assert!(faults.contains(&true), "nothing is wrong without number {number} of {}", case.body);
        }
    }
}

#[test]
fn what_is_not_there_cannot_be_taken_out() {
    let mut bench = bench(CASES[0].body);
    for number in [0, 3] {
        let error = bench.module.remove_synchronization("k", number).unwrap_err();
        assert_eq!(error, RemovalError::NoSuchNumber { kernel: "k".to_owned(), count: 2, number });
    }
    let error = bench.module.remove_synchronization("l", 1).unwrap_err();
    assert_eq!(error.to_string(), "there is no kernel `l`");
    bench.launch(1, 64, 0).unwrap();
}
