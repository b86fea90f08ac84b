//! Saved states: what they hold, and every kind of damage, refused with what was expected and what was found.

use std::collections::BTreeMap;

use curt_reward::{GroupFacts, Parameters, Preset, ProblemKey, RewardError, RewardStrategy, Rollout, Shaped, StepContext};
use curt_reward::{StrategyState, by_name, names, parameters_of};

const PROBLEM: ProblemKey = ProblemKey(3);

/// Every parameter without a preset, as 100.
fn enough(name: &str) -> Parameters {
    let required = parameters_of(name).unwrap().iter().filter(|p| matches!(p.preset, Preset::Target | Preset::Limit));
    required.fold(Parameters::new(), |given, parameter| given.with(parameter.name, 100))
}

/// A strategy with a memory, after a step that it remembers.
fn with_memory(name: &str) -> Box<dyn RewardStrategy> {
    let mut strategy = by_name(name, &enough(name)).unwrap();
    let group = [Rollout::new(PROBLEM, true, 5), Rollout::new(PROBLEM, false, 5)];
    let shaped = [Shaped::default(), Shaped::default()];
    strategy.observe(&[GroupFacts { group: &group, shaped: &shaped }]);
    strategy
}

const WITH_MEMORY: [&str; 6] = ["laser_d", "laser_de", "short_rl", "hapo", "a_dlp", "quantile_target"];

#[test]
fn the_strategies_with_a_memory_are_known() {
    let found: Vec<&str> =
        names().into_iter().filter(|name| with_memory(name).save() != by_name(name, &enough(name)).unwrap().save()).collect();
    assert_eq!(found, WITH_MEMORY);
}

#[test]
fn damaged_states_are_refused_and_change_nothing() {
    for name in WITH_MEMORY {
        let mut strategy = with_memory(name);
        let good = strategy.save();
        let mut refused = |state: StrategyState, is_right: fn(&RewardError) -> bool| {
            let error = strategy.load(&state).err().unwrap_or_else(|| panic!("{name} {state:?}"));
            assert!(is_right(&error), "{name}: {error}");
            assert_eq!(strategy.save(), good, "{name}");
        };
        for state in [
            StrategyState { strategy: "truncation".into(), ..good.clone() },
            StrategyState { version: good.version + 1, ..good.clone() },
        ] {
            refused(state, |error| matches!(error, RewardError::StateOfAnother { .. }));
        }
        let mut unknown = good.clone();
        unknown.values.insert("zzz".into(), 1.0);
        refused(unknown, |error| matches!(error, RewardError::UnknownStateValue { key, .. } if key == "zzz"));
        for bad in [f64::NAN, f64::INFINITY, -1.0] {
            let mut damaged = good.clone();
            *damaged.values.values_mut().last().unwrap() = bad;
            refused(damaged, |error| matches!(error, RewardError::BadStateValue { .. }));
        }
    }
    for (name, key) in [("laser_d", "low/n"), ("laser_de", "awake"), ("short_rl", "best_accuracy"), ("a_dlp", "coefficient")] {
        let mut strategy = with_memory(name);
        let mut state = strategy.save();
        state.values.remove(key).unwrap();
        let error = strategy.load(&state).unwrap_err();
        assert_eq!(error.to_string(), format!("saved reward state of `{name}` lacks the value `{key}`"));
    }
    let mut hapo = with_memory("hapo");
    for key in ["+000000000000003", "3", "000000000000000g", "000000000000000A"] {
        let state = StrategyState { values: BTreeMap::from([(key.to_owned(), 5.0)]), ..hapo.save() };
        assert!(matches!(hapo.load(&state), Err(RewardError::UnknownStateValue { .. })), "{key}");
    }
}

/// Counts of right answers are whole, none of them is more than all, and a longer target covers no fewer.
#[test]
fn counts_that_no_step_gives_are_refused_and_change_nothing() {
    for name in ["laser_d", "laser_de"] {
        let given = enough(name).with("grid_start", 10).with("grid_step", 10).with("grid_end", 30);
        let mut strategy = by_name(name, &given).unwrap();
        let group = [5, 15, 15, 99].map(|length| Rollout::new(PROBLEM, true, length));
        let shaped = [const { Shaped { total: 0.0, parts: Vec::new(), in_statistics: true, in_loss: true, cut_at: None } }; 4];
        strategy.observe(&[GroupFacts { group: &group, shaped: &shaped }]);
        let good = strategy.save();
        let counts = ["high/n", "high/within/10", "high/within/20", "high/within/30"].map(|key| good.values[key]);
        assert_eq!(counts, [4.0, 1.0, 3.0, 3.0]);
        let refuses = |strategy: &mut dyn RewardStrategy, changes: &[(&str, f64)], key: &str, found: f64, expected: &str| {
            let mut damaged = good.clone();
            changes.iter().for_each(|(key, value)| *damaged.values.get_mut(*key).unwrap() = *value);
            let error = strategy.load(&damaged).err().unwrap_or_else(|| panic!("{name} {changes:?}")).to_string();
            let known = format!("saved reward state of `{name}`: expected `{key}` to be {expected}, found {found}");
            assert_eq!(error, known);
            assert_eq!(strategy.save(), good, "{name}");
        };
        let strategy = strategy.as_mut();
        let whole = "a whole number, at least 0";
        refuses(strategy, &[("high/n", 4.5)], "high/n", 4.5, whole);
        refuses(strategy, &[("high/n", 4_294_967_296.0)], "high/n", 4_294_967_296.0, whole);
        refuses(strategy, &[("high/within/20", 1e18)], "high/within/20", 1e18, whole);
        refuses(strategy, &[("high/within/20", 2.5)], "high/within/20", 2.5, whole);
        let fits = "at most all of the level, and no fewer than within a shorter length";
        refuses(strategy, &[("high/within/30", 5.0)], "high/within/30", 5.0, fits);
        refuses(strategy, &[("high/within/20", 4.0)], "high/within/30", 3.0, fits);
        refuses(strategy, &[("low/within/10", 1.0)], "low/within/10", 1.0, fits);
        refuses(strategy, &[("awake", 0.5)], "awake", 0.5, "0 or 1");
        refuses(strategy, &[("awake", 2.0)], "awake", 2.0, "0 or 1");
        refuses(strategy, &[("awake", 0.0)], "high/n", 4.0, "0 before the first step");
        // equal counts are no fall, and all of them may be within
        let mut full = good.clone();
        ["high/within/20", "high/within/30"].into_iter().for_each(|key| *full.values.get_mut(key).unwrap() = 4.0);
        strategy.load(&full).unwrap();
        assert_eq!(strategy.save(), full);
    }
    // within 1e300 of 1 was read, and overflowed when a group was shaped
    let mut strategy = with_memory("laser_d");
    let mut state = strategy.save();
    state.values.iter_mut().filter(|(key, _)| key.contains("within")).for_each(|(_, value)| *value = 1e300);
    assert!(matches!(strategy.load(&state), Err(RewardError::BadStateValue { .. })));
}

/// A length is any u32, and what is no length cannot be one that was seen.
#[test]
fn hapo_remembers_every_length_and_nothing_else() {
    let mut hapo = with_memory("hapo");
    let state = |tokens: f64| StrategyState { values: BTreeMap::from([(format!("{:016x}", PROBLEM.0), tokens)]), ..hapo.save() };
    let (longest, none) = (state(f64::from(u32::MAX)), state(0.0));
    let refused = [4_294_967_296.0, -1.0, 0.5, 4_294_967_294.5].map(state);
    for state in [none, longest] {
        hapo.load(&state).unwrap();
        assert_eq!(hapo.save(), state);
    }
    // L = h: the cosine is at its zero, as at any other length
    let mut out = [Shaped::default()];
    hapo.shape(&StepContext::default(), &[Rollout::new(PROBLEM, true, u32::MAX)], &mut out).unwrap();
    assert!((out[0].total - 1.0).abs() < 1e-12, "{out:?}");
    for state in refused {
        let error = hapo.load(&state).unwrap_err();
        assert!(matches!(error, RewardError::BadStateValue { expected: "a whole number of tokens", .. }), "{error}");
    }
}

/// A checkpoint of an older curt must not be read with another meaning: a new layout needs a new number, and a line here.
#[test]
fn states_have_the_version_of_their_layout() {
    for name in names() {
        assert_eq!(with_memory(name).save().version, 1, "{name}");
    }
}

/// Before its first step a memory is empty, and it still is after going through a checkpoint.
#[test]
fn a_memory_begins_empty_and_can_be_saved_so() {
    for name in WITH_MEMORY {
        let [fresh, mut loaded] = [0; 2].map(|_| by_name(name, &enough(name)).unwrap());
        loaded.load(&fresh.save()).unwrap();
        assert_eq!(loaded.save(), fresh.save(), "{name}");
        let is_empty = fresh.save().values.iter().all(|(key, value)| *value == 0.0 || key == "coefficient");
        assert!(is_empty, "{name}: {:?}", fresh.save());
    }
}

#[test]
fn an_empty_step_is_no_step() {
    for name in WITH_MEMORY {
        let mut strategy = with_memory(name);
        let before = strategy.save();
        strategy.observe(&[]);
        assert_eq!(strategy.save(), before, "{name}");
    }
}
