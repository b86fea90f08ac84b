//! A run directory, read for a page.

use std::path::{Path, PathBuf};

use crate::error::ReportError;
use crate::events::{self, Events};
use crate::metrics::{self, Metrics};
use crate::rollouts::{self, Rollouts};
use crate::settings::Settings;

const RUN_FILE: &str = "run.toml";
const METRICS: &str = "metrics.jsonl";

/// Bytes of packed rollouts that are read at most: about two seconds of work. Of a run with more, evenly spaced steps are read.
pub const ROLLOUT_BYTES: u64 = 192 << 20;

/// A run, read and bounded: its size does not grow with that of its directory.
#[derive(Clone, Debug)]
pub struct Run {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) settings: Option<Settings>,
    pub(crate) metrics: Metrics,
    pub(crate) events: Events,
    pub(crate) rollouts: Rollouts,
}

/// Reads the run directory at `path`, a run that goes on or was killed too.
///
/// # Errors
/// There is no run, it has recorded nothing yet, or one of its files is damaged.
pub fn read_run(path: &Path) -> Result<Run, ReportError> {
    read_run_within(path, ROLLOUT_BYTES)
}

/// The same with another bound on the packed rollouts that are read, in bytes; 0 leaves them unread.
///
/// # Errors
/// As [`read_run`].
pub fn read_run_within(path: &Path, rollout_bytes: u64) -> Result<Run, ReportError> {
    if !path.exists() {
        return Err(ReportError::NotFound { path: path.into() });
    }
    if ![RUN_FILE, METRICS].iter().any(|name| path.join(name).is_file()) {
        return Err(ReportError::NotARun { path: path.into() });
    }
    let metrics = metrics::read(&path.join(METRICS))?;
    if metrics.rows == 0 {
        return Err(ReportError::EmptyRun { path: path.into() });
    }
    Ok(Run {
        name: name(path),
        path: path.into(),
        settings: Settings::read(&path.join(RUN_FILE))?,
        metrics,
        events: events::read(&path.join("events.jsonl"))?,
        rollouts: rollouts::read(&path.join("rollouts"), rollout_bytes)?,
    })
}

/// The folder's own name, of `.` too.
fn name(path: &Path) -> String {
    let own = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    own(path).or_else(|| own(&path.canonicalize().ok()?)).unwrap_or_else(|| path.display().to_string())
}

impl Run {
    /// What it is called on the page: the name of its folder.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Steps that are recorded.
    pub fn steps(&self) -> u32 {
        self.metrics.steps
    }

    /// Puts the prompts of its examples into words: rollouts hold them as token ids, and there is no tokenizer here.
    pub fn decode_prompts(&mut self, decode: &dyn Fn(&[u32]) -> Option<String>) {
        self.rollouts.examples.decode(decode);
    }

    /// A setting of the run in words.
    pub(crate) fn setting(&self, key: &str) -> Option<String> {
        self.settings.as_ref()?.text(key)
    }

    /// The length in tokens that the reward asks for, L_T.
    pub(crate) fn target_length(&self) -> Option<f64> {
        Some(self.settings.as_ref()?.number("reward.target_length")? as f64)
    }

    /// The steps that its run file asks for.
    pub(crate) fn planned_steps(&self) -> Option<u64> {
        self.settings.as_ref()?.number("train.steps")
    }

    /// What a reader should know of the files, in sentences.
    pub(crate) fn notes(&self) -> Vec<String> {
        use crate::number::{counted, grouped};
        let (metrics, rollouts) = (&self.metrics, &self.rollouts);
        let mut notes = Vec::new();
        let mut note = |holds: bool, text: String| notes.extend(holds.then_some(text));
        note(metrics.torn, "The last line of metrics.jsonl is cut off, as a killed run leaves it; it was left out.".into());
        note(self.events.torn, "The last line of events.jsonl is cut off, as a killed run leaves it; it was left out.".into());
        let repeated = counted(metrics.repeated, "row");
        note(metrics.repeated > 0, format!("{repeated} of metrics.jsonl repeat a step; the first of each was taken."));
        let left_out = grouped(metrics.left_out);
        note(metrics.left_out > 0, format!("{left_out} numbers of metrics.jsonl have names beyond the first few hundred."));
        let of = (grouped(rollouts.read as u64), grouped(rollouts.files as u64));
        note(rollouts.read == 0 && rollouts.files > 0, "The recorded rollouts were left unread.".into());
        note(
            (1..rollouts.files).contains(&rollouts.read),
            format!("Rollouts of {} steps, evenly spaced among {}, were read.", of.0, of.1),
        );
        note(rollouts.files == 0, "The run has no recorded rollouts.".into());
        let events = grouped(self.events.left_out);
        note(self.events.left_out > 0, format!("{events} more alarms and changes of stage are in events.jsonl."));
        if let Some(planned) = self.planned_steps().filter(|planned| *planned > u64::from(metrics.steps)) {
            let (done, planned) = (grouped(metrics.steps.into()), grouped(planned));
            notes.push(format!("{done} of {planned} steps are recorded: the run goes on, or was stopped."));
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_no_run_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let error = read_run(&folder.path().join("nothing")).unwrap_err();
        assert!(matches!(error, ReportError::NotFound { .. }), "{error}");
        let error = read_run(folder.path()).unwrap_err();
        assert!(matches!(error, ReportError::NotARun { .. }), "{error}");
        let file = folder.path().join("file");
        fs::write(&file, "x").unwrap();
        assert!(matches!(read_run(&file).unwrap_err(), ReportError::NotARun { .. }));
    }

    #[test]
    fn a_run_without_metrics_is_empty() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("run.toml"), "seed = 0\n").unwrap();
        for text in [None, Some(""), Some("{\"step\":1,\"rew")] {
            text.iter().for_each(|text| fs::write(folder.path().join("metrics.jsonl"), text).unwrap());
            let error = read_run(folder.path()).unwrap_err();
            assert!(matches!(error, ReportError::EmptyRun { .. }), "{error}");
        }
    }

    #[test]
    fn a_killed_run_is_read_and_said_to_be_one() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("run.toml"), "[train]\nsteps = 5\n[reward]\ntarget_length = 48\n").unwrap();
        fs::write(folder.path().join("metrics.jsonl"), "{\"step\":1,\"reward\":1.0}\n{\"st").unwrap();
        let run = read_run(folder.path()).unwrap();
        assert_eq!((run.steps(), run.target_length()), (1, Some(48.0)));
        let notes = run.notes().join(" ");
        assert!(notes.contains("metrics.jsonl is cut off") && notes.contains("1 of 5 steps"), "{notes}");
    }
}
