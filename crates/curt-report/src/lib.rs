//! A training run, several of them laid over each other, or an evaluation as one HTML page that needs nothing else: no network, no
//! other file. It follows the reader's light or dark, prints, is used by keyboard, and fits a narrow screen.
//!
//! Everything that comes from a model or a data set is shown and never obeyed; the page forbids every script but its own. Each
//! chart is static SVG with its numbers in a table beside it. What is read is bounded: curves of long runs become means of
//! neighbouring steps with their extremes, rollouts are streamed.
//!
//! ```
//! use curt_report::{Page, read_run};
//!
//! let folder = tempfile::tempdir()?;
//! std::fs::write(folder.path().join("run.toml"), "[train]\nsteps = 2\n")?;
//! std::fs::write(
//!     folder.path().join("metrics.jsonl"),
//!     "{\"step\":1,\"reward\":0.25}\n{\"step\":2,\"reward\":0.5}\n{\"step\":3,\"rew", // killed here
//! )?;
//! let run = read_run(folder.path())?;
//! assert_eq!(run.steps(), 2);
//! let page = Page::new(vec![run], vec![])?.to_html();
//! assert!(page.contains("data-v=\"0.25\"") && page.contains("cut off, as a killed run leaves it"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod chart;
mod curve;
mod error;
mod escape;
mod evaluation_file;
mod events;
mod examples;
mod line_reader;
mod metrics;
mod number;
mod page;
mod rollouts;
mod run;
mod settings;
#[cfg(test)]
mod tests;

pub use error::ReportError;
pub use escape::line as escaped;
pub use evaluation_file::{EvaluationFile, read_eval};
pub use number::{counted, grouped};
pub use page::Page;
pub use run::{ROLLOUT_BYTES, Run, read_run, read_run_within};
