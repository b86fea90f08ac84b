//! How a token is chosen once the statistics of a row's chunks are known.

use std::ops::Range;

use super::stats::{ChunkStatistics, Masses, RowStatistics, chunk_factor};
use super::{Draw, VOCAB_CHUNK};
use crate::cpu::SimdPath;
use crate::cpu::simd::{Kernel, LANES, Lanes};

/// A search for one token; [`Search::visit`] is fed the logits of the chunk that holds it.
#[derive(Debug)]
pub(super) struct Search {
    /// The chunk that holds the token.
    pub chunk: usize,
    /// What ends the search.
    stop: Stop,
    /// The token so far: the last one that could be drawn.
    pub token: usize,
}

/// When a search for a token ends.
#[derive(Debug)]
enum Stop {
    /// At the first logit with this value; −∞, which the padding has too, is never found.
    Equal(f32),
    /// When the mass of the tokens up to here exceeds the threshold.
    Mass { row_max: f32, sum: f64, threshold: f64 },
}

/// The chunk whose cumulative mass first exceeds `u` of the whole, and the mass before it.
struct FindChunk<'a> {
    chunks: &'a [ChunkStatistics],
    row: &'a RowStatistics,
    threshold: f64,
}

impl Kernel for FindChunk<'_> {
    type Output = (usize, f64);

    #[inline(always)]
    fn run(self) -> (usize, f64) {
        let (mut sum, mut found) = (0.0, (0, 0.0));
        for (c, chunk) in self.chunks.iter().enumerate() {
            let mass = chunk_factor(chunk.max, self.row.max) * f64::from(chunk.mass);
            if mass > 0.0 {
                found = (c, sum);
            }
            sum += mass;
            if sum > self.threshold {
                break;
            }
        }
        found
    }
}

impl Search {
    /// The search for the most likely token; chunk 0 where no logit is a number.
    pub fn greedy(chunks: &[ChunkStatistics], row: &RowStatistics) -> Self {
        let chunk = chunks.iter().position(|c| c.max == row.max).unwrap_or(0);
        Self { chunk, stop: Stop::Equal(row.max), token: chunk * VOCAB_CHUNK }
    }

    /// The search for the token at `u` of the cumulative distribution in token order.
    ///
    /// The chunk is the first whose cumulative mass exceeds `u` times the whole, so it has mass; should rounding let the
    /// walk through it end early, its last token with mass is the one. Without any mass (NaN): chunk 0.
    pub fn inverse_cdf(path: SimdPath, chunks: &[ChunkStatistics], row: &RowStatistics, u: f64) -> Self {
        let threshold = u.max(0.0) * row.mass;
        let (chunk, sum) = path.run(FindChunk { chunks, row, threshold });
        Self { chunk, stop: Stop::Mass { row_max: row.max, sum, threshold }, token: chunk * VOCAB_CHUNK }
    }

    /// Looks at the scaled logits of tokens `first ..`, at most a chunk of them; whether the search has ended.
    pub fn visit(&mut self, path: SimdPath, first: usize, logits: &[Lanes]) -> bool {
        match &mut self.stop {
            Stop::Equal(value) => match logits.as_flattened().iter().position(|&z| z == *value && z > f32::NEG_INFINITY) {
                Some(at) => {
                    self.token = first + at;
                    true
                }
                None => false,
            },
            Stop::Mass { row_max, sum, threshold } => {
                let mut masses = [[0.0; LANES]; 4];
                for (group, logits) in logits.chunks(masses.len()).enumerate() {
                    let masses = &mut masses[..logits.len()];
                    path.run(Masses { masses: &mut *masses, logits, row_max: *row_max });
                    for (at, &mass) in masses.as_flattened().iter().enumerate().filter(|(_, mass)| **mass > 0.0) {
                        *sum += f64::from(mass);
                        self.token = first + group * 4 * LANES + at;
                        if *sum > *threshold {
                            return true;
                        }
                    }
                }
                false
            }
        }
    }
}

/// The tokens of a chunk.
pub(super) fn chunk_columns(chunk: usize, vocab: usize) -> Range<usize> {
    let first = chunk * VOCAB_CHUNK;
    first..(first + VOCAB_CHUNK).min(vocab)
}

/// Chooses a token of a row whose scaled logits are all at hand.
pub(super) fn choose(path: SimdPath, draw: Draw, logits: &[Lanes], chunks: &[ChunkStatistics], row: &RowStatistics) -> usize {
    let mut search = match draw {
        Draw::Greedy => Search::greedy(chunks, row),
        Draw::Uniform(u) => Search::inverse_cdf(path, chunks, row, u),
        Draw::Filtered { u, top_k, top_p, min_p } => {
            let mut filter = Filter::new(path, logits, row.max);
            filter.keep_top_k(top_k as usize);
            filter.keep_top_p(top_p);
            return filter.draw(u, min_p);
        }
    };
    let first = search.chunk * VOCAB_CHUNK;
    let end = (first + VOCAB_CHUNK) / LANES;
    search.visit(path, first, &logits[first / LANES..end.min(logits.len())]);
    search.token
}

/// A row's tokens under top-k, then top-p of what that leaves, then min-p.
struct Filter {
    /// Mass of each token, relative to the most likely one.
    masses: Vec<Lanes>,
    /// The kept tokens as [`rank_key`]s, in no order; all are at or below `last`.
    keys: Vec<u64>,
    /// The rank key of the least likely kept token.
    last: u64,
    /// The rank key of each token.
    key_of: Vec<u64>,
}

/// A number that is the smaller the more likely the token, and among equals the lower its id.
fn rank_key(logit: f32, token: u32) -> u64 {
    let bits = (logit + 0.0).to_bits(); // −0 becomes 0: they are equal
    let ascending = if bits >> 31 == 1 { !bits } else { bits | 1 << 31 };
    u64::from(!ascending) << 32 | u64::from(token)
}

impl Filter {
    fn new(path: SimdPath, logits: &[Lanes], row_max: f32) -> Self {
        let mut masses = vec![[0.0; LANES]; logits.len()];
        path.run(Masses { masses: &mut masses, logits, row_max });
        let key_of: Vec<u64> = (0..).zip(logits.as_flattened()).map(|(token, &z)| rank_key(z, token)).collect();
        let keys = key_of.iter().zip(masses.as_flattened()).filter(|&(_, &mass)| mass > 0.0).map(|(&key, _)| key).collect();
        Self { masses, keys, last: u64::MAX, key_of }
    }

    /// The mass of some tokens, by their rank keys.
    fn mass(&self, keys: &[u64]) -> f64 {
        let masses = self.masses.as_flattened();
        keys.iter().map(|&key| f64::from(masses[key as u32 as usize])).sum()
    }

    /// Keeps the `k` most likely tokens; 0 keeps all.
    fn keep_top_k(&mut self, k: usize) {
        if k > 0 && k < self.keys.len() {
            self.last = *self.keys.select_nth_unstable(k - 1).1;
            self.keys.truncate(k);
        }
    }

    /// Keeps the smallest set of most likely tokens with at least `p` of the kept mass, and always the first.
    ///
    /// Halves the range of ranks where that set ends until it is short enough to be sorted.
    fn keep_top_p(&mut self, p: f64) {
        if p >= 1.0 || self.keys.is_empty() {
            return;
        }
        let mut keys = std::mem::take(&mut self.keys);
        let threshold = p * self.mass(&keys);
        let (mut from, mut to, mut before) = (0, keys.len(), 0.0);
        while to - from > 32 {
            let middle = (to - from) / 2;
            keys[from..to].select_nth_unstable(middle);
            let upper = self.mass(&keys[from..from + middle]);
            if before + upper >= threshold {
                to = from + middle;
            } else {
                before += upper;
                from += middle;
            }
        }
        keys[from..to].sort_unstable();
        let mut kept = from;
        while kept < to && (kept == 0 || before < threshold) {
            before += self.mass(&keys[kept..=kept]);
            kept += 1;
        }
        keys.truncate(kept);
        self.last = keys[kept - 1];
        self.keys = keys;
    }

    /// The token at `u` of the kept tokens with at least `min_p` times the mass of the most likely; 0 where none has mass.
    fn draw(&self, u: f64, min_p: f64) -> usize {
        let kept = || {
            let tokens = self.key_of.iter().zip(self.masses.as_flattened()).enumerate();
            tokens.filter(|&(_, (&key, &mass))| key <= self.last && mass > 0.0 && f64::from(mass) >= min_p.min(1.0))
        };
        let threshold = u * kept().map(|(_, (_, &mass))| f64::from(mass)).sum::<f64>();
        let (mut sum, mut token) = (0.0, 0);
        for (t, (_, &mass)) in kept() {
            sum += f64::from(mass);
            token = t;
            if sum > threshold {
                break;
            }
        }
        token
    }
}
