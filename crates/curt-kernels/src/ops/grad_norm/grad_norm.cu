// Sums of squares of blocks of a tensor, in f64.

#include "device.cuh"

// Elements of one sum: `BLOCK` of mod.rs.
const u32 BLOCK = 16384;

// One half warp per block of elements: lane i sums the squares of elements i, i + 16, ...; then the tree.
KERNEL(128) sum_of_squares(double *sums, const float *x, u64 len) {
    u32 lane = threadIdx.x % LANES;
    u64 block = (u64)blockIdx.x * (blockDim.x / LANES) + threadIdx.x / LANES;
    u64 start = block * BLOCK;
    u64 end = start + BLOCK < len ? start + BLOCK : len;
    double sum = 0.0;
#pragma unroll 8
    for (u64 i = start + lane; i < end; i += LANES) {
        double value = x[i];
        sum += value * value;
    }
    sum = half_sum(sum);
    if (lane == 0 && start < len) sums[block] = sum;
}
