//! Device memory: every allocation is known, and none is ever given out again.

mod bytes;
mod error;

pub(crate) use bytes::Bytes;
pub use error::{Access, MemoryError};

use crate::order::Shadow;

/// Every allocation has a range of addresses of this many bits to itself.
const SLOT_BITS: u32 = 36;
/// An allocation starts here in its range: overruns at both ends stay in it, and no alignment above 256 is promised.
const SLOT_START: u64 = (1 << 20) + 256;
/// Bytes of device memory.
const CAPACITY: usize = 16 << 30;

/// First address of shared memory; not zero, so that a null pointer is none.
pub(crate) const SHARED_START: u64 = 1024;
/// Generic addresses of shared memory are those of its space plus this.
pub(crate) const SHARED_WINDOW: u64 = 1 << 32;
/// First address of a thread's local memory, generic or not.
pub(crate) const LOCAL_START: u64 = 2 << 32;
/// First address of the kernel's parameters, generic or not.
pub(crate) const PARAMETERS_START: u64 = 3 << 32;

/// An allocation, in use or freed.
pub(crate) struct Slot {
    label: String,
    pub(crate) bytes: Bytes,
    is_free: bool,
    is_read_only: bool,
    pub(crate) shadow: Option<Shadow>,
}

/// All memory of a device.
#[derive(Default)]
pub struct Memory {
    pub(crate) slots: Vec<Slot>,
    /// Grows with every synchronization of every launch.
    pub(crate) time: u64,
    used: usize,
}

impl Memory {
    /// Without allocations.
    pub fn new() -> Self {
        Memory::default()
    }

    /// The address of new memory. It holds 0xff and counts as never written. Of size zero, every access is out of bounds.
    ///
    /// # Errors
    /// [`MemoryError::OutOfMemory`] for more than is left.
    pub fn allocate(&mut self, size: usize) -> Result<u64, MemoryError> {
        let label = format!("allocation {}", self.slots.len());
        self.allocate_as(label, size)
    }

    /// The same under a name of its own in reports.
    ///
    /// # Errors
    /// As [`Memory::allocate`].
    pub fn allocate_as(&mut self, label: impl Into<String>, size: usize) -> Result<u64, MemoryError> {
        let available = CAPACITY - self.used;
        if size > available {
            return Err(MemoryError::OutOfMemory { bytes: size, available });
        }
        self.used += size;
        let bytes = Bytes::new(size);
        self.slots.push(Slot { label: label.into(), bytes, is_free: false, is_read_only: false, shadow: None });
        Ok(((self.slots.len() as u64) << SLOT_BITS) + SLOT_START)
    }

    /// Frees an allocation. Its addresses stay invalid for ever.
    ///
    /// # Errors
    /// [`MemoryError::NotFreeable`] for anything but the start of an allocation in use.
    pub fn free(&mut self, address: u64) -> Result<(), MemoryError> {
        let slot = self.slots.get_mut(((address >> SLOT_BITS) as usize).wrapping_sub(1));
        let slot = slot.filter(|slot| !slot.is_free && !slot.is_read_only && address % (1 << SLOT_BITS) == SLOT_START);
        let slot = slot.ok_or(MemoryError::NotFreeable { address })?;
        self.used -= slot.bytes.len();
        slot.is_free = true;
        slot.bytes = Bytes::default();
        slot.shadow = None;
        Ok(())
    }

    /// Bytes in use.
    pub fn used(&self) -> usize {
        self.used
    }

    /// Bytes of the device.
    pub fn capacity(&self) -> usize {
        CAPACITY
    }

    /// Copies from the host.
    ///
    /// # Errors
    /// Out of bounds, freed, or not an address.
    pub fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), MemoryError> {
        let (slot, at) = self.locate(address, bytes.len())?;
        self.slots[slot].bytes.write(at, bytes);
        Ok(())
    }

    /// Copies to the host, bytes that were never written too.
    ///
    /// # Errors
    /// Out of bounds, freed, or not an address.
    pub fn read(&self, address: u64, bytes: &mut [u8]) -> Result<(), MemoryError> {
        let (slot, at) = self.locate(address, bytes.len())?;
        bytes.copy_from_slice(self.slots[slot].bytes.slice(at, bytes.len()));
        Ok(())
    }

    /// Sets bytes.
    ///
    /// # Errors
    /// Out of bounds, freed, or not an address.
    pub fn fill(&mut self, address: u64, n: usize, value: u8) -> Result<(), MemoryError> {
        let (slot, at) = self.locate(address, n)?;
        self.slots[slot].bytes.fill(at, n, value);
        Ok(())
    }

    /// Copies inside the device. What was never written stays so at its new place.
    ///
    /// # Errors
    /// Out of bounds, freed, or not an address.
    pub fn copy(&mut self, to: u64, from: u64, n: usize) -> Result<(), MemoryError> {
        let (from_slot, from_at) = self.locate(from, n)?;
        let (to_slot, to_at) = self.locate(to, n)?;
        if from_slot == to_slot {
            self.slots[to_slot].bytes.copy_within(from_at, to_at, n);
        } else {
            let part = self.slots[from_slot].bytes.part(from_at, n);
            self.slots[to_slot].bytes.put(to_at, &part);
        }
        Ok(())
    }

    /// The first of these bytes that was never written, counted from the address.
    ///
    /// # Errors
    /// Out of bounds, freed, or not an address.
    pub fn first_unwritten(&self, address: u64, n: usize) -> Result<Option<usize>, MemoryError> {
        let (slot, at) = self.locate(address, n)?;
        Ok(self.slots[slot].bytes.first_unwritten(at, n).map(|found| found - at))
    }

    /// Checks that these bytes are in use.
    ///
    /// # Errors
    /// Out of bounds, freed, or not an address.
    pub fn check(&self, address: u64, n: usize) -> Result<(), MemoryError> {
        self.locate(address, n).map(|_| ())
    }

    pub(crate) fn set_read_only(&mut self, address: u64) {
        self.slots[((address >> SLOT_BITS) - 1) as usize].is_read_only = true;
    }

    pub(crate) fn label(&self, slot: usize) -> &str {
        &self.slots[slot].label
    }

    /// Allocation and offset of an access.
    #[inline(always)]
    pub(crate) fn locate(&self, address: u64, n: usize) -> Result<(usize, usize), MemoryError> {
        let at = (address >> SLOT_BITS) as usize;
        let Some(slot) = self.slots.get(at.wrapping_sub(1)) else { return Err(MemoryError::Unallocated { address }) };
        let offset = (address & ((1 << SLOT_BITS) - 1)).wrapping_sub(SLOT_START);
        let size = slot.bytes.len() as u64;
        if offset > size || n as u64 > size - offset {
            return Err(self.out_of_bounds(slot, offset as i64, n));
        }
        Ok((at - 1, offset as usize))
    }

    pub(crate) fn check_writable(&self, slot: usize) -> Result<(), MemoryError> {
        let slot = &self.slots[slot];
        if slot.is_read_only { Err(MemoryError::ReadOnly { what: slot.label.clone() }) } else { Ok(()) }
    }

    #[cold]
    fn out_of_bounds(&self, slot: &Slot, offset: i64, bytes: usize) -> MemoryError {
        let what = slot.label.clone();
        if slot.is_free {
            MemoryError::Freed { what, offset, bytes }
        } else {
            MemoryError::OutOfBounds { what, offset, bytes, size: slot.bytes.len() }
        }
    }
}
