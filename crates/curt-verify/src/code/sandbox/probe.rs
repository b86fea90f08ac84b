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
    compare(&report, may_fork, |line| sandbox.shows(line))
        .map_err(|found| Unavailable(format!("the sandbox does not hold: {found} {complaint}")))?;
    match ending {
        Ending::Exit(0) => Ok(()),
        _ => Err(Unavailable(format!("the sandbox's probe failed: {ending:?} {complaint}"))),
    }
}

/// Error: the first line of the report that is not as it must be. `shows`: a place that may be seen on purpose.
fn compare(report: &str, may_fork: bool, shows: impl Fn(&str) -> bool) -> Result<(), String> {
    let mut found = report.lines();
    for held in HELD {
        let held = if may_fork && held == "fork refused" { "fork possible" } else { held };
        let line = found.next().unwrap_or("nothing more");
        let on_purpose = held.starts_with("sees") && line == held.replace("False", "True") && shows(line);
        if line != held && !on_purpose {
            return Err(format!("`{line}` instead of `{held}`"));
        }
    }
    found.next().map_or(Ok(()), |line| Err(format!("`{line}` after all")))
}

/// Error: an empty program does not run, or, where programs are Python, a function of one cannot be called.
pub fn interpreter(sandbox: &Sandbox) -> Result<(), Unavailable> {
    let (_, ending, complaint) = run(sandbox, "\n")?;
    if ending != Ending::Exit(0) {
        return Err(Unavailable(format!("the interpreter cannot run an empty program: {ending:?} {complaint}")));
    }
    if !sandbox.runs_python() {
        return Ok(());
    }
    let calls = Some("__entry__ = lambda: f\n__calls__ = [lambda candidate: candidate(6)]\n");
    let mut run = sandbox.start(Job { program: "def f(n):\n    return n + 1\n", calls, input: "", n_tests: 1 })?;
    match run.line(Deadline::after(LIMIT)) {
        Ok(line) if line == b"value 7" => Ok(()),
        other => Err(Unavailable(format!("a function cannot be called: {other:?} {}", run.complaint()))),
    }
}

fn run(sandbox: &Sandbox, program: &str) -> Result<(Vec<u8>, Ending, String), Unavailable> {
    let run = sandbox.start(Job { program, calls: None, input: "", n_tests: 1 })?;
    Ok(run.finish(Deadline::after(LIMIT)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fact_counts() {
        let report = |lines: &[&str]| lines.join("\n") + "\n";
        assert_eq!(compare(&report(&HELD), false, |_| false), Ok(()));
        for i in 0..HELD.len() {
            let mut lines = HELD.to_vec();
            let other = format!("{} more", HELD[i]);
            lines[i] = &other;
            assert!(compare(&report(&lines), false, |_| true).is_err(), "{other}");
            lines.remove(i);
            assert!(compare(&report(&lines), false, |_| true).is_err(), "without {}", HELD[i]);
        }
        let opt = report(&HELD).replace("/opt False", "/opt True");
        assert_eq!(compare(&opt, false, |line| line.contains("/opt")), Ok(()));
        assert!(compare(&opt, false, |_| false).is_err());
        assert!(compare(&report(&HELD), true, |_| false).is_err(), "a refused fork where forks are asked for");
        assert!(compare("", false, |_| true).is_err());
    }
}
