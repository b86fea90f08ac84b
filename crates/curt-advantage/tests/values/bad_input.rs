//! Every kind of bad input, by name: refused with the group, row, sequence or token it is in.

use curt_advantage::{AdvantageError, AdvantageEstimator, Aggregation, Clip, Credit, Grpo, Normalizer, Objective, Parameters};
use curt_advantage::{RewardGroup, ScaleRewards, SequenceView};

fn refused_groups(bad: RewardGroup) -> AdvantageError {
    let good = RewardGroup::new(vec![1.0, 0.0], vec![3, 4]);
    Grpo::default().estimate(&[good, bad]).unwrap_err()
}

fn refused_second(bad: SequenceView<'_>) -> AdvantageError {
    let credit = Credit::Sequence(1.0);
    let good = SequenceView::new(&[-1.0, -1.0], &[-1.0, -1.0], &credit);
    Clip::default().evaluate(&[good, bad], &Normalizer { action_tokens: 99, sequences: 99 }).unwrap_err()
}

#[test]
fn empty_group_is_refused() {
    assert_eq!(refused_groups(RewardGroup::default()), AdvantageError::EmptyGroup { group: 1 });
}

#[test]
fn fields_of_different_lengths_are_refused_by_name() {
    let good = RewardGroup::new(vec![1.0, 0.0], vec![3, 4]);
    let rows = [
        ("in_statistics", 1, RewardGroup { in_statistics: vec![true], ..good.clone() }),
        ("in_loss", 3, RewardGroup { in_loss: vec![true; 3], ..good.clone() }),
        ("lengths", 0, RewardGroup { lengths: vec![], ..good.clone() }),
        ("format", 1, RewardGroup { parts: vec![("format".into(), vec![1.0])], ..good.clone() }),
    ];
    for (field, found, bad) in rows {
        let error = refused_groups(bad);
        assert_eq!(error, AdvantageError::GroupSize { group: 1, field: field.into(), expected: 2, found });
    }
}

#[test]
fn rewards_that_are_no_numbers_are_refused_with_group_and_row() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e101, -1e101] {
        let error = refused_groups(RewardGroup::new(vec![1.0, bad], vec![3, 4]));
        assert!(matches!(&error, AdvantageError::BadReward { group: 1, row: 1, field, .. } if field == "reward"), "{error}");
        let part = RewardGroup { parts: vec![("format".into(), vec![bad, 1.0])], ..RewardGroup::new(vec![1.0, 0.0], vec![3, 4]) };
        let error = refused_groups(part);
        assert!(matches!(&error, AdvantageError::BadReward { group: 1, row: 0, field, .. } if field == "format"), "{error}");
    }
    let error = refused_groups(RewardGroup::new(vec![1.0, f64::NAN], vec![3, 4])).to_string();
    assert_eq!(error, "group 1, row 1: expected a finite `reward` of magnitude at most 1e100, found NaN");
}

#[test]
fn a_masked_reward_that_is_no_number_is_refused_too() {
    let masked = RewardGroup { in_statistics: vec![true, false], ..RewardGroup::new(vec![1.0, f64::NAN], vec![3, 4]) };
    assert!(matches!(refused_groups(masked), AdvantageError::BadReward { group: 1, row: 1, .. }));
}

#[test]
fn advantage_epsilon_out_of_range_is_refused() {
    for bad in [-1e-9, f64::NAN, f64::INFINITY] {
        let error = Grpo::new(ScaleRewards::Group, bad).unwrap_err();
        assert!(matches!(error, AdvantageError::BadSetting { setting: "advantage_epsilon", .. }), "{error}");
    }
}

#[test]
fn empty_minibatch_is_refused() {
    let error = Clip::default().evaluate(&[], &Normalizer::default()).unwrap_err();
    assert_eq!(error, AdvantageError::EmptyMinibatch);
}

#[test]
fn per_token_fields_of_another_length_are_refused_by_name() {
    let (credit, tokens) = (Credit::Sequence(1.0), Credit::Tokens(vec![1.0]));
    let (two, three) = (&[-1.0; 2][..], &[-1.0; 3][..]);
    let good = SequenceView::new(two, two, &credit);
    let rows = [
        ("behaviour", 3, SequenceView { behaviour: three, ..good }),
        ("proximal", 3, SequenceView { proximal: Some(three), ..good }),
        ("reference", 3, SequenceView { reference: Some(three), ..good }),
        ("entropy", 3, SequenceView { entropy: Some(three), ..good }),
        ("sum_p2", 3, SequenceView { sum_p2: Some(three), ..good }),
        ("advantage", 1, SequenceView { credit: &tokens, ..good }),
    ];
    for (field, found, bad) in rows {
        assert_eq!(refused_second(bad), AdvantageError::SequenceSize { sequence: 1, field, expected: 2, found });
    }
}

#[test]
fn per_token_numbers_that_are_not_finite_are_refused_by_name() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let (credit, nan_credit, nan_tokens) = (Credit::Sequence(1.0), Credit::Sequence(bad), Credit::Tokens(vec![1.0, bad]));
        let (two, second) = (&[-1.0; 2][..], &[-1.0, bad][..]);
        let good = SequenceView::new(two, two, &credit);
        let rows = [
            ("current", 1, SequenceView { current: second, ..good }),
            ("behaviour", 1, SequenceView { behaviour: second, ..good }),
            ("proximal", 1, SequenceView { proximal: Some(second), ..good }),
            ("reference", 1, SequenceView { reference: Some(second), ..good }),
            ("entropy", 1, SequenceView { entropy: Some(second), ..good }),
            ("sum_p2", 1, SequenceView { sum_p2: Some(second), ..good }),
            ("advantage", 0, SequenceView { credit: &nan_credit, ..good }),
            ("advantage", 1, SequenceView { credit: &nan_tokens, ..good }),
            ("current", 1, SequenceView { current: second, in_loss: false, ..good }),
        ];
        for (expected, at, view) in rows {
            let error = refused_second(view);
            let named =
                matches!(error, AdvantageError::NotFinite { sequence: 1, token, field, .. } if field == expected && token == at);
            assert!(named, "{expected}: {error}");
        }
    }
}

#[test]
fn a_normalizer_of_less_than_the_minibatch_is_refused() {
    let credit = Credit::Sequence(1.0);
    let minibatch = [SequenceView::new(&[-1.0; 3], &[-1.0; 3], &credit); 2];
    for (norm, unit, expected, found) in [
        (Normalizer { action_tokens: 5, sequences: 2 }, "action tokens", 6, 5),
        (Normalizer { action_tokens: 6, sequences: 1 }, "sequences", 2, 1),
        (Normalizer::default(), "action tokens", 6, 0),
    ] {
        let error = Clip::default().evaluate(&minibatch, &norm).unwrap_err();
        assert_eq!(error, AdvantageError::NormalizerTooSmall { unit, expected, found });
    }
}

#[test]
fn clip_bounds_out_of_range_are_refused() {
    let mean = Aggregation::TokenMean;
    let rows = [
        ("epsilon", Clip::new(-0.1, 0.2, None, mean)),
        ("epsilon", Clip::new(1.0, 0.2, None, mean)),
        ("epsilon", Clip::new(f64::NAN, 0.2, None, mean)),
        ("epsilon_high", Clip::new(0.2, -0.1, None, mean)),
        ("epsilon_high", Clip::new(0.2, f64::INFINITY, None, mean)),
        ("delta", Clip::new(0.2, 0.28, Some(1.28), mean)),
        ("delta", Clip::new(0.2, 0.28, Some(f64::NAN), mean)),
        ("delta", Clip::new(0.2, 0.28, Some(f64::INFINITY), mean)),
        ("length of seq-mean-token-sum-norm", Clip::new(0.2, 0.28, None, Aggregation::SeqMeanTokenSumNorm { length: 0 })),
    ];
    for (expected, result) in rows {
        let error = result.unwrap_err();
        assert!(matches!(error, AdvantageError::BadSetting { setting, .. } if setting == expected), "{expected}: {error}");
    }
}

#[test]
fn unknown_aggregation_is_refused_with_the_known_words() {
    let error = Aggregation::from_word("mean", 10).unwrap_err().to_string();
    assert_eq!(
        error,
        "`aggregation` must be `token-mean`, `seq-mean-token-mean`, `seq-mean-token-sum` or `seq-mean-token-sum-norm`, \
         found `mean`"
    );
}

#[test]
fn a_parameter_of_another_type_is_named() {
    let read = |text: &str| serde_json::from_str::<Parameters>(text);
    let good = Parameters::new().with("delta", 3).with("pass_at_k_scale", true).with("scale_rewards", "batch");
    assert_eq!(read(r#"{"delta": 3, "pass_at_k_scale": true, "scale_rewards": "batch"}"#).unwrap(), good);
    assert_eq!(read(&serde_json::to_string(&good).unwrap()).unwrap(), good);
    let error = read(r#"{"epsilon": 0.2, "delta": [3.0]}"#).unwrap_err().to_string();
    let expected = "expected the parameter `delta` to be a number, a word, true or false, found a list of 1";
    assert!(error.starts_with(expected), "{error}");
}
