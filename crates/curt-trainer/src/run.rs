//! The loop around [`step`]: evaluate, step, record, checkpoint, resume.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use curt_difficulty::Admission;
use curt_eval::{Action, Alarm, AlarmRaised, StageChange, Stages};
use curt_runtime::{GenerateProgress, PolicyError};
use serde_json::{Value, json};

use crate::alarms::Watch;
use crate::checkpoint::{self, CheckpointError, Found, ResumeFrom, TrainerState};
use crate::credit::CreditedGroup;
use crate::error::TrainError;
use crate::evaluate::Evaluation;
use crate::evaluation_examples::evaluation_examples;
use crate::fingerprint::config_fingerprints;
use crate::record::{rollout_records, step_metrics};
use crate::refill::refill_metrics;
use crate::run_directory::{RunDirectory, recorded_steps};
use crate::select::fingerprint;
use crate::step::{StepOutcome, step};
use crate::trainer::Trainer;

mod watched;

/// The kind of event that records an evaluation.
const EVALUATION: &str = "evaluation";
/// The field of such an event with what it was made with.
const SETTINGS: &str = "settings";

/// What a generation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The rollouts of a step, counted from 1.
    Rollout {
        /// The step.
        step: u32,
    },
    /// An evaluation after this many steps.
    Evaluation {
        /// Steps that are done.
        step: u32,
    },
}

/// Whoever watches a run: a terminal, a test.
pub trait Observer {
    /// A decode step is done.
    fn generating(&mut self, phase: Phase, progress: GenerateProgress) {
        let _ = (phase, progress);
    }

    /// A step (counted from 1) is done and recorded.
    fn stepped(&mut self, step: u32, metrics: &[(String, f64)]) {
        let _ = (step, metrics);
    }

    /// The state of the run changed with this step.
    fn staged(&mut self, step: u32, change: &StageChange) {
        let _ = (step, change);
    }

    /// An alarm was raised with this step.
    fn alarmed(&mut self, step: u32, alarm: &AlarmRaised) {
        let _ = (step, alarm);
    }

    /// An evaluation after `step` steps is done.
    fn evaluated(&mut self, step: u32, evaluation: &Evaluation) {
        let _ = (step, evaluation);
    }

    /// A checkpoint is on disk.
    fn checkpointed(&mut self, folder: &Path) {
        let _ = folder;
    }

    /// Something worth a line.
    fn event(&mut self, message: &str) {
        let _ = message;
    }

    /// Whether the run should save and stop; asked once per decode step.
    fn interrupted(&self) -> bool {
        false
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All steps are done.
    Finished,
    /// It was interrupted, and saved, after this many steps.
    Interrupted {
        /// Steps that are done.
        step: u32,
    },
    /// An alarm stopped it.
    Alarmed {
        /// Steps that are done.
        step: u32,
        /// The alarm.
        alarm: Alarm,
        /// What was done: [`Action::Rollback`] only where there was a checkpoint to go back to.
        action: Action,
        /// Steps of the checkpoint from which a resume goes on.
        saved: u32,
    },
}

/// What a run leaves behind.
#[derive(Debug)]
pub struct RunReport {
    /// The run directory.
    pub output_dir: PathBuf,
    /// How it ended.
    pub outcome: Outcome,
    /// The evaluation before the first step, made by this process, or read back from the records of the run (then without
    /// texts); `None` where there is none, or it was made with other settings or problems than `after`.
    pub before: Option<Evaluation>,
    /// The evaluation after the last step.
    pub after: Option<Evaluation>,
    /// The two stages of training, when there were steps enough to tell.
    pub stages: Option<Stages>,
    /// Mean training length and in-budget accuracy of each step.
    pub curve: Vec<(f64, f64)>,
}

/// Runs `trainer` to its last step, writing into `config.output_dir`.
///
/// # Errors
/// Whatever stops a step, a checkpoint that cannot be trusted, a run directory that cannot be written.
pub fn train(trainer: Trainer, resume: Option<&ResumeFrom>, observer: &mut dyn Observer) -> Result<RunReport, TrainError> {
    let mut run = Run::start(trainer, resume, observer)?;
    run.trainer.warnings().iter().for_each(|warning| observer.event(warning));
    let owed = if run.owes_evaluation()? { run.evaluate(observer)? } else { None };
    let before = owed.filter(|_| run.done == 0).map_or_else(|| run.recorded_before(), |before| Ok(Some(before)))?;
    let mut outcome = run.still_stopped(observer).unwrap_or(Outcome::Finished);
    while outcome == Outcome::Finished && run.done < run.trainer.config.train.steps {
        match run.step(observer) {
            Ok(()) => outcome = run.heed(observer)?.unwrap_or(outcome),
            Err(TrainError::Policy(PolicyError::Interrupted)) => {
                if run.saved != Some(run.done) {
                    run.save(observer)?;
                }
                outcome = Outcome::Interrupted { step: run.done };
            }
            Err(error) => return Err(run.not_finite(error, observer)),
        }
    }
    let mut after = None;
    if outcome == Outcome::Finished {
        if run.saved != Some(run.done) {
            run.save(observer)?;
        }
        after = run.evaluate(observer)?;
    }
    let (lengths, accuracies): (Vec<f64>, Vec<f64>) = run.curve.iter().copied().unzip();
    Ok(RunReport {
        output_dir: run.directory.path().into(),
        outcome,
        before,
        after,
        stages: curt_eval::stages(&lengths, &accuracies).ok(),
        curve: run.curve,
    })
}

struct Run {
    trainer: Trainer,
    directory: RunDirectory,
    /// What must be equal before and after a resume.
    fingerprints: BTreeMap<String, String>,
    /// Steps that are done.
    done: u32,
    /// The step of the newest checkpoint of this process.
    saved: Option<u32>,
    num_tokens: u64,
    curve: Vec<(f64, f64)>,
    watch: Watch,
    /// An alarm of the last step that asks for more than a warning.
    halt: Option<AlarmRaised>,
    /// Whether it was said that many rollouts have no verdict.
    unjudged: bool,
}

impl Run {
    fn start(mut trainer: Trainer, resume: Option<&ResumeFrom>, observer: &mut dyn Observer) -> Result<Self, TrainError> {
        if trainer.config.algo.beta != 0.0 && trainer.reference.is_none() {
            return Err(TrainError::NoReference { beta: trainer.config.algo.beta });
        }
        let Some(from) = resume else {
            let fingerprints = fingerprints(&trainer)?;
            let (directory, watch) = (RunDirectory::create(&trainer.config)?, Watch::new(&trainer.config, &[]));
            let curve = Vec::new();
            let (halt, unjudged) = (None, false);
            return Ok(Self {
                trainer,
                directory,
                fingerprints,
                done: 0,
                saved: None,
                num_tokens: 0,
                curve,
                watch,
                halt,
                unjudged,
            });
        };
        let root = trainer.config.output_dir.clone();
        let fingerprints = fingerprints(&trainer)?;
        let (directory, saved, num_tokens) = match checkpoint::find(&root, from) {
            Err(CheckpointError::NoneYet { .. }) => (start_over(&trainer, observer)?, None, 0),
            found => {
                let found = found?;
                found.check_fingerprints(&fingerprints)?;
                (restore(&mut trainer, &root, &found, observer)?, Some(found.state.step), found.state.num_tokens)
            }
        };
        checkpoint::clean(&root)?;
        // the killed run may have saved its last checkpoint, and not yet have deleted one for it
        checkpoint::prune(&root, trainer.config.checkpoint.save_total_limit)?;
        let rows = directory.read_metrics()?;
        let curve = rows.iter().filter(|row| !row.is_evaluation()).map(|row| curve_point(|name| row.get(name))).collect();
        let watch = Watch::new(&trainer.config, &rows);
        let (done, halt, unjudged) = (saved.unwrap_or(0), None, false);
        Ok(Self { trainer, directory, fingerprints, done, saved, num_tokens, curve, watch, halt, unjudged })
    }

    /// One step, its records, and what is due after it.
    fn step(&mut self, observer: &mut dyn Observer) -> Result<(), TrainError> {
        let number = self.done + 1;
        let clock = Instant::now();
        let scored_before = self.trainer.policy.counters().scoring_passes;
        let outcome = step(&mut self.trainer, self.done, &mut |progress| {
            observer.generating(Phase::Rollout { step: number }, progress);
            !observer.interrupted()
        })?;
        self.done = number;
        let scoring_passes = self.trainer.policy.counters().scoring_passes - scored_before;
        self.record(&outcome, scoring_passes, clock.elapsed().as_secs_f64(), observer)?;
        if self.halt.is_some() {
            return Ok(());
        }
        let save = self.trainer.config.checkpoint.save_steps;
        if self.evaluation_is_due() {
            self.evaluate(observer)?;
        }
        if save > 0 && number.is_multiple_of(save) {
            self.save(observer)?;
        }
        Ok(())
    }

    fn record(
        &mut self,
        outcome: &StepOutcome,
        scoring_passes: u64,
        seconds: f64,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        let completions = || outcome.groups.iter().flat_map(|g| &g.shaped.rollouts);
        let tokens: u64 = completions().map(|r| u64::from(r.length)).sum();
        // as TRL counts them: the prompt once with each of its completions
        self.num_tokens += tokens + prompt_tokens(&outcome.groups);
        let config = &self.trainer.config;
        let target = config.reward.target_length as u32;
        let mut metrics = step_metrics(&outcome.groups, &outcome.updates, target, self.num_tokens);
        let drawn = u64::from(self.done) * config.rollout.prompts_per_step as u64 + self.trainer.source.refilled();
        let epochs = self.trainer.source.epochs(drawn);
        metrics.extend(epochs.map(|epochs| ("epoch".to_owned(), epochs)));
        metrics.extend(self.trainer.strategy.metrics().into_iter().map(|(name, value)| (format!("eff/{name}"), value)));
        if config.rollout.screening > 0 {
            let dropped = outcome.groups.iter().filter(|group| group.admission == Admission::Screened).count() as f64;
            let saved = dropped * (config.rollout.num_generations - config.rollout.screening) as f64;
            metrics.push(("eff/screening/dropped".into(), dropped / outcome.groups.len() as f64));
            metrics.push(("eff/screening/rollouts_saved".into(), saved));
        }
        metrics.extend(outcome.refill.iter().flat_map(refill_metrics));
        let sampler = self.trainer.source.metrics(self.done, config.rollout.prompts_per_step);
        metrics.extend(sampler.into_iter().map(|(name, value)| (format!("eff/{name}"), value)));
        metrics.push(("eff/scoring_passes".into(), scoring_passes as f64));
        let clocks = [("rollout", outcome.seconds[0]), ("verify_to_pack", outcome.seconds[1]), ("update", outcome.seconds[2])];
        metrics.extend(clocks.map(|(name, value)| (format!("time/{name}"), value)));
        metrics.push(("time/step_time".into(), seconds));
        metrics.push(("time/tokens_per_second".into(), tokens as f64 / seconds.max(1e-9)));
        // after all else, because it is made of it
        let findings = self.watch.observe(self.done, &metrics);
        metrics.extend(self.watch.stage_metric());
        if config.log.completions {
            self.directory.rollouts(self.done, &rollout_records(self.done, config.seed, &outcome.groups))?;
        }
        self.directory.metrics(self.done, &metrics)?;
        self.curve.push(curve_point(|name| metrics.iter().find(|(n, _)| n == name).map(|(_, value)| *value)));
        observer.stepped(self.done, &metrics);
        self.say_unjudged(&outcome.groups, observer);
        self.watch_step(findings, observer)
    }

    /// Whether the run is evaluated where it stands: before the first step, and every so many. The last one is apart.
    fn evaluation_is_due(&self) -> bool {
        let every = self.trainer.config.eval.every;
        self.done == 0 || (every > 0 && self.done.is_multiple_of(every) && self.done < self.trainer.config.train.steps)
    }

    /// Whether the evaluation that is due here is not recorded: the run is new, or was interrupted in the middle of it.
    fn owes_evaluation(&self) -> Result<bool, TrainError> {
        Ok(self.evaluation_is_due() && self.directory.find_event(self.done, EVALUATION)?.is_none())
    }

    fn evaluate(&mut self, observer: &mut dyn Observer) -> Result<Option<Evaluation>, TrainError> {
        if !self.trainer.config.eval.enabled {
            return Ok(None);
        }
        let step = self.done;
        let result = self.trainer.evaluate(&mut |progress| {
            observer.generating(Phase::Evaluation { step }, progress);
            !observer.interrupted()
        });
        let evaluation = match result {
            Ok(evaluation) => evaluation,
            // an evaluation that is cut short changes nothing: the loop sees the interruption at its next step, and a resume
            // makes up for it
            Err(TrainError::Policy(PolicyError::Interrupted)) => return Ok(None),
            Err(error) => return Err(error),
        };
        self.directory.metrics(step, &evaluation.metrics(&self.trainer.evaluation_name()))?;
        // last, because it is what a resume looks for
        let mut record = evaluation.to_record();
        record[SETTINGS] = evaluation_settings(&self.trainer);
        record["examples"] = evaluation_examples(&evaluation.verified, self.trainer.encoder.tokenizer());
        self.directory.event(step, EVALUATION, record)?;
        observer.evaluated(step, &evaluation);
        Ok(Some(evaluation))
    }

    /// The recorded evaluation before the first step, if one that is made now can be compared with it.
    fn recorded_before(&self) -> Result<Option<Evaluation>, TrainError> {
        let record = self.directory.find_event(0, EVALUATION)?;
        let record = record.filter(|record| record[SETTINGS] == evaluation_settings(&self.trainer));
        Ok(record.as_ref().and_then(Evaluation::from_record))
    }

    fn save(&mut self, observer: &mut dyn Observer) -> Result<(), TrainError> {
        let root = self.trainer.config.output_dir.clone();
        let mut state = TrainerState::new(self.done, self.num_tokens, self.trainer.strategy.save());
        (state.sampler, state.refilled) = (self.trainer.source.save(), self.trainer.source.refilled());
        state.positions = self.directory.positions()?;
        state.fingerprints = self.fingerprints.clone();
        let policy = &self.trainer.policy;
        let folder = checkpoint::save::<TrainError>(&root, &state, |folder| {
            policy.save_weights(folder)?;
            Ok(policy.save_optimizer(folder)?)
        })?;
        checkpoint::prune(&root, self.trainer.config.checkpoint.save_total_limit)?;
        self.saved = Some(self.done);
        observer.checkpointed(&folder);
        Ok(())
    }
}

/// Brings policy, strategy, sampler and run directory back to a checkpoint.
fn restore(trainer: &mut Trainer, root: &Path, found: &Found, observer: &mut dyn Observer) -> Result<RunDirectory, TrainError> {
    // everything that may refuse the resume comes before anything is written or deleted
    RunDirectory::check(root, &found.state.positions)?;
    trainer.policy.restore(&found.folder)?;
    trainer.strategy.load(&found.state.strategy)?;
    trainer.source.load(found.state.sampler.as_ref(), found.state.refilled)?;
    let mut directory = RunDirectory::open(&trainer.config, &found.state.positions)?;
    checkpoint::forget_after(root, found.state.step)?;
    directory.cut_back(&found.state.positions, found.state.step)?;
    for reason in &found.skipped {
        observer.event(&format!("passed over a newer checkpoint: {reason}"));
    }
    observer.event(&format!("resumed after step {} from {}", found.state.step, found.folder.display()));
    Ok(directory)
}

/// Empties the records of a run that was stopped before its first checkpoint.
///
/// # Errors
/// It recorded so many steps that it had one: whoever lost that may want to keep the records.
fn start_over(trainer: &Trainer, observer: &mut dyn Observer) -> Result<RunDirectory, TrainError> {
    let (root, save_steps) = (&trainer.config.output_dir, trainer.config.checkpoint.save_steps as usize);
    let steps = recorded_steps(root)?;
    if save_steps > 0 && steps > save_steps {
        return Err(CheckpointError::Lost { path: root.clone(), steps }.into());
    }
    let mut directory = RunDirectory::open(&trainer.config, &BTreeMap::new())?;
    directory.cut_back(&BTreeMap::new(), 0)?;
    observer.event("no checkpoint yet: the run starts over");
    Ok(directory)
}

/// What must be equal before and after a resume, by the name that a user would look for.
fn fingerprints(trainer: &Trainer) -> Result<BTreeMap<String, String>, TrainError> {
    let mut fingerprints = config_fingerprints(&trainer.config);
    fingerprints.insert("dataset".into(), format!("{:016x}", trainer.source.fingerprint()));
    if let Some(rates) = trainer.source.rates_fingerprint() {
        fingerprints.insert("pass_rates".into(), format!("{rates:016x}"));
    }
    let files = trainer.encoder.tokenizer().files();
    fingerprints.insert("tokenizer".into(), checkpoint::digest_files(&files)?);
    if let Some(reference) = &trainer.reference {
        fingerprints.insert("reference".into(), reference.digest.clone());
    }
    Ok(fingerprints)
}

/// What two evaluations must share to be compared: how they sample, and the problems. A resume may change both.
fn evaluation_settings(trainer: &Trainer) -> Value {
    let eval = &trainer.config.eval;
    json!({
        "n": eval.n,
        "max_completion_length": eval.max_completion_length,
        "budgets": eval.budgets,
        "temperature": eval.temperature,
        "top_p": eval.top_p,
        "top_k": eval.top_k,
        "min_p": eval.min_p,
        "seed": eval.seed,
        "set": format!("{:016x}", fingerprint(trainer.evaluation_set.iter().map(|selected| selected.key))),
    })
}

/// Prompt tokens of a step, the prompt counted with each of its completions.
fn prompt_tokens(groups: &[CreditedGroup]) -> u64 {
    let of_group = |g: &CreditedGroup| g.shaped.verified.group.selected.prompt_ids.len() * g.credits.len();
    groups.iter().map(|g| of_group(g) as u64).sum()
}

fn curve_point(value: impl Fn(&str) -> Option<f64>) -> (f64, f64) {
    let or_zero = |name| value(name).unwrap_or(0.0);
    (or_zero("completions/mean_length"), or_zero("eff/accuracy_in_budget"))
}
