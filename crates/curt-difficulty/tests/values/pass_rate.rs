//! Labels at the threshold, Wilson intervals against known values, laws and bad input.

use curt_difficulty::{DifficultyError, Label, PassRate};
use proptest::prelude::*;

#[test]
fn label_is_easy_above_one_half_only() {
    for n in 1..=25u32 {
        for correct in 0..=n {
            let easy = correct > n / 2; // for odd n, n/2 is rounded down, so this is correct ≥ (n+1)/2
            let expected = if easy { Label::Easy } else { Label::Hard };
            assert_eq!(PassRate::new(n, correct).unwrap().label(), expected, "{correct} of {n}");
        }
    }
    assert_eq!(PassRate::new(8, 4).unwrap().label(), Label::Hard);
    assert_eq!(PassRate::new(8, 5).unwrap().label(), Label::Easy);
    assert_eq!(PassRate::new(u32::MAX, u32::MAX).unwrap().label(), Label::Easy);
}

#[test]
fn wilson_intervals_equal_known_values() {
    // Computed by hand from the formula: z = 2 makes the numbers rational but for one root.
    // n = 8, k = 4: z²/n = 1/2, centre (1/2 + 1/4)/(3/2) = 1/2, half-width √(1/8 + 1/16)/(3/2) = √3/6.
    let half = 3f64.sqrt() / 6.0;
    // n = 4, k = 0: z²/n = 1, upper end 2·(1/2)/2 = 1/2. n = 4, k = 4 mirrors it.
    for (n, correct, low, high) in [(8, 4, 0.5 - half, 0.5 + half), (4, 0, 0.0, 0.5), (4, 4, 0.5, 1.0)] {
        let interval = PassRate::new(n, correct).unwrap().wilson(2.0).unwrap();
        assert!((interval.low - low).abs() < 1e-15 && (interval.high - high).abs() < 1e-15, "{correct}/{n}: {interval:?}");
    }
    let zero_width = PassRate::new(8, 3).unwrap().wilson(0.0).unwrap();
    assert_eq!((zero_width.low, zero_width.high), (0.375, 0.375));
}

#[test]
fn no_attempts_are_refused() {
    assert_eq!(PassRate::new(0, 0).unwrap_err(), DifficultyError::NoAttempts);
}

#[test]
fn more_right_answers_than_attempts_are_refused() {
    assert_eq!(PassRate::new(8, 9).unwrap_err(), DifficultyError::TooManyCorrect { attempts: 8, correct: 9 });
}

#[test]
fn bad_z_is_refused() {
    for z in [f64::NAN, f64::INFINITY, -1.0] {
        assert!(matches!(PassRate::new(8, 4).unwrap().wilson(z), Err(DifficultyError::BadZ { .. })), "{z}");
    }
}

#[test]
fn reading_a_pass_rate_checks_it() {
    let rate = PassRate::new(8, 5).unwrap();
    assert_eq!(serde_json::from_str::<PassRate>(&serde_json::to_string(&rate).unwrap()).unwrap(), rate);
    for (bad, expected) in [
        (r#"{"n": 0, "correct": 0}"#, "expected at least 1 attempt"),
        (r#"{"n": 8, "correct": 9}"#, "expected at most 8 right answers"),
    ] {
        let error = serde_json::from_str::<PassRate>(bad).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

fn pass_rate() -> impl Strategy<Value = PassRate> {
    (1u32..5000).prop_flat_map(|n| (Just(n), 0..=n)).prop_map(|(n, correct)| PassRate::new(n, correct).unwrap())
}

proptest! {
    #[test]
    fn interval_holds_the_rate_and_lies_within_0_and_1(rate in pass_rate(), z in prop_oneof![0.0..5.0f64, Just(1e200)]) {
        let interval = rate.wilson(z).unwrap();
        prop_assert!(0.0 <= interval.low && interval.high <= 1.0, "{:?}", interval);
        prop_assert!(interval.low <= rate.rate() + 1e-12 && rate.rate() <= interval.high + 1e-12, "{:?}", interval);
    }

    #[test]
    fn ends_solve_the_score_equation(rate in pass_rate(), z in 0.1..5.0f64) {
        // (p̂ − p)² = z² p(1−p)/n at both ends.
        let interval = rate.wilson(z).unwrap();
        for p in [interval.low, interval.high] {
            let (left, right) = ((rate.rate() - p) * (rate.rate() - p), z * z * p * (1.0 - p) / f64::from(rate.n()));
            prop_assert!((left - right).abs() < 1e-12, "{} against {}", left, right);
        }
    }

    #[test]
    fn right_and_wrong_mirror_each_other(rate in pass_rate(), z in 0.0..5.0f64) {
        let interval = rate.wilson(z).unwrap();
        let mirrored = PassRate::new(rate.n(), rate.n() - rate.correct()).unwrap().wilson(z).unwrap();
        prop_assert!((interval.low - (1.0 - mirrored.high)).abs() < 1e-12);
    }
}
