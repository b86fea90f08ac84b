//! Every estimator and every objective goes through the trainer, and the KL term with its reference.

use curt_runtime::{PolicyError, ReferencePolicy, Sequence, StopReason, TokenFacts};

use super::scripted::{Draft, LOGPROB};
use super::steps::{folder, run_step, trainer};

/// A reference that finds every token less likely than the policy did, by this much.
struct Below(f32);

impl ReferencePolicy for Below {
    fn score(&mut self, sequences: &[Sequence<'_>], _: f64) -> Result<Vec<TokenFacts>, PolicyError> {
        let facts = |n: usize| TokenFacts { logprob: vec![LOGPROB - self.0; n], entropy: vec![0.5; n], sum_p2: vec![0.25; n] };
        Ok(sequences.iter().map(|s| facts(s.completion_length())).collect())
    }
}

/// A group of four of these lengths, the first one right.
fn group(lengths: [usize; 4]) -> Vec<Draft> {
    lengths.into_iter().enumerate().map(|(i, length)| Draft(i == 0, length, StopReason::Eos)).collect()
}

fn drafts() -> Vec<Vec<Draft>> {
    vec![group([2, 4, 6, 8]), group([3, 5, 7, 1])]
}

#[test]
fn every_estimator_and_objective_trains() {
    for advantage in curt_advantage::estimator_names() {
        for loss_type in curt_advantage::objective_names() {
            let words = [format!("algo.advantage={advantage}"), format!("algo.loss_type={loss_type}")];
            let more = [words[0].as_str(), words[1].as_str(), "algo.updates_per_batch=2"];
            let (mut trainer, log) = trainer(drafts(), &more);
            for number in 0..2 {
                let outcome = run_step(&mut trainer, number);
                // the second update may find all of its credited tokens clipped
                assert!(outcome.updates[0].norms.is_some(), "{words:?}");
                assert!(outcome.updates.iter().all(|update| update.stats.loss.is_finite()), "{words:?}");
            }
            let pushed = log.borrow().backward.concat();
            assert!(pushed.iter().all(|s| s.d_logprob.iter().all(|d| d.is_finite())), "{words:?}");
            assert!(pushed.iter().any(|s| s.d_logprob.iter().any(|d| *d < 0.0)), "{words:?}: nothing is reinforced");
        }
    }
}

/// Those that look at the whole minibatch too: `clip_cov` and `kl_cov`.
#[test]
fn cutting_into_micro_batches_changes_no_slope() {
    for loss_type in curt_advantage::objective_names() {
        let pushed = |micro_tokens: &str| {
            let word = format!("algo.loss_type={loss_type}");
            let long = vec![group([8, 16, 14, 12]), group([3, 15, 16, 11])];
            let (trainer, log) = trainer(long, &[&word, micro_tokens, "algo.updates_per_batch=2", "algo.beta=0.1"]);
            let mut trainer = trainer.with_reference(Box::new(Below(0.5)), &folder()).unwrap();
            run_step(&mut trainer, 0);
            let calls = log.borrow().backward.len();
            (log.borrow().backward.concat(), calls)
        };
        let ((fine, many), (coarse, few)) = (pushed("train.micro_tokens=48"), pushed("train.micro_tokens=4096"));
        assert_eq!(fine, coarse, "{loss_type}");
        assert!(many > few, "{loss_type}: {many} and {few} passes");
    }
}

#[test]
fn the_kl_term_pulls_to_the_reference() {
    let slopes = |more: &[&str]| {
        let (trainer, log) = trainer(drafts(), more);
        let mut trainer = trainer.with_reference(Box::new(Below(0.5)), &folder()).unwrap();
        let outcome = run_step(&mut trainer, 0);
        let pushed: Vec<f32> = log.borrow().backward.concat().iter().map(|s| s.d_logprob[0]).collect();
        (pushed, outcome.updates[0].stats)
    };
    let (without, stats) = slopes(&[]);
    assert_eq!(stats.reference_kl(), None);
    // k3 at d = ½: value e^−½ − ½, slope 1 − e^−½
    let (value, slope) = (libm::exp(-0.5) - 0.5, 1.0 - libm::exp(-0.5));
    let (with, stats) = slopes(&["algo.beta=0.2"]);
    assert!((stats.reference_kl().unwrap() - value).abs() < 1e-7);
    assert_eq!(stats.reference_tokens, 36);
    for (with, without) in with.iter().zip(&without) {
        let expected = without + 0.2 * slope as f32 / 36.0;
        assert!((with - expected).abs() < 1e-7, "{with} {expected}");
    }
    // k2: slope d
    let (with, _) = slopes(&["algo.beta=0.2", "algo.kl_estimator=k2"]);
    assert!((with[0] - (without[0] + 0.2 * 0.5 / 36.0)).abs() < 1e-7);
}

#[test]
fn rollouts_without_an_advantage_are_held_to_the_reference_too() {
    let flat = vec![vec![Draft(true, 4, StopReason::Eos); 4]];
    let more = ["rollout.group_filter=none", "algo.beta=0.2"];
    let (trainer, log) = trainer(flat, &more);
    let mut trainer = trainer.with_reference(Box::new(Below(0.5)), &folder()).unwrap();
    run_step(&mut trainer, 0);
    let pushed = log.borrow().backward.concat();
    assert_eq!(pushed.len(), 4);
    assert!(pushed.iter().all(|s| s.d_logprob.iter().all(|d| *d > 0.0)));
}

#[test]
fn the_entropy_bonus_reaches_the_policy() {
    // the scripted policy keeps no derivative of entropies, so the loss tells
    let loss = |more: &[&str]| run_step(&mut trainer(drafts(), more).0, 0).updates[0].stats.loss;
    // every token has an entropy of ½
    assert!((loss(&[]) - loss(&["algo.entropy_bonus=0.1"]) - 0.05).abs() < 1e-9);
}

#[test]
fn wrong_rollouts_that_were_left_behind_are_masked() {
    let masked = |threshold: &str| {
        let (mut trainer, _) = trainer(drafts(), &["algo.updates_per_batch=2", threshold]);
        let outcome = run_step(&mut trainer, 0);
        outcome.updates.iter().map(|update| update.stats.masked).collect::<Vec<_>>()
    };
    // an update makes every token more likely by ⅛, so that no rollout is left behind
    assert_eq!(masked("algo.off_policy_mask_threshold=0.0"), [0, 0]);
}
