//! Three GRPO steps of SmolLM2-135M on `data/datasets/mawps.jsonl` by the built program, and what it saved.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use curt_kernels::Cpu;
use curt_runtime::{Sequence, Settings, Tokenizer, Transformer};
use serde_json::{Value, json};

use super::Ledger;
use super::smollm2::{FORMS, model_folder};
use crate::workspace::root;
use crate::{binary, shell};

const STEPS: usize = 3;
const DATA: &str = "data/datasets/mawps.jsonl";
/// The run ends well, has a line per step, moved the weights, and its checkpoint scores finitely.
const N_EXPECTED: usize = 4;

/// Text whose tokens are scored by us and by transformers.
const TEXTS: [&str; 2] = [
    "Tom has 12 apples. He gives 5 to Ana and buys 9 more. How many apples does he have? 12 - 5 + 9 = 16.",
    "Newton's second law states that the force on a body is its mass times its acceleration.",
];

/// Trains both forms; with a Python that has torch and transformers, reloads each checkpoint there.
pub fn compare(folder: &Path, transformers: Option<&Path>, ledger: &mut Ledger) -> Result<()> {
    let binary = binary::build()?;
    for form in FORMS {
        let model = model_folder(folder, form)?;
        let work = binary::fresh_folder(&format!("conformance/train-{form}"))?;
        fs::write(work.join("run.toml"), run_file(&model, &folder.join(DATA)))?;
        ledger.open(&format!("{DATA}: {STEPS} GRPO steps as {form}"), N_EXPECTED + usize::from(transformers.is_some()));
        let words = ["train", "run.toml", "--output-dir", "run"];
        let found = binary::finish(&mut binary::command(&binary, &work, &words))?;
        ledger.holds("the run ends well", found.code == Some(0), || format!("exit code {:?}\n{}", found.code, found.stderr));
        let checkpoint = work.join("run").join(format!("checkpoint-{STEPS}"));
        metrics(&work.join("run/metrics.jsonl"), ledger)?;
        let reference = scores(&model, &checkpoint, &work, ledger)?;
        if let Some(python) = transformers {
            reload(python, &checkpoint, &reference, ledger);
        }
    }
    Ok(())
}

/// A model this small is seldom right: the suffix, the temperature and the seed give some groups a signal.
fn run_file(model: &Path, data: &Path) -> String {
    format!(
        "seed = 2\noutput_dir = \"run\"\nmodel.path = {model:?}\ndata.path = {data:?}\n\
         data.prompt_suffix = \" Think in one short line, then give the number.\"\n\
         [rollout]\nprompts_per_step = 8\nnum_generations = 8\nmax_completion_length = 64\nmax_prompt_length = 256\n\
         temperature = 0.6\n\
         [reward]\nstrategy = \"truncation\"\ntarget_length = 64\n\
         [train]\nsteps = {STEPS}\nlearning_rate = 1e-6\nmicro_tokens = 1024\n\
         [checkpoint]\nsave_steps = 0\n[eval]\nenabled = false\n"
    )
}

/// One line per step, every loss finite.
fn metrics(path: &Path, ledger: &mut Ledger) -> Result<()> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines =
        text.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>().with_context(|| path.display().to_string())?;
    let steps: Vec<Option<u64>> = lines.iter().map(|line| line["step"].as_u64()).collect();
    let want: Vec<Option<u64>> = (1..=STEPS as u64).map(Some).collect();
    // a step whose groups have no signal has no loss
    let lossless = |line: &Value| line.get("loss").is_none() && line["eff/trained_tokens"].as_f64() == Some(0.0);
    let finite =
        lines.iter().all(|line| (line["loss"].is_number() || lossless(line)) && line["completions/mean_length"].is_number());
    ledger.holds("a line of metrics per step", steps == want && finite, || format!("steps {steps:?}\n{text}"));
    Ok(())
}

/// Log-probabilities and entropies of the saved checkpoint, written for `check_reload.py`; the path of that file.
fn scores(before: &Path, after: &Path, work: &Path, ledger: &mut Ledger) -> Result<PathBuf> {
    let tokenizer = Tokenizer::load(after)?;
    let ids = TEXTS.iter().map(|text| tokenizer.encode(text, false)).collect::<Result<Vec<_>, _>>()?;
    let sequences: Vec<Sequence<'_>> = ids.iter().map(|tokens| Sequence { tokens, prompt_length: 1 }).collect();
    let score = |folder: &Path| -> Result<_> {
        let mut model = Transformer::load(Cpu::<f32>::new(0)?, folder, Some(&tokenizer), Settings::default())?;
        Ok(model.score_tokens(&sequences, 1.0)?)
    };
    let (untrained, trained) = (score(before)?, score(after)?);
    ledger.holds("the weights moved", untrained != trained, || "the same log-probabilities as before".to_owned());
    let finite = trained.iter().flat_map(|facts| facts.logprob.iter().chain(&facts.entropy)).all(|x| x.is_finite());
    ledger.holds("finite log-probabilities", finite, || format!("{trained:?}"));

    let width = ids.iter().map(Vec::len).max().unwrap_or_default();
    let ids_padded: Vec<Vec<u32>> = ids.iter().map(|row| padded(row, 0, width)).collect();
    let mask: Vec<Vec<u32>> = ids.iter().map(|row| padded(&vec![1; row.len()], 0, width)).collect();
    let logprobs: Vec<Vec<f32>> = trained.iter().map(|facts| padded(&facts.logprob, 0.0, width - 1)).collect();
    let entropy: Vec<Vec<f32>> = trained.iter().map(|facts| padded(&facts.entropy, 0.0, width - 1)).collect();
    let path = work.join("scores.json");
    let reference = json!({"input_ids": ids_padded, "attention_mask": mask, "logprobs": logprobs, "entropy": entropy});
    fs::write(&path, reference.to_string())?;
    Ok(path)
}

fn padded<T: Copy>(row: &[T], with: T, width: usize) -> Vec<T> {
    row.iter().copied().chain(std::iter::repeat(with)).take(width).collect()
}

fn reload(python: &Path, checkpoint: &Path, reference: &Path, ledger: &mut Ledger) {
    let script = root().join("fixtures/scripts/check_reload.py");
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let words = [text(python), text(&script), text(checkpoint), text(reference)];
    let result = shell::run(&mut shell::command(&root(), &words.each_ref().map(String::as_str)));
    ledger.holds("transformers computes the same", result.is_ok(), || format!("{:#}", result.expect_err("not ok")));
}
