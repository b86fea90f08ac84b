//! The driver's result codes.

/// A result code with the number that `cuda.h` gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Status {
    Success = 0,
    InvalidValue = 1,
    OutOfMemory = 2,
    NotInitialized = 3,
    NoDevice = 100,
    InvalidDevice = 101,
    InvalidImage = 200,
    InvalidContext = 201,
    InvalidPtx = 218,
    InvalidHandle = 400,
    NotFound = 500,
    NotReady = 600,
    IllegalAddress = 700,
    OutOfResources = 701,
    LaunchFailed = 719,
    NotSupported = 801,
    Unknown = 999,
}

/// Code, name and text, both ended by a zero byte.
const TEXTS: [(Status, &str, &str); 17] = [
    (Status::Success, "CUDA_SUCCESS\0", "no error\0"),
    (Status::InvalidValue, "CUDA_ERROR_INVALID_VALUE\0", "invalid argument (stand-in driver: see its report)\0"),
    (Status::OutOfMemory, "CUDA_ERROR_OUT_OF_MEMORY\0", "out of memory\0"),
    (Status::NotInitialized, "CUDA_ERROR_NOT_INITIALIZED\0", "initialization error\0"),
    (Status::NoDevice, "CUDA_ERROR_NO_DEVICE\0", "no CUDA-capable device is detected\0"),
    (Status::InvalidDevice, "CUDA_ERROR_INVALID_DEVICE\0", "invalid device ordinal\0"),
    (Status::InvalidImage, "CUDA_ERROR_INVALID_IMAGE\0", "device kernel image is invalid\0"),
    (Status::InvalidContext, "CUDA_ERROR_INVALID_CONTEXT\0", "invalid device context\0"),
    (Status::InvalidPtx, "CUDA_ERROR_INVALID_PTX\0", "PTX cannot be loaded (stand-in driver: see its report)\0"),
    (Status::InvalidHandle, "CUDA_ERROR_INVALID_HANDLE\0", "invalid resource handle\0"),
    (Status::NotFound, "CUDA_ERROR_NOT_FOUND\0", "named symbol not found\0"),
    (Status::NotReady, "CUDA_ERROR_NOT_READY\0", "device not ready\0"),
    (Status::IllegalAddress, "CUDA_ERROR_ILLEGAL_ADDRESS\0", "an illegal memory access was encountered\0"),
    (Status::OutOfResources, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES\0", "too many resources requested for launch\0"),
    (Status::LaunchFailed, "CUDA_ERROR_LAUNCH_FAILED\0", "a kernel ran into a fault (stand-in driver: see its report)\0"),
    (Status::NotSupported, "CUDA_ERROR_NOT_SUPPORTED\0", "operation not supported by the stand-in driver\0"),
    (Status::Unknown, "CUDA_ERROR_UNKNOWN\0", "unknown error\0"),
];

/// Name and text of a code, each ended by a zero byte; none if there is no such code here.
pub fn texts(code: i32) -> Option<(&'static str, &'static str)> {
    TEXTS.iter().find(|(status, ..)| *status as i32 == code).map(|(_, name, text)| (*name, *text))
}
