//! `curt watch`: the stage detector over recorded metrics.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use curt_eval::{Alarm, Column, Detector, Findings, Observation, Reading, RunFacts};
use curt_trainer::run_facts;
use curt_trainer::run_file::RunFile;
use serde_json::{Value, json};

use crate::exit::{self, CommandError};
use crate::numbers::counted;
use crate::progress::alarm_line;
use crate::terminal::Terminal;
use crate::watch_arguments::WatchArguments;
use crate::watched_metrics::MetricsFile;

/// The files of a run directory that matter here.
const RUN_FILE: &str = "run.toml";
const METRICS: &str = "metrics.jsonl";

/// Runs the command: lines of text or of JSON go to standard output.
pub fn run(arguments: &WatchArguments, terminal: &Terminal) -> Result<ExitCode> {
    if let Some(text) = arguments.sets.iter().find(|set| !set.trim_start().starts_with("alarms.")) {
        return Err(CommandError::NotOfAlarms { text: text.clone() }.into());
    }
    let mut out = BufWriter::new(io::stdout().lock());
    let mut tell = |run: &PathBuf| Replay::new(run, &arguments.sets)?.tell(&mut out, terminal, arguments.json);
    let told = arguments.runs.iter().try_for_each(&mut tell);
    exit::written(told.and_then(|()| Ok(out.flush()?)))
}

/// One run, read again.
struct Replay {
    /// What was typed.
    run: PathBuf,
    file: MetricsFile,
    detector: Detector,
    steps: u64,
    /// The newest step.
    last: u32,
    /// Columns that some step had.
    seen: [bool; Column::ALL.len()],
}

impl Replay {
    /// With the settings of the run's own run file, where `run` is a directory that has one.
    fn new(run: &Path, sets: &[String]) -> Result<Self> {
        let own = run.join(RUN_FILE);
        let metrics = if run.is_dir() { run.join(METRICS) } else { run.to_owned() };
        let file = MetricsFile::open(&metrics)?;
        let known = own.is_file();
        let config = RunFile::load(known.then_some(own.as_path()), sets)?;
        let facts = if known { run_facts(&config) } else { RunFacts::default() };
        let detector = Detector::new(config.alarms.settings(), facts);
        let seen = [false; Column::ALL.len()];
        Ok(Self { run: run.to_owned(), file, detector, steps: 0, last: 0, seen })
    }

    /// Reads the run to its end and says what is to be said as it goes: nothing is kept, however long the run is.
    fn tell(&mut self, out: &mut impl Write, terminal: &Terminal, as_json: bool) -> Result<()> {
        if !as_json {
            writeln!(out, "{}", terminal.bold(&self.run.display().to_string()))?;
        }
        while let Some(row) = self.file.next_step()? {
            let findings = self.take(&row);
            let lines: Vec<String> = match as_json {
                true => self.events(row.step, &findings).iter().map(Value::to_string).collect(),
                false => texts(terminal, row.step, &findings).iter().map(|line| format!("  {line}")).collect(),
            };
            lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
        }
        let closing = if as_json { vec![self.end().to_string()] } else { self.closing() };
        Ok(closing.iter().try_for_each(|line| writeln!(out, "{line}"))?)
    }

    fn take(&mut self, row: &Observation) -> Findings {
        self.steps += 1;
        self.last = row.step;
        for (seen, column) in self.seen.iter_mut().zip(Column::ALL) {
            *seen |= row.reading(column) != Reading::Absent;
        }
        self.detector.observe(row)
    }

    /// In the form of `events.jsonl`, with the run.
    fn events(&self, step: u32, findings: &Findings) -> Vec<Value> {
        let event = |kind: &str, detail: Value| json!({ "run": self.name(), "step": step, "event": kind, "detail": detail });
        let stage = findings.stage.iter().map(|change| event("stage", json!(change)));
        stage.chain(findings.alarms.iter().map(|raised| event("alarm", json!(raised)))).collect()
    }

    fn end(&self) -> Value {
        let detail = json!({
            "steps": self.steps,
            "state": self.state(),
            "active": self.detector.active().collect::<Vec<Alarm>>(),
            "not_watched": self.not_watched().map(|(alarm, _)| alarm).collect::<Vec<Alarm>>(),
            "last_line_cut": self.file.is_cut(),
        });
        json!({ "run": self.name(), "step": self.last, "event": "end", "detail": detail })
    }

    fn closing(&self) -> Vec<String> {
        let active: Vec<&str> = self.detector.active().map(Alarm::word).collect();
        let alarms = if active.is_empty() { "no alarm is on".to_owned() } else { format!("on: {}", active.join(", ")) };
        let mut lines = vec![format!("  after {}: {}; {alarms}", counted(self.steps, "step"), self.state())];
        let missing: Vec<String> =
            self.not_watched().map(|(alarm, column)| format!("{} ({})", alarm.word(), column.name())).collect();
        if !missing.is_empty() {
            lines.push(format!("  not watched for want of their metrics: {}", missing.join(", ")));
        }
        if self.file.is_cut() {
            lines.push(
                "  the last line is cut short, as a run leaves it that is killed while it writes; it is passed over".into(),
            );
        }
        lines
    }

    fn name(&self) -> String {
        self.run.display().to_string()
    }

    fn state(&self) -> &'static str {
        self.detector.stage().map_or("-", |change| change.state.word())
    }

    /// Alarms whose metric no step had.
    fn not_watched(&self) -> impl Iterator<Item = (Alarm, Column)> + '_ {
        let with_column = Alarm::ALL.into_iter().filter_map(|alarm| Some((alarm, alarm.column()?)));
        with_column.filter(|(_, column)| !self.seen[*column as usize])
    }
}

fn texts(terminal: &Terminal, step: u32, findings: &Findings) -> Vec<String> {
    let stage = findings.stage.iter().map(|change| match change.since {
        since if since == step => format!("step {step}: {}", terminal.bold(change.state.word())),
        since => format!("step {step}: {} since step {since}", terminal.bold(change.state.word())),
    });
    stage.chain(findings.alarms.iter().map(|raised| alarm_line(terminal, step, raised))).collect()
}
