//! `cargo xtask mutate-rewards`: proof that the tests of the rewards can fail.
//!
//! A mutant is a strategy with another number, or with `<` for `<=`, or `max` for `min`: one edit of one file. Each time a
//! test must fail, the golden values first. What survives must be proven equivalent.

mod equivalent;
mod program;
mod sites;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use self::equivalent::EQUIVALENT;
use self::program::{Outcome, test};
use self::sites::Site;
use crate::mutants::{Copy, write};
use crate::workspace::{Workspace, root};

/// Where the strategies are, one per file.
const STRATEGIES: &str = "crates/curt-reward/src/strategies/";

/// What they share.
const SHARED: [&str; 2] = ["crates/curt-reward/src/cells.rs", "crates/curt-reward/src/statistics.rs"];

/// The tests: the golden values, and, for what is no formula, those of states, ranges, presets and Table 1.
const GOLDEN: [&str; 2] = ["--test", "golden"];
const OTHERS: [&str; 9] = ["--lib", "--test", "bad_input", "--test", "states", "--test", "catalogue", "--test", "table1"];

#[derive(clap::Args)]
pub struct Options {
    /// Only mutants of files whose name contains this
    #[arg(long)]
    only: Option<String>,
    /// Only list them
    #[arg(long)]
    list: bool,
    /// Seconds after which the tests of a mutant are ended; it then counts as caught
    #[arg(long, default_value_t = 60)]
    limit: u64,
}

/// Runs the tests on every mutant, after the unchanged sources passed them; prints what survived and a row per file.
///
/// # Errors
/// A mutant that no test caught and that is not proven equivalent, or a proof that does not hold.
pub fn run(options: &Options) -> Result<String> {
    let workspace = Workspace::read(&root())?;
    let all = sites(&workspace);
    equivalent::check(&EQUIVALENT, &all.iter().map(|(_, site)| site.clone()).collect::<Vec<_>>())?;
    let wanted = |(_, site): &&(String, Site)| options.only.as_ref().is_none_or(|part| site.file.contains(part));
    let mutants: Vec<&(String, Site)> = all.iter().filter(wanted).collect();
    ensure!(!mutants.is_empty(), "no file has this in its name");
    if options.list {
        mutants.iter().for_each(|(_, site)| println!("{}", row(site, "")));
        return Ok(format!("{} mutants", mutants.len()));
    }
    let copy = Copy::new(&workspace)?;
    let runner = Runner { copy: &copy, limit: Duration::from_secs(options.limit) };
    for tests in [&GOLDEN[..], &OTHERS] {
        ensure!(runner.test(tests)? == Outcome::Passed, "the sources as they are do not pass {tests:?}");
    }
    let mut counts = BTreeMap::<&str, BTreeMap<Kind, usize>>::new();
    let mut started = Instant::now();
    for (place, (path, site)) in mutants.iter().enumerate() {
        let kind = runner.judge(&workspace, path, site)?;
        if matches!(kind, Kind::Survived | Kind::Disproved) {
            println!("{}", row(site, kind.word()));
        }
        *counts.entry(&site.file).or_default().entry(kind).or_insert(0) += 1;
        if mutants.get(place + 1).is_none_or(|(_, next)| next.file != site.file) {
            println!("{:<22} {} in {:.0} s", site.file, words(&counts[site.file.as_str()]), started.elapsed().as_secs_f64());
            started = Instant::now();
        }
    }
    let total = counts.values().flatten().fold(BTreeMap::new(), |mut total, (kind, n)| {
        *total.entry(*kind).or_insert(0) += n;
        total
    });
    let wrong: usize = [Kind::Survived, Kind::Disproved].iter().filter_map(|kind| total.get(kind)).sum();
    let said = format!("{} mutants of {} files: {}", mutants.len(), counts.len(), words(&total));
    if wrong > 0 { bail!(said) } else { Ok(said) }
}

/// Path and edit of every mutant.
fn sites(workspace: &Workspace) -> Vec<(String, Site)> {
    let is_wanted = |path: &str| SHARED.contains(&path) || (path.starts_with(STRATEGIES) && !path.ends_with("/mod.rs"));
    let of_file = |(path, text): (&str, &str)| {
        let name = Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        sites::of_text(&name, text).into_iter().map(move |site| (path.to_owned(), site)).collect::<Vec<_>>()
    };
    workspace.rust_files().filter(|(path, _)| is_wanted(path)).flat_map(of_file).collect()
}

/// A line of the table.
fn row(site: &Site, outcome: &str) -> String {
    let place = format!("{}:{}", site.file, site.line);
    format!("{place:<26} {:>9} -> {:<9} {outcome:<10} {}", site.from.trim(), site.to.trim(), site.edited)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Golden,
    Other,
    TimedOut,
    NotCompiled,
    Proven,
    Survived,
    Disproved,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Golden => "caught by golden values",
            Kind::Other => "by other tests",
            Kind::TimedOut => "timed out",
            Kind::NotCompiled => "by the compiler",
            Kind::Proven => "proven equivalent",
            Kind::Survived => "SURVIVED",
            Kind::Disproved => "proven equivalent and yet CAUGHT",
        }
    }
}

fn words(counts: &BTreeMap<Kind, usize>) -> String {
    counts.iter().map(|(kind, n)| format!("{n} {}", kind.word())).collect::<Vec<_>>().join(", ")
}

struct Runner<'a> {
    copy: &'a Copy,
    limit: Duration,
}

impl Runner<'_> {
    fn test(&self, targets: &[&str]) -> Result<Outcome> {
        test(&self.copy.sources, &self.copy.build, targets, self.limit)
    }

    /// What the tests say of a mutant; the copy is as before afterwards.
    fn judge(&self, workspace: &Workspace, path: &str, site: &Site) -> Result<Kind> {
        let original = workspace.files.get(path).with_context(|| format!("no file {path}"))?;
        let file = self.copy.sources.join(path);
        write(&file, &site.apply(original))?;
        let outcome = self.outcome();
        write(&file, original)?;
        Ok(match (outcome?, equivalent::proof(&EQUIVALENT, site)) {
            (Kind::Survived, Some(_)) => Kind::Proven,
            (_, Some(_)) => Kind::Disproved,
            (kind, None) => kind,
        })
    }

    fn outcome(&self) -> Result<Kind> {
        Ok(match self.test(&GOLDEN)? {
            Outcome::Failed => Kind::Golden,
            Outcome::TimedOut => Kind::TimedOut,
            Outcome::NotCompiled => Kind::NotCompiled,
            Outcome::Passed => match self.test(&OTHERS)? {
                Outcome::Failed => Kind::Other,
                Outcome::TimedOut => Kind::TimedOut,
                Outcome::NotCompiled => Kind::NotCompiled,
                Outcome::Passed => Kind::Survived,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_strategy_has_mutants_and_every_proof_fits() {
        let workspace = Workspace::read(&root()).unwrap();
        let all = sites(&workspace);
        let files: std::collections::BTreeSet<&str> = all.iter().map(|(path, _)| path.as_str()).collect();
        let strategies = workspace.files.keys().filter(|path| path.starts_with(STRATEGIES)).count();
        assert!(files.len() > strategies - 4 && all.len() > 300, "{} mutants of {} files", all.len(), files.len());
        equivalent::check(&EQUIVALENT, &all.into_iter().map(|(_, site)| site).collect::<Vec<_>>()).unwrap();
    }
}
