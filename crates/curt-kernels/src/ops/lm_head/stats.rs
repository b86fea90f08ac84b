//! What one vocabulary chunk says of one row, and how chunks are merged.
//!
//! The statistics of a chunk are relative to its own maximum, so they can be taken before any other chunk is known.

use crate::cpu::SimdPath;
use crate::cpu::simd::{Kernel, LANES, Lanes, max, sum};
use crate::math::{exp, exp_lanes};

/// The statistics of one row's logits z in one chunk, with m their maximum (or 0 where all are −∞).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ChunkStatistics {
    /// The maximum m; −∞ where all are.
    pub max: f32,
    /// `l = Σ exp(z − m)`.
    pub mass: f32,
    /// `a = Σ exp(z − m)·(z − m)`.
    pub weighted: f32,
    /// `q = Σ exp(z − m)²`.
    pub squares: f32,
}

/// What a maximum is subtracted as: a row of −∞ alone must give a mass of 0, not −∞ − −∞.
#[inline(always)]
pub(super) fn shift(max: f32) -> f32 {
    if max == f32::NEG_INFINITY { 0.0 } else { max }
}

/// Below this distance from the maximum a token counts as having no mass: e^−43 is 2·10^−19, nothing to a sum in f32 that
/// is at least 1, and its square is the smallest normal number; subnormal ones would be a hundred times as slow.
const FLOOR: f32 = -43.0;

/// `d`, but not below [`FLOOR`].
#[inline(always)]
fn floored(d: f32) -> f32 {
    if d < FLOOR { FLOOR } else { d }
}

/// `e^d`, or 0 below [`FLOOR`].
#[inline(always)]
fn mass(d: f32) -> f32 {
    let e = exp(floored(d));
    if d < FLOOR { 0.0 } else { e }
}

/// [`mass`] of each lane.
#[inline(always)]
fn mass_lanes(d: &Lanes) -> Lanes {
    let mut e = exp_lanes(&d.map(floored));
    for i in 0..LANES {
        e[i] = if d[i] < FLOOR { 0.0 } else { e[i] };
    }
    e
}

/// The first `columns` logits of `line` as lanes; what is left of the last ones becomes −∞, a logit without mass.
#[inline(always)]
pub(super) fn lanes(line: &mut [f32], columns: usize) -> &mut [Lanes] {
    let padded = columns.next_multiple_of(LANES);
    line[columns..padded].fill(f32::NEG_INFINITY);
    line[..padded].as_chunks_mut().0
}

/// Multiplies a row's logits of one chunk (see [`lanes`]) by `scale`, in place, and returns their statistics.
///
/// 16 lanes walk the chunk in order. NaN makes all sums NaN.
pub(super) fn scale_and_reduce(path: SimdPath, logits: &mut [Lanes], scale: f32) -> ChunkStatistics {
    // the trees stand outside of the kernels: inside, they lure the compiler into keeping the lanes in small pieces
    let largest = max(&path.run(ScaleAndMaximum { logits: &mut *logits, scale }));
    let [mass, weighted, squares] = path.run(SumMasses { logits, shift: shift(largest) });
    ChunkStatistics { max: largest, mass: sum(&mass), weighted: sum(&weighted), squares: sum(&squares) }
}

/// Scales logits in place and returns the maximum of each lane.
struct ScaleAndMaximum<'a> {
    logits: &'a mut [Lanes],
    scale: f32,
}

impl Kernel for ScaleAndMaximum<'_> {
    type Output = Lanes;

    #[inline(always)]
    fn run(self) -> Lanes {
        let mut largest = [f32::NEG_INFINITY; LANES];
        for z in self.logits {
            for i in 0..LANES {
                z[i] *= self.scale;
                largest[i] = if z[i] > largest[i] { z[i] } else { largest[i] };
            }
        }
        largest
    }
}

/// `Σ e`, `Σ e·d` and `Σ e²` of each lane, where `d = z − shift` and e is its mass.
struct SumMasses<'a> {
    logits: &'a [Lanes],
    shift: f32,
}

impl Kernel for SumMasses<'_> {
    type Output = [Lanes; 3];

    #[inline(always)]
    fn run(self) -> [Lanes; 3] {
        let (mut mass, mut weighted, mut squares) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
        for z in self.logits {
            let d = z.map(|z| z - self.shift);
            let e = mass_lanes(&d);
            for i in 0..LANES {
                mass[i] += e[i];
                weighted[i] = e[i].mul_add(floored(d[i]), weighted[i]);
                squares[i] = e[i].mul_add(e[i], squares[i]);
            }
        }
        [mass, weighted, squares]
    }
}

/// The statistics of a whole row: its chunks brought to one maximum and added in index order, in f64.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowStatistics {
    /// The maximum M of all logits.
    pub max: f32,
    /// `L = Σ exp(z − M)`.
    pub mass: f64,
    /// `lse = ln Σ exp(z)`.
    pub lse: f64,
    /// `−Σ p ln p`.
    pub entropy: f32,
    /// `Σ p²`.
    pub sum_p2: f32,
}

impl RowStatistics {
    /// `z − lse` for the scaled logit of a token.
    pub fn logprob(&self, logit: f32) -> f32 {
        (f64::from(logit) - self.lse) as f32
    }
}

/// `exp(m − M)`, by which the sums of a chunk with maximum m are multiplied in a row with maximum M.
#[inline(always)]
pub(super) fn chunk_factor(chunk_max: f32, row_max: f32) -> f64 {
    f64::from(mass(chunk_max - shift(row_max)))
}

/// Merges the chunks of a row.
pub(super) struct Merge<'a>(pub &'a [ChunkStatistics]);

impl Kernel for Merge<'_> {
    type Output = RowStatistics;

    #[inline(always)]
    fn run(self) -> RowStatistics {
        let max = self.0.iter().fold(f32::NEG_INFINITY, |m, c| if c.max > m { c.max } else { m });
        let (mut mass, mut weighted, mut squares) = (0.0, 0.0, 0.0);
        for chunk in self.0 {
            let factor = chunk_factor(chunk.max, max);
            let chunk_mass = factor * f64::from(chunk.mass);
            mass += chunk_mass;
            if factor != 0.0 {
                weighted += factor * f64::from(chunk.weighted) + chunk_mass * f64::from(chunk.max - shift(max));
                squares += factor * factor * f64::from(chunk.squares);
            }
        }
        let ln_mass = libm::log(mass);
        RowStatistics {
            max,
            mass,
            lse: f64::from(max) + ln_mass,
            entropy: (ln_mass - weighted / mass) as f32,
            sum_p2: (squares / (mass * mass)) as f32,
        }
    }
}

/// `exp(z − M)` of each logit, relative to the row's maximum M.
pub(super) struct Masses<'a> {
    /// Where they go; as long as `logits`.
    pub masses: &'a mut [Lanes],
    /// Scaled logits.
    pub logits: &'a [Lanes],
    /// The row's maximum.
    pub row_max: f32,
}

impl Kernel for Masses<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let shift = shift(self.row_max);
        for (out, z) in self.masses.iter_mut().zip(self.logits) {
            *out = mass_lanes(&z.map(|z| z - shift));
        }
    }
}

/// Turns a row's raw logits of some chunks into d loss / d raw logit, in place.
///
/// `dz = −p·(dlogprob + dentropy·(ln p + entropy)) / T`, to which the caller adds `dlogprob / T` at the target.
pub(super) struct LogitGradient<'a> {
    /// The raw logits, see [`lanes`].
    pub logits: &'a mut [Lanes],
    /// `1 / temperature`.
    pub scale: f32,
    /// The row's log of the sum of exponentials.
    pub lse: f32,
    /// The row's entropy.
    pub entropy: f32,
    /// d loss / d log-probability of the target.
    pub dlogprob: f32,
    /// d loss / d entropy.
    pub dentropy: f32,
}

impl Kernel for LogitGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for z in self.logits {
            let logp = z.map(|z| z.mul_add(self.scale, -self.lse));
            let p = mass_lanes(&logp);
            for i in 0..LANES {
                let surprise = floored(logp[i]) + self.entropy;
                z[i] = -(p[i] * self.scale) * surprise.mul_add(self.dentropy, self.dlogprob);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Statistics of a row in chunks of `width`.
    fn row(z: &[f32], width: usize) -> RowStatistics {
        let reduce = |chunk: &[f32]| {
            let mut line = [chunk, &[7.0; LANES]].concat();
            scale_and_reduce(SimdPath::detect(), lanes(&mut line, chunk.len()), 1.0)
        };
        let chunks: Vec<_> = z.chunks(width).map(reduce).collect();
        Merge(&chunks).run()
    }

    #[test]
    fn minus_infinity_is_a_token_of_no_mass() {
        let mut z = vec![f32::NEG_INFINITY; 40];
        z[3] = 1.0;
        z[39] = 1.0;
        for width in [1, 7, 16, 40] {
            let row = row(&z, width);
            assert_eq!((row.max, row.mass, row.sum_p2), (1.0, 2.0, 0.5), "chunks of {width}");
            assert!((row.entropy - std::f32::consts::LN_2).abs() < 1e-6);
            assert_eq!(row.logprob(f32::NEG_INFINITY), f32::NEG_INFINITY);
        }
    }

    #[test]
    fn hopeless_rows_become_nan_and_nothing_else() {
        for (z, name) in [
            (vec![f32::NEG_INFINITY; 33], "all -inf"),
            (vec![f32::NAN; 33], "all NaN"),
            ([vec![1.0; 32], vec![f32::NAN]].concat(), "one NaN"),
            ([vec![f32::NAN], vec![1.0; 32]].concat(), "first NaN"),
            ([vec![1.0; 32], vec![f32::INFINITY]].concat(), "one +inf"),
        ] {
            for width in [1, 16, 33] {
                let row = row(&z, width);
                assert!(row.entropy.is_nan() && row.logprob(z[0]).is_nan(), "{name} in chunks of {width}: {row:?}");
            }
        }
    }
}
