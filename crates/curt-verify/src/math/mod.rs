//! Mathematics: reading answers and deciding whether two say the same.

pub mod equal;
pub mod expression;
pub mod read;
mod verifier;

pub use equal::{Judgement, Options, judge};
pub use expression::Expression;
pub use verifier::equivalent;
pub use read::{ReadOptions, Reason, Unreadable, read};
