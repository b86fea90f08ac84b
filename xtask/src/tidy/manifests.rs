//! Rules of the Cargo.toml files.

use anyhow::{Context, Result};

use super::Violation;
use crate::workspace::{Member, Workspace};

/// The crates that may contain `unsafe`, so those with their own tables of lints: what is shipped, and a driver for tests.
pub const UNSAFE: [&str; 2] = ["curt-kernels", "stand-in-cuda"];

/// `[lints] workspace = true` everywhere; crates with `unsafe` repeat the workspace's table, `unsafe_code` allowed.
pub fn lints(workspace: &Workspace) -> Result<Vec<Violation>> {
    let root = root_manifest(workspace)?;
    let wanted = root.get("workspace").and_then(|w| w.get("lints")).and_then(|l| l.as_table()).cloned().unwrap_or_default();
    let members = workspace.members()?;
    Ok(members
        .iter()
        .flat_map(|member| if UNSAFE.contains(&member.name.as_str()) { own_lints(member, &wanted) } else { inherited(member) })
        .collect())
}

/// No version, path or git of its own in a member's dependency.
pub fn dependencies(workspace: &Workspace) -> Result<Vec<Violation>> {
    let mut found = Vec::new();
    for member in workspace.members()? {
        for (table, name, value) in dependency_entries(&member.manifest) {
            let inherited = value.get("workspace").and_then(|w| w.as_bool()) == Some(true);
            if !inherited {
                found.push(violation(&member, format!("[{table}] {name}: write `{name}.workspace = true`")));
            }
        }
    }
    Ok(found)
}

/// Table, name and value of each dependency of whatever kind.
pub fn dependency_entries(manifest: &toml::Table) -> impl Iterator<Item = (&'static str, &String, &toml::Value)> {
    ["dependencies", "dev-dependencies", "build-dependencies"].into_iter().flat_map(|table| {
        let entries = manifest.get(table).and_then(|t| t.as_table()).into_iter().flatten();
        entries.map(move |(name, value)| (table, name, value))
    })
}

fn root_manifest(workspace: &Workspace) -> Result<toml::Table> {
    workspace.files.get("Cargo.toml").context("no Cargo.toml")?.parse().context("Cargo.toml")
}

fn violation(member: &Member, what: String) -> Violation {
    Violation::new(&format!("{}/Cargo.toml", member.folder), 0, what)
}

fn inherited(member: &Member) -> Vec<Violation> {
    let holds = member.manifest.get("lints").and_then(|l| l.get("workspace")).and_then(|w| w.as_bool()) == Some(true);
    if holds { Vec::new() } else { vec![violation(member, "needs [lints] workspace = true".to_owned())] }
}

fn own_lints(member: &Member, wanted: &toml::Table) -> Vec<Violation> {
    let mut found = Vec::new();
    for (tool, lints) in wanted {
        for (lint, level) in lints.as_table().into_iter().flatten().filter(|(lint, _)| *lint != "unsafe_code") {
            let own = member.manifest.get("lints").and_then(|l| l.get(tool)).and_then(|l| l.get(lint));
            if own != Some(level) {
                found.push(violation(member, format!("[lints.{tool}] {lint} must be {level}, as in the workspace")));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: (&str, &str) = ("Cargo.toml", "[workspace.lints.rust]\nunsafe_code = 'forbid'\nmissing_docs = 'warn'\n");

    fn found(rule: fn(&Workspace) -> Result<Vec<Violation>>, path: &str, manifest: &str) -> Vec<String> {
        rule(&Workspace::of(&[ROOT, (path, manifest)])).unwrap().iter().map(Violation::to_string).collect()
    }

    #[test]
    fn lints_are_inherited() {
        let path = "crates/a/Cargo.toml";
        assert!(found(lints, path, "[package]\nname = 'a'\n[lints]\nworkspace = true").is_empty());
        assert_eq!(found(lints, path, "[package]\nname = 'a'").len(), 1);
        assert_eq!(found(lints, path, "[package]\nname = 'a'\n[lints.rust]\nmissing_docs = 'allow'").len(), 1);
    }

    #[test]
    fn the_kernels_repeat_the_lints() {
        let path = "crates/curt-kernels/Cargo.toml";
        let own = |level: &str| {
            format!("[package]\nname = 'curt-kernels'\n[lints.rust]\nunsafe_code = 'allow'\nmissing_docs = '{level}'")
        };
        assert!(found(lints, path, &own("warn")).is_empty());
        assert_eq!(
            found(lints, path, &own("allow")),
            ["crates/curt-kernels/Cargo.toml: [lints.rust] missing_docs must be \"warn\", as in the workspace"]
        );
    }

    #[test]
    fn versions_stand_in_the_workspace() {
        let manifest = |line: &str| format!("[package]\nname = 'a'\n[dev-dependencies]\n{line}");
        assert!(found(dependencies, "a/Cargo.toml", &manifest("b.workspace = true")).is_empty());
        assert_eq!(found(dependencies, "a/Cargo.toml", &manifest("b = '1'")).len(), 1);
        assert_eq!(found(dependencies, "a/Cargo.toml", &manifest("b = { path = '../b' }")).len(), 1);
    }
}
