//! Conversions.

use crate::harness::{EDGES, SINGLES, check_single, run};

fn of(body: &str, inputs: &[u64]) -> Vec<u64> {
    run(body, &inputs.iter().map(|a| [*a, 0, 0]).collect::<Vec<_>>())
}

fn check(body: &str, expected: impl Fn(u64) -> u64) {
    for (a, found) in EDGES.iter().zip(of(body, &EDGES)) {
        assert_eq!(found, expected(*a), "{body} {a:#x}");
    }
}

#[test]
fn between_integers() {
    check("cvt.s64.s32 %d, %ra;", |a| i64::from(a as i32) as u64);
    check("cvt.u64.u32 %d, %ra;", |a| u64::from(a as u32));
    check("cvt.s32.s16 %rd, %ha; cvt.u64.u32 %d, %rd;", |a| u64::from(i32::from(a as i16) as u32));
    check("cvt.s32.s8 %rd, %ra; cvt.u64.u32 %d, %rd;", |a| u64::from(i32::from(a as i8) as u32));
    check("cvt.u32.u64 %rd, %a; cvt.u64.u32 %d, %rd;", |a| u64::from(a as u32));
    check("cvt.sat.s16.s32 %hd, %ra; cvt.u64.u16 %d, %hd;", |a| {
        u64::from((a as i32).clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as u16)
    });
    check("cvt.sat.u32.s64 %rd, %a; cvt.u64.u32 %d, %rd;", |a| (a as i64).clamp(0, i64::from(u32::MAX)) as u64);
    check("cvt.sat.u8.u32 %hd, %ra; cvt.u64.u16 %d, %hd;", |a| u64::from((a as u32).min(255)));
}

#[test]
fn from_integers_to_floats() {
    let single = |body: &str| format!("{body} mov.b32 %rd, %fd; cvt.u64.u32 %d, %rd;");
    check(&single("cvt.rn.f32.s32 %fd, %ra;"), |a| u64::from((a as i32 as f32).to_bits()));
    check(&single("cvt.rn.f32.u32 %fd, %ra;"), |a| u64::from((a as u32 as f32).to_bits()));
    check(&single("cvt.rn.f32.u64 %fd, %a;"), |a| u64::from((a as f32).to_bits()));
    check(&single("cvt.rn.f32.s64 %fd, %a;"), |a| u64::from((a as i64 as f32).to_bits()));
    check(&single("cvt.rn.f32.s16 %fd, %ha;"), |a| u64::from(f32::from(a as i16).to_bits()));
    // 2^24 + 1 lies between two f32.
    let found = of(&single("cvt.rp.f32.u64 %fd, %a;"), &[(1 << 24) + 1, u64::MAX]);
    assert_eq!(found, [16_777_218f32, 1.844_674_4e19].map(|x| u64::from(x.to_bits())));
    let found = of(&single("cvt.rz.f32.u64 %fd, %a;"), &[(1 << 24) + 1, u64::MAX]);
    assert_eq!(found, [16_777_216f32, 1.844_674_4e19f32.next_down()].map(|x| u64::from(x.to_bits())));
    check("cvt.rn.f64.s64 %dd, %a; mov.b64 %d, %dd;", |a| (a as i64 as f64).to_bits());
    check("cvt.rn.f64.u64 %dd, %a; mov.b64 %d, %dd;", |a| (a as f64).to_bits());
    check("cvt.rn.f64.s32 %dd, %ra; mov.b64 %d, %dd;", |a| f64::from(a as i32).to_bits());
}

#[test]
fn from_floats_to_integers() {
    let values: Vec<f32> = SINGLES.iter().copied().chain([-0.5, 0.5, 3.5, 1e10, -1e10, 4e9, 1e19, 1e20]).collect();
    let bits: Vec<u64> = values.iter().map(|x| u64::from(x.to_bits())).collect();
    let check = |body: &str, expected: &dyn Fn(f32) -> u64| {
        for (x, found) in values.iter().zip(of(body, &bits)) {
            assert_eq!(found, expected(*x), "{body} {x}");
        }
    };
    check("cvt.rzi.s32.f32 %rd, %fa; cvt.u64.u32 %d, %rd;", &|x| u64::from(x as i32 as u32));
    check("cvt.rzi.u32.f32 %rd, %fa; cvt.u64.u32 %d, %rd;", &|x| u64::from(x as u32));
    check("cvt.rni.s32.f32 %rd, %fa; cvt.u64.u32 %d, %rd;", &|x| u64::from(x.round_ties_even() as i32 as u32));
    check("cvt.rmi.s32.f32 %rd, %fa; cvt.u64.u32 %d, %rd;", &|x| u64::from(x.floor() as i32 as u32));
    check("cvt.rpi.s32.f32 %rd, %fa; cvt.u64.u32 %d, %rd;", &|x| u64::from(x.ceil() as i32 as u32));
    check("cvt.rzi.s64.f32 %d, %fa;", &|x| x as i64 as u64);
    check("cvt.rzi.u64.f32 %d, %fa;", &|x| x as u64);
    check("cvt.f64.f32 %dd, %fa; cvt.rzi.s64.f64 %d, %dd;", &|x| x as i64 as u64);
}

#[test]
fn between_floats() {
    let inputs: Vec<[f32; 3]> = SINGLES.iter().map(|x| [*x, 0.0, 0.0]).collect();
    check_single("cvt.rni.f32.f32 %fd, %fa;", &inputs, |[a, ..]| a.round_ties_even());
    check_single("cvt.rzi.f32.f32 %fd, %fa;", &inputs, |[a, ..]| a.trunc());
    check_single("cvt.rmi.f32.f32 %fd, %fa;", &inputs, |[a, ..]| a.floor());
    check_single("cvt.rpi.f32.f32 %fd, %fa;", &inputs, |[a, ..]| a.ceil());
    check_single("cvt.sat.f32.f32 %fd, %fa;", &inputs, |[a, ..]| if a.is_nan() { 0.0 } else { a.clamp(0.0, 1.0) + 0.0 });
    check_single("cvt.f64.f32 %dd, %fa; cvt.rn.f32.f64 %fd, %dd;", &inputs, |[a, ..]| a);
    let doubles = [0.1f64, 1.0 + 1e-9, -1e-50, 1e300, 3.4e38];
    let bits: Vec<u64> = doubles.iter().map(|x| x.to_bits()).collect();
    let found = of("cvt.rn.f32.f64 %fd, %da; mov.b32 %rd, %fd; cvt.u64.u32 %d, %rd;", &bits);
    let expected: Vec<u64> = doubles.iter().map(|x| u64::from((*x as f32).to_bits())).collect();
    assert_eq!(found, expected);
    let found = of("cvt.rz.f32.f64 %fd, %da; mov.b32 %rd, %fd; cvt.u64.u32 %d, %rd;", &bits);
    let cut = |x: f64| if f64::from(x as f32).abs() > x.abs() { f32::from_bits((x as f32).to_bits() - 1) } else { x as f32 };
    assert_eq!(found, doubles.map(|x| u64::from(cut(x).to_bits())));
}

/// To nearest even, from the definition: 16 bits are dropped.
fn bf16(x: f32) -> u16 {
    if x.is_nan() {
        return 0x7fff;
    }
    let bits = x.to_bits();
    let (kept, rest) = ((bits >> 16) as u16, bits & 0xffff);
    kept + u16::from(rest > 0x8000 || (rest == 0x8000 && kept & 1 == 1))
}

#[test]
fn bfloat16() {
    let ties = [0x3f80_8000u32, 0x3f81_8000, 0x3f80_8001, 0x7f7f_ffff, 0x0000_8000, 0x0001_8000];
    let values: Vec<f32> = SINGLES.iter().copied().chain(ties.map(f32::from_bits)).collect();
    let bits: Vec<u64> = values.iter().map(|x| u64::from(x.to_bits())).collect();
    for (x, found) in values.iter().zip(of("cvt.rn.bf16.f32 %hd, %fa; cvt.u64.u16 %d, %hd;", &bits)) {
        assert_eq!(found as u16, bf16(*x), "{x:e}");
    }
    for (x, found) in values.iter().zip(of("cvt.rz.bf16.f32 %hd, %fa; cvt.u64.u16 %d, %hd;", &bits)) {
        let cut = if x.is_nan() { 0x7fff } else { (x.to_bits() >> 16) as u16 };
        assert_eq!(found as u16, cut, "{x:e}");
    }
    // The first operand is the upper half.
    let found = run("cvt.rn.bf16x2.f32 %rd, %fa, %fb; cvt.u64.u32 %d, %rd;", &[[0x3f80_0000, 0x4000_0000, 0]]);
    assert_eq!(found, [0x3f80_4000]);
    let all: Vec<u64> = (0..1024).map(|i| i * 64 + 17).collect();
    for (h, found) in all.iter().zip(of("cvt.f32.bf16 %fd, %ha; mov.b32 %rd, %fd; cvt.u64.u32 %d, %rd;", &all)) {
        let expected = f32::from_bits((*h as u32) << 16);
        assert_eq!(found as u32, if expected.is_nan() { 0x7fff_ffff } else { expected.to_bits() });
    }
}

/// The value of a binary16 by its definition.
fn f16_value(h: u16) -> f64 {
    let (exponent, fraction) = (i32::from(h >> 10 & 31), f64::from(h & 1023));
    let magnitude = match exponent {
        0 => fraction * libm::exp2(-24.0),
        31 => {
            if fraction == 0.0 {
                f64::INFINITY
            } else {
                f64::NAN
            }
        }
        _ => (1024.0 + fraction) * libm::exp2(f64::from(exponent) - 25.0),
    };
    if h >> 15 == 1 { -magnitude } else { magnitude }
}

#[test]
fn binary16() {
    let all: Vec<u64> = (0..65_536).step_by(67).collect();
    let found = of("cvt.f32.f16 %fd, %ha; mov.b32 %rd, %fd; cvt.u64.u32 %d, %rd;", &all);
    for (h, found) in all.iter().zip(found) {
        let expected = f16_value(*h as u16) as f32;
        assert!(f32::from_bits(found as u32) == expected || expected.is_nan(), "{h:#x}");
    }
    // Halfway between neighbours goes to the even one, just beside it to the nearer one.
    let below: Vec<u16> = (0..0x7bff).step_by(61).collect();
    let middle: Vec<f32> = below.iter().map(|h| ((f16_value(*h) + f16_value(h + 1)) / 2.0) as f32).collect();
    let bits: Vec<u64> = middle.iter().map(|x| u64::from(x.to_bits())).collect();
    let body = "cvt.rn.f16.f32 %hd, %fa; cvt.u64.u16 %d, %hd;";
    for (h, found) in below.iter().zip(of(body, &bits)) {
        assert_eq!(found as u16, h + (h & 1), "{h:#x}");
    }
    let above: Vec<u64> = middle.iter().map(|x| u64::from(x.next_up().to_bits())).collect();
    for (h, found) in below.iter().zip(of(body, &above)) {
        assert_eq!(found as u16, h + 1);
    }
    let found = of(body, &[65_504f32, 65_519.0, 65_520.0, -1e9, 1e-9].map(|x| u64::from(x.to_bits())));
    assert_eq!(found, [0x7bff, 0x7bff, 0x7c00, 0xfc00, 0]);
}

#[test]
fn what_is_not_known_is_refused_by_name() {
    let mut memory = ptx_interpreter::Memory::new();
    let mut error = |body: &str| {
        let text = format!("{}.entry k() {{\n.reg .b32 %r<3>; .reg .f32 %f<3>;\n{body}\nret; }}", crate::harness::HEAD);
        ptx_interpreter::Module::load(&mut memory, &text).err().expect("it must be refused").to_string()
    };
    assert_eq!(error("frob.b32 %r1, %r2;"), "PTX line 6: instruction `frob.b32` is not known");
    assert_eq!(error("add.frob.f32 %f1, %f2, %f0;"), "PTX line 6: `add.frob.f32`: `.frob` is not supported here");
    assert_eq!(error("add.u32 %r1, %r7, %r0;"), "PTX line 6: `%r7` is not declared");
    assert_eq!(error("bra nowhere;"), "PTX line 6: `nowhere` is not declared");
    assert!(error("fma.rna.f32 %f1, %f2, %f0, %f0;").contains("`.rna`"));
    assert!(error("add.u32 %r1, %r2;").contains("3 operands expected"));
    assert!(error("ld.global.v2.f32 %f1, [%r1];").contains("2 registers expected"));
    assert!(error("tex.2d.v4.f32.f32 {%f1}, [%r1];").contains("is not known"));
}
