// What attention's forward and backward share.
#pragma once

#include "device.cuh"

// Tokens of a page: PAGE of mod.rs.
const u32 PAGE = 16;
// Threads of a block.
const u32 THREADS = 128;

// One sequence of a plan.
struct Sequence {
    // first row, number of rows, position of the first row
    u32 row, rows, position;
    const u32 *pages;
};

__device__ inline Sequence sequence_at(const u32 *row_starts, const u32 *first_positions, const u32 *page_starts,
                                       const u32 *pages, u32 index) {
    u32 row = row_starts[index];
    return {row, row_starts[index + 1] - row, first_positions[index], pages + page_starts[index]};
}

// The place of a sequence's query of one key head among all (row, head) pairs.
__device__ inline u64 query_head(u32 query, u32 first_row, u32 group, u32 kv_head, u32 heads) {
    return (u64)(first_row + query / group) * heads + kv_head * group + query % group;
}

// Brings `count` of up to `room` query-shaped rows to shared memory, zeros past them.
__device__ inline void load_queries(float *to, u32 stride, const float *from, u32 room, u32 count, u32 first_query, u32 first_row,
                                    u32 group, u32 kv_head, u32 heads, u32 head_dim) {
    for (u32 i = threadIdx.x; i < room * head_dim; i += THREADS) {
        u32 query = i / head_dim, d = i % head_dim;
        u64 source = query_head(first_query + query, first_row, group, kv_head, heads) * head_dim + d;
        to[query * stride + d] = query < count ? from[source] : 0.0f;
    }
}

// math::ln: FreeBSD's logf, as the libm crate has it.
__device__ inline float ln_of(float x) {
    u32 bits = __float_as_uint(x);
    int k = 0;
    if (bits < 0x00800000u || (bits >> 31) != 0) {
        if (bits << 1 == 0) return -infinity();
        if ((bits >> 31) != 0) return __uint_as_float(0x7fc00000u);
        k -= 25;
        x *= 33554432.0f;
        bits = __float_as_uint(x);
    } else if (bits >= 0x7f800000u) {
        return x;
    } else if (bits == 0x3f800000u) {
        return 0.0f;
    }
    // into [sqrt(2) / 2, sqrt(2)]
    bits += 0x3f800000u - 0x3f3504f3u;
    k += (int)(bits >> 23) - 0x7f;
    float f = __uint_as_float((bits & 0x007fffffu) + 0x3f3504f3u) - 1.0f;
    float s = f / (2.0f + f);
    float z = s * s, w = z * z;
    float t1 = w * (0.40000972152f + w * 0.24279078841f);
    float t2 = z * (0.66666662693f + w * 0.28498786688f);
    float half_square = 0.5f * f * f;
    float dk = (float)k;
    return s * (half_square + (t2 + t1)) + dk * 9.0580006145e-06f - half_square + f + dk * 6.9313812256e-01f;
}
