//! Values known by hand, simulations and every kind of bad input. One program, because each takes seconds to build.

mod random;

mod attempt_log;
mod bad_input;
mod early_stop;
mod gates;
mod pass_rate;
mod posterior;
mod samplers;
mod signal;
