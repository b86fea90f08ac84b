//! Importance weights on values known by hand, and what they refuse.

use curt_advantage::{ImportanceLevel, ImportanceRule, ImportanceWeights};

#[test]
fn importance_weights_by_hand() {
    let of = |weights: ImportanceWeights, ratios: &[f64]| {
        let proximal: Vec<f64> = ratios.iter().map(|ratio| libm::log(*ratio) - 1.0).collect();
        let found = weights.of(&proximal, &vec![-1.0; ratios.len()]);
        found.iter().map(|weight| (weight * 1e9).round() / 1e9).collect::<Vec<f64>>()
    };
    let ratios = [0.25, 1.0, 4.0, 8.0]; // product 8, geometric mean 8^¼
    assert_eq!(of(ImportanceWeights::tis(), &ratios), [0.25, 1.0, 2.0, 2.0]);
    assert_eq!(of(ImportanceWeights::icepop(), &ratios), [0.0, 1.0, 4.0, 0.0]);
    let mean = (8.0f64.sqrt().sqrt() * 1e9).round() / 1e9;
    assert_eq!(of(ImportanceWeights::mis(), &ratios), [mean; 4]);
    assert_eq!(of(ImportanceWeights::mis(), &[3.0, 2.0]), [0.0; 2], "beyond 2");
    assert_eq!(of(ImportanceWeights::mis(), &[1e-5, 1.0, 1e5]), [0.0; 3], "vetoed");
    let sequence = |rule| ImportanceWeights::new(ImportanceLevel::Sequence, rule, 0.5, 5.0, 0.0).unwrap();
    assert_eq!(of(sequence(ImportanceRule::Truncate), &ratios), [5.0; 4]);
    assert_eq!(of(sequence(ImportanceRule::Mask), &ratios), [0.0; 4]);
    assert_eq!(of(sequence(ImportanceRule::Truncate), &[0.5, 0.5]), [0.5; 2]);
    for weights in [ImportanceWeights::tis(), ImportanceWeights::icepop(), ImportanceWeights::mis()] {
        assert_eq!(weights.of(&[-0.3, -7.1], &[-0.3, -7.1]), [1.0, 1.0]);
        assert!(weights.of(&[], &[]).is_empty());
    }
}

#[test]
fn importance_weights_are_checked_when_they_are_read() {
    for weights in [ImportanceWeights::tis(), ImportanceWeights::icepop(), ImportanceWeights::mis()] {
        let text = serde_json::to_string(&weights).unwrap();
        assert_eq!(serde_json::from_str::<ImportanceWeights>(&text).unwrap(), weights);
    }
    let read = |low: f64, high: f64, veto: f64| {
        let text = format!(r#"{{"level":"token","rule":"truncate","low":{low},"high":{high},"veto":{veto}}}"#);
        serde_json::from_str::<ImportanceWeights>(&text)
    };
    assert!(read(0.5, 2.0, 0.0).is_ok());
    for (low, high, veto, expected) in [
        (5.0, 1.0, 0.0, "`importance_low` must be at least 0 and at most importance_high, found 5"),
        (0.0, 0.0, 0.0, "`importance_high` must be a finite number above 0, found 0"),
        (0.0, 1.0, -1.0, "`importance_veto` must be at least 0 and at most importance_high, found -1"),
    ] {
        let error = read(low, high, veto).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
#[should_panic(expected = "one log-probability of each policy per token")]
fn importance_weights_of_unequal_slices_are_no_weights() {
    ImportanceWeights::tis().of(&[-1.0, -2.0], &[-1.0]);
}
