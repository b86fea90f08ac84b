//! Copies, fills and frees, and pinned memory of the host.

use super::stream::Work;
use super::{Driver, Handle, Outcome};
use crate::status::Status;

/// Pinned memory: kept here, lent to the program by address.
pub struct HostMemory {
    bytes: Box<[u8]>,
}

impl Driver {
    pub fn allocate(&mut self, size: usize) -> Outcome<u64> {
        self.check()?;
        match self.memory.allocate(size) {
            Ok(address) => Ok(address),
            Err(error) => self.refuse(Status::OutOfMemory, format!("cuMemAlloc: {error}")),
        }
    }

    /// The device is idle first, as for the real call.
    pub fn free(&mut self, address: u64) -> Outcome<()> {
        self.synchronize_all()?;
        match self.memory.free(address) {
            Ok(()) => Ok(()),
            Err(error) => self.refuse(Status::InvalidValue, format!("cuMemFree: {error}")),
        }
    }

    /// # Errors
    /// A range that is not in use now: nothing is queued.
    pub fn check_range(&mut self, call: &str, address: u64, n: usize) -> Outcome<()> {
        self.check()?;
        match self.memory.check(address, n) {
            Ok(()) => Ok(()),
            Err(error) => self.refuse(Status::InvalidValue, format!("{call}: {error}")),
        }
    }

    /// Memory of the device as it is after all work of the stream before.
    pub fn download(&mut self, call: &str, bytes: &mut [u8], from: u64, stream: Handle) -> Outcome<()> {
        self.check_range(call, from, bytes.len())?;
        self.synchronize_stream(stream)?;
        match self.memory.read(from, bytes) {
            Ok(()) => Ok(()),
            Err(error) => Err(self.break_down(Status::IllegalAddress, format!("{call}: {error}"))),
        }
    }

    pub(super) fn run_memory(&mut self, work: Work) -> Outcome<()> {
        let (call, result) = match work {
            Work::Upload { to, bytes } => ("cuMemcpyHtoDAsync", self.memory.write(to, &bytes)),
            Work::UploadPinned { to, from, n } => {
                let bytes = self.pinned(from, n).map(<[u8]>::to_vec);
                ("cuMemcpyHtoDAsync", self.memory.write(to, &bytes.unwrap_or_default()))
            }
            Work::DownloadPinned { to, from, n } => {
                let mut bytes = vec![0; n];
                let result = self.memory.read(from, &mut bytes);
                if let (Ok(()), Some(pinned)) = (&result, self.pinned_mut(to, n)) {
                    pinned.copy_from_slice(&bytes);
                }
                ("cuMemcpyDtoHAsync", result)
            }
            Work::Copy { to, from, n } => ("cuMemcpyDtoDAsync", self.memory.copy(to, from, n)),
            Work::Fill { to, pattern, count } => ("cuMemsetAsync", self.memory.write(to, &pattern.repeat(count))),
            Work::Free { address } => ("cuMemFreeAsync", self.memory.free(address)),
            Work::Call { function, argument } => {
                crate::exports::call_host(function, argument);
                return Ok(());
            }
            Work::Launch(_) | Work::Record { .. } | Work::Wait { .. } => unreachable!("run by the stream"),
        };
        result.map_err(|error| self.break_down(Status::IllegalAddress, format!("{call}, when its turn came: {error}")))
    }

    pub fn allocate_host(&mut self, size: usize) -> usize {
        let mut bytes = vec![0xff; size.max(1)].into_boxed_slice();
        let address = bytes.as_mut_ptr() as usize;
        self.host.insert(address, HostMemory { bytes });
        address
    }

    pub fn free_host(&mut self, address: usize) -> Outcome<()> {
        self.synchronize_all()?;
        self.host.remove(&address).map(|_| ()).ok_or(Status::InvalidValue)
    }

    /// Whether these bytes lie in pinned memory.
    pub fn is_pinned(&self, address: usize, n: usize) -> bool {
        self.pinned(address, n).is_some()
    }

    fn pinned(&self, address: usize, n: usize) -> Option<&[u8]> {
        let (start, memory) = self.host.range(..=address).next_back()?;
        memory.bytes.get(address - start..)?.get(..n)
    }

    fn pinned_mut(&mut self, address: usize, n: usize) -> Option<&mut [u8]> {
        let (start, memory) = self.host.range_mut(..=address).next_back()?;
        memory.bytes.get_mut(address - start..)?.get_mut(..n)
    }
}
