//! Which verifier judges what, and what becomes of completions that cannot be graded.

use curt_difficulty::Admission;
use curt_runtime::StopReason;
use curt_verify::{Verdict, Verification, Verifier};

use super::scripted::{Draft, Log};
use super::steps::{run_step, trainer};
use crate::config::Ungradable;
use crate::record::{rollout_records, step_metrics};
use crate::step::StepOutcome;
use crate::verifiers::Verifiers;

/// Right if it begins with `1`; of three characters nothing can be said.
struct NotOfThree;

impl Verifier for NotOfThree {
    fn name(&self) -> &'static str {
        "not_of_three"
    }

    fn verify(&self, _: &str, response: &str, _: bool) -> Verification {
        let verdict = match response {
            text if text.len() == 3 => Verdict::Ungradable,
            text if text.starts_with('1') => Verdict::Correct,
            _ => Verdict::Wrong,
        };
        Verification { verdict, extracted: None, reason: Some(format!("{} characters", response.len())) }
    }
}

fn drafts(lengths: [usize; 4]) -> Vec<Draft> {
    lengths.into_iter().enumerate().map(|(i, length)| Draft(i == 0, length, StopReason::Eos)).collect()
}

fn step_with(ungradable: Ungradable, more: &[&str]) -> (StepOutcome, std::rc::Rc<std::cell::RefCell<Log>>) {
    let (mut trainer, log) = trainer(vec![drafts([4, 3, 2, 5]), drafts([3; 4])], more);
    trainer.verifiers = Verifiers::one(Box::new(NotOfThree));
    trainer.verifiers.ungradable = ungradable;
    (run_step(&mut trainer, 0), log)
}

#[test]
fn what_cannot_be_graded_is_wrong_or_counts_in_nothing() {
    let trained = |log: &Log| log.backward.concat().iter().map(|s| s.d_logprob.len()).collect::<Vec<_>>();
    let (outcome, log) = step_with(Ungradable::Wrong, &[]);
    assert_eq!(trained(&log.borrow()), [4, 3, 2, 5]);
    assert_eq!(outcome.groups[1].admission, Admission::AllWrong);

    // of three: one right, two wrong; the deviation of (1, 0, 0) is 1/sqrt 3
    let (outcome, log) = step_with(Ungradable::Drop, &[]);
    assert_eq!(trained(&log.borrow()), [4, 2, 5]);
    let advantages: Vec<f64> = outcome.groups[0].credits.iter().map(|credit| credit.at(0)).collect();
    for (found, expected) in advantages.iter().zip([2.0, 0.0, -1.0, -1.0]) {
        assert!((found - expected / libm::sqrt(3.0)).abs() < 1e-12, "{advantages:?}");
    }
    assert_eq!(outcome.groups[1].admission, Admission::Ungradable);
}

/// It is what a strategy compares with what it has seen, which is what counts.
#[test]
fn the_accuracy_of_a_step_is_of_what_counts() {
    for (ungradable, right_of) in [(Ungradable::Wrong, 8.0), (Ungradable::Drop, 3.0)] {
        let (outcome, _) = step_with(ungradable, &[]);
        let groups: Vec<_> = outcome.groups.iter().map(|group| group.shaped.verified.clone()).collect();
        assert_eq!(crate::shape::accuracy(&groups), Some(1.0 / right_of), "{ungradable:?}");
    }
}

#[test]
fn a_group_that_cannot_be_graded_is_dropped_by_every_gate() {
    for gate in ["none", "mixed_outcome", "reward_std", "any_correct_and_spread"] {
        let (outcome, _) = step_with(Ungradable::Drop, &[&format!("rollout.group_filter={gate}")]);
        assert_eq!(outcome.groups[1].admission, Admission::Ungradable, "{gate}");
    }
}

#[test]
fn verdict_and_reason_are_recorded_and_counted() {
    let (outcome, _) = step_with(Ungradable::Drop, &[]);
    let records = rollout_records(1, 42, &outcome.groups);
    let of = |i: usize| serde_json::to_value(&records[i]).unwrap();
    let record = of(1);
    assert_eq!((&record["verdict"], &record["reason"]), (&"ungradable".into(), &"3 characters".into()));
    assert_eq!((&record["drop_reason"], &record["kept"]), (&"ungradable".into(), &false.into()));
    assert_eq!(of(4)["drop_reason"], "ungradable");
    assert_eq!((&of(2)["kept"], of(2).get("drop_reason")), (&true.into(), None));
    let metrics = step_metrics(&outcome.groups, &outcome.updates, 8, 0);
    assert_eq!(metrics.iter().find(|(name, _)| name == "eff/ungradable").map(|m| m.1), Some(5.0));
}

#[test]
fn a_source_may_have_a_verifier_of_its_own() {
    let config = super::steps::config(&["verify.kind=math", r#"verify.sources=["riddles=exact", "a=b=chain"]"#]);
    let verifiers = Verifiers::new(&config.verify).unwrap();
    let name = |source: &str| verifiers.of(source).name();
    assert_eq!([name(""), name("gsm8k"), name("riddles"), name("a=b")], ["math", "math", "exact", "chain"]);
    assert_eq!(verifiers.of("riddles").verify("1/2", "0.5", true).verdict, Verdict::Wrong);
    assert_eq!(verifiers.of("gsm8k").verify("1/2", "0.5", true).verdict, Verdict::Correct);
}

#[test]
fn a_program_that_cannot_be_started_is_refused_before_the_run() {
    let config = super::steps::config(&["verify.kind=command", r#"verify.command=["/no/such/verifier"]"#]);
    let error = Verifiers::new(&config.verify).err().expect("there is none").to_string();
    assert!(error.starts_with("verifier `command`: the verifier `/no/such/verifier` cannot be started: "), "{error}");
}

#[test]
fn code_without_a_sandbox_is_refused_before_the_run() {
    let config = super::steps::config(&["verify.kind=code", r#"verify.interpreter=["no-such-interpreter"]"#]);
    let error = Verifiers::new(&config.verify).err().expect("nothing can run").to_string();
    assert!(error.starts_with("verifier `code`: "), "{error}");
}
