//! Values of every estimator known by hand, what each refuses, and examples of the laws that single ones break.

use std::collections::BTreeMap;

use curt_advantage::{
    AdvantageError, AdvantageEstimator, BatchWhitening, Credit, DrGrpo, Gdpo, Gpg, GpgCount, Grpo, MaxRl, Opo,
    OptimalTokenBaseline, Parameters, PassAtK, ReinforcePlusPlus, ReinforcePlusPlusBaseline, RewardGroup, Rloo, SampledTokens,
    ScaleRewards, estimator_by_name, estimator_names,
};

fn group(rewards: &[f64], lengths: &[u32]) -> RewardGroup {
    RewardGroup::new(rewards.to_vec(), lengths.to_vec())
}

/// Rewards 1, 0, ½, ½ of 10 to 40 tokens; 1, 1, 0 of 1 to 3; a flat group.
fn example() -> [RewardGroup; 3] {
    [group(&[1.0, 0.0, 0.5, 0.5], &[10, 20, 30, 40]), group(&[1.0, 1.0, 0.0], &[1, 2, 3]), group(&[0.3, 0.3], &[5, 6])]
}

fn numbers(estimator: &dyn AdvantageEstimator, groups: &[RewardGroup]) -> Vec<Vec<f64>> {
    let credits = estimator.estimate(groups).unwrap();
    credits.into_iter().map(|group| group.iter().map(|credit| credit.at(0)).collect()).collect()
}

fn check(estimator: &dyn AdvantageEstimator, expected: [&[f64]; 3]) {
    let found = numbers(estimator, &example());
    for (found, expected) in found.iter().zip(expected) {
        let close = found.len() == expected.len() && found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-12);
        assert!(close, "{}: {found:?}, expected {expected:?}", estimator.name());
    }
    assert!(found[2].iter().all(|a| a.to_bits() == 0 || estimator.name() == "reinforce_plus_plus"), "{found:?}");
}

#[test]
fn centred_estimators_by_hand() {
    let third = 1.0 / 3.0;
    check(&DrGrpo, [&[0.5, -0.5, 0.0, 0.0], &[third, third, -2.0 * third], &[0.0, 0.0]]);
    // 4/3 and 3/2 times as much: each less the mean of the others
    check(&Rloo, [&[2.0 * third, -2.0 * third, 0.0, 0.0], &[0.5, 0.5, -1.0], &[0.0, 0.0]]);
    // baselines (10 + 15 + 20)/100 and (1 + 2)/6
    check(&Opo, [&[0.55, -0.45, 0.05, 0.05], &[0.5, 0.5, -0.5], &[0.0, 0.0]]);
    // means ½ and ⅔
    check(&MaxRl, [&[1.0, -1.0, 0.0, 0.0], &[0.5, 0.5, -1.0], &[0.0, 0.0]]);
    // 3 groups, 2 of them useful; 9 rewards, 7 of them not 0
    let (a, b) = (1.5, 9.0 / 7.0);
    check(&Gpg::default(), [&[0.5 * a, -0.5 * a, 0.0, 0.0], &[third * a, third * a, -2.0 * third * a], &[0.0, 0.0]]);
    let verl = Gpg::new(GpgCount::NonzeroRewards, 2.0).unwrap();
    check(&verl, [&[0.25 * b, -0.25 * b, 0.0, 0.0], &[third * b / 2.0, third * b / 2.0, -third * b], &[0.0, 0.0]]);
    // the lead is ½ in the first; the second has a tie at the top
    check(&PassAtK::new(false, 0.0).unwrap(), [&[0.5, 0.0, 0.0, 0.0], &[0.0; 3], &[0.0, 0.0]]);
    let deviation = (0.5f64 / 3.0).sqrt() + 1e-6;
    check(&PassAtK::default(), [&[0.5 / deviation, 0.0, 0.0, 0.0], &[0.0; 3], &[0.0, 0.0]]);
}

#[test]
fn estimators_over_the_batch_by_hand() {
    // squares of what is left of the group means: 0.5 and 6/9, of 9 rollouts
    let s = ((0.5 + 6.0 / 9.0) / 8.0f64).sqrt() + 1e-4;
    let third = 1.0 / 3.0;
    check(&BatchWhitening::default(), [&[0.5 / s, -0.5 / s, 0.0, 0.0], &[third / s, third / s, -2.0 * third / s], &[0.0, 0.0]]);
    // the same by tokens: 117 of them, sums 5 − 10 and ⅓ + ⅔ − 2, squares 7.5 and 3/9 + 12/9
    let mean = -6.0 / 117.0;
    let variance: f64 = (7.5 + 15.0 / 9.0 - 117.0 * mean * mean) / 116.0;
    let d = (variance + 1e-8).sqrt();
    let a = |x: f64| (x - mean) / d;
    check(
        &ReinforcePlusPlusBaseline::default(),
        [&[a(0.5), a(-0.5), a(0.0), a(0.0)], &[a(third), a(third), a(-2.0 * third)], &[0.0, 0.0]],
    );
    // without a baseline: sum 10 + 35 + 3 + 3.3, squares 10 + 17.5 + 3 + 0.99
    let mean = 51.3 / 117.0;
    let variance: f64 = (31.49 - 117.0 * mean * mean) / 116.0;
    let d = (variance + 1e-8).sqrt();
    let a = |x: f64| (x - mean) / d;
    check(&ReinforcePlusPlus::default(), [&[a(1.0), a(0.0), a(0.5), a(0.5)], &[a(1.0), a(1.0), a(0.0)], &[a(0.3), a(0.3)]]);
}

#[test]
fn a_batch_of_equal_rewards_says_nothing_to_reinforce_plus_plus() {
    let groups = [group(&[0.3; 3], &[1, 2, 3]), group(&[0.3; 2], &[4, 5])];
    let found = numbers(&ReinforcePlusPlus::default(), &groups).concat();
    assert!(found.iter().all(|a| a.to_bits() == 0), "{found:?}");
}

#[test]
fn whitening_over_tokens_says_nothing_where_tokens_say_nothing() {
    let cases: [(&[f64], &[u32]); 5] = [
        (&[1.0, 0.0, 0.0], &[0, 0, 0]),
        (&[1.0, 0.0], &[1, 0]),
        (&[1.0, 0.0, 0.0], &[0, 3, 4]),
        (&[1.0, 0.0], &[7, 0]),
        (&[1.0, 1.0, 0.0], &[5, 0, 0]),
    ];
    for epsilon in [0.0, 1e-8] {
        let both: [&dyn AdvantageEstimator; 2] =
            [&ReinforcePlusPlus::new(epsilon).unwrap(), &ReinforcePlusPlusBaseline::new(epsilon).unwrap()];
        for (estimator, (rewards, lengths)) in both.iter().flat_map(|estimator| cases.map(|case| (estimator, case))) {
            let found = numbers(*estimator, &[group(rewards, lengths)]).concat();
            assert!(found.iter().all(|a| a.to_bits() == 0), "{} {rewards:?} {lengths:?}: {found:?}", estimator.name());
        }
        // what is left of two groups is a third in each, up to the rounding of their means
        let thirds = [group(&[1.0, 1.0, 0.0], &[5, 5, 0]), group(&[0.0, 1.0, 1.0], &[0, 5, 5])];
        let found = numbers(both[1], &thirds).concat();
        assert!(found.iter().all(|a| a.to_bits() == 0), "{found:?}");
    }
}

#[test]
fn whitening_over_tokens_gives_nothing_to_a_rollout_without_tokens() {
    let (with, without) = ([group(&[1.0, 0.0, 1e3], &[2, 2, 0])], [group(&[1.0, 0.0], &[2, 2])]);
    let found = numbers(&ReinforcePlusPlus::default(), &with);
    assert_eq!(found[0][..2], numbers(&ReinforcePlusPlus::default(), &without)[0]);
    assert_eq!(found[0][2].to_bits(), 0);
    let found = numbers(&ReinforcePlusPlusBaseline::default(), &with);
    assert!((found[0][0] - 0.75f64.sqrt()).abs() < 1e-6 && (found[0][0] + found[0][1]).abs() < 1e-12, "{found:?}");
    assert_eq!(found[0][2].to_bits(), 0);
}

#[test]
fn gdpo_tells_apart_what_sums_to_the_same() {
    let parts = |correct: [f64; 3], brief: [f64; 3]| {
        let total = std::array::from_fn::<f64, 3, _>(|i| correct[i] + brief[i]);
        let mut group = group(&total, &[1, 1, 1]);
        group.parts = vec![("correct".into(), correct.to_vec()), ("brief".into(), brief.to_vec())];
        group
    };
    // totals 1, 1, 1: flat as a whole, and not by its parts; deviations 1/√3 each
    let even = parts([1.0, 0.0, 0.0], [0.0, 1.0, 1.0]);
    assert!(even.is_flat());
    let root = 3.0f64.sqrt();
    let weights = BTreeMap::from([("brief".to_owned(), 3.0)]);
    let found = numbers(&Gdpo::new(0.0, weights).unwrap(), &[even.clone(), parts([1.0; 3], [0.3; 3])]);
    // scores (⅔ − 3·⅔)√3, twice (−⅓ + 3·⅓)√3; squares 16/3 + 2·4/3 = 8 over 6 rollouts
    let s = (8.0f64 / 5.0).sqrt();
    let expected = [-4.0 / 3.0 * root / s, 2.0 / 3.0 * root / s, 2.0 / 3.0 * root / s];
    assert!(found[0].iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-12), "{found:?} {expected:?}");
    assert_eq!(found[1], [0.0; 3]);
    assert_eq!(numbers(&DrGrpo, &[even]), [[0.0; 3]]);
    // without parts the reward is the one part
    let plain = Gdpo::new(0.0, BTreeMap::new()).unwrap();
    let found = numbers(&plain, &[group(&[1.0, 0.0], &[1, 1])]).concat();
    assert!((found[0] - 0.5f64.sqrt()).abs() < 1e-12 && (found[1] + 0.5f64.sqrt()).abs() < 1e-12, "{found:?}");
}

#[test]
fn gdpo_gives_nothing_for_parts_that_cancel() {
    let cancelling = |a: [f64; 3]| {
        let mut group = group(&[1.0, 0.0, 0.2], &[1, 1, 1]);
        group.parts = vec![("a".into(), a.to_vec()), ("b".into(), a.map(|a| -0.3 * a).to_vec())];
        group
    };
    let gdpo = Gdpo::new(0.0, BTreeMap::new()).unwrap();
    let groups = [cancelling([1.0, 0.0, 0.2]), cancelling([0.1, 0.7, 0.3]), group(&[0.3; 2], &[1, 1])];
    let found = numbers(&gdpo, &groups).concat();
    assert!(found.iter().all(|a| a.to_bits() == 0), "{found:?}");
    // and beside a group that says something
    let found = numbers(&gdpo, &[cancelling([1.0, 0.0, 0.2]), group(&[1.0, 0.0], &[1, 1])]);
    assert!(found[0].iter().all(|a| a.to_bits() == 0) && found[1][0] > 0.5, "{found:?}");
    // what nearly cancels is not nothing
    let mut near = cancelling([1.0, 0.0, 0.2]);
    near.parts[1].1[2] += 1e-9;
    let found = numbers(&gdpo, &[near]).concat();
    assert!(found.iter().any(|a| a.abs() > 0.5), "{found:?}");
}

#[test]
fn optimal_token_baseline_by_hand() {
    let tokens = |pairs: &[(f64, f64)]| SampledTokens {
        logprobs: pairs.iter().map(|pair| libm::log(pair.0)).collect(),
        sum_p2: pairs.iter().map(|pair| pair.1).collect(),
    };
    let mut example = group(&[1.0, 0.0, 0.0], &[3, 2, 1]);
    // norms ½ + ¼ = 1 − 1 + ½; 1 − 0.4 + 0.68; 1 − 1.6 + 0.68
    example.tokens = vec![tokens(&[(0.5, 0.5); 3]), tokens(&[(0.2, 0.68), (0.5, 0.5)]), tokens(&[(0.8, 0.68)])];
    let credits = OptimalTokenBaseline.estimate(&[example.clone()]).unwrap().remove(0);
    let (b0, b1) = (0.5 / (0.5 + 1.28 + 0.08), 1.0 / (1.0 + 1.78));
    let expected: [&[f64]; 3] = [&[1.0 - b0, 1.0 - b1, 0.0], &[-b0, -b1], &[-b0]];
    for (credit, expected) in credits.iter().zip(expected) {
        let Credit::Tokens(found) = credit else { panic!("{credit:?}") };
        assert!(found.len() == expected.len() && found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-12), "{found:?}");
    }
    // a certain policy has no gradient, and the plain mean is taken
    example.tokens = vec![tokens(&[(1.0, 1.0); 3]), tokens(&[(1.0, 1.0); 2]), tokens(&[(1.0, 1.0)])];
    let credits = OptimalTokenBaseline.estimate(&[example.clone()]).unwrap().remove(0);
    assert!((credits[0].at(0) - 2.0 / 3.0).abs() < 1e-12 && (credits[0].at(1) - 0.5).abs() < 1e-12, "{credits:?}");
    // what is masked after the statistics counts in the baseline
    example.in_loss[0] = false;
    let credits = OptimalTokenBaseline.estimate(&[example]).unwrap().remove(0);
    assert_eq!(credits[0], Credit::Sequence(0.0));
    assert!((credits[1].at(0) + 1.0 / 3.0).abs() < 1e-12);
}

#[test]
fn equal_lengths_make_opo_dr_grpo_and_rloo_is_a_multiple() {
    let groups = [group(&[1.0, 0.25, 0.5, -1.0, 0.5], &[7; 5])];
    let (dr, opo, rloo) = (numbers(&DrGrpo, &groups), numbers(&Opo, &groups), numbers(&Rloo, &groups));
    assert!(dr[0].iter().zip(&opo[0]).all(|(a, b)| (a - b).abs() < 1e-15));
    assert!(dr[0].iter().zip(&rloo[0]).all(|(a, b)| (a * 1.25 - b).abs() < 1e-15));
    assert_eq!(dr, numbers(&Grpo::new(ScaleRewards::None, 0.0).unwrap(), &groups));
    // without any tokens the plain mean is taken
    assert_eq!(numbers(&Opo, &[group(&[1.0, 0.0], &[0, 0])]), [[0.5, -0.5]]);
}

/// One counter-example for each law that an estimator breaks and whose like keep it.
#[test]
fn counter_examples() {
    // Σ A ≠ 0
    let unequal = [group(&[1.0, 0.0], &[1, 3])];
    assert_eq!(numbers(&Opo, &unequal), [[0.75, -0.25]]);
    let whitened = numbers(&ReinforcePlusPlusBaseline::default(), &unequal).concat();
    assert!(whitened[0] + whitened[1] > 0.9, "{whitened:?}");
    assert!((whitened[0] + 3.0 * whitened[1]).abs() < 1e-12, "but the sum over tokens is 0: {whitened:?}");
    assert!(numbers(&PassAtK::default(), &unequal).concat().iter().all(|a| *a >= 0.0));
    // a flat group is reinforced
    let flat = numbers(&ReinforcePlusPlus::default(), &[group(&[1.0, 1.0], &[1, 1]), group(&[1.0, 0.0], &[1, 1])]);
    assert!(flat[0][0] > 0.4, "{flat:?}");
    // shifts: counting rewards other than 0, and dividing by the mean
    let shifted = [group(&[2.0, 1.0], &[1, 1])];
    let unshifted = [group(&[1.0, 0.0], &[1, 1])];
    let verl = Gpg::new(GpgCount::NonzeroRewards, 1.0).unwrap();
    assert_eq!((numbers(&verl, &unshifted)[0][0], numbers(&verl, &shifted)[0][0]), (1.0, 0.5));
    assert_eq!((numbers(&MaxRl, &unshifted)[0][0], numbers(&MaxRl, &shifted)[0][0]), (1.0, 1.0 / 3.0));
    // scales: whoever does not divide
    let wider = [group(&[2.0, 0.0], &[1, 1])];
    for estimator in [&DrGrpo as &dyn AdvantageEstimator, &Rloo, &Opo, &Gpg::default()] {
        assert_eq!(numbers(estimator, &wider)[0][0], 2.0 * numbers(estimator, &unshifted)[0][0], "{estimator:?}");
    }
}

#[test]
fn what_an_estimator_cannot_use_is_refused() {
    let negative = group(&[1.0, -0.5], &[1, 1]);
    let error = MaxRl.estimate(&[group(&[1.0], &[1]), negative]).unwrap_err();
    assert_eq!(error.to_string(), "group 1, row 1: advantage estimator `max_rl` needs rewards of at least 0, found -0.5");
    let error = OptimalTokenBaseline.estimate(&[group(&[1.0], &[1])]).unwrap_err();
    assert_eq!(error.to_string(), "group 0: advantage estimator `optimal_token_baseline` needs `tokens`, which it lacks");
    let facts = |n: usize, value: f64| SampledTokens { logprobs: vec![-1.0; n], sum_p2: vec![value; n] };
    let with = |tokens| RewardGroup { tokens, ..group(&[1.0, 0.0], &[2, 3]) };
    for (tokens, expected) in [
        (vec![facts(2, 0.5)], "group 0: expected 2 values of `tokens`, one per reward, found 1"),
        (vec![facts(2, 0.5), facts(2, 0.5)], "group 0, row 1: expected 3 values of `logprobs`, one per token, found 2"),
        (vec![facts(2, 0.5), facts(3, f64::NAN)], "group 0, row 1, token 0: expected a finite `sum_p2`, found NaN"),
    ] {
        // even for one that does not read them
        assert_eq!(DrGrpo.estimate(&[with(tokens)]).unwrap_err().to_string(), expected);
    }
    for bad in [f64::NAN, -1.0, f64::INFINITY] {
        for (setting, error) in [
            ("advantage_epsilon", ReinforcePlusPlus::new(bad).unwrap_err()),
            ("advantage_epsilon", ReinforcePlusPlusBaseline::new(bad).unwrap_err()),
            ("advantage_epsilon", BatchWhitening::new(bad).unwrap_err()),
            ("advantage_epsilon", Gdpo::new(bad, BTreeMap::new()).unwrap_err()),
            ("advantage_epsilon", PassAtK::new(true, bad).unwrap_err()),
            ("f_norm", Gpg::new(GpgCount::UsefulGroups, bad).unwrap_err()),
        ] {
            assert!(matches!(error, AdvantageError::BadSetting { setting: found, .. } if found == setting), "{error}");
        }
    }
    assert!(Gdpo::new(0.0, BTreeMap::from([("x".to_owned(), f64::NAN)])).is_err());
    assert!(Gpg::new(GpgCount::UsefulGroups, 0.0).is_err());
}

#[test]
fn every_estimator_refuses_what_no_estimator_can_use() {
    for name in estimator_names() {
        let estimator = estimator_by_name(name, &Parameters::new()).unwrap();
        assert_eq!(estimator.name(), name);
        assert!(estimator.estimate(&[]).unwrap().is_empty());
        assert_eq!(estimator.estimate(&[RewardGroup::default()]).unwrap_err(), AdvantageError::EmptyGroup { group: 0 });
        let nan = group(&[1.0, f64::NAN], &[1, 1]);
        assert!(matches!(estimator.estimate(&[nan]).unwrap_err(), AdvantageError::BadReward { group: 0, row: 1, .. }), "{name}");
    }
}

#[test]
fn words_and_parameters_are_checked() {
    for (name, parameters, expected) in [
        ("grop", Parameters::new(), "unknown advantage estimator `grop` (did you mean `grpo`?); known: grpo, dr_grpo, "),
        ("ppo", Parameters::new(), "unknown advantage estimator `ppo` (did you mean `opo`?); known: "),
        ("xyzzy", Parameters::new(), "unknown advantage estimator `xyzzy`; known: "),
        (
            "grpo",
            Parameters::new().with("advantage_epsilom", 1.0),
            "`grpo` has no parameter `advantage_epsilom` (did you mean `advantage_epsilon`?); it has: scale_rewards, ",
        ),
        ("rloo", Parameters::new().with("x", 1.0), "`rloo` has no parameter `x`; it has: none"),
        (
            "grpo",
            Parameters::new().with("scale_rewards", "all"),
            "`scale_rewards` must be `group`, `batch` or `none`, found `all`",
        ),
        ("gpg", Parameters::new().with("f_norm", true), "`f_norm` must be a number, found true"),
        ("pass_at_k", Parameters::new().with("pass_at_k_scale", 1.0), "`pass_at_k_scale` must be true or false, found 1"),
    ] {
        let error = estimator_by_name(name, &parameters).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    let hostile = estimator_by_name(&"x".repeat(1_000_000), &Parameters::new()).unwrap_err();
    assert!(hostile.to_string().len() < 500);
    let given = Parameters::new().with("scale_rewards", "batch").with("advantage_epsilon", 0.5);
    let built = estimator_by_name("grpo", &given).unwrap();
    assert_eq!(format!("{built:?}"), format!("{:?}", Grpo::new(ScaleRewards::Batch, 0.5).unwrap()));
}
