//! Starting programs under bubblewrap.

use core::time::Duration;
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;

use rustix::fd::{AsRawFd, OwnedFd};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::geteuid;

use super::{Interpreter, Job, Limits, Run, Unavailable, probe, seccomp};
use crate::child::{Deadline, Piped};

const LAUNCHER: &str = include_str!("launcher.py");
/// Nobody: who runs bubblewrap where we are root, and who every program is inside.
const NOBODY: u32 = 65534;
/// Where bubblewrap is looked for; never in `PATH`, which others can set.
const PLACES: [&str; 3] = ["/usr/bin/bwrap", "/usr/local/bin/bwrap", "/bin/bwrap"];
/// Sets limits; of util-linux, which every system has.
const PRLIMIT: &str = "/usr/bin/prlimit";
/// How long a program may take to begin, on a machine that is busy with other things.
const START: Duration = Duration::from_secs(30);
/// Held from when a child's extra file is made inheritable until it is closed again, so that no sandbox inherits another's.
static SPAWNING: Mutex<()> = Mutex::new(());

/// Runs programs; made only if isolation was seen to work.
pub struct Sandbox {
    bubblewrap: PathBuf,
    arguments: Vec<String>,
    filter: Vec<u8>,
    interpreter: Interpreter,
    limits: Limits,
}

impl Sandbox {
    /// Finds bubblewrap and the interpreter, and has a probe look around inside. Error: what is missing or does not hold.
    pub fn prepare(interpreter: &Interpreter, limits: &Limits) -> Result<Self, Unavailable> {
        let sandbox = Sandbox {
            bubblewrap: bubblewrap(&PLACES)?,
            arguments: arguments(interpreter, limits),
            filter: seccomp::filter(limits.processes > 1)?,
            interpreter: Interpreter { command: Vec::new(), ..interpreter.clone() },
            limits: limits.clone(),
        };
        probe::isolation(&sandbox, limits.processes > 1)?;
        let sandbox = Sandbox { interpreter: interpreter.clone(), ..sandbox };
        probe::interpreter(&sandbox)?;
        Ok(sandbox)
    }

    /// Whether the place of the probe's line `sees PLACE True` is one that the configuration shows.
    pub fn shows(&self, line: &str) -> bool {
        let place = line.split(' ').nth(1).unwrap_or_default();
        self.interpreter.read_only.iter().any(|shown| shown.starts_with(place))
    }

    /// Whether programs are Python.
    pub fn runs_python(&self) -> bool {
        self.interpreter.command.is_empty()
    }

    /// Starts a program. Error: it has not run, for a reason that lies outside it.
    pub fn start(&self, job: Job<'_>) -> Result<Run, Unavailable> {
        if job.calls.is_some() && !self.runs_python() {
            return Err(Unavailable("the tests call a function of Python, and programs are of another language".to_owned()));
        }
        let calls = job.calls.unwrap_or_default();
        let mut piped = self
            .spawn(&job, calls.len())
            .map_err(|error| Unavailable(format!("{PRLIMIT} cannot be run: {error}; install `util-linux`")))?;
        piped.send(&[job.program.as_bytes(), calls.as_bytes(), job.input.as_bytes()].concat());
        Run::begin(piped, Deadline::after(START))
    }

    /// Starts bubblewrap under the limits, which everything in the sandbox inherits.
    fn spawn(&self, job: &Job<'_>, n_calls: usize) -> io::Result<Piped> {
        let _spawning = SPAWNING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let filter = self.filter_for_child()?;
        let mut command = Command::new(PRLIMIT);
        command.args(self.resources(job.n_tests)).arg("--").arg(&self.bubblewrap).args(&self.arguments);
        command.arg("--seccomp").arg(filter.as_raw_fd().to_string());
        self.add_launcher(&mut command, job, n_calls);
        let piped = Piped::spawn(&mut command, self.limits.output_bytes)?;
        if geteuid().is_root() {
            piped.give_pipes_to(NOBODY)?;
        }
        Ok(piped)
    }

    /// What each process of the sandbox may take; a second of processor time more after a signal that can be caught.
    fn resources(&self, n_tests: usize) -> [String; 6] {
        let limits = &self.limits;
        let cpu = ((limits.cpu_seconds.max(0.0) * n_tests.max(1) as f64).ceil() as u64).max(1);
        [
            format!("--cpu={cpu}:{}", cpu.saturating_add(1)),
            format!("--as={}", limits.memory_bytes),
            format!("--fsize={}", limits.file_bytes),
            format!("--nofile={}", limits.open_files),
            "--core=0".to_owned(),
            "--msgqueue=0".to_owned(),
        ]
    }

    /// The filter in a pipe, whose reading end the next child inherits; it is smaller than what a pipe holds.
    fn filter_for_child(&self) -> io::Result<OwnedFd> {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
        File::from(write).write_all(&self.filter)?;
        fcntl_setfd(&read, FdFlags::empty())?;
        Ok(read)
    }

    fn add_launcher(&self, command: &mut Command, job: &Job<'_>, n_calls: usize) {
        let (interpreter, limits) = (&self.interpreter, &self.limits);
        let mode = match () {
            () if job.calls.is_some() => "calls",
            () if self.runs_python() => "run",
            () => "execute",
        };
        let tasks = if limits.processes > 1 { limits.processes } else { limits.threads };
        command.arg("--").arg(&interpreter.python).args(["-s", "-X", "utf8"]);
        command.args((!interpreter.packages).then_some("-S")).args(["-c", LAUNCHER, mode]);
        command.args([job.program.len(), n_calls, tasks as usize].map(|n| n.to_string()));
        command.arg(&interpreter.suffix).args(&interpreter.command);
        command.env_clear().current_dir("/");
        if geteuid().is_root() {
            use std::os::unix::process::CommandExt;
            command.uid(NOBODY).gid(NOBODY);
        }
    }
}

/// The first of `places` that exists.
fn bubblewrap(places: &[&str]) -> Result<PathBuf, Unavailable> {
    let found = places.iter().map(PathBuf::from).find(|place| place.exists());
    found.ok_or_else(|| Unavailable("code is run only under bubblewrap, which is missing: install `bubblewrap`".to_owned()))
}

/// Everything about the sandbox that does not depend on the program.
fn arguments(interpreter: &Interpreter, limits: &Limits) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut add = |words: &[&str]| all.extend(words.iter().map(|&word| word.to_owned()));
    // the program is the first process: bubblewrap ends only after it, and so after all that is in its namespace
    add(&["--unshare-all", "--unshare-user", "--as-pid-1", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]);
    add(&["--uid", "65534", "--gid", "65534", "--hostname", "sandbox"]);
    add(&["--ro-bind", "/usr", "/usr"]);
    for place in ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"] {
        match std::fs::read_link(place) {
            Ok(target) => add(&["--symlink", &target.to_string_lossy(), place]),
            Err(_) => add(&["--ro-bind-try", place, place]),
        }
    }
    // where shared libraries are; tells nothing else
    add(&["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]);
    for place in interpreter.read_only.iter().map(|place| place.to_string_lossy()) {
        add(&["--ro-bind", &place, &place]);
    }
    add(&["--proc", "/proc", "--dev", "/dev"]);
    add(&["--size", &limits.scratch_bytes.max(1 << 12).to_string(), "--tmpfs", "/tmp", "--chdir", "/tmp"]);
    add(&["--remount-ro", "/dev", "--remount-ro", "/"]);
    // the order of sets is part of what a program answers
    add(&["--setenv", "PYTHONHASHSEED", "0"]);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_bubblewrap_nothing_is_run_and_the_reason_says_what_to_install() {
        let missing = bubblewrap(&["/no/bwrap", "/no/such/bwrap"]).unwrap_err();
        assert!(missing.to_string().ends_with("install `bubblewrap`"), "{missing}");
        assert_eq!(bubblewrap(&["/no/bwrap", "/usr"]).unwrap(), PathBuf::from("/usr"));
    }

    #[test]
    fn what_is_no_bubblewrap_is_no_sandbox() {
        let sandbox = |bubblewrap: &str| Sandbox {
            bubblewrap: bubblewrap.into(),
            arguments: Vec::new(),
            filter: Vec::new(),
            interpreter: Interpreter::default(),
            limits: Limits::default(),
        };
        // a program that ignores what it is asked, one that runs what follows `--` unprotected, and none
        assert!(probe::isolation(&sandbox("/bin/true"), false).is_err());
        assert!(probe::isolation(&sandbox("/bin/echo"), false).is_err());
        assert!(probe::isolation(&sandbox("/no/bwrap"), false).is_err());
    }
}
