//! Which two evaluations are compared, and where they come from.

use std::path::{Path, PathBuf};

use anyhow::Result;
use curt_eval::{EvalComparison, EvalEntry, EvalReport, EvalSettings};

/// What is wrong with what was typed, or with a file that it names.
#[derive(Debug, thiserror::Error)]
pub enum EvalCommandError {
    /// Two models or sets of one label.
    #[error("`{label}` is there twice; give one another label, as in LABEL=MODEL")]
    LabelTwice {
        /// The label.
        label: String,
    },
    /// Recordings without a row.
    #[error("{files}: no samples in it; expected one JSON object a line")]
    NoSamples {
        /// The files.
        files: String,
    },
    /// What is to be compared is neither here nor a file.
    #[error("--compare {typed}: no model of this evaluation is called so ({known}), and there is no {} to read", path.display())]
    NothingToCompare {
        /// What was typed.
        typed: String,
        /// Labels of this evaluation.
        known: String,
        /// The file that would be read.
        path: PathBuf,
    },
    /// A file that is no evaluation.
    #[error("{}: cannot be read as an evaluation: {problem}", path.display())]
    BadReport {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A file of several models.
    #[error("--compare {typed}: it holds several models, {known}; name one, as in {typed}#LABEL")]
    SeveralModels {
        /// What was typed.
        typed: String,
        /// The labels.
        known: String,
    },
    /// Two evaluations of different sets.
    #[error("--compare {before} {after}: no set of problems is in both: {sets_before}, and {sets_after}")]
    NoSharedSet {
        /// The first as typed.
        before: String,
        /// The second as typed.
        after: String,
        /// The sets of the first.
        sets_before: String,
        /// The sets of the second.
        sets_after: String,
    },
}

impl EvalCommandError {
    /// Whether the command line is wrong, rather than a file.
    pub fn is_of_the_command_line(&self) -> bool {
        !matches!(self, Self::NoSamples { .. } | Self::BadReport { .. })
    }
}

/// A report of the evaluations that the two words of `--compare` mean, each with its label, or with the word where the labels
/// would be the same.
pub fn reports_of(typed: &[String], settings: &EvalSettings) -> Result<EvalReport> {
    let nothing = EvalReport::new(concat!("curt ", env!("CARGO_PKG_VERSION")).to_owned(), settings.clone(), Vec::new())?;
    let [before, after] = typed else { return Ok(nothing) };
    let (mut one, mut two) = (entries(&nothing, before)?, entries(&nothing, after)?);
    let same = one.iter().any(|entry| two.iter().any(|other| other.model == entry.model));
    for (entries, word) in [(&mut one, before), (&mut two, after)] {
        entries.iter_mut().filter(|_| same).for_each(|entry| entry.model.clone_from(word));
    }
    Ok(EvalReport { entries: one.into_iter().chain(two).collect(), ..nothing })
}

/// The change from `before` to `after` on each set that both have; sets of other names are paired where each has only one.
pub fn compare(report: &EvalReport, before: &str, after: &str) -> Result<Vec<EvalComparison>> {
    let (one, two) = (entries(report, before)?, entries(report, after)?);
    let bootstrap = report.settings.bootstrap();
    let mut pairs: Vec<(&EvalEntry, &EvalEntry)> =
        one.iter().filter_map(|entry| Some((entry, two.iter().find(|other| other.data == entry.data)?))).collect();
    if let ([entry], [other]) = (&one[..], &two[..]) {
        pairs = vec![(entry, other)];
    }
    if pairs.is_empty() {
        let sets = |entries: &[EvalEntry]| entries.iter().map(|entry| entry.data.clone()).collect::<Vec<_>>().join(", ");
        let (sets_before, sets_after) = (sets(&one), sets(&two));
        let (before, after) = (before.to_owned(), after.to_owned());
        return Err(EvalCommandError::NoSharedSet { before, after, sets_before, sets_after }.into());
    }
    Ok(pairs.into_iter().map(|(one, two)| EvalComparison::new(one, two, bootstrap)).collect::<Result<_, _>>()?)
}

/// The evaluations of one model: of the report, by its label, else of a file.
fn entries(report: &EvalReport, typed: &str) -> Result<Vec<EvalEntry>> {
    let here: Vec<EvalEntry> = report.entries.iter().filter(|entry| entry.model == typed).cloned().collect();
    if !here.is_empty() {
        return Ok(here);
    }
    let (place, label) = match typed.rsplit_once('#') {
        Some((place, label)) if !Path::new(typed).exists() => (Path::new(place), Some(label)),
        _ => (Path::new(typed), None),
    };
    let path = if place.is_dir() { place.join("eval.json") } else { place.to_owned() };
    if !path.is_file() {
        let known = report.entries.iter().map(|entry| entry.model.as_str()).collect::<Vec<_>>().join(", ");
        let known = if known.is_empty() { "there is none".to_owned() } else { known };
        return Err(EvalCommandError::NothingToCompare { typed: typed.to_owned(), known, path }.into());
    }
    let read = read_report(&path)?;
    let mut labels: Vec<String> = read.entries.iter().map(|entry| entry.model.clone()).collect();
    labels.sort_unstable();
    labels.dedup();
    let one = match (label, &labels[..]) {
        (Some(label), _) if labels.iter().any(|known| known == label) => label.to_owned(),
        (None, [only]) => only.clone(),
        (None, []) => return Err(EvalCommandError::BadReport { path, problem: "it holds no evaluation".to_owned() }.into()),
        _ => return Err(EvalCommandError::SeveralModels { typed: typed.to_owned(), known: labels.join(", ") }.into()),
    };
    Ok(read.entries.into_iter().filter(|entry| entry.model == one).collect())
}

fn read_report(path: &Path) -> Result<EvalReport> {
    let bad = |problem: String| EvalCommandError::BadReport { path: path.to_owned(), problem };
    let text = std::fs::read(path).map_err(|error| bad(error.to_string()))?;
    let report: EvalReport = serde_json::from_slice(&text).map_err(|error| bad(error.to_string()))?;
    Ok(report.understood().map_err(|error| bad(error.to_string()))?)
}
