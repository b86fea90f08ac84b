//! The pinned compiler: installed from its wheel into a virtual environment below `target`, driven by a small script.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::VIRTUAL;
use super::sources::Source;
use crate::shell;

/// The compiler, by hash. It writes PTX 8.7, which drivers of CUDA 12.8 and newer take.
const REQUIREMENT: &str = "nvidia-cuda-nvrtc-cu12==12.8.93 \
    --hash=sha256:a7756528852ef889772a84c6cd89d41dfa74667e24cca16bb31f8f061e3e9994 \
    --hash=sha256:fc1fec1e1637854b4c0a65fb9a8346b51dd9ee69e61ebaccc82058441f15bce8\n";

/// Drives the compiler's library.
const SCRIPT: &str = include_str!("nvrtc.py");

/// No contraction: a fused multiply-add is where the source says so, as on the CPU.
const FLAGS: [&str; 3] = ["--std=c++17", "--fmad=false", "--ptxas-options=-v"];

/// What the compiler made.
pub struct Compiled {
    /// The compiler's version.
    pub version: String,
    results: Vec<Value>,
}

/// Compiles every source for the virtual device and for each of `devices`, with `more` flags than always. An error has the
/// compiler's messages.
pub fn compile(root: &Path, sources: &[Source], devices: &[&str], more: &[&str]) -> Result<Compiled> {
    let python = environment(root)?;
    let texts: serde_json::Map<_, _> = sources.iter().map(|s| (s.file.clone(), json!(s.text))).collect();
    let headers: serde_json::Map<_, _> =
        sources.iter().flat_map(|s| &s.headers).map(|(name, text)| (name.clone(), json!(text))).collect();
    let targets = [&[VIRTUAL][..], devices].concat();
    let options = [&FLAGS[..], more].concat();
    let job = json!({ "sources": texts, "headers": headers, "options": options, "targets": targets });

    let mut command = shell::command(root, &[&python.to_string_lossy(), "-c", SCRIPT]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("cannot start python")?;
    child.stdin.take().context("no input to python")?.write_all(job.to_string().as_bytes())?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("the compiler's script failed: {}", output.status);
    }
    let answer: Value = serde_json::from_slice(&output.stdout).context("the compiler's answer")?;
    let results = answer["results"].as_array().context("no results")?.clone();
    if let Some(result) = results.iter().find(|result| result["ok"] != json!(true)) {
        bail!("{} for {}:\n{}", result["source"], result["target"], result["log"].as_str().unwrap_or_default());
    }
    Ok(Compiled { version: answer["version"].as_str().context("no version")?.to_owned(), results })
}

impl Compiled {
    fn result(&self, file: &str, target: &str) -> Result<&Value> {
        let found = self.results.iter().find(|result| result["source"] == json!(file) && result["target"] == json!(target));
        found.with_context(|| format!("no result of {file} for {target}"))
    }

    /// The PTX of a file.
    pub fn ptx(&self, file: &str) -> Result<&str> {
        self.result(file, VIRTUAL)?["ptx"].as_str().with_context(|| format!("no PTX of {file}"))
    }

    /// What the assembler said of a file.
    pub fn log(&self, file: &str, device: &str) -> Result<&str> {
        self.result(file, device)?["log"].as_str().with_context(|| format!("no log of {file}"))
    }
}

/// The Python of an environment that has the compiler; made at the first call.
fn environment(root: &Path) -> Result<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let folder = target.join("nvrtc-12.8.93");
    let (python, done) = (folder.join("bin/python"), folder.join("complete"));
    if !done.exists() {
        println!("kernels: installing NVRTC into {}", folder.display());
        shell::run(&mut shell::command(root, &["python3", "-m", "venv", "--clear", &folder.to_string_lossy()]))?;
        let list = folder.join("requirements.txt");
        std::fs::write(&list, REQUIREMENT)?;
        let words = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r"];
        shell::run(shell::command(root, &[&python.to_string_lossy()]).args(words).arg(&list))?;
        std::fs::write(&done, "")?;
    }
    Ok(python)
}
