//! `cargo xtask mutants`: proof that the tests of the invariants, and of what an evaluation says, can fail.
//!
//! A mutant is a small edit of the sources. One of an invariant keeps every result right to rounding but breaks the invariant;
//! one of an evaluation's formulas gives another number that looks as good (`eval`). Each is applied to a copy of the workspace,
//! where its test command must then fail by a failing test, not by failing to compile.

mod eval;
mod list;

use std::collections::BTreeSet;
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
    /// Its number in docs/architecture.md; none where a formula is broken.
    invariant: Option<u8>,
    name: &'static str,
    file: &'static str,
    /// Texts that stand exactly once in the file, and what they become.
    edits: &'static [(&'static str, &'static str)],
    /// The command that must pass on the sources as they are, and fail on the mutant.
    test: &'static str,
}

/// Runs every mutant's test on a copy, after the unchanged copy passed it; prints a table.
///
/// # Errors
/// A mutant that no test caught, or that does not fit the sources any more.
pub fn run(options: &Options) -> Result<String> {
    let started = Instant::now();
    let wanted = |mutant: &&Mutant| options.only.as_ref().is_none_or(|part| mutant.name.contains(part));
    let mutants: Vec<&Mutant> = all().filter(wanted).collect();
    ensure!(!mutants.is_empty(), "no mutant has this in its name");
    let workspace = Workspace::read(&root())?;
    let copy = Copy::new(&workspace)?;

    let tests: BTreeSet<&str> = mutants.iter().map(|mutant| mutant.test).collect();
    let mut passing = BTreeSet::new();
    for test in tests {
        if copy.test(test)? == Outcome::Passed {
            passing.insert(test);
        }
    }
    println!("{:.0} s for the tests of the unchanged sources", started.elapsed().as_secs_f64());
    println!("{:<9} {:<62} {:>6}  {:<27} by", "invariant", "mutant", "s", "outcome");
    let mut n_survivors = 0;
    for mutant in &mutants {
        let started = Instant::now();
        let outcome = if passing.contains(mutant.test) { copy.judge(&workspace, mutant)? } else { Outcome::NoTest };
        n_survivors += usize::from(outcome != Outcome::Failed);
        let seconds = started.elapsed().as_secs_f64();
        println!("{:<9} {:<62} {seconds:>6.0}  {:<27} {}", mutant.breaks(), mutant.name, outcome.words(), mutant.test);
    }
    if n_survivors > 0 {
        bail!("{n_survivors} of {} mutants were not caught by a test", mutants.len());
    }
    let mut invariants: Vec<u8> = mutants.iter().filter_map(|mutant| mutant.invariant).collect();
    let (n_invariants, n_formulas) = (invariants.len(), mutants.len() - invariants.len());
    invariants.dedup();
    let numbers = invariants.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
    let of_invariants = if numbers.is_empty() {
        "none of an invariant".to_owned()
    } else {
        format!("{n_invariants} of the invariants {numbers}")
    };
    Ok(format!("all {} mutants are caught: {of_invariants}, {n_formulas} of formulas", mutants.len()))
}

/// Every mutant, by the number of its invariant, then those of formulas.
fn all() -> impl Iterator<Item = &'static Mutant> {
    list::MUTANTS.iter().chain(&eval::MUTANTS)
}

impl Mutant {
    /// The number of the invariant that it breaks, or a word.
    fn breaks(&self) -> String {
        self.invariant.map_or_else(|| "formula".to_owned(), |number| number.to_string())
    }
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Passed,
    Failed,
    NotCompiled,
    /// The unchanged sources do not pass, or the command names no test.
    NoTest,
    OutOfDate,
}

impl Outcome {
    fn words(&self) -> &'static str {
        match self {
            Outcome::Passed => "SURVIVED: the test passed",
            Outcome::Failed => "caught",
            Outcome::NotCompiled => "BROKEN: no test ran",
            Outcome::NoTest => "BROKEN: no test that passes",
            Outcome::OutOfDate => "BROKEN: does not fit",
        }
    }
}

/// The sources in another folder, built into the target folder of this workspace: other software's crates are shared.
pub struct Copy {
    pub sources: PathBuf,
    pub build: PathBuf,
}

impl Copy {
    /// Writes the files that differ; the modification times of the others stay, so that little is rebuilt.
    pub fn new(workspace: &Workspace) -> Result<Self> {
        let build = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
        let copy = Copy { sources: root().join("target/mutants/sources"), build };
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

    /// What the mutant's test says of it.
    fn judge(&self, workspace: &Workspace, mutant: &Mutant) -> Result<Outcome> {
        let original = workspace.files.get(mutant.file).with_context(|| format!("no file {}", mutant.file))?;
        let mutated = match mutate(original, mutant) {
            Ok(mutated) => mutated,
            Err(error) => {
                eprintln!("{error}");
                return Ok(Outcome::OutOfDate);
            }
        };
        let path = self.sources.join(mutant.file);
        write(&path, &mutated)?;
        let outcome = self.test(mutant.test);
        write(&path, original)?;
        outcome
    }

    fn test(&self, line: &str) -> Result<Outcome> {
        let words: Vec<&str> = line.split(' ').collect();
        let output =
            shell::command(&self.sources, &words).env("CARGO_TARGET_DIR", &self.build).output().context("cannot start cargo")?;
        let outcome = read_outcome(output.status.success(), &String::from_utf8_lossy(&output.stdout));
        if outcome == Outcome::NotCompiled {
            eprintln!("{}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(outcome)
    }
}

/// What cargo says of the tests that it ran; none that passed is no pass.
fn read_outcome(success: bool, text: &str) -> Outcome {
    let any_passed = text.lines().any(|line| line.starts_with("test result: ok.") && !line.contains(" 0 passed"));
    match (success, text.contains("test result: FAILED")) {
        (true, _) if any_passed => Outcome::Passed,
        (true, _) => Outcome::NoTest,
        (false, true) => Outcome::Failed,
        (false, false) => Outcome::NotCompiled,
    }
}

/// Writes a source; the error names it.
pub fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| path.display().to_string())
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
        for mutant in all() {
            let original = &workspace.files[mutant.file];
            assert_ne!(&mutate(original, mutant).unwrap(), original, "{}", mutant.name);
        }
    }

    #[test]
    fn every_mutant_names_a_test() {
        let workspace = Workspace::read(&root()).unwrap();
        for mutant in all() {
            let words: Vec<&str> = mutant.test.split_whitespace().collect();
            let package = format!("crates/{}/", words[words.iter().position(|word| *word == "--package").unwrap() + 1]);
            // the last word is a part of the path of a test: behind a module its name begins so, else it holds it or is the module
            let filter = *words.last().unwrap();
            let (module, name) = filter.rsplit_once("::").map_or((None, filter), |(module, name)| (Some(module), name));
            let fits = |found: &str| if module.is_some() { found.starts_with(name) } else { found.contains(name) };
            let has_it = |(path, text): (&String, &String)| {
                let mut names =
                    text.lines().filter_map(|line| line.split_once("fn ")).map(|(_, rest)| rest.split('(').next().unwrap());
                match module.map(|module| format!("/{}.rs", module.replace("::", "/"))) {
                    Some(file) => path.ends_with(&file) && names.any(fits),
                    None => path.ends_with(&format!("/{name}.rs")) || names.any(fits),
                }
            };
            let named = workspace.files.iter().filter(|(path, _)| path.starts_with(&package)).any(has_it);
            assert!(named, "{}: no test is {filter}", mutant.name);
        }
    }

    #[test]
    fn an_edit_that_does_not_fit_is_an_error() {
        let mutant = Mutant { invariant: Some(1), name: "m", file: "f", edits: &[("a", "b")], test: "" };
        assert!(mutate("aa", &mutant).is_err());
        assert!(mutate("c", &mutant).is_err());
        assert_eq!(mutate("ac", &mutant).unwrap(), "bc");
    }

    #[test]
    fn only_a_test_that_ran_says_something() {
        let check = |success: bool, text: &str, expected: Outcome| assert_eq!(read_outcome(success, text), expected, "{text}");
        check(true, "test result: ok. 2 passed; 0 failed; 0 ignored\n", Outcome::Passed);
        check(true, "test result: ok. 0 passed; 0 failed; 0 ignored\ntest result: ok. 1 passed; 0 failed\n", Outcome::Passed);
        check(true, "test result: ok. 0 passed; 0 failed; 0 ignored\n", Outcome::NoTest);
        check(false, "test result: FAILED. 0 passed; 1 failed; 0 ignored\n", Outcome::Failed);
        check(false, "", Outcome::NotCompiled);
    }
}
