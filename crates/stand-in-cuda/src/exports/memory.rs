//! Allocation, copies and fills.

use std::ffi::{c_int, c_uint, c_void};

use super::{bytes, bytes_mut, call, put};
use crate::driver::{DEFAULT_STREAM, Driver, Handle, Outcome, Work};
use crate::status::Status;

#[unsafe(no_mangle)]
extern "C" fn cuMemAlloc_v2(address: *mut u64, size: usize) -> c_int {
    call(|driver| {
        if size == 0 {
            return driver.refuse(Status::InvalidValue, "cuMemAlloc: zero bytes");
        }
        put(address, driver.allocate(size)?)
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuMemAllocAsync(address: *mut u64, size: usize, _stream: Handle) -> c_int {
    call(|driver| put(address, driver.allocate(size)?))
}

#[unsafe(no_mangle)]
extern "C" fn cuMemFree_v2(address: u64) -> c_int {
    call(|driver| if address == 0 { Ok(()) } else { driver.free(address) })
}

#[unsafe(no_mangle)]
extern "C" fn cuMemFreeAsync(address: u64, stream: Handle) -> c_int {
    call(|driver| {
        driver.check_range("cuMemFreeAsync", address, 0)?;
        driver.enqueue(stream, Work::Free { address })
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuMemHostAlloc(pointer: *mut usize, size: usize, _flags: c_uint) -> c_int {
    call(|driver| put(pointer, driver.allocate_host(size)))
}

#[unsafe(no_mangle)]
extern "C" fn cuMemFreeHost(pointer: usize) -> c_int {
    call(|driver| driver.free_host(pointer))
}

/// Bytes of ordinary memory are read now, those of pinned memory when the copy runs.
#[unsafe(no_mangle)]
extern "C" fn cuMemcpyHtoDAsync_v2(to: u64, from: *const c_void, n: usize, stream: Handle) -> c_int {
    call(|driver| {
        driver.check_range("cuMemcpyHtoDAsync", to, n)?;
        let work = if driver.is_pinned(from as usize, n) {
            Work::UploadPinned { to, from: from as usize, n }
        } else {
            Work::Upload { to, bytes: bytes(from, n)?.to_vec() }
        };
        driver.enqueue(stream, work)
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuMemcpyHtoD_v2(to: u64, from: *const c_void, n: usize) -> c_int {
    call(|driver| {
        driver.check_range("cuMemcpyHtoD", to, n)?;
        driver.enqueue(DEFAULT_STREAM, Work::Upload { to, bytes: bytes(from, n)?.to_vec() })?;
        driver.synchronize_stream(DEFAULT_STREAM)
    })
}

/// To ordinary memory the call ends when the copy has, as for the real driver; to pinned memory it is queued.
#[unsafe(no_mangle)]
extern "C" fn cuMemcpyDtoHAsync_v2(to: *mut c_void, from: u64, n: usize, stream: Handle) -> c_int {
    call(|driver| {
        if driver.is_pinned(to as usize, n) {
            driver.check_range("cuMemcpyDtoHAsync", from, n)?;
            driver.enqueue(stream, Work::DownloadPinned { to: to as usize, from, n })
        } else {
            driver.download("cuMemcpyDtoHAsync", bytes_mut(to, n)?, from, stream)
        }
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuMemcpyDtoH_v2(to: *mut c_void, from: u64, n: usize) -> c_int {
    call(|driver| driver.download("cuMemcpyDtoH", bytes_mut(to, n)?, from, DEFAULT_STREAM))
}

fn copy(driver: &mut Driver, to: u64, from: u64, n: usize, stream: Handle) -> Outcome<()> {
    driver.check_range("cuMemcpyDtoD, source", from, n)?;
    driver.check_range("cuMemcpyDtoD, destination", to, n)?;
    driver.enqueue(stream, Work::Copy { to, from, n })
}

#[unsafe(no_mangle)]
extern "C" fn cuMemcpyDtoDAsync_v2(to: u64, from: u64, n: usize, stream: Handle) -> c_int {
    call(|driver| copy(driver, to, from, n, stream))
}

#[unsafe(no_mangle)]
extern "C" fn cuMemcpyDtoD_v2(to: u64, from: u64, n: usize) -> c_int {
    call(|driver| {
        copy(driver, to, from, n, DEFAULT_STREAM)?;
        driver.synchronize_stream(DEFAULT_STREAM)
    })
}

fn fill(driver: &mut Driver, to: u64, pattern: &[u8], count: usize, stream: Handle) -> Outcome<()> {
    if !to.is_multiple_of(pattern.len() as u64) {
        return driver.refuse(Status::InvalidValue, format!("cuMemset: {to:#x} is not aligned to {} bytes", pattern.len()));
    }
    let n = count.checked_mul(pattern.len()).ok_or(Status::InvalidValue)?;
    driver.check_range("cuMemset", to, n)?;
    driver.enqueue(stream, Work::Fill { to, pattern: pattern.to_vec(), count })
}

#[unsafe(no_mangle)]
extern "C" fn cuMemsetD8Async(to: u64, value: u8, n: usize, stream: Handle) -> c_int {
    call(|driver| fill(driver, to, &[value], n, stream))
}

#[unsafe(no_mangle)]
extern "C" fn cuMemsetD8_v2(to: u64, value: u8, n: usize) -> c_int {
    call(|driver| {
        fill(driver, to, &[value], n, DEFAULT_STREAM)?;
        driver.synchronize_stream(DEFAULT_STREAM)
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuMemsetD32Async(to: u64, value: c_uint, n: usize, stream: Handle) -> c_int {
    call(|driver| fill(driver, to, &value.to_le_bytes(), n, stream))
}

#[unsafe(no_mangle)]
extern "C" fn cuMemsetD32_v2(to: u64, value: c_uint, n: usize) -> c_int {
    call(|driver| {
        fill(driver, to, &value.to_le_bytes(), n, DEFAULT_STREAM)?;
        driver.synchronize_stream(DEFAULT_STREAM)
    })
}
