//! `evaluate` on completions that are known.

use std::cell::RefCell;
use std::rc::Rc;

use curt_runtime::{Purpose, Sampling, StopReason};

use super::scripted::{BeginsWithOne, Draft, Log, Scripted, selected};
use super::steps::{config, tokenizer};
use crate::TrainError;
use crate::evaluate::evaluate;
use crate::verifiers::Verifiers;

#[test]
fn an_evaluation_of_known_completions() {
    let tokenizer = tokenizer();
    let log = Rc::new(RefCell::new(Log::default()));
    let drafts = vec![
        vec![Draft(true, 3, StopReason::Eos), Draft(true, 16, StopReason::Budget)],
        vec![Draft(true, 5, StopReason::Eos), Draft(true, 7, StopReason::Eos)],
        vec![Draft(false, 9, StopReason::Eos), Draft(false, 8, StopReason::Eos)],
    ];
    let (right, wrong) = (tokenizer.token_to_id("1").unwrap(), tokenizer.token_to_id("0").unwrap());
    let mut policy = Scripted { drafts, right, wrong, shift: 0.0, log: log.clone() };
    let sets = ["eval.n=2", "eval.max_completion_length=16", "eval.budgets=[4, 8, 16]", "eval.seed=77", "eval.temperature=0.5"];
    let filters = ["eval.top_k=3", "eval.top_p=0.9", "eval.min_p=0.1", "seed=5"];
    let eval = config(&[&sets[..], &filters[..]].concat()).eval;
    let problems = [selected("a", &[1, 2]), selected("b", &[3]), selected("c", &[4])];

    let found =
        evaluate(&mut policy, &tokenizer, &Verifiers::one(Box::new(BeginsWithOne)), &problems, &eval, &mut |_| true).unwrap();

    let summary = &found.summary;
    // one that was cut off is not right, whatever it says: ½, 1 and 0
    assert_eq!((summary.problems, summary.samples_per_problem, summary.mean_at_k), (3, 2, 0.5));
    assert_eq!(summary.pass_at.iter().map(|pass| (pass.k, pass.value)).collect::<Vec<_>>(), [(1, 0.5), (2, 2.0 / 3.0)]);
    assert_eq!((summary.length.mean, summary.length.mean_correct, summary.length.mean_wrong), (8.0, Some(5.0), Some(11.0)));
    assert_eq!(summary.truncation_rate, 1.0 / 6.0);
    let budgets: Vec<_> = summary.budgets.iter().map(|at| (at.budget, at.accuracy)).collect();
    assert_eq!(budgets, [(4, 1.0 / 6.0), (8, 0.5), (16, 0.5)]);

    let log = log.borrow();
    assert_eq!(log.samplings, [Sampling { temperature: 0.5, top_k: 3, top_p: 0.9, min_p: 0.1 }]);
    assert_eq!(log.requests.iter().map(|r| r.prompt.clone()).collect::<Vec<_>>(), [vec![1, 2], vec![3], vec![4]]);
    for (request, problem) in log.requests.iter().zip(&problems) {
        assert_eq!(request.max_new_tokens, 16);
        for (sample, key) in request.samples.iter().enumerate() {
            let found = (key.seed, key.purpose, key.step, key.problem, key.sample);
            assert_eq!(found, (77, Purpose::Eval, 0, problem.key, sample as u32));
        }
    }
    assert_eq!(found.verified.len(), 3);
}

#[test]
fn an_evaluation_without_problems_is_refused() {
    let mut policy = Scripted { drafts: vec![], right: 0, wrong: 0, shift: 0.0, log: Rc::default() };
    let error =
        evaluate(&mut policy, &tokenizer(), &Verifiers::one(Box::new(BeginsWithOne)), &[], &config(&[]).eval, &mut |_| true)
            .unwrap_err();
    assert!(matches!(error, TrainError::NoProblems { .. }), "{error}");
}
