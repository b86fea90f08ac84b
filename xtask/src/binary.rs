//! The built program, used as a user would.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::shell;
use crate::workspace::root;

/// Builds `curt` in release form; its path.
pub fn build() -> Result<PathBuf> {
    shell::run(&mut shell::command(&root(), &["cargo", "build", "--quiet", "--release", "--package", "curt"]))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    Ok(target.join("release/curt"))
}

/// `curt` with these words, in `folder`, silent and without colours.
pub fn command(binary: &Path, folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(binary);
    command
        .args(words)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// What a finished command left.
pub struct Finished {
    /// Exit code; none after a signal.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Runs the command to its end.
pub fn finish(command: &mut Command) -> Result<Finished> {
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Finished { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) })
}

/// An empty folder `target/NAME`; what lay there is deleted.
pub fn fresh_folder(name: &str) -> Result<PathBuf> {
    let folder = root().join("target").join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    }
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    Ok(folder)
}
