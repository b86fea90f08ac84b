//! Counts and sums of an objective, for metrics.

use serde::{Deserialize, Serialize};

/// Counts and sums over the tokens in the loss. They stay (sum, count) until they are printed, so that those of
/// micro-batches can be [`merge`](Self::merge)d; the methods give the means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ObjectiveStats {
    /// Tokens in the loss.
    pub tokens: u64,
    /// The loss: sum of the normalised token losses.
    pub loss: f64,
    /// Tokens with a negative advantage whose ratio is below 1 − ε_low: no gradient.
    pub clipped_low: u64,
    /// Tokens with a positive advantage whose ratio is above 1 + ε_high: no gradient.
    pub clipped_high: u64,
    /// Tokens with a negative advantage whose ratio is above the dual clip: no gradient.
    pub clipped_dual: u64,
    /// Sum of the ratios.
    pub ratio_sum: f64,
    /// Least ratio; `None` without tokens.
    pub ratio_min: Option<f64>,
    /// Greatest ratio; `None` without tokens.
    pub ratio_max: Option<f64>,
    /// Sum of ρ − 1 − ln ρ, each at least 0.
    pub kl_sum: f64,
    /// Tokens picked by their covariance (`clip_cov`, `kl_cov`).
    pub selected: u64,
    /// Tokens taken out of the policy loss by an off-policy mask or an importance weight of 0.
    pub masked: u64,
    /// Tokens compared with the reference policy.
    pub reference_tokens: u64,
    /// Sum of k3 to the reference policy, each at least 0.
    pub reference_kl_sum: f64,
}

impl ObjectiveStats {
    /// Adds the counts and sums of another part of the same update.
    pub fn merge(&mut self, other: &ObjectiveStats) {
        self.tokens += other.tokens;
        self.loss += other.loss;
        self.clipped_low += other.clipped_low;
        self.clipped_high += other.clipped_high;
        self.clipped_dual += other.clipped_dual;
        self.ratio_sum += other.ratio_sum;
        self.ratio_min = pick(self.ratio_min, other.ratio_min, f64::min);
        self.ratio_max = pick(self.ratio_max, other.ratio_max, f64::max);
        self.kl_sum += other.kl_sum;
        self.selected += other.selected;
        self.masked += other.masked;
        self.reference_tokens += other.reference_tokens;
        self.reference_kl_sum += other.reference_kl_sum;
    }

    /// Takes note of one token: its ratio ρ to the behaviour policy, and ln ρ.
    pub(crate) fn note_ratio(&mut self, ratio: f64, log_ratio: f64) {
        self.tokens += 1;
        self.ratio_sum += ratio;
        self.ratio_min = pick(self.ratio_min, Some(ratio), f64::min);
        self.ratio_max = pick(self.ratio_max, Some(ratio), f64::max);
        // Never below 0 by the mathematics; rounding can take it a hair below.
        self.kl_sum += (ratio - 1.0 - log_ratio).max(0.0);
    }

    /// Share of tokens clipped from below; `None` without tokens. TRL: `clip_ratio/low_mean`.
    pub fn clip_ratio_low(&self) -> Option<f64> {
        self.mean(self.clipped_low as f64)
    }

    /// Share of tokens clipped from above; `None` without tokens. TRL: `clip_ratio/high_mean`.
    pub fn clip_ratio_high(&self) -> Option<f64> {
        self.mean(self.clipped_high as f64)
    }

    /// Share of tokens clipped from below or above, the dual clip not counted; `None` without tokens. TRL:
    /// `clip_ratio/region_mean`.
    pub fn clip_ratio_region(&self) -> Option<f64> {
        self.mean((self.clipped_low + self.clipped_high) as f64)
    }

    /// Share of tokens stopped by the dual clip; `None` without tokens. verl: `actor/pg_clipfrac_lower`.
    pub fn clip_ratio_dual(&self) -> Option<f64> {
        self.mean(self.clipped_dual as f64)
    }

    /// Mean ratio; `None` without tokens.
    pub fn mean_ratio(&self) -> Option<f64> {
        self.mean(self.ratio_sum)
    }

    /// Mean of ρ − 1 − ln ρ, an estimate of KL(behaviour ‖ current) in nats that is never negative; `None` without tokens.
    pub fn approx_kl(&self) -> Option<f64> {
        self.mean(self.kl_sum)
    }

    /// Mean of k3 to the reference policy, an estimate of KL(current ‖ reference) in nats that is never negative; `None`
    /// without a KL term. TRL: `kl`.
    pub fn reference_kl(&self) -> Option<f64> {
        (self.reference_tokens > 0).then(|| self.reference_kl_sum / self.reference_tokens as f64)
    }

    fn mean(&self, sum: f64) -> Option<f64> {
        (self.tokens > 0).then(|| sum / self.tokens as f64)
    }
}

fn pick(a: Option<f64>, b: Option<f64>, choose: fn(f64, f64) -> f64) -> Option<f64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(choose(a, b)),
        (a, b) => a.or(b),
    }
}
