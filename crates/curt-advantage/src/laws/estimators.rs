//! Laws of estimators.

use super::{LawResult, holds, refused};
use crate::{AdvantageEstimator, Credit, RewardGroup};

/// How far two advantages of different order of summation may differ.
const ROUNDING: f64 = 1e-9;

fn credits(
    estimator: &dyn AdvantageEstimator,
    groups: &[RewardGroup],
) -> Result<Vec<Vec<Credit>>, proptest::test_runner::TestCaseError> {
    estimator.estimate(groups).map_err(refused)
}

/// The advantages of a rollout: one, or one per token.
fn numbers(credit: &Credit) -> &[f64] {
    match credit {
        Credit::Sequence(advantage) => std::slice::from_ref(advantage),
        Credit::Tokens(advantages) => advantages,
    }
}

fn close(a: &Credit, b: &Credit, factor: f64, tolerance: f64) -> bool {
    let (a, b) = (numbers(a), numbers(b));
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a * factor - b).abs() <= tolerance * (1.0 + b.abs()))
}

fn all_close(a: &[Vec<Credit>], b: &[Vec<Credit>], factor: f64, tolerance: f64) -> LawResult {
    let pairs = || a.iter().zip(b).enumerate().flat_map(|(g, (a, b))| a.iter().zip(b).enumerate().map(move |(i, p)| (g, i, p)));
    let same_shape = a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.len() == b.len());
    let worst = pairs().find(|(_, _, (a, b))| !close(a, b, factor, tolerance));
    holds(same_shape && worst.is_none(), || format!("another number of credits, or (group, row, (this, that)) {worst:?}"))
}

/// I1: rotating the rows of every group by `turn` rotates the credits.
pub fn permutation_equivariant(estimator: &dyn AdvantageEstimator, groups: &[RewardGroup], turn: usize) -> LawResult {
    let mut turned = groups.to_vec();
    for group in &mut turned {
        let by = turn % group.rewards.len();
        group.rewards.rotate_left(by);
        group.in_statistics.rotate_left(by);
        group.in_loss.rotate_left(by);
        group.lengths.rotate_left(by);
        group.parts.iter_mut().for_each(|(_, values)| values.rotate_left(by));
        if !group.tokens.is_empty() {
            group.tokens.rotate_left(by);
        }
    }
    let mut expected = credits(estimator, groups)?;
    for group in &mut expected {
        let by = turn % group.len();
        group.rotate_left(by);
    }
    all_close(&expected, &credits(estimator, &turned)?, 1.0, ROUNDING)
}

/// I11: a rollout copied over another, mask and all, gets the same credit, bit for bit. `from` and `to` are taken modulo
/// the size of each group.
pub fn equal_rows_are_equal(estimator: &dyn AdvantageEstimator, groups: &[RewardGroup], from: usize, to: usize) -> LawResult {
    let mut copied = groups.to_vec();
    for group in &mut copied {
        let (from, to) = (from % group.rewards.len(), to % group.rewards.len());
        group.rewards[to] = group.rewards[from];
        group.in_statistics[to] = group.in_statistics[from];
        group.in_loss[to] = group.in_loss[from];
        group.lengths[to] = group.lengths[from];
        group.parts.iter_mut().for_each(|(_, values)| values[to] = values[from]);
        if !group.tokens.is_empty() {
            group.tokens[to] = group.tokens[from].clone();
        }
    }
    for (group, credits) in copied.iter().zip(credits(estimator, &copied)?) {
        let (from, to) = (&credits[from % group.rewards.len()], &credits[to % group.rewards.len()]);
        holds(from == to, || format!("{from:?} and {to:?}"))?;
    }
    Ok(())
}

/// The groups with nothing masked after the statistics, which would be missing from a sum.
fn without_zeroed(groups: &[RewardGroup]) -> Vec<RewardGroup> {
    let mut groups = groups.to_vec();
    groups.iter_mut().for_each(|group| group.in_loss.clone_from(&group.in_statistics));
    groups
}

/// I4: the advantages of the counted rollouts of a group sum to 0.
pub fn sums_to_zero(estimator: &dyn AdvantageEstimator, groups: &[RewardGroup]) -> LawResult {
    for credits in credits(estimator, &without_zeroed(groups))? {
        let all = || credits.iter().flat_map(numbers);
        let (sum, largest) = (all().sum::<f64>(), all().fold(1.0, |m: f64, a| m.max(a.abs())));
        holds(sum.abs() <= ROUNDING * largest, || format!("sum {sum} of {credits:?}"))?;
    }
    Ok(())
}

/// The advantages of all tokens of the batch sum to 0: a rollout of L tokens with one advantage counts L times.
pub fn token_sum_is_zero(estimator: &dyn AdvantageEstimator, groups: &[RewardGroup]) -> LawResult {
    let groups = without_zeroed(groups);
    let credits = credits(estimator, &groups)?;
    let token_sum = |(credit, length): (&Credit, &u32)| match credit {
        Credit::Sequence(advantage) => advantage * f64::from(*length),
        Credit::Tokens(advantages) => advantages.iter().sum(),
    };
    let sum: f64 = credits.iter().zip(&groups).flat_map(|(c, g)| c.iter().zip(&g.lengths)).map(token_sum).sum();
    let tokens: f64 = groups.iter().flat_map(|group| &group.lengths).map(|&length| f64::from(length)).sum();
    holds(sum.abs() <= ROUNDING * tokens.max(1.0), || format!("sum {sum} over {tokens} tokens"))
}

fn shifted(groups: &[RewardGroup], shift: impl Fn(usize) -> f64) -> Vec<RewardGroup> {
    let mut groups = groups.to_vec();
    for (g, group) in groups.iter_mut().enumerate() {
        group.rewards.iter_mut().for_each(|reward| *reward += shift(g));
        if let Some((_, values)) = group.parts.first_mut() {
            values.iter_mut().for_each(|value| *value += shift(g));
        }
    }
    groups
}

/// I5: a constant added to all rewards of a group, another in each group, changes nothing. (It is added to the first part as
/// well.) `shift` should lose no digit of the rewards.
pub fn shift_invariant(estimator: &dyn AdvantageEstimator, groups: &[RewardGroup], shift: f64) -> LawResult {
    let other = shifted(groups, |g| shift * (1 + g) as f64);
    all_close(&credits(estimator, groups)?, &credits(estimator, &other)?, 1.0, ROUNDING)
}

/// I5 for the batch: one constant added to all rewards of all groups changes nothing.
pub fn batch_shift_invariant(estimator: &dyn AdvantageEstimator, groups: &[RewardGroup], shift: f64) -> LawResult {
    all_close(&credits(estimator, groups)?, &credits(estimator, &shifted(groups, |_| shift))?, 1.0, ROUNDING)
}

fn scaled(groups: &[RewardGroup], factor: f64) -> Vec<RewardGroup> {
    let mut groups = groups.to_vec();
    for group in &mut groups {
        group.rewards.iter_mut().for_each(|reward| *reward *= factor);
        group.parts.iter_mut().flat_map(|(_, values)| values).for_each(|value| *value *= factor);
    }
    groups
}

/// I6: all rewards times `factor` > 0 changes nothing. Try it with ε = 0.
pub fn scale_invariant(estimator: &dyn AdvantageEstimator, groups: &[RewardGroup], factor: f64) -> LawResult {
    all_close(&credits(estimator, groups)?, &credits(estimator, &scaled(groups, factor))?, 1.0, ROUNDING)
}

/// All rewards times `factor` > 0 gives all advantages times `factor`.
pub fn scale_equivariant(estimator: &dyn AdvantageEstimator, groups: &[RewardGroup], factor: f64) -> LawResult {
    all_close(&credits(estimator, groups)?, &credits(estimator, &scaled(groups, factor))?, factor, ROUNDING)
}

/// I7: rollouts that are not trained on get exactly 0, and what is out of the statistics changes nobody by its reward,
/// parts, length or tokens, whatever they are (`other` is put in their place).
pub fn masked_rows_change_nobody(estimator: &dyn AdvantageEstimator, groups: &[RewardGroup], other: f64) -> LawResult {
    let mut changed = groups.to_vec();
    for group in &mut changed {
        for row in (0..group.rewards.len()).filter(|&row| !group.in_statistics[row]).collect::<Vec<_>>() {
            (group.rewards[row], group.lengths[row]) = (other, 3);
            group.parts.iter_mut().for_each(|(_, values)| values[row] = other);
            if let Some(tokens) = group.tokens.get_mut(row) {
                (tokens.logprobs, tokens.sum_p2) = (vec![-0.5; 3], vec![0.5; 3]);
            }
        }
    }
    let (before, after) = (credits(estimator, groups)?, credits(estimator, &changed)?);
    holds(before == after, || format!("{before:?} and {after:?}"))?;
    for (group, credits) in groups.iter().zip(&before) {
        let row = (0..credits.len()).find(|&row| !group.is_trained(row) && numbers(&credits[row]).iter().any(|a| *a != 0.0));
        holds(row.is_none(), || format!("row {row:?} is masked and credited: {credits:?}"))?;
    }
    Ok(())
}

/// I8: a group whose rewards, and parts, are all equal gets exactly 0, beside whatever other groups. (Group `index`, modulo
/// their number, is made flat.)
pub fn flat_groups_are_zero(estimator: &dyn AdvantageEstimator, groups: &[RewardGroup], index: usize) -> LawResult {
    let mut groups = groups.to_vec();
    let index = index % groups.len();
    let flat = &mut groups[index];
    flat.rewards.fill(0.3); // a mean of 0.3 is not 0.3, for some sizes
    flat.parts.iter_mut().for_each(|(_, values)| values.fill(0.3));
    let found = &credits(estimator, &groups)?[index];
    holds(found.iter().flat_map(numbers).all(|advantage| advantage.to_bits() == 0), || format!("{found:?}"))
}

/// Of two rollouts of a group that are trained on, and have tokens to train on, the one with the larger reward gets no less;
/// for estimators with one advantage per rollout.
pub fn larger_rewards_get_no_less(estimator: &dyn AdvantageEstimator, groups: &[RewardGroup]) -> LawResult {
    for (group, credits) in groups.iter().zip(credits(estimator, groups)?) {
        let rows: Vec<usize> = (0..credits.len()).filter(|&row| group.is_trained(row) && group.lengths[row] > 0).collect();
        for (&i, &j) in rows.iter().flat_map(|i| rows.iter().map(move |j| (i, j))) {
            let both = (&credits[i], &credits[j]);
            let (Credit::Sequence(a), Credit::Sequence(b)) = both else {
                return holds(false, || "advantages of tokens".to_owned());
            };
            let (r, s) = (group.rewards[i], group.rewards[j]);
            holds(r > s || a <= b, || format!("reward {r} got {a}, reward {s} got {b}"))?;
        }
    }
    Ok(())
}

/// |A| ≤ (N − 1)/√N, with N counted rollouts: the largest that a lone reward among equal ones can get from its group's own
/// deviation.
pub fn bounded_by_group_size(estimator: &dyn AdvantageEstimator, groups: &[RewardGroup]) -> LawResult {
    for (group, credits) in groups.iter().zip(credits(estimator, groups)?) {
        let n = group.counted().count().max(1) as f64;
        let bound = (n - 1.0) / n.sqrt() + ROUNDING;
        holds(credits.iter().flat_map(numbers).all(|a| a.abs() <= bound), || format!("{credits:?} above {bound}"))?;
    }
    Ok(())
}

/// I9: finite rewards get finite advantages.
pub fn finite(estimator: &dyn AdvantageEstimator, groups: &[RewardGroup]) -> LawResult {
    let found = credits(estimator, groups)?;
    holds(found.iter().flatten().flat_map(numbers).all(|a| a.is_finite()), || format!("{found:?}"))
}

/// The advantages of [`Grpo`](crate::Grpo) for k rewards of 1 and n − k of 0 as ε → 0:
/// A⁺ = √((n−k)(n−1)/(kn)) and A⁻ = −√(k(n−1)/((n−k)n)); `None` where k is 0 or n, and both are 0.
pub fn closed_form(k: usize, n: usize) -> Option<(f64, f64)> {
    if k == 0 || k >= n {
        return None;
    }
    let (k, n) = (k as f64, n as f64);
    Some((((n - k) * (n - 1.0) / (k * n)).sqrt(), -(k * (n - 1.0) / ((n - k) * n)).sqrt()))
}
