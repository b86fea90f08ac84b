//! Systems without the namespaces that isolation needs: nothing is run.

use super::{Interpreter, Job, Limits, Run, Unavailable};

/// Cannot be made here.
pub struct Sandbox(std::convert::Infallible);

impl Sandbox {
    /// Always an error.
    pub fn prepare(_: &Interpreter, _: &Limits) -> Result<Self, Unavailable> {
        Err(Unavailable("code can be judged on Linux only, with bubblewrap".to_owned()))
    }

    /// Never called.
    pub fn start(&self, _: Job<'_>) -> Result<Run, Unavailable> {
        match self.0 {}
    }
}
