//! Vector clocks of the threads of a block, and what they learn of other blocks through atomics.
//!
//! Time is one counter for the whole device; blocks run one after another, so a time also tells the block. A thread's clock
//! holds, for every thread, the time up to which that thread's accesses happen before what it does now. A barrier of the
//! whole block makes everything before it known to all, so that clocks only matter since the last one.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::Stamp;
use crate::lanes::{Lanes, WARP, lanes_of};

/// Clocks of the block that runs now.
pub struct Clocks {
    time: u64,
    launch_start: u64,
    block_start: u64,
    /// Accesses of this block before this time are known to all its threads.
    base: u64,
    /// The time of what each thread does now.
    now: Vec<u64>,
    threads: Vec<Clock>,
    /// What atomics have passed on, by address, in this launch.
    released_at: BTreeMap<u64, Vec<Rc<Snapshot>>>,
    /// Start of every block of this launch that ran, in order of time.
    starts: Vec<u64>,
}

/// The clock of one thread.
#[derive(Default)]
struct Clock {
    /// Lanes of its own warp.
    warp: Lanes,
    /// All threads of the block, once something was learnt outside barriers of warp and block.
    block: Option<Box<[u64]>>,
    /// What it knows of other blocks.
    others: Vec<Rc<Snapshot>>,
    /// What its last fence has made ready for its atomics to pass on.
    fenced: Option<Rc<Snapshot>>,
    /// What its atomics received, known from the next fence on.
    received: Vec<Rc<Snapshot>>,
}

/// What a thread knew at some time.
pub struct Snapshot {
    block_start: u64,
    base: u64,
    thread: usize,
    now: u64,
    warp: Lanes,
    block: Option<Box<[u64]>>,
    others: Vec<Rc<Snapshot>>,
}

impl Snapshot {
    /// Whether an access of its own block is known to it.
    fn knows(&self, time: u64, thread: usize) -> bool {
        time < self.base
            || (thread == self.thread && time <= self.now)
            || (thread / WARP == self.thread / WARP && time <= self.warp[thread % WARP])
            || self.block.as_ref().is_some_and(|block| time <= block[thread])
    }
}

impl Clocks {
    /// For a launch that begins at this time.
    pub fn new(time: u64) -> Self {
        Clocks {
            time,
            launch_start: time + 1,
            block_start: 0,
            base: 0,
            now: Vec::new(),
            threads: Vec::new(),
            released_at: BTreeMap::new(),
            starts: Vec::new(),
        }
    }

    pub fn time(&self) -> u64 {
        self.time
    }

    pub fn begin_block(&mut self, n_threads: usize) {
        self.time += 1;
        self.block_start = self.time;
        self.base = self.time;
        self.starts.push(self.time);
        self.now.clear();
        self.now.resize(n_threads, self.time);
        self.threads.clear();
        self.threads.resize_with(n_threads, Clock::default);
    }

    /// The number, in order of running, of the block that acted at this time.
    pub fn block_at(&self, time: u64) -> usize {
        self.starts.partition_point(|start| *start <= time).saturating_sub(1)
    }

    #[inline(always)]
    pub fn now(&self, thread: usize) -> u64 {
        self.now[thread]
    }

    /// Whether an access happens before what `thread` does now.
    #[inline(always)]
    pub fn is_ordered(&self, stamp: Stamp, thread: usize) -> bool {
        self.is_known(stamp.time(), stamp.thread(), thread)
    }

    #[inline(always)]
    pub fn is_known(&self, time: u64, by: usize, thread: usize) -> bool {
        if time >= self.block_start {
            time < self.base || by == thread || self.is_known_in_block(time, by, thread)
        } else {
            time < self.launch_start || self.is_known_of_other(time, by, thread)
        }
    }

    fn is_known_in_block(&self, time: u64, by: usize, thread: usize) -> bool {
        let clock = &self.threads[thread];
        (by / WARP == thread / WARP && time <= clock.warp[by % WARP])
            || clock.block.as_ref().is_some_and(|block| time <= block[by])
    }

    fn is_known_of_other(&self, time: u64, by: usize, thread: usize) -> bool {
        let start = self.starts[self.block_at(time)];
        self.threads[thread].others.iter().any(|other| other.block_start == start && other.knows(time, by))
    }

    /// A barrier of all threads of the block.
    pub fn block_barrier(&mut self) {
        self.time += 1;
        self.base = self.time;
        let others = union(self.threads.iter().map(|clock| &clock.others));
        self.now.fill(self.time);
        if !others.is_empty() {
            self.threads.iter_mut().for_each(|clock| clock.others.clone_from(&others));
        }
    }

    /// A barrier of some threads of the block, of which the learners wait for its end.
    pub fn partial_barrier(&mut self, threads: &[usize], learners: &[usize]) {
        let n = self.threads.len();
        let mut joined = vec![0; n].into_boxed_slice();
        for &thread in threads {
            let clock = &self.threads[thread];
            let first = thread / WARP * WARP;
            for (known, by) in joined[first..].iter_mut().zip(&clock.warp) {
                *known = (*known).max(*by);
            }
            for (known, by) in joined.iter_mut().zip(clock.block.iter().flatten()) {
                *known = (*known).max(*by);
            }
            joined[thread] = joined[thread].max(self.now[thread]);
        }
        let others = union(threads.iter().map(|&thread| &self.threads[thread].others));
        self.time += 1;
        for &thread in threads {
            self.now[thread] = self.time;
        }
        for &thread in learners {
            let clock = &mut self.threads[thread];
            clock.block = Some(joined.clone());
            clock.others.clone_from(&others);
        }
    }

    /// `bar.warp.sync` of these lanes.
    pub fn warp_barrier(&mut self, warp: usize, mask: u32) {
        let first = warp * WARP;
        let needs_block = lanes_of(mask).any(|lane| self.threads[first + lane].block.is_some());
        if needs_block {
            let threads: Vec<usize> = lanes_of(mask).map(|lane| first + lane).collect();
            return self.partial_barrier(&threads, &threads);
        }
        let mut joined = [0; WARP];
        for lane in lanes_of(mask) {
            let clock = &self.threads[first + lane];
            for (known, by) in joined.iter_mut().zip(&clock.warp) {
                *known = (*known).max(*by);
            }
        }
        for lane in lanes_of(mask) {
            joined[lane] = joined[lane].max(self.now[first + lane]);
        }
        let others = union(lanes_of(mask).map(|lane| &self.threads[first + lane].others));
        self.time += 1;
        for lane in lanes_of(mask) {
            let clock = &mut self.threads[first + lane];
            clock.warp = joined;
            clock.others.clone_from(&others);
            self.now[first + lane] = self.time;
        }
    }

    /// A fence of the device: what was received is known, and atomics from now on pass on what is known.
    pub fn fence(&mut self, thread: usize) {
        for received in std::mem::take(&mut self.threads[thread].received) {
            self.learn(thread, &received);
        }
        let snapshot = self.snapshot(thread);
        self.threads[thread].fenced = Some(snapshot);
    }

    /// An atomic access of `thread` to `address`.
    pub fn atomic(&mut self, thread: usize, address: u64, reads: bool, writes: bool, acquires: bool, releases: bool) {
        if reads && let Some(snapshots) = self.released_at.get(&address) {
            let snapshots = snapshots.clone();
            if acquires {
                snapshots.iter().for_each(|snapshot| self.learn(thread, snapshot));
            } else {
                self.threads[thread].received = union([&self.threads[thread].received, &snapshots].into_iter());
            }
        }
        if writes {
            let passed = if releases { Some(self.snapshot(thread)) } else { self.threads[thread].fenced.clone() };
            let here = self.released_at.entry(address).or_default();
            if !reads {
                // A plain atomic store hides what stood there.
                here.clear();
            }
            here.extend(passed);
        }
    }

    /// What a thread knows now, for others; what it does from now on is not part of it.
    pub fn release(&mut self, thread: usize) -> Rc<Snapshot> {
        self.snapshot(thread)
    }

    /// Takes over what another thread knew.
    pub fn acquire(&mut self, thread: usize, snapshot: &Rc<Snapshot>) {
        self.learn(thread, snapshot);
    }

    fn snapshot(&mut self, thread: usize) -> Rc<Snapshot> {
        let (block_start, base) = (self.block_start, self.base);
        self.time += 1;
        let clock = &self.threads[thread];
        let snapshot = Snapshot {
            block_start,
            base,
            thread,
            now: self.now[thread],
            warp: clock.warp,
            block: clock.block.clone(),
            others: clock.others.clone(),
        };
        self.now[thread] = self.time;
        Rc::new(snapshot)
    }

    fn learn(&mut self, thread: usize, snapshot: &Rc<Snapshot>) {
        let n = self.threads.len();
        let is_own_block = snapshot.block_start == self.block_start;
        let clock = &mut self.threads[thread];
        clock.others = union([&clock.others, &snapshot.others].into_iter());
        if !is_own_block {
            clock.others = union([&clock.others, &vec![snapshot.clone()]].into_iter());
            return;
        }
        let block = clock.block.get_or_insert_with(|| vec![0; n].into_boxed_slice());
        let first = snapshot.thread / WARP * WARP;
        for (known, by) in block[first..].iter_mut().zip(&snapshot.warp) {
            *known = (*known).max(*by);
        }
        for (known, by) in block.iter_mut().zip(snapshot.block.iter().flatten()) {
            *known = (*known).max(*by);
        }
        block[snapshot.thread] = block[snapshot.thread].max(snapshot.now);
    }
}

fn union<'a>(lists: impl Iterator<Item = &'a Vec<Rc<Snapshot>>>) -> Vec<Rc<Snapshot>> {
    let mut all: Vec<Rc<Snapshot>> = Vec::new();
    for snapshot in lists.flatten() {
        if !all.iter().any(|known| Rc::ptr_eq(known, snapshot)) {
            all.push(snapshot.clone());
        }
    }
    all
}
