//! Commands as a user would type them, run from the workspace root.

use std::path::Path;
use std::process::{Command, ExitStatus};

use anyhow::{Context, Result, bail};

/// The command of these words, to be run in `folder`.
pub fn command(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).current_dir(folder);
    command
}

/// Runs the command with its output on the terminal.
///
/// # Errors
/// The program cannot be started, or exits with anything but 0.
pub fn run(command: &mut Command) -> Result<()> {
    check(command.status().with_context(|| format!("cannot start {command:?}"))?, command)
}

fn check(status: ExitStatus, command: &Command) -> Result<()> {
    if !status.success() {
        bail!("{status}: {command:?}");
    }
    Ok(())
}
