//! House rules as a test: what no compiler checks, and what documents say about the sources.
//!
//! A rule is a function from the files of the workspace to its violations; each has a test that breaks it.

mod architecture;
pub mod lexer;
mod manifests;
mod markdown;
mod run_file;
mod sources;

use std::fmt;

use anyhow::{Result, bail};

use crate::workspace::{Workspace, root};

/// One thing that is against a rule.
#[derive(Debug, PartialEq)]
pub struct Violation {
    pub path: String,
    /// From 1; 0: the file as a whole.
    pub line: usize,
    pub what: String,
}

impl Violation {
    fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Violation { path: path.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.path)?;
        if self.line > 0 {
            write!(f, "{}:", self.line)?;
        }
        write!(f, " {}", self.what)
    }
}

type Rule = fn(&Workspace) -> Result<Vec<Violation>>;

/// Every rule with the sentence that it checks.
const RULES: [(&str, Rule); 16] = [
    ("the code map of docs/architecture.md lists exactly the crates that exist", architecture::code_map),
    ("the arrows of docs/architecture.md are the dependencies between crates", architecture::documented_arrows),
    ("no crate depends on a crate that the design does not allow", architecture::allowed_arrows),
    ("leaf crates read no clock, no network and no global random numbers", architecture::leaf_crates_are_pure),
    ("every crate inherits the workspace's lints", manifests::lints),
    ("every dependency's version stands in the workspace table", manifests::dependencies),
    ("every library documents itself with an example", sources::crate_docs),
    ("unsafe stands in curt-kernels and stand-in-cuda only", sources::unsafe_code),
    ("no macro_rules! outside tests", sources::macros),
    ("nothing unfinished: todo!, unimplemented!, #[ignore]", sources::unfinished),
    ("no file is longer than a reader's patience", sources::length),
    ("no file or folder is named utils, common, helpers or misc", sources::names),
    ("no path outside the repository, but for the argument of `conformance`", sources::outside_paths),
    ("Markdown links lead to files that exist", markdown::links),
    ("docs/run_file.md lists every key of a run file with its names in TRL", run_file::keys),
    ("the README, .ci/run and `cargo xtask ci` run the same test command", markdown::test_command),
];

/// Prints every violation; an error if there is one.
pub fn run() -> Result<()> {
    let workspace = Workspace::read(&root())?;
    let mut n_violations = 0;
    for (sentence, rule) in RULES {
        let violations = rule(&workspace)?;
        if !violations.is_empty() {
            println!("against the rule: {sentence}");
        }
        for violation in &violations {
            println!("  {violation}");
        }
        n_violations += violations.len();
    }
    if n_violations > 0 {
        bail!("{n_violations} violations of the house rules");
    }
    println!("tidy: {} rules hold in {} files", RULES.len(), workspace.files.len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_workspace_keeps_the_house_rules() {
        let workspace = Workspace::read(&root()).unwrap();
        assert!(workspace.files.contains_key("xtask/src/tidy/mod.rs"));
        let found: Vec<String> = RULES.iter().flat_map(|(_, rule)| rule(&workspace).unwrap()).map(|v| v.to_string()).collect();
        assert!(found.is_empty(), "\n{}", found.join("\n"));
    }

    #[test]
    fn a_violation_names_its_place() {
        assert_eq!(Violation::new("a.rs", 3, "bad").to_string(), "a.rs:3: bad");
        assert_eq!(Violation::new("a.rs", 0, "bad").to_string(), "a.rs: bad");
    }
}
