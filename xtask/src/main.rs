//! Automation of the workspace, one sub-command per file: `cargo xtask --help`.

mod binary;
mod ci;
mod clone_test;
mod conformance;
mod crash;
mod fixtures;
mod fuzz;
mod gpu;
mod kernels;
mod laws;
mod matrix;
mod mutants;
mod mutate_kernels;
mod mutate_rewards;
mod package;
mod record;
mod report_page;
mod results;
mod shell;
mod smoke;
mod tidy;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// What is done to this workspace besides building it.
///
/// A sub-command prints what it did and exits with 0 only if all of it held.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 110)]
struct Arguments {
    /// Append a line about this check to FILE, for `cargo xtask results checks`
    #[arg(long, global = true, value_name = "FILE")]
    record: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check the house rules: code map, arrows between crates, unsafe, file sizes, names, links
    Tidy,
    /// Run what CI runs on the sources: fmt, clippy, doc, tidy, the tests; each step named and timed
    Ci(ci::Options),
    /// Compare with other software's numbers, kept in a folder outside the repository
    Conformance(conformance::Options),
    /// Train the tiny models of the embedded run from scratch, or check that they still come out the same
    Fixtures(fixtures::Options),
    /// Break the invariants one by one in a copy of the sources; each time a test must fail
    Mutants(mutants::Options),
    /// Run the laws of rewards, estimators and objectives over our own, with many cases each
    Laws(laws::Options),
    /// Package the leaf crates, build each alone, and test a reward outside the workspace by the published laws
    Package,
    /// Take each barrier and each wait out of each CUDA kernel in turn; each time a test must fail
    MutateKernels(mutate_kernels::Options),
    /// Give random input to what reads text from a model; nothing may panic or take long
    Fuzz(fuzz::Options),
    /// Change each number and each comparison of each reward in turn; each time a test must fail
    MutateRewards(mutate_rewards::Options),
    /// Run the built program as a user would, with right input and wrong
    Smoke(smoke::Options),
    /// Clone the committed sources, build them anew and run the README's test command there
    CloneTest,
    /// Open the page of a run in headless Chromium: no message, no request, the numbers of metrics.jsonl; takes screenshots
    ReportPage(report_page::Options),
    /// Kill runs at random moments; each, resumed, must end as if nothing had happened
    Crash(crash::Options),
    /// Compile the CUDA kernels with a pinned compiler, which it installs: PTX to commit, and what each kernel takes
    Kernels(kernels::Options),
    /// Run every kernel at all its sizes, both ways, on the stand-in driver, and compare with the CPU and with f64
    Matrix(matrix::Options),
    /// Run on a GPU all that can be: tests, speed and bits, PyTorch beside it; writes docs/gpu.md
    Gpu(gpu::Options),
    /// Write the tables of docs/results.md from what benches, other software and runs left
    Results(results::Options),
}

fn main() -> ExitCode {
    let Arguments { record, command } = Arguments::parse();
    let started = Instant::now();
    let result = run(&command);
    let (passed, outcome) = match &result {
        Ok(outcome) => (true, outcome.clone()),
        Err(error) => (false, format!("{error:#}").lines().next().unwrap_or_default().to_owned()),
    };
    let entry = |seconds| record::Entry::now(passed, outcome, seconds);
    let recorded = record.map_or(Ok(()), |file| entry(started.elapsed().as_secs_f64())?.append(&file));
    match result.and_then(|outcome| recorded.map(|()| outcome)) {
        Ok(outcome) => {
            if !outcome.is_empty() {
                println!("{outcome}");
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a sub-command; in a few words what it found, where there is more to say than that it held.
fn run(command: &Command) -> Result<String> {
    let silent = |()| String::new();
    match command {
        Command::Tidy => tidy::run().map(silent),
        Command::Ci(options) => ci::run(options).map(silent),
        Command::Conformance(options) => conformance::run(options),
        Command::Fixtures(options) => fixtures::run(options),
        Command::Laws(options) => laws::run(options),
        Command::Package => package::run(),
        Command::Mutants(options) => mutants::run(options),
        Command::MutateKernels(options) => mutate_kernels::run(options),
        Command::Fuzz(options) => fuzz::run(options),
        Command::MutateRewards(options) => mutate_rewards::run(options),
        Command::Smoke(options) => smoke::run(options),
        Command::CloneTest => clone_test::run(),
        Command::Crash(options) => crash::run(options),
        Command::ReportPage(options) => report_page::run(options),
        Command::Gpu(options) => gpu::run(options),
        Command::Kernels(options) => kernels::run(options).map(silent),
        Command::Matrix(options) => matrix::run(options),
        Command::Results(options) => results::run(options).map(silent),
    }
}
