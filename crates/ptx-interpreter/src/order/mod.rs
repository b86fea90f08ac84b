//! Which accesses happen before which: clocks of threads, and what they last did to each word.

mod clocks;
mod shadow;

pub use clocks::{Clocks, Snapshot};
pub use shadow::{Conflict, Shadow, Touch};

/// When, by whom and where an access was made, in 64 bits: 37 of time, 1 for atomics, 10 of the thread in its block and 16
/// of the instruction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp(pub u64);

impl Stamp {
    #[inline(always)]
    pub fn new(time: u64, thread: usize, instruction: usize, is_atomic: bool) -> Self {
        Stamp(time << 27 | u64::from(is_atomic) << 26 | (thread as u64) << 16 | instruction as u64)
    }

    /// Never made.
    #[inline(always)]
    pub fn is_none(self) -> bool {
        self.0 == 0
    }

    #[inline(always)]
    pub fn time(self) -> u64 {
        self.0 >> 27
    }

    #[inline(always)]
    pub fn is_atomic(self) -> bool {
        self.0 >> 26 & 1 == 1
    }

    #[inline(always)]
    pub fn thread(self) -> usize {
        (self.0 >> 16 & 0x3ff) as usize
    }

    pub fn instruction(self) -> usize {
        (self.0 & 0xffff) as usize
    }
}
