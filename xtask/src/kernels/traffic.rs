//! What the kernels move, as their test counts it on the stand-in driver.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail, ensure};

use crate::results::page;
use crate::shell;

/// The test that counts; it prints a line per kernel and size, of parts between tabs.
const TEST: &str = "cuda::traffic::every_kernel_moves_what_its_formula_says";

/// What such a line begins with.
const MARK: &str = "traffic\t";

/// Runs the test and makes a table of its lines.
pub fn table(root: &Path) -> Result<String> {
    let words = ["cargo", "test", "--package", "curt-kernels", "--lib", "--", "--exact", "--nocapture", TEST];
    let mut command = shell::command(root, &words);
    let output = command.env_remove("CURT_TEST_GPU").stderr(Stdio::inherit()).output().context("cannot start cargo")?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        bail!("{}: {TEST}\n{text}", output.status);
    }
    table_of(&text)
}

fn table_of(printed: &str) -> Result<String> {
    // the harness may have begun the first line
    let lines = printed.lines().filter_map(|line| Some(line.split_once(MARK)?.1));
    let rows = lines.map(row).collect::<Result<Vec<_>>>()?;
    ensure!(!rows.is_empty(), "the test {TEST} printed no line: does it exist?");
    Ok(page::table(&["kernel", "bytes, by formula", "at", "by formula", "counted", "ratio"], &rows))
}

fn row(line: &str) -> Result<Vec<String>> {
    let parts: Vec<&str> = line.split('\t').collect();
    let &[kernel, formula, at, bytes, counted, ratio] = &parts[..] else { bail!("not six parts: {line}") };
    let grouped = |number: &str| -> Result<String> { Ok(page::grouped(number.parse().with_context(|| number.to_owned())?)) };
    Ok(vec![format!("`{kernel}`"), formula.to_owned(), at.to_owned(), grouped(bytes)?, grouped(counted)?, ratio.to_owned()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_test_become_rows() {
        let printed = "running 1 test\ntest a ... traffic\tf\t4 n\tn = 300\t1200\t1216\t1.013\nok\n";
        let want = "| kernel | bytes, by formula | at | by formula | counted | ratio |\n|---|---|---|---|---|---|\n\
                    | `f` | 4 n | n = 300 | 1,200 | 1,216 | 1.013 |";
        assert_eq!(table_of(printed).unwrap(), want);
    }

    #[test]
    fn a_test_that_prints_nothing_is_an_error() {
        assert!(table_of("running 0 tests\n").unwrap_err().to_string().contains("printed no line"));
        assert_eq!(table_of("traffic\tf\t1\n").unwrap_err().to_string(), "not six parts: f\t1");
    }
}
