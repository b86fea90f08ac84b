//! Shuffles, votes, matches and barriers that are right.

use crate::harness::Bench;

/// Stores what `body` leaves in `%r9`, one word for each of 64 threads; `%r1` is the thread, `%r2` = 100 + thread.
fn each(body: &str, threads: u32) -> Vec<u32> {
    let mut bench = Bench::new(
        &format!(
            ".shared .align 4 .b8 s[1024];
            .visible .entry k(.param .u64 y) {{
            .reg .b64 %rd<6>; .reg .b32 %r<20>; .reg .pred %p<6>;
            ld.param.u64 %rd1, [y]; mov.u32 %r1, %tid.x; add.u32 %r2, %r1, 100;
            {body}
            mul.wide.u32 %rd2, %r1, 4; add.u64 %rd1, %rd1, %rd2; st.global.u32 [%rd1], %r9; ret; }}"
        ),
        &[],
    )
    .fresh(threads as usize);
    bench.launch(1, threads, 0).unwrap_or_else(|error| panic!("{error}\n{body}"));
    bench.words(0)
}

/// The manual's own loop: which lane is read, or none if the lane keeps its value.
fn from(mode: &str, lane: i32, b: i32, c: i32) -> Option<i32> {
    let (bval, cval, mask) = (b & 31, c & 31, c >> 8 & 31);
    let max_lane = (lane & mask) | (cval & !mask);
    let min_lane = lane & mask;
    let (j, ok) = match mode {
        "up" => (lane - bval, lane - bval >= max_lane),
        "down" => (lane + bval, lane + bval <= max_lane),
        "bfly" => (lane ^ bval, lane ^ bval <= max_lane),
        _ => (min_lane | (bval & !mask), (min_lane | (bval & !mask)) <= max_lane),
    };
    ok.then_some(j)
}

#[test]
fn shuffles() {
    for mode in ["up", "down", "bfly", "idx"] {
        for (b, width) in [(1, 32), (16, 32), (3, 8), (7, 16), (31, 32), (0, 4)] {
            let c = (32 - width) << 8 | if mode == "up" { 0 } else { 31 };
            let body = format!("shfl.sync.{mode}.b32 %r9|%p1, %r2, {b}, {c}, -1; @%p1 add.u32 %r9, %r9, 1000;");
            for (thread, found) in each(&body, 64).into_iter().enumerate() {
                let (lane, warp) = (thread as i32 % 32, thread as i32 / 32);
                let expected = match from(mode, lane, b, c) {
                    Some(j) => 1100 + 32 * warp + j,
                    None => 100 + thread as i32,
                };
                assert_eq!(found as i32, expected, "{mode} {b} of {width}, thread {thread}");
            }
        }
    }
}

#[test]
fn halves_of_a_warp_exchange_apart() {
    let body = "setp.lt.u32 %p1, %r1, 16; selp.b32 %r3, 0xffff, 0xffff0000, %p1; shfl.sync.bfly.b32 %r9, %r2, 1, 31, %r3;";
    assert_eq!(each(body, 32), (0..32).map(|i| 100 + (i ^ 1)).collect::<Vec<u32>>());
    // From different places in the code.
    let body = "setp.lt.u32 %p1, %r1, 16; @%p1 bra low; shfl.sync.bfly.b32 %r9, %r2, 1, 31, 0xffff0000; bra end;
        low: shfl.sync.bfly.b32 %r9, %r2, 2, 31, 0xffff; end:";
    assert_eq!(each(body, 32), (0..32u32).map(|i| 100 + (i ^ if i < 16 { 2 } else { 1 })).collect::<Vec<u32>>());
}

#[test]
fn lanes_wait_for_those_that_come_later() {
    // The lower lanes jump back to the shuffle from behind it.
    let body = "setp.ge.u32 %p1, %r1, 16; @!%p1 bra later; here: shfl.sync.bfly.b32 %r9, %r2, 16, 31, -1; bra end;
        later: add.u32 %r2, %r2, 1000; bra here; end:";
    let expected = |i: u32| if i < 16 { 100 + i + 16 } else { 1100 + i - 16 };
    assert_eq!(each(body, 32), (0..32).map(expected).collect::<Vec<u32>>());
}

#[test]
fn votes_and_masks() {
    let odd = "and.b32 %r3, %r1, 1; setp.eq.u32 %p1, %r3, 1;";
    assert!(each(&format!("{odd} vote.sync.ballot.b32 %r9, %p1, -1;"), 64).iter().all(|mask| *mask == 0xaaaa_aaaa));
    assert!(each(&format!("{odd} vote.sync.any.pred %p2, %p1, -1; selp.u32 %r9, 1, 0, %p2;"), 32).iter().all(|x| *x == 1));
    assert!(each(&format!("{odd} vote.sync.all.pred %p2, %p1, -1; selp.u32 %r9, 1, 0, %p2;"), 32).iter().all(|x| *x == 0));
    assert!(
        each("setp.ge.u32 %p1, %r1, 0; vote.sync.uni.pred %p2, !%p1, -1; selp.u32 %r9, 1, 0, %p2;", 32).iter().all(|x| *x == 1)
    );
    // Fewer threads than a warp: the missing ones are not waited for.
    assert!(each(&format!("{odd} vote.sync.ballot.b32 %r9, %p1, -1;"), 20).iter().all(|mask| *mask == 0xa_aaaa));
    assert!(each("activemask.b32 %r9;", 32).iter().all(|mask| *mask == u32::MAX));
    let same = each("shr.u32 %r3, %r1, 3; match.any.sync.b32 %r9, %r3, -1;", 32);
    assert!(same.iter().enumerate().all(|(i, mask)| *mask == 0xff << (i / 8 * 8)));
    assert!(each("match.all.sync.b32 %r9|%p1, 7, -1; @!%p1 mov.u32 %r9, 0;", 32).iter().all(|mask| *mask == u32::MAX));
    assert!(each("redux.sync.add.u32 %r9, %r1, -1;", 32).iter().all(|sum| *sum == 31 * 16));
    assert!(each("neg.s32 %r3, %r1; redux.sync.min.s32 %r9, %r3, -1;", 32).iter().all(|least| *least as i32 == -31));
}

#[test]
fn barriers_with_a_result() {
    let set = "setp.eq.u32 %p1, %r1, 40;";
    assert!(each(&format!("{set} bar.red.or.pred %p2, 0, %p1; selp.u32 %r9, 1, 0, %p2;"), 96).iter().all(|x| *x == 1));
    assert!(each(&format!("{set} bar.red.and.pred %p2, 0, !%p1; selp.u32 %r9, 1, 0, %p2;"), 96).iter().all(|x| *x == 0));
    assert!(each("setp.lt.u32 %p1, %r1, 40; bar.red.popc.u32 %r9, 0, %p1;", 96).iter().all(|x| *x == 40));
}

#[test]
fn data_pass_through_barriers_in_any_order() {
    // Each thread reads what its neighbour in the next warp wrote.
    let body = "shl.b32 %r3, %r1, 2; mov.u32 %r4, s; add.u32 %r5, %r4, %r3; st.shared.u32 [%r5], %r2; bar.sync 0;
        add.u32 %r6, %r1, 32; and.b32 %r6, %r6, 127; shl.b32 %r6, %r6, 2; add.u32 %r6, %r6, %r4; ld.shared.u32 %r9, [%r6]; bar.sync 0; st.shared.u32 [%r5], 0;";
    assert_eq!(each(body, 128), (0..128).map(|i| 100 + (i + 32) % 128).collect::<Vec<u32>>());
    // Within a warp, a barrier of the warp is enough.
    let body = "shl.b32 %r3, %r1, 2; mov.u32 %r4, s; add.u32 %r5, %r4, %r3; st.shared.u32 [%r5], %r2; bar.warp.sync -1;
        xor.b32 %r6, %r3, 4; add.u32 %r6, %r6, %r4; ld.shared.u32 %r9, [%r6]; bar.warp.sync -1; st.shared.u32 [%r5], 0;";
    assert_eq!(each(body, 64), (0..64).map(|i| 100 + (i ^ 1)).collect::<Vec<u32>>());
}

#[test]
fn named_barriers_between_two_warps() {
    // Warp 0 writes and arrives, warp 1 waits and reads.
    let body = "mov.u32 %r9, 0; shl.b32 %r3, %r1, 2; and.b32 %r3, %r3, 127; mov.u32 %r4, s; add.u32 %r4, %r4, %r3; setp.ge.u32 %p1, %r1, 32; @%p1 bra reads;
        st.shared.u32 [%r4], %r2; bar.arrive 1, 64; bra end; reads: bar.sync 1, 64; ld.shared.u32 %r9, [%r4]; end:";
    assert_eq!(each(body, 64)[32..], (100..132).collect::<Vec<u32>>());
}

#[test]
fn mbarriers_pass_data_on() {
    let body =
        "mov.u32 %r9, 0; shl.b32 %r3, %r1, 2; and.b32 %r3, %r3, 127; mov.u32 %r4, s; add.u32 %r5, %r4, %r3; add.u32 %r5, %r5, 16;
        setp.ne.u32 %p1, %r1, 0; @!%p1 mbarrier.init.shared.b64 [%r4], 32; bar.sync 0;
        setp.ge.u32 %p2, %r1, 32; @%p2 bra writes;
        wait: mbarrier.try_wait.parity.shared.b64 %p3, [%r4], 0; @!%p3 bra wait; ld.shared.u32 %r9, [%r5]; bra end;
        writes: st.shared.u32 [%r5], %r2; mbarrier.arrive.shared.b64 _, [%r4]; end:";
    assert_eq!(each(body, 64)[..32], (132..164).collect::<Vec<u32>>());
}

#[test]
fn a_flag_with_fences_passes_data_between_blocks() {
    // Block 0 writes, fences and raises a flag; block 1 sees the flag, fences and reads.
    let text = |fence: &str| {
        format!(
            ".visible .entry k(.param .u64 x) {{ .reg .b64 %rd<3>; .reg .b32 %r<6>; .reg .pred %p<3>;
            ld.param.u64 %rd1, [x]; mov.u32 %r1, %ctaid.x; setp.ne.u32 %p1, %r1, 0; @%p1 bra reads;
            st.global.u32 [%rd1], 5; {fence} atom.global.exch.b32 %r2, [%rd1+4], 1; ret;
            reads: atom.global.add.u32 %r3, [%rd1+4], 0; {fence} ld.global.u32 %r4, [%rd1]; add.u32 %r4, %r4, %r3; st.global.u32 [%rd1+8], %r4; ret; }}"
        )
    };
    let mut bench = Bench::new(&text("membar.gl;"), &[&[0, 0, 0]]);
    bench.launch(2, 1, 0).unwrap();
    assert_eq!(bench.words(0), [5, 1, 6]);
    let kind = Bench::new(&text(""), &[&[0, 0, 0]]).fault_kind(2, 1, 0);
    assert!(matches!(kind, ptx_interpreter::FaultKind::Race { .. }), "{kind}");
}
