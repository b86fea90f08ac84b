//! Means, deviations and quantiles of one group or step, in f64.

use crate::{GroupFacts, RewardError, Rollout, Shaped};

/// Mean and spread of some numbers. All 0 where there are none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moments {
    pub n: usize,
    pub mean: f64,
    /// Σ (x − mean)².
    squares: f64,
}

impl Moments {
    /// In two passes, so that a large common offset costs no digits.
    pub fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let (n, sum) = values.clone().fold((0, 0.0), |(n, sum), x| (n + 1, sum + x));
        if n == 0 {
            return Self::default();
        }
        let mean = sum / n as f64;
        Self { n, mean, squares: values.map(|x| (x - mean) * (x - mean)).sum() }
    }

    /// The same of `value(L)`, a finite number from 0 on, of the lengths L of the right rollouts. A wrong one adds 0, which
    /// changes no bit of such a sum, so nothing branches on verdicts, which no processor can guess.
    pub fn of_right(group: &[Rollout], value: impl Fn(f64) -> f64) -> Self {
        let n = n_right(group);
        if n == 0 {
            return Self::default();
        }
        let value = |rollout: &Rollout| value(f64::from(rollout.length));
        let mean = group.iter().fold(0.0, |sum, rollout| sum + verdict(rollout) * value(rollout)) / n as f64;
        let square = |rollout: &Rollout| (value(rollout) - mean) * (value(rollout) - mean);
        Self { n, mean, squares: group.iter().fold(0.0, |sum, rollout| sum + verdict(rollout) * square(rollout)) }
    }

    /// Variance that divides by n; 0 for nothing.
    pub fn population_variance(&self) -> f64 {
        self.squares / self.n.max(1) as f64
    }

    /// Deviation that divides by n; 0 for nothing.
    pub fn population_deviation(&self) -> f64 {
        self.population_variance().sqrt()
    }

    /// Deviation that divides by n − 1; 0 for fewer than two.
    pub fn sample_deviation(&self) -> f64 {
        (self.squares / self.n.saturating_sub(1).max(1) as f64).sqrt()
    }
}

/// Lengths of a group, in tokens.
pub(crate) fn lengths(group: &[Rollout]) -> impl Iterator<Item = f64> + Clone + '_ {
    group.iter().map(|rollout| f64::from(rollout.length))
}

/// Lengths of its right rollouts, in tokens.
pub(crate) fn right_lengths(group: &[Rollout]) -> impl Iterator<Item = f64> + Clone + '_ {
    group.iter().filter(|rollout| rollout.correct).map(|rollout| f64::from(rollout.length))
}

/// Least and greatest of some numbers, or `None` for nothing.
pub(crate) fn least_and_most(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |found, x| match found {
        None => Some((x, x)),
        Some((least, most)) => Some((x.min(least), x.max(most))),
    })
}

/// Least and greatest length of the right rollouts, in tokens, or `None` for none.
pub(crate) fn right_range(group: &[Rollout]) -> Option<(f64, f64)> {
    let both = |(least, most): (u32, u32), rollout: &Rollout| {
        let (low, high) = if rollout.correct { (rollout.length, rollout.length) } else { (u32::MAX, u32::MIN) };
        (least.min(low), most.max(high))
    };
    let (least, most) = group.iter().fold((u32::MAX, u32::MIN), both);
    (n_right(group) > 0).then(|| (f64::from(least), f64::from(most)))
}

/// How many of a group are right.
pub(crate) fn n_right(group: &[Rollout]) -> usize {
    group.iter().filter(|rollout| rollout.correct).count()
}

/// p, the share of a group that is right; 0 for nothing.
pub(crate) fn pass_rate(group: &[Rollout]) -> f64 {
    n_right(group) as f64 / group.len().max(1) as f64
}

/// The share of a whole step that is right, or `None` for a step without rollouts.
pub(crate) fn step_accuracy(step: &[GroupFacts<'_>]) -> Option<f64> {
    let (n, right) = step.iter().fold((0, 0), |(n, right), facts| (n + facts.group.len(), right + n_right(facts.group)));
    (n > 0).then(|| right as f64 / n as f64)
}

/// The `share` quantile between the two nearest ranks, linearly, or `None` for nothing. Sorts `values`.
pub(crate) fn quantile(values: &mut [f64], share: f64) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    quantile_of_sorted(values.len(), share, |place| values[place])
}

/// The same of `n` numbers in rising order, by their places.
pub(crate) fn quantile_of_sorted(n: usize, share: f64, value: impl Fn(usize) -> f64) -> Option<f64> {
    let last = n.checked_sub(1)?;
    let place = share * last as f64;
    let low = (libm::floor(place) as usize).min(last);
    let (below, above) = (value(low), value((low + 1).min(last)));
    Some(below + (place - low as f64) * (above - below))
}

/// c as a number.
pub(crate) fn verdict(rollout: &Rollout) -> f64 {
    f64::from(u8::from(rollout.correct))
}

/// Writes the reward of each rollout as the sum of its two parts: what correctness gives and what length adds. Refuses a
/// reward that is not finite.
pub(crate) fn fill(
    group: &[Rollout],
    out: &mut [Shaped],
    mut parts: impl FnMut(&Rollout) -> (f64, f64),
) -> Result<(), RewardError> {
    let mut is_finite = true;
    for (rollout, shaped) in group.iter().zip(&mut *out) {
        let (correctness, length) = parts(rollout);
        let total = correctness + length;
        is_finite &= total.is_finite();
        shaped.set(total, [("correctness", correctness), ("length", length)]);
    }
    if is_finite { Ok(()) } else { check_rewards(out) }
}

/// The first reward that is not finite.
#[cold]
fn check_rewards(out: &[Shaped]) -> Result<(), RewardError> {
    match out.iter().position(|shaped| !shaped.total.is_finite()) {
        None => Ok(()),
        Some(row) => Err(RewardError::NotFinite { row, field: "reward", found: out[row].total }),
    }
}

/// The same where each rollout is right or wrong as judged, 1 or 0, and length adds something.
pub(crate) fn fill_beside_verdict(
    group: &[Rollout],
    out: &mut [Shaped],
    mut length: impl FnMut(&Rollout) -> f64,
) -> Result<(), RewardError> {
    fill(group, out, |rollout| (verdict(rollout), length(rollout)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ProblemKey;

    #[test]
    fn moments() {
        let of = |values: &[f64]| Moments::of(values.iter().copied());
        let m = of(&[1.0, 2.0, 3.0, 6.0]);
        assert_eq!((m.n, m.mean, m.population_variance()), (4, 3.0, 3.5));
        assert_eq!((m.population_deviation(), m.sample_deviation()), (3.5_f64.sqrt(), (14.0_f64 / 3.0).sqrt()));
        assert_eq!((of(&[5.0]).sample_deviation(), of(&[5.0]).population_deviation()), (0.0, 0.0));
        assert_eq!((of(&[]).mean, of(&[]).sample_deviation(), of(&[]).population_variance()), (0.0, 0.0, 0.0));
    }

    /// Bit by bit what is found of the right ones alone.
    #[test]
    fn right_rollouts_are_found_among_the_others() {
        let mut state = 7_u64;
        let mut next = |n: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) % n) as u32
        };
        for size in (0..40).chain([200]) {
            for odds in [1, 2, 5] {
                let lengths = if size % 3 == 0 { 2 } else { 1 << 32 };
                let rollout = |_| Rollout::new(ProblemKey(1), next(odds) == 0, next(lengths));
                let group: Vec<Rollout> = (0..size).map(rollout).collect();
                let values: [fn(f64) -> f64; 2] = [|length| length, |length| (length - 1e9).max(0.0)];
                for value in values {
                    let (found, expected) = (Moments::of_right(&group, value), Moments::of(right_lengths(&group).map(value)));
                    let bits = |m: Moments| (m.n, m.mean.to_bits(), m.squares.to_bits());
                    assert_eq!(bits(found), bits(expected), "{group:?}");
                }
                assert_eq!(right_range(&group), least_and_most(right_lengths(&group)), "{group:?}");
            }
        }
    }

    #[test]
    fn quantiles_are_between_ranks() {
        let of = |values: &mut [f64], share| quantile(values, share);
        assert_eq!(of(&mut [3.0, 1.0, 2.0], 0.5), Some(2.0));
        assert_eq!(of(&mut [10.0, 0.0], 0.9), Some(9.0));
        assert_eq!(of(&mut [4.0, 8.0, 6.0], 1.0), Some(8.0));
        assert_eq!(of(&mut [4.0, 8.0, 6.0], 0.0), Some(4.0));
        assert_eq!((of(&mut [7.0], 0.3), of(&mut [], 0.3)), (Some(7.0), None));
    }
}
