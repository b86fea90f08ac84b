//! Where in a file a record stands.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Where in a file something stands; everything counts from 1. Written as `file:line:column (record N)` or `file, row N`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: Arc<Path>,
    /// The line, in files of text.
    pub line: Option<usize>,
    /// The byte in that line, where it is known.
    pub column: Option<usize>,
    /// The record, where a line does not tell it: in a JSON list and in parquet.
    pub record: Option<usize>,
}

impl Place {
    /// A line of a file.
    pub(crate) fn of_line(file: &Arc<Path>, line: usize) -> Place {
        Place { file: file.clone(), line: Some(line), column: None, record: None }
    }

    /// A row of a table.
    #[cfg(any(feature = "parquet", test))]
    pub(crate) fn of_row(file: &Arc<Path>, row: usize) -> Place {
        Place { file: file.clone(), line: None, column: None, record: Some(row) }
    }

    /// The same with a column.
    pub(crate) fn at_column(mut self, column: usize) -> Place {
        self.column = Some(column);
        self
    }

    /// The one number by which a record of its file is known: that of its line in a file of lines, else its own.
    pub fn number(&self) -> usize {
        self.record.or(self.line).unwrap_or(0)
    }

    /// What a record of the same file is called, by its number: `line 3`, `record 3` or `row 3`.
    pub(crate) fn called(&self, number: usize) -> String {
        let word = match (self.line, self.record) {
            (_, None) => "line",
            (Some(_), Some(_)) => "record",
            (None, Some(_)) => "row",
        };
        format!("{word} {number}")
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(column) = self.column {
            write!(f, ":{column}")?;
        }
        match (self.line, self.record) {
            (None, Some(row)) => write!(f, ", row {row}"),
            (Some(_), Some(record)) => write!(f, " (record {record})"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_read_well() {
        let file: Arc<Path> = Path::new("a.json").into();
        let line = Place::of_line(&file, 3);
        assert_eq!(line.to_string(), "a.json:3");
        assert_eq!(line.number(), 3);
        assert_eq!(line.clone().at_column(7).to_string(), "a.json:3:7");
        let record = Place { record: Some(2), ..line.clone() };
        assert_eq!(record.to_string(), "a.json:3 (record 2)");
        assert_eq!(record.number(), 2);
        let row = Place::of_row(&file, 9);
        assert_eq!(row.to_string(), "a.json, row 9");
        assert_eq!([line.called(1), record.called(1), row.called(1)], ["line 1", "record 1", "row 1"]);
    }
}
