//! Golden decisions of every gate, the laws of the gates, and every bad input.

use curt_difficulty::{Admission, AnyCorrectAndSpread, DifficultyError, Gate, GateFacts, NoGate, RewardStd, by_name, names};
use proptest::prelude::*;

#[test]
fn every_gate_on_every_kind_of_group() {
    use Admission::{AllCorrect, AllWrong, Kept, NoSpread};
    const T: bool = true;
    const F: bool = false;
    // verdicts, rewards, in statistics; then any_correct_and_spread, mixed_outcome, reward_std, none
    type Row<'a> = (&'a str, &'a [bool], &'a [f64], &'a [bool], [Admission; 4]);
    let rows: &[Row] = &[
        ("mixed outcome", &[T, F, T], &[1.0, 0.0, 1.0], &[T, T, T], [Kept, Kept, Kept, Kept]),
        ("all right, mixed lengths", &[T, T, T], &[1.0, 0.0, 1.0], &[T, T, T], [Kept, AllCorrect, Kept, Kept]),
        ("all right, equal", &[T, T], &[1.0, 1.0], &[T, T], [NoSpread, AllCorrect, NoSpread, Kept]),
        ("all wrong, equal", &[F, F], &[0.0, 0.0], &[T, T], [AllWrong, AllWrong, NoSpread, Kept]),
        ("all wrong, phantom spread", &[F, F], &[0.0, -0.4], &[T, T], [AllWrong, AllWrong, Kept, Kept]),
        ("right but all long", &[T, F], &[0.0, 0.0], &[T, T], [NoSpread, Kept, NoSpread, Kept]),
        ("spread only in a masked row", &[T, T, F], &[1.0, 1.0, 0.0], &[T, T, F], [NoSpread, Kept, NoSpread, Kept]),
        ("the right one is masked", &[T, F, F], &[9.0, 0.0, 0.5], &[F, T, T], [Kept, Kept, Kept, Kept]),
        ("one row counts", &[T, F], &[1.0, 0.0], &[T, F], [NoSpread, Kept, NoSpread, Kept]),
        ("no row counts", &[T, F], &[1.0, 0.0], &[F, F], [NoSpread, Kept, NoSpread, Kept]),
        ("one rollout", &[T], &[1.0], &[T], [NoSpread, AllCorrect, NoSpread, Kept]),
        ("one ulp of spread", &[T, F], &[0.3, 0.1 + 0.2], &[T, T], [Kept, Kept, Kept, Kept]),
        ("zeros of both signs", &[T, F], &[0.0, -0.0], &[T, T], [NoSpread, Kept, NoSpread, Kept]),
    ];
    assert_eq!(names(), ["any_correct_and_spread", "mixed_outcome", "reward_std", "none"]);
    for (what, correct, rewards, counted, expected) in rows {
        let facts = GateFacts::new(correct, rewards, counted).unwrap();
        for (name, expected) in names().into_iter().zip(expected) {
            assert_eq!(by_name(name).unwrap().admit(&facts), *expected, "{name}: {what}");
        }
    }
}

#[test]
fn admissions_have_words() {
    use Admission::*;
    let words = [Kept, AllWrong, AllCorrect, NoSpread, Ungradable, Screened, Surplus].map(Admission::word);
    assert_eq!(words, ["kept", "all_wrong", "all_correct", "no_spread", "ungradable", "screened", "surplus"]);
}

#[test]
fn unknown_gate_is_refused_with_the_known_names() {
    let error = by_name("any_correct").unwrap_err();
    assert_eq!(error, DifficultyError::UnknownGate { name: "any_correct".into(), known: names() });
    assert!(error.to_string().ends_with("known: any_correct_and_spread, mixed_outcome, reward_std, none"));
}

#[test]
fn empty_group_is_refused() {
    assert_eq!(GateFacts::new(&[], &[], &[]).unwrap_err(), DifficultyError::EmptyGroup);
}

#[test]
fn slices_of_different_lengths_are_refused() {
    for (rewards, counted, field, found) in
        [(&[1.0][..], &[true, true][..], "rewards", 1), (&[1.0, 0.0][..], &[true, true, true][..], "in_statistics", 3)]
    {
        let error = GateFacts::new(&[true, false], rewards, counted).unwrap_err();
        assert_eq!(error, DifficultyError::GroupSize { field, expected: 2, found });
    }
}

#[test]
fn reward_that_is_not_finite_is_refused_with_its_row() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let error = GateFacts::new(&[true, false], &[1.0, bad], &[true, false]).unwrap_err();
        assert!(matches!(error, DifficultyError::RewardNotFinite { row: 1, .. }), "{error}");
    }
}

/// Verdict, reward (often equal to another) and mask per rollout.
fn group() -> impl Strategy<Value = Vec<(bool, f64, bool)>> {
    let reward = prop_oneof![Just(0.0), Just(1.0), Just(0.3), -2.0..2.0f64];
    prop::collection::vec((any::<bool>(), reward, prop::bool::weighted(0.8)), 1..25)
}

fn admit(gate: &dyn Gate, rows: &[(bool, f64, bool)]) -> Admission {
    let correct: Vec<bool> = rows.iter().map(|row| row.0).collect();
    let rewards: Vec<f64> = rows.iter().map(|row| row.1).collect();
    let counted: Vec<bool> = rows.iter().map(|row| row.2).collect();
    gate.admit(&GateFacts::new(&correct, &rewards, &counted).unwrap())
}

proptest! {
    #[test]
    fn default_gate_never_admits_a_group_without_a_right_answer(mut rows in group()) {
        rows.iter_mut().for_each(|row| row.0 = false);
        prop_assert_eq!(admit(&AnyCorrectAndSpread, &rows), Admission::AllWrong);
    }

    #[test]
    fn all_right_groups_of_mixed_lengths_survive(lengths in prop::collection::vec(1u32..200, 2..25), target in 1u32..200) {
        // Truncation: 1 within the target, 0 beyond.
        let rows: Vec<_> = lengths.iter().map(|&l| (true, f64::from(u8::from(l <= target)), true)).collect();
        let mixed = lengths.iter().any(|&l| l <= target) && lengths.iter().any(|&l| l > target);
        prop_assert_eq!(admit(&AnyCorrectAndSpread, &rows).is_kept(), mixed);
    }

    #[test]
    fn default_gate_admits_only_what_reward_std_admits(rows in group()) {
        if admit(&AnyCorrectAndSpread, &rows).is_kept() {
            prop_assert!(admit(&RewardStd, &rows).is_kept());
        }
        prop_assert!(admit(&NoGate, &rows).is_kept());
    }

    #[test]
    fn order_of_rollouts_does_not_matter(rows in group(), seed in any::<u64>()) {
        let mut shuffled = rows.clone();
        let n = shuffled.len();
        shuffled.rotate_left(seed as usize % n);
        shuffled.swap(0, seed as usize / 7 % n);
        for name in names() {
            let gate = by_name(name).unwrap();
            prop_assert_eq!(admit(&*gate, &rows), admit(&*gate, &shuffled), "{}", name);
        }
    }
}
