//! A module on its device, and launches of its kernels.

use std::collections::BTreeMap;

use crate::counters::Counters;
use crate::decode;
use crate::execute::Machine;
use crate::fault::{Fault, Site};
use crate::memory::{Memory, MemoryError};
use crate::parse::{self, Space};
use crate::program::{Instruction, Parameter, Program};
use crate::{LoadError, SHARED_LIMIT};

/// A module whose variables have their places in memory.
pub struct Module {
    target: String,
    files: BTreeMap<u32, String>,
    globals: BTreeMap<String, (u64, usize)>,
    pub(crate) programs: BTreeMap<String, Program>,
}

impl Module {
    /// Loads PTX text: all of its kernels are decoded, its variables are allocated and initialized.
    ///
    /// # Errors
    /// The line that is wrong or not supported. An instruction that is not known is an error even if it would never run.
    pub fn load(memory: &mut Memory, text: &str) -> Result<Self, LoadError> {
        let source = parse::parse(text)?;
        let mut globals = BTreeMap::new();
        for variable in source.variables.iter().filter(|variable| matches!(variable.space, Space::Global | Space::Const)) {
            let size = variable.size.unwrap_or(0);
            let refused = |error: MemoryError| LoadError::syntax(variable.line, format!("`{}`: {error}", variable.name));
            let address = memory.allocate_as(format!("variable `{}`", variable.name), size).map_err(refused)?;
            // Variables without a value are zero.
            memory.fill(address, size, 0).map_err(refused)?;
            memory.write(address, &variable.initial).map_err(refused)?;
            if variable.space == Space::Const {
                memory.set_read_only(address);
            }
            globals.insert(variable.name.clone(), (address, size));
        }
        let addresses = globals.iter().map(|(name, (address, _))| (name.clone(), *address)).collect();
        let mut programs = BTreeMap::new();
        for function in source.functions.iter().filter(|function| function.is_kernel) {
            programs.insert(function.name.clone(), decode::kernel(&source, function, &addresses)?);
        }
        Ok(Module { target: source.target, files: source.files, globals, programs })
    }

    /// What `.target` says, such as `sm_80`.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The names of its kernels, in order.
    pub fn kernels(&self) -> impl Iterator<Item = &str> {
        self.programs.keys().map(String::as_str)
    }

    /// The kernel of this name; none if there is none.
    pub fn kernel(&self, name: &str) -> Option<Kernel<'_>> {
        self.programs.get(name).map(|program| Kernel { module: self, program })
    }

    /// Address and size of a variable outside functions.
    pub fn variable(&self, name: &str) -> Option<(u64, usize)> {
        self.globals.get(name).copied()
    }

    pub(crate) fn site(&self, instruction: &Instruction) -> Site {
        let name = |(file, line): (u32, u32)| self.files.get(&file).map(|name| (name.clone(), line));
        Site { ptx_line: instruction.line, source: instruction.location.and_then(name) }
    }
}

/// A kernel of a module.
#[derive(Clone, Copy)]
pub struct Kernel<'m> {
    pub(crate) module: &'m Module,
    pub(crate) program: &'m Program,
}

/// Size of a launch and what it is given.
#[derive(Clone, Debug)]
pub struct Launch {
    /// Blocks along x, y, z.
    pub grid: [u32; 3],
    /// Threads of a block along x, y, z.
    pub block: [u32; 3],
    /// Bytes of dynamic shared memory.
    pub shared_bytes: usize,
    /// The bytes of each parameter, in order.
    pub arguments: Vec<Vec<u8>>,
}

/// Which checks run, and in which order warps and blocks do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The last warp of a block first.
    pub reverse_warps: bool,
    /// The last block first.
    pub reverse_blocks: bool,
    /// Accesses that nothing orders are faults.
    pub check_races: bool,
    /// Reading what nothing wrote is a fault.
    pub check_unwritten: bool,
    /// A barrier of the block after some of its threads exited is a fault.
    pub check_exited: bool,
    /// Counts sectors and bank conflicts.
    pub count_traffic: bool,
}

impl Default for Options {
    /// Everything is checked and counted, first warp and block first.
    fn default() -> Self {
        Options {
            reverse_warps: false,
            reverse_blocks: false,
            check_races: true,
            check_unwritten: true,
            check_exited: true,
            count_traffic: true,
        }
    }
}

/// Why a launch did not end well.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LaunchError {
    /// The size is not allowed.
    #[error("kernel `{kernel}`: {what}")]
    Refused {
        /// Name of the kernel.
        kernel: String,
        /// Which size, and its limit.
        what: String,
    },
    /// It ran into a fault.
    #[error(transparent)]
    Fault(#[from] Box<Fault>),
}

impl Kernel<'_> {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.program.name
    }

    /// Size and offset of each parameter.
    pub fn parameters(&self) -> &[Parameter] {
        &self.program.parameters
    }

    /// The most threads that a block may have.
    pub fn max_threads(&self) -> u32 {
        self.program.max_threads.unwrap_or(1024).min(1024)
    }

    /// Bytes of shared memory that it declares itself.
    pub fn static_shared(&self) -> usize {
        self.program.static_shared
    }

    /// Bytes of local memory of a thread.
    pub fn local_bytes(&self) -> usize {
        self.program.local
    }

    /// Values that a thread holds; registers of the PTX text, not of a GPU.
    pub fn n_registers(&self) -> usize {
        self.program.n_registers - self.program.constants.len() - self.program.specials.len()
    }

    /// Runs all blocks, one after another.
    ///
    /// # Errors
    /// A size that is not allowed, or the first fault.
    pub fn launch(&self, memory: &mut Memory, launch: &Launch, options: &Options) -> Result<Counters, LaunchError> {
        self.check(launch)?;
        let mut machine = Machine::new(self, memory, launch, options);
        let n_blocks = launch.grid.iter().map(|n| u64::from(*n)).product::<u64>();
        for i in 0..n_blocks {
            let i = if options.reverse_blocks { n_blocks - 1 - i } else { i };
            machine.run_block(block_index(i, launch.grid))?;
        }
        Ok(machine.finish())
    }

    /// Checks sizes and parameters without running anything.
    ///
    /// # Errors
    /// [`LaunchError::Refused`] with what is not allowed.
    pub fn check(&self, launch: &Launch) -> Result<(), LaunchError> {
        let refuse = |what: String| Err(LaunchError::Refused { kernel: self.program.name.clone(), what });
        let n_threads = launch.block.iter().map(|n| u64::from(*n)).product::<u64>();
        if n_threads == 0 || launch.grid.contains(&0) {
            return refuse(format!("grid {:?} of blocks {:?} is empty", launch.grid, launch.block));
        }
        if launch.grid[0] > i32::MAX as u32 || launch.grid[1] > 65_535 || launch.grid[2] > 65_535 {
            return refuse(format!("grid {:?} is larger than 2147483647 × 65535 × 65535", launch.grid));
        }
        if launch.block[2] > 64 || n_threads > u64::from(self.max_threads()) {
            return refuse(format!("blocks {:?} have more than {} threads", launch.block, self.max_threads()));
        }
        if self.program.required_block.is_some_and(|required| required != launch.block) {
            return refuse(format!("blocks {:?} are not of the size that .reqntid demands", launch.block));
        }
        let shared = self.program.dynamic_shared + launch.shared_bytes;
        if shared > SHARED_LIMIT {
            return refuse(format!("{shared} bytes of shared memory are more than {SHARED_LIMIT}"));
        }
        let sizes: Vec<usize> = self.program.parameters.iter().map(|parameter| parameter.size).collect();
        let given: Vec<usize> = launch.arguments.iter().map(Vec::len).collect();
        if sizes != given {
            return refuse(format!("parameters of {sizes:?} bytes are expected, {given:?} are given"));
        }
        Ok(())
    }
}

/// The index of the i-th block, x fastest.
pub(crate) fn block_index(i: u64, grid: [u32; 3]) -> [u32; 3] {
    let [x, y] = [u64::from(grid[0]), u64::from(grid[1])];
    [(i % x) as u32, (i / x % y) as u32, (i / x / y) as u32]
}
