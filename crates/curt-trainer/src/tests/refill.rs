//! `refill` with a scripted policy: which prompts are sampled, what is trained on, and that it comes out as planned.

use curt_difficulty::{Admission, Refill, RefillStep};
use curt_runtime::StopReason;

use super::scripted::Draft;
use super::steps::{all_wrong, one_of, run_step, trainer};
use crate::refill::refill_metrics;
use crate::step::StepOutcome;

use Admission::{AllWrong, Kept, Surplus};

/// Steps of two prompts whose groups are these, in the order of the draw; w is all wrong, any other is kept.
fn outcome(groups: &str, more: &[&str]) -> (StepOutcome, Vec<u16>, Vec<usize>) {
    outcome_of_updates(groups, more, 1)
}

fn outcome_of_updates(groups: &str, more: &[&str], updates: usize) -> (StepOutcome, Vec<u16>, Vec<usize>) {
    let drafts = groups.chars().map(|group| if group == 'w' { all_wrong() } else { one_of([4; 4]) }).collect();
    let (mut trainer, log) = trainer(drafts, more);
    (trainer.config.rollout.prompts_per_step, trainer.config.algo.updates_per_batch) = (2, updates);
    let outcome = run_step(&mut trainer, 0);
    let log = log.borrow();
    let rounds = log.requests.iter().map(|request| request.samples[0].refill).collect();
    let trained = outcome.updates.iter().map(|update| update.trained_sequences).collect();
    (outcome, rounds, trained)
}

fn admissions(outcome: &StepOutcome) -> Vec<Admission> {
    outcome.groups.iter().map(|group| group.admission).collect()
}

#[test]
fn dropped_groups_are_replaced() {
    let (found, rounds, trained) = outcome("kwwk", &["rollout.refill_rounds=3"]);
    assert_eq!(admissions(&found), [Kept, AllWrong, AllWrong, Kept]);
    assert_eq!((rounds, trained), (vec![0, 0, 1, 1], vec![8]));
    let cost = found.refill.unwrap();
    assert_eq!((cost.refills, cost.sampled, cost.kept, cost.missing, cost.surplus), (1, 4, 2, 0, 0));
    let metrics = refill_metrics(&cost).map(|(name, value)| format!("{name} {value}"));
    let expected = ["rounds 1", "sampled 4", "kept 2", "missing 0", "surplus 0", "oversampling 2"];
    assert_eq!(metrics, expected.map(|text| format!("eff/refill/{text}")));
}

#[test]
fn a_full_step_samples_no_more() {
    for (groups, rounds) in [("kk", "3"), ("kw", "0")] {
        let (found, requests, _) = outcome(groups, &[&format!("rollout.refill_rounds={rounds}")]);
        assert_eq!(requests, [0, 0]);
        assert_eq!(found.refill.map(|cost| cost.sampled), (rounds != "0").then_some(2));
    }
}

/// The later ones of the kept groups are left out, though their advantages would not be 0.
#[test]
fn surplus_is_not_trained_on() {
    let (found, _, trained) = outcome("wkkk", &["rollout.refill_rounds=1"]);
    assert_eq!(admissions(&found), [AllWrong, Kept, Kept, Surplus]);
    assert_eq!((trained, found.refill.unwrap().surplus), (vec![8], 1));
    assert!(found.groups[3].credits.iter().all(|credit| credit.is_zero()));
    assert!((0..4).all(|sample| !found.groups[3].in_loss(sample)));
}

/// Nothing is kept: the rounds grow up to four times as many prompts as a step, and there are no more of them than allowed.
#[test]
fn the_limit_ends_a_step_without_signal() {
    let (found, rounds, trained) = outcome("w", &["rollout.refill_rounds=3"]);
    assert_eq!(rounds, [vec![0; 2], vec![1; 4], vec![2; 8], vec![3; 8]].concat());
    assert_eq!(trained, [0]);
    let cost = found.refill.unwrap();
    assert_eq!((cost.refills, cost.sampled, cost.kept, cost.missing), (3, 22, 0, 2));
    assert!(refill_metrics(&cost)[5].1.is_infinite());
}

/// Each update has its share of the groups that are kept, wherever they came in the draw.
#[test]
fn shares_of_a_refilled_step_are_equal() {
    for groups in ["wkwk", "kwwk", "wwwkkkk"] {
        let (_, _, trained) = outcome_of_updates(groups, &["rollout.refill_rounds=3"], 2);
        assert_eq!(trained, [4, 4], "{groups}");
    }
    // and where they are too few, an update is without
    let (_, _, trained) = outcome_of_updates("wkw", &["rollout.refill_rounds=1"], 2);
    assert_eq!(trained, [0, 4]);
}

/// The plan of `curt-difficulty`, told what is in the records, asks for the rounds that were sampled.
#[test]
fn the_rounds_are_those_of_the_plan() {
    for groups in ["kw", "wwk", "wwwwwwwwwk", "wwwwk", "kwwwwwwwwwwwww", "w"] {
        let (found, rounds, _) = outcome(groups, &["rollout.refill_rounds=4"]);
        let mut plan = Refill::new(2, 4).unwrap();
        let kept = |group: &usize| matches!(found.groups[*group].admission, Kept | Surplus);
        let (mut first, mut round) = (0, 0);
        while let RefillStep::Sample(more) = plan.plan() {
            let end = first + more as usize;
            assert_eq!(rounds[first..end], vec![round; more as usize], "{groups}");
            plan.sampled(more, (first..end).filter(kept).count() as u32).unwrap();
            (first, round) = (end, round + 1);
        }
        assert_eq!((first, Some(plan.cost())), (rounds.len(), found.refill), "{groups}");
    }
}

/// `short_rl` counts lengths only while the accuracy of the step is near its best, so what is kept of the first round changes as
/// the later ones come: the step that is trained on is the one that was counted last.
#[test]
fn a_strategy_that_looks_at_the_step_is_asked_about_the_whole_step() {
    let right = |lengths: [usize; 4]| lengths.map(|length| Draft(true, length, StopReason::Eos)).to_vec();
    let drafts = vec![right([2, 4, 6, 8]), right([2, 2, 2, 2]), all_wrong(), all_wrong(), one_of([4; 4]), one_of([4; 4])];
    let (mut trainer, _) = trainer(drafts, &["reward.strategy=short_rl", "rollout.refill_rounds=5"]);
    trainer.config.rollout.prompts_per_step = 2;
    let found = run_step(&mut trainer, 0);
    let kept = found.groups.iter().filter(|group| matches!(group.admission, Kept | Surplus)).count() as u64;
    let cost = found.refill.unwrap();
    assert_eq!((cost.kept, cost.sampled), (kept, found.groups.len() as u64));
}
