//! Launches: checked when they are asked for, run when their turn comes.

use std::sync::Arc;

use ptx_interpreter::{Launch, LaunchError, Module};

use super::stream::Work;
use super::{Driver, Handle, Outcome};
use crate::status::Status;

/// Dynamic and static shared memory together that a kernel may have without asking for more.
const DEFAULT_SHARED: usize = 48 * 1024;

/// A launch that waits for its turn.
pub struct LaunchConfig {
    module: Arc<Module>,
    kernel: String,
    launch: Launch,
}

impl Driver {
    /// Size of each parameter of the function.
    pub fn parameter_sizes(&self, function: Handle) -> Outcome<Vec<usize>> {
        let function = self.functions.get(&function).ok_or(Status::InvalidHandle)?;
        let kernel = function.module.kernel(&function.name).ok_or(Status::NotFound)?;
        Ok(kernel.parameters().iter().map(|parameter| parameter.size).collect())
    }

    /// The most dynamic shared memory that the function may be launched with now.
    pub fn dynamic_limit(&self, function: Handle) -> Outcome<usize> {
        let function = self.functions.get(&function).ok_or(Status::InvalidHandle)?;
        let kernel = function.module.kernel(&function.name).ok_or(Status::NotFound)?;
        Ok(function.max_dynamic_shared.unwrap_or(DEFAULT_SHARED.saturating_sub(kernel.static_shared())))
    }

    /// Queues a launch.
    ///
    /// # Errors
    /// More shared memory or threads than allowed, a kernel to be changed that no module has, or the code of an earlier fault.
    pub fn launch(&mut self, function: Handle, launch: Launch, stream: Handle) -> Outcome<()> {
        self.check()?;
        self.check_removal()?;
        let limit = self.dynamic_limit(function)?;
        let function = &self.functions[&function];
        let (module, kernel) = (function.module.clone(), function.name.clone());
        if launch.shared_bytes > limit {
            let why = format!(
                "cuLaunchKernel `{kernel}`: {} bytes of dynamic shared memory, {limit} are allowed without setting \
                 CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES",
                launch.shared_bytes
            );
            return self.refuse(Status::InvalidValue, why);
        }
        let n_threads = launch.block.iter().map(|n| u64::from(*n)).product::<u64>();
        let max_threads = module.kernel(&kernel).map_or(0, |kernel| kernel.max_threads());
        if (u64::from(max_threads) + 1..=1024).contains(&n_threads) {
            let why = format!("cuLaunchKernel `{kernel}`: {n_threads} threads, compiled for at most {max_threads}");
            return self.refuse(Status::OutOfResources, why);
        }
        if let Some(Err(error)) = module.kernel(&kernel).map(|kernel| kernel.check(&launch)) {
            return self.refuse(Status::InvalidValue, format!("cuLaunchKernel: {error}"));
        }
        self.enqueue(stream, Work::Launch(Box::new(LaunchConfig { module, kernel, launch })))
    }

    pub(super) fn run_launch(&mut self, config: &LaunchConfig) -> Outcome<()> {
        let Some(kernel) = config.module.kernel(&config.kernel) else { return Err(Status::NotFound) };
        match kernel.launch(&mut self.memory, &config.launch, &self.settings.options) {
            Ok(counters) => {
                let launched = self.launched.entry(config.kernel.clone()).or_default();
                launched.n_launches += 1;
                launched.counters += counters;
                Ok(())
            }
            Err(error @ (LaunchError::Refused { .. } | LaunchError::Fault(_))) => {
                Err(self.break_down(Status::LaunchFailed, error.to_string()))
            }
        }
    }
}
