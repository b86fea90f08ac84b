//! JSON lines → records.

use std::io::{BufRead, Read};

use super::json::object;
use super::record::Record;
use super::stream::Stream;
use super::{MAX_RECORD, Records};
use crate::TaskError;
use crate::place::Place;

/// The records of a file with one JSON object per line.
pub(crate) struct JsonLines {
    stream: Stream,
    line: usize,
    buffer: Vec<u8>,
}

impl JsonLines {
    pub fn new(stream: Stream) -> JsonLines {
        JsonLines { stream, line: 0, buffer: Vec::new() }
    }
}

impl Records for JsonLines {
    /// The object on the next line that is not blank.
    fn next(&mut self) -> Result<Option<Record>, TaskError> {
        loop {
            self.buffer.clear();
            let read = (&mut self.stream.bytes).take(MAX_RECORD).read_until(b'\n', &mut self.buffer);
            if read.map_err(|error| self.stream.broken(error))? == 0 {
                return Ok(None);
            }
            self.line += 1;
            let place = Place::of_line(&self.stream.file, self.line);
            if self.buffer.len() as u64 == MAX_RECORD {
                return Err(TaskError::TooLong { place });
            }
            let mut bytes = self.buffer.trim_ascii_end();
            if self.line == 1 {
                bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
            }
            if !bytes.trim_ascii_start().is_empty() {
                let fields = object(bytes, &place, "one JSON object per line")?;
                return Ok(Some(Record { place, fields }));
            }
        }
    }
}
