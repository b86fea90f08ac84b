//! Files of rows that appear whole or not at all.

use std::fs::{self, File};
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::error::{FilterError, on};

/// A file of rows, written aside until [`RowFile::finish`].
pub(super) struct RowFile {
    path: PathBuf,
    aside: PathBuf,
    out: BufWriter<File>,
    rows: usize,
    finished: bool,
}

/// Where a [`RowFile`] can be cut back to.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    bytes: u64,
    rows: usize,
}

impl RowFile {
    /// The file `name.jsonl` of `folder`, still without rows.
    pub fn create(folder: &Path, name: &str) -> Result<Self, FilterError> {
        let path = folder.join(format!("{name}.jsonl"));
        let aside = folder.join(format!("{name}.jsonl.tmp"));
        let out = BufWriter::with_capacity(1 << 18, File::create(&aside).map_err(on(&aside))?);
        Ok(Self { path, aside, out, rows: 0, finished: false })
    }

    /// Rows so far.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Adds a row, which is these pieces.
    pub fn row(&mut self, pieces: &[&[u8]]) -> Result<(), FilterError> {
        self.rows += 1;
        let written = pieces.iter().try_for_each(|piece| self.out.write_all(piece)).and_then(|()| self.out.write_all(b"\n"));
        written.map_err(on(&self.aside))
    }

    /// The place after the last row.
    pub fn mark(&mut self) -> Result<Mark, FilterError> {
        Ok(Mark { bytes: self.out.stream_position().map_err(on(&self.aside))?, rows: self.rows })
    }

    /// Takes the rows after `mark` back.
    pub fn cut(&mut self, mark: Mark) -> Result<(), FilterError> {
        self.rows = mark.rows;
        let sought = self.out.seek(SeekFrom::Start(mark.bytes)).map(|_| ());
        sought.and_then(|()| self.out.get_ref().set_len(mark.bytes)).map_err(on(&self.aside))
    }

    /// Puts the file where it belongs; one that is `optional` and has no rows takes an older one away instead.
    pub fn finish(mut self, optional: bool) -> Result<(), FilterError> {
        self.out.flush().and_then(|()| self.out.get_ref().sync_all()).map_err(on(&self.aside))?;
        if optional && self.rows == 0 {
            match fs::remove_file(&self.path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(on(&self.path)(error)),
                _ => return Ok(()),
            }
        }
        fs::rename(&self.aside, &self.path).map_err(on(&self.path))?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for RowFile {
    fn drop(&mut self) {
        if !self.finished {
            // what was not finished is worth nothing; an error on the way there matters more
            let _ = fs::remove_file(&self.aside);
        }
    }
}

/// The folder, made if it is not there.
pub(super) fn folder(path: &Path) -> Result<(), FilterError> {
    fs::create_dir_all(path).map_err(on(path))
}

/// A folder that goes away again if it was made for nothing.
pub(super) struct Folder(Option<PathBuf>);

impl Folder {
    /// The folder, made if it is not there.
    pub fn create(path: &Path) -> Result<Self, FilterError> {
        let is_there = path.exists();
        folder(path)?;
        Ok(Self((!is_there).then(|| path.to_owned())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // one with files in it stays, because the system removes only empty ones
        let _ = self.0.as_ref().map(fs::remove_dir);
    }
}
