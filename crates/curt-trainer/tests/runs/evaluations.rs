//! Evaluations of the embedded model: budgets by cutting are budgets by generating, and a kill changes no byte.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use curt_eval::{EvalEntry, EvalSettings, accuracy_at_budget, groups_of};
use curt_runtime::{Cpu, PolicyError, Tokenizer, Transformer};
use curt_trainer::run_file::RunFile;
use curt_trainer::{Conditions, EvalFileError, EvalRow, RUNNING, RowsPlan, SAMPLES, SamplesFile, TrainError, Trainer, answer_at};
use curt_verify::{Verdict, Verification, Verifier};

const LIMIT: usize = 64;
const PLAN: RowsPlan<'static> = RowsPlan { model: "good", data: "chain", cluster: None, batch: 4 };

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/tiny-good")
}

fn trainer(limit: usize, n: usize) -> Trainer {
    let sets = [
        "output_dir='unused'".to_owned(),
        "eval.problems=2".into(),
        "eval.links=[1, 2, 3]".into(),
        format!("eval.n={n}"),
        format!("eval.max_completion_length={limit}"),
        format!("eval.budgets=[{limit}]"),
    ];
    let config = RunFile::load(None, &sets).unwrap();
    let tokenizer = Tokenizer::load(&folder()).unwrap();
    let policy = Transformer::load(Cpu::<f32>::new(1).unwrap(), &folder(), Some(&tokenizer), config.settings()).unwrap();
    Trainer::new(config, Box::new(policy), tokenizer, &folder()).unwrap()
}

fn rows(trainer: &mut Trainer) -> Vec<EvalRow> {
    let mut all = Vec::new();
    let mut sink = |rows: Vec<EvalRow>| -> Result<(), TrainError> {
        all.extend(rows);
        Ok(())
    };
    trainer.evaluate_rows(&PLAN, &BTreeSet::new(), &mut sink, &mut |_| true).unwrap();
    all
}

/// Done-when of budget curves: with the same draws, generation with a limit of B is the first B tokens of a longer one, so the
/// accuracy at B that cutting gives is the accuracy that generating again gives, exactly.
#[test]
fn cutting_at_a_budget_is_generating_with_it() {
    let mut long = trainer(LIMIT, 2);
    let whole = rows(&mut long);
    let evaluation = long.evaluate(&mut |_| true).unwrap();
    let mut seen = BTreeSet::new();
    for budget in [8, 16, 24, 40, LIMIT] {
        let mut again = trainer(budget, 2);
        let cut = rows(&mut again);
        assert_eq!(cut.len(), whole.len());
        for (cut, whole) in cut.iter().zip(&whole) {
            let tokens = whole.length.min(budget);
            assert_eq!((&cut.group, cut.sample_index), (&whole.group, whole.sample_index));
            assert_eq!(cut.completion_ids, whole.completion_ids[..tokens], "{} at {budget}", whole.group);
            assert_eq!(cut.correct, whole.correct && whole.length <= budget);
        }
        let generated = again.evaluate(&mut |_| true).unwrap().summary.mean_at_k;
        assert_eq!(accuracy_at_budget(&evaluation.groups, budget as u32), generated, "budget {budget}");
        seen.insert(generated.to_bits());
    }
    // the curve is no flat line that anything would equal
    assert!(seen.len() >= 3, "{seen:?}");
}

#[test]
fn rows_say_what_an_evaluation_says() {
    let mut trainer = trainer(LIMIT, 3);
    let rows = rows(&mut trainer);
    let evaluation = trainer.evaluate(&mut |_| true).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let mut file = SamplesFile::open(directory.path()).unwrap();
    file.begin(&Conditions::new(&trainer, &PLAN, &folder()).unwrap()).unwrap();
    file.samples(&rows).unwrap();
    let found = file.finish(&[("good".into(), "chain".into())]).unwrap();
    let settings = EvalSettings { limit: LIMIT as u32, budgets: vec![16, 64], sampling: None, resamples: 50, bootstrap_seed: 0 };
    assert_eq!(groups_of(&found[0].problems).unwrap().problems(), 6);
    let entry = EvalEntry::new("good".into(), "chain".into(), found[0].problems.clone(), &settings).unwrap();
    let expected = &evaluation.summary;
    assert_eq!((entry.summary.mean_at_k, entry.summary.truncation_rate), (expected.mean_at_k, expected.truncation_rate));
    assert_eq!((&entry.summary.length, &entry.summary.pass_at), (&expected.length, &expected.pass_at));
    assert_eq!(entry.summary.by_difficulty, expected.by_difficulty);
    assert!(expected.mean_at_k > 0.0 && expected.mean_at_k < 1.0, "{expected:?}");
    // the chain task ends with its answer, so lenient is strict
    assert!(entry.budgets.iter().all(|row| row.lenient == row.strict && row.lenient_unknown == 0.0), "{:?}", entry.budgets);
    assert!(!entry.majority_at.is_empty());
}

/// The whole evaluation into `folder`; it stops after `batches`, as by Ctrl-C.
fn evaluate(folder_of_samples: &Path, batches: usize) -> Result<(), EvalFileError> {
    let mut trainer = trainer(24, 2);
    let mut file = SamplesFile::open(folder_of_samples)?;
    let done = file.begin(&Conditions::new(&trainer, &PLAN, &folder())?)?;
    let written = Cell::new(0);
    let mut sink = |rows: Vec<EvalRow>| {
        written.set(written.get() + 1);
        file.samples(&rows)
    };
    trainer.evaluate_rows(&PLAN, &done, &mut sink, &mut |_| written.get() < batches)?;
    file.finish(&[("good".into(), "chain".into())]).map(|_| ())
}

fn is_interruption(error: &TrainError) -> bool {
    matches!(error, TrainError::Policy(PolicyError::Interrupted))
}

#[test]
fn an_evaluation_that_was_killed_anywhere_ends_with_the_same_bytes() {
    let root = tempfile::tempdir().unwrap();
    let whole = root.path().join("whole");
    evaluate(&whole, usize::MAX).unwrap();
    let (expected, running) = (fs::read(whole.join(SAMPLES)).unwrap(), fs::read(whole.join(RUNNING)).unwrap());
    let lines: Vec<usize> = running.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at).collect();
    assert_eq!(lines.len(), 1 + 12, "a header and two samples of six problems");
    // nothing, in the header, after it, in a line, between the samples of one problem, between problems, all but a byte, all
    let ends = [0, lines[0] - 3, lines[0] + 1, lines[1] + 9, lines[5] + 1, lines[6] + 1, running.len() - 1, running.len()];
    for end in ends {
        let cut = root.path().join(format!("cut at {end}"));
        fs::create_dir(&cut).unwrap();
        fs::write(cut.join(RUNNING), &running[..end]).unwrap();
        evaluate(&cut, usize::MAX).unwrap();
        assert_eq!(fs::read(cut.join(SAMPLES)).unwrap(), expected, "cut at {end}");
    }
    // one that was asked to stop twice
    let stopped = root.path().join("stopped");
    for batches in [1, 1, usize::MAX] {
        let result = evaluate(&stopped, batches);
        assert_eq!(result.is_ok(), batches > 1, "{result:?}");
        if let Err(error) = result {
            assert!(matches!(&error, EvalFileError::Train(error) if is_interruption(error)), "{error}");
        }
    }
    assert_eq!(fs::read(stopped.join(SAMPLES)).unwrap(), expected);
    let text = String::from_utf8(zstd::decode_all(&expected[..]).unwrap()).unwrap();
    let rows: Vec<&[u8]> = running.split_inclusive(|byte| *byte == b'\n').skip(1).collect();
    assert_eq!(text.as_bytes(), rows.concat());
}

#[test]
fn samples_of_other_conditions_are_not_gone_on_with() {
    let root = tempfile::tempdir().unwrap();
    let trainer = trainer(24, 2);
    let conditions = Conditions::new(&trainer, &PLAN, &folder()).unwrap();
    SamplesFile::open(root.path()).unwrap().begin(&conditions).unwrap();
    for (name, value) in [("weights", "x"), ("limit", "32"), ("n", "3")] {
        let mut others = conditions.clone();
        match name {
            "n" => others.n = 3,
            _ => drop(others.others.insert(name.to_owned(), value.to_owned())),
        }
        let error = SamplesFile::open(root.path()).unwrap().begin(&others).unwrap_err();
        assert!(matches!(&error, EvalFileError::OtherConditions { what, .. } if what == name), "{error}");
    }
    // another set of problems is another place in the file
    let mut elsewhere = conditions;
    elsewhere.data = "more".into();
    assert!(SamplesFile::open(root.path()).unwrap().begin(&elsewhere).unwrap().is_empty());
}

#[test]
fn damaged_and_finished_folders_are_refused() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join(RUNNING), "{\"model\": \"a\", \"data\": \"b\", \"group\": \"c\"}\n").unwrap();
    let error = SamplesFile::open(root.path()).unwrap_err();
    assert!(matches!(error, EvalFileError::Row { line: 1, .. }), "{error}");
    fs::write(root.path().join(RUNNING), "half a l\nine\n").unwrap();
    assert!(matches!(SamplesFile::open(root.path()), Err(EvalFileError::Row { line: 1, .. })));
    fs::remove_file(root.path().join(RUNNING)).unwrap();
    fs::write(root.path().join(SAMPLES), "").unwrap();
    assert!(matches!(SamplesFile::open(root.path()), Err(EvalFileError::Occupied { .. })));
}

/// Reads what stands between the last `#` and the `e` behind it.
struct Fenced(&'static str);

impl Verifier for Fenced {
    fn name(&self) -> &'static str {
        self.0
    }

    fn verify(&self, answer: &str, response: &str, _: bool) -> Verification {
        let extracted = response.rsplit_once('#').and_then(|(_, rest)| Some(rest.split_once('e')?.0.to_owned()));
        let verdict = if extracted.as_deref() == Some(answer) { Verdict::Correct } else { Verdict::Wrong };
        Verification { verdict, extracted, reason: None }
    }
}

#[test]
fn the_place_of_an_answer_is_where_it_stands_whole() {
    let tokenizer = Tokenizer::load(&folder()).unwrap();
    let at = |verifier: &dyn Verifier, answer: &str, text: &str| {
        // one token a letter
        let ids = tokenizer.encode(text, false).unwrap();
        assert_eq!(ids.len(), text.len());
        answer_at(verifier, &tokenizer, answer, &ids).unwrap()
    };
    let fenced = Fenced("exact");
    assert_eq!(at(&fenced, "44", "22#44eaa"), Some(6), "with what closes it");
    assert_eq!(at(&fenced, "44", "22#44e"), Some(6));
    assert_eq!(at(&fenced, "44", "#44eab#44eab"), Some(10), "the last one counts");
    assert_eq!(at(&fenced, "44", "#44eab#45eab"), None, "one that was taken back is no answer");
    assert_eq!(at(&fenced, "44", "22#44"), None);
    assert_eq!(at(&Fenced("code"), "44", "22#44eaa"), None, "programs are not run again and again");
    // the chain task is right with its stop token alone
    assert_eq!(at(&curt_verify::Chain, "88", "a22b88#88$"), Some(10));
}
