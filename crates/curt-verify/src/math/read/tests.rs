//! What is read as what.
