//! Every kind of bad input, by name: refused with what was expected and what was found.

use std::collections::BTreeMap;

use curt_reward::{Facts, Masking, MinusI, MinusLc, MinusLcLi, MinusLcSi, Parameters, Preset, ProblemKey, Reference};
use curt_reward::{RewardError, RewardStrategy, Rollout, Shaped, StepContext, StrategyState, Truncation};
use curt_reward::{by_name, check_group, names, parameters_of};

const PROBLEM: ProblemKey = ProblemKey(3);

fn check(group: &[Rollout]) -> RewardError {
    let ctx = StepContext { max_completion_length: Some(100), ..StepContext::default() };
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
    let said = error.to_string();
    let start = "unknown reward strategy `minus_lcsi` (did you mean `minus_lc_si`?); known: correctness, truncation, minus_i, ";
    assert!(said.starts_with(start) && said.ends_with(", qglas, quantile_target"), "{said}");
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

/// The parameters of a strategy that have no preset.
fn required(name: &str) -> Vec<&'static str> {
    let is_required = |preset: Preset| matches!(preset, Preset::Target | Preset::Limit);
    parameters_of(name).unwrap().iter().filter(|p| is_required(p.preset)).map(|p| p.name).collect()
}

/// Everything that is required, as 100.
fn enough(name: &str) -> Parameters {
    required(name).into_iter().fold(Parameters::new(), |given, parameter| given.with(parameter, 100))
}

#[test]
fn missing_target_is_named() {
    let mut n = 0;
    for name in names() {
        for expected in required(name) {
            let others = required(name).into_iter().filter(|other| *other != expected);
            let given = others.fold(Parameters::new(), |given, other| given.with(other, 100));
            let error = built(name, given);
            assert!(matches!(error, RewardError::MissingParameter { parameter, .. } if parameter == expected), "{name}: {error}");
            n += 1;
        }
    }
    assert!(n > 12, "{n}");
}

#[test]
fn target_that_is_no_length_is_refused() {
    for bad in [0.0, -1.0, 0.5, 48.5, 4294967296.0, f64::NAN, f64::INFINITY] {
        for name in names() {
            for expected in required(name) {
                let error = built(name, enough(name).with(expected, bad));
                let is_named = matches!(error, RewardError::BadParameter { parameter, .. } if parameter == expected);
                assert!(is_named, "{name} {expected} {bad}: {error}");
            }
        }
    }
    let error = built("minus_i", Parameters::new().with("target_length", "48")).to_string();
    assert_eq!(error, "reward strategy `minus_i`: `target_length` must be a whole number of tokens, at least 1, found `48`");
}

#[test]
fn a_parameter_of_another_type_is_named() {
    let read = |text: &str| serde_json::from_str::<Parameters>(text);
    let good = Parameters::new().with("target_length", 48).with("alpha", 0.5).with("floor", -1.0).with("masking", "exclude");
    assert_eq!(read(r#"{"target_length": 48, "alpha": 0.5, "floor": -1, "masking": "exclude"}"#).unwrap(), good);
    assert_eq!(read(&serde_json::to_string(&good).unwrap()).unwrap(), good);
    for (value, found) in [("true", "true"), ("null", "nothing"), ("[48]", "a list of 1"), (r#"{"a": 1}"#, "a table")] {
        let error = read(&format!(r#"{{"alpha": 0.5, "target_length": {value}}}"#)).unwrap_err().to_string();
        let expected = format!("expected the parameter `target_length` to be a number or a word, found {found}");
        assert!(error.starts_with(&expected), "{error}");
    }
    let error = serde_json::from_str::<curt_reward::Value>("true").unwrap_err().to_string();
    assert!(error.starts_with("expected a number or a word"), "{error}");
}

/// Parameters that may be below 0: rewards.
const SIGNED: [&str; 9] =
    ["wrong_reward", "right_short", "right_long", "wrong_short", "wrong_long", "exceed", "coefficient", "floor", "none"];

#[test]
fn absurd_values_of_every_parameter_are_refused_by_name() {
    let mut n = 0;
    for name in names() {
        for expected in parameters_of(name).unwrap() {
            let refuses = |given: Parameters| {
                let error = by_name(name, &given).err().unwrap_or_else(|| panic!("{name} {} {given:?}", expected.name));
                let is_named = matches!(error, RewardError::BadParameter { parameter, .. } if parameter == expected.name);
                assert!(is_named, "{name} {}: {error}", expected.name);
            };
            for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                refuses(enough(name).with(expected.name, bad));
            }
            refuses(enough(name).with(expected.name, "nothing"));
            let is_signed = SIGNED.contains(&expected.name) && (name, expected.name) != ("lc_r1", "coefficient");
            if !is_signed {
                refuses(enough(name).with(expected.name, -1e-9));
            }
            n += 1;
        }
    }
    assert!(n > 80, "{n}");
}

#[test]
fn values_that_do_not_fit_together_are_refused() {
    for (name, given, parameter) in [
        ("dapo_overlong", enough("dapo_overlong").with("buffer", 101), "buffer"),
        ("think_prune", enough("think_prune").with("end_length", 101), "end_length"),
        ("laser_d", enough("laser_d").with("grid_end", 1023), "grid_end"),
        ("laser_de", enough("laser_de").with("grid_step", 1), "grid_end"),
        ("laser_d", enough("laser_d").with("grid_start", 1).with("grid_step", 1).with("grid_end", 1025), "grid_end"),
        ("stop_properly", Parameters::new().with("coefficient", 1.5), "coefficient"),
        ("hapo", Parameters::new().with("floor", 0.5), "floor"),
        ("hapo", Parameters::new().with("floor", -1.5), "floor"),
        ("arora_zanette", Parameters::new().with("alpha", 1.25), "alpha"),
        ("quantile_target", Parameters::new().with("quantile", 1.5), "quantile"),
        ("qglas", Parameters::new().with("cap", 0), "cap"),
        ("gfpo", Parameters::new().with("keep", 0), "keep"),
        ("think_prune", enough("think_prune").with("stages", 0), "stages"),
        ("diet", enough("diet").with("horizon", 0), "horizon"),
    ] {
        let error = built(name, given);
        assert!(matches!(error, RewardError::BadParameter { parameter: found, .. } if found == parameter), "{error}");
    }
    let grid = enough("laser_d").with("grid_start", 1).with("grid_step", 1).with("grid_end", 1024);
    assert!(by_name("laser_d", &grid).is_ok());
    assert!(by_name("laser_d", &enough("laser_d").with("grid_end", 1024)).is_ok());
}

/// No range of a parameter keeps every reward finite: an exponential of a length, a price of many tokens.
#[test]
fn a_reward_that_is_not_finite_is_refused_with_its_row() {
    let rollout = |correct: bool, length: u32| Rollout { budget: Some(9), ..Rollout::new(PROBLEM, correct, length) };
    let group = [rollout(false, 4000), rollout(true, 9000), rollout(true, 5000), rollout(true, 5001), rollout(true, 9)];
    for (name, given, row, found) in [
        ("grpo_lead", Parameters::new().with("alpha", 2000).with("gate_length", 0), 4, f64::INFINITY),
        ("l1_exact", Parameters::new().with("alpha", 1e305), 0, f64::NEG_INFINITY),
        ("a_dlp", Parameters::new().with("initial", 1e305), 0, f64::NEG_INFINITY),
    ] {
        let mut out = group.map(|_| Shaped::default());
        let error = by_name(name, &given).unwrap().shape(&StepContext::default(), &group, &mut out).unwrap_err();
        assert_eq!(error, RewardError::NotFinite { row, field: "reward", found }, "{name}");
    }
}

#[test]
fn the_ends_of_a_range_belong_to_it() {
    for (name, parameter, ends) in [
        ("hapo", "floor", &[-1.0, 0.0][..]),
        ("stop_properly", "coefficient", &[1.0]),
        ("arora_zanette", "alpha", &[0.0, 1.0]),
        ("quantile_target", "quantile", &[0.0, 1.0]),
        ("a_dlp", "reference_accuracy", &[0.0, 1.0]),
        ("gfpo", "keep", &[1.0]),
        ("think_prune", "stages", &[1.0]),
        ("think_prune", "end_length", &[1.0, 100.0]),
        ("dapo_overlong", "buffer", &[1.0, 100.0]),
        ("diet", "horizon", &[1.0]),
        ("cosine", "margin", &[0.0, 4_294_967_295.0]),
        ("truncation", "target_length", &[1.0, 4_294_967_295.0]),
    ] {
        for &end in ends {
            by_name(name, &enough(name).with(parameter, end)).unwrap_or_else(|error| panic!("{name} {end}: {error}"));
        }
    }
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
        let mut out = vec![Shaped { total: 5.0, ..Shaped::default() }; 3];
        let group = [Rollout::new(PROBLEM, true, 5); 2];
        let error = by_name(name, &enough(name)).unwrap().shape(&StepContext::default(), &group, &mut out).unwrap_err();
        assert_eq!(error, RewardError::OutputSize { expected: 2, found: 3 }, "{name}");
        assert!(out.iter().all(|shaped| shaped.total == 5.0), "{name}");
    }
}

#[test]
fn every_strategy_refuses_a_group_without_the_facts_that_it_needs() {
    let mut needing = Vec::new();
    for name in names() {
        let strategy = by_name(name, &enough(name)).unwrap();
        let mut out = vec![Shaped { total: 5.0, ..Shaped::default() }; 2];
        let outcome = strategy.shape(&StepContext::default(), &[Rollout::new(PROBLEM, true, 5); 2], &mut out);
        match strategy.needs().missing_from(&Facts::BASIC)[..] {
            [] => assert_eq!(outcome, Ok(()), "{name}"),
            ["step_accuracy"] => assert_eq!(outcome, Err(RewardError::MissingStepFact { fact: "step_accuracy" }), "{name}"),
            ref facts => assert_eq!(outcome, Err(RewardError::MissingFact { row: 0, fact: facts[0] }), "{name}"),
        }
        if outcome.is_err() {
            assert!(out.iter().all(|shaped| shaped.total == 5.0), "{name}");
            needing.push(name);
        }
    }
    assert_eq!(needing, ["laser_de", "l1_exact", "l1_max", "cosine", "o1_pruner", "short_rl", "nemotron_bonus"]);
    let cosine = by_name("cosine", &enough("cosine").with("repetition_weight", 0)).unwrap();
    assert_eq!(cosine.needs(), Facts::BASIC);
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
    let ctx = StepContext { max_completion_length: Some(100), ..StepContext::default() };
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
fn numbers_out_of_their_range_are_refused_by_field() {
    let good = Rollout::new(PROBLEM, true, 5);
    let reference = |mean_length, accuracy| Some(Reference { mean_length, accuracy });
    for (expected, row) in [
        ("repetition", Rollout { repetition: Some(1.5), ..good }),
        ("repetition", Rollout { repetition: Some(-0.5), ..good }),
        ("reference.mean_length", Rollout { reference: reference(-1.0, 0.5), ..good }),
        ("reference.accuracy", Rollout { reference: reference(5.0, 1.5), ..good }),
        ("reference.accuracy", Rollout { reference: reference(5.0, -0.5), ..good }),
    ] {
        let error = check(&[good, row]);
        assert!(matches!(error, RewardError::OutOfRange { row: 1, field, .. } if field == expected), "{error}");
    }
    let error = check(&[Rollout { repetition: Some(1.5), ..good }]).to_string();
    assert_eq!(error, "row 0 of the group: expected `repetition` to be a number from 0 to 1, found 1.5");
}

#[test]
fn an_accuracy_that_is_no_share_is_refused() {
    for bad in [f64::NAN, f64::INFINITY, -0.5, 1.5] {
        let ctx = StepContext { accuracy: Some(bad), ..StepContext::default() };
        let error = check_group(Facts::BASIC, &ctx, &[Rollout::new(PROBLEM, true, 5)], 1).unwrap_err();
        assert!(matches!(error, RewardError::BadStepFact { fact: "step_accuracy", .. }), "{error}");
    }
}

#[test]
fn fact_that_is_needed_and_not_there_is_named() {
    let all = Facts { answer_length: true, budget: true, repetition: true, reference: true, step_accuracy: false };
    assert_eq!(all.missing_from(&Facts::BASIC), ["answer_length", "budget", "repetition", "reference"]);
    let of_the_step = Facts { step_accuracy: true, ..Facts::BASIC };
    assert_eq!(of_the_step.missing_from(&Facts::BASIC), ["step_accuracy"]);
    let error = check_group(of_the_step, &StepContext::default(), &[Rollout::new(PROBLEM, true, 5)], 1).unwrap_err();
    assert_eq!(error.to_string(), "the step lacks `step_accuracy`, which the strategy needs");
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
