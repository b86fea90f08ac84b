//! Each thing that can be wrong is an error of its own.

use super::{eight, sample};
use crate::*;

fn problem(name: &str, lengths: &[u32]) -> ProblemSamples {
    ProblemSamples {
        problem: name.to_owned(),
        lengths: lengths.to_vec(),
        correct: vec![true; lengths.len()],
        finished: vec![true; lengths.len()],
        ..ProblemSamples::default()
    }
}

#[test]
fn budgets_out_of_order_are_refused() {
    for (budgets, before, found) in [(&[8, 4][..], 8, 4), (&[4, 8, 8], 8, 8)] {
        let expected = EvalError::BudgetsOutOfOrder { before, found };
        assert_eq!(budget_curve(&eight(), 40, budgets), Err(expected.clone()));
        assert_eq!(summarize(&eight(), 40, budgets, &[]), Err(expected.clone()));
        assert_eq!(area_under_budgets(budgets, &[0.5; 3][..budgets.len()]), Err(expected));
    }
    assert_eq!(budget_curve(&eight(), 40, &[]), Err(EvalError::Empty("budget")));
}

#[test]
fn budgets_beyond_the_limit_are_refused() {
    assert_eq!(budget_curve(&eight(), 40, &[10, 41]), Err(EvalError::BudgetBeyondLimit { budget: 41, limit: 40 }));
}

#[test]
fn samples_beyond_the_limit_are_refused() {
    assert_eq!(budget_curve(&eight(), 39, &[10]), Err(EvalError::BeyondLimit { problem: 3, length: 40, limit: 39 }));
}

#[test]
fn a_k_that_the_samples_do_not_support_is_refused() {
    for k in [0, 5] {
        let expected = EvalError::PassK { k, samples: 4 };
        assert_eq!(majority_at_k(&eight(), k), Err(expected.clone()));
        assert_eq!(problem_passes(&eight(), k), Err(expected));
    }
}

#[test]
fn a_majority_without_answers_is_refused() {
    assert_eq!(majority_at_k(&eight(), 2), Err(EvalError::NoAnswers));
}

#[test]
fn an_answer_behind_the_end_is_refused() {
    let bad = Sample { answer_at: Some(4), ..sample(2, 3, true, true) };
    assert_eq!(Groups::new(&[bad]), Err(EvalError::AnswerBeyondEnd { problem: 2, at: 4, length: 3 }));
}

#[test]
fn facts_that_do_not_fit_together_are_refused() {
    let mut bad = problem("p", &[1, 2]);
    bad.answers = vec![Some(1)];
    let error = groups_of(&[bad]).unwrap_err();
    assert_eq!(error.to_string(), "problem `p`: 1 values of answers for 2 samples");
    let mut bad = problem("p", &[1, 2]);
    bad.correct.pop();
    assert!(matches!(groups_of(&[bad]), Err(EvalError::UnevenFacts { what: "correct", found: 1, expected: 2, .. })));
}

#[test]
fn problems_of_one_name_are_refused() {
    let error = groups_of(&[problem("p", &[1]), problem("q", &[1]), problem("p", &[1])]).unwrap_err();
    assert_eq!(error, EvalError::ProblemTwice { problem: "p".into() });
}

#[test]
fn problems_with_other_numbers_of_samples_are_refused() {
    let error = groups_of(&[problem("p", &[1, 2]), problem("q", &[3])]).unwrap_err();
    assert_eq!(error.to_string(), "problem `q` has 1 samples, expected 2 as problem `p` has");
    assert!(matches!(groups_of(&[problem("p", &[])]), Err(EvalError::UnevenSamples { found: 0, expected: 1, .. })));
    assert_eq!(groups_of(&[]), Err(EvalError::Empty("sample")));
}

#[test]
fn unequal_sets_of_problems_are_not_compared() {
    let settings = super::reports::settings();
    let entry = |model: &str, names: &[&str]| {
        let problems = names.iter().map(|name| problem(name, &[4])).collect();
        EvalEntry::new(model.into(), "set".into(), problems, &settings).unwrap()
    };
    let one = entry("a", &["p", "q", "r"]);
    for (names, missing) in [(&["p", "q"][..], "r"), (&["p", "q", "s"], "r"), (&["p", "q", "r", "t"], "t")] {
        let error = EvalComparison::new(&one, &entry("b", names), settings.bootstrap()).unwrap_err();
        assert_eq!(error, EvalError::OtherProblems { before: "a".into(), after: "b".into(), problem: missing.into() });
    }
}

#[test]
fn other_problems_under_the_same_names_are_not_compared() {
    let settings = super::reports::settings();
    let entry = |key: &str| {
        let keyed = |name: &str, key: Option<&str>| ProblemSamples { key: key.map(str::to_owned), ..problem(name, &[4]) };
        let problems = vec![keyed("p", Some("1")), keyed("q", Some(key)), keyed("r", (key == "2").then_some("3"))];
        EvalEntry::new("m".into(), "set".into(), problems, &settings).unwrap()
    };
    let compare = |after: &str| EvalComparison::new(&entry("2"), &entry(after), settings.bootstrap());
    assert!(compare("2").is_ok());
    assert!(matches!(compare("9"), Err(EvalError::OtherProblems { problem, .. }) if problem == "q"));
}

#[test]
fn one_problem_has_no_error_and_no_comparison() {
    let settings = super::reports::settings();
    assert!(matches!(spread(&Groups::new(&[sample(0, 1, true, true)]).unwrap()), Err(EvalError::TooFew { .. })));
    let entry = EvalEntry::new("a".into(), "set".into(), vec![problem("p", &[4, 5])], &settings).unwrap();
    assert_eq!((&entry.power, entry.areas.auc_oaa_interval), (&None, None));
    assert!(entry.warnings[0].starts_with("1 problem: nothing can be said"), "{:?}", entry.warnings);
    assert!(matches!(EvalComparison::new(&entry, &entry, settings.bootstrap()), Err(EvalError::TooFew { .. })));
}

#[test]
fn a_bootstrap_of_nothing_is_refused() {
    let none = Bootstrap { resamples: 0, seed: 0 };
    assert!(matches!(none.means(&[&[1.0, 2.0]]), Err(EvalError::TooFew { what: "resamples", .. })));
    assert!(matches!(Bootstrap::default().means(&[&[1.0]]), Err(EvalError::TooFew { .. })));
    assert!(Bootstrap::default().means(&[]).unwrap().is_empty());
}

#[test]
fn series_of_different_lengths_have_no_common_bootstrap() {
    let some = Bootstrap { resamples: 5, seed: 0 };
    assert!(matches!(some.means(&[&[1.0, 2.0], &[1.0]]), Err(EvalError::Unequal { .. })));
    assert!(matches!(some.ratio(&[1.0, 2.0], &[1.0]), Err(EvalError::Unequal { .. })));
    assert!(matches!(clustered_error(&[1.0, 2.0], &[1]), Err(EvalError::Unequal { .. })));
    assert!(matches!(area_under_budgets(&[1, 2], &[0.5]), Err(EvalError::Unequal { .. })));
    assert!(matches!(regret(&[&[0.5], &[]]), Err(EvalError::Unequal { .. })));
}

#[test]
fn numbers_that_are_not_finite_are_refused() {
    let some = Bootstrap { resamples: 5, seed: 0 };
    for bad in [f64::NAN, f64::INFINITY] {
        assert!(matches!(some.means(&[&[1.0, bad]]), Err(EvalError::NotFinite { index: 1, .. })));
        assert!(matches!(some.ratio(&[1.0, bad], &[1.0, 1.0]), Err(EvalError::NotFinite { series: "numerators", .. })));
        assert!(matches!(some.ratio(&[1.0, 1.0], &[bad, 1.0]), Err(EvalError::NotFinite { series: "denominators", .. })));
        assert!(matches!(clustered_error(&[bad, 1.0], &[0, 1]), Err(EvalError::NotFinite { .. })));
        assert!(matches!(area_under_budgets(&[1, 2], &[0.5, bad]), Err(EvalError::NotFinite { .. })));
        assert!(matches!(regret(&[&[0.5], &[bad]]), Err(EvalError::NotFinite { .. })));
    }
    assert!(matches!(some.ratio(&[1.0, 1.0], &[0.0, 0.0]), Err(EvalError::NotFinite { .. })));
}

#[test]
fn nothing_to_average_is_refused() {
    assert_eq!(auc_oaa(&eight(), 0), Err(EvalError::Empty("token of t_max")));
    assert_eq!(regret(&[]), Err(EvalError::Empty("curve")));
}

#[test]
fn a_report_of_another_version_is_refused() {
    let mut report = super::reports::report();
    report.version = 2;
    assert_eq!(report.understood(), Err(EvalError::Version { found: 2, expected: 1 }));
}
