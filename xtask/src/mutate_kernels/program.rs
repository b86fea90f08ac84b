//! The built tests of `curt-kernels`, run with one kernel changed by the stand-in driver.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::shell;

/// Where the tests run, as cargo would run them.
const FOLDER: &str = "crates/curt-kernels";

/// The program of tests, and their names.
pub struct TestProgram {
    path: PathBuf,
    folder: PathBuf,
    tests: Vec<String>,
}

/// What a run of some tests left.
pub struct Run {
    /// None: it was ended at the limit.
    pub success: Option<bool>,
    pub stdout: String,
    pub stderr: String,
    pub seconds: f64,
}

impl TestProgram {
    /// Builds it.
    pub fn build(root: &Path) -> Result<Self> {
        let words = ["cargo", "test", "--package", "curt-kernels", "--lib", "--no-run", "--message-format", "json"];
        let output = shell::command(root, &words).stderr(Stdio::inherit()).output().context("cannot start cargo")?;
        ensure!(output.status.success(), "{}: {}", output.status, words.join(" "));
        let messages = String::from_utf8_lossy(&output.stdout);
        let is_built = |message: &Value| message["profile"]["test"] == true && message["target"]["name"] == "curt_kernels";
        let mut built = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).filter(is_built);
        let path = built.find_map(|message| message["executable"].as_str().map(PathBuf::from));
        let mut program =
            TestProgram { path: path.context("cargo built no tests")?, folder: root.join(FOLDER), tests: Vec::new() };
        let listed = program.command(&["--list"]).output().context("cannot start the tests")?;
        let names = String::from_utf8_lossy(&listed.stdout);
        program.tests = names.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect();
        Ok(program)
    }

    /// The tests of an op on CUDA, by [`is_test_of`].
    ///
    /// # Errors
    /// There is none.
    pub fn tests_of(&self, op: &str) -> Result<Vec<&str>> {
        let tests: Vec<&str> = self.tests.iter().map(String::as_str).filter(|test| is_test_of(test, op)).collect();
        ensure!(!tests.is_empty(), "no test of `{op}` has `cuda` in its name");
        Ok(tests)
    }

    /// Runs these tests, with the instruction of this name left out if there is one, for no longer than the limit.
    pub fn run(&self, tests: &[&str], removal: Option<&str>, limit: Duration) -> Result<Run> {
        let started = Instant::now();
        let mut command = self.command(&["--exact"]);
        command.args(tests).envs(removal.map(|removal| ("STAND_IN_CUDA_REMOVE", removal)));
        let (mut stdout, mut stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
        let mut child =
            command.stdout(stdout.try_clone()?).stderr(stderr.try_clone()?).spawn().context("cannot start the tests")?;
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break Some(status);
            }
            if started.elapsed() > limit {
                child.kill()?;
                child.wait()?;
                break None;
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        let seconds = started.elapsed().as_secs_f64();
        let success = status.as_ref().map(ExitStatus::success);
        Ok(Run { success, stdout: text(&mut stdout)?, stderr: text(&mut stderr)?, seconds })
    }

    /// On the stand-in driver with all its checks, whatever this process was told.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.path);
        command.args(words).current_dir(&self.folder).stdin(Stdio::null()).env_remove("CURT_TEST_GPU");
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("STAND_IN_CUDA_")) {
            command.env_remove(name);
        }
        command
    }
}

/// Whether a test runs kernels of an op: it lies in the op's folder, or among those of the device with the op in its name,
/// and says `cuda`.
fn is_test_of(test: &str, op: &str) -> bool {
    let is_near = match test.split("::").collect::<Vec<_>>()[..] {
        ["ops", of, ..] => of == op,
        ["cuda", ..] => test.contains(op),
        _ => false,
    };
    is_near && test.contains("cuda")
}

fn text(file: &mut File) -> Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The seconds that the tests of an op take as they are.
///
/// # Errors
/// They fail, or are not over at the limit: then no mutant says anything.
pub fn check_unchanged(program: &TestProgram, op: &str, limit: Duration) -> Result<f64> {
    let run = program.run(&program.tests_of(op)?, None, limit)?;
    match run.success {
        Some(true) => Ok(run.seconds),
        Some(false) => bail!("the tests of `{op}` fail on the kernels as they are:\n{}{}", run.stdout, run.stderr),
        None => bail!("the tests of `{op}` are not over after {:.0} s on the kernels as they are", run.seconds),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tests_of_an_op_are_those_on_cuda_in_its_folder_and_those_named_after_it() {
        let of_linear = |test: &str| is_test_of(test, "linear");
        assert!(of_linear("ops::linear::tests::cuda_has_the_bits_of_the_cpu"));
        assert!(of_linear("ops::linear::tests::odd_sizes::on_cuda"));
        assert!(of_linear("cuda::tests::races::linear_forward"));
        assert!(!of_linear("ops::linear::tests::bits_do_not_depend_on_how_a_product_is_split"));
        assert!(!of_linear("ops::lm_head::tests::linear_cuda"));
        assert!(!of_linear("cuda::tests::freed_memory_is_used_again"));
    }
}
