//! docs/architecture.md against the workspace: the code map and the arrows between crates.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};

use super::Violation;
use super::lexer::{code_only, lines_containing, without_test_modules};
use super::manifests::dependency_entries;
use crate::workspace::Workspace;

const PAGE: &str = "docs/architecture.md";

/// Crates that know nothing of each other and that each packages alone.
const LEAVES: [&str; 6] = ["curt-task", "curt-verify", "curt-difficulty", "curt-reward", "curt-advantage", "curt-eval"];

/// Which crates of this workspace a crate may depend on, for building or for its tests; `*` = all of them.
const ALLOWED: [(&str, &[&str]); 16] = [
    ("curt", &["*"]),
    ("curt-benches", &["*"]),
    ("xtask", &["*"]),
    (
        "curt-trainer",
        &["curt-runtime", "curt-task", "curt-verify", "curt-difficulty", "curt-reward", "curt-advantage", "curt-eval"],
    ),
    // A driver for tests, below cudarc.
    ("curt-runtime", &["curt-kernels", "stand-in-cuda"]),
    ("curt-kernels", &["stand-in-cuda"]),
    ("stand-in-cuda", &["ptx-interpreter"]),
    ("ptx-interpreter", &[]),
    ("curt-task", &[]),
    ("curt-verify", &[]),
    ("curt-difficulty", &[]),
    ("curt-reward", &[]),
    ("curt-advantage", &[]),
    ("curt-eval", &[]),
    ("curt-lab", &["curt-reward", "curt-advantage"]),
    ("curt-report", &["curt-eval"]),
];

/// What no leaf crate may say: clocks, sockets, random numbers that nobody seeded.
const IMPURE: [&str; 6] = ["std::time", "SystemTime", "Instant::now", "std::net", "rand::rng(", "thread_rng"];

/// The one file of a leaf crate that reads the clock, because what another process says has to have a time limit.
const TIMED: &str = "crates/curt-verify/src/child.rs";

/// Each ``### `folder` `` heading below `## Code map` is a member of the workspace, and each member has one.
pub fn code_map(workspace: &Workspace) -> Result<Vec<Violation>> {
    let listed: BTreeMap<String, usize> = section(page(workspace)?, "## Code map")
        .filter_map(|(line, text)| Some((text.strip_prefix("### `")?.strip_suffix('`')?.trim_end_matches('/').to_owned(), line)))
        .collect();
    let members: BTreeSet<String> = workspace.members()?.into_iter().map(|member| member.folder).collect();
    let unlisted = members.iter().filter(|folder| !listed.contains_key(*folder));
    let unlisted = unlisted.map(|folder| Violation::new(PAGE, 0, format!("{folder} has no heading in the code map")));
    let gone = listed.iter().filter(|(folder, _)| !members.contains(*folder));
    let gone = gone.map(|(folder, &line)| Violation::new(PAGE, line, format!("{folder} is no crate of the workspace")));
    Ok(unlisted.chain(gone).collect())
}

/// The table `| crate | depends on |` below `## Arrows` says what the manifests say; `any` is enough where all are allowed.
pub fn documented_arrows(workspace: &Workspace) -> Result<Vec<Violation>> {
    let rows = section(page(workspace)?, "## Arrows").filter_map(|(line, text)| {
        let mut cells = text.strip_prefix('|')?.split('|');
        let name = cells.next()?.trim().strip_prefix('`')?.strip_suffix('`')?.to_owned();
        let cell = cells.next()?.trim();
        let uses = cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<BTreeSet<_>>();
        Some((name.clone(), (line, if cell == "any" && may_use_any(&name) { None } else { Some(uses) })))
    });
    let documented: BTreeMap<String, (usize, Option<BTreeSet<String>>)> = rows.collect();
    let real = arrows(workspace)?;
    let mut found = Vec::new();
    for (name, uses) in &real {
        match documented.get(name) {
            None => found.push(Violation::new(PAGE, 0, format!("{name} has no row in the table of arrows"))),
            Some((line, Some(said))) if said != uses => {
                found.push(Violation::new(PAGE, *line, format!("{name} depends on {uses:?}, the table says {said:?}")));
            }
            Some(_) => {}
        }
    }
    let gone = documented.iter().filter(|(name, _)| !real.contains_key(*name));
    found.extend(gone.map(|(name, (line, _))| Violation::new(PAGE, *line, format!("{name} is no crate of the workspace"))));
    Ok(found)
}

/// Every dependency between members is in the table of this file.
pub fn allowed_arrows(workspace: &Workspace) -> Result<Vec<Violation>> {
    let folders: BTreeMap<String, String> = workspace.members()?.into_iter().map(|m| (m.name, m.folder)).collect();
    let mut found = Vec::new();
    for (name, uses) in arrows(workspace)? {
        let path = format!("{}/Cargo.toml", folders[&name]);
        let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| *known == name) else {
            found.push(Violation::new(
                &path,
                0,
                format!("{name} is not in the table of allowed arrows in xtask/src/tidy/architecture.rs"),
            ));
            continue;
        };
        let refused = uses.iter().filter(|used| !allowed.contains(&used.as_str()) && !may_use_any(&name));
        found.extend(refused.map(|used| Violation::new(&path, 0, format!("{name} must not depend on {used}"))));
    }
    Ok(found)
}

/// The sources of leaf crates, tests and [`TIMED`] left out, name nothing of [`IMPURE`].
pub fn leaf_crates_are_pure(workspace: &Workspace) -> Result<Vec<Violation>> {
    let mut found = Vec::new();
    let of_leaves = |path: &str| LEAVES.iter().any(|leaf| path.starts_with(&format!("crates/{leaf}/src/")));
    for (path, text) in workspace.rust_files().filter(|(path, _)| of_leaves(path) && *path != TIMED) {
        let code = without_test_modules(&code_only(text));
        for word in IMPURE {
            let lines = lines_containing(&code, word);
            found.extend(lines.into_iter().map(|line| Violation::new(path, line, format!("`{word}` in a leaf crate"))));
        }
    }
    Ok(found)
}

fn may_use_any(name: &str) -> bool {
    ALLOWED.iter().any(|(known, uses)| *known == name && uses.contains(&"*"))
}

fn page(workspace: &Workspace) -> Result<&str> {
    workspace.files.get(PAGE).map(String::as_str).with_context(|| format!("no {PAGE}"))
}

/// Numbered lines (from 1) from this heading to the next of its level.
fn section<'a>(text: &'a str, heading: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
    let numbered = text.lines().enumerate().map(|(i, line)| (i + 1, line.trim_end()));
    numbered.skip_while(move |(_, line)| *line != heading).skip(1).take_while(|(_, line)| !line.starts_with("## "))
}

/// The workspace crates that each member names in its manifest.
fn arrows(workspace: &Workspace) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let members = workspace.members()?;
    let names: BTreeSet<&str> = members.iter().map(|member| member.name.as_str()).collect();
    let uses =
        |manifest| dependency_entries(manifest).map(|(_, name, _)| name.clone()).filter(|name| names.contains(name.as_str()));
    Ok(members.iter().map(|member| (member.name.clone(), uses(&member.manifest).collect())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace(page: &str, runtime_uses: &str, leaf: &str) -> Workspace {
        let manifest = |name: &str, uses: &str| format!("[package]\nname = '{name}'\n[dependencies]\n{uses}\n");
        Workspace::of(&[
            ("crates/curt-runtime/Cargo.toml", &manifest("curt-runtime", runtime_uses)),
            ("crates/curt-task/Cargo.toml", &manifest("curt-task", "")),
            ("crates/curt-kernels/Cargo.toml", &manifest("curt-kernels", "")),
            ("crates/curt-task/src/lib.rs", leaf),
            (PAGE, page),
        ])
    }

    const TRUE_PAGE: &str = "# A\n## Code map\n### `crates/curt-runtime`\n### `crates/curt-task`\n### `crates/curt-kernels/`\n## Arrows\n\
        | crate | depends on |\n|---|---|\n| `curt-runtime` | `curt-kernels` |\n| `curt-task` | |\n| `curt-kernels` | — |\n";
    const KERNELS: &str = "curt-kernels.workspace = true";

    fn check(rule: fn(&Workspace) -> Result<Vec<Violation>>, workspace: &Workspace, expect: &[&str]) {
        let found: Vec<String> = rule(workspace).unwrap().iter().map(Violation::to_string).collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn the_code_map_is_the_tree() {
        check(code_map, &workspace(TRUE_PAGE, KERNELS, ""), &[]);
        check(
            code_map,
            &workspace(&TRUE_PAGE.replace("### `crates/curt-task`", "### `crates/curt-gone`"), KERNELS, ""),
            &[
                "docs/architecture.md: crates/curt-task has no heading in the code map",
                "docs/architecture.md:4: crates/curt-gone is no crate of the workspace",
            ],
        );
        assert!(code_map(&Workspace::default()).is_err());
    }

    #[test]
    fn the_documented_arrows_are_the_real_ones() {
        check(documented_arrows, &workspace(TRUE_PAGE, KERNELS, ""), &[]);
        check(
            documented_arrows,
            &workspace(TRUE_PAGE, "", ""),
            &["docs/architecture.md:9: curt-runtime depends on {}, the table says {\"curt-kernels\"}"],
        );
        check(
            documented_arrows,
            &workspace(&TRUE_PAGE.replace("| `curt-task`", "| `curt-gone`"), KERNELS, ""),
            &[
                "docs/architecture.md: curt-task has no row in the table of arrows",
                "docs/architecture.md:10: curt-gone is no crate of the workspace",
            ],
        );
    }

    #[test]
    fn any_is_for_those_who_wire_things_together() {
        let page = TRUE_PAGE.replace("| `curt-runtime` | `curt-kernels` |", "| `curt-runtime` | any |");
        assert_eq!(documented_arrows(&workspace(&page, KERNELS, "")).unwrap().len(), 1);
        let page = format!("{TRUE_PAGE}| `xtask` | any |\n");
        let mut wired = workspace(&page, KERNELS, "");
        wired.files.insert("xtask/Cargo.toml".into(), format!("[package]\nname = 'xtask'\n[dependencies]\n{KERNELS}"));
        assert!(documented_arrows(&wired).unwrap().is_empty());
    }

    #[test]
    fn arrows_against_the_design_are_refused() {
        check(allowed_arrows, &workspace(TRUE_PAGE, KERNELS, ""), &[]);
        check(
            allowed_arrows,
            &workspace(TRUE_PAGE, "curt-task.workspace = true", ""),
            &["crates/curt-runtime/Cargo.toml: curt-runtime must not depend on curt-task"],
        );
        let unknown = Workspace::of(&[("crates/x/Cargo.toml", "[package]\nname = 'x'")]);
        assert_eq!(allowed_arrows(&unknown).unwrap().len(), 1);
    }

    #[test]
    fn leaf_crates_read_no_clock() {
        check(leaf_crates_are_pure, &Workspace::of(&[(TIMED, "fn f() { Instant::now(); }\n")]), &[]);
        check(leaf_crates_are_pure, &workspace(TRUE_PAGE, KERNELS, "// Instant::now\nfn f() {}\n"), &[]);
        check(
            leaf_crates_are_pure,
            &workspace(TRUE_PAGE, KERNELS, "\nfn f() { Instant::now(); }\n"),
            &["crates/curt-task/src/lib.rs:2: `Instant::now` in a leaf crate"],
        );
    }
}
