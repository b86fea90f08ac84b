//! Metrics against other ways to find the same number: exact fractions, all subsets, sums over every token.

use super::{eight, sample};
use crate::draw::mix;
use crate::*;

/// C(n, k), exact.
fn choose(n: usize, k: usize) -> u128 {
    if k > n { 0 } else { (0..k as u128).fold(1, |c, i| c * (n as u128 - i) / (i + 1)) }
}

#[test]
fn pass_at_k_agrees_with_exact_binomials() {
    for n in [1, 2, 8, 16, 33, 64] {
        for c in [0, 1, 2, n / 2, n - 1, n].into_iter().filter(|c| *c <= n) {
            let samples: Vec<Sample> = (0..n).map(|i| sample(0, 1, i < c, true)).collect();
            let groups = Groups::new(&samples).unwrap();
            for k in 1..=n {
                let all = choose(n, k);
                let expected = (all - choose(n - c, k)) as f64 / all as f64;
                let found = pass_at_k(&groups, k).unwrap();
                assert!((found - expected).abs() < 1e-13, "n {n} c {c} k {k}: {found} for {expected}");
                assert_eq!(problem_passes(&groups, k).unwrap(), [found]);
            }
        }
    }
}

/// The answer of a sample in a test: right, one of the wrong ones, or none.
fn voter(problem: usize, vote: u64) -> Sample {
    match vote {
        0 => Sample { answer: Some(9), ..sample(problem, 1, true, true) },
        1 => sample(problem, 1, false, true),
        wrong => Sample { answer: Some(wrong as u32), ..sample(problem, 1, false, true) },
    }
}

/// Over all subsets of k samples, the mean chance that the most common answer is right.
fn majority_by_subsets(votes: &[u64], k: usize) -> f64 {
    let (mut right, mut all) = (0.0, 0.0);
    for set in (0_u32..1 << votes.len()).filter(|set| set.count_ones() as usize == k) {
        let mut counts = [0; 8];
        let drawn = votes.iter().enumerate().filter(|(i, vote)| set >> i & 1 == 1 && **vote != 1);
        drawn.for_each(|(_, vote)| counts[*vote as usize] += 1);
        let most = *counts.iter().max().unwrap();
        all += 1.0;
        if most > 0 && counts[0] == most {
            right += 1.0 / counts.iter().filter(|count| **count == most).count() as f64;
        }
    }
    right / all
}

#[test]
fn majority_at_k_agrees_with_all_subsets() {
    for case in 0..60 {
        let n = 1 + case as usize % 9;
        let kinds = 2 + case % 5;
        let votes: Vec<u64> = (0..n as u64).map(|i| draw(1, case, i) % kinds).collect();
        let mut samples: Vec<Sample> = votes.iter().map(|vote| voter(0, *vote)).collect();
        if samples.iter().all(|sample| sample.answer.is_none()) {
            continue;
        }
        samples.reverse();
        let groups = Groups::new(&samples).unwrap();
        for k in 1..=n {
            let (found, expected) = (majority_at_k(&groups, k).unwrap(), majority_by_subsets(&votes, k));
            assert!((found - expected).abs() < 1e-12, "{votes:?} k {k}: {found} for {expected}");
        }
    }
}

#[test]
fn majority_of_many_samples_neither_under_nor_overflows() {
    // 900 right, 700 and 400 of two wrong answers, 500 silent
    let vote = |i| [(900, 0), (1600, 2), (2000, 3), (2500, 1)].into_iter().find(|(end, _)| i < *end).map_or(1, |(_, vote)| vote);
    let samples: Vec<Sample> = (0..2500).map(|i| voter(0, vote(i))).collect();
    let groups = Groups::new(&samples).unwrap();
    assert!((majority_at_k(&groups, 1).unwrap() - 900.0 / 2500.0).abs() < 1e-12);
    let few = majority_at_k(&groups, 16).unwrap();
    assert!(few > 0.36 && few < 1.0, "{few}");
    assert_eq!(majority_at_k(&groups, 2500).unwrap(), 1.0);
}

#[test]
fn equal_answers_get_equal_numbers() {
    let found = answer_numbers([Some("1/2"), None, Some(" 1/2 "), Some("3"), Some("")]);
    assert_eq!(found, [Some(0), None, Some(0), Some(1), Some(2)]);
}

#[test]
fn auc_oaa_is_the_mean_over_every_number_of_tokens() {
    let groups = eight();
    for t_max in [1, 9, 10, 11, 25, 40, 1000] {
        // OAA_t counts right answers shorter than t
        let right = |t: u32| groups.samples().filter(|s| s.correct && s.finished && s.length < t).count();
        let sum: usize = (1..=t_max).map(right).sum();
        let expected = sum as f64 / 8.0 / f64::from(t_max);
        assert!((auc_oaa(&groups, t_max).unwrap() - expected).abs() < 1e-14, "t_max {t_max}");
    }
}

#[test]
fn areas_of_lines_are_known() {
    let line = |budgets: &[u32]| -> Vec<f64> { budgets.iter().map(|b| 0.1 + f64::from(*b) / 1000.0).collect() };
    for budgets in [vec![100, 500], vec![100, 101, 250, 500], vec![7]] {
        let accuracies = line(&budgets);
        let expected = (accuracies[0] + accuracies[accuracies.len() - 1]) / 2.0;
        assert!((area_under_budgets(&budgets, &accuracies).unwrap() - expected).abs() < 1e-15);
    }
    // a triangle of height 1 over [0, 2], then nothing up to 10
    assert_eq!(area_under_budgets(&[0, 1, 2, 10], &[0.0, 1.0, 0.0, 0.0]).unwrap(), 0.1);
}

#[test]
fn regret_is_the_distance_to_the_best_at_each_budget() {
    let found = regret(&[&[0.1, 0.5, 0.5], &[0.3, 0.4, 0.5]]).unwrap();
    assert!((found[0].sum - 0.2).abs() < 1e-15 && (found[1].sum - 0.1).abs() < 1e-15);
    assert!((found[1].share.unwrap() - 0.1 / 1.3).abs() < 1e-15);
    assert_eq!(regret(&[&[0.0, 0.0]]).unwrap(), [Regret { sum: 0.0, share: None }]);
}

#[test]
fn a_budget_curve_of_a_small_case_is_that_by_hand() {
    let mut samples: Vec<Sample> = eight().samples().copied().collect();
    // problem 7: the right one of 20 tokens has its answer at 12; problem 3: cut at 40, right, its place not known
    samples.iter_mut().find(|s| s.length == 20).unwrap().answer_at = Some(12);
    // cut at 40 and judged wrong for it, yet the right answer stands at 35
    samples.iter_mut().find(|s| s.problem == 7 && s.length == 40).unwrap().answer_at = Some(35);
    let rows = budget_curve(&Groups::new(&samples).unwrap(), 40, &[9, 10, 12, 35, 40]).unwrap();
    let share = |count: u32| f64::from(count) / 8.0;
    let found = |of: fn(&BudgetRow) -> f64| rows.iter().map(of).collect::<Vec<_>>();
    assert_eq!(found(|row| row.strict), [0, 1, 1, 2, 2].map(share));
    assert_eq!(found(|row| row.lenient), [0, 1, 2, 3, 4].map(share));
    // the one of 10 tokens until it has ended, and the one that was cut
    assert_eq!(found(|row| row.lenient_unknown), [2, 1, 1, 1, 0].map(share));
    assert_eq!(found(|row| row.truncation_rate), [8, 7, 7, 2, 2].map(share));
    assert_eq!(rows[1].mean_tokens, 10.0);
    assert_eq!(rows[4].mean_tokens, 26.25);
    assert_eq!(found(|row| row.pass_at_k), [0.0, 0.5, 0.5, 0.5, 0.5]);
    let interval = rows[4].interval.unwrap();
    assert_eq!((interval.mean, interval.standard_error, interval.problems), (0.25, 0.25, 2));
}

#[test]
fn lengths_by_correctness_of_a_small_case_are_those_by_hand() {
    let found = lengths_by_correctness(&eight(), 40);
    let (correct, wrong) = (found.correct.unwrap(), found.wrong.unwrap());
    assert_eq!((found.all.samples, correct.samples, wrong.samples), (8, 3, 5));
    assert_eq!((correct.mean, wrong.mean), (70.0 / 3.0, 28.0));
    // problem 7: (10 + 20)/2, problem 3: 40
    assert_eq!(found.correct_per_problem, Some(27.5));
    let points: Vec<(u32, f64)> = correct.ecdf.iter().map(|point| (point.length, point.share)).collect();
    assert_eq!(points, [(10, 1.0 / 3.0), (20, 2.0 / 3.0), (40, 1.0)]);
    assert_eq!(wrong.quantiles.iter().map(|q| q.length).collect::<Vec<_>>(), [15, 15, 15, 25, 30, 30, 40, 40, 40]);
    // bars of 2 tokens: 40 is in the last, which begins there
    assert_eq!(correct.histogram.len(), 21);
    assert_eq!(correct.histogram[5], Bin { from: 10, to: 12, samples: 1 });
    assert_eq!(correct.histogram[20], Bin { from: 40, to: 42, samples: 1 });
    assert_eq!(lengths_by_correctness(&Groups::new(&[sample(0, 3, true, true)]).unwrap(), 40).wrong, None);
}

#[test]
fn many_lengths_give_a_short_distribution_that_ends_at_one() {
    let samples: Vec<Sample> = (0..5000).map(|i| sample(i, 1 + (draw(5, 0, i as u64) % 9000) as u32, true, true)).collect();
    let found = lengths_by_correctness(&Groups::new(&samples).unwrap(), 32_768).all;
    assert!(found.ecdf.len() <= 201 && found.ecdf.len() > 150, "{}", found.ecdf.len());
    assert!(found.ecdf.windows(2).all(|pair| pair[0].length < pair[1].length && pair[0].share < pair[1].share));
    for point in &found.ecdf {
        let expected = samples.iter().filter(|s| s.length <= point.length).count() as f64 / 5000.0;
        assert_eq!(point.share, expected);
    }
    assert_eq!(found.ecdf.last().unwrap().share, 1.0);
    assert!(found.histogram.len() <= 41);
    assert_eq!(found.histogram.iter().map(|bin| bin.samples).sum::<usize>(), 5000);
}

#[test]
fn tokens_per_right_answer_count_wrong_ones_too() {
    assert_eq!(tokens_per_correct(&eight()), Some(210.0 / 3.0));
    assert_eq!(tokens_per_correct(&Groups::new(&[sample(0, 3, false, true)]).unwrap()), None);
}

/// The first numbers that the generator's authors print for a state of 0.
#[test]
fn draws_are_those_of_splitmix64() {
    let step = 0x9e37_79b9_7f4a_7c15_u64;
    assert_eq!([1_u64, 2].map(|i| mix(i.wrapping_mul(step))), [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4]);
    let near: Vec<u64> = (0..4).flat_map(|seed| (0..4).flat_map(move |s| (0..4).map(move |i| draw(seed, s, i)))).collect();
    let distinct: std::collections::BTreeSet<u64> = near.iter().copied().collect();
    assert_eq!(distinct.len(), near.len());
}
