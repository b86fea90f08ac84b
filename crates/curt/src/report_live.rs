//! The page of a run that goes on: written anew after each evaluation and each checkpoint, and at the end.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Result;
use curt_report::{ROLLOUT_BYTES, read_run_within};
use curt_runtime::Tokenizer;

use crate::report;
use crate::terminal::Terminal;

/// Packed rollouts that are read while a run goes on, at most, in bytes.
const LIVE_BYTES: u64 = 16 << 20;
/// Of the time that passes, at most one part in so many goes into pages before the last.
const SHARE: u32 = 50;

/// Keeps the page in a run directory up to date. It never stops a run: what goes wrong is said in a line, once.
#[derive(Debug)]
pub struct LiveReport {
    directory: PathBuf,
    tokenizer: Option<Tokenizer>,
    /// Whether this process has recorded anything: before, the directory may be somebody else's.
    has_begun: bool,
    has_failed: bool,
    /// When the last page was done, and how long it took.
    last: Option<(Instant, Duration)>,
}

impl LiveReport {
    /// The page of the run in this directory. Nothing is written yet.
    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), tokenizer: None, has_begun: false, has_failed: false, last: None }
    }

    /// Notes that the run has recorded something.
    pub fn begin(&mut self) {
        self.has_begun = true;
    }

    /// Writes the page, unless the last one is so recent that this would cost the run more than a small share of its time.
    pub fn refresh(&mut self, terminal: &Terminal) {
        self.begin();
        let is_due = self.last.is_none_or(|(when, cost)| when.elapsed() >= cost * SHARE);
        if is_due && !self.has_failed {
            self.write(terminal, LIVE_BYTES);
        }
    }

    /// Writes the page of the run as it ended; where it lies, if there is one.
    pub fn finish(mut self, terminal: &Terminal) -> Option<PathBuf> {
        if !self.has_begun {
            return None;
        }
        self.has_failed = false;
        self.write(terminal, ROLLOUT_BYTES);
        (!self.has_failed).then(|| self.directory.join(report::FILE))
    }

    fn write(&mut self, terminal: &Terminal, rollout_bytes: u64) {
        let started = Instant::now();
        if let Err(error) = self.try_write(rollout_bytes) {
            self.has_failed = true;
            terminal.say(&format!("no report: {}", terminal.harmless(&format!("{error:#}").replace('\n', " "))));
        }
        self.last = Some((Instant::now(), started.elapsed()));
    }

    fn try_write(&mut self, rollout_bytes: u64) -> Result<()> {
        let mut run = read_run_within(&self.directory, rollout_bytes)?;
        if self.tokenizer.is_none() {
            self.tokenizer = report::tokenizer(&self.directory);
        }
        report::decode_prompts(&mut run, self.tokenizer.as_ref());
        report::write(&self.directory.join(report::FILE), &report::page(vec![run], Vec::new())?)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::terminal::tests::plain;

    #[test]
    fn nothing_is_written_before_the_run_has_begun() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("metrics.jsonl"), "{\"step\":1,\"reward\":1}\n").unwrap();
        assert_eq!(LiveReport::new(folder.path()).finish(&plain(true)), None);
        assert!(!folder.path().join(report::FILE).exists());
    }

    #[test]
    fn a_failure_is_said_and_does_not_come_again_until_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let mut live = LiveReport::new(&folder.path().join("nowhere"));
        live.refresh(&plain(true));
        assert!(live.has_failed);
        let last = live.last;
        live.refresh(&plain(true));
        assert_eq!(live.last, last);
        assert_eq!(live.finish(&plain(true)), None);
    }

    #[test]
    fn the_page_is_refreshed_and_left_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("metrics.jsonl"), "{\"step\":1,\"reward\":1}\n").unwrap();
        let mut live = LiveReport::new(folder.path());
        live.refresh(&plain(true));
        let path = folder.path().join(report::FILE);
        assert!(path.is_file());
        fs::write(folder.path().join("metrics.jsonl"), "{\"step\":1,\"reward\":1}\n{\"step\":2,\"reward\":0.125}\n").unwrap();
        // too soon
        live.last = Some((Instant::now(), Duration::from_secs(9)));
        live.refresh(&plain(true));
        assert!(!fs::read_to_string(&path).unwrap().contains("0.125"));
        assert_eq!(live.finish(&plain(true)), Some(path.clone()));
        assert!(fs::read_to_string(&path).unwrap().contains("data-v=\"0.125\""));
    }
}
