//! Random draws that the caller makes: this crate only turns uniform numbers into choices.

/// Returns the next number of a uniform sequence in \[0, 1).
///
/// Everything random in this crate is a function of this sequence alone. Draws are taken one at a time and in a fixed order.
pub type Draw<'a> = dyn FnMut() -> f64 + 'a;

/// The number in \[0, 1) that the upper 53 of 64 uniform bits stand for: `(bits >> 11) · 2⁻⁵³`, exact.
pub fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
}

/// A uniform index in `0..n`: `⌊u·n⌋`, held below `n` even for a draw of 1. `n` must not be 0.
pub(crate) fn index(draw: &mut Draw, n: usize) -> usize {
    ((draw() * n as f64) as usize).min(n - 1)
}

/// True with the given probability: `u < probability`.
pub(crate) fn chance(draw: &mut Draw, probability: f64) -> bool {
    draw() < probability
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unit_covers_zero_to_just_below_one() {
        assert_eq!(unit(0), 0.0);
        assert_eq!(unit(1 << 63), 0.5);
        assert_eq!(unit(u64::MAX), 1.0 - f64::EPSILON / 2.0);
    }

    #[test]
    fn index_stays_inside_for_any_draw() {
        for (u, n, expected) in [(0.0, 3, 0), (0.34, 3, 1), (0.999, 3, 2), (1.0, 3, 2), (f64::NAN, 3, 0), (-1.0, 3, 0)] {
            assert_eq!(index(&mut || u, n), expected, "u = {u}");
        }
    }
}
