//! Logs of attempts: merging, its laws, what it refuses, and what is written.

use curt_difficulty::{Attempt, AttemptLog, AttemptRecord, Conditions, DifficultyError, Tally};
use proptest::prelude::*;

fn conditions() -> Conditions {
    Conditions { model: "tiny".into(), cap: 64, temperature: 1.0, top_p: 1.0, grader: "chain 1".into(), seed: 7 }
}

fn attempt(correct: bool, length: u32) -> Attempt {
    Attempt { correct, length, truncated: length >= 64 }
}

fn log(attempts: &[(&str, u32, Attempt)]) -> AttemptLog {
    let mut log = AttemptLog::new();
    attempts.iter().for_each(|(problem, sample, attempt)| log.add(&conditions(), problem, *sample, *attempt).unwrap());
    log
}

#[test]
fn attempts_are_counted_per_problem() {
    let log = log(&[
        ("b", 0, attempt(true, 10)),
        ("a", 2, attempt(false, 64)),
        ("a", 0, attempt(true, 20)),
        ("a", 1, attempt(true, 30)),
    ]);
    assert_eq!(log.problems(), ["a", "b"]);
    assert_eq!(log.tally("a"), Tally { attempts: 3, correct: 2, truncated: 1, tokens: 114 });
    assert_eq!(log.tally("c"), Tally::default());
    assert_eq!((log.pass_rate("a").unwrap().correct(), log.pass_rate("c")), (2, None));
    let short = log.pass_rate_within("a", 20).unwrap();
    assert_eq!((short.n(), short.correct()), (3, 1));
    assert_eq!(log.of("a").map(|(sample, _)| sample).collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn a_record_is_written_as_documented() {
    let log = log(&[("a", 4, attempt(false, 64)), ("a", 0, attempt(true, 20))]);
    let record: Vec<AttemptRecord> = log.records().collect();
    let json = serde_json::to_string(&AttemptRecord { wilson: None, ..record[0].clone() }).unwrap();
    assert_eq!(
        json,
        "{\"id\":\"a\",\"model\":\"tiny\",\"cap\":64,\"temperature\":1.0,\"top_p\":1.0,\"grader\":\"chain 1\",\"seed\":7,\"n\":2,\
         \"k\":1,\"wilson\":null,\"samples\":[0,4],\"correct\":[true,false],\"lengths\":[20,64],\"truncated\":[false,true]}"
    );
    assert!(record[0].wilson.unwrap().low > 0.0);
}

#[test]
fn other_conditions_are_refused_unless_forced() {
    let ours = log(&[("a", 0, attempt(true, 20))]);
    let others: [(&str, Conditions); 6] = [
        ("model", Conditions { model: "other".into(), ..conditions() }),
        ("cap", Conditions { cap: 65, ..conditions() }),
        ("temperature", Conditions { temperature: 0.6, ..conditions() }),
        ("top_p", Conditions { top_p: 0.95, ..conditions() }),
        ("grader", Conditions { grader: "chain 2".into(), ..conditions() }),
        ("seed", Conditions { seed: 8, ..conditions() }),
    ];
    for (what, under) in others {
        let mut theirs = AttemptLog::new();
        theirs.add(&under, "a", 0, attempt(false, 30)).unwrap();
        let mut merged = ours.clone();
        let error = merged.merge(&theirs).unwrap_err();
        assert!(matches!(error, DifficultyError::OtherConditions { what: found, .. } if found == what), "{what}: {error}");
        assert!(error.to_string().starts_with(&format!("attempts of another {what}: expected ")), "{error}");
        assert_eq!(merged, ours, "refused, and yet changed");
        assert!(merged.add(&under, "b", 0, attempt(true, 1)).is_err());
        merged.merge_forced(&theirs).unwrap();
        assert_eq!(merged.tally("a"), Tally { attempts: 2, correct: 1, truncated: 0, tokens: 50 });
        assert_eq!(merged.conditions().count(), 2);
        // a mixture stays one when it is written and read
        let json = serde_json::to_string(&merged).unwrap();
        assert_eq!(serde_json::from_str::<AttemptLog>(&json).unwrap(), merged);
        // and is not joined by what is of one of its conditions alone
        let error = merged.clone().merge(&ours).unwrap_err();
        assert!(matches!(error, DifficultyError::MixedConditions { .. } | DifficultyError::OtherConditions { .. }), "{error}");
    }
}

#[test]
fn two_answers_to_one_sample_are_refused() {
    let mut ours = log(&[("a", 0, attempt(true, 20)), ("a", 1, attempt(true, 20))]);
    let before = ours.clone();
    let theirs = log(&[("a", 3, attempt(true, 20)), ("a", 1, attempt(false, 20))]);
    let expected = DifficultyError::ConflictingAttempt { problem: "a".into(), sample: 1 };
    assert_eq!(ours.merge(&theirs).unwrap_err(), expected);
    assert_eq!(ours.merge_forced(&theirs).unwrap_err(), expected);
    assert_eq!(ours, before, "refused, and yet changed");
    assert_eq!(ours.add(&conditions(), "a", 1, attempt(false, 20)).unwrap_err(), expected);
}

#[test]
fn conditions_that_cannot_be_are_refused() {
    let bad = [
        ("model", Conditions { model: String::new(), ..conditions() }),
        ("cap", Conditions { cap: 0, ..conditions() }),
        ("temperature", Conditions { temperature: -0.0, ..conditions() }),
        ("temperature", Conditions { temperature: f64::NAN, ..conditions() }),
        ("top_p", Conditions { top_p: 0.0, ..conditions() }),
        ("top_p", Conditions { top_p: 1.5, ..conditions() }),
        ("grader", Conditions { grader: String::new(), ..conditions() }),
    ];
    for (what, under) in bad {
        let error = AttemptLog::new().add(&under, "a", 0, attempt(true, 1)).unwrap_err();
        assert!(matches!(error, DifficultyError::BadCondition { what: found, .. } if found == what), "{what}: {error}");
    }
}

#[test]
fn records_that_contradict_themselves_are_refused() {
    let good = log(&[("a", 0, attempt(true, 20)), ("a", 3, attempt(false, 64))]).records().next().unwrap();
    let refused = |record: AttemptRecord| {
        let json = serde_json::to_string(&[&record]).unwrap();
        let read = serde_json::from_str::<AttemptLog>(&json).unwrap_err().to_string();
        let error = AttemptLog::new().add_record(&record).unwrap_err();
        assert!(read.contains(&error.to_string()), "{read}: {error}");
        error
    };
    let error = refused(AttemptRecord { lengths: vec![1], ..good.clone() });
    assert_eq!(error, DifficultyError::RecordLength { problem: "a".into(), field: "lengths", expected: 2, found: 1 });
    let error = refused(AttemptRecord { n: 3, ..good.clone() });
    assert!(matches!(error, DifficultyError::RecordLength { field: "samples", expected: 3, found: 2, .. }), "{error}");
    let error = refused(AttemptRecord { k: 2, ..good.clone() });
    assert_eq!(error, DifficultyError::RecordCount { problem: "a".into(), expected: 2, found: 1 });
    let error = refused(AttemptRecord { samples: vec![3, 3], ..good.clone() });
    assert_eq!(error, DifficultyError::RecordOrder { problem: "a".into(), first: 3, second: 3 });
    assert!(AttemptLog::new().add_record(&good).is_ok());
}

/// Logs of up to four problems under one of two sets of conditions; equal names have equal attempts.
fn logs(seeds: std::ops::Range<u64>) -> impl Strategy<Value = AttemptLog> {
    prop::collection::vec((seeds, 0..4_u32, 0..6_u32), 0..20).prop_map(|names| {
        let mut log = AttemptLog::new();
        for (seed, problem, sample) in names {
            let made = attempt((seed + u64::from(problem * 7 + sample)) % 3 == 0, 10 * sample + problem * 15);
            let mut one = AttemptLog::new();
            one.add(&Conditions { seed, ..conditions() }, &problem.to_string(), sample, made).unwrap();
            log.merge_forced(&one).unwrap();
        }
        log
    })
}

fn merged(a: &AttemptLog, b: &AttemptLog) -> Result<AttemptLog, DifficultyError> {
    let mut sum = a.clone();
    sum.merge(b).map(|()| sum)
}

fn forced(a: &AttemptLog, b: &AttemptLog) -> AttemptLog {
    let mut sum = a.clone();
    sum.merge_forced(b).unwrap();
    sum
}

proptest! {
    #[test]
    fn merging_is_associative_commutative_and_idempotent(a in logs(0..1), b in logs(0..1), c in logs(0..1)) {
        prop_assert_eq!(merged(&a, &b).unwrap(), merged(&b, &a).unwrap());
        prop_assert_eq!(merged(&merged(&a, &b).unwrap(), &c).unwrap(), merged(&a, &merged(&b, &c).unwrap()).unwrap());
        prop_assert_eq!(&merged(&a, &a).unwrap(), &a);
        prop_assert_eq!(&merged(&a, &AttemptLog::new()).unwrap(), &a);
    }

    #[test]
    fn so_it_is_by_force(a in logs(0..3), b in logs(0..3), c in logs(0..3)) {
        prop_assert_eq!(forced(&a, &b), forced(&b, &a));
        prop_assert_eq!(forced(&forced(&a, &b), &c), forced(&a, &forced(&b, &c)));
        prop_assert_eq!(&forced(&a, &a), &a);
    }

    /// Whether three logs merge does not depend on how they are bracketed or ordered.
    #[test]
    fn refusals_are_associative_and_commutative_too(a in logs(0..2), b in logs(0..2), c in logs(0..2)) {
        let left = merged(&a, &b).and_then(|ab| merged(&ab, &c));
        let right = merged(&b, &c).and_then(|bc| merged(&a, &bc));
        prop_assert_eq!(left.is_ok(), right.is_ok());
        prop_assert_eq!(merged(&a, &b).is_ok(), merged(&b, &a).is_ok());
    }

    #[test]
    fn logs_are_read_back_equal(a in logs(0..3)) {
        let json = serde_json::to_string(&a).unwrap();
        prop_assert_eq!(serde_json::from_str::<AttemptLog>(&json).unwrap(), a);
    }
}
