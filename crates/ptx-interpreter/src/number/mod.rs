//! Arithmetic as the PTX manual defines it, on bits that stand zero-extended in a u64.

pub mod float;
pub mod half;
pub mod integer;
pub mod round;
