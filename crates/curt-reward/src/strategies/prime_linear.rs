//! `prime_linear`: a bounded price per token that grows with the mean reward of the group.

use crate::parameters::{AT_LEAST_0, Parameter};
use crate::registry::Entry;
use crate::statistics::{fill_beside_verdict, least_and_most, lengths, pass_rate};
use crate::{Parameters, RewardError, RewardStrategy, Rollout, Shaped, StepContext, check_group};

pub(crate) static ENTRY: Entry = Entry {
    name: "prime_linear",
    parameters: &[Parameter::number("weight", 0.25, "price of the group's longest rollout on a problem that is always solved")],
    build: |given| Ok(Box::new(PrimeLinear::new(given)?)),
};

/// **R = c − p · w · L/L_max** (the linear length penalty of prime-rl).
///
/// - p: mean plain reward of the group, here its share of right ones. L_max: tokens of the longest rollout of the group.
///   `weight`, w ≥ 0: 0.25, prime-rl's weight of output tokens.
/// - prime-rl adds 0.1 for input tokens and 0.1 for turns, each over the greatest of the group. All rollouts of a group here
///   have one prompt and one turn, so the two add the same to each and leave every advantage as it is; they are left out.
/// - Degenerate: L_max = 0 has no length term. A group without a right rollout is flat. One rollout pays p·w.
/// - Keeps: falls with L, among wrong ones too; every right one above every wrong one iff w < 1; scaling lengths changes
///   nothing. Breaks: a long right rollout can be below the mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PrimeLinear {
    weight: f64,
}

impl PrimeLinear {
    /// The strategy with these parameters.
    ///
    /// # Errors
    /// An unknown parameter, one out of its range.
    pub fn new(given: &Parameters) -> Result<Self, RewardError> {
        Ok(Self { weight: ENTRY.reading(given)?.number("weight", AT_LEAST_0)? })
    }
}

impl RewardStrategy for PrimeLinear {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        check_group(self.needs(), ctx, group, out.len())?;
        let (_, longest) = least_and_most(lengths(group)).unwrap_or_default();
        // where the longest has no length, no rollout has any
        let price = self.weight * pass_rate(group) / longest.max(1.0);
        fill_beside_verdict(group, out, |rollout| -price * f64::from(rollout.length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ProblemKey;

    /// The longest pays p·w whatever its length is, down to one token; without tokens nothing is paid.
    #[test]
    fn the_longest_pays_the_price_of_the_group() {
        for (longest, expected) in [(0, 0.0), (1, -0.25), (2, -0.25), (3, -0.25)] {
            let group = [Rollout::new(ProblemKey(1), true, longest), Rollout::new(ProblemKey(1), true, 0)];
            let mut out = vec![Shaped::default(); 2];
            let prime = PrimeLinear::new(&Parameters::new()).unwrap();
            prime.shape(&StepContext::default(), &group, &mut out).unwrap();
            assert_eq!((out[0].total, out[1].total), (1.0 + expected, 1.0), "{longest}");
        }
    }
}
