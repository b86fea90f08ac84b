//! The whole model. One program, because each would compile the model anew, and because only one test at a time has the stand-in
//! for a GPU.

mod random_model;

mod cuda;
mod generate;
mod gradients;
mod long_context;
mod one_forward;
mod one_forward_large;
mod reference_policy;
mod training;
