//! Everything that there is to run on a GPU, by one command: tests, speed of ops and of models, bits, and PyTorch beside it.
//!
//! A part that fails or takes too long is written down as that, and the rest runs on. The page is written after every part.

mod page;
mod parts;
mod programs;
mod running;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::workspace::root;
use page::{Page, Report};
use parts::{Part, parts};
use programs::Programs;
use running::Outcome;

/// What is run, and from where.
#[derive(clap::Args)]
pub struct Options {
    /// Run nothing: build the programs and lay them, with this one, into DIR, for a machine without Rust
    #[arg(long, value_name = "DIR", conflicts_with_all = ["from", "out", "tiny"])]
    pack: Option<PathBuf>,
    /// Run the programs that `--pack` laid into DIR
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// Write the page, gpu.md, into this folder instead of docs
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Start no part later than this many seconds, and stop the one that runs then
    #[arg(long, value_name = "SECONDS", default_value_t = 450)]
    seconds: u64,
    /// Try the parts without a GPU: tiny sizes on the stand-in driver of the tests, the page in target
    #[arg(long)]
    tiny: bool,
}

/// Packs, or runs all parts; how many of them passed.
///
/// # Errors
/// A part did not pass, once all have run and the page is written.
pub fn run(options: &Options) -> Result<String> {
    if let Some(folder) = &options.pack {
        let bytes = programs::pack(folder)?;
        return Ok(format!("packed: {:.1} MiB", bytes as f64 / (1 << 20) as f64));
    }
    let programs = match &options.from {
        Some(folder) => Programs::packed(folder)?,
        None => Programs::build()?,
    };
    let out = match (&options.out, options.tiny) {
        (Some(folder), _) => folder.clone(),
        (None, true) => root().join("target"),
        (None, false) => root().join("docs"),
    };
    std::fs::create_dir_all(&out).with_context(|| out.display().to_string())?;
    let mut page = Page { head: head(options, &programs)?, reports: Vec::new() };
    let end = Instant::now() + Duration::from_secs(options.seconds);
    for part in parts() {
        eprintln!("{}", part.title);
        let report = report(&part, &programs, options.tiny, end);
        eprintln!("  {} in {:.1} s", report.outcome.text(), report.seconds);
        page.reports.push(report);
        write(&out.join("gpu.md"), &page)?;
    }
    let count = |wanted: fn(&Outcome) -> bool| page.reports.iter().filter(|r| wanted(&r.outcome)).count();
    let failed = count(|o| matches!(o, Outcome::Failed(_)));
    let text = format!("{} parts passed, {failed} failed", count(|o| matches!(o, Outcome::Passed)));
    if failed > 0 {
        bail!("{text}");
    }
    Ok(text)
}

/// Runs a part within its own limit and what is left of the whole.
fn report(part: &Part, programs: &Programs, tiny: bool, end: Instant) -> Report {
    let started = Instant::now();
    let left = end.saturating_duration_since(started);
    let limit = left.min(Duration::from_secs(part.limit));
    let run = match part.command(programs, tiny) {
        Err(reason) => running::Run::not_done(reason),
        Ok(_) if limit.is_zero() => running::Run::not_done("no time was left".to_owned()),
        Ok(mut command) => running::within(&mut command, limit),
    };
    let seconds = started.elapsed().as_secs_f64();
    Report { title: part.title, about: part.about, body: part.body(&run), outcome: run.outcome, seconds }
}

/// The lines that say what was run where.
fn head(options: &Options, programs: &Programs) -> Result<Vec<(&'static str, String)>> {
    let device = said(&["nvidia-smi", "--query-gpu=name,memory.total,driver_version,clocks.max.sm", "--format=csv,noheader"]);
    let device = match options.tiny {
        true => "none: the stand-in driver of the tests, tiny sizes; the numbers say nothing".to_owned(),
        false => device.map_or_else(|_| "nvidia-smi says nothing".to_owned(), described),
    };
    let tiny = if options.tiny { " --tiny" } else { "" };
    let command = match options.from {
        Some(_) => format!("`cargo xtask gpu --pack DIR`, then, on the device's machine, `DIR/xtask gpu --from DIR{tiny}`"),
        None => format!("`cargo xtask gpu{tiny}`"),
    };
    let cores = std::thread::available_parallelism()?.get();
    Ok(vec![
        ("device", device),
        ("CPU cores", cores.to_string()),
        ("commit", programs.commit.clone()),
        ("date", said(&["date", "-u", "+%F"])?),
        ("command", command),
        ("built by", "the dev profile, in which the crates that compute are optimized".to_owned()),
    ])
}

/// The first device of nvidia-smi's answer.
fn described(answer: String) -> String {
    let line = answer.lines().next().unwrap_or_default();
    match line.split(", ").collect::<Vec<_>>()[..] {
        [name, memory, driver, clock] => format!("{name}, {memory}, driver {driver}, at most {clock}"),
        _ => line.to_owned(),
    }
}

/// What a command prints; this workspace's root need not exist where it runs.
fn said(words: &[&str]) -> Result<String> {
    let output = Command::new(words[0]).args(&words[1..]).output().with_context(|| format!("cannot start {}", words[0]))?;
    anyhow::ensure!(output.status.success(), "{}: {}", words[0], output.status);
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn write(path: &Path, page: &Page) -> Result<()> {
    std::fs::write(path, page.text()).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_device_is_described() {
        let answer = "NVIDIA H200, 143771 MiB, 580.1, 1980 MHz\nNVIDIA H200, 1 MiB, 580.1, 1980 MHz".to_owned();
        assert_eq!(described(answer), "NVIDIA H200, 143771 MiB, driver 580.1, at most 1980 MHz");
        assert_eq!(described("odd".to_owned()), "odd");
    }
}
