//! `cargo xtask mutate-kernels`: proof that the tests of the CUDA kernels can fail.
//!
//! A mutant is a kernel without one of its barriers or waits. The stand-in driver takes it out when it loads the committed
//! PTX, so the tests are built once; each time a test of the kernel's op must fail. What survives must be proven equivalent.

mod equivalent;
mod program;
mod sites;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Result, bail, ensure};

use self::equivalent::EQUIVALENT;
use self::program::{Run, TestProgram, check_unchanged};
use self::sites::Site;
use crate::workspace::root;

#[derive(clap::Args)]
pub struct Options {
    /// Only mutants whose KERNEL:NUMBER contains this
    #[arg(long)]
    only: Option<String>,
    /// Only list them
    #[arg(long)]
    list: bool,
    /// Name lines of the PTX instead of those of the .cu files, which takes the compiler of `cargo xtask kernels`
    #[arg(long)]
    without_lines: bool,
    /// Seconds after which the tests of a mutant are ended; it then counts as caught, and is listed as timed out
    #[arg(long, default_value_t = 300)]
    limit: u64,
}

/// Runs every mutant's tests, after the unchanged kernels passed them; prints a table.
///
/// # Errors
/// A mutant that no test caught and that is not proven equivalent, or a proof that does not hold.
pub fn run(options: &Options) -> Result<String> {
    let all = sites::read(&root())?;
    equivalent::check(&EQUIVALENT, &all)?;
    let wanted = |site: &Site| options.only.as_ref().is_none_or(|part| site.name().contains(part));
    let mut sites: Vec<Site> = all.into_iter().collect();
    if !options.without_lines {
        sites::add_lines(&root(), &mut sites)?;
    }
    sites.retain(wanted);
    ensure!(!sites.is_empty(), "no mutant has this in its name");
    if options.list {
        sites.iter().for_each(|site| println!("{}", row(site, "", "")));
        return Ok(format!("{} mutants", sites.len()));
    }
    let program = TestProgram::build(&root())?;
    let limit = Duration::from_secs(options.limit);
    let ops: BTreeSet<&str> = sites.iter().map(|site| site.op.as_str()).collect();
    for op in ops {
        println!(
            "{op}: {} tests pass as the kernels are, {:.1} s",
            program.tests_of(op)?.len(),
            check_unchanged(&program, op, limit)?
        );
    }
    let mut counts = BTreeMap::new();
    for site in &sites {
        let (outcome, run) = try_mutant(&program, site, limit)?;
        println!("{}", row(site, &outcome.words(), &format!("{:.1}", run.seconds)));
        if matches!(outcome, Outcome::Broken(_)) {
            eprintln!("{}{}", run.stdout, run.stderr);
        }
        *counts.entry(outcome.kind()).or_insert(0) += 1;
    }
    conclusion(&sites, &counts)
}

/// What comes of a mutant: the comparison of all backends comes first, because it catches most of them in a second, and the
/// other tests of the op run only on what it does not catch.
fn try_mutant(program: &TestProgram, site: &Site, limit: Duration) -> Result<(Outcome, Run)> {
    let (first, others): (Vec<&str>, Vec<&str>) =
        program.tests_of(&site.op)?.into_iter().partition(|test| test.ends_with("::every_backend_agrees_cuda_too"));
    ensure!(!first.is_empty(), "`{}` has no test every_backend_agrees_cuda_too", site.op);
    let proof = equivalent::proof(&EQUIVALENT, site);
    let run = program.run(&first, Some(&site.name()), limit)?;
    let outcome = judge(site, &run, proof);
    let is_open = matches!(outcome, Outcome::Survived | Outcome::Proven(_)) || outcome == NOT_LEFT_OUT;
    if !is_open || others.is_empty() {
        return Ok((outcome, run));
    }
    let seconds = run.seconds;
    let mut run = program.run(&others, Some(&site.name()), limit)?;
    run.seconds += seconds;
    match judge(site, &run, proof) {
        // the others do not launch this kernel: what the first found stands
        last if last == NOT_LEFT_OUT => Ok((outcome, run)),
        last => Ok((last, run)),
    }
}

/// A line of the table.
fn row(site: &Site, outcome: &str, seconds: &str) -> String {
    let line = match &site.source {
        Some((file, line)) => format!("{file}:{line}"),
        None => format!("PTX line {}", site.ptx_line),
    };
    let kernel = format!("{} of {}", site.name(), site.count);
    format!("{kernel:<38} {:<22} {line:<26} {seconds:>6}  {outcome}", site.statement)
}

/// In a few words, what came out.
///
/// # Errors
/// Not all were caught or proven.
fn conclusion(sites: &[Site], counts: &BTreeMap<Kind, usize>) -> Result<String> {
    let count = |kind: Kind| counts.get(&kind).copied().unwrap_or(0);
    let (caught, timed_out, proven) = (count(Kind::Caught), count(Kind::TimedOut), count(Kind::Proven));
    if caught + timed_out + proven < sites.len() {
        bail!("{} survived, {} broken, of {} mutants of kernels", count(Kind::Survived), count(Kind::Broken), sites.len());
    }
    let kernels: BTreeSet<&str> = sites.iter().map(|site| site.kernel.as_str()).collect();
    let mut parts =
        vec![format!("{} barriers and waits of {} kernels left out one at a time: {caught} caught", sites.len(), kernels.len())];
    if timed_out > 0 {
        parts.push(format!("{timed_out} timed out"));
    }
    if proven > 0 {
        parts.push(format!("{proven} proven equivalent"));
    }
    Ok(parts.join(", "))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Caught,
    TimedOut,
    Proven,
    Survived,
    Broken,
}

#[derive(Debug, PartialEq)]
enum Outcome {
    /// What was wrong, and the first test that said so.
    Caught {
        how: &'static str,
        test: String,
    },
    TimedOut,
    Proven(&'static str),
    Survived,
    /// It says nothing, because of this.
    Broken(&'static str),
}

impl Outcome {
    fn kind(&self) -> Kind {
        match self {
            Outcome::Caught { .. } => Kind::Caught,
            Outcome::TimedOut => Kind::TimedOut,
            Outcome::Proven(_) => Kind::Proven,
            Outcome::Survived => Kind::Survived,
            Outcome::Broken(_) => Kind::Broken,
        }
    }

    fn words(&self) -> String {
        match self {
            Outcome::Caught { how, test } => format!("caught: {how}, by {test}"),
            Outcome::TimedOut => "timed out".to_owned(),
            Outcome::Proven(proof) => format!("equivalent: {proof}"),
            Outcome::Survived => "SURVIVED: the tests passed".to_owned(),
            Outcome::Broken(why) => format!("BROKEN: {why}"),
        }
    }
}

/// No test launched the kernel, or the name of the mutant is wrong.
const NOT_LEFT_OUT: Outcome = Outcome::Broken("the driver did not leave it out");

/// What the driver's reports say of what went wrong, and its short name.
const REPORTS: [(&str, &str); 6] = [
    (": race: ", "race"),
    ("is read but was never written", "unwritten memory"),
    ("before its asynchronous copy was waited for", "copy under way"),
    (": deadlock: ", "deadlock"),
    (": divergent ", "divergence"),
    ("threads of the block have exited", "exited threads"),
];

/// What the tests of a mutant say of it. Only a failed test of the mutant itself catches it.
fn judge(site: &Site, run: &Run, proof: Option<&'static str>) -> Outcome {
    let notice = format!("kernel `{}` runs without number {},", site.kernel, site.number);
    let place = format!("PTX line {}", site.ptx_line);
    let is_this = |line: &str| line.contains(&notice) && line.trim_end_matches(')').ends_with(&place);
    if !run.stderr.lines().any(is_this) {
        return NOT_LEFT_OUT;
    }
    let failed = run.stdout.lines().find_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED"));
    let outcome = match (run.success, failed) {
        (None, _) => Outcome::TimedOut,
        (Some(true), None) if run.stdout.contains("test result: ok.") => Outcome::Survived,
        (Some(false), Some(test)) if run.stdout.contains("test result: FAILED.") => {
            let report = run.stderr.lines().find_map(|line| REPORTS.iter().find(|(part, _)| line.contains(part)));
            Outcome::Caught { how: report.map_or("other numbers", |(_, how)| how), test: test.to_owned() }
        }
        _ => Outcome::Broken("no test result"),
    };
    match (outcome, proof) {
        (Outcome::Survived, Some(proof)) => Outcome::Proven(proof),
        (Outcome::Caught { .. } | Outcome::TimedOut, Some(_)) => Outcome::Broken("proven equivalent, but caught"),
        (outcome, _) => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub fn site(kernel: &str, number: usize, count: usize) -> Site {
        let (op, statement) = ("op".to_owned(), "bar.sync 0".to_owned());
        Site { op, kernel: kernel.to_owned(), number, count, statement, ptx_line: 7, source: None }
    }

    fn run(success: Option<bool>, stdout: &str, stderr: &str) -> Run {
        Run { success, stdout: stdout.to_owned(), stderr: stderr.to_owned(), seconds: 0.0 }
    }

    const NOTICE: &str = "stand-in CUDA driver: kernel `k` runs without number 1, barrier of the block, PTX line 7\n";
    const FAILED: &str = "test a ... ok\ntest b ... FAILED\ntest c ... FAILED\ntest result: FAILED. 1 passed\n";
    const PASSED: &str = "test a ... ok\ntest result: ok. 1 passed\n";

    #[test]
    fn only_a_failed_test_of_the_mutant_itself_catches_it() {
        let judge = |run: Run| judge(&site("k", 1, 1), &run, None);
        let race =
            format!("{NOTICE}stand-in CUDA driver: kernel `k`, block [0, 0, 0], thread [3, 0, 0], PTX line 9: race: read\n");
        let caught = |how: &'static str| Outcome::Caught { how, test: "b".to_owned() };
        assert_eq!(judge(run(Some(false), FAILED, &race)), caught("race"));
        assert_eq!(judge(run(Some(false), FAILED, NOTICE)), caught("other numbers"));
        assert_eq!(judge(run(None, "", NOTICE)), Outcome::TimedOut);
        assert_eq!(judge(run(Some(true), PASSED, NOTICE)), Outcome::Survived);
        for broken in [
            run(Some(false), FAILED, ""),
            run(Some(false), FAILED, &NOTICE.replace("`k`", "`l`")),
            run(Some(false), FAILED, &NOTICE.replace("line 7", "line 77")),
            run(Some(false), FAILED, &NOTICE.replace("number 1", "number 11")),
            run(Some(true), PASSED, ""),
            run(Some(false), "", NOTICE),
            run(Some(true), "", NOTICE),
        ] {
            let said = format!("{}{}", broken.stdout, broken.stderr);
            assert_eq!(judge(broken).kind(), Kind::Broken, "{said}");
        }
    }

    #[test]
    fn a_proof_is_for_what_survives() {
        let judge = |run: Run| judge(&site("k", 1, 1), &run, Some("because")).kind();
        assert_eq!(judge(run(Some(true), PASSED, NOTICE)), Kind::Proven);
        assert_eq!(judge(run(Some(false), FAILED, NOTICE)), Kind::Broken);
        assert_eq!(judge(run(None, "", NOTICE)), Kind::Broken);
    }

    #[test]
    fn one_survivor_is_an_error() {
        let sites = [site("k", 1, 2), site("k", 2, 2), site("l", 1, 1)];
        let of = |kinds: [Kind; 3]| {
            let mut counts = BTreeMap::new();
            kinds.into_iter().for_each(|kind| *counts.entry(kind).or_insert(0) += 1);
            conclusion(&sites, &counts).map_err(|error| error.to_string())
        };
        let all = "3 barriers and waits of 2 kernels left out one at a time: ";
        assert_eq!(of([Kind::Caught; 3]), Ok(format!("{all}3 caught")));
        assert_eq!(
            of([Kind::Caught, Kind::TimedOut, Kind::Proven]),
            Ok(format!("{all}1 caught, 1 timed out, 1 proven equivalent"))
        );
        assert_eq!(
            of([Kind::Caught, Kind::Caught, Kind::Survived]),
            Err("1 survived, 0 broken, of 3 mutants of kernels".to_owned())
        );
        assert_eq!(
            of([Kind::Caught, Kind::Caught, Kind::Broken]),
            Err("0 survived, 1 broken, of 3 mutants of kernels".to_owned())
        );
    }
}
