//! What each instruction does, and what is found wrong with kernels. One program, because each takes seconds to build.

mod harness;

mod convert;
mod faults;
mod float;
mod integer;
mod matrix;
mod memory;
mod synchronization;
mod tile_product;
mod warp;
