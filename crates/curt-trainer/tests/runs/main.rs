//! Whole runs of the embedded model.

mod evaluations;
mod every_strategy;
mod reference;
mod same_run;
