// Attention backward: the weights are computed again from lse, once by blocks of queries for dq, once by pages of keys for
// dk and dv. Sums over keys and over queries are taken in rising order.

#include "attention.cuh"

// Queries that meet a page together.
const u32 QUERIES = 16;

// corrections [rows x heads] = sum of dout * out over each head: a half warp per head.
KERNEL(128) attention_backward_correction(float *corrections, const float *dout, const float *out, u32 rows, u32 heads, u32 head_dim) {
    u64 head = (u64)blockIdx.x * (blockDim.x / LANES) + threadIdx.x / LANES;
    u32 lane = threadIdx.x % LANES;
    bool exists = head < (u64)rows * heads;
    float sum = 0.0f;
    for (u32 i = lane; exists && i < head_dim; i += LANES) {
        sum = fmaf(dout[head * head_dim + i], out[head * head_dim + i], sum);
    }
    sum = half_sum(sum);
    if (exists && lane == 0) corrections[head] = sum;
}

// Shared memory of a block for heads of up to WIDTH. Strides are odd: both ways through a matrix miss no bank twice.
template <u32 WIDTH>
struct Shared {
    float q[QUERIES][WIDTH + 1];
    float dout[QUERIES][WIDTH + 1];
    float k[WIDTH][PAGE + 1];
    float v[PAGE][WIDTH + 1];
    float p[QUERIES][PAGE];
    float ds[QUERIES][PAGE];
    float lse[QUERIES];
    float correction[QUERIES];
};

// What both kernels read.
struct Inputs {
    const float *dout, *corrections, *lse, *q, *page_k, *page_v;
    Sequence sequence;
    u32 group, kv_head, heads, kv_heads, head_dim;
    float scale;
};

template <u32 WIDTH>
__device__ inline void load_block(Shared<WIDTH> &s, const Inputs &in, u32 first_query, u32 count) {
    u32 row = in.sequence.row;
    load_queries(&s.q[0][0], WIDTH + 1, in.q, QUERIES, count, first_query, row, in.group, in.kv_head, in.heads, in.head_dim);
    load_queries(&s.dout[0][0], WIDTH + 1, in.dout, QUERIES, count, first_query, row, in.group, in.kv_head, in.heads,
                 in.head_dim);
    if (threadIdx.x < count) {
        u64 head = query_head(first_query + threadIdx.x, row, in.group, in.kv_head, in.heads);
        s.lse[threadIdx.x] = in.lse[head];
        s.correction[threadIdx.x] = in.corrections[head];
    }
}

// Brings a page to shared memory; tokens past the sequence, which may be NaN, become 0.
template <u32 WIDTH>
__device__ inline void load_page(Shared<WIDTH> &s, const Inputs &in, u32 page) {
    u64 start = ((u64)in.sequence.pages[page] * in.kv_heads + in.kv_head) * in.head_dim * PAGE;
    u32 tokens = in.sequence.rows - page * PAGE;
    for (u32 i = threadIdx.x; i < in.head_dim * PAGE; i += THREADS) {
        u32 d = i / PAGE, key = i % PAGE;
        s.k[d][key] = key < tokens ? in.page_k[start + i] : 0.0f;
        key = i / in.head_dim;
        d = i % in.head_dim;
        s.v[key][d] = key < tokens ? in.page_v[start + i] : 0.0f;
    }
}

// p and ds of the loaded queries on the loaded page: two (query, key) pairs per thread.
template <u32 WIDTH>
__device__ inline void weigh(Shared<WIDTH> &s, const Inputs &in, u32 page, u32 first_query, u32 count) {
    u32 key = threadIdx.x % PAGE;
    for (u32 query = threadIdx.x / PAGE; query < QUERIES; query += THREADS / PAGE) {
        float score = 0.0f, dp = 0.0f;
        for (u32 d = 0; d < in.head_dim; ++d) {
            score = fmaf(s.q[query][d], s.k[d][key], score);
            dp = fmaf(s.dout[query][d], s.v[key][d], dp);
        }
        float p = 0.0f, ds = 0.0f;
        u32 row = (first_query + query) / in.group;
        if (query < count && page * PAGE + key <= row) {
            p = exp_or_zero(fmaf(score, in.scale, -s.lse[query]));
            ds = (p * (dp - s.correction[query])) * in.scale;
        }
        s.p[query][key] = p;
        s.ds[query][key] = ds;
    }
}

// dq of a block of queries: warp w owns the queries 4 w .. 4 w + 4, its lanes the columns.
template <u32 COLUMNS>
__device__ inline void query_block(float *dq, const Inputs &in) {
    const u32 WIDTH = 32 * COLUMNS, PER_WARP = QUERIES / 4;
    __shared__ Shared<WIDTH> s;
    u32 queries = in.sequence.rows * in.group, first_query = blockIdx.x * QUERIES;
    if (first_query >= queries) return;
    u32 count = queries - first_query < QUERIES ? queries - first_query : QUERIES;
    u32 lane = threadIdx.x % 32, my_first = threadIdx.x / 32 * PER_WARP;
    load_block(s, in, first_query, count);
    float sums[PER_WARP][COLUMNS] = {};
    for (u32 page = 0; page <= (first_query + count - 1) / in.group / PAGE; ++page) {
        __syncthreads();
        load_page(s, in, page);
        __syncthreads();
        weigh(s, in, page, first_query, count);
        __syncthreads();
        u32 tokens = in.sequence.rows - page * PAGE;
#pragma unroll 1
        for (u32 key = 0; key < PAGE && key < tokens; ++key) {
#pragma unroll
            for (u32 c = 0; c < COLUMNS; ++c) {
                float k = lane + 32 * c < in.head_dim ? s.k[lane + 32 * c][key] : 0.0f;
#pragma unroll
                for (u32 n = 0; n < PER_WARP; ++n) sums[n][c] = fmaf(s.ds[my_first + n][key], k, sums[n][c]);
            }
        }
    }
#pragma unroll
    for (u32 n = 0; n < PER_WARP; ++n) {
        u32 query = my_first + n;
        float *y = dq + query_head(first_query + query, in.sequence.row, in.group, in.kv_head, in.heads) * in.head_dim;
#pragma unroll
        for (u32 c = 0; c < COLUMNS; ++c) {
            if (query < count && lane + 32 * c < in.head_dim) y[lane + 32 * c] = sums[n][c];
        }
    }
}

// dk and dv of a page of keys: warp w owns the keys 4 w .. 4 w + 4, its lanes the columns.
template <u32 COLUMNS>
__device__ inline void key_block(float *dk, float *dv, const Inputs &in) {
    const u32 WIDTH = 32 * COLUMNS, PER_WARP = PAGE / 4;
    __shared__ Shared<WIDTH> s;
    u32 page = blockIdx.x, queries = in.sequence.rows * in.group;
    if (page * PAGE >= in.sequence.rows) return;
    u32 lane = threadIdx.x % 32, my_first = threadIdx.x / 32 * PER_WARP;
    float dk_sums[PER_WARP][COLUMNS] = {}, dv_sums[PER_WARP][COLUMNS] = {};
    load_page(s, in, page);
    // queries before the page see nothing of it
    for (u32 first_query = page * PAGE * in.group; first_query < queries; first_query += QUERIES) {
        u32 count = queries - first_query < QUERIES ? queries - first_query : QUERIES;
        __syncthreads();
        load_block(s, in, first_query, count);
        __syncthreads();
        weigh(s, in, page, first_query, count);
        __syncthreads();
#pragma unroll 1
        for (u32 query = 0; query < count; ++query) {
#pragma unroll
            for (u32 c = 0; c < COLUMNS; ++c) {
                bool exists = lane + 32 * c < in.head_dim;
                float q = exists ? s.q[query][lane + 32 * c] : 0.0f, d = exists ? s.dout[query][lane + 32 * c] : 0.0f;
#pragma unroll
                for (u32 n = 0; n < PER_WARP; ++n) {
                    dk_sums[n][c] = fmaf(s.ds[query][my_first + n], q, dk_sums[n][c]);
                    dv_sums[n][c] = fmaf(s.p[query][my_first + n], d, dv_sums[n][c]);
                }
            }
        }
    }
#pragma unroll
    for (u32 n = 0; n < PER_WARP; ++n) {
        u32 token = page * PAGE + my_first + n;
        u64 start = ((u64)(in.sequence.row + token) * in.kv_heads + in.kv_head) * in.head_dim;
#pragma unroll
        for (u32 c = 0; c < COLUMNS; ++c) {
            if (token < in.sequence.rows && lane + 32 * c < in.head_dim) {
                dk[start + lane + 32 * c] = dk_sums[n][c];
                dv[start + lane + 32 * c] = dv_sums[n][c];
            }
        }
    }
}

// Grids (blocks of queries, or pages, of the longest sequence; kv_heads; sequences). Heads of up to 32, 64 and 128.
#define INPUTS                                                                                                                 \
    const float *dout, const float *corrections, const float *lse, const float *q, const float *page_k, const float *page_v,   \
        const u32 *row_starts, const u32 *first_positions, const u32 *page_starts, const u32 *pages, u32 heads, u32 kv_heads,  \
        u32 head_dim, float scale
#define BACKWARD(WIDTH, COLUMNS)                                                                                               \
    KERNEL(128) attention_backward_queries_##WIDTH(float *dq, INPUTS) {                                                        \
        Sequence sequence = sequence_at(row_starts, first_positions, page_starts, pages, blockIdx.z);                          \
        query_block<COLUMNS>(dq, {dout, corrections, lse, q, page_k, page_v, sequence, heads / kv_heads, blockIdx.y, heads,    \
                                  kv_heads, head_dim, scale});                                                                 \
    }                                                                                                                          \
    KERNEL(128) attention_backward_keys_##WIDTH(float *dk, float *dv, INPUTS) {                                                \
        Sequence sequence = sequence_at(row_starts, first_positions, page_starts, pages, blockIdx.z);                          \
        key_block<COLUMNS>(dk, dv, {dout, corrections, lse, q, page_k, page_v, sequence, heads / kv_heads, blockIdx.y, heads,  \
                                    kv_heads, head_dim, scale});                                                               \
    }
BACKWARD(32, 1)
BACKWARD(64, 2)
BACKWARD(128, 4)
