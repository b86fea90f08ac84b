//! Counted work, and the reasons for which an expression has no value.

use std::cell::Cell;

/// The largest exact number, in bits of its numerator and of its denominator.
pub const MAX_BITS: u64 = 1 << 15;

/// How deep a tree may be nested.
pub const MAX_DEPTH: usize = 160;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The steps are used up.
    Steps,
    /// A number of more than `MAX_BITS` bits, or a tree deeper than `MAX_DEPTH`.
    Size,
    /// Division by zero, the logarithm of zero and the like, or a point on a branch cut.
    Undefined,
    /// This arithmetic has no such operation.
    Unsupported,
    /// Terms cancel beyond the highest precision.
    Precision,
}

/// A value, or why there is none.
pub type Outcome<T> = Result<T, Obstacle>;

/// Steps that are left. A step is about as much work as an addition of small fractions (20 ns), whatever the clock says.
#[derive(Debug)]
pub struct Budget {
    left: Cell<u64>,
}

impl Budget {
    /// A budget of so many steps.
    pub fn new(steps: u64) -> Self {
        Budget { left: Cell::new(steps) }
    }

    /// Takes `steps` off. Error: [`Obstacle::Steps`] if there are fewer; nothing is left then.
    pub fn spend(&self, steps: u64) -> Outcome<()> {
        let left = self.left.get().checked_sub(steps);
        self.left.set(left.unwrap_or(0));
        left.map(|_| ()).ok_or(Obstacle::Steps)
    }

    /// Runs `work` with a quarter of what is left; what it takes is taken here.
    pub fn with_a_quarter<T>(&self, work: impl FnOnce(&Budget) -> Outcome<T>) -> Outcome<T> {
        let share = Budget::new(self.left.get() / 4);
        let given = share.left.get();
        let result = work(&share);
        self.left.set(self.left.get() - (given - share.left.get()));
        result
    }
}
