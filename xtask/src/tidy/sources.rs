//! Rules of the sources.

use anyhow::Result;

use super::Violation;
use super::lexer::{code_only, lines_containing, lines_with_word, without_test_modules};
use super::manifests::UNSAFE;
use crate::workspace::Workspace;

/// Lines of a file that is not a test.
const MAX_LINES: usize = 450;

/// Longer files, each with the reason.
const LONG_FILES: [(&str, &str); 0] = [];

const REFUSED_NAMES: [&str; 7] = ["util", "utils", "common", "helper", "helpers", "misc", "types"];

/// The only files that may name the folder of `cargo xtask conformance`, or hold the patterns of this rule.
const OUTSIDE_PATHS_ALLOWED: [&str; 6] = [
    "README.md",
    "docs/architecture.md",
    "docs/results.md",
    ".ci/run",
    "xtask/src/conformance/mod.rs",
    "xtask/src/tidy/sources.rs",
];

/// Whether this is the file of a test or a bench.
pub fn is_test(path: &str) -> bool {
    path.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "benches" | "examples"))
}

/// Each `crates/*/src/lib.rs` begins with `//!` and holds a code block that is compiled.
pub fn crate_docs(workspace: &Workspace) -> Result<Vec<Violation>> {
    let libraries = workspace.rust_files().filter(|(path, _)| path.starts_with("crates/") && path.ends_with("/src/lib.rs"));
    let lacks = libraries.filter_map(|(path, text)| {
        // a page may be included between the lines
        let included = |line: &str| line.starts_with("#![doc = include_str!(").then_some("");
        let docs: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("//!").or_else(|| included(line))).collect();
        let fence = docs.iter().map(|line| line.trim()).find(|line| line.starts_with("```"));
        match fence {
            None if docs.is_empty() => Some(Violation::new(path, 1, "no crate documentation (`//!`)")),
            None => Some(Violation::new(path, 1, "no example in the crate documentation")),
            Some("```" | "```rust" | "```no_run") => None,
            Some(fence) => Some(Violation::new(path, 1, format!("the first example is not compiled: {fence}"))),
        }
    });
    Ok(lacks.collect())
}

/// The word `unsafe` in code, outside the crates that may contain it.
pub fn unsafe_code(workspace: &Workspace) -> Result<Vec<Violation>> {
    let is_allowed = |path: &str| UNSAFE.iter().any(|name| path.starts_with(&format!("crates/{name}/")));
    let elsewhere = workspace.rust_files().filter(|(path, _)| !is_allowed(path));
    Ok(in_code(elsewhere, |code| lines_with_word(code, "unsafe"), "unsafe in a crate that forbids it"))
}

/// `macro_rules!` outside tests and test modules.
pub fn macros(workspace: &Workspace) -> Result<Vec<Violation>> {
    let sources = workspace.rust_files().filter(|(path, _)| !is_test(path));
    Ok(in_code(sources, |code| lines_containing(&without_test_modules(code), "macro_rules!"), "macro_rules! outside tests"))
}

/// Marks of work that is not done.
pub fn unfinished(workspace: &Workspace) -> Result<Vec<Violation>> {
    let marks = ["todo!(", "unimplemented!(", "#[ignore"];
    let found = marks.map(|mark| in_code(workspace.rust_files(), |code| lines_containing(code, mark), mark));
    Ok(found.into_iter().flatten().collect())
}

/// More than [`MAX_LINES`] lines outside tests, unless in [`LONG_FILES`].
pub fn length(workspace: &Workspace) -> Result<Vec<Violation>> {
    let sources = workspace.rust_files().filter(|(path, _)| !is_test(path) && !LONG_FILES.iter().any(|(long, _)| long == path));
    let counted = sources.map(|(path, text)| (path, text.lines().count())).filter(|(_, n)| *n > MAX_LINES);
    Ok(counted.map(|(path, n)| Violation::new(path, 0, format!("{n} lines, more than {MAX_LINES}: split it"))).collect())
}

/// Files and folders whose name says nothing.
pub fn names(workspace: &Workspace) -> Result<Vec<Violation>> {
    let parts = |path: &str| path.trim_end_matches(".rs").split('/').map(str::to_owned).collect::<Vec<_>>();
    let bad = workspace
        .rust_files()
        .filter_map(|(path, _)| Some((path, parts(path).into_iter().find(|p| REFUSED_NAMES.contains(&p.as_str()))?)));
    Ok(bad.map(|(path, part)| Violation::new(path, 0, format!("`{part}` says nothing: name what is in it"))).collect())
}

/// Mentions of places that a clone of the repository does not have.
pub fn outside_paths(workspace: &Workspace) -> Result<Vec<Violation>> {
    let mut found = Vec::new();
    for (path, text) in workspace.files.iter().filter(|(path, _)| !OUTSIDE_PATHS_ALLOWED.contains(&path.as_str())) {
        for place in ["/work/", "../shared"] {
            let lines = lines_containing(text, place);
            found.extend(
                lines.into_iter().map(|line| Violation::new(path, line, format!("`{place}` lies outside the repository"))),
            );
        }
    }
    Ok(found)
}

fn in_code<'a>(
    files: impl Iterator<Item = (&'a str, &'a str)>,
    lines: impl Fn(&str) -> Vec<usize>,
    what: &str,
) -> Vec<Violation> {
    files
        .flat_map(|(path, text)| {
            lines(&code_only(text)).into_iter().map(|line| Violation::new(path, line, what)).collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rule: fn(&Workspace) -> Result<Vec<Violation>>, path: &str, text: &str, expect: &[&str]) {
        let found: Vec<String> = rule(&Workspace::of(&[(path, text)])).unwrap().iter().map(Violation::to_string).collect();
        assert_eq!(found, expect, "{path}: {text}");
    }

    #[test]
    fn libraries_show_an_example() {
        let path = "crates/a/src/lib.rs";
        check(crate_docs, path, "//! What.\n//!\n//! ```\n//! assert!(true);\n//! ```\n", &[]);
        check(
            crate_docs,
            path,
            "//! What.\n#![doc = include_str!(\"../docs/page.md\")]\n//! ```\n//! assert!(true);\n//! ```\n",
            &[],
        );
        check(crate_docs, path, "pub mod a;\n//! late ```", &["crates/a/src/lib.rs:1: no crate documentation (`//!`)"]);
        check(crate_docs, path, "//! What.\n", &["crates/a/src/lib.rs:1: no example in the crate documentation"]);
        check(
            crate_docs,
            path,
            "//! ```ignore\n//! ```\n",
            &["crates/a/src/lib.rs:1: the first example is not compiled: ```ignore"],
        );
    }

    #[test]
    fn unsafe_stays_where_it_may_be() {
        let text = "// unsafe\nfn f() { unsafe { g(\"unsafe\") } }\n";
        check(unsafe_code, "crates/curt-kernels/src/a.rs", text, &[]);
        check(unsafe_code, "crates/stand-in-cuda/src/a.rs", text, &[]);
        check(
            unsafe_code,
            "crates/curt-eval/src/a.rs",
            text,
            &["crates/curt-eval/src/a.rs:2: unsafe in a crate that forbids it"],
        );
        check(
            unsafe_code,
            "crates/curt-eval/tests/a.rs",
            "unsafe fn f() {}",
            &["crates/curt-eval/tests/a.rs:1: unsafe in a crate that forbids it"],
        );
    }

    #[test]
    fn macros_stay_in_tests() {
        check(macros, "a/src/x.rs", "macro_rules! m { () => {} }", &["a/src/x.rs:1: macro_rules! outside tests"]);
        check(macros, "a/src/x.rs", "#[cfg(test)]\nmod tests {\n    macro_rules! m { () => {} }\n}", &[]);
        check(macros, "a/src/tests.rs", "macro_rules! m { () => {} }", &[]);
    }

    #[test]
    fn unfinished_work_is_found() {
        check(unfinished, "a.rs", "fn f() { todo!() }", &["a.rs:1: todo!("]);
        check(unfinished, "a.rs", "\nfn f() { unimplemented!(\"later\") }", &["a.rs:2: unimplemented!("]);
        check(unfinished, "a.rs", "#[test]\n#[ignore = \"slow\"]\nfn f() {}", &["a.rs:2: #[ignore"]);
        check(unfinished, "a.rs", "// todo!()\nfn f() { g(\"todo!()\") }", &[]);
    }

    #[test]
    fn long_files_are_found() {
        check(length, "a/src/x.rs", &"\n".repeat(MAX_LINES), &[]);
        check(length, "a/src/x.rs", &"\n".repeat(MAX_LINES + 1), &["a/src/x.rs: 451 lines, more than 450: split it"]);
        check(length, "a/tests/x.rs", &"\n".repeat(MAX_LINES + 1), &[]);
    }

    #[test]
    fn empty_names_are_found() {
        check(names, "a/src/utils.rs", "", &["a/src/utils.rs: `utils` says nothing: name what is in it"]);
        check(names, "a/src/common/x.rs", "", &["a/src/common/x.rs: `common` says nothing: name what is in it"]);
        check(names, "a/src/commonest.rs", "", &[]);
    }

    #[test]
    fn paths_outside_are_found() {
        check(
            outside_paths,
            "a.py",
            "open('/work/x')\nopen('../shared/y')",
            &["a.py:1: `/work/` lies outside the repository", "a.py:2: `../shared` lies outside the repository"],
        );
        check(outside_paths, ".ci/run", "cargo xtask conformance ../shared", &[]);
    }
}
