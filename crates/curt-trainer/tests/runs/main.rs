//! Whole runs of the embedded model.

mod alarms;
mod evaluations;
mod every_strategy;
mod reference;
mod refill;
mod same_run;
