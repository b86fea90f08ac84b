//! The joint: what is known of a problem → how hard it is.

use std::fmt::Debug;

use serde::{Deserialize, Serialize};

use crate::{DifficultyError, Interval, PassRate, Posterior, Prior, signal};

/// What is known of one problem; checked when made, so estimators cannot fail.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Evidence {
    attempts: Option<PassRate>,
    column: Option<f64>,
}

impl Evidence {
    /// Attempts, and a pass rate that a column of the data set gives; either may be missing.
    ///
    /// # Errors
    /// A column's rate outside \[0, 1\].
    pub fn new(attempts: Option<PassRate>, column: Option<f64>) -> Result<Self, DifficultyError> {
        Ok(Self { attempts, column: column.map(signal::checked).transpose()? })
    }

    /// The attempts.
    pub fn attempts(&self) -> Option<PassRate> {
        self.attempts
    }

    /// The column's rate.
    pub fn column(&self) -> Option<f64> {
        self.column
    }
}

/// How hard a problem is taken to be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The pass rate.
    pub rate: f64,
    /// Where it lies with 95 % confidence; `None` where nothing says so.
    pub interval: Option<Interval>,
}

/// Estimates pass rates. Its laws are in the feature `laws`.
pub trait DifficultyEstimator: Debug + Send + Sync {
    /// The word for it.
    fn name(&self) -> &'static str;

    /// How hard the problem is; `None` where the evidence says nothing of it.
    fn estimate(&self, evidence: &Evidence) -> Option<Estimate>;
}

/// `observed`: the share of right attempts, with Wilson's interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Observed;

/// `bayes`: the mean after the attempts under a [`Prior`], with the equal-tailed interval; it never says 0 or 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bayes(pub Prior);

/// `column`: what the data set says, without an interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Column;

/// Standard deviations of a 95 % interval.
pub(crate) const Z95: f64 = 1.959_963_984_540_054;

impl DifficultyEstimator for Observed {
    fn name(&self) -> &'static str {
        "observed"
    }

    fn estimate(&self, evidence: &Evidence) -> Option<Estimate> {
        let rate = evidence.attempts?;
        Some(Estimate { rate: rate.rate(), interval: rate.wilson(Z95).ok() })
    }
}

impl Default for Bayes {
    fn default() -> Self {
        Self(Prior::JEFFREYS)
    }
}

impl DifficultyEstimator for Bayes {
    fn name(&self) -> &'static str {
        "bayes"
    }

    fn estimate(&self, evidence: &Evidence) -> Option<Estimate> {
        let posterior = Posterior::of(self.0, evidence.attempts?);
        Some(Estimate { rate: posterior.mean(), interval: posterior.interval(0.95).ok() })
    }
}

impl DifficultyEstimator for Column {
    fn name(&self) -> &'static str {
        "column"
    }

    fn estimate(&self, evidence: &Evidence) -> Option<Estimate> {
        evidence.column.map(|rate| Estimate { rate, interval: None })
    }
}
