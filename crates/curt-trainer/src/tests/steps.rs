//! Whole steps with a scripted policy: what reaches `backward` and `apply`.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use curt_runtime::{Purpose, StopReason, Tokenizer};

use super::scripted::{BeginsWithOne, Draft, Log, Scripted};
use crate::config::Config;
use crate::run_file::RunFile;
use crate::step::{StepOutcome, step};
use crate::trainer::Trainer;
use crate::verifiers::Verifiers;

/// Tokens of a chain prompt with one link.
const PROMPT: usize = 7;

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/tiny-good")
}

pub fn tokenizer() -> Tokenizer {
    Tokenizer::load(&folder()).unwrap()
}

/// Groups of four, L_T = 8, L_R = 16; update u (from 0) has learning rate u + 1.
pub fn config(more: &[&str]) -> Config {
    let sets = [
        "output_dir='unused'",
        "data.links=[1, 1]",
        "rollout.num_generations=4",
        "rollout.max_completion_length=16",
        "rollout.max_prompt_length=32",
        "reward.target_length=8",
        "algo.advantage_epsilon=0.0",
        "train.learning_rate=8.0",
        "train.warmup_steps=8",
        "train.micro_tokens=48",
        "eval.enabled=false",
    ];
    let sets: Vec<String> = sets.iter().chain(more).map(|s| (*s).to_owned()).collect();
    RunFile::load(None, &sets).unwrap()
}

/// A trainer of `drafts.len()` prompts per step.
pub fn trainer(drafts: Vec<Vec<Draft>>, more: &[&str]) -> (Trainer, Rc<RefCell<Log>>) {
    let tokenizer = tokenizer();
    let log = Rc::new(RefCell::new(Log::default()));
    let prompts = format!("rollout.prompts_per_step={}", drafts.len());
    let (right, wrong) = (tokenizer.token_to_id("1").unwrap(), tokenizer.token_to_id("0").unwrap());
    let policy = Scripted { drafts, right, wrong, shift: 0.125, log: log.clone() };
    let config = config(&[more, &[&prompts]].concat());
    let mut trainer = Trainer::new(config, Box::new(policy), tokenizer, &folder()).unwrap();
    trainer.verifiers = Verifiers::one(Box::new(BeginsWithOne));
    (trainer, log)
}

pub fn run_step(trainer: &mut Trainer, number: u32) -> StepOutcome {
    step(trainer, number, &mut |_| true).unwrap()
}

/// One right and three wrong, with these lengths.
pub fn one_of(lengths: [usize; 4]) -> Vec<Draft> {
    lengths.into_iter().enumerate().map(|(i, length)| Draft(i == 0, length, StopReason::Eos)).collect()
}

pub fn all_wrong() -> Vec<Draft> {
    vec![Draft(false, 4, StopReason::Eos); 4]
}

/// First derivative and number of tokens of each sequence of each call.
fn pushed(log: &Log) -> Vec<Vec<(f32, usize)>> {
    let sequence = |s: &super::scripted::Pushed| {
        assert!(s.d_logprob.iter().all(|d| *d == s.d_logprob[0]), "{s:?}");
        assert_eq!((s.prompt_length, s.tokens.len()), (PROMPT, PROMPT + s.d_logprob.len()));
        (s.d_logprob[0], s.d_logprob.len())
    };
    log.backward.iter().map(|call| call.iter().map(sequence).collect()).collect()
}

fn learning_rates(log: &Log) -> Vec<f64> {
    log.applied.iter().map(|update| update.learning_rate).collect()
}

/// d loss / d log-probability on policy = −A / T, T the tokens of the admitted group alone.
#[test]
fn on_policy_derivatives_are_minus_advantage_over_tokens() {
    let (mut trainer, log) = trainer(vec![all_wrong(), one_of([2, 4, 8, 2])], &[]);
    let outcome = run_step(&mut trainer, 2);
    let log = log.borrow();
    let expected = [(-1.5 / 16.0, 2), (0.5 / 16.0, 4), (0.5 / 16.0, 8), (0.5 / 16.0, 2)];
    assert_eq!(pushed(&log).concat(), expected);
    assert_eq!((learning_rates(&log), log.scored.len()), (vec![3.0], 0));
    assert_eq!((outcome.updates[0].mismatch_max, outcome.updates[0].mismatch_sum), (0.0, (0.0, 16)));
    assert_eq!((outcome.updates[0].trained_sequences, outcome.updates[0].trained_tokens), (4, 4 * PROMPT + 16));
    for (place, request) in log.requests.iter().enumerate() {
        let key = request.samples[3];
        assert_eq!((key.purpose, key.step, key.sample, request.max_new_tokens), (Purpose::Train, 2, 3, 16));
        assert_eq!((request.samples.len(), key.problem), (4, outcome.groups[place].shaped.verified.group.selected.key));
    }
}

#[test]
fn micro_batches_go_in_canonical_order_and_end_in_one_update() {
    // of 48 tokens: 23 + 23, then 8 + 15 + 10 + 13, then 20 + 19
    let prompts = vec![one_of([16, 16, 1, 8]), one_of([3, 6, 13, 12])];
    let (mut trainer, log) = trainer(prompts, &["reward.target_length=16"]);
    run_step(&mut trainer, 0);
    let log = log.borrow();
    let lengths: Vec<Vec<usize>> = pushed(&log).iter().map(|call| call.iter().map(|(_, n)| *n).collect()).collect();
    assert_eq!(lengths, [vec![16, 16], vec![1, 8, 3, 6], vec![13, 12]]);
    assert_eq!(log.applied.len(), 1);
}

/// The second share is scored, because the first moved the weights: each ratio is then exp(0.125).
#[test]
fn the_second_share_has_its_own_normalizer_and_ratios() {
    let shares = vec![one_of([4; 4]), all_wrong(), one_of([8; 4]), all_wrong()];
    let (mut trainer, log) = trainer(shares, &["algo.updates_per_batch=2"]);
    let outcome = run_step(&mut trainer, 1);
    let log = log.borrow();
    let ratio = libm::exp(0.125);
    let found = pushed(&log).concat();
    assert_eq!(found[..4], [(-1.5 / 16.0, 4), (0.5 / 16.0, 4), (0.5 / 16.0, 4), (0.5 / 16.0, 4)]);
    for ((d, n), advantage) in found[4..].iter().zip([1.5, -0.5, -0.5, -0.5]) {
        assert!((f64::from(*d) + ratio * advantage / 32.0).abs() < 1e-8 && *n == 8, "{d}");
    }
    assert_eq!(learning_rates(&log), [3.0, 4.0]);
    assert_eq!(log.scored.iter().sum::<usize>(), 4);
    assert!((outcome.updates[1].stats.mean_ratio().unwrap() - ratio).abs() < 1e-9);
    assert_eq!(outcome.updates[1].mismatch_sum.1, 0);
}

/// A ratio of exp(0.25) = 1.284 is above 1.2: the right completion has no gradient and is not passed back.
#[test]
fn a_clipped_sequence_is_not_passed_back() {
    let shares = vec![one_of([4; 4]), one_of([4; 4]), one_of([4; 4])];
    let (mut trainer, log) = trainer(shares, &["algo.updates_per_batch=3"]);
    let outcome = run_step(&mut trainer, 0);
    assert_eq!(pushed(&log.borrow()).concat().len(), 4 + 4 + 3);
    assert_eq!(outcome.updates[2].stats.clipped_high, 4);
    assert_eq!(outcome.updates[2].trained_sequences, 3);
}

#[test]
fn a_share_without_signal_changes_no_weight_and_keeps_its_place() {
    for (empty, rates) in [(0, vec![4.0]), (1, vec![3.0])] {
        let mut shares = vec![one_of([4; 4]); 2];
        shares[empty] = all_wrong();
        let (mut trainer, log) = trainer(shares, &["algo.updates_per_batch=2"]);
        let outcome = run_step(&mut trainer, 1);
        let norms: Vec<bool> = outcome.updates.iter().map(|update| update.norms.is_some()).collect();
        assert_eq!(norms, [empty == 1, empty == 0]);
        assert_eq!(outcome.updates.iter().map(|update| update.learning_rate).collect::<Vec<_>>(), [3.0, 4.0]);
        let log = log.borrow();
        assert_eq!((learning_rates(&log), log.scored.len()), (rates, 0));
    }
}

/// Beginning right is not enough: it must have ended.
#[test]
fn a_right_completion_that_was_cut_off_earns_nothing() {
    let cut = Draft(true, 8, StopReason::Budget);
    let (mut trainer, log) = trainer(vec![vec![cut; 4], vec![cut, cut, Draft(true, 8, StopReason::Eos), cut]], &[]);
    let outcome = run_step(&mut trainer, 0);
    assert_eq!(outcome.groups[0].admission.word(), "all_wrong");
    let thirty_second = 1.0 / 32.0;
    let found = pushed(&log.borrow()).concat();
    assert_eq!(found, [(0.5, 8), (0.5, 8), (-1.5, 8), (0.5, 8)].map(|(d, n)| (d * thirty_second, n)));
    let truncated: Vec<bool> = outcome.groups[1].shaped.rollouts.iter().map(|r| r.truncated).collect();
    assert_eq!(truncated, [true, true, false, true]);
}
