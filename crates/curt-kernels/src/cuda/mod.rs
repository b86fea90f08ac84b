//! The CUDA backend: [`Cuda`] is f32 on one device, with the forward bits of [`Cpu<f32>`](crate::Cpu).
//!
//! The driver is looked for when the program runs ([`Cuda::is_present`]); a build needs nothing of CUDA. Kernels are embedded
//! as PTX, which the driver compiles for its device when a [`Cuda`] is opened. One stream, on which all work runs in order:
//! a call returns before its work is done, and what fails is reported by [`Backend::synchronize`]. From the first failure
//! until then no more work is started, and numbers read are NaN.

mod device;
pub(crate) mod launch;
mod memory;
mod modules;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod traffic;

use std::sync::Arc;

use device::Device;
pub(crate) use launch::{Argument, Kernel, Parameter, reads, writes};
pub use memory::{CudaBuffer, CudaIds};
pub(crate) use modules::Module;

use crate::backend::{Backend, DeviceError};

/// A CUDA device, opened. Cloning is cheap and shares the device, its stream and its memory.
#[derive(Clone, Debug)]
pub struct Cuda {
    device: Arc<Device>,
}

impl Cuda {
    /// Whether the library of a CUDA driver can be loaded; says nothing of devices.
    pub fn is_present() -> bool {
        device::is_present()
    }

    /// The number of visible devices; an error without a driver.
    pub fn device_count() -> Result<usize, DeviceError> {
        device::count()
    }

    /// Opens device `ordinal` and compiles the kernels for it; takes a moment.
    pub fn new(ordinal: usize) -> Result<Self, DeviceError> {
        Ok(Self { device: Arc::new(Device::open(ordinal)?) })
    }

    /// What the device calls itself.
    pub fn name(&self) -> &str {
        &self.device.name
    }

    /// The value, or `None` after keeping the error for `synchronize`.
    pub(crate) fn keep_failure<T>(&self, result: Result<T, DeviceError>) -> Option<T> {
        self.device.keep_failure(result)
    }

    /// Room for `len` numbers whose values are arbitrary; `None` after a failure, which is kept for `synchronize`.
    pub(crate) fn scratch(&self, len: usize) -> Option<CudaBuffer> {
        self.keep_failure(CudaBuffer::arbitrary(&self.device, len))
    }

    /// An array of any plain numbers with the host's values, as [`Cuda::scratch`].
    pub(crate) fn scratch_from<T: memory::Plain>(&self, host: &[T]) -> Option<memory::Block> {
        self.keep_failure(memory::Block::with(&self.device, host))
    }

    /// Room for `len` plain numbers, as [`Cuda::scratch`].
    pub(crate) fn scratch_of<T: memory::Plain>(&self, len: usize) -> Option<memory::Block> {
        self.keep_failure(memory::Block::new(&self.device, len * size_of::<T>()))
    }

    /// Fills `host` from a block's start and waits for it; false, and `host` left alone, after a failure.
    pub(crate) fn read_block<T: memory::Plain>(&self, host: &mut [T], block: &memory::Block) -> bool {
        let done = block.read(host, 0);
        self.device.keep_failure(done).is_some()
    }

    /// Starts `kernel` on a grid of blocks; nothing for an empty grid. Panics unless the arguments fit the kernel's parameters.
    pub(crate) fn launch(&self, kernel: &'static Kernel, grid: [u32; 3], arguments: &[Argument]) {
        if grid.contains(&0) || self.device.has_failed() {
            return;
        }
        self.device.keep_failure(self.device.launch(kernel, grid, arguments));
    }
}

impl Backend for Cuda {
    type Real = f32;
    type Buffer = CudaBuffer;
    type Ids = CudaIds;

    fn zeros(&self, len: usize) -> Result<CudaBuffer, DeviceError> {
        let buffer = CudaBuffer::arbitrary(&self.device, len)?;
        buffer.block.fill_zero(len * size_of::<f32>())?;
        Ok(buffer)
    }

    fn upload(&self, host: &[f32]) -> Result<CudaBuffer, DeviceError> {
        Ok(CudaBuffer { block: memory::Block::with(&self.device, host)?, len: host.len() })
    }

    fn write(&self, buffer: &mut CudaBuffer, host: &[f32]) {
        assert!(host.len() <= buffer.len, "write: {} numbers to a buffer of {}", host.len(), buffer.len);
        if !self.device.has_failed() {
            self.device.keep_failure(buffer.block.write(host));
        }
    }

    fn download(&self, buffer: &CudaBuffer) -> Vec<f32> {
        let mut host = vec![0.0; buffer.len];
        self.read(&mut host, buffer, 0);
        host
    }

    fn read(&self, host: &mut [f32], buffer: &CudaBuffer, offset: usize) {
        let len = buffer.len;
        assert!(offset + host.len() <= len, "read: {} numbers from {offset} on of a buffer of {len}", host.len());
        if self.device.has_failed() || self.device.keep_failure(buffer.block.read(host, offset)).is_none() {
            host.fill(f32::NAN);
        }
    }

    fn len(&self, buffer: &CudaBuffer) -> usize {
        buffer.len
    }

    fn upload_ids(&self, host: &[u32]) -> Result<CudaIds, DeviceError> {
        Ok(CudaIds { block: memory::Block::with(&self.device, host)?, host: host.to_vec() })
    }

    fn copy(&self, target: &mut CudaBuffer, to: usize, source: &CudaBuffer, from: usize, len: usize) {
        let (room, all) = (target.len, source.len);
        assert!(to + len <= room && from + len <= all, "copy: {len} numbers from {from} of {all} to {to} of {room}");
        if !self.device.has_failed() {
            self.device.keep_failure(target.block.copy_from(to, &source.block, from, len));
        }
    }

    fn copy_within(&self, buffer: &mut CudaBuffer, to: usize, from: usize, len: usize) {
        assert!(to.max(from) + len <= buffer.len, "copy_within: {len} numbers from {from} to {to} of {}", buffer.len);
        assert!(to.abs_diff(from) >= len, "copy_within: {len} numbers from {from} to {to} overlap");
        if !self.device.has_failed() {
            self.device.keep_failure(buffer.block.copy_from(to, &buffer.block, from, len));
        }
    }

    fn fill_zero(&self, buffer: &mut CudaBuffer, len: usize) {
        assert!(len <= buffer.len, "fill_zero: {len} numbers of a buffer of {}", buffer.len);
        if !self.device.has_failed() {
            self.device.keep_failure(buffer.block.fill_zero(len * size_of::<f32>()));
        }
    }

    fn synchronize(&self) -> Result<(), DeviceError> {
        self.device.synchronize()
    }

    fn threads(&self) -> usize {
        1
    }
}
