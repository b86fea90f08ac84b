//! `curt lab`: reward strategies side by side on recorded rollouts.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use curt_lab::{Lab, LabReport, StrategyReport, Verdict};

use crate::arguments::LabArguments;
use crate::exit::CommandError;
use crate::numbers::{counted, signed};
use crate::recording;
use crate::table::Table;
use crate::terminal::Terminal;
use crate::{lab_plot, whole_file};

/// Runs the command: the table goes to standard output.
pub fn run(arguments: &LabArguments, terminal: &Terminal) -> Result<ExitCode> {
    let (target_length, max_completion_length) = lengths(arguments)?;
    let mut lab = Lab::new(target_length, max_completion_length);
    match &arguments.strategies[..] {
        [] => lab.add_all(),
        names => {
            for name in names {
                lab.add_named(name, recording::parameters(&arguments.sets)?)?;
            }
        }
    }
    for source in &arguments.rollouts {
        for file in recording::files(source)? {
            lab.read(&mut recording::open(&file, arguments.groups_per_step)?)?;
        }
    }
    let report = lab.report();
    terminal.say(&lines(terminal, &report).join("\n"));
    if let Some(path) = &arguments.json {
        let text = serde_json::to_string_pretty(&report)? + "\n";
        write(terminal, path, text.as_bytes())?;
    }
    if let Some(path) = &arguments.plot {
        write(terminal, path, lab_plot::svg(&report)?.as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn write(terminal: &Terminal, path: &Path, bytes: &[u8]) -> Result<()> {
    whole_file::write(path, bytes).map_err(|source| CommandError::Output { path: path.to_owned(), source })?;
    terminal.say(&format!("  written to {}", path.display()));
    Ok(())
}

/// L_T and L_R: as typed, else those of the run whose directory was given.
fn lengths(arguments: &LabArguments) -> Result<(u32, Option<u32>)> {
    let mut of_run = None;
    for source in &arguments.rollouts {
        of_run = of_run.or(recording::lengths_of_run(source)?);
    }
    let target_length = arguments.target_length.or(of_run.map(|(target, _)| target)).ok_or(CommandError::NoTargetLength)?;
    Ok((target_length, arguments.max_completion_length.or(of_run.map(|(_, limit)| limit))))
}

const HEADS: [&str; 12] =
    ["strategy", "CS", "CL", "WS", "WL", "signal", "phantom", "flips", "push C", "push W", "rank", "trap test"];

const LEGEND: [&str; 7] = [
    "CS CL WS WL  mean reward of right and wrong, short (within L_T) and long answers; - is masked out of the loss",
    "signal       share of groups with any advantage; phantom: of the groups without a right answer",
    "flips        share of rollouts pushed the other way than plain correctness pushes them",
    "push C, W    advantage x (length - mean of the group), per rollout: below 0, right (wrong) answers get shorter",
    "rank         agreement with plain correctness inside groups, 1 = the same order",
    "trap test    among short answers, the advantage of right ones less that of wrong ones; TRAP: it is nowhere anything",
    "The statistics are those of the model that made the rollouts: they describe the first steps, not the end of training.",
];

/// The comparison as text.
fn lines(terminal: &Terminal, report: &LabReport) -> Vec<String> {
    let counts = [counted(report.rollouts, "rollout"), counted(report.groups, "group"), counted(report.steps, "step")].join(", ");
    let mut lines =
        vec![format!("  {counts}; L_T = {} tokens; advantages by {}", report.target_length, report.advantage), String::new()];
    let mut table = Table::new(&HEADS);
    for strategy in &report.strategies {
        table.row(row(strategy));
    }
    let traps = |line: &String| line.ends_with("TRAP");
    let styled = table.lines().into_iter().enumerate().map(|(place, line)| match place {
        0 => terminal.bold(&line),
        _ if traps(&line) => terminal.red(&line),
        _ => line,
    });
    lines.extend(styled);
    lines.push(String::new());
    if report.screened > 0 {
        let groups = counted(report.screened, "group");
        lines.push(format!("  not compared: {groups} that screening left, with their first rollouts alone"));
    }
    for strategy in report.strategies.iter().filter(|strategy| strategy.cut > 0) {
        let cut = counted(strategy.cut, "rollout");
        lines.push(format!("  {}: {cut} replayed as if cut at its limit, and counted as wrong", strategy.strategy));
    }
    lines.extend(report.left_out.iter().map(|(name, reason)| format!("  not compared: {name}: {reason}")));
    lines.extend(LEGEND.iter().map(|line| terminal.dim(&format!("  {line}"))));
    lines
}

fn row(strategy: &StrategyReport) -> Vec<String> {
    let optional = |value: Option<f64>, decimals: usize| value.map_or("-".to_owned(), |v| signed(v, decimals));
    let mut row = vec![strategy.strategy.clone()];
    row.extend(strategy.cells.iter().map(|cell| match cell.reward {
        Some(reward) if cell.in_loss > 0.0 => format!("{reward:.2}"),
        _ => "-".to_owned(),
    }));
    row.push(format!("{:.2}", strategy.signal));
    row.push(strategy.phantom.map_or("-".to_owned(), |share| format!("{share:.2}")));
    row.push(format!("{:.3}", strategy.sign_flips));
    row.push(signed(strategy.pressure_correct, 2));
    row.push(signed(strategy.pressure_wrong, 2));
    row.push(optional(strategy.rank_agreement, 2));
    row.push(match strategy.verdict {
        Verdict::Clear => optional(strategy.trap_mean, 2),
        Verdict::Trap => "TRAP".to_owned(),
        Verdict::Undecided => "undecided".to_owned(),
    });
    row
}
