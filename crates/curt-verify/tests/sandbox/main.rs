//! Verifiers that run other programs.

mod code;
mod command;
mod escape;
