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

// Four numbers per chunk and row, as [number][chunk][row]: maximum, mass, weighted, squares.
struct Statistics {
    float *data;
    u64 chunks, rows;
    __device__ inline float &at(u32 number, u64 chunk, u64 row) const { return data[(number * chunks + chunk) * rows + row]; }
};

// Statistics of the chunks in `logits` [rows x columns, stride], whose first token is `first`; a half warp per (row, chunk).
//
// Leaves the scaled logit of a row's target, if it is here, in `target_logits`; `targets` may be null. Grid (blocks of rows,
// chunks).
KERNEL(128) lm_head_statistics(float *statistics, float *target_logits, const float *logits, const u32 *targets, u32 rows, u32 columns,
                          u32 stride, u32 first, u32 chunks, float scale) {
    u32 row = blockIdx.x * (blockDim.x / LANES) + threadIdx.x / LANES, lane = threadIdx.x % LANES;
    u32 start = blockIdx.y * CHUNK;
    u32 end = row < rows ? (start + CHUNK < columns ? start + CHUNK : columns) : 0;
    const float *line = logits + (u64)row * stride;
    float largest = -infinity();
#pragma unroll 4
    for (u32 i = start + lane; i < end; i += LANES) {
        float z = line[i] * scale;
        largest = z > largest ? z : largest;
    }
    largest = half_max(largest);
    float shift = shift_of(largest), mass = 0.0f, weighted = 0.0f, squares = 0.0f;
    u32 target = targets && row < rows ? targets[row] : 0xffffffffu;
#pragma unroll 2
    for (u32 i = start + lane; i < end; i += LANES) {
        float z = line[i] * scale;
        float d = z - shift;
        float e = mass_of(d);
        mass += e;
        weighted = fmaf(e, floored(d), weighted);
        squares = fmaf(e, e, squares);
        if (first + i == target) target_logits[row] = z;
    }
    mass = half_sum(mass);
    weighted = half_sum(weighted);
    squares = half_sum(squares);
    if (lane == 0 && row < rows) {
        Statistics all = {statistics, chunks, rows};
        u64 chunk = first / CHUNK + blockIdx.y;
        all.at(0, chunk, row) = largest;
        all.at(1, chunk, row) = mass;
        all.at(2, chunk, row) = weighted;
        all.at(3, chunk, row) = squares;
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

// A row's chunks brought to one maximum and added in index order.
struct Row {
    float max;
    double mass, lse;
};

// Merges the chunks of a row and writes what does not depend on a token.
__device__ inline Row merge(float *entropy, float *sum_p2, float *lse, const Statistics &all, u32 row) {
    float max = -infinity();
    for (u32 c = 0; c < all.chunks; ++c) {
        float chunk_max = all.at(0, c, row);
        max = chunk_max > max ? chunk_max : max;
    }
    double mass = 0.0, weighted = 0.0, squares = 0.0;
    for (u32 c = 0; c < all.chunks; ++c) {
        float chunk_max = all.at(0, c, row);
        double factor = chunk_factor(chunk_max, max);
        double chunk_mass = factor * (double)all.at(1, c, row);
        mass += chunk_mass;
        if (factor != 0.0) {
            weighted += factor * (double)all.at(2, c, row) + chunk_mass * (double)(chunk_max - shift_of(max));
            squares += factor * factor * (double)all.at(3, c, row);
        }
    }
    double ln_mass = ln_of(mass);
    double row_lse = (double)max + ln_mass;
    entropy[row] = (float)(ln_mass - weighted / mass);
    sum_p2[row] = (float)(squares / (mass * mass));
    lse[row] = (float)row_lse;
    return {max, mass, row_lse};
}

// The facts of rows whose target's logit stands in `logprob`: a thread per row.
KERNEL(64) lm_head_facts(float *logprob, float *entropy, float *sum_p2, float *lse, const float *statistics, u32 rows, u32 chunks) {
    u32 row = blockIdx.x * blockDim.x + threadIdx.x;
    if (row >= rows) return;
    Statistics all = {(float *)statistics, chunks, rows};
    Row merged = merge(entropy, sum_p2, lse, all, row);
    logprob[row] = (float)((double)logprob[row] - merged.lse);
}

// Where a row's token is to be looked for: `Search` of sample.rs.
struct Search {
    double lse, sum, threshold;
    float row_max;
    u32 chunk;
};

// The facts of rows but for the log-probability, and the chunk that holds their token: a thread per row.
//
// draws[row] is the uniform number, or negative for the most likely token.
KERNEL(64) lm_head_search(Search *searches, float *entropy, float *sum_p2, float *lse, const float *statistics, const double *draws,
                      u32 rows, u32 chunks) {
    u32 row = blockIdx.x * blockDim.x + threadIdx.x;
    if (row >= rows) return;
    Statistics all = {(float *)statistics, chunks, rows};
    Row merged = merge(entropy, sum_p2, lse, all, row);
    double u = draws[row], threshold = u * merged.mass, before = 0.0, sum = 0.0;
    u32 chunk = 0;
    if (u < 0.0) {
        for (u32 c = chunks; c > 0; --c) {
            if (all.at(0, c - 1, row) == merged.max) chunk = c - 1;
        }
    } else {
        for (u32 c = 0; c < chunks; ++c) {
            double mass = chunk_factor(all.at(0, c, row), merged.max) * (double)all.at(1, c, row);
            if (mass > 0.0) {
                chunk = c;
                before = sum;
            }
            sum += mass;
            if (sum > threshold) break;
        }
    }
    searches[row] = {merged.lse, before, threshold, merged.max, chunk};
}

// Computes the logits of each row's chunk again and finds the token: a block of 256 threads per row.
KERNEL(256) lm_head_draw(u32 *tokens, float *logprob, const Search *searches, const double *draws, const float *x, const float *panels,
                    u32 vocab, u32 width, float scale) {
    __shared__ float logits[CHUNK];
    __shared__ float masses[CHUNK];
    u64 row = blockIdx.x;
    Search search = searches[row];
    u32 first = search.chunk * CHUNK;
    u32 count = vocab - first < CHUNK ? vocab - first : CHUNK;
    for (u32 i = threadIdx.x; i < count; i += blockDim.x) {
        u32 token = first + i;
        const float *weight = panels + (u64)(token / PANEL) * PANEL * width + token % PANEL;
        float sum = 0.0f;
#pragma unroll 4
        for (u32 k = 0; k < width; ++k) {
            sum = fmaf(x[row * width + k], weight[(u64)k * PANEL], sum);
        }
        float z = sum * scale;
        logits[i] = z;
        masses[i] = mass_of(z - shift_of(search.row_max));
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
    u64 row = rows[blockIdx.x];
    float *line = logits + (u64)blockIdx.x * stride;
    float row_lse = lse[row], row_entropy = entropy[row], dl = dlogprob[row], de = dentropy[row];
    u32 target = targets[row];
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
    const float *source = from + (u64)rows[blockIdx.x] * width;
    for (u32 i = threadIdx.x; i < width; i += blockDim.x) {
        to[(u64)blockIdx.x * width + i] = source[i];
    }
}

// to[rows[i]] = from[i]: a block per row.
KERNEL(256) lm_head_scatter(float *to, const float *from, const u32 *rows, u32 width) {
    float *target = to + (u64)rows[blockIdx.x] * width;
    for (u32 i = threadIdx.x; i < width; i += blockDim.x) {
        target[i] = from[(u64)blockIdx.x * width + i];
    }
}
