//! f32, f64, f16 and bfloat16 against Rust's own arithmetic.

use crate::harness::{SINGLES, check_double, check_single, pairs, run};

fn triples() -> Vec<[f32; 3]> {
    let values = [0.0, -0.0, 1.0, -1.5, 0.1, 3.4e38, 1.0e-40, 1.000_000_1, f32::INFINITY, f32::NAN];
    pairs(&values).iter().flat_map(|[a, b]| values.map(|c| [*a, *b, c])).collect()
}

fn two() -> Vec<[f32; 3]> {
    pairs(&SINGLES).iter().map(|[a, b]| [*a, *b, 0.0]).collect()
}

fn two_double() -> Vec<[f64; 3]> {
    let values = [0.0, -0.0, 1.0, -1.0, 0.1, 1.0 / 3.0, 1e300, -1e300, 1e-310, f64::INFINITY, f64::NAN, 9_007_199_254_740_993.0];
    pairs(&values).iter().map(|[a, b]| [*a, *b, 0.7]).collect()
}

#[test]
fn single_arithmetic_is_ieee() {
    check_single("add.f32 %fd, %fa, %fb;", &two(), |[a, b, _]| a + b);
    check_single("sub.rn.f32 %fd, %fa, %fb;", &two(), |[a, b, _]| a - b);
    check_single("mul.f32 %fd, %fa, %fb;", &two(), |[a, b, _]| a * b);
    check_single("div.rn.f32 %fd, %fa, %fb;", &two(), |[a, b, _]| a / b);
    check_single("sqrt.rn.f32 %fd, %fa;", &two(), |[a, ..]| a.sqrt());
    check_single("rcp.rn.f32 %fd, %fa;", &two(), |[a, ..]| 1.0 / a);
    check_single("fma.rn.f32 %fd, %fa, %fb, %fc;", &triples(), |[a, b, c]| a.mul_add(b, c));
    check_single("neg.f32 %fd, %fa; add.f32 %fd, %fd, 0f80000000;", &two(), |[a, ..]| -a + -0.0);
    check_single("abs.f32 %fd, %fa; add.f32 %fd, %fd, 0f80000000;", &two(), |[a, ..]| a.abs() + -0.0);
}

#[test]
fn double_arithmetic_is_ieee() {
    check_double("add.f64 %dd, %da, %db;", &two_double(), |[a, b, _]| a + b);
    check_double("sub.f64 %dd, %da, %db;", &two_double(), |[a, b, _]| a - b);
    check_double("mul.f64 %dd, %da, %db;", &two_double(), |[a, b, _]| a * b);
    check_double("div.rn.f64 %dd, %da, %db;", &two_double(), |[a, b, _]| a / b);
    check_double("fma.rn.f64 %dd, %da, %db, %dc;", &two_double(), |[a, b, c]| a.mul_add(b, c));
    check_double("sqrt.rn.f64 %dd, %da;", &two_double(), |[a, ..]| a.sqrt());
    check_double("rcp.rn.f64 %dd, %da;", &two_double(), |[a, ..]| 1.0 / a);
    check_double("max.f64 %dd, %da, %db;", &two_double(), |[a, b, _]| {
        if a == b { if a.is_sign_positive() { a } else { b } } else { a.max(b) }
    });
}

/// The nearest f32 on one side of an exact value.
fn directed(exact: f64, up: bool) -> f32 {
    let near = exact as f32;
    match (up, f64::from(near).partial_cmp(&exact)) {
        (true, Some(std::cmp::Ordering::Less)) => near.next_up(),
        (false, Some(std::cmp::Ordering::Greater)) => near.next_down(),
        _ => near,
    }
}

#[test]
fn directed_rounding() {
    // Sums and products of these are exact in f64.
    let values = [1.0f32, -1.0, 1.000_000_1, 0.1, -0.3, 12_345.678, -16_777_217.0, 3.25e-5];
    let inputs: Vec<[f32; 3]> = pairs(&values).iter().map(|[a, b]| [*a, *b, 0.5]).filter(|[a, b, _]| a + b != 0.0).collect();
    let wide = |x: f32| f64::from(x);
    check_single("add.rp.f32 %fd, %fa, %fb;", &inputs, |[a, b, _]| directed(wide(a) + wide(b), true));
    check_single("add.rm.f32 %fd, %fa, %fb;", &inputs, |[a, b, _]| directed(wide(a) + wide(b), false));
    check_single("sub.rz.f32 %fd, %fa, %fb;", &inputs, |[a, b, _]| {
        let exact = wide(a) - wide(b);
        directed(exact, exact < 0.0)
    });
    check_single("mul.rp.f32 %fd, %fa, %fb;", &inputs, |[a, b, _]| directed(wide(a) * wide(b), true));
    check_single("mul.rz.f32 %fd, %fa, %fb;", &inputs, |[a, b, _]| directed(wide(a) * wide(b), a * b < 0.0));
    // One third lies above 0.33333331 and below 0.33333334.
    let one = [[1.0f32, 3.0, 0.0]];
    check_single("div.rz.f32 %fd, %fa, %fb;", &one, |_| f32::from_bits(0x3eaa_aaaa));
    check_single("div.rm.f32 %fd, %fa, %fb;", &one, |_| f32::from_bits(0x3eaa_aaaa));
    check_single("div.rp.f32 %fd, %fa, %fb;", &one, |_| f32::from_bits(0x3eaa_aaab));
    check_single("rcp.rm.f32 %fd, %fb;", &one, |_| f32::from_bits(0x3eaa_aaaa));
    // √2 lies between 0x3fb504f3 and 0x3fb504f4, nearer to the first.
    check_single("sqrt.rp.f32 %fd, %fa;", &[[2.0, 0.0, 0.0]], |_| f32::from_bits(0x3fb5_04f4));
    check_single("sqrt.rz.f32 %fd, %fa;", &[[2.0, 0.0, 0.0]], |_| f32::from_bits(0x3fb5_04f3));
    // Too small to move a one to nearest, but not upwards.
    check_single("fma.rp.f32 %fd, %fa, %fa, %fb;", &[[1e-10, 1.0, 0.0]], |_| 1.0f32.next_up());
    check_single("fma.rm.f32 %fd, %fa, %fa, %fb;", &[[1e-10, -1.0, 0.0]], |_| -1.0);
    check_single("fma.rz.f32 %fd, %fa, %fa, %fb;", &[[1e-10, -1.0, 0.0]], |_| (-1.0f32).next_up());
    check_single("add.rm.f32 %fd, %fa, %fb;", &[[1.0, -1.0, 0.0]], |_| -0.0);
    check_single("mul.rz.f32 %fd, %fa, %fa;", &[[3.4e38, 0.0, 0.0]], |_| f32::MAX);
    check_double("add.rp.f64 %dd, %da, %db;", &[[1.0, 1e-30, 0.0]], |_| 1.0f64.next_up());
    check_double("mul.rm.f64 %dd, %da, %da;", &[[1.0 + f64::EPSILON, 0.0, 0.0]], |_| 1.0 + 2.0 * f64::EPSILON);
    check_double("div.rp.f64 %dd, %da, %db;", &[[1.0, 3.0, 0.0]], |_| (1.0f64 / 3.0).next_up());
}

#[test]
fn a_fused_product_that_double_rounding_gets_wrong() {
    // 1 + 2^-24 + 2^-60: halfway between two f32 but for the last term, which an f64 sum loses.
    let (a, b, c) = (2f32.powi_exact(-12), 2f32.powi_exact(-12), 1.0f32);
    check_single("fma.rn.f32 %fd, %fa, %fb, %fc;", &[[a, b, c]], |[a, b, c]| a.mul_add(b, c));
    let x = [[1.0f32 + 2f32.powi_exact(-23), 1.0 + 2f32.powi_exact(-23), 2f32.powi_exact(-70)]];
    check_single("fma.rz.f32 %fd, %fa, %fb, %fc;", &x, |_| 1.0 + 2.0 * 2f32.powi_exact(-23));
}

/// Powers of two from their bits.
trait PowerOfTwo {
    fn powi_exact(self, n: i32) -> f32;
}

impl PowerOfTwo for f32 {
    fn powi_exact(self, n: i32) -> f32 {
        assert_eq!(self, 2.0);
        f32::from_bits(((127 + n) as u32) << 23)
    }
}

#[test]
fn flushing_and_saturation_only_when_asked() {
    let tiny = 1e-40f32;
    check_single("add.f32 %fd, %fa, %fb;", &[[tiny, 0.0, 0.0]], |_| tiny);
    check_single("add.ftz.f32 %fd, %fa, %fb;", &[[tiny, 0.0, 0.0], [-tiny, -0.0, 0.0]], |[a, ..]| 0f32.copysign(a));
    check_single("mul.ftz.f32 %fd, %fa, %fb;", &[[1e-30, 1e-10, 0.0]], |_| 0.0);
    check_single("fma.rn.ftz.f32 %fd, %fa, %fb, %fc;", &[[tiny, 1e30, 1.0]], |_| 1.0);
    check_single("add.sat.f32 %fd, %fa, %fb;", &[[0.7, 0.7, 0.0], [-1.0, 0.5, 0.0], [f32::NAN, 0.0, 0.0]], |[a, b, _]| {
        if a.is_nan() { 0.0 } else { (a + b).clamp(0.0, 1.0) }
    });
}

#[test]
fn least_and_greatest_with_nan_and_zeros() {
    let min = |[a, b, _]: [f32; 3]| match (a.is_nan(), b.is_nan()) {
        (true, true) => f32::NAN,
        (true, false) => b,
        (false, true) => a,
        _ if a == 0.0 && b == 0.0 => {
            if a.is_sign_negative() || b.is_sign_negative() {
                -0.0
            } else {
                0.0
            }
        }
        _ => {
            if a < b {
                a
            } else {
                b
            }
        }
    };
    check_single("min.f32 %fd, %fa, %fb;", &two(), min);
    check_single("max.f32 %fd, %fa, %fb;", &two(), |[a, b, c]| -min([-a, -b, c]));
    check_single(
        "max.NaN.f32 %fd, %fa, %fb;",
        &two(),
        |[a, b, c]| {
            if a.is_nan() || b.is_nan() { f32::NAN } else { -min([-a, -b, c]) }
        },
    );
}

#[test]
fn comparisons_with_nan() {
    let inputs = two();
    let bits: Vec<[u64; 3]> = inputs.iter().map(|input| input.map(|x| u64::from(x.to_bits()))).collect();
    let check = |relation: &str, expected: &dyn Fn(f32, f32) -> bool| {
        let found = run(&format!("setp.{relation}.f32 %p, %fa, %fb; selp.u64 %d, 1, 0, %p;"), &bits);
        for ([a, b, _], found) in inputs.iter().zip(found) {
            assert_eq!(found == 1, expected(*a, *b), "{relation} {a} {b}");
        }
    };
    let unordered = |a: f32, b: f32| a.is_nan() || b.is_nan();
    check("lt", &|a, b| a < b);
    check("gt", &|a, b| a > b);
    check("ge", &|a, b| a >= b);
    check("eq", &|a, b| a == b);
    // Ordered and different: false for NaN, unlike in most languages.
    check("ne", &|a, b| a.partial_cmp(&b).is_some_and(|order| order.is_ne()));
    check("neu", &|a, b| a != b);
    check("ltu", &|a, b| a < b || unordered(a, b));
    check("geu", &|a, b| a >= b || unordered(a, b));
    check("nan", &unordered);
    check("num", &|a, b| !unordered(a, b));
}

/// At most this many units in the last place of the exact value.
fn check_near(body: &str, inputs: &[f32], exact: impl Fn(f64) -> f64, max_ulps: f64) {
    let bits: Vec<[u64; 3]> = inputs.iter().map(|x| [u64::from(x.to_bits()), 0, 0]).collect();
    for (x, found) in inputs.iter().zip(run(&format!("{body} %fd, %fa; mov.b32 %rd, %fd; cvt.u64.u32 %d, %rd;"), &bits)) {
        let (found, exact) = (f32::from_bits(found as u32), exact(f64::from(*x)));
        let ulp = f64::from((exact as f32).abs().next_up()) - f64::from((exact as f32).abs());
        let error = (f64::from(found) - exact).abs() / ulp;
        assert!(error <= max_ulps, "{body} {x}: {found} instead of {exact}, {error} ulps");
    }
}

#[test]
fn approximate_functions() {
    let values = [0.01f32, 0.5, 1.0, 1.7, 3.0, 10.5, 100.25];
    check_near("ex2.approx.f32", &values, libm::exp2, 1.0);
    check_near("ex2.approx.f32", &[-0.5, -10.25, -126.5], libm::exp2, 1.0);
    check_near("lg2.approx.f32", &values, libm::log2, 1.0);
    check_near("rsqrt.approx.f32", &values, |x| 1.0 / x.sqrt(), 1.0);
    check_near("rcp.approx.f32", &values, |x| 1.0 / x, 1.0);
    check_near("sqrt.approx.f32", &values, f64::sqrt, 1.0);
    check_near("sin.approx.f32", &values[..4], libm::sin, 1.0);
    check_near("cos.approx.f32", &values[..4], libm::cos, 1.0);
    check_near("tanh.approx.f32", &values[..4], libm::tanh, 2.0);
    check_single("ex2.approx.ftz.f32 %fd, %fa;", &[[-140.0, 0.0, 0.0], [f32::NEG_INFINITY, 0.0, 0.0]], |_| 0.0);
}

fn bf16(x: f32) -> u16 {
    let bits = x.to_bits();
    ((bits + 0x7fff + (bits >> 16 & 1)) >> 16) as u16
}

#[test]
fn bfloat16_pairs() {
    let values = [1.0f32, -0.3, 1000.1, 3e-39, 65_280.0];
    for [a, b] in pairs(&values) {
        let pair = |x: f32, y: f32| u64::from(bf16(x)) | u64::from(bf16(y)) << 16;
        let widen = |x: f32| f64::from(f32::from_bits(u32::from(bf16(x)) << 16));
        let input = [[pair(a, b), pair(b, a), pair(0.5, 0.25)]];
        let found = run("fma.rn.bf16x2 %rd, %ra, %rb, %rc; cvt.u64.u32 %d, %rd;", &input)[0];
        // Sums of such products fit an f64, and it rounds once to an odd f32-like value far from ties of bf16 here.
        let expected = |x: f32, y: f32, c: f64| (widen(x) * widen(y) + c) as f32;
        assert_eq!(found, pair(expected(a, b, 0.5), expected(b, a, 0.25)), "{a} {b}");
        let found = run("add.rn.bf16x2 %rd, %ra, %rb; cvt.u64.u32 %d, %rd;", &input)[0];
        let sum = (widen(a) + widen(b)) as f32;
        assert_eq!(found, pair(sum, sum), "{a} + {b}");
    }
}
