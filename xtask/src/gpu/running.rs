//! A program with a time limit, and what it left.

use std::fs::File;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// How a part ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Passed,
    /// With the reason.
    Failed(String),
    /// With the reason.
    NotRun(String),
}

impl Outcome {
    /// As the page says it.
    pub fn text(&self) -> String {
        match self {
            Self::Passed => "passed".to_owned(),
            Self::Failed(reason) => format!("**failed**: {reason}"),
            Self::NotRun(reason) => format!("not run: {reason}"),
        }
    }
}

/// A program that ended, or was stopped, or never began.
pub struct Run {
    pub outcome: Outcome,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// Nothing was run.
    pub fn not_done(reason: String) -> Self {
        Self { outcome: Outcome::NotRun(reason), stdout: String::new(), stderr: String::new() }
    }
}

/// Runs the command for at most `limit`; what it printed until then is kept.
pub fn within(command: &mut Command, limit: Duration) -> Run {
    match attempt(command, limit) {
        Ok(run) => run,
        Err(error) => Run { outcome: Outcome::Failed(format!("{error:#}")), stdout: String::new(), stderr: String::new() },
    }
}

fn attempt(command: &mut Command, limit: Duration) -> Result<Run> {
    // files, not pipes: a program that prints much must not wait for a reader
    let aside = tempfile::tempdir().context("no folder for what the program prints")?;
    let (out, err) = (aside.path().join("out"), aside.path().join("err"));
    command.stdin(Stdio::null()).stdout(File::create(&out)?).stderr(File::create(&err)?);
    let mut child = command.spawn().with_context(|| format!("cannot start {}", command.get_program().display()))?;
    let outcome = match wait(&mut child, limit)? {
        Some(status) if status.success() => Outcome::Passed,
        Some(status) => Outcome::Failed(status.to_string()),
        None => Outcome::Failed(format!("stopped after {:.0} s", limit.as_secs_f64())),
    };
    let read = |path| std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Ok(Run { outcome, stdout: read(out)?, stderr: read(err)? })
}

/// The status of a program that ends in time; otherwise it is killed.
fn wait(child: &mut Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if started.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> Run {
        within(Command::new("sh").args(["-c", script]), limit)
    }

    #[test]
    fn what_was_printed_is_kept_however_it_ends() {
        let minute = Duration::from_secs(60);
        let run = shell("echo out; echo err >&2", minute);
        assert_eq!((run.outcome, run.stdout.as_str(), run.stderr.as_str()), (Outcome::Passed, "out\n", "err\n"));
        let run = shell("echo out; exit 3", minute);
        assert_eq!((run.outcome.text().as_str(), run.stdout.as_str()), ("**failed**: exit status: 3", "out\n"));
        let run = shell("echo out; exec sleep 60", Duration::from_millis(300));
        assert_eq!((run.outcome.text().as_str(), run.stdout.as_str()), ("**failed**: stopped after 0 s", "out\n"));
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let run = within(&mut Command::new("/no/such/program"), Duration::from_secs(1));
        let text = run.outcome.text();
        assert!(text.starts_with("**failed**: cannot start /no/such/program"), "{text}");
    }
}
