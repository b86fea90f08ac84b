//! The program as a user runs it.

mod binary;

mod bad_input;
mod cli;
mod data;
mod device;
mod doctor;
mod eval;
mod filter;
mod report;
#[cfg(unix)]
mod verifiers;
mod watch;
