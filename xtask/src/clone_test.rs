//! `cargo xtask clone-test`: what somebody sees who clones this repository and types the README's test command.

use anyhow::{Context, Result, bail};

use crate::ci::TEST_COMMAND;
use crate::shell;
use crate::workspace::root;

/// Clones the committed sources into a folder of their own, builds everything anew and runs the tests.
///
/// # Errors
/// A test fails, or none ran.
pub fn run() -> Result<String> {
    let folder = tempfile::tempdir().context("no folder for the clone")?;
    let clone = folder.path().join("clone");
    shell::run(shell::command(&root(), &["git", "clone", "--quiet", "--no-local", "."]).arg(&clone))?;
    let words: Vec<&str> = TEST_COMMAND.split(' ').collect();
    let mut command = shell::command(&clone, &words);
    let output = command.env("CARGO_TARGET_DIR", clone.join("target")).output().context("cannot start cargo")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let n_passed = passed(&text);
    if !output.status.success() || n_passed == 0 {
        bail!("{}, {n_passed} tests passed\n{text}{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(format!("{n_passed} tests passed"))
}

/// Tests that passed, over all test binaries.
fn passed(text: &str) -> usize {
    let results = text.lines().filter_map(|line| line.strip_prefix("test result: ok. "));
    results.filter_map(|rest| rest.split(' ').next()?.parse::<usize>().ok()).sum()
}

#[cfg(test)]
mod tests {
    #[test]
    fn passed_tests_are_counted_over_binaries() {
        let text =
            "test result: ok. 2 passed; 0 failed\nx\ntest result: FAILED. 1 passed; 1 failed\ntest result: ok. 13 passed; 0\n";
        assert_eq!(super::passed(text), 15);
    }
}
