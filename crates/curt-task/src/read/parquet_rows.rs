//! Parquet → records, row by row.

use std::cell::Cell;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use parquet::file::reader::{ChunkReader, FileReader, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row};
use serde_json::{Map, Number, Value};

use super::Records;
use super::record::Record;
use crate::TaskError;
use crate::place::Place;

/// Rows decoded at once.
const BATCH: usize = 256;

/// The records of a parquet file.
pub(crate) struct ParquetRows {
    rows: RowIter<'static>,
    file: Arc<Path>,
    row: usize,
    ended: bool,
}

impl ParquetRows {
    /// A file on disk, of which one group of rows is held at a time.
    pub fn open(data: File, file: Arc<Path>) -> Result<ParquetRows, TaskError> {
        ParquetRows::new(data, file)
    }

    /// A file that was unpacked into memory.
    pub fn of_bytes(data: Vec<u8>, file: Arc<Path>) -> Result<ParquetRows, TaskError> {
        ParquetRows::new(bytes::Bytes::from(data), file)
    }

    fn new<R: ChunkReader + 'static>(data: R, file: Arc<Path>) -> Result<ParquetRows, TaskError> {
        let reader = guarded(&file, || SerializedFileReader::new(data))?;
        if reader.metadata().file_metadata().schema_descr().num_columns() == 0 {
            return Err(damaged(&file, "it has no columns"));
        }
        let rows = RowIter::from_file_into(Box::new(reader)).with_batch_size(BATCH);
        Ok(ParquetRows { rows, file, row: 0, ended: false })
    }
}

impl Records for ParquetRows {
    fn next(&mut self) -> Result<Option<Record>, TaskError> {
        if self.ended {
            return Ok(None);
        }
        // after an error the reader would begin again
        self.ended = true;
        let rows = &mut self.rows;
        let Some(row) = guarded(&self.file, || rows.next().transpose())? else { return Ok(None) };
        self.ended = false;
        self.row += 1;
        Ok(Some(Record { place: Place::of_row(&self.file, self.row), fields: object(row) }))
    }
}

thread_local! {
    static READING: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is inside the reader of parquet, where a panic is an error of the data and will be returned as one.
///
/// For panic hooks, which run before: the `parquet` crate panics on some damaged files.
pub fn panic_is_damaged_parquet() -> bool {
    READING.get()
}

/// What `read` returns; an error or a panic as an error of `file`.
fn guarded<T>(file: &Path, read: impl FnOnce() -> parquet::errors::Result<T>) -> Result<T, TaskError> {
    READING.set(true);
    let result = catch_unwind(AssertUnwindSafe(read));
    READING.set(false);
    match result {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(damaged(file, &error.to_string())),
        Err(_) => Err(damaged(file, "its pages contradict its description")),
    }
}

fn damaged(file: &Path, problem: &str) -> TaskError {
    let problem = problem.trim_start_matches("Parquet error: ").to_owned();
    TaskError::Parquet { file: file.to_path_buf(), problem }
}

/// Columns without a value are left out: tables have every column in every row.
fn object(row: Row) -> Map<String, Value> {
    let fields = row.into_columns().into_iter().filter_map(|(name, field)| Some((name, value(field)?)));
    fields.filter(|(_, value)| !value.is_null()).collect()
}

/// A field as JSON; none for bytes that are no text, such as pictures, which are left out.
fn value(field: Field) -> Option<Value> {
    Some(match field {
        Field::Null => Value::Null,
        Field::Bool(value) => value.into(),
        Field::Byte(value) => value.into(),
        Field::Short(value) => value.into(),
        Field::Int(value) | Field::Date(value) | Field::TimeMillis(value) => value.into(),
        Field::Long(value) | Field::TimeMicros(value) => value.into(),
        Field::TimestampMillis(value) | Field::TimestampMicros(value) => value.into(),
        Field::UByte(value) => value.into(),
        Field::UShort(value) => value.into(),
        Field::UInt(value) => value.into(),
        Field::ULong(value) => value.into(),
        Field::Float16(value) => number(f64::from(value.to_f32())),
        // 0.1_f32 is written as 0.1, not as the f64 next to it
        Field::Float(value) => number(value.to_string().parse().unwrap_or(f64::NAN)),
        Field::Double(value) => number(value),
        Field::Str(text) => text.into(),
        Field::Bytes(bytes) => std::str::from_utf8(bytes.data()).ok()?.into(),
        Field::Group(row) => Value::Object(row.into_columns().into_iter().filter_map(|(k, v)| Some((k, value(v)?))).collect()),
        Field::ListInternal(list) => list.elements().iter().cloned().filter_map(value).collect(),
        Field::MapInternal(map) => Value::Object(map.entries().iter().filter_map(entry).collect()),
        decimal => decimal.to_string().into(),
    })
}

/// NaN and infinities have no form in JSON.
fn number(value: f64) -> Value {
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

fn entry((key, field): &(Field, Field)) -> Option<(String, Value)> {
    let key = match key {
        Field::Str(text) => text.clone(),
        other => other.to_string(),
    };
    Some((key, value(field.clone())?))
}
