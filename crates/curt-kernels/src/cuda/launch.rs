//! Kernels as the host sees them: names, threads, parameters; and arguments checked against them.

use super::memory::{Block, CudaBuffer, CudaIds};

/// The type of a kernel's parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parameter {
    /// An address.
    Pointer,
    /// A 32-bit integer.
    U32,
    /// A 64-bit integer.
    U64,
    /// A number.
    F32,
}

/// A kernel of one of the embedded modules.
#[derive(Debug)]
pub(crate) struct Kernel {
    /// Its name in the PTX.
    pub name: &'static str,
    /// Threads of a block.
    pub threads: u32,
    /// What it takes.
    pub parameters: &'static [Parameter],
}

/// An argument of a launch.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Argument {
    /// An address on the device, or 0.
    Pointer(u64),
    /// A 32-bit integer.
    U32(u32),
    /// A 64-bit integer.
    U64(u64),
    /// A number.
    F32(f32),
}

impl Argument {
    /// The null pointer.
    pub const NULL: Self = Self::Pointer(0);

    /// A size as the kernels take it; panics with the name of the op when it has more than 32 bits.
    #[track_caller]
    pub fn size(op: &str, size: usize) -> Self {
        Self::U32(u32::try_from(size).unwrap_or_else(|_| panic!("{op}: a size of {size} is too large for the device")))
    }

    /// The bytes that the driver copies, in the low end of a word.
    pub fn word(self) -> u64 {
        const { assert!(cfg!(target_endian = "little")) };
        match self {
            Self::Pointer(x) | Self::U64(x) => x,
            Self::U32(x) => u64::from(x),
            Self::F32(x) => u64::from(x.to_bits()),
        }
    }

    fn parameter(self) -> Parameter {
        match self {
            Self::Pointer(_) => Parameter::Pointer,
            Self::U32(_) => Parameter::U32,
            Self::U64(_) => Parameter::U64,
            Self::F32(_) => Parameter::F32,
        }
    }
}

impl Kernel {
    /// Panics unless `arguments` are of the types that the kernel takes.
    #[track_caller]
    pub fn check(&self, arguments: &[Argument]) {
        let same = arguments.len() == self.parameters.len()
            && arguments.iter().zip(self.parameters).all(|(a, parameter)| a.parameter() == *parameter);
        assert!(same, "{}: arguments {arguments:?} for parameters {:?}", self.name, self.parameters);
    }

    /// Blocks that give each of `items` a thread.
    pub fn blocks_for(&self, items: usize) -> u32 {
        u32::try_from(items.div_ceil(self.threads as usize)).expect("at most 2^31 blocks")
    }

    /// Blocks that give each of `items` a half warp.
    pub fn blocks_of_half_warps(&self, items: usize) -> u32 {
        u32::try_from(items.div_ceil(self.threads as usize / 16)).expect("at most 2^31 blocks")
    }
}

/// Something that a kernel may be given the address of.
pub(crate) trait OnDevice {
    /// Its first element's address.
    fn address(&self) -> u64;
}

impl OnDevice for CudaBuffer {
    fn address(&self) -> u64 {
        self.pointer(0)
    }
}

impl OnDevice for CudaIds {
    fn address(&self) -> u64 {
        self.pointer()
    }
}

impl OnDevice for Block {
    fn address(&self) -> u64 {
        self.pointer()
    }
}

/// The argument for a parameter that the kernel only reads.
pub(crate) fn reads(array: &impl OnDevice) -> Argument {
    Argument::Pointer(array.address())
}

/// The argument for a parameter that the kernel writes.
pub(crate) fn writes(array: &mut impl OnDevice) -> Argument {
    Argument::Pointer(array.address())
}
