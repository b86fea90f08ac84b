//! The bytes of a file, unpacked, and what errors on the way mean.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use super::compression::{Bytes, Compression, unpacked};
use crate::TaskError;

/// A file that is read in order.
pub(crate) struct Stream {
    pub bytes: Bytes,
    pub compression: Compression,
    pub file: Arc<Path>,
}

impl Stream {
    /// `data` without their compression.
    pub fn new(data: impl Read + Send + 'static, file: Arc<Path>) -> Result<Stream, TaskError> {
        match unpacked(data) {
            Ok((bytes, compression)) => Ok(Stream { bytes, compression, file }),
            Err(source) => Err(TaskError::Read { file: file.to_path_buf(), source }),
        }
    }

    /// What an error of reading these data means.
    pub fn broken(&self, error: io::Error) -> TaskError {
        broken(&self.file, self.compression, error)
    }
}

/// What an error of reading means: the system failed, or the compressed data are not whole or not right.
pub(crate) fn broken(file: &Path, compression: Compression, error: io::Error) -> TaskError {
    let file = file.to_path_buf();
    if compression == Compression::None || error.raw_os_error().is_some() {
        return TaskError::Read { file, source: error };
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof => TaskError::Truncated { file, compression },
        _ => TaskError::Damaged { file, compression, problem: error.to_string() },
    }
}
