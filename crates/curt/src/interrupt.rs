//! Ctrl-C: the first asks everything to finish cleanly, the second ends the process at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The exit code of an interrupted command.
pub const EXIT_CODE: u8 = 130;

/// Whether Ctrl-C (or a request to terminate) has come. Clones share the answer.
#[derive(Clone, Debug, Default)]
pub struct Interrupt {
    seen: Arc<AtomicBool>,
}

impl Interrupt {
    /// Starts to listen; where the system does not allow it, Ctrl-C ends the process as usual.
    pub fn listen() -> Self {
        let interrupt = Self::default();
        let seen = interrupt.seen.clone();
        let handler = move || {
            if seen.swap(true, Ordering::Relaxed) {
                std::process::exit(EXIT_CODE.into());
            }
        };
        if let Err(error) = ctrlc::set_handler(handler) {
            tracing::warn!("Ctrl-C will not save: {error}");
        }
        interrupt
    }

    /// True once it has come.
    pub fn came(&self) -> bool {
        self.seen.load(Ordering::Relaxed)
    }
}
