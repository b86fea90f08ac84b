//! Streams and events.

use std::ffi::{c_int, c_uint, c_void};

use super::{call, put};
use crate::driver::{Handle, Work};
use crate::status::Status;

/// `CU_STREAM_NON_BLOCKING`: independent of the default stream.
const NON_BLOCKING: c_uint = 1;

#[unsafe(no_mangle)]
extern "C" fn cuStreamCreate(stream: *mut Handle, flags: c_uint) -> c_int {
    call(|driver| {
        driver.check()?;
        put(stream, driver.create_stream(flags & NON_BLOCKING != 0))
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuStreamCreateWithPriority(stream: *mut Handle, flags: c_uint, _priority: c_int) -> c_int {
    cuStreamCreate(stream, flags)
}

#[unsafe(no_mangle)]
extern "C" fn cuStreamDestroy_v2(stream: Handle) -> c_int {
    call(|driver| driver.destroy_stream(stream))
}

#[unsafe(no_mangle)]
extern "C" fn cuStreamSynchronize(stream: Handle) -> c_int {
    call(|driver| driver.synchronize_stream(stream))
}

#[unsafe(no_mangle)]
extern "C" fn cuStreamQuery(stream: Handle) -> c_int {
    call(|driver| if driver.is_idle(stream)? { Ok(()) } else { Err(Status::NotReady) })
}

#[unsafe(no_mangle)]
extern "C" fn cuStreamWaitEvent(stream: Handle, event: Handle, _flags: c_uint) -> c_int {
    call(|driver| driver.wait_event(stream, event))
}

#[unsafe(no_mangle)]
extern "C" fn cuStreamIsCapturing(_stream: Handle, status: *mut c_int) -> c_int {
    call(|_| put(status, 0))
}

#[unsafe(no_mangle)]
extern "C" fn cuLaunchHostFunc(stream: Handle, function: *const c_void, argument: *mut c_void) -> c_int {
    call(|driver| {
        if function.is_null() {
            return Err(Status::InvalidValue);
        }
        driver.enqueue(stream, Work::Call { function: function as usize, argument: argument as usize })
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuEventCreate(event: *mut Handle, _flags: c_uint) -> c_int {
    call(|driver| {
        driver.check()?;
        put(event, driver.create_event())
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuEventDestroy_v2(event: Handle) -> c_int {
    call(|driver| driver.destroy_event(event))
}

#[unsafe(no_mangle)]
extern "C" fn cuEventRecord(event: Handle, stream: Handle) -> c_int {
    call(|driver| driver.record(event, stream))
}

#[unsafe(no_mangle)]
extern "C" fn cuEventSynchronize(event: Handle) -> c_int {
    call(|driver| driver.synchronize_event(event))
}

#[unsafe(no_mangle)]
extern "C" fn cuEventQuery(event: Handle) -> c_int {
    call(|driver| if driver.query_event(event)? { Ok(()) } else { Err(Status::NotReady) })
}

/// There is no time here: 0 ms for events that were both reached.
#[unsafe(no_mangle)]
extern "C" fn cuEventElapsedTime(milliseconds: *mut f32, start: Handle, end: Handle) -> c_int {
    call(|driver| {
        for event in [start, end] {
            if !driver.query_event(event)? {
                return Err(Status::NotReady);
            }
        }
        put(milliseconds, 0.0)
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuEventElapsedTime_v2(milliseconds: *mut f32, start: Handle, end: Handle) -> c_int {
    cuEventElapsedTime(milliseconds, start, end)
}
