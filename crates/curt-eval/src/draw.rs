//! Random numbers as a pure function of where they stand: there is no state and no generator to seed.

/// The odd constant of SplitMix64: 2⁶⁴ divided by the golden ratio.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Number `position` of the table that `seed` and `stream` name: 64 bits, uniform. The same on every machine.
///
/// SplitMix64 (Steele, Lea, Flood 2014) with the counter in place of its state; `seed` and `stream` go through the same mixing.
pub fn draw(seed: u64, stream: u64, position: u64) -> u64 {
    mix(table(seed, stream).wrapping_add(position.wrapping_add(1).wrapping_mul(STEP)))
}

/// The place from which a table counts.
pub(crate) fn table(seed: u64, stream: u64) -> u64 {
    mix(mix(seed.wrapping_add(STEP)).wrapping_add(stream.wrapping_mul(STEP)))
}

/// A whole number below `bound` from 64 uniform bits; the bias is below `bound`·2⁻⁶⁴.
pub(crate) fn below(bits: u64, bound: u64) -> u64 {
    ((u128::from(bits) * u128::from(bound)) >> 64) as u64
}

pub(crate) fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
