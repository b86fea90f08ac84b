//! `cargo xtask laws`: the published laws of rewards, advantages, objectives, gates, samplers and verifiers over our own, with many cases each.
//!
//! The tests of the crates hold what must hold of which; here they run with more cases than in CI, and what they say of
//! each law and each strategy is gathered.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::shell;
use crate::workspace::root;

#[derive(clap::Args)]
pub struct Options {
    /// Cases that each law is tested on
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    cases: u32,
    /// Only the tests of this crate
    #[arg(long, value_parser = SUITES.map(|(package, _)| package).to_vec())]
    only: Option<String>,
}

/// Crate and test programs; a program per line, so that each is timed.
const SUITES: [(&str, &str); 6] = [
    ("curt-reward", "table_of_laws"),
    ("curt-reward", "laws"),
    ("curt-advantage", "laws"),
    ("curt-advantage", "objective_laws"),
    ("curt-difficulty", "laws"),
    ("curt-verify", "laws"),
];

/// Runs the laws; prints a row per law and a row per strategy, estimator or objective.
///
/// # Errors
/// A law that does not hold where the tables say so, one without a counter-example where they say that it breaks, or fewer
/// cases than asked for.
pub fn run(options: &Options) -> Result<String> {
    let mut found = Vec::new();
    for (package, test) in SUITES.into_iter().filter(|(package, _)| options.only.as_ref().is_none_or(|only| only == package)) {
        let started = Instant::now();
        found.extend(suite(package, test, options.cases)?);
        println!("{package}, {test}: passed with {} cases in {:.1} s", options.cases, started.elapsed().as_secs_f64());
    }
    ensure!(!found.is_empty(), "the tests say nothing of any law");
    if let Some(few) = found.iter().find(|one| one.holds && one.cases != options.cases) {
        bail!("{}, {}: {} cases, and not {}", few.law, few.subject, few.cases, options.cases);
    }
    let keys: [(&str, Key); 2] = [("law", Finding::by_law), ("of", Finding::by_subject)];
    for (title, key) in keys {
        println!("\n{title:<50} {:>5} {:>6} {:>8}  broken, with a counter-example", "holds", "breaks", "s");
        rows(&found, key).iter().for_each(|row| println!("{row}"));
    }
    let n_laws = rows(&found, Finding::by_law).len();
    let n_holding = found.iter().filter(|one| one.holds).count();
    Ok(format!(
        "{n_laws} laws with {} cases each: {n_holding} times kept, {} times broken as documented",
        options.cases,
        found.len() - n_holding
    ))
}

/// What one law is of one strategy.
#[derive(Clone, Debug, PartialEq)]
struct Finding {
    /// `reward`, `estimator`, `objective`, `gate`, `difficulty` or `sampler`.
    kind: String,
    law: String,
    subject: String,
    holds: bool,
    cases: u32,
    seconds: f64,
}

/// What findings are gathered by.
type Key = fn(&Finding) -> String;

impl Finding {
    fn by_law(&self) -> String {
        format!("{}: {}", self.kind, self.law)
    }

    fn by_subject(&self) -> String {
        format!("{}: {}", self.kind, self.subject)
    }
}

/// One test program.
fn suite(package: &str, test: &str, cases: u32) -> Result<Vec<Finding>> {
    let words = ["cargo", "test", "--quiet", "--release", "--package", package, "--features", "laws", "--test", test];
    let mut command = shell::command(&root(), &[&words[..], &["--", "--nocapture"]].concat());
    let command = command.env("PROPTEST_CASES", cases.to_string()).stderr(Stdio::inherit());
    let output = command.output().context("cannot start cargo")?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        print!("{text}");
        bail!("{package}, {test}: {}", output.status);
    }
    ensure!(text.contains("test result: ok."), "{package}, {test}: no test ran");
    text.lines().filter_map(|line| line.find("law\t").map(|at| &line[at..])).map(parse).collect()
}

/// `law, kind, law, subject, holds or broken, cases, seconds`, between tabs.
fn parse(line: &str) -> Result<Finding> {
    let cells: Vec<&str> = line.split('\t').collect();
    let [_, kind, law, subject, outcome, cases, seconds] = cells[..] else { bail!("no line of a law: {line}") };
    Ok(Finding {
        kind: kind.to_owned(),
        law: law.to_owned(),
        subject: subject.to_owned(),
        holds: match outcome {
            "holds" => true,
            "broken" => false,
            _ => bail!("neither holds nor broken: {line}"),
        },
        cases: cases.parse().with_context(|| line.to_owned())?,
        seconds: seconds.parse().with_context(|| line.to_owned())?,
    })
}

/// The findings gathered by a key, in the order of their first; where a law is broken the other half of the key is named.
fn rows(found: &[Finding], key: Key) -> Vec<String> {
    let mut order = Vec::new();
    let mut gathered = BTreeMap::<String, (usize, Vec<&str>, f64)>::new();
    for one in found {
        let key_of_one = key(one);
        let entry = gathered.entry(key_of_one.clone()).or_insert_with(|| {
            order.push(key_of_one.clone());
            (0, Vec::new(), 0.0)
        });
        entry.0 += usize::from(one.holds);
        entry.2 += one.seconds;
        if !one.holds {
            entry.1.push(if key_of_one.ends_with(&one.law) { &one.subject } else { &one.law });
        }
    }
    let row = |name: &String| {
        let (holds, broken, seconds) = &gathered[name];
        format!("{name:<50} {holds:>5} {:>6} {seconds:>8.2}  {}", broken.len(), broken.join(" ")).trim_end().to_owned()
    };
    order.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: [&str; 3] = [
        "law\treward\tlonger_is_no_better\t`kimi`\tholds\t256\t0.500",
        "law\treward\tlonger_is_no_better\t`l1_exact`\tbroken\t256\t0.250",
        "law\treward\talways_finite\t`kimi`\tholds\t256\t1.000",
    ];

    #[test]
    fn findings_are_gathered_by_law_and_by_strategy() {
        let found: Vec<Finding> = LINES.into_iter().map(|line| parse(line).unwrap()).collect();
        let words = |key| {
            let row = |row: &String| row.split_whitespace().collect::<Vec<_>>().join(" ");
            rows(&found, key).iter().map(row).collect::<Vec<_>>()
        };
        assert_eq!(words(Finding::by_law), ["reward: longer_is_no_better 1 1 0.75 `l1_exact`", "reward: always_finite 1 0 1.00"]);
        assert_eq!(words(Finding::by_subject), ["reward: `kimi` 2 0 1.50", "reward: `l1_exact` 0 1 0.25 longer_is_no_better"]);
    }

    #[test]
    fn lines_of_another_form_are_errors() {
        for line in ["law\treward\tx", &LINES[0].replace("holds", "perhaps"), &LINES[0].replace("256", "many")] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
