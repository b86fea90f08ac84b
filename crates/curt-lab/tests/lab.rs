//! Numbers that were worked out by hand, and the laws of the comparison.

use curt_advantage::Grpo;
use curt_lab::{CELLS, Lab, LabReport, Reader, Replay, StrategyReport, Verdict, score};
use curt_reward::Truncation;
use proptest::prelude::*;

/// L_T of all recordings here.
const TARGET: u32 = 50;

/// Two groups: a right and a wrong rollout of each kind, and four wrong ones.
const ROWS: &str = r#"
{"group": 1, "correct": true,  "length": 30}
{"group": 1, "correct": true,  "length": 90}
{"group": 1, "correct": false, "length": 50}
{"group": 1, "correct": false, "length": 70}
{"group": 2, "correct": false, "length": 51}
{"group": 2, "correct": false, "length": 20}
"#;

fn report(rows: &str, add: impl Fn(&mut Lab)) -> LabReport {
    let mut lab = Lab::new(TARGET, Some(256));
    add(&mut lab);
    lab.read(&mut Reader::new("rows", rows.as_bytes())).unwrap();
    lab.report()
}

fn of<'a>(report: &'a LabReport, strategy: &str) -> &'a StrategyReport {
    report.strategies.iter().find(|s| s.strategy == strategy).unwrap_or_else(|| panic!("no {strategy}"))
}

fn close(found: f64, want: f64) {
    // the 1e-6 that GRPO adds to the deviation shows in the sixth digit
    assert!((found - want).abs() < 1e-5 * want.abs().max(1.0), "found {found}, expected {want}");
}

/// Truncation gives group 1 the rewards 1, 0, 0, 0: advantages 1.5, −.5, −.5, −.5. Plain correctness gives 1, 1, 0, 0:
/// ± √3/2. The lengths less their mean of 60 are −30, 30, −10, 10. Group 2 has no signal.
#[test]
fn truncation_by_hand() {
    let report = report(ROWS, |lab| lab.add("truncation", Box::new(Truncation::new(TARGET).unwrap())));
    assert_eq!((report.steps, report.groups, report.rollouts), (1, 2, 6));
    let found = of(&report, "truncation");
    assert_eq!(found.cells.iter().map(|cell| cell.rollouts).collect::<Vec<_>>(), [1, 1, 2, 2]);
    assert_eq!(found.cells.iter().map(|cell| cell.reward).collect::<Vec<_>>(), [Some(1.0), Some(0.0), Some(0.0), Some(0.0)]);
    assert_eq!(CELLS.len(), found.cells.len());
    close(found.cells[0].advantage, 1.5);
    close(found.cells[2].advantage, -0.25);
    assert_eq!((found.signal, found.phantom), (0.5, Some(0.0)));
    // the long right one is pushed down, where correctness pushes it up
    close(found.sign_flips, 1.0 / 6.0);
    close(found.pressure_correct, (-30.0 * 1.5 - 30.0 * 0.5) / 6.0);
    close(found.pressure_wrong, (10.0 * 0.5 - 10.0 * 0.5) / 6.0);
    // of six pairs three differ here and four there; two of them agree, none disagrees
    close(found.rank_agreement.unwrap(), 2.0 / 12.0_f64.sqrt());
    assert_eq!((found.trap.comparable_groups, found.trap.defined_groups, found.trap.nonzero_groups), (1, 1, 1));
    close(found.trap_mean.unwrap(), 2.0);
    assert_eq!(found.verdict, Verdict::Clear);
    assert_eq!(found.curve.iter().map(|p| p.length).collect::<Vec<_>>(), [19, 25, 50, 69, 88]);
}

#[test]
fn masking_all_wrong_or_all_short_wrong_answers_is_the_trap_and_nothing_else_of_table_1() {
    let report = report(ROWS, Lab::add_all);
    let verdicts = |names: &[&str]| names.iter().map(|name| of(&report, name).verdict).collect::<Vec<_>>();
    assert_eq!(verdicts(&["minus_i, exclude", "minus_lc_si, exclude"]), [Verdict::Trap; 2]);
    let clear = ["correctness", "truncation", "minus_lc, exclude", "minus_lc_li, exclude", "minus_lc, zero_after"];
    assert_eq!(verdicts(&clear), [Verdict::Clear; 5]);
    // the short wrong answers have no advantage, but the right ones are measured against them
    assert_eq!(verdicts(&["minus_i, zero_after", "minus_lc_si, zero_after"]), [Verdict::Clear; 2]);
}

/// Cut at 50 tokens, of the right answers only that of 30 is left: the rewards of truncation, and lengths 30, 50, 50, 50.
#[test]
fn a_limit_at_the_target_is_replayed_by_cutting() {
    let report = report(ROWS, Lab::add_at_limit);
    let found = of(&report, "L_R = L_T");
    assert_eq!(found.verdict, Verdict::Clear);
    assert_eq!(found.cut, 3);
    assert_eq!(found.cells[1].reward, Some(0.0));
    close(found.pressure_correct, -15.0 * 1.5 / 6.0);
    close(found.pressure_wrong, -3.0 * 5.0 * 0.5 / 6.0);
    assert_eq!((found.trap.comparable_groups, found.trap.nonzero_groups), (1, 1));
}

#[test]
fn without_a_short_wrong_answer_the_trap_test_says_nothing() {
    let rows = r#"{"group": 1, "correct": true, "length": 9}
                  {"group": 1, "correct": false, "length": 90}"#;
    let report = report(rows, Lab::add_all);
    assert_eq!(of(&report, "truncation").verdict, Verdict::Undecided);
    assert_eq!(of(&report, "minus_i, exclude").verdict, Verdict::Undecided);
}

#[test]
fn scores_come_row_by_row() {
    let mut replay = Replay::new(Box::new(Truncation::new(TARGET).unwrap()), Box::new(Grpo::default()), None);
    let mut out = Vec::new();
    assert_eq!(score(&mut Reader::new("rows", ROWS.as_bytes()), &mut replay, &mut out).unwrap(), 6);
    let text = String::from_utf8(out).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().map(|line| line["reward"].as_f64().unwrap()).collect::<Vec<_>>(), [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(lines.iter().map(|line| line["group"].as_i64().unwrap()).collect::<Vec<_>>(), [1, 1, 1, 1, 2, 2]);
    close(lines[0]["advantage"].as_f64().unwrap(), 1.5);
    assert_eq!(lines[5]["advantage"].as_f64(), Some(0.0));
    assert_eq!(lines[0]["in_loss"].as_bool(), Some(true));
}

#[test]
fn rows_of_curt_itself_are_read() {
    let row = |step: u32, occurrence: u32, stop: &str| {
        format!(
            r#"{{"step": {step}, "seed": 0, "prompt_id": "chain", "problem_key": "00ff00ff00ff00ff", "occurrence": {occurrence},
                "sample_index": 0, "completion_ids": [1, 2], "finish_reason": "{stop}", "correct": false, "length": 2}}"#
        )
        .replace('\n', " ")
    };
    let rows = [row(1, 0, "eos"), row(1, 0, "budget"), row(1, 1, "context"), row(2, 0, "eos")].join("\n");
    let mut reader = Reader::new("rows", rows.as_bytes());
    let first = reader.next_step().unwrap().unwrap();
    assert_eq!(first.step, 1);
    let truncated: Vec<Vec<bool>> = first.groups.iter().map(|g| g.rollouts.iter().map(|r| r.truncated).collect()).collect();
    assert_eq!(truncated, [vec![false, true], vec![true]]);
    assert_eq!(first.groups[1].rollouts[0].problem.0, 0x00ff_00ff_00ff_00ff);
    assert_eq!(reader.next_step().unwrap().unwrap().step, 2);
}

/// The ids of curt's own records tell how much of a completion is repetition; a row that says it itself is believed.
#[test]
fn token_ids_supply_the_repetition() {
    let row = |ids: &[u32], said: &str| {
        let length = ids.len();
        format!("{{\"group\": 1, \"correct\": false, \"length\": {length}{said}, \"completion_ids\": {ids:?}}}\n")
    };
    let (rising, flat): (Vec<u32>, _) = ((0..60).collect(), [7; 21]);
    let rows = [row(&rising, ""), row(&flat, ""), row(&flat, ", \"repetition\": 0.25")].concat();
    let step = Reader::new("rows", rows.as_bytes()).next_step().unwrap().unwrap();
    let found: Vec<Option<f64>> = step.groups[0].rollouts.iter().map(|rollout| rollout.repetition).collect();
    assert_eq!(found, [Some(0.0), Some(0.5), Some(0.25)]);
    let names = |report: LabReport| report.left_out.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    let others = ["l1_exact", "l1_max", "o1_pruner", "nemotron_bonus"];
    assert_eq!(names(report(&rows, Lab::add_all)), others);
    assert_eq!(names(report(ROWS, Lab::add_all)), ["laser_de", "l1_exact", "l1_max", "cosine", "o1_pruner", "nemotron_bonus"]);
}

#[test]
fn groups_without_steps_form_steps_of_the_given_size() {
    let rows: String = (0..5).map(|g| format!("{{\"group\": {g}, \"correct\": true, \"length\": 1}}\n")).collect();
    let mut reader = Reader::new("rows", rows.as_bytes()).groups_per_step(2);
    let mut sizes = Vec::new();
    while let Some(step) = reader.next_step().unwrap() {
        sizes.push((step.step, step.groups.len()));
    }
    assert_eq!(sizes, [(1, 2), (2, 2), (3, 1)]);
}

proptest! {
    /// Against itself, plain correctness flips no sign and agrees in every rank.
    #[test]
    fn plain_correctness_agrees_with_itself(rows in prop::collection::vec((any::<bool>(), 0_u32..200), 1..40)) {
        let text: String = rows.iter().enumerate()
            .map(|(i, (correct, length))| format!("{{\"group\": {}, \"correct\": {correct}, \"length\": {length}}}\n", i / 8))
            .collect();
        let report = report(&text, Lab::add_all);
        let found = of(&report, "correctness");
        prop_assert_eq!(found.sign_flips, 0.0);
        prop_assert!(found.rank_agreement.is_none_or(|tau| (tau - 1.0).abs() < 1e-12));
        prop_assert!(found.phantom.is_none_or(|share| share == 0.0));
        prop_assert_eq!(found.cells.iter().map(|c| c.rollouts).sum::<u64>(), rows.len() as u64);
        let on_curve: u64 = found.curve.iter().map(|p| p.correct.0 + p.wrong.0).sum();
        prop_assert_eq!(on_curve, rows.len() as u64);
    }
}

/// Screening left group 2: its rows are answered, with nothing that counts, and the comparison is that of group 1 alone.
#[test]
fn groups_that_screening_left_are_compared_in_nothing() {
    let whole: String = ROWS.lines().filter(|line| !line.contains("\"group\": 2")).map(|line| format!("{line}\n")).collect();
    let marked = ROWS.replace("\"group\": 2,", "\"group\": 2, \"drop_reason\": \"screened\",");
    let truncation = |lab: &mut Lab| lab.add("truncation", Box::new(Truncation::new(TARGET).unwrap()));
    let (alone, found) = (report(&whole, truncation), report(&marked, truncation));
    assert_eq!((found.steps, found.groups, found.rollouts, found.screened), (1, 1, 4, 1));
    assert_eq!((&found.strategies, alone.screened), (&alone.strategies, 0));
    // a whole group under the same word of another gate is compared
    let dropped = report(&marked.replace("screened", "all_wrong"), truncation);
    assert_eq!((dropped.groups, dropped.screened), (2, 0));

    let mut replay = Replay::new(Box::new(Truncation::new(TARGET).unwrap()), Box::new(Grpo::default()), None);
    let mut out = Vec::new();
    let rows = marked.replace("\"correct\": false, \"length\": 20", "\"correct\": true, \"length\": 20");
    assert_eq!(score(&mut Reader::new("rows", rows.as_bytes()), &mut replay, &mut out).unwrap(), 6);
    let text = String::from_utf8(out).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    close(lines[0]["advantage"].as_f64().unwrap(), 1.5);
    let last = &lines[5];
    assert_eq!((last["reward"].as_f64(), last["advantage"].as_f64()), (Some(1.0), Some(0.0)));
    assert_eq!((last["in_statistics"].as_bool(), last["in_loss"].as_bool()), (Some(false), Some(false)));
}

/// A step may hold nothing else.
#[test]
fn a_step_of_screened_groups_alone_is_read() {
    let rows = r#"{"group": 1, "correct": true, "length": 9, "drop_reason": "screened"}"#;
    let found = report(rows, Lab::add_all);
    assert_eq!((found.steps, found.groups, found.screened), (1, 0, 1));
    assert!(found.strategies.iter().all(|strategy| strategy.groups == 0 && strategy.signal == 0.0));
}

#[test]
fn a_group_that_is_screened_in_part_is_refused_by_line() {
    let rows = "{\"group\": 1, \"correct\": true, \"length\": 9, \"drop_reason\": \"screened\"}\n\
                {\"group\": 1, \"correct\": true, \"length\": 9}";
    let error = Lab::new(TARGET, None).read(&mut Reader::new("rows", rows.as_bytes())).unwrap_err().to_string();
    assert!(error.starts_with("rows, line 2: group 1: some of its rows have the `drop_reason` \"screened\""), "{error}");
}
