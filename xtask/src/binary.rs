//! The built program, used as a user would.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::shell;
use crate::workspace::root;

/// Builds `curt` in release form; its path.
pub fn build() -> Result<PathBuf> {
    shell::run(&mut shell::command(&root(), &["cargo", "build", "--quiet", "--release", "--package", "curt"]))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    Ok(target.join("release/curt"))
}

/// Builds by these words of cargo; the one executable.
pub fn executable(words: &[&str]) -> Result<PathBuf> {
    let words = [&["cargo"], words, &["--quiet", "--message-format", "json-render-diagnostics"]].concat();
    let command = &mut shell::command(&root(), &words);
    let output = command.stderr(Stdio::inherit()).output().context("cannot start cargo")?;
    anyhow::ensure!(output.status.success(), "{}: {command:?}", output.status);
    find_executable(&String::from_utf8_lossy(&output.stdout)).with_context(|| format!("no executable by {command:?}"))
}

/// The last executable in cargo's messages: what was asked for is built after what it needs.
fn find_executable(messages: &str) -> Option<PathBuf> {
    let message = |line: &str| serde_json::from_str::<Value>(line).ok()?["executable"].as_str().map(PathBuf::from);
    messages.lines().filter_map(message).next_back()
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

/// What a watched command left.
pub struct Watched {
    /// Exit code; none after a signal.
    pub code: Option<i32>,
    pub stdout: String,
    /// From its start to its end.
    pub seconds: f64,
    /// The most memory that it had, as Linux counts it; none elsewhere.
    pub peak_kib: Option<u64>,
}

/// Runs the command to its end, reading its peak of memory every few milliseconds: the system forgets it with the process.
pub fn watch(command: &mut Command) -> Result<Watched> {
    let aside = tempfile::NamedTempFile::new().context("no file for what the program prints")?;
    let printed = aside.reopen().context("no file for what the program prints")?;
    let started = Instant::now();
    let mut child =
        command.stdout(printed).stderr(Stdio::inherit()).spawn().with_context(|| format!("cannot start {command:?}"))?;
    let status_file = format!("/proc/{}/status", child.id());
    let mut peak_kib = None;
    let status = loop {
        peak_kib = std::fs::read_to_string(&status_file).ok().and_then(|text| peak(&text)).max(peak_kib);
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let seconds = started.elapsed().as_secs_f64();
    let stdout = std::fs::read(aside.path()).context("what the program printed cannot be read")?;
    Ok(Watched { code: status.code(), stdout: String::from_utf8_lossy(&stdout).into_owned(), seconds, peak_kib })
}

/// The line `VmHWM:   1234 kB` of a process's status.
fn peak(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_is_found_among_the_messages() {
        let messages = "{\"reason\":\"compiler-artifact\",\"executable\":null}\n\
            {\"reason\":\"compiler-artifact\",\"executable\":\"/a/b\"}\n{\"reason\":\"build-finished\",\"success\":true}\n";
        assert_eq!(find_executable(messages), Some(PathBuf::from("/a/b")));
        assert_eq!(find_executable("{}"), None);
    }

    #[test]
    fn the_peak_is_read_from_the_status() {
        assert_eq!(peak("Name:\tcurt\nVmHWM:\t  123456 kB\nVmRSS:\t 1 kB\n"), Some(123_456));
        assert_eq!(peak("Name:\tcurt\n"), None);
    }

    #[test]
    fn a_watched_command_tells_its_code_output_and_time() {
        let watched = watch(Command::new("sh").args(["-c", "echo out; sleep 0.05; exit 3"])).unwrap();
        assert_eq!((watched.code, watched.stdout.as_str()), (Some(3), "out\n"));
        assert!(watched.seconds >= 0.05);
        assert_eq!(watched.peak_kib.is_some(), cfg!(target_os = "linux"));
    }
}
