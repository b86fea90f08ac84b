//! Device memory: a pool of blocks by size class, buffers and ids.
//!
//! All work runs on one stream in order, so a block that is given back may be handed out at once: whoever gets it starts
//! its work after all that used it before.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError};

use cudarc::driver::result;

use super::device::Device;
use crate::backend::DeviceError;

/// Types whose every bit pattern is a value: what a device may hold.
pub(crate) trait Plain: Copy + Default {}
impl Plain for f32 {}
impl Plain for f64 {}
impl Plain for u32 {}

/// The smallest block in bytes, and what every size is a multiple of.
const GRAIN: usize = 256;

/// The size of the block that serves a request: at most an eighth is given away to rounding.
fn class(bytes: usize) -> usize {
    let step = bytes.max(1).next_power_of_two() / 16;
    bytes.max(1).next_multiple_of(step.max(GRAIN))
}

/// Free blocks by size.
#[derive(Debug, Default)]
pub(super) struct Pool {
    free: BTreeMap<usize, Vec<u64>>,
}

impl Pool {
    /// Gives all free blocks back to the driver. The stream must be idle and the context current.
    pub fn release(&mut self) {
        for pointer in std::mem::take(&mut self.free).into_values().flatten() {
            // SAFETY: the pool owns its blocks, and no work uses them.
            let freed = unsafe { result::free_sync(pointer) };
            // a driver that cannot free has failed before, and that was reported
            let _ = freed;
        }
    }
}

/// Some bytes on a device; goes back to the device's pool.
pub(crate) struct Block {
    device: Arc<Device>,
    pointer: u64,
    bytes: usize,
}

impl Block {
    /// A block of at least `bytes` bytes of arbitrary content.
    pub(super) fn new(device: &Arc<Device>, bytes: usize) -> Result<Self, DeviceError> {
        let bytes = class(bytes);
        let mut pool = device.pool.lock().unwrap_or_else(PoisonError::into_inner);
        let pointer = match pool.free.get_mut(&bytes).and_then(Vec::pop) {
            Some(pointer) => pointer,
            None => {
                device.bind()?;
                // SAFETY: the memory is written before it is read: see the callers.
                match unsafe { result::malloc_sync(bytes) } {
                    Ok(pointer) => pointer,
                    Err(_) => {
                        device.wait()?;
                        pool.release();
                        // SAFETY: as above.
                        unsafe { result::malloc_sync(bytes) }.map_err(|_| DeviceError::OutOfMemory { bytes })?
                    }
                }
            }
        };
        Ok(Self { device: device.clone(), pointer, bytes })
    }

    /// A block with the host's values.
    pub(super) fn with<T: Plain>(device: &Arc<Device>, host: &[T]) -> Result<Self, DeviceError> {
        let block = Self::new(device, size_of_val(host))?;
        block.write(host)?;
        Ok(block)
    }

    /// Its address on the device.
    pub fn pointer(&self) -> u64 {
        self.pointer
    }

    /// Overwrites the start of the block; `host` may be changed when this returns.
    pub fn write<T: Plain>(&self, host: &[T]) -> Result<(), DeviceError> {
        assert!(size_of_val(host) <= self.bytes);
        if host.is_empty() {
            return Ok(());
        }
        self.device.bind()?;
        let stream = self.device.stream.cu_stream();
        // SAFETY: in bounds; pageable host memory is staged by the driver before the call returns.
        unsafe { result::memcpy_htod_async(self.pointer, host, stream) }.map_err(|e| self.device.failure("copy to the device", e))
    }

    /// Fills `host` from the block's elements `offset ..` and waits for it.
    pub fn read<T: Plain>(&self, host: &mut [T], offset: usize) -> Result<(), DeviceError> {
        assert!(offset * size_of::<T>() + size_of_val(host) <= self.bytes);
        if host.is_empty() {
            return Ok(());
        }
        self.device.bind()?;
        let (from, stream) = (self.pointer + (offset * size_of::<T>()) as u64, self.device.stream.cu_stream());
        // SAFETY: in bounds; every bit pattern is a `T`; `host` is not used before the wait.
        let copied = unsafe { result::memcpy_dtoh_async(host, from, stream) };
        let waited = self.device.wait();
        copied.map_err(|e| self.device.failure("copy from the device", e))?;
        waited
    }

    /// Copies `len` numbers of f32 from `source[from ..]` to `self[to ..]`; the ranges do not overlap.
    pub fn copy_from(&self, to: usize, source: &Block, from: usize, len: usize) -> Result<(), DeviceError> {
        const SIZE: usize = size_of::<f32>();
        assert!((to + len) * SIZE <= self.bytes && (from + len) * SIZE <= source.bytes);
        if len == 0 {
            return Ok(());
        }
        self.device.bind()?;
        let (to, from) = (self.pointer + (to * SIZE) as u64, source.pointer + (from * SIZE) as u64);
        // SAFETY: in bounds.
        unsafe { result::memcpy_dtod_async(to, from, len * SIZE, self.device.stream.cu_stream()) }
            .map_err(|e| self.device.failure("copy on the device", e))
    }

    /// Sets the first `bytes` bytes to zero.
    pub fn fill_zero(&self, bytes: usize) -> Result<(), DeviceError> {
        assert!(bytes <= self.bytes);
        if bytes == 0 {
            return Ok(());
        }
        self.device.bind()?;
        // SAFETY: in bounds.
        unsafe { result::memset_d8_async(self.pointer, 0, bytes, self.device.stream.cu_stream()) }
            .map_err(|e| self.device.failure("clear memory", e))
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        let mut pool = self.device.pool.lock().unwrap_or_else(PoisonError::into_inner);
        pool.free.entry(self.bytes).or_default().push(self.pointer);
    }
}

/// An array of f32 on a CUDA device.
pub struct CudaBuffer {
    pub(super) block: Block,
    pub(super) len: usize,
}

impl CudaBuffer {
    /// Room for `len` numbers of arbitrary value.
    pub(super) fn arbitrary(device: &Arc<Device>, len: usize) -> Result<Self, DeviceError> {
        let bytes = len.checked_mul(size_of::<f32>()).filter(|bytes| *bytes <= isize::MAX as usize / 2);
        let bytes = bytes.ok_or(DeviceError::OutOfMemory { bytes: len.saturating_mul(size_of::<f32>()) })?;
        Ok(Self { block: Block::new(device, bytes)?, len })
    }

    /// The number of elements.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The address of element `index`.
    pub(crate) fn pointer(&self, index: usize) -> u64 {
        assert!(index <= self.len);
        self.block.pointer() + (index * size_of::<f32>()) as u64
    }
}

impl fmt::Debug for CudaBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CudaBuffer({} numbers)", self.len)
    }
}

/// An array of ids on a CUDA device. The host keeps a copy, so that ops can check ids before they launch.
pub struct CudaIds {
    pub(super) block: Block,
    pub(crate) host: Vec<u32>,
}

impl CudaIds {
    /// The address of the first id.
    pub(crate) fn pointer(&self) -> u64 {
        self.block.pointer()
    }
}

impl fmt::Debug for CudaIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CudaIds({} ids)", self.host.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_hold_their_requests_and_waste_little() {
        for bytes in (0..5000).chain([1 << 20, (1 << 20) + 1, 3_333_333, (1 << 33) - 1]) {
            let class = class(bytes);
            assert!(class >= bytes && class.is_multiple_of(GRAIN));
            assert!(class - bytes <= (bytes / 8).max(GRAIN), "{class} for {bytes}");
            assert_eq!(super::class(class), class, "a class serves itself");
        }
    }
}
