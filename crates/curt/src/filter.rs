//! `curt filter`: which problems of a data set are worth training on.

use std::process::ExitCode;

use anyhow::Result;
use curt_runtime::{ChatTemplate, PolicyError};
use curt_task::{Place, Problem, STEP_BY_STEP_SUFFIX, Source, read_sources};
use curt_trainer::Verifiers;
use curt_trainer::config::VerifySection;
use curt_trainer::filter::{
    ATTEMPTS, AttemptsFile, Card, Conditions, FilterError, FilterPlan, MeasureProgress, Measurement, Part, RateSource,
    RatedFiles, chains, check_parts, encode, measure, model_name, paper_rule, split_measured, split_rated,
};

use crate::exit::CommandError;
use crate::filter_arguments::FilterArguments;
use crate::interrupt::Interrupt;
use crate::numbers::{counted, grouped, short};
use crate::progress::generation_bar;
use crate::terminal::Terminal;
use crate::wiring::{Model, ModelFolder, load_model};
use crate::{filter_page, header, whole_file};

/// Attempts of the paper's rule.
const ATTEMPTS_EACH: u32 = 8;

/// The cap of the chain task: L_R of the embedded run.
const CHAIN_CAP: u32 = 256;

/// Lines that a measurement of any length prints where there are no bars.
const LINES: usize = 10;

/// Runs the command.
pub fn run(arguments: &FilterArguments, terminal: &Terminal, interrupt: &Interrupt) -> Result<ExitCode> {
    let from_files = arguments.task.is_none();
    match (&arguments.pass_rate_field, arguments.measure, arguments.cap) {
        (None, false, _) => return Err(CommandError::NoPassRates.into()),
        (None, true, None) if from_files => return Err(CommandError::NoCap.into()),
        _ => {}
    }
    let typed = arguments.bands.iter().map(|band| band.parse::<Part>());
    let mut parts = typed.collect::<Result<Vec<_>, FilterError>>()?;
    if parts.is_empty() {
        parts = paper_rule();
    }
    let card = match &arguments.pass_rate_field {
        Some(field) => known(arguments, field, &parts, interrupt)?,
        None => measured(arguments, parts, terminal, interrupt)?,
    };
    let json = serde_json::to_string_pretty(&card)? + "\n";
    for (name, text) in [("card.json", json), ("card.html", filter_page::page(&card))] {
        let path = arguments.output.join(name);
        whole_file::write(&path, text.as_bytes()).map_err(|source| CommandError::Output { path, source })?;
    }
    terminal.say(&filter_page::lines(terminal, &card, &arguments.output).join("\n"));
    Ok(ExitCode::SUCCESS)
}

fn known(arguments: &FilterArguments, field: &str, parts: &[Part], interrupt: &Interrupt) -> Result<Card> {
    check_parts(parts, arguments.attempts)?;
    let read = arguments.reading.options();
    let input = RatedFiles { files: &arguments.files, field, attempts: arguments.attempts, parts, read: &read };
    Ok(split_rated(&input, &arguments.output, &mut |_| !interrupt.came())?)
}

fn measured(arguments: &FilterArguments, parts: Vec<Part>, terminal: &Terminal, interrupt: &Interrupt) -> Result<Card> {
    let attempts = arguments.attempts.unwrap_or(ATTEMPTS_EACH);
    check_parts(&parts, Some(attempts))?;
    let Input { problems, places, files, repeated, bad } = input(arguments)?;
    let (device, threads) = (arguments.device.name(), arguments.device.threads.unwrap_or(0));
    let Model { mut policy, tokenizer, folder, facts } =
        load_model(&arguments.model, device, threads, curt_runtime::Settings::default())?;
    let section = verify_section(arguments);
    let conditions = Conditions {
        model: model_name(&arguments.model, folder.path())?,
        cap: arguments.cap.unwrap_or(CHAIN_CAP),
        temperature: arguments.temperature,
        top_p: 1.0,
        grader: grader(&section),
        seed: arguments.seed,
    };
    let (template, cap) = (template(arguments, &folder)?, conditions.cap);
    let chain = arguments.task.is_some();
    let suffix = arguments.prompt_suffix.as_deref().unwrap_or(if chain { "" } else { STEP_BY_STEP_SUFFIX });
    let encoded = encode(problems, &places, &tokenizer, template, suffix, facts.context, cap)?;
    let verifiers = Verifiers::new(&section)?;
    let mut file = AttemptsFile::open(&arguments.output, &conditions, &encoded, &verifiers, arguments.force)?;
    let plan = FilterPlan { conditions, attempts, parts, early_stop: !arguments.no_early_stop, batch: arguments.batch };
    let what = format!(
        "{} of {}, up to {} each of at most {} tokens at temperature {}",
        counted(encoded.measurable.len() as u64, "problem"),
        files.join(", "),
        counted(attempts.into(), "attempt"),
        grouped(cap.into()),
        arguments.temperature
    );
    let mut rows = vec![("model", header::model(&facts)), ("measured", what), ("runs on", header::device(&facts))];
    if file.known() > 0 {
        let known = counted(file.known() as u64, "attempt");
        rows.push(("goes on", format!("{known} known from {}", arguments.output.join(ATTEMPTS).display())));
    }
    terminal.say(&header::labelled(terminal, &rows).join("\n"));
    let mut watch = Watch::new(terminal, interrupt, encoded.measurable.len());
    let measured = measure(policy.as_mut(), &tokenizer, &verifiers, &encoded, &plan, &mut file, &mut |p| watch.see(p));
    watch.bar.finish_and_clear();
    if matches!(measured, Err(FilterError::Policy(PolicyError::Interrupted))) {
        let kept = arguments.output.join(ATTEMPTS);
        terminal.say(&format!("stopped: what was sampled is in {}; the same command goes on from there", kept.display()));
    }
    let card = split_measured(&arguments.output, files, &encoded, &measured?, &plan)?;
    if let RateSource::Measured(Measurement { without_verdict: Some(failed), .. }) = &card.rates {
        tracing::warn!("{}", filter_page::no_verdict(failed));
    }
    Ok(Card { repeated, bad, ..card })
}

/// What is seen of a measurement while it goes on.
struct Watch<'a> {
    terminal: &'a Terminal,
    interrupt: &'a Interrupt,
    bar: indicatif::ProgressBar,
    /// Problems between two lines, and those of the last.
    every: usize,
    said: usize,
}

impl<'a> Watch<'a> {
    fn new(terminal: &'a Terminal, interrupt: &'a Interrupt, problems: usize) -> Self {
        let bar = generation_bar(terminal, problems);
        bar.set_prefix("problems");
        Self { terminal, interrupt, bar, every: problems.div_ceil(LINES).max(1), said: 0 }
    }

    /// Shows it; false when it has to stop.
    fn see(&mut self, progress: &MeasureProgress) -> bool {
        let MeasureProgress { problems, decided, rollouts, saved, tokens } = *progress;
        let rollouts = format!("{}, {} saved", counted(rollouts, "rollout"), grouped(saved));
        self.bar.set_position(decided as u64);
        self.bar.set_message(format!("{rollouts}, {} tokens", short(tokens as f64)));
        if !self.terminal.bars && decided >= self.said + self.every {
            self.said = decided;
            self.terminal.say(&format!("  {} of {}: {rollouts}", grouped(decided as u64), counted(problems as u64, "problem")));
        }
        !self.interrupt.came()
    }
}

/// The problems to measure.
#[derive(Default)]
struct Input {
    problems: Vec<Problem>,
    /// Where each stands; of the chain task none.
    places: Vec<Place>,
    /// Where they came from.
    files: Vec<String>,
    /// Records that repeat one, and those that are no problems.
    repeated: usize,
    bad: usize,
}

fn input(arguments: &FilterArguments) -> Result<Input> {
    if arguments.task.is_some() {
        let (low, high) = arguments.links;
        let problems = chains(low, high, arguments.problems, arguments.seed)?;
        return Ok(Input { problems, files: vec![format!("the chain task, {low} to {high} links")], ..Input::default() });
    }
    let sources: Vec<Source> = arguments.files.iter().map(Source::new).collect();
    let mix = read_sources(&sources, &arguments.reading.options())?;
    Ok(Input {
        files: mix.files.iter().map(|file| file.file.display().to_string()).collect(),
        repeated: mix.files.iter().map(|file| file.report.repeated.count + file.elsewhere).sum(),
        bad: mix.files.iter().map(|file| file.report.bad.count).sum(),
        problems: mix.problems,
        places: mix.places,
    })
}

fn verify_section(arguments: &FilterArguments) -> VerifySection {
    let usual = if arguments.task.is_some() { "chain" } else { "math" };
    let words = |given: &Option<String>| given.iter().flat_map(|given| given.split_whitespace()).map(str::to_owned).collect();
    VerifySection::of(arguments.verify.as_deref().unwrap_or(usual), words(&arguments.command), words(&arguments.interpreter))
}

/// The grader's name and version, with its command.
fn grader(section: &VerifySection) -> String {
    let words = [section.kind.as_str(), env!("CARGO_PKG_VERSION")].into_iter();
    words.chain(section.command.iter().chain(&section.interpreter).map(String::as_str)).collect::<Vec<_>>().join(" ")
}

/// The model's chat template, if it has one and it is wanted.
fn template(arguments: &FilterArguments, folder: &ModelFolder) -> Result<Option<ChatTemplate>> {
    if arguments.no_chat_template || arguments.task.is_some() {
        return Ok(None);
    }
    Ok(ChatTemplate::find(folder.path())?)
}
