//! `cargo xtask results embedded`: what the embedded run changed, one row per run directory.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use curt_eval::{Stages, Summary};

use super::Part;
use super::machine::Machine;
use super::page::table;
use super::plot::{self, Line};
use super::run_directory::Run;
use super::speed_row::NOT_MEASURED;

/// The plot, beside the page.
const PLOT: &str = "embedded.svg";

#[derive(clap::Args)]
pub struct Options {
    /// Run directories, one per seed
    #[arg(required = true, value_name = "RUN_DIR")]
    runs: Vec<PathBuf>,
    /// Write the tables into docs/results.md, and the plot beside it, instead of printing the tables
    #[arg(long)]
    write: bool,
}

/// Prints or writes the tables.
pub fn run(options: &Options) -> Result<()> {
    let runs = options.runs.iter().map(|path| Run::read(path)).collect::<Result<Vec<Run>>>()?;
    let content = content(&Machine::here()?, &runs)?;
    Part { name: "embedded", content, attachment: Some((PLOT, picture(&runs))) }.publish(options.write)
}

fn content(machine: &Machine, runs: &[Run]) -> Result<String> {
    let (mut outcomes, mut stages) = (Vec::new(), Vec::new());
    for run in runs {
        let (before, after) = (run.before()?, run.after()?);
        ensure!(
            before.samples_per_problem == runs[0].before()?.samples_per_problem,
            "{}: another number of samples per problem than the first run",
            run.path.display()
        );
        outcomes.push(outcome(run, &before, &after));
        stages.push(stage_cells(run, run.stages().ok()));
    }
    let k = runs[0].before()?.samples_per_problem;
    let (mean_at_k, pass_at_k) = (format!("Mean@{k}"), format!("Pass@{k}"));
    let heads = ["seed", "steps", "steps took", "mean length", "change", &mean_at_k, "difference [95 % interval]", &pass_at_k];
    let stage_heads = [
        "seed",
        "share of the fall in length in the first third (≥ 80 %)",
        "change of length after it (< 15 %)",
        "rise of in-budget accuracy after it (≥ 0.08)",
        "both stages seen",
    ];
    let picture = format!("![Mean length and in-budget accuracy of the rollouts of each step]({PLOT})");
    Ok([machine.line(), table(&heads, &outcomes), table(&stage_heads, &stages), picture].join("\n\n"))
}

/// Before and after of one run. The clock is that of the steps; a run directory records none of evaluations.
fn outcome(run: &Run, before: &Summary, after: &Summary) -> Vec<String> {
    let seconds: f64 = run.series("time/step_time").iter().sum();
    let difference = run
        .accuracy_change()
        .map_or(NOT_MEASURED.to_owned(), |change| format!("{:+.3} [{:+.3}, {:+.3}]", change.mean, change.low, change.high));
    let pass = |summary: &Summary| summary.pass_at.last().map_or(NOT_MEASURED.to_owned(), |pass| format!("{:.3}", pass.value));
    vec![
        seed(run),
        run.steps.len().to_string(),
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

fn picture(runs: &[Run]) -> String {
    let lines = |values: fn(&Run) -> Vec<f64>| {
        runs.iter().map(|run| Line { label: format!("seed {}", seed(run)), values: values(run) }).collect::<Vec<_>>()
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
        Machine { cpu: "A".into(), cores: 2, commit: "abc1234".into(), rustc: "rustc 1.90.0".into() }
    }

    #[test]
    fn a_run_is_a_row_in_both_tables() {
        let folder = tempfile::tempdir().unwrap();
        let runs = [1, 2].map(|seed| Run::read(&sample_run(folder.path(), seed)).unwrap());
        let text = content(&machine(), &runs).unwrap();
        let expected = [
            "| 1 | 30 | 15 s | 48.5 → 17.5 | -64 % | 0.500 → 1.000 | +0.500 [+0.500, +0.500] | 1.000 → 1.000 |",
            "| 2 | 100 % | +0.0 % | +0.180 | yes |",
            "CPU: A. Cores: 2. Commit: abc1234. Compiler: rustc 1.90.0.",
            "(embedded.svg)",
        ];
        for line in expected {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn the_picture_is_the_same_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let runs = [Run::read(&sample_run(folder.path(), 1)).unwrap()];
        assert_eq!(picture(&runs), picture(&runs));
        assert!(picture(&runs).contains("right within 48 tokens"));
    }
}
