//! One error per bad input, beside those of gates, pass rates, logs and samplers, which are tested with them.

use std::ops::Bound;

use curt_difficulty::DifficultyError::*;
use curt_difficulty::{
    Band, EarlyStop, Evidence, Histogram, PassRate, Posterior, Prior, Refill, RefillStep, Screening, Sequential, oversampling,
    rank_by_signal, useful_share,
};

#[test]
fn bands() {
    assert_eq!(Band::new(-0.1..=0.5).unwrap_err(), BandEnd { found: -0.1 });
    assert_eq!(Band::new(0.5..=1.1).unwrap_err(), BandEnd { found: 1.1 });
    assert!(matches!(Band::new(f64::NAN..=1.0).unwrap_err(), BandEnd { .. }));
    for empty in ["(0.5, 0.5]", "[0.5, 0.5)", "(0.5, 0.5)", "[0.6, 0.5]"] {
        assert_eq!(empty.parse::<Band>().unwrap_err(), EmptyBand { band: empty.into() });
        assert_eq!(empty.parse::<Band>().unwrap_err().to_string(), format!("band {empty} is empty"));
    }
    for text in ["", "[", "[]", "0.5, 1", "[0.5; 1]", "[a, 1]", "[0.5, 1", "é, ü", "[0, 1]]"] {
        assert_eq!(text.parse::<Band>().unwrap_err(), BandSyntax { text: text.into() });
    }
    assert!(serde_json::from_str::<Band>("\"(1, 0)\"").unwrap_err().to_string().contains("is empty"));
    assert_eq!(Band::new(..).unwrap(), Band::new((Bound::Included(0.0), Bound::Included(1.0))).unwrap());
}

#[test]
fn a_band_that_keeps_nothing() {
    let narrow: Band = "(0.51, 0.6)".parse().unwrap();
    assert_eq!(EarlyStop::new(narrow, 8).unwrap_err(), BandWithoutCount { band: "(0.51, 0.6)".into(), n: 8 });
    assert!(EarlyStop::new(narrow, 9).is_ok());
    assert_eq!(EarlyStop::new(narrow, 0).unwrap_err(), NoAttempts);
    let stop = EarlyStop::new(Band::EASY, 8).unwrap();
    assert_eq!(serde_json::from_str::<EarlyStop>(&serde_json::to_string(&stop).unwrap()).unwrap(), stop);
    assert!(serde_json::from_str::<EarlyStop>("{\"band\":\"(0.51, 0.6)\",\"n\":8}").is_err());
    assert_eq!(stop.expected_attempts(1.5).unwrap_err(), BadRate { found: 1.5 });
}

#[test]
fn posteriors() {
    for (a, b) in [(0.0, 1.0), (1.0, -1.0), (f64::INFINITY, 1.0)] {
        assert_eq!(Prior::new(a, b).unwrap_err(), BadPrior { a, b });
    }
    assert!(serde_json::from_str::<Prior>("{\"a\":0.0,\"b\":1.0}").is_err());
    assert_eq!(Posterior::new(Prior::UNIFORM, -1.0, 0.0).unwrap_err(), BadCount { found: -1.0 });
    let rate = PassRate::new(8, 4).unwrap();
    for confidence in [0.0, 1.0, -0.5, f64::NAN] {
        assert!(matches!(rate.jeffreys(confidence).unwrap_err(), BadConfidence { .. }), "{confidence}");
    }
    assert_eq!(Posterior::of(Prior::UNIFORM, rate).above(1.1).unwrap_err(), BadThreshold { found: 1.1 });
    let sequential = |tau, error, cap| Sequential::new(tau, error, cap, Prior::UNIFORM);
    assert_eq!(sequential(-0.1, 0.1, 8).unwrap_err(), BadThreshold { found: -0.1 });
    assert_eq!(sequential(0.5, 0.5, 8).unwrap_err(), BadErrorBound { found: 0.5 });
    assert_eq!(sequential(0.5, 0.0, 8).unwrap_err(), BadErrorBound { found: 0.0 });
    assert_eq!(sequential(0.5, 0.1, 0).unwrap_err(), NoAttempts);
    let good = sequential(0.5, 0.1, 8).unwrap();
    assert_eq!(serde_json::from_str::<Sequential>(&serde_json::to_string(&good).unwrap()).unwrap(), good);
}

#[test]
fn signal() {
    assert_eq!(useful_share(1.1, 8).unwrap_err(), BadRate { found: 1.1 });
    assert_eq!(useful_share(0.5, 0).unwrap_err(), EmptyGroup);
    assert!(matches!(rank_by_signal(&[0.5, f64::NAN], 8).unwrap_err(), BadRate { .. }));
    assert_eq!(oversampling(&[], 8).unwrap_err(), NoProblems);
    assert_eq!(Evidence::new(None, Some(2.0)).unwrap_err(), BadRate { found: 2.0 });
}

#[test]
fn screening_and_refill() {
    for (screen, total) in [(1, 8), (8, 8), (9, 8), (0, 0)] {
        assert_eq!(Screening::new(screen, total).unwrap_err(), BadScreening { screen, total });
    }
    assert!(serde_json::from_str::<Screening>("{\"screen\":8,\"total\":8}").is_err());
    assert_eq!(Screening::new(4, 8).unwrap().decide(4, 3).unwrap_err(), TooManyCorrect { attempts: 3, correct: 4 });
    assert_eq!(Screening::new(4, 8).unwrap().decide(5, 5).unwrap_err(), TooManyScreened { screen: 4, found: 5 });
    assert_eq!(Refill::new(0, 3).unwrap_err(), NoGroupsWanted);
    let mut refill = Refill::new(4, 3).unwrap();
    assert_eq!(refill.sampled(4, 5).unwrap_err(), BadRound { sampled: 4, kept: 5 });
    assert_eq!(refill.sampled(0, 0).unwrap_err(), BadRound { sampled: 0, kept: 0 });
}

#[test]
fn refills_that_were_written_by_no_refill() {
    let read = |wanted: u32, rounds: u32, sampled: u64, kept: u64| {
        let counts = format!(r#""rounds":{rounds},"sampled":{sampled},"kept":{kept}"#);
        serde_json::from_str::<Refill>(&format!(r#"{{"wanted":{wanted},"max_refills":3,{counts}}}"#))
    };
    assert!(read(4, 2, 8, 8).is_ok());
    assert_eq!(read(0, 0, 0, 0).unwrap_err().to_string(), NoGroupsWanted.to_string());
    for (rounds, sampled, kept) in [(0, 1, 0), (1, 0, 0), (3, 2, 0), (1, 8, 9), (1, u64::MAX, 0)] {
        let error = read(4, rounds, sampled, kept).unwrap_err().to_string();
        assert_eq!(error, BadRefill { rounds, sampled, kept }.to_string());
    }
    // the most that can be: it ends by counting no further
    let most = u64::from(u32::MAX) * u64::from(u32::MAX);
    let mut refill = read(4, u32::MAX, most, 0).unwrap();
    (0..3).for_each(|_| refill.sampled(u32::MAX, 0).unwrap());
    assert_eq!((refill.cost().refills, refill.plan()), (u32::MAX - 1, RefillStep::GiveUp));
}

#[test]
fn histograms() {
    assert_eq!(Histogram::new([0.5], 0).unwrap_err(), BadBars { found: 0 });
    assert_eq!(Histogram::new([0.5], 1001).unwrap_err(), BadBars { found: 1001 });
    assert_eq!(Histogram::new([], 9).unwrap_err(), NoProblems);
    assert_eq!(Histogram::new([0.5, 1.5], 9).unwrap_err(), BadRate { found: 1.5 });
}
