//! Intervals hold the truth as often as they say, and sure decisions are right as often as they say: simulations of 10,000
//! draws with a fixed seed.

use crate::random::Draws;
use curt_difficulty::{Interval, PassRate, Posterior, Prior, Sequential};

const DRAWS: u32 = 10_000;

/// Share of draws whose interval holds the rate.
fn coverage(n: u32, seed: u64, rate: impl Fn(&mut Draws) -> f64, interval: impl Fn(PassRate) -> Interval) -> f64 {
    let mut draws = Draws(seed);
    let intervals: Vec<Interval> = (0..=n).map(|k| interval(PassRate::new(n, k).unwrap())).collect();
    let held = (0..DRAWS).filter(|_| {
        let p = rate(&mut draws);
        let interval = intervals[draws.binomial(n, p) as usize];
        interval.low <= p && p <= interval.high
    });
    held.count() as f64 / f64::from(DRAWS)
}

/// Four standard errors of a share of 0.95 or 0.8 of 10,000 are 0.009 and 0.016.
#[test]
fn jeffreys_intervals_hold_the_truth_at_the_nominal_rate() {
    for (n, confidence, error) in [(1, 0.95, 0.009), (8, 0.95, 0.009), (8, 0.8, 0.016), (64, 0.95, 0.009), (64, 0.8, 0.016)] {
        // with rates as Jeffreys' prior has them the posterior's interval is exact
        let posterior = |rate| Posterior::of(Prior::JEFFREYS, rate).interval(confidence).unwrap();
        let exact = coverage(n, 1, Draws::arcsine, posterior);
        assert!((exact - confidence).abs() < error, "n = {n}: {exact} for {confidence}");
        // to move ends to 0 and 1 makes it no smaller
        let moved = coverage(n, 1, Draws::arcsine, |rate| rate.jeffreys(confidence).unwrap());
        assert!(moved >= exact, "n = {n}: {moved} and {exact}");
    }
}

#[test]
fn intervals_hold_evenly_spread_truths_at_about_the_nominal_rate() {
    for n in [8, 16, 64] {
        let wilson = coverage(n, 2, Draws::uniform, |rate| rate.wilson(1.959_963_984_540_054).unwrap());
        let jeffreys = coverage(n, 2, Draws::uniform, |rate| rate.jeffreys(0.95).unwrap());
        // Brown, Cai, DasGupta 2001: on average within a point of the nominal rate
        assert!((wilson - 0.95).abs() < 0.013, "Wilson, n = {n}: {wilson}");
        assert!((jeffreys - 0.95).abs() < 0.013, "Jeffreys, n = {n}: {jeffreys}");
    }
}

#[test]
fn sure_decisions_are_wrong_no_more_often_than_stated() {
    for (prior, rate) in [(Prior::JEFFREYS, Draws::arcsine as fn(&mut Draws) -> f64), (Prior::UNIFORM, Draws::uniform)] {
        for bound in [0.05, 0.2] {
            let sequential = Sequential::new(0.5, bound, 64, prior).unwrap();
            let mut draws = Draws(3);
            let (mut sure, mut wrong, mut stated, mut capped) = (0, 0, 0.0, 0);
            for _ in 0..DRAWS {
                let p = rate(&mut draws);
                let (mut k, mut m) = (0, 0);
                let side = loop {
                    if let Some(side) = sequential.decide(k, m) {
                        break side;
                    }
                    if draws.uniform() < p { k += 1 } else { m += 1 }
                };
                assert!(k + m <= 64 && (side.capped || side.error <= bound));
                capped += u32::from(side.capped);
                if !side.capped {
                    sure += 1;
                    wrong += u32::from(side.above != (p > 0.5));
                    stated += side.error;
                }
            }
            let share = f64::from(wrong) / f64::from(sure);
            // what is stated is what is found, however often one looked
            assert!((share - stated / f64::from(sure)).abs() < 0.01, "{bound}: {share}, stated {}", stated / f64::from(sure));
            assert!(share <= bound, "{bound}: {share}");
            assert!(sure > 8_000 && capped < 2_000, "{bound}: {sure} sure, {capped} capped");
        }
    }
}

#[test]
fn no_attempts_say_nothing_sure_and_a_cap_ends() {
    let sequential = Sequential::new(0.5, 0.01, 3, Prior::JEFFREYS).unwrap();
    assert_eq!(sequential.decide(0, 0), None);
    let side = sequential.decide(2, 1).unwrap();
    assert!(side.above && side.capped && side.error > 0.01, "{side:?}");
    assert!(sequential.decide(3, 0).is_some());
}

/// As many right as wrong leave a symmetric posterior, of which exactly half lies above ½, and a tie is not above.
#[test]
fn a_tie_is_not_above() {
    for prior in [Prior::JEFFREYS, Prior::UNIFORM] {
        for k in (1..=64).chain([1_000, 1_000_000, 2_000_000_000]) {
            let side = Sequential::new(0.5, 0.01, 2 * k, prior).unwrap().decide(k, k).unwrap();
            assert!(!side.above && side.capped && (side.error - 0.5).abs() < 1e-10, "{prior:?}, {k}: {side:?}");
            // one more is no tie
            let side = Sequential::new(0.5, 1e-9, 2 * k, prior).unwrap().decide(k + 1, k).unwrap();
            assert!(side.above, "{prior:?}, {k}: {side:?}");
        }
    }
}

#[test]
fn absurd_counts_end() {
    let rate = PassRate::new(u32::MAX, u32::MAX / 3).unwrap();
    let interval = rate.jeffreys(0.95).unwrap();
    assert!(interval.low < rate.rate() && rate.rate() < interval.high && interval.high - interval.low < 1e-4, "{interval:?}");
    assert!(Posterior::of(Prior::JEFFREYS, rate).expected_signal(8) > 0.9);
}

/// P(p > τ) and its mirror, and the closed forms of two shapes.
#[test]
fn tails_add_up() {
    for (right, wrong) in [(0.0, 0.0), (5.0, 3.0), (0.0, 900.0), (2.5, 7.25)] {
        for tau in [0.0, 0.1, 0.5, 0.93, 1.0] {
            let posterior = |right, wrong| Posterior::new(Prior::UNIFORM, right, wrong).unwrap();
            let sum = posterior(right, wrong).above(tau).unwrap() + posterior(wrong, right).above(1.0 - tau).unwrap();
            assert!((sum - 1.0).abs() < 1e-12, "{right} {wrong} {tau}: {sum}");
        }
    }
    let none = Posterior::new(Prior::UNIFORM, 0.0, 0.0).unwrap();
    assert!((none.above(0.3).unwrap() - 0.7).abs() < 1e-15);
    // all of N alike has chance 1/(N+1) each way when nothing is known
    assert!((none.expected_signal(8) - 7.0 / 9.0).abs() < 1e-15);
    assert_eq!((none.expected_signal(0), none.expected_signal(1)), (0.0, 0.0));
}
