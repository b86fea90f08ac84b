//! Making a program use the stand-in, and asking it what happened.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};

use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};

use crate::driver::{DEVICES, Setting};

/// Name of the built library.
const FILE: &str = "libstand_in_cuda.so";

/// Why the stand-in cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// Cargo did not build it where it is looked for.
    #[error("{FILE} is not in {}: build it with `cargo build -p stand-in-cuda`", folders.join(" or "))]
    Missing {
        /// Where it was looked for.
        folders: Vec<String>,
    },
    /// It is there but cannot be loaded.
    #[error("{path}: {error}")]
    Load {
        /// The library.
        path: String,
        /// What the loader says.
        error: String,
    },
    /// The folder for `LD_LIBRARY_PATH` cannot be made.
    #[error("{path}: {error}")]
    Folder {
        /// The file or folder.
        path: String,
        /// What the system says.
        error: std::io::Error,
    },
}

/// One device of the stand-in driver of this process. Settings, counters and faults are its own.
pub struct StandIn {
    library: &'static Library,
    ordinal: usize,
}

/// The right to a device that no other test uses meanwhile.
pub struct Turn {
    stand_in: &'static StandIn,
    _guard: MutexGuard<'static, ()>,
}

impl Deref for Turn {
    type Target = StandIn;

    fn deref(&self) -> &StandIn {
        self.stand_in
    }
}

/// What the launches of one kernel did, added up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KernelCounters {
    /// Launches that ran to their end.
    pub launches: u64,
    /// Numbers by name, as [`ptx_interpreter::Counters::by_name`] has them.
    pub by_name: BTreeMap<String, u64>,
}

/// Which checks run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checks {
    /// Accesses that nothing orders.
    pub races: bool,
    /// Reads of what nothing wrote.
    pub unwritten: bool,
    /// Barriers after some threads of the block have exited.
    pub exited: bool,
}

impl Checks {
    /// All of them: the default.
    pub const ALL: Checks = Checks { races: true, unwritten: true, exited: true };
    /// Bounds and alignment only, which are always checked.
    pub const NONE: Checks = Checks { races: false, unwritten: false, exited: false };
}

/// Loads the stand-in, so that whoever opens `libcuda.so` later in this process gets it; its first device.
///
/// Call it before the first use of cudarc. Later calls give the same device.
///
/// # Errors
/// The library was not built beside the program that runs, or cannot be loaded.
pub fn install() -> Result<&'static StandIn, InstallError> {
    Ok(&devices()?[0])
}

/// As [`install()`], but waits for a device that nobody else has by this function, and gives it as it was at the start.
///
/// # Errors
/// As [`install()`].
pub fn turn() -> Result<Turn, InstallError> {
    static TURNS: [Mutex<()>; DEVICES] = [const { Mutex::new(()) }; DEVICES];
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let free = TURNS.iter().enumerate().find_map(|(ordinal, turn)| match turn.try_lock() {
        Ok(guard) => Some((ordinal, guard)),
        Err(TryLockError::Poisoned(poisoned)) => Some((ordinal, poisoned.into_inner())),
        Err(TryLockError::WouldBlock) => None,
    });
    let (ordinal, guard) = free.unwrap_or_else(|| {
        let ordinal = NEXT.fetch_add(1, Ordering::Relaxed) % DEVICES;
        (ordinal, TURNS[ordinal].lock().unwrap_or_else(PoisonError::into_inner))
    });
    let stand_in = &devices()?[ordinal];
    stand_in.start_over();
    Ok(Turn { stand_in, _guard: guard })
}

fn devices() -> Result<&'static [StandIn; DEVICES], InstallError> {
    static STAND_INS: OnceLock<[StandIn; DEVICES]> = OnceLock::new();
    if let Some(devices) = STAND_INS.get() {
        return Ok(devices);
    }
    let path = library_path()?;
    let failed = |error: libloading::Error| InstallError::Load { path: path.display().to_string(), error: error.to_string() };
    // SAFETY: the library is this crate's own; loading it runs no code of its own.
    let library = unsafe { Library::open(Some(&path), RTLD_NOW | RTLD_GLOBAL) }.map_err(failed)?;
    // it stays loaded as long as the process, whoever of several threads comes first
    let library: &Library = Box::leak(Box::new(library));
    Ok(STAND_INS.get_or_init(|| std::array::from_fn(|ordinal| StandIn { library, ordinal })))
}

impl StandIn {
    /// The number by which programs open it.
    pub fn ordinal(&self) -> usize {
        self.ordinal
    }

    /// Ends whatever an earlier test left: memory, faults, counters, settings.
    fn start_over(&self) {
        self.reset();
        self.clear_counters();
        self.set_checks(Checks::ALL);
        self.set_count_traffic(true);
        self.set_reverse_warps(false);
        self.set_reverse_blocks(false);
        self.set_print_reports(true);
        self.set_seed(0);
    }

    /// Runs the last warp of each block first.
    pub fn set_reverse_warps(&self, on: bool) {
        self.set(Setting::ReverseWarps, on);
    }

    /// Runs the last block of each grid first.
    pub fn set_reverse_blocks(&self, on: bool) {
        self.set(Setting::ReverseBlocks, on);
    }

    /// Chooses the checks of launches from now on.
    pub fn set_checks(&self, checks: Checks) {
        self.set(Setting::CheckRaces, checks.races);
        self.set(Setting::CheckUnwritten, checks.unwritten);
        self.set(Setting::CheckExited, checks.exited);
    }

    /// Whether sectors and bank conflicts are counted.
    pub fn set_count_traffic(&self, on: bool) {
        self.set(Setting::CountTraffic, on);
    }

    /// Whether reports go to stderr as well; they do at first.
    pub fn set_print_reports(&self, on: bool) {
        self.set(Setting::PrintReports, on);
    }

    /// Streams run in another order, the same for the same seed.
    pub fn set_seed(&self, seed: u64) {
        // SAFETY: the function takes a number and returns nothing.
        unsafe { (self.symbol::<extern "C" fn(usize, u64)>(b"stand_in_cuda_set_seed"))(self.ordinal, seed) }
    }

    /// Ends the state after a fault and frees all memory, modules and streams: handles from before are invalid.
    pub fn reset(&self) {
        // SAFETY: the function takes and returns nothing.
        unsafe { (self.symbol::<extern "C" fn(usize)>(b"stand_in_cuda_reset"))(self.ordinal) }
    }

    /// What went wrong last: the whole text, with kernel, thread and line; none if nothing did.
    pub fn last_report(&self) -> Option<String> {
        Some(self.text(b"stand_in_cuda_report")).filter(|text| !text.is_empty())
    }

    /// What was counted since the start or [`StandIn::clear_counters`], by kernel.
    pub fn counters(&self) -> BTreeMap<String, KernelCounters> {
        let mut found: BTreeMap<String, KernelCounters> = BTreeMap::new();
        for line in self.text(b"stand_in_cuda_counters").lines() {
            let mut parts = line.split('\t');
            let (Some(kernel), Some(name), Some(Ok(n))) = (parts.next(), parts.next(), parts.next().map(str::parse)) else {
                continue;
            };
            let counters = found.entry(kernel.to_owned()).or_default();
            if name == "launches" {
                counters.launches = n;
            } else {
                counters.by_name.insert(name.to_owned(), n);
            }
        }
        found
    }

    /// Forgets what was counted.
    pub fn clear_counters(&self) {
        // SAFETY: the function takes and returns nothing.
        unsafe { (self.symbol::<extern "C" fn(usize)>(b"stand_in_cuda_clear_counters"))(self.ordinal) }
    }

    fn set(&self, setting: Setting, on: bool) {
        // SAFETY: the function takes three numbers and returns one.
        let set = unsafe { self.symbol::<extern "C" fn(i32, u32, i32) -> i32>(b"stand_in_cuda_set") };
        let code = set(self.ordinal as i32, setting as u32, on.into());
        debug_assert_eq!(code, 0, "the library was built from the same sources");
    }

    fn text(&self, name: &[u8]) -> String {
        let mut bytes = Vec::new();
        loop {
            // SAFETY: the function writes at most as many bytes as it is told there is room for.
            let write = unsafe { self.symbol::<extern "C" fn(usize, *mut u8, usize) -> usize>(name) };
            let n = write(self.ordinal, bytes.as_mut_ptr(), bytes.len());
            if n <= bytes.len() {
                bytes.truncate(n);
                return String::from_utf8_lossy(&bytes).into_owned();
            }
            bytes.resize(n, 0);
        }
    }

    /// # Safety
    /// `T` must be the type of the function of this name.
    unsafe fn symbol<T: Copy>(&self, name: &[u8]) -> T {
        // SAFETY: the caller answers for the type, and the library stays loaded as long as the process.
        *unsafe { self.library.get::<T>(name) }.expect("the library was built from the same sources")
    }
}

/// A folder with the library under the names that programs look for, beside the built one: the value for
/// `LD_LIBRARY_PATH` of a program that is to run on the stand-in.
///
/// # Errors
/// The library was not built, or the folder cannot be written.
pub fn library_folder() -> Result<PathBuf, InstallError> {
    let library = library_path()?;
    let folder = library.with_file_name("stand-in-cuda");
    let failed = |path: &Path, error| InstallError::Folder { path: path.display().to_string(), error };
    std::fs::create_dir_all(&folder).map_err(|error| failed(&folder, error))?;
    for name in ["libcuda.so", "libcuda.so.1"] {
        let to = folder.join(name);
        // Copied aside and renamed: another test may be loading it.
        let aside = folder.join(format!("{name}.{}", std::process::id()));
        std::fs::copy(&library, &aside).map_err(|error| failed(&aside, error))?;
        std::fs::rename(&aside, &to).map_err(|error| failed(&to, error))?;
    }
    Ok(folder)
}

/// Beside the program that runs, in the folder above, or where this crate was built (examples in documentation run elsewhere).
fn library_path() -> Result<PathBuf, InstallError> {
    let program = std::env::current_exe().unwrap_or_default();
    let built = Path::new(env!("OUT_DIR")).ancestors().nth(3);
    let near = program.ancestors().skip(1).take(2).chain(built);
    let folders: Vec<PathBuf> = near.flat_map(|folder| [folder.to_owned(), folder.join("deps")]).collect();
    let newest = folders.iter().map(|folder| folder.join(FILE)).filter_map(|path| {
        let modified = path.metadata().and_then(|metadata| metadata.modified()).ok()?;
        Some((modified, path))
    });
    let missing = || InstallError::Missing { folders: folders.iter().map(|folder| folder.display().to_string()).collect() };
    newest.max_by_key(|(modified, _)| *modified).map(|(_, path)| path).ok_or_else(missing)
}
