//! The C interface: the functions of `cuda.h` that cudarc calls, and those that steer this driver.
//!
//! Handles are numbers, so the only pointers followed are those that results go to and arguments come from. As for the real
//! driver they must be valid; null is refused.

mod control;
mod device;
mod memory;
mod module;
mod stream;

use std::ffi::{CStr, c_char, c_int, c_void};

use crate::driver::{DEVICES, Driver, Outcome, with, with_device};
use crate::status::Status;

/// Runs a call on the current device and gives its code.
fn call(f: impl FnOnce(&mut Driver) -> Outcome<()>) -> i32 {
    code(with(|driver| f(driver)))
}

/// Runs a call on the device of this number and gives its code.
fn call_on(device: c_int, f: impl FnOnce(&mut Driver) -> Outcome<()>) -> i32 {
    match usize::try_from(device) {
        Ok(ordinal) if ordinal < DEVICES => code(with_device(ordinal, |driver| f(driver))),
        _ => Status::InvalidDevice as i32,
    }
}

fn code(outcome: Outcome<()>) -> i32 {
    outcome.map_or_else(|status| status as i32, |()| Status::Success as i32)
}

/// Writes a result.
fn put<T>(to: *mut T, value: T) -> Outcome<()> {
    if to.is_null() {
        return Err(Status::InvalidValue);
    }
    // SAFETY: not null, and the caller of the C function gave it as the place for a result of this type.
    unsafe { to.write(value) };
    Ok(())
}

/// A text that ends with a zero byte.
fn text<'a>(from: *const c_char) -> Outcome<&'a str> {
    if from.is_null() {
        return Err(Status::InvalidValue);
    }
    // SAFETY: not null, and the caller of the C function gave it as a text that ends with a zero byte.
    let text = unsafe { CStr::from_ptr(from) };
    text.to_str().map_err(|_| Status::InvalidValue)
}

/// Bytes of the program.
fn bytes<'a>(from: *const c_void, n: usize) -> Outcome<&'a [u8]> {
    if n == 0 {
        return Ok(&[]);
    }
    if from.is_null() {
        return Err(Status::InvalidValue);
    }
    // SAFETY: not null, and the caller of the C function gave it as the start of n readable bytes.
    Ok(unsafe { std::slice::from_raw_parts(from.cast(), n) })
}

/// Bytes of the program to write to.
fn bytes_mut<'a>(to: *mut c_void, n: usize) -> Outcome<&'a mut [u8]> {
    if n == 0 {
        return Ok(&mut []);
    }
    if to.is_null() {
        return Err(Status::InvalidValue);
    }
    // SAFETY: not null, and the caller of the C function gave it as the start of n writable bytes that it does not touch now.
    Ok(unsafe { std::slice::from_raw_parts_mut(to.cast(), n) })
}

/// Calls a function that the program queued in a stream.
pub fn call_host(function: usize, argument: usize) {
    let function = function as *const c_void;
    // SAFETY: the program gave this address to cuLaunchHostFunc as a function of this signature.
    let function: extern "C" fn(*mut c_void) = unsafe { std::mem::transmute(function) };
    function(argument as *mut c_void);
}
