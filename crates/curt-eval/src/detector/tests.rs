use proptest::prelude::*;

use super::*;
use crate::alarm::Action;

/// Row `step` of a run with these metrics, and of all others what is usual.
fn row(step: u32, metrics: &[(&str, f64)]) -> Observation {
    let usual = [
        ("completions/mean_length", 20.0),
        ("eff/accuracy", 0.6),
        ("eff/accuracy_in_budget", 0.5),
        ("eff/len_correct_p50", 18.0),
        ("completions/clipped_ratio", 0.0),
        ("entropy", 0.2),
        ("eff/frac_groups_kept", 0.7),
        ("eff/frac_all_correct", 0.1),
        ("eff/frac_all_wrong", 0.1),
        ("eff/phantom_groups_kept", 0.0),
        ("eff/trap/comparable_groups", 9.0),
        ("eff/trap/told_apart", 1.0),
        ("clip_ratio/region_mean", 0.0),
        ("loss", 0.0),
        ("grad_norm", 0.5),
        ("reward", 0.5),
        ("eff/ungradable", 0.0),
        ("eff/completion_tokens", 640.0),
    ];
    let changed = |name: &str| metrics.iter().find(|(n, _)| *n == name).map(|(_, value)| *value);
    Observation::new(step, usual.map(|(name, value)| (name, changed(name).unwrap_or(value))))
}

fn replay(rows: &[Observation]) -> Vec<(u32, Findings)> {
    let mut detector = Detector::new(AlarmSettings::default(), RunFacts::default());
    rows.iter().map(|row| (row.step, detector.observe(row))).collect()
}

fn stages(found: &[(u32, Findings)]) -> Vec<(u32, Stage, u32)> {
    found.iter().filter_map(|(step, f)| f.stage.map(|change| (*step, change.state, change.since))).collect()
}

fn alarms(found: &[(u32, Findings)]) -> Vec<(u32, Alarm)> {
    found.iter().flat_map(|(step, f)| f.alarms.iter().map(|raised| (*step, raised.alarm))).collect()
}

/// `steps` rows whose `name` is a function of the step.
fn series(steps: u32, name: &str, value: impl Fn(u32) -> f64) -> Vec<Observation> {
    (1..=steps).map(|step| row(step, &[(name, value(step))])).collect()
}

/// A fall to 20 with this half-life in steps.
fn falling(step: u32, half_life: f64) -> f64 {
    20.0 + 60.0 * halved(f64::from(step) / half_life)
}

/// 1, halved so many times; between whole times on a straight line.
fn halved(times: f64) -> f64 {
    let (mut value, mut rest) = (1.0, times);
    while rest >= 1.0 {
        value /= 2.0;
        rest -= 1.0;
    }
    value * (1.0 - rest / 2.0)
}

#[test]
fn lengths_fall_then_settle_at_any_pace() {
    for (half_life, earliest, latest) in [(5.0, 23, 45), (40.0, 80, 140)] {
        let found = replay(&series(600, "completions/mean_length", |step| falling(step, half_life)));
        assert_eq!(alarms(&found), []);
        let [(1, Stage::Adapting, 1), (step, Stage::Refining, since)] = stages(&found)[..] else {
            panic!("{:?}", stages(&found));
        };
        assert!((earliest..=latest).contains(&step) && since + 2 == step, "half-life {half_life}: {since}, told at {step}");
    }
}

#[test]
fn a_run_whose_lengths_never_move_counts_as_refining_after_five_windows() {
    let found = replay(&series(100, "eff/accuracy", |_| 0.6));
    assert_eq!(stages(&found), [(1, Stage::Adapting, 1), (52, Stage::Refining, 50)]);
}

#[test]
fn a_rebound_is_told_and_ends() {
    let length = |step: u32| if (100..200).contains(&step) { 30.0 } else { falling(step.min(100), 5.0) };
    let found = replay(&series(300, "completions/mean_length", length));
    let [_, _, (up, Stage::Rebound, since), (down, Stage::Refining, _)] = stages(&found)[..] else {
        panic!("{:?}", stages(&found));
    };
    assert!((102..115).contains(&up) && since == up - 2 && (200..215).contains(&down), "{up} {since} {down}");
    assert_eq!(alarms(&found), [(up, Alarm::LengthRebound)]);
}

/// A policy that has become too terse may write more again, if more of it is then right and short.
#[test]
fn lengths_may_grow_where_more_is_right_within_the_target() {
    let told = |gain: f64| {
        let metrics = |step: u32| {
            let grown = step >= 60;
            let length = if grown { 28.0 } else { falling(step, 5.0) };
            [("completions/mean_length", length), ("eff/accuracy_in_budget", if grown { 0.5 + gain } else { 0.5 })]
        };
        alarms(&replay(&(1..=120).map(|step| row(step, &metrics(step))).collect::<Vec<_>>()))
    };
    assert_eq!(told(0.2), []);
    for gain in [-0.1, 0.0, 0.03] {
        let [(_, Alarm::LengthRebound)] = told(gain)[..] else { panic!("{gain}: {:?}", told(gain)) };
    }
}

#[test]
fn each_alarm_has_the_metric_that_raises_it() {
    let after = |from: u32, usual: f64, then: f64| move |step: u32| if step < from { usual } else { then };
    let cases: [(Alarm, &str, f64, f64); 10] = [
        (Alarm::Ungradable, "eff/ungradable", 0.0, 16.0),
        (Alarm::Trap, "eff/trap/told_apart", 1.0, 0.0),
        (Alarm::Collapse, "eff/accuracy", 0.6, 0.3),
        (Alarm::LengthRebound, "completions/mean_length", 20.0, 40.0),
        (Alarm::RewardDensity, "eff/accuracy_in_budget", 0.5, 0.0),
        (Alarm::Signal, "eff/frac_groups_kept", 0.7, 0.0),
        (Alarm::Truncation, "completions/clipped_ratio", 0.1, 0.95),
        (Alarm::PhantomGroups, "eff/phantom_groups_kept", 0.0, 0.5),
        (Alarm::OffPolicy, "clip_ratio/region_mean", 0.0, 0.4),
        (Alarm::EntropyRise, "entropy", 0.2, 0.6),
    ];
    for (alarm, name, usual, then) in cases {
        let found = replay(&series(80, name, after(40, usual, then)));
        let [(step, raised)] = alarms(&found)[..] else { panic!("{alarm:?}: {:?}", alarms(&found)) };
        assert_eq!(raised, alarm);
        assert!((41..=52).contains(&step), "{alarm:?} told at {step}");
        // far beyond the threshold from the first step on: told as soon as there are enough steps
        let found = replay(&series(40, name, after(0, usual, then)));
        let first = alarms(&found).first().copied();
        let relative = alarm.is_ratio();
        assert_eq!(first, (!relative).then_some((12, alarm)), "{alarm:?}");
    }
    // entropy falls slowly, so that the newer half of a window is never above the older
    let found = replay(&series(200, "entropy", |step| 0.2 * halved(f64::from(step) / 20.0)));
    assert_eq!(alarms(&found).iter().map(|(_, alarm)| *alarm).collect::<Vec<_>>(), [Alarm::EntropyFall]);
}

/// Half of 32 rollouts have no verdict: the problems are not too hard, and the updates not too large.
#[test]
fn a_verifier_that_fails_is_what_is_blamed() {
    let metrics = |step: u32| {
        let without = if step < 40 { 0.0 } else { 16.0 };
        let right = if step < 40 { 0.6 } else { 0.0 };
        [("eff/ungradable", without), ("eff/accuracy", right), ("eff/accuracy_in_budget", right), ("eff/frac_groups_kept", right)]
    };
    let rows: Vec<_> = (1..=80).map(|step| row(step, &metrics(step))).collect();
    let told = |rows: &[Observation], verifier: Option<&str>| {
        let facts = RunFacts { verifier: verifier.map(str::to_owned), ..RunFacts::default() };
        let mut detector = Detector::new(AlarmSettings::default(), facts);
        rows.iter().flat_map(|row| detector.observe(row).alarms).collect::<Vec<_>>()
    };
    let all = [Alarm::Ungradable, Alarm::Collapse, Alarm::RewardDensity, Alarm::Signal];
    for (verifier, key) in [(None, "verify.kind"), (Some("math"), "verify.kind"), (Some("command"), "verify.command")] {
        let raised = told(&rows, verifier);
        assert!(all.iter().all(|alarm| raised.iter().any(|raised| raised.alarm == *alarm)), "{raised:?}");
        for raised in raised {
            assert!(raised.key == key && raised.change.contains("docs/verify.md"), "{raised:?}");
        }
    }
    let raised = told(&rows, None).into_iter().find(|raised| raised.alarm == Alarm::Ungradable).unwrap();
    assert_eq!(raised.message, "share of rollouts of which the verifier can say nothing: 0.300, at or above 0.2");
    assert_eq!(raised.since, 43);
    // where all have a verdict, what is blamed is what always was
    let judged: Vec<_> = (1..=80).map(|step| row(step, &metrics(step)[1..])).collect();
    assert!(told(&judged, None).iter().all(|raised| raised.key != "verify.kind" && raised.alarm != Alarm::Ungradable));
}

#[test]
fn nan_is_told_at_once_and_named() {
    let rows: Vec<_> = (1..=5).map(|step| row(step, &[("loss", if step == 3 { f64::NAN } else { 0.1 })])).collect();
    let found = replay(&rows);
    assert_eq!(alarms(&found), [(3, Alarm::Nan)]);
    assert_eq!(found[2].1.alarms[0].message, "not a finite number: loss");
    assert_eq!(found[2].1.stage, Some(StageChange { state: Stage::Exploding, since: 3 }));
}

#[test]
fn an_alarm_is_raised_again_only_after_it_was_over() {
    let share = |step: u32| match step {
        // just out of the alarm is not over, so that being in it again is nothing new
        40..60 | 100..110 | 140..160 => 0.0,
        60..100 => 0.0205,
        _ => 0.5,
    };
    let found = replay(&series(200, "eff/accuracy_in_budget", share));
    let [(first, Alarm::RewardDensity), (second, Alarm::RewardDensity)] = alarms(&found)[..] else {
        panic!("{:?}", alarms(&found));
    };
    assert!(first < 60 && second > 140, "{first} {second}");
}

#[test]
fn few_comparable_groups_raise_no_trap() {
    let metrics = [("eff/trap/comparable_groups", 0.7), ("eff/trap/told_apart", 0.0)];
    assert_eq!(alarms(&replay(&(1..=50).map(|step| row(step, &metrics)).collect::<Vec<_>>())), []);
}

#[test]
fn a_curriculum_may_lose_accuracy() {
    let rows = series(80, "eff/accuracy", |step| if step < 40 { 0.6 } else { 0.3 });
    let facts = RunFacts { curriculum: true, ..RunFacts::default() };
    let mut detector = Detector::new(AlarmSettings::default(), facts);
    assert!(rows.iter().all(|row| detector.observe(row).alarms.is_empty()));
}

/// Entropy falls to a fiftieth: told while a tenth of the rollouts is wrong, and not of a policy that is certain and right.
#[test]
fn a_policy_that_is_right_may_be_certain() {
    let told = |accuracy: f64| {
        let metrics = |step: u32| [("entropy", 0.2 * halved(f64::from(step) / 20.0)), ("eff/accuracy", accuracy)];
        alarms(&replay(&(1..=120).map(|step| row(step, &metrics(step))).collect::<Vec<_>>()))
    };
    assert_eq!(told(0.95), []);
    let [(_, Alarm::EntropyFall)] = told(0.85)[..] else { panic!("{:?}", told(0.85)) };
}

#[test]
fn an_objective_that_clips_narrowly_may_clip_much() {
    let rows = series(40, "clip_ratio/region_mean", |_| 0.15);
    let told = |narrow_clip: bool| {
        let mut detector = Detector::new(AlarmSettings::default(), RunFacts { narrow_clip, ..RunFacts::default() });
        rows.iter().flat_map(|row| detector.observe(row).alarms).map(|raised| raised.alarm).collect::<Vec<_>>()
    };
    assert_eq!((told(false), told(true)), (vec![Alarm::OffPolicy], vec![]));
}

#[test]
fn advice_names_what_is_known_of_the_run() {
    let facts = RunFacts {
        strategy: Some("minus_i".into()),
        masking_excludes: Some(true),
        learning_rate: Some(6e-4),
        updates_per_batch: Some(16),
        links: Some([8, 12]),
        max_completion_length: Some(256),
        ..RunFacts::default()
    };
    let means = |metrics: &[(&str, f64)]| Means::of([row(1, metrics)].iter());
    let dense = means(&[]);
    let cases = [
        (Alarm::Trap, &dense, "reward.masking", "\"zero_after\", or reward.strategy to \"truncation\""),
        (Alarm::Collapse, &means(&[("eff/trap/told_apart", 0.0)]), "reward.masking", "\"zero_after\""),
        (Alarm::Collapse, &dense, "algo.updates_per_batch", "1, now 16; or train.learning_rate to less"),
        (Alarm::OffPolicy, &dense, "algo.updates_per_batch", "1, now 16"),
        (Alarm::Nan, &dense, "train.learning_rate", "3e-4, half of what it is"),
        (Alarm::Truncation, &dense, "rollout.max_completion_length", "512, now 256"),
        (Alarm::RewardDensity, &means(&[("eff/accuracy_in_budget", 0.01)]), "reward.target_length", "about 18"),
        (
            Alarm::RewardDensity,
            &means(&[("eff/accuracy_in_budget", 0.0), ("eff/accuracy", 0.01)]),
            "data.links",
            "[3, 6], now [8, 12]",
        ),
        (Alarm::Signal, &means(&[("eff/frac_all_wrong", 0.9)]), "data.links", "[3, 6]"),
        (Alarm::Signal, &means(&[("eff/frac_all_correct", 0.9)]), "data.links", "harder problems"),
        (Alarm::Signal, &means(&[("eff/accuracy_in_budget", 0.01)]), "reward.target_length", "about 18"),
        (Alarm::Signal, &dense, "reward.strategy", "\"truncation\""),
    ];
    for (alarm, means, key, change) in cases {
        let advice = advice(alarm, &facts, means);
        assert_eq!(advice.key, key, "{alarm:?}");
        assert!(advice.change.starts_with(change), "{alarm:?}: {}", advice.change);
    }
    let general = advice(Alarm::Collapse, &RunFacts::default(), &means(&[("eff/accuracy_in_budget", 0.01)]));
    assert_eq!((general.key, general.change.contains("curt filter")), ("data.path", true));
}

#[test]
fn a_line_of_metrics_reads_itself_and_null_is_no_number() {
    let line = "{\"step\":7,\"loss\":null,\"entropy\":0.25,\"other/name\":[1,{\"a\":2}],\"time/step_time\":0.5}";
    let row: Observation = serde_json::from_str(line).unwrap();
    assert_eq!((row.step, row.is_evaluation, row.get(Column::Entropy)), (7, false, Some(0.25)));
    assert_eq!((row.reading(Column::Loss), row.reading(Column::Length)), (Reading::NotFinite, Reading::Absent));
    assert_eq!(serde_json::to_string(&row).unwrap(), "{\"step\":7,\"entropy\":0.25,\"loss\":null}");
    assert!(serde_json::from_str::<Observation>("{\"step\":0,\"eval/chain/mean@8\":0.5}").unwrap().is_evaluation);
    for (bad, expected) in [
        ("{\"loss\":1}", "missing field `step`"),
        ("{\"step\":1.5}", "invalid type"),
        ("{\"step\":1,\"loss\":\"x\"}", "invalid type: string"),
        ("[1]", "a row of metrics"),
        ("{\"step\":1,\"loss\":0.", "EOF while parsing"),
    ] {
        let error = serde_json::from_str::<Observation>(bad).unwrap_err().to_string();
        assert!(error.contains(expected), "{bad}: {error}");
    }
}

fn readings() -> impl Strategy<Value = Vec<Vec<f64>>> {
    let number = prop_oneof![4 => 0.0..1.0, 1 => 0.0..100.0, 1 => Just(f64::NAN)];
    proptest::collection::vec(proptest::collection::vec(number, Column::ALL.len()), 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Taken up from its saved state anywhere, a detector says what it would have said.
    #[test]
    fn a_resumed_detector_goes_on_the_same(steps in readings(), cut in 0..60_usize, window in 1..8_u32, patience in 1..4_u32) {
        let rows = |(i, values): (usize, &Vec<f64>)| {
            Observation::new(i as u32 + 1, Column::ALL.into_iter().map(Column::name).zip(values.iter().copied()))
        };
        let rows: Vec<Observation> = steps.iter().enumerate().map(rows).collect();
        let settings = AlarmSettings::new(window, patience);
        let mut whole = Detector::new(settings.clone(), RunFacts::default());
        let mut parts = whole.clone();
        for (i, row) in rows.iter().enumerate() {
            if i == cut {
                let saved = serde_json::to_string(parts.state()).unwrap();
                parts = Detector::resume(settings.clone(), RunFacts::default(), serde_json::from_str(&saved).unwrap());
            }
            let found = whole.observe(row);
            prop_assert_eq!(&found, &parts.observe(row));
            // whatever is found can be written and read
            for raised in &found.alarms {
                prop_assert!(raised.value.is_finite() && raised.action == Action::Warn);
                let text = serde_json::to_string(raised).unwrap();
                prop_assert_eq!(&serde_json::from_str::<AlarmRaised>(&text).unwrap(), raised);
            }
        }
        prop_assert_eq!(whole.state(), parts.state());
    }
}
