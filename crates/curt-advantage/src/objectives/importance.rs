//! Weights for rollouts that another program, or older weights, drew: TIS, MIS, IcePop.

use serde::{Deserialize, Serialize};

use super::{Ratio, bad_setting, checked_positive, fact};
use crate::{AdvantageError, Evaluation, Normalizer, Objective, SequenceView};

/// Of what the ratio r = π_proximal / π_behaviour is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportanceLevel {
    /// Of each token.
    #[default]
    Token,
    /// Of the sequence: the product over its tokens.
    Sequence,
    /// Of the sequence: the geometric mean over its tokens.
    Geometric,
}

/// What happens to a ratio beyond its bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportanceRule {
    /// It is held at the bound.
    #[default]
    Truncate,
    /// It becomes 0.
    Mask,
}

/// How r = π_proximal / π_behaviour becomes a weight. No gradient goes through it.
///
/// | preset | level | rule | bounds | source |
/// |---|---|---|---|---|
/// | [`tis`](Self::tis) | token | truncate | up to 2 | truncated importance sampling, as in verl and slime |
/// | [`icepop`](Self::icepop) | token | mask | 0.5 to 5 | IcePop, arXiv 2510.18855 |
/// | [`mis`](Self::mis) | geometric | mask | 0.5 to 2, veto 1e-4 | masked importance sampling, as in slime |
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Settings")]
pub struct ImportanceWeights {
    level: ImportanceLevel,
    rule: ImportanceRule,
    low: f64,
    high: f64,
    veto: f64,
}

/// [`ImportanceWeights`] as they are written, before they are checked.
#[derive(Deserialize)]
struct Settings {
    level: ImportanceLevel,
    rule: ImportanceRule,
    low: f64,
    high: f64,
    veto: f64,
}

impl TryFrom<Settings> for ImportanceWeights {
    type Error = AdvantageError;

    fn try_from(s: Settings) -> Result<Self, AdvantageError> {
        ImportanceWeights::new(s.level, s.rule, s.low, s.high, s.veto)
    }
}

impl ImportanceWeights {
    /// Weights of ratios from `low` to `high`; a sequence with any token below `veto` has weight 0 (0: none).
    ///
    /// # Errors
    /// A `high` that is not a finite number above 0; a `low` or `veto` that is negative or above `high`.
    pub fn new(level: ImportanceLevel, rule: ImportanceRule, low: f64, high: f64, veto: f64) -> Result<Self, AdvantageError> {
        checked_positive("importance_high", high)?;
        for (setting, value) in [("importance_low", low), ("importance_veto", veto)] {
            if !(0.0..=high).contains(&value) {
                return bad_setting(setting, "at least 0 and at most importance_high", value);
            }
        }
        Ok(Self { level, rule, low, high, veto })
    }

    /// Token by token, truncated at 2.
    pub fn tis() -> Self {
        Self { level: ImportanceLevel::Token, rule: ImportanceRule::Truncate, low: 0.0, high: 2.0, veto: 0.0 }
    }

    /// Token by token, 0 outside 0.5 to 5.
    pub fn icepop() -> Self {
        Self { level: ImportanceLevel::Token, rule: ImportanceRule::Mask, low: 0.5, high: 5.0, veto: 0.0 }
    }

    /// By the geometric mean of a sequence, 0 outside 0.5 to 2 and where a token is below 1e-4.
    pub fn mis() -> Self {
        Self { level: ImportanceLevel::Geometric, rule: ImportanceRule::Mask, low: 0.5, high: 2.0, veto: 1e-4 }
    }

    /// The weight of each token of a sequence, from its log-probabilities under the two policies. Logarithms are held within
    /// ±20; all weights are exactly 1 where the two agree bit for bit and 1 is within the bounds.
    ///
    /// # Panics
    /// Where the two are not equally many.
    pub fn of(&self, proximal: &[f64], behaviour: &[f64]) -> Vec<f64> {
        assert_eq!(proximal.len(), behaviour.len(), "expected one log-probability of each policy per token");
        let logs = || proximal.iter().zip(behaviour).map(|(proximal, behaviour)| proximal - behaviour);
        if self.veto > 0.0 && logs().any(|log| Ratio::of(log).value < self.veto) {
            return vec![0.0; proximal.len()];
        }
        let whole = match self.level {
            ImportanceLevel::Token => return logs().map(|log| self.bounded(Ratio::of(log).value)).collect(),
            ImportanceLevel::Sequence => logs().sum::<f64>(),
            ImportanceLevel::Geometric => logs().sum::<f64>() / proximal.len().max(1) as f64,
        };
        vec![self.bounded(Ratio::of(whole).value); proximal.len()]
    }

    fn bounded(&self, ratio: f64) -> f64 {
        match self.rule {
            ImportanceRule::Truncate => ratio.clamp(self.low, self.high),
            ImportanceRule::Mask if (self.low..=self.high).contains(&ratio) => ratio,
            ImportanceRule::Mask => 0.0,
        }
    }
}

/// **w·ℓ** per token: any objective with its ratio taken to the *proximal* policy, times the weight w of the proximal policy
/// over the behaviour policy ([`ImportanceWeights`]).
///
/// Use it where another program sampled than the one that trains, or older weights. `inner` sees `proximal` in the place of
/// `behaviour`, so its clip is about the update alone.
///
/// - The normalizer still counts tokens of weight 0, as in AReaL.
/// - Degenerate: where proximal and behaviour agree bit for bit, each number is that of `inner`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ImportanceWeighted<O> {
    inner: O,
    weights: ImportanceWeights,
}

impl<O: Objective> ImportanceWeighted<O> {
    /// `inner` with these weights.
    pub fn new(inner: O, weights: ImportanceWeights) -> Self {
        Self { inner, weights }
    }
}

impl<O: Objective> Objective for ImportanceWeighted<O> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn evaluate(&self, minibatch: &[SequenceView<'_>], norm: &Normalizer) -> Result<Evaluation, AdvantageError> {
        crate::check_minibatch(minibatch, norm)?;
        let mut views = minibatch.to_vec();
        let mut weights = Vec::with_capacity(minibatch.len());
        for (i, view) in views.iter_mut().enumerate() {
            let proximal = fact(view.proximal, "proximal", i, "an importance weight")?;
            weights.push(self.weights.of(proximal, view.behaviour));
            view.behaviour = proximal;
        }
        let mut evaluation = self.inner.evaluate(&views, norm)?;
        for ((view, grads), weights) in views.iter().zip(&mut evaluation.tokens).zip(&weights) {
            for (grad, &weight) in grads.iter_mut().zip(weights) {
                *grad = if weight == 0.0 { Default::default() } else { grad.times(weight) };
                evaluation.stats.masked += u64::from(view.in_loss && weight == 0.0);
            }
        }
        Ok(evaluation.sum_up())
    }

    fn is_minibatch_wide(&self) -> bool {
        self.inner.is_minibatch_wide()
    }
}
