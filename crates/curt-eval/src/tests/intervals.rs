//! Errors and intervals: by hand, by closed form, and by simulation with a fixed seed.

use super::{eight, sample};
use crate::draw::below;
use crate::*;

/// Uniform in [0, 1).
fn uniform(stream: u64, position: u64) -> f64 {
    (draw(77, stream, position) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Differences of two models on `n` problems, 8 samples each; the true mean is 0.1.
fn simulated(experiment: u64, n: u64) -> Vec<f64> {
    let successes = |problem: u64, model: u64, p: f64| {
        (0..8).filter(|i| uniform(experiment, 100 * problem + 10 * model + i) < p).count() as f64
    };
    let difference = |problem: u64| {
        let p = uniform(experiment, 100 * problem + 99);
        (successes(problem, 1, p) - successes(problem, 0, 0.8 * p)) / 8.0
    };
    (0..n).map(difference).collect()
}

fn coverage(experiments: u64, interval: impl Fn(u64) -> (f64, f64)) -> f64 {
    let holds = |experiment: &u64| {
        let (low, high) = interval(*experiment);
        low <= 0.1 && 0.1 <= high
    };
    (0..experiments).filter(holds).count() as f64 / experiments as f64
}

/// 2,000 experiments: a share of 0.95 has a standard error of 0.005.
#[test]
fn student_intervals_cover_the_truth_as_often_as_they_say() {
    for n in [10, 30] {
        let found = coverage(1000, |experiment| {
            let interval = mean_interval(&simulated(experiment, n)).unwrap();
            (interval.low, interval.high)
        });
        assert!((found - 0.95).abs() < 0.02, "{n} problems: {found}");
    }
}

#[test]
fn bootstrap_intervals_cover_the_truth_nearly_as_often_as_they_say() {
    let bootstrap = Bootstrap { resamples: 200, seed: 3 };
    let found = coverage(400, |experiment| {
        let interval = bootstrap.means(&[&simulated(experiment, 40)]).unwrap()[0];
        (interval.low, interval.high)
    });
    assert!((0.91..=0.97).contains(&found), "{found}");
}

#[test]
fn the_bootstrap_error_of_a_mean_is_the_known_one() {
    let values = simulated(5, 60);
    let exact = mean_interval(&values).unwrap();
    let found = Bootstrap { resamples: 4000, seed: 1 }.means(&[&values]).unwrap()[0];
    // resampling has n, not n − 1, below the sum of squares; 4,000 resamples give the error to 1/√8000
    let expected = exact.standard_error * (59.0_f64 / 60.0).sqrt();
    assert!((found.standard_error / expected - 1.0).abs() < 0.04, "{found:?} for {expected}");
    assert!((found.low - exact.low).abs() < 0.2 * exact.standard_error, "{found:?} {exact:?}");
    assert!((found.high - exact.high).abs() < 0.2 * exact.standard_error, "{found:?} {exact:?}");
}

#[test]
fn the_same_seed_gives_the_same_interval_and_another_one_another() {
    let values = simulated(9, 20);
    let of = |seed| Bootstrap { resamples: 100, seed }.means(&[&values]).unwrap();
    assert_eq!(of(4), of(4));
    assert_ne!(of(4), of(5));
    // series of one call see the same problems
    let both = Bootstrap { resamples: 100, seed: 4 }.means(&[&values, &values]).unwrap();
    assert_eq!(both[0], both[1]);
}

#[test]
fn ratios_of_a_constant_factor_have_no_width() {
    let below: Vec<f64> = (1..30).map(f64::from).collect();
    let above: Vec<f64> = below.iter().map(|x| 4.0 * x).collect();
    let found = Bootstrap { resamples: 50, seed: 0 }.ratio(&above, &below).unwrap();
    assert_eq!((found.low, found.high, found.standard_error, found.resamples), (4.0, 4.0, 0.0, 50));
    // one problem in two has nothing below: resamples without the other are left out
    let found = Bootstrap { resamples: 400, seed: 0 }.ratio(&[3.0, 3.0], &[0.0, 1.0]).unwrap();
    assert!((250..350).contains(&found.resamples), "{found:?}");
}

#[test]
fn draws_below_a_bound_are_even() {
    let mut counts = [0_u32; 7];
    (0..7000).for_each(|i| counts[below(draw(0, 1, i), 7) as usize] += 1);
    // a standard deviation is 29
    assert!(counts.iter().all(|count| (880..1120).contains(count)), "{counts:?}");
    assert_eq!((below(u64::MAX, 7), below(0, 7)), (6, 0));
}

#[test]
fn the_spread_of_a_small_case_is_that_by_hand() {
    // scores ¼ and ½: variance 1/32, within ((3/16 + 1/4)/2)·4/3 = 7/24, and 7/96 of it is more than 1/32
    let found = spread(&eight()).unwrap();
    assert_eq!((found.standard_error, found.between, found.floor), (0.125, Some(0.0), Some(0.0)));
    assert!((found.within.unwrap() - 7.0 / 24.0).abs() < 1e-15);
    assert!((found.deviation - (1.0_f64 / 32.0).sqrt()).abs() < 1e-15);
    // no variance within: all of it is between
    let sure: Vec<Sample> = (0..8).map(|i| sample(i / 2, 1, i < 4, true)).collect();
    let found = spread(&Groups::new(&sure).unwrap()).unwrap();
    assert_eq!((found.within, found.floor), (Some(0.0), Some(found.standard_error)));
    let once = spread(&Groups::new(&[sample(0, 1, true, true), sample(1, 1, false, true)]).unwrap()).unwrap();
    assert_eq!((once.within, once.between, once.floor), (None, None, None));
}

/// Between and within are what they were in the simulation: p uniform in [0, 1] has a variance of 1/12, p(1 − p) a mean of 1/6.
#[test]
fn the_spread_of_many_problems_is_that_of_their_law() {
    let of = |problem: u64| {
        let p = uniform(1000, 100 * problem + 99);
        (0..4).map(move |i| sample(problem as usize, 1, uniform(1000, 100 * problem + i) < p, true))
    };
    let found = spread(&Groups::new(&(0..4000).flat_map(of).collect::<Vec<_>>()).unwrap()).unwrap();
    assert!((found.between.unwrap() - 1.0 / 12.0).abs() < 0.006, "{found:?}");
    assert!((found.within.unwrap() - 1.0 / 6.0).abs() < 0.006, "{found:?}");
}

#[test]
fn clustered_errors_of_a_small_case_are_those_by_hand() {
    // mean 0; each value in a cluster of its own: √(4·(4/3)/16)... by the formula s²/n
    let values = [1.0, 1.0, -1.0, -1.0];
    let alone = clustered_error(&values, &[0, 1, 2, 3]).unwrap();
    assert!((alone - (4.0_f64 / 3.0 / 4.0).sqrt()).abs() < 1e-15);
    // pairs that are alike: the products within a cluster add 2·1 for each of two clusters
    let alike = clustered_error(&values, &[0, 0, 1, 1]).unwrap();
    assert!((alike - (1.0_f64 / 3.0 + 4.0 / 16.0).sqrt()).abs() < 1e-15);
    // pairs that balance take it away again
    let balanced = clustered_error(&values, &[0, 1, 0, 1]).unwrap();
    assert!((balanced - (1.0_f64 / 3.0 - 4.0 / 16.0).sqrt()).abs() < 1e-15);
}

/// Their sum and their mean are off by rounding, which is no spread.
#[test]
fn values_that_are_equal_have_no_error() {
    for (value, n) in [(0.1, 3), (0.1, 10), (0.7, 7), (1e300, 3), (-0.3, 11)] {
        let values = vec![value; n];
        let found = mean_interval(&values).unwrap();
        assert_eq!((found.standard_error, found.low, found.high), (0.0, found.mean, found.mean), "{value}: {found:?}");
        assert_eq!(clustered_error(&values, &(0..n as u32).map(|i| i / 2).collect::<Vec<_>>()).unwrap(), 0.0);
        let found = Bootstrap { resamples: 50, seed: 1 }.means(&[&values]).unwrap()[0];
        assert_eq!((found.standard_error, found.low), (0.0, found.high), "{value}: {found:?}");
        let after: Vec<f64> = values.iter().map(|value| 2.0 * value).collect();
        assert_eq!(paired_difference(&values, &after).unwrap().standard_error, 0.0);
    }
    // 2/10 − 1/10 and 3/10 − 2/10 are not the same number
    let found = paired_difference(&[0.1, 0.2, 0.6], &[0.2, 0.3, 0.7]).unwrap();
    assert_eq!((found.standard_error, found.low, found.high), (0.0, found.mean, found.mean), "{found:?}");
    let found = paired_difference(&[0.1, 0.2], &[0.2, 0.3 + 1e-9]).unwrap();
    assert!(found.standard_error > 4e-10 && found.low < found.high, "{found:?}");
    let tenths: Vec<Sample> = (0..30).map(|i| sample(i / 10, 1, i % 10 == 0, true)).collect();
    let found = spread(&Groups::new(&tenths).unwrap()).unwrap();
    assert_eq!((found.standard_error, found.deviation, found.floor), (0.0, 0.0, Some(0.0)));
}

#[test]
fn detectable_differences_agree_with_the_usual_tables() {
    assert!((minimum_detectable(1.0) - 2.801_585).abs() < 1e-6);
    let two = std::f64::consts::SQRT_2;
    assert_eq!(problems_needed(0.4 * two, 0.02), 6280); // 7.849·0.32/0.0004 = 6279.1
    assert_eq!(problems_needed(0.15, 0.02), 442);
    assert_eq!((problems_needed(0.0, 0.1), problems_needed(0.1, 0.0)), (2, u64::MAX));
}

#[test]
fn thirty_problems_are_called_few_in_words() {
    let samples: Vec<Sample> = (0..240).map(|i| sample(i / 8, 1, i / 8 < 12, true)).collect();
    let found = Power::new(30, spread(&Groups::new(&samples).unwrap()).unwrap(), None);
    let error = (0.4 * 0.6 / 29.0_f64).sqrt();
    assert!((found.minimum_detectable - 2.801_585 * two() * error).abs() < 1e-6);
    for part in ["30 problems", "± 9.1 points", "36.0 points", "a gain of 2 points needs about", "noise"] {
        assert!(found.words.contains(part), "no {part} in: {}", found.words);
    }
    assert!(!Power::new(500, found.spread, None).words.contains("noise"));
}

fn two() -> f64 {
    std::f64::consts::SQRT_2
}
