//! Against values of scipy: fixtures/difficulty_golden.json, written by fixtures/difficulty_golden.py.

use std::path::Path;

use curt_difficulty::{
    Band, DifficultyEstimator, EarlyStop, Evidence, Interval, Observed, PassRate, Placement, Posterior, Prior, useful_share,
};
use serde_json::Value;

fn golden() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/difficulty_golden.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

/// Within 1e-11, relative to the smaller of the number and its distance to 1.
fn assert_near(found: f64, expected: &Value, what: &str) {
    let expected = number(expected);
    let scale = expected.min(1.0 - expected).abs().max(1e-12);
    assert!((found - expected).abs() <= 1e-11 * scale + 1e-15, "{what}: found {found:e}, expected {expected:e}");
}

fn assert_interval(found: Interval, expected: &Value, what: &str) {
    assert_near(found.low, &expected[0], what);
    assert_near(found.high, &expected[1], what);
}

#[test]
fn intervals_and_tails() {
    let golden = golden();
    let rows = golden["rates"].as_array().unwrap();
    assert_eq!(rows.len(), 15);
    for row in rows {
        let rate = PassRate::new(row["n"].as_u64().unwrap() as u32, row["k"].as_u64().unwrap() as u32).unwrap();
        let what = |of: &str| format!("{of} of {}/{}", rate.correct(), rate.n());
        let wilson = rate.wilson(number(&golden["z95"])).unwrap();
        assert_eq!(Observed.estimate(&Evidence::new(Some(rate), None).unwrap()).unwrap().interval, Some(wilson));
        // the formula cancels near 0 and 1: the ends there are 0 and 1 by definition
        for (end, expected) in [(wilson.low, &row["wilson"][0]), (wilson.high, &row["wilson"][1])] {
            assert!((end - number(expected)).abs() < 1e-15, "{}: {end} and {expected}", what("Wilson"));
        }
        assert_interval(rate.jeffreys(0.95).unwrap(), &row["jeffreys_95"], &what("Jeffreys 95 %"));
        assert_interval(rate.jeffreys(0.8).unwrap(), &row["jeffreys_80"], &what("Jeffreys 80 %"));
        let posterior = |prior| Posterior::of(prior, rate);
        for (tau, (jeffreys, uniform)) in golden["taus"]
            .as_array()
            .unwrap()
            .iter()
            .zip(row["above"].as_array().unwrap().iter().zip(row["above_uniform"].as_array().unwrap()))
        {
            assert_near(posterior(Prior::JEFFREYS).above(number(tau)).unwrap(), jeffreys, &what("P(p > τ)"));
            assert_near(posterior(Prior::UNIFORM).above(number(tau)).unwrap(), uniform, &what("P(p > τ), uniform"));
        }
        assert_near(posterior(Prior::JEFFREYS).expected_signal(8), &row["signal_of_8"], &what("signal"));
    }
}

#[test]
fn shares_of_useful_groups() {
    let golden = golden();
    let rows = golden["useful"].as_array().unwrap();
    assert_eq!(rows.len(), 44);
    for row in rows {
        let (q, n) = (number(&row["q"]), row["n"].as_u64().unwrap() as u32);
        assert_near(useful_share(q, n).unwrap(), &row["share"], &format!("q = {q}, N = {n}"));
    }
}

#[test]
fn the_paper_s_label_and_what_it_costs() {
    let stop = EarlyStop::new(Band::EASY, 8).unwrap();
    for row in golden()["early"].as_array().unwrap() {
        let p = number(&row["p"]);
        assert_near(stop.expected_attempts(p).unwrap() / 8.0, &Value::from(number(&row["attempts"]) / 8.0), "attempts");
        let easy: f64 = (0..1_u32 << 8).map(|verdicts| probability_if_easy(&stop, verdicts, p)).sum();
        assert_near(easy, &row["easy"], "P(Easy)");
    }
}

/// The probability of eight verdicts, if they are labelled Easy.
fn probability_if_easy(stop: &EarlyStop, verdicts: u32, p: f64) -> f64 {
    let right = verdicts.count_ones();
    if stop.decide(right, 8 - right) != Some(Placement::Within) {
        return 0.0;
    }
    (0..8).map(|i| if verdicts >> i & 1 == 1 { p } else { 1.0 - p }).product()
}
