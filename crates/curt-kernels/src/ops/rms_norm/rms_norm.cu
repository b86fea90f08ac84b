// RMSNorm. A half warp owns a row: its lane i holds what the CPU's lane i holds.

#include "device.cuh"

// Rows whose gradient of the weight is summed together: DWEIGHT_ROWS of cpu.rs.
const u32 DWEIGHT_ROWS = 64;

__device__ inline float scale_of(float squares, u32 width, float epsilon) {
    return 1.0f / sqrtf(squares / (float)width + epsilon);
}

__device__ inline u64 my_row() { return (u64)blockIdx.x * (blockDim.x / LANES) + threadIdx.x / LANES; }

KERNEL(128) rms_norm_forward(float *y, const float *x, const float *weight, u32 rows, u32 width, float epsilon) {
    u64 row = my_row();
    u32 lane = threadIdx.x % LANES;
    u32 end = row < rows ? width : 0;
    x += row * width;
    float squares = 0.0f;
#pragma unroll 4
    for (u32 i = lane; i < end; i += LANES) {
        squares = fmaf(x[i], x[i], squares);
    }
    float s = scale_of(half_sum(squares), width, epsilon);
    for (u32 i = lane; i < end; i += LANES) {
        y[row * width + i] = (x[i] * s) * weight[i];
    }
}

KERNEL(128) add_rms_norm_forward(float *h, float *y, const float *x, const float *delta, const float *weight, u32 rows, u32 width,
                            float epsilon) {
    u64 row = my_row();
    u32 lane = threadIdx.x % LANES;
    u32 end = row < rows ? width : 0;
    u64 start = row * width;
    float squares = 0.0f;
#pragma unroll 4
    for (u32 i = lane; i < end; i += LANES) {
        float sum = x[start + i] + delta[start + i];
        h[start + i] = sum;
        squares = fmaf(sum, sum, squares);
    }
    float s = scale_of(half_sum(squares), width, epsilon);
    // each lane reads what it wrote
    for (u32 i = lane; i < end; i += LANES) {
        y[start + i] = (h[start + i] * s) * weight[i];
    }
}

// dx, and the scale of each row for rms_norm_backward_weight; `dresidual` may be null.
KERNEL(128) rms_norm_backward_input(float *dx, float *scales, const float *dresidual, const float *dy, const float *x,
                               const float *weight, u32 rows, u32 width, float epsilon) {
    u64 row = my_row();
    u32 lane = threadIdx.x % LANES;
    u32 end = row < rows ? width : 0;
    u64 start = row * width;
    float squares = 0.0f, gx = 0.0f;
#pragma unroll 4
    for (u32 i = lane; i < end; i += LANES) {
        float value = x[start + i];
        squares = fmaf(value, value, squares);
        gx = fmaf(dy[start + i] * weight[i], value, gx);
    }
    float s = scale_of(half_sum(squares), width, epsilon);
    float pull = s * s * (half_sum(gx) / (float)width);
    for (u32 i = lane; i < end; i += LANES) {
        float d = s * fmaf(x[start + i], -pull, dy[start + i] * weight[i]);
        if (dresidual) d += dresidual[start + i];
        dx[start + i] = d;
    }
    if (lane == 0 && row < rows) scales[row] = s;
}

// Partial sums of dweight over blocks of 64 rows, rows in order: one thread per column, one grid row per block.
KERNEL(128) rms_norm_backward_weight(float *partials, const float *dy, const float *x, const float *scales, u32 rows, u32 width) {
    u32 column = blockIdx.x * blockDim.x + threadIdx.x;
    if (column >= width) return;
    u32 first = blockIdx.y * DWEIGHT_ROWS;
    u32 end = first + DWEIGHT_ROWS < rows ? first + DWEIGHT_ROWS : rows;
    float sum = 0.0f;
#pragma unroll 4
    for (u32 row = first; row < end; ++row) {
        u64 at = (u64)row * width + column;
        sum = fmaf(dy[at], x[at] * scales[row], sum);
    }
    partials[(u64)blockIdx.y * width + column] = sum;
}

// Adds the partial sums in order, then their sum to `total`: one thread per column.
KERNEL(128) add_in_order(float *total, const float *partials, u32 count, u32 width) {
    u32 column = blockIdx.x * blockDim.x + threadIdx.x;
    if (column >= width) return;
    float sum = partials[column];
    for (u32 i = 1; i < count; ++i) {
        sum += partials[(u64)i * width + column];
    }
    total[column] += sum;
}
