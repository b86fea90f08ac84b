//! Refill in whole runs: the same bytes however it is made, and the sampler goes on where the refills left it.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use curt_runtime::GenerateProgress;
use curt_trainer::checkpoint::ResumeFrom;
use curt_trainer::{Observer, Outcome, Phase};

use crate::same_run::{assert_same, chains, contents, rollouts, run, run_watched};

fn metrics(root: &Path) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(root.join("metrics.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn numbers(root: &Path, name: &str) -> Vec<f64> {
    metrics(root).iter().map(|row| row[name].as_f64().unwrap_or_else(|| panic!("no {name} in {row}"))).collect()
}

/// Stops in the second generation of a step, which is a refill of it.
struct StopInRefill {
    step: u32,
    calls: u32,
    tokens: usize,
    stop: Cell<bool>,
}

impl Observer for StopInRefill {
    fn generating(&mut self, phase: Phase, progress: GenerateProgress) {
        if phase == (Phase::Rollout { step: self.step }) {
            self.calls += u32::from(progress.tokens <= self.tokens);
            self.tokens = progress.tokens;
            self.stop.set(self.calls > 0);
        }
    }

    fn interrupted(&self) -> bool {
        self.stop.get()
    }
}

#[test]
fn a_run_with_refills_resumes_to_the_uninterrupted_one() {
    for sampler in ["uniform", "weighted", "pools"] {
        let root = tempfile::tempdir().unwrap();
        let (whole, parts) = (root.path().join("whole"), root.path().join("parts"));
        let data = [chains(root.path()), vec![format!("data.sampler={sampler}")]].concat();
        let sets = ["rollout.refill_rounds=2", "rollout.prompts_per_step=2"];
        let sets: Vec<&str> = data.iter().map(String::as_str).chain(sets).collect();
        run(&whole, 2, &sets, None, u32::MAX).unwrap();
        let rounds = numbers(&whole, "eff/refill/rounds");
        assert!(rounds.iter().all(|rounds| *rounds <= 2.0), "{rounds:?}");
        let refilled: Vec<u32> = (1..=4).filter(|step| rounds[*step as usize - 1] > 0.0).collect();
        let Some(&last) = refilled.iter().find(|step| **step > 1) else { panic!("{sampler}: no refill in {rounds:?}") };
        // cut off in the middle of a refill, which leaves sampler and strategy as before the step
        let mut stop = StopInRefill { step: last, calls: 0, tokens: 0, stop: false.into() };
        let outcome = run_watched(&parts, 1, &sets, None, &mut stop).unwrap().outcome;
        assert_eq!(outcome, Outcome::Interrupted { step: last - 1 }, "{sampler}");
        run(&parts, 2, &sets, Some(&ResumeFrom::Latest), u32::MAX).unwrap();
        assert_same(&contents(&whole), &contents(&parts));
        run(&parts, 1, &sets, Some(&ResumeFrom::Step(2)), u32::MAX).unwrap();
        assert_same(&contents(&whole), &contents(&parts));
        let state = |root: &Path| -> serde_json::Value {
            serde_json::from_slice(&fs::read(root.join("checkpoint-4/trainer_state.json")).unwrap()).unwrap()
        };
        assert_eq!(state(&whole)["sampler"], state(&parts)["sampler"]);
        let sampled: f64 = numbers(&whole, "eff/refill/sampled").iter().sum();
        assert_eq!(state(&whole)["refilled"].as_f64(), Some(sampled - 8.0));
        assert_eq!(state(&parts)["refilled"].as_f64(), Some(sampled - 8.0));
    }
}

/// The walk through the epochs of nine problems has no gap and no repetition, whatever rounds it was drawn in; and each draw is
/// told from the others by its key.
#[test]
fn refills_go_on_in_the_epoch() {
    let root = tempfile::tempdir().unwrap();
    let output = root.path().join("run");
    let data = chains(root.path());
    let sets = ["rollout.refill_rounds=3", "rollout.prompts_per_step=3"];
    let sets: Vec<&str> = data.iter().map(String::as_str).chain(sets).collect();
    run(&output, 2, &sets, None, u32::MAX).unwrap();
    let mut drawn = Vec::new();
    for step in 1..=4 {
        let lines = rollouts(&output, step);
        let key = |line: &serde_json::Value| format!("{} {} {}", line["problem_key"], line["occurrence"], line["sample_index"]);
        assert_eq!(lines.iter().map(key).collect::<BTreeSet<_>>().len(), lines.len(), "a draw has the name of another");
        assert!(lines.iter().any(|line| line.get("refill").is_none()));
        drawn.extend(lines.iter().filter(|line| line["sample_index"] == 0).map(|line| line["prompt_id"].to_string()));
    }
    assert_eq!(drawn.len() as f64, numbers(&output, "eff/refill/sampled").iter().sum::<f64>());
    assert!(drawn.len() > 12, "no step was refilled");
    for epoch in drawn.chunks_exact(9) {
        assert_eq!(epoch.iter().collect::<BTreeSet<_>>().len(), 9, "{epoch:?}");
    }
    let epochs = numbers(&output, "epoch");
    assert_eq!(epochs[3], drawn.len() as f64 / 9.0);
    assert_eq!(numbers(&output, "eff/sampler/uniform/epoch")[3], drawn.len() as f64 / 9.0);
}

/// What a run file without refill gives is what it gave before there was any: the first round draws as a step does.
#[test]
fn the_first_round_is_the_step_without_refill() {
    let root = tempfile::tempdir().unwrap();
    let (plain, refilled) = (root.path().join("plain"), root.path().join("refilled"));
    run(&plain, 1, &["train.steps=1"], None, u32::MAX).unwrap();
    run(&refilled, 2, &["train.steps=1", "rollout.refill_rounds=2"], None, u32::MAX).unwrap();
    let what = ["problem_key", "occurrence", "sample_index", "completion_ids", "sampler_logprobs"];
    let facts = |line: &serde_json::Value| what.map(|name| line[name].clone());
    let first = rollouts(&refilled, 1);
    let first: Vec<_> = first.iter().filter(|line| line.get("refill").is_none()).map(facts).collect();
    assert_eq!(rollouts(&plain, 1).iter().map(facts).collect::<Vec<_>>(), first);
    assert!(metrics(&plain)[0].as_object().unwrap().keys().all(|name| !name.starts_with("eff/refill")));
}

/// Several files, one of them twice: an epoch draws its problems twice, a resume mixes the same, another weight is refused.
#[test]
fn a_mix_of_files_is_sampled_and_resumed() {
    let root = tempfile::tempdir().unwrap();
    let data = chains(root.path());
    let file = root.path().join("chains.jsonl");
    let lines: Vec<String> = fs::read_to_string(&file).unwrap().lines().map(|line| format!("{line}\n")).collect();
    let (few, many) = (root.path().join("few.jsonl"), root.path().join("many.jsonl"));
    fs::write(&few, lines[..3].concat()).unwrap();
    fs::write(&many, lines[3..].concat()).unwrap();
    let sources = |weight: &str| {
        format!("data.sources=[{{path='{}', weight={weight}}}, {{path='{}', name='many'}}]", few.display(), many.display())
    };
    let with = |sources: &str| -> Vec<String> {
        let rest = data.iter().filter(|set| !set.starts_with("data.path")).cloned();
        rest.chain(["rollout.prompts_per_step=3".to_owned(), sources.to_owned()]).collect()
    };
    let (whole, parts) = (root.path().join("whole"), root.path().join("parts"));
    let sets = with(&sources("2"));
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    run(&whole, 2, &sets, None, u32::MAX).unwrap();
    assert_eq!(run(&parts, 1, &sets, None, 3).unwrap().outcome, Outcome::Interrupted { step: 3 });
    let other = with(&sources("1"));
    let other: Vec<&str> = other.iter().map(String::as_str).collect();
    let error = run(&parts, 1, &other, Some(&ResumeFrom::Latest), u32::MAX).unwrap_err().to_string();
    assert!(error.contains("`dataset` was"), "{error}");
    run(&parts, 2, &sets, Some(&ResumeFrom::Latest), u32::MAX).unwrap();
    assert_same(&contents(&whole), &contents(&parts));
    // four steps of three are one epoch of the mix: 3 problems twice, 6 once
    let drawn = |step| rollouts(&whole, step).into_iter().filter(|line| line["sample_index"] == 0);
    let mut keys: Vec<String> = (1..=4).flat_map(drawn).map(|line| line["problem_key"].to_string()).collect();
    keys.sort_unstable();
    let times: Vec<usize> = keys.chunk_by(|a, b| a == b).map(<[String]>::len).collect();
    assert_eq!((times.len(), times.iter().filter(|times| **times == 2).count()), (9, 3), "{times:?}");
}
