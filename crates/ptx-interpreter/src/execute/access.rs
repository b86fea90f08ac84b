//! Loads, stores and atomics.

use super::warp::Warp;
use super::{Machine, Stop};
use crate::counters::{passes, sectors};
use crate::fault::{Earlier, FaultKind};
use crate::lanes::{Lanes, WARP, lanes_of};
use crate::memory::{Access, LOCAL_START, MemoryError, PARAMETERS_START, SHARED_START, SHARED_WINDOW};
use crate::number::integer::signed;
use crate::order::{Conflict, Shadow, Touch};
use crate::parse::Space;
use crate::program::{Address, Atomic, Load, Order, Store};

/// Size of the range of addresses that the memory of a block or thread has to itself.
const WINDOW: u64 = 1 << 32;

/// Where an access goes.
#[derive(Clone, Copy)]
pub enum Place {
    Global { slot: usize, at: usize },
    Shared(usize),
    Local(usize),
    Parameter(usize),
}

impl Machine<'_> {
    pub fn address(&self, warp: &Warp, address: Address, lane: usize) -> u64 {
        warp.registers[address.base][lane].wrapping_add_signed(address.offset)
    }

    /// Where an access goes, bounds and alignment checked.
    #[inline(always)]
    pub fn place(&self, space: Space, address: u64, bytes: usize, thread: usize) -> Result<Place, MemoryError> {
        if !address.is_multiple_of(bytes as u64) {
            return Err(MemoryError::Misaligned { address, bytes });
        }
        match space {
            Space::Shared => self.shared_place(address, bytes),
            Space::Global | Space::Const => {
                if (WINDOW..4 * WINDOW).contains(&address) {
                    return Err(MemoryError::WrongSpace { address, space: "global" });
                }
                let (slot, at) = self.memory.locate(address, bytes)?;
                Ok(Place::Global { slot, at })
            }
            Space::Generic | Space::Local | Space::Param => self.generic_place(space, address, bytes, thread),
        }
    }

    fn generic_place(&self, space: Space, address: u64, bytes: usize, thread: usize) -> Result<Place, MemoryError> {
        let is_generic = space == Space::Generic;
        match address / WINDOW {
            1 if is_generic => self.shared_place(address - SHARED_WINDOW, bytes),
            2 => {
                let size = self.kernel.program.local;
                let at = within("local memory", address - LOCAL_START, bytes, size)?;
                Ok(Place::Local(thread * size + at))
            }
            3 if space != Space::Local => {
                within("parameters", address - PARAMETERS_START, bytes, self.parameters.len()).map(Place::Parameter)
            }
            _ if is_generic => self.memory.locate(address, bytes).map(|(slot, at)| Place::Global { slot, at }),
            _ => Err(MemoryError::WrongSpace { address, space: if space == Space::Local { "local" } else { "parameter" } }),
        }
    }

    #[inline(always)]
    fn shared_place(&self, address: u64, bytes: usize) -> Result<Place, MemoryError> {
        if address >= WINDOW {
            return Err(MemoryError::WrongSpace { address, space: "shared" });
        }
        within("shared memory", address.wrapping_sub(SHARED_START), bytes, self.shared.len()).map(Place::Shared)
    }

    /// The value at a place, which must have been written.
    #[inline(always)]
    fn value(&self, place: Place, bytes: usize) -> u64 {
        match place {
            Place::Global { slot, at } => self.memory.slots[slot].bytes.load(at, bytes),
            Place::Shared(at) => self.shared.load(at, bytes),
            Place::Local(at) => self.local.load(at, bytes),
            Place::Parameter(at) => self.parameters.load(at, bytes),
        }
    }

    #[inline(always)]
    fn set_value(&mut self, place: Place, bytes: usize, value: u64) {
        match place {
            Place::Global { slot, at } => self.memory.slots[slot].bytes.store(at, bytes, value),
            Place::Shared(at) => self.shared.store(at, bytes, value),
            Place::Local(at) => self.local.store(at, bytes, value),
            Place::Parameter(_) => {}
        }
    }

    /// # Errors
    /// The first byte of these that was never written.
    #[inline(always)]
    pub fn check_written(&self, warp: &Warp, place: Place, bytes: usize) -> Result<(), MemoryError> {
        if !self.options.check_unwritten {
            return Ok(());
        }
        let found = match place {
            Place::Global { slot, at } => self.memory.slots[slot].bytes.first_unwritten(at, bytes),
            Place::Shared(at) => self.shared.first_unwritten(at, bytes),
            Place::Local(at) => self.local.first_unwritten(at, bytes),
            Place::Parameter(_) => None,
        };
        match found {
            None => Ok(()),
            Some(offset) => Err(self.unwritten(warp, place, offset)),
        }
    }

    #[cold]
    fn unwritten(&self, warp: &Warp, place: Place, offset: usize) -> MemoryError {
        let what = self.what(place);
        if let Place::Shared(_) = place {
            let copies = self.warps.iter().chain([warp]).flat_map(|warp| &warp.copies);
            if copies.into_iter().any(|copies| copies.is_pending(offset)) {
                return MemoryError::CopyPending { what, offset };
            }
        }
        let offset = if let Place::Local(_) = place { offset % self.kernel.program.local.max(1) } else { offset };
        MemoryError::Unwritten { what, offset }
    }

    pub fn what(&self, place: Place) -> String {
        match place {
            Place::Global { slot, .. } => self.memory.label(slot).to_owned(),
            Place::Shared(_) => "shared memory".to_owned(),
            Place::Local(_) => "local memory".to_owned(),
            Place::Parameter(_) => "the parameters".to_owned(),
        }
    }

    /// Checks an access against earlier ones of other threads.
    #[inline(always)]
    pub fn touch(&mut self, place: Place, bytes: usize, thread: usize, access: Access, is_atomic: bool) -> Result<(), FaultKind> {
        if !self.options.check_races {
            return Ok(());
        }
        let touch = Touch { thread, instruction: self.at, writes: access != Access::Read, is_atomic };
        let found = match place {
            Place::Shared(at) => self.shared_shadow.touch(&self.clocks, at, bytes, touch),
            Place::Global { slot, at } => {
                let slot = &mut self.memory.slots[slot];
                let shadow = slot.shadow.get_or_insert_with(|| Shadow::new(slot.bytes.len()));
                shadow.touch(&self.clocks, at, bytes, touch)
            }
            _ => Ok(()),
        };
        match found {
            Ok(()) => Ok(()),
            Err(conflict) => Err(self.race(place, access, conflict)),
        }
    }

    #[cold]
    fn race(&self, place: Place, access: Access, conflict: Conflict) -> FaultKind {
        let stamp = conflict.stamp;
        let program = self.kernel.program;
        let earlier = Earlier {
            block: self.block_that_ran(self.clocks.block_at(stamp.time())),
            thread: self.thread_index(stamp.thread()),
            site: self.kernel.module.site(&program.code[stamp.instruction()]),
            access: match (conflict.was_write, stamp.is_atomic()) {
                (true, true) => Access::Update,
                (true, false) => Access::Write,
                _ => Access::Read,
            },
        };
        FaultKind::Race { access, what: self.what(place), offset: conflict.offset, earlier: Box::new(earlier) }
    }

    pub fn load(&mut self, warp: &mut Warp, load: &Load, mask: u32) -> Result<(), Stop> {
        let element = load.scalar.bytes();
        let bytes = element * load.d.len();
        let is_atomic = load.order != Order::Weak;
        let extend = load.scalar.is_signed().then_some(load.scalar.bits());
        let is_plain = load.d.len() == 1 && extend.is_none();
        let mut first = [0; WARP];
        let mut rest = if is_plain { Vec::new() } else { vec![[0; WARP]; load.d.len()] };
        for lane in lanes_of(mask) {
            let thread = warp.index * WARP + lane;
            let address = self.address(warp, load.address, lane);
            let failed = |error| Stop { kind: FaultKind::Memory { access: Access::Read, error }, lane };
            let place = self.place(load.space, address, bytes, thread).map_err(failed)?;
            self.check_written(warp, place, bytes).map_err(failed)?;
            if is_atomic {
                self.clocks.atomic(thread, address, true, false, load.order.acquires(), false);
            }
            self.touch(place, bytes, thread, Access::Read, is_atomic).map_err(|kind| Stop { kind, lane })?;
            if is_plain {
                first[lane] = self.value(place, element);
                continue;
            }
            for (i, out) in rest.iter_mut().enumerate() {
                let value = self.value(advance(place, i * element), element);
                out[lane] = extend.map_or(value, |bits| signed(value, bits) as u64);
            }
        }
        if self.options.count_traffic {
            self.count(warp, load.space, load.address, bytes, mask, false);
        }
        let values = if is_plain { std::slice::from_ref(&first) } else { &rest };
        for (d, values) in load.d.iter().zip(values) {
            d.iter().for_each(|d| warp.set(*d, values, mask));
        }
        Ok(())
    }

    pub fn store(&mut self, warp: &mut Warp, store: &Store, mask: u32) -> Result<(), Stop> {
        let element = store.scalar.bytes();
        let bytes = element * store.values.len();
        let is_atomic = store.order != Order::Weak;
        self.progress += 1;
        for lane in lanes_of(mask) {
            let thread = warp.index * WARP + lane;
            let address = self.address(warp, store.address, lane);
            let failed = |error| Stop { kind: FaultKind::Memory { access: Access::Write, error }, lane };
            let place = self.writable_place(store.space, address, bytes, thread).map_err(failed)?;
            if is_atomic {
                self.clocks.atomic(thread, address, false, true, false, store.order.releases());
            }
            if let Err(kind) = self.touch(place, bytes, thread, Access::Write, is_atomic)
                && !self.is_same_write(warp, store, place, thread, lane, &kind)
            {
                return Err(Stop { kind, lane });
            }
            for (i, value) in store.values.iter().enumerate() {
                self.set_value(advance(place, i * element), element, warp.registers[*value][lane]);
            }
        }
        if self.options.count_traffic {
            self.count(warp, store.space, store.address, bytes, mask, true);
        }
        Ok(())
    }

    /// Lanes of a warp that write the same value by the same instruction do no harm: one of them wins.
    fn is_same_write(&self, warp: &Warp, store: &Store, place: Place, thread: usize, lane: usize, kind: &FaultKind) -> bool {
        let FaultKind::Race { earlier, .. } = kind else { return false };
        let element = store.scalar.bytes();
        let is_same_value = store.values.iter().enumerate().all(|(i, value)| {
            let mask = u64::MAX >> (64 - 8 * element);
            self.value(advance(place, i * element), element) == warp.registers[*value][lane] & mask
        });
        let other = linear(earlier.thread, self.launch.block);
        earlier.access == Access::Write
            && earlier.block == self.block
            && other / WARP == thread / WARP
            && earlier.site.ptx_line == self.kernel.program.code[self.at].line
            && is_same_value
    }

    pub fn writable_place(&self, space: Space, address: u64, bytes: usize, thread: usize) -> Result<Place, MemoryError> {
        let place = self.place(space, address, bytes, thread)?;
        match place {
            Place::Global { slot, .. } => self.memory.check_writable(slot)?,
            Place::Parameter(_) => return Err(MemoryError::ReadOnly { what: "the parameters".to_owned() }),
            _ => {}
        }
        Ok(place)
    }

    pub fn atomic(&mut self, warp: &mut Warp, atomic: &Atomic, mask: u32) -> Result<(), Stop> {
        self.progress += 1;
        let mut out = [0; WARP];
        let limit = u64::MAX >> (64 - 8 * atomic.bytes);
        for lane in lanes_of(mask) {
            let thread = warp.index * WARP + lane;
            let address = self.address(warp, atomic.address, lane);
            let failed = |error| Stop { kind: FaultKind::Memory { access: Access::Update, error }, lane };
            let place = self.writable_place(atomic.space, address, atomic.bytes, thread).map_err(failed)?;
            self.check_written(warp, place, atomic.bytes).map_err(failed)?;
            self.clocks.atomic(thread, address, true, true, atomic.order.acquires(), atomic.order.releases());
            self.touch(place, atomic.bytes, thread, Access::Update, true).map_err(|kind| Stop { kind, lane })?;
            let old = self.value(place, atomic.bytes);
            let [b, c] = [atomic.b, atomic.c].map(|reg| warp.registers[reg][lane] & limit);
            self.set_value(place, atomic.bytes, (atomic.f)(old, b, c));
            out[lane] = old;
        }
        if self.options.count_traffic {
            self.count(warp, atomic.space, atomic.address, atomic.bytes, mask, true);
        }
        atomic.d.iter().for_each(|d| warp.set(*d, &out, mask));
        Ok(())
    }

    /// Counts one request of a warp, by the space of its first lane.
    pub fn count(&mut self, warp: &Warp, space: Space, address: Address, bytes: usize, mask: u32, is_store: bool) {
        let mut addresses: Lanes = [0; WARP];
        let mut n = 0;
        for lane in lanes_of(mask) {
            addresses[n] = self.address(warp, address, lane);
            n += 1;
        }
        if n == 0 {
            return;
        }
        let addresses = &addresses[..n];
        let window = addresses[0] / WINDOW;
        if space == Space::Shared || (space == Space::Generic && window == 1) {
            let (taken, needed) = passes(addresses, bytes);
            self.counters.shared_requests += 1;
            self.counters.shared_passes += taken;
            self.counters.bank_conflicts += taken.saturating_sub(needed);
        } else if space == Space::Global || (space == Space::Generic && window > 3) {
            let traffic = if is_store { &mut self.counters.global_stores } else { &mut self.counters.global_loads };
            traffic.requests += 1;
            traffic.bytes += (n * bytes) as u64;
            traffic.sectors += sectors(addresses, bytes);
        }
    }
}

/// The number of a thread in its block.
fn linear(index: [u32; 3], block: [u32; 3]) -> usize {
    ((index[2] * block[1] + index[1]) * block[0] + index[0]) as usize
}

#[inline(always)]
pub fn advance(place: Place, by: usize) -> Place {
    match place {
        Place::Global { slot, at } => Place::Global { slot, at: at + by },
        Place::Shared(at) => Place::Shared(at + by),
        Place::Local(at) => Place::Local(at + by),
        Place::Parameter(at) => Place::Parameter(at + by),
    }
}

#[inline(always)]
fn within(what: &str, offset: u64, bytes: usize, size: usize) -> Result<usize, MemoryError> {
    if offset <= size as u64 && bytes as u64 <= size as u64 - offset {
        Ok(offset as usize)
    } else {
        Err(MemoryError::OutOfBounds { what: what.to_owned(), offset: offset as i64, bytes, size })
    }
}
