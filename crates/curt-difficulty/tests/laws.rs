//! The tables of the crate's laws, cell by cell: where they say no, an example must be found that breaks the law.

use std::time::Instant;

use curt_difficulty::{
    AnyCorrectAndSpread, Bayes, Column, Curriculum, DifficultyEstimator, Direction, Gate, MixedOutcome, NoGate, Observed, Pools,
    RewardStd, Sampler, Uniform, Weighted, laws,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

/// What the laws are about, and its name.
struct Subject(&'static str, &'static str);

impl Subject {
    /// Whether a law holds in all examples; the same ones in every run.
    fn holds<S: Strategy>(&self, name: &str, examples: &S, law: impl Fn(S::Value) -> laws::LawResult) -> bool {
        let started = Instant::now();
        let config = Config { failure_persistence: None, ..Config::default() };
        let cases = config.cases;
        let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        let holds = runner.run(examples, law).is_ok();
        // for `cargo xtask laws`
        let (outcome, seconds) = (if holds { "holds" } else { "broken" }, started.elapsed().as_secs_f64());
        println!("law\t{}\t{name}\t`{}`\t{outcome}\t{cases}\t{seconds:.3}", self.0, self.1);
        holds
    }
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
        let (subject, groups, turned) = (Subject("gate", gate.name()), laws::groups(), (laws::groups(), 0..99_usize));
        let found = [
            subject.holds("order_is_irrelevant", &turned, |(group, turn)| laws::order_is_irrelevant(gate, &group, turn)),
            subject.holds("dropped_without_right", &groups, |group| laws::dropped_without_right(gate, &group)),
            subject.holds("dropped_when_flat", &groups, |group| laws::dropped_when_flat(gate, &group)),
            subject.holds("reasons_are_true", &groups, |group| laws::reasons_are_true(gate, &group)),
            subject.holds("masked_rewards_are_irrelevant", &groups, |group| laws::masked_rewards_are_irrelevant(gate, &group)),
            subject.holds("scale_is_irrelevant", &groups, |group| laws::scale_is_irrelevant(gate, &group)),
        ];
        assert_row(gate.name(), &found, PAGE);
    }
}

#[test]
fn estimators_keep_the_laws_of_their_table() {
    let bayes = Bayes::default();
    let estimators: [&dyn DifficultyEstimator; 3] = [&Observed, &bayes, &Column];
    for estimator in estimators {
        let (subject, rates) = (Subject("difficulty", estimator.name()), laws::rates());
        let (with_column, repeated) = ((laws::rates(), 0.0..=1.0_f64), (laws::rates(), 1..50_u32));
        let found = [
            subject
                .holds("estimates_are_rates", &with_column, |(rate, column)| laws::estimates_are_rates(estimator, rate, column)),
            laws::silent_without_evidence(estimator).is_ok(),
            subject.holds("more_right_is_no_harder", &rates, |rate| laws::more_right_is_no_harder(estimator, rate)),
            subject.holds("more_attempts_are_no_less_sure", &repeated, |(rate, times)| {
                laws::more_attempts_are_no_less_sure(estimator, rate, times)
            }),
            subject.holds("right_and_wrong_mirror", &rates, |rate| laws::right_and_wrong_mirror(estimator, rate)),
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
    let samplers: [(&'static str, &laws::Fresh); 4] = [
        ("uniform", &|n| -> Box<dyn Sampler> { Box::new(Uniform::new(n).unwrap()) }),
        ("weighted", &|n| Box::new(Weighted::new(&rates(n), 8).unwrap())),
        ("curriculum", &|n| Box::new(curriculum(n))),
        ("pools", &|n| Box::new(Pools::new(n, 2).unwrap())),
    ];
    type Law = fn(&laws::Fresh, &laws::Walk) -> Result<(), TestCaseError>;
    let all: [(&str, Law); 7] = [
        ("draws_what_is_asked", laws::draws_what_is_asked),
        ("draws_the_same_again", laws::draws_the_same_again),
        ("resumes_exactly", laws::resumes_exactly),
        ("refuses_states_of_others", laws::refuses_states_of_others),
        ("follows_the_seed", laws::follows_the_seed),
        ("comes_once_per_epoch", laws::comes_once_per_epoch),
        ("comes_once_per_step", laws::comes_once_per_step),
    ];
    for (name, fresh) in samplers {
        let found = all.map(|(law_name, law)| Subject("sampler", name).holds(law_name, &laws::walks(), |walk| law(fresh, &walk)));
        assert_row(name, &found, PAGE);
    }
}
