//! 16 lanes as machine registers, for tiles whose sums must stay in registers.
//!
//! Written over arrays, a tile of many accumulators depends on the compiler finding the right loop to vectorize, which it
//! does for some tile sizes and not for others. These types leave it no choice. Same operations, same order and same
//! bits as [`crate::cpu::simd`].

#[cfg(target_arch = "x86_64")]
mod x86;

use super::simd::{self, LANES, Lanes, SimdPath};
use crate::math;

/// 16 numbers of f32 in registers.
///
/// # Safety
/// An implementor's methods may only run where its instructions exist: inside [`VectorKernel::run`] as called by [`run`].
pub(crate) unsafe trait Vector: Copy {
    /// Whether 32 such vectors fit the registers; otherwise 8 do.
    const WIDE: bool;
    /// 16 times `x`.
    fn splat(x: f32) -> Self;
    /// From an array.
    fn load(x: &Lanes) -> Self;
    /// To an array.
    fn store(self, x: &mut Lanes);
    /// `self + a · b`, fused.
    fn fma(self, a: Self, b: Self) -> Self;
    /// `self · a`.
    fn mul(self, a: Self) -> Self;
    /// `self + a`.
    fn add(self, a: Self) -> Self;
    /// `self − a`.
    fn sub(self, a: Self) -> Self;
    /// `x` where a lane is below it.
    fn at_least(self, x: f32) -> Self;
    /// `self · 2^n` in two factors, for the n that rounding left in the low bits of `shifted`; see [`math::exp`].
    fn times_power_of_two(self, shifted: Self) -> Self;
    /// The first `n` ≤ 16 lanes; the others are `x`.
    fn first(self, n: usize, x: f32) -> Self;
    /// 0 where the lane of `of` is below `x`.
    fn zero_below(self, of: Self, x: f32) -> Self;
    /// [`math::exp`] of lanes up to 88, but 0 of lanes below −87.
    ///
    /// So no result is subnormal: processors take a hundred cycles over each instruction that meets one.
    #[inline(always)]
    fn exp_or_zero(self) -> Self {
        let c = Self::splat;
        let x = self.at_least(-87.0);
        let shifted = c(math::ROUND).fma(x, c(std::f32::consts::LOG2_E));
        let n = shifted.sub(c(math::ROUND));
        let r = x.fma(n, c(-math::LN_2.0)).fma(n, c(math::LN_2.1));
        let mut p = c(math::EXP[0]);
        for k in 1..math::EXP.len() {
            p = c(math::EXP[k]).fma(p, r);
        }
        r.fma(p, r.mul(r)).add(c(1.0)).times_power_of_two(shifted).zero_below(self, -87.0)
    }
    /// [`simd::sum`].
    fn sum(self) -> f32;
    /// [`simd::max`].
    fn max(self) -> f32;
}

/// A piece of arithmetic over any [`Vector`]. `run` must be `#[inline(always)]`.
pub(crate) trait VectorKernel {
    /// Does the work.
    fn run<V: Vector>(self);
}

/// Runs `kernel` compiled for `path`, which must be available: [`crate::Cpu`] checks it once.
#[inline]
pub(crate) fn run<K: VectorKernel>(path: SimdPath, kernel: K) {
    match path {
        // SAFETY: `Cpu::with_path` refuses a path whose features the processor lacks.
        #[cfg(target_arch = "x86_64")]
        SimdPath::Avx512 => unsafe { x86::run_avx512(kernel) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        SimdPath::Avx2 => unsafe { x86::run_avx2(kernel) },
        _ => kernel.run::<Array>(),
    }
}

/// The plain form.
#[derive(Clone, Copy)]
struct Array(Lanes);

// SAFETY: no special instructions.
unsafe impl Vector for Array {
    const WIDE: bool = false;
    #[inline(always)]
    fn splat(x: f32) -> Self {
        Self([x; LANES])
    }
    #[inline(always)]
    fn load(x: &Lanes) -> Self {
        Self(*x)
    }
    #[inline(always)]
    fn store(self, x: &mut Lanes) {
        *x = self.0;
    }
    #[cfg_attr(target_arch = "x86_64", inline(never))]
    #[cfg_attr(not(target_arch = "x86_64"), inline(always))]
    fn fma(mut self, a: Self, b: Self) -> Self {
        for i in 0..LANES {
            self.0[i] = a.0[i].mul_add(b.0[i], self.0[i]);
        }
        self
    }
    #[inline(always)]
    fn mul(mut self, a: Self) -> Self {
        for i in 0..LANES {
            self.0[i] *= a.0[i];
        }
        self
    }
    #[inline(always)]
    fn add(mut self, a: Self) -> Self {
        for i in 0..LANES {
            self.0[i] += a.0[i];
        }
        self
    }
    #[inline(always)]
    fn sub(mut self, a: Self) -> Self {
        for i in 0..LANES {
            self.0[i] -= a.0[i];
        }
        self
    }
    #[cfg_attr(target_arch = "x86_64", inline(never))]
    #[cfg_attr(not(target_arch = "x86_64"), inline(always))]
    fn at_least(mut self, x: f32) -> Self {
        for i in 0..LANES {
            self.0[i] = if self.0[i] < x { x } else { self.0[i] };
        }
        self
    }
    #[cfg_attr(target_arch = "x86_64", inline(never))]
    #[cfg_attr(not(target_arch = "x86_64"), inline(always))]
    fn zero_below(mut self, of: Self, x: f32) -> Self {
        for i in 0..LANES {
            self.0[i] = if of.0[i] < x { 0.0 } else { self.0[i] };
        }
        self
    }
    #[cfg_attr(target_arch = "x86_64", inline(never))]
    #[cfg_attr(not(target_arch = "x86_64"), inline(always))]
    fn times_power_of_two(mut self, shifted: Self) -> Self {
        for i in 0..LANES {
            self.0[i] = math::times_power_of_two(self.0[i], shifted.0[i]);
        }
        self
    }
    #[inline(always)]
    fn first(mut self, n: usize, x: f32) -> Self {
        for i in 0..LANES {
            self.0[i] = if i < n { self.0[i] } else { x };
        }
        self
    }
    #[inline(always)]
    fn sum(self) -> f32 {
        simd::sum(&self.0)
    }
    #[inline(always)]
    fn max(self) -> f32 {
        simd::max(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Numbers;

    /// Every method on `x` and `y`, one result after the other.
    struct Everything<'a> {
        x: Lanes,
        y: Lanes,
        bits: &'a mut Vec<u32>,
    }

    impl VectorKernel for Everything<'_> {
        #[inline(always)]
        fn run<V: Vector>(self) {
            let (x, y) = (V::load(&self.x), V::load(&self.y));
            let powers = V::splat(math::ROUND).add(y);
            let vectors = [
                x.fma(y, V::splat(0.3)),
                x.mul(y),
                x.add(y),
                x.sub(y),
                x.at_least(0.5),
                x.times_power_of_two(powers),
                x.first(0, 7.0),
                x.first(5, 7.0),
                x.first(16, 7.0),
                x.zero_below(y, 0.2),
                x.exp_or_zero(),
            ];
            for vector in vectors {
                let mut lanes = [0.0; LANES];
                vector.store(&mut lanes);
                self.bits.extend(lanes.map(f32::to_bits));
            }
            self.bits.extend([x.sum().to_bits(), x.max().to_bits()]);
        }
    }

    #[test]
    fn all_paths_have_the_bits_of_arrays() {
        let mut numbers = Numbers::new(4);
        let mut lanes = |scale: f64| -> Lanes { std::array::from_fn(|_| ((2.0 * numbers.uniform() - 1.0) * scale) as f32) };
        let mut cases: Vec<(Lanes, Lanes)> = (0..500).map(|i| (lanes(f64::from(i) * 0.3), lanes(60.0))).collect();
        let mut special =
            [0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY, -87.5, -95.0, -103.9, -104.1, 88.7, 88.9, 89.1, 1e-40].repeat(2);
        special.truncate(LANES);
        cases.push((special.try_into().unwrap(), lanes(1.0)));
        for (x, y) in cases {
            let of = |path: SimdPath| {
                let mut bits = Vec::new();
                run(path, Everything { x, y, bits: &mut bits });
                bits
            };
            let want = of(SimdPath::Portable);
            let or_zero = &want[10 * LANES..][..LANES];
            for i in (0..LANES).filter(|&i| x[i] < 88.0) {
                let want = if x[i] < -87.0 { 0.0 } else { math::exp(x[i]) };
                assert_eq!(f32::from_bits(or_zero[i]), want, "exp or zero of {}", x[i]);
                assert!(!f32::from_bits(or_zero[i]).is_subnormal());
            }
            for path in SimdPath::ALL.into_iter().filter(|p| p.is_available()) {
                assert!(of(path) == want, "{path:?} of {x:?}, {y:?}");
            }
        }
    }

    #[test]
    fn nan_lanes_stay_nan_and_are_cut_by_first() {
        struct Nan;
        impl VectorKernel for Nan {
            #[inline(always)]
            fn run<V: Vector>(self) {
                let nan = V::splat(f32::NAN);
                assert!(nan.exp_or_zero().sum().is_nan() && nan.at_least(1.0).sum().is_nan());
                assert_eq!(nan.first(0, 2.0).sum(), 32.0);
            }
        }
        for path in SimdPath::ALL.into_iter().filter(|p| p.is_available()) {
            run(path, Nan);
        }
    }
}
