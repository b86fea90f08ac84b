//! The glue between the stages, on values computed by hand.

mod credit_and_pack;
mod evaluation;
mod metrics;
mod objectives;
mod refill;
mod scripted;
mod steps;
mod strategies;
mod table;
mod verifying;
