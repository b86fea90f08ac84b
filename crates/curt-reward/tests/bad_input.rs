//! Every kind of bad input, by name: refused with what was expected and what was found.

use std::collections::BTreeMap;

use curt_reward::{Facts, GroupFacts, Masking, MinusI, MinusLc, MinusLcLi, MinusLcSi, Parameters, Preset, ProblemKey, Reference};
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

/// A strategy with a memory, after a step that it remembers.
fn with_memory(name: &str) -> Box<dyn RewardStrategy> {
    let mut strategy = by_name(name, &enough(name)).unwrap();
    let group = [Rollout::new(PROBLEM, true, 5), Rollout::new(PROBLEM, false, 5)];
    let shaped = [Shaped::default(), Shaped::default()];
    strategy.observe(&[GroupFacts { group: &group, shaped: &shaped }]);
    strategy
}

const WITH_MEMORY: [&str; 6] = ["laser_d", "laser_de", "short_rl", "hapo", "a_dlp", "quantile_target"];

#[test]
fn the_strategies_with_a_memory_are_known() {
    let found: Vec<&str> =
        names().into_iter().filter(|name| with_memory(name).save() != by_name(name, &enough(name)).unwrap().save()).collect();
    assert_eq!(found, WITH_MEMORY);
}

#[test]
fn damaged_states_are_refused_and_change_nothing() {
    for name in WITH_MEMORY {
        let mut strategy = with_memory(name);
        let good = strategy.save();
        let mut refused = |state: StrategyState, is_right: fn(&RewardError) -> bool| {
            let error = strategy.load(&state).err().unwrap_or_else(|| panic!("{name} {state:?}"));
            assert!(is_right(&error), "{name}: {error}");
            assert_eq!(strategy.save(), good, "{name}");
        };
        for state in [
            StrategyState { strategy: "truncation".into(), ..good.clone() },
            StrategyState { version: good.version + 1, ..good.clone() },
        ] {
            refused(state, |error| matches!(error, RewardError::StateOfAnother { .. }));
        }
        let mut unknown = good.clone();
        unknown.values.insert("zzz".into(), 1.0);
        refused(unknown, |error| matches!(error, RewardError::UnknownStateValue { key, .. } if key == "zzz"));
        for bad in [f64::NAN, f64::INFINITY, -1.0] {
            let mut damaged = good.clone();
            *damaged.values.values_mut().last().unwrap() = bad;
            refused(damaged, |error| matches!(error, RewardError::BadStateValue { .. }));
        }
    }
    for (name, key) in [("laser_d", "low/n"), ("laser_de", "awake"), ("short_rl", "best_accuracy"), ("a_dlp", "coefficient")] {
        let mut strategy = with_memory(name);
        let mut state = strategy.save();
        state.values.remove(key).unwrap();
        let error = strategy.load(&state).unwrap_err();
        assert_eq!(error.to_string(), format!("saved reward state of `{name}` lacks the value `{key}`"));
    }
    let mut hapo = with_memory("hapo");
    for key in ["+000000000000003", "3", "000000000000000g"] {
        let state = StrategyState { values: BTreeMap::from([(key.to_owned(), 5.0)]), ..hapo.save() };
        assert!(matches!(hapo.load(&state), Err(RewardError::UnknownStateValue { .. })), "{key}");
    }
}

/// A length is any u32, and what is no length cannot be one that was seen.
#[test]
fn hapo_remembers_every_length_and_nothing_else() {
    let mut hapo = with_memory("hapo");
    let state = |tokens: f64| StrategyState { values: BTreeMap::from([(format!("{:016x}", PROBLEM.0), tokens)]), ..hapo.save() };
    let (longest, none) = (state(f64::from(u32::MAX)), state(0.0));
    let refused = [4_294_967_296.0, -1.0, 0.5, 4_294_967_294.5].map(state);
    for state in [none, longest] {
        hapo.load(&state).unwrap();
        assert_eq!(hapo.save(), state);
    }
    // L = h: the cosine is at its zero, as at any other length
    let mut out = [Shaped::default()];
    hapo.shape(&StepContext::default(), &[Rollout::new(PROBLEM, true, u32::MAX)], &mut out).unwrap();
    assert!((out[0].total - 1.0).abs() < 1e-12, "{out:?}");
    for state in refused {
        let error = hapo.load(&state).unwrap_err();
        assert!(matches!(error, RewardError::BadStateValue { expected: "a whole number of tokens", .. }), "{error}");
    }
}

/// A checkpoint of an older curt must not be read with another meaning: a new layout needs a new number, and a line here.
#[test]
fn states_have_the_version_of_their_layout() {
    for name in names() {
        assert_eq!(with_memory(name).save().version, 1, "{name}");
    }
}

/// Before its first step a memory is empty, and it still is after going through a checkpoint.
#[test]
fn a_memory_begins_empty_and_can_be_saved_so() {
    for name in WITH_MEMORY {
        let [fresh, mut loaded] = [0; 2].map(|_| by_name(name, &enough(name)).unwrap());
        loaded.load(&fresh.save()).unwrap();
        assert_eq!(loaded.save(), fresh.save(), "{name}");
        let is_empty = fresh.save().values.iter().all(|(key, value)| *value == 0.0 || key == "coefficient");
        assert!(is_empty, "{name}: {:?}", fresh.save());
    }
}

#[test]
fn an_empty_step_is_no_step() {
    for name in WITH_MEMORY {
        let mut strategy = with_memory(name);
        let before = strategy.save();
        strategy.observe(&[]);
        assert_eq!(strategy.save(), before, "{name}");
    }
}
