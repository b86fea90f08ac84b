//! Numbers in memory, aligned to a cache line.

use std::alloc::{Layout, alloc, dealloc};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use crate::backend::{DeviceError, Real};

/// Alignment of every buffer in bytes: a cache line and an AVX-512 register.
const ALIGNMENT: usize = 64;

/// A huge page of x86-64 and of Arm with 4 KiB pages.
const HUGE_PAGE: usize = 2 << 20;

/// A fixed-size array of numbers, aligned to 64 bytes. Derefs to a slice.
///
/// Where whole huge pages fit well they are asked for: walking a large weight by small pages costs more in address
/// translation than in reading.
pub struct Buffer<R: Real> {
    data: NonNull<R>,
    len: usize,
}

impl<R: Real> Buffer<R> {
    /// A buffer of `len` zeros, or an error when the memory cannot be had.
    pub fn zeros(len: usize) -> Result<Self, DeviceError> {
        let Some(layout) = Self::layout(len) else {
            return Err(DeviceError::OutOfMemory { bytes: len.saturating_mul(size_of::<R>()) });
        };
        // SAFETY: the layout has a non-zero size (see `layout`).
        let data = unsafe { alloc(layout) };
        let Some(data) = NonNull::new(data) else {
            return Err(DeviceError::OutOfMemory { bytes: layout.size() });
        };
        if layout.align() == HUGE_PAGE {
            advise_huge_pages(data, layout.size());
        }
        // SAFETY: `data` points to `layout.size()` fresh bytes; all-zero bits are the number 0.
        unsafe { data.write_bytes(0, layout.size()) };
        Ok(Self { data: data.cast(), len })
    }

    /// Room for `len` numbers, never empty so that the allocator may be asked for it.
    fn layout(len: usize) -> Option<Layout> {
        let bytes = len.max(1).checked_mul(size_of::<R>())?;
        // at most a quarter is given away to rounding
        match bytes.checked_next_multiple_of(HUGE_PAGE) {
            Some(whole) if whole - bytes <= bytes / 4 => Layout::from_size_align(whole, HUGE_PAGE).ok(),
            _ => Layout::from_size_align(bytes, ALIGNMENT).ok(),
        }
    }
}

/// Asks the kernel to back `bytes` bytes from `data` with huge pages; it may refuse, which only costs time.
fn advise_huge_pages(data: NonNull<u8>, bytes: usize) {
    #[cfg(target_os = "linux")]
    {
        use std::ffi::{c_int, c_void};
        unsafe extern "C" {
            fn madvise(address: *mut c_void, length: usize, advice: c_int) -> c_int;
        }
        const MADV_HUGEPAGE: c_int = 14;
        // SAFETY: the range is a whole allocation of ours, aligned to its pages; the advice changes no contents.
        unsafe { madvise(data.as_ptr().cast(), bytes, MADV_HUGEPAGE) };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (data, bytes);
}

impl<R: Real> Drop for Buffer<R> {
    fn drop(&mut self) {
        if let Some(layout) = Self::layout(self.len) {
            // SAFETY: `data` came from `alloc` with this very layout.
            unsafe { dealloc(self.data.as_ptr().cast(), layout) }
        }
    }
}

impl<R: Real> Deref for Buffer<R> {
    type Target = [R];
    fn deref(&self) -> &[R] {
        // SAFETY: `data` holds `len` initialized numbers (all-zero bits are the number 0) and lives as long as `self`.
        unsafe { std::slice::from_raw_parts(self.data.as_ptr(), self.len) }
    }
}

impl<R: Real> DerefMut for Buffer<R> {
    fn deref_mut(&mut self) -> &mut [R] {
        // SAFETY: as in `deref`, and `&mut self` makes the access exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.data.as_ptr(), self.len) }
    }
}

impl<R: Real> AsRef<[R]> for Buffer<R> {
    fn as_ref(&self) -> &[R] {
        self
    }
}

impl<R: Real> fmt::Debug for Buffer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({} numbers)", self.len)
    }
}

// SAFETY: a buffer owns its memory like a Vec; `Real` numbers are Send.
unsafe impl<R: Real> Send for Buffer<R> {}
// SAFETY: shared access only reads; `Real` numbers are Sync.
unsafe impl<R: Real> Sync for Buffer<R> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_of_any_size_are_zero_and_aligned() {
        for len in [0, 1, 17, HUGE_PAGE / 4 - 1, HUGE_PAGE / 4, HUGE_PAGE / 4 + 1, HUGE_PAGE] {
            let mut buffer = Buffer::<f32>::zeros(len).unwrap();
            assert_eq!(buffer.len(), len);
            assert!(buffer.iter().all(|&x| x == 0.0), "{len} numbers");
            assert_eq!(buffer.as_ptr() as usize % ALIGNMENT, 0, "{len} numbers");
            buffer.fill(1.0);
        }
    }

    #[test]
    fn memory_that_cannot_be_had_is_an_error() {
        for len in [usize::MAX, usize::MAX / 4, isize::MAX as usize / 4] {
            assert!(matches!(Buffer::<f32>::zeros(len), Err(DeviceError::OutOfMemory { .. })), "{len} numbers");
        }
    }
}
