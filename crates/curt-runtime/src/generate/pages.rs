//! Which cache pages are in use, and by how many sequences.

/// Page ids with reference counts. The lowest free id is given first.
#[derive(Debug, Default)]
pub(crate) struct PagePool {
    references: Vec<u32>,
    free: Vec<u32>,
}

impl PagePool {
    /// A pool of `capacity` free pages.
    pub fn new(capacity: usize) -> Self {
        let mut pool = Self::default();
        pool.grow(capacity);
        pool
    }

    /// All pages, free or not.
    pub fn capacity(&self) -> usize {
        self.references.len()
    }

    /// Pages that nobody holds.
    pub fn free(&self) -> usize {
        self.free.len()
    }

    /// Adds pages until there are `capacity`.
    pub fn grow(&mut self, capacity: usize) {
        let old = self.capacity();
        self.references.resize(capacity.max(old), 0);
        self.free.extend((old..capacity).map(|p| p as u32));
        self.free.sort_unstable_by(|a, b| b.cmp(a));
    }

    /// A free page, held once; the caller has made sure that there is one.
    pub fn take(&mut self) -> u32 {
        let page = self.free.pop().expect("the pool was grown before");
        self.references[page as usize] = 1;
        page
    }

    /// Holds a page once more.
    pub fn share(&mut self, page: u32) {
        self.references[page as usize] += 1;
    }

    /// Gives a page back.
    pub fn release(&mut self, page: u32) {
        let count = &mut self.references[page as usize];
        *count -= 1;
        if *count == 0 {
            self.free.push(page);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::PagePool;

    #[test]
    fn shared_pages_return_when_the_last_holder_lets_go() {
        let mut pool = PagePool::new(2);
        let (a, b) = (pool.take(), pool.take());
        assert_eq!((a, b, pool.free()), (0, 1, 0));
        pool.share(a);
        pool.release(a);
        assert_eq!(pool.free(), 0);
        pool.release(a);
        assert_eq!(pool.free(), 1);
        pool.grow(4);
        assert_eq!((pool.capacity(), pool.free(), pool.take()), (4, 3, 0));
        pool.release(b);
    }
}
