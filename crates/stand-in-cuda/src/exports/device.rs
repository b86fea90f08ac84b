//! Start, device, context and error texts.

use std::ffi::{c_char, c_int, c_uint, c_void};

use super::{bytes_mut, call, call_on, put};
use crate::driver::{CURRENT, DEVICES, with};
use crate::status::{Status, texts};

/// CUDA 12.8.
const VERSION: c_int = 12_080;
const NAME: &str = "PTX interpreter";
/// The primary context of the first device, as a handle; the others follow.
const CONTEXT: usize = 0xc0;

/// Attributes of a device of compute capability 8.0; what is not listed is 0.
const ATTRIBUTES: [(c_int, c_int); 26] = [
    (1, 1024),        // threads of a block
    (2, 1024),        // block along x
    (3, 1024),        // y
    (4, 64),          // z
    (5, i32::MAX),    // grid along x
    (6, 65_535),      // y
    (7, 65_535),      // z
    (8, 48 * 1024),   // shared memory of a block
    (9, 64 * 1024),   // constant memory
    (10, 32),         // threads of a warp
    (11, i32::MAX),   // pitch
    (12, 65_536),     // registers of a block
    (13, 1_410_000),  // clock in kHz
    (16, 4),          // multiprocessors
    (36, 1_215_000),  // clock of the memory in kHz
    (37, 5_120),      // width of the memory bus
    (38, 40 << 20),   // L2 cache
    (39, 2_048),      // threads of a multiprocessor
    (41, 1),          // unified addressing
    (75, 8),          // compute capability, major
    (76, 0),          // minor
    (81, 164 * 1024), // shared memory of a multiprocessor
    (82, 65_536),     // registers of a multiprocessor
    (97, 163 * 1024), // shared memory of a block that asks for it
    (106, 32),        // blocks of a multiprocessor
    (115, 1),         // stream-ordered allocation
];

#[unsafe(no_mangle)]
extern "C" fn cuInit(_flags: c_uint) -> c_int {
    call(|_| Ok(()))
}

#[unsafe(no_mangle)]
extern "C" fn cuDriverGetVersion(version: *mut c_int) -> c_int {
    call(|_| put(version, VERSION))
}

#[unsafe(no_mangle)]
extern "C" fn cuDeviceGet(device: *mut c_int, ordinal: c_int) -> c_int {
    call_on(ordinal, |_| put(device, ordinal))
}

#[unsafe(no_mangle)]
extern "C" fn cuDeviceGetCount(count: *mut c_int) -> c_int {
    call(|_| put(count, DEVICES as c_int))
}

#[unsafe(no_mangle)]
extern "C" fn cuDeviceGetName(name: *mut c_char, length: c_int, device: c_int) -> c_int {
    call_on(device, |_| {
        let out = bytes_mut(name.cast(), usize::try_from(length).map_err(|_| Status::InvalidValue)?)?;
        let n = NAME.len().min(out.len().saturating_sub(1));
        out.fill(0);
        out[..n].copy_from_slice(&NAME.as_bytes()[..n]);
        Ok(())
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuDeviceGetAttribute(value: *mut c_int, attribute: c_int, device: c_int) -> c_int {
    call_on(device, |_| {
        let found = ATTRIBUTES.iter().find(|(number, _)| *number == attribute);
        put(value, found.map_or(0, |(_, value)| *value))
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuDeviceTotalMem_v2(size: *mut usize, device: c_int) -> c_int {
    call_on(device, |driver| put(size, driver.memory.capacity()))
}

#[unsafe(no_mangle)]
extern "C" fn cuDeviceGetUuid(uuid: *mut c_void, device: c_int) -> c_int {
    call_on(device, |_| {
        bytes_mut(uuid, 16)?.copy_from_slice(b"ptx-interpreter\0");
        bytes_mut(uuid, 16)?[15] = device as u8;
        Ok(())
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuDeviceGetUuid_v2(uuid: *mut c_void, device: c_int) -> c_int {
    cuDeviceGetUuid(uuid, device)
}

#[unsafe(no_mangle)]
extern "C" fn cuMemGetInfo_v2(free: *mut usize, total: *mut usize) -> c_int {
    call(|driver| {
        put(free, driver.memory.capacity() - driver.memory.used())?;
        put(total, driver.memory.capacity())
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuDevicePrimaryCtxRetain(context: *mut usize, device: c_int) -> c_int {
    call_on(device, |driver| {
        driver.retain_context();
        put(context, CONTEXT + device as usize)
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuDevicePrimaryCtxRelease_v2(device: c_int) -> c_int {
    call_on(device, |driver| {
        driver.release_context();
        Ok(())
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuCtxSetCurrent(context: usize) -> c_int {
    let device = context.checked_sub(CONTEXT).filter(|ordinal| *ordinal < DEVICES);
    if context != 0 && device.is_none() {
        return Status::InvalidContext as c_int;
    }
    CURRENT.set(device);
    Status::Success as c_int
}

#[unsafe(no_mangle)]
extern "C" fn cuCtxGetCurrent(context: *mut usize) -> c_int {
    call(|_| put(context, CURRENT.get().map_or(0, |ordinal| CONTEXT + ordinal)))
}

#[unsafe(no_mangle)]
extern "C" fn cuCtxGetDevice(device: *mut c_int) -> c_int {
    let current = CURRENT.get().ok_or(Status::InvalidContext);
    current.map_or_else(|status| status as c_int, |ordinal| call(|_| put(device, ordinal as c_int)))
}

#[unsafe(no_mangle)]
extern "C" fn cuCtxSynchronize() -> c_int {
    call(|driver| driver.synchronize_all())
}

/// How a thread waits, and the sizes of heaps and stacks, change nothing here.
#[unsafe(no_mangle)]
extern "C" fn cuCtxSetFlags(_flags: c_uint) -> c_int {
    Status::Success as c_int
}

#[unsafe(no_mangle)]
extern "C" fn cuCtxSetLimit(_limit: c_uint, _value: usize) -> c_int {
    Status::Success as c_int
}

#[unsafe(no_mangle)]
extern "C" fn cuCtxSetCacheConfig(_config: c_uint) -> c_int {
    Status::Success as c_int
}

#[unsafe(no_mangle)]
extern "C" fn cuCtxGetStreamPriorityRange(least: *mut c_int, greatest: *mut c_int) -> c_int {
    call(|_| {
        put(least, 0)?;
        put(greatest, 0)
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuGetErrorName(error: c_int, name: *mut *const c_char) -> c_int {
    put_text(name, texts(error).map(|(name, _)| name))
}

#[unsafe(no_mangle)]
extern "C" fn cuGetErrorString(error: c_int, text: *mut *const c_char) -> c_int {
    put_text(text, texts(error).map(|(_, text)| text))
}

fn put_text(to: *mut *const c_char, text: Option<&'static str>) -> c_int {
    let pointer = text.map_or(std::ptr::null(), |text| text.as_ptr().cast());
    let status = with(|_| put(to, pointer));
    status.and(text.map(|_| ()).ok_or(Status::InvalidValue)).map_or_else(|status| status as c_int, |()| 0)
}
