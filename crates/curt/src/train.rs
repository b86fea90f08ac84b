//! `curt train`: a run, or the rest of one.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use curt_eval::Action;
use curt_trainer::checkpoint::ResumeFrom;
use curt_trainer::config::Config;
use curt_trainer::doctor::tiny_step;
use curt_trainer::run_file::RunFile;
use curt_trainer::{Outcome, RunReport, Trainer};

use crate::arguments::TrainArguments;
use crate::interrupt::{self, Interrupt};
use crate::numbers::{share, tokens};
use crate::plot::{self, Series};
use crate::progress::Progress;
use crate::report_live::LiveReport;
use crate::terminal::Terminal;
use crate::{closing, doctor, doctor_page, exit, header, next_commands, wiring};

/// The file of a run directory that has the run's configuration.
const RUN_FILE: &str = "run.toml";

/// Runs the command.
pub fn run(arguments: &TrainArguments, terminal: &Terminal, interrupt: &Interrupt) -> Result<ExitCode> {
    let resume: Option<ResumeFrom> = arguments.resume.as_ref().map(|word| word.parse()).transpose()?;
    let (config, is_chosen) = config(arguments, resume.as_ref())?;
    let (mut trainer, facts, model) = wiring::trainer(config)?;
    if arguments.dry_run {
        if !is_chosen {
            let free = curt_trainer::numbered(&trainer.config.output_dir).find(|directory| !directory.exists());
            trainer.config.output_dir = free.unwrap_or_default();
        }
        terminal.say(&(header::training(terminal, &trainer, &facts).join("\n") + "\n"));
        return dry_run(arguments, trainer, terminal, interrupt);
    }
    if interrupt.came() {
        // nothing was written yet
        return Ok(ExitCode::from(interrupt::EXIT_CODE));
    }
    if !is_chosen {
        // the embedded run can be tried again and again, and several times at once
        trainer.config.output_dir = curt_trainer::claim(&trainer.config.output_dir)?;
    }
    terminal.say(&(header::training(terminal, &trainer, &facts).join("\n") + "\n"));
    let config = trainer.config.clone();
    let mut progress = Progress::new(terminal, interrupt, config.train.steps, LiveReport::new(&config.output_dir));
    let report = curt_trainer::train(trainer, resume.as_ref(), &mut progress);
    let page = progress.finish().finish(terminal);
    let report = report?;
    // checkpoints copied the tokenizer's files from it
    drop(model);
    close(terminal, &config, &report, page.as_deref());
    let whole = report.after.is_some() || !config.eval.enabled;
    Ok(match report.outcome {
        Outcome::Finished if whole => ExitCode::SUCCESS,
        Outcome::Alarmed { .. } => ExitCode::from(exit::ALARM),
        Outcome::Finished | Outcome::Interrupted { .. } => ExitCode::from(interrupt::EXIT_CODE),
    })
}

/// What `curt doctor` says, and one tiny step; nothing is written.
fn dry_run(arguments: &TrainArguments, mut trainer: Trainer, terminal: &Terminal, interrupt: &Interrupt) -> Result<ExitCode> {
    let name = arguments.run_file.as_ref().map_or("the embedded run file".into(), |file| file.display().to_string());
    let (checkup, refusal) = doctor::check(&trainer.config, &name, &|_| false, interrupt);
    terminal.say(&doctor_page::lines(terminal, &trainer.config, &checkup).join("\n"));
    if let Some(error) = refusal {
        return Err(error);
    }
    let step = tiny_step(&mut trainer, &mut |_| !interrupt.came())?;
    terminal.say(&doctor_page::tiny_step(&step));
    Ok(ExitCode::SUCCESS)
}

/// The configuration of the run: of the run file, else on a resume of the run directory itself, else the embedded one; and whether
/// its directory was chosen.
fn config(arguments: &TrainArguments, resume: Option<&ResumeFrom>) -> Result<(Config, bool)> {
    let mut run_file = arguments.run_file.clone();
    let mut output_dir = arguments.output_dir.clone();
    if let (Some(resume), None) = (resume, &run_file) {
        let directory = resumed_directory(arguments, resume)?;
        let own = directory.join(RUN_FILE);
        run_file = own.is_file().then_some(own);
        output_dir = Some(directory);
    }
    let mut config = RunFile::load(run_file.as_deref(), &arguments.sets)?;
    let is_chosen = output_dir.is_some() || run_file.is_some() || sets_output_dir(arguments) || resume.is_some();
    if let Some(directory) = output_dir {
        config.output_dir = directory;
    }
    if let Some(device) = &arguments.device.device {
        config.model.device = device.clone();
    }
    config.model.threads = arguments.device.threads.unwrap_or(config.model.threads);
    Ok((config, is_chosen))
}

/// The run directory that a resume without a run file means.
fn resumed_directory(arguments: &TrainArguments, resume: &ResumeFrom) -> Result<PathBuf> {
    if let Some(directory) = &arguments.output_dir {
        return Ok(directory.clone());
    }
    if let ResumeFrom::Directory(checkpoint) = resume {
        // `checkpoint-50` alone lies in the working directory
        let parent = checkpoint.parent().filter(|parent| !parent.as_os_str().is_empty());
        return Ok(parent.unwrap_or(Path::new(".")).to_owned());
    }
    let config = RunFile::load(None, &arguments.sets)?;
    if sets_output_dir(arguments) {
        return Ok(config.output_dir);
    }
    let made = curt_trainer::numbered(&config.output_dir).take_while(|directory| directory.exists());
    let runs = made.filter(|directory| directory.join(RUN_FILE).exists());
    Ok(runs.last().unwrap_or(config.output_dir))
}

fn sets_output_dir(arguments: &TrainArguments) -> bool {
    arguments.sets.iter().any(|set| set.split('=').next().is_some_and(|key| key.trim() == "output_dir"))
}

/// Says what the run found, where it lies, and what can be done with it.
fn close(terminal: &Terminal, config: &Config, report: &RunReport, page: Option<&Path>) {
    let mut lines = vec![String::new()];
    lines.extend(stopped(terminal, report));
    match (&report.before, &report.after) {
        (Some(before), Some(after)) => lines.extend(closing::comparison(terminal, before, after)),
        (None, Some(after)) => lines.extend(closing::evaluation(terminal, &after.summary)),
        _ => {}
    }
    if let Some(stages) = &report.stages {
        lines.push(String::new());
        lines.extend(closing::stages(terminal, stages, config.reward.target_length));
    }
    let (lengths, accuracies): (Vec<f64>, Vec<f64>) = report.curve.iter().copied().unzip();
    let within = format!("right within {} tokens", config.reward.target_length);
    let series = [
        Series { title: "mean length of rollouts", values: lengths, label: tokens },
        Series { title: &within, values: accuracies, label: share },
    ];
    let plot = plot::lines(terminal, &series);
    if !plot.is_empty() {
        lines.push(String::new());
        lines.extend(plot);
    }
    lines.push(String::new());
    lines.extend(next_commands::lines(terminal, config, report, page));
    terminal.say(&lines.join("\n"));
}

/// What an alarm did to the run.
fn stopped(terminal: &Terminal, report: &RunReport) -> Option<String> {
    let Outcome::Alarmed { step, alarm, action, saved } = report.outcome else { return None };
    let done = match action {
        Action::Rollback => format!("the run has gone back to checkpoint-{saved}, from before it"),
        Action::Stop => format!("the run is saved as checkpoint-{saved} and over"),
        Action::Warn | Action::Pause => format!("the run is saved as checkpoint-{saved} and pauses"),
    };
    Some(terminal.red(&format!("  stopped after step {step} by the alarm {}: {done}", alarm.word())))
}
