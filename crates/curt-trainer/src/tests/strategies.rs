//! Every reward strategy goes through the trainer, or is refused by the facts that it lacks.

use curt_runtime::StopReason;

use super::scripted::Draft;
use super::steps::{config, folder, run_step, tokenizer, trainer};
use crate::record::rollout_records;
use crate::trainer::Trainer;

/// What no task supplies yet.
const REFUSED: [(&str, &str); 4] =
    [("l1_exact", "budget"), ("l1_max", "budget"), ("o1_pruner", "reference"), ("nemotron_bonus", "answer_length")];

/// Four prompts of four: right and wrong, short and long, cut at the limit, all right, none right.
fn drafts() -> Vec<Vec<Draft>> {
    let draft = |right, length| Draft(right, length, if length == 16 { StopReason::Budget } else { StopReason::Eos });
    vec![
        vec![draft(true, 8), draft(true, 9), draft(false, 8), draft(false, 16)],
        vec![draft(true, 2), draft(true, 3), draft(true, 4), draft(true, 12)],
        vec![draft(false, 2), draft(false, 9), draft(true, 4), draft(false, 16)],
        vec![draft(false, 2), draft(false, 9), draft(false, 4), draft(false, 16)],
    ]
}

fn accepted() -> impl Iterator<Item = &'static str> {
    curt_reward::names().into_iter().filter(|name| REFUSED.iter().all(|(refused, _)| refused != name))
}

#[test]
fn two_steps_of_every_strategy() {
    for name in accepted() {
        let (mut trainer, log) = trainer(drafts(), &[&format!("reward.strategy={name}")]);
        for number in 0..2 {
            let outcome = run_step(&mut trainer, number);
            let lines = rollout_records(number + 1, 0, &outcome.groups);
            assert_eq!(lines.len(), 16, "{name}");
            for line in lines {
                let line = serde_json::to_value(&line).unwrap();
                assert!(line["shaped"].is_f64() && line["advantage"].is_f64(), "{name}: {line}");
            }
        }
        let log = log.borrow();
        assert!(log.backward.iter().flatten().any(|pushed| pushed.d_logprob.iter().any(|d| *d != 0.0)), "{name}: no signal");
    }
}

#[test]
fn strategies_without_their_facts_are_refused_by_name() {
    for (name, fact) in REFUSED {
        let (trainer, _) = trainer(drafts(), &[]);
        let config = config(&[&format!("reward.strategy={name}")]);
        let error = Trainer::new(config, trainer.policy, tokenizer(), &folder()).err().unwrap().to_string();
        assert_eq!(error, format!("reward.strategy `{name}` needs facts of each rollout that this loop does not know: {fact}"));
    }
}

#[test]
fn strategies_that_weigh_rollouts_are_refused_where_tokens_are_credited() {
    let refusal = |name: &str, advantage: &str| {
        let (trainer, _) = trainer(drafts(), &[]);
        let config = config(&[&format!("reward.strategy={name}"), &format!("algo.advantage={advantage}")]);
        Trainer::new(config, trainer.policy, tokenizer(), &folder()).err().map(|error| error.to_string())
    };
    for name in accepted() {
        let weighs = ["grpo_lead", "qglas"].contains(&name);
        let expected = format!(
            "algo.advantage = \"optimal_token_baseline\" gives each token an advantage of its own, and reward.strategy `{name}` \
             weighs one per rollout: choose another for one of the two"
        );
        assert_eq!(refusal(name, "optimal_token_baseline"), weighs.then_some(expected));
        assert_eq!(refusal(name, "rloo"), None, "{name}");
    }
}

/// A trainer that takes over the state of another after two steps goes on like it.
#[test]
fn every_strategy_resumes() {
    for name in accepted() {
        let make = || trainer(drafts(), &[&format!("reward.strategy={name}")]);
        let ((mut straight, straight_log), (mut resumed, resumed_log)) = (make(), make());
        for number in 0..2 {
            run_step(&mut straight, number);
        }
        // the weights are as old
        resumed_log.borrow_mut().applied = straight_log.borrow().applied.clone();
        let state = serde_json::to_string(&straight.strategy.save()).unwrap();
        resumed.strategy.load(&serde_json::from_str(&state).unwrap()).unwrap();
        let [a, b] = [&mut straight, &mut resumed].map(|trainer| {
            let outcome = run_step(trainer, 2);
            let lines = rollout_records(3, 0, &outcome.groups);
            (serde_json::to_string(&lines).unwrap(), trainer.strategy.save())
        });
        assert_eq!(a, b, "{name}");
    }
}

#[test]
fn masking_that_makes_short_correct_is_warned_of() {
    for name in accepted() {
        let warnings = |masking: &str| {
            let sets = [format!("reward.strategy={name}"), format!("reward.masking={masking}")];
            trainer(drafts(), &sets.each_ref().map(String::as_str)).0.warnings()
        };
        let expected = usize::from(["minus_i", "minus_lc_si"].contains(&name));
        assert_eq!((warnings("exclude").len(), warnings("zero_after").len()), (expected, 0), "{name}");
    }
    // at L_T = L_R nothing is long
    assert!(trainer(drafts(), &["reward.strategy=minus_i", "reward.target_length=16"]).0.warnings().is_empty());
}

#[test]
fn a_scaling_that_the_estimator_does_not_take_is_warned_of() {
    let warnings = |sets: &[&str]| trainer(drafts(), sets).0.warnings();
    for sets in [["algo.advantage=dr_grpo", "algo.scale_rewards=batch"], ["algo.advantage=rloo", "algo.scale_rewards=none"]] {
        let [warning] = &warnings(&sets)[..] else { panic!("{:?}", warnings(&sets)) };
        assert!(warning.starts_with("algo.scale_rewards says nothing beside algo.advantage = "), "{warning}");
    }
    for sets in [["algo.advantage=dr_grpo", "algo.scale_rewards=none"], ["algo.advantage=grpo", "algo.scale_rewards=batch"]] {
        assert_eq!(warnings(&sets), Vec::<String>::new());
    }
    for advantage in curt_advantage::estimator_names() {
        assert_eq!(warnings(&[&format!("algo.advantage={advantage}")]), Vec::<String>::new());
    }
}
