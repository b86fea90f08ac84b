//! What holds of any samples.

use proptest::prelude::*;

use crate::*;

/// 1 to 8 problems with equally many samples, whose lengths are below 60.
fn problems() -> impl Strategy<Value = Vec<ProblemSamples>> {
    let sample = (1_u32..60, any::<bool>(), any::<bool>(), any::<bool>(), 0_u32..4, 0_u32..60);
    (2_usize..8, 1_usize..7).prop_flat_map(move |(problems, each)| {
        proptest::collection::vec(sample.clone(), problems * each).prop_map(move |facts| {
            let of = |(i, facts): (usize, &[(u32, bool, bool, bool, u32, u32)])| ProblemSamples {
                problem: format!("p{i}"),
                key: None,
                difficulty: None,
                cluster: Some(format!("c{}", i % 3)),
                lengths: facts.iter().map(|f| f.0).collect(),
                correct: facts.iter().map(|f| f.1).collect(),
                finished: facts.iter().map(|f| f.2).collect(),
                // right ones alone, and those that were cut off
                answer_at: facts.iter().map(|f| (f.3 && (f.1 || !f.2)).then_some(f.5.min(f.0))).collect(),
                answers: facts.iter().map(|f| (f.4 > 0).then_some(f.4)).collect(),
            };
            facts.chunks(each).enumerate().map(of).collect()
        })
    })
}

fn settings() -> EvalSettings {
    EvalSettings { limit: 64, budgets: vec![1, 5, 17, 30, 64], sampling: None, resamples: 20, bootstrap_seed: 1 }
}

fn entry(problems: &[ProblemSamples]) -> EvalEntry {
    EvalEntry::new("m".into(), "d".into(), problems.to_vec(), &settings()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_budget_curve_never_falls_and_lenient_is_never_below_strict(problems in problems()) {
        let rows = budget_curve(&groups_of(&problems).unwrap(), 64, &[1, 2, 5, 17, 30, 59, 64]).unwrap();
        for row in &rows {
            prop_assert!(row.strict <= row.lenient && row.lenient + row.lenient_unknown <= 1.0 + 1e-12);
            prop_assert!(row.strict <= row.pass_at_k + 1e-12 && row.strict <= 1.0 - row.truncation_rate + 1e-12);
        }
        for pair in rows.windows(2) {
            prop_assert!(pair[0].strict <= pair[1].strict && pair[0].lenient <= pair[1].lenient);
            let most = |row: &BudgetRow| row.lenient + row.lenient_unknown;
            prop_assert!(most(&pair[0]) <= most(&pair[1]) + 1e-12 && pair[0].lenient_unknown >= pair[1].lenient_unknown);
            prop_assert!(pair[0].pass_at_k <= pair[1].pass_at_k && pair[0].truncation_rate >= pair[1].truncation_rate);
            prop_assert!(pair[0].mean_tokens <= pair[1].mean_tokens);
        }
        // at the limit nothing is unknown
        prop_assert_eq!(rows[rows.len() - 1].lenient_unknown, 0.0);
    }

    #[test]
    fn majority_lies_between_nothing_and_one_right_sample(problems in problems()) {
        let groups = groups_of(&problems).unwrap();
        prop_assume!(groups.samples().any(|sample| sample.answer.is_some()));
        for k in 1..=groups.samples_per_problem() {
            let majority = majority_at_k(&groups, k).unwrap();
            prop_assert!(majority >= 0.0 && majority <= pass_at_k(&groups, k).unwrap() + 1e-12);
        }
        prop_assert!((majority_at_k(&groups, 1).unwrap() - mean_at_k(&groups)).abs() < 1e-12);
    }

    #[test]
    fn the_order_of_problems_and_samples_changes_nothing(problems in problems(), by in 0_usize..7) {
        let mut turned = problems.clone();
        let turn = by % turned.len();
        turned.rotate_left(turn);
        for problem in &mut turned {
            problem.lengths.reverse();
            problem.correct.reverse();
            problem.finished.reverse();
            problem.answer_at.reverse();
            problem.answers.reverse();
        }
        let (mut one, mut two) = (entry(&problems), entry(&turned));
        (one.per_problem, two.per_problem) = (Vec::new(), Vec::new());
        prop_assert_eq!(one, two);
    }

    #[test]
    fn a_comparison_turned_round_changes_its_signs_alone(problems in problems(), correct in any::<u64>()) {
        let mut others = problems.clone();
        for (i, sample) in others.iter_mut().flat_map(|p| &mut p.correct).enumerate() {
            *sample = correct >> (i % 64) & 1 == 1;
        }
        let (one, two) = (entry(&problems), entry(&others));
        let compare = |a, b| EvalComparison::new(a, b, settings().bootstrap()).unwrap();
        let (forth, back) = (compare(&one, &two), compare(&two, &one));
        for (forth, back) in [(forth.accuracy, back.accuracy), (forth.length, back.length), (forth.auc_oaa, back.auc_oaa)] {
            prop_assert_eq!(forth.paired.mean, -back.paired.mean);
            prop_assert_eq!((forth.bootstrap.low, forth.bootstrap.high), (-back.bootstrap.high, -back.bootstrap.low));
        }
        let same = compare(&one, &one);
        prop_assert_eq!((same.accuracy.paired.mean, same.accuracy.bootstrap.low, same.minimum_detectable), (0.0, 0.0, 0.0));
    }

    #[test]
    fn areas_are_shares_and_grow_with_the_curve(problems in problems()) {
        let entry = entry(&problems);
        let (auc, oaa) = (entry.areas.budget_auc, entry.areas.auc_oaa);
        prop_assert!((0.0..=1.0).contains(&auc) && (0.0..=1.0).contains(&oaa));
        let last = entry.budgets[entry.budgets.len() - 1].strict;
        prop_assert!(auc <= last + 1e-12 && oaa <= last + 1e-12);
    }

    #[test]
    fn the_best_at_every_budget_has_no_regret(a in proptest::collection::vec(0.0..1.0_f64, 1..6), by in 0.0..0.5_f64) {
        let worse: Vec<f64> = a.iter().map(|x| (x - by).max(0.0)).collect();
        let found = regret(&[&a, &worse]).unwrap();
        prop_assert_eq!(found[0].sum, 0.0);
        prop_assert!(found[1].sum >= 0.0 && found[1].share.is_none_or(|share| (0.0..=1.0).contains(&share)));
    }

    #[test]
    fn clusters_of_one_change_no_error(values in proptest::collection::vec(-1.0..1.0_f64, 2..20)) {
        let clusters: Vec<u32> = (0..values.len() as u32).collect();
        let plain = mean_interval(&values).unwrap().standard_error;
        prop_assert!((clustered_error(&values, &clusters).unwrap() - plain).abs() < 1e-12);
    }
}
