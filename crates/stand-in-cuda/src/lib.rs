//! A stand-in for the CUDA driver library, below an unmodified `cudarc`.
//!
//! The library that this crate builds exports the functions of `libcuda.so` that cudarc calls. Kernels run in
//! [`ptx_interpreter`], so the same tests that run on a GPU run without one, and find more:
//! - fresh memory is poisoned, freed memory never comes back, every copy is checked against the allocations;
//! - more than 48 KiB of shared memory without the attribute, and more threads than a kernel was compiled for, are refused;
//! - work is queued by stream and runs as late as the program's synchronization allows, streams in an order that
//!   [`StandIn::set_seed`] fixes: a missing wait for an event shows;
//! - a fault in a kernel is `CUDA_ERROR_LAUNCH_FAILED` from the next synchronization on; the whole report, with the line of
//!   the `.cu` file, is printed and kept ([`StandIn::last_report`]).
//!
//! In a test, [`install()`] comes before the first use of cudarc; or [`turn()`], by which tests that run side by side get a device
//! each: there are a few, and what one does to its device no other sees. A whole program runs on the stand-in with
//! `LD_LIBRARY_PATH` set to [`library_folder`]; then the variables `STAND_IN_CUDA_` + `SEED` (a number), `REVERSE_WARPS`,
//! `REVERSE_BLOCKS`, `CHECK_RACES`, `CHECK_UNWRITTEN`, `CHECK_EXITED`, `COUNT_TRAFFIC`, `PRINT_REPORTS` (0 or 1) steer it. `STAND_IN_CUDA_REMOVE=KERNEL:NUMBER`
//! takes one barrier or wait out of a kernel ([`ptx_interpreter::Module::remove_synchronization`]), in a test program too, and
//! says so on stderr: a test that still passes would not notice that it is missing. What is not there is an error.
//!
//! Not there: graphs, managed and imported memory, memory pools, peer copies, cooperative launches, occupancy by registers,
//! binary images, and time. A function that is missing makes cudarc panic with its name.
//!
//! ```
//! use cudarc::driver::CudaContext;
//! let stand_in = stand_in_cuda::install().unwrap();
//! let context = CudaContext::new(0).unwrap();
//! assert_eq!(context.name().unwrap(), "PTX interpreter");
//! let stream = context.default_stream();
//! let on_device = stream.clone_htod(&[1.0f32, 2.0]).unwrap();
//! assert_eq!(stream.clone_dtoh(&on_device).unwrap(), [1.0, 2.0]);
//! assert_eq!(stand_in.last_report(), None);
//! ```

// The names of C functions are not ours to choose.
#[allow(non_snake_case)]
mod exports;

mod driver;
mod install;
mod status;

pub use install::{Checks, InstallError, KernelCounters, StandIn, Turn, install, library_folder, turn};
