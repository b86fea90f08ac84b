//! Barriers in shared memory that threads arrive at and test.

use std::rc::Rc;

use super::access::Place;
use super::step::Flow;
use super::warp::Warp;
use super::{Machine, Stop};
use crate::fault::FaultKind;
use crate::lanes::{WARP, lanes_of};
use crate::memory::Access;
use crate::order::Snapshot;
use crate::program::{Mbarrier, MbarrierAction};

/// Bytes of the object.
const SIZE: usize = 8;
/// The largest count.
const MAX_COUNT: u64 = (1 << 20) - 1;

pub struct MbarrierState {
    expected: u64,
    pending: u64,
    phase: u64,
    /// What the threads knew that arrived in this phase, and in the one before.
    arriving: Vec<Rc<Snapshot>>,
    completed: Vec<Rc<Snapshot>>,
}

impl Machine<'_> {
    pub fn mbarrier(&mut self, warp: &mut Warp, mbarrier: &Mbarrier, pc: usize, group: u32, mask: u32) -> Result<Flow, Stop> {
        let mut must_wait = false;
        for lane in lanes_of(mask) {
            let thread = warp.index * WARP + lane;
            let address = self.address(warp, mbarrier.address, lane);
            let failed = |error| Stop { kind: FaultKind::Memory { access: Access::Update, error }, lane };
            let place = self.place(mbarrier.space, address, SIZE, thread).map_err(failed)?;
            let refuse = |what: &str| Err(Stop { kind: FaultKind::Operand(what.to_owned()), lane });
            let Place::Shared(at) = place else { return refuse("an mbarrier lies in shared memory") };
            let is_init = matches!(mbarrier.action, MbarrierAction::Init { .. } | MbarrierAction::Invalidate);
            let access = if is_init { Access::Write } else { Access::Update };
            self.touch(place, SIZE, thread, access, !is_init).map_err(|kind| Stop { kind, lane })?;
            if let MbarrierAction::Init { count } = mbarrier.action {
                let expected = warp.registers[count][lane];
                if expected == 0 || expected > MAX_COUNT {
                    return refuse("the count of an mbarrier is out of range");
                }
                let state = MbarrierState { expected, pending: expected, phase: 0, arriving: vec![], completed: vec![] };
                self.shared.fill(at, SIZE, 0);
                self.mbarriers.insert(at, state);
                continue;
            }
            let Some(state) = self.mbarriers.get_mut(&at) else { return refuse("there is no mbarrier at this address") };
            match mbarrier.action {
                MbarrierAction::Arrive { state: d, count } => {
                    let count = warp.registers[count][lane];
                    if count == 0 || count > state.pending {
                        return refuse("more threads arrive at an mbarrier than it expects");
                    }
                    state.arriving.push(self.clocks.release(thread));
                    d.iter().for_each(|d| warp.registers[*d][lane] = state.phase);
                    state.pending -= count;
                    if state.pending == 0 {
                        state.pending = state.expected;
                        state.phase += 1;
                        state.completed = std::mem::take(&mut state.arriving);
                    }
                    self.progress += 1;
                }
                MbarrierAction::Test { d, state: token, is_parity, blocks } => {
                    let token = warp.registers[token][lane];
                    let is_over = if is_parity { state.phase % 2 != token % 2 } else { state.phase != token };
                    if is_over {
                        for snapshot in &state.completed {
                            self.clocks.acquire(thread, snapshot);
                        }
                    }
                    warp.set_predicate(d, if is_over { u32::MAX } else { 0 }, 1 << lane);
                    must_wait |= blocks && !is_over;
                }
                _ => {
                    self.mbarriers.remove(&at);
                }
            }
        }
        if must_wait {
            warp.spins = true;
            warp.set_pcs(group, pc + 1);
            return Ok(Flow::Wait);
        }
        Ok(Flow::Next)
    }
}
