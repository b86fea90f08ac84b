//! `samples.jsonl`: the samples of an evaluation as they are made, so that it goes on after any kill; at the end
//! `samples.jsonl.zst`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::evaluate_recording::{RecordedSamples, Recording};
use crate::evaluate_rows::{EvalRow, RowsPlan};
use crate::trainer::Trainer;

/// Its name while it grows.
pub const RUNNING: &str = "samples.jsonl";
/// Its name when it is whole.
pub const SAMPLES: &str = "samples.jsonl.zst";
/// Compression level of the whole file.
const LEVEL: i32 = 3;

/// What can be wrong with recorded samples.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvalFileError {
    /// A file or folder that cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line that is no row.
    #[error("{file}, line {line}: {problem}")]
    Row {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// A folder that holds a whole evaluation.
    #[error(
        "{}: holds a finished evaluation; give another --output, or --rollouts {} to compute more from its samples",
        folder.display(), folder.join(SAMPLES).display()
    )]
    Occupied {
        /// The folder.
        folder: PathBuf,
    },
    /// Samples that were made otherwise.
    #[error("{}: its samples were made with another `{what}`: {detail}; give another --output", file.display())]
    OtherConditions {
        /// The file.
        file: PathBuf,
        /// The condition.
        what: String,
        /// Of which model and set, as it was and as it is.
        detail: String,
    },
    /// The model, the problems, a verifier.
    #[error(transparent)]
    Train(Box<TrainError>),
}

impl From<TrainError> for EvalFileError {
    fn from(error: TrainError) -> Self {
        Self::Train(Box::new(error))
    }
}

/// What the samples of one model on one set depend on, by name: an evaluation goes on only where all are the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conditions {
    /// The model's label.
    pub model: String,
    /// The label of the problems.
    pub data: String,
    /// Samples of each problem, at least 1.
    pub n: usize,
    /// Everything else: the weights' digest, the problems' fingerprint, limit, temperature, …
    pub others: BTreeMap<String, String>,
}

impl Conditions {
    /// Those of an evaluation by `trainer`, whose weights lie in `folder`.
    ///
    /// # Errors
    /// Weights that cannot be read.
    pub fn new(trainer: &Trainer, plan: &RowsPlan<'_>, folder: &Path) -> Result<Self, EvalFileError> {
        let (eval, data) = (&trainer.config.eval, &trainer.config.data);
        let weights = crate::checkpoint::digest_weights(folder).map_err(TrainError::from)?;
        let others = [
            ("weights", weights),
            ("problems", format!("{:016x}", trainer.evaluation_fingerprint())),
            ("limit", eval.max_completion_length.to_string()),
            ("temperature", eval.temperature.to_string()),
            ("top_p", eval.top_p.to_string()),
            ("top_k", eval.top_k.to_string()),
            ("min_p", eval.min_p.to_string()),
            ("seed", eval.seed.to_string()),
            ("verifier", trainer.config.verify.kind.clone()),
            ("cluster", plan.cluster.unwrap_or("none").to_owned()),
            ("prompt_suffix", data.prompt_suffix.clone()),
            ("chat_template", data.chat_template.to_string()),
        ];
        let others = others.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Ok(Self { model: plan.model.to_owned(), data: plan.data.to_owned(), n: eval.n, others })
    }
}

/// The line before the first samples of a model on a set.
#[derive(Serialize, Deserialize)]
struct Header {
    conditions: Conditions,
}

/// The file, opened to go on with.
#[derive(Debug)]
pub struct SamplesFile {
    folder: PathBuf,
    path: PathBuf,
    out: File,
    conditions: Vec<Conditions>,
    recording: Recording,
    /// Problems that are done, by model and set.
    done: BTreeMap<(String, String), BTreeSet<String>>,
}

/// The fields of a row by which it is found again.
#[derive(Deserialize)]
struct Place {
    model: String,
    data: String,
    group: String,
}

impl SamplesFile {
    /// The file in `folder`, which is made where it is not there. What a kill left of a line, and of a problem without all of its
    /// samples, is taken away.
    ///
    /// # Errors
    /// A folder with a finished evaluation, a damaged line, a file that cannot be read or written.
    pub fn open(folder: &Path) -> Result<Self, EvalFileError> {
        fs::create_dir_all(folder).map_err(io(folder))?;
        let path = folder.join(RUNNING);
        if !path.exists() && folder.join(SAMPLES).exists() {
            return Err(EvalFileError::Occupied { folder: folder.to_owned() });
        }
        let out = OpenOptions::new().read(true).append(true).create(true).open(&path).map_err(io(&path))?;
        let mut file = Self {
            folder: folder.to_owned(),
            path,
            out,
            conditions: Vec::new(),
            recording: Recording::default(),
            done: BTreeMap::new(),
        };
        let whole = file.take_whole_problems()?;
        file.out.set_len(whole).map_err(io(&file.path))?;
        Ok(file)
    }

    /// Reads what is there; returns the number of bytes up to the end of the last whole problem or header.
    fn take_whole_problems(&mut self) -> Result<u64, EvalFileError> {
        let mut lines = BufReader::new(File::open(&self.path).map_err(io(&self.path))?);
        let (mut bytes, mut whole, mut number) = (0, 0, 0);
        // the lines of the problem that is being read
        let mut group: Vec<String> = Vec::new();
        loop {
            let mut line = Vec::new();
            let read = lines.read_until(b'\n', &mut line).map_err(io(&self.path))?;
            if line.last() != Some(&b'\n') {
                return Ok(whole);
            }
            (bytes, number) = (bytes + read as u64, number + 1);
            let (file, line_number) = (self.path.display().to_string(), number);
            let bad = |problem: String| EvalFileError::Row { file: file.clone(), line: line_number, problem };
            let text = String::from_utf8(line).map_err(|error| bad(error.to_string()))?;
            if let Ok(header) = serde_json::from_str::<Header>(&text) {
                self.conditions.push(header.conditions);
                whole = bytes;
                continue;
            }
            let place: Place = serde_json::from_str(&text).map_err(|error| bad(error.to_string()))?;
            let known = self.conditions.iter().find(|known| known.model == place.model && known.data == place.data);
            let n = known.ok_or_else(|| bad("samples of a model and a set that nothing before them names".to_owned()))?.n;
            group.push(text);
            if group.len() == n {
                for text in group.drain(..) {
                    self.recording.add(&text, "", "").map_err(&bad)?;
                }
                self.done.entry((place.model, place.data)).or_default().insert(place.group);
                whole = bytes;
            }
        }
    }

    /// The problems of a model on a set that are done. Writes down the `conditions` of new ones.
    ///
    /// # Errors
    /// Samples that are there and were made under others; a file that cannot be written.
    pub fn begin(&mut self, conditions: &Conditions) -> Result<BTreeSet<String>, EvalFileError> {
        let same_place = |known: &&Conditions| known.model == conditions.model && known.data == conditions.data;
        match self.conditions.iter().find(same_place) {
            Some(known) => self.check(known, conditions)?,
            None => {
                self.append(&[Header { conditions: conditions.clone() }])?;
                self.conditions.push(conditions.clone());
            }
        }
        Ok(self.done.get(&(conditions.model.clone(), conditions.data.clone())).cloned().unwrap_or_default())
    }

    fn check(&self, known: &Conditions, now: &Conditions) -> Result<(), EvalFileError> {
        let all = |conditions: &Conditions| {
            let mut all = conditions.others.clone();
            all.insert("n".to_owned(), conditions.n.to_string());
            all
        };
        let (found, expected) = (all(known), all(now));
        let names = found.keys().chain(expected.keys());
        let other = names.into_iter().find(|name| found.get(*name) != expected.get(*name));
        let Some(what) = other else { return Ok(()) };
        let value = |of: &BTreeMap<String, String>| of.get(what).cloned().unwrap_or_else(|| "none".to_owned());
        let (model, data) = (&now.model, &now.data);
        let detail = format!("{}, now {} ({model} on {data})", value(&found), value(&expected));
        Err(EvalFileError::OtherConditions { file: self.path.clone(), what: what.clone(), detail })
    }

    /// Writes the samples of whole problems, so that they outlive what happens next.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn samples(&mut self, rows: &[EvalRow]) -> Result<(), EvalFileError> {
        let lines = self.append(rows)?;
        for line in lines {
            let added = self.recording.add(&line, "", "");
            added.map_err(|problem| EvalFileError::Row { file: self.path.display().to_string(), line: 0, problem })?;
        }
        Ok(())
    }

    fn append(&mut self, rows: &[impl Serialize]) -> Result<Vec<String>, EvalFileError> {
        let lines = rows.iter().map(serde_json::to_string).collect::<Result<Vec<String>, _>>();
        let lines = lines.map_err(|error| io(&self.path)(error.into()))?;
        let text = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect::<String>();
        self.out.write_all(text.as_bytes()).and_then(|()| self.out.sync_data()).map_err(io(&self.path))?;
        Ok(lines)
    }

    /// Puts the samples of these models and sets, in this order, with an empty line between two of them, into
    /// `samples.jsonl.zst`; returns what they say. The growing file stays until [`Self::close`].
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub fn finish(&mut self, order: &[(String, String)]) -> Result<Vec<RecordedSamples>, EvalFileError> {
        let (path, aside) = (self.folder.join(SAMPLES), self.folder.join(format!("{SAMPLES}.tmp")));
        let written = self.compress(order, &aside).and_then(|()| fs::rename(&aside, &path));
        if let Err(source) = written {
            // leave nothing half-written; the error that matters is the first
            let _ = fs::remove_file(&aside);
            return Err(EvalFileError::Io { path, source });
        }
        let mut found = std::mem::take(&mut self.recording).finish();
        let place = |entry: &RecordedSamples| order.iter().position(|(m, d)| *m == entry.model && *d == entry.data);
        found.retain(|entry| place(entry).is_some());
        found.sort_by_key(place);
        Ok(found)
    }

    fn compress(&self, order: &[(String, String)], aside: &Path) -> std::io::Result<()> {
        let mut out = zstd::Encoder::new(File::create(aside)?, LEVEL)?;
        for (place, (model, data)) in order.iter().enumerate() {
            if place > 0 {
                out.write_all(b"\n")?;
            }
            for line in BufReader::new(File::open(&self.path)?).lines() {
                let line = line?;
                let is_theirs = serde_json::from_str::<Place>(&line).is_ok_and(|at| at.model == *model && at.data == *data);
                if is_theirs {
                    writeln!(out, "{line}")?;
                }
            }
        }
        out.finish()?.sync_all()
    }

    /// Everything that depends on the samples is written: takes the growing file away.
    ///
    /// # Errors
    /// A file that cannot be removed.
    pub fn close(self) -> Result<(), EvalFileError> {
        fs::remove_file(&self.path).map_err(io(&self.path))
    }
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> EvalFileError + use<> {
    let path = path.to_owned();
    |source| EvalFileError::Io { path, source }
}
