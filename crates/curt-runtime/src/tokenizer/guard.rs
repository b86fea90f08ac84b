//! Panics of the tokenizer library become errors: it panics on some files, when it loads them or only later.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is inside the tokenizer library, where a panic is an error of the file and will be returned as one.
///
/// For panic hooks, which run before: the `tokenizers` crate panics on some damaged files.
pub fn panic_is_damaged_tokenizer() -> bool {
    INSIDE.get()
}

/// What `call` returns; its error or its panic as a text.
pub(super) fn guarded<T>(call: impl FnOnce() -> tokenizers::Result<T>) -> Result<T, String> {
    INSIDE.set(true);
    // what a panic can leave half done in a tokenizer is its cache, which the library then goes without
    let result = catch_unwind(AssertUnwindSafe(call));
    INSIDE.set(false);
    match result {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(panic) => Err(format!("its parts do not work together: {}", message(&*panic))),
    }
}

/// What a panic said.
fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given")
}
