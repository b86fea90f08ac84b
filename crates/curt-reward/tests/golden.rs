//! Every strategy against fixtures/reward_golden.json, which a program of its own made from the formulas.

use std::collections::BTreeMap;

use curt_reward::{Facts, GroupFacts, Parameters, ProblemKey, RewardStrategy, Rollout, Shaped, StepContext, by_name, names};
use serde_json::Value;

/// Different orders of the same arithmetic, and different exponentials.
const TOLERANCE: f64 = 1e-12;

fn golden() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/reward_golden.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A group without the facts that the strategy does not ask for, so that it cannot read them.
fn group(golden: &Value, name: &str, needs: Facts) -> Vec<Rollout> {
    let group = &golden["groups"][name];
    let problem = ProblemKey(group["problem"].as_u64().unwrap());
    let rollout = |row: &Value| {
        let length = |key: &str| row[key].as_u64().unwrap() as u32;
        Rollout {
            truncated: row["truncated"].as_bool().unwrap(),
            answer_length: needs.answer_length.then(|| length("answer_length")),
            budget: needs.budget.then(|| length("budget")),
            repetition: needs.repetition.then(|| row["repetition"].as_f64().unwrap()),
            reference: needs.reference.then(|| serde_json::from_value(row["reference"].clone()).unwrap()),
            ..Rollout::new(problem, row["correct"].as_bool().unwrap(), length("length"))
        }
    };
    group["rollouts"].as_array().unwrap().iter().map(rollout).collect()
}

fn close(found: f64, expected: &Value) -> bool {
    let expected = expected.as_f64().unwrap();
    (found - expected).abs() <= TOLERANCE * expected.abs().max(1.0)
}

fn check_group(what: &str, expected: &Value, group: &[Rollout], shaped: &[Shaped], strategy: &dyn RewardStrategy) {
    assert_eq!(shaped.len(), expected["total"].as_array().unwrap().len(), "{what}");
    for (row, shaped) in shaped.iter().enumerate() {
        assert!(close(shaped.total, &expected["total"][row]), "{what} row {row}: {} {}", shaped.total, expected["total"][row]);
        let mask = |key: &str| expected.get(key).is_none_or(|mask| mask[row].as_bool().unwrap());
        assert_eq!((shaped.in_statistics, shaped.in_loss), (mask("in_statistics"), mask("in_loss")), "{what} row {row}");
        let cut = expected.get("cut_at").and_then(|cut| cut[row].as_u64());
        assert_eq!(shaped.cut_at.map(u64::from), cut, "{what} row {row}");
    }
    let before: Vec<f64> = match expected.get("advantages") {
        Some(advantages) => serde_json::from_value(advantages.clone()).unwrap(),
        None => shaped.iter().map(|s| s.total).collect(),
    };
    let mut after = before.clone();
    strategy.reweight(&mut after, group);
    for (row, advantage) in after.iter().enumerate() {
        let is_right = expected.get("reweighted").map_or(*advantage == before[row], |e| close(*advantage, &e[row]));
        assert!(is_right, "{what} row {row}: {} became {advantage}, {:?}", before[row], expected.get("reweighted"));
    }
}

fn check_case(golden: &Value, case: &Value) {
    let name = case["strategy"].as_str().unwrap();
    let parameters: Parameters = serde_json::from_value(case["parameters"].clone()).unwrap();
    let mut strategy = by_name(name, &parameters).unwrap_or_else(|error| panic!("{name} {}: {error}", case["parameters"]));
    let needs = strategy.needs();
    for step in case["steps"].as_array().unwrap() {
        let ctx = StepContext {
            step: step["step"].as_u64().unwrap(),
            accuracy: needs.step_accuracy.then(|| step["accuracy"].as_f64().unwrap()),
            ..StepContext::default()
        };
        let mut shaped_groups = Vec::new();
        for expected in step["groups"].as_array().unwrap() {
            let group_name = expected["group"].as_str().unwrap();
            let group = group(golden, group_name, needs);
            let mut shaped = vec![Shaped::default(); group.len()];
            let what = format!("{name} {} step {} {group_name}", case["parameters"], ctx.step);
            strategy.shape(&ctx, &group, &mut shaped).unwrap_or_else(|error| panic!("{what}: {error}"));
            check_group(&what, expected, &group, &shaped, &*strategy);
            shaped_groups.push((group, shaped));
        }
        let facts: Vec<GroupFacts<'_>> = shaped_groups.iter().map(|(group, shaped)| GroupFacts { group, shaped }).collect();
        strategy.observe(&facts);
        let metrics: BTreeMap<&str, f64> = strategy.metrics().into_iter().collect();
        for (key, value) in step["metrics"].as_object().unwrap() {
            let found = metrics.get(key.as_str());
            assert!(found.is_some_and(|found| close(*found, value)), "{name} {key}: {found:?} {value}");
        }
        // what was saved in between is what goes on
        let state = strategy.save();
        let text = serde_json::to_string(&state).unwrap();
        strategy = by_name(name, &parameters).unwrap();
        strategy.load(&serde_json::from_str(&text).unwrap()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(strategy.save(), state);
    }
}

#[test]
fn every_golden_case() {
    let golden = golden();
    for case in golden["cases"].as_array().unwrap() {
        check_case(&golden, case);
    }
}

#[test]
fn every_strategy_has_at_least_four_groups() {
    let golden = golden();
    let mut groups: BTreeMap<&str, usize> = BTreeMap::new();
    for case in golden["cases"].as_array().unwrap() {
        let n: usize = case["steps"].as_array().unwrap().iter().map(|step| step["groups"].as_array().unwrap().len()).sum();
        *groups.entry(case["strategy"].as_str().unwrap()).or_default() += n;
    }
    for name in names() {
        assert!(groups.get(name).is_some_and(|n| *n >= 4), "{name}: {:?}", groups.get(name));
    }
    assert_eq!(groups.len(), names().len());
}
