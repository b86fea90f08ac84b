// Attention forward and the store of keys and values. A block owns up to 32 queries of one sequence and one key head,
// counted row by row and head by head, and walks the pages of the sequence in order.

#include "attention.cuh"

// Queries of a block: 4 warps of 8.
const u32 QUERIES = 32;
const u32 PER_WARP = 8;

// Rows and columns of a block of attention_store.
const u32 STORE_ROWS = PAGE;
const u32 STORE_COLUMNS = 32;

// Writes keys and values of rows to their pages. A block turns the keys of 16 rows and 32 columns in shared memory: tokens
// that are neighbours in a page are written together. 256 threads; grid (blocks of rows, blocks of columns).
KERNEL(256) attention_store(float *page_k, float *page_v, const float *k, const float *qkv, const u32 *slots, u32 rows, u32 heads,
                       u32 kv_heads, u32 head_dim) {
    __shared__ float keys[STORE_ROWS][STORE_COLUMNS + 1];
    __shared__ u32 my_slots[STORE_ROWS];
    u64 first_row = (u64)blockIdx.x * STORE_ROWS;
    u32 count = rows - first_row < STORE_ROWS ? rows - (u32)first_row : STORE_ROWS;
    u32 width = kv_heads * head_dim, first_column = blockIdx.y * STORE_COLUMNS;
    const float *v = qkv + (heads + kv_heads) * head_dim;
    if (threadIdx.x < count) my_slots[threadIdx.x] = slots[first_row + threadIdx.x];
    __syncthreads();
    for (u32 i = threadIdx.x; i < STORE_ROWS * STORE_COLUMNS; i += 256) {
        u32 row = i / STORE_COLUMNS, column = first_column + i % STORE_COLUMNS;
        if (row >= count || column >= width) continue;
        u32 page = my_slots[row] / PAGE, offset = my_slots[row] % PAGE, head = column / head_dim, d = column % head_dim;
        u64 start = ((u64)page * kv_heads + head) * head_dim * PAGE;
        keys[row][i % STORE_COLUMNS] = k[(first_row + row) * width + column];
        page_v[start + offset * head_dim + d] = v[(first_row + row) * (heads + 2 * kv_heads) * head_dim + column];
    }
    __syncthreads();
    for (u32 i = threadIdx.x; i < STORE_ROWS * STORE_COLUMNS; i += 256) {
        u32 row = i % STORE_ROWS, column = first_column + i / STORE_ROWS;
        if (row >= count || column >= width) continue;
        u32 page = my_slots[row] / PAGE, offset = my_slots[row] % PAGE, head = column / head_dim, d = column % head_dim;
        u64 start = ((u64)page * kv_heads + head) * head_dim * PAGE;
        page_k[start + d * PAGE + offset] = keys[row][i / STORE_ROWS];
    }
}

// Shared memory of a forward block for heads of up to WIDTH.
template <u32 WIDTH>
struct ForwardShared {
    float4 k[WIDTH * PAGE / 4];
    float4 v[WIDTH * PAGE / 4];
    float4 p[QUERIES][PAGE / 4];
    float q[QUERIES][WIDTH + 1];
    float alpha[QUERIES];
    float max[QUERIES];
    float sum[QUERIES];
    // position of each query in the sequence, -1 for those past the end
    int position[QUERIES];
};

// A page on its way from memory, in the registers of the block's threads: it is asked for while the page before is at work.
template <u32 COLUMNS>
struct PageOnItsWay {
    float4 k[COLUMNS], v[COLUMNS];

    // `quads` is a quarter of the page's numbers.
    __device__ inline void load(const float *page_k, const float *page_v, u64 start, u32 quads) {
#pragma unroll
        for (u32 c = 0; c < COLUMNS; ++c) {
            u32 i = threadIdx.x + THREADS * c;
            if (i < quads) {
                k[c] = ((const float4 *)(page_k + start))[i];
                v[c] = ((const float4 *)(page_v + start))[i];
            }
        }
    }

    __device__ inline void store(float4 *to_k, float4 *to_v, u32 quads) const {
#pragma unroll
        for (u32 c = 0; c < COLUMNS; ++c) {
            u32 i = threadIdx.x + THREADS * c;
            if (i < quads) {
                to_k[i] = k[c];
                to_v[i] = v[c];
            }
        }
    }
};

// Weights of the block's queries on one page; max and sum of query threadIdx.x / 16 + 8 i are carried in lane registers.
template <u32 WIDTH>
__device__ inline void weigh_page(ForwardShared<WIDTH> &s, float (&max)[4], float (&sum)[4], u32 count, u32 head_dim, float scale,
                                  u32 page) {
    u32 key = threadIdx.x % PAGE, first = threadIdx.x / PAGE;
    const float *k = (const float *)s.k;
    float scores[4] = {};
    // a key is read once for the four queries; where there are fewer, the others are zeros
#pragma unroll 4
    for (u32 d = 0; d < head_dim; ++d) {
        float k_d = k[d * PAGE + key];
#pragma unroll
        for (u32 i = 0; i < 4; ++i) scores[i] = fmaf(s.q[first + 8 * i][d], k_d, scores[i]);
    }
#pragma unroll
    for (u32 i = 0; i < 4; ++i) {
        u32 query = first + 8 * i;
        if (8 * i >= count) break; // the same for all threads of the block
        float score = (int)(page * PAGE + key) <= s.position[query] ? scores[i] * scale : -infinity();
        float page_max = half_max(score);
        float raised = page_max > max[i] ? page_max : max[i];
        float alpha = exp_or_zero(max[i] - raised);
        max[i] = raised;
        float p = exp_or_zero(score - raised);
        sum[i] = fmaf(sum[i], alpha, half_sum(p));
        ((float *)s.p[query])[key] = p;
        if (key == 0) s.alpha[query] = alpha;
    }
}

// Adds the weighted values of one page to the sums of a warp's queries, whose columns are its lanes.
template <u32 COLUMNS>
__device__ inline void weigh_values(float (&sums)[PER_WARP][COLUMNS], const ForwardShared<32 * COLUMNS> &s, u32 my_first,
                                    u32 head_dim, u32 page) {
    u32 lane = threadIdx.x % 32;
    const float *v = (const float *)s.v;
    // keys of this page that each query sees
    int visible[PER_WARP];
    bool all = true;
#pragma unroll
    for (u32 n = 0; n < PER_WARP; ++n) {
        int seen = s.position[my_first + n] + 1 - (int)(page * PAGE);
        visible[n] = seen;
        all = all && seen >= (int)PAGE;
        // the weights of a query past the end were not made
        float alpha = s.position[my_first + n] < 0 ? 0.0f : s.alpha[my_first + n];
#pragma unroll
        for (u32 c = 0; c < COLUMNS; ++c) sums[n][c] *= alpha;
    }
#pragma unroll 1
    for (u32 quad = 0; quad < PAGE / 4; ++quad) {
        float values[4][COLUMNS];
#pragma unroll
        for (u32 j = 0; j < 4; ++j) {
#pragma unroll
            for (u32 c = 0; c < COLUMNS; ++c) {
                u32 column = lane + 32 * c;
                values[j][c] = column < head_dim ? v[(4 * quad + j) * head_dim + column] : 0.0f;
            }
        }
#pragma unroll
        for (u32 n = 0; n < PER_WARP; ++n) {
            if (visible[n] <= 0) continue; // its weights are zeros, or were not made
            float4 weights = s.p[my_first + n][quad];
            float p[4] = {weights.x, weights.y, weights.z, weights.w};
#pragma unroll
            for (u32 j = 0; j < 4; ++j) {
                // what lies past a query's position may be NaN
                if (all || (int)(4 * quad + j) < visible[n]) {
#pragma unroll
                    for (u32 c = 0; c < COLUMNS; ++c) sums[n][c] = fmaf(p[j], values[j][c], sums[n][c]);
                }
            }
        }
    }
}

template <u32 COLUMNS>
__device__ inline void forward_block(float *out, float *lse, const float *q, const float *page_k, const float *page_v,
                                     const u32 *row_starts, const u32 *first_positions, const u32 *page_starts, const u32 *pages,
                                     u32 heads, u32 kv_heads, u32 head_dim, float scale) {
    const u32 WIDTH = 32 * COLUMNS;
    __shared__ ForwardShared<WIDTH> s;
    Sequence sequence = sequence_at(row_starts, first_positions, page_starts, pages, blockIdx.z);
    u32 group = heads / kv_heads, kv_head = blockIdx.y, first_query = blockIdx.x * QUERIES;
    if (first_query >= sequence.rows * group) return;
    u32 count = sequence.rows * group - first_query < QUERIES ? sequence.rows * group - first_query : QUERIES;
    u32 last_page = (sequence.position + (first_query + count - 1) / group) / PAGE;
    u32 quads = head_dim * PAGE / 4;
    PageOnItsWay<COLUMNS> next;
    next.load(page_k, page_v, ((u64)sequence.pages[0] * kv_heads + kv_head) * head_dim * PAGE, quads);
    if (threadIdx.x < QUERIES) {
        u32 row = (first_query + threadIdx.x) / group;
        s.position[threadIdx.x] = threadIdx.x < count ? (int)(sequence.position + row) : -1;
    }
    load_queries(&s.q[0][0], WIDTH + 1, q, QUERIES, count, first_query, sequence.row, group, kv_head, heads, head_dim);

    float max[4], sum[4] = {}, sums[PER_WARP][COLUMNS] = {};
#pragma unroll
    for (u32 i = 0; i < 4; ++i) max[i] = -infinity();
    u32 my_first = threadIdx.x / 32 * PER_WARP;
    for (u32 page = 0; page <= last_page; ++page) {
        __syncthreads();
        next.store(s.k, s.v, quads);
        __syncthreads();
        if (page < last_page) {
            next.load(page_k, page_v, ((u64)sequence.pages[page + 1] * kv_heads + kv_head) * head_dim * PAGE, quads);
        }
        weigh_page(s, max, sum, count, head_dim, scale, page);
        __syncthreads();
        if (my_first < count) weigh_values(sums, s, my_first, head_dim, page);
    }

#pragma unroll
    for (u32 i = 0; i < 4; ++i) {
        u32 query = threadIdx.x / PAGE + 8 * i;
        if (threadIdx.x % PAGE == 0 && query < count) {
            s.max[query] = max[i];
            s.sum[query] = sum[i];
        }
    }
    __syncthreads();
    if (threadIdx.x < count) {
        u64 place = query_head(first_query + threadIdx.x, sequence.row, group, kv_head, heads);
        lse[place] = s.max[threadIdx.x] + ln_of(s.sum[threadIdx.x]);
    }
#pragma unroll
    for (u32 n = 0; n < PER_WARP; ++n) {
        u32 query = my_first + n, lane = threadIdx.x % 32;
        if (query < count) {
            float inverse = 1.0f / s.sum[query];
            float *y = out + query_head(first_query + query, sequence.row, group, kv_head, heads) * head_dim;
#pragma unroll
            for (u32 c = 0; c < COLUMNS; ++c) {
                if (lane + 32 * c < head_dim) y[lane + 32 * c] = sums[n][c] * inverse;
            }
        }
    }
}

// Grid (blocks of queries of the longest sequence, kv_heads, sequences). Heads of up to 32, 64 and 128.
#define FORWARD(NAME, COLUMNS)                                                                                                 \
    KERNEL(128, 4) NAME(float *out, float *lse, const float *q, const float *page_k, const float *page_v,                      \
                        const u32 *row_starts, const u32 *first_positions, const u32 *page_starts, const u32 *pages, u32 heads,\
                        u32 kv_heads, u32 head_dim, float scale) {                                                             \
        forward_block<COLUMNS>(out, lse, q, page_k, page_v, row_starts, first_positions, page_starts, pages, heads, kv_heads,  \
                               head_dim, scale);                                                                               \
    }
FORWARD(attention_forward_32, 1)
FORWARD(attention_forward_64, 2)
FORWARD(attention_forward_128, 4)
