// Token embedding.

#include "device.cuh"

// One block per row; threads walk its columns.
KERNEL(256) embedding_forward(float *out, const float *table, const u32 *ids, u32 width) {
    u64 row = blockIdx.x;
    const float *source = table + (u64)ids[row] * width;
    for (u32 i = threadIdx.x; i < width; i += blockDim.x) {
        out[row * width + i] = source[i];
    }
}

// One block per id that occurs (and per 256 columns); it alone adds to the id's row of the table.
//
// `order` is the rows sorted by id, equal ids in row order; those of the block's id are starts[b] .. starts[b + 1].
KERNEL(256) embedding_backward(float *dtable, const float *dout, const u32 *ids, const u32 *order, const u32 *starts, u32 width) {
    u32 column = blockIdx.y * blockDim.x + threadIdx.x;
    if (column >= width) return;
    u32 end = starts[blockIdx.x + 1];
    u32 at = starts[blockIdx.x];
    float *target = dtable + (u64)ids[order[at]] * width + column;
    float sum = *target;
    for (; at < end; ++at) {
        sum += dout[(u64)order[at] * width + column];
    }
    *target = sum;
}
