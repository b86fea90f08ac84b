//! Shaping allocates per group at most, never per rollout.

use curt_reward::{Parameters, Preset, ProblemKey, Reference, Rollout, Shaped, StepContext, by_name, names, parameters_of};

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

#[test]
fn no_strategy_allocates_per_rollout() {
    let ctx = StepContext { step: 3, max_completion_length: Some(1000), accuracy: Some(0.5) };
    for name in names() {
        let mut parameters = Parameters::new();
        for parameter in parameters_of(name).unwrap() {
            if matches!(parameter.preset, Preset::Target | Preset::Limit) {
                parameters = parameters.with(parameter.name, 1000);
            }
        }
        let strategy = by_name(name, &parameters).unwrap();
        let allocations = [24, 240].map(|n| {
            let group = group(n);
            let mut out = vec![Shaped::default(); group.len()];
            // the first time the places of the parts are made
            strategy.shape(&ctx, &group, &mut out).unwrap();
            allocation_counter::measure(|| strategy.shape(&ctx, &group, &mut out).unwrap()).count_total
        });
        assert_eq!(allocations[0], allocations[1], "{name}");
        assert!(allocations[0] <= 1, "{name}: {allocations:?} for a group");
    }
}
