//! `verify`, `credit` and `pack` on groups made by hand.

use curt_advantage::{AdvantageError, AdvantageEstimator, Credit, Grpo, Normalizer, RewardGroup, ScaleRewards};
use curt_difficulty::{Admission, AnyCorrectAndSpread, Gate, MixedOutcome, NoGate};
use curt_reward::{Correctness, RewardError, RewardStrategy, Rollout, Shaped, StepContext};
use curt_verify::{Verdict, Verification};

use super::scripted::{Mask, Row, row, shaped};
use crate::config::NormalizerKind;
use crate::credit::{CreditedGroup, credit};
use crate::pack::pack;
use crate::verify::CompletionVerdict;

use Mask::{Exclude, No, ZeroAfter};

/// √½: the deviation of the rewards 1 and 0.
const ROOT_HALF: f64 = std::f64::consts::FRAC_1_SQRT_2;

fn credited(scale: ScaleRewards, gate: &dyn Gate, groups: &[&[Row]]) -> Vec<CreditedGroup> {
    let groups = groups.iter().enumerate().map(|(number, rows)| shaped(number as u32, rows)).collect();
    credit(&Grpo::new(scale, 0.0).unwrap(), gate, &Correctness, groups).unwrap()
}

fn advantages(group: &CreditedGroup) -> Vec<f64> {
    group.credits.iter().map(|credit| credit.at(0)).collect()
}

/// One of each kind: kept; dropped; masked in both ways; kept again, so that nothing may shift.
fn groups() -> [Vec<Row>; 5] {
    let ones_and_zeros = |lengths: [u32; 4], masks: [Mask; 4]| -> Vec<Row> {
        (0..4).map(|i| row(f64::from(u8::from(i == 0)), lengths[i], masks[i])).collect()
    };
    [
        ones_and_zeros([1, 2, 3, 2], [No; 4]),
        [5; 4].map(|length| row(0.0, length, No)).to_vec(),
        ones_and_zeros([2, 6, 7, 8], [No, No, Exclude, Exclude]),
        ones_and_zeros([3, 1, 9, 9], [No, No, ZeroAfter, ZeroAfter]),
        vec![row(0.0, 4, No), row(0.0, 4, No), row(1.0, 4, No), row(0.0, 4, No)],
    ]
}

fn example() -> Vec<CreditedGroup> {
    let groups = groups();
    credited(ScaleRewards::Group, &AnyCorrectAndSpread, &groups.each_ref().map(|rows| &rows[..]))
}

#[test]
fn only_a_completion_that_ended_is_correct() {
    for (finished, verdict, correct) in [
        (true, Verdict::Correct, true),
        (false, Verdict::Correct, false),
        (true, Verdict::Wrong, false),
        (true, Verdict::Ungradable, false),
    ] {
        let verdict =
            CompletionVerdict { verification: Verification { verdict, extracted: None, reason: None }, finished, counts: true };
        assert_eq!(verdict.is_correct(), correct, "{verdict:?}");
    }
}

#[test]
fn credit_of_kept_dropped_and_masked_groups() {
    let found = example();
    let admissions: Vec<Admission> = found.iter().map(|group| group.admission).collect();
    assert_eq!(admissions, [Admission::Kept, Admission::AllWrong, Admission::Kept, Admission::Kept, Admission::Kept]);
    assert_eq!(advantages(&found[0]), [1.5, -0.5, -0.5, -0.5]);
    assert_eq!(advantages(&found[1]), [0.0; 4]);
    // of the counted 1 and 0 the mean is ½
    let excluded = advantages(&found[2]);
    assert!((excluded[0] - ROOT_HALF).abs() < 1e-15 && (excluded[1] + ROOT_HALF).abs() < 1e-15, "{excluded:?}");
    assert_eq!(excluded[2..], [0.0, 0.0]);
    // masked rollouts count as zeros: the mean is ¼
    assert_eq!(advantages(&found[3]), [1.5, -0.5, 0.0, 0.0]);
    assert_eq!(advantages(&found[4]), [-0.5, -0.5, 1.5, -0.5]);
}

#[test]
fn in_loss_needs_a_kept_group_and_no_mask() {
    let found: Vec<Vec<bool>> = example().iter().map(|group| (0..4).map(|i| group.in_loss(i)).collect()).collect();
    let half = [true, true, false, false];
    assert_eq!(found, [[true; 4], [false; 4], half, half, [true; 4]]);
}

#[test]
fn a_gate_sees_what_counts() {
    let one_counted = [row(1.0, 2, No), row(0.0, 2, Exclude), row(0.0, 2, Exclude)];
    assert_eq!(credited(ScaleRewards::Group, &AnyCorrectAndSpread, &[&one_counted])[0].admission, Admission::NoSpread);
    let zeros = [row(1.0, 2, No), row(0.0, 2, ZeroAfter), row(0.0, 2, ZeroAfter)];
    assert_eq!(credited(ScaleRewards::Group, &AnyCorrectAndSpread, &[&zeros])[0].admission, Admission::Kept);
    // right and wrong are told by verdicts, not by rewards
    let long_and_right = Row { correct: true, ..row(0.0, 2, No) };
    assert_eq!(
        credited(ScaleRewards::Group, &MixedOutcome, &[&[row(1.0, 2, No), long_and_right]])[0].admission,
        Admission::AllCorrect
    );
}

#[test]
fn the_deviation_of_a_batch_leaves_dropped_groups_out() {
    // counted: 1, 0 and 1, 1, 1, 0, mean 2/3, squares 2·(2/3)² + 4·(1/3)² = 4/3, deviation √(4/15)
    let pair = [row(1.0, 1, No), row(0.0, 1, No)];
    let dropped = [row(-9.0, 1, No), row(-5.0, 1, No)];
    let four = [row(1.0, 1, No), row(1.0, 1, No), row(1.0, 1, No), row(0.0, 1, No)];
    let found = credited(ScaleRewards::Batch, &AnyCorrectAndSpread, &[&pair, &dropped, &four]);
    let deviation = (4.0_f64 / 15.0).sqrt();
    for (group, centred) in [(&found[0], &[0.5, -0.5][..]), (&found[1], &[0.0, 0.0]), (&found[2], &[0.25, 0.25, 0.25, -0.75])] {
        for (advantage, centred) in advantages(group).into_iter().zip(centred) {
            assert!((advantage - centred / deviation).abs() < 1e-14, "{advantage} {centred}");
        }
    }
}

/// Doubles advantages, then adds the index of the rollout.
#[derive(Debug)]
struct Doubling;

impl RewardStrategy for Doubling {
    fn name(&self) -> &'static str {
        "doubling"
    }

    fn shape(&self, _: &StepContext, _: &[Rollout], _: &mut [Shaped]) -> Result<(), RewardError> {
        Ok(())
    }

    fn reweights(&self) -> bool {
        true
    }

    fn reweight(&self, advantages: &mut [f64], group: &[Rollout]) {
        assert_eq!(advantages.len(), group.len());
        advantages.iter_mut().enumerate().for_each(|(i, a)| *a = 2.0 * *a + i as f64);
    }
}

#[test]
fn a_strategy_may_reweight_kept_groups() {
    let groups = groups().iter().take(2).enumerate().map(|(number, rows)| shaped(number as u32, rows)).collect();
    let found = credit(&Grpo::new(ScaleRewards::Group, 0.0).unwrap(), &AnyCorrectAndSpread, &Doubling, groups).unwrap();
    assert_eq!(advantages(&found[0]), [3.0, 0.0, 1.0, 2.0]);
    assert_eq!(advantages(&found[1]), [0.0; 4]);
}

/// Gives the first token of each rollout its reward, and the others nothing.
#[derive(Debug)]
struct FirstToken;

impl AdvantageEstimator for FirstToken {
    fn name(&self) -> &'static str {
        "first_token"
    }

    fn estimate(&self, groups: &[RewardGroup]) -> Result<Vec<Vec<Credit>>, AdvantageError> {
        Ok(groups.iter().map(|group| group.rewards.iter().map(|&reward| Credit::Tokens(vec![reward])).collect()).collect())
    }
}

#[test]
fn a_strategy_that_reweights_is_refused_where_tokens_are_credited() {
    let groups = || groups().iter().take(2).enumerate().map(|(number, rows)| shaped(number as u32, rows)).collect();
    let found = credit(&FirstToken, &NoGate, &Correctness, groups()).unwrap();
    assert_eq!(advantages(&found[0]), [1.0, 0.0, 0.0, 0.0]);
    let error = credit(&FirstToken, &NoGate, &Doubling, groups()).unwrap_err().to_string();
    assert_eq!(
        error,
        "algo.advantage = \"first_token\" gives each token an advantage of its own, and reward.strategy `doubling` weighs one per \
         rollout: choose another for one of the two"
    );
}

/// First tokens, prompt lengths, completion lengths and advantages of packed sequences.
type Packed = Vec<(u32, usize, usize, f64)>;

fn packed(groups: &[CreditedGroup], updates: usize, kind: NormalizerKind) -> Vec<(Packed, Normalizer)> {
    let minibatches = pack(groups, updates, kind);
    let sequence = |s: &crate::pack::PackedSequence| {
        assert_eq!((s.policy_version, s.entropy[0], s.sum_p2[0]), (3, 0.5, 0.25));
        let sample = f64::from(s.tokens[2] % 100);
        assert!(s.behaviour.iter().all(|&logprob| logprob == -1.0 - sample), "{s:?}");
        let Credit::Sequence(advantage) = s.credit else { panic!("{:?}", s.credit) };
        (s.tokens[2], s.prompt_length, s.tokens.len() - s.prompt_length, advantage)
    };
    minibatches.iter().map(|m| (m.sequences.iter().map(sequence).collect(), m.normalizer)).collect()
}

fn counts(action_tokens: u64, sequences: u64) -> Normalizer {
    Normalizer { action_tokens, sequences }
}

#[test]
fn pack_keeps_in_loss_completions_in_order_with_their_credits() {
    let root = advantages(&example()[2])[0];
    let first = vec![(0, 2, 1, 1.5), (1, 2, 2, -0.5), (2, 2, 3, -0.5), (3, 2, 2, -0.5)];
    let second = vec![(200, 2, 2, root), (201, 2, 6, -root)];
    let third = vec![(300, 2, 3, 1.5), (301, 2, 1, -0.5)];
    let fourth = vec![(400, 2, 4, -0.5), (401, 2, 4, -0.5), (402, 2, 4, 1.5), (403, 2, 4, -0.5)];
    let whole = packed(&example(), 1, NormalizerKind::All);
    assert_eq!(whole, [([first.clone(), second.clone(), third.clone(), fourth.clone()].concat(), counts(8 + 8 + 4 + 16, 12))]);
    // without the last group: two shares of two prompts, each with a normalizer of its own
    let halves = packed(&example()[..4], 2, NormalizerKind::All);
    assert_eq!(halves, [(first, counts(8, 4)), ([second, third].concat(), counts(12, 4))]);
}

/// Invariant 8: a flat group in the loss counts, though it moves nothing; `active` leaves it out.
#[test]
fn the_normalizer_counts_zero_advantages_unless_told_otherwise() {
    let flat = [row(1.0, 5, No), row(1.0, 6, No)];
    let spread = [row(1.0, 1, No), row(0.0, 2, No), row(0.0, 4, Exclude)];
    let groups = credited(ScaleRewards::Group, &NoGate, &[&flat, &spread]);
    for (updates, kind, expected) in [
        (1, NormalizerKind::All, vec![counts(14, 4)]),
        (1, NormalizerKind::Active, vec![counts(3, 2)]),
        (2, NormalizerKind::All, vec![counts(11, 2), counts(3, 2)]),
        (2, NormalizerKind::Active, vec![counts(0, 0), counts(3, 2)]),
    ] {
        let found: Vec<Normalizer> = packed(&groups, updates, kind).into_iter().map(|(_, normalizer)| normalizer).collect();
        assert_eq!(found, expected, "{updates} {kind:?}");
    }
}
