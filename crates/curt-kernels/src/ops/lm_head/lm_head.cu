// The head's reductions over chunks of logits that linear_forward left in memory, and the choice of a token.

#include "device.cuh"

// VOCAB_CHUNK of mod.rs.
const u32 CHUNK = 512;
// Columns of a panel of the packed weight.
const u32 PANEL = 64;

__device__ inline float shift_of(float max) { return max == -infinity() ? 0.0f : max; }

// FLOOR of stats.rs: below it a token has no mass.
const float FLOOR = -43.0f;
__device__ inline float floored(float d) { return d < FLOOR ? FLOOR : d; }
__device__ inline float mass_of(float d) {
    float e = exp_of(floored(d));
    return d < FLOOR ? 0.0f : e;
}

// What is kept of a chunk of a row. All of them: [row][chunk].
struct alignas(16) Statistics {
    float max, mass, weighted, squares;
};

// Statistics of the chunks in `logits` [rows x columns, stride], whose first token is `first`; a half warp per (row, chunk).
//
// Leaves the scaled logit of a row's target, if it is here, in `target_logits`; `targets` may be null. Grid (blocks of rows,
// chunks).
KERNEL(128) lm_head_statistics(Statistics *statistics, float *target_logits, const float *logits, const u32 *targets, u32 rows, u32 columns,
                          u32 stride, u32 first, u32 chunks, float scale) {
    u32 row = blockIdx.x * (blockDim.x / LANES) + threadIdx.x / LANES, lane = threadIdx.x % LANES;
    u32 start = blockIdx.y * CHUNK;
    u32 end = row < rows ? (start + CHUNK < columns ? start + CHUNK : columns) : 0;
    const float *line = logits + (u64)row * stride;
    // a chunk in registers
    float z[CHUNK / LANES];
    float largest = -infinity();
#pragma unroll
    for (u32 c = 0; c < CHUNK / LANES; ++c) {
        u32 i = start + lane + LANES * c;
        z[c] = i < end ? line[i] * scale : -infinity();
    }
#pragma unroll
    for (u32 c = 0; c < CHUNK / LANES; ++c) largest = z[c] > largest ? z[c] : largest;
    largest = half_max(largest);
    float shift = shift_of(largest), mass = 0.0f, weighted = 0.0f, squares = 0.0f;
    u32 target = targets && row < rows ? targets[row] : 0xffffffffu;
#pragma unroll
    for (u32 c = 0; c < CHUNK / LANES; ++c) {
        u32 i = start + lane + LANES * c;
        if (i >= end) continue;
        float d = z[c] - shift;
        float e = mass_of(d);
        mass += e;
        weighted = fmaf(e, floored(d), weighted);
        squares = fmaf(e, e, squares);
        if (first + i == target) target_logits[row] = z[c];
    }
    mass = half_sum(mass);
    weighted = half_sum(weighted);
    squares = half_sum(squares);
    if (lane == 0 && row < rows) {
        statistics[(u64)row * chunks + first / CHUNK + blockIdx.y] = {largest, mass, weighted, squares};
    }
}

// The libm crate's log: FreeBSD's.
__device__ inline double ln_of(double x) {
    u64 bits = __double_as_longlong(x);
    u32 high = (u32)(bits >> 32);
    int k = 0;
    if (high < 0x00100000u || (high >> 31) != 0) {
        if (bits << 1 == 0) return __longlong_as_double(0xfff0000000000000ull);
        if ((high >> 31) != 0) return __longlong_as_double(0x7ff8000000000000ull);
        k -= 54;
        x *= 18014398509481984.0;
        bits = __double_as_longlong(x);
        high = (u32)(bits >> 32);
    } else if (high >= 0x7ff00000u) {
        return x;
    } else if (high == 0x3ff00000u && bits << 32 == 0) {
        return 0.0;
    }
    // into [sqrt(2) / 2, sqrt(2)]
    high += 0x3ff00000u - 0x3fe6a09eu;
    k += (int)(high >> 20) - 0x3ff;
    high = (high & 0x000fffffu) + 0x3fe6a09eu;
    double f = __longlong_as_double((u64)high << 32 | (bits & 0xffffffffull)) - 1.0;
    double half_square = 0.5 * f * f;
    double s = f / (2.0 + f);
    double z = s * s, w = z * z;
    double t1 = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01));
    double t2 = z * (6.666666666666735130e-01 +
                     w * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860510518591e-01)));
    double dk = (double)k;
    return s * (half_square + (t2 + t1)) + dk * 1.90821492927058770002e-10 - half_square + f + dk * 6.93147180369123816490e-01;
}

__device__ inline double chunk_factor(float chunk_max, float row_max) {
    return (double)mass_of(chunk_max - shift_of(row_max));
}

const u32 WARP_LANES = 32;
// Rows of a block of the two kernels below: a warp per row.
const u32 MERGED_ROWS = 8;
// Chunks of a row that are kept in shared memory; those past them are read again.
const u32 KEPT = 320;

// A row's chunks, each of which a warp reads once.
struct Chunks {
    const Statistics *all;
    Statistics *kept;
    u32 count;

    __device__ inline Statistics load(u32 chunk) const {
        Statistics found = all[chunk];
        if (chunk < KEPT) kept[chunk] = found;
        return found;
    }

    // What the same lane has loaded.
    __device__ inline Statistics again(u32 chunk) const { return chunk < KEPT ? kept[chunk] : all[chunk]; }
};

// A row's chunks brought to one maximum and added in index order.
struct Row {
    float max;
    double mass, lse;
    float entropy, sum_p2;
};

// Merges the chunks of a row: each lane prepares one of 32 chunks, then all lanes add them in order.
__device__ inline Row merge(const Chunks &chunks) {
    u32 lane = threadIdx.x % WARP_LANES;
    float max = -infinity();
#pragma unroll 4
    for (u32 c = lane; c < chunks.count; c += WARP_LANES) {
        float chunk_max = chunks.load(c).max;
        max = chunk_max > max ? chunk_max : max;
    }
    for (u32 h = WARP_LANES / 2; h > 0; h /= 2) {
        float other = __shfl_xor_sync(WARP, max, h);
        max = other > max ? other : max;
    }
    double mass = 0.0, weighted = 0.0, squares = 0.0;
    for (u32 first = 0; first < chunks.count; first += WARP_LANES) {
        bool exists = first + lane < chunks.count;
        Statistics mine = {};
        if (exists) mine = chunks.again(first + lane);
        double factor = exists ? chunk_factor(mine.max, max) : 0.0;
        double my_mass = factor * (double)mine.mass;
        double my_weighted = factor * (double)mine.weighted + my_mass * (double)(mine.max - shift_of(max));
        double my_squares = factor * factor * (double)mine.squares;
        u32 counts = __ballot_sync(WARP, factor != 0.0);
        u32 count = chunks.count - first < WARP_LANES ? chunks.count - first : WARP_LANES;
        for (u32 i = 0; i < count; ++i) {
            double next_weighted = __shfl_sync(WARP, my_weighted, i), next_squares = __shfl_sync(WARP, my_squares, i);
            mass += __shfl_sync(WARP, my_mass, i);
            if (counts >> i & 1) {
                weighted += next_weighted;
                squares += next_squares;
            }
        }
    }
    double ln_mass = ln_of(mass);
    return {max, mass, (double)max + ln_mass, (float)(ln_mass - weighted / mass), (float)(squares / (mass * mass))};
}

// The facts of rows whose target's logit stands in `logprob`. Grid (blocks of 8 rows).
KERNEL(256) lm_head_facts(float *logprob, float *entropy, float *sum_p2, float *lse, const Statistics *statistics, u32 rows, u32 chunks) {
    __shared__ Statistics kept[MERGED_ROWS][KEPT];
    __shared__ Row merged[MERGED_ROWS];
    u32 mine = threadIdx.x / WARP_LANES, first = blockIdx.x * MERGED_ROWS, row = first + mine;
    if (row < rows) {
        Row found = merge({statistics + (u64)row * chunks, kept[mine], chunks});
        if (threadIdx.x % WARP_LANES == 0) merged[mine] = found;
    }
    __syncthreads();
    // the rows' numbers are neighbours: one warp writes them
    row = first + threadIdx.x;
    if (threadIdx.x < MERGED_ROWS && row < rows) {
        Row found = merged[threadIdx.x];
        entropy[row] = found.entropy;
        sum_p2[row] = found.sum_p2;
        lse[row] = (float)found.lse;
        logprob[row] = (float)((double)logprob[row] - found.lse);
    }
}

// Where a row's token is to be looked for: `Search` of sample.rs.
struct Search {
    double lse, sum, threshold;
    float row_max;
    u32 chunk;
};

// The chunk in which the masses of a merged row pass the threshold, and their sum before it; `u` negative: the first chunk
// that has the maximum.
__device__ inline Search search_in(const Chunks &chunks, const Row &merged, double u) {
    u32 lane = threadIdx.x % WARP_LANES;
    Search found = {merged.lse, 0.0, u * merged.mass, merged.max, 0};
    double sum = 0.0;
    for (u32 first = 0; first < chunks.count; first += WARP_LANES) {
        bool exists = first + lane < chunks.count;
        Statistics mine = {};
        if (exists) mine = chunks.again(first + lane);
        u32 largest = __ballot_sync(WARP, exists && mine.max == merged.max);
        if (u < 0.0) {
            if (largest != 0) {
                found.chunk = first + __ffs((int)largest) - 1;
                return found;
            }
            continue;
        }
        double my_mass = exists ? chunk_factor(mine.max, merged.max) * (double)mine.mass : 0.0;
        u32 count = chunks.count - first < WARP_LANES ? chunks.count - first : WARP_LANES;
        for (u32 i = 0; i < count; ++i) {
            double mass = __shfl_sync(WARP, my_mass, i);
            if (mass > 0.0) {
                found.chunk = first + i;
                found.sum = sum;
            }
            sum += mass;
            if (sum > found.threshold) return found;
        }
    }
    return found;
}

// The facts of rows but for the log-probability, and the chunk that holds their token. Grid (blocks of 8 rows).
//
// draws[row] is the uniform number, or negative for the most likely token.
KERNEL(256) lm_head_search(Search *searches, float *entropy, float *sum_p2, float *lse, const Statistics *statistics, const double *draws,
                      u32 rows, u32 chunks) {
    __shared__ Statistics kept[MERGED_ROWS][KEPT];
    __shared__ Row merged[MERGED_ROWS];
    __shared__ Search found_at[MERGED_ROWS];
    __shared__ double uniform[MERGED_ROWS];
    u32 mine = threadIdx.x / WARP_LANES, lane = threadIdx.x % WARP_LANES, first = blockIdx.x * MERGED_ROWS, row = first + mine;
    if (threadIdx.x < MERGED_ROWS && first + threadIdx.x < rows) uniform[threadIdx.x] = draws[first + threadIdx.x];
    __syncthreads();
    if (row < rows) {
        Chunks all = {statistics + (u64)row * chunks, kept[mine], chunks};
        Row found = merge(all);
        Search search = search_in(all, found, uniform[mine]);
        if (lane == 0) {
            merged[mine] = found;
            found_at[mine] = search;
        }
    }
    __syncthreads();
    const u32 WORDS = sizeof(Search) / sizeof(u32);
    if (threadIdx.x < MERGED_ROWS * WORDS && first + threadIdx.x / WORDS < rows) {
        ((u32 *)(searches + first))[threadIdx.x] = ((const u32 *)found_at)[threadIdx.x];
    }
    row = first + threadIdx.x;
    if (threadIdx.x < MERGED_ROWS && row < rows) {
        Row found = merged[threadIdx.x];
        entropy[row] = found.entropy;
        sum_p2[row] = found.sum_p2;
        lse[row] = (float)found.lse;
    }
}

const u32 DRAW_THREADS = 256;
// Tokens of a chunk per thread.
const u32 EACH = CHUNK / DRAW_THREADS;

// Computes the logits of each row's chunk again and finds the token: a block of 256 threads per row.
KERNEL(256) lm_head_draw(u32 *tokens, float *logprob, const Search *searches, const double *draws, const float *x, const float *panels,
                    u32 vocab, u32 width, float scale) {
    __shared__ float logits[CHUNK];
    __shared__ float masses[CHUNK];
    __shared__ float piece[DRAW_THREADS];
    u64 row = blockIdx.x;
    Search search = searches[row];
    u32 first = search.chunk * CHUNK;
    u32 count = vocab - first < CHUNK ? vocab - first : CHUNK;
    const float *weights[EACH];
    float sums[EACH] = {};
#pragma unroll
    for (u32 j = 0; j < EACH; ++j) {
        u32 i = threadIdx.x + DRAW_THREADS * j;
        u32 token = first + (i < count ? i : 0);
        weights[j] = panels + (u64)(token / PANEL) * PANEL * width + token % PANEL;
    }
    for (u32 done = 0; done < width; done += DRAW_THREADS) {
        u32 steps = width - done < DRAW_THREADS ? width - done : DRAW_THREADS;
        if (done > 0) __syncthreads();
        if (threadIdx.x < steps) piece[threadIdx.x] = x[row * width + done + threadIdx.x];
        __syncthreads();
#pragma unroll
        for (u32 j = 0; j < EACH; ++j) {
            if (threadIdx.x + DRAW_THREADS * j >= count) continue;
#pragma unroll 8
            for (u32 k = 0; k < steps; ++k) {
                sums[j] = fmaf(piece[k], weights[j][(u64)(done + k) * PANEL], sums[j]);
            }
        }
    }
#pragma unroll
    for (u32 j = 0; j < EACH; ++j) {
        u32 i = threadIdx.x + DRAW_THREADS * j;
        float z = sums[j] * scale;
        if (i < count) {
            logits[i] = z;
            masses[i] = mass_of(z - shift_of(search.row_max));
        }
    }
    __syncthreads();
    if (threadIdx.x != 0) return;
    u32 token = 0;
    if (draws[row] < 0.0) {
        for (u32 i = count; i > 0; --i) {
            if (logits[i - 1] == search.row_max && logits[i - 1] > -infinity()) token = i - 1;
        }
    } else {
        double sum = search.sum;
        for (u32 i = 0; i < count; ++i) {
            if (masses[i] > 0.0f) {
                sum += (double)masses[i];
                token = i;
                if (sum > search.threshold) break;
            }
        }
    }
    tokens[row] = first + token;
    logprob[row] = (float)((double)logits[token] - search.lse);
}

// Turns raw logits [rows x columns, stride] of the tokens first .. into d loss / d raw logit, in place. A block per row.
//
// rows[i] is the place of row i in the facts and gradients.
KERNEL(256) lm_head_gradient(float *logits, const u32 *rows, const u32 *targets, const float *dlogprob, const float *dentropy,
                        const float *lse, const float *entropy, u32 columns, u32 stride, u32 first, float scale) {
    __shared__ float row_lse, row_entropy, dl, de;
    __shared__ u32 target;
    // read once for the block
    if (threadIdx.x == 0) {
        u64 row = rows[blockIdx.x];
        row_lse = lse[row];
        row_entropy = entropy[row];
        dl = dlogprob[row];
        de = dentropy[row];
        target = targets[row];
    }
    __syncthreads();
    float *line = logits + (u64)blockIdx.x * stride;
    for (u32 i = threadIdx.x; i < columns; i += blockDim.x) {
        float logp = fmaf(line[i], scale, -row_lse);
        float p = mass_of(logp);
        float dz = -(p * scale) * fmaf(floored(logp) + row_entropy, de, dl);
        if (first + i == target) dz += dl * scale;
        line[i] = dz;
    }
}

// to[i] = from[rows[i]]: a block per row.
KERNEL(256) lm_head_gather(float *to, const float *from, const u32 *rows, u32 width) {
    __shared__ u32 row;
    if (threadIdx.x == 0) row = rows[blockIdx.x];
    __syncthreads();
    const float *source = from + (u64)row * width;
    for (u32 i = threadIdx.x; i < width; i += blockDim.x) {
        to[(u64)blockIdx.x * width + i] = source[i];
    }
}

// to[rows[i]] = from[i]: a block per row.
KERNEL(256) lm_head_scatter(float *to, const float *from, const u32 *rows, u32 width) {
    __shared__ u32 row;
    if (threadIdx.x == 0) row = rows[blockIdx.x];
    __syncthreads();
    float *target = to + (u64)row * width;
    for (u32 i = threadIdx.x; i < width; i += blockDim.x) {
        target[i] = from[(u64)blockIdx.x * width + i];
    }
}
