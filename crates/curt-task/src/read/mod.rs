//! Files of problems: what they hold is told by their bytes, and problems come one by one.

mod compression;
mod fields;
mod format;
mod json;
mod json_lines;
mod json_list;
#[cfg(feature = "parquet")]
mod parquet_rows;
mod record;
mod stream;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, Read};
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

pub use compression::Compression;
pub use fields::{ANSWER_NAMES, FieldNames, PROMPT_NAMES};
pub use format::Format;
#[cfg(feature = "parquet")]
pub use parquet_rows::panic_is_damaged_parquet;
pub use record::{AnswerPart, Form};

use crate::field_table::FieldTable;
use crate::hash::fnv128;
use crate::{Place, Problem, ProblemKey, TaskError};
use format::{Beginning, beginning};
use json_lines::JsonLines;
use json_list::JsonList;
use record::Record;
use stream::Stream;

/// The largest record that is read, in bytes.
pub(crate) const MAX_RECORD: u64 = 64 << 20;

/// The largest parquet file that is unpacked from gzip or zstd, in bytes: it has to lie in memory.
#[cfg(feature = "parquet")]
const MAX_UNPACKED: u64 = 4 << 30;

/// How many bad and how many repeated records of a file are named; all are counted.
pub const NAMED: usize = 20;

/// How a file is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// The names of the fields.
    pub fields: FieldNames,
    /// Passes over bad records and counts them, instead of stopping at the first.
    pub skip_bad: bool,
}

/// What was read so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReadReport {
    /// Records, bad ones too.
    pub records: usize,
    /// Problems that were returned.
    pub problems: usize,
    /// Records whose id, prompt and answer stood in the file before; the problem is returned once.
    pub repeated: Repeated,
    /// Records that were passed over, with [`ReadOptions::skip_bad`].
    pub bad: Bad,
}

/// Repeated records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Repeated {
    /// How many.
    pub count: usize,
    /// The numbers of the first [`NAMED`], each with that of the record that it repeats.
    pub first: Vec<(usize, usize)>,
}

/// Bad records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Bad {
    /// How many.
    pub count: usize,
    /// What is wrong with the first [`NAMED`], and where they stand.
    pub first: Vec<String>,
}

/// The bytes of a file, without its gzip or zstd where it has any.
///
/// Errors: what the system says of the file. What is damaged further on is an error of reading, without saying why: a
/// [`Reader`] knows.
pub fn open_unpacked(path: &Path) -> std::io::Result<Box<dyn BufRead + Send>> {
    Ok(compression::unpacked(File::open(path)?)?.0)
}

/// Records one after another.
trait Records: Send {
    /// The next record; none at the end. After an error that [is about one record](TaskError::is_about_one_record) the next call
    /// goes on behind that record.
    fn next(&mut self) -> Result<Option<Record>, TaskError>;
}

/// The problems of a file, one by one and in order; at least one, or an error.
///
/// Format (JSON lines, one JSON list, parquet) and compression (gzip, zstd) are told by the first bytes. All records keep prompt
/// and answer in the same fields. Blank lines, a byte order mark and CRLF line ends are accepted. Numbers as answers become text.
/// Fields with no meaning here are kept in [`Problem::extra`], and so are nested ones of which a part was used. The last turn of
/// `messages`, if it is the assistant's, is the answer where no field has one, else it is kept as `solution`; so is what stands
/// before `####` in an `answer` to a `question`.
///
/// A problem whose id, prompt and answer stood in the file before is returned once and counted. Errors: every variant of
/// [`TaskError`] that names a file; after one that is not [about one record](TaskError::is_about_one_record), or without
/// [`ReadOptions::skip_bad`] after any, nothing follows.
pub struct Reader {
    records: Box<dyn Records>,
    file: Arc<Path>,
    format: Format,
    compression: Compression,
    options: ReadOptions,
    form: Option<(Form, usize)>,
    seen: BTreeMap<u128, (usize, ProblemKey)>,
    field_table: Option<FieldTable>,
    report: ReadReport,
    place: Option<Place>,
    ended: bool,
}

impl Reader {
    /// The problems of the file at `path`.
    pub fn open(path: &Path, options: &ReadOptions) -> Result<Reader, TaskError> {
        let data = File::open(path).map_err(|source| TaskError::Read { file: path.into(), source })?;
        // a pipe cannot be read in any order
        let on_disk = if data.metadata().is_ok_and(|found| found.is_file()) { data.try_clone().ok() } else { None };
        Reader::of(data, on_disk, path.into(), options)
    }

    /// The problems in `data`, such as standard input; `name` stands for the file in errors. Parquet is held in memory whole.
    pub fn new(data: impl Read + Send + 'static, name: &Path, options: &ReadOptions) -> Result<Reader, TaskError> {
        Reader::of(data, None, name.into(), options)
    }

    /// `on_disk`: the same data where they are a file whose bytes can be read in any order.
    fn of(
        data: impl Read + Send + 'static,
        on_disk: Option<File>,
        file: Arc<Path>,
        options: &ReadOptions,
    ) -> Result<Reader, TaskError> {
        let Stream { bytes, compression, .. } = Stream::new(data, file.clone())?;
        let (found, bytes) = match beginning(bytes) {
            Ok(found) => found,
            Err(error) => return Err(stream::broken(&file, compression, error)),
        };
        let stream = Stream { bytes, compression, file: file.clone() };
        let format = match found {
            Beginning::Of(format) => format,
            Beginning::Empty => return Err(TaskError::NoProblems { file: file.to_path_buf() }),
            Beginning::Unknown(beginning) => return Err(TaskError::UnknownFormat { file: file.to_path_buf(), beginning }),
        };
        let records: Box<dyn Records> = match format {
            Format::JsonLines => Box::new(JsonLines::new(stream)),
            Format::JsonList => Box::new(JsonList::new(stream)),
            Format::Parquet => parquet_records(stream, on_disk)?,
        };
        Ok(Reader {
            records,
            file,
            format,
            compression,
            options: options.clone(),
            form: None,
            seen: BTreeMap::new(),
            field_table: None,
            report: ReadReport::default(),
            place: None,
            ended: false,
        })
    }

    /// The same, counting which fields the records have, for [`Reader::field_table`].
    pub fn counting_fields(mut self) -> Reader {
        self.field_table = Some(FieldTable::default());
        self
    }

    /// The format of the file.
    pub fn format(&self) -> Format {
        self.format
    }

    /// How the file is compressed.
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// Where the records have prompt and answer; none before the first problem.
    pub fn form(&self) -> Option<&Form> {
        self.form.as_ref().map(|(form, _)| form)
    }

    /// What was read so far.
    pub fn report(&self) -> &ReadReport {
        &self.report
    }

    /// The fields of the records read so far; none without [`Reader::counting_fields`].
    pub fn field_table(&self) -> Option<&FieldTable> {
        self.field_table.as_ref()
    }

    /// The number of the last record: its line in a file of lines, else its place in the file, from 1.
    pub fn number(&self) -> usize {
        self.place.as_ref().map_or(0, Place::number)
    }

    /// Where the last record stands; none before the first.
    pub fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// The next problem that is not repeated; none at the end.
    fn next_problem(&mut self) -> Result<Option<Problem>, TaskError> {
        loop {
            let problem = self.records.next().and_then(|record| match record {
                Some(record) => self.admit(record).map(Some),
                None => Ok(None),
            });
            match problem {
                Ok(Some(Some(problem))) => {
                    self.report.records += 1;
                    self.report.problems += 1;
                    return Ok(Some(problem));
                }
                Ok(Some(None)) => self.report.records += 1,
                Ok(None) => return self.end(),
                Err(error) if self.options.skip_bad && error.is_about_one_record() => {
                    self.report.records += 1;
                    self.report.bad.add(&error);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The problem of a record, if it fits to those before it; none if it repeats one.
    fn admit(&mut self, record: Record) -> Result<Option<Problem>, TaskError> {
        let place = record.place.clone();
        let number = place.number();
        self.place = Some(place.clone());
        if let Some(table) = &mut self.field_table {
            table.add(&record.fields);
        }
        let (problem, form) = record.problem(&self.options.fields)?;
        match &self.form {
            Some((first_form, first)) if *first_form != form => {
                let (found, expected) = (form.to_string().into(), first_form.to_string().into());
                let first = place.called(*first).into();
                return Err(TaskError::MixedRecords { place, found, expected, first });
            }
            Some(_) => {}
            None => self.form = Some((form, number)),
        }
        let key = problem.key();
        match self.seen.get(&fnv128(problem.id.as_bytes())) {
            None => {
                self.seen.insert(fnv128(problem.id.as_bytes()), (number, key));
                Ok(Some(problem))
            }
            Some((first, first_key)) if *first_key == key => {
                self.report.repeated.add(number, *first);
                Ok(None)
            }
            Some((first, _)) => {
                let (id, first) = (problem.id.escape_debug().to_string(), place.called(*first));
                Err(TaskError::DuplicateId { place, id, first })
            }
        }
    }

    fn end(&self) -> Result<Option<Problem>, TaskError> {
        let file = self.file.to_path_buf();
        match (self.report.problems, self.report.bad.first.first()) {
            (0, Some(first)) => Err(TaskError::AllBad { file, count: self.report.bad.count, first: first.clone() }),
            (0, None) => Err(TaskError::NoProblems { file }),
            _ => Ok(None),
        }
    }
}

impl Iterator for Reader {
    type Item = Result<Problem, TaskError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.next_problem().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

impl Repeated {
    fn add(&mut self, number: usize, first: usize) {
        self.count += 1;
        if self.first.len() < NAMED {
            self.first.push((number, first));
        }
    }
}

impl Bad {
    fn add(&mut self, error: &TaskError) {
        self.count += 1;
        if self.first.len() < NAMED {
            self.first.push(error.to_string());
        }
    }
}

#[cfg(feature = "parquet")]
fn parquet_records(mut stream: Stream, on_disk: Option<File>) -> Result<Box<dyn Records>, TaskError> {
    match on_disk {
        Some(data) if stream.compression == Compression::None => {
            Ok(Box::new(parquet_rows::ParquetRows::open(data, stream.file)?))
        }
        _ => {
            let mut data = Vec::new();
            let read = (&mut stream.bytes).take(MAX_UNPACKED).read_to_end(&mut data);
            read.map_err(|error| stream.broken(error))?;
            Ok(Box::new(parquet_rows::ParquetRows::of_bytes(data, stream.file)?))
        }
    }
}

#[cfg(not(feature = "parquet"))]
fn parquet_records(stream: Stream, _: Option<File>) -> Result<Box<dyn Records>, TaskError> {
    Err(TaskError::NoParquet { file: stream.file.to_path_buf() })
}
