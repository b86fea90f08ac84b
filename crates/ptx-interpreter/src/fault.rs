//! What went wrong in a launch, and where.

use std::fmt;

use crate::memory::{Access, MemoryError};

/// A place in a kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Line of the PTX text, from 1.
    pub ptx_line: u32,
    /// File and line that it was compiled from, where the PTX says so (`-lineinfo`).
    pub source: Option<(String, u32)>,
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Some((file, line)) => write!(f, "{file}:{line} (PTX line {})", self.ptx_line),
            None => write!(f, "PTX line {}", self.ptx_line),
        }
    }
}

/// A launch that did what it must not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("kernel `{kernel}`, block {block:?}, thread {thread:?}, {site}: {kind}")]
pub struct Fault {
    /// Name of the kernel.
    pub kernel: String,
    /// Index of the block.
    pub block: [u32; 3],
    /// Index of the thread in its block; of several threads the first.
    pub thread: [u32; 3],
    /// The instruction.
    pub site: Site,
    /// What it did.
    pub kind: FaultKind,
}

/// The other side of a race.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// Index of the block.
    pub block: [u32; 3],
    /// Index of the thread in its block.
    pub thread: [u32; 3],
    /// The instruction.
    pub site: Site,
    /// What it did.
    pub access: Access,
}

impl fmt::Display for Earlier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by block {:?}, thread {:?}, {}", self.access, self.block, self.thread, self.site)
    }
}

/// What a thread must not do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultKind {
    /// An access that is not allowed.
    #[error("{access}: {error}")]
    Memory {
        /// What it wanted.
        access: Access,
        /// Why it is not allowed.
        error: MemoryError,
    },
    /// Two accesses to one place, at least one a write, that nothing orders.
    #[error("race: {access} at offset {offset} of {what}, not ordered after the {earlier}")]
    Race {
        /// What it wanted.
        access: Access,
        /// Which memory.
        what: String,
        /// From the start of it.
        offset: usize,
        /// The other access.
        earlier: Box<Earlier>,
    },
    /// A barrier of the block that a part of a warp reached.
    #[error(
        "divergent barrier: lanes {waiting:#010x} of the warp wait at it, lanes {elsewhere:#010x} wait elsewhere or have exited"
    )]
    DivergentBarrier {
        /// Lanes at the barrier.
        waiting: u32,
        /// Lanes that will not come.
        elsewhere: u32,
    },
    /// A barrier of the whole block while threads have exited.
    #[error("barrier after {n_exited} threads of the block have exited")]
    ExitedThreads {
        /// How many.
        n_exited: usize,
    },
    /// A shuffle, vote or warp barrier that names lanes that do not come.
    #[error("divergent exchange: lanes {named:#010x} are named, lanes {missing:#010x} of them do not take part")]
    DivergentExchange {
        /// Lanes in the mask.
        named: u32,
        /// Those that are elsewhere or have exited.
        missing: u32,
    },
    /// An operand that the manual leaves undefined.
    #[error("{0}")]
    Operand(String),
    /// Threads wait for what will not happen.
    #[error("deadlock: {0}")]
    Deadlock(String),
    /// `trap`.
    #[error("trap")]
    Trap,
}
