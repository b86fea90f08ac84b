//! Several files as one data set: patterns of names, weights, and the order in which their problems are mixed.

mod mix;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::hash::fnv128;
use crate::{Place, Problem, ProblemKey, ReadOptions, ReadReport, Reader, TaskError};

/// The largest weight: a source stands in a mix at most so many times.
pub const MAX_WEIGHT: f64 = 1000.0;

/// Files that are read alike and count alike.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// A file, or a pattern of file names with `*`, `?`, `[…]` or `**`. A file of that very name goes first.
    pub pattern: PathBuf,
    /// How often each of its problems stands in the mix: 1 once, 2 twice, 0.25 a quarter of them once, 0 none.
    pub weight: f64,
    /// The [`Problem::source`] of problems that have none of their own.
    pub name: Option<String>,
}

/// The problems of several sources.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mix {
    /// Every problem once, in the order of sources and files. No two have one id.
    pub problems: Vec<Problem>,
    /// Where each of `problems` stands.
    pub places: Vec<Place>,
    /// The mix: places in `problems`, each as often as its weight says, the sources spread evenly.
    pub order: Vec<usize>,
    /// What was read, file by file.
    pub files: Vec<FileReport>,
}

/// What was read of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileReport {
    /// The file.
    pub file: PathBuf,
    /// What was read of it.
    pub report: ReadReport,
    /// Problems that stood, with the same id, in a file before; they count once.
    pub elsewhere: usize,
}

impl Source {
    /// A file or a pattern, as it is.
    pub fn new(pattern: impl Into<PathBuf>) -> Source {
        Source { pattern: pattern.into(), weight: 1.0, name: None }
    }

    /// The files of this source, sorted by name; at least one.
    ///
    /// Errors: [`TaskError::NoMatch`] where a pattern matches none, [`TaskError::Pattern`], [`TaskError::Read`] for a folder
    /// that cannot be listed. A name without pattern characters is returned whether there is such a file or not.
    pub fn files(&self) -> Result<Vec<PathBuf>, TaskError> {
        let is_pattern = |text: &&str| text.contains(['*', '?', '[']) && !self.pattern.exists();
        let Some(text) = self.pattern.to_str().filter(is_pattern) else { return Ok(vec![self.pattern.clone()]) };
        let paths = glob::glob(text)
            .map_err(|error| TaskError::Pattern { pattern: text.to_owned(), problem: error.to_string() })?
            .map(|path| path.map_err(|error| TaskError::Read { file: error.path().into(), source: error.into() }));
        let mut files = paths.filter(|path| path.as_ref().map_or(true, |path| !path.is_dir())).collect::<Result<Vec<_>, _>>()?;
        files.sort();
        match files.is_empty() {
            true => Err(TaskError::NoMatch { pattern: text.to_owned() }),
            false => Ok(files),
        }
    }

    fn check(&self) -> Result<(), TaskError> {
        match (0.0..=MAX_WEIGHT).contains(&self.weight) {
            true => Ok(()),
            false => Err(TaskError::Weight { pattern: self.pattern.display().to_string(), weight: self.weight }),
        }
    }
}

/// The problems of `sources` and the order in which they are mixed, which depends on nothing but the problems and the weights.
///
/// A problem that two files have under one id counts once, for the source that comes first; where two files have one id for
/// different problems, the later one's becomes `FILE/ID`. Errors: those of [`Source::files`] and [`Reader`], and
/// [`TaskError::Weight`]; no source gives an empty mix.
pub fn read_sources(sources: &[Source], options: &ReadOptions) -> Result<Mix, TaskError> {
    sources.iter().try_for_each(Source::check)?;
    let mut mix = Mix::default();
    let mut seen = BTreeMap::new();
    let mut parts = Vec::new();
    for source in sources {
        let first = mix.problems.len();
        for file in source.files()? {
            read_file(&mut mix, &mut seen, source, &file, options)?;
        }
        parts.push((first..mix.problems.len(), source.weight));
    }
    let keys: Vec<ProblemKey> = mix.problems.iter().map(Problem::key).collect();
    mix.order = mix::order(&keys, &parts);
    Ok(mix)
}

fn read_file(
    mix: &mut Mix,
    seen: &mut BTreeMap<u128, ProblemKey>,
    source: &Source,
    file: &Path,
    options: &ReadOptions,
) -> Result<(), TaskError> {
    let mut reader = Reader::open(file, options)?;
    let mut elsewhere = 0;
    while let Some(problem) = reader.next() {
        let mut problem = problem?;
        if let (true, Some(name)) = (problem.source.is_empty(), &source.name) {
            problem.source = name.clone();
        }
        let key = problem.key();
        if seen.get(&fnv128(problem.id.as_bytes())) == Some(&key) {
            elsewhere += 1;
            continue;
        }
        while seen.contains_key(&fnv128(problem.id.as_bytes())) {
            problem.id = format!("{}/{}", file.display(), problem.id);
        }
        seen.insert(fnv128(problem.id.as_bytes()), key);
        mix.problems.push(problem);
        mix.places.extend(reader.place().cloned());
    }
    mix.files.push(FileReport { file: file.into(), report: reader.report().clone(), elsewhere });
    Ok(())
}
