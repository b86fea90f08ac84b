//! Barriers of the block.

use super::step::Flow;
use super::warp::Warp;
use super::{Machine, Stop};
use crate::fault::FaultKind;
use crate::lanes::{WARP, lanes_of};
use crate::program::{Barrier, Op, ReductionKind};

/// One of the block's named barriers.
#[derive(Default)]
pub struct BarrierState {
    /// Threads that take part in this round so far.
    arrived: Vec<usize>,
    /// Warps that wait for its end.
    waiting: Vec<usize>,
    /// Given by the instruction; none: all threads of the block.
    wanted: Option<usize>,
    /// Threads counted so far; of a given number, whole warps count.
    n_arrived: usize,
    n_true: u64,
}

impl Machine<'_> {
    pub fn barrier(&mut self, warp: &mut Warp, barrier: &Barrier, pc: usize, group: u32, mask: u32) -> Result<Flow, Stop> {
        if mask == 0 {
            return Ok(Flow::Next);
        }
        if !self.has_whole_warp(warp, pc, group, mask) {
            return Ok(Flow::Regroup);
        }
        let here = warp.live;
        let lane = here.trailing_zeros() as usize;
        let refuse = |what: String| Err(Stop { kind: FaultKind::Operand(what), lane });
        let id = warp.registers[barrier.id][lane] as usize;
        if id >= self.barriers.len() {
            return refuse(format!("there is no barrier {id}"));
        }
        let wanted = barrier.count.map(|count| warp.registers[count][lane] as usize);
        if wanted.is_some_and(|wanted| wanted == 0 || !wanted.is_multiple_of(WARP)) {
            return refuse(format!("{} threads at a barrier are no whole warps", wanted.unwrap_or(0)));
        }
        if wanted.is_none() && self.n_exited > 0 && self.options.check_exited {
            return Err(Stop { kind: FaultKind::ExitedThreads { n_exited: self.n_exited }, lane });
        }
        let condition = barrier.reduction.as_ref().map_or(0, |reduction| warp.holds(reduction.condition));
        let state = &mut self.barriers[id];
        if !state.arrived.is_empty() && state.wanted != wanted {
            return refuse(format!("barrier {id} is used with different numbers of threads at once"));
        }
        state.wanted = wanted;
        state.arrived.extend(lanes_of(here).map(|lane| warp.index * WARP + lane));
        state.n_arrived += if wanted.is_some() { WARP } else { here.count_ones() as usize };
        state.n_true += u64::from((condition & here).count_ones());
        self.progress += 1;
        if !barrier.waits {
            warp.set_pcs(here, pc + 1);
            return Ok(Flow::Regroup);
        }
        state.waiting.push(warp.index);
        warp.set_pcs(here, pc);
        warp.waits_at = Some(pc);
        Ok(Flow::Wait)
    }

    /// Whether all live lanes of the warp are here. If not, the group is parked until the others come.
    pub fn has_whole_warp(&self, warp: &mut Warp, pc: usize, group: u32, mask: u32) -> bool {
        let here = mask | warp.lanes_at(warp.parked, pc);
        if here == warp.live {
            warp.parked = 0;
            return true;
        }
        warp.parked |= mask;
        warp.set_pcs(mask, pc);
        warp.set_pcs(group & !mask, pc + 1);
        false
    }

    /// Lets the warps go on that wait at complete barriers.
    pub fn release_barriers(&mut self) {
        let n_exempt = if self.options.check_exited { 0 } else { self.n_exited };
        for id in 0..self.barriers.len() {
            let state = &self.barriers[id];
            let wanted = state.wanted.unwrap_or(self.n_threads - n_exempt);
            if state.arrived.is_empty() || state.n_arrived < wanted {
                continue;
            }
            let state = std::mem::take(&mut self.barriers[id]);
            let learners: Vec<usize> = state.waiting.iter().flat_map(|warp| self.threads_of(*warp)).collect();
            if state.arrived.len() + self.n_exited == self.n_threads && learners.len() == state.arrived.len() {
                self.clocks.block_barrier();
            } else {
                self.clocks.partial_barrier(&state.arrived, &learners);
            }
            for index in &state.waiting {
                self.go_on(*index, state.n_true, state.arrived.len() as u64);
            }
        }
    }

    fn threads_of(&self, warp: usize) -> impl Iterator<Item = usize> + use<> {
        lanes_of(self.warps[warp].live).map(move |lane| warp * WARP + lane)
    }

    fn go_on(&mut self, index: usize, n_true: u64, n_arrived: u64) {
        let warp = &mut self.warps[index];
        let Some(pc) = warp.waits_at.take() else { return };
        let live = warp.live;
        if let Op::Barrier(barrier) = &self.kernel.program.code[pc].op
            && let Some(reduction) = &barrier.reduction
        {
            let truth = |holds: bool| if holds { u32::MAX } else { 0 };
            match reduction.kind {
                ReductionKind::Or(d) => warp.set_predicate(d, truth(n_true > 0), live),
                ReductionKind::And(d) => warp.set_predicate(d, truth(n_true == n_arrived), live),
                ReductionKind::Count(d) => warp.set(d, &[n_true; WARP], live),
            }
        }
        warp.set_pcs(live, pc + 1);
    }

    /// No lane can go on, some are parked: those whose companions have all come or exited go on, else it is a fault.
    pub fn resume_parked(&mut self, warp: &mut Warp) -> Result<(), Stop> {
        let pcs: Vec<usize> = lanes_of(warp.parked).map(|lane| warp.pcs[lane]).collect();
        for pc in pcs.iter().copied() {
            let here = warp.lanes_at(warp.parked, pc);
            let named = self.named_lanes(warp, pc, here);
            if named & warp.live & !here == 0 {
                warp.parked &= !here;
                return Ok(());
            }
        }
        let pc = pcs.into_iter().min().unwrap_or(0);
        let here = warp.lanes_at(warp.parked, pc);
        self.at = pc;
        let kind = if let Op::Barrier(_) = self.kernel.program.code[pc].op {
            FaultKind::DivergentBarrier { waiting: here, elsewhere: self.existing_lanes(warp.index) & !here }
        } else {
            let named = self.named_lanes(warp, pc, here);
            FaultKind::DivergentExchange { named, missing: named & !here & self.existing_lanes(warp.index) }
        };
        Err(Stop { kind, lane: here.trailing_zeros() as usize })
    }

    /// Lanes of the warp that began, exited ones too.
    pub fn existing_lanes(&self, warp: usize) -> u32 {
        u32::MAX >> (WARP - (self.n_threads - warp * WARP).min(WARP))
    }

    /// The lanes that an instruction waits for.
    fn named_lanes(&self, warp: &Warp, pc: usize, here: u32) -> u32 {
        let mask = match &self.kernel.program.code[pc].op {
            Op::WarpSync { mask } | Op::Match { mask, .. } | Op::Reduce { mask, .. } => *mask,
            Op::Shuffle(shuffle) => shuffle.mask,
            Op::Vote(vote) => vote.mask,
            _ => return self.existing_lanes(warp.index),
        };
        lanes_of(here).fold(0, |named, lane| named | warp.registers[mask][lane] as u32)
    }
}
