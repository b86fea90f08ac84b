// Token embedding.

#include "device.cuh"

// One block per row; threads walk its columns.
KERNEL(256) embedding_forward(float *out, const float *table, const u32 *ids, u32 width) {
    __shared__ u32 id;
    u64 row = blockIdx.x;
    if (threadIdx.x == 0) id = ids[row];
    __syncthreads();
    const float *source = table + (u64)id * width;
    for (u32 i = threadIdx.x; i < width; i += blockDim.x) {
        out[row * width + i] = source[i];
    }
}

const u32 THREADS = 256;
// Columns of a thread of the backward, 256 apart.
const u32 COLUMNS = 4;

// One block per id that occurs and per 1024 columns; it alone adds to them.
//
// `order` is the rows sorted by id, equal ids in row order; those of the block's id are starts[b] .. starts[b + 1].
KERNEL(256) embedding_backward(float *dtable, const float *dout, const u32 *ids, const u32 *order, const u32 *starts, u32 width) {
    __shared__ u32 ends[2];
    __shared__ u32 id;
    __shared__ u32 rows[THREADS];
    u32 column = blockIdx.y * THREADS * COLUMNS + threadIdx.x;
    if (threadIdx.x < 2) ends[threadIdx.x] = starts[blockIdx.x + threadIdx.x];
    __syncthreads();
    float *target = nullptr;
    float sums[COLUMNS] = {};
    for (u32 done = ends[0]; done < ends[1]; done += THREADS) {
        u32 count = ends[1] - done < THREADS ? ends[1] - done : THREADS;
        if (target) __syncthreads();
        if (threadIdx.x < count) rows[threadIdx.x] = order[done + threadIdx.x];
        if (!target && threadIdx.x == 0) id = ids[rows[0]];
        __syncthreads();
        if (!target) {
            target = dtable + (u64)id * width;
#pragma unroll
            for (u32 c = 0; c < COLUMNS; ++c) {
                if (column + THREADS * c < width) sums[c] = target[column + THREADS * c];
            }
        }
#pragma unroll 4
        for (u32 i = 0; i < count; ++i) {
            const float *row = dout + (u64)rows[i] * width;
#pragma unroll
            for (u32 c = 0; c < COLUMNS; ++c) {
                if (column + THREADS * c < width) sums[c] += row[column + THREADS * c];
            }
        }
    }
#pragma unroll
    for (u32 c = 0; c < COLUMNS; ++c) {
        if (column + THREADS * c < width) target[column + THREADS * c] = sums[c];
    }
}
