//! Pass rates that a field of the rows has.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use curt_runtime::PolicyError;
use curt_task::{Compression, Format, Problem, Prompt, ReadOptions, Reader, Source, open_unpacked};
use serde_json::Value;

use super::card::{Card, Dropped, RateSource, histogram};
use super::error::{FilterError, on};
use super::part::{Part, check_parts};
use super::plain_rows::{PlainForm, PlainRow, combined, hashed};
use super::row::{OWN, RowFacts, problem_row, rewritten};
use super::split::Output;

/// Longer lines are left to the reader, which refuses them.
const LONGEST: u64 = 64 << 20;

/// Rows between two questions whether to go on.
const ROWS: usize = 1 << 15;

/// A rate with its decimals cut may be so far from that of its counts.
const ROUNDED: f64 = 0.5e-3;

/// Files of problems with pass rates.
#[derive(Clone, Copy, Debug)]
pub struct RatedFiles<'a> {
    /// The files, or patterns of names.
    pub files: &'a [PathBuf],
    /// The field that has the rate.
    pub field: &'a str,
    /// Attempts behind each rate, where it is known.
    pub attempts: Option<u32>,
    /// Where the rates go.
    pub parts: &'a [Part],
    /// How files are read.
    pub read: &'a ReadOptions,
}

/// Writes each row with its pass rate to the files of its parts in `folder`, as it was read and with the fields of a filter, and
/// those without a rate to `unrated.jsonl`; returns what to say of it. Rows of other forms than JSON lines become ours. `watch`
/// gets the number of rows so far and ends everything when it returns false.
///
/// # Errors
/// A file that cannot be read, a rate that is none, no rate at all, a band that keeps nothing, one id for two problems. The
/// folder then has its old files still.
pub fn split_rated(input: &RatedFiles<'_>, folder: &Path, watch: &mut dyn FnMut(usize) -> bool) -> Result<Card, FilterError> {
    check_parts(input.parts, input.attempts)?;
    let mut files = Vec::new();
    for pattern in input.files {
        files.extend(Source::new(pattern).files()?);
    }
    let output = Output::create(folder, input.parts)?;
    let mut sorter = Sorter {
        input,
        output,
        files: &files,
        file: 0,
        rates: Vec::new(),
        ids: Vec::new(),
        found: None,
        repeated: 0,
        bad: 0,
        watch,
    };
    for (number, file) in files.iter().enumerate() {
        sorter.file = number;
        sorter.read(file)?;
    }
    let named = files.iter().map(|file| file.display().to_string()).collect();
    sorter.finish(named)
}

/// Where an id stands: its hash, that of prompt and answer, the file, the line or record.
type Spot = (u64, u64, usize, usize);

struct Sorter<'a> {
    input: &'a RatedFiles<'a>,
    output: Output,
    files: &'a [PathBuf],
    /// The one that is read.
    file: usize,
    rates: Vec<f64>,
    ids: Vec<Spot>,
    /// Fields of the first problem that is not plain prompt and answer.
    found: Option<String>,
    /// Rows that the reader passed over because they repeat one.
    repeated: usize,
    /// Records that it passed over because they are no problems.
    bad: usize,
    watch: &'a mut dyn FnMut(usize) -> bool,
}

impl Sorter<'_> {
    fn read(&mut self, path: &Path) -> Result<(), FilterError> {
        // a pipe can be read only once
        if std::fs::metadata(path).is_ok_and(|found| found.is_file()) {
            let mut reader = Reader::open(path, self.input.read)?;
            let first = reader.next().transpose()?;
            if let Some(first) = first.filter(|_| self.found.is_none()) {
                let names: Vec<&str> = first.extra.keys().map(String::as_str).take(30).collect();
                self.found = Some(if names.is_empty() { "none".to_owned() } else { names.join(", ") });
            }
            let lines = reader.format() == Format::JsonLines;
            let form = reader.form().filter(|_| lines).and_then(|form| PlainForm::of(form, self.input.field));
            if let Some(form) = form {
                let (mark, rates, ids) = (self.output.mark()?, self.rates.len(), self.ids.len());
                let bytes: Box<dyn BufRead> = match reader.compression() {
                    Compression::None => Box::new(BufReader::with_capacity(1 << 20, File::open(path).map_err(on(path))?)),
                    Compression::Gzip | Compression::Zstd => open_unpacked(path).map_err(on(path))?,
                };
                if self.read_plain(bytes, &form)? {
                    return Ok(());
                }
                self.output.cut(&mark)?;
                self.rates.truncate(rates);
                self.ids.truncate(ids);
            }
        }
        self.read_any(path)
    }

    /// Reads a file of plain rows; false if a row is not plain, or the file cannot be read on: the reader says why.
    fn read_plain(&mut self, mut lines: Box<dyn BufRead>, form: &PlainForm) -> Result<bool, FilterError> {
        let (mut buffer, mut tail, mut number) = (Vec::new(), Vec::new(), 0);
        loop {
            buffer.clear();
            let Ok(read) = (&mut lines).take(LONGEST).read_until(b'\n', &mut buffer) else { return Ok(false) };
            if read == 0 {
                return Ok(true);
            }
            number += 1;
            let line = buffer.trim_ascii();
            if line.is_empty() {
                continue;
            }
            let Ok(line) = std::str::from_utf8(line) else { return Ok(false) };
            let Some(row) = form.parse(line).filter(|_| (read as u64) < LONGEST) else { return Ok(false) };
            self.plain_row(line, row, number, &mut tail)?;
            self.keep_going(number)?;
        }
    }

    fn plain_row(&mut self, line: &str, row: PlainRow, number: usize, tail: &mut Vec<u8>) -> Result<(), FilterError> {
        let id = row.id.unwrap_or(row.content);
        self.ids.push((id, row.content, self.file, number));
        let (files, file) = (self.files, self.file);
        let name = || format!("{}:{number}", files[file].display());
        let Some(rate) = row.rate else { return self.output.drop(Dropped::NoRate, name, &[line.as_bytes()]) };
        let facts = self.facts(&rate, number)?;
        let has_rate = self.input.field == OWN[0];
        let again = if row.has_own && (!has_rate || facts.n_trials.is_some()) { rewritten(line, &facts) } else { None };
        facts.tail(has_rate, tail);
        let parts = self.parts(facts.pass_rate);
        match again {
            Some(row) => self.output.rated(&parts, name, &[&row]),
            // nothing to add
            None if tail.len() == 1 => self.output.rated(&parts, name, &[line.as_bytes()]),
            None => self.output.rated(&parts, name, &[&line.as_bytes()[..line.len() - 1], tail]),
        }
    }

    /// Reads a file of any form.
    fn read_any(&mut self, path: &Path) -> Result<(), FilterError> {
        let mut reader = Reader::open(path, self.input.read)?;
        while let Some(problem) = reader.next() {
            let (problem, number) = (problem?, reader.number());
            if self.found.is_none() {
                self.found = Some(problem.extra.keys().take(30).cloned().collect::<Vec<_>>().join(", "));
            }
            self.ids.push((hashed(&problem.id), content(&problem), self.file, number));
            let id = || problem.id.clone();
            match problem.extra.get(self.input.field).filter(|value| !value.is_null()) {
                None => self.output.drop(Dropped::NoRate, id, &[&problem_row(&problem, None)])?,
                Some(rate) => {
                    let facts = self.facts(rate, number)?;
                    let parts = self.parts(facts.pass_rate);
                    self.output.rated(&parts, id, &[&problem_row(&problem, Some(&facts))])?;
                }
            }
            self.keep_going(number)?;
        }
        self.repeated += reader.report().repeated.count;
        self.bad += reader.report().bad.count;
        Ok(())
    }

    fn keep_going(&mut self, number: usize) -> Result<(), FilterError> {
        match number.is_multiple_of(ROWS) && !(self.watch)(self.ids.len()) {
            true => Err(PolicyError::Interrupted.into()),
            false => Ok(()),
        }
    }

    /// What to write beside a problem of this rate; notes the rate.
    fn facts(&mut self, value: &Value, number: usize) -> Result<RowFacts, FilterError> {
        let file = || self.files[self.file].clone();
        let Some(found) = value.as_f64().filter(|rate| (0.0..=1.0).contains(rate)) else {
            let found = value.to_string().chars().take(80).collect();
            return Err(FilterError::BadRate { file: file(), number, field: self.input.field.to_owned(), found });
        };
        let pass_rate = match self.input.attempts {
            None => found,
            Some(attempts) => {
                let (n, right) = (f64::from(attempts), (found * f64::from(attempts)).round());
                if (right / n - found).abs() > ROUNDED {
                    return Err(FilterError::NotOfAttempts { file: file(), number, found, attempts });
                }
                right / n
            }
        };
        self.rates.push(pass_rate);
        Ok(RowFacts { pass_rate, n_trials: self.input.attempts, pass_len_mean: None })
    }

    fn parts(&self, rate: f64) -> Vec<usize> {
        let parts = self.input.parts;
        (0..parts.len()).filter(|part| parts[*part].band.contains(rate)).collect()
    }

    /// Rows that have id, prompt and answer of an earlier one.
    fn repeated(&mut self) -> Result<usize, FilterError> {
        self.ids.sort_unstable();
        let same = |pair: &&[Spot]| pair[0].0 == pair[1].0;
        if let Some(pair) = self.ids.windows(2).filter(same).find(|pair| pair[0].1 != pair[1].1) {
            let mut spots = [pair[0], pair[1]].map(|(_, _, file, number)| (file, number));
            spots.sort_unstable();
            let [first, second] = spots.map(|(file, number)| format!("{}:{number}", self.files[file].display()));
            return Err(FilterError::DuplicateId { first, second });
        }
        Ok(self.ids.windows(2).filter(same).count())
    }

    fn finish(mut self, files: Vec<String>) -> Result<Card, FilterError> {
        let repeated = self.repeated()? + self.repeated;
        let (rows, field) = (self.ids.len(), self.input.field.to_owned());
        if self.rates.is_empty() {
            return Err(FilterError::NoSuchField { field, rows, found: self.found.unwrap_or_default() });
        }
        let card = Card {
            version: env!("CARGO_PKG_VERSION"),
            files,
            problems: rows,
            rated: self.rates.len(),
            rates: RateSource::Field { field, attempts: self.input.attempts },
            parts: Vec::new(),
            dropped: Vec::new(),
            repeated,
            bad: self.bad,
            histogram: histogram(&self.rates, self.input.attempts),
            levels: Vec::new(),
        };
        self.output.finish(&self.rates, card)
    }
}

/// A hash of prompt and answer, for text that of a plain row.
fn content(problem: &Problem) -> u64 {
    let prompt = match &problem.prompt {
        Prompt::Text(text) => hashed(text),
        Prompt::Messages(messages) => {
            let turns = messages.iter().map(|turn| combined(hashed(&turn.role), hashed(&turn.content)));
            turns.fold(0, combined)
        }
    };
    combined(prompt, hashed(&problem.answer))
}
