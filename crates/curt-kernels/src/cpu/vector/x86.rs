//! AVX-512 and AVX2 with fused multiply-add.

use std::arch::x86_64::*;

use super::{LANES, Lanes, Vector, VectorKernel};
use crate::math;

/// The bits of [`math::ROUND`].
const ROUND_BITS: i32 = math::ROUND.to_bits() as i32;

#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,bmi2")]
pub(super) fn run_avx512<K: VectorKernel>(kernel: K) {
    kernel.run::<Avx512>();
}

#[target_feature(enable = "avx2,fma,bmi2")]
pub(super) fn run_avx2<K: VectorKernel>(kernel: K) {
    kernel.run::<Avx2>();
}

/// One 512-bit register.
#[derive(Clone, Copy)]
struct Avx512(__m512);

/// Two 256-bit registers.
#[derive(Clone, Copy)]
struct Avx2(__m256, __m256);

/// The lower steps of the tree of [`crate::cpu::simd::sum`].
#[inline]
#[target_feature(enable = "avx2,fma")]
fn sum8(x: __m256) -> f32 {
    let x = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps::<1>(x));
    let x = _mm_add_ps(x, _mm_movehl_ps(x, x));
    _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)))
}

/// The lower steps of [`crate::cpu::simd::max`]: the upper half where it is larger, else the lower.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn max8(x: __m256) -> f32 {
    let x = _mm_max_ps(_mm256_extractf128_ps::<1>(x), _mm256_castps256_ps128(x));
    let x = _mm_max_ps(_mm_movehl_ps(x, x), x);
    _mm_cvtss_f32(_mm_max_ss(_mm_movehdup_ps(x), x))
}

/// Eight lanes of [`math::times_power_of_two`].
#[inline]
#[target_feature(enable = "avx2,fma")]
fn times_power_of_two8(x: __m256, shifted: __m256) -> __m256 {
    let n = _mm256_sub_epi32(_mm256_castps_si256(shifted), _mm256_set1_epi32(ROUND_BITS));
    let half = _mm256_srai_epi32::<1>(n);
    let factor = |n: __m256i| _mm256_castsi256_ps(_mm256_slli_epi32::<23>(_mm256_add_epi32(n, _mm256_set1_epi32(127))));
    _mm256_mul_ps(_mm256_mul_ps(x, factor(half)), factor(_mm256_sub_epi32(n, half)))
}

// SAFETY: private, and used by `run_avx512` alone, which has the features; loads and stores are of whole arrays.
unsafe impl Vector for Avx512 {
    const WIDE: bool = true;
    #[inline(always)]
    fn splat(x: f32) -> Self {
        // SAFETY: as promised by the trait, here and below.
        unsafe { Self(_mm512_set1_ps(x)) }
    }
    #[inline(always)]
    fn load(x: &Lanes) -> Self {
        // SAFETY: `x` is 16 numbers.
        unsafe { Self(_mm512_loadu_ps(x.as_ptr())) }
    }
    #[inline(always)]
    fn store(self, x: &mut Lanes) {
        // SAFETY: `x` is 16 numbers.
        unsafe { _mm512_storeu_ps(x.as_mut_ptr(), self.0) }
    }
    #[inline(always)]
    fn fma(self, a: Self, b: Self) -> Self {
        // SAFETY: as in `splat`.
        unsafe { Self(_mm512_fmadd_ps(a.0, b.0, self.0)) }
    }
    #[inline(always)]
    fn mul(self, a: Self) -> Self {
        // SAFETY: as in `splat`.
        unsafe { Self(_mm512_mul_ps(self.0, a.0)) }
    }
    #[inline(always)]
    fn add(self, a: Self) -> Self {
        // SAFETY: as in `splat`.
        unsafe { Self(_mm512_add_ps(self.0, a.0)) }
    }
    #[inline(always)]
    fn at_least(self, x: f32) -> Self {
        // SAFETY: as in `splat`. A NaN lane is kept: the second operand wins.
        unsafe { Self(_mm512_max_ps(_mm512_set1_ps(x), self.0)) }
    }
    #[inline(always)]
    fn zero_below(self, of: Self, x: f32) -> Self {
        // SAFETY: as in `splat`.
        unsafe {
            let below = _mm512_cmp_ps_mask::<_CMP_LT_OQ>(of.0, _mm512_set1_ps(x));
            Self(_mm512_maskz_mov_ps(!below, self.0))
        }
    }
    #[inline(always)]
    fn times_power_of_two(self, shifted: Self) -> Self {
        // SAFETY: as in `splat`.
        unsafe {
            let n = _mm512_sub_epi32(_mm512_castps_si512(shifted.0), _mm512_set1_epi32(ROUND_BITS));
            let half = _mm512_srai_epi32::<1>(n);
            let power = |n| _mm512_castsi512_ps(_mm512_slli_epi32::<23>(_mm512_add_epi32(n, _mm512_set1_epi32(127))));
            Self(_mm512_mul_ps(_mm512_mul_ps(self.0, power(half)), power(_mm512_sub_epi32(n, half))))
        }
    }
    #[inline(always)]
    fn sub(self, a: Self) -> Self {
        // SAFETY: as in `splat`.
        unsafe { Self(_mm512_sub_ps(self.0, a.0)) }
    }
    #[inline(always)]
    fn first(self, n: usize, x: f32) -> Self {
        let mask = ((1u32 << n) - 1) as u16;
        // SAFETY: as in `splat`.
        unsafe { Self(_mm512_mask_blend_ps(mask, _mm512_set1_ps(x), self.0)) }
    }
    #[inline(always)]
    fn sum(self) -> f32 {
        // SAFETY: as in `splat`.
        unsafe { sum8(_mm256_add_ps(_mm512_castps512_ps256(self.0), _mm512_extractf32x8_ps::<1>(self.0))) }
    }
    #[inline(always)]
    fn max(self) -> f32 {
        // SAFETY: as in `splat`.
        unsafe { max8(_mm256_max_ps(_mm512_extractf32x8_ps::<1>(self.0), _mm512_castps512_ps256(self.0))) }
    }
}

// SAFETY: private, and used by `run_avx2` alone, which has the features; loads and stores are of whole arrays.
unsafe impl Vector for Avx2 {
    const WIDE: bool = false;
    #[inline(always)]
    fn splat(x: f32) -> Self {
        // SAFETY: as promised by the trait, here and below.
        unsafe { Self(_mm256_set1_ps(x), _mm256_set1_ps(x)) }
    }
    #[inline(always)]
    fn load(x: &Lanes) -> Self {
        // SAFETY: `x` is 16 numbers.
        unsafe { Self(_mm256_loadu_ps(x.as_ptr()), _mm256_loadu_ps(x.as_ptr().add(LANES / 2))) }
    }
    #[inline(always)]
    fn store(self, x: &mut Lanes) {
        // SAFETY: `x` is 16 numbers.
        unsafe {
            _mm256_storeu_ps(x.as_mut_ptr(), self.0);
            _mm256_storeu_ps(x.as_mut_ptr().add(LANES / 2), self.1);
        }
    }
    #[inline(always)]
    fn fma(self, a: Self, b: Self) -> Self {
        // SAFETY: as in `splat`.
        unsafe { Self(_mm256_fmadd_ps(a.0, b.0, self.0), _mm256_fmadd_ps(a.1, b.1, self.1)) }
    }
    #[inline(always)]
    fn mul(self, a: Self) -> Self {
        // SAFETY: as in `splat`.
        unsafe { Self(_mm256_mul_ps(self.0, a.0), _mm256_mul_ps(self.1, a.1)) }
    }
    #[inline(always)]
    fn add(self, a: Self) -> Self {
        // SAFETY: as in `splat`.
        unsafe { Self(_mm256_add_ps(self.0, a.0), _mm256_add_ps(self.1, a.1)) }
    }
    #[inline(always)]
    fn at_least(self, x: f32) -> Self {
        // SAFETY: as in `splat`. A NaN lane is kept: the second operand wins.
        unsafe { Self(_mm256_max_ps(_mm256_set1_ps(x), self.0), _mm256_max_ps(_mm256_set1_ps(x), self.1)) }
    }
    #[inline(always)]
    fn zero_below(self, of: Self, x: f32) -> Self {
        // SAFETY: as in `splat`.
        unsafe {
            let below = |of| _mm256_cmp_ps::<_CMP_LT_OQ>(of, _mm256_set1_ps(x));
            Self(_mm256_andnot_ps(below(of.0), self.0), _mm256_andnot_ps(below(of.1), self.1))
        }
    }
    #[inline(always)]
    fn times_power_of_two(self, shifted: Self) -> Self {
        // SAFETY: as in `splat`.
        unsafe { Self(times_power_of_two8(self.0, shifted.0), times_power_of_two8(self.1, shifted.1)) }
    }
    #[inline(always)]
    fn sub(self, a: Self) -> Self {
        // SAFETY: as in `splat`.
        unsafe { Self(_mm256_sub_ps(self.0, a.0), _mm256_sub_ps(self.1, a.1)) }
    }
    #[inline(always)]
    fn first(self, n: usize, x: f32) -> Self {
        // SAFETY: as in `splat`.
        unsafe {
            let (n, x) = (_mm256_set1_epi32(n as i32), _mm256_set1_ps(x));
            let low = _mm256_cmpgt_epi32(n, _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
            let high = _mm256_cmpgt_epi32(n, _mm256_setr_epi32(8, 9, 10, 11, 12, 13, 14, 15));
            let pick = |from, mask| _mm256_blendv_ps(x, from, _mm256_castsi256_ps(mask));
            Self(pick(self.0, low), pick(self.1, high))
        }
    }
    #[inline(always)]
    fn sum(self) -> f32 {
        // SAFETY: as in `splat`.
        unsafe { sum8(_mm256_add_ps(self.0, self.1)) }
    }
    #[inline(always)]
    fn max(self) -> f32 {
        // SAFETY: as in `splat`.
        unsafe { max8(_mm256_max_ps(self.1, self.0)) }
    }
}
