//! The run directory: what a run writes beside its checkpoints, and how a resume cuts it back.
//!
//! `run.toml` is the resolved configuration. `metrics.jsonl`, `events.jsonl` and the TensorBoard file are append-only, one
//! write per line or record; `rollouts/step_00010.jsonl.zst` is one file per step, written aside and renamed. A checkpoint
//! stores the lengths of the append-only files, so that a resume cuts them back to exactly what they were, a line torn by a
//! kill included; rollouts of later steps are deleted. Nothing but the TensorBoard file and `time/…` metrics holds a clock.
//! `run.lock` is empty, and locked while a process is at work.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use curt_runtime::checkpoint::sync_directory;
use serde::Serialize;
use serde_json::{Value, json};

use crate::checkpoint;
use crate::config::Config;
use crate::metrics::{MetricsError, MetricsRow, read_metrics, read_row};
use crate::run_file::RunFileError;
use crate::tensorboard;

#[cfg(test)]
mod tests;

const METRICS: &str = "metrics.jsonl";
const EVENTS: &str = "events.jsonl";
/// TensorBoard takes any file whose name holds `tfevents`; a fixed name lets a resume go on writing it.
const TENSORBOARD: &str = "events.out.tfevents.curt";
const APPEND_ONLY: [&str; 3] = [METRICS, EVENTS, TENSORBOARD];
const RUN_FILE: &str = "run.toml";
const LOCK: &str = "run.lock";
const ROLLOUTS: &str = "rollouts";

/// Compression level of rollouts.
const LEVEL: i32 = 3;

/// A run directory that cannot be made, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunDirectoryError {
    /// The directory holds another run already.
    #[error("{}: holds a run already; continue it with --resume latest, or choose another output_dir", path.display())]
    Occupied {
        /// The directory.
        path: PathBuf,
    },
    /// There is no run to continue.
    #[error("{}: holds no run to resume: no {RUN_FILE}", path.display())]
    NoRun {
        /// The directory.
        path: PathBuf,
    },
    /// Another process is at work in it.
    #[error("{}: another process is training here; wait for its end, or choose another output_dir", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// Reading or writing failed: a full disk, missing rights, …
    #[error("{}: cannot be read or written: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file is shorter than the checkpoint says.
    #[error("{}: has {found} bytes, but the checkpoint was written when it had {expected}", path.display())]
    TooShort {
        /// The file.
        path: PathBuf,
        /// Bytes at the checkpoint.
        expected: u64,
        /// Bytes now.
        found: u64,
    },
    /// The configuration cannot be written as `run.toml`.
    #[error(transparent)]
    RunFile(#[from] RunFileError),
    /// The metrics recorded so far cannot be read back.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
}

/// The open files of a run.
#[derive(Debug)]
pub struct RunDirectory {
    root: PathBuf,
    metrics: File,
    events: File,
    tensorboard: Option<File>,
    /// Held while the run is, so that no other process resumes it meanwhile; a kill releases it.
    _lock: File,
    /// Rollouts written since the last [`RunDirectory::positions`]: only a checkpoint needs them to be durable.
    unsynced: Vec<PathBuf>,
}

impl RunDirectory {
    /// Makes the directory of a new run and writes its resolved configuration.
    ///
    /// # Errors
    /// It holds a run already, or cannot be written.
    pub fn create(config: &Config) -> Result<Self, RunDirectoryError> {
        let root = &config.output_dir;
        if is_occupied(root) {
            return Err(RunDirectoryError::Occupied { path: root.into() });
        }
        // before anything is made
        config.to_toml()?;
        let rollouts = root.join(ROLLOUTS);
        fs::create_dir_all(&rollouts).map_err(io_error(&rollouts))?;
        let lock = lock(root)?;
        // another process may have run here meanwhile
        if is_occupied(root) {
            return Err(RunDirectoryError::Occupied { path: root.into() });
        }
        Self::start(config, lock)
    }

    /// Opens the directory of an existing run for appending; its `run.toml` becomes this configuration.
    ///
    /// # Errors
    /// What [`Self::check`] refuses, and then nothing was written; or it cannot be written.
    pub fn open(config: &Config, positions: &BTreeMap<String, u64>) -> Result<Self, RunDirectoryError> {
        Self::check(&config.output_dir, positions)?;
        Self::start(config, lock(&config.output_dir)?)
    }

    /// Asks whether the run at `root` can go on from a checkpoint with these lengths of its append-only files. Writes
    /// nothing.
    ///
    /// # Errors
    /// There is no run, or a file is shorter than it was then.
    pub fn check(root: &Path, positions: &BTreeMap<String, u64>) -> Result<(), RunDirectoryError> {
        if !root.join(RUN_FILE).exists() {
            return Err(RunDirectoryError::NoRun { path: root.into() });
        }
        for name in APPEND_ONLY {
            let (path, expected) = (root.join(name), positions.get(name).copied().unwrap_or(0));
            let found = fs::metadata(&path).map_or(0, |metadata| metadata.len());
            if found < expected {
                return Err(RunDirectoryError::TooShort { path, expected, found });
            }
        }
        Ok(())
    }

    fn start(config: &Config, lock: File) -> Result<Self, RunDirectoryError> {
        let root = config.output_dir.clone();
        let run_file = root.join(RUN_FILE);
        replace_file(&run_file, config.to_toml()?.as_bytes()).map_err(io_error(&run_file))?;
        let tensorboard = config.log.tensorboard.then(|| append(&root.join(TENSORBOARD))).transpose()?;
        let (metrics, events) = (append(&root.join(METRICS))?, append(&root.join(EVENTS))?);
        Ok(Self { root, metrics, events, tensorboard, _lock: lock, unsynced: Vec::new() })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Appends the metrics of a step, one line; a number that is not finite becomes `null`.
    pub fn metrics(&mut self, step: u32, metrics: &[(String, f64)]) -> Result<(), RunDirectoryError> {
        let line = MetricsRow::new(step, metrics).to_line();
        write_all(&mut self.metrics, &self.root.join(METRICS), line.as_bytes())?;
        self.scalars(step, metrics)
    }

    /// Appends numbers to the TensorBoard file alone, if there is one.
    pub fn scalars(&mut self, step: u32, scalars: &[(String, f64)]) -> Result<(), RunDirectoryError> {
        let Some(file) = &mut self.tensorboard else { return Ok(()) };
        let path = self.root.join(TENSORBOARD);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
        let empty = file.metadata().map_err(io_error(&path))?.len() == 0;
        let mut bytes = if empty { tensorboard::version_record(now) } else { Vec::new() };
        bytes.extend(tensorboard::scalars_record(now, step, scalars));
        write_all(file, &path, &bytes)
    }

    /// Appends an event; the loop records each evaluation as one.
    pub fn event(&mut self, step: u32, kind: &str, detail: Value) -> Result<(), RunDirectoryError> {
        let line = format!("{}\n", json!({ "step": step, "event": kind, "detail": detail }));
        write_all(&mut self.events, &self.root.join(EVENTS), line.as_bytes())
    }

    /// The detail of the last event of this kind after `step` steps, or `None`. Lines that are no events are passed over.
    pub fn find_event(&self, step: u32, kind: &str) -> Result<Option<Value>, RunDirectoryError> {
        let path = self.root.join(EVENTS);
        let mut found = None;
        for line in BufReader::new(File::open(&path).map_err(io_error(&path))?).lines() {
            let line = line.map_err(io_error(&path))?;
            let Ok(mut event) = serde_json::from_str::<Value>(&line) else { continue };
            if event["step"] == step && event["event"] == kind {
                found = Some(event["detail"].take());
            }
        }
        Ok(found)
    }

    /// The metrics of all steps so far.
    pub fn read_metrics(&self) -> Result<Vec<MetricsRow>, RunDirectoryError> {
        Ok(read_metrics(&self.root.join(METRICS))?)
    }

    /// Writes the rollouts of a step; the same rollouts give the same bytes.
    pub fn rollouts(&mut self, step: u32, records: &[impl Serialize]) -> Result<(), RunDirectoryError> {
        let path = self.rollout_path(step);
        let aside = path.with_extension("zst.tmp");
        let write = || {
            let mut out = zstd::Encoder::new(File::create(&aside)?, LEVEL)?;
            for record in records {
                serde_json::to_writer(&mut out, record)?;
                out.write_all(b"\n")?;
            }
            out.finish()?;
            fs::rename(&aside, &path)
        };
        if let Err(source) = write() {
            // the disk may be full: leave nothing half-written; the error that matters is the first
            let _ = fs::remove_file(&aside);
            return Err(RunDirectoryError::Io { path, source });
        }
        self.unsynced.push(path);
        Ok(())
    }

    /// Makes everything written so far durable, and returns the lengths of the append-only files for a checkpoint.
    pub fn positions(&mut self) -> Result<BTreeMap<String, u64>, RunDirectoryError> {
        for path in self.unsynced.drain(..) {
            File::open(&path).and_then(|file| file.sync_all()).map_err(io_error(&path))?;
        }
        sync_names(&self.root.join(ROLLOUTS))?;
        sync_names(&self.root)?;
        let mut positions = BTreeMap::new();
        // one that is there and not written any more keeps its length too, or a resume would empty it
        for name in APPEND_ONLY.into_iter().filter(|name| self.root.join(name).exists()) {
            let path = self.root.join(name);
            let length = File::open(&path).and_then(|file| file.sync_all().and_then(|()| Ok(file.metadata()?.len())));
            positions.insert(name.to_owned(), length.map_err(io_error(&path))?);
        }
        Ok(positions)
    }

    /// Takes back everything that was written after the checkpoint with these lengths, made after `steps` steps. With no
    /// lengths and 0 steps it takes back the whole run.
    ///
    /// # Errors
    /// A file that is shorter than it was then; nothing is cut then.
    pub fn cut_back(&mut self, positions: &BTreeMap<String, u64>, steps: u32) -> Result<(), RunDirectoryError> {
        Self::check(&self.root, positions)?;
        for name in APPEND_ONLY.into_iter().filter(|name| self.root.join(name).exists()) {
            let path = self.root.join(name);
            let length = positions.get(name).copied().unwrap_or(0);
            OpenOptions::new().write(true).open(&path).and_then(|file| file.set_len(length)).map_err(io_error(&path))?;
        }
        let rollouts = self.root.join(ROLLOUTS);
        fs::create_dir_all(&rollouts).map_err(io_error(&rollouts))?;
        for entry in fs::read_dir(&rollouts).map_err(io_error(&rollouts))? {
            let path = entry.map_err(io_error(&rollouts))?.path();
            if rollout_step(&path).is_none_or(|step| step > steps) {
                fs::remove_file(&path).map_err(io_error(&path))?;
            }
        }
        Ok(())
    }

    /// The rollout file of a step.
    pub fn rollout_path(&self, step: u32) -> PathBuf {
        self.root.join(ROLLOUTS).join(format!("step_{step:05}.jsonl.zst"))
    }
}

/// `wanted`, `wanted-2`, `wanted-3`, …
pub fn numbered(wanted: &Path) -> impl Iterator<Item = PathBuf> {
    let name = |n: u32| {
        let mut name = wanted.as_os_str().to_owned();
        name.push(format!("-{n}"));
        PathBuf::from(name)
    };
    std::iter::once(wanted.to_owned()).chain((2..).map(name))
}

/// The first of [`numbered`] that there is not, made; of processes that ask at once, each gets another.
///
/// # Errors
/// The system refuses to make it.
pub fn claim(wanted: &Path) -> Result<PathBuf, RunDirectoryError> {
    let parent = wanted.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(io_error(parent))?;
    for path in numbered(wanted) {
        match fs::create_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made.map_err(io_error(&path)).map(|()| path),
        }
    }
    unreachable!("there are endless numbers")
}

/// Steps whose metrics the directory at `root` has; a torn last line and rows of evaluations are not counted.
pub(crate) fn recorded_steps(root: &Path) -> Result<usize, RunDirectoryError> {
    let path = root.join(METRICS);
    match fs::read(&path) {
        Ok(bytes) => Ok(bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| is_step(line)).count()),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(source) => Err(RunDirectoryError::Io { path, source }),
    }
}

/// Whether a line of metrics is whole and not of an evaluation; one that cannot be read counts as a step, to be on the safe
/// side of losing it.
fn is_step(line: &[u8]) -> bool {
    let text = String::from_utf8_lossy(line);
    text.ends_with('\n') && read_row(text.trim_end()).is_none_or(|row| !row.is_evaluation())
}

fn is_occupied(root: &Path) -> bool {
    [RUN_FILE, METRICS].iter().any(|name| root.join(name).exists())
        || checkpoint::steps(root).is_ok_and(|steps| !steps.is_empty())
}

/// Writes a whole file aside and renames it, so that `path` is always the old file or the new one.
pub(crate) fn replace_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".tmp");
    let write = || {
        let mut file = File::create(&aside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&aside, path)
    };
    write().inspect_err(|_| {
        // leave nothing half-written; the error that matters is the first
        let _ = fs::remove_file(&aside);
    })
}

fn rollout_step(path: &Path) -> Option<u32> {
    let name = path.file_name()?.to_str()?;
    name.strip_prefix("step_")?.strip_suffix(".jsonl.zst")?.parse().ok()
}

/// The lock of the run at `root`. Where the file system has no locks there is none.
fn lock(root: &Path) -> Result<File, RunDirectoryError> {
    let path = root.join(LOCK);
    let file = OpenOptions::new().create(true).append(true).open(&path).map_err(io_error(&path))?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(RunDirectoryError::InUse { path: root.into() }),
        Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
    }
}

fn append(path: &Path) -> Result<File, RunDirectoryError> {
    OpenOptions::new().create(true).append(true).open(path).map_err(io_error(path))
}

fn write_all(file: &mut File, path: &Path, bytes: &[u8]) -> Result<(), RunDirectoryError> {
    file.write_all(bytes).map_err(io_error(path))
}

fn sync_names(folder: &Path) -> Result<(), RunDirectoryError> {
    sync_directory(folder).map_err(|e| RunDirectoryError::Io { path: folder.into(), source: io::Error::other(e) })
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> RunDirectoryError + '_ {
    move |source| RunDirectoryError::Io { path: path.into(), source }
}
