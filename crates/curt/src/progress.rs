//! What is seen while a run goes on: bars on a terminal, lines everywhere.

use std::path::Path;

use curt_eval::{AlarmRaised, Stage, StageChange};
use curt_runtime::GenerateProgress;
use curt_trainer::{Evaluation, Observer, Phase};
use indicatif::{ProgressBar, ProgressStyle};

use crate::interrupt::Interrupt;
use crate::numbers::{counted, share, short, tokens};
use crate::report_live::LiveReport;
use crate::terminal::Terminal;

/// Lines that a run of any length prints about its steps.
const LINES: u32 = 15;

/// A column of the lines about steps.
struct Column {
    metric: &'static str,
    head: &'static str,
    text: fn(f64) -> String,
}

const COLUMNS: [Column; 7] = [
    Column { metric: "completions/mean_length", head: "length", text: tokens },
    Column { metric: "eff/accuracy", head: "accuracy", text: share },
    Column { metric: "eff/accuracy_in_budget", head: "in budget", text: share },
    Column { metric: "completions/clipped_ratio", head: "cut off", text: share },
    Column { metric: "reward", head: "reward", text: share },
    Column { metric: "entropy", head: "entropy", text: share },
    Column { metric: "time/tokens_per_second", head: "tokens/s", text: short },
];

/// Watches a run.
#[derive(Debug)]
pub struct Progress<'a> {
    terminal: &'a Terminal,
    interrupt: &'a Interrupt,
    /// The run's steps; made at the first of them, so that its clock does not count an evaluation.
    steps: Option<ProgressBar>,
    /// The generation in progress.
    phase: ProgressBar,
    total: u32,
    /// Steps between two lines.
    every: u32,
    /// Whether the heads of the columns stand above.
    heads: bool,
    /// Whether it was said that the run is about to stop.
    stopping: bool,
    /// The page in the run directory.
    report: LiveReport,
    /// The state of the run.
    state: Option<Stage>,
}

impl<'a> Progress<'a> {
    /// An observer of a run of `total` steps, which keeps `report` up to date.
    pub fn new(terminal: &'a Terminal, interrupt: &'a Interrupt, total: u32, report: LiveReport) -> Self {
        let every = total.div_ceil(LINES).max(1);
        let phase = generation_bar(terminal, 0);
        Self { terminal, interrupt, steps: None, phase, total, every, heads: false, stopping: false, state: None, report }
    }

    /// Takes the bars away; the page, to be written once more.
    pub fn finish(mut self) -> LiveReport {
        self.phase.finish_and_clear();
        if let Some(bar) = self.steps.take() {
            bar.finish_and_clear();
        }
        self.report
    }

    /// The bar of steps, whose clock starts with the first step of this process.
    fn step_bar(&mut self, done: u32) -> &ProgressBar {
        let (terminal, total) = (self.terminal, self.total);
        self.steps.get_or_insert_with(|| {
            let template = match terminal.color {
                true => "{prefix:.bold} {bar:20.green/dim} {pos}/{len}  ETA {eta}  {wide_msg}",
                false => "{prefix} {bar:20} {pos}/{len}  ETA {eta}  {wide_msg}",
            };
            let bar = bar(terminal, u64::from(total), template);
            bar.set_prefix("steps");
            bar.set_position(u64::from(done));
            bar.reset_eta();
            bar
        })
    }

    fn line(&mut self, step: u32, metrics: &[(String, f64)]) {
        if !self.heads {
            self.heads = true;
            let heads: String = COLUMNS.iter().map(|c| format!("  {:>9}", c.head)).collect();
            self.terminal.say(&self.terminal.dim(&format!("{:>9}{heads}", "step")));
        }
        let value = |column: &Column| find(metrics, column.metric).map_or("-".into(), column.text);
        let cells: String = COLUMNS.iter().map(|c| format!("  {:>9}", value(c))).collect();
        self.terminal.say(&format!("{:>9}{cells}", format!("{step}/{}", self.total)));
    }
}

impl Observer for Progress<'_> {
    fn generating(&mut self, phase: Phase, progress: GenerateProgress) {
        let what = match phase {
            Phase::Rollout { step } => {
                self.step_bar(step.saturating_sub(1));
                format!("rollouts of step {step}")
            }
            Phase::Evaluation { step } => evaluated_when(step),
        };
        self.phase.set_prefix(what);
        // in this order, or the end of the phase before is shown of the length of this one
        self.phase.set_position(progress.finished as u64);
        self.phase.set_length(progress.total as u64);
        self.phase.set_message(format!("{} tokens", short(progress.tokens as f64)));
        if self.interrupt.came() && !self.stopping {
            self.stopping = true;
            self.terminal.say("stopping: saving a checkpoint first (Ctrl-C again stops at once)");
        }
    }

    fn stepped(&mut self, step: u32, metrics: &[(String, f64)]) {
        self.report.begin();
        let message = [
            ("tok/s", "time/tokens_per_second", short as fn(f64) -> String),
            ("length", "completions/mean_length", tokens),
            ("accuracy", "eff/accuracy", share),
            ("in budget", "eff/accuracy_in_budget", share),
            ("reward", "reward", share),
            ("entropy", "entropy", share),
        ];
        let message =
            message.into_iter().filter_map(|(label, name, text)| Some(format!("{label} {}", text(find(metrics, name)?))));
        let state = self.state.map(|state| state.word().to_owned());
        let message = state.into_iter().chain(message).collect::<Vec<_>>().join("  ");
        let bar = self.step_bar(step - 1);
        bar.set_position(u64::from(step));
        bar.set_message(message);
        if !self.heads || step.is_multiple_of(self.every) || step == self.total {
            self.line(step, metrics);
        }
    }

    fn staged(&mut self, step: u32, change: &StageChange) {
        // every run begins by adapting
        if self.state.replace(change.state).is_some() {
            let word = self.terminal.bold(change.state.word());
            self.terminal.say(&format!("step {step}: {word} since step {}", change.since));
        }
    }

    fn alarmed(&mut self, step: u32, alarm: &AlarmRaised) {
        self.terminal.say(&alarm_line(self.terminal, step, alarm));
    }

    fn evaluated(&mut self, step: u32, evaluation: &Evaluation) {
        let summary = &evaluation.summary;
        let k = summary.samples_per_problem;
        let pass = summary.pass_at.last().map_or(String::new(), |pass| format!(", Pass@{} {}", pass.k, share(pass.value)));
        let (length, mean) = (tokens(summary.length.mean), share(summary.mean_at_k));
        let when = evaluated_when(step);
        self.terminal.say(&format!("{when}: mean length {length}, Mean@{k} {mean}{pass}"));
        self.phase.finish_and_clear();
        self.phase = generation_bar(self.terminal, 0);
        self.report.refresh(self.terminal);
    }

    fn checkpointed(&mut self, folder: &Path) {
        self.terminal.say(&self.terminal.dim(&format!("saved {}", folder.display())));
        self.report.refresh(self.terminal);
    }

    fn event(&mut self, message: &str) {
        self.terminal.say(message);
    }

    fn interrupted(&self) -> bool {
        self.interrupt.came()
    }
}

/// An alarm in one line.
pub fn alarm_line(terminal: &Terminal, step: u32, raised: &AlarmRaised) -> String {
    let AlarmRaised { alarm, message, cause, key, change, since, .. } = raised;
    let head = terminal.red(&format!("step {step}: alarm {}", alarm.word()));
    format!("{head} since step {since}: {message}; likely {cause}; change {key} to {change}")
}

/// A bar of `total` completions being generated.
pub fn generation_bar(terminal: &Terminal, total: usize) -> ProgressBar {
    let template = match terminal.color {
        true => "{prefix:.dim} {bar:20.cyan/dim} {pos}/{len}  ETA {eta}  {wide_msg}",
        false => "{prefix} {bar:20} {pos}/{len}  ETA {eta}  {wide_msg}",
    };
    bar(terminal, total as u64, template)
}

fn bar(terminal: &Terminal, total: u64, template: &str) -> ProgressBar {
    if !terminal.bars {
        return ProgressBar::hidden();
    }
    let bar = terminal.progress.add(ProgressBar::new(total));
    let letters = terminal.either("━╸─", "#>-");
    bar.set_style(
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars(letters),
    );
    bar
}

fn evaluated_when(step: u32) -> String {
    match step {
        0 => "evaluation before training".into(),
        _ => format!("evaluation after {}", counted(step.into(), "step")),
    }
}

fn find(metrics: &[(String, f64)], name: &str) -> Option<f64> {
    metrics.iter().find(|(metric, _)| metric == name).map(|(_, value)| *value)
}
