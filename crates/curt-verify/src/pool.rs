//! Several items at once, in a bounded number of threads, with the results in order.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

/// What `act` makes of each item, in the order of the items, with at most `n_workers` at work.
pub(crate) fn map<T: Sync, R: Send>(items: &[T], n_workers: usize, act: impl Fn(&T) -> R + Sync) -> Vec<R> {
    if n_workers <= 1 || items.len() <= 1 {
        return items.iter().map(act).collect();
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((i, item)) = Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|i| Some((i, items.get(i)?))) {
            done.push((i, act(item)));
        }
        done
    };
    let mut done: Vec<(usize, R)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..n_workers.min(items.len())).map(|_| scope.spawn(work)).collect();
        let join = |worker: std::thread::ScopedJoinHandle<'_, Vec<_>>| match worker.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        workers.into_iter().flat_map(join).collect()
    });
    done.sort_by_key(|(i, _)| *i);
    done.into_iter().map(|(_, result)| result).collect()
}

/// A number of places, of which everyone who works takes one.
pub(crate) struct Places {
    free: Mutex<usize>,
    freed: Condvar,
}

impl Places {
    /// At least one place.
    pub fn new(n: usize) -> Self {
        Places { free: Mutex::new(n.max(1)), freed: Condvar::new() }
    }

    /// Waits for a free place, which is given back when the result is dropped.
    pub fn take(&self) -> Place<'_> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free == 0 {
            free = self.freed.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
        *free -= 1;
        Place(self)
    }
}

/// A place taken.
pub(crate) struct Place<'a>(&'a Places);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_the_order_and_places_bound_the_work() {
        let items: Vec<usize> = (0..100).collect();
        let (places, running, most) = (Places::new(2), AtomicUsize::new(0), AtomicUsize::new(0));
        let doubled = map(&items, 8, |i| {
            let _place = places.take();
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::yield_now();
            running.fetch_sub(1, Ordering::SeqCst);
            2 * i
        });
        assert_eq!(doubled, items.iter().map(|i| 2 * i).collect::<Vec<_>>());
        assert!((1..=2).contains(&most.into_inner()));
        assert_eq!(map(&items[..0], 8, |i| *i), [0; 0]);
    }
}
