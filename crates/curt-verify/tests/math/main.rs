//! Mathematics: what must hold of any answer, and what hostile ones must not do.

mod bad_input;
mod laws;
