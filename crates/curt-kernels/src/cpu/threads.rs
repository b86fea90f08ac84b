//! The worker threads of a CPU backend.

use std::sync::OnceLock;

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

/// A pool of threads that the thread which makes it is one of, and one for callers from elsewhere.
///
/// Handing each piece of work to a pool of other threads costs the time to wake one of them; and the operating system may put it
/// on the core on which its helper is about to wake, where the two then take turns for milliseconds.
#[derive(Debug)]
pub(super) struct Threads {
    home: ThreadPool,
    /// Whether the maker is a thread of `home`, which then is one short for other callers.
    with_maker: bool,
    /// Made when first needed; none where it cannot be made.
    elsewhere: OnceLock<Option<ThreadPool>>,
}

impl Threads {
    /// `count` threads. A thread can be of one pool only: a second one that it makes has all its own.
    pub fn new(count: usize) -> Result<Self, ThreadPoolBuildError> {
        let with_maker = rayon::current_thread_index().is_none();
        let home = if with_maker { builder(count).use_current_thread() } else { builder(count) }.build()?;
        Ok(Self { home, with_maker, elsewhere: OnceLock::new() })
    }

    /// The pool for the calling thread.
    pub fn pool(&self) -> &ThreadPool {
        if !self.with_maker || self.home.current_thread_index().is_some() {
            return &self.home;
        }
        let elsewhere = self.elsewhere.get_or_init(|| builder(self.count()).build().ok());
        elsewhere.as_ref().unwrap_or(&self.home)
    }

    /// How many threads work at once.
    pub fn count(&self) -> usize {
        self.home.current_num_threads()
    }
}

fn builder(count: usize) -> ThreadPoolBuilder {
    ThreadPoolBuilder::new().num_threads(count).thread_name(|i| format!("curt-{i}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Mutex;
    use std::thread::{self, ThreadId};

    use super::*;

    /// The threads that worked on a fork whose tasks wait for each other.
    fn at_work(threads: &Threads) -> BTreeSet<String> {
        let (names, all_here) = (Mutex::new(BTreeSet::new()), std::sync::Barrier::new(threads.count()));
        threads.pool().install(|| {
            rayon::broadcast(|_| {
                all_here.wait();
                names.lock().unwrap().insert(format!("{:?}", thread::current().id()));
            });
        });
        names.into_inner().unwrap()
    }

    fn here() -> ThreadId {
        thread::current().id()
    }

    #[test]
    fn the_maker_works_too_and_others_have_as_many_threads() {
        let made = thread::spawn(|| {
            let (first, second) = (Threads::new(3).unwrap(), Threads::new(3).unwrap());
            assert_eq!(first.pool().install(here), here());
            assert_ne!(second.pool().install(here), here());
            for threads in [&first, &second] {
                assert_eq!((threads.count(), at_work(threads).len()), (3, 3));
            }
            (first, second, here())
        });
        let (first, second, maker) = made.join().unwrap();
        for threads in [&first, &second] {
            assert_ne!(threads.pool().install(here), maker);
            assert_eq!((threads.count(), at_work(threads).len()), (3, 3));
            // a fork inside of a fork stays in its pool
            let nested = threads.pool().install(|| threads.pool().current_thread_index());
            assert!(nested.is_some());
        }
    }
}
