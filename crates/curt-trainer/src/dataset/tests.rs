use curt_runtime::random::shuffle;
use curt_task::Prompt;
use serde_json::{Map, Value, json};

use super::*;
use crate::run_file::RunFile;

/// Problems with these values of the field `pass_rate`.
fn problems(rates: &[Value]) -> Vec<Arc<Problem>> {
    let problem = |(i, rate): (usize, &Value)| Problem {
        id: format!("p{i}"),
        prompt: Prompt::Text(i.to_string()),
        answer: String::new(),
        source: String::new(),
        difficulty: None,
        extra: Map::from_iter([("pass_rate".to_owned(), rate.clone())]),
    };
    rates.iter().enumerate().map(|row| Arc::new(problem(row))).collect()
}

fn dataset(rates: &[Value], sets: &[&str]) -> Result<Dataset, TrainError> {
    let sets: Vec<String> = ["data.task=jsonl", "data.path=x"].iter().chain(sets).map(|set| (*set).to_owned()).collect();
    Dataset::new(problems(rates), &RunFile::load(None, &sets).unwrap().data, 8)
}

/// The walk of runs before there were samplers: position after position through shuffled epochs.
fn walk(seed: u64, n: usize, positions: std::ops::Range<u64>) -> Vec<usize> {
    let place = |position: u64| {
        let key = DrawKey { step: u32::MAX, problem: position / n as u64, ..DrawKey::new(seed, Purpose::Shuffle) };
        let mut order: Vec<usize> = (0..n).collect();
        shuffle(&mut key.generator(), &mut order);
        order[(position % n as u64) as usize]
    };
    positions.map(place).collect()
}

#[test]
fn uniform_keeps_the_order_of_earlier_runs() {
    for (seed, n, count) in [(0, 1, 3), (5, 7, 3), (42, 16, 16), (1, 5, 12), (u64::MAX, 100, 9)] {
        let dataset = dataset(&vec![Value::Null; n], &[]).unwrap();
        for step in 0..20_u32 {
            let first = u64::from(step) * count as u64;
            let drawn: Vec<usize> =
                dataset.draw(seed, dataset.turn(step, count), count).iter().map(|(place, _)| *place).collect();
            assert_eq!(drawn, walk(seed, n, first..first + count as u64), "seed {seed}, {n} problems, step {step}");
        }
    }
}

#[test]
fn rounds_and_steps_and_epochs_have_numbers_of_their_own() {
    let streams = [
        Stream::Epoch(0),
        Stream::Epoch(1),
        Stream::Step { step: 0, round: 0 },
        Stream::Step { step: 1, round: 0 },
        Stream::Step { step: 0, round: 1 },
    ];
    let first: Vec<u64> = streams.iter().map(|stream| bits(3, *stream)()).collect();
    for (i, number) in first.iter().enumerate() {
        assert!(!first[..i].contains(number), "{first:?}");
        assert_ne!(*number, bits(4, streams[i])(), "the seed is not in {:?}", streams[i]);
    }
}

#[test]
fn pass_rates_that_are_none_are_named() {
    for bad in [json!(1.5), json!(-0.1), json!("0.5"), json!([1]), json!(true)] {
        let error = dataset(&[json!(0.5), bad.clone()], &["data.sampler=weighted"]).unwrap_err().to_string();
        assert_eq!(error, format!("problem `p1`: expected a pass rate from 0 to 1 in the field `pass_rate`, found {bad}"));
        // a sampler that does not look at them does not mind
        assert!(dataset(&[json!(0.5), bad], &[]).is_ok());
    }
}

#[test]
fn samplers_without_the_pass_rates_that_they_need_are_refused() {
    let error = |rates: &[Value], sets: &[&str]| dataset(rates, sets).unwrap_err().to_string();
    let expected = "2 of 2 problems have no pass rate in the field `other` (data.pass_rate_field), which data.sampler needs";
    assert_eq!(error(&[json!(0.5), json!(1)], &["data.sampler=weighted", "data.pass_rate_field=other"]), expected);
    let found = error(&[json!(0.5), Value::Null], &["data.sampler=curriculum"]);
    assert!(found.starts_with("1 of 2 problems have no pass rate in the field `pass_rate`"), "{found}");
    assert!(dataset(&[json!(0.5), Value::Null], &["data.sampler=weighted"]).is_ok());
    let stages = "data.sampler_stages=['0: [0, 1]', '9: (0.6, 0.7)']";
    let found = error(&[json!(0.5), json!(1)], &["data.sampler=curriculum", stages]);
    assert_eq!(found, "curriculum: no problem has a pass rate in (0.6, 0.7), the band from step 9 on");
    assert!(dataset(&[], &[]).is_err());
}

#[test]
fn a_curriculum_draws_from_its_pool() {
    let rates: Vec<Value> = (0..8).map(|i| json!(f64::from(i) / 8.0)).collect();
    let dataset = dataset(&rates, &["data.sampler=curriculum", "data.sampler_steps=10", "data.sampler_start=0.5"]).unwrap();
    let mut places: Vec<usize> = dataset.draw(1, dataset.turn(0, 4), 4).iter().map(|(place, _)| *place).collect();
    places.sort_unstable();
    assert_eq!(places, [4, 5, 6, 7]);
    assert_eq!(dataset.metrics(10, 4)[0], ("sampler/curriculum/pool".to_owned(), 8.0));
}

#[test]
fn the_memory_of_another_sampler_is_refused() {
    let three = [Value::Null, Value::Null, Value::Null];
    let mut pools = dataset(&three, &["data.sampler=pools"]).unwrap();
    let error = pools.load(None).unwrap_err().to_string();
    assert_eq!(error, "the state of a sampler: expected pools version 1, found uniform version 1");
    let mut uniform = dataset(&three, &[]).unwrap();
    uniform.load(None).unwrap();
    assert!(uniform.load(Some(&pools.save())).is_err());
}
