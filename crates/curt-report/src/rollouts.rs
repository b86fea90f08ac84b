//! `rollouts/step_00001.jsonl.zst` and so on: lengths by correctness, and completions to read, from a stream of any length.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::ReportError;
use crate::examples::{Completion, Examples};
use crate::line_reader::LineReader;

/// Share of the files, at each end of a run, whose lengths are compared.
const END: usize = 10;
/// What a file of one step may unpack to. A bomb has more.
const MAX_UNPACKED: u64 = 2 << 30;

/// Lengths and how many rollouts have them.
pub type Counts = BTreeMap<u32, u64>;

/// What was read of the rollouts of a run.
#[derive(Clone, Debug, Default)]
pub struct Rollouts {
    /// Files, one for each step.
    pub files: usize,
    /// Files that were read: all, or evenly spaced ones of a run too large.
    pub read: usize,
    /// Rollouts in those.
    pub rollouts: u64,
    /// Lengths over the first steps and over the last.
    pub ends: [Lengths; 2],
    /// Completions to read.
    pub examples: Examples,
}

/// Lengths over some steps, by correctness.
#[derive(Clone, Debug, Default)]
pub struct Lengths {
    /// The first step and the last.
    pub steps: Option<(u32, u32)>,
    /// Of right rollouts.
    pub correct: Counts,
    /// Of the others.
    pub wrong: Counts,
}

impl Lengths {
    fn add(&mut self, step: u32, correct: bool, length: u32) {
        let (first, last) = self.steps.unwrap_or((step, step));
        self.steps = Some((first.min(step), last.max(step)));
        let counts = if correct { &mut self.correct } else { &mut self.wrong };
        *counts.entry(length).or_default() += 1;
    }
}

/// What of a line is needed of every rollout; what it holds besides is not kept.
#[derive(Deserialize)]
struct Brief {
    #[serde(default)]
    correct: bool,
    length: u32,
    #[serde(default)]
    sample_index: u32,
}

/// Reads the rollouts in `folder`, about `most_bytes` of their files at most (0: none); none where there is no folder.
///
/// # Errors
/// The folder cannot be read, or a file is damaged: named, with the line.
pub fn read(folder: &Path, most_bytes: u64) -> Result<Rollouts, ReportError> {
    let files = files(folder)?;
    if most_bytes == 0 {
        return Ok(Rollouts { files: files.len(), ..Rollouts::default() });
    }
    let total: u64 = files.iter().map(|file| file.bytes).sum();
    let every = usize::try_from(total.div_ceil(most_bytes).max(1)).unwrap_or(usize::MAX);
    let last = files.len().saturating_sub(1);
    let mut found = Rollouts { files: files.len(), ..Rollouts::default() };
    let near_end = (files.len() / END).max(1);
    for (place, file) in files.iter().enumerate() {
        if place % every != 0 && place != last {
            continue;
        }
        let end = match place {
            _ if place < near_end && files.len() > 1 => Some(0),
            _ if place + near_end > last => Some(1),
            _ => None,
        };
        found.read += 1;
        found.read_file(file, end)?;
    }
    Ok(found)
}

struct StepFile {
    path: PathBuf,
    step: u32,
    bytes: u64,
}

fn files(folder: &Path) -> Result<Vec<StepFile>, ReportError> {
    let mut files = Vec::new();
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(files),
        Err(error) => return Err(ReportError::read(folder)(error)),
    };
    for entry in entries {
        let path = entry.map_err(ReportError::read(folder))?.path();
        if let Some(step) = step_of(&path) {
            // one that a resumed run has just taken back
            let Ok(metadata) = fs::metadata(&path) else { continue };
            files.push(StepFile { path, step, bytes: metadata.len() });
        }
    }
    files.sort_by_key(|file| file.step);
    Ok(files)
}

fn step_of(path: &Path) -> Option<u32> {
    path.file_name()?.to_str()?.strip_prefix("step_")?.strip_suffix(".jsonl.zst")?.parse().ok()
}

impl Rollouts {
    fn read_file(&mut self, file: &StepFile, end: Option<usize>) -> Result<(), ReportError> {
        let damaged = |problem: String| ReportError::Rollouts { path: file.path.clone(), problem };
        let packed = File::open(&file.path).map_err(ReportError::read(&file.path))?;
        let unpacked = zstd::Decoder::new(packed).map_err(|error| damaged(error.to_string()))?.take(MAX_UNPACKED);
        let mut lines = LineReader::new(BufReader::with_capacity(1 << 17, unpacked));
        while let Some(line) = lines.next().map_err(|error| damaged(error.to_string()))? {
            let at = |error: serde_json::Error| damaged(format!("line {}: {error}", line.number));
            let rollout: Brief = serde_json::from_slice(line.bytes).map_err(at)?;
            self.rollouts += 1;
            if let Some(end) = end {
                self.ends[end].add(file.step, rollout.correct, rollout.length);
            }
            // the first of a group stands for it, so that nothing is picked
            if rollout.sample_index == 0 {
                let read = || serde_json::from_slice::<Completion>(line.bytes);
                self.examples.offer(file.step, end, line.bytes, read).map_err(at)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(u32, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (step, text) in files {
            let packed = zstd::encode_all(text.as_bytes(), 1).unwrap();
            fs::write(folder.path().join(format!("step_{step:05}.jsonl.zst")), packed).unwrap();
        }
        folder
    }

    fn row(correct: bool, length: u32) -> String {
        format!("{{\"correct\":{correct},\"length\":{length},\"completion_ids\":[1,2,3],\"sample_index\":1}}\n")
    }

    #[test]
    fn lengths_are_counted_at_both_ends_by_correctness() {
        let (early, middle, late) = (row(true, 9) + &row(false, 30) + &row(true, 9), row(true, 5), row(true, 4));
        let folder = folder(&[(1, &early), (2, &middle), (3, &late)]);
        let found = read(folder.path(), u64::MAX).unwrap();
        assert_eq!((found.files, found.read, found.rollouts), (3, 3, 5));
        let [first, last] = &found.ends;
        assert_eq!((first.steps, last.steps), (Some((1, 1)), Some((3, 3))));
        assert_eq!((&first.correct, &first.wrong), (&Counts::from([(9, 2)]), &Counts::from([(30, 1)])));
        assert_eq!((&last.correct, last.wrong.len()), (&Counts::from([(4, 1)]), 0));
    }

    #[test]
    fn of_a_run_too_large_evenly_spaced_files_and_both_ends_are_read() {
        let texts: Vec<(u32, String)> = (1..=21).map(|step| (step, row(true, step))).collect();
        let files: Vec<(u32, &str)> = texts.iter().map(|(step, text)| (*step, text.as_str())).collect();
        let folder = folder(&files);
        let bytes: u64 = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
        let found = read(folder.path(), bytes / 5).unwrap();
        assert!((4..=6).contains(&found.read), "{}", found.read);
        assert_eq!(found.ends[0].steps, Some((1, 1)));
        assert_eq!(found.ends[1].steps, Some((21, 21)));
    }

    #[test]
    fn damaged_rollouts_are_named() {
        let folder = folder(&[(1, &row(true, 3))]);
        let path = folder.path().join("step_00001.jsonl.zst");
        let whole = fs::read(&path).unwrap();
        let mut flipped = whole.clone();
        flipped[1] ^= 0x55;
        for bytes in [&whole[..whole.len() - 4], &flipped, b"not zst", &zstd::encode_all(&b"{\"length\":"[..], 1).unwrap()] {
            fs::write(&path, bytes).unwrap();
            let error = read(folder.path(), u64::MAX).unwrap_err();
            assert!(matches!(&error, ReportError::Rollouts { .. }) && error.to_string().contains("step_00001"), "{error}");
        }
    }

    #[test]
    fn no_rollouts_are_no_error() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(&folder.path().join("rollouts"), u64::MAX).unwrap().files, 0);
        fs::write(folder.path().join("step_00001.jsonl.zst.tmp"), "half").unwrap();
        assert_eq!(read(folder.path(), u64::MAX).unwrap().rollouts, 0);
    }
}
