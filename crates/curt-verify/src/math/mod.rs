//! Mathematics: reading answers and deciding whether two say the same.

mod expression;
