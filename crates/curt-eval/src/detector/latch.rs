//! Hysteresis: a condition counts only after it has held for a while, and ends only after it has clearly been left.

use serde::{Deserialize, Serialize};

/// What one step says of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Evidence {
    /// It holds.
    Holds,
    /// It is clearly left.
    Cleared,
    /// Between the two, or not to be told.
    Neither,
}

/// A condition that switches on after `patience` steps in a row for it, and off after as many against it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Latch {
    on: bool,
    /// Steps in a row that speak for switching.
    count: u32,
    /// The first of the steps in a row that switched it on, or may.
    since: u32,
}

impl Latch {
    pub fn is_on(&self) -> bool {
        self.on
    }

    /// The first step of those in a row that switched it on.
    pub fn since(&self) -> u32 {
        self.since
    }

    /// Takes in a step; true if it switches the latch on.
    pub fn observe(&mut self, step: u32, evidence: Evidence, patience: u32) -> bool {
        let wanted = if self.on { Evidence::Cleared } else { Evidence::Holds };
        if evidence != wanted {
            self.count = 0;
            return false;
        }
        if self.count == 0 && !self.on {
            self.since = step;
        }
        self.count += 1;
        if self.count < patience {
            return false;
        }
        self.on = !self.on;
        self.count = 0;
        self.on
    }
}

#[cfg(test)]
mod tests {
    use super::Evidence::{Cleared, Holds, Neither};
    use super::*;

    #[test]
    fn a_latch_needs_patience_both_ways() {
        let mut latch = Latch::default();
        let steps = [Holds, Holds, Neither, Holds, Holds, Holds, Neither, Cleared, Holds, Cleared, Cleared, Cleared, Holds];
        let on: Vec<(bool, bool)> =
            (1..).zip(steps).map(|(step, evidence)| (latch.observe(step, evidence, 3), latch.is_on())).collect();
        let expected = |step: usize| (step == 6, (6..12).contains(&step));
        assert_eq!(on, (1..=13).map(expected).collect::<Vec<_>>());
    }

    #[test]
    fn it_remembers_when_the_condition_began() {
        let mut latch = Latch::default();
        for (step, evidence) in [(1, Holds), (2, Cleared), (3, Holds), (4, Holds), (5, Neither), (6, Holds)] {
            latch.observe(step, evidence, 2);
        }
        assert_eq!((latch.is_on(), latch.since()), (true, 3));
    }
}
