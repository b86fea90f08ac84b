//! What is wrong with an access.

use std::fmt;

/// An access to memory that is not allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MemoryError {
    /// The address belongs to no allocation.
    #[error("{address:#x} is no address of an allocation")]
    Unallocated {
        /// The address.
        address: u64,
    },
    /// The access reaches past an end of an allocation or of a block's memory.
    #[error("{bytes} bytes at offset {offset} reach out of {what} of {size} bytes")]
    OutOfBounds {
        /// Which memory.
        what: String,
        /// From its start; negative before it.
        offset: i64,
        /// Size of the access.
        bytes: usize,
        /// Size of the memory.
        size: usize,
    },
    /// The allocation was freed.
    #[error("{bytes} bytes at offset {offset} of {what}, which is freed")]
    Freed {
        /// Which memory.
        what: String,
        /// From its start.
        offset: i64,
        /// Size of the access.
        bytes: usize,
    },
    /// The address is no multiple of the size.
    #[error("{address:#x} is not aligned to {bytes} bytes")]
    Misaligned {
        /// The address.
        address: u64,
        /// Size of the access.
        bytes: usize,
    },
    /// Bytes are read that nothing wrote.
    #[error("byte {offset} of {what} is read but was never written")]
    Unwritten {
        /// Which memory.
        what: String,
        /// First such byte, from the start.
        offset: usize,
    },
    /// Bytes are read while `cp.async` may still be writing them.
    #[error("byte {offset} of {what} is read before its asynchronous copy was waited for")]
    CopyPending {
        /// Which memory.
        what: String,
        /// First such byte, from the start.
        offset: usize,
    },
    /// A constant is written.
    #[error("{what} is read-only")]
    ReadOnly {
        /// Which memory.
        what: String,
    },
    /// An instruction for one space got an address of another.
    #[error("{address:#x} is no address of {space} memory")]
    WrongSpace {
        /// The address.
        address: u64,
        /// The space that the instruction names.
        space: &'static str,
    },
    /// Not the start of an allocation that is in use.
    #[error("{address:#x} cannot be freed: it is not the start of an allocation in use")]
    NotFreeable {
        /// The address.
        address: u64,
    },
    /// More memory than the device has.
    #[error("{bytes} bytes cannot be allocated: {available} are left")]
    OutOfMemory {
        /// Wanted.
        bytes: usize,
        /// Left.
        available: usize,
    },
}

/// Reading, writing or both at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A load.
    Read,
    /// A store.
    Write,
    /// An atomic update.
    Update,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Access::Read => "read",
            Access::Write => "write",
            Access::Update => "atomic update",
        })
    }
}
