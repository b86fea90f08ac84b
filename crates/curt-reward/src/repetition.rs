//! The fact `repetition`, from token ids.

/// n of the n-grams that [`repetition`] counts: long enough that a derivation does not repeat them by being a derivation.
pub const REPETITION_N_GRAM: usize = 20;

/// [`Rollout::repetition`](crate::Rollout::repetition) as `curt` itself measures it: the share of the n-grams of a completion
/// that it has written before, n = [`REPETITION_N_GRAM`] tokens; 0 for a completion that is shorter than one of them.
///
/// ```
/// use curt_reward::{REPETITION_N_GRAM, repetition};
///
/// assert_eq!(repetition(&[7; REPETITION_N_GRAM + 1]), 0.5); // of two equal n-grams one was seen before
/// assert_eq!(repetition(&(0..100).collect::<Vec<u32>>()), 0.0);
/// ```
pub fn repetition(ids: &[u32]) -> f64 {
    let mut grams: Vec<&[u32]> = ids.windows(REPETITION_N_GRAM).collect();
    let n = grams.len();
    grams.sort_unstable();
    grams.dedup();
    if n == 0 { 0.0 } else { (n - grams.len()) as f64 / n as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetition_is_the_share_of_n_grams_seen_before() {
        let rising: Vec<u32> = (0..40).collect();
        for (ids, expected) in [
            (vec![], 0.0),
            (vec![7; REPETITION_N_GRAM - 1], 0.0),
            (vec![7; REPETITION_N_GRAM], 0.0),
            (vec![7; REPETITION_N_GRAM + 1], 0.5),
            (rising.clone(), 0.0),
            // of the 61 n-grams of four equal parts of 20 all but 20 are seen before
            ([&rising[..20], &rising[..20], &rising[..20], &rising[..20]].concat(), 41.0 / 61.0),
        ] {
            assert_eq!(repetition(&ids), expected, "{ids:?}");
        }
    }
}
