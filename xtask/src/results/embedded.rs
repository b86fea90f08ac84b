//! `cargo xtask results embedded`: what the embedded run changed, one row per run.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use curt_eval::{Stages, Summary};

use super::machine::Machine;
use super::page::table;
use super::plot::{self, Line};
use super::run_directory::Run;
use super::speed_row::NOT_MEASURED;
use super::{PAGE, Part};
use crate::binary;

/// The plot, beside the page.
const PLOT: &str = "embedded.svg";

#[derive(clap::Args)]
pub struct Options {
    /// Run directories, one per seed; how long the whole command took is not in them
    #[arg(required_unless_present = "run", value_name = "RUN_DIR")]
    runs: Vec<PathBuf>,
    /// Run the built program for the seeds 0, 1 and 2, each timed from its start to its end, in target/embedded
    #[arg(long, conflicts_with = "runs")]
    run: bool,
    /// The program, instead of building it
    #[arg(long, requires = "run")]
    binary: Option<PathBuf>,
    /// Write the tables into docs/results.md, the plot beside it, and what a run prints into README.md, instead of printing them
    #[arg(long)]
    write: bool,
}

/// The command of a seed, as the page shows it; `--output-dir` is left out.
const COMMAND: &str = "cargo run --release -- train --set seed=SEED";

/// The page that shows what the first run prints.
const README: &str = "README.md";

/// The whole command must not take longer.
const MAX_SECONDS: f64 = 45.0;

/// Makes the runs if asked to, and prints or writes the tables.
pub fn run(options: &Options) -> Result<()> {
    let machine = Machine::here()?;
    let (runs, printed) = if options.run {
        // it is started from another folder
        let given = options.binary.as_deref().map(|path| path.canonicalize().with_context(|| path.display().to_string()));
        let binary = given.unwrap_or_else(binary::build)?;
        let folder = binary::fresh_folder("embedded")?;
        let made = (0..3).map(|seed| make(&binary, &folder, seed)).collect::<Result<Vec<_>>>()?;
        let printed = made[0].1.clone();
        (made.into_iter().map(|(timed, _)| timed).collect(), Some(printed))
    } else {
        let read = |path: &PathBuf| Ok(Timed { run: Run::read(path)?, seconds: None });
        (options.runs.iter().map(read).collect::<Result<Vec<Timed>>>()?, None)
    };
    let content = content(&machine, &runs)?;
    let attachment = Some((PLOT, picture(&runs)));
    Part { page: PAGE, name: "embedded", content, attachment }.publish(options.write)?;
    let Some(printed) = printed else { return Ok(()) };
    let command = format!("`{}`.", COMMAND.replace("SEED", "0"));
    let content = format!("{} {}\n\n```text\n{}\n```", machine.line(), command, closing_table(&printed)?);
    Part { page: README, name: "embedded", content, attachment: None }.publish(options.write)
}

/// A run, and how long its whole command took where that was measured.
struct Timed {
    run: Run,
    seconds: Option<f64>,
}

/// One run by the built program, and what it printed.
fn make(binary: &Path, folder: &Path, seed: u32) -> Result<(Timed, String)> {
    let name = format!("seed-{seed}");
    let words = ["train", "--set", &format!("seed={seed}"), "--output-dir", &name];
    let watched = binary::watch(&mut binary::command(binary, folder, &words))?;
    ensure!(watched.code == Some(0), "exit code {:?} of seed {seed}\n{}", watched.code, watched.stdout);
    println!("seed {seed}: {:.1} s", watched.seconds);
    Ok((Timed { run: Run::read(&folder.join(name))?, seconds: Some(watched.seconds) }, watched.stdout))
}

/// From the heads of the table of before and after to the last line about stages.
fn closing_table(printed: &str) -> Result<String> {
    let lines: Vec<&str> = printed.lines().map(str::trim_end).collect();
    let heads = |line: &&str| ["before", "after", "change"].iter().all(|word| line.contains(word));
    let first = lines.iter().position(heads).context("the program printed no table of before and after")?;
    let last = lines.iter().rposition(|line| line.contains("stage")).filter(|last| *last >= first);
    let last = last.context("the program printed nothing about stages")?;
    Ok(lines[first..=last].join("\n"))
}

fn content(machine: &Machine, timed: &[Timed]) -> Result<String> {
    let (mut outcomes, mut stages) = (Vec::new(), Vec::new());
    let first = timed.first().context("no run")?.run.before()?;
    for Timed { run, seconds } in timed {
        let (before, after) = (run.before()?, run.after()?);
        ensure!(
            before.samples_per_problem == first.samples_per_problem,
            "{}: another number of samples per problem than the first run",
            run.path.display()
        );
        outcomes.push(outcome(run, *seconds, &before, &after));
        stages.push(stage_cells(run, run.stages().ok()));
    }
    let k = first.samples_per_problem;
    let (mean_at_k, pass_at_k) = (format!("Mean@{k}"), format!("Pass@{k}"));
    let whole = format!("whole command (≤ {MAX_SECONDS} s)");
    let heads =
        ["seed", "steps", &whole, "its steps", "mean length", "change", &mean_at_k, "difference [95 % interval]", &pass_at_k];
    let stage_heads = [
        "seed",
        "share of the fall in length in the first third (≥ 80 %)",
        "change of length after it (< 15 %)",
        "rise of in-budget accuracy after it (≥ 0.08)",
        "both stages seen",
    ];
    let picture = format!("![Mean length and in-budget accuracy of the rollouts of each step]({PLOT})");
    let above = format!("{} `{COMMAND}`.", machine.line());
    Ok([above, table(&heads, &outcomes), table(&stage_heads, &stages), picture].join("\n\n"))
}

/// Before and after of one run; a run directory has the time of its steps, not that of evaluations and saving.
fn outcome(run: &Run, whole: Option<f64>, before: &Summary, after: &Summary) -> Vec<String> {
    let seconds: f64 = run.series("time/step_time").iter().sum();
    let difference = run
        .accuracy_change()
        .map_or(NOT_MEASURED.to_owned(), |change| format!("{:+.3} [{:+.3}, {:+.3}]", change.mean, change.low, change.high));
    let pass = |summary: &Summary| summary.pass_at.last().map_or(NOT_MEASURED.to_owned(), |pass| format!("{:.3}", pass.value));
    vec![
        seed(run),
        run.steps.len().to_string(),
        whole.map_or(NOT_MEASURED.to_owned(), |seconds| {
            format!("{seconds:.1} s{}", if seconds > MAX_SECONDS { " **missed**" } else { "" })
        }),
        if seconds > 0.0 { format!("{seconds:.0} s") } else { NOT_MEASURED.to_owned() },
        format!("{:.1} → {:.1}", before.length.mean, after.length.mean),
        format!("{:+.0} %", 100.0 * (after.length.mean / before.length.mean - 1.0)),
        format!("{:.3} → {:.3}", before.mean_at_k, after.mean_at_k),
        difference,
        format!("{} → {}", pass(before), pass(after)),
    ]
}

fn stage_cells(run: &Run, stages: Option<Stages>) -> Vec<String> {
    let Some(stages) = stages else {
        return [vec![seed(run)], vec![NOT_MEASURED.to_owned(); 4]].concat();
    };
    vec![
        seed(run),
        stages.share_of_fall.map_or("no fall".to_owned(), |share| format!("{:.0} %", 100.0 * share)),
        format!("{:+.1} %", 100.0 * stages.length_change),
        format!("{:+.3}", stages.accuracy_rise),
        if stages.both_seen() { "yes" } else { "**no**" }.to_owned(),
    ]
}

fn seed(run: &Run) -> String {
    run.setting("seed").map_or(NOT_MEASURED.to_owned(), |seed| seed.to_string())
}

fn picture(timed: &[Timed]) -> String {
    let runs: Vec<&Run> = timed.iter().map(|timed| &timed.run).collect();
    let lines = |values: fn(&Run) -> Vec<f64>| {
        runs.iter().map(|&run| Line { label: format!("seed {}", seed(run)), values: values(run) }).collect::<Vec<_>>()
    };
    let budget = runs[0].setting("reward.target_length").unwrap_or(0);
    let accuracy = format!("right within {budget} tokens");
    let boundary = runs[0].stages().ok().map(|stages| stages.boundary);
    plot::svg(
        &[("mean length of rollouts, tokens", lines(|run| run.curve().0)), (&accuracy, lines(|run| run.curve().1))],
        boundary,
    )
}

#[cfg(test)]
mod tests {
    use super::super::run_directory::tests::sample_run;
    use super::*;

    fn machine() -> Machine {
        Machine { cpu: "A".into(), kind: "avx2".into(), cores: 2, commit: "abc1234".into(), rustc: "rustc 1.90.0".into() }
    }

    #[test]
    fn a_run_is_a_row_in_both_tables() {
        let folder = tempfile::tempdir().unwrap();
        let timed = |(seed, seconds)| Timed { run: Run::read(&sample_run(folder.path(), seed)).unwrap(), seconds };
        let runs = [(1, Some(20.04)), (2, Some(45.1)), (3, None)].map(timed);
        let text = content(&machine(), &runs).unwrap();
        let expected = [
            "| seed | steps | whole command (≤ 45 s) | its steps |",
            "| 2 | 30 | 45.1 s **missed** | 15 s |",
            "| 3 | 30 | not measured | 15 s |",
            "| 1 | 30 | 20.0 s | 15 s | 48.5 → 17.5 | -64 % | 0.500 → 1.000 | +0.500 [+0.500, +0.500] | 1.000 → 1.000 |",
            "| 2 | 100 % | +0.0 % | +0.180 | yes |",
            "CPU: A (avx2). Cores: 2. Commit: abc1234. Compiler: rustc 1.90.0. `cargo run --release -- train --set seed=SEED`.",
            "(embedded.svg)",
        ];
        for line in expected {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn the_picture_is_the_same_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let runs = [Timed { run: Run::read(&sample_run(folder.path(), 1)).unwrap(), seconds: None }];
        assert_eq!(picture(&runs), picture(&runs));
        assert!(picture(&runs).contains("right within 48 tokens"));
    }
    #[test]
    fn the_closing_table_is_cut_out() {
        let printed =
            "step 1\n   before  after  change  \n  Mean@8  1  2\n\n  stage 1, x\n  both stages are seen\n\nwritten to runs/x\n";
        let expected = "   before  after  change\n  Mean@8  1  2\n\n  stage 1, x\n  both stages are seen";
        assert_eq!(closing_table(printed).unwrap(), expected);
        assert!(closing_table("step 1\n").is_err());
    }
}
