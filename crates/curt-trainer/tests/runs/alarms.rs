//! Alarms within a run: what each action does, and that a resume says and does the same.

use std::fs;
use std::path::Path;

use curt_eval::{Action, Alarm, Stage};
use curt_trainer::Outcome;
use curt_trainer::checkpoint::ResumeFrom;

use crate::same_run::{assert_same, contents, run};

/// Settings under which `truncation` is raised as soon as the window is full, whatever the run does.
fn sets<'a>(window: &'a str, action: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&[window, action, "alarms.patience=1", "alarms.truncation_threshold=0"], more].concat()
}

fn events(root: &Path) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(root.join("events.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// `eff/stage` of each step that has it.
fn stage_codes(root: &Path) -> Vec<f64> {
    let rows = fs::read_to_string(root.join("metrics.jsonl")).unwrap();
    rows.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["eff/stage"].as_f64()).collect()
}

/// Steps and names of the alarms that are recorded.
fn alarms(root: &Path) -> Vec<(u64, String)> {
    let raised = events(root).into_iter().filter(|event| event["event"] == "alarm");
    raised.map(|event| (event["step"].as_u64().unwrap(), event["detail"]["alarm"].as_str().unwrap().to_owned())).collect()
}

fn truncation(step: u32, action: Action, saved: u32) -> Outcome {
    Outcome::Alarmed { step, alarm: Alarm::Truncation, action, saved }
}

#[test]
fn a_resumed_run_has_the_same_events() {
    let root = tempfile::tempdir().unwrap();
    let (whole, parts) = (root.path().join("whole"), root.path().join("parts"));
    // the last one is raised and over and raised by chance alone
    let sets = sets("alarms.window=1", "alarms.action=warn", &["alarms.length_rebound_threshold=1.01", "data.links=[1, 6]"]);
    assert_eq!(run(&whole, 1, &sets, None, u32::MAX).unwrap().outcome, Outcome::Finished);
    run(&parts, 1, &sets, None, 3).unwrap();
    run(&parts, 1, &sets, Some(&ResumeFrom::Latest), u32::MAX).unwrap();
    assert_same(&contents(&whole), &contents(&parts));
    run(&parts, 1, &sets, Some(&ResumeFrom::Step(2)), u32::MAX).unwrap();
    assert_same(&contents(&whole), &contents(&parts));
    assert!(alarms(&whole).contains(&(1, "truncation".into())) && alarms(&whole).len() >= 2, "{:?}", alarms(&whole));
    let first = &events(&whole)[0];
    assert_eq!((first["event"].as_str(), first["detail"]["state"].as_str()), (Some("stage"), Some("adapting")));
}

/// The metric is the state of the events, also in the steps that a resume makes, and nothing else of the run depends on it.
#[test]
fn the_state_of_each_step_is_a_metric() {
    let root = tempfile::tempdir().unwrap();
    let (watched, not) = (root.path().join("watched"), root.path().join("not"));
    // any length above the shortest so far is a rebound, so that the state changes
    let sets = sets("alarms.window=1", "alarms.action=warn", &["alarms.length_rebound_threshold=1.01", "data.links=[1, 6]"]);
    run(&watched, 1, &sets, None, 3).unwrap();
    run(&watched, 1, &sets, Some(&ResumeFrom::Latest), u32::MAX).unwrap();
    let codes = stage_codes(&watched);
    let states = [Stage::Adapting, Stage::Refining, Stage::Rebound, Stage::Collapsing, Stage::Exploding];
    let events = events(&watched);
    for (step, code) in (1..).zip(&codes) {
        let told = events.iter().rfind(|event| event["event"] == "stage" && event["step"].as_u64() <= Some(step)).unwrap();
        let state = states.into_iter().find(|state| told["detail"]["state"] == state.word()).unwrap();
        assert_eq!(*code, f64::from(state.code()), "step {step} after {told}");
    }
    assert!(codes.len() == 4 && codes.contains(&0.0) && codes.iter().any(|code| *code > 1.0), "{codes:?}");
    run(&not, 1, &[&sets[..], &["alarms.enabled=false"]].concat(), None, u32::MAX).unwrap();
    let (watched, not) = (contents(&watched), contents(&not));
    for (name, bytes) in not.iter().filter(|(name, _)| *name != "events") {
        let mut expected = watched[name].clone();
        if name.starts_with("metrics") {
            let mut row: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&expected).unwrap();
            row.retain(|name, _| name != "eff/stage");
            expected = serde_json::to_vec(&row).unwrap();
        }
        assert!(*bytes == expected, "{name} differs");
    }
}

#[test]
fn a_pause_saves_and_a_resume_goes_on_to_the_same_run() {
    let root = tempfile::tempdir().unwrap();
    let (whole, paused) = (root.path().join("whole"), root.path().join("paused"));
    run(&whole, 1, &sets("alarms.window=3", "alarms.action=warn", &[]), None, u32::MAX).unwrap();
    let sets = sets("alarms.window=3", "alarms.action=pause", &[]);
    assert_eq!(run(&paused, 1, &sets, None, u32::MAX).unwrap().outcome, truncation(3, Action::Pause, 3));
    assert!(paused.join("checkpoint-3").is_dir());
    assert_eq!(run(&paused, 1, &sets, Some(&ResumeFrom::Latest), u32::MAX).unwrap().outcome, Outcome::Finished);
    let mut found = contents(&paused);
    let text = String::from_utf8(found["events"].clone()).unwrap().replace("\"action\":\"pause\"", "\"action\":\"warn\"");
    found.insert("events".into(), text.into_bytes());
    assert_same(&contents(&whole), &found);
}

#[test]
fn a_rollback_goes_back_to_before_the_trouble() {
    let root = tempfile::tempdir().unwrap();
    let (whole, back) = (root.path().join("whole"), root.path().join("back"));
    let save = ["checkpoint.save_steps=1", "checkpoint.save_total_limit=0"];
    let warn = sets("alarms.window=3", "alarms.action=warn", &save);
    run(&whole, 1, &warn, None, u32::MAX).unwrap();
    let rollback = sets("alarms.window=3", "alarms.truncation_action=rollback", &save);
    assert_eq!(run(&back, 1, &rollback, None, u32::MAX).unwrap().outcome, truncation(3, Action::Rollback, 2));
    assert!(back.join("checkpoint-2").is_dir() && !back.join("checkpoint-3").exists());
    assert_eq!(fs::read_to_string(back.join("latest")).unwrap(), "checkpoint-2\n");
    let last = events(&back).pop().unwrap();
    assert_eq!((last["event"].as_str(), last["detail"]["to"].as_u64()), (Some("rollback"), Some(2)));
    // unchanged it does so again, with a warning it goes on to the run that was only warned
    assert_eq!(
        run(&back, 1, &rollback, Some(&ResumeFrom::Latest), u32::MAX).unwrap().outcome,
        truncation(3, Action::Rollback, 2)
    );
    assert_eq!(run(&back, 1, &warn, Some(&ResumeFrom::Latest), u32::MAX).unwrap().outcome, Outcome::Finished);
    assert_same(&contents(&whole), &contents(&back));
}

#[test]
fn a_rollback_with_nothing_to_go_back_to_pauses() {
    let root = tempfile::tempdir().unwrap();
    let sets = sets("alarms.window=2", "alarms.action=rollback", &[]);
    assert_eq!(run(root.path(), 1, &sets, None, u32::MAX).unwrap().outcome, truncation(2, Action::Pause, 2));
    assert!(root.path().join("checkpoint-2").is_dir());
}

#[test]
fn a_stop_lasts_until_the_setting_is_changed() {
    let root = tempfile::tempdir().unwrap();
    let stop = sets("alarms.window=2", "alarms.truncation_action=stop", &[]);
    assert_eq!(run(root.path(), 1, &stop, None, u32::MAX).unwrap().outcome, truncation(2, Action::Stop, 2));
    let before = fs::read(root.path().join("metrics.jsonl")).unwrap();
    assert_eq!(run(root.path(), 1, &stop, Some(&ResumeFrom::Latest), u32::MAX).unwrap().outcome, truncation(2, Action::Stop, 2));
    assert_eq!(fs::read(root.path().join("metrics.jsonl")).unwrap(), before);
    let warn = sets("alarms.window=2", "alarms.action=warn", &[]);
    assert_eq!(run(root.path(), 1, &warn, Some(&ResumeFrom::Latest), u32::MAX).unwrap().outcome, Outcome::Finished);
}

#[test]
fn a_run_that_is_not_watched_records_no_stage() {
    let root = tempfile::tempdir().unwrap();
    run(root.path(), 1, &sets("alarms.window=1", "alarms.enabled=false", &[]), None, u32::MAX).unwrap();
    assert_eq!(events(root.path()), Vec::<serde_json::Value>::new());
    assert_eq!(stage_codes(root.path()), Vec::<f64>::new());
}
