//! The tables of the crate's laws, cell by cell: where they say no, an example must be found that breaks the law.

use curt_difficulty::{
    AnyCorrectAndSpread, Bayes, Column, Curriculum, DifficultyEstimator, Direction, Gate, MixedOutcome, NoGate, Observed, Pools,
    RewardStd, Sampler, Uniform, Weighted, laws,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

/// Whether a law holds in all examples; the same ones in every run.
fn holds<S: Strategy>(examples: &S, law: impl Fn(S::Value) -> laws::LawResult) -> bool {
    let config = Config { failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    runner.run(examples, law).is_ok()
}

fn assert_row(name: &str, found: &[bool], page: &str) {
    let row = page.lines().find(|line| line.starts_with(&format!("//! | `{name}` |"))).unwrap_or_else(|| panic!("no row {name}"));
    let cells: Vec<bool> =
        row.split('|').skip(2).map(str::trim).filter(|cell| !cell.is_empty()).map(|cell| cell == "yes").collect();
    assert_eq!(found, cells, "{name}");
}

const PAGE: &str = include_str!("../src/laws/mod.rs");

#[test]
fn gates_keep_the_laws_of_their_table() {
    let gates: [&dyn Gate; 4] = [&AnyCorrectAndSpread, &MixedOutcome, &RewardStd, &NoGate];
    for gate in gates {
        let groups = laws::groups();
        let found = [
            holds(&(laws::groups(), 0..99_usize), |(group, turn)| laws::order_is_irrelevant(gate, &group, turn)),
            holds(&groups, |group| laws::dropped_without_right(gate, &group)),
            holds(&groups, |group| laws::dropped_when_flat(gate, &group)),
            holds(&groups, |group| laws::reasons_are_true(gate, &group)),
            holds(&groups, |group| laws::masked_rewards_are_irrelevant(gate, &group)),
            holds(&groups, |group| laws::scale_is_irrelevant(gate, &group)),
        ];
        assert_row(gate.name(), &found, PAGE);
    }
}

#[test]
fn estimators_keep_the_laws_of_their_table() {
    let bayes = Bayes::default();
    let estimators: [&dyn DifficultyEstimator; 3] = [&Observed, &bayes, &Column];
    for estimator in estimators {
        let rates = laws::rates();
        let found = [
            holds(&(laws::rates(), 0.0..=1.0_f64), |(rate, column)| laws::estimates_are_rates(estimator, rate, column)),
            laws::silent_without_evidence(estimator).is_ok(),
            holds(&rates, |rate| laws::more_right_is_no_harder(estimator, rate)),
            holds(&(laws::rates(), 1..50_u32), |(rate, times)| laws::more_attempts_are_no_less_sure(estimator, rate, times)),
            holds(&rates, |rate| laws::right_and_wrong_mirror(estimator, rate)),
        ];
        assert_row(estimator.name(), &found, PAGE);
    }
}

/// Rates of every kind, and for some problems none.
fn rates(n: usize) -> Vec<Option<f64>> {
    (0..n).map(|i| (i % 4 != 1).then_some((i * 37 % 41) as f64 / 40.0)).collect()
}

#[test]
fn samplers_keep_the_laws_of_their_table() {
    let known = |n| rates(n).into_iter().map(|rate| rate.or(Some(0.5))).collect::<Vec<_>>();
    let curriculum = |n| Curriculum::widening(&known(n), Direction::EasyToHard, 0.25, 8).unwrap();
    let samplers: [(&str, &laws::Fresh); 4] = [
        ("uniform", &|n| -> Box<dyn Sampler> { Box::new(Uniform::new(n).unwrap()) }),
        ("weighted", &|n| Box::new(Weighted::new(&rates(n), 8).unwrap())),
        ("curriculum", &|n| Box::new(curriculum(n))),
        ("pools", &|n| Box::new(Pools::new(n, 2).unwrap())),
    ];
    type Law = fn(&laws::Fresh, &laws::Walk) -> Result<(), TestCaseError>;
    let all: [Law; 7] = [
        laws::draws_what_is_asked,
        laws::draws_the_same_again,
        laws::resumes_exactly,
        laws::refuses_states_of_others,
        laws::follows_the_seed,
        laws::comes_once_per_epoch,
        laws::comes_once_per_step,
    ];
    for (name, fresh) in samplers {
        let found = all.map(|law| holds(&laws::walks(), |walk| law(fresh, &walk)));
        assert_row(name, &found, PAGE);
    }
}
