//! Modules, functions and launches.

use std::ffi::{c_char, c_int, c_uint, c_void};

use ptx_interpreter::{Launch, SHARED_LIMIT};

use super::{bytes, call, put, text};
use crate::driver::Handle;
use crate::status::Status;

/// Numbers of function attributes.
const MAX_THREADS: c_int = 0;
const STATIC_SHARED: c_int = 1;
const LOCAL: c_int = 3;
const N_REGISTERS: c_int = 4;
const PTX_VERSION: c_int = 5;
const BINARY_VERSION: c_int = 6;
const MAX_DYNAMIC_SHARED: c_int = 8;

/// PTX text; a binary cannot be interpreted.
#[unsafe(no_mangle)]
extern "C" fn cuModuleLoadData(module: *mut Handle, image: *const c_void) -> c_int {
    call(|driver| {
        let magic = bytes(image, 4)?;
        if magic == b"\x7fELF" || magic == [0x50, 0xed, 0x55, 0xba] {
            return driver.refuse(Status::InvalidImage, "cuModuleLoadData: a binary, PTX text is needed");
        }
        let text = text(image.cast())?;
        put(module, driver.load_module(text)?)
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuModuleLoadDataEx(
    module: *mut Handle,
    image: *const c_void,
    _n_options: c_uint,
    _options: *mut c_int,
    _values: *mut *mut c_void,
) -> c_int {
    cuModuleLoadData(module, image)
}

#[unsafe(no_mangle)]
extern "C" fn cuModuleLoad(module: *mut Handle, path: *const c_char) -> c_int {
    call(|driver| {
        let path = text(path)?;
        match std::fs::read_to_string(path) {
            Ok(text) => put(module, driver.load_module(&text)?),
            Err(error) => driver.refuse(Status::NotFound, format!("cuModuleLoad: {path}: {error}")),
        }
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuModuleUnload(module: Handle) -> c_int {
    call(|driver| driver.unload_module(module))
}

#[unsafe(no_mangle)]
extern "C" fn cuModuleGetFunction(function: *mut Handle, module: Handle, name: *const c_char) -> c_int {
    call(|driver| put(function, driver.function(module, text(name)?)?))
}

#[unsafe(no_mangle)]
extern "C" fn cuModuleGetGlobal_v2(address: *mut u64, size: *mut usize, module: Handle, name: *const c_char) -> c_int {
    call(|driver| {
        let (found, n) = driver.module(module)?.variable(text(name)?).ok_or(Status::NotFound)?;
        if !address.is_null() {
            put(address, found)?;
        }
        if size.is_null() { Ok(()) } else { put(size, n) }
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuFuncGetAttribute(value: *mut c_int, attribute: c_int, function: Handle) -> c_int {
    call(|driver| {
        let limit = driver.dynamic_limit(function)?;
        let found = &driver.functions[&function];
        let kernel = found.module.kernel(&found.name).ok_or(Status::NotFound)?;
        let number = match attribute {
            MAX_THREADS => kernel.max_threads() as usize,
            STATIC_SHARED => kernel.static_shared(),
            LOCAL => kernel.local_bytes(),
            N_REGISTERS => kernel.n_registers().min(255),
            PTX_VERSION | BINARY_VERSION => 80,
            MAX_DYNAMIC_SHARED => limit,
            _ => 0,
        };
        put(value, number as c_int)
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuFuncSetAttribute(function: Handle, attribute: c_int, value: c_int) -> c_int {
    call(|driver| {
        driver.dynamic_limit(function)?;
        if attribute != MAX_DYNAMIC_SHARED {
            return Ok(());
        }
        let found = &driver.functions[&function];
        let name = found.name.clone();
        let n_static = found.module.kernel(&name).ok_or(Status::NotFound)?.static_shared();
        match usize::try_from(value).ok().filter(|n| n + n_static <= SHARED_LIMIT) {
            Some(n) => {
                if let Some(function) = driver.functions.get_mut(&function) {
                    function.max_dynamic_shared = Some(n);
                }
                Ok(())
            }
            None => driver.refuse(
                Status::InvalidValue,
                format!("cuFuncSetAttribute `{name}`: {value} + {n_static} bytes of shared memory, the limit is {SHARED_LIMIT}"),
            ),
        }
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuFuncSetCacheConfig(_function: Handle, _config: c_uint) -> c_int {
    Status::Success as c_int
}

#[unsafe(no_mangle)]
extern "C" fn cuFuncGetParamInfo(function: Handle, index: usize, offset: *mut usize, size: *mut usize) -> c_int {
    call(|driver| {
        let found = driver.functions.get(&function).ok_or(Status::InvalidHandle)?;
        let kernel = found.module.kernel(&found.name).ok_or(Status::NotFound)?;
        let parameter = kernel.parameters().get(index).ok_or(Status::InvalidValue)?;
        put(offset, parameter.offset)?;
        if size.is_null() { Ok(()) } else { put(size, parameter.size) }
    })
}

/// By shared memory and threads alone: what registers allow is not known here.
#[unsafe(no_mangle)]
extern "C" fn cuOccupancyMaxActiveBlocksPerMultiprocessor(
    n_blocks: *mut c_int,
    function: Handle,
    block_size: c_int,
    dynamic_shared: usize,
) -> c_int {
    call(|driver| {
        let found = driver.functions.get(&function).ok_or(Status::InvalidHandle)?;
        let kernel = found.module.kernel(&found.name).ok_or(Status::NotFound)?;
        let n_threads = usize::try_from(block_size).ok().filter(|n| *n > 0).ok_or(Status::InvalidValue)?;
        let shared = kernel.static_shared() + dynamic_shared + 1024;
        let fit = (2048 / n_threads.next_multiple_of(32)).min(164 * 1024 / shared).min(32);
        put(n_blocks, fit as c_int)
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(
    n_blocks: *mut c_int,
    function: Handle,
    block_size: c_int,
    dynamic_shared: usize,
    _flags: c_uint,
) -> c_int {
    cuOccupancyMaxActiveBlocksPerMultiprocessor(n_blocks, function, block_size, dynamic_shared)
}

/// Arguments are read now, by the sizes that the kernel declares; the launch runs when its stream's turn comes.
#[unsafe(no_mangle)]
extern "C" fn cuLaunchKernel(
    function: Handle,
    grid_x: c_uint,
    grid_y: c_uint,
    grid_z: c_uint,
    block_x: c_uint,
    block_y: c_uint,
    block_z: c_uint,
    shared_bytes: c_uint,
    stream: Handle,
    arguments: *mut *mut c_void,
    extra: *mut *mut c_void,
) -> c_int {
    call(|driver| {
        if !extra.is_null() {
            return driver.refuse(Status::NotSupported, "cuLaunchKernel: arguments by `extra` are not supported");
        }
        let sizes = driver.parameter_sizes(function)?;
        let pointers = bytes(arguments.cast(), size_of::<usize>() * sizes.len())?.as_chunks::<{ size_of::<usize>() }>().0;
        let arguments = pointers.iter().zip(&sizes).map(|(pointer, size)| {
            let pointer = usize::from_ne_bytes(*pointer) as *const c_void;
            bytes(pointer, *size).map(<[u8]>::to_vec)
        });
        let arguments = arguments.collect::<Result<Vec<_>, _>>()?;
        let (grid, block) = ([grid_x, grid_y, grid_z], [block_x, block_y, block_z]);
        driver.launch(function, Launch { grid, block, shared_bytes: shared_bytes as usize, arguments }, stream)
    })
}
