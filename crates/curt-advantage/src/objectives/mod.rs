//! From advantages to a loss and its derivatives, one objective per file; a file's name is the word for it. Terms and
//! corrections that can be put around any objective have files of their own too.

mod cispo;
mod clip;
mod clip_cov;
mod covariance;
mod decoupled_clip;
mod entropy_bonus;
mod gmpo;
mod gpg;
mod gspo;
mod importance;
mod kl_cov;
mod kl_penalty;
mod off_policy_mask;
mod sapo;

pub use cispo::Cispo;
pub use clip::Clip;
pub use clip_cov::ClipCov;
pub use decoupled_clip::DecoupledClip;
pub use entropy_bonus::EntropyBonus;
pub use gmpo::Gmpo;
pub use gpg::GpgLoss;
pub use gspo::Gspo;
pub use importance::{ImportanceLevel, ImportanceRule, ImportanceWeighted, ImportanceWeights};
pub use kl_cov::KlCov;
pub use kl_penalty::{KlEstimator, KlPenalty};
pub use off_policy_mask::OffPolicyMask;
pub use sapo::Sapo;

use crate::{AdvantageError, Aggregation, Evaluation, Normalizer, ObjectiveStats, SequenceView, TokenGrad, check_minibatch};

/// The most by which two log-probabilities of one token are taken to differ, in nats. Beyond it the ratio is held at
/// e^±20 and gives no gradient, so that no finite log-probabilities make an infinite loss (verl and OpenRLHF do the same).
pub const LOG_RATIO_LIMIT: f64 = 20.0;

/// A probability ratio ρ whose logarithm is held within ±[`LOG_RATIO_LIMIT`].
pub(crate) struct Ratio {
    pub value: f64,
    pub log: f64,
    is_held: bool,
}

impl Ratio {
    pub fn of(log_ratio: f64) -> Self {
        let log = log_ratio.clamp(-LOG_RATIO_LIMIT, LOG_RATIO_LIMIT);
        Self { value: libm::exp(log), log, is_held: log != log_ratio }
    }

    /// That of token `t`, current to behaviour, counted in the statistics.
    pub fn noted(view: &SequenceView<'_>, t: usize, stats: &mut ObjectiveStats) -> Self {
        let ratio = Self::of(view.current[t] - view.behaviour[t]);
        stats.note_ratio(ratio.value, ratio.log);
        ratio
    }

    /// d(factor · ρ) / d ln ρ: factor · ρ, and 0 where ρ is held.
    pub fn slope_of(&self, factor: f64) -> f64 {
        if self.is_held { 0.0 } else { self.value * factor }
    }

    /// d(ln ρ) as it is held: 1, and 0 where it is.
    pub fn is_free(&self) -> bool {
        !self.is_held
    }
}

/// Evaluates sequence by sequence: `sequence` fills in loss and derivatives of the tokens of one that is in the loss, and
/// they are then multiplied by the weight of the aggregation. All others are exactly 0.
pub(crate) fn evaluate_sequences(
    minibatch: &[SequenceView<'_>],
    norm: &Normalizer,
    aggregation: Aggregation,
    mut sequence: impl FnMut(&SequenceView<'_>, &mut ObjectiveStats, &mut [TokenGrad]),
) -> Result<Evaluation, AdvantageError> {
    check_minibatch(minibatch, norm)?;
    let mut stats = ObjectiveStats::default();
    let mut tokens = Vec::with_capacity(minibatch.len());
    for view in minibatch {
        let mut grads = vec![TokenGrad::default(); view.current.len()];
        if view.in_loss {
            sequence(view, &mut stats, &mut grads);
            let weight = aggregation.weight(grads.len(), norm);
            for grad in &mut grads {
                *grad = grad.times(weight);
                stats.loss += grad.loss;
            }
        }
        tokens.push(grads);
    }
    Ok(Evaluation { tokens, stats })
}

fn bad_setting<T>(setting: &'static str, expected: &'static str, found: f64) -> Result<T, AdvantageError> {
    Err(AdvantageError::BadSetting { setting, expected, found: found.to_string() })
}

fn checked_clip(epsilon: f64, epsilon_high: f64) -> Result<(), AdvantageError> {
    if !(0.0..1.0).contains(&epsilon) {
        return bad_setting("epsilon", "at least 0 and below 1", epsilon);
    }
    if !(epsilon_high.is_finite() && epsilon_high >= 0.0) {
        return bad_setting("epsilon_high", "a finite number, at least 0", epsilon_high);
    }
    Ok(())
}

/// A setting that must be a finite number above 0.
fn checked_positive(setting: &'static str, value: f64) -> Result<f64, AdvantageError> {
    if value.is_finite() && value > 0.0 { Ok(value) } else { bad_setting(setting, "a finite number above 0", value) }
}

/// A setting that must be a finite number from 0.
fn checked_coefficient(setting: &'static str, value: f64) -> Result<f64, AdvantageError> {
    if value.is_finite() && value >= 0.0 { Ok(value) } else { bad_setting(setting, "a finite number, at least 0", value) }
}

/// The per-token field of a sequence, or what lacks.
fn fact<'a>(
    values: Option<&'a [f64]>,
    field: &'static str,
    sequence: usize,
    needed_by: &'static str,
) -> Result<&'a [f64], AdvantageError> {
    values.ok_or(AdvantageError::MissingFact { needed_by, sequence, field })
}
