//! The warps of a block, until all have ended or none can go on.

use super::barrier::BarrierState;
use super::warp::Warp;
use super::{Machine, Stop};
use crate::fault::{Fault, FaultKind};
use crate::lanes::WARP;

/// Rounds over all warps without anything that another thread could wait for, after which nothing is expected to come.
const IDLE_ROUNDS: u32 = 256;
/// Named barriers of a block.
const N_BARRIERS: usize = 16;

impl Machine<'_> {
    /// # Errors
    /// The first fault.
    pub fn run_block(&mut self, block: [u32; 3]) -> Result<(), Box<Fault>> {
        self.begin_block(block);
        let n_warps = self.warps.len();
        let mut n_idle = 0;
        while self.warps.iter().any(|warp| warp.live != 0) {
            let before = self.progress;
            let mut all_spin = true;
            let mut ran = false;
            for i in 0..n_warps {
                let i = if self.options.reverse_warps { n_warps - 1 - i } else { i };
                if self.warps[i].live == 0 || self.warps[i].waits_at.is_some() {
                    continue;
                }
                ran = true;
                let mut warp = std::mem::take(&mut self.warps[i]);
                warp.spins = false;
                let result = self.run_warp(&mut warp);
                all_spin &= warp.spins;
                self.warps[i] = warp;
                result.map_err(|stop| self.fault(i, stop))?;
                self.release_barriers();
            }
            n_idle = if self.progress == before { n_idle + 1 } else { 0 };
            if !ran || n_idle > IDLE_ROUNDS || (n_idle > 1 && all_spin) {
                return Err(self.stuck());
            }
        }
        self.counters.blocks += 1;
        Ok(())
    }

    fn begin_block(&mut self, block: [u32; 3]) {
        let program = self.kernel.program;
        self.block = block;
        self.n_exited = 0;
        self.clocks.begin_block(self.n_threads);
        self.shared.poison(0, self.shared.len());
        self.shared_shadow.clear();
        self.local.poison(0, self.local.len());
        self.barriers = (0..N_BARRIERS).map(|_| BarrierState::default()).collect();
        self.mbarriers.clear();
        if self.warps.is_empty() {
            self.warps = (0..self.n_threads.div_ceil(WARP)).map(|index| Warp::new(index, program)).collect();
        }
        for warp in &mut self.warps {
            warp.reset(program, self.launch, block, self.n_threads);
        }
    }

    /// Why no warp can go on: the fault of the first that waits.
    fn stuck(&mut self) -> Box<Fault> {
        let waiting = self.warps.iter().position(|warp| warp.waits_at.is_some());
        if let (Some(index), true, true) = (waiting, self.n_exited > 0, self.options.check_exited) {
            let warp = &self.warps[index];
            self.at = warp.waits_at.unwrap_or(0);
            let kind = FaultKind::ExitedThreads { n_exited: self.n_exited };
            return self.fault(index, Stop { kind, lane: warp.live.trailing_zeros() as usize });
        }
        let live: Vec<usize> = (0..self.warps.len()).filter(|i| self.warps[*i].live != 0).collect();
        let place = |warp: &Warp| match (warp.waits_at, warp.next_group()) {
            (Some(at), _) => (at, "waits at"),
            (None, Some((_, pc))) => (pc, "spins at"),
            _ => (0, "is at"),
        };
        let described: Vec<String> = live
            .iter()
            .map(|index| {
                let (at, verb) = place(&self.warps[*index]);
                format!("warp {index} {verb} {}", self.kernel.module.site(&self.kernel.program.code[at]))
            })
            .collect();
        let index = live[0];
        self.at = place(&self.warps[index]).0;
        let lane = self.warps[index].live.trailing_zeros() as usize;
        self.fault(index, Stop { kind: FaultKind::Deadlock(described.join("; ")), lane })
    }
}
