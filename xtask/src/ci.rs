//! `cargo xtask ci`: the checks of the sources, each named and timed.

use std::time::Instant;

use anyhow::{Context, Result};

use crate::{shell, tidy, workspace};

/// The one test command of the README.
pub const TEST_COMMAND: &str = "cargo test --workspace";

/// The crates with a feature: their pages as their users see them.
const PUBLISHED_DOC: &str = "cargo doc --package curt-reward --package curt-advantage --package curt-difficulty --package curt-verify --no-deps --all-features";

#[derive(clap::Args)]
pub struct Options {
    /// Leave the tests out, for a caller that runs them itself
    #[arg(long)]
    no_tests: bool,
}

/// Runs every step, stopping at the first that fails.
pub fn run(options: &Options) -> Result<()> {
    let started = Instant::now();
    cargo("fmt", "cargo fmt --all --check", &[])?;
    cargo(
        "clippy",
        "cargo clippy --workspace --all-targets --features curt-kernels/speed,curt-runtime/speed -- -D warnings",
        &[],
    )?;
    cargo("doc", "cargo doc --workspace --no-deps --document-private-items", &[("RUSTDOCFLAGS", "-D warnings")])?;
    cargo("doc of what is published, with all features", PUBLISHED_DOC, &[("RUSTDOCFLAGS", "-D warnings")])?;
    step("tidy", tidy::run)?;
    if !options.no_tests {
        cargo("test", TEST_COMMAND, &[])?;
    }
    println!("ci: all steps passed in {:.0} s", started.elapsed().as_secs_f64());
    Ok(())
}

fn cargo(name: &str, line: &str, environment: &[(&str, &str)]) -> Result<()> {
    let words: Vec<&str> = line.split(' ').collect();
    step(name, || shell::run(shell::command(&workspace::root(), &words).envs(environment.iter().copied())))
}

fn step(name: &str, action: impl FnOnce() -> Result<()>) -> Result<()> {
    println!("== {name}");
    let started = Instant::now();
    action().with_context(|| format!("step `{name}`"))?;
    println!("== {name}: {:.1} s", started.elapsed().as_secs_f64());
    Ok(())
}
