//! Mutants of the numbers that say whether a shorter model is a good one: formulas of `curt-eval` and of its detector.

use super::Mutant;

pub const MUTANTS: [Mutant; 5] = [
    Mutant {
        invariant: None,
        name: "Pass@k draws its samples with repetition",
        file: "crates/curt-eval/src/metrics.rs",
        edits: &[(
            "1.0 - (n - c + 1..=n).map(|i| 1.0 - k as f64 / i as f64).product::<f64>()",
            "1.0 - (0..k).map(|_| (n - c) as f64 / n as f64).product::<f64>()",
        )],
        test: "cargo test --package curt-eval --lib pass_at_k_agrees_with_exact_binomials",
    },
    Mutant {
        invariant: None,
        name: "an answer as long as the budget is beyond it",
        file: "crates/curt-eval/src/groups.rs",
        edits: &[(
            "self.correct && self.finished && self.length <= budget",
            "self.correct && self.finished && self.length < budget",
        )],
        test: "cargo test --package curt-eval --lib a_budget_curve_of_a_small_case",
    },
    Mutant {
        invariant: None,
        name: "the bootstrap draws the problems of each model apart",
        file: "crates/curt-eval/src/bootstrap.rs",
        edits: &[(
            "for (means, values) in means.iter_mut().zip(series) {",
            "for (place, (means, values)) in (0..).zip(means.iter_mut().zip(series)) {\n                \
             self.draw_problems(resample + place * self.resamples, problems, &mut times);",
        )],
        test: "cargo test --package curt-eval --lib the_same_seed_gives_the_same_interval",
    },
    Mutant {
        invariant: None,
        name: "an alarm is over as soon as its threshold is not passed",
        file: "crates/curt-eval/src/detector/mod.rs",
        edits: &[("passed(alarm.release(threshold))", "passed(threshold)")],
        test: "cargo test --package curt-eval --lib an_alarm_is_raised_again_only_after_it_was_over",
    },
    Mutant {
        invariant: None,
        name: "the trap test looks at answers of any length",
        file: "crates/curt-eval/src/trap.rs",
        edits: &[("rollout.length <= target_length)", "rollout.length <= target_length.max(u32::MAX))")],
        test: "cargo test --package curt-eval --lib a_group_is_told_apart",
    },
];
