//! `uniform`: shuffled epochs.

use crate::random::epoch_order;
use crate::{DifficultyError, Randomness, Sampler, Turn};

/// Walks the data set in **shuffled epochs**: each problem once per epoch, in a new order each time. It remembers nothing: the
/// place in the walk is the number of problems drawn before.
///
/// A step in which an epoch ends may draw a problem twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uniform {
    n: usize,
}

impl Uniform {
    /// Over `n` problems.
    ///
    /// # Errors
    /// No problems.
    pub fn new(n: usize) -> Result<Self, DifficultyError> {
        if n == 0 { Err(DifficultyError::NoProblems) } else { Ok(Self { n }) }
    }
}

impl Sampler for Uniform {
    fn name(&self) -> &'static str {
        "uniform"
    }

    fn draw(&self, turn: Turn, count: usize, random: &Randomness<'_>) -> Vec<usize> {
        let n = self.n as u64;
        let mut drawn = Vec::with_capacity(count);
        let (mut epoch, mut place) = (turn.drawn / n, (turn.drawn % n) as usize);
        while drawn.len() < count {
            let order = epoch_order(random, epoch, self.n);
            drawn.extend(order[place..].iter().take(count - drawn.len()));
            (epoch, place) = (epoch + 1, 0);
        }
        drawn
    }

    fn metrics(&self, turn: Turn) -> Vec<(&'static str, f64)> {
        vec![("epoch", turn.drawn as f64 / self.n as f64)]
    }
}
