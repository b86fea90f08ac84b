//! Laws of all strategies of this crate, on random groups.

use curt_reward::{Facts, StepContext, Truncation, by_name, names, parameters_of};
use curt_reward::{Masking, MinusLc, MinusLcLi, MinusLcSi, Parameters, ProblemKey, RewardStrategy, Rollout, Shaped};
use proptest::prelude::*;

/// Groups of 1 to 24 rollouts whose lengths often tie and often meet the target exactly.
fn group_and_target() -> impl Strategy<Value = (Vec<Rollout>, u32)> {
    (1u32..200).prop_flat_map(|target| {
        let length = prop_oneof![Just(target), Just(target + 1), Just(target - 1), 0u32..400];
        let rollout = (any::<bool>(), length, any::<bool>()).prop_map(|(correct, length, truncated)| Rollout {
            truncated: truncated && !correct,
            ..Rollout::new(ProblemKey(9), correct, length)
        });
        (prop::collection::vec(rollout, 1..25), Just(target))
    })
}

/// Each strategy with this target, in both ways of masking where it masks.
fn all(target: u32) -> Vec<Box<dyn RewardStrategy>> {
    let mut strategies = Vec::new();
    for name in names() {
        let known = parameters_of(name).unwrap();
        let masking = if known.contains(&"masking") { &["exclude", "zero_after"][..] } else { &["none"] };
        for way in masking {
            let mut parameters = Parameters::new();
            if known.contains(&"target_length") {
                parameters = parameters.with("target_length", target);
            }
            if known.contains(&"masking") {
                parameters = parameters.with("masking", *way);
            }
            strategies.push(by_name(name, &parameters).unwrap());
        }
    }
    strategies
}

fn shape(strategy: &dyn RewardStrategy, group: &[Rollout]) -> Vec<Shaped> {
    let mut out = vec![Shaped::default(); group.len()];
    strategy.shape(&StepContext::default(), group, &mut out).unwrap();
    out
}

fn totals(shaped: &[Shaped]) -> Vec<f64> {
    shaped.iter().map(|s| s.total).collect()
}

proptest! {
    #[test]
    fn order_within_the_group_does_not_matter((group, target) in group_and_target(), seed in any::<usize>()) {
        let mut order: Vec<usize> = (0..group.len()).collect();
        order.rotate_left(seed % group.len());
        order.swap(0, seed / 31 % group.len());
        let permuted: Vec<Rollout> = order.iter().map(|&i| group[i]).collect();
        for strategy in all(target) {
            let (direct, moved) = (shape(&*strategy, &group), shape(&*strategy, &permuted));
            for (place, &i) in order.iter().enumerate() {
                prop_assert_eq!(&moved[place], &direct[i], "{}", strategy.name());
            }
        }
    }

    #[test]
    fn wrong_answers_are_never_rewarded((mut group, target) in group_and_target()) {
        for strategy in all(target) {
            for (rollout, shaped) in group.iter().zip(shape(&*strategy, &group)) {
                prop_assert!(rollout.correct || shaped.total <= 0.0, "{}", strategy.name());
            }
        }
        group.iter_mut().for_each(|rollout| rollout.correct = false);
        for strategy in all(target) {
            prop_assert!(totals(&shape(&*strategy, &group)).iter().all(|&r| r <= 0.0), "all wrong: {}", strategy.name());
        }
    }

    #[test]
    fn reward_never_rises_with_length((group, target) in group_and_target(), more in 1u32..300) {
        let longer: Vec<Rollout> = group.iter().map(|r| Rollout { length: r.length + more, ..*r }).collect();
        for strategy in all(target) {
            for (short, long) in shape(&*strategy, &group).iter().zip(shape(&*strategy, &longer)) {
                prop_assert!(long.total <= short.total, "{}", strategy.name());
            }
        }
    }

    #[test]
    fn raising_the_target_never_lowers_a_truncation_reward((group, target) in group_and_target(), more in 1u32..300) {
        let low = shape(&Truncation::new(target).unwrap(), &group);
        let high = shape(&Truncation::new(target + more).unwrap(), &group);
        prop_assert!(low.iter().zip(&high).all(|(l, h)| l.total <= h.total));
    }

    #[test]
    fn at_the_cap_truncation_is_correctness((group, cap) in group_and_target()) {
        // L_R = L_T: no rollout is longer than the target.
        let capped: Vec<Rollout> = group.iter().map(|r| Rollout { length: r.length.min(cap), ..*r }).collect();
        let ctx = StepContext { step: 0, max_completion_length: Some(cap) };
        let mut out = vec![Shaped::default(); capped.len()];
        Truncation::new(cap).unwrap().shape(&ctx, &capped, &mut out).unwrap();
        let correctness: Vec<f64> = capped.iter().map(|r| f64::from(u8::from(r.correct))).collect();
        prop_assert_eq!(totals(&out), correctness);
    }

    #[test]
    fn masked_rollouts_carry_no_reward_and_parts_sum_to_the_total((group, target) in group_and_target()) {
        for strategy in all(target) {
            for shaped in shape(&*strategy, &group) {
                prop_assert_eq!(shaped.parts.iter().map(|part| part.1).sum::<f64>(), shaped.total);
                prop_assert!(shaped.in_statistics || !shaped.in_loss, "{}: in the loss alone", strategy.name());
                prop_assert!(shaped.in_loss || shaped.total == 0.0, "{}: masked with a reward", strategy.name());
            }
        }
    }

    #[test]
    fn what_minus_lc_masks_is_masked_by_its_longer_variants((group, target) in group_and_target()) {
        let masked = |s: &dyn RewardStrategy| shape(s, &group).iter().map(|s| !s.in_loss).collect::<Vec<_>>();
        let lc = masked(&MinusLc::new(target, Masking::Exclude).unwrap());
        let si = masked(&MinusLcSi::new(target, Masking::Exclude).unwrap());
        let li = masked(&MinusLcLi::new(target, Masking::Exclude).unwrap());
        for i in 0..group.len() {
            prop_assert!(!lc[i] || (si[i] && li[i]));
        }
    }

    #[test]
    fn minus_lc_family_puts_every_right_answer_above_every_wrong_one((group, target) in group_and_target()) {
        for strategy in all(target).iter().filter(|s| s.name().starts_with("minus_lc")) {
            let shaped = shape(&**strategy, &group);
            let trained: Vec<_> = group.iter().zip(&shaped).filter(|(_, s)| s.in_loss).collect();
            let (right, wrong): (Vec<_>, Vec<_>) = trained.into_iter().partition(|(r, _)| r.correct);
            prop_assert!(right.iter().all(|(_, r)| wrong.iter().all(|(_, w)| r.total > w.total)), "{}", strategy.name());
        }
    }

    #[test]
    fn stateless_strategies_save_their_name_and_load_it_back((group, target) in group_and_target()) {
        for mut strategy in all(target) {
            let (state, before) = (strategy.save(), shape(&*strategy, &group));
            strategy.load(&state).unwrap();
            prop_assert_eq!(shape(&*strategy, &group), before);
            prop_assert_eq!(strategy.needs(), Facts::BASIC);
            prop_assert!(strategy.metrics().is_empty());
        }
    }
}

/// Where a law is broken on purpose: a long right answer gets no more than a wrong one.
#[test]
fn truncation_does_not_separate_long_right_answers_from_wrong_ones() {
    let group = [Rollout::new(ProblemKey(0), true, 11), Rollout::new(ProblemKey(0), false, 3)];
    assert_eq!(totals(&shape(&Truncation::new(10).unwrap(), &group)), [0.0, 0.0]);
}
