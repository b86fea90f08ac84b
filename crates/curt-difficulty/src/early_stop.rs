//! Stopping as soon as the rest cannot change the label.

use serde::{Deserialize, Serialize};

use crate::{Band, DifficultyError, Placement};

/// Exact early stopping (curtailment): of N planned attempts, those are left out that cannot change where the rate lies
/// beside a band. The label is that of all N, whatever their order.
///
/// For "more than τ of N" it needs ⌊τN⌋ + 1 right answers: 5 right or 4 wrong of 8 decide the paper's rule.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Plan", into = "Plan")]
pub struct EarlyStop {
    band: Band,
    n: u32,
    fewest: u32,
    most: u32,
}

/// An [`EarlyStop`] as it is written.
#[derive(Serialize, Deserialize)]
struct Plan {
    band: Band,
    n: u32,
}

impl TryFrom<Plan> for EarlyStop {
    type Error = DifficultyError;

    fn try_from(plan: Plan) -> Result<Self, DifficultyError> {
        EarlyStop::new(plan.band, plan.n)
    }
}

impl From<EarlyStop> for Plan {
    fn from(stop: EarlyStop) -> Self {
        Plan { band: stop.band, n: stop.n }
    }
}

impl EarlyStop {
    /// For `n` planned attempts and this band.
    ///
    /// # Errors
    /// No attempts; a band that no number of right answers of `n` falls into.
    pub fn new(band: Band, n: u32) -> Result<Self, DifficultyError> {
        let (fewest, most) = band.counts(n)?;
        Ok(Self { band, n, fewest, most })
    }

    /// Planned attempts: N.
    pub fn n(&self) -> u32 {
        self.n
    }

    /// The band.
    pub fn band(&self) -> Band {
        self.band
    }

    /// Where the rate of all N attempts will lie, after `right` right and `wrong` wrong ones; `None` while the rest can
    /// still change it. It never changes with further attempts. Of more than N attempts, hand in the first N.
    pub fn decide(&self, right: u32, wrong: u32) -> Option<Placement> {
        let at_best = self.n.saturating_sub(wrong).max(right);
        if at_best < self.fewest {
            Some(Placement::Below)
        } else if right > self.most {
            Some(Placement::Above)
        } else if right >= self.fewest && at_best <= self.most {
            Some(Placement::Within)
        } else {
            None
        }
    }

    /// Attempts that are made on average at a problem of pass rate `rate`, of N.
    ///
    /// # Errors
    /// A rate outside \[0, 1\].
    pub fn expected_attempts(&self, rate: f64) -> Result<f64, DifficultyError> {
        let rate = crate::signal::checked(rate)?;
        // each attempt is made from a state that is not decided
        let mut sum = 0.0;
        self.walk(0, rate, |_, _, reached| sum += reached, |_, _, _| {});
        Ok(sum)
    }

    /// An estimate of the pass rate that is right on average, from the counts at which attempts stopped: `right` / n is not,
    /// since stopping at the fifth right answer leaves wrong ones out. It is (k−1)/(n−1) where the right answers decided and
    /// k/(n−1) where the wrong ones did (Girshick, Mosteller, Savage 1946: the share of the ways there that begin with a right
    /// answer). `None` where attempts do not stop at these counts, and for plans of so many attempts (over a thousand) that
    /// the ways there cannot be weighed.
    pub fn unbiased_rate(&self, right: u32, wrong: u32) -> Option<f64> {
        let weight = |first: u32| {
            let mut found = 0.0;
            self.walk(first, 0.5, |_, _, _| {}, |k, m, reached| found += if (k, m) == (right, wrong) { reached } else { 0.0 });
            found
        };
        let all = weight(0);
        (all > 0.0 && self.decide(0, 0).is_none()).then(|| 0.5 * weight(1) / all)
    }

    /// Walks all states from `first` right answers on, attempt by attempt, with the probability to come by each.
    fn walk(&self, first: u32, rate: f64, mut open: impl FnMut(u32, u32, f64), mut stopped: impl FnMut(u32, u32, f64)) {
        // of the attempts made so far: the probability of each number of wrong ones
        let mut reached = vec![1.0];
        for made in first..=self.n {
            let mut next = vec![0.0; reached.len() + 1];
            for (wrong, &probability) in reached.iter().enumerate().filter(|(_, p)| **p > 0.0) {
                let (right, misses) = (made - wrong as u32, wrong as u32);
                if self.decide(right, misses).is_some() {
                    stopped(right, misses, probability);
                } else {
                    open(right, misses, probability);
                    next[wrong] += probability * rate;
                    next[wrong + 1] += probability * (1.0 - rate);
                }
            }
            reached = next;
        }
    }
}
