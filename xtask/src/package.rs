//! `cargo xtask package`: the leaf crates as somebody gets them who adds one to a project and nothing else of ours.
//!
//! Each is packaged and built alone. A crate outside the workspace then takes the packaged `curt-reward`, writes a reward of
//! its own and tests it by three published laws.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::shell;
use crate::workspace::root;

/// Crates that know no other crate of ours.
const LEAVES: [&str; 6] = ["curt-reward", "curt-advantage", "curt-difficulty", "curt-eval", "curt-task", "curt-verify"];

/// The whole tree below the crates that go into other people's trainers: serde, what derives it, errors, and small
/// arithmetic.
const LIGHT: [&str; 11] = [
    "libm",
    "proc-macro2",
    "quote",
    "serde",
    "serde_core",
    "serde_derive",
    "strsim",
    "syn",
    "thiserror",
    "thiserror-impl",
    "unicode-ident",
];

/// The crates that must have no other dependencies than those, and what their feature `laws` may add.
const LAWFUL: [&str; 2] = ["curt-reward", "curt-advantage"];
const ADDED_BY_LAWS: &str = "proptest";

/// The outside crate: a reward of ten lines, and three lines of laws.
const OUTSIDE: &str = r#"//! A reward of somebody else's.

use curt_reward::{RewardError, RewardStrategy, Rollout, Shaped, StepContext, check_group};

/// 1 for a right answer, less a share for its length.
#[derive(Debug)]
pub struct Brief;

impl RewardStrategy for Brief {
    fn name(&self) -> &'static str {
        "brief"
    }
    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        check_group(self.needs(), ctx, group, out.len())?;
        for (rollout, shaped) in group.iter().zip(out) {
            shaped.reset();
            shaped.total = if rollout.correct { 100.0 / (100.0 + f64::from(rollout.length)) } else { 0.0 };
            shaped.parts.push(("brief", shaped.total));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use curt_reward::laws;

    use super::Brief;

    #[test]
    fn brief_keeps_its_laws() {
        laws::order_is_irrelevant(&Brief).unwrap();
        laws::longer_is_no_better(&Brief).unwrap();
        laws::right_above_wrong(&Brief).unwrap();
    }

    #[test]
    fn a_law_that_brief_breaks_is_found() {
        laws::no_right_below_mean(&Brief).unwrap_err();
    }
}
"#;

/// Packages, builds and checks all of it.
///
/// # Errors
/// A crate that does not build alone, a dependency that is too heavy, a law that does not work outside.
pub fn run() -> Result<String> {
    let folder = tempfile::tempdir().context("no folder for the packages")?;
    let build = target().join("package-check");
    for name in LEAVES {
        println!("== {name}: packaged and built alone");
        let words = ["cargo", "package", "--quiet", "--allow-dirty", "--package", name];
        shell::run(&mut shell::command(&root(), &words))?;
        unpack(name, folder.path())?;
    }
    for name in LAWFUL {
        check_tree(name, &folder.path().join(versioned(name)?))?;
    }
    println!("== a crate outside the workspace that tests its own reward by the laws of curt-reward");
    let outside = folder.path().join("brief-reward");
    write_outside(&outside, &folder.path().join(versioned("curt-reward")?))?;
    let mut test = shell::command(&outside, &["cargo", "test", "--quiet"]);
    let output = test.env("CARGO_TARGET_DIR", &build).output().context("cannot start cargo")?;
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success() && said.contains("2 passed"), "{}\n{said}{errors}", output.status);
    Ok(format!("{} crates package and build alone; {} depend on serde and nothing heavier", LEAVES.len(), LAWFUL.join(" and ")))
}

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// `curt-reward-0.1.0`.
fn versioned(name: &str) -> Result<String> {
    let manifest: toml::Table = fs::read_to_string(root().join("Cargo.toml"))?.parse()?;
    let version = manifest["workspace"]["package"]["version"].as_str().context("Cargo.toml: no workspace.package.version")?;
    Ok(format!("{name}-{version}"))
}

/// Unpacks what `cargo package` made into `folder/NAME-VERSION`.
fn unpack(name: &str, folder: &Path) -> Result<()> {
    let archive = target().join("package").join(format!("{}.crate", versioned(name)?));
    ensure!(archive.is_file(), "{}: `cargo package` left no such file", archive.display());
    let archive = archive.to_str().context("the target folder has a name that is not UTF-8")?;
    shell::run(&mut shell::command(folder, &["tar", "-xzf", archive]))
}

/// The tree below a packaged crate is light, and its feature `laws` adds one direct dependency.
fn check_tree(name: &str, package: &Path) -> Result<()> {
    // a package in a folder of its own is in no workspace
    let tree = |depth: &str, features: &[&str]| -> Result<BTreeSet<String>> {
        let words = ["cargo", "tree", "--edges", "normal,build", "--prefix", "none", "--format", "{p}", "--depth", depth];
        let mut command = shell::command(package, &[&words[..], features].concat());
        let output = command.output().context("cannot start cargo")?;
        ensure!(output.status.success(), "{}: {command:?}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
        Ok(names(&String::from_utf8_lossy(&output.stdout), name))
    };
    let heavy: Vec<String> = tree("100", &[])?.into_iter().filter(|found| !LIGHT.contains(&found.as_str())).collect();
    if !heavy.is_empty() {
        bail!("{name} depends on more than serde, errors and small arithmetic: {}", heavy.join(", "));
    }
    let (without, with) = (tree("1", &[])?, tree("1", &["--features", "laws"])?);
    let added: Vec<&String> = with.difference(&without).collect();
    ensure!(added == [ADDED_BY_LAWS], "{name}: the feature `laws` adds {added:?}, expected {ADDED_BY_LAWS} alone");
    println!("== {name}: {}; with `laws` {ADDED_BY_LAWS} too", without.into_iter().collect::<Vec<_>>().join(", "));
    Ok(())
}

/// The packages that `cargo tree` lists, but for the one it begins with.
fn names(listed: &str, own: &str) -> BTreeSet<String> {
    let first_word = |line: &str| line.split_whitespace().next().map(str::to_owned);
    listed.lines().filter_map(first_word).filter(|name| name != own).collect()
}

/// The outside crate, which takes `curt-reward` from this folder, and other software's crates in our versions.
fn write_outside(outside: &Path, reward: &Path) -> Result<()> {
    fs::create_dir_all(outside.join("src"))?;
    let path = toml::Value::String(reward.display().to_string());
    let manifest = format!(
        "[package]\nname = \"brief-reward\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\ncurt-reward = {{ path = {path} }}\n\n\
         [dev-dependencies]\ncurt-reward = {{ path = {path}, features = [\"laws\"] }}\n\n[profile.dev]\ndebug = false\n"
    );
    fs::write(outside.join("Cargo.toml"), manifest)?;
    fs::write(outside.join("src/lib.rs"), OUTSIDE)?;
    fs::copy(root().join("Cargo.lock"), outside.join("Cargo.lock")).context("Cargo.lock")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_tree() {
        let listed = "curt-reward v0.1.0 (/a/b)\nserde v1.0.0\nserde_derive v1.0.0 (proc-macro)\nserde v1.0.0 (*)\n";
        assert_eq!(names(listed, "curt-reward").into_iter().collect::<Vec<_>>(), ["serde", "serde_derive"]);
    }

    #[test]
    fn the_leaves_are_those_of_the_house_rules() {
        let members = crate::workspace::Workspace::read(&root()).unwrap().members().unwrap();
        for name in LEAVES {
            assert!(members.iter().any(|member| member.name == name), "{name}");
            assert!(versioned(name).unwrap().starts_with(name));
        }
    }
}
