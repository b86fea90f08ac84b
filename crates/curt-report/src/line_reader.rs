//! Files of lines, read one at a time.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::error::ReportError;

/// No line of a run is longer; what is, is no line.
const MAX_BYTES: u64 = 64 << 20;

/// Reads lines without keeping more than one.
pub struct LineReader<R> {
    reader: R,
    line: Vec<u8>,
    number: usize,
}

/// One line.
pub struct Line<'a> {
    /// Its bytes, without the line's end.
    pub bytes: &'a [u8],
    /// From 1.
    pub number: usize,
    /// Whether its end is there; a killed process leaves a last line without one.
    pub ended: bool,
}

impl<R: BufRead> LineReader<R> {
    pub fn new(reader: R) -> Self {
        Self { reader, line: Vec::new(), number: 0 }
    }

    /// The next line that is not empty; `None` at the end.
    pub fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        loop {
            self.line.clear();
            let read = (&mut self.reader).take(MAX_BYTES + 1).read_until(b'\n', &mut self.line)?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            if read as u64 > MAX_BYTES {
                return Err(io::Error::new(io::ErrorKind::InvalidData, format!("line {} has no end", self.number)));
            }
            if !self.line.trim_ascii().is_empty() {
                break;
            }
        }
        let ended = self.line.ends_with(b"\n");
        Ok(Some(Line { bytes: self.line.trim_ascii(), number: self.number, ended }))
    }
}

/// Hands each line of a JSON lines file to `add`; whether the last is torn, as a killed process leaves it. A file that is not
/// there has no lines.
///
/// # Errors
/// It cannot be read, or another line is not what it should be: `problem` and why.
pub fn read_lines<T: DeserializeOwned>(path: &Path, problem: &str, mut add: impl FnMut(T)) -> Result<bool, ReportError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(ReportError::read(path)(error)),
    };
    let mut torn = false;
    let mut lines = LineReader::new(BufReader::with_capacity(1 << 16, file));
    while let Some(line) = lines.next().map_err(ReportError::read(path))? {
        match serde_json::from_slice::<T>(line.bytes) {
            Ok(read) => add(read),
            Err(_) if !line.ended => torn = true,
            Err(error) => {
                let problem = format!("{problem}: {}", error.to_string().replace(" at line 1 column ", " at column "));
                return Err(ReportError::Line { path: path.into(), line: line.number, problem });
            }
        }
    }
    Ok(torn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_and_the_torn_one_is_told() {
        let mut lines = LineReader::new(&b"a\n\n b\r\nc"[..]);
        let mut found = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            found.push((String::from_utf8(line.bytes.to_vec()).unwrap(), line.number, line.ended));
        }
        assert_eq!(found, [("a".into(), 1, true), ("b".into(), 3, true), ("c".into(), 4, false)]);
    }
}
