//! On what, and from which sources, a table was made.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use crate::shell;
use crate::workspace::root;

/// The machine and the sources, as a table states them.
pub struct Machine {
    pub cpu: String,
    pub cores: usize,
    /// Short hash; `+changes` where the sources differ from it.
    pub commit: String,
    pub rustc: String,
}

impl Machine {
    /// This machine and this checkout.
    pub fn here() -> Result<Self> {
        Ok(Self {
            cpu: cpu_model(&fs::read_to_string("/proc/cpuinfo").unwrap_or_default()).unwrap_or("an unknown CPU").to_owned(),
            cores: std::thread::available_parallelism()?.get(),
            commit: commit()?,
            rustc: said(&["rustc", "--version"])?,
        })
    }

    /// The line above a table.
    pub fn line(&self) -> String {
        let Self { cpu, cores, commit, rustc } = self;
        format!("CPU: {cpu}. Cores: {cores}. Commit: {commit}. Compiler: {rustc}.")
    }
}

/// The first `model name` of /proc/cpuinfo.
fn cpu_model(cpuinfo: &str) -> Option<&str> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, model)| model.trim())
}

/// The tables themselves lie in docs/: what changes there changes no measurement.
fn commit() -> Result<String> {
    let hash = said(&["git", "rev-parse", "--short", "HEAD"])?;
    let changes = said(&["git", "status", "--porcelain", "--", ".", ":(exclude)docs"])?;
    Ok(if changes.is_empty() { hash } else { hash + "+changes" })
}

/// What a command prints.
fn said(words: &[&str]) -> Result<String> {
    let command: &mut Command = &mut shell::command(&root(), words);
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    anyhow::ensure!(output.status.success(), "{}: {command:?}", output.status);
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_has_a_name() {
        let cpuinfo = "processor\t: 0\nmodel\t\t: 17\nmodel name\t: AMD EPYC 9V45\nmodel name\t: other\n";
        assert_eq!(cpu_model(cpuinfo), Some("AMD EPYC 9V45"));
        assert_eq!(cpu_model("processor : 0\n"), None);
    }
}
