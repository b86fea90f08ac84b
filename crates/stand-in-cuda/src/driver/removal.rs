//! A kernel without one of its barriers or waits, to show that its tests notice.

use ptx_interpreter::Module;

/// `KERNEL:NUMBER`: what is left out of which kernel.
pub const VARIABLE: &str = "STAND_IN_CUDA_REMOVE";

/// One of the instructions by which a kernel's threads wait for each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    pub kernel: String,
    /// From 1, in the order of the text.
    pub number: usize,
}

impl Removal {
    /// What the variable asks for.
    ///
    /// # Errors
    /// It says neither kernel nor number.
    pub fn parse(value: &str) -> Result<Self, String> {
        let parts = value.split_once(':').and_then(|(kernel, number)| Some((kernel, number.parse().ok()?)));
        let (kernel, number) = parts.ok_or_else(|| format!("{VARIABLE}={value} is not KERNEL:NUMBER"))?;
        Ok(Removal { kernel: kernel.to_owned(), number })
    }

    /// Takes the instruction out of the module if the kernel is in it, and says so on stderr.
    ///
    /// # Errors
    /// The kernel has no such instruction.
    pub fn apply(&self, module: &mut Module) -> Result<(), String> {
        let Removal { kernel, number } = self;
        if module.kernel(kernel).is_none() {
            return Ok(());
        }
        let removed = module.remove_synchronization(kernel, *number).map_err(|error| format!("{VARIABLE}: {error}"))?;
        eprintln!("stand-in CUDA driver: kernel `{kernel}` runs without number {number}, {}, {}", removed.what, removed.site);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_says_nothing_is_an_error() {
        assert_eq!(Removal::parse("sum:2"), Ok(Removal { kernel: "sum".to_owned(), number: 2 }));
        for value in ["", "sum", "sum:", "sum:-1", "sum:1:2"] {
            assert_eq!(Removal::parse(value), Err(format!("STAND_IN_CUDA_REMOVE={value} is not KERNEL:NUMBER")));
        }
    }
}
