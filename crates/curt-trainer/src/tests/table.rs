//! Every strategy of the paper's Table 1, masking, gate, aggregation and normalizer goes through the trainer.

use curt_runtime::StopReason;
use serde_json::Value;

use super::scripted::Draft;
use super::steps::{run_step, trainer};
use crate::record::rollout_records;

/// What a strategy gives right and short, right and long, wrong and short, wrong and long; `None` is masked.
const TABLE: [(&str, [Option<f64>; 4]); 6] = [
    ("correctness", [Some(1.0), Some(1.0), Some(0.0), Some(0.0)]),
    ("truncation", [Some(1.0), Some(0.0), Some(0.0), Some(0.0)]),
    ("minus_i", [Some(1.0), Some(0.0), None, None]),
    ("minus_lc", [Some(1.0), None, Some(0.0), Some(0.0)]),
    ("minus_lc_si", [Some(1.0), None, None, Some(0.0)]),
    ("minus_lc_li", [Some(1.0), None, Some(0.0), None]),
];

/// One completion in each column of [`TABLE`]; three right ones of which one is long; four wrong ones.
fn drafts() -> Vec<Vec<Draft>> {
    let draft = |right, length| Draft(right, length, StopReason::Eos);
    vec![
        vec![draft(true, 8), draft(true, 9), draft(false, 8), draft(false, 9)],
        vec![draft(true, 2), draft(true, 3), draft(true, 4), draft(true, 16)],
        vec![draft(false, 2), draft(false, 9), draft(false, 4), draft(false, 16)],
    ]
}

fn cell(Draft(right, length, _): Draft) -> usize {
    match (right, length <= 8) {
        (true, true) => 0,
        (true, false) => 1,
        (false, true) => 2,
        (false, false) => 3,
    }
}

/// Reward (0 where masked), in the statistics, in the loss.
fn expected_rows(cells: &[Option<f64>; 4], masking: &str, group: &[Draft]) -> Vec<(f64, bool, bool)> {
    let row = |draft: &Draft| {
        let reward = cells[cell(*draft)];
        (reward.unwrap_or(0.0), reward.is_some() || masking == "zero_after", reward.is_some())
    };
    group.iter().map(row).collect()
}

fn spread(rows: &[(f64, bool, bool)]) -> bool {
    let counted: Vec<f64> = rows.iter().filter(|row| row.1).map(|row| row.0).collect();
    counted.iter().any(|reward| *reward != counted[0])
}

fn is_kept(gate: &str, group: &[Draft], rows: &[(f64, bool, bool)]) -> bool {
    let right = group.iter().filter(|draft| draft.0).count();
    match gate {
        "none" => true,
        "reward_std" => spread(rows),
        "mixed_outcome" => right > 0 && right < group.len(),
        _ => right > 0 && spread(rows),
    }
}

/// (r − mean) / deviation over the counted, 0 for whoever is not in the loss.
fn expected_advantages(rows: &[(f64, bool, bool)]) -> Vec<f64> {
    let counted: Vec<f64> = rows.iter().filter(|row| row.1).map(|row| row.0).collect();
    let n = counted.len() as f64;
    let mean = counted.iter().sum::<f64>() / n;
    let deviation = (counted.iter().map(|r| (r - mean) * (r - mean)).sum::<f64>() / (n - 1.0)).sqrt();
    let flat = !spread(rows);
    rows.iter().map(|(r, _, in_loss)| if *in_loss && !flat { (r - mean) / deviation } else { 0.0 }).collect()
}

/// The weight that `aggregation` gives the tokens of a sequence, from the lengths and advantages in the loss.
fn weight(aggregation: &str, normalizer: &str, in_loss: &[(usize, f64)], length: usize) -> f64 {
    let counted: Vec<usize> = in_loss.iter().filter(|(_, a)| normalizer == "all" || *a != 0.0).map(|(n, _)| *n).collect();
    match aggregation {
        "token-mean" => 1.0 / counted.iter().sum::<usize>() as f64,
        "seq-mean-token-mean" => 1.0 / (counted.len() * length) as f64,
        _ => 1.0 / counted.len() as f64,
    }
}

fn check(strategy: &str, cells: &[Option<f64>; 4], masking: &str, gate: &str, aggregation: &str, normalizer: &str) {
    let what = format!("{strategy} {masking} {gate} {aggregation} {normalizer}");
    let sets = [
        format!("reward.strategy={strategy}"),
        format!("reward.masking={masking}"),
        format!("rollout.group_filter={gate}"),
        format!("algo.loss_aggregation={aggregation}"),
        format!("algo.normalizer={normalizer}"),
    ];
    let (mut trainer, log) = trainer(drafts(), &sets.each_ref().map(String::as_str));
    for number in 0..2 {
        log.borrow_mut().backward.clear();
        let outcome = run_step(&mut trainer, number);
        let lines = rollout_records(number + 1, 9, &outcome.groups);
        let lines: Vec<Value> = lines.iter().map(|line| serde_json::to_value(line).unwrap()).collect();
        let mut in_loss: Vec<(usize, f64)> = Vec::new();
        for (group, lines) in drafts().iter().zip(lines.chunks(4)) {
            let rows = expected_rows(cells, masking, group);
            let kept = is_kept(gate, group, &rows);
            let advantages = if kept { expected_advantages(&rows) } else { vec![0.0; 4] };
            for (((reward, in_statistics, trained), advantage), (line, draft)) in
                rows.iter().zip(&advantages).zip(lines.iter().zip(group))
            {
                assert_eq!(line["shaped"].as_f64(), Some(*reward), "{what}: {line}");
                assert_eq!((&line["in_statistics"], &line["in_loss"]), (&(*in_statistics).into(), &(*trained).into()), "{what}");
                assert_eq!(line["kept"], kept && *trained, "{what}: {line}");
                assert_eq!((&line["step"], &line["seed"]), (&(number + 1).into(), &9.into()), "{what}");
                let reason = line.get("drop_reason").and_then(Value::as_str);
                assert_eq!(reason.is_none(), kept && *trained, "{what}: {line}");
                assert_eq!(reason == Some("masked"), kept && !*trained, "{what}: {line}");
                let found = line["advantage"].as_f64().unwrap();
                assert!((found - advantage).abs() < 1e-12, "{what}: {found} {advantage}");
                if kept && *trained {
                    in_loss.push((draft.1, *advantage));
                }
            }
        }
        let pushed: Vec<(usize, f32)> =
            log.borrow().backward.concat().iter().map(|s| (s.d_logprob.len(), s.d_logprob[0])).collect();
        let active: Vec<(usize, f64)> = in_loss.iter().copied().filter(|(_, a)| *a != 0.0).collect();
        assert_eq!(pushed.len(), active.len(), "{what}");
        for ((length, found), (n, advantage)) in pushed.iter().zip(&active) {
            let expected = -advantage * weight(aggregation, normalizer, &in_loss, *n);
            assert!(length == n && (f64::from(*found) - expected).abs() < 1e-7, "{what}: {found} {expected}");
        }
    }
}

#[test]
fn every_combination_has_the_masks_and_advantages_of_the_table() {
    let aggregations =
        [("token-mean", "all"), ("token-mean", "active"), ("seq-mean-token-mean", "all"), ("seq-mean-token-sum", "active")];
    for (strategy, cells) in &TABLE {
        for masking in ["exclude", "zero_after"] {
            for gate in ["any_correct_and_spread", "mixed_outcome", "reward_std", "none"] {
                for (aggregation, normalizer) in aggregations {
                    check(strategy, cells, masking, gate, aggregation, normalizer);
                }
            }
        }
    }
    let known: Vec<&str> = TABLE.iter().map(|(name, _)| *name).collect();
    assert_eq!(curt_reward::names()[..known.len()], known, "plain correctness and the rows of the paper's Table 1");
}
