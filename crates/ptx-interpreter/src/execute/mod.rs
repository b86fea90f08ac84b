//! Running a launch, block by block.

mod access;
mod barrier;
mod copy;
mod exchange;
mod matrix;
mod mbarrier;
mod schedule;
mod step;
mod warp;

use std::collections::BTreeMap;

use crate::counters::Counters;
use crate::fault::{Fault, FaultKind};
use crate::launch::{Kernel, Launch, Options, block_index};
use crate::memory::{Bytes, Memory};
use crate::order::{Clocks, Shadow};
use barrier::BarrierState;
use mbarrier::MbarrierState;
use warp::Warp;

/// A fault of a lane, its place not yet added.
pub struct Stop {
    pub kind: FaultKind,
    pub lane: usize,
}

/// A launch in progress, with the state of the block that runs.
pub struct Machine<'a> {
    kernel: &'a Kernel<'a>,
    memory: &'a mut Memory,
    options: &'a Options,
    launch: &'a Launch,
    parameters: Bytes,
    counters: Counters,
    clocks: Clocks,
    n_threads: usize,
    block: [u32; 3],
    shared: Bytes,
    shared_shadow: Shadow,
    local: Bytes,
    warps: Vec<Warp>,
    barriers: Vec<BarrierState>,
    mbarriers: BTreeMap<usize, MbarrierState>,
    /// Threads of the block that have ended.
    n_exited: usize,
    /// Grows whenever something happens that another thread may wait for.
    progress: u64,
    /// Index of the instruction that runs.
    at: usize,
}

impl<'a> Machine<'a> {
    pub fn new(kernel: &'a Kernel<'a>, memory: &'a mut Memory, launch: &'a Launch, options: &'a Options) -> Self {
        let program = kernel.program;
        let size = program.parameters.last().map_or(0, |last| last.offset + last.size);
        let mut parameters = Bytes::new(size);
        for (parameter, value) in program.parameters.iter().zip(&launch.arguments) {
            parameters.write(parameter.offset, value);
        }
        let n_threads = launch.block.iter().product::<u32>() as usize;
        let shared = if launch.shared_bytes > 0 { program.dynamic_shared + launch.shared_bytes } else { program.static_shared };
        Machine {
            kernel,
            options,
            launch,
            parameters,
            counters: Counters::default(),
            clocks: Clocks::new(memory.time),
            n_threads,
            block: [0; 3],
            shared: Bytes::new(shared),
            shared_shadow: Shadow::new(shared),
            local: Bytes::new(program.local * n_threads),
            warps: Vec::new(),
            barriers: Vec::new(),
            mbarriers: BTreeMap::new(),
            n_exited: 0,
            progress: 0,
            at: 0,
            memory,
        }
    }

    /// What was counted.
    pub fn finish(self) -> Counters {
        self.memory.time = self.clocks.time();
        self.counters
    }

    /// Adds the place to a fault.
    fn fault(&self, warp: usize, stop: Stop) -> Box<Fault> {
        Box::new(Fault {
            kernel: self.kernel.program.name.clone(),
            block: self.block,
            thread: self.thread_index(warp * crate::lanes::WARP + stop.lane),
            site: self.kernel.module.site(&self.kernel.program.code[self.at]),
            kind: stop.kind,
        })
    }

    fn thread_index(&self, thread: usize) -> [u32; 3] {
        block_index(thread as u64, self.launch.block)
    }

    /// The index of the n-th block that ran.
    fn block_that_ran(&self, n: usize) -> [u32; 3] {
        let n_blocks = self.launch.grid.iter().map(|n| u64::from(*n)).product::<u64>();
        let i = if self.options.reverse_blocks { n_blocks - 1 - n as u64 } else { n as u64 };
        block_index(i, self.launch.grid)
    }
}
