// Head norm and rotary positions. A half warp owns a head of a row; heads are counted queries first, then keys.

#include "device.cuh"

// Rows whose norm gradients are summed together: DWEIGHT_ROWS of the norm.
const u32 DWEIGHT_ROWS = 64;

// Sizes and the parameters of both directions.
struct Rows {
    const float *q_norm, *k_norm; // null without norms
    const float *cos, *sin;
    const u32 *positions;
    u32 rows, heads, kv_heads, head_dim;
    float epsilon;
};

// A head of a row.
struct Head {
    u64 row;
    u32 index;
    bool exists, is_query;
    // its first element in the fused row, and in q or k
    u64 fused, alone;
    const float *norm, *cos, *sin;
};

__device__ inline Head head_at(const Rows &r, u64 number) {
    Head head;
    u32 all = r.heads + r.kv_heads;
    head.row = number / all;
    head.index = (u32)(number % all);
    head.exists = head.row < r.rows;
    head.is_query = head.index < r.heads;
    u64 d = r.head_dim;
    head.fused = (head.row * (all + r.kv_heads) + head.index) * d;
    head.alone = head.is_query ? (head.row * r.heads + head.index) * d : (head.row * r.kv_heads + head.index - r.heads) * d;
    head.norm = head.is_query ? r.q_norm : r.k_norm;
    u64 angle = head.exists ? (u64)r.positions[head.row] * (d / 2) : 0;
    head.cos = r.cos + angle;
    head.sin = r.sin + angle;
    return head;
}

__device__ inline u64 my_head() { return (u64)blockIdx.x * (blockDim.x / LANES) + threadIdx.x / LANES; }

__device__ inline float scale_of(float squares, u32 width, float epsilon) {
    return 1.0f / sqrtf(squares / (float)width + epsilon);
}

KERNEL(128) qk_norm_rope_forward(float *q, float *k, const float *qkv, const float *q_norm, const float *k_norm, const float *cos,
                            const float *sin, const u32 *positions, u32 rows, u32 heads, u32 kv_heads, u32 head_dim,
                            float epsilon) {
    Rows r = {q_norm, k_norm, cos, sin, positions, rows, heads, kv_heads, head_dim, epsilon};
    Head head = head_at(r, my_head());
    u32 lane = threadIdx.x % LANES, half = head_dim / 2;
    const float *x = qkv + head.fused;
    float squares = 0.0f;
    for (u32 i = lane; head.exists && i < head_dim; i += LANES) {
        squares = fmaf(x[i], x[i], squares);
    }
    float s = scale_of(half_sum(squares), head_dim, epsilon);
    if (!head.exists) return;
    float *y = (head.is_query ? q : k) + head.alone;
    for (u32 i = lane; i < half; i += LANES) {
        float x1 = x[i], x2 = x[i + half];
        if (head.norm) {
            x1 = (x1 * s) * head.norm[i];
            x2 = (x2 * s) * head.norm[i + half];
        }
        float c = head.cos[i], sine = head.sin[i];
        y[i] = fmaf(x1, c, -(x2 * sine));
        y[i + half] = fmaf(x2, c, x1 * sine);
    }
}

// Element i of dy turned back.
__device__ inline float turned_back(const float *dy, const Head &head, u32 i, u32 half) {
    u32 low = i < half ? i : i - half;
    float y1 = dy[low], y2 = dy[low + half], c = head.cos[low], s = -head.sin[low];
    return i < half ? fmaf(y1, c, -(y2 * s)) : fmaf(y2, c, y1 * s);
}

// The q and k parts of dqkv; with norms also the scale of each head, for qk_norm_rope_backward_weight.
KERNEL(128) qk_norm_rope_backward_input(float *dqkv, float *scales, const float *dq, const float *dk, const float *qkv,
                                   const float *q_norm, const float *k_norm, const float *cos, const float *sin,
                                   const u32 *positions, u32 rows, u32 heads, u32 kv_heads, u32 head_dim, float epsilon) {
    Rows r = {q_norm, k_norm, cos, sin, positions, rows, heads, kv_heads, head_dim, epsilon};
    u64 number = my_head();
    Head head = head_at(r, number);
    u32 lane = threadIdx.x % LANES, half = head_dim / 2;
    const float *x = qkv + head.fused;
    const float *dy = (head.is_query ? dq : dk) + head.alone;
    float squares = 0.0f, gx = 0.0f;
    if (head.exists && head.norm) {
        for (u32 i = lane; i < head_dim; i += LANES) {
            squares = fmaf(x[i], x[i], squares);
            gx = fmaf(turned_back(dy, head, i, half) * head.norm[i], x[i], gx);
        }
    }
    float s = scale_of(half_sum(squares), head_dim, epsilon);
    float pull = s * s * (half_sum(gx) / (float)head_dim);
    if (!head.exists) return;
    float *dx = dqkv + head.fused;
    for (u32 i = lane; i < head_dim; i += LANES) {
        float d = turned_back(dy, head, i, half);
        dx[i] = head.norm ? s * fmaf(x[i], -pull, d * head.norm[i]) : d;
    }
    if (head.norm && lane == 0) scales[number] = s;
}

// The v part of dqkv: one block per row.
KERNEL(256) qk_norm_rope_backward_values(float *dqkv, const float *dv, u32 fused, u32 width) {
    u64 row = blockIdx.x;
    float *target = dqkv + (row + 1) * fused - width;
    for (u32 i = threadIdx.x; i < width; i += blockDim.x) {
        target[i] = dv[row * width + i];
    }
}

// Partial sums of the norms' gradients over 64 rows, row after row and head after head: one thread per element of a head.
//
// Grid (blocks of rows, 2): queries, then keys; partials [2][blocks][head_dim].
KERNEL(128) qk_norm_rope_backward_weight(float *partials, const float *scales, const float *dq, const float *dk, const float *qkv,
                                    const float *cos, const float *sin, const u32 *positions, u32 rows, u32 heads,
                                    u32 kv_heads, u32 head_dim) {
    Rows r = {nullptr, nullptr, cos, sin, positions, rows, heads, kv_heads, head_dim, 0.0f};
    u32 all = heads + kv_heads, half = head_dim / 2;
    u32 first_head = blockIdx.y == 0 ? 0 : heads, end_head = blockIdx.y == 0 ? heads : all;
    u32 first = blockIdx.x * DWEIGHT_ROWS;
    u32 end = first + DWEIGHT_ROWS < rows ? first + DWEIGHT_ROWS : rows;
    for (u32 i = threadIdx.x; i < head_dim; i += blockDim.x) {
        float sum = 0.0f;
        for (u32 row = first; row < end; ++row) {
            for (u32 index = first_head; index < end_head; ++index) {
                u64 number = (u64)row * all + index;
                Head head = head_at(r, number);
                const float *dy = (head.is_query ? dq : dk) + head.alone;
                sum = fmaf(turned_back(dy, head, i, half), qkv[head.fused + i] * scales[number], sum);
            }
        }
        partials[((u64)blockIdx.y * gridDim.x + blockIdx.x) * head_dim + i] = sum;
    }
}
