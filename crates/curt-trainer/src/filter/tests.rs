//! Parts, and how many attempts come next.

use std::fs;

use curt_difficulty::Conditions;
use curt_task::ReadOptions;

use super::known::{RatedFiles, split_rated};
use super::measure::{FilterPlan, Measured};
use super::part::{Part, paper_rule};
use crate::reasons::Reasons;

fn plan(parts: Vec<Part>, attempts: u32, early_stop: bool) -> FilterPlan {
    let (model, grader) = ("m".to_owned(), "g 1".to_owned());
    let conditions = Conditions { model, cap: 64, temperature: 1.0, top_p: 1.0, grader, seed: 0 };
    FilterPlan { conditions, attempts, parts, early_stop, batch: 4 }
}

fn counts(right: u32, wrong: u32) -> Measured {
    Measured { right, wrong, ..Measured::default() }
}

#[test]
fn bands_have_names() {
    let part = |text: &str| text.parse::<Part>().map(|part| (part.name, part.band.to_string()));
    assert_eq!(part("0.1..0.6").unwrap(), ("0.1-0.6".to_owned(), "[0.1, 0.6]".to_owned()));
    assert_eq!(part("middle=0.25..0.75").unwrap(), ("middle".to_owned(), "[0.25, 0.75]".to_owned()));
    assert_eq!(part("(0.5, 1]").unwrap(), ("0.5-1".to_owned(), "(0.5, 1]".to_owned()));
    for (text, expected) in [
        ("0.6..0.1", "is empty"),
        ("0.1..1.1", "from 0 to 1"),
        ("a..b", "expected a band"),
        ("0.5", "expected a band"),
        ("card=0..1", "other than"),
        ("../x=0..1", "other than"),
    ] {
        let error = part(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn as_few_attempts_are_made_as_one_by_one() {
    let plan = plan(paper_rule(), 8, true);
    let stops = plan.stops().unwrap();
    // 4 wrong ones decide at the earliest
    assert_eq!(plan.next(&stops, &counts(0, 0)), 4);
    assert_eq!(plan.next(&stops, &counts(0, 4)), 0);
    assert_eq!(plan.next(&stops, &counts(4, 0)), 1);
    assert_eq!(plan.next(&stops, &counts(2, 2)), 2);
    assert_eq!(plan.next(&stops, &counts(4, 3)), 1);
    assert_eq!(plan.next(&stops, &Measured { ungradable: true, ..counts(1, 1) }), 0);
    // after any number of attempts that it asks for, each shorter one was undecided whatever came
    for right in 0..=8 {
        for wrong in 0..=8 - right {
            let more = plan.next(&stops, &counts(right, wrong));
            for hits in 0..more {
                for misses in 0..more - hits {
                    let decided = stops.iter().all(|stop| stop.decide(right + hits, wrong + misses).is_some());
                    assert!(!decided || more == 0, "{right} {wrong} +{hits} +{misses} of {more}");
                }
            }
        }
    }
}

#[test]
fn without_early_stopping_all_attempts_are_made() {
    let plan = plan(paper_rule(), 8, false);
    let stops = plan.stops().unwrap();
    assert_eq!([plan.next(&stops, &counts(0, 0)), plan.next(&stops, &counts(5, 0))], [8, 3]);
    assert_eq!(plan.parts_of(&stops, &counts(5, 3)), [0]);
    assert_eq!(plan.parts_of(&stops, &counts(4, 4)), [1]);
}

/// Of 8 attempts 2 have no verdict: what is left is decided as 6 attempts are.
#[test]
fn attempts_without_a_verdict_are_no_attempts() {
    let mut without_verdict = Reasons::default();
    [None; 2].into_iter().for_each(|reason| without_verdict.add(reason));
    let counts = |right, wrong| Measured { without_verdict: without_verdict.clone(), ..counts(right, wrong) };
    let (plan, six) = (plan(paper_rule(), 8, true), plan(paper_rule(), 6, true));
    let (stops, of_six) = (plan.stops().unwrap(), six.stops().unwrap());
    for right in 0..=6 {
        for wrong in 0..=6 - right {
            let (found, like) = (counts(right, wrong), Measured { right, wrong, ..Measured::default() });
            assert_eq!(plan.next(&stops, &found), six.next(&of_six, &like), "{right} {wrong}");
            assert_eq!(plan.parts_of(&stops, &found), six.parts_of(&of_six, &like), "{right} {wrong}");
            assert_eq!(found.rate(), like.rate(), "{right} {wrong}");
        }
    }
    // those that the cap cut say nothing of a problem of whose other attempts nothing is known
    assert_eq!(Measured { truncated: 2, ..counts(0, 2) }.rate(), None);
    assert_eq!(Measured { truncated: 2, ..counts(0, 3) }.rate(), Some(0.0));
}

/// Where fewer attempts are left, a band may hold no number of right ones.
#[test]
fn a_band_that_fewer_attempts_cannot_fall_into_is_decided() {
    let plan = plan(vec!["0.1..0.15".parse().unwrap()], 8, true);
    let stops = plan.stops().unwrap();
    let mut found = counts(1, 0);
    found.without_verdict.add(None);
    found.without_verdict.add(None);
    assert_eq!((plan.next(&stops, &found), plan.parts_of(&stops, &found)), (0, vec![]));
}

#[test]
fn a_band_of_everything_is_measured_once_at_least() {
    let plan = plan(vec!["all=0..1".parse().unwrap()], 8, true);
    let stops = plan.stops().unwrap();
    assert_eq!([plan.next(&stops, &counts(0, 0)), plan.next(&stops, &counts(0, 1))], [1, 0]);
}

#[test]
fn plans_that_cannot_be_are_refused() {
    let narrow = plan(vec!["0.3..0.31".parse().unwrap()], 8, true).stops().unwrap_err();
    assert!(narrow.to_string().contains("keeps nothing"), "{narrow}");
    let twice = plan(vec!["a=0..1".parse().unwrap(), "a=0..0.5".parse().unwrap()], 8, true).stops().unwrap_err();
    assert!(twice.to_string().contains("twice"), "{twice}");
}

/// A row is written as it was read, compressed or not: a reader would write the rate with other digits.
#[test]
fn compressed_rows_are_split_as_plain_ones() {
    let root = tempfile::tempdir().unwrap();
    let rate = |n: u32| if n.is_multiple_of(5) { "null".to_owned() } else { format!("0.{}00", n % 10) };
    let row = |n: u32| format!("{{\"problem\": \"{n} + 1\",  \"answer\": {}, \"pass_rate\": {}}}\n", n + 1, rate(n));
    let rows: String = (0..40).map(row).collect();
    let packed = zstd::encode_all(rows.as_bytes(), 1).unwrap();
    let split = |name: &str, bytes: &[u8]| {
        let (file, output) = (root.path().join(name), root.path().join(format!("{name}.split")));
        fs::write(&file, bytes).unwrap();
        let (files, parts, read) = ([file], paper_rule(), ReadOptions::default());
        let input = RatedFiles { files: &files, field: "pass_rate", attempts: None, parts: &parts, read: &read };
        split_rated(&input, &output, &mut |_| true)
            .map(|_| ["easy.jsonl", "hard.jsonl", "unrated.jsonl"].map(|part| fs::read_to_string(output.join(part)).unwrap()))
    };
    let plain = split("rows.jsonl", rows.as_bytes()).unwrap();
    assert!(plain[0].contains("\"6 + 1\",  \"answer\": 7, \"pass_rate\": 0.600") && plain[2].lines().count() == 8, "{plain:?}");
    assert_eq!(split("rows.jsonl.zst", &packed).unwrap(), plain);
    let error = split("torn.jsonl.zst", &packed[..packed.len() - 9]).unwrap_err().to_string();
    assert!(error.contains("torn.jsonl.zst") && error.contains("zstd"), "{error}");
    assert!(!root.path().join("torn.jsonl.zst.split/easy.jsonl").exists());
}
