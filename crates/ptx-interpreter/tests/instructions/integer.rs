//! Integer instructions against Rust's own arithmetic.

use crate::harness::{EDGES, check32, check64, run};

#[test]
fn sums_and_products() {
    check32("add.s32", u32::wrapping_add);
    check32("sub.u32", u32::wrapping_sub);
    check32("mul.lo.s32", u32::wrapping_mul);
    check32("mul.hi.s32", |a, b| ((i64::from(a as i32) * i64::from(b as i32)) >> 32) as u32);
    check32("mul.hi.u32", |a, b| ((u64::from(a) * u64::from(b)) >> 32) as u32);
    check32("add.sat.s32", |a, b| (a as i32).saturating_add(b as i32) as u32);
    check32("sub.sat.s32", |a, b| (a as i32).saturating_sub(b as i32) as u32);
    check64("add.u64", u64::wrapping_add);
    check64("sub.s64", u64::wrapping_sub);
    check64("mul.lo.u64", u64::wrapping_mul);
    check64("mul.hi.u64", |a, b| ((u128::from(a) * u128::from(b)) >> 64) as u64);
    check64("mul.hi.s64", |a, b| ((i128::from(a as i64) * i128::from(b as i64)) >> 64) as u64);
}

#[test]
fn wide_products() {
    let inputs: Vec<[u64; 3]> = crate::harness::pairs(&EDGES).iter().map(|[a, b]| [*a, *b, 77]).collect();
    let of = |body: &str| run(body, &inputs);
    let signed = of("mul.wide.s32 %d, %ra, %rb;");
    let unsigned = of("mul.wide.u32 %d, %ra, %rb;");
    let added = of("mad.wide.s32 %d, %ra, %rb, %c;");
    let low = of("mad.lo.u32 %rd, %ra, %rb, %rc; cvt.u64.u32 %d, %rd;");
    for (i, [a, b, c]) in inputs.iter().enumerate() {
        let (x, y) = (i64::from(*a as i32), i64::from(*b as i32));
        assert_eq!(signed[i], (x * y) as u64);
        assert_eq!(unsigned[i], u64::from(*a as u32) * u64::from(*b as u32));
        assert_eq!(added[i], ((x * y) as u64).wrapping_add(*c));
        assert_eq!(low[i] as u32, (*a as u32).wrapping_mul(*b as u32).wrapping_add(*c as u32));
    }
}

#[test]
fn quotients_by_what_is_not_zero() {
    let values = [1u64, 7, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x8000_0000_0000_0000, u64::MAX];
    let inputs: Vec<[u64; 3]> =
        crate::harness::pairs(&values).iter().map(|[a, b]| [*a, *b, 0]).filter(|i| i[1] as u32 != 0).collect();
    let check = |op: &str, expected: &dyn Fn(u64, u64) -> u64| {
        let body =
            if op.ends_with("64") { format!("{op} %d, %a, %b;") } else { format!("{op} %rd, %ra, %rb; cvt.u64.u32 %d, %rd;") };
        for ([a, b, _], found) in inputs.iter().zip(run(&body, &inputs)) {
            assert_eq!(found, expected(*a, *b), "{op} {a:#x} {b:#x}");
        }
    };
    check("div.u32", &|a, b| u64::from(a as u32 / b as u32));
    check("div.s32", &|a, b| u64::from((a as i32).wrapping_div(b as i32) as u32));
    check("rem.u32", &|a, b| u64::from(a as u32 % b as u32));
    check("rem.s32", &|a, b| u64::from((a as i32).wrapping_rem(b as i32) as u32));
    check("div.u64", &|a, b| a / b);
    check("rem.s64", &|a, b| (a as i64).wrapping_rem(b as i64) as u64);
}

#[test]
fn least_and_greatest() {
    check32("min.s32", |a, b| (a as i32).min(b as i32) as u32);
    check32("max.s32", |a, b| (a as i32).max(b as i32) as u32);
    check32("min.u32", u32::min);
    check32("max.u32", u32::max);
    check64("min.s64", |a, b| (a as i64).min(b as i64) as u64);
    check64("max.u64", u64::max);
}

#[test]
fn shifts_clamp() {
    check32("shl.b32", |a, by| a.checked_shl(by).unwrap_or(0));
    check32("shr.u32", |a, by| a.checked_shr(by).unwrap_or(0));
    check32("shr.s32", |a, by| ((a as i32) >> by.min(31)) as u32);
    let inputs: Vec<[u64; 3]> = crate::harness::pairs(&EDGES).iter().map(|[a, b]| [*a, *b, 0]).collect();
    for ([a, b, _], found) in inputs.iter().zip(run("shr.s64 %d, %a, %rb;", &inputs)) {
        assert_eq!(found, ((*a as i64) >> (*b as u32).min(63)) as u64);
    }
    let found = run("shf.l.wrap.b32 %rd, %ra, %rb, %rc; cvt.u64.u32 %d, %rd;", &[[0x8000_0001, 0x1, 33], [1, 2, 0]]);
    assert_eq!(found, [3, 2]);
    let found = run("shf.r.clamp.b32 %rd, %ra, %rb, %rc; cvt.u64.u32 %d, %rd;", &[[0x10, 0xabc, 4], [1, 0xabc, 99]]);
    assert_eq!(found, [0xc000_0001, 0xabc]);
}

#[test]
fn bits() {
    check32("and.b32", |a, b| a & b);
    check32("or.b32", |a, b| a | b);
    check32("xor.b32", |a, b| a ^ b);
    let inputs: Vec<[u64; 3]> = EDGES.iter().map(|a| [*a, 0, 0]).collect();
    let check = |op: &str, expected: &dyn Fn(u32) -> u32| {
        let found = run(&format!("{op} %rd, %ra; cvt.u64.u32 %d, %rd;"), &inputs);
        inputs.iter().zip(found).for_each(|([a, ..], found)| assert_eq!(found as u32, expected(*a as u32), "{op} {a:#x}"));
    };
    check("not.b32", &|a| !a);
    check("neg.s32", &|a| a.wrapping_neg());
    check("abs.s32", &|a| (a as i32).wrapping_abs() as u32);
    check("popc.b32", &u32::count_ones);
    check("clz.b32", &u32::leading_zeros);
    check("brev.b32", &u32::reverse_bits);
    check("bfind.u32", &|a| if a == 0 { u32::MAX } else { 31 - a.leading_zeros() });
    check("bfind.shiftamt.u32", &|a| if a == 0 { u32::MAX } else { a.leading_zeros() });
    let found = run("clz.b64 %rd, %a; popc.b64 %re, %a; mov.b64 %d, {%rd, %re};", &inputs);
    for ([a, ..], found) in inputs.iter().zip(found) {
        assert_eq!(found, u64::from(a.leading_zeros()) | u64::from(a.count_ones()) << 32);
    }
}

/// The manual's definition of `bfe`, bit by bit.
fn extracted(a: u32, at: u32, length: u32, is_signed: bool) -> u32 {
    let (at, length) = (at & 0xff, length & 0xff);
    let sign = is_signed && length > 0 && a >> (at + length - 1).min(31) & 1 == 1;
    (0..32).fold(0, |d, i| {
        let bit = if i < length && at + i <= 31 { a >> (at + i) & 1 } else { u32::from(sign) };
        d | bit << i
    })
}

#[test]
fn fields() {
    let fields = [(0, 0), (0, 32), (4, 8), (28, 8), (31, 1), (40, 3), (0, 1), (3, 255), (16, 16)];
    let values = [0u32, 0x8000_0000, 0xdead_beef, 0x7fff_ffff, u32::MAX];
    let inputs: Vec<[u64; 3]> = values.iter().flat_map(|a| fields.iter().map(|(at, n)| [u64::from(*a), *at, *n])).collect();
    let unsigned = run("bfe.u32 %rd, %ra, %rb, %rc; cvt.u64.u32 %d, %rd;", &inputs);
    let signed = run("bfe.s32 %rd, %ra, %rb, %rc; cvt.u64.u32 %d, %rd;", &inputs);
    let inserted = run("bfi.b32 %rd, %ra, 0x0f0f0f0f, %rb, %rc; cvt.u64.u32 %d, %rd;", &inputs);
    for (i, [a, at, n]) in inputs.iter().map(|input| input.map(|x| x as u32)).enumerate() {
        assert_eq!(unsigned[i] as u32, extracted(a, at, n, false), "bfe.u32 {a:#x} {at} {n}");
        assert_eq!(signed[i] as u32, extracted(a, at, n, true), "bfe.s32 {a:#x} {at} {n}");
        // The manual's definition of bfi.
        let mut expected = 0x0f0f_0f0f_u32;
        for j in (0..n & 0xff).take_while(|j| at + j <= 31) {
            expected = expected & !(1 << (at + j)) | (a >> j & 1) << (at + j);
        }
        assert_eq!(inserted[i] as u32, expected, "bfi {a:#x} {at} {n}");
    }
}

#[test]
fn bytes_are_permuted() {
    let found = run(
        "prmt.b32 %rd, %ra, %rb, %rc; cvt.u64.u32 %d, %rd;",
        &[[0x8899_aabb, 0x0123_4567, 0x7610], [0x8899_aabb, 0x0123_4567, 0x3210], [0x8899_aabb, 0x0123_4567, 0xf8ab]],
    );
    // Selectors from the low end: byte 0, 1, 6, 7; then the identity; then signs of bytes 3, 2, 0, 7.
    assert_eq!(found, [0x0123_aabb, 0x8899_aabb, 0x00ff_ffff]);
}

#[test]
fn three_bits_by_table() {
    for table in [0x80u32, 0xfe, 0x96, 0xe8, 0x1b] {
        let found = run(&format!("lop3.b32 %rd, %ra, %rb, %rc, {table}; cvt.u64.u32 %d, %rd;"), &[[0xf0, 0xcc, 0xaa]]);
        // With these inputs the low byte of the result is the table itself.
        assert_eq!(found[0] as u32 & 0xff, table);
    }
}

#[test]
fn carries_chain() {
    let inputs: Vec<[u64; 3]> = crate::harness::pairs(&EDGES).iter().map(|[a, b]| [*a, *b, 0]).collect();
    let halves = "mov.b64 {%ra, %rb}, %a; mov.b64 {%rc, %re}, %b;";
    let sum = run(&format!("{halves} add.cc.u32 %rd, %ra, %rc; addc.u32 %re, %rb, %re; mov.b64 %d, {{%rd, %re}};"), &inputs);
    let difference =
        run(&format!("{halves} sub.cc.u32 %rd, %ra, %rc; subc.u32 %re, %rb, %re; mov.b64 %d, {{%rd, %re}};"), &inputs);
    for (i, [a, b, _]) in inputs.iter().enumerate() {
        assert_eq!(sum[i], a.wrapping_add(*b));
        assert_eq!(difference[i], a.wrapping_sub(*b));
    }
}

#[test]
fn comparisons_and_choices() {
    let inputs: Vec<[u64; 3]> = crate::harness::pairs(&EDGES).iter().map(|[a, b]| [*a, *b, 0]).collect();
    let check = |relation: &str, expected: &dyn Fn(u32, u32) -> bool| {
        let found = run(&format!("setp.{relation}32 %p, %ra, %rb; selp.u64 %d, 1, 0, %p;"), &inputs);
        for ([a, b, _], found) in inputs.iter().zip(found) {
            assert_eq!(found == 1, expected(*a as u32, *b as u32), "{relation} {a:#x} {b:#x}");
        }
    };
    check("lt.s", &|a, b| (a as i32) < b as i32);
    check("le.s", &|a, b| a as i32 <= b as i32);
    check("gt.s", &|a, b| a as i32 > b as i32);
    check("ge.s", &|a, b| a as i32 >= b as i32);
    check("lt.u", &|a, b| a < b);
    check("lo.u", &|a, b| a < b);
    check("hs.u", &|a, b| a >= b);
    check("eq.b", &|a, b| a == b);
    check("ne.s", &|a, b| a != b);
    // p = (a < b) and c, q = !(a < b) and c.
    let body = "setp.ne.s32 %o, %rc, 0; setp.lt.and.s32 %p|%q, %ra, %rb, %o; selp.u64 %d, 1, 0, %p; selp.u64 %e, 2, 0, %q; or.b64 %d, %d, %e;";
    assert_eq!(run(body, &[[1, 2, 1], [2, 1, 1], [1, 2, 0], [2, 1, 0]]), [1, 2, 0, 0]);
    let body = "setp.ne.s32 %o, %rc, 0; setp.eq.xor.s32 %p, %ra, %rb, !%o; selp.u64 %d, 1, 0, %p;";
    assert_eq!(run(body, &[[1, 1, 1], [1, 1, 0], [1, 2, 1], [1, 2, 0]]), [1, 0, 0, 1]);
    assert_eq!(run("slct.b32.s32 %rd, 5, 6, %ra; cvt.u64.u32 %d, %rd;", &[[0, 0, 0], [0xffff_ffff, 0, 0]]), [5, 6]);
    assert_eq!(run("set.lt.u32.s32 %rd, %ra, %rb; cvt.u64.u32 %d, %rd;", &[[1, 2, 0], [2, 1, 0]]), [0xffff_ffff, 0]);
    assert_eq!(run("sad.u32 %rd, %ra, %rb, %rc; cvt.u64.u32 %d, %rd;", &[[3, 10, 5]]), [12]);
}

#[test]
fn predicates_are_combined() {
    let set = "setp.ne.s32 %p, %ra, 0; setp.ne.s32 %q, %rb, 0;";
    let inputs = [[0, 0, 0], [0, 1, 0], [1, 0, 0], [1, 1, 0]];
    let check = |op: &str, expected: [u64; 4]| {
        assert_eq!(run(&format!("{set} {op} selp.u64 %d, 1, 0, %o;"), &inputs), expected, "{op}");
    };
    check("and.pred %o, %p, %q;", [0, 0, 0, 1]);
    check("or.pred %o, %p, %q;", [0, 1, 1, 1]);
    check("xor.pred %o, %p, %q;", [0, 1, 1, 0]);
    check("not.pred %o, %p;", [1, 1, 0, 0]);
    check("mov.pred %o, %p;", [0, 0, 1, 1]);
    check("mov.pred %o, -1;", [1, 1, 1, 1]);
    // A guard, plain and negated.
    assert_eq!(run(&format!("{set} @%p add.u64 %d, %d, 1; @!%q add.u64 %d, %d, 2;"), &inputs), [2, 0, 3, 1]);
}
