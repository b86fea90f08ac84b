//! The tests of `curt-reward` on edited sources: a copy of the workspace, built again for each mutant.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::shell;

const FOLDER: &str = "crates/curt-reward";

/// What the tests say of the sources as they lie there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    Passed,
    Failed,
    TimedOut,
    NotCompiled,
}

/// Builds and runs these test programs in the copy, the first that fails ends it.
pub fn test(copy: &Path, build: &Path, targets: &[&str], limit: Duration) -> Result<Outcome> {
    let Some(programs) = built(copy, build, targets)? else { return Ok(Outcome::NotCompiled) };
    for program in programs {
        match finish(&program, &copy.join(FOLDER), limit)? {
            Outcome::Passed => {}
            other => return Ok(other),
        }
    }
    Ok(Outcome::Passed)
}

/// The test programs; none if the sources do not compile. Optimizing takes longer than it saves here.
fn built(copy: &Path, build: &Path, targets: &[&str]) -> Result<Option<Vec<PathBuf>>> {
    let words = ["cargo", "test", "--quiet", "--package", "curt-reward", "--no-run", "--message-format", "json"];
    let mut command = shell::command(copy, &[&words[..], targets].concat());
    command.env("CARGO_TARGET_DIR", build).env("CARGO_PROFILE_DEV_OPT_LEVEL", "0").env("CARGO_PROFILE_DEV_DEBUG", "false");
    let output = command.stderr(Stdio::null()).output().context("cannot start cargo")?;
    if !output.status.success() {
        return Ok(None);
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let executable = |line: &str| serde_json::from_str::<Value>(line).ok()?["executable"].as_str().map(PathBuf::from);
    let programs: Vec<PathBuf> = messages.lines().filter_map(executable).collect();
    anyhow::ensure!(!programs.is_empty(), "cargo built no tests of {targets:?}");
    Ok(Some(programs))
}

/// One test program, ended at the limit: an edit can make a loop endless.
fn finish(program: &Path, folder: &Path, limit: Duration) -> Result<Outcome> {
    let started = Instant::now();
    let mut command = Command::new(program);
    let command = command.current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().context("cannot start the tests")?;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(if status.success() { Outcome::Passed } else { Outcome::Failed });
        }
        if started.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Ok(Outcome::TimedOut);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
