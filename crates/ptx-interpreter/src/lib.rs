//! Runs PTX, the assembly of CUDA kernels, on the CPU, and is strict about it.
//!
//! It exists to test kernels where there is no GPU: the very text that a driver would compile is executed by the rules of
//! the PTX manual, warp by warp. Speed is that of an interpreter; in exchange it finds
//! - accesses out of bounds, misaligned, to freed memory, and reads of what nothing wrote ([`MemoryError`]),
//! - data races in shared and global memory, between the threads of a block and between blocks,
//! - barriers and shuffles that a part of the threads reaches, and deadlocks,
//! - asynchronous copies that nothing waits for: their data land as late as allowed,
//!
//! each reported with block, thread, PTX line and, for text compiled with `-lineinfo`, the line of the `.cu` file
//! ([`Fault`]). An instruction or a form of it that it does not know is an error when the module is loaded, never a guess.
//!
//! [`Module::remove_synchronization`] takes a barrier or a wait out of a kernel, so that its tests can show that they notice.
//!
//! Blocks run one after another and warps in a fixed order ([`Options`] can reverse both), so a launch always gives the same
//! result. It does not model time, caches, or the registers of a real device; `.approx` functions are more accurate than on a
//! GPU, and products of matrices add in one fixed order.
//!
//! ```
//! use ptx_interpreter::{Launch, Memory, Module, Options};
//! let text = "
//!     .version 8.7
//!     .target sm_80
//!     .address_size 64
//!     .visible .entry twice(.param .u64 values) {
//!         .reg .b32 %r<3>;
//!         .reg .b64 %rd<4>;
//!         ld.param.u64 %rd1, [values];
//!         mov.u32 %r1, %tid.x;
//!         mul.wide.u32 %rd2, %r1, 4;
//!         add.s64 %rd3, %rd1, %rd2;
//!         ld.global.u32 %r2, [%rd3];
//!         shl.b32 %r2, %r2, 1;
//!         st.global.u32 [%rd3], %r2;
//!         ret;
//!     }";
//! let mut memory = Memory::new();
//! let module = Module::load(&mut memory, text).unwrap();
//! let values = memory.allocate(8).unwrap();
//! memory.write(values, &[1, 0, 0, 0, 21, 0, 0, 0]).unwrap();
//! let kernel = module.kernel("twice").unwrap();
//! let arguments = vec![values.to_le_bytes().to_vec()];
//! let launch = Launch { grid: [1; 3], block: [2, 1, 1], shared_bytes: 0, arguments };
//! kernel.launch(&mut memory, &launch, &Options::default()).unwrap();
//! let mut result = [0; 8];
//! memory.read(values, &mut result).unwrap();
//! assert_eq!(result, [2, 0, 0, 0, 42, 0, 0, 0]);
//! // One thread more reads past the end.
//! let launch = Launch { block: [3, 1, 1], ..launch };
//! let error = kernel.launch(&mut memory, &launch, &Options::default()).unwrap_err();
//! assert!(error.to_string().contains("out of allocation 0 of 8 bytes"));
//! ```

mod counters;
mod decode;
mod execute;
mod fault;
mod lanes;
mod launch;
mod load_error;
mod memory;
mod number;
mod order;
mod parse;
mod program;
mod scalar;
mod synchronization;

pub use counters::{Counters, Instructions, Traffic};
pub use fault::{Earlier, Fault, FaultKind, Site};
pub use launch::{Kernel, Launch, LaunchError, Module, Options};
pub use load_error::LoadError;
pub use memory::{Access, Memory, MemoryError};
pub use program::Parameter;
pub use synchronization::{RemovalError, Synchronization};

/// Bytes of shared memory that a block may have: what an A100 grants.
pub const SHARED_LIMIT: usize = 163 * 1024;
