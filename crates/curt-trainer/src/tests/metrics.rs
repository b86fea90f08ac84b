//! The metrics of hand-made groups and updates, and what a strategy may not ask for.

use curt_advantage::{Grpo, Normalizer, ObjectiveStats, ScaleRewards};
use curt_difficulty::{Admission, Gate, NoGate};
use curt_reward::{Correctness, RewardError, RewardStrategy, Rollout, Shaped, StepContext};

use super::scripted::{Mask, Row, row, shaped};
use crate::config::NormalizerKind;
use crate::credit::{CreditedGroup, credit};
use crate::evaluate::Evaluation;
use crate::pack::pack;
use crate::record::{rollout_records, step_metrics};
use crate::shape::shape;
use crate::update::UpdateReport;

use Mask::{Exclude, No, ZeroAfter};

fn credited(groups: &[&[Row]]) -> Vec<CreditedGroup> {
    let groups = groups.iter().enumerate().map(|(number, rows)| shaped(number as u32, rows)).collect();
    let gate: &dyn Gate = &NoGate;
    credit(&Grpo::new(ScaleRewards::Group, 0.0).unwrap(), gate, &Correctness, groups).unwrap()
}

fn report(stats: ObjectiveStats) -> UpdateReport {
    UpdateReport {
        stats,
        norms: None,
        learning_rate: 0.5,
        trained_sequences: 0,
        trained_tokens: 0,
        mismatch_max: 0.0,
        mismatch_sum: (0.0, 0),
    }
}

#[track_caller]
fn assert_metrics(groups: &[CreditedGroup], updates: &[UpdateReport], expected: &[(&str, Option<f64>)]) {
    let metrics = step_metrics(groups, updates, 8, 0);
    for (name, value) in expected {
        let found = metrics.iter().find(|(n, _)| n == name).map(|(_, value)| *value);
        let close = found.zip(*value).is_some_and(|(a, b)| (a - b).abs() < 1e-12);
        assert!(close || found == *value, "{name}: {found:?}, expected {value:?}");
    }
    let mut names: Vec<&str> = metrics.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), metrics.len(), "a name is there twice");
}

#[test]
fn rewards_are_those_that_count() {
    // counted: 1 | 1, 0 | 1, 0, 0: a mask with reward 0 is no reward of 0, unless it is said to count as one
    let excluded = [row(1.0, 2, No), row(0.0, 2, Exclude), row(0.0, 2, Exclude)];
    let half = [row(1.0, 2, No), row(0.0, 2, No), row(0.0, 2, Exclude)];
    let zeros = [row(1.0, 2, No), row(0.0, 2, ZeroAfter), row(0.0, 2, ZeroAfter)];
    let third = (1.0_f64 / 3.0).sqrt();
    assert_metrics(
        &credited(&[&excluded, &half, &zeros]),
        &[],
        &[
            ("reward", Some(0.5)),
            // a group of one counted has no deviation; √½ and √⅓
            ("reward_std", Some((0.5_f64.sqrt() + third) / 2.0)),
            ("frac_reward_zero_std", Some(1.0 / 3.0)),
            ("rewards/correctness/mean", Some(0.5)),
            // six values, each ½ from their mean: √(6 · ¼ / 5)
            ("rewards/correctness/std", Some(0.3_f64.sqrt())),
        ],
    );
}

#[test]
fn a_step_in_which_nothing_counts_has_no_reward() {
    let groups = credited(&[&[row(0.0, 2, Exclude), row(0.0, 3, Exclude)]]);
    assert_metrics(&groups, &[], &[("reward", None), ("reward_std", None), ("frac_reward_zero_std", Some(1.0))]);
}

#[test]
fn lengths_by_correctness_and_by_how_they_ended() {
    let right: Vec<Row> = [1, 2, 3, 4, 5, 6, 7, 8, 9, 20].map(|length| row(1.0, length, No)).to_vec();
    let mut groups = credited(&[&right, &[row(0.0, 30, No), row(0.0, 40, No)]]);
    for cut in [0, 9] {
        groups[0].shaped.rollouts[cut].truncated = true;
    }
    assert_metrics(
        &groups,
        &[],
        &[
            ("completions/min_length", Some(1.0)),
            ("completions/max_length", Some(40.0)),
            ("completions/min_terminated_length", Some(2.0)),
            ("completions/max_terminated_length", Some(40.0)),
            ("completions/mean_terminated_length", Some((44.0 + 70.0) / 10.0)),
            ("eff/len_correct_p10", Some(1.0)),
            ("eff/len_correct_p50", Some(5.0)),
            ("eff/len_correct_p90", Some(9.0)),
            ("eff/len_wrong_p10", Some(30.0)),
            ("eff/len_wrong_p50", Some(30.0)),
            ("eff/len_wrong_p90", Some(40.0)),
            ("eff/completion_tokens", Some(135.0)),
        ],
    );
    assert_metrics(&groups[1..], &[], &[("eff/len_correct_p50", None), ("eff/len_correct_mean", None)]);
}

#[test]
fn phantom_groups_have_no_right_rollout_and_a_spread_that_counts() {
    let wrong = |reward, mask| Row { correct: false, ..row(reward, 2, mask) };
    let phantom = [wrong(0.0, No), wrong(-0.5, No)];
    let masked = [wrong(0.0, No), wrong(-0.5, Exclude)];
    let flat = [wrong(0.0, No), wrong(0.0, No)];
    let right = [row(1.0, 2, No), wrong(0.0, No)];
    let groups = credited(&[&phantom, &masked, &flat, &right]);
    assert_metrics(&groups, &[], &[("eff/phantom_groups", Some(0.25)), ("eff/phantom_groups_kept", Some(0.25))]);
    let mut gated = groups;
    gated[0].admission = Admission::AllWrong;
    assert_metrics(&gated, &[], &[("eff/phantom_groups", Some(0.25)), ("eff/phantom_groups_kept", Some(0.0))]);
}

#[test]
fn the_trap_test_counts_groups_whose_advantages_tell_short_answers_apart() {
    let wrong = |reward, length, mask| Row { correct: false, ..row(reward, length, mask) };
    // L_T is 8: told apart, a masked wrong one, nothing short that is wrong
    let apart = [row(1.0, 8, No), wrong(0.0, 2, No), row(0.0, 9, No)];
    let masked = [row(1.0, 8, No), wrong(0.0, 2, Exclude), row(0.0, 9, No)];
    let alone = [row(1.0, 8, No), wrong(0.0, 9, No)];
    // (1, 0, 0) has advantages of 2/√3 and −1/√3, (1, 0) of ±√½
    let gap = 3.0 / 3.0_f64.sqrt();
    assert_metrics(
        &credited(&[&apart, &masked, &alone]),
        &[],
        &[("eff/trap/comparable_groups", Some(2.0)), ("eff/trap/told_apart", Some(0.5)), ("eff/trap/advantage_gap", Some(gap))],
    );
    let none = [("eff/trap/comparable_groups", Some(0.0)), ("eff/trap/told_apart", None), ("eff/corr_adv_len", Some(-1.0))];
    assert_metrics(&credited(&[&alone]), &[], &none);
}

#[test]
fn short_less_long_compares_the_thirds_of_each_group() {
    // shortest two: 1 and 1 right; longest two: 1 of 2 right
    let six = [(1.0, 1), (1.0, 2), (0.0, 3), (0.0, 4), (1.0, 5), (0.0, 6)].map(|(reward, length)| row(reward, length, No));
    // ties are taken in: of the length 2 one of two is right; the longest is right
    let ties = [(1.0, 2), (0.0, 2), (1.0, 9)].map(|(reward, length)| row(reward, length, No));
    let equal = [(1.0, 4), (0.0, 4)].map(|(reward, length)| row(reward, length, No));
    let name = "eff/p_correct_short_minus_long";
    assert_metrics(&credited(&[&six]), &[], &[(name, Some(0.5))]);
    assert_metrics(&credited(&[&ties]), &[], &[(name, Some(-0.5))]);
    assert_metrics(&credited(&[&six, &ties, &equal]), &[], &[(name, Some(0.0))]);
    assert_metrics(&credited(&[&equal]), &[], &[(name, None)]);
}

#[test]
fn clip_ratios_and_kl_are_over_tokens_and_their_extremes_over_updates() {
    let stats = |tokens, clipped_low, clipped_high, kl_sum| {
        report(ObjectiveStats { tokens, clipped_low, clipped_high, kl_sum, ..ObjectiveStats::default() })
    };
    assert_metrics(
        &[],
        &[stats(10, 1, 0, 0.5), stats(0, 0, 0, 0.0), stats(30, 9, 6, 1.5)],
        &[
            ("clip_ratio/low_mean", Some(0.25)),
            ("clip_ratio/high_mean", Some(0.15)),
            ("clip_ratio/low_min", Some(0.1)),
            ("clip_ratio/high_max", Some(0.2)),
            ("approx_kl", Some(0.05)),
        ],
    );
    assert_metrics(&[], &[stats(0, 0, 0, 0.0)], &[("clip_ratio/low_min", None), ("approx_kl", None)]);
}

#[test]
fn a_recorded_evaluation_reads_back_whole() {
    let sample = curt_eval::Sample::new;
    let samples = [sample(0, 3, true, true), sample(0, 16, true, false), sample(1, 5, false, true), sample(1, 2, true, true)];
    let groups = curt_eval::Groups::new(&samples).unwrap();
    let summary = curt_eval::summarize(&groups, 16, &[4, 16], &[1, 2]).unwrap();
    let evaluation = Evaluation { summary, groups, verified: Vec::new() };
    let record = evaluation.to_record();
    let found = Evaluation::from_record(&serde_json::from_str(&record.to_string()).unwrap()).unwrap();
    assert_eq!((found.summary, found.groups), (evaluation.summary.clone(), evaluation.groups.clone()));
    for damaged in ["summary", "samples"] {
        let mut record = record.clone();
        match damaged {
            "summary" => record["mean_at_k"] = "many".into(),
            _ => record["samples"]["correct"][1] = serde_json::json!([1]),
        }
        assert!(Evaluation::from_record(&record).is_none(), "{damaged}");
    }
    let metrics = evaluation.metrics("set");
    let expected = [
        ("eval/set/mean@2", 0.75),
        ("eval/set/pass@2", 1.0),
        ("eval/set/budget_4/mean@2", 0.5),
        ("eval/set/budget_16/mean@2", 0.5),
        ("eval/set/mean_length", 6.5),
        ("eval/set/clipped_ratio", 0.25),
    ];
    assert_eq!(metrics, expected.map(|(name, value)| (name.to_owned(), value)));
}

/// Wants the second completion cut after so many tokens.
#[derive(Debug)]
struct Cutting(u32);

impl RewardStrategy for Cutting {
    fn name(&self) -> &'static str {
        "cutting"
    }

    fn shape(&self, _: &StepContext, _: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        out[0].total = 1.0;
        out[1].cut_at = Some(self.0);
        Ok(())
    }
}

#[test]
fn a_cut_to_nothing_is_refused() {
    let verified = shaped(4, &[row(1.0, 8, No), row(1.0, 9, No)]).verified;
    let error = shape(&mut Cutting(0), &StepContext::default(), vec![verified]).unwrap_err().to_string();
    for part in ["`cutting`", "completion 1", "`problem 4`", "to nothing"] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn what_is_cut_is_not_trained_on_and_not_counted() {
    let verified = shaped(4, &[row(1.0, 8, No), row(1.0, 9, No)]).verified;
    let whole = verified.group.completions[1].clone();
    let groups = shape(&mut Cutting(3), &StepContext::default(), vec![verified]).unwrap();
    let groups = credit(&Grpo::new(ScaleRewards::Group, 0.0).unwrap(), &NoGate, &Correctness, groups).unwrap();
    let minibatch = &pack(&groups, 1, NormalizerKind::All)[0];
    let [long, short] = &minibatch.sequences[..] else { panic!("{minibatch:?}") };
    assert_eq!((long.behaviour.len(), short.behaviour.len(), short.entropy.len(), short.sum_p2.len()), (8, 3, 3, 3));
    assert_eq!(short.tokens[short.prompt_length..], whole.ids[..3]);
    let mut expected = Normalizer::default();
    expected.count(8);
    expected.count(3);
    assert_eq!(minibatch.normalizer, expected);
    let lines = rollout_records(1, 0, &groups);
    assert_eq!(serde_json::to_value(&lines[1]).unwrap()["cut_at"], 3);
    assert!(serde_json::to_value(&lines[0]).unwrap().get("cut_at").is_none());
}
