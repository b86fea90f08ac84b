//! Steps read from `metrics.jsonl`, one line at a time, as long as the file may be.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use curt_eval::{Column, Observation};

use crate::exit::CommandError;

/// No row is longer; what is, is no row.
const MAX_BYTES: u64 = 16 << 20;

/// The steps of a file of metrics.
pub struct MetricsFile {
    path: PathBuf,
    lines: BufReader<File>,
    /// The line that was read last, from 1.
    line: usize,
    /// The newest step.
    step: Option<u32>,
    cut: bool,
    bytes: Vec<u8>,
}

impl MetricsFile {
    /// Opens a file.
    pub fn open(path: &Path) -> Result<Self, CommandError> {
        let cannot = |source| CommandError::Metrics { path: path.to_owned(), source };
        if path.is_dir() {
            return Err(cannot(std::io::Error::other("is a folder")));
        }
        let lines = BufReader::with_capacity(1 << 18, File::open(path).map_err(cannot)?);
        Ok(Self { path: path.to_owned(), lines, line: 0, step: None, cut: false, bytes: Vec::new() })
    }

    /// The next step; rows of evaluations are passed over. `None` at the end, which a line that is cut short may be.
    pub fn next_step(&mut self) -> Result<Option<Observation>, CommandError> {
        while self.read_line()? {
            let whole = self.bytes.ends_with(b"\n");
            let row: Observation = match serde_json::from_slice(self.bytes.trim_ascii_end()) {
                Ok(row) => row,
                Err(_) if !whole => {
                    self.cut = true;
                    break;
                }
                Err(error) => return Err(self.bad(error.to_string().replace(" at line 1 column ", " at column "))),
            };
            if !row.is_evaluation {
                return self.checked(row).map(Some);
            }
        }
        match self.step {
            None => Err(CommandError::NoSteps { path: self.path.clone(), cut: self.cut }),
            Some(_) => Ok(None),
        }
    }

    /// Whether the last line is cut short, as a run leaves it that is killed while it writes.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    fn read_line(&mut self) -> Result<bool, CommandError> {
        self.bytes.clear();
        self.line += 1;
        let read = (&mut self.lines).take(MAX_BYTES + 1).read_until(b'\n', &mut self.bytes);
        let read = read.map_err(|source| CommandError::Metrics { path: self.path.clone(), source })?;
        match read as u64 > MAX_BYTES {
            true => Err(self.bad(format!("longer than {} MiB", MAX_BYTES >> 20))),
            false => Ok(read > 0),
        }
    }

    /// The row, if it comes after the one before it and is of a run of ours.
    fn checked(&mut self, row: Observation) -> Result<Observation, CommandError> {
        match self.step {
            Some(last) if row.step <= last => {
                return Err(self.bad(format!("step {} after step {last}: expected rising steps of one run", row.step)));
            }
            None if row.get(Column::Length).is_none() => {
                let column = Column::Length.name();
                return Err(CommandError::OtherMetrics { path: self.path.clone(), step: row.step, column });
            }
            _ => {}
        }
        self.step = Some(row.step);
        Ok(row)
    }

    fn bad(&self, problem: String) -> CommandError {
        CommandError::BadMetrics { path: self.path.clone(), line: self.line, problem }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(text: &str) -> Result<(Vec<u32>, bool), String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        std::fs::write(&path, text).unwrap();
        let mut file = MetricsFile::open(&path).unwrap();
        let mut found = Vec::new();
        loop {
            match file.next_step() {
                Ok(Some(row)) => found.push(row.step),
                Ok(None) => return Ok((found, file.is_cut())),
                Err(error) => return Err(error.to_string().replace(&format!("{}/", folder.path().display()), "")),
            }
        }
    }

    fn line(step: u32) -> String {
        format!("{{\"step\":{step},\"completions/mean_length\":20.0}}\n")
    }

    #[test]
    fn steps_are_read_without_evaluations_and_a_cut_last_line_is_told() {
        let evaluation = "{\"step\":0,\"eval/chain/mean@8\":0.5}\n";
        let whole = format!("{evaluation}{}{}", line(1), line(2));
        assert_eq!(steps(&whole), Ok((vec![1, 2], false)));
        assert_eq!(steps(whole.trim_end()), Ok((vec![1, 2], false)));
        for cut in 1..line(3).len() - 1 {
            assert_eq!(steps(&format!("{whole}{}", &line(3)[..cut])), Ok((vec![1, 2], true)), "{cut}");
        }
    }

    #[test]
    fn what_is_no_record_of_a_run_is_named() {
        let cases = [
            (String::new(), "metrics.jsonl: no steps: expected at least one line of metrics of a training step"),
            ("{\"step\":0,\"eval/x\":1}\n".into(), "metrics.jsonl: no steps"),
            ("{\"st".into(), "metrics.jsonl: no steps: expected at least one line of metrics of a training step, found one"),
            (format!("{{\"st\n{}", line(1)), "metrics.jsonl:1: not a row of metrics"),
            (format!("{}{}", line(2), line(2)), "metrics.jsonl:2: not a row of metrics: step 2 after step 2"),
            ("{\"step\":1,\"train/loss\":1}\n".into(), "metrics.jsonl: step 1 has no `completions/mean_length`"),
            (format!("{}{{\"st\n", line(1)), "metrics.jsonl:2: not a row of metrics: EOF while parsing a string at column 4"),
            ("x".repeat(MAX_BYTES as usize + 2), "metrics.jsonl:1: not a row of metrics: longer than 16 MiB"),
            ("\u{1b}[2J\n".into(), "metrics.jsonl:1: not a row of metrics"),
        ];
        for (text, expected) in cases {
            let error = steps(&text).unwrap_err();
            assert!(error.starts_with(expected), "{text:?}: {error}");
        }
    }
}
