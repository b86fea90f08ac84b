//! Where recorded rollouts come from: files, compressed or not, run directories, standard input.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::Result;
use curt_lab::Reader;
use curt_reward::Parameters;
use curt_trainer::run_file::RunFile;

use crate::exit::CommandError;

/// Opened lines.
pub type Lines = Box<dyn BufRead>;

/// The files that `path` means: itself, or of a run directory its `rollouts/*.jsonl.zst`, in the order of their steps.
pub fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let cannot = |source| CommandError::Recording { path: path.to_owned(), source };
    let folder = if path.join("rollouts").is_dir() { path.join("rollouts") } else { path.to_owned() };
    let entries = std::fs::read_dir(&folder).and_then(Iterator::collect::<std::io::Result<Vec<_>>>).map_err(cannot)?;
    let is_recording = |path: &PathBuf| [".jsonl", ".jsonl.zst"].iter().any(|end| path.to_string_lossy().ends_with(end));
    let mut found: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).filter(is_recording).collect();
    found.sort();
    if found.is_empty() {
        let nothing = std::io::Error::other("no *.jsonl or *.jsonl.zst in it");
        return Err(CommandError::Recording { path: folder, source: nothing }.into());
    }
    Ok(found)
}

/// A reader of one file, decompressed if its name ends in `.zst`; `-` is standard input.
pub fn open(path: &Path, groups_per_step: usize) -> Result<Reader<Lines>> {
    if path == Path::new("-") {
        let lines: Lines = Box::new(BufReader::new(std::io::stdin()));
        return Ok(Reader::new("standard input", lines).groups_per_step(groups_per_step));
    }
    let cannot = |source| CommandError::Recording { path: path.to_owned(), source };
    let file = File::open(path).map_err(cannot)?;
    let lines: Lines = match path.extension().is_some_and(|extension| extension == "zst") {
        true => Box::new(BufReader::with_capacity(1 << 18, zstd::Decoder::new(file).map_err(cannot)?)),
        false => Box::new(BufReader::with_capacity(1 << 18, file)),
    };
    Ok(Reader::new(path.display().to_string(), lines).groups_per_step(groups_per_step))
}

/// L_T and L_R of the run that left this directory; `None` where `path` is none.
pub fn lengths_of_run(path: &Path) -> Result<Option<(u32, u32)>> {
    let run_file = path.join("run.toml");
    if !run_file.is_file() {
        return Ok(None);
    }
    let config = RunFile::load(Some(&run_file), &[])?;
    Ok(Some((config.reward.target_length as u32, config.rollout.max_completion_length as u32)))
}

/// `KEY=VALUE` words as parameters: a value that reads as a number is one.
pub fn parameters(sets: &[String]) -> Result<Parameters> {
    sets.iter().try_fold(Parameters::new(), |all, set| {
        let (key, value) = set.split_once('=').ok_or_else(|| CommandError::ParameterSyntax { text: set.clone() })?;
        let (key, value) = (key.trim(), value.trim());
        Ok(match value.parse::<f64>() {
            Ok(number) => all.with(key, number),
            Err(_) => all.with(key, value),
        })
    })
}
