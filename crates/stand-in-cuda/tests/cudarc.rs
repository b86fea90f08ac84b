//! The stand-in below the real cudarc: copies, launches, streams, and every refusal.
//!
//! Each test has a device of its own.

use std::sync::Arc;

use cudarc::driver::{CudaContext, CudaFunction, DriverError, LaunchArgs, LaunchConfig, PushKernelArg, result, sys};
use cudarc::nvrtc::Ptx;
use stand_in_cuda::Turn;

struct Device {
    context: Arc<CudaContext>,
    stand_in: Turn,
}

fn device() -> Device {
    let stand_in = stand_in_cuda::turn().unwrap();
    stand_in.set_print_reports(false);
    Device { context: CudaContext::new(stand_in.ordinal()).unwrap(), stand_in }
}

impl Device {
    fn kernel(&self, name: &str) -> CudaFunction {
        let module = self.context.load_module(Ptx::from_src(include_str!("vector.ptx"))).unwrap();
        module.load_function(name).unwrap()
    }
}

fn one_block(threads: u32, shared_mem_bytes: u32) -> LaunchConfig {
    LaunchConfig { grid_dim: (1, 1, 1), block_dim: (threads, 1, 1), shared_mem_bytes }
}

fn code<T>(result: Result<T, DriverError>) -> sys::CUresult {
    result.err().expect("it must fail").0
}

fn run(launch: &mut LaunchArgs, config: LaunchConfig) -> Result<(), DriverError> {
    // SAFETY: the interpreter checks every access; a wrong one is an error.
    unsafe { launch.launch(config) }.map(|_| ())
}

fn read(out: &mut [u8], address: u64) -> Result<(), DriverError> {
    // SAFETY: the stand-in checks the address.
    unsafe { result::memcpy_dtoh_sync(out, address) }
}

#[test]
fn vectors_are_added() {
    let device = device();
    let stream = device.context.default_stream();
    let add = device.kernel("add");
    let n = 1000;
    let a: Vec<f32> = (0..n).map(|i| i as f32).collect();
    let b: Vec<f32> = (0..n).map(|i| 0.5 * i as f32).collect();
    let (a_there, b_there) = (stream.clone_htod(&a).unwrap(), stream.clone_htod(&b).unwrap());
    let mut out = stream.alloc_zeros::<f32>(n as usize).unwrap();
    let mut launch = stream.launch_builder(&add);
    launch.arg(&mut out).arg(&a_there).arg(&b_there).arg(&n);
    run(&mut launch, LaunchConfig { grid_dim: (4, 1, 1), ..one_block(256, 0) }).unwrap();
    let out = stream.clone_dtoh(&out).unwrap();
    assert!(out.iter().zip(a.iter().zip(&b)).all(|(out, (a, b))| *out == a + b));
    let counters = &device.stand_in.counters()["add"];
    assert_eq!(counters.by_name["global_loads.bytes"], 8 * n as u64);
    assert_eq!(counters.by_name["global_loads.sectors"], 2 * n as u64 / 8);
}

#[test]
fn a_sum_through_shared_memory() {
    let device = device();
    let stream = device.context.default_stream();
    let sum = device.kernel("sum");
    let x: Vec<f32> = (0..256).map(|i| i as f32).collect();
    let x = stream.clone_htod(&x).unwrap();
    for reverse in [false, true] {
        device.stand_in.set_reverse_warps(reverse);
        let mut out = stream.alloc_zeros::<f32>(1).unwrap();
        let mut launch = stream.launch_builder(&sum);
        launch.arg(&mut out).arg(&x);
        run(&mut launch, one_block(256, 1024)).unwrap();
        assert_eq!(stream.clone_dtoh(&out).unwrap(), [255.0 * 128.0]);
    }
    device.stand_in.set_reverse_warps(false);
}

#[test]
fn a_fault_stays_until_the_context_is_given_back() {
    let device = device();
    let stream = device.context.default_stream();
    let add = device.kernel("add");
    let x = stream.alloc_zeros::<f32>(8).unwrap();
    let mut out = stream.alloc_zeros::<f32>(7).unwrap();
    let mut launch = stream.launch_builder(&add);
    launch.arg(&mut out).arg(&x).arg(&x).arg(&8i32);
    run(&mut launch, one_block(32, 0)).unwrap();
    assert_eq!(code(stream.synchronize()), sys::CUresult::CUDA_ERROR_LAUNCH_FAILED);
    let report = device.stand_in.last_report().unwrap();
    for part in ["`add`", "block [0, 0, 0]", "thread [7, 0, 0]", "vector.cu:6", "write", "offset 28", "28 bytes"] {
        assert!(report.contains(part), "{part}: {report}");
    }
    assert_eq!(code(stream.alloc_zeros::<f32>(1)), sys::CUresult::CUDA_ERROR_LAUNCH_FAILED);
    device.stand_in.reset();
    assert!(stream.alloc_zeros::<f32>(1).is_ok());
}

#[test]
fn shared_memory_and_threads_are_limited() {
    let device = device();
    let stream = device.context.default_stream();
    let (add, sum) = (device.kernel("add"), device.kernel("sum"));
    let x = stream.alloc_zeros::<f32>(512).unwrap();
    let mut out = stream.alloc_zeros::<f32>(512).unwrap();
    let mut launch = stream.launch_builder(&sum);
    launch.arg(&mut out).arg(&x);
    assert_eq!(code(run(&mut launch, one_block(32, 48 * 1024 + 1))), sys::CUresult::CUDA_ERROR_INVALID_VALUE);
    let attribute = sys::CUfunction_attribute_enum::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
    assert_eq!(code(sum.set_attribute(attribute, 164 * 1024)), sys::CUresult::CUDA_ERROR_INVALID_VALUE);
    sum.set_attribute(attribute, 100 * 1024).unwrap();
    run(&mut launch, one_block(32, 100 * 1024)).unwrap();
    let mut launch = stream.launch_builder(&add);
    launch.arg(&mut out).arg(&x).arg(&x).arg(&1i32);
    assert_eq!(code(run(&mut launch, one_block(257, 0))), sys::CUresult::CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES);
    assert_eq!(code(run(&mut launch, one_block(2000, 0))), sys::CUresult::CUDA_ERROR_INVALID_VALUE);
    stream.synchronize().unwrap();
}

#[test]
fn copies_are_bounded_and_freed_memory_is_gone() {
    let device = device();
    let stream = device.context.default_stream();
    let x = stream.alloc_zeros::<f32>(4).unwrap();
    stream.synchronize().unwrap();
    let (address, _guard) = cudarc::driver::DevicePtr::device_ptr(&x, &stream);
    let mut out = [0u8; 17];
    let refused = read(&mut out, address);
    assert_eq!(code(refused), sys::CUresult::CUDA_ERROR_INVALID_VALUE);
    assert!(device.stand_in.last_report().unwrap().contains("17 bytes at offset 0"));
    assert!(read(&mut out[..16], address).is_ok());
    drop(_guard);
    drop(x);
    stream.synchronize().unwrap();
    let refused = read(&mut out[..16], address);
    assert_eq!(code(refused), sys::CUresult::CUDA_ERROR_INVALID_VALUE);
    assert!(device.stand_in.last_report().unwrap().contains("freed"));
    let again = stream.alloc_zeros::<f32>(4).unwrap();
    assert_ne!(cudarc::driver::DevicePtr::device_ptr(&again, &stream).0, address, "addresses never come back");
}

/// x in one stream, its use in another; whether the result is wrong or a fault.
fn is_seen(device: &Device, seed: u64, waits: bool) -> bool {
    device.stand_in.reset();
    device.stand_in.set_seed(seed);
    // SAFETY: ordering the streams is what is tested. Otherwise cudarc would add the waits itself.
    unsafe { device.context.disable_event_tracking() };
    let (first, second) = (device.context.new_stream().unwrap(), device.context.new_stream().unwrap());
    let add = device.kernel("add");
    let mut x = first.alloc_zeros::<f32>(32).unwrap();
    let mut y = second.alloc_zeros::<f32>(32).unwrap();
    let ones = first.clone_htod(&[1f32; 32]).unwrap();
    device.context.synchronize().unwrap();
    let mut launch = first.launch_builder(&add);
    launch.arg(&mut x).arg(&ones).arg(&ones).arg(&32i32);
    run(&mut launch, one_block(32, 0)).unwrap();
    if waits {
        second.join(&first).unwrap();
    }
    let mut launch = second.launch_builder(&add);
    launch.arg(&mut y).arg(&x).arg(&ones).arg(&32i32);
    run(&mut launch, one_block(32, 0)).unwrap();
    second.clone_dtoh(&y).unwrap() != [3.0; 32]
}

#[test]
fn a_missing_wait_between_streams_shows() {
    let device = device();
    let missed = (0..20).filter(|seed| !is_seen(&device, *seed, false)).count();
    assert!(missed < 15, "{missed} of 20 orders hide it");
    assert!((0..20).all(|seed| !is_seen(&device, seed, true)));
}

#[test]
fn text_that_is_not_ptx_is_refused() {
    let device = device();
    let refused = device.context.load_module(Ptx::from_src(".version 8.7\n.entry f() { frob.u32 %r1; }"));
    assert_eq!(code(refused), sys::CUresult::CUDA_ERROR_INVALID_PTX);
    assert_eq!(device.stand_in.last_report().unwrap(), "cuModuleLoadData: PTX line 2: instruction `frob.u32` is not known");
    let module = device.context.load_module(Ptx::from_src(include_str!("vector.ptx"))).unwrap();
    assert_eq!(code(module.load_function("nothing")), sys::CUresult::CUDA_ERROR_NOT_FOUND);
}

#[test]
fn what_happens_to_one_device_no_other_sees() {
    let (one, other) = (device(), device());
    assert_ne!(one.stand_in.ordinal(), other.stand_in.ordinal());
    let (stream, of_other) = (one.context.default_stream(), other.context.default_stream());
    let mut vectors: Vec<_> = [&stream, &of_other].iter().map(|s| s.clone_htod(&[1.0f32; 32]).unwrap()).collect();
    let (x, mut y) = (vectors.remove(0), stream.alloc_zeros::<f32>(8).unwrap());
    let add = one.kernel("add");
    let mut launch = stream.launch_builder(&add);
    // the output is shorter than it is said to be
    launch.arg(&mut y).arg(&x).arg(&x).arg(&32i32);
    run(&mut launch, one_block(32, 0)).unwrap();
    assert_eq!(code(stream.synchronize()), sys::CUresult::CUDA_ERROR_LAUNCH_FAILED);
    assert!(one.stand_in.last_report().is_some());
    assert_eq!(of_other.clone_dtoh(&vectors[0]).unwrap(), [1.0; 32]);
    assert_eq!(other.stand_in.last_report(), None);
}

#[test]
fn pinned_memory_is_read_when_the_copy_runs() {
    let device = device();
    let stream = device.context.new_stream().unwrap();
    // SAFETY: written below before it is read.
    let mut pinned = unsafe { device.context.alloc_pinned::<u32>(4) }.unwrap();
    pinned.as_mut_slice().unwrap().copy_from_slice(&[1, 2, 3, 4]);
    let address = pinned.as_mut_ptr().unwrap() as *const std::ffi::c_void;
    let on_device = stream.alloc_zeros::<u32>(4).unwrap();
    let (to, guard) = cudarc::driver::DevicePtr::device_ptr(&on_device, &stream);
    // SAFETY: both sides are 16 bytes, and the pinned memory outlives the synchronization.
    unsafe { sys::cuMemcpyHtoDAsync_v2(to, address, 16, stream.cu_stream()) }.result().unwrap();
    pinned.as_mut_slice().unwrap()[0] = 99;
    drop(guard);
    assert_eq!(stream.clone_dtoh(&on_device).unwrap(), [99, 2, 3, 4]);
}

#[test]
fn a_whole_program_runs_on_the_folder() {
    const CHILD: &str = "STAND_IN_CUDA_TEST_CHILD";
    if std::env::var_os(CHILD).is_some() {
        let context = CudaContext::new(0).unwrap();
        assert_eq!(context.name().unwrap(), "PTX interpreter");
        let stream = context.default_stream();
        let there = stream.clone_htod(&[1u8, 2]).unwrap();
        println!("copied {:?}", stream.clone_dtoh(&there).unwrap());
        return;
    }
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "a_whole_program_runs_on_the_folder", "--nocapture"]).env(CHILD, "1");
    let output = child.env("LD_LIBRARY_PATH", stand_in_cuda::library_folder().unwrap()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("copied [1, 2]"), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_kernel_without_its_barrier_is_caught_and_one_that_is_not_there_is_refused() {
    let outcome = |removal: &str| {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        let output =
            child.args(["--exact", "a_sum_through_shared_memory"]).env("STAND_IN_CUDA_REMOVE", removal).output().unwrap();
        let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        (output.status.success(), said)
    };
    for (removal, why) in [
        ("sum:1", "kernel `sum` runs without number 1, barrier of the block, PTX line 66"),
        ("sum:1", "CUDA_ERROR_LAUNCH_FAILED"),
        ("sum:2", "kernel `sum` has 1 instructions that synchronize, none has the number 2"),
        ("product:1", "STAND_IN_CUDA_REMOVE: no loaded module has a kernel `product`"),
        ("sum", "STAND_IN_CUDA_REMOVE=sum is not KERNEL:NUMBER"),
    ] {
        let (passed, said) = outcome(removal);
        assert!(!passed && said.contains(why), "{removal}: {said}");
    }
}
