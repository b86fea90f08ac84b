//! What is known of a pass rate after some attempts, as a Beta distribution.

use serde::{Deserialize, Serialize};

use crate::{DifficultyError, Interval, PassRate, beta};

/// What is believed of a pass rate before the first attempt: Beta(a, b).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Shape", into = "Shape")]
pub struct Prior {
    a: f64,
    b: f64,
}

/// A [`Prior`] as it is written, before it is checked.
#[derive(Serialize, Deserialize)]
struct Shape {
    a: f64,
    b: f64,
}

impl TryFrom<Shape> for Prior {
    type Error = DifficultyError;

    fn try_from(Shape { a, b }: Shape) -> Result<Self, DifficultyError> {
        Prior::new(a, b)
    }
}

impl From<Prior> for Shape {
    fn from(Prior { a, b }: Prior) -> Self {
        Shape { a, b }
    }
}

impl Prior {
    /// Beta(½, ½), Jeffreys' prior: problems that are nearly always or nearly never solved are the likeliest.
    pub const JEFFREYS: Prior = Prior { a: 0.5, b: 0.5 };
    /// Beta(1, 1): all rates alike.
    pub const UNIFORM: Prior = Prior { a: 1.0, b: 1.0 };

    /// Beta(a, b): as good as a − 1 right and b − 1 wrong attempts beside [`Prior::UNIFORM`].
    ///
    /// # Errors
    /// A parameter that is not finite and above 0.
    pub fn new(a: f64, b: f64) -> Result<Self, DifficultyError> {
        let fits = |x: f64| x.is_finite() && x > 0.0;
        if fits(a) && fits(b) { Ok(Self { a, b }) } else { Err(DifficultyError::BadPrior { a, b }) }
    }
}

/// The Beta distribution of a pass rate, given attempts and a [`Prior`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Posterior {
    a: f64,
    b: f64,
}

impl Posterior {
    /// After `right` right and `wrong` wrong attempts: Beta(right + a, wrong + b). Shares of attempts are allowed, so that
    /// old ones can count less.
    ///
    /// # Errors
    /// A count that is negative or not finite.
    pub fn new(prior: Prior, right: f64, wrong: f64) -> Result<Self, DifficultyError> {
        match [right, wrong].into_iter().find(|count| !(count.is_finite() && *count >= 0.0)) {
            Some(found) => Err(DifficultyError::BadCount { found }),
            None => Ok(Self { a: prior.a + right, b: prior.b + wrong }),
        }
    }

    /// After the attempts of a pass rate.
    pub fn of(prior: Prior, rate: PassRate) -> Self {
        Self { a: prior.a + f64::from(rate.correct()), b: prior.b + f64::from(rate.n() - rate.correct()) }
    }

    /// E p = a / (a + b).
    pub fn mean(&self) -> f64 {
        self.a / (self.a + self.b)
    }

    /// P(p > τ) = 1 − I_τ(a, b).
    ///
    /// # Errors
    /// A τ outside \[0, 1\].
    pub fn above(&self, tau: f64) -> Result<f64, DifficultyError> {
        if !(0.0..=1.0).contains(&tau) {
            return Err(DifficultyError::BadThreshold { found: tau });
        }
        // the other tail, not one minus this one: a small probability keeps its digits
        Ok(beta::cdf(1.0 - tau, self.b, self.a))
    }

    /// The equal-tailed interval that holds p with this probability.
    ///
    /// # Errors
    /// A confidence outside (0, 1).
    pub fn interval(&self, confidence: f64) -> Result<Interval, DifficultyError> {
        if !(confidence > 0.0 && confidence < 1.0) {
            return Err(DifficultyError::BadConfidence { found: confidence });
        }
        let tail = 0.5 * (1.0 - confidence);
        Ok(Interval { low: beta::quantile(tail, self.a, self.b), high: 1.0 - beta::quantile(tail, self.b, self.a) })
    }

    /// E\[1 − p^N − (1−p)^N\], the chance that N attempts are neither all right nor all wrong, with p unknown:
    /// 1 − Π (a+i)/(a+b+i) − Π (b+i)/(a+b+i) over i = 0 … N−1. Exactly 0 for N ≤ 1.
    pub fn expected_signal(&self, group_size: u32) -> f64 {
        if group_size <= 1 {
            return 0.0;
        }
        let (mut all, mut none) = (1.0, 1.0);
        for i in 0..group_size {
            let i = f64::from(i);
            all *= (self.a + i) / (self.a + self.b + i);
            none *= (self.b + i) / (self.a + self.b + i);
        }
        (1.0 - all - none).max(0.0)
    }
}

impl PassRate {
    /// Jeffreys' interval for the true rate: the quantiles (1−c)/2 and (1+c)/2 of Beta(k+½, n−k+½) for a confidence c; the
    /// end is exactly 0 when none is right, and exactly 1 when all are (Brown, Cai, DasGupta 2001).
    ///
    /// # Errors
    /// A confidence outside (0, 1).
    pub fn jeffreys(&self, confidence: f64) -> Result<Interval, DifficultyError> {
        let interval = Posterior::of(Prior::JEFFREYS, *self).interval(confidence)?;
        let low = if self.correct() == 0 { 0.0 } else { interval.low };
        let high = if self.correct() == self.n() { 1.0 } else { interval.high };
        Ok(Interval { low, high })
    }
}
