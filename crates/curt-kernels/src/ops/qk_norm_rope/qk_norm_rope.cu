// Head norm and rotary positions. A half warp holds a head of a row in registers, and in shared memory where its lanes need
// each other's numbers, so that a head is read once; what several heads need is read once per block.

#include "device.cuh"

// Widest head: WIDEST of cuda.rs.
const u32 WIDEST = 128;
// Elements of a head per lane.
const u32 EACH = WIDEST / LANES;
const u32 THREADS = 256;
// Heads of a block at work.
const u32 HEADS = THREADS / LANES;
// Distance of the heads in shared memory: the two half warps of a warp use different banks.
const u32 STRIDE = WIDEST + LANES;

// Rows of a block of the forward.
const u32 FORWARD_ROWS = 4;
// Rows whose norm gradients are summed together: DWEIGHT_ROWS of the norm. A block of the backward owns as many.
const u32 DWEIGHT_ROWS = 64;

__device__ inline float scale_of(float squares, u32 width, float epsilon) {
    return 1.0f / sqrtf(squares / (float)width + epsilon);
}

// Cosines and sines of a row's position.
struct Angles {
    float cos[WIDEST / 2], sin[WIDEST / 2];
};

// Brings the angles of `count` rows to shared memory.
__device__ inline void load_angles(Angles *to, const float *cos, const float *sin, const u32 *positions, u32 count, u32 half) {
    for (u32 i = threadIdx.x; i < count * half; i += THREADS) {
        u32 row = i / half, at = i % half;
        u64 from = (u64)positions[row] * half + at;
        to[row].cos[at] = cos[from];
        to[row].sin[at] = sin[from];
    }
}

// A lane's elements lane, lane + 16, ... of a head.
struct Held {
    float of[EACH];

    __device__ inline void load(const float *from, bool exists, u32 head_dim) {
#pragma unroll
        for (u32 c = 0; c < EACH; ++c) {
            u32 i = threadIdx.x % LANES + LANES * c;
            of[c] = exists && i < head_dim ? from[i] : 0.0f;
        }
    }

    __device__ inline void store(float *to, bool exists, u32 head_dim) const {
#pragma unroll
        for (u32 c = 0; c < EACH; ++c) {
            u32 i = threadIdx.x % LANES + LANES * c;
            if (exists && i < head_dim) to[i] = of[c];
        }
    }
};

// Norm weights may be null. Grid (blocks of 4 rows).
KERNEL(256) qk_norm_rope_forward(float *q, float *k, const float *qkv, const float *q_norm, const float *k_norm, const float *cos,
                            const float *sin, const u32 *positions, u32 rows, u32 heads, u32 kv_heads, u32 head_dim,
                            float epsilon) {
    __shared__ Angles angles[FORWARD_ROWS];
    __shared__ float norms[2][WIDEST];
    __shared__ float room[HEADS][STRIDE];
    u32 mine = threadIdx.x / LANES, lane = threadIdx.x % LANES, half = head_dim / 2, all = heads + kv_heads;
    u64 first = (u64)blockIdx.x * FORWARD_ROWS;
    u32 count = rows - first < FORWARD_ROWS ? rows - (u32)first : FORWARD_ROWS;
    load_angles(angles, cos, sin, positions + first, count, half);
    if (q_norm && threadIdx.x < head_dim) {
        norms[0][threadIdx.x] = q_norm[threadIdx.x];
        norms[1][threadIdx.x] = k_norm[threadIdx.x];
    }
    __syncthreads();
    // heads row by row, queries first, then keys
    for (u32 done = 0; done < count * all; done += HEADS) {
        u32 row = (done + mine) / all, index = (done + mine) % all;
        bool exists = row < count, is_query = index < heads;
        Held x;
        x.load(qkv + ((first + row) * (all + kv_heads) + index) * head_dim, exists, head_dim);
        x.store(room[mine], exists, head_dim);
        float squares = 0.0f;
#pragma unroll
        for (u32 c = 0; c < EACH; ++c) {
            if (lane + LANES * c < head_dim) squares = fmaf(x.of[c], x.of[c], squares);
        }
        float s = scale_of(half_sum(squares), head_dim, epsilon);
        __syncwarp();
        u64 place = is_query ? (first + row) * heads + index : (first + row) * kv_heads + index - heads;
        float *y = (is_query ? q : k) + place * head_dim;
        const float *norm = norms[is_query ? 0 : 1];
        for (u32 i = lane; exists && i < half; i += LANES) {
            float x1 = room[mine][i], x2 = room[mine][i + half];
            if (q_norm) {
                x1 = (x1 * s) * norm[i];
                x2 = (x2 * s) * norm[i + half];
            }
            float c = angles[row].cos[i], sine = angles[row].sin[i];
            y[i] = fmaf(x1, c, -(x2 * sine));
            y[i + half] = fmaf(x2, c, x1 * sine);
        }
        __syncwarp();
    }
}

// Element i of a head's dy turned back.
__device__ inline float turned_back(const float *dy, const Angles &angles, u32 i, u32 half) {
    u32 low = i < half ? i : i - half;
    float y1 = dy[low], y2 = dy[low + half], c = angles.cos[low], s = -angles.sin[low];
    return i < half ? fmaf(y1, c, -(y2 * s)) : fmaf(y2, c, y1 * s);
}

// The q and k parts of dqkv, and partial sums of the norms' gradients over 64 rows, row after row and head after head; norm
// weights and partials may be null.
//
// Grid (blocks of rows, 2): queries, then keys; partials [2][blocks][head_dim].
KERNEL(256) qk_norm_rope_backward(float *dqkv, float *partials, const float *dq, const float *dk, const float *qkv,
                             const float *q_norm, const float *k_norm, const float *cos, const float *sin,
                             const u32 *positions, u32 rows, u32 heads, u32 kv_heads, u32 head_dim, float epsilon) {
    __shared__ Angles angles[HEADS];
    __shared__ u32 row_positions[DWEIGHT_ROWS];
    // dy, then dy turned back; and x times its scale
    __shared__ float room_d[HEADS][STRIDE];
    __shared__ float room_x[HEADS][STRIDE];
    bool is_query = blockIdx.y == 0;
    u32 mine = threadIdx.x / LANES, lane = threadIdx.x % LANES, half = head_dim / 2;
    u32 my_heads = is_query ? heads : kv_heads, fused = (heads + 2 * kv_heads) * head_dim;
    u64 first = (u64)blockIdx.x * DWEIGHT_ROWS;
    u32 count = rows - first < DWEIGHT_ROWS ? rows - (u32)first : DWEIGHT_ROWS;
    u64 start = first * fused + (is_query ? 0 : heads * head_dim);
    const float *dy = (is_query ? dq : dk) + first * my_heads * head_dim;
    const float *norm = is_query ? q_norm : k_norm;
    Held weight;
    weight.load(norm, norm != nullptr, head_dim);
    if (threadIdx.x < count) row_positions[threadIdx.x] = positions[first + threadIdx.x];
    float sum = 0.0f;
    for (u32 done = 0; done < count * my_heads; done += HEADS) {
        u32 number = done + mine, row = number / my_heads;
        bool exists = row < count;
        u64 at = start + (u64)row * fused + number % my_heads * head_dim;
        Held x, d;
        d.load(dy + (u64)number * head_dim, exists, head_dim);
        x.load(qkv + at, exists && norm, head_dim);
        // the sums over the heads before have been taken
        __syncthreads();
        u32 last = count * my_heads - done < HEADS ? count * my_heads - 1 : done + HEADS - 1;
        load_angles(angles, cos, sin, row_positions + done / my_heads, last / my_heads - done / my_heads + 1, half);
        d.store(room_d[mine], exists, head_dim);
        __syncthreads();
        float squares = 0.0f, gx = 0.0f;
#pragma unroll
        for (u32 c = 0; c < EACH; ++c) {
            u32 i = lane + LANES * c;
            if (!exists || i >= head_dim) continue;
            d.of[c] = turned_back(room_d[mine], angles[row - done / my_heads], i, half);
            squares = fmaf(x.of[c], x.of[c], squares);
            gx = fmaf(d.of[c] * weight.of[c], x.of[c], gx);
        }
        float s = scale_of(half_sum(squares), head_dim, epsilon);
        float pull = s * s * (half_sum(gx) / (float)head_dim);
        Held dx, scaled;
#pragma unroll
        for (u32 c = 0; c < EACH; ++c) {
            dx.of[c] = norm ? s * fmaf(x.of[c], -pull, d.of[c] * weight.of[c]) : d.of[c];
            scaled.of[c] = x.of[c] * s;
        }
        dx.store(dqkv + at, exists, head_dim);
        if (!norm) continue;
        // the half warp's lanes have read each other's dy: the sums lie between
        __syncwarp();
        d.store(room_d[mine], exists, head_dim);
        scaled.store(room_x[mine], exists, head_dim);
        __syncthreads();
        if (threadIdx.x < head_dim) {
            for (u32 head = 0; head <= last - done; ++head) {
                sum = fmaf(room_d[head][threadIdx.x], room_x[head][threadIdx.x], sum);
            }
        }
    }
    if (norm && threadIdx.x < head_dim) {
        partials[((u64)blockIdx.y * gridDim.x + blockIdx.x) * head_dim + threadIdx.x] = sum;
    }
}

// The v part of dqkv: one block per row.
KERNEL(256) qk_norm_rope_backward_values(float *dqkv, const float *dv, u32 fused, u32 width) {
    u64 row = blockIdx.x;
    float *target = dqkv + (row + 1) * fused - width;
    for (u32 i = threadIdx.x; i < width; i += blockDim.x) {
        target[i] = dv[row * width + i];
    }
}
