//! Streams: work is queued and runs as late as the program's own synchronization allows, in an order that a seed fixes.

use std::collections::VecDeque;

use super::{DEFAULT_STREAM, DEFAULT_STREAMS, Driver, Handle, LaunchConfig, Outcome};
use crate::status::Status;

/// Something to do in a stream.
pub enum Work {
    Launch(Box<LaunchConfig>),
    /// Bytes of the host as they were when the copy was asked for.
    Upload {
        to: u64,
        bytes: Vec<u8>,
    },
    /// From or to pinned memory of the host, as it is when the copy runs.
    UploadPinned {
        to: u64,
        from: usize,
        n: usize,
    },
    DownloadPinned {
        to: usize,
        from: u64,
        n: usize,
    },
    Copy {
        to: u64,
        from: u64,
        n: usize,
    },
    Fill {
        to: u64,
        pattern: Vec<u8>,
        count: usize,
    },
    Free {
        address: u64,
    },
    /// This record of the event is reached.
    Record {
        event: Handle,
        record: u64,
    },
    /// Not before this record of the event.
    Wait {
        event: Handle,
        record: u64,
    },
    /// A function of the host: its address and that of its argument.
    Call {
        function: usize,
        argument: usize,
    },
}

#[derive(Default)]
pub struct Stream {
    queue: VecDeque<Work>,
    /// Does not wait for the default stream, nor the other way round.
    is_independent: bool,
}

impl Stream {
    pub fn clear(&mut self) {
        self.queue.clear();
    }
}

/// How often it was recorded, and how many of these records were reached.
#[derive(Default)]
pub struct Event {
    recorded: u64,
    reached: u64,
}

/// What is waited for.
enum Goal {
    Stream(Handle),
    Event(Handle),
    All,
}

impl Driver {
    pub fn create_stream(&mut self, is_independent: bool) -> Handle {
        let handle = self.fresh_handle();
        self.streams.insert(handle, Stream { is_independent, ..Stream::default() });
        handle
    }

    /// Its work still runs.
    pub fn destroy_stream(&mut self, stream: Handle) -> Outcome<()> {
        self.stream(stream)?;
        self.synchronize_stream(stream)?;
        self.streams.remove(&stream);
        Ok(())
    }

    fn stream(&mut self, stream: Handle) -> Outcome<Handle> {
        if DEFAULT_STREAMS.contains(&stream) {
            self.streams.entry(DEFAULT_STREAM).or_default();
            return Ok(DEFAULT_STREAM);
        }
        if self.streams.contains_key(&stream) {
            return Ok(stream);
        }
        self.refuse(Status::InvalidHandle, format!("{stream:#x} is no stream"))
    }

    pub fn create_event(&mut self) -> Handle {
        let handle = self.fresh_handle();
        self.events.insert(handle, Event::default());
        handle
    }

    /// Who waits for it still does.
    pub fn destroy_event(&mut self, event: Handle) -> Outcome<()> {
        let waited = self.streams.values().flat_map(|stream| &stream.queue);
        let is_waited_for = waited.into_iter().any(|work| matches!(work, Work::Wait { event: waited, .. } if *waited == event));
        if is_waited_for {
            self.run_until(Goal::Event(event))?;
        }
        self.events.remove(&event).map(|_| ()).ok_or(Status::InvalidHandle)
    }

    pub fn record(&mut self, event: Handle, stream: Handle) -> Outcome<()> {
        let record = {
            let event = self.events.get_mut(&event).ok_or(Status::InvalidHandle)?;
            event.recorded += 1;
            event.recorded
        };
        self.enqueue(stream, Work::Record { event, record })
    }

    /// Later work of the stream runs after what the event's last record stands for.
    pub fn wait_event(&mut self, stream: Handle, event: Handle) -> Outcome<()> {
        let record = self.events.get(&event).ok_or(Status::InvalidHandle)?.recorded;
        self.enqueue(stream, Work::Wait { event, record })
    }

    /// Whether the event was reached; something more runs, so that asking again ends some time.
    pub fn query_event(&mut self, event: Handle) -> Outcome<bool> {
        self.check()?;
        if self.is_reached(event)? {
            return Ok(true);
        }
        self.run_one(None)?;
        Ok(false)
    }

    fn is_reached(&self, event: Handle) -> Outcome<bool> {
        self.events.get(&event).map(|event| event.reached >= event.recorded).ok_or(Status::InvalidHandle)
    }

    /// Queues work.
    ///
    /// # Errors
    /// No such stream, or the code of an earlier fault.
    pub fn enqueue(&mut self, stream: Handle, work: Work) -> Outcome<()> {
        self.check()?;
        let stream = self.stream(stream)?;
        self.wait_for_default(stream)?;
        self.streams.get_mut(&stream).expect("found above").queue.push_back(work);
        Ok(())
    }

    /// The default stream and those that are not independent of it run one after the other.
    fn wait_for_default(&mut self, stream: Handle) -> Outcome<()> {
        if stream == DEFAULT_STREAM {
            let others: Vec<Handle> =
                self.streams.iter().filter(|(handle, s)| **handle != stream && !s.is_independent).map(|(h, _)| *h).collect();
            others.into_iter().try_for_each(|other| self.run_until(Goal::Stream(other)))
        } else if !self.streams[&stream].is_independent && self.streams.contains_key(&DEFAULT_STREAM) {
            self.run_until(Goal::Stream(DEFAULT_STREAM))
        } else {
            Ok(())
        }
    }

    pub fn synchronize_stream(&mut self, stream: Handle) -> Outcome<()> {
        self.check()?;
        let stream = self.stream(stream)?;
        self.run_until(Goal::Stream(stream))
    }

    pub fn synchronize_event(&mut self, event: Handle) -> Outcome<()> {
        self.check()?;
        self.is_reached(event)?;
        self.run_until(Goal::Event(event))
    }

    pub fn synchronize_all(&mut self) -> Outcome<()> {
        self.check()?;
        self.run_until(Goal::All)
    }

    pub fn is_idle(&mut self, stream: Handle) -> Outcome<bool> {
        self.check()?;
        let stream = self.stream(stream)?;
        let is_idle = self.streams[&stream].queue.is_empty();
        if !is_idle {
            self.run_one(None)?;
        }
        Ok(is_idle)
    }

    /// Half of the time only what the goal needs runs, else any stream's work may run before.
    fn run_until(&mut self, goal: Goal) -> Outcome<()> {
        let is_lazy = self.random(2) == 0;
        while !self.is_met(&goal) {
            let wanted = match goal {
                Goal::Stream(stream) if is_lazy => Some(stream),
                Goal::Event(event) if is_lazy => self.stream_that_records(event),
                _ => None,
            };
            self.run_one(wanted)?;
        }
        Ok(())
    }

    fn is_met(&self, goal: &Goal) -> bool {
        match goal {
            Goal::Stream(stream) => self.streams.get(stream).is_none_or(|stream| stream.queue.is_empty()),
            Goal::Event(event) => self.is_reached(*event).unwrap_or(true),
            Goal::All => self.streams.values().all(|stream| stream.queue.is_empty()),
        }
    }

    fn stream_that_records(&self, event: Handle) -> Option<Handle> {
        let records = |stream: &Stream| stream.queue.iter().any(|w| matches!(w, Work::Record { event: e, .. } if *e == event));
        self.streams.iter().find(|(_, stream)| records(stream)).map(|(handle, _)| *handle)
    }

    /// Runs one piece of work: of the wanted stream, of the one that it waits for, or of any.
    fn run_one(&mut self, mut wanted: Option<Handle>) -> Outcome<()> {
        while let Some(stream) = wanted {
            match self.streams[&stream].queue.front() {
                Some(Work::Wait { event, record }) if !self.has_reached(*event, *record) => {
                    wanted = self.stream_that_records(*event);
                }
                _ => return self.run_front(stream),
            }
        }
        let is_ready = |stream: &Stream| match stream.queue.front() {
            None => false,
            Some(Work::Wait { event, record }) => self.has_reached(*event, *record),
            Some(_) => true,
        };
        let ready: Vec<Handle> = self.streams.iter().filter(|(_, stream)| is_ready(stream)).map(|(handle, _)| *handle).collect();
        if ready.is_empty() {
            return if self.is_met(&Goal::All) {
                Ok(())
            } else {
                Err(self.break_down(Status::LaunchFailed, "streams wait for each other's events for ever".to_owned()))
            };
        }
        let stream = ready[self.random(ready.len())];
        self.run_front(stream)
    }

    fn has_reached(&self, event: Handle, record: u64) -> bool {
        self.events.get(&event).is_none_or(|event| event.reached >= record)
    }

    fn run_front(&mut self, stream: Handle) -> Outcome<()> {
        let Some(work) = self.streams.get_mut(&stream).and_then(|stream| stream.queue.pop_front()) else { return Ok(()) };
        match work {
            Work::Launch(launch) => self.run_launch(&launch),
            Work::Record { event, record } => {
                if let Some(event) = self.events.get_mut(&event) {
                    event.reached = event.reached.max(record);
                }
                Ok(())
            }
            Work::Wait { .. } => Ok(()),
            other => self.run_memory(other),
        }
    }
}
