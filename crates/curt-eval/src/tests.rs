use proptest::prelude::*;

use super::*;
use crate::paired::t_quantile;

mod bad_input;
mod intervals;
mod laws;
mod references;
mod reports;

fn sample(problem: usize, length: u32, correct: bool, finished: bool) -> Sample {
    Sample::new(problem, length, correct, finished)
}

/// Two problems with four samples each.
fn eight() -> Groups {
    Groups::new(&[
        sample(7, 10, true, true),
        sample(7, 20, true, true),
        sample(7, 40, false, false),
        sample(7, 30, false, true),
        sample(3, 40, true, false),
        sample(3, 30, false, true),
        sample(3, 15, false, true),
        sample(3, 25, false, true),
    ])
    .unwrap()
}

#[test]
fn metrics_of_a_small_case_are_those_by_hand() {
    let groups = eight();
    assert_eq!((groups.problems(), groups.samples_per_problem()), (2, 4));
    assert_eq!(mean_at_k(&groups), 3.0 / 8.0);
    assert_eq!(problem_accuracies(&groups), [0.25, 0.5]);
    assert_eq!(problem_lengths(&groups), [27.5, 25.0]);
    assert_eq!(truncation_rate(&groups), 0.25);
    // right, but cut at 40: counts for Mean@k and for no budget
    for (budget, accuracy) in [(9, 0.0), (10, 0.125), (19, 0.125), (20, 0.25), (40, 0.25), (u32::MAX, 0.25)] {
        assert_eq!(accuracy_at_budget(&groups, budget), accuracy, "budget {budget}");
    }
    let lengths = lengths(&groups);
    assert_eq!(lengths.mean, 26.25);
    assert_eq!((lengths.mean_correct, lengths.mean_wrong), (Some(70.0 / 3.0), Some(28.0)));
    assert_eq!(lengths.quantiles.iter().map(|q| q.length).collect::<Vec<_>>(), [10, 15, 25, 30, 40]);
}

#[test]
fn pass_at_k_agrees_with_counting_all_subsets() {
    for n in 1_usize..=8 {
        for c in 0..=n {
            let samples: Vec<Sample> = (0..n).map(|i| sample(0, 1, i < c, true)).collect();
            let groups = Groups::new(&samples).unwrap();
            for k in 1..=n {
                let subsets = (0_u32..1 << n).filter(|set| set.count_ones() as usize == k);
                let (hits, all) = subsets.fold((0, 0), |(hits, all), set| (hits + u32::from(set & ((1 << c) - 1) != 0), all + 1));
                let expected = f64::from(hits) / f64::from(all);
                assert!((pass_at_k(&groups, k).unwrap() - expected).abs() < 1e-14, "n {n} c {c} k {k}");
            }
        }
    }
}

#[test]
fn means_by_correctness_may_be_missing() {
    let lengths = lengths(&Groups::new(&[sample(0, 9, true, true)]).unwrap());
    assert_eq!((lengths.mean_correct, lengths.mean_wrong), (Some(9.0), None));
}

/// Expected values by Simpson integration of the density and bisection, computed in Python.
#[test]
fn t_quantiles_agree_with_tables() {
    for (degrees, expected) in [
        (1, 12.706204736),
        (2, 4.302652730),
        (9, 2.262157163),
        (10, 2.228138852),
        (11, 2.200985160),
        (15, 2.131449546),
        (29, 2.045229642),
        (100, 1.983971519),
        (287, 1.968264089),
        (1_000_000, 1.959966350),
    ] {
        let found = t_quantile(degrees);
        assert!((found - expected).abs() < 1e-5, "{degrees}: {found} for {expected}");
    }
}

#[test]
fn paired_difference_of_a_small_case_is_that_by_hand() {
    // differences 1, 2, 3: mean 2, standard deviation 1
    let found = paired_difference(&[1.0, 1.0, 1.0], &[2.0, 3.0, 4.0]).unwrap();
    assert_eq!((found.mean, found.problems), (2.0, 3));
    assert!((found.standard_error - (1.0_f64 / 3.0).sqrt()).abs() < 1e-15);
    assert!((found.high - 2.0 - 4.302653 * found.standard_error).abs() < 1e-12);
    let flat = mean_interval(&[0.5, 0.5]).unwrap();
    assert_eq!((flat.low, flat.high, flat.standard_error), (0.5, 0.5, 0.0));
}

#[test]
fn summary_holds_every_part_and_goes_through_json() {
    let mut difficulty = [0; 8];
    (difficulty[7], difficulty[3]) = (1, 12);
    let summary = summarize(&eight(), 40, &[10, 20, 40], &difficulty).unwrap();
    assert_eq!(summary.budgets.iter().map(|b| (b.budget, b.accuracy)).collect::<Vec<_>>(), [(10, 0.125), (20, 0.25), (40, 0.25)]);
    assert_eq!(summary.pass_at.iter().map(|p| p.k).collect::<Vec<_>>(), [1, 2, 4]);
    assert_eq!(summary.pass_at[2].value, 1.0);
    let rows: Vec<_> = summary.by_difficulty.iter().map(|r| (r.difficulty, r.problems, r.mean_at_k, r.mean_length)).collect();
    assert_eq!(rows, [(1, 1, 0.5, 25.0), (12, 1, 0.25, 27.5)]);
    assert_eq!(summary.standard_error, Some(0.125));
    let text = serde_json::to_string(&summary).unwrap();
    assert_eq!(serde_json::from_str::<Summary>(&text).unwrap(), summary);
    assert!(summarize(&eight(), 40, &[], &[]).unwrap().by_difficulty.is_empty());
}

#[test]
fn comparison_pairs_problems() {
    let before = Groups::new(&[sample(0, 100, true, true), sample(1, 60, false, true), sample(2, 80, true, true)]).unwrap();
    let after = Groups::new(&[sample(2, 20, true, true), sample(1, 30, true, true), sample(0, 10, true, true)]).unwrap();
    let change = Comparison::new(&before, &after).unwrap();
    assert!((change.accuracy.mean - 1.0 / 3.0).abs() < 1e-15);
    assert_eq!(change.length.mean, -60.0);
    assert_eq!(change.solved_length.map(|solved| (solved.mean, solved.problems)), Some((-75.0, 2)));
}

/// A run like the prototype's: 150 steps, an exponential fall to 21, accuracy growing from 0.62 to 0.9.
fn two_stages() -> (Vec<f64>, Vec<f64>) {
    let (mut lengths, mut accuracies, mut excess) = (Vec::new(), Vec::new(), 59.0);
    for step in 0..150 {
        lengths.push(21.0 + excess);
        excess *= 0.9;
        accuracies.push(0.62 + 0.28 * f64::from(step) / 149.0);
    }
    (lengths, accuracies)
}

#[test]
fn stages_of_a_two_stage_run_are_seen() {
    let (lengths, accuracies) = two_stages();
    let found = stages(&lengths, &accuracies).unwrap();
    assert_eq!((found.steps, found.boundary, found.window), (150, 50, 10));
    assert!((found.start_length - (80.0 + 74.1 + 68.79) / 3.0).abs() < 1e-9);
    assert!(found.share_of_fall.unwrap() > 0.99 && found.share_of_fall.unwrap() < 1.0);
    assert!(found.length_change < 0.0 && found.largest_length_change >= -found.length_change);
    assert!((found.accuracy_rise - 0.28 * 90.0 / 149.0).abs() < 1e-12);
    assert!(found.both_seen());
}

#[test]
fn a_run_without_two_stages_is_not_taken_for_one() {
    let (lengths, accuracies) = two_stages();
    let line: Vec<f64> = (0..150).map(|step| 80.0 - 0.3 * f64::from(step)).collect();
    let rebound: Vec<f64> = lengths.iter().enumerate().map(|(step, l)| if step < 100 { *l } else { *l + 5.0 }).collect();
    let growing: Vec<f64> = lengths.iter().rev().copied().collect();
    let flat = vec![0.7; 150];
    for (name, lengths, accuracies) in [
        ("length falls to the end", &line, &accuracies),
        ("length comes back", &rebound, &accuracies),
        ("length grows", &growing, &accuracies),
        ("accuracy stays", &lengths, &flat),
    ] {
        assert!(!stages(lengths, accuracies).unwrap().both_seen(), "{name}");
    }
    assert_eq!(stages(&growing, &accuracies).unwrap().share_of_fall, None);
}

#[test]
fn no_samples_are_refused() {
    assert_eq!(Groups::new(&[]).unwrap_err().to_string(), "nothing to evaluate: expected at least one sample");
}

#[test]
fn ragged_samples_are_refused() {
    let samples = [sample(4, 1, true, true), sample(4, 1, true, true), sample(9, 1, true, true)];
    let error = Groups::new(&samples).unwrap_err();
    assert_eq!(error.to_string(), "problem 9 has 1 samples, expected 2 as problem 4 has");
}

#[test]
fn k_beyond_the_samples_is_refused() {
    for k in [0, 5] {
        assert_eq!(pass_at_k(&eight(), k), Err(EvalError::PassK { k, samples: 4 }));
    }
}

#[test]
fn lengths_and_budgets_beyond_the_limit_are_refused() {
    assert_eq!(summarize(&eight(), 39, &[], &[]), Err(EvalError::BeyondLimit { problem: 3, length: 40, limit: 39 }));
    assert_eq!(summarize(&eight(), 40, &[10, 41], &[]), Err(EvalError::BudgetBeyondLimit { budget: 41, limit: 40 }));
}

#[test]
fn a_problem_without_difficulty_is_refused() {
    assert_eq!(summarize(&eight(), 40, &[], &[1; 7]), Err(EvalError::NoDifficulty { problem: 7, found: 7 }));
}

#[test]
fn evaluations_of_different_problems_are_not_compared() {
    let other = Groups::new(&[sample(3, 1, true, true), sample(8, 1, true, true)]).unwrap();
    assert_eq!(Comparison::new(&eight(), &other), Err(EvalError::DifferentProblems { problem: 7 }));
}

#[test]
fn series_of_different_lengths_are_refused() {
    let error = paired_difference(&[1.0], &[1.0, 2.0]).unwrap_err();
    assert_eq!(error.to_string(), "expected as many values of after as of before, found 2 for 1");
    assert!(matches!(stages(&[1.0; 6], &[1.0; 7]), Err(EvalError::Unequal { .. })));
}

#[test]
fn values_that_are_not_finite_are_refused() {
    for bad in [f64::NAN, f64::INFINITY] {
        assert!(matches!(
            paired_difference(&[1.0, bad], &[1.0, 1.0]),
            Err(EvalError::NotFinite { series: "before", index: 1, .. })
        ));
        assert!(matches!(mean_interval(&[bad, 1.0]), Err(EvalError::NotFinite { series: "values", index: 0, .. })));
        let mut lengths = [5.0; 6];
        lengths[3] = bad;
        assert!(matches!(stages(&lengths, &[0.0; 6]), Err(EvalError::NotFinite { series: "lengths", index: 3, .. })));
    }
    assert!(matches!(stages(&[0.0; 6], &[0.0; 6]), Err(EvalError::NotFinite { series: "length changes", .. })));
}

#[test]
fn too_few_values_are_refused() {
    assert_eq!(mean_interval(&[1.0]).unwrap_err().to_string(), "expected at least 2 problems for an interval, found 1");
    assert_eq!(mean_interval(&[]).unwrap_err().to_string(), "expected at least 2 problems for an interval, found 0");
    assert_eq!(stages(&[1.0; 5], &[1.0; 5]).unwrap_err().to_string(), "expected at least 6 steps, found 5");
}

/// Samples of 1 to 12 problems with 1 to 9 samples each, in an arbitrary order.
fn samples() -> impl Strategy<Value = Vec<Sample>> {
    (1_usize..12, 1_usize..9)
        .prop_flat_map(|(problems, each)| {
            let one = (0_u32..99, any::<bool>(), any::<bool>());
            proptest::collection::vec(one, problems * each).prop_map(move |facts| {
                let samples = facts.into_iter().enumerate();
                samples.map(|(i, (length, correct, finished))| sample(3 * (i / each), length, correct, finished)).collect()
            })
        })
        .prop_shuffle()
}

proptest! {
    #[test]
    fn pass_at_k_starts_at_the_mean_and_never_falls(samples in samples()) {
        let groups = Groups::new(&samples).unwrap();
        let mut last = mean_at_k(&groups);
        prop_assert!((pass_at_k(&groups, 1).unwrap() - last).abs() < 1e-12);
        last -= 1e-12;
        for k in 1..=groups.samples_per_problem() {
            let pass = pass_at_k(&groups, k).unwrap();
            prop_assert!(pass >= last && pass <= 1.0);
            last = pass;
        }
        let solved = groups.iter().filter(|(_, group)| group.iter().any(|s| s.correct)).count();
        prop_assert!((last - solved as f64 / groups.problems() as f64).abs() < 1e-12);
    }

    #[test]
    fn accuracy_never_falls_with_the_budget(samples in samples(), a in 0_u32..100, b in 0_u32..100) {
        let groups = Groups::new(&samples).unwrap();
        let (low, high) = (accuracy_at_budget(&groups, a.min(b)), accuracy_at_budget(&groups, a.max(b)));
        prop_assert!(0.0 <= low && low <= high && high <= mean_at_k(&groups));
    }

    #[test]
    fn order_of_samples_changes_nothing(samples in samples()) {
        let mut sorted = samples.clone();
        sorted.sort_unstable();
        let difficulty: Vec<u32> = (0..40).map(|problem| problem % 2).collect();
        let summary = |samples: &[Sample]| summarize(&Groups::new(samples).unwrap(), 99, &[20, 50], &difficulty).unwrap();
        prop_assert_eq!(summary(&samples), summary(&sorted));
    }

    #[test]
    fn difficulty_rows_add_up_to_the_whole(samples in samples()) {
        let groups = Groups::new(&samples).unwrap();
        let difficulty: Vec<u32> = (0..40).map(|problem| problem % 2).collect();
        let summary = summarize(&groups, 99, &[], &difficulty).unwrap();
        let sum: f64 = summary.by_difficulty.iter().map(|row| row.mean_at_k * row.problems as f64).sum();
        prop_assert!((sum / groups.problems() as f64 - summary.mean_at_k).abs() < 1e-12);
    }

    #[test]
    fn paired_difference_is_antisymmetric_and_contains_its_mean(
        pairs in proptest::collection::vec((-1e3..1e3_f64, -1e3..1e3_f64), 2..40)
    ) {
        let (before, after): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
        let forth = paired_difference(&before, &after).unwrap();
        let back = paired_difference(&after, &before).unwrap();
        prop_assert_eq!((forth.mean, forth.low, forth.high), (-back.mean, -back.high, -back.low));
        prop_assert_eq!(forth.standard_error, back.standard_error);
        prop_assert!(forth.low <= forth.mean && forth.mean <= forth.high);
    }

    #[test]
    fn a_common_shift_moves_no_difference(
        pairs in proptest::collection::vec((-99_i32..99, -99_i32..99), 2..40), shift in -99_i32..99
    ) {
        let series = |shift: i32| -> (Vec<f64>, Vec<f64>) {
            pairs.iter().map(|(before, after)| (f64::from(before + shift), f64::from(after + shift))).unzip()
        };
        let ((before, after), (before_moved, after_moved)) = (series(0), series(shift));
        prop_assert_eq!(paired_difference(&before, &after), paired_difference(&before_moved, &after_moved));
    }

    #[test]
    fn scale_of_lengths_changes_no_stage(shape in proptest::collection::vec((1_u32..300, 0_u32..=16), 6..60)) {
        let lengths: Vec<f64> = shape.iter().map(|(length, _)| f64::from(*length)).collect();
        let doubled: Vec<f64> = lengths.iter().map(|length| 2.0 * length).collect();
        let accuracies: Vec<f64> = shape.iter().map(|(_, right)| f64::from(*right) / 16.0).collect();
        let (one, two) = (stages(&lengths, &accuracies).unwrap(), stages(&doubled, &accuracies).unwrap());
        prop_assert_eq!((one.share_of_fall, one.length_change, one.both_seen()), (two.share_of_fall, two.length_change, two.both_seen()));
        prop_assert!(one.largest_length_change >= one.length_change.abs());
    }
}
