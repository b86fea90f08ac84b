//! What every strategy of this crate keeps, and what only some promise. Which laws of the table hold for which strategy is in
//! `table_of_laws.rs`.

use curt_reward::laws::{self, Broken, Case};
use curt_reward::{Masking, MinusLc, MinusLcLi, MinusLcSi, Parameters, Preset, ProblemKey, RewardStrategy, Rollout, StepContext};
use curt_reward::{Truncation, by_name, names, parameters_of};
use proptest::prelude::*;

/// Every strategy with a target that the cases often meet, in both ways of masking where it masks.
fn all() -> Vec<Box<dyn Fn() -> Box<dyn RewardStrategy>>> {
    let mut makers: Vec<Box<dyn Fn() -> Box<dyn RewardStrategy>>> = Vec::new();
    for name in names() {
        let known = parameters_of(name).unwrap();
        let mut parameters = Parameters::new();
        for parameter in known {
            match parameter.preset {
                Preset::Target => parameters = parameters.with(parameter.name, 1024),
                Preset::Limit => parameters = parameters.with(parameter.name, 32768),
                _ => {}
            }
        }
        if known.iter().any(|parameter| parameter.name == "masking") {
            let zero_after = parameters.clone().with("masking", "zero_after");
            makers.push(Box::new(move || by_name(name, &zero_after).unwrap()));
        }
        makers.push(Box::new(move || by_name(name, &parameters).unwrap()));
    }
    makers
}

fn keep(law: fn(&dyn RewardStrategy) -> Result<(), Box<Broken>>, but: &[&str]) {
    for make in all() {
        let strategy = make();
        let outcome = law(&*strategy);
        if but.contains(&strategy.name()) {
            outcome.expect_err(strategy.name());
        } else if let Err(broken) = outcome {
            panic!("{broken}");
        }
    }
}

#[test]
fn all_are_finite() {
    keep(laws::always_finite, &[]);
}

#[test]
fn all_have_parts_and_masks_that_agree() {
    keep(laws::parts_and_masks_agree, &[]);
}

#[test]
fn all_are_pure() {
    keep(laws::shaping_is_pure, &[]);
}

#[test]
fn all_keep_the_signs_of_advantages() {
    keep(laws::reweighting_keeps_signs, &[]);
}

#[test]
fn none_reads_what_it_excludes() {
    keep(laws::excluded_are_irrelevant, &[]);
}

/// GFPO keeps the first of several equal rollouts.
#[test]
fn all_but_gfpo_treat_equals_alike_in_any_order() {
    keep(laws::order_is_irrelevant, &["gfpo"]);
    keep(laws::equals_get_equal, &["gfpo"]);
}

#[test]
fn all_resume_exactly() {
    for make in all() {
        laws::resumes_exactly(&*make);
    }
}

#[test]
fn a_state_that_forgets_is_noticed() {
    #[derive(Debug, Default)]
    struct Forgetful(u32);
    impl RewardStrategy for Forgetful {
        fn name(&self) -> &'static str {
            "forgetful"
        }
        fn shape(&self, _: &StepContext, _: &[Rollout], out: &mut [curt_reward::Shaped]) -> Result<(), curt_reward::RewardError> {
            out.iter_mut().for_each(|shaped| {
                shaped.reset();
                shaped.total = f64::from(self.0);
            });
            Ok(())
        }
        fn observe(&mut self, _: &[curt_reward::GroupFacts<'_>]) {
            self.0 += 1;
        }
    }
    let outcome = std::panic::catch_unwind(|| laws::resumes_exactly(&|| Box::new(Forgetful::default())));
    assert!(outcome.is_err());
}

fn totals(strategy: &dyn RewardStrategy, case: &Case) -> Vec<f64> {
    laws::shaped(strategy, case).iter().map(|s| s.total).collect()
}

proptest! {
    #[test]
    fn raising_the_target_never_lowers_a_truncation_reward(case in laws::cases(), target in 1..40_000_u32, more in 1..300_u32) {
        let low = totals(&Truncation::new(target).unwrap(), &case);
        let high = totals(&Truncation::new(target + more).unwrap(), &case);
        prop_assert!(low.iter().zip(&high).all(|(l, h)| l <= h));
    }

    /// L_R = L_T: no rollout is longer than the target.
    #[test]
    fn at_the_cap_truncation_is_correctness(case in laws::cases()) {
        let cap = case.ctx.max_completion_length.unwrap();
        let correctness: Vec<f64> = case.group.iter().map(|r| f64::from(u8::from(r.correct))).collect();
        prop_assert_eq!(totals(&Truncation::new(cap).unwrap(), &case), correctness);
    }

    #[test]
    fn what_minus_lc_masks_is_masked_by_its_longer_variants(case in laws::cases(), target in 1..40_000_u32) {
        let masked = |s: &dyn RewardStrategy| laws::shaped(s, &case).iter().map(|s| !s.in_loss).collect::<Vec<_>>();
        let lc = masked(&MinusLc::new(target, Masking::Exclude).unwrap());
        let si = masked(&MinusLcSi::new(target, Masking::Exclude).unwrap());
        let li = masked(&MinusLcLi::new(target, Masking::Exclude).unwrap());
        for i in 0..case.group.len() {
            prop_assert!(!lc[i] || (si[i] && li[i]));
        }
    }

    /// Smaller lengths make it shorter, never longer, and the edges are really drawn.
    #[test]
    fn cases_are_groups_that_every_strategy_takes(case in laws::cases()) {
        prop_assert!((1..=24).contains(&case.group.len()));
        let cap = case.ctx.max_completion_length.unwrap();
        for rollout in &case.group {
            prop_assert!(rollout.length <= cap && rollout.answer_length.unwrap() <= rollout.length);
            prop_assert!(!rollout.truncated || rollout.length == cap);
        }
        for make in all() {
            laws::shaped(&*make(), &case);
        }
    }
}

/// Where a law is broken on purpose: a long right answer gets no more than a wrong one.
#[test]
fn truncation_does_not_separate_long_right_answers_from_wrong_ones() {
    let group = vec![Rollout::new(ProblemKey(0), true, 11), Rollout::new(ProblemKey(0), false, 3)];
    let case = Case { ctx: StepContext::default(), group, choice: 0 };
    assert_eq!(totals(&Truncation::new(10).unwrap(), &case), [0.0, 0.0]);
}

/// The token score of DIET grows with the group, beyond the distance of right and wrong: not yet at 24 rollouts.
#[test]
fn diet_does_not_separate_right_from_wrong_in_large_groups() {
    let lowest_right_above_wrong = |n: u32| {
        // half right, one of these far longer than the others
        let length = |i: u32| if i == 0 { 30_000 } else { 10 };
        let group = (0..n).map(|i| Rollout::new(ProblemKey(0), i < n / 2, length(i))).collect();
        let totals = totals(
            &*by_name("diet", &Parameters::new().with("max_length", 100)).unwrap(),
            &Case { ctx: StepContext::default(), group, choice: 0 },
        );
        totals[0] > totals[n as usize - 1]
    };
    assert!(lowest_right_above_wrong(24) && !lowest_right_above_wrong(400));
}
