// Products of matrices: tiles of 64 x 64 outputs, each output in one register of one thread.
//
// 128 threads; thread (tx, ty) owns the rows 8 ty .. 8 ty + 8 and the columns 4 tx .. 4 tx + 4 of its tile. Both operands
// pass through shared memory, 16 steps of the depth at a time. Steps are walked in order, and none that the depth lacks is
// added as a zero: a product that underflowed to -0 must stay -0.

#include "device.cuh"

const u32 TILE = 64;
const u32 STEPS = 16;
const u32 THREADS = 128;
const u32 ROWS = 8;
const u32 COLUMNS = 4;
// Distance of the steps of the left operand: a multiple of 4 for whole loads, not of 32 for the stores.
const u32 LEFT_STRIDE = TILE + 4;
// Depth of a block of the backward, whose sum starts at 0 and is then added: DEPTH of product.rs.
const u32 BLOCK_DEPTH = 128;

// The left operand: element (row, step) at row * row_stride + step * step_stride; one of the strides is 1.
struct Left {
    const float *data;
    u64 row_stride, step_stride;
};

struct Tile {
    float left[STEPS][LEFT_STRIDE];
    float right[STEPS][TILE];
};

// 16 steps of both operands on their way from memory, in the registers of the block's threads: they are asked for while the
// steps before are at work.
struct OnTheirWay {
    static const u32 EACH = TILE * STEPS / THREADS;
    float left[EACH], right[EACH];

    // The place in the tile of a thread's number i of the left operand: neighbouring threads read neighbouring numbers.
    template <bool STEPS_ADJOIN>
    static __device__ inline void place(u32 i, u32 &row, u32 &step) {
        i = i * THREADS + threadIdx.x;
        step = STEPS_ADJOIN ? i % STEPS : i / TILE;
        row = STEPS_ADJOIN ? i / STEPS : i % TILE;
    }

    // Asks for `steps` steps from `first` on; zeros where rows or columns end.
    template <bool STEPS_ADJOIN>
    __device__ inline void load(Left a, const float *b, u64 b_stride, u32 rows, u32 columns, u32 first, u32 steps) {
#pragma unroll
        for (u32 i = 0; i < EACH; ++i) {
            u32 row, step;
            place<STEPS_ADJOIN>(i, row, step);
            bool exists = row < rows && step < steps;
            left[i] = exists ? a.data[row * a.row_stride + (u64)(first + step) * a.step_stride] : 0.0f;
        }
#pragma unroll
        for (u32 i = 0; i < EACH; ++i) {
            u32 step = (i * THREADS + threadIdx.x) / TILE, column = threadIdx.x % TILE;
            right[i] = column < columns && step < steps ? b[(u64)(first + step) * b_stride + column] : 0.0f;
        }
    }

    template <bool STEPS_ADJOIN>
    __device__ inline void store(Tile &tile) const {
#pragma unroll
        for (u32 i = 0; i < EACH; ++i) {
            u32 row, step;
            place<STEPS_ADJOIN>(i, row, step);
            tile.left[step][row] = left[i];
            tile.right[(i * THREADS + threadIdx.x) / TILE][threadIdx.x % TILE] = right[i];
        }
    }
};

__device__ inline void add_step(float (&sums)[ROWS][COLUMNS], const Tile &tile, u32 step, u32 tx, u32 ty) {
    float left[ROWS], right[COLUMNS];
    *(float4 *)&left[0] = *(const float4 *)&tile.left[step][ROWS * ty];
    *(float4 *)&left[4] = *(const float4 *)&tile.left[step][ROWS * ty + 4];
    *(float4 *)&right[0] = *(const float4 *)&tile.right[step][COLUMNS * tx];
#pragma unroll
    for (u32 r = 0; r < ROWS; ++r) {
#pragma unroll
        for (u32 c = 0; c < COLUMNS; ++c) {
            sums[r][c] = fmaf(left[r], right[c], sums[r][c]);
        }
    }
}

// The block's tile of the product, as chains over steps first .. end that go on from `sums`.
template <bool STEPS_ADJOIN>
__device__ inline void add_steps(float (&sums)[ROWS][COLUMNS], Tile &tile, Left a, const float *b, u64 b_stride, u32 rows,
                                 u32 columns, u32 first, u32 end) {
    u32 tx = threadIdx.x % (TILE / COLUMNS), ty = threadIdx.x / (TILE / COLUMNS);
    OnTheirWay next;
    next.load<STEPS_ADJOIN>(a, b, b_stride, rows, columns, first, end - first);
    for (; first < end; first += STEPS) {
        u32 steps = end - first < STEPS ? end - first : STEPS;
        __syncthreads();
        next.store<STEPS_ADJOIN>(tile);
        __syncthreads();
        if (end - first > STEPS) {
            next.load<STEPS_ADJOIN>(a, b, b_stride, rows, columns, first + STEPS, end - first - STEPS);
        }
        if (steps == STEPS) {
#pragma unroll 4
            for (u32 step = 0; step < STEPS; ++step) add_step(sums, tile, step, tx, ty);
        } else {
#pragma unroll 1
            for (u32 step = 0; step < steps; ++step) add_step(sums, tile, step, tx, ty);
        }
    }
}

// Four outputs of one row at `at`, or as many as there are: in one piece where the place is a multiple of 16 bytes, because
// neighbouring threads' pieces adjoin.
struct Quad {
    float of[COLUMNS];

    __device__ inline void load(const float *at, u32 count) {
        if (count >= COLUMNS && (u64)at % 16 == 0) {
            *(float4 *)of = *(const float4 *)at;
        } else {
#pragma unroll
            for (u32 c = 0; c < COLUMNS; ++c) of[c] = c < count ? at[c] : 0.0f;
        }
    }

    __device__ inline void store(float *at, u32 count) const {
        if (count >= COLUMNS && (u64)at % 16 == 0) {
            *(float4 *)at = *(const float4 *)of;
        } else {
#pragma unroll
            for (u32 c = 0; c < COLUMNS; ++c) {
                if (c < count) at[c] = of[c];
            }
        }
    }
};

// y [rows x n, stride y_stride] = x [rows x k] times panels of 64 columns, + bias unless null; one chain per element.
//
// Grid (tiles of rows, panels).
KERNEL(128) linear_forward(float *y, const float *x, const float *panels, const float *bias, u32 rows, u32 n, u32 k, u32 y_stride) {
    __shared__ Tile tile;
    float sums[ROWS][COLUMNS] = {};
    u32 row = blockIdx.x * TILE, column = blockIdx.y * TILE;
    Left a = {x + (u64)row * k, k, 1};
    add_steps<true>(sums, tile, a, panels + (u64)column * k, TILE, rows - row, TILE, 0, k);
    row += threadIdx.x / (TILE / COLUMNS) * ROWS;
    column += threadIdx.x % (TILE / COLUMNS) * COLUMNS;
    u32 count = column < n ? n - column : 0;
    Quad bias_of = {};
    if (bias) bias_of.load(bias + column, count);
#pragma unroll
    for (u32 r = 0; r < ROWS; ++r) {
        Quad out;
#pragma unroll
        for (u32 c = 0; c < COLUMNS; ++c) out.of[c] = bias ? sums[r][c] + bias_of.of[c] : sums[r][c];
        if (row + r < rows) out.store(y + (u64)(row + r) * y_stride + column, count);
    }
}

// Rows and columns of a block of linear_forward_few, and steps of the depth that it holds at once.
const u32 FEW_ROWS = 32;
const u32 FEW_COLUMNS = 16;
const u32 FEW_STEPS = 128;
const u32 FEW_THREADS = 256;
// Distance of the rows in shared memory: whole quads, and neighbours in other banks.
const u32 FEW_STRIDE = FEW_STEPS + 4;

// linear_forward for few rows, with the same chain per element. Its blocks are narrow, so that there are enough of them to
// read the weight as fast as memory gives it. Thread t owns the column t % 16 of the rows t / 16 and t / 16 + 16.
//
// Grid (blocks of 32 rows, blocks of 16 columns).
KERNEL(256) linear_forward_few(float *y, const float *x, const float *panels, const float *bias, u32 rows, u32 n, u32 k, u32 y_stride) {
    const u32 X_EACH = FEW_ROWS * FEW_STEPS / FEW_THREADS, W_EACH = FEW_COLUMNS * FEW_STEPS / FEW_THREADS;
    const u32 APART = FEW_THREADS / FEW_COLUMNS, MINE = FEW_ROWS / APART;
    __shared__ float4 x_room[FEW_ROWS][FEW_STRIDE / 4];
    __shared__ float4 w_room[FEW_COLUMNS][FEW_STRIDE / 4];
    u32 row = blockIdx.x * FEW_ROWS, column = blockIdx.y * FEW_COLUMNS;
    x += (u64)row * k;
    const float *weight = panels + (u64)(column / TILE) * TILE * k + column % TILE;
    u32 count = rows - row < FEW_ROWS ? rows - row : FEW_ROWS;
    u32 my_row = threadIdx.x / FEW_COLUMNS, my_column = threadIdx.x % FEW_COLUMNS;
    float sums[MINE] = {};
    for (u32 first = 0; first < k; first += FEW_STEPS) {
        u32 steps = k - first < FEW_STEPS ? k - first : FEW_STEPS;
        float x_next[X_EACH], w_next[W_EACH];
#pragma unroll
        for (u32 i = 0; i < X_EACH; ++i) {
            u32 r = threadIdx.x / FEW_STEPS + FEW_THREADS / FEW_STEPS * i, step = threadIdx.x % FEW_STEPS;
            x_next[i] = r < count && step < steps ? x[(u64)r * k + first + step] : 0.0f;
        }
#pragma unroll
        for (u32 i = 0; i < W_EACH; ++i) {
            u32 step = my_row + APART * i;
            w_next[i] = step < steps ? weight[(u64)(first + step) * TILE + my_column] : 0.0f;
        }
        if (first > 0) __syncthreads();
#pragma unroll
        for (u32 i = 0; i < X_EACH; ++i) {
            u32 r = threadIdx.x / FEW_STEPS + FEW_THREADS / FEW_STEPS * i, step = threadIdx.x % FEW_STEPS;
            ((float *)x_room[r])[step] = x_next[i];
        }
#pragma unroll
        for (u32 i = 0; i < W_EACH; ++i) ((float *)w_room[my_column])[my_row + APART * i] = w_next[i];
        __syncthreads();
        if (my_row >= count) continue;
#pragma unroll 4
        for (u32 quad = 0; quad < steps / 4; ++quad) {
            float4 w = w_room[my_column][quad];
#pragma unroll
            for (u32 j = 0; j < MINE; ++j) {
                float4 of = x_room[my_row + APART * j][quad];
                sums[j] = fmaf(of.x, w.x, sums[j]);
                sums[j] = fmaf(of.y, w.y, sums[j]);
                sums[j] = fmaf(of.z, w.z, sums[j]);
                sums[j] = fmaf(of.w, w.w, sums[j]);
            }
        }
        for (u32 step = steps / 4 * 4; step < steps; ++step) {
            float w = ((const float *)w_room[my_column])[step];
#pragma unroll
            for (u32 j = 0; j < MINE; ++j) {
                sums[j] = fmaf(((const float *)x_room[my_row + APART * j])[step], w, sums[j]);
            }
        }
    }
    if (column + my_column >= n) return;
    float bias_of = bias ? bias[column + my_column] : 0.0f;
#pragma unroll
    for (u32 j = 0; j < MINE; ++j) {
        u32 r = my_row + APART * j;
        if (r < count) y[(u64)(row + r) * y_stride + column + my_column] = bias ? sums[j] + bias_of : sums[j];
    }
}

// c [rows x columns] = or += a * b, in blocks of 128 steps that are added in order. Grid (tiles of rows, tiles of columns).
template <bool STEPS_ADJOIN>
__device__ inline void blocked_product(float *c, Left a, const float *b, u32 rows, u32 columns, u32 depth, u32 b_stride,
                                       u32 c_stride, u32 accumulate) {
    __shared__ Tile tile;
    u32 row = blockIdx.x * TILE, column = blockIdx.y * TILE;
    u32 my_row = row + threadIdx.x / (TILE / COLUMNS) * ROWS, my_column = column + threadIdx.x % (TILE / COLUMNS) * COLUMNS;
    u32 count = my_column < columns ? columns - my_column : 0;
    float *mine = c + (u64)my_row * c_stride + my_column;
    Quad totals[ROWS];
#pragma unroll
    for (u32 r = 0; r < ROWS; ++r) {
        totals[r] = {};
        if (accumulate && my_row + r < rows) totals[r].load(mine + (u64)r * c_stride, count);
    }
    a.data += row * a.row_stride;
    for (u32 first = 0; first < depth; first += BLOCK_DEPTH) {
        u32 end = depth - first < BLOCK_DEPTH ? depth : first + BLOCK_DEPTH;
        float sums[ROWS][COLUMNS] = {};
        add_steps<STEPS_ADJOIN>(sums, tile, a, b + column, b_stride, rows - row, columns - column, first, end);
#pragma unroll
        for (u32 r = 0; r < ROWS; ++r) {
#pragma unroll
            for (u32 i = 0; i < COLUMNS; ++i) totals[r].of[i] += sums[r][i];
        }
    }
#pragma unroll
    for (u32 r = 0; r < ROWS; ++r) {
        if (my_row + r < rows) totals[r].store(mine + (u64)r * c_stride, count);
    }
}

// a [rows x depth] with its steps side by side: dx = dy * W.
KERNEL(128, 3) product_of_rows(float *c, const float *a, const float *b, u32 rows, u32 columns, u32 depth, u32 a_stride, u32 b_stride,
                       u32 c_stride, u32 accumulate) {
    Left left = {a, a_stride, 1};
    blocked_product<true>(c, left, b, rows, columns, depth, b_stride, c_stride, accumulate);
}

// a [depth x rows] with its rows side by side: dW += transposed dy * x.
KERNEL(128, 3) product_of_columns(float *c, const float *a, const float *b, u32 rows, u32 columns, u32 depth, u32 a_stride, u32 b_stride,
                          u32 c_stride, u32 accumulate) {
    Left left = {a, 1, a_stride};
    blocked_product<false>(c, left, b, rows, columns, depth, b_stride, c_stride, accumulate);
}

// Packs weight [n x k] in panels [k][64], zeros past n. 256 threads; grid (panels, tiles of 32 steps).
KERNEL(256) linear_pack(float *panels, const float *weight, u32 n, u32 k) {
    __shared__ float tile[TILE][33];
    u32 first_column = blockIdx.x * TILE, first_step = blockIdx.y * 32;
    for (u32 i = threadIdx.x; i < TILE * 32; i += 256) {
        u32 column = i / 32, step = i % 32;
        bool exists = first_column + column < n && first_step + step < k;
        tile[column][step] = exists ? weight[(u64)(first_column + column) * k + first_step + step] : 0.0f;
    }
    __syncthreads();
    for (u32 i = threadIdx.x; i < TILE * 32; i += 256) {
        u32 step = i / TILE, column = i % TILE;
        if (first_step + step < k) panels[(u64)first_column * k + (u64)(first_step + step) * TILE + column] = tile[column][step];
    }
}

// sums [n] += column sums of dy [rows x n], each in order of rows: one thread per column.
KERNEL(64) linear_backward_bias(float *sums, const float *dy, u32 rows, u32 n) {
    u32 column = blockIdx.x * blockDim.x + threadIdx.x;
    if (column >= n) return;
    float total = 0.0f;
#pragma unroll 8
    for (u32 row = 0; row < rows; ++row) {
        total += dy[(u64)row * n + column];
    }
    sums[column] += total;
}
