//! `none`: every group.

use crate::{Admission, Gate, GateFacts};

/// Keeps **every group**. Those without spread get zero advantages and still count in the normalizer of the loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoGate;

impl Gate for NoGate {
    fn name(&self) -> &'static str {
        "none"
    }

    fn admit(&self, _group: &GateFacts<'_>) -> Admission {
        Admission::Kept
    }
}
