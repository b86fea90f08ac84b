//! What the driver keeps: memory, modules, streams, events, and the last fault.

mod launch;
mod memory;
mod removal;
mod settings;
mod stream;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use ptx_interpreter::{Counters, Memory, Module};

pub use launch::LaunchConfig;
pub use memory::HostMemory;
pub use settings::{Setting, Settings};
pub use stream::Work;
use stream::{Event, Stream};

use crate::status::Status;

/// What a handle stands for: streams, events, modules and functions are numbers, none is a pointer.
pub type Handle = u64;
/// The stream that always exists.
pub const DEFAULT_STREAM: Handle = 0;
/// `CU_STREAM_LEGACY` and `CU_STREAM_PER_THREAD` are the default stream too.
const DEFAULT_STREAMS: [Handle; 3] = [0, 1, 2];

/// Either what was asked for, or a code; why is in the report.
pub type Outcome<T> = Result<T, Status>;

/// A function of a module.
pub struct Function {
    pub module: Arc<Module>,
    pub name: String,
    /// Set by an attribute; without it 48 KiB together with static memory.
    pub max_dynamic_shared: Option<usize>,
}

/// The launches of one kernel that ran to their end.
#[derive(Default)]
pub struct Launched {
    pub n_launches: u64,
    pub counters: Counters,
}

/// How many devices there are. Each has its own state, so that what one test does to a device no other sees, and as many tests
/// run side by side.
pub const DEVICES: usize = 4;

/// One device.
#[derive(Default)]
pub struct Driver {
    ordinal: usize,
    pub memory: Memory,
    pub settings: Settings,
    modules: BTreeMap<Handle, Arc<Module>>,
    pub functions: BTreeMap<Handle, Function>,
    streams: BTreeMap<Handle, Stream>,
    events: BTreeMap<Handle, Event>,
    host: BTreeMap<usize, HostMemory>,
    last_handle: Handle,
    /// How often the primary context is held.
    n_contexts: usize,
    /// After a fault every call fails with this, until the context is given back.
    broken: Option<Status>,
    report: String,
    /// By name of the kernel.
    pub launched: BTreeMap<String, Launched>,
    random: u64,
}

static DRIVERS: [Mutex<Option<Driver>>; DEVICES] = [const { Mutex::new(None) }; DEVICES];

thread_local! {
    /// The device whose context is current to the thread.
    pub static CURRENT: Cell<Option<usize>> = const { Cell::new(None) };
}

/// The device whose context is current to the thread; the first if none is.
pub fn with<T>(f: impl FnOnce(&mut Driver) -> T) -> T {
    with_device(CURRENT.get().unwrap_or(0), f)
}

/// The device of this number, which must be below [`DEVICES`].
pub fn with_device<T>(ordinal: usize, f: impl FnOnce(&mut Driver) -> T) -> T {
    let mut guard: MutexGuard<Option<Driver>> = DRIVERS[ordinal].lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    f(guard.get_or_insert_with(|| Driver { ordinal, settings: Settings::from_environment(), ..Driver::default() }))
}

impl Driver {
    /// # Errors
    /// The code of an earlier fault.
    pub fn check(&self) -> Outcome<()> {
        self.broken.map_or(Ok(()), Err)
    }

    /// Notes why a call fails.
    pub fn refuse<T>(&mut self, status: Status, why: impl Into<String>) -> Outcome<T> {
        self.report = why.into();
        if self.settings.prints_reports {
            eprintln!("stand-in CUDA driver: {}", self.report);
        }
        Err(status)
    }

    /// A fault on the device: every call fails from now on.
    fn break_down(&mut self, status: Status, why: String) -> Status {
        self.broken = Some(status);
        self.streams.values_mut().for_each(Stream::clear);
        let _: Outcome<()> = self.refuse(status, why);
        status
    }

    /// The last thing that went wrong; empty if nothing did.
    pub fn report(&self) -> &str {
        &self.report
    }

    pub fn fresh_handle(&mut self) -> Handle {
        // no device takes another's for its own
        self.last_handle = self.last_handle.max((self.ordinal as u64) << 32 | 15) + 1;
        self.last_handle
    }

    pub fn retain_context(&mut self) {
        self.n_contexts += 1;
    }

    /// Giving the last one back ends all that the context holds, faults too.
    pub fn release_context(&mut self) {
        self.n_contexts = self.n_contexts.saturating_sub(1);
        if self.n_contexts == 0 && self.broken.is_some() {
            self.reset();
        }
    }

    /// Forgets everything but the settings, the report and what was launched.
    pub fn reset(&mut self) {
        let report = std::mem::take(&mut self.report);
        let launched = std::mem::take(&mut self.launched);
        let host = std::mem::take(&mut self.host);
        *self = Driver {
            ordinal: self.ordinal,
            settings: self.settings.clone(),
            last_handle: self.last_handle,
            n_contexts: self.n_contexts,
            random: self.random,
            report,
            launched,
            host,
            ..Driver::default()
        };
    }

    /// A number below `n`, from a sequence that the seed fixes.
    fn random(&mut self, n: usize) -> usize {
        // SplitMix64: its state may be any number, so a seed is one.
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random ^ self.settings.seed.wrapping_mul(0xd134_2543_de82_ef95);
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ z >> 31) % n as u64) as usize
    }

    pub fn set_seed(&mut self, seed: u64) {
        self.settings.seed = seed;
        self.random = 0;
    }

    pub fn load_module(&mut self, text: &str) -> Outcome<Handle> {
        self.check()?;
        let mut module = match Module::load(&mut self.memory, text) {
            Ok(module) => module,
            Err(error) => return self.refuse(Status::InvalidPtx, format!("cuModuleLoadData: {error}")),
        };
        if let Some(Err(why)) = self.settings.removal.clone().map(|removal| removal?.apply(&mut module)) {
            return self.refuse_removal(Status::InvalidPtx, why);
        }
        let handle = self.fresh_handle();
        self.modules.insert(handle, Arc::new(module));
        Ok(handle)
    }

    /// A kernel that is to be changed but is in no module would be tested as it is.
    ///
    /// # Errors
    /// No module has it.
    pub fn check_removal(&mut self) -> Outcome<()> {
        let Some(Ok(removal)) = &self.settings.removal else { return Ok(()) };
        if self.modules.values().any(|module| module.kernel(&removal.kernel).is_some()) {
            return Ok(());
        }
        let why = format!("{}: no loaded module has a kernel `{}`", removal::VARIABLE, removal.kernel);
        self.refuse_removal(Status::NotFound, why)
    }

    /// Says why on stderr whatever is set: a test that fails for this reason has caught nothing.
    fn refuse_removal<T>(&mut self, status: Status, why: String) -> Outcome<T> {
        let prints_reports = std::mem::replace(&mut self.settings.prints_reports, true);
        let refused = self.refuse(status, why);
        self.settings.prints_reports = prints_reports;
        refused
    }

    pub fn unload_module(&mut self, module: Handle) -> Outcome<()> {
        self.modules.remove(&module).map(|_| ()).ok_or(Status::InvalidHandle)
    }

    pub fn module(&self, module: Handle) -> Outcome<&Arc<Module>> {
        self.modules.get(&module).ok_or(Status::InvalidHandle)
    }

    pub fn function(&mut self, module: Handle, name: &str) -> Outcome<Handle> {
        self.check()?;
        let module = self.module(module)?.clone();
        if module.kernel(name).is_none() {
            let known: Vec<&str> = module.kernels().collect();
            return self.refuse(Status::NotFound, format!("cuModuleGetFunction: no kernel `{name}`, only {known:?}"));
        }
        let handle = self.fresh_handle();
        self.functions.insert(handle, Function { module, name: name.to_owned(), max_dynamic_shared: None });
        Ok(handle)
    }
}
