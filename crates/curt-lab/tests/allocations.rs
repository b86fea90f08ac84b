//! Shaping and crediting a group allocates for the group, never for a rollout, whatever the strategy.

use curt_advantage::{AdvantageEstimator, Grpo, RewardGroup};
use curt_reward::{
    Parameters, Preset, ProblemKey, Reference, RewardStrategy, Rollout, Shaped, StepContext, by_name, names, parameters_of,
};

fn group(n: u32) -> Vec<Rollout> {
    let rollout = |i: u32| Rollout {
        answer_length: Some(3),
        budget: Some(500),
        repetition: Some(0.1),
        reference: Some(Reference { mean_length: 400.0, accuracy: 0.5 }),
        ..Rollout::new(ProblemKey(1), !i.is_multiple_of(3), 17 + 97 * i % 900)
    };
    (0..n).map(rollout).collect()
}

fn strategy(name: &str) -> Box<dyn RewardStrategy> {
    let lengths = parameters_of(name).unwrap().iter().filter(|p| matches!(p.preset, Preset::Target | Preset::Limit));
    by_name(name, &lengths.fold(Parameters::new(), |given, parameter| given.with(parameter.name, 1000))).unwrap()
}

/// Allocations of one group in buffers that are there.
fn allocations(strategy: &dyn RewardStrategy, n: u32) -> u64 {
    let group = group(n);
    let ctx = StepContext { step: 3, max_completion_length: Some(1000), accuracy: Some(0.5) };
    let mut shaped = vec![Shaped::default(); group.len()];
    let mut rewards = RewardGroup::new(vec![0.0; group.len()], group.iter().map(|rollout| rollout.length).collect());
    let (grpo, mut advantages) = (Grpo::default(), vec![0.0; group.len()]);
    let mut all = || {
        strategy.shape(&ctx, &group, &mut shaped).unwrap();
        for (row, shaped) in shaped.iter().enumerate() {
            rewards.rewards[row] = shaped.total;
            (rewards.in_statistics[row], rewards.in_loss[row]) = (shaped.in_statistics, shaped.in_loss);
        }
        let credits = grpo.estimate(std::slice::from_ref(&rewards)).unwrap();
        advantages.iter_mut().zip(&credits[0]).for_each(|(advantage, credit)| *advantage = credit.at(0));
        strategy.reweight(&mut advantages, &group);
    };
    // the first time the places of the parts are made
    all();
    allocation_counter::measure(all).count_total
}

#[test]
fn no_strategy_and_not_grpo_allocates_per_rollout() {
    for name in names() {
        let strategy = strategy(name);
        let [few, many] = [24, 240].map(|n| allocations(&*strategy, n));
        assert_eq!(few, many, "{name}");
        // the strategy's at most one, the list of groups, and the list of their credits
        assert!(few <= 3, "{name}: {few} for a group");
    }
}
