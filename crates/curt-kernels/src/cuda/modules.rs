//! The embedded kernels: one module per `.cu` file.

use std::collections::BTreeMap;
use std::ffi::CString;

use cudarc::driver::{result, sys};

use super::device::reason;
use super::launch::Kernel;
use crate::backend::DeviceError;
use crate::ops::{adamw, attention, embedding, grad_norm, linear, lm_head, qk_norm_rope, rms_norm, swiglu};

/// One file of kernels.
#[derive(Debug)]
pub(crate) struct Module {
    /// The file's name without its ending.
    pub name: &'static str,
    /// What `cargo xtask kernels` made of it.
    pub ptx: &'static str,
    /// Its kernels.
    pub kernels: &'static [Kernel],
}

/// All files of kernels.
pub(super) const MODULES: [&Module; 10] = [
    &adamw::cuda::MODULE,
    &attention::cuda::FORWARD,
    &attention::cuda::BACKWARD,
    &embedding::cuda::MODULE,
    &grad_norm::cuda::MODULE,
    &linear::cuda::MODULE,
    &lm_head::cuda::MODULE,
    &qk_norm_rope::cuda::MODULE,
    &rms_norm::cuda::MODULE,
    &swiglu::cuda::MODULE,
];

/// A kernel as the driver knows it.
#[derive(Clone, Copy)]
struct Function(sys::CUfunction);

// SAFETY: the driver's handles may be used from any thread in which their context is current.
unsafe impl Send for Function {}
// SAFETY: as above.
unsafe impl Sync for Function {}

/// A loaded module.
struct Loaded(sys::CUmodule);

// SAFETY: as for `Function`.
unsafe impl Send for Loaded {}
// SAFETY: as for `Function`.
unsafe impl Sync for Loaded {}

/// The kernels of one device.
pub(super) struct Modules {
    loaded: Vec<Loaded>,
    functions: BTreeMap<&'static str, Function>,
}

impl Modules {
    /// Loads all kernels into the current context.
    pub fn load() -> Result<Self, DeviceError> {
        let mut modules = Self { loaded: Vec::new(), functions: BTreeMap::new() };
        for module in MODULES {
            let refused = |e| DeviceError::KernelsRefused { module: module.name, reason: reason(e) };
            let text = CString::new(module.ptx).expect("PTX has no zero byte");
            // SAFETY: a text that ends with a zero byte, as the driver wants PTX.
            let loaded = unsafe { result::module::load_data(text.as_ptr().cast()) }.map_err(refused)?;
            modules.loaded.push(Loaded(loaded));
            for kernel in module.kernels {
                let name = CString::new(kernel.name).expect("a kernel's name has no zero byte");
                // SAFETY: the module was just loaded.
                let function = unsafe { result::module::get_function(loaded, name) }.map_err(refused)?;
                modules.functions.insert(kernel.name, Function(function));
            }
        }
        Ok(modules)
    }

    /// The handle of a kernel; panics when it is in no module's list.
    pub fn function(&self, name: &str) -> sys::CUfunction {
        self.functions.get(name).unwrap_or_else(|| panic!("kernel {name} is listed in no module")).0
    }

    /// Gives the modules back. The context must be current and idle.
    pub fn unload(&mut self) {
        self.functions.clear();
        for module in self.loaded.drain(..) {
            // SAFETY: loaded by `load` and not given back before; nothing runs.
            let unloaded = unsafe { result::module::unload(module.0) };
            // a driver that cannot unload has failed before, and that was reported
            let _ = unloaded;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::launch::Parameter;
    use super::*;

    /// Entry points of a PTX text: name, parameters, most threads of a block if stated.
    fn entries(ptx: &str) -> Vec<(String, Vec<Parameter>)> {
        let mut found = Vec::new();
        for entry in ptx.split(".entry ").skip(1) {
            let (name, rest) = entry.split_once('(').expect("a list of parameters");
            let (list, _) = rest.split_once(')').expect("the end of the parameters");
            let parameter = |line: &str| match line.split_whitespace().nth(1) {
                // addresses and 64-bit integers look the same: `same_type` lets both pass
                Some(".u64") => Parameter::U64,
                Some(".u32") => Parameter::U32,
                Some(".f32") => Parameter::F32,
                other => panic!("{name}: parameter type {other:?}"),
            };
            let list = list.split(',').map(str::trim).filter(|line| !line.is_empty());
            found.push((name.trim().to_owned(), list.map(parameter).collect()));
        }
        found
    }

    fn same_type(declared: Parameter, in_ptx: Parameter) -> bool {
        let wide = |p| matches!(p, Parameter::Pointer | Parameter::U64);
        declared == in_ptx || (wide(declared) && wide(in_ptx))
    }

    #[test]
    fn every_kernel_is_declared_as_its_ptx_says() {
        for module in MODULES {
            let entries = entries(module.ptx);
            assert_eq!(entries.len(), module.kernels.len(), "{}: kernels in the PTX and in the list", module.name);
            for (name, parameters) in &entries {
                let kernel = module.kernels.iter().find(|k| k.name == name);
                let kernel = kernel.unwrap_or_else(|| panic!("{}: {name} is not in the list", module.name));
                let same = kernel.parameters.len() == parameters.len()
                    && kernel.parameters.iter().zip(parameters).all(|(a, b)| same_type(*a, *b));
                assert!(same, "{name}: declared {:?}, PTX {parameters:?}", kernel.parameters);
                assert!(kernel.threads % 32 == 0 && (32..=1024).contains(&kernel.threads), "{name}: {} threads", kernel.threads);
            }
        }
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<&str> = MODULES.iter().flat_map(|m| m.kernels).map(|k| k.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn no_kernel_adds_floats_atomically() {
        for module in MODULES {
            let of_memory = |word: &str| word.starts_with("atom.") || word.starts_with("red.");
            let atomic = module.ptx.lines().find(|line| line.split_whitespace().any(of_memory));
            assert_eq!(atomic, None, "{}", module.name);
        }
    }
}
