//! Every kind of bad input, by name: refused with what was expected and what was found.

use std::collections::BTreeMap;

use curt_reward::parameters_of;
use curt_reward::{Facts, Masking, MinusI, MinusLc, MinusLcLi, MinusLcSi, Parameters, ProblemKey, Reference, RewardError};
use curt_reward::{RewardStrategy, Rollout, Shaped, StepContext, StrategyState, Truncation, by_name, check_group, names};

const PROBLEM: ProblemKey = ProblemKey(3);

fn check(group: &[Rollout]) -> RewardError {
    let ctx = StepContext { step: 0, max_completion_length: Some(100) };
    check_group(Facts::BASIC, &ctx, group, group.len()).unwrap_err()
}

fn built(name: &str, parameters: Parameters) -> RewardError {
    by_name(name, &parameters).unwrap_err()
}

#[test]
fn unknown_strategy_is_answered_with_the_nearest() {
    let error = built("minus_lcsi", Parameters::new());
    let expected = RewardError::UnknownStrategy { name: "minus_lcsi".into(), nearest: Some("minus_lc_si"), known: names() };
    assert_eq!(error, expected);
    assert_eq!(
        error.to_string(),
        "unknown reward strategy `minus_lcsi` (did you mean `minus_lc_si`?); \
         known: correctness, truncation, minus_i, minus_lc, minus_lc_si, minus_lc_li"
    );
    assert!(matches!(parameters_of("x"), Err(RewardError::UnknownStrategy { nearest: None, .. })));
}

#[test]
fn unknown_parameter_is_answered_with_the_nearest() {
    let error = built("truncation", Parameters::new().with("target_lenght", 9));
    assert_eq!(
        error.to_string(),
        "reward strategy `truncation` has no parameter `target_lenght` (did you mean `target_length`?); it has: target_length"
    );
    let error = built("correctness", Parameters::new().with("alpha", 0.5)).to_string();
    assert_eq!(error, "reward strategy `correctness` has no parameter `alpha`; it has: none");
    // Truncation masks nothing, so a masking would be silently without effect.
    assert!(matches!(
        built("truncation", Parameters::new().with("target_length", 9).with("masking", "exclude")),
        RewardError::UnknownParameter { .. }
    ));
}

#[test]
fn missing_target_is_named() {
    for name in names().into_iter().filter(|name| *name != "correctness") {
        let error = built(name, Parameters::new());
        assert!(matches!(error, RewardError::MissingParameter { parameter: "target_length", .. }), "{name}: {error}");
    }
}

#[test]
fn target_that_is_no_length_is_refused() {
    for bad in [0.0, -1.0, 0.5, 48.5, 4294967296.0, f64::NAN, f64::INFINITY] {
        for name in names().into_iter().filter(|name| *name != "correctness") {
            let error = built(name, Parameters::new().with("target_length", bad));
            assert!(matches!(error, RewardError::BadParameter { parameter: "target_length", .. }), "{name} {bad}: {error}");
        }
    }
    let error = built("minus_i", Parameters::new().with("target_length", "48")).to_string();
    assert_eq!(error, "reward strategy `minus_i`: `target_length` must be a whole number of tokens, at least 1, found `48`");
}

#[test]
fn target_0_is_refused_by_the_constructors() {
    let errors = [
        Truncation::new(0).unwrap_err(),
        MinusI::new(0, Masking::Exclude).unwrap_err(),
        MinusLc::new(0, Masking::Exclude).unwrap_err(),
        MinusLcSi::new(0, Masking::Exclude).unwrap_err(),
        MinusLcLi::new(0, Masking::Exclude).unwrap_err(),
    ];
    for (error, name) in errors.into_iter().zip(&names()[1..]) {
        assert!(matches!(&error, RewardError::BadParameter { strategy, .. } if strategy == name), "{error}");
    }
}

#[test]
fn parameters_and_rollouts_read_from_a_file() {
    let parameters: Parameters = serde_json::from_str(r#"{"target_length": 48, "masking": "zero_after"}"#).unwrap();
    assert_eq!(parameters, Parameters::new().with("target_length", 48).with("masking", "zero_after"));
    assert_eq!(by_name("minus_i", &parameters).unwrap().name(), "minus_i");
    for bad in [r#"{"target_length": [48]}"#, r#"{"target_length": true}"#, r#"{"target_length": null}"#, "48"] {
        assert!(serde_json::from_str::<Parameters>(bad).is_err(), "{bad}");
    }
    let rollout: Rollout = serde_json::from_str(r#"{"problem": 3, "correct": true, "length": 5}"#).unwrap();
    assert_eq!(rollout, Rollout::new(PROBLEM, true, 5));
    for bad in [r#"{"problem": 3, "correct": true}"#, r#"{"problem": 3, "correct": true, "length": -1}"#] {
        assert!(serde_json::from_str::<Rollout>(bad).is_err(), "{bad}");
    }
}

#[test]
fn unknown_masking_is_refused() {
    let parameters = Parameters::new().with("target_length", 9);
    let error = built("minus_lc", parameters.clone().with("masking", "both")).to_string();
    assert_eq!(error, "reward strategy `minus_lc`: `masking` must be `exclude` or `zero_after`, found `both`");
    assert!(matches!(built("minus_lc", parameters.with("masking", 1)), RewardError::BadParameter { .. }));
}

#[test]
fn empty_group_is_refused() {
    assert_eq!(check(&[]), RewardError::EmptyGroup);
}

#[test]
fn output_of_another_size_is_refused_by_every_strategy_and_left_unchanged() {
    for name in names() {
        let needs_target = !parameters_of(name).unwrap().is_empty();
        let parameters = if needs_target { Parameters::new().with("target_length", 9) } else { Parameters::new() };
        let mut out = vec![Shaped { total: 5.0, ..Shaped::default() }; 3];
        let group = [Rollout::new(PROBLEM, true, 5); 2];
        let error = by_name(name, &parameters).unwrap().shape(&StepContext::default(), &group, &mut out).unwrap_err();
        assert_eq!(error, RewardError::OutputSize { expected: 2, found: 3 }, "{name}");
        assert!(out.iter().all(|shaped| shaped.total == 5.0), "{name}");
    }
}

#[test]
fn group_of_two_problems_is_refused() {
    let error = check(&[Rollout::new(PROBLEM, true, 5), Rollout::new(ProblemKey(4), true, 5)]);
    assert_eq!(error, RewardError::MixedGroup { row: 1, expected: 3, found: 4 });
}

#[test]
fn length_beyond_the_cap_is_refused() {
    assert_eq!(check(&[Rollout::new(PROBLEM, true, 101)]), RewardError::TooLong { row: 0, limit: 100, found: 101 });
    let group = [Rollout::new(PROBLEM, true, 100)];
    let ctx = StepContext { step: 0, max_completion_length: Some(100) };
    assert_eq!(check_group(Facts::BASIC, &ctx, &group, 1), Ok(()));
}

#[test]
fn answer_longer_than_its_completion_is_refused() {
    let error = check(&[Rollout { answer_length: Some(6), ..Rollout::new(PROBLEM, true, 5) }]);
    assert_eq!(error, RewardError::AnswerTooLong { row: 0, length: 5, found: 6 });
}

#[test]
fn numbers_that_are_not_finite_are_refused_by_field() {
    let good = Rollout::new(PROBLEM, true, 5);
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let reference = |mean_length, accuracy| Some(Reference { mean_length, accuracy });
        let rows = [
            ("repetition", Rollout { repetition: Some(bad), ..good }),
            ("reference.mean_length", Rollout { reference: reference(bad, 0.5), ..good }),
            ("reference.accuracy", Rollout { reference: reference(5.0, bad), ..good }),
        ];
        for (expected, row) in rows {
            let error = check(&[good, row]);
            assert!(matches!(error, RewardError::NotFinite { row: 1, field, .. } if field == expected), "{error}");
        }
    }
}

#[test]
fn fact_that_is_needed_and_not_there_is_named() {
    let all = Facts { answer_length: true, budget: true, repetition: true, reference: true };
    assert_eq!(all.missing_from(&Facts::BASIC), ["answer_length", "budget", "repetition", "reference"]);
    assert!(Facts::BASIC.missing_from(&Facts::BASIC).is_empty());
    let mut rollout = Rollout::new(PROBLEM, true, 5);
    for fact in ["answer_length", "budget", "repetition", "reference"] {
        let error = check_group(all, &StepContext::default(), &[rollout], 1).unwrap_err();
        assert_eq!(error, RewardError::MissingFact { row: 0, fact });
        match fact {
            "answer_length" => rollout.answer_length = Some(1),
            "budget" => rollout.budget = Some(9),
            "repetition" => rollout.repetition = Some(0.1),
            _ => rollout.reference = Some(Reference { mean_length: 5.0, accuracy: 0.5 }),
        }
    }
    assert_eq!(check_group(all, &StepContext::default(), &[rollout], 1), Ok(()));
}

#[test]
fn state_of_another_strategy_or_version_is_refused() {
    let mut strategy = Truncation::new(9).unwrap();
    for (name, version) in [("minus_i", 1), ("truncation", 2)] {
        let state = StrategyState { strategy: name.into(), version, values: BTreeMap::new() };
        let error = strategy.load(&state).unwrap_err().to_string();
        assert_eq!(error, format!("saved reward state: expected truncation version 1, found {name} version {version}"));
    }
}

#[test]
fn state_with_values_is_refused_by_the_stateless() {
    let mut strategy = Truncation::new(9).unwrap();
    let state = StrategyState { values: BTreeMap::from([("best".to_owned(), 1.0)]), ..strategy.save() };
    let expected = RewardError::UnknownStateValue { strategy: "truncation", key: "best".into() };
    assert_eq!(strategy.load(&state).unwrap_err(), expected);
}
