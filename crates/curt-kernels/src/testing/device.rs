//! A CUDA device for tests: the stand-in driver in several orders of warps and blocks, or this machine's own.

use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use stand_in_cuda::Turn;

use crate::cuda::Module;
use crate::{Backend, Cuda};

/// Whether the last warp of a block, and the last block of a grid, runs first.
#[derive(Clone, Copy, Debug)]
struct Order {
    reverse_warps: bool,
    reverse_blocks: bool,
}

/// Runs `test` on a CUDA device: on the stand-in driver, in both orders of warps and with all its checks, or, where the
/// variable `CURT_TEST_GPU` is set, on device 0 of this machine's driver. Fails if the device reports anything.
pub fn on_cuda(test: impl Fn(&Cuda)) {
    let orders = [Order::new(false, false), Order::new(true, false)];
    for order in &orders[..if is_gpu() { 1 } else { 2 }] {
        Device::open().in_orders(std::slice::from_ref(order), |_, cuda| test(cuda));
    }
}

/// The one device of a GPU, whose driver would compile the kernels each time.
fn gpu() -> Cuda {
    static GPU: OnceLock<Cuda> = OnceLock::new();
    GPU.get_or_init(|| Cuda::new(0).unwrap()).clone()
}

fn is_gpu() -> bool {
    std::env::var_os("CURT_TEST_GPU").is_some()
}

/// A device that no other test uses meanwhile. On the stand-in all checks are on: bounds, races, reads of what nothing wrote.
pub struct Device {
    cuda: Cuda,
    stand_in: Option<Turn>,
    /// Tests on a GPU take turns, of which there is one.
    _gpu: Option<MutexGuard<'static, ()>>,
}

impl Order {
    fn new(reverse_warps: bool, reverse_blocks: bool) -> Self {
        Self { reverse_warps, reverse_blocks }
    }
}

impl Device {
    pub fn open() -> Self {
        static GPU: Mutex<()> = Mutex::new(());
        if is_gpu() {
            let turn = GPU.lock().unwrap_or_else(PoisonError::into_inner);
            return Self { cuda: gpu(), stand_in: None, _gpu: Some(turn) };
        }
        let stand_in = stand_in_cuda::turn().unwrap();
        Self { cuda: Cuda::new(stand_in.ordinal()).unwrap(), stand_in: Some(stand_in), _gpu: None }
    }

    /// Gives `check` what `job` gives on the device and how it was run. On the stand-in each job runs in both orders of warps
    /// and in both of blocks; which go together differs between even and odd `i`. Panics if the device reports anything.
    pub fn run<T>(&self, i: usize, job: impl Fn(&Cuda) -> T, check: &mut impl FnMut(&str, T)) {
        let odd = i % 2 == 1;
        self.in_orders(&[Order::new(false, odd), Order::new(true, !odd)], |name, cuda| {
            let result = job(cuda);
            self.assert_sound(name);
            check(name, result);
        });
    }

    /// A line per kernel of the modules with its launches, for the report of the matrix; empty on a GPU, where nothing counts.
    /// Panics if one was never launched.
    pub fn launches(&self, op: &str, modules: &[&Module]) -> String {
        let Some(stand_in) = &self.stand_in else { return String::new() };
        let counters = stand_in.counters();
        let mut lines = String::new();
        for kernel in modules.iter().flat_map(|module| module.kernels) {
            let launches = counters.get(kernel.name).map_or(0, |counters| counters.launches);
            assert!(launches > 0, "{op}: kernel {} was never launched", kernel.name);
            writeln!(lines, "kernel\t{}\t{launches}", kernel.name).expect("a string takes all text");
        }
        lines
    }

    fn in_orders(&self, orders: &[Order], mut job: impl FnMut(&str, &Cuda)) {
        let Some(stand_in) = &self.stand_in else {
            job("the GPU", &self.cuda);
            return self.assert_sound("the GPU");
        };
        for &order in orders {
            stand_in.set_reverse_warps(order.reverse_warps);
            stand_in.set_reverse_blocks(order.reverse_blocks);
            let name = format!("CUDA in {order:?}");
            job(&name, &self.cuda);
            self.assert_sound(&name);
        }
        stand_in.set_reverse_warps(false);
        stand_in.set_reverse_blocks(false);
    }

    /// Panics with the whole report of the stand-in if a kernel failed.
    fn assert_sound(&self, name: &str) {
        let report = || self.stand_in.as_ref().and_then(|stand_in| stand_in.last_report()).unwrap_or_default();
        self.cuda.synchronize().unwrap_or_else(|error| panic!("{name}: {error}\n{}", report()));
    }
}
