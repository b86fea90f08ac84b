//! The training loop of curt: select, rollout, verify, shape, credit, pack, update, record.
//!
//! [`run_file::RunFile`] reads what a run is, [`Trainer`] holds the objects that it names, [`step()`] is one step of the loop, and
//! [`train`] a whole run with its evaluations, checkpoints and records in a run directory. An [`Observer`] sees it pass and may
//! stop it; a stopped or killed run goes on from [`checkpoint::ResumeFrom`] to the same bytes. No formula lives here: rewards,
//! advantages, gates and verdicts come from the crates named after them, numbers from `curt-runtime`.
//!
//! ```
//! use curt_runtime::{Cpu, Settings, Tokenizer, Transformer};
//! use curt_trainer::{Observer, Outcome, Trainer, run_file::RunFile, train};
//! use std::path::Path;
//!
//! /// Watches nothing and stops nothing.
//! struct Quiet;
//! impl Observer for Quiet {}
//!
//! let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/tiny-good"));
//! let output = tempfile::tempdir()?;
//! let config = RunFile::load(None, &[
//!     format!("output_dir='{}'", output.path().display()),
//!     "train.steps=2".into(),
//!     "rollout.prompts_per_step=4".into(),
//!     "eval.enabled=false".into(),
//! ])?;
//! let tokenizer = Tokenizer::load(folder)?;
//! let policy = Transformer::load(Cpu::<f32>::new(1)?, folder, Some(&tokenizer), Settings::default())?;
//! let trainer = Trainer::new(config, Box::new(policy), tokenizer, folder)?;
//!
//! let report = train(trainer, None, &mut Quiet)?;
//! assert_eq!(report.outcome, Outcome::Finished);
//! assert_eq!(report.curve.len(), 2); // mean length and in-budget accuracy of each step
//! assert!(output.path().join("checkpoint-2/model.safetensors").is_file());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod alarms;
pub mod checkpoint;
pub mod config;
mod credit;
mod dataset;
pub mod doctor;
mod error;
mod evaluate;
mod evaluate_file;
mod evaluate_recording;
mod evaluate_rows;
mod evaluation_examples;
pub mod filter;
mod fingerprint;
pub mod inspection;
pub mod metrics;
mod pack;
mod problem_files;
mod prompt;
mod reasons;
mod record;
mod refill;
mod rollout;
mod run;
mod run_directory;
pub mod run_file;
mod schedule;
mod screen;
mod select;
mod shape;
mod step;
pub mod tensorboard;
#[cfg(test)]
mod tests;
mod trainer;
mod update;
mod verifiers;
mod verify;

pub use alarms::{AlarmsSection, run_facts};
pub use credit::CreditedGroup;
pub use dataset::Dataset;
pub use error::TrainError;
pub use evaluate::{Evaluation, evaluate};
pub use evaluate_file::{Conditions, EvalFileError, RUNNING, SAMPLES, SamplesFile};
pub use evaluate_recording::{RecordedSamples, Recording};
pub use evaluate_rows::{EvalRow, RowsPlan, answer_at};
pub use fingerprint::config_fingerprints;
pub use pack::{Minibatch, PackedSequence};
pub use prompt::PromptEncoder;
pub use reasons::Reasons;
pub use record::{RolloutRecord, rollout_records, step_metrics};
pub use rollout::{Group, RolloutPlan, rollout};
pub use run::{Observer, Outcome, Phase, RunReport, train};
pub use run_directory::{RunDirectory, RunDirectoryError, claim, numbered};
pub use schedule::Schedule;
pub use select::{ProblemSource, Selected};
pub use step::{StepOutcome, step};
pub use trainer::Trainer;
pub use update::{UpdatePlan, UpdateReport, update};
pub use verifiers::Verifiers;
pub use verify::{CompletionVerdict, VerifiedGroup, verify};
