//! What a file holds: told by its first bytes.

use std::fmt;
use std::io::{self, BufRead, Cursor, Read};

use serde::Serialize;

use super::compression::Bytes;

/// White space before the first record, at most.
const MAX_MARGIN: usize = 1 << 20;

/// Bytes of an unknown file that an error shows.
const SHOWN: usize = 24;

/// The form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// One JSON object per line.
    JsonLines,
    /// One JSON list of objects, as DeepScaleR comes.
    JsonList,
    /// A table with columns, as verl and the `datasets` library write it.
    Parquet,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::JsonLines => "JSON lines",
            Format::JsonList => "JSON list",
            Format::Parquet => "parquet",
        })
    }
}

/// What the first bytes say.
pub(crate) enum Beginning {
    /// One of the formats.
    Of(Format),
    /// Nothing but white space.
    Empty,
    /// Something else, escaped.
    Unknown(String),
}

/// What `bytes` hold by their beginning, and the same bytes.
pub(crate) fn beginning(mut bytes: Bytes) -> io::Result<(Beginning, Bytes)> {
    let mut head = Vec::new();
    while head.len() < MAX_MARGIN && content(&head).len() < SHOWN {
        let chunk = bytes.fill_buf()?;
        if chunk.is_empty() {
            break;
        }
        let count = chunk.len();
        head.extend_from_slice(chunk);
        bytes.consume(count);
    }
    let found = match content(&head) {
        [b'P', b'A', b'R', b'1', ..] => Beginning::Of(Format::Parquet),
        [b'[', ..] => Beginning::Of(Format::JsonList),
        [b'{', ..] => Beginning::Of(Format::JsonLines),
        [] if head.len() < MAX_MARGIN => Beginning::Empty,
        other => {
            let text = String::from_utf8_lossy(&other[..other.len().min(SHOWN)]);
            Beginning::Unknown(format!("`{}`", text.escape_debug()))
        }
    };
    Ok((found, Box::new(Cursor::new(head).chain(bytes))))
}

/// What follows a byte order mark and white space.
fn content(head: &[u8]) -> &[u8] {
    head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start()
}
