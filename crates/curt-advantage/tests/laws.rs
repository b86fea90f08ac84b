//! Every estimator against every law, as the table in the documentation of `laws` says.

use std::time::Instant;

use curt_advantage::laws::{self, LawResult};
use curt_advantage::{AdvantageEstimator, Grpo, Parameters, RewardGroup, ScaleRewards, estimator_by_name, estimator_names};
use proptest::prelude::*;
use proptest::strategy::BoxedStrategy;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

const PAGE: &str = include_str!("../src/laws/mod.rs");

/// Examples of which one must break a law that does not hold.
const SEARCH: u32 = 3000;

/// Groups, two indices, a shift, a factor.
type Example = (Vec<RewardGroup>, (usize, usize), f64, f64);

type Law = fn(&dyn AdvantageEstimator, &Example) -> LawResult;

/// The columns of the table, in order.
const LAWS: [(&str, Law); 12] = [
    ("permuted", |e, x| laws::permutation_equivariant(e, &x.0, x.1.0)),
    ("equal rows", |e, x| laws::equal_rows_are_equal(e, &x.0, x.1.0, x.1.1)),
    ("zero sum", |e, x| laws::sums_to_zero(e, &x.0)),
    ("zero token sum", |e, x| laws::token_sum_is_zero(e, &x.0)),
    ("group shift", |e, x| laws::shift_invariant(e, &x.0, x.2)),
    ("batch shift", |e, x| laws::batch_shift_invariant(e, &x.0, x.2)),
    ("scale", |e, x| laws::scale_invariant(e, &x.0, x.3)),
    ("scale along", |e, x| laws::scale_equivariant(e, &x.0, x.3)),
    ("masks", |e, x| laws::masked_rows_change_nobody(e, &x.0, x.2.abs())),
    ("flat is 0", |e, x| laws::flat_groups_are_zero(e, &x.0, x.1.0)),
    ("monotone", |e, x| laws::larger_rewards_get_no_less(e, &x.0)),
    ("bounded", |e, x| laws::bounded_by_group_size(e, &x.0)),
];

fn examples(estimator: &str) -> BoxedStrategy<Example> {
    let groups = if estimator == "max_rl" { laws::correctness_groups().boxed() } else { laws::groups().boxed() };
    (groups, any::<(usize, usize)>(), laws::shifts(), laws::scales()).boxed()
}

/// ε of 0 where a law of scales is at stake, else the default.
fn estimator(name: &str, law: &str) -> Box<dyn AdvantageEstimator> {
    let has_epsilon = curt_advantage::estimator_parameters(name).unwrap().contains(&"advantage_epsilon");
    let exact = Parameters::new().with("advantage_epsilon", 0.0);
    let parameters = if has_epsilon && law.starts_with("scale") { exact } else { Parameters::new() };
    estimator_by_name(name, &parameters).unwrap()
}

/// The rows of the table: the word of an estimator, and a `yes` or `no` per column.
fn table() -> Vec<(&'static str, Vec<bool>)> {
    let row = |line: &'static str| {
        let mut cells = line.strip_prefix("//! | `")?.trim_end_matches('|').split('|').map(str::trim);
        let name = cells.next()?.trim_end_matches('`');
        let yes = |cell| match cell {
            "yes" => true,
            "no" => false,
            other => panic!("{other}"),
        };
        Some((name, cells.map(yes).collect()))
    };
    PAGE.lines().filter_map(row).collect()
}

fn runner(cases: u32, seed: u8) -> TestRunner {
    let config = Config { failure_persistence: None, max_shrink_iters: 0, cases, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]))
}

/// What was found, for `cargo xtask laws`.
fn tell(law: &str, estimator: &str, holds: bool, cases: u32, started: Instant) {
    let (outcome, seconds) = (if holds { "holds" } else { "broken" }, started.elapsed().as_secs_f64());
    println!("law\testimator\t{law}\t`{estimator}`\t{outcome}\t{cases}\t{seconds:.3}");
}

/// 256, or as many as the environment variable of proptest says.
fn cases() -> u32 {
    Config::default().cases
}

#[test]
fn the_table_has_every_estimator_and_every_law() {
    assert_eq!(table().iter().map(|row| row.0).collect::<Vec<_>>(), estimator_names());
    let heading = PAGE.lines().find_map(|line| line.strip_prefix("//! | estimator | ")).unwrap().trim_end_matches(" |");
    assert_eq!(heading.split(" | ").collect::<Vec<_>>(), LAWS.map(|law| law.0));
}

#[test]
fn every_cell_of_the_table_is_true() {
    for (name, cells) in table() {
        for (&holds, (law, check)) in cells.iter().zip(LAWS) {
            let (estimator, started) = (estimator(name, law), Instant::now());
            // where it does not hold, the first counter-example ends the search
            let cases = if holds { cases() } else { cases().max(SEARCH) };
            let found = runner(cases, 7).run(&examples(name), |example| check(estimator.as_ref(), &example));
            tell(law, name, found.is_ok(), cases, started);
            assert_eq!(found.is_ok(), holds, "{name}, {law}: {}", found.err().map(|e| e.to_string()).unwrap_or_default());
        }
    }
}

#[test]
fn every_estimator_stays_finite() {
    for name in estimator_names() {
        let (estimator, started) = (estimator(name, ""), Instant::now());
        runner(cases(), 8).run(&examples(name), |example| laws::finite(estimator.as_ref(), &example.0)).unwrap();
        tell("finite", name, true, cases(), started);
    }
}

#[test]
fn closed_forms_are_those_of_grpo() {
    let grpo = Grpo::new(ScaleRewards::Group, 0.0).unwrap();
    for n in 1..33usize {
        for k in 0..=n {
            let rewards: Vec<f64> = (0..n).map(|i| f64::from(u8::from(i < k))).collect();
            let credits = grpo.estimate(&[RewardGroup::new(rewards, vec![1; n])]).unwrap().remove(0);
            let (positive, negative) = laws::closed_form(k, n).unwrap_or((0.0, 0.0));
            for (i, credit) in credits.iter().enumerate() {
                let expected = if i < k { positive } else { negative };
                assert!((credit.at(0) - expected).abs() < 1e-12, "{k} of {n}");
            }
        }
    }
}

/// A law that could not fail would say nothing.
#[test]
fn laws_find_what_breaks_them() {
    #[derive(Debug)]
    struct Raw;
    impl AdvantageEstimator for Raw {
        fn name(&self) -> &'static str {
            "raw"
        }
        fn estimate(&self, groups: &[RewardGroup]) -> Result<Vec<Vec<curt_advantage::Credit>>, curt_advantage::AdvantageError> {
            let tag = |(i, r): (usize, &f64)| curt_advantage::Credit::Sequence(r * r + i as f64);
            Ok(groups.iter().map(|g| g.rewards.iter().enumerate().map(tag).collect()).collect())
        }
    }
    for (law, check) in LAWS {
        let found = runner(SEARCH, 9).run(&examples("raw"), |example| check(&Raw, &example));
        assert!(found.is_err(), "{law}");
    }
}
