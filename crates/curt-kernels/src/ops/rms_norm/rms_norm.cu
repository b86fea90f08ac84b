// RMSNorm. A block owns some rows and takes a few of them at a time: its threads hold them in registers, each the columns
// that lie 256 apart, so that a row is read once and the weight once per block. The sums of a row are taken by a half warp,
// whose lane i adds what the CPU's lane i adds, from a copy of the rows in shared memory.

#include "device.cuh"

// Rows of a block of the forward.
const u32 FORWARD_ROWS = 16;
// Rows whose gradient of the weight is summed together: DWEIGHT_ROWS of cpu.rs. A block of the backward owns as many.
const u32 DWEIGHT_ROWS = 64;

const u32 THREADS = 256;
// Columns per thread that shared memory holds at once, all rows together.
const u32 PIECE = 16;
// Between the rows in shared memory, so that the two half warps of a warp use different banks.
const u32 GAP = 16;
// Longer rows are read again for every pass.
const u32 LONGEST = 32 * THREADS;

__device__ inline float scale_of(float squares, u32 width, float epsilon) {
    return 1.0f / sqrtf(squares / (float)width + epsilon);
}

// What the kernels read and write; null where a kernel lacks it.
struct Arrays {
    float *h, *y;
    const float *x, *delta, *weight;
    // of the backward
    float *dx, *partials;
    const float *dresidual, *dy;
    u32 rows, width;
    float epsilon;
};

// A few rows in registers: a thread's columns are threadIdx.x, threadIdx.x + 256, ...
template <u32 ROWS, u32 COLUMNS>
struct Held {
    float of[ROWS][COLUMNS];

    __device__ inline void load(const float *from, u64 first, u32 count, u32 width) {
#pragma unroll
        for (u32 r = 0; r < ROWS; ++r) {
#pragma unroll
            for (u32 c = 0; c < COLUMNS; ++c) {
                u32 column = threadIdx.x + THREADS * c;
                of[r][c] = r < count && column < width ? from[(first + r) * width + column] : 0.0f;
            }
        }
    }
};

// The distance of the rows in shared memory.
template <u32 ROWS>
struct Room {
    static const u32 STRIDE = PIECE / ROWS * THREADS + GAP;
};

// Numbers that shared memory must hold of up to MOST_ROWS rows.
const u32 MOST_ROWS = 8;
const u32 ROOM = PIECE * THREADS + MOST_ROWS * GAP;

// Adds to a half warp's chain the squares of a row's columns in shared memory.
__device__ inline float add_squares(float squares, const float *row, u32 end) {
#pragma unroll 8
    for (u32 i = threadIdx.x % LANES; i < end; i += LANES) squares = fmaf(row[i], row[i], squares);
    return squares;
}

// y of the block's rows, and h if there is a delta.
template <u32 ROWS, u32 COLUMNS>
__device__ inline void forward_rows(float *room, float *scales, const Arrays &a, u64 block_first, u32 block_count) {
    const u32 AT_ONCE = COLUMNS < PIECE / ROWS ? COLUMNS : PIECE / ROWS;
    u32 mine = threadIdx.x / LANES;
    Held<1, COLUMNS> weight;
    weight.load(a.weight, 0, 1, a.width);
    for (u32 done = 0; done < block_count; done += ROWS) {
        u64 first = block_first + done;
        u32 count = block_count - done < ROWS ? block_count - done : ROWS;
        Held<ROWS, COLUMNS> x;
        x.load(a.x, first, count, a.width);
        if (a.delta) {
            Held<ROWS, COLUMNS> delta;
            delta.load(a.delta, first, count, a.width);
#pragma unroll
            for (u32 r = 0; r < ROWS; ++r) {
#pragma unroll
                for (u32 c = 0; c < COLUMNS; ++c) {
                    u32 column = threadIdx.x + THREADS * c;
                    x.of[r][c] += delta.of[r][c];
                    if (r < count && column < a.width) a.h[(first + r) * a.width + column] = x.of[r][c];
                }
            }
        }
        float squares = 0.0f;
#pragma unroll
        for (u32 piece = 0; piece < COLUMNS; piece += AT_ONCE) {
            if (piece > 0) __syncthreads();
#pragma unroll
            for (u32 r = 0; r < ROWS; ++r) {
#pragma unroll
                for (u32 c = 0; c < AT_ONCE; ++c) room[r * Room<ROWS>::STRIDE + threadIdx.x + THREADS * c] = x.of[r][piece + c];
            }
            __syncthreads();
            u32 start = piece * THREADS;
            u32 left = a.width > start ? a.width - start : 0;
            u32 end = left < AT_ONCE * THREADS ? left : AT_ONCE * THREADS;
            if (mine < count) squares = add_squares(squares, room + mine * Room<ROWS>::STRIDE, end);
        }
        float s = scale_of(half_sum(squares), a.width, a.epsilon);
        if (mine < count && threadIdx.x % LANES == 0) scales[mine] = s;
        __syncthreads();
#pragma unroll
        for (u32 r = 0; r < ROWS; ++r) {
#pragma unroll
            for (u32 c = 0; c < COLUMNS; ++c) {
                u32 column = threadIdx.x + THREADS * c;
                if (r < count && column < a.width) {
                    a.y[(first + r) * a.width + column] = (x.of[r][c] * scales[r]) * weight.of[0][c];
                }
            }
        }
    }
}

// The same for rows of any length, a half warp per row.
__device__ inline void forward_long_rows(const Arrays &a, u64 first, u32 count) {
    u32 mine = threadIdx.x / LANES, lane = threadIdx.x % LANES;
    u32 end = mine < count ? a.width : 0;
    u64 start = (first + mine) * a.width;
    float squares = 0.0f;
    for (u32 i = lane; i < end; i += LANES) {
        float value = a.x[start + i];
        if (a.delta) {
            value += a.delta[start + i];
            a.h[start + i] = value;
        }
        squares = fmaf(value, value, squares);
    }
    float s = scale_of(half_sum(squares), a.width, a.epsilon);
    // each lane reads what it wrote
    const float *row = a.delta ? a.h + start : a.x + start;
    for (u32 i = lane; i < end; i += LANES) a.y[start + i] = (row[i] * s) * a.weight[i];
}

__device__ inline void forward_block(const Arrays &a) {
    __shared__ float room[ROOM];
    __shared__ float scales[MOST_ROWS];
    u64 first = (u64)blockIdx.x * FORWARD_ROWS;
    u32 count = a.rows - first < FORWARD_ROWS ? a.rows - (u32)first : FORWARD_ROWS;
    if (a.width <= 2 * THREADS) {
        forward_rows<8, 2>(room, scales, a, first, count);
    } else if (a.width <= 4 * THREADS) {
        forward_rows<4, 4>(room, scales, a, first, count);
    } else if (a.width <= 8 * THREADS) {
        forward_rows<2, 8>(room, scales, a, first, count);
    } else if (a.width <= 16 * THREADS) {
        forward_rows<1, 16>(room, scales, a, first, count);
    } else if (a.width <= LONGEST) {
        forward_rows<1, 32>(room, scales, a, first, count);
    } else {
        forward_long_rows(a, first, count);
    }
}

// Grid (blocks of 16 rows).
KERNEL(256) rms_norm_forward(float *y, const float *x, const float *weight, u32 rows, u32 width, float epsilon) {
    Arrays a = {};
    a.y = y, a.x = x, a.weight = weight, a.rows = rows, a.width = width, a.epsilon = epsilon;
    forward_block(a);
}

// Grid (blocks of 16 rows).
KERNEL(256) add_rms_norm_forward(float *h, float *y, const float *x, const float *delta, const float *weight, u32 rows, u32 width,
                            float epsilon) {
    Arrays a = {};
    a.h = h, a.y = y, a.x = x, a.delta = delta, a.weight = weight, a.rows = rows, a.width = width, a.epsilon = epsilon;
    forward_block(a);
}

// The scale of a row, and what its element takes of the others.
struct Scale {
    float s, pull;
};

__device__ inline Scale backward_scale(float squares, float gx, u32 width, float epsilon) {
    float s = scale_of(half_sum(squares), width, epsilon);
    return {s, s * s * (half_sum(gx) / (float)width)};
}

// dx of the block's rows, and its partial sums of dweight, rows in order.
template <u32 ROWS, u32 COLUMNS>
__device__ inline void backward_rows(float *room_x, float *room_g, Scale *scales, const Arrays &a, u64 block_first,
                                     u32 block_count) {
    const u32 AT_ONCE = COLUMNS < PIECE / ROWS ? COLUMNS : PIECE / ROWS;
    u32 mine = threadIdx.x / LANES;
    float sums[COLUMNS] = {};
    Held<1, COLUMNS> weight;
    weight.load(a.weight, 0, 1, a.width);
    for (u32 done = 0; done < block_count; done += ROWS) {
        u64 first = block_first + done;
        u32 count = block_count - done < ROWS ? block_count - done : ROWS;
        Held<ROWS, COLUMNS> x, dy;
        x.load(a.x, first, count, a.width);
        dy.load(a.dy, first, count, a.width);
        float squares = 0.0f, gx = 0.0f;
#pragma unroll
        for (u32 piece = 0; piece < COLUMNS; piece += AT_ONCE) {
            if (piece > 0) __syncthreads();
#pragma unroll
            for (u32 r = 0; r < ROWS; ++r) {
#pragma unroll
                for (u32 c = 0; c < AT_ONCE; ++c) {
                    u32 at = r * Room<ROWS>::STRIDE + threadIdx.x + THREADS * c;
                    room_x[at] = x.of[r][piece + c];
                    room_g[at] = dy.of[r][piece + c] * weight.of[0][piece + c];
                }
            }
            __syncthreads();
            u32 start = piece * THREADS;
            u32 left = a.width > start ? a.width - start : 0;
            u32 end = left < AT_ONCE * THREADS ? left : AT_ONCE * THREADS;
            if (mine < count) {
                const float *row = room_x + mine * Room<ROWS>::STRIDE, *g = room_g + mine * Room<ROWS>::STRIDE;
                squares = add_squares(squares, row, end);
#pragma unroll 8
                for (u32 i = threadIdx.x % LANES; i < end; i += LANES) gx = fmaf(g[i], row[i], gx);
            }
        }
        Scale scale = backward_scale(squares, gx, a.width, a.epsilon);
        if (mine < count && threadIdx.x % LANES == 0) scales[mine] = scale;
        __syncthreads();
#pragma unroll
        for (u32 r = 0; r < ROWS; ++r) {
#pragma unroll
            for (u32 c = 0; c < COLUMNS; ++c) {
                u32 column = threadIdx.x + THREADS * c;
                if (r >= count || column >= a.width) continue;
                u64 at = (first + r) * a.width + column;
                float s = scales[r].s;
                float d = s * fmaf(x.of[r][c], -scales[r].pull, dy.of[r][c] * weight.of[0][c]);
                if (a.dresidual) d += a.dresidual[at];
                a.dx[at] = d;
                sums[c] = fmaf(dy.of[r][c], x.of[r][c] * s, sums[c]);
            }
        }
    }
#pragma unroll
    for (u32 c = 0; c < COLUMNS; ++c) {
        u32 column = threadIdx.x + THREADS * c;
        if (column < a.width) a.partials[(u64)blockIdx.x * a.width + column] = sums[c];
    }
}

// The same for rows of any length: a half warp per row for dx, then a thread per column.
__device__ inline void backward_long_rows(Scale *scales, const Arrays &a, u64 first, u32 count) {
    u32 lane = threadIdx.x % LANES;
    for (u32 done = 0; done < count; done += THREADS / LANES) {
        u32 mine = done + threadIdx.x / LANES;
        u32 end = mine < count ? a.width : 0;
        u64 start = (first + mine) * a.width;
        float squares = 0.0f, gx = 0.0f;
        for (u32 i = lane; i < end; i += LANES) {
            float value = a.x[start + i];
            squares = fmaf(value, value, squares);
            gx = fmaf(a.dy[start + i] * a.weight[i], value, gx);
        }
        Scale scale = backward_scale(squares, gx, a.width, a.epsilon);
        for (u32 i = lane; i < end; i += LANES) {
            float d = scale.s * fmaf(a.x[start + i], -scale.pull, a.dy[start + i] * a.weight[i]);
            if (a.dresidual) d += a.dresidual[start + i];
            a.dx[start + i] = d;
        }
        if (mine < count && lane == 0) scales[mine] = scale;
    }
    __syncthreads();
    for (u32 column = threadIdx.x; column < a.width; column += THREADS) {
        float sum = 0.0f;
        for (u32 r = 0; r < count; ++r) {
            u64 at = (first + r) * a.width + column;
            sum = fmaf(a.dy[at], a.x[at] * scales[r].s, sum);
        }
        a.partials[(u64)blockIdx.x * a.width + column] = sum;
    }
}

// dx, and partial sums of dweight for `add_in_order`; `dresidual` may be null. Grid (blocks of 64 rows).
KERNEL(256) rms_norm_backward(float *dx, float *partials, const float *dresidual, const float *dy, const float *x, const float *weight,
                         u32 rows, u32 width, float epsilon) {
    __shared__ float room_x[ROOM];
    __shared__ float room_g[ROOM];
    __shared__ Scale scales[DWEIGHT_ROWS];
    Arrays a = {};
    a.dx = dx, a.partials = partials, a.dresidual = dresidual, a.dy = dy, a.x = x, a.weight = weight;
    a.rows = rows, a.width = width, a.epsilon = epsilon;
    u64 first = (u64)blockIdx.x * DWEIGHT_ROWS;
    u32 count = rows - first < DWEIGHT_ROWS ? rows - (u32)first : DWEIGHT_ROWS;
    if (width <= 2 * THREADS) {
        backward_rows<8, 2>(room_x, room_g, scales, a, first, count);
    } else if (width <= 4 * THREADS) {
        backward_rows<4, 4>(room_x, room_g, scales, a, first, count);
    } else if (width <= 8 * THREADS) {
        backward_rows<2, 8>(room_x, room_g, scales, a, first, count);
    } else if (width <= 16 * THREADS) {
        backward_rows<1, 16>(room_x, room_g, scales, a, first, count);
    } else if (width <= LONGEST) {
        backward_rows<1, 32>(room_x, room_g, scales, a, first, count);
    } else {
        backward_long_rows(scales, a, first, count);
    }
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
