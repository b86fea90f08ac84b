//! What steers this driver, for [`crate::StandIn`].

use std::ffi::{c_int, c_uint, c_void};

use super::{bytes_mut, call_on};
use crate::driver::{Settings, with_device};
use crate::status::Status;

/// Turns a setting on or off.
#[unsafe(no_mangle)]
extern "C" fn stand_in_cuda_set(device: c_int, setting: c_uint, value: c_int) -> c_int {
    call_on(device, |driver| {
        let setting = Settings::by_number(setting).ok_or(Status::InvalidValue)?;
        driver.settings.set(setting, value != 0);
        Ok(())
    })
}

/// Starts the sequence again that orders streams.
#[unsafe(no_mangle)]
extern "C" fn stand_in_cuda_set_seed(device: usize, seed: u64) {
    with_device(device, |driver| driver.set_seed(seed));
}

/// Frees everything and ends the state after a fault.
#[unsafe(no_mangle)]
extern "C" fn stand_in_cuda_reset(device: usize) {
    with_device(device, |driver| driver.reset());
}

/// Forgets what was counted.
#[unsafe(no_mangle)]
extern "C" fn stand_in_cuda_clear_counters(device: usize) {
    with_device(device, |driver| driver.launched.clear());
}

/// Writes as much of the last report as there is room for; the length of all of it.
#[unsafe(no_mangle)]
extern "C" fn stand_in_cuda_report(device: usize, to: *mut c_void, room: usize) -> usize {
    with_device(device, |driver| put_text(to, room, driver.report()))
}

/// Writes a line for each number that was counted: kernel, name, value, parted by tabs; the length of all of it.
#[unsafe(no_mangle)]
extern "C" fn stand_in_cuda_counters(device: usize, to: *mut c_void, room: usize) -> usize {
    with_device(device, |driver| {
        let mut text = String::new();
        for (kernel, launched) in &driver.launched {
            text += &format!("{kernel}\tlaunches\t{}\n", launched.n_launches);
            for (name, n) in launched.counters.by_name() {
                text += &format!("{kernel}\t{name}\t{n}\n");
            }
        }
        put_text(to, room, &text)
    })
}

fn put_text(to: *mut c_void, room: usize, text: &str) -> usize {
    let n = text.len().min(room);
    if let Ok(out) = bytes_mut(to, n) {
        out.copy_from_slice(&text.as_bytes()[..n]);
    }
    text.len()
}
