//! An opened device: context, stream, kernels, memory pool, and the first failure since the last report.

use std::ffi::c_void;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cudarc::driver::{CudaContext, CudaStream, DriverError, result};

use super::launch::{Argument, Kernel};
use super::memory::Pool;
use super::modules::Modules;
use crate::backend::{DeviceError, Launch};

/// The compute capability that the embedded PTX is made for.
const CAPABILITY: (i32, i32) = (8, 0);

/// What a [`super::Cuda`] and all its buffers share.
pub(super) struct Device {
    pub name: String,
    pub stream: Arc<CudaStream>,
    pub pool: Mutex<Pool>,
    modules: Modules,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    failure: Option<DeviceError>,
    last_launch: Option<Launch>,
}

/// Whether libcuda can be loaded. Without it every other call of cudarc panics.
pub(super) fn is_present() -> bool {
    // SAFETY: loads a library by its well-known names and lets it go.
    unsafe { cudarc::driver::sys::is_culib_present() }
}

/// The number of visible devices.
pub(super) fn count() -> Result<usize, DeviceError> {
    if !is_present() {
        return Err(DeviceError::NoCudaLibrary);
    }
    match CudaContext::device_count() {
        Ok(count) => Ok(usize::try_from(count).unwrap_or(0)),
        Err(error) if error.0 == cudarc::driver::sys::CUresult::CUDA_ERROR_NO_DEVICE => Ok(0),
        Err(error) => Err(failure("count devices", error)),
    }
}

/// `DriverError` as text: its name and what it means.
pub(super) fn reason(error: DriverError) -> String {
    let text = |s: Result<&std::ffi::CStr, DriverError>| s.map_or_else(|_| String::new(), |s| s.to_string_lossy().into_owned());
    format!("{} ({})", text(error.error_string()), text(error.error_name()))
}

fn failure(action: &str, error: DriverError) -> DeviceError {
    DeviceError::Cuda { action: action.to_owned(), reason: reason(error), last_launch: None }
}

impl Device {
    pub fn open(ordinal: usize) -> Result<Self, DeviceError> {
        let count = count()?;
        if ordinal >= count {
            return Err(DeviceError::NoSuchDevice { ordinal, count });
        }
        let context = CudaContext::new(ordinal).map_err(|e| failure(&format!("open device {ordinal}"), e))?;
        let name = context.name().map_err(|e| failure("name of the device", e))?;
        let capability = context.compute_capability().map_err(|e| failure("capability of the device", e))?;
        if capability < CAPABILITY {
            return Err(DeviceError::DeviceTooOld { name, capability });
        }
        let stream = context.new_stream().map_err(|e| failure("create a stream", e))?;
        let modules = Modules::load()?;
        Ok(Self { name, stream, pool: Mutex::default(), modules, state: Mutex::default() })
    }

    /// Makes the context current on this thread, as every call of the driver needs.
    pub fn bind(&self) -> Result<(), DeviceError> {
        self.stream.context().bind_to_thread().map_err(|e| self.failure("make the context current", e))
    }

    /// An error that names the last launch.
    pub fn failure(&self, action: &str, error: DriverError) -> DeviceError {
        let last_launch = self.state().last_launch;
        DeviceError::Cuda { action: action.to_owned(), reason: reason(error), last_launch }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // a panic elsewhere leaves the state whole
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value, or `None` after keeping the error, if it is the first.
    pub fn keep_failure<T>(&self, result: Result<T, DeviceError>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.state().failure.get_or_insert(error);
                None
            }
        }
    }

    /// Whether there is a failure that was not reported yet.
    pub fn has_failed(&self) -> bool {
        self.state().failure.is_some()
    }

    /// Waits for all work; the first failure since the last call.
    pub fn synchronize(&self) -> Result<(), DeviceError> {
        let waited = self.wait();
        match self.state().failure.take() {
            Some(first) => Err(first),
            None => waited,
        }
    }

    /// Waits for all work on the stream.
    pub fn wait(&self) -> Result<(), DeviceError> {
        self.bind()?;
        // SAFETY: the stream lives as long as `self`.
        unsafe { result::stream::synchronize(self.stream.cu_stream()) }.map_err(|e| self.failure("wait for the device", e))
    }

    /// Starts a kernel. Panics unless the arguments are what the kernel takes.
    pub fn launch(&self, kernel: &'static Kernel, grid: [u32; 3], arguments: &[Argument]) -> Result<(), DeviceError> {
        kernel.check(arguments);
        self.bind()?;
        let function = self.modules.function(kernel.name);
        let mut words: Vec<u64> = arguments.iter().map(|a| a.word()).collect();
        let mut pointers: Vec<*mut c_void> = words.iter_mut().map(|word| std::ptr::from_mut(word).cast()).collect();
        let launch = Launch { kernel: kernel.name, grid, block: kernel.threads };
        let grid = (grid[0], grid[1], grid[2]);
        let stream = self.stream.cu_stream();
        // SAFETY: the function belongs to a loaded module; the arguments have the kernel's types (checked above and, for the
        // declared types, against the PTX by a test) and outlive the call, which copies them. What kernels read and write is
        // checked by the ops.
        let result = unsafe { result::launch_kernel(function, grid, (kernel.threads, 1, 1), 0, stream, &mut pointers) };
        match result {
            Ok(()) => {
                self.state().last_launch = Some(launch);
                Ok(())
            }
            // an error of earlier work is reported by whatever call comes next
            Err(error) => Err(DeviceError::LaunchFailed { launch, reason: reason(error) }),
        }
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        if self.wait().is_ok() {
            self.pool.get_mut().unwrap_or_else(PoisonError::into_inner).release();
            self.modules.unload();
        }
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Device({})", self.name)
    }
}
