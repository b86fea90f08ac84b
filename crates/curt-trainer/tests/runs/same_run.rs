//! Invariants 5 and 9: the same run gives the same bytes at any thread count, and a resume gives the uninterrupted run.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use curt_runtime::{Cpu, Tokenizer, Transformer};
use curt_trainer::checkpoint::ResumeFrom;
use curt_trainer::run_file::RunFile;
use curt_trainer::{Observer, Outcome, RunReport, TrainError, Trainer, train};

fn model_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/tiny-good")
}

/// A short embedded run with what a test changes about it.
fn sets(output_dir: &Path, more: &[&str]) -> Vec<String> {
    let mut sets: Vec<String> = [
        "train.steps=4",
        "rollout.prompts_per_step=6",
        "rollout.num_generations=4",
        "rollout.max_completion_length=120",
        "reward.target_length=60",
        "eval.enabled=false",
        "checkpoint.save_steps=2",
        "data.links=[1, 3]",
    ]
    .iter()
    .chain(more)
    .map(|s| (*s).to_owned())
    .collect();
    sets.push(format!("output_dir='{}'", output_dir.display()));
    sets
}

struct StopAfter {
    step: u32,
    seen: std::cell::Cell<u32>,
}

impl Observer for StopAfter {
    fn stepped(&mut self, step: u32, _: &[(String, f64)]) {
        self.seen.set(step);
    }

    fn interrupted(&self) -> bool {
        self.seen.get() >= self.step
    }
}

pub fn run(
    output_dir: &Path,
    threads: usize,
    more: &[&str],
    resume: Option<&ResumeFrom>,
    stop_after: u32,
) -> Result<RunReport, TrainError> {
    run_watched(output_dir, threads, more, resume, &mut StopAfter { step: stop_after, seen: 0.into() })
}

pub fn run_watched(
    output_dir: &Path,
    threads: usize,
    more: &[&str],
    resume: Option<&ResumeFrom>,
    observer: &mut dyn Observer,
) -> Result<RunReport, TrainError> {
    let config = RunFile::load(None, &sets(output_dir, more)).unwrap();
    let folder = model_folder();
    let tokenizer = Tokenizer::load(&folder).unwrap();
    let backend = Cpu::<f32>::new(threads).unwrap();
    let policy = Transformer::load(backend, &folder, Some(&tokenizer), config.settings()).unwrap();
    let trainer = Trainer::new(config, Box::new(policy), tokenizer, &folder)?;
    train(trainer, resume, observer)
}

/// How many rollouts of the run have a problem that was drawn before in their step.
fn repeated(root: &Path) -> usize {
    let files = fs::read_dir(root.join("rollouts")).unwrap().map(|entry| fs::File::open(entry.unwrap().path()).unwrap());
    let texts = files.map(|file| String::from_utf8(zstd::decode_all(file).unwrap()).unwrap());
    let occurrences = |text: &str| -> Vec<u64> {
        let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines.map(|line| line["occurrence"].as_u64().unwrap()).collect()
    };
    texts.flat_map(|text| occurrences(&text)).filter(|occurrence| *occurrence > 0).count()
}

/// Everything of a run directory that must not differ: clocks are taken out of the metrics.
pub fn contents(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for part in ["rollouts", "checkpoint-4"] {
        for entry in fs::read_dir(root.join(part)).unwrap() {
            let path = entry.unwrap().path();
            files.insert(path.strip_prefix(root).unwrap().display().to_string(), fs::read(&path).unwrap());
        }
    }
    // positions of append-only files depend on how long the clocks' numbers are
    files.retain(|name, _| !name.ends_with("trainer_state.json") && !name.ends_with("MANIFEST.json"));
    let metrics = fs::read_to_string(root.join("metrics.jsonl")).unwrap();
    for (number, line) in metrics.lines().enumerate() {
        let mut line: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).unwrap();
        line.retain(|name, _| !name.starts_with("time/"));
        files.insert(format!("metrics, line {number}, step {}", line["step"]), serde_json::to_vec(&line).unwrap());
    }
    files.insert("events".into(), fs::read(root.join("events.jsonl")).unwrap());
    files
}

pub fn assert_same(a: &BTreeMap<String, Vec<u8>>, b: &BTreeMap<String, Vec<u8>>) {
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    for (name, bytes) in a {
        assert!(bytes == &b[name], "{name} differs");
    }
}

#[test]
fn one_and_two_threads_give_the_same_run() {
    let root = tempfile::tempdir().unwrap();
    // one link: a hundred starts and 21 operations, so that with this seed equal problems meet in a step
    let more = ["data.links=[1, 1]", "rollout.prompts_per_step=24", "rollout.num_generations=2", "seed=1"];
    for (name, threads, slots) in [("one", 1, 3), ("two", 2, 128)] {
        let slots = format!("rollout.max_sequences={slots}");
        run(&root.path().join(name), threads, &[&more[..], &[&slots]].concat(), None, u32::MAX).unwrap();
    }
    assert!(repeated(&root.path().join("one")) > 0, "no step drew a problem twice");
    assert_same(&contents(&root.path().join("one")), &contents(&root.path().join("two")));
}

#[test]
fn several_updates_per_batch_give_the_same_run_too() {
    let root = tempfile::tempdir().unwrap();
    for (name, threads) in [("one", 1), ("two", 2)] {
        run(&root.path().join(name), threads, &["algo.updates_per_batch=3"], None, u32::MAX).unwrap();
    }
    assert_same(&contents(&root.path().join("one")), &contents(&root.path().join("two")));
}

#[test]
fn an_interrupted_run_resumes_to_the_uninterrupted_one() {
    let root = tempfile::tempdir().unwrap();
    let (whole, parts) = (root.path().join("whole"), root.path().join("parts"));
    assert_eq!(run(&whole, 2, &[], None, u32::MAX).unwrap().outcome, Outcome::Finished);
    let report = run(&parts, 2, &[], None, 3).unwrap();
    assert_eq!(report.outcome, Outcome::Interrupted { step: 3 });
    run(&parts, 1, &[], Some(&ResumeFrom::Latest), u32::MAX).unwrap();
    assert_same(&contents(&whole), &contents(&parts));
    // and from an older checkpoint: later steps are cut back and made again
    run(&parts, 2, &[], Some(&ResumeFrom::Step(2)), u32::MAX).unwrap();
    assert_same(&contents(&whole), &contents(&parts));
}

/// A kill between the last save and the deletion that it makes room by.
#[test]
fn a_checkpoint_too_many_is_deleted_by_a_resume_that_has_nothing_left_to_do() {
    let root = tempfile::tempdir().unwrap();
    let sets = ["train.steps=3", "rollout.prompts_per_step=2", "checkpoint.save_steps=1", "checkpoint.save_total_limit=2"];
    run(root.path(), 1, &sets, None, u32::MAX).unwrap();
    let checkpoint = |step: u32| root.path().join(format!("checkpoint-{step}"));
    fs::create_dir(checkpoint(1)).unwrap();
    for entry in fs::read_dir(checkpoint(2)).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, checkpoint(1).join(path.file_name().unwrap())).unwrap();
    }
    run(root.path(), 1, &sets, Some(&ResumeFrom::Latest), u32::MAX).unwrap();
    assert_eq!([1, 2, 3].map(|step| checkpoint(step).exists()), [false, true, true]);
}

#[test]
fn strategies_with_a_memory_resume_to_the_uninterrupted_run() {
    for strategy in ["laser_d", "laser_de", "short_rl", "hapo", "a_dlp", "quantile_target"] {
        let root = tempfile::tempdir().unwrap();
        let (whole, parts) = (root.path().join("whole"), root.path().join("parts"));
        let chosen = format!("reward.strategy={strategy}");
        // short problems, so that their lengths are learnt from the first step on
        let sets = [&chosen[..], "rollout.prompts_per_step=2", "rollout.max_completion_length=60", "data.links=[1, 2]"];
        let grid = ["reward.grid_start=8", "reward.grid_step=4", "reward.grid_end=60"];
        let sets = if strategy.starts_with("laser") { [&sets[..], &grid].concat() } else { sets.to_vec() };
        run(&whole, 2, &sets, None, u32::MAX).unwrap();
        assert_eq!(run(&parts, 2, &sets, None, 3).unwrap().outcome, Outcome::Interrupted { step: 3 });
        run(&parts, 1, &sets, Some(&ResumeFrom::Latest), u32::MAX).unwrap();
        assert_same(&contents(&whole), &contents(&parts));
        let state: serde_json::Value =
            serde_json::from_slice(&fs::read(whole.join("checkpoint-4/trainer_state.json")).unwrap()).unwrap();
        assert!(!state["strategy"]["values"].as_object().unwrap().is_empty(), "{strategy} has learnt nothing");
    }
}

/// Chains of one and two links as a data set, with pass rates, and what a run needs to train on them.
pub fn chains(root: &Path) -> Vec<String> {
    let mut x = 0.1;
    let mut draw = move || {
        x = (x * 7.3 + 0.11) % 1.0;
        x
    };
    let line = |i: u32| {
        let problem = curt_task::chain::Chain::sample(&mut draw, 1 + i % 2).unwrap().problem();
        let mut line = serde_json::to_value(problem).unwrap();
        line["pass_rate"] = serde_json::json!(f64::from(i) / 8.0);
        format!("{line}\n")
    };
    let data = root.join("chains.jsonl");
    fs::write(&data, (0..9).map(line).collect::<String>()).unwrap();
    let path = format!("data.path='{}'", data.display());
    let sets = ["data.task=jsonl", "data.chat_template=false", "data.prompt_suffix=''", "rollout.prompts_per_step=4", &path];
    sets.map(str::to_owned).to_vec()
}

/// Four problems of nine a step: the checkpoints are in the middle of an epoch.
#[test]
fn samplers_resume_to_the_uninterrupted_run_in_the_middle_of_an_epoch() {
    for (sampler, metric) in [("uniform", "epoch"), ("weighted", "expected_signal"), ("curriculum", "pool"), ("pools", "awake")] {
        let root = tempfile::tempdir().unwrap();
        let (whole, parts) = (root.path().join("whole"), root.path().join("parts"));
        let sets = [chains(root.path()), vec![format!("data.sampler={sampler}")]].concat();
        let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
        run(&whole, 2, &sets, None, u32::MAX).unwrap();
        assert_eq!(run(&parts, 1, &sets, None, 3).unwrap().outcome, Outcome::Interrupted { step: 3 });
        run(&parts, 2, &sets, Some(&ResumeFrom::Latest), u32::MAX).unwrap();
        assert_same(&contents(&whole), &contents(&parts));
        let state = |root: &Path| -> serde_json::Value {
            serde_json::from_slice(&fs::read(root.join("checkpoint-4/trainer_state.json")).unwrap()).unwrap()
        };
        assert_eq!(state(&whole)["sampler"], state(&parts)["sampler"]);
        assert_eq!(state(&whole)["sampler"]["sampler"], sampler);
        let remembers = !state(&whole)["sampler"]["values"].as_object().unwrap().is_empty();
        assert_eq!(remembers, ["weighted", "pools"].contains(&sampler), "{sampler}");
        let metrics = fs::read_to_string(whole.join("metrics.jsonl")).unwrap();
        let name = format!("\"eff/sampler/{sampler}/{metric}\":");
        assert_eq!(metrics.lines().filter(|line| line.contains(&name)).count(), 4, "{name} {metrics}");
    }
}

/// The lines of one step's rollouts.
pub fn rollouts(root: &Path, step: u32) -> Vec<serde_json::Value> {
    let file = fs::File::open(root.join(format!("rollouts/step_{step:05}.jsonl.zst"))).unwrap();
    let text = String::from_utf8(zstd::decode_all(file).unwrap()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Screening samples nothing else, only less: before the first update its completions are among those without it, whole groups
/// where the first two differ, two of the others.
#[test]
fn screening_leaves_out_groups_and_changes_no_completion() {
    let root = tempfile::tempdir().unwrap();
    let sets = ["rollout.num_generations=5", "data.links=[1, 6]", "rollout.prompts_per_step=8", "reward.target_length=40"];
    let (all, screened) = (root.path().join("all"), root.path().join("screened"));
    run(&all, 2, &[&sets[..], &["train.steps=1"]].concat(), None, u32::MAX).unwrap();
    let sets = [&sets[..], &["rollout.screening=2"]].concat();
    run(&screened, 2, &sets, None, u32::MAX).unwrap();
    let good = |line: &serde_json::Value| line["correct"] == true && line["length"].as_u64().unwrap() <= 40;
    let what = ["problem_key", "occurrence", "sample_index", "completion_ids", "sampler_logprobs", "verdict", "correct"];
    let facts = |line: &serde_json::Value| what.map(|name| line[name].clone());
    let (mut expected, mut n_dropped) = (Vec::new(), 0);
    for group in rollouts(&all, 1).chunks(5) {
        let goes_on = good(&group[0]) != good(&group[1]);
        n_dropped += usize::from(!goes_on);
        expected.extend(group[..if goes_on { 5 } else { 2 }].iter().map(facts));
    }
    assert!((1..8).contains(&n_dropped), "{n_dropped} of 8 are left");
    let found = rollouts(&screened, 1);
    assert_eq!(found.iter().map(facts).collect::<Vec<_>>(), expected);
    assert_eq!(found.iter().filter(|line| line["drop_reason"] == "screened").count(), 2 * n_dropped);
    let metrics = fs::read_to_string(screened.join("metrics.jsonl")).unwrap();
    let first: serde_json::Value = serde_json::from_str(metrics.lines().next().unwrap()).unwrap();
    assert_eq!(first["eff/screening/dropped"].as_f64(), Some(n_dropped as f64 / 8.0));
    assert_eq!(first["eff/screening/rollouts_saved"].as_f64(), Some(3.0 * n_dropped as f64));
    // and it resumes to the same run
    let parts = root.path().join("parts");
    assert_eq!(run(&parts, 1, &sets, None, 3).unwrap().outcome, Outcome::Interrupted { step: 3 });
    run(&parts, 1, &sets, Some(&ResumeFrom::Latest), u32::MAX).unwrap();
    assert_same(&contents(&screened), &contents(&parts));
}

#[test]
fn a_resume_with_another_sampler_or_other_pass_rates_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let output = root.path().join("run");
    let data = chains(root.path());
    let with = |sampler: &'static str| data.iter().map(String::as_str).chain([sampler]).collect::<Vec<&str>>();
    run(&output, 1, &[&with("data.sampler=weighted")[..], &["train.steps=2"]].concat(), None, u32::MAX).unwrap();
    let refused = |sampler| run(&output, 1, &with(sampler), Some(&ResumeFrom::Latest), u32::MAX).unwrap_err().to_string();
    let error = refused("data.sampler=pools");
    assert!(error.contains("`data.sampler` was \"weighted\"") && error.contains("is \"pools\" now"), "{error}");
    let file = root.path().join("chains.jsonl");
    let text = fs::read_to_string(&file).unwrap();
    let changed = text.replacen("0.125", "0.25", 1);
    assert_ne!(changed, text);
    fs::write(&file, changed).unwrap();
    let error = refused("data.sampler=weighted");
    assert!(error.contains("`pass_rates` was"), "{error}");
    fs::write(&file, text).unwrap();
    run(&output, 1, &with("data.sampler=weighted"), Some(&ResumeFrom::Latest), u32::MAX).unwrap();
}

/// An evaluation is a row of metrics, scalars and an event; a resume cuts it back and makes it again, and the table at the end
/// of a resumed run still has the evaluation before training.
#[test]
fn evaluations_are_recorded_once_however_often_a_run_resumes() {
    let root = tempfile::tempdir().unwrap();
    let (whole, parts) = (root.path().join("whole"), root.path().join("parts"));
    let sets = ["eval.enabled=true", "eval.links=[1]", "eval.problems=3", "eval.n=2", "eval.every=2", "eval.budgets=[30, 60]"];
    let sets = [&sets[..], &["eval.max_completion_length=60"]].concat();
    let expected = run(&whole, 1, &sets, None, u32::MAX).unwrap();
    assert_eq!(run(&parts, 2, &sets, None, 3).unwrap().outcome, Outcome::Interrupted { step: 3 });
    let scalars = |root: &Path| fs::metadata(root.join("events.out.tfevents.curt")).unwrap().len();
    for from in [ResumeFrom::Latest, ResumeFrom::Step(2), ResumeFrom::Step(4)] {
        let report = run(&parts, 1, &sets, Some(&from), u32::MAX).unwrap();
        assert_same(&contents(&whole), &contents(&parts));
        assert_eq!(scalars(&whole), scalars(&parts));
        let (before, first) = (report.before.unwrap(), expected.before.as_ref().unwrap());
        assert_eq!((&before.summary, &before.groups), (&first.summary, &first.groups));
        assert_eq!(report.curve, expected.curve);
    }
    let metrics = fs::read_to_string(whole.join("metrics.jsonl")).unwrap();
    let rows: Vec<serde_json::Value> = metrics.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let steps: Vec<(u64, bool)> =
        rows.iter().map(|row| (row["step"].as_u64().unwrap(), row.get("eval/chain/mean@2").is_some())).collect();
    let (evaluation, step) = (true, false);
    let order = [(0, evaluation), (1, step), (2, step), (2, evaluation), (3, step), (4, step), (4, evaluation)];
    assert_eq!(steps, order);
    let after = &expected.after.unwrap().summary;
    assert_eq!(rows[6]["eval/chain/budget_30/mean@2"].as_f64(), Some(after.budgets[0].accuracy));
    // with other settings the two evaluations are not of the same thing
    let other = [&sets[..], &["eval.temperature=0.5"]].concat();
    assert!(run(&parts, 1, &other, Some(&ResumeFrom::Step(4)), u32::MAX).unwrap().before.is_none());
}

/// As TRL counts: each completion with its prompt. `epoch` is for data sets.
#[test]
fn num_tokens_counts_prompts_and_completions() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("problems.jsonl");
    fs::write(&data, "{\"problem\": \"^4>\", \"answer\": 7}\n{\"problem\": \"^55>\", \"answer\": \"8\"}\n").unwrap();
    let sets = ["data.task=jsonl", "data.chat_template=false", "data.prompt_suffix=''", "rollout.prompts_per_step=1"];
    let path = format!("data.path='{}'", data.display());
    let output = root.path().join("run");
    run(&output, 1, &[&sets[..], &[&path, "train.steps=2"]].concat(), None, u32::MAX).unwrap();
    let metrics = fs::read_to_string(output.join("metrics.jsonl")).unwrap();
    let rows: Vec<serde_json::Value> = metrics.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let numbers = |name: &str| -> Vec<f64> { rows.iter().map(|row| row[name].as_f64().unwrap()).collect() };
    assert_eq!(numbers("epoch"), [0.5, 1.0]);
    let (tokens, completions) = (numbers("num_tokens"), numbers("eff/completion_tokens"));
    // four completions of each of both prompts, of three and four tokens in some order
    assert!([12.0, 16.0].contains(&(tokens[0] - completions[0])), "{tokens:?} {completions:?}");
    assert_eq!(tokens[1] - completions[0] - completions[1], 4.0 * (3.0 + 4.0));
}

#[test]
fn a_resume_of_another_run_is_refused_by_key() {
    let root = tempfile::tempdir().unwrap();
    run(root.path(), 1, &["train.steps=2"], None, u32::MAX).unwrap();
    let error = run(root.path(), 1, &["reward.target_length=50"], Some(&ResumeFrom::Latest), u32::MAX).unwrap_err().to_string();
    assert!(error.contains("`reward.target_length` was 60") && error.contains("is 50 now"), "{error}");
}

#[test]
fn a_damaged_checkpoint_is_named_and_the_one_before_it_is_taken() {
    let root = tempfile::tempdir().unwrap();
    let whole = root.path().join("whole");
    run(&whole, 1, &[], None, u32::MAX).unwrap();
    let expected = contents(&whole);
    let weights = whole.join("checkpoint-4/model.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&weights, bytes).unwrap();
    let error = run(&whole, 1, &[], Some(&ResumeFrom::Step(4)), u32::MAX).unwrap_err().to_string();
    assert!(error.contains("model.safetensors") && error.contains("damaged"), "{error}");
    run(&whole, 1, &[], Some(&ResumeFrom::Latest), u32::MAX).unwrap();
    assert_same(&expected, &contents(&whole));
    fs::remove_file(whole.join("checkpoint-4/optimizer.state")).unwrap();
    let error = run(&whole, 1, &[], Some(&ResumeFrom::Step(4)), u32::MAX).unwrap_err().to_string();
    assert!(error.contains("optimizer.state"), "{error}");
}

#[test]
fn a_resume_from_too_short_records_deletes_nothing() {
    let root = tempfile::tempdir().unwrap();
    run(root.path(), 1, &[], None, u32::MAX).unwrap();
    let metrics = root.path().join("metrics.jsonl");
    let first: Vec<u8> = fs::read(&metrics).unwrap().split_inclusive(|byte| *byte == b'\n').next().unwrap().to_vec();
    fs::write(&metrics, &first).unwrap();
    let run_file = fs::read(root.path().join("run.toml")).unwrap();
    fs::remove_file(root.path().join("events.jsonl")).unwrap();
    let other = ["log.completions=false"];
    let error = run(root.path(), 1, &other, Some(&ResumeFrom::Step(2)), u32::MAX).unwrap_err().to_string();
    assert!(error.contains("metrics.jsonl") && error.contains("the checkpoint was written when"), "{error}");
    assert_eq!(fs::read(root.path().join("run.toml")).unwrap(), run_file);
    assert!(!root.path().join("events.jsonl").exists());
    assert!(root.path().join("checkpoint-4/model.safetensors").is_file());
    assert_eq!(fs::read_to_string(root.path().join("latest")).unwrap(), "checkpoint-4\n");
}

#[test]
fn a_run_that_lost_its_checkpoints_keeps_its_records() {
    let root = tempfile::tempdir().unwrap();
    let latest = Some(&ResumeFrom::Latest);
    run(root.path(), 1, &[], None, u32::MAX).unwrap();
    let expected = contents(root.path());
    [2, 4].into_iter().for_each(|step| fs::remove_dir_all(root.path().join(format!("checkpoint-{step}"))).unwrap());
    let metrics = fs::read(root.path().join("metrics.jsonl")).unwrap();
    let error = run(root.path(), 1, &[], latest, u32::MAX).unwrap_err().to_string();
    assert!(error.contains("records of 4 steps but no checkpoint"), "{error}");
    assert_eq!(fs::read(root.path().join("metrics.jsonl")).unwrap(), metrics);
    assert!(root.path().join("rollouts/step_00004.jsonl.zst").is_file());
    // one that was killed before its first checkpoint starts over
    let first = metrics.split_inclusive(|byte| *byte == b'\n').next().unwrap();
    fs::write(root.path().join("metrics.jsonl"), [first, &b"{\"step\":2"[..]].concat()).unwrap();
    run(root.path(), 1, &[], latest, u32::MAX).unwrap();
    assert_same(&expected, &contents(root.path()));
}

#[test]
fn a_directory_with_a_run_in_it_is_not_overwritten() {
    let root = tempfile::tempdir().unwrap();
    run(root.path(), 1, &["train.steps=1"], None, u32::MAX).unwrap();
    let error = run(root.path(), 1, &["train.steps=1"], None, u32::MAX).unwrap_err().to_string();
    assert!(error.contains("--resume"), "{error}");
}

/// On policy no scoring pass is run and every ratio is exactly 1; with several updates per batch the later ones score.
#[test]
fn on_policy_ratios_are_exactly_one_and_cost_no_scoring_pass() {
    for (updates, scored) in [(1, false), (3, true)] {
        let root = tempfile::tempdir().unwrap();
        run(root.path(), 2, &[&format!("algo.updates_per_batch={updates}")], None, u32::MAX).unwrap();
        let metrics = fs::read_to_string(root.path().join("metrics.jsonl")).unwrap();
        for line in metrics.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(line["eff/scoring_passes"].as_f64() > Some(0.0), scored, "{line}");
            assert_eq!(line["sampling/sampling_logp_difference/max"].as_f64(), Some(0.0), "{line}");
            if !scored {
                for bound in ["min", "mean", "max"] {
                    let name = format!("sampling/importance_sampling_ratio/{bound}");
                    assert_eq!(line[&name].as_f64(), Some(1.0), "{name}");
                }
            }
        }
    }
}

#[test]
fn recorded_evaluations_give_the_paired_interval_of_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("run");
    let evaluation = ["eval.enabled=true", "eval.links=[1]", "eval.problems=4", "eval.n=2"];
    let limits = ["train.steps=1", "eval.max_completion_length=60", "eval.budgets=[60]"];
    let report = run(&output, 1, &[&evaluation[..], &limits[..]].concat(), None, u32::MAX).unwrap();
    let events = fs::read_to_string(output.join("events.jsonl")).unwrap();
    let events: Vec<serde_json::Value> = events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let recorded = |name: &str| {
        let of_step = |step: u32| {
            let event = events.iter().find(|event| event["event"] == "evaluation" && event["step"] == step).unwrap();
            let numbers = event["detail"]["per_problem"][name].as_array().unwrap().iter();
            numbers.map(|number| number.as_f64().unwrap()).collect::<Vec<_>>()
        };
        curt_eval::paired_difference(&of_step(0), &of_step(1)).unwrap()
    };
    let change = curt_eval::Comparison::new(&report.before.unwrap().groups, &report.after.unwrap().groups).unwrap();
    assert_eq!((recorded("accuracy"), recorded("length")), (change.accuracy, change.length));
}
