//! Recorded samples as an evaluation: those of `curt eval`, of a run, or of another program.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::Result;
use curt_trainer::{RecordedSamples, Recording};

use crate::eval_arguments::EvalArguments;
use crate::eval_compare::EvalCommandError;
use crate::eval_sampling::label_of;
use crate::exit::CommandError;
use crate::recording;

/// The label of problems that a recording does not name.
const DATA: &str = "recorded";

/// The samples of every model and set in the recordings.
pub fn read(arguments: &EvalArguments) -> Result<Vec<RecordedSamples>> {
    let mut found = Recording::default();
    for typed in &arguments.rollouts {
        let (label, path) = label_of(typed);
        let path = Path::new(path);
        for file in recording::files(path)? {
            read_file(&mut found, &file, label)?;
        }
    }
    let found = found.finish();
    match found.is_empty() {
        true => Err(EvalCommandError::NoSamples { files: arguments.rollouts.join(", ") }.into()),
        false => Ok(found),
    }
}

fn read_file(found: &mut Recording, file: &Path, label: &str) -> Result<()> {
    if file == Path::new("-") {
        return Ok(found.read("standard input", label, DATA, BufReader::new(std::io::stdin()))?);
    }
    let cannot = |source| CommandError::Recording { path: file.to_owned(), source };
    let opened = File::open(file).map_err(cannot)?;
    let name = file.display().to_string();
    match file.extension().is_some_and(|extension| extension == "zst") {
        true => {
            let lines = BufReader::with_capacity(1 << 18, zstd::Decoder::new(opened).map_err(cannot)?);
            Ok(found.read(&name, label, DATA, lines)?)
        }
        false => Ok(found.read(&name, label, DATA, BufReader::with_capacity(1 << 18, opened))?),
    }
}
