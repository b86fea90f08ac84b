//! Values known by hand, laws of single formulas and every kind of bad input. One program, because each takes seconds to build.

mod bad_input;
mod clip;
mod estimators;
mod grpo;
mod importance;
mod objectives;
