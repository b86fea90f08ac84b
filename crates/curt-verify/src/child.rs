//! A child process whose three pipes are served without blocking, up to a deadline.
//!
//! The only file of the leaf crates that reads a clock: a verdict that must come from another process needs a limit in time,
//! because that process may never answer. Nothing else here depends on the time.

use std::io::{self, ErrorKind, Read, Write};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

/// How much of what a child complains of is kept.
const MAX_COMPLAINT_BYTES: usize = 4 << 10;
/// How long a killed child's pipes may stay open: whoever holds them has the same SIGKILL pending.
const GRACE: Duration = Duration::from_secs(5);

/// A moment that a child is not waited for beyond.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    /// `limit` from now.
    pub fn after(limit: Duration) -> Self {
        let now = Instant::now();
        // a century stands for limits that cannot be added
        Deadline(now.checked_add(limit).unwrap_or_else(|| now + Duration::from_secs(3_000_000_000)))
    }

    /// The earlier of two.
    pub fn or(self, other: Deadline) -> Self {
        Deadline(self.0.min(other.0))
    }

    pub fn has_passed(self) -> bool {
        self.remaining().is_zero()
    }

    fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}

/// What ended a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// There is more output.
    Output,
    /// The output has ended.
    Closed,
    /// The child wrote more than it may.
    TooMuch,
    /// The deadline has passed.
    Deadline,
}

/// A running child, the leader of its process group; the group is killed when this is dropped.
pub(crate) struct Piped {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    to_write: Vec<u8>,
    n_written: usize,
    /// What was read of its output and not yet taken away.
    pub output: Vec<u8>,
    /// The beginning of what it wrote to its standard error.
    pub complaint: Vec<u8>,
    n_read: usize,
    max_read: usize,
    is_reaped: bool,
}

impl Piped {
    /// Starts `command` with pipes, of which at most `max_read` bytes will be read, output and errors together.
    pub fn spawn(command: &mut Command, max_read: usize) -> io::Result<Self> {
        use std::os::unix::process::CommandExt;

        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn()?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let piped = Piped {
            child,
            stdin,
            stdout,
            stderr,
            to_write: Vec::new(),
            n_written: 0,
            output: Vec::new(),
            complaint: Vec::new(),
            n_read: 0,
            max_read,
            is_reaped: false,
        };
        piped.make_nonblocking()?;
        Ok(piped)
    }

    fn make_nonblocking(&self) -> io::Result<()> {
        let nonblocking = |fd: rustix::fd::BorrowedFd<'_>| fcntl_setfl(fd, fcntl_getfl(fd)? | OFlags::NONBLOCK);
        use rustix::fd::AsFd;
        if let Some(pipe) = &self.stdin {
            nonblocking(pipe.as_fd())?;
        }
        if let Some(pipe) = &self.stdout {
            nonblocking(pipe.as_fd())?;
        }
        if let Some(pipe) = &self.stderr {
            nonblocking(pipe.as_fd())?;
        }
        Ok(())
    }

    /// Limits the address space of the child, and of every process that it starts from now on; an error where that cannot be
    /// done from outside.
    pub fn limit_memory(&self, bytes: u64) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        {
            use rustix::process::{Resource, Rlimit, prlimit};
            prlimit(self.pid(), Resource::As, Rlimit { current: Some(bytes), maximum: Some(bytes) })?;
            Ok(())
        }
        #[cfg(not(target_os = "linux"))]
        Err(io::Error::new(ErrorKind::Unsupported, format!("no limit of {bytes} bytes")))
    }

    /// Makes another user the owner of the pipes, which lets the child open them by name, as `/dev/stdin`.
    #[cfg(target_os = "linux")]
    pub fn give_pipes_to(&self, user: u32) -> io::Result<()> {
        use rustix::fs::{Gid, Uid, fchown};
        let (user, group) = (Some(Uid::from_raw(user)), Some(Gid::from_raw(user)));
        self.stdin.as_ref().map_or(Ok(()), |pipe| fchown(pipe, user, group))?;
        self.stdout.as_ref().map_or(Ok(()), |pipe| fchown(pipe, user, group))?;
        self.stderr.as_ref().map_or(Ok(()), |pipe| fchown(pipe, user, group))?;
        Ok(())
    }

    /// Has `bytes` written to the child's input while it is waited for.
    pub fn send(&mut self, bytes: &[u8]) {
        self.to_write.drain(..self.n_written);
        self.n_written = 0;
        self.to_write.extend_from_slice(bytes);
    }

    /// Counts what the child writes from now on anew.
    pub fn allow(&mut self, max_read: usize) {
        self.n_read = 0;
        self.max_read = max_read;
    }

    /// Serves the pipes until something happens. With `close`, the input ends where all that was sent is written.
    pub fn advance(&mut self, deadline: Deadline, close: bool) -> Event {
        loop {
            if close && self.n_written == self.to_write.len() {
                self.stdin = None;
            }
            let remaining = deadline.remaining();
            if remaining.is_zero() {
                return Event::Deadline;
            }
            let Some(ready) = self.wait_ready(remaining) else { continue };
            if ready.stderr {
                self.read_complaint();
            }
            if ready.stdin {
                self.write_some();
            }
            if ready.stdout {
                match self.read_output() {
                    Some(0) => return Event::Closed,
                    Some(_) if self.n_read <= self.max_read => return Event::Output,
                    _ => {}
                }
            }
            if self.n_read > self.max_read {
                return Event::TooMuch;
            }
        }
    }

    /// None: nothing happened, or a signal came.
    fn wait_ready(&self, at_most: Duration) -> Option<Ready> {
        let (mut fds, mut place) = (Vec::with_capacity(3), [None; 3]);
        if let Some(pipe) = &self.stdout {
            place[0] = Some(fds.len());
            fds.push(PollFd::new(pipe, PollFlags::IN));
        }
        if let Some(pipe) = &self.stderr {
            place[1] = Some(fds.len());
            fds.push(PollFd::new(pipe, PollFlags::IN));
        }
        if let Some(pipe) = self.stdin.as_ref().filter(|_| self.n_written < self.to_write.len()) {
            place[2] = Some(fds.len());
            fds.push(PollFd::new(pipe, PollFlags::OUT));
        }
        if self.stdout.is_none() {
            return Some(Ready { stdout: true, stderr: false, stdin: false });
        }
        // a millisecond more than remains, so that a deadline is never polled for in a tight loop
        let at_most = at_most.min(Duration::from_secs(3600)) + Duration::from_millis(1);
        poll(&mut fds, Some(&Timespec::try_from(at_most).ok()?)).ok().filter(|n| *n > 0)?;
        let happened = |i: usize| place[i].is_some_and(|at| !fds[at].revents().is_empty());
        Some(Ready { stdout: happened(0), stderr: happened(1), stdin: happened(2) })
    }

    fn write_some(&mut self) {
        let Some(pipe) = &mut self.stdin else { return };
        match pipe.write(&self.to_write[self.n_written..]) {
            Ok(n) => self.n_written += n,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            // it does not read any more: what it has answered still counts
            Err(_) => {
                self.stdin = None;
                self.n_written = self.to_write.len();
            }
        }
    }

    /// The number of bytes read; 0 at the end; none if there is nothing to read now.
    fn read_output(&mut self) -> Option<usize> {
        let Some(pipe) = &mut self.stdout else { return Some(0) };
        let mut buffer = [0; 16 << 10];
        match pipe.read(&mut buffer) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => None,
            Ok(0) | Err(_) => {
                self.stdout = None;
                self.read_complaint();
                Some(0)
            }
            Ok(n) => {
                let room = self.max_read.saturating_sub(self.n_read);
                self.output.extend_from_slice(&buffer[..n.min(room)]);
                self.n_read += n;
                Some(n)
            }
        }
    }

    fn read_complaint(&mut self) {
        let Some(pipe) = &mut self.stderr else { return };
        let mut buffer = [0; 16 << 10];
        match pipe.read(&mut buffer) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Ok(0) | Err(_) => self.stderr = None,
            Ok(n) => {
                let room = MAX_COMPLAINT_BYTES.saturating_sub(self.complaint.len());
                self.complaint.extend_from_slice(&buffer[..n.min(room)]);
                self.n_read += n;
            }
        }
    }

    /// The exit status, once the output has ended; none if it does not come before the deadline. Nothing runs afterwards.
    pub fn finish(&mut self, deadline: Deadline) -> Option<ExitStatus> {
        while !self.has_exited() && !deadline.has_passed() {
            std::thread::sleep(Duration::from_micros(200));
        }
        let in_time = self.has_exited();
        let status = self.kill();
        status.filter(|_| in_time)
    }

    /// Kills the whole group, reaps its leader, and waits until nobody holds the output any more; the leader's exit status.
    pub fn kill(&mut self) -> Option<ExitStatus> {
        if !self.is_reaped {
            // before the leader is reaped, so that its id cannot have become another's; an error means that nobody is left
            if let Some(group) = self.pid() {
                let _ = kill_process_group(group, Signal::KILL);
            }
            let _ = self.child.kill();
        }
        let status = self.child.wait().ok();
        self.is_reaped = true;
        self.stdin = None;
        self.to_write.clear();
        self.n_written = 0;
        self.allow(usize::MAX);
        let (deadline, kept) = (Deadline::after(GRACE), self.output.len());
        while matches!(self.advance(deadline, false), Event::Output) {
            self.output.truncate(kept);
        }
        status
    }

    /// Kills the children of the leader, and gives it a moment to reap them and to end by itself: killed first, it would leave
    /// them to whoever reaps orphans, and not everywhere does somebody do that.
    #[cfg(target_os = "linux")]
    pub fn kill_children_first(&mut self) {
        use rustix::process::kill_process;
        let id = self.child.id();
        let children =
            if self.is_reaped { Ok(String::new()) } else { std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")) };
        let children = children.unwrap_or_default();
        for child in children.split_whitespace().filter_map(|child| Pid::from_raw(child.parse().ok()?)) {
            let _ = kill_process(child, Signal::KILL);
        }
        let moment = Deadline::after(Duration::from_secs(1));
        while !children.is_empty() && !self.has_exited() && !moment.has_passed() {
            std::thread::sleep(Duration::from_micros(200));
        }
    }

    fn pid(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }

    /// Whether the leader has ended, which leaves it to be reaped.
    pub fn has_exited(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        self.is_reaped || self.pid().is_none_or(|pid| !matches!(waitid(WaitId::Pid(pid), options), Ok(None)))
    }
}

impl Drop for Piped {
    fn drop(&mut self) {
        self.kill();
    }
}

struct Ready {
    stdout: bool,
    stderr: bool,
    stdin: bool,
}
