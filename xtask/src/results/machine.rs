//! On what, and from which sources, a table was made.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};
use curt_kernels::SimdPath;

use crate::shell;
use crate::workspace::root;

/// The machine and the sources, as a table states them.
pub struct Machine {
    pub cpu: String,
    /// What tells processors of one name apart, such as `family 25, model 1`, and the widest instruction set that is used.
    pub kind: String,
    pub cores: usize,
    /// Short hash; `+changes` where the sources differ from it.
    pub commit: String,
    pub rustc: String,
}

impl Machine {
    /// This machine and this checkout.
    pub fn here() -> Result<Self> {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        Ok(Self {
            cpu: field(&cpuinfo, "model name").unwrap_or("an unknown CPU").to_owned(),
            kind: format!("{}{}", family_and_model(&cpuinfo), SimdPath::detect().name()),
            cores: std::thread::available_parallelism()?.get(),
            commit: commit()?,
            rustc: said(&["rustc", "--version"])?,
        })
    }

    /// The line above a table.
    pub fn line(&self) -> String {
        let Self { commit, rustc, .. } = self;
        format!("{}. Commit: {commit}. Compiler: {rustc}.", self.processor())
    }

    /// The processor alone.
    pub fn processor(&self) -> String {
        let Self { cpu, kind, cores, .. } = self;
        format!("CPU: {cpu} ({kind}). Cores: {cores}")
    }
}

/// The first field of this name in /proc/cpuinfo.
fn field<'a>(cpuinfo: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = cpuinfo.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(found, _)| found.trim() == name).map(|(_, value)| value.trim())
}

/// `family 25, model 1, `; nothing where the system does not say.
fn family_and_model(cpuinfo: &str) -> String {
    let numbers = field(cpuinfo, "cpu family").zip(field(cpuinfo, "model"));
    numbers.map_or(String::new(), |(family, model)| format!("family {family}, model {model}, "))
}

/// Today, as `2026-01-31`.
pub fn today() -> Result<String> {
    said(&["date", "-u", "+%F"])
}

/// The short hash. The tables themselves lie in docs/: what changes there changes no measurement.
pub fn commit() -> Result<String> {
    let hash = said(&["git", "rev-parse", "--short", "HEAD"])?;
    let changes = said(&["git", "status", "--porcelain", "--", ".", ":(exclude)docs", ":(exclude)README.md"])?;
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
        let cpuinfo = "processor\t: 0\ncpu family\t: 25\nmodel\t\t: 17\nmodel name\t: AMD EPYC 9V45\nmodel name\t: other\n";
        assert_eq!(field(cpuinfo, "model name"), Some("AMD EPYC 9V45"));
        assert_eq!(field("processor : 0\n", "model name"), None);
        assert_eq!(family_and_model(cpuinfo), "family 25, model 17, ");
        assert_eq!(family_and_model("model name : x\n"), "");
    }

    #[test]
    fn a_line_tells_processors_of_one_name_apart() {
        let machine = Machine {
            cpu: "AMD EPYC".into(),
            kind: "family 25, model 1, avx2".into(),
            cores: 2,
            commit: "abc1234".into(),
            rustc: "rustc 1.90.0".into(),
        };
        let expected = "CPU: AMD EPYC (family 25, model 1, avx2). Cores: 2. Commit: abc1234. Compiler: rustc 1.90.0.";
        assert_eq!(machine.line(), expected);
        assert_eq!(today().unwrap().len(), 10);
    }
}
