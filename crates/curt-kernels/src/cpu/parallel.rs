//! Fork and join over a fixed list of tasks.
//!
//! Tasks are numbered by the problem, never by the threads, and each writes its own part of the output: who runs a task
//! changes nothing but the time.

use std::marker::PhantomData;
use std::ops::Range;

use rayon::ThreadPool;
use rayon::prelude::*;

use super::Cpu;
use crate::backend::Real;

/// Below this many elementary operations a fork costs more than it saves.
const MIN_PARALLEL_WORK: usize = 100_000;

impl<R: Real> Cpu<R> {
    /// Runs `body(0)`, …, `body(tasks - 1)`, on several threads if the whole is worth it.
    ///
    /// `work` is the number of elementary operations (fused multiply-adds, say) of all tasks together.
    pub fn for_each_task(&self, tasks: usize, work: usize, body: impl Fn(usize) + Sync) {
        match &self.threads {
            Some(threads) if tasks > 1 && work >= MIN_PARALLEL_WORK => fork(threads.pool(), tasks, &body),
            _ => (0..tasks).for_each(&body as &dyn Fn(usize)),
        }
    }

    /// Runs `body` on the ranges `0..block`, `block..2 * block`, … of `0..len`, as [`Cpu::for_each_task`] does.
    ///
    /// `block` must follow from the problem alone (its width, a constant), never from the number of threads.
    pub fn for_each_block(&self, len: usize, block: usize, work: usize, body: impl Fn(Range<usize>) + Sync) {
        self.for_each_task(len.div_ceil(block), work, |task| body(task * block..len.min((task + 1) * block)));
    }
}

/// Behind one pointer, so that what forks is compiled once, and each body once for both ways.
fn fork(pool: &ThreadPool, tasks: usize, body: &(dyn Fn(usize) + Sync)) {
    pool.install(|| (0..tasks).into_par_iter().with_max_len(1).for_each(body));
}

/// A mutable slice that tasks write to at places of their own.
///
/// The borrow checker cannot see that tasks are disjoint when they own columns or tiles rather than ranges.
#[derive(Clone, Copy, Debug)]
pub struct SharedMut<'a, T> {
    data: *mut T,
    len: usize,
    slice: PhantomData<&'a mut [T]>,
}

// SAFETY: access goes through unsafe methods whose callers promise disjoint places.
unsafe impl<T: Send> Send for SharedMut<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for SharedMut<'_, T> {}

impl<'a, T> SharedMut<'a, T> {
    /// Shares `slice` among tasks for its lifetime.
    pub fn new(slice: &'a mut [T]) -> Self {
        Self { data: slice.as_mut_ptr(), len: slice.len(), slice: PhantomData }
    }

    /// The number of elements.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The elements `start .. start + len`.
    ///
    /// # Safety
    /// No other task may hold a range that overlaps this one at the same time.
    #[inline(always)]
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn range(&self, start: usize, len: usize) -> &'a mut [T] {
        let end = start.checked_add(len);
        assert!(end.is_some_and(|end| end <= self.len), "{len} elements from {start} on of {}", self.len);
        // SAFETY: in bounds by the assertion; exclusive by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.data.add(start), len) }
    }

    /// Pointer to element `index`, which must be in bounds when it is used.
    #[inline(always)]
    pub fn pointer(&self, index: usize) -> *mut T {
        debug_assert!(index <= self.len);
        // wrapping: forming the pointer is always sound; using it is the caller's duty
        self.data.wrapping_add(index)
    }
}
