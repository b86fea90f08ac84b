//! Mathematics: reading answers and deciding whether two say the same.

mod braces;
pub mod equal;
pub mod expression;
pub mod extract;
pub mod read;
#[cfg(test)]
mod tests;
mod verifier;

pub use equal::{Judgement, Options, judge};
pub use expression::Expression;
pub use extract::{ExtractOptions, Extracted, Found, extract};
pub use read::{ReadOptions, Reason, Unreadable, read};
pub use verifier::{Math, equivalent};
