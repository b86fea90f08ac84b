//! `curt doctor`: what is known of a run before it starts.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Error, Result};
use curt_runtime::ModelConfig;
use curt_trainer::config::Config;
use curt_trainer::doctor::{
    About, Arithmetic, Examination, Finding, MemoryEstimate, ProbeFacts, TokensPerSequence, combinations, examine, memory, probe,
};
use curt_trainer::run_file::RunFile;
use serde::Serialize;

use crate::doctor_arguments::DoctorArguments;
use crate::interrupt::Interrupt;
use crate::terminal::Terminal;
use crate::wiring::{self, ModelFolder};
use crate::{doctor_page, exit};

/// Up to so many weights a probe takes a second and is made unasked.
const SMALL: usize = 5_000_000;

/// Everything that is known.
#[derive(Debug, Serialize)]
pub struct Checkup {
    /// The run file.
    pub run_file: String,
    pub arithmetic: Arithmetic,
    /// Weights of the model; the rest is missing where something before it was refused.
    pub parameters: Option<usize>,
    /// With every sequence at its limits.
    pub memory_at_most: Option<MemoryEstimate>,
    /// With the lengths that the probe found.
    pub memory_as_probed: Option<MemoryEstimate>,
    /// Memory of this machine, where it computes and says so.
    pub machine_memory: Option<usize>,
    pub examination: Option<Examination>,
    pub probe: Option<ProbeFacts>,
    pub findings: Vec<Finding>,
    /// What training would refuse.
    pub refused: Option<String>,
}

/// Runs the command: the page, or JSON, goes to standard output; the exit code is that of the gravest finding.
pub fn run(arguments: &DoctorArguments, terminal: &Terminal, interrupt: &Interrupt) -> Result<ExitCode> {
    let mut config = RunFile::load(arguments.run_file.as_deref(), &arguments.sets)?;
    if let Some(device) = &arguments.device.device {
        config.model.device = device.clone();
    }
    config.model.threads = arguments.device.threads.unwrap_or(config.model.threads);
    let name = arguments.run_file.clone().unwrap_or_else(|| PathBuf::from("the embedded run file"));
    let wanted = |parameters| !arguments.no_probe && (arguments.probe || parameters <= SMALL);
    let (checkup, refusal) = check(&config, &name.display().to_string(), &wanted, interrupt);
    let text = match arguments.json {
        true => serde_json::to_string_pretty(&checkup)?,
        false => doctor_page::lines(terminal, &config, &checkup).join("\n"),
    };
    terminal.say(&text);
    match refusal {
        Some(error) => Err(error),
        None => Ok(code(&checkup.findings)),
    }
}

/// Everything that can be said of `config`, and the first thing that training would refuse. `wants_probe` is asked with the
/// number of weights.
pub fn check(
    config: &Config,
    run_file: &str,
    wants_probe: &dyn Fn(usize) -> bool,
    interrupt: &Interrupt,
) -> (Checkup, Option<Error>) {
    let mut checkup = Checkup {
        run_file: run_file.to_owned(),
        arithmetic: Arithmetic::new(config),
        parameters: None,
        memory_at_most: None,
        memory_as_probed: None,
        machine_memory: if config.model.device == "cpu" { machine_memory() } else { None },
        examination: None,
        probe: None,
        findings: combinations(config, None),
        refused: None,
    };
    let refusal = fill(&mut checkup, config, wants_probe, interrupt).err();
    checkup.refused = refusal.as_ref().map(exit::one_line);
    (checkup, refusal)
}

/// One thing after the other, as far as it goes.
fn fill(checkup: &mut Checkup, config: &Config, wants_probe: &dyn Fn(usize) -> bool, interrupt: &Interrupt) -> Result<()> {
    let folder = ModelFolder::find(&config.model.path)?;
    let model = ModelConfig::load(folder.path())?;
    let parameters = model.parameters();
    checkup.parameters = Some(parameters);
    checkup.findings = combinations(config, Some(parameters));
    let estimate = |tokens| memory(config, &model, tokens);
    checkup.memory_at_most = Some(estimate(TokensPerSequence::at_most(config)));
    let examination = examine(config, folder.path())?;
    // of a model or data that are broken a probe says nothing new
    let sound = examination.findings.is_empty();
    checkup.findings.extend(examination.findings.iter().cloned());
    checkup.examination = Some(examination);
    if sound && wants_probe(parameters) {
        let (mut trainer, _, _folder) = wiring::trainer(config.clone())?;
        let facts = probe(&mut trainer, &mut |_| !interrupt.came())?;
        let tokens = TokensPerSequence { prompt: facts.mean_prompt, completion: facts.mean_length };
        checkup.memory_as_probed = Some(estimate(tokens));
        checkup.findings.extend(facts.findings.iter().cloned());
        checkup.probe = Some(facts);
    }
    let needed = checkup.memory_as_probed.as_ref().or(checkup.memory_at_most.as_ref()).map(|estimate| estimate.total);
    if let (Some(needed), Some(there)) = (needed, checkup.machine_memory)
        && needed > there
    {
        checkup.findings.push(doctor_page::too_little_memory(needed, there));
    }
    Ok(())
}

/// The exit code of these findings: 0 for none, 2 where a setting is to change, 3 where it is the data alone.
fn code(findings: &[Finding]) -> ExitCode {
    match findings.iter().map(|finding| finding.about).collect::<Vec<_>>()[..] {
        [] => ExitCode::SUCCESS,
        ref about if about.contains(&About::Settings) => ExitCode::from(exit::CONFIG),
        _ => ExitCode::from(exit::DATA),
    }
}

/// The machine's memory in bytes, where Linux says it.
fn machine_memory() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<usize>().ok()? << 10)
}
