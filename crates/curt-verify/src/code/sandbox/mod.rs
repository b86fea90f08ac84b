//! The sandbox: one program, one process tree, nothing shared with the outside but three pipes.
//!
//! bubblewrap gives new user, PID, network, IPC, UTS and cgroup namespaces and a file system of `/usr` (read-only), a fresh
//! `/proc` and `/dev`, and a scratch folder in memory; a seccomp filter refuses new processes, sockets and rarely needed system
//! calls; `launcher.py` sets the limits, closes inherited files and says `started` before the program runs. Before anything is
//! judged, `probe.py` runs inside and reports what it can reach. If anything of that is missing, nothing is run.

#[cfg(target_os = "linux")]
mod bubblewrap;
#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod probe;
#[cfg(target_os = "linux")]
mod seccomp;

use core::time::Duration;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::child::{Deadline, Event, Piped};
use crate::quoted::last_line;

#[cfg(target_os = "linux")]
pub(super) use bubblewrap::Sandbox;
#[cfg(not(target_os = "linux"))]
pub(super) use elsewhere::Sandbox;

/// How much of a complaint is told.
const MAX_COMPLAINT: usize = 200;
const STARTED: &[u8] = b"started\n";

/// What one run of a program may take. A run that takes more is stopped, and its test has failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Processor time of a test, in seconds, rounded up.
    pub cpu_seconds: f64,
    /// Time of a test by the clock, in seconds, from when its program starts. Depends on what else the machine does: let it be
    /// a multiple of `cpu_seconds`.
    pub wall_seconds: f64,
    /// Time by the clock for all tests of one program, in seconds; what has not run by then has failed.
    pub problem_seconds: f64,
    /// Address space of a process.
    pub memory_bytes: u64,
    /// 1: no second process can be made. More: that many processes and threads together, each with `memory_bytes`.
    pub processes: u32,
    /// Threads where `processes` is 1.
    pub threads: u32,
    /// Size of a file that is written.
    pub file_bytes: u64,
    /// Size of the scratch folder `/tmp`, which is in memory and the only place that can be written.
    pub scratch_bytes: u64,
    /// Output and errors of a run together.
    pub output_bytes: usize,
    /// Open files.
    pub open_files: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            cpu_seconds: 4.0,
            wall_seconds: 12.0,
            problem_seconds: 120.0,
            memory_bytes: 1 << 30,
            processes: 1,
            threads: 32,
            file_bytes: 16 << 20,
            scratch_bytes: 64 << 20,
            output_bytes: 8 << 20,
            open_files: 64,
        }
    }
}

impl Limits {
    /// Wall time of a test; nothing that is no number of seconds gets any.
    pub(super) fn wall(&self) -> Duration {
        seconds(self.wall_seconds)
    }

    pub(super) fn problem(&self) -> Duration {
        seconds(self.problem_seconds)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.stop();
    }
}

fn seconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value).unwrap_or(Duration::ZERO)
}

/// What runs the programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Interpreter {
    /// Python 3.9 or later below `/usr` or one of `read_only`: runs Python programs, and sets the limits for others.
    pub python: PathBuf,
    /// Gives Python the packages installed beside it; it starts slower.
    pub packages: bool,
    /// Another interpreter with its arguments, `["/usr/bin/perl"]`; the path of the program is added. Empty: Python.
    pub command: Vec<String>,
    /// The end of the program's file name for `command`, `".pl"`.
    pub suffix: String,
    /// Which words after the three backticks open a block of this language; a block without a word always counts.
    pub languages: Vec<String>,
    /// More folders that programs may read, at the same place inside.
    pub read_only: Vec<PathBuf>,
}

impl Default for Interpreter {
    fn default() -> Self {
        let places = ["/usr/bin/python3", "/usr/local/bin/python3"];
        Interpreter {
            python: places.iter().map(PathBuf::from).find(|place| place.exists()).unwrap_or_else(|| places[0].into()),
            packages: false,
            command: Vec::new(),
            suffix: String::new(),
            languages: ["python", "python3", "py"].map(str::to_owned).to_vec(),
            read_only: Vec::new(),
        }
    }
}

impl Interpreter {
    /// The interpreter of a command line, as `["python3"]` or `["perl", "-w"]`: a program without a folder is looked for in
    /// `/usr/local/bin` and `/usr/bin`, because no other place is the same inside. Empty: the default.
    pub fn of(command: &[String]) -> Self {
        let Some((program, arguments)) = command.split_first() else { return Interpreter::default() };
        let folders = ["/usr/local/bin", "/usr/bin"].iter().map(Path::new);
        let found = folders.map(|folder| folder.join(program)).find(|place| place.exists());
        let place = found.unwrap_or_else(|| Path::new("/usr/bin").join(program));
        let name = place.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("python") && arguments.is_empty() {
            return Interpreter { python: place, ..Interpreter::default() };
        }
        let command = [place.to_string_lossy().into_owned()].into_iter().chain(arguments.iter().cloned());
        Interpreter { command: command.collect(), languages: vec![name], ..Interpreter::default() }
    }
}

/// Why programs cannot be run: what is missing, what to install, or what the sandbox fails to hold back. Nothing ran.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

/// What a sandbox is to run.
#[derive(Clone, Copy)]
pub(super) struct Job<'a> {
    pub program: &'a str,
    /// Python source of the calls, where the program is a Python module whose functions are called.
    pub calls: Option<&'a str>,
    /// What the program finds on its standard input.
    pub input: &'a str,
    /// How many tests share the processor time.
    pub n_tests: usize,
}

/// A program in its sandbox, begun.
pub(super) struct Run {
    piped: Piped,
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// With this exit code.
    Exit(i32),
    /// Stopped by us: too slow.
    TooSlow,
    /// Stopped by us: too much output.
    TooMuch,
}

impl Run {
    /// Waits until the launcher says that the program starts: whatever fails before that is not the program's doing.
    fn begin(piped: Piped, deadline: Deadline) -> Result<Run, Unavailable> {
        let mut run = Run { piped };
        loop {
            if run.piped.output.starts_with(STARTED) {
                run.piped.output.drain(..STARTED.len());
                return Ok(run);
            }
            let event = run.piped.advance(deadline, true);
            if event == Event::Output {
                continue;
            }
            run.stop();
            let last = last_line(&run.piped.complaint, MAX_COMPLAINT);
            return Err(Unavailable(format!("the sandbox did not start a program ({event:?}): {last}")));
        }
    }

    /// Waits for the end: the whole output, how it ended, and the last line of complaint, quoted.
    pub fn finish(mut self, deadline: Deadline) -> (Vec<u8>, Ending, String) {
        let ending = loop {
            match self.piped.advance(deadline, true) {
                Event::Output => {}
                Event::Closed => break self.exit(deadline),
                Event::TooMuch => break Ending::TooMuch,
                Event::Deadline => break Ending::TooSlow,
            }
        };
        self.stop();
        let complaint = last_line(&self.piped.complaint, MAX_COMPLAINT);
        (std::mem::take(&mut self.piped.output), ending, complaint)
    }

    /// Waits for a line; none if it does not come, with the reason.
    pub fn line(&mut self, deadline: Deadline) -> Result<Vec<u8>, Ending> {
        let mut searched = 0;
        loop {
            let output = &mut self.piped.output;
            if let Some(end) = output[searched..].iter().position(|&byte| byte == b'\n') {
                let mut line: Vec<u8> = output.drain(..=searched + end).collect();
                line.pop();
                return Ok(line);
            }
            searched = output.len();
            match self.piped.advance(deadline, true) {
                Event::Output => {}
                Event::Closed => return Err(self.exit(deadline)),
                Event::TooMuch => return Err(Ending::TooMuch),
                Event::Deadline => return Err(Ending::TooSlow),
            }
        }
    }

    /// The last line that the program complained with, quoted.
    pub fn complaint(&self) -> String {
        last_line(&self.piped.complaint, MAX_COMPLAINT)
    }

    /// Ends everything in the sandbox.
    fn stop(&mut self) {
        #[cfg(target_os = "linux")]
        self.piped.kill_children_first();
        self.piped.kill();
    }

    fn exit(&mut self, deadline: Deadline) -> Ending {
        let status = self.piped.finish(deadline);
        status.map_or(Ending::TooSlow, |status| Ending::Exit(status.code().unwrap_or(-1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interpreter_is_found_by_its_name() {
        let of = |words: &[&str]| Interpreter::of(&words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&[]), Interpreter::default());
        assert_eq!(of(&["/opt/x/python3"]), Interpreter { python: "/opt/x/python3".into(), ..Interpreter::default() });
        let other = of(&["no-such-perl", "-w"]);
        assert_eq!(other.command, ["/usr/bin/no-such-perl", "-w"]);
        assert_eq!(other.languages, ["no-such-perl"]);
        assert_eq!(of(&["/bin/sh"]).command, ["/bin/sh"]);
    }

    #[test]
    fn limits_are_numbers_of_seconds_or_none() {
        let wall = |wall_seconds| Limits { wall_seconds, ..Limits::default() }.wall();
        assert_eq!(wall(1.5), Duration::from_millis(1500));
        for none in [-1.0, f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(wall(none), Duration::ZERO, "{none}");
        }
    }
}
