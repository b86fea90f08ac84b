//! Checkpoints: `checkpoint-N/` in HF layout plus the trainer's state, whole or not there at all (invariant 9).
//!
//! A checkpoint is written into `checkpoint-N.tmp`, every file synced, a manifest of sizes and SHA-256 sums last; then the
//! directory is renamed. A reader believes a checkpoint only when every file agrees with its manifest.
//!
//! Only a folder named exactly `checkpoint-N` is one. What a killed process leaves behind has another name
//! (`checkpoint-N.tmp`, `.old`, `.deleting.tmp`) and is removed, or put back where it was the only copy, by the next run.
//! The text file `latest` names the newest checkpoint for people and scripts; a resume does not rely on it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use curt_difficulty::SamplerState;
use curt_reward::StrategyState;
use curt_runtime::checkpoint::{StagingDirectory, recover_directory, sync_directory, write_file};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::run_directory::replace_file;

mod error;
#[cfg(test)]
mod tests;

pub use error::CheckpointError;

/// Version of the trainer's state; raised when an older reader could misread it.
const FORMAT: u32 = 1;

/// Keys that older checkpoints do not have, with what those runs did.
const ADDED_LATER: &[(&str, &str)] =
    &[("data.sampler", "\"uniform\""), ("rollout.screening", "0"), ("rollout.refill_rounds", "0")];

const STATE_FILE: &str = "trainer_state.json";
const MANIFEST_FILE: &str = "MANIFEST.json";
const LATEST_FILE: &str = "latest";
const PREFIX: &str = "checkpoint-";

/// What a resume needs besides weights and moments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainerState {
    /// Version of this record.
    pub format: u32,
    /// Steps that are done.
    pub step: u32,
    /// Tokens of all steps so far, each completion with its prompt.
    pub num_tokens: u64,
    /// The reward strategy's own state.
    pub strategy: StrategyState,
    /// The sampler's; `None` for problems drawn afresh, and in checkpoints from before there was a choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampler: Option<SamplerState>,
    /// Problems that refills drew from a data set so far.
    #[serde(default, skip_serializing_if = "is_none")]
    pub refilled: u64,
    /// What must not change between the parts of a run, by name: configuration keys, digests of data.
    pub fingerprints: BTreeMap<String, String>,
    /// Bytes of each append-only file of the run directory at this moment.
    pub positions: BTreeMap<String, u64>,
}

impl TrainerState {
    /// A state of the current format.
    pub fn new(step: u32, num_tokens: u64, strategy: StrategyState) -> Self {
        let (fingerprints, positions) = (BTreeMap::new(), BTreeMap::new());
        Self { format: FORMAT, step, num_tokens, strategy, sampler: None, refilled: 0, fingerprints, positions }
    }
}

fn is_none(count: &u64) -> bool {
    *count == 0
}

impl Found {
    /// Compares the fingerprints of the checkpoint with those of this run.
    ///
    /// # Errors
    /// [`CheckpointError::Fingerprint`] with the first name that differs, or that only one of the two has.
    pub fn check_fingerprints(&self, now: &BTreeMap<String, String>) -> Result<(), CheckpointError> {
        let mut then = self.state.fingerprints.clone();
        for (name, value) in ADDED_LATER.iter().filter(|(name, _)| now.contains_key(*name)) {
            then.entry((*name).to_owned()).or_insert_with(|| (*value).to_owned());
        }
        let Some(what) = then.keys().chain(now.keys()).find(|name| then.get(*name) != now.get(*name)) else {
            return Ok(());
        };
        let value = |all: &BTreeMap<String, String>| all.get(what).cloned().unwrap_or_else(|| "absent".into());
        let (expected, found) = (value(&then), value(now));
        Err(CheckpointError::Fingerprint { path: self.folder.clone(), what: what.clone(), expected, found })
    }
}

/// Which checkpoint to resume from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResumeFrom {
    /// The newest whole one of the output directory.
    Latest,
    /// The one after this many steps.
    Step(u32),
    /// The one in this folder.
    Directory(PathBuf),
}

impl std::str::FromStr for ResumeFrom {
    type Err = std::convert::Infallible;

    /// `latest`, a number of steps, or a folder.
    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Ok(match (word, word.parse()) {
            ("latest", _) => ResumeFrom::Latest,
            (_, Ok(step)) => ResumeFrom::Step(step),
            _ => ResumeFrom::Directory(word.into()),
        })
    }
}

/// Size and digest of one file.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Entry {
    bytes: u64,
    sha256: String,
}

/// The folder of the checkpoint after `step` steps.
pub fn directory(output_dir: &Path, step: u32) -> PathBuf {
    output_dir.join(format!("{PREFIX}{step}"))
}

/// Writes a checkpoint and then `latest`: `fill` writes weights and moments, synced, into the folder that it is given.
///
/// Returns the checkpoint's folder. After an error, or a kill at any moment, either the whole checkpoint is there or none
/// of that name (or the one that was there before).
pub fn save<E: From<CheckpointError> + From<curt_runtime::RuntimeError>>(
    output_dir: &Path,
    state: &TrainerState,
    fill: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<PathBuf, E> {
    let target = directory(output_dir, state.step);
    let staging = StagingDirectory::create(&target)?;
    fill(staging.path())?;
    write_file(&staging.path().join(STATE_FILE), &json(state))?;
    let manifest = manifest(staging.path())?;
    write_file(&staging.path().join(MANIFEST_FILE), &json(&manifest))?;
    staging.commit()?;
    write_latest(output_dir, state.step)?;
    Ok(target)
}

/// Deletes the oldest checkpoints beyond `limit` (0 keeps all).
pub fn prune(output_dir: &Path, limit: usize) -> Result<(), CheckpointError> {
    let steps = steps(output_dir)?;
    let surplus = if limit == 0 { 0 } else { steps.len().saturating_sub(limit) };
    steps[..surplus].iter().try_for_each(|&step| delete(output_dir, step))
}

/// Deletes the checkpoints after `step`, newest first: a resume from `step` makes them anew, and until then the records
/// that they count on are gone.
pub fn forget_after(output_dir: &Path, step: u32) -> Result<(), CheckpointError> {
    write_latest(output_dir, step)?;
    let steps = steps(output_dir)?;
    steps.into_iter().rev().take_while(|newer| *newer > step).try_for_each(|newer| delete(output_dir, newer))
}

/// Removes what killed writers left behind.
pub fn clean(output_dir: &Path) -> Result<(), CheckpointError> {
    for (path, name) in leftovers(output_dir)? {
        match name.strip_suffix(".old") {
            Some(target) => recover(&output_dir.join(target))?,
            None => fs::remove_dir_all(&path).map_err(io_error(&path))?,
        }
        if path.exists() {
            fs::remove_dir_all(&path).map_err(io_error(&path))?;
        }
    }
    Ok(())
}

/// A checkpoint loses its name, for good, before it loses its files.
fn delete(output_dir: &Path, step: u32) -> Result<(), CheckpointError> {
    let folder = directory(output_dir, step);
    let doomed = output_dir.join(format!("{PREFIX}{step}.deleting.tmp"));
    if doomed.exists() {
        fs::remove_dir_all(&doomed).map_err(io_error(&doomed))?;
    }
    fs::rename(&folder, &doomed).map_err(io_error(&folder))?;
    sync_directory(output_dir).map_err(|e| CheckpointError::Io { path: output_dir.into(), source: io::Error::other(e) })?;
    fs::remove_dir_all(&doomed).map_err(io_error(&doomed))
}

fn write_latest(output_dir: &Path, step: u32) -> Result<(), CheckpointError> {
    let path = output_dir.join(LATEST_FILE);
    replace_file(&path, format!("{PREFIX}{step}\n").as_bytes()).map_err(io_error(&path))
}

/// Folders of this module's other names.
fn leftovers(output_dir: &Path) -> Result<Vec<(PathBuf, String)>, CheckpointError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(output_dir).map_err(io_error(output_dir))? {
        let path = entry.map_err(io_error(output_dir))?.path();
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with(PREFIX) && (name.ends_with(".tmp") || name.ends_with(".old")) {
            found.push((path, name));
        }
    }
    Ok(found)
}

/// Puts a checkpoint back that was being replaced when the process was killed.
fn recover(target: &Path) -> Result<(), CheckpointError> {
    recover_directory(target).map_err(|e| CheckpointError::Io { path: target.into(), source: io::Error::other(e) })
}

/// A checkpoint that was found whole.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its folder.
    pub folder: PathBuf,
    /// Its state.
    pub state: TrainerState,
    /// Newer checkpoints that were passed over, and why ([`ResumeFrom::Latest`] only).
    pub skipped: Vec<String>,
}

/// Finds and verifies the checkpoint to resume from.
///
/// # Errors
/// None at all yet; the one asked for is missing, damaged (by file), or of another run; all are damaged; one that
/// [`ResumeFrom::Latest`] meets cannot be read or understood, and is therefore not known to be damaged.
pub fn find(output_dir: &Path, from: &ResumeFrom) -> Result<Found, CheckpointError> {
    if output_dir.is_dir() {
        for (_, name) in leftovers(output_dir)? {
            name.strip_suffix(".old").map_or(Ok(()), |target| recover(&output_dir.join(target)))?;
        }
    }
    let folder = match from {
        ResumeFrom::Latest => return find_latest(output_dir),
        ResumeFrom::Step(step) => directory(output_dir, *step),
        ResumeFrom::Directory(folder) => folder.clone(),
    };
    if !folder.is_dir() {
        let present: Vec<String> = steps(output_dir)?.iter().map(|step| format!("{PREFIX}{step}")).collect();
        let present = if present.is_empty() { "none".to_owned() } else { present.join(", ") };
        return Err(CheckpointError::NotFound { path: folder, present });
    }
    let parent = |path: &Path| Some(path.canonicalize().ok()?.parent()?.to_owned());
    if parent(&folder) != output_dir.canonicalize().ok() {
        return Err(CheckpointError::OtherRun { path: folder, output_dir: output_dir.into() });
    }
    Ok(Found { state: verify(&folder)?, folder, skipped: Vec::new() })
}

fn find_latest(output_dir: &Path) -> Result<Found, CheckpointError> {
    let mut skipped = Vec::new();
    for step in steps(output_dir)?.into_iter().rev() {
        let folder = directory(output_dir, step);
        match verify(&folder) {
            Ok(state) => return Ok(Found { folder, state, skipped }),
            Err(error @ CheckpointError::Damaged { .. }) => skipped.push(error.to_string()),
            // a resume deletes what it passes over: not what may be whole
            Err(error) => return Err(error),
        }
    }
    let path = output_dir.to_owned();
    Err(if skipped.is_empty() {
        CheckpointError::NoneYet { path }
    } else {
        CheckpointError::AllDamaged { path, reasons: skipped }
    })
}

/// Steps of the checkpoints in `output_dir`, ascending; none where it does not exist.
pub fn steps(output_dir: &Path) -> Result<Vec<u32>, CheckpointError> {
    let mut steps = Vec::new();
    if !output_dir.exists() {
        return Ok(steps);
    }
    for entry in fs::read_dir(output_dir).map_err(io_error(output_dir))? {
        let name = entry.map_err(io_error(output_dir))?.file_name();
        steps.extend(name.to_str().and_then(step_of));
    }
    steps.sort_unstable();
    Ok(steps)
}

/// N of a name that is exactly `checkpoint-N`.
fn step_of(name: &str) -> Option<u32> {
    let step = name.strip_prefix(PREFIX)?.parse().ok()?;
    (name == format!("{PREFIX}{step}")).then_some(step)
}

/// Compares every file of a checkpoint with its manifest; returns the state.
pub fn verify(folder: &Path) -> Result<TrainerState, CheckpointError> {
    let path = folder.join(MANIFEST_FILE);
    let text = fs::read(&path).map_err(missing_or_io(&path))?;
    let entries: BTreeMap<String, Entry> = serde_json::from_slice(&text).map_err(|e| match e.is_data() {
        true => not_understood(&path, e.to_string()),
        false => damaged(&path, format!("malformed manifest: {e}")),
    })?;
    for (name, expected) in &entries {
        let path = folder.join(name);
        if Path::new(name).file_name() != Some(name.as_ref()) {
            return Err(not_understood(&path, "not the name of a file of this folder".into()));
        }
        let bytes = fs::metadata(&path).map_err(missing_or_io(&path))?.len();
        if bytes != expected.bytes {
            return Err(damaged(&path, format!("expected {} bytes, found {bytes}", expected.bytes)));
        }
        let found = entry(&path).map_err(missing_or_io(&path))?;
        if found.sha256 != expected.sha256 {
            return Err(damaged(&path, format!("expected SHA-256 {}, found {}", expected.sha256, found.sha256)));
        }
    }
    let path = folder.join(STATE_FILE);
    if !entries.contains_key(STATE_FILE) {
        return Err(not_understood(&path, "not in the manifest".into()));
    }
    let text = fs::read(&path).map_err(io_error(&path))?;
    let value: serde_json::Value = serde_json::from_slice(&text).map_err(|e| not_understood(&path, e.to_string()))?;
    match value["format"].as_u64() {
        Some(found) if found != u64::from(FORMAT) => return Err(CheckpointError::Format { path, found }),
        _ => {}
    }
    let state: TrainerState = serde_json::from_value(value).map_err(|e| not_understood(&path, e.to_string()))?;
    match folder.file_name().and_then(|name| step_of(name.to_str()?)) {
        Some(step) if step != state.step => Err(not_understood(&path, format!("expected step {step}, found {}", state.step))),
        _ => Ok(state),
    }
}

fn damaged(path: &Path, reason: String) -> CheckpointError {
    CheckpointError::Damaged { path: path.into(), reason }
}

fn not_understood(path: &Path, reason: String) -> CheckpointError {
    CheckpointError::NotUnderstood { path: path.into(), reason }
}

/// Only a file that is not there is damage; one that cannot be read now may be whole.
fn missing_or_io(path: &Path) -> impl FnOnce(io::Error) -> CheckpointError + '_ {
    move |source| match source.kind() {
        io::ErrorKind::NotFound => damaged(path, source.to_string()),
        _ => CheckpointError::Io { path: path.into(), source },
    }
}

fn manifest(folder: &Path) -> Result<BTreeMap<String, Entry>, CheckpointError> {
    let mut entries = BTreeMap::new();
    for file in fs::read_dir(folder).map_err(io_error(folder))? {
        let path = file.map_err(io_error(folder))?.path();
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        entries.insert(name, entry(&path).map_err(io_error(&path))?);
    }
    Ok(entries)
}

fn entry(path: &Path) -> io::Result<Entry> {
    // anything else may have no end
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "expected a plain file"));
    }
    let mut file = File::open(path)?;
    let mut digest = Sha256::new();
    let mut block = vec![0; 1 << 20];
    let mut bytes = 0;
    loop {
        let n = file.read(&mut block)?;
        if n == 0 {
            break;
        }
        digest.update(&block[..n]);
        bytes += n as u64;
    }
    Ok(Entry { bytes, sha256: hex(&digest.finalize()) })
}

/// Lower-case hexadecimal.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// SHA-256 over the sizes and digests of some files, in order, in hexadecimal.
pub(crate) fn digest_files(paths: &[PathBuf]) -> Result<String, CheckpointError> {
    let mut digest = Sha256::new();
    for path in paths {
        let Entry { bytes, sha256 } = entry(path).map_err(io_error(path))?;
        digest.update(format!("{bytes} {sha256}\n"));
    }
    Ok(hex(&digest.finalize()))
}

/// [`digest_files`] of the weights of a checkpoint in HF layout: its safetensors files, by name.
pub(crate) fn digest_weights(folder: &Path) -> Result<String, CheckpointError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(io_error(folder))? {
        let path = entry.map_err(io_error(folder))?.path();
        files.extend(path.extension().is_some_and(|extension| extension == "safetensors").then_some(path));
    }
    files.sort();
    digest_files(&files)
}

fn json(value: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(value).expect("maps with text keys serialize");
    text.push(b'\n');
    text
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> CheckpointError + '_ {
    move |source| CheckpointError::Io { path: path.into(), source }
}
