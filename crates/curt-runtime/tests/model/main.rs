//! The whole model on the CPU. One program, because each would compile the model anew.

#[path = "../random_model/mod.rs"]
mod random_model;

mod generate;
mod gradients;
mod long_context;
mod one_forward;
mod one_forward_large;
mod reference_policy;
mod training;
