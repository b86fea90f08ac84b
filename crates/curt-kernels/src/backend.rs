//! What a device offers besides its ops: memory, copies and errors.

use std::fmt::Debug;

/// Closes [`Real`]: a buffer starts as zero bytes, which must be values of its type.
mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// A number type of a backend: f32 in production, f64 for checking. There are no others.
pub trait Real: sealed::Sealed + Copy + Debug + Default + PartialOrd + Send + Sync + 'static {
    /// The nearest value to `x`.
    fn from_f64(x: f64) -> Self;
    /// The exact value as f64.
    fn to_f64(self) -> f64;
}

impl Real for f32 {
    fn from_f64(x: f64) -> Self {
        x as f32
    }
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
}

impl Real for f64 {
    fn from_f64(x: f64) -> Self {
        x
    }
    fn to_f64(self) -> f64 {
        self
    }
}

/// A device failed; the message says where and why.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// The device has no room for a buffer.
    #[error("out of memory: {bytes} bytes could not be allocated")]
    OutOfMemory {
        /// Size of the refused allocation.
        bytes: usize,
    },
    /// Worker threads could not be started.
    #[error("cannot start {threads} worker threads: {reason}")]
    Threads {
        /// The number asked for.
        threads: usize,
        /// What the operating system said.
        reason: String,
    },
    /// An environment override or argument names an instruction set that this processor lacks.
    #[error("instruction set {path} is not available on this processor")]
    Unsupported {
        /// The instruction set asked for.
        path: &'static str,
    },
    /// There is no CUDA driver.
    #[error("no CUDA driver: the library libcuda could not be loaded")]
    NoCudaLibrary,
    /// A CUDA device is asked for that does not exist.
    #[error("no CUDA device {ordinal}: {count} devices are visible")]
    NoSuchDevice {
        /// The number asked for.
        ordinal: usize,
        /// Visible devices.
        count: usize,
    },
    /// A CUDA device is older than the kernels.
    #[error("CUDA device {name} has compute capability {}.{}; the kernels need 8.0", .capability.0, .capability.1)]
    DeviceTooOld {
        /// What the device calls itself.
        name: String,
        /// Its compute capability.
        capability: (i32, i32),
    },
    /// The driver does not take the kernels.
    #[error("the CUDA driver refuses the kernels of {module}: {reason}; they need a driver for CUDA 12.8 or newer")]
    KernelsRefused {
        /// The file of kernels.
        module: &'static str,
        /// What the driver said.
        reason: String,
    },
    /// A call of the CUDA driver failed.
    #[error("CUDA: {action}: {reason}{}", after(.last_launch))]
    Cuda {
        /// What was tried.
        action: String,
        /// What the driver said.
        reason: String,
        /// The last kernel that was launched before; work is asynchronous, so it may be the one that failed.
        last_launch: Option<Launch>,
    },
    /// A kernel could not be launched.
    #[error("CUDA: launch of {launch} failed: {reason}")]
    LaunchFailed {
        /// The launch that was refused.
        launch: Launch,
        /// What the driver said.
        reason: String,
    },
}

/// A kernel and the blocks of threads that it was launched with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Launch {
    /// The kernel.
    pub kernel: &'static str,
    /// Blocks along x, y and z.
    pub grid: [u32; 3],
    /// Threads of a block.
    pub block: u32,
}

impl std::fmt::Display for Launch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [x, y, z] = self.grid;
        write!(f, "{} with {x} x {y} x {z} blocks of {} threads", self.kernel, self.block)
    }
}

/// The end of a message that names the last launch.
fn after(last: &Option<Launch>) -> String {
    last.map_or_else(String::new, |launch| format!(" (after the launch of {launch})"))
}

/// A device: buffers of numbers and of ids, and the copies between it and the host.
///
/// Ops never fail by themselves: sizes are the caller's duty, and a device that runs asynchronously keeps its first
/// error until [`Backend::synchronize`] reports it.
pub trait Backend: Sized + Send + Sync + 'static {
    /// The number type of every buffer.
    type Real: Real;
    /// A row-major array of numbers on the device.
    type Buffer: Send + Sync + Debug;
    /// An array of token ids, positions or slots on the device.
    type Ids: Send + Sync + Debug;

    /// A buffer of `len` zeros.
    fn zeros(&self, len: usize) -> Result<Self::Buffer, DeviceError>;
    /// A buffer with the host's values.
    fn upload(&self, host: &[Self::Real]) -> Result<Self::Buffer, DeviceError>;
    /// Overwrites the start of `buffer` with the host's values.
    fn write(&self, buffer: &mut Self::Buffer, host: &[Self::Real]);
    /// A copy of the buffer's values on the host.
    fn download(&self, buffer: &Self::Buffer) -> Vec<Self::Real>;
    /// Fills `host` from `buffer[offset..]`.
    fn read(&self, host: &mut [Self::Real], buffer: &Self::Buffer, offset: usize);
    /// The number of elements.
    fn len(&self, buffer: &Self::Buffer) -> usize;
    /// An array of ids with the host's values.
    fn upload_ids(&self, host: &[u32]) -> Result<Self::Ids, DeviceError>;
    /// Copies `len` elements of `source[from..]` to `target[to..]`.
    fn copy(&self, target: &mut Self::Buffer, to: usize, source: &Self::Buffer, from: usize, len: usize);
    /// Copies `len` elements within one buffer; the ranges do not overlap.
    fn copy_within(&self, buffer: &mut Self::Buffer, to: usize, from: usize, len: usize);
    /// Sets the first `len` elements to zero.
    fn fill_zero(&self, buffer: &mut Self::Buffer, len: usize);
    /// Waits for all work and reports the first failure since the last call.
    fn synchronize(&self) -> Result<(), DeviceError>;
    /// What `job` returns, run where the ops that it calls start soonest.
    ///
    /// On the CPU that is one of the worker threads: an op called from outside hands its work over and waits, about 4 µs
    /// each time; inside, a fork costs less than 1 µs. Changes speed, never a bit of a result.
    fn inside<T: Send>(&self, job: impl FnOnce() -> T + Send) -> T {
        job()
    }
    /// How many threads (CPU) work at once; changes speed, never a bit of a result.
    fn threads(&self) -> usize;
}
