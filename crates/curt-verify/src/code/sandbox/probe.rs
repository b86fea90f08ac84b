//! Whether the sandbox holds: a program inside reports what it can reach, and each fact is compared.

use core::time::Duration;

use super::bubblewrap::Sandbox;
use super::{Ending, Job, Unavailable};
use crate::child::Deadline;

const PROBE: &str = include_str!("probe.py");
const LIMIT: Duration = Duration::from_secs(30);

/// What the probe must report, in this order.
const HELD: [&str; 29] = [
    "sees /etc/passwd False",
    "sees /etc/shadow False",
    "sees /home False",
    "sees /root False",
    "sees /var False",
    "sees /sys False",
    "sees /run False",
    "sees /opt False",
    "sees /mnt False",
    "write in / refused",
    "write in /usr refused",
    "write in /usr/bin refused",
    "write in /dev refused",
    "write in /dev/shm refused",
    "write in /proc refused",
    "write in /proc/sys/kernel refused",
    "write in /tmp possible",
    "socket refused",
    "fork refused",
    "interfaces lo",
    "user 65534 65534 65534 65534",
    "environment",
    "files 0 1 2",
    "CapPrm 0000000000000000",
    "CapEff 0000000000000000",
    "CapBnd 0000000000000000",
    "CapAmb 0000000000000000",
    "NoNewPrivs 1",
    "Seccomp 2",
];

/// Error: the first thing that the sandbox does not hold back, or that hinders it.
pub fn isolation(sandbox: &Sandbox, may_fork: bool) -> Result<(), Unavailable> {
    let (output, ending, complaint) = run(sandbox, PROBE)?;
    let report = String::from_utf8_lossy(&output);
    let mut found = report.lines();
    for held in HELD {
        let held = if may_fork && held == "fork refused" { "fork possible" } else { held };
        match found.next() {
            Some(line) if line == held => {}
            // a folder that the configuration shows on purpose
            Some(line) if held.starts_with("sees") && line.starts_with("sees") && sandbox.shows(line) => {}
            line => {
                let line = line.unwrap_or("nothing more");
                return Err(Unavailable(format!("the sandbox does not hold: `{line}` instead of `{held}` {complaint}")));
            }
        }
    }
    if ending != Ending::Exit(0) || found.next().is_some() {
        return Err(Unavailable(format!("the sandbox's probe failed: {ending:?} {complaint}")));
    }
    Ok(())
}

/// Error: an empty program does not run.
pub fn interpreter(sandbox: &Sandbox) -> Result<(), Unavailable> {
    let (_, ending, complaint) = run(sandbox, "\n")?;
    match ending {
        Ending::Exit(0) => Ok(()),
        _ => Err(Unavailable(format!("the interpreter cannot run an empty program: {ending:?} {complaint}"))),
    }
}

fn run(sandbox: &Sandbox, program: &str) -> Result<(Vec<u8>, Ending, String), Unavailable> {
    let run = sandbox.start(Job { program, calls: None, input: "", n_tests: 1 })?;
    Ok(run.to_end(Deadline::after(LIMIT)))
}
