//! `cp.async`: the data land when they are waited for, not before.

use std::collections::VecDeque;

use super::access::Place;
use super::warp::Warp;
use super::{Machine, Stop};
use crate::fault::FaultKind;
use crate::lanes::{WARP, lanes_of};
use crate::memory::{Access, MemoryError};
use crate::parse::Space;
use crate::program::CopyAsync;

/// Copies of a thread that have not landed.
#[derive(Default)]
pub struct Copies {
    open: Vec<Pending>,
    groups: VecDeque<Vec<Pending>>,
}

#[derive(Clone, Copy)]
struct Pending {
    /// Offset in shared memory.
    to: usize,
    bytes: usize,
    /// Allocation and offset; none if nothing is read.
    from: Option<(usize, usize)>,
    source_bytes: usize,
}

impl Copies {
    pub fn commit(&mut self) {
        self.groups.push_back(std::mem::take(&mut self.open));
    }

    /// Whether a copy to this byte of shared memory has not landed.
    pub fn is_pending(&self, at: usize) -> bool {
        self.groups.iter().flatten().chain(&self.open).any(|copy| (copy.to..copy.to + copy.bytes).contains(&at))
    }
}

impl Machine<'_> {
    pub fn copy_async(&mut self, warp: &mut Warp, copy: &CopyAsync, mask: u32) -> Result<(), Stop> {
        let ignored = copy.ignore_source.map_or(0, |condition| warp.holds(condition));
        for lane in lanes_of(mask) {
            let thread = warp.index * WARP + lane;
            let failed = |access| move |error| Stop { kind: FaultKind::Memory { access, error }, lane };
            let to = self.address(warp, copy.to, lane);
            let place = self.place(Space::Shared, to, copy.bytes, thread).map_err(failed(Access::Write))?;
            let Place::Shared(at) = place else { unreachable!("shared places are shared") };
            let n = copy.source_bytes.map_or(copy.bytes, |reg| warp.registers[reg][lane] as u32 as usize);
            if n > copy.bytes {
                let what = format!("{n} source bytes are more than the {} copied", copy.bytes);
                return Err(Stop { kind: FaultKind::Operand(what), lane });
            }
            let source_bytes = if ignored >> lane & 1 == 1 { 0 } else { n };
            let mut from = None;
            if source_bytes > 0 {
                let address = self.address(warp, copy.from, lane);
                if !address.is_multiple_of(copy.bytes as u64) {
                    let error = MemoryError::Misaligned { address, bytes: copy.bytes };
                    return Err(failed(Access::Read)(error));
                }
                from = Some(self.memory.locate(address, source_bytes).map_err(failed(Access::Read))?);
            }
            self.touch(place, copy.bytes, thread, Access::Write, false).map_err(|kind| Stop { kind, lane })?;
            self.shared.poison(at, copy.bytes);
            warp.copies[lane].open.push(Pending { to: at, bytes: copy.bytes, from, source_bytes });
        }
        if self.options.count_traffic {
            self.count(warp, Space::Global, copy.from, copy.bytes, mask, false);
        }
        Ok(())
    }

    pub fn copy_wait(&mut self, warp: &mut Warp, pending: Option<usize>, mask: u32) -> Result<(), Stop> {
        for lane in lanes_of(mask) {
            if pending.is_none() {
                warp.copies[lane].commit();
            }
            while warp.copies[lane].groups.len() > pending.unwrap_or(0) {
                for copy in warp.copies[lane].groups.pop_front().unwrap_or_default() {
                    self.land(warp, copy, warp.index * WARP + lane).map_err(|kind| Stop { kind, lane })?;
                }
            }
        }
        Ok(())
    }

    fn land(&mut self, warp: &Warp, copy: Pending, thread: usize) -> Result<(), FaultKind> {
        self.progress += 1;
        let mut data = vec![0; copy.bytes];
        if let Some((slot, at)) = copy.from {
            let place = Place::Global { slot, at };
            let failed = |error| FaultKind::Memory { access: Access::Read, error };
            self.check_written(warp, place, copy.source_bytes).map_err(failed)?;
            self.touch(place, copy.source_bytes, thread, Access::Read, false)?;
            data[..copy.source_bytes].copy_from_slice(self.memory.slots[slot].bytes.slice(at, copy.source_bytes));
        }
        self.touch(Place::Shared(copy.to), copy.bytes, thread, Access::Write, false)?;
        self.shared.write(copy.to, &data);
        Ok(())
    }
}
