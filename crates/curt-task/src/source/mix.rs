//! In which order the problems of several sources stand.

use std::ops::Range;

use crate::ProblemKey;

/// Places in `keys`: those of each part as often as its weight says, the parts spread evenly over the whole.
pub(super) fn order(keys: &[ProblemKey], parts: &[(Range<usize>, f64)]) -> Vec<usize> {
    let mut places = Vec::new();
    for (source, (range, weight)) in parts.iter().enumerate() {
        let own = weighted(keys, range, *weight);
        let count = own.len() as u128;
        // the middle of the j-th of n equal pieces of the whole, (2j + 1) / 2n, as a whole number: no rounding decides an order
        let piece = |j: usize| ((2 * j as u128 + 1) << 64) / (2 * count);
        places.extend(own.into_iter().enumerate().map(|(j, place)| (piece(j), source, j, place)));
    }
    places.sort_unstable();
    places.into_iter().map(|(.., place)| place).collect()
}

/// The places of one part, in order: all of them as often as the whole part of the weight says, then those that the rest of the
/// weight chooses by their keys, so that which ones they are does not depend on the order of the file.
fn weighted(keys: &[ProblemKey], range: &Range<usize>, weight: f64) -> Vec<usize> {
    let (whole, rest) = (weight.trunc() as usize, weight.fract());
    let mut places: Vec<usize> = (0..whole).flat_map(|_| range.clone()).collect();
    let mut by_key: Vec<usize> = range.clone().collect();
    by_key.sort_by_key(|place| (scattered(keys[*place].0), *place));
    by_key.truncate((rest * range.len() as f64).round() as usize);
    by_key.sort_unstable();
    places.extend(by_key);
    places
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood, 2014): every bit of the result depends on every bit of `key`.
fn scattered(key: u64) -> u64 {
    let key = (key ^ (key >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let key = (key ^ (key >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    key ^ (key >> 31)
}
