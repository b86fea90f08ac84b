//! One JSON list of objects → records, one at a time.

use std::io::BufRead;

use super::json::object;
use super::record::Record;
use super::stream::Stream;
use super::{MAX_RECORD, Records};
use crate::TaskError;
use crate::place::Place;

/// The records of a file that is a JSON list. Only brackets and strings are looked at to find where a record ends, so one that
/// is no JSON inside its brackets does not hide the next.
pub(crate) struct JsonList {
    stream: Stream,
    state: State,
    line: usize,
    column: usize,
    record: usize,
    buffer: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// Before the bracket that opens the list.
    Before,
    /// After that bracket: a record or the end.
    Opened,
    /// Behind a record: a comma or the end.
    AfterRecord,
    /// Behind the bracket that closes the list.
    Closed,
}

impl JsonList {
    pub fn new(stream: Stream) -> JsonList {
        JsonList { stream, state: State::Before, line: 1, column: 1, record: 0, buffer: Vec::new() }
    }

    /// The next byte that is no white space, which stays unread; none at the end of the file.
    fn peek(&mut self) -> Result<Option<u8>, TaskError> {
        loop {
            let chunk = self.stream.bytes.fill_buf();
            let chunk = match chunk {
                Ok(chunk) => chunk,
                Err(error) => return Err(self.stream.broken(error)),
            };
            let Some(&first) = chunk.first() else { return Ok(None) };
            let blank = chunk.len() - chunk.trim_ascii_start().len();
            if blank == 0 && !(self.state == State::Before && BYTE_ORDER_MARK.contains(&first)) {
                return Ok(Some(first));
            }
            let passed = chunk[..blank.max(1)].to_vec();
            self.pass(&passed);
        }
    }

    /// Reads over bytes, counting lines and columns.
    fn pass(&mut self, bytes: &[u8]) {
        (self.line, self.column) = moved(self.line, self.column, bytes);
        self.stream.bytes.consume(bytes.len());
    }

    /// Reads a record into the buffer: up to the bracket that closes it, or what stands before a comma.
    fn read_record(&mut self, place: &Place) -> Result<(), TaskError> {
        self.buffer.clear();
        let mut scan = Scan::default();
        while !scan.ended {
            let chunk = match self.stream.bytes.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) => return Err(self.stream.broken(error)),
            };
            if chunk.is_empty() {
                return Err(TaskError::BrokenList { place: place.clone(), problem: "the file ends inside this record" });
            }
            let count = scan.count(chunk);
            if (self.buffer.len() + count) as u64 >= MAX_RECORD {
                return Err(TaskError::TooLong { place: place.clone() });
            }
            self.buffer.extend_from_slice(&chunk[..count]);
            (self.line, self.column) = moved(self.line, self.column, &chunk[..count]);
            self.stream.bytes.consume(count);
        }
        Ok(())
    }

    fn place(&self) -> Place {
        let record = (self.record > 0).then_some(self.record);
        Place { record, ..Place::of_line(&self.stream.file, self.line) }.at_column(self.column)
    }

    fn broken(&self, problem: &'static str) -> TaskError {
        TaskError::BrokenList { place: self.place(), problem }
    }
}

impl Records for JsonList {
    fn next(&mut self) -> Result<Option<Record>, TaskError> {
        if self.state == State::Before {
            self.peek()?;
            self.pass(b"[");
            self.state = State::Opened;
        }
        let after_comma = self.state == State::AfterRecord && self.peek()? == Some(b',');
        if after_comma {
            self.pass(b",");
            if self.peek()? == Some(b']') {
                return Err(self.broken("a comma before the end"));
            }
        } else if self.state == State::Closed || self.peek()? == Some(b']') {
            return self.end();
        }
        match self.peek()? {
            None => return Err(self.broken("the file ends before the list does")),
            Some(_) if self.state == State::AfterRecord && !after_comma => {
                return Err(self.broken("expected a comma or the end of the list"));
            }
            Some(_) => {}
        }
        self.state = State::AfterRecord;
        self.record += 1;
        let place = self.place();
        self.read_record(&place)?;
        let fields = object(&self.buffer, &place, "a JSON object")?;
        Ok(Some(Record { place: Place { column: None, ..place }, fields }))
    }
}

impl JsonList {
    /// The end of the list, behind which nothing may stand.
    fn end(&mut self) -> Result<Option<Record>, TaskError> {
        if self.state != State::Closed {
            self.pass(b"]");
            self.state = State::Closed;
        }
        match self.peek()? {
            None => Ok(None),
            Some(_) => Err(self.broken("something follows the end of the list")),
        }
    }
}

const BYTE_ORDER_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

/// Line and column behind `bytes`.
fn moved(line: usize, column: usize, bytes: &[u8]) -> (usize, usize) {
    match bytes.iter().rposition(|byte| *byte == b'\n') {
        None => (line, column + bytes.len()),
        Some(last) => (line + bytes.iter().filter(|byte| **byte == b'\n').count(), bytes.len() - last),
    }
}

/// Finds the end of a record.
#[derive(Default)]
struct Scan {
    depth: usize,
    in_string: bool,
    escaped: bool,
    ended: bool,
}

impl Scan {
    /// How many bytes of `chunk` belong to the record; sets `ended` where the next does not.
    fn count(&mut self, chunk: &[u8]) -> usize {
        for (place, byte) in chunk.iter().enumerate() {
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' | b',' if self.depth == 0 => {
                    self.ended = true;
                    return place;
                }
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        self.ended = true;
                        return place + 1;
                    }
                }
                _ => {}
            }
        }
        chunk.len()
    }
}
