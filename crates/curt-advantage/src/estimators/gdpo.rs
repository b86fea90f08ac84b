//! `gdpo`: each part of the reward normalised on its own, then the sum over the batch.

use std::collections::BTreeMap;

use serde::Serialize;

use super::batch_whitening::whitened;
use super::{are_equal_but_for_rounding, checked_epsilon, quotient};
use crate::spread::Spread;
use crate::{AdvantageError, AdvantageEstimator, Credit, RewardGroup, check_groups};

/// **A = S / (s + ε), S = Σ_j w_j · (r_j − μ_j) / (s_j + ε)** per rollout: r_j part j of its reward, μ_j and s_j the mean and
/// sample deviation of that part in its group, w_j the weight of the part, s the sample deviation of S over all counted
/// rollouts of the batch (GDPO, arXiv 2601.05242; TRL's `multi_objective_aggregation = "normalize_then_sum"` without the
/// last step).
///
/// With [`Grpo`](crate::Grpo) two rewards with different parts but equal sums get equal advantages; here they do not.
///
/// - Parts are those of [`RewardGroup::parts`]; a group without parts has one, its reward. Weights are 1 unless given.
/// - ε = 1e-4 in both places, as in GDPO's code.
/// - Degenerate: a part that is flat in a group adds exactly 0 there, decided by max == min; a group in which all parts are
///   flat gets exactly 0. So does one whose parts cancel, S being the same in all its counted rollouts but for rounding: by
///   less than 1e-12 of the largest sum of |terms| in it. A group may be flat as a whole and yet say something by its parts.
/// - Keeps: Σ A = 0 over the counted of a group; unchanged by a shift of a part in a group, and as ε → 0 by a positive
///   scale of a part; rollouts with equal parts get equal advantages.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gdpo {
    epsilon: f64,
    weights: BTreeMap<String, f64>,
}

impl Default for Gdpo {
    /// ε = 1e-4, every weight 1.
    fn default() -> Self {
        Self { epsilon: 1e-4, weights: BTreeMap::new() }
    }
}

impl Gdpo {
    /// The estimator with this ε and these weights of parts by name; parts that are not named weigh 1.
    ///
    /// # Errors
    /// An ε that is negative or not finite; a weight that is not finite.
    pub fn new(epsilon: f64, weights: BTreeMap<String, f64>) -> Result<Self, AdvantageError> {
        if let Some(weight) = weights.values().find(|weight| !weight.is_finite()) {
            let expected = "a finite number for each part";
            return Err(AdvantageError::BadSetting { setting: "weights", expected, found: weight.to_string() });
        }
        Ok(Self { epsilon: checked_epsilon(epsilon)?, weights })
    }

    /// The weighted sum of the normalised parts of each rollout; exactly 0 where rounding alone tells the counted apart.
    fn scores(&self, group: &RewardGroup) -> Vec<f64> {
        let mut scores = vec![0.0; group.rewards.len()];
        let mut sizes = scores.clone();
        let parts = group.parts.iter().map(|(name, values)| (self.weights.get(name).copied().unwrap_or(1.0), values));
        let whole = group.parts.is_empty().then_some((1.0, &group.rewards));
        for (weight, values) in parts.chain(whole) {
            let counted = || group.counted_rows().map(|row| values[row]);
            let first = counted().next();
            if counted().all(|value| Some(value) == first) {
                continue;
            }
            let spread = Spread::of(counted);
            for ((score, size), &value) in scores.iter_mut().zip(&mut sizes).zip(values) {
                let term = weight * quotient(spread.centred(value), spread.deviation + self.epsilon);
                *score += term;
                *size += term.abs();
            }
        }
        let largest = group.counted_rows().map(|row| sizes[row]).fold(0.0, f64::max);
        if are_equal_but_for_rounding(group.counted_rows().map(|row| scores[row]), largest) {
            scores.fill(0.0);
        }
        scores
    }
}

impl AdvantageEstimator for Gdpo {
    fn name(&self) -> &'static str {
        "gdpo"
    }

    fn estimate(&self, groups: &[RewardGroup]) -> Result<Vec<Vec<Credit>>, AdvantageError> {
        check_groups(groups)?;
        let scores: Vec<Vec<f64>> = groups.iter().map(|group| self.scores(group)).collect();
        Ok(whitened(groups, &scores, self.epsilon))
    }
}
