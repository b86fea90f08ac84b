//! One value for each thread of a warp, and functions over them.

/// Threads of a warp.
pub const WARP: usize = 32;
/// A register of a warp: narrower values stand zero-extended.
pub type Lanes = [u64; WARP];

/// Functions that write every lane of the first argument from the others.
pub type Unary = Box<dyn Fn(&mut Lanes, &Lanes) + Send + Sync>;
pub type Binary = Box<dyn Fn(&mut Lanes, &Lanes, &Lanes) + Send + Sync>;
pub type Ternary = Box<dyn Fn(&mut Lanes, &Lanes, &Lanes, &Lanes) + Send + Sync>;
pub type Quaternary = Box<dyn Fn(&mut Lanes, &Lanes, &Lanes, &Lanes, &Lanes) + Send + Sync>;
/// A bit for each lane where the relation holds.
pub type Relation = Box<dyn Fn(&Lanes, &Lanes) -> u32 + Send + Sync>;

/// `f` in every lane. The loop stands inside the box, so that `f` is inlined.
pub fn unary(f: impl Fn(u64) -> u64 + Send + Sync + 'static) -> Unary {
    Box::new(move |out, a| {
        for (out, a) in out.iter_mut().zip(a) {
            *out = f(*a);
        }
    })
}

pub fn binary(f: impl Fn(u64, u64) -> u64 + Send + Sync + 'static) -> Binary {
    Box::new(move |out, a, b| {
        for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
            *out = f(*a, *b);
        }
    })
}

pub fn ternary(f: impl Fn(u64, u64, u64) -> u64 + Send + Sync + 'static) -> Ternary {
    Box::new(move |out, a, b, c| {
        for (((out, a), b), c) in out.iter_mut().zip(a).zip(b).zip(c) {
            *out = f(*a, *b, *c);
        }
    })
}

pub fn quaternary(f: impl Fn(u64, u64, u64, u64) -> u64 + Send + Sync + 'static) -> Quaternary {
    Box::new(move |out, a, b, c, d| {
        for ((((out, a), b), c), d) in out.iter_mut().zip(a).zip(b).zip(c).zip(d) {
            *out = f(*a, *b, *c, *d);
        }
    })
}

pub fn relation(f: impl Fn(u64, u64) -> bool + Send + Sync + 'static) -> Relation {
    Box::new(move |a, b| a.iter().zip(b).enumerate().fold(0, |bits, (lane, (a, b))| bits | u32::from(f(*a, *b)) << lane))
}

/// The lanes of a mask, lowest first.
pub fn lanes_of(mask: u32) -> impl Iterator<Item = usize> {
    let mut rest = mask;
    std::iter::from_fn(move || {
        if rest == 0 {
            return None;
        }
        let lane = rest.trailing_zeros() as usize;
        rest &= rest - 1;
        Some(lane)
    })
}
