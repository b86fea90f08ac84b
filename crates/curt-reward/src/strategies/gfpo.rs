//! `gfpo`: train only on the best few of a group.

use crate::parameters::Parameter;
use crate::registry::Entry;
use crate::statistics::verdict;
use crate::{Parameters, RewardError, RewardStrategy, Rollout, Shaped, StepContext, check_group};

pub(crate) static ENTRY: Entry = Entry {
    name: "gfpo",
    parameters: &[
        Parameter::number("keep", 4.0, "rollouts of a group that are kept: k"),
        Parameter::word("by", "length", "which are best: the shortest by `length`, or by reward per token: `token_efficiency`"),
    ],
    build: |given| Ok(Box::new(Gfpo::new(given)?)),
};

/// **R = c**, and only the k best rollouts of a group are kept: the shortest, or those of the highest c/L; the others are
/// masked, out of the statistics too (GFPO, arXiv 2508.09726).
///
/// - `keep`, k ≥ 1: 4; the paper has k ≤ 8 of 8, 16 or 24, and k/N is its knob for length. `by`: `length`.
/// - The paper's adaptive k, from a running sketch of group difficulty, is left out.
/// - Degenerate: a group of k or fewer is kept whole. Equal keys are kept in the order of the group, so equal rollouts can
///   fare differently. No length counts as 1 token in c/L. What is kept can lack a right rollout where the group has one.
/// - Keeps: what is kept has its plain reward, so no right one is below the mean; scaling lengths changes nothing. Breaks:
///   the order of the group matters among ties.
/// - The paper gives masked rollouts the advantage 0 and lets their tokens count in the denominator of the loss; here they do
///   not count at all, like everything masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gfpo {
    keep: usize,
    by: Key,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Length,
    TokenEfficiency,
}

impl Gfpo {
    /// The strategy with these parameters.
    ///
    /// # Errors
    /// An unknown parameter, one out of its range.
    pub fn new(given: &Parameters) -> Result<Self, RewardError> {
        let read = ENTRY.reading(given)?;
        let words = [("length", Key::Length), ("token_efficiency", Key::TokenEfficiency)];
        Ok(Self { by: read.word("by", &words, "`length` or `token_efficiency`")?, keep: read.length("keep")? as usize })
    }

    /// A number that is smaller for the better of two rollouts; `row` decides where they are equally good.
    fn rank(&self, rollout: &Rollout, row: usize) -> u128 {
        let worse = match self.by {
            Key::Length => u64::from(rollout.length),
            // the bits of numbers from 0 on are in the order of the numbers
            Key::TokenEfficiency => !(verdict(rollout) / f64::from(rollout.length.max(1))).to_bits(),
        };
        u128::from(worse) << u64::BITS | row as u128
    }
}

impl RewardStrategy for Gfpo {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        check_group(self.needs(), ctx, group, out.len())?;
        let mut ranks: Vec<u128> = group.iter().enumerate().map(|(row, rollout)| self.rank(rollout, row)).collect();
        let first_left = if self.keep < ranks.len() { *ranks.select_nth_unstable(self.keep).1 } else { u128::MAX };
        for (row, (rollout, shaped)) in group.iter().zip(out).enumerate() {
            let is_kept = self.rank(rollout, row) < first_left;
            let total = if is_kept { verdict(rollout) } else { 0.0 };
            shaped.set(total, [("correctness", total)]);
            (shaped.in_statistics, shaped.in_loss) = (is_kept, is_kept);
        }
        Ok(())
    }
}
