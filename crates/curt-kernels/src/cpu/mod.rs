//! The CPU backend: [`Cpu<f32>`] is fast, [`Cpu<f64>`] is a plain second implementation for checking.

mod buffer;
mod parallel;
mod peak;
pub mod simd;
mod threads;
pub(crate) mod vector;

use std::marker::PhantomData;
use std::sync::Arc;

pub use buffer::Buffer;
pub use parallel::SharedMut;
pub use simd::SimdPath;

use crate::backend::{Backend, DeviceError, Real};
use threads::Threads;

/// A CPU backend with its own worker threads, of which the thread that made it is one.
///
/// Cloning is cheap and shares the threads. It may be used from any thread; from its maker's it is a little faster.
#[derive(Clone, Debug)]
pub struct Cpu<R> {
    /// None for one thread.
    threads: Option<Arc<Threads>>,
    path: SimdPath,
    real: PhantomData<R>,
}

impl<R: Real> Cpu<R> {
    /// A backend with `threads` threads and the best instruction set of this processor.
    pub fn new(threads: usize) -> Result<Self, DeviceError> {
        Self::with_path(threads, SimdPath::detect())
    }

    /// A backend with a forced instruction set; every path gives the same forward bits.
    pub fn with_path(threads: usize, path: SimdPath) -> Result<Self, DeviceError> {
        require(path, path.is_available())?;
        let threads = match threads {
            0 | 1 => None,
            n => Some(Arc::new(Threads::new(n).map_err(|e| DeviceError::Threads { threads: n, reason: e.to_string() })?)),
        };
        Ok(Self { threads, path, real: PhantomData })
    }

    /// The instruction set in use.
    pub fn path(&self) -> SimdPath {
        self.path
    }

    /// Runs `kernel` on this thread, compiled for the instruction set in use.
    #[inline]
    pub fn run<K: simd::Kernel>(&self, kernel: K) -> K::Output {
        self.path.run(kernel)
    }
}

/// Refuses an instruction set that the processor lacks.
fn require(path: SimdPath, available: bool) -> Result<(), DeviceError> {
    if available { Ok(()) } else { Err(DeviceError::Unsupported { path: path.name() }) }
}

impl<R: Real> Backend for Cpu<R> {
    type Real = R;
    type Buffer = Buffer<R>;
    type Ids = Vec<u32>;

    fn zeros(&self, len: usize) -> Result<Buffer<R>, DeviceError> {
        Buffer::zeros(len)
    }

    fn upload(&self, host: &[R]) -> Result<Buffer<R>, DeviceError> {
        let mut buffer = Buffer::zeros(host.len())?;
        buffer.copy_from_slice(host);
        Ok(buffer)
    }

    fn write(&self, buffer: &mut Buffer<R>, host: &[R]) {
        buffer[..host.len()].copy_from_slice(host);
    }

    fn download(&self, buffer: &Buffer<R>) -> Vec<R> {
        buffer.to_vec()
    }

    fn read(&self, host: &mut [R], buffer: &Buffer<R>, offset: usize) {
        host.copy_from_slice(&buffer[offset..offset + host.len()]);
    }

    fn len(&self, buffer: &Buffer<R>) -> usize {
        buffer.as_ref().len()
    }

    fn upload_ids(&self, host: &[u32]) -> Result<Vec<u32>, DeviceError> {
        Ok(host.to_vec())
    }

    fn copy(&self, target: &mut Buffer<R>, to: usize, source: &Buffer<R>, from: usize, len: usize) {
        target[to..to + len].copy_from_slice(&source[from..from + len]);
    }

    fn copy_within(&self, buffer: &mut Buffer<R>, to: usize, from: usize, len: usize) {
        buffer.copy_within(from..from + len, to);
    }

    fn fill_zero(&self, buffer: &mut Buffer<R>, len: usize) {
        buffer[..len].fill(R::default());
    }

    fn synchronize(&self) -> Result<(), DeviceError> {
        Ok(())
    }

    fn inside<T: Send>(&self, job: impl FnOnce() -> T + Send) -> T {
        match &self.threads {
            Some(threads) => threads.pool().install(job),
            None => job(),
        }
    }

    fn threads(&self) -> usize {
        self.threads.as_ref().map_or(1, |threads| threads.count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instruction_set_that_is_not_there_is_named() {
        let refused = require(SimdPath::Avx512, false).unwrap_err().to_string();
        assert_eq!(refused, "instruction set avx512 is not available on this processor");
        for path in SimdPath::ALL {
            assert_eq!(Cpu::<f32>::with_path(1, path).is_ok(), path.is_available(), "{}", path.name());
        }
    }
}
