//! `smart_thinker`: a price on tokens beyond the length where right answers are densest.

use crate::registry::Entry;
use crate::statistics::{fill_beside_verdict, least_and_most, lengths, n_right, verdict};
use crate::{Parameters, RewardError, RewardStrategy, Rollout, Shaped, StepContext, check_group};

pub(crate) static ENTRY: Entry =
    Entry { name: "smart_thinker", parameters: &[], build: |given| Ok(Box::new(SmartThinker::new(given)?)) };

/// Beside the divisor of α, as in the authors' code.
const EPSILON: f64 = 1e-6;

/// **R = c − α·s**, **s = L − ℓ\*** for a right rollout beyond ℓ\* and 0 for any other,
/// **α = (1 − p)/(max s − mean s + 1e-6)** (SmartThinker, arXiv 2603.08000).
///
/// - ℓ\*: tokens, (v_c·μ − v·μ_c)/(v_c − v) cut to the lengths of the group when v_c < v, else its shortest: from the
///   means μ and variances v of all lengths, μ_c and v_c of those of right rollouts. p: share of right ones; mean s over the
///   whole group, max s over the right ones. No parameters.
/// - α is such that the worst right rollout is not below the mean of the group.
/// - Degenerate: a group all right or without a right one has α = 0, so R = c, as the source says. A lone right rollout has
///   ℓ\* = L. Equal lengths have s = 0. Zero length needs no care.
/// - Keeps: among right ones falls with L beyond ℓ\*, flat below; no right one below the mean; no right one below a wrong
///   one, because mean s ≤ p · max s and so α·s ≤ 1; scaling lengths changes nothing beyond the 1e-6.
/// - The source does not say which variance; ours divides by n, so that a lone right rollout has one. v_c = v, which it does
///   not treat either, takes the shortest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SmartThinker;

impl SmartThinker {
    /// The strategy; it has no parameters.
    ///
    /// # Errors
    /// Any parameter.
    pub fn new(given: &Parameters) -> Result<Self, RewardError> {
        ENTRY.reading(given).map(|_| Self)
    }
}

/// Number, sum and n² · variance of some lengths: whole numbers, so that neither rounding nor the order of a group decides
/// whether two variances are equal.
struct Spread {
    n: u128,
    sum: u128,
    scaled_variance: u128,
}

impl Spread {
    /// Of the rollouts that `counts` says, 0 or 1 each.
    fn of(group: &[Rollout], counts: impl Fn(&Rollout) -> bool) -> Self {
        let add = |(n, sum, squares): (u64, u64, u128), rollout: &Rollout| {
            let count = u64::from(counts(rollout));
            let length = count * u64::from(rollout.length);
            (n + count, sum + length, squares + u128::from(length * length))
        };
        let (n, sum, squares) = group.iter().fold((0, 0, 0), add);
        let (n, sum) = (u128::from(n), u128::from(sum));
        Self { n, sum, scaled_variance: n * squares - sum * sum }
    }
}

/// ℓ* of a group with right and wrong rollouts, in tokens.
fn best_length(group: &[Rollout]) -> f64 {
    let (all, right) = (Spread::of(group, |_| true), Spread::of(group, |rollout| rollout.correct));
    let (shortest, longest) = least_and_most(lengths(group)).unwrap_or_default();
    // n² n_c² (v − v_c); it saturates for more rollouts than any group has
    let (v, v_right) =
        (all.scaled_variance.saturating_mul(right.n * right.n), right.scaled_variance.saturating_mul(all.n * all.n));
    if v_right >= v {
        return shortest;
    }
    let product = |a: &Spread, b: &Spread| a.scaled_variance as f64 * (b.n * b.sum) as f64;
    ((product(&all, &right) - product(&right, &all)) / (v - v_right) as f64).clamp(shortest, longest)
}

impl RewardStrategy for SmartThinker {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        check_group(self.needs(), ctx, group, out.len())?;
        let (n, right) = (group.len() as f64, n_right(group));
        if right == group.len() {
            return fill_beside_verdict(group, out, |_| 0.0);
        }
        let best = best_length(group);
        let beyond = |length: f64| (length - best).max(0.0);
        // of a wrong one it is 0, which neither adds anything nor is more than anything
        let right_beyond = |rollout: &Rollout| verdict(rollout) * beyond(f64::from(rollout.length));
        let (sum, most) = group.iter().map(right_beyond).fold((0.0, 0.0), |(sum, most): (f64, f64), s| (sum + s, most.max(s)));
        let alpha = (1.0 - right as f64 / n) / (most - sum / n + EPSILON);
        fill_beside_verdict(group, out, |rollout| if rollout.correct { -alpha * beyond(f64::from(rollout.length)) } else { 0.0 })
    }
}
