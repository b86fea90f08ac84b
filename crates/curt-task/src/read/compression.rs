//! Plain, gzip or zstd: told by the first bytes, not by the name of the file.

use std::fmt;
use std::io::{self, BufRead, BufReader, Cursor, Read};

use serde::Serialize;

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip (RFC 1952), one member or several.
    Gzip,
    /// Zstandard (RFC 8878), one frame or several.
    Zstd,
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Compression::None => "plain",
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
        })
    }
}

/// Data that are read in order.
pub(crate) type Bytes = Box<dyn BufRead + Send>;

/// The data without their compression, and what that was.
pub(crate) fn unpacked(data: impl Read + Send + 'static) -> io::Result<(Bytes, Compression)> {
    let mut data = BufReader::with_capacity(1 << 16, data);
    let mut head = Vec::new();
    data.by_ref().take(4).read_to_end(&mut head)?;
    let compression = match head[..] {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd] => Compression::Zstd,
        _ => Compression::None,
    };
    let whole = Cursor::new(head).chain(data);
    let bytes: Bytes = match compression {
        Compression::None => Box::new(whole),
        Compression::Gzip => Box::new(BufReader::with_capacity(1 << 16, flate2::bufread::MultiGzDecoder::new(whole))),
        Compression::Zstd => Box::new(BufReader::with_capacity(1 << 16, zstd::Decoder::with_buffer(whole)?)),
    };
    Ok((bytes, compression))
}
