//! `cargo xtask matrix`: every kernel at all its sizes, both ways, on the stand-in driver.
//!
//! It is the test `every_backend_agrees_cuda_too` of each op, which `cargo test` runs at a few small sizes, at all of them: each
//! case on every CPU path and on CUDA in both orders of warps and of blocks, with guard bands, all checks of the stand-in on,
//! against the f64 twin and the bits of the CPU. Each op is a process of its own, so that several run at once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use anyhow::{Context, Result, bail, ensure};

use crate::binary::{self, Finished};
use crate::workspace::root;

/// The test of an op's folder that all ops have.
const TEST: &str = "every_backend_agrees_cuda_too";

const OPS: &str = "crates/curt-kernels/src/ops";
const PTX: &str = "crates/curt-kernels/ptx";

#[derive(clap::Args)]
pub struct Options {
    /// Only these ops (default: all, and then all kernels must have run)
    #[arg(long, value_name = "OP")]
    only: Vec<String>,
    /// Ops at once (default: as many as there are cores)
    #[arg(long)]
    jobs: Option<usize>,
}

/// What the test of an op wrote down.
#[derive(Debug, Default, PartialEq)]
struct Report {
    calls: Vec<Call>,
    /// Launches by kernel.
    launches: BTreeMap<String, u64>,
}

/// One kind of call, as forward and backward are.
#[derive(Debug, PartialEq)]
struct Call {
    name: String,
    cases: u64,
    seconds: f64,
}

/// Runs the ops and prints what each did; how much it was.
///
/// # Errors
/// An op whose test failed or ran nothing, or a kernel that was never launched.
pub fn run(options: &Options) -> Result<String> {
    let known = names(&root().join(OPS), |name| Some(name.to_owned()).filter(|name| !name.contains('.')))?;
    let unknown: Vec<&String> = options.only.iter().filter(|op| !known.contains(*op)).collect();
    ensure!(unknown.is_empty(), "{unknown:?} in --only are no ops; the ops are {known:?}");
    let ops: Vec<String> = known.into_iter().filter(|op| options.only.is_empty() || options.only.contains(op)).collect();
    let program = binary::executable(&["test", "--no-run", "--package", "curt-kernels", "--lib"])?;
    let jobs = options.jobs.map_or_else(|| std::thread::available_parallelism().map_or(1, Into::into), |jobs| jobs.max(1));
    let folder = binary::fresh_folder("matrix")?;
    let reports = run_all(&ops, jobs, |op| test(&program, &folder.join(op), op));
    print!("{}", table(&reports));
    let n_ops = reports.len();
    let (passed, failed): (Vec<_>, Vec<_>) = reports.into_iter().partition(|(_, report)| report.is_ok());
    for (op, report) in &failed {
        eprintln!("{op}: {:#}", report.as_ref().expect_err("parted by that"));
    }
    let names: Vec<&str> = failed.iter().map(|(op, _)| op.as_str()).collect();
    ensure!(failed.is_empty(), "{} of {n_ops} ops failed: {}", failed.len(), names.join(", "));
    let reports: Vec<(String, Report)> = passed.into_iter().filter_map(|(op, report)| Some((op, report.ok()?))).collect();
    if options.only.is_empty() {
        check_kernels(&kernels()?, &reports)?;
    }
    Ok(summary(&reports))
}

/// The report of each op in order, `jobs` at a time.
fn run_all<T: Send>(ops: &[String], jobs: usize, test: impl Fn(&str) -> T + Sync) -> Vec<(String, T)> {
    let waiting = Mutex::new(ops.iter());
    let done = Mutex::new(Vec::new());
    let next = || waiting.lock().expect("no test panics with it").next();
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some(op) = next() {
                    let result = test(op);
                    done.lock().expect("no test panics with it").push((op.clone(), result));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("no test panics with it");
    done.sort_by(|(a, _), (b, _)| a.cmp(b));
    done
}

/// Runs an op's test at all sizes; what it wrote into `file`.
fn test(program: &Path, file: &Path, op: &str) -> Result<Report> {
    let mut command = Command::new(program);
    command.args(["--exact", &format!("ops::{op}::tests::{TEST}")]).env("CURT_TEST_MATRIX", file).env_remove("CURT_TEST_GPU");
    let Finished { code, stdout, stderr } = binary::finish(&mut command)?;
    ensure!(code == Some(0), "its test failed\n{stdout}{stderr}");
    let text = std::fs::read_to_string(file).with_context(|| format!("it has no test {TEST} that wrote a report"))?;
    parse(&text)
}

/// The lines `call NAME CASES SECONDS` and `kernel NAME LAUNCHES`, parted by tabs.
fn parse(text: &str) -> Result<Report> {
    let mut report = Report::default();
    for line in text.lines() {
        match line.split('\t').collect::<Vec<_>>()[..] {
            ["call", name, cases, seconds] => {
                report.calls.push(Call { name: name.to_lowercase(), cases: cases.parse()?, seconds: seconds.parse()? });
            }
            ["kernel", name, launches] => {
                report.launches.insert(name.to_owned(), launches.parse()?);
            }
            _ => bail!("a line of its report is {line:?}"),
        }
    }
    ensure!(!report.calls.is_empty() && report.calls.iter().all(|call| call.cases > 0), "it ran no case");
    Ok(report)
}

/// What `pick` makes of the names in a folder, sorted.
fn names(folder: &Path, pick: impl Fn(&str) -> Option<String>) -> Result<BTreeSet<String>> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect::<Result<Vec<_>>>()?;
    Ok(names.iter().filter_map(|name| pick(name)).collect())
}

/// The entry points of the committed PTX.
fn kernels() -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for file in names(&root().join(PTX), |name| name.ends_with(".ptx").then(|| name.to_owned()))? {
        found.extend(entries(&std::fs::read_to_string(root().join(PTX).join(&file)).with_context(|| file)?));
    }
    Ok(found)
}

/// The entry points of a PTX text.
fn entries(ptx: &str) -> Vec<String> {
    ptx.split(".entry ").skip(1).filter_map(|rest| Some(rest.split_once('(')?.0.trim().to_owned())).collect()
}

/// Every kernel was launched, and none is reported that is not there.
fn check_kernels(kernels: &BTreeSet<String>, reports: &[(String, Report)]) -> Result<()> {
    let launches = || reports.iter().flat_map(|(_, report)| &report.launches);
    let launched: BTreeSet<String> = launches().filter(|(_, n)| **n > 0).map(|(name, _)| name.clone()).collect();
    let never: Vec<&String> = kernels.difference(&launched).collect();
    ensure!(never.is_empty(), "kernels that no case launched: {never:?}");
    let unknown: Vec<&String> = launched.difference(kernels).collect();
    ensure!(unknown.is_empty(), "kernels that are not in {PTX}: {unknown:?}");
    Ok(())
}

/// A row per op and kind of call.
fn table(reports: &[(String, Result<Report>)]) -> String {
    let mut text = "| op | direction | cases | seconds |\n|---|---|---|---|\n".to_owned();
    for (op, report) in reports {
        match report {
            Ok(report) => {
                for Call { name, cases, seconds } in &report.calls {
                    text += &format!("| {op} | {name} | {cases} | {seconds:.1} |\n");
                }
            }
            Err(_) => text += &format!("| {op} | **failed** | | |\n"),
        }
    }
    text
}

fn summary(reports: &[(String, Report)]) -> String {
    let cases: u64 = reports.iter().flat_map(|(_, report)| &report.calls).map(|call| call.cases).sum();
    let kernels: usize = reports.iter().map(|(_, report)| report.launches.len()).sum();
    let launches: u64 = reports.iter().flat_map(|(_, report)| report.launches.values()).sum();
    format!("{} ops, {cases} cases, {kernels} kernels launched {launches} times, races 0, faults 0", reports.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(kernels: &[(&str, u64)]) -> (String, Report) {
        let calls = vec![Call { name: "forward".into(), cases: 3, seconds: 1.25 }];
        let launches = kernels.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect();
        ("op".into(), Report { calls, launches })
    }

    #[test]
    fn a_report_is_read_and_one_without_cases_refused() {
        let text = "call\tForward\t3\t1.25\nkernel\ta\t6\nkernel\tb\t2\n";
        assert_eq!(parse(text).unwrap(), report(&[("a", 6), ("b", 2)]).1);
        assert_eq!(parse("").unwrap_err().to_string(), "it ran no case");
        assert_eq!(parse("call\tForward\t0\t1.0\n").unwrap_err().to_string(), "it ran no case");
        assert_eq!(parse("call\tForward\n").unwrap_err().to_string(), r#"a line of its report is "call\tForward""#);
    }

    #[test]
    fn a_kernel_that_never_ran_is_named() {
        let kernels = entries(".visible .entry a(\n.param .u32 x) {}\n.visible .entry b() {}").into_iter().collect();
        check_kernels(&kernels, &[report(&[("a", 1)]), report(&[("b", 2)])]).unwrap();
        let error = |reports: &[(String, Report)]| check_kernels(&kernels, reports).unwrap_err().to_string();
        assert_eq!(error(&[report(&[("a", 1), ("b", 0)])]), r#"kernels that no case launched: ["b"]"#);
        assert!(error(&[report(&[("a", 1), ("b", 1), ("c", 1)])]).contains(r#"["c"]"#));
    }

    #[test]
    fn all_ops_run_and_come_back_in_order() {
        let ops: Vec<String> = ["a", "b", "c", "d", "e"].map(str::to_owned).into();
        let done = run_all(&ops, 2, |op| op.to_uppercase());
        assert_eq!(done, ops.iter().map(|op| (op.clone(), op.to_uppercase())).collect::<Vec<_>>());
    }

    #[test]
    fn the_table_shows_what_failed() {
        let reports = [("a".to_owned(), Ok(report(&[]).1)), ("b".to_owned(), Err(anyhow::anyhow!("why")))];
        assert!(table(&reports).ends_with("| a | forward | 3 | 1.2 |\n| b | **failed** | | |\n"));
        assert_eq!(summary(&[report(&[("a", 6)])]), "1 ops, 3 cases, 1 kernels launched 6 times, races 0, faults 0");
    }

    #[test]
    fn every_op_of_the_workspace_has_the_test() {
        for op in names(&root().join(OPS), |name| Some(name.to_owned()).filter(|name| !name.contains('.'))).unwrap() {
            let tests = std::fs::read_to_string(root().join(OPS).join(&op).join("tests.rs")).unwrap();
            assert!(tests.contains(&format!("fn {TEST}() {{\n    backends_agree::<Case>();")), "{op}");
        }
    }
}
