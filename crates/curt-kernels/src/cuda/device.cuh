// What all kernels share: the arithmetic of src/math.rs and src/cpu/simd.rs, operation for operation.
//
// Sources are compiled with -fmad=false, and division and square root are IEEE 754's: a fused multiply-add is where
// fmaf stands, as on the CPU. No CUDA header is included.
#pragma once

typedef unsigned int u32;
typedef unsigned long long u64;

// An entry point for blocks of so many threads (and, if stated, so many blocks at once on a multiprocessor).
#define KERNEL(...) extern "C" __global__ void __launch_bounds__(__VA_ARGS__)

// Lanes of one sum, and threads that take it: half a warp.
const u32 LANES = 16;
// All threads of a warp.
const u32 WARP = 0xffffffffu;

__device__ inline float infinity() { return __uint_as_float(0x7f800000u); }

// 1.5 * 2^23: adding it rounds a small number to an integer, which then stands in the low bits.
const float ROUND = 12582912.0f;

// 2^n for n in -126 ..= 127.
__device__ inline float power_of_two(int n) { return __uint_as_float((u32)(n + 127) << 23); }

// y * 2^n for the n that adding ROUND left in the low bits of `shifted`.
__device__ inline float times_power_of_two(float y, float shifted) {
    int n = (int)(__float_as_uint(shifted) - __float_as_uint(ROUND));
    int half = n >> 1;
    return y * power_of_two(half) * power_of_two(n - half);
}

// e^x for x in -104 ..= 89.
__device__ inline float exp_in_range(float x) {
    float shifted = fmaf(x, 1.44269504088896340736f, ROUND);
    float n = shifted - ROUND;
    float r = fmaf(n, -(355.0f / 512.0f), x);
    r = fmaf(n, 2.1219444e-4f, r);
    float p = fmaf(1.9875691e-4f, r, 1.3981999e-3f);
    p = fmaf(p, r, 8.333452e-3f);
    p = fmaf(p, r, 4.1665796e-2f);
    p = fmaf(p, r, 1.6666665e-1f);
    p = fmaf(p, r, 0.5f);
    return times_power_of_two(fmaf(p, r * r, r) + 1.0f, shifted);
}

// math::exp
__device__ inline float exp_of(float x) {
    x = x < -104.0f ? -104.0f : x;
    x = x > 89.0f ? 89.0f : x;
    return exp_in_range(x);
}

// Vector::exp_or_zero: e^x of x up to 88, but 0 of x below -87.
__device__ inline float exp_or_zero(float x) {
    float y = exp_in_range(x < -87.0f ? -87.0f : x);
    return x < -87.0f ? 0.0f : y;
}

// math::sigmoid
__device__ inline float sigmoid(float x) { return 1.0f / (1.0f + exp_of(-x)); }

// The sum of the 16 numbers of a half warp by the tree 8 + 8, 4 + 4, 2 + 2, 1 + 1, in all of its lanes.
//
// Lane i adds the number of lane i ^ h where the CPU's lane i < h adds that of lane i + h: addition commutes, so every lane
// ends with the CPU's bits. All 32 threads of the warp must call.
template <typename T>
__device__ inline T half_sum(T x) {
    for (int h = LANES / 2; h > 0; h /= 2) {
        x += __shfl_xor_sync(WARP, x, h);
    }
    return x;
}

// The largest of the 16 numbers of a half warp, in all of its lanes; NaN as in simd::max.
__device__ inline float half_max(float x) {
    for (int h = LANES / 2; h > 0; h /= 2) {
        float other = __shfl_down_sync(WARP, x, h, LANES);
        x = other > x ? other : x;
    }
    return __shfl_sync(WARP, x, 0, LANES);
}
