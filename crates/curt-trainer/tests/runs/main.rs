//! Whole runs of the embedded model.

mod alarms;
mod every_strategy;
mod reference;
mod same_run;
