//! Entries, comparisons and the whole report.

use crate::*;

pub fn settings() -> EvalSettings {
    EvalSettings { limit: 64, budgets: vec![8, 16, 64], sampling: None, resamples: 200, bootstrap_seed: 0 }
}

/// Twelve problems of four samples; `shift` makes the model better and shorter.
pub fn problems(shift: u64) -> Vec<ProblemSamples> {
    let of = |problem: u64| {
        let numbers = |what: u64| (0..4).map(move |i| draw(what, problem, i));
        let correct: Vec<bool> = numbers(1).map(|bits| bits % 10 < 4 + shift).collect();
        let lengths: Vec<u32> = numbers(2).map(|bits| 1 + (bits % (60 - 8 * shift)) as u32).collect();
        ProblemSamples {
            problem: format!("p{problem:02}"),
            key: None,
            difficulty: Some((problem / 6) as u32),
            cluster: Some(format!("text {}", problem / 2)),
            finished: vec![true; 4],
            answer_at: lengths.iter().zip(&correct).map(|(length, correct)| correct.then_some(*length / 2)).collect(),
            answers: numbers(3).map(|bits| Some((bits % 3) as u32)).collect(),
            lengths,
            correct,
        }
    };
    (0..12).map(of).collect()
}

fn entry(model: &str, shift: u64) -> EvalEntry {
    EvalEntry::new(model.into(), "set".into(), problems(shift), &settings()).unwrap()
}

pub fn report() -> EvalReport {
    let entries = vec![entry("before", 0), entry("after", 4)];
    let comparison = EvalComparison::new(&entries[0], &entries[1], settings().bootstrap()).unwrap();
    let report = EvalReport::new("curt 0.0.0".into(), settings(), entries).unwrap();
    EvalReport { comparisons: vec![comparison], ..report }
}

#[test]
fn a_report_goes_through_json() {
    let report = report();
    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<EvalReport>(&text).unwrap().understood().unwrap(), report);
    for part in
        ["\"version\":1", "\"entries\":[{\"model\":\"before\",\"data\":\"set\",\"summary\":", "\"ecdf\":", "\"comparisons\":["]
    {
        assert!(text.contains(part), "no {part} in {text}");
    }
}

#[test]
fn an_entry_holds_what_its_parts_say() {
    let entry = entry("model", 2);
    let groups = groups_of(&entry.per_problem).unwrap();
    assert_eq!(entry.summary, summarize(&groups, 64, &[8, 16, 64], &[0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]).unwrap());
    assert_eq!(entry.budgets, budget_curve(&groups, 64, &[8, 16, 64]).unwrap());
    assert_eq!(entry.areas.auc_oaa, auc_oaa(&groups, 64).unwrap());
    let ks: Vec<(usize, f64)> = entry.majority_at.iter().map(|at| (at.k, at.value)).collect();
    assert_eq!(ks, [1, 2, 4].map(|k| (k, majority_at_k(&groups, k).unwrap())));
    assert_eq!(entry.tokens_per_correct, tokens_per_correct(&groups));
    let interval = entry.tokens_per_correct_interval.unwrap();
    assert!(interval.low < entry.tokens_per_correct.unwrap() && entry.tokens_per_correct.unwrap() < interval.high);
    let power = entry.power.unwrap();
    let clusters: Vec<u32> = (0..12).map(|i| i / 2).collect();
    assert_eq!(power.clustered_error, Some(clustered_error(&problem_accuracies(&groups), &clusters).unwrap()));
    assert!(entry.warnings[0].contains("12 problems"), "{:?}", entry.warnings);
}

#[test]
fn regret_is_against_the_models_on_the_same_problems() {
    let report = report();
    let strict = |i: usize| report.entries[i].budgets.iter().map(|row| row.strict).collect::<Vec<_>>();
    let expected = regret(&[&strict(0), &strict(1)]).unwrap();
    assert_eq!(
        report.entries.iter().map(|entry| entry.areas.regret).collect::<Vec<_>>(),
        expected.into_iter().map(Some).collect::<Vec<_>>()
    );
    let mut others = vec![entry("before", 0), entry("after", 4)];
    others[1].data = "another".into();
    let apart = EvalReport::new("x".into(), settings(), others).unwrap();
    assert!(apart.entries.iter().all(|entry| entry.areas.regret.is_none()));
}

#[test]
fn a_comparison_agrees_with_its_parts() {
    let report = report();
    let found = &report.comparisons[0];
    let [before, after] = [0, 1].map(|i| groups_of(&report.entries[i].per_problem).unwrap());
    let plain = Comparison::new(&before, &after).unwrap();
    assert_eq!((found.accuracy.paired, found.length.paired), (plain.accuracy, plain.length));
    let solved = found.solved_length.unwrap();
    assert_eq!(Some(solved.difference.paired), plain.solved_length);
    assert!((solved.after - solved.before - solved.difference.paired.mean).abs() < 1e-12);
    assert!((solved.ratio - solved.after / solved.before).abs() < 1e-15);
    assert!(solved.ratio_interval.low <= solved.ratio && solved.ratio <= solved.ratio_interval.high);
    let pass = |groups: &Groups| pass_at_k(groups, 4).unwrap();
    assert!((found.pass_at_k.paired.mean - (pass(&after) - pass(&before))).abs() < 1e-12);
    assert!((found.auc_oaa.paired.mean - (auc_oaa(&after, 64).unwrap() - auc_oaa(&before, 64).unwrap())).abs() < 1e-12);
    assert_eq!(found.budgets.iter().map(|at| at.budget).collect::<Vec<_>>(), [8, 16, 64]);
    let at_16 = accuracy_at_budget(&after, 16) - accuracy_at_budget(&before, 16);
    assert!((found.budgets[1].strict.paired.mean - at_16).abs() < 1e-12);
    assert!(found.accuracy.bootstrap.low <= found.accuracy.paired.mean);
    assert!(found.words[0].starts_with("12 problems, paired: Mean@k changes by +"), "{:?}", found.words);
}

/// Problems of ten samples each, of which this many are right.
fn alike(model: &str, problems: usize, right: usize) -> EvalEntry {
    let of = |i: usize| ProblemSamples {
        problem: format!("p{i:03}"),
        lengths: vec![1 + i as u32 % 8; 10],
        correct: (0..10).map(|sample| sample < right).collect(),
        finished: vec![true; 10],
        ..ProblemSamples::default()
    };
    EvalEntry::new(model.into(), "set".into(), (0..problems).map(of).collect(), &settings()).unwrap()
}

/// What is said of points and problems needs problems that differ.
#[test]
fn problems_that_all_score_alike_say_nothing_of_errors() {
    for (problems, right) in [(3, 0), (3, 1), (3, 10), (120, 7), (120, 10)] {
        let entry = alike("model", problems, right);
        let expected = format!(
            "{problems} problems, which all score alike: intervals of no width say nothing of how far the numbers may be off"
        );
        assert_eq!(entry.warnings, std::slice::from_ref(&expected));
        let power = entry.power.unwrap();
        assert_eq!((power.words, power.minimum_detectable), (expected, 0.0));
    }
    // one problem that differs is enough
    let warnings = entry("model", 0).warnings.join("; ");
    assert!(warnings.contains("Mean@k is known to") && !warnings.contains("alike"), "{warnings}");
}

#[test]
fn a_change_that_is_the_same_in_all_problems_says_nothing_of_its_error() {
    let compare = |before, after| {
        let (before, after) = (alike("before", 3, before), alike("after", 3, after));
        EvalComparison::new(&before, &after, settings().bootstrap()).unwrap()
    };
    for (before, after, points) in [(1, 2, "+10.0"), (2, 3, "+10.0"), (3, 3, "+0.0"), (10, 0, "-100.0")] {
        let found = compare(before, after);
        let expected = format!(
            "3 problems, paired: Mean@k changes by {points} points, in all of them alike: an interval of no width says nothing \
             of how far that may be off"
        );
        assert_eq!(found.words[0], expected);
        let words = found.words.join("; ");
        assert!(!words.contains("would show") && !words.contains("difference"), "{words}");
        assert_eq!(found.minimum_detectable, 0.0);
    }
}

#[test]
fn problems_are_paired_by_name_and_not_by_place() {
    let entries = report().entries;
    let mut shuffled = entries[1].clone();
    shuffled.per_problem.rotate_left(5);
    let compare = |after| EvalComparison::new(&entries[0], after, settings().bootstrap()).unwrap();
    assert_eq!(compare(&shuffled), compare(&entries[1]));
}
