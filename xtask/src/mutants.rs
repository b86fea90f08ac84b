//! `cargo xtask mutants`: proof that the tests of the invariants can fail.
//!
//! A mutant is a small edit of the sources that keeps every result right to rounding but breaks an invariant. Each is
//! applied to a copy of the workspace, where its test command must then fail by a failing test, not by failing to compile.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::shell;
use crate::workspace::{Workspace, root};

#[derive(clap::Args)]
pub struct Options {
    /// Only mutants whose name contains this
    #[arg(long)]
    only: Option<String>,
}

struct Mutant {
    name: &'static str,
    file: &'static str,
    /// Texts that stand exactly once in the file, and what they become.
    edits: &'static [(&'static str, &'static str)],
    test: &'static str,
}

const ONE_FORWARD: &str = "cargo test --package curt-runtime --test one_forward";

const ONE_FORWARD_LARGE: &str = "cargo test --package curt-runtime --test one_forward_large";

const MUTANTS: [Mutant; 4] = [
    Mutant {
        name: "decode walks the key pages backwards",
        file: "crates/curt-kernels/src/ops/attention/forward.rs",
        edits: &[
            // one page at a time gives the same bits; the order is what is broken
            ("const BLOCK: usize = 8;", "const BLOCK: usize = 1;"),
            (
                "for page in (0..end).step_by(BLOCK) {",
                "for page in 0..end {\n            let page = if block.rows == 1 { end - 1 - page } else { page };",
            ),
        ],
        test: ONE_FORWARD,
    },
    Mutant {
        name: "the GEMM splits k when there are few rows",
        file: "crates/curt-kernels/src/ops/linear/tile.rs",
        edits: &[
            (
                "let end = chains::<R, V, 0, PACK>(end, a, column, fetch.1..sweep.depth, sweep, 0);",
                "let cut = if sweep.rows < 4 { fetch.1.max(sweep.depth / 2) } else { sweep.depth };\n        \
                 let end = chains::<R, V, 0, PACK>(end, a, column, fetch.1..cut, sweep, 0);\n        \
                 let zero = [[[0.0f32; LANES]; V]; R];\n        \
                 let late = chains::<R, V, 0, PACK>(zero, a, column, cut..sweep.depth, sweep, 0);",
            ),
            (
                "let mut lanes = end[r][v];",
                "let mut lanes = end[r][v];\n                for l in 0..LANES {\n                    \
                 lanes[l] += late[r][v][l];\n                }",
            ),
        ],
        test: ONE_FORWARD,
    },
    Mutant {
        name: "decode reduces the vocabulary by another chunk than scoring",
        file: "crates/curt-kernels/src/ops/lm_head/cpu.rs",
        edits: &[(
            "let merged = self.path.run(Merge(&statistics));\n                let token = choose(",
            "let parts = line[..vocab].chunks(16).map(|part| {\n                    let mut copy = [0.0; COLUMNS];\n                    \
             copy[..part.len()].copy_from_slice(part);\n                    \
             scale_and_reduce(self.path, lanes(&mut copy, part.len()), 1.0)\n                });\n                \
             let merged = self.path.run(Merge(&parts.collect::<Vec<_>>()));\n                let token = choose(",
        )],
        test: ONE_FORWARD,
    },
    Mutant {
        name: "decode rounds the log-sum of a vocabulary of many chunks",
        file: "crates/curt-kernels/src/ops/lm_head/cpu.rs",
        edits: &[(
            "let merged = self.path().run(Merge(parts));",
            "let merged = self.path().run(Merge(parts));\n                \
             let merged = RowStatistics { lse: f64::from(merged.lse as f32), ..merged };",
        )],
        test: ONE_FORWARD_LARGE,
    },
];

/// Runs every mutant's test on a copy, after the unchanged copy passed it; prints a table.
pub fn run(options: &Options) -> Result<()> {
    let wanted = |mutant: &&Mutant| options.only.as_ref().is_none_or(|part| mutant.name.contains(part));
    let mutants: Vec<&Mutant> = MUTANTS.iter().filter(wanted).collect();
    ensure!(!mutants.is_empty(), "no mutant has this in its name");
    let workspace = Workspace::read(&root())?;
    let copy = Copy::new(&workspace)?;

    let tests: std::collections::BTreeSet<&str> = mutants.iter().map(|mutant| mutant.test).collect();
    for test in tests {
        ensure!(copy.test(test)? == Outcome::Passed, "the unchanged sources must pass `{test}`");
    }
    println!("{:<62} {:>6}  outcome", "mutant", "s");
    let mut n_survivors = 0;
    for mutant in mutants {
        let started = Instant::now();
        let outcome = copy.with_mutant(&workspace, mutant)?;
        n_survivors += usize::from(outcome != Outcome::Failed);
        println!("{:<62} {:>6.0}  {}", mutant.name, started.elapsed().as_secs_f64(), outcome.words());
    }
    if n_survivors > 0 {
        bail!("{n_survivors} mutants were not caught by a test");
    }
    Ok(())
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Passed,
    Failed,
    NotCompiled,
}

impl Outcome {
    fn words(&self) -> &'static str {
        match self {
            Outcome::Passed => "SURVIVED: the test passed",
            Outcome::Failed => "caught",
            Outcome::NotCompiled => "BROKEN: no test ran",
        }
    }
}

/// The sources in another folder, with a build folder of their own that all mutants share.
struct Copy {
    sources: PathBuf,
    build: PathBuf,
}

impl Copy {
    /// Writes the files that differ; the modification times of the others stay, so that little is rebuilt.
    fn new(workspace: &Workspace) -> Result<Self> {
        let folder = root().join("target/mutants");
        let copy = Copy { sources: folder.join("sources"), build: folder.join("build") };
        let stale = if copy.sources.is_dir() { Workspace::read(&copy.sources)? } else { Workspace::default() };
        for path in stale.files.keys().filter(|path| !workspace.files.contains_key(*path)) {
            std::fs::remove_file(copy.sources.join(path)).with_context(|| path.clone())?;
        }
        for path in workspace.files.keys() {
            let (from, to) = (root().join(path), copy.sources.join(path));
            let bytes = std::fs::read(&from).with_context(|| path.clone())?;
            if std::fs::read(&to).is_ok_and(|old| old == bytes) {
                continue;
            }
            std::fs::create_dir_all(to.parent().context("a file has a folder")?)?;
            std::fs::write(&to, bytes).with_context(|| path.clone())?;
        }
        Ok(copy)
    }

    fn with_mutant(&self, workspace: &Workspace, mutant: &Mutant) -> Result<Outcome> {
        let original = workspace.files.get(mutant.file).with_context(|| format!("no file {}", mutant.file))?;
        let path = self.sources.join(mutant.file);
        std::fs::write(&path, mutate(original, mutant)?).with_context(|| mutant.file)?;
        let outcome = self.test(mutant.test);
        restore(&path, original)?;
        outcome
    }

    fn test(&self, line: &str) -> Result<Outcome> {
        let words: Vec<&str> = line.split(' ').collect();
        let output =
            shell::command(&self.sources, &words).env("CARGO_TARGET_DIR", &self.build).output().context("cannot start cargo")?;
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(match (output.status.success(), text.contains("test result: FAILED")) {
            (true, _) => Outcome::Passed,
            (false, true) => Outcome::Failed,
            (false, false) => {
                eprintln!("{}", String::from_utf8_lossy(&output.stderr));
                Outcome::NotCompiled
            }
        })
    }
}

fn restore(path: &Path, original: &str) -> Result<()> {
    std::fs::write(path, original).with_context(|| path.display().to_string())
}

/// The text after all edits; an edit whose text is not there exactly once means that the mutant is out of date.
fn mutate(original: &str, mutant: &Mutant) -> Result<String> {
    let mut text = original.to_owned();
    for (from, to) in mutant.edits {
        let n_found = text.matches(from).count();
        ensure!(n_found == 1, "mutant `{}`: {n_found} times in {}: {from}", mutant.name, mutant.file);
        text = text.replace(from, to);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mutant_fits_the_sources() {
        let workspace = Workspace::read(&root()).unwrap();
        for mutant in &MUTANTS {
            let original = &workspace.files[mutant.file];
            assert_ne!(&mutate(original, mutant).unwrap(), original, "{}", mutant.name);
        }
    }

    #[test]
    fn an_edit_that_does_not_fit_is_an_error() {
        let mutant = Mutant { name: "m", file: "f", edits: &[("a", "b")], test: "" };
        assert!(mutate("aa", &mutant).is_err());
        assert!(mutate("c", &mutant).is_err());
        assert_eq!(mutate("ac", &mutant).unwrap(), "bc");
    }
}
