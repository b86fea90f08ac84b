//! The instructions by which threads wait for each other, and kernels that lack one of them.
//!
//! A test that would pass without a barrier says nothing about it. To show that tests of a kernel can fail, its barriers and
//! waits are taken out one at a time, in the loaded module: nothing has to be compiled again.

use crate::decode::TRUE;
use crate::fault::Site;
use crate::launch::{Kernel, Module};
use crate::program::{Condition, MbarrierAction, Op};

/// An instruction that makes threads wait, or orders what they do to memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Synchronization {
    /// What it is, such as `barrier of the block`.
    pub what: &'static str,
    /// Where it stands.
    pub site: Site,
}

/// Why no instruction can be taken out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RemovalError {
    /// The module has no such kernel.
    #[error("there is no kernel `{kernel}`")]
    UnknownKernel {
        /// The name asked for.
        kernel: String,
    },
    /// The kernel has fewer such instructions.
    #[error("kernel `{kernel}` has {count} instructions that synchronize, none has the number {number}")]
    NoSuchNumber {
        /// Name of the kernel.
        kernel: String,
        /// How many there are.
        count: usize,
        /// The number asked for, from 1.
        number: usize,
    },
}

impl Kernel<'_> {
    /// Its instructions that synchronize, in the order of the text: barriers, arrivals at them, fences, and what ends or
    /// waits for groups of asynchronous copies. The body of a called function counts once for every call.
    ///
    /// Shuffles and votes, which wait but order no memory, and setting up an mbarrier are not among them.
    pub fn synchronizations(&self) -> Vec<Synchronization> {
        let found = self.program.code.iter().filter_map(|instruction| {
            let what = name(&instruction.op)?;
            Some(Synchronization { what, site: self.module.site(instruction) })
        });
        found.collect()
    }
}

impl Module {
    /// Takes out one of [`Kernel::synchronizations`], by its number from 1 on, and says which. A wait for an mbarrier
    /// becomes one that is over at once; what a `bar.red` would have written keeps its value.
    ///
    /// # Errors
    /// There is no such kernel, or no instruction of this number in it.
    pub fn remove_synchronization(&mut self, kernel: &str, number: usize) -> Result<Synchronization, RemovalError> {
        let unknown = || RemovalError::UnknownKernel { kernel: kernel.to_owned() };
        let mut found = self.kernel(kernel).ok_or_else(unknown)?.synchronizations();
        let program = self.programs.get_mut(kernel).ok_or_else(unknown)?;
        let mut instructions = program.code.iter_mut().filter(|instruction| name(&instruction.op).is_some());
        let Some(instruction) = number.checked_sub(1).and_then(|before| instructions.nth(before)) else {
            return Err(RemovalError::NoSuchNumber { kernel: kernel.to_owned(), count: found.len(), number });
        };
        instruction.op = without(&instruction.op);
        Ok(found.swap_remove(number - 1))
    }
}

/// What an operation is called if it synchronizes.
fn name(op: &Op) -> Option<&'static str> {
    match op {
        Op::Barrier(barrier) if barrier.waits => Some("barrier of the block"),
        Op::Barrier(_) => Some("arrival at a barrier"),
        Op::WarpSync { .. } => Some("barrier of the warp"),
        Op::Fence => Some("fence"),
        Op::CopyCommit => Some("end of a group of copies"),
        Op::CopyWait { .. } => Some("wait for copies"),
        Op::Mbarrier(mbarrier) => match mbarrier.action {
            MbarrierAction::Arrive { .. } => Some("arrival at an mbarrier"),
            MbarrierAction::Test { .. } => Some("wait for an mbarrier"),
            MbarrierAction::Init { .. } | MbarrierAction::Invalidate => None,
        },
        _ => None,
    }
}

/// What stands in its place.
fn without(op: &Op) -> Op {
    if let Op::Mbarrier(mbarrier) = op
        && let MbarrierAction::Test { d, .. } = mbarrier.action
    {
        let always = Condition { predicate: TRUE, is_negated: false };
        return Op::Predicates { d, a: always, b: always, f: |a, _| a };
    }
    Op::Nop
}
