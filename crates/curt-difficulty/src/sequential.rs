//! Stopping as soon as the posterior is sure enough.

use serde::{Deserialize, Serialize};

use crate::{DifficultyError, Posterior, Prior};

/// A Bayesian stop: attempts go on until P(p > τ) is at least 1 − ε or at most ε, or until a cap.
///
/// Beside [`EarlyStop`](crate::EarlyStop), which answers for the N attempts, this one answers for the true rate, and says
/// how sure it is. If problems are spread as the prior says, at most a share ε of those decided before the cap is on the
/// wrong side, however often one looks; for a single fixed rate near τ that is not promised.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Settings", into = "Settings")]
pub struct Sequential {
    settings: Settings,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Settings {
    tau: f64,
    error: f64,
    cap: u32,
    prior: Prior,
}

impl TryFrom<Settings> for Sequential {
    type Error = DifficultyError;

    fn try_from(s: Settings) -> Result<Self, DifficultyError> {
        Sequential::new(s.tau, s.error, s.cap, s.prior)
    }
}

impl From<Sequential> for Settings {
    fn from(sequential: Sequential) -> Self {
        sequential.settings
    }
}

/// P(p > τ) is above a half only by more than this: it is computed to 1e-12, and to 1e-11 after billions of attempts, so that a
/// tie would be settled by rounding.
const TIE: f64 = 1e-10;

/// Which side of τ a rate is taken to lie on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Side {
    /// Whether above τ; not where both sides are equally probable, as a rate of exactly half is not above a half.
    pub above: bool,
    /// The probability that this is wrong, given the attempts and the prior.
    pub error: f64,
    /// Whether the cap ended the attempts, so that the error may be more than was asked for.
    pub capped: bool,
}

impl Sequential {
    /// Stops at an error of `error` or after `cap` attempts.
    ///
    /// # Errors
    /// A τ outside \[0, 1\], an error outside (0, ½), a cap of 0.
    pub fn new(tau: f64, error: f64, cap: u32, prior: Prior) -> Result<Self, DifficultyError> {
        if !(0.0..=1.0).contains(&tau) {
            return Err(DifficultyError::BadThreshold { found: tau });
        }
        if !(error > 0.0 && error < 0.5) {
            return Err(DifficultyError::BadErrorBound { found: error });
        }
        if cap == 0 {
            return Err(DifficultyError::NoAttempts);
        }
        Ok(Self { settings: Settings { tau, error, cap, prior } })
    }

    /// The side that the rate lies on, after `right` right and `wrong` wrong attempts; `None` while it is not sure enough
    /// and the cap is not reached. A tie at the cap is not above: as many right as wrong attempts are one for τ = ½ and a
    /// symmetric prior.
    pub fn decide(&self, right: u32, wrong: u32) -> Option<Side> {
        let Settings { tau, error: bound, cap, prior } = self.settings;
        let posterior = Posterior::new(prior, f64::from(right), f64::from(wrong)).ok()?;
        let p = posterior.above(tau).ok()?;
        let (above, error) = (p > 0.5 + TIE, p.min(1.0 - p));
        let (sure, capped) = (error <= bound, u64::from(right) + u64::from(wrong) >= u64::from(cap));
        (sure || capped).then_some(Side { above, error, capped: !sure })
    }
}
