//! Laws of difficulty estimators.

use proptest::prelude::*;

use super::{LawResult, holds, refused};
use crate::{DifficultyEstimator, Estimate, Evidence, PassRate};

/// What rounding may add.
const ROUNDING: f64 = 1e-12;

/// Pass rates of 1 to 64 attempts.
pub fn rates() -> impl Strategy<Value = PassRate> {
    (1..=64_u32).prop_flat_map(|n| (Just(n), 0..=n)).prop_map(|(n, k)| PassRate::new(n, k).expect("k is at most n"))
}

fn of_attempts(
    estimator: &dyn DifficultyEstimator,
    n: u32,
    correct: u32,
) -> Result<Option<Estimate>, proptest::test_runner::TestCaseError> {
    let rate = PassRate::new(n, correct).map_err(refused)?;
    Ok(estimator.estimate(&Evidence::new(Some(rate), None).map_err(refused)?))
}

/// A rate lies from 0 to 1, and in its interval, which lies from 0 to 1 too. `column` is a known rate beside the attempts.
pub fn estimates_are_rates(estimator: &dyn DifficultyEstimator, rate: PassRate, column: f64) -> LawResult {
    let evidence = [Evidence::new(Some(rate), None), Evidence::new(None, Some(column)), Evidence::new(Some(rate), Some(column))];
    for evidence in evidence {
        let Some(found) = estimator.estimate(&evidence.map_err(refused)?) else { continue };
        let (low, high) = found.interval.map_or((found.rate, found.rate), |interval| (interval.low, interval.high));
        let ordered = 0.0 <= low && low <= found.rate + ROUNDING && found.rate <= high + ROUNDING && high <= 1.0;
        holds(ordered, || format!("{found:?}"))?;
    }
    Ok(())
}

/// Of a problem of which nothing is known, nothing is said.
pub fn silent_without_evidence(estimator: &dyn DifficultyEstimator) -> LawResult {
    let found = estimator.estimate(&Evidence::default());
    holds(found.is_none(), || format!("{found:?}"))
}

/// One more right answer among as many attempts never lowers the rate.
pub fn more_right_is_no_harder(estimator: &dyn DifficultyEstimator, rate: PassRate) -> LawResult {
    let (n, k) = (rate.n(), rate.correct());
    match (of_attempts(estimator, n, k)?, of_attempts(estimator, n, (k + 1).min(n))?) {
        (Some(fewer), Some(more)) => holds(fewer.rate <= more.rate, || format!("{fewer:?} and {more:?}")),
        (fewer, more) => holds(fewer.is_none() == more.is_none(), || format!("{fewer:?} and {more:?}")),
    }
}

/// The same share of `times` as many attempts has no wider interval.
pub fn more_attempts_are_no_less_sure(estimator: &dyn DifficultyEstimator, rate: PassRate, times: u32) -> LawResult {
    let width = |estimate: Option<Estimate>| estimate.and_then(|e| e.interval).map(|interval| interval.high - interval.low);
    let (n, k) = (rate.n(), rate.correct());
    let (fewer, more) = (width(of_attempts(estimator, n, k)?), width(of_attempts(estimator, n * times, k * times)?));
    let narrower = match (fewer, more) {
        (Some(fewer), Some(more)) => more <= fewer + ROUNDING,
        _ => true,
    };
    holds(narrower, || format!("{fewer:?} and {more:?}"))
}

/// Exchanging right and wrong mirrors the rate.
pub fn right_and_wrong_mirror(estimator: &dyn DifficultyEstimator, rate: PassRate) -> LawResult {
    let (n, k) = (rate.n(), rate.correct());
    match (of_attempts(estimator, n, k)?, of_attempts(estimator, n, n - k)?) {
        (Some(a), Some(b)) => holds((a.rate + b.rate - 1.0).abs() < ROUNDING, || format!("{a:?} and {b:?}")),
        _ => Ok(()),
    }
}
