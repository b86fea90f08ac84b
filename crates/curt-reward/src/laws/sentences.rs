//! The laws, each as a check of one case.

use super::{Case, Law};
use crate::{RewardStrategy, Rollout, Shaped, StepContext};

/// Rewards of a group, from outputs that hold something else before.
pub(super) fn shape(strategy: &dyn RewardStrategy, ctx: &StepContext, group: &[Rollout]) -> Result<Vec<Shaped>, String> {
    let dirty = Shaped { total: 7.0, parts: vec![("old", 7.0)], in_statistics: false, in_loss: false, cut_at: Some(3) };
    let mut out = vec![dirty; group.len()];
    strategy.shape(ctx, group, &mut out).map_err(|error| format!("refused: {error}"))?;
    Ok(out)
}

fn of(strategy: &dyn RewardStrategy, case: &Case) -> Result<Vec<Shaped>, String> {
    shape(strategy, &case.ctx, &case.group)
}

/// Rounding that rewards of this size may have.
fn slack(shaped: &[Shaped]) -> f64 {
    1e-9 * shaped.iter().fold(1.0_f64, |most, s| most.max(s.total.abs()))
}

fn differ(a: &Shaped, b: &Shaped, slack: f64) -> bool {
    let masks = |s: &Shaped| (s.in_statistics, s.in_loss, s.cut_at.is_some());
    masks(a) != masks(b) || (a.total - b.total).abs() > slack
}

/// The first pair (better, worse) of rows with `is_pair` whose rewards are not in that order.
fn pair(
    case: &Case,
    shaped: &[Shaped],
    is_pair: impl Fn(&Rollout, &Rollout) -> bool,
    is_ordered: impl Fn(f64, f64) -> bool,
) -> Result<(), String> {
    let rows: Vec<usize> = (0..shaped.len()).filter(|&row| shaped[row].in_loss).collect();
    for &i in &rows {
        for &j in &rows {
            let (better, worse) = (shaped[i].total, shaped[j].total);
            if is_pair(&case.group[i], &case.group[j]) && !is_ordered(better, worse) {
                return Err(format!("row {i} gets {better}, row {j} gets {worse}"));
            }
        }
    }
    Ok(())
}

pub(super) const ORDER: Law = Law {
    name: "order_is_irrelevant",
    says: "the order of a group changes nothing",
    check: |strategy, case| {
        let n = case.group.len();
        let mut order: Vec<usize> = (0..n).collect();
        order.rotate_left((case.choice % n as u64) as usize);
        order.swap(0, (case.choice / 31 % n as u64) as usize);
        let moved: Vec<Rollout> = order.iter().map(|&row| case.group[row]).collect();
        let (here, there) = (of(strategy, case)?, shape(strategy, &case.ctx, &moved)?);
        let slack = slack(&here);
        match order.iter().enumerate().find(|(place, row)| differ(&here[**row], &there[*place], slack)) {
            None => Ok(()),
            Some((place, row)) => Err(format!("row {row} gets {:?}, and as row {place} {:?}", here[*row], there[place])),
        }
    },
};

pub(super) const EQUALS: Law = Law {
    name: "equals_get_equal",
    says: "equal rollouts get equal rewards and masks",
    check: |strategy, case| {
        let shaped = of(strategy, case)?;
        let slack = slack(&shaped);
        for (i, a) in case.group.iter().enumerate() {
            if let Some(j) = (0..i).find(|&j| case.group[j] == *a && differ(&shaped[i], &shaped[j], slack)) {
                return Err(format!("row {j} gets {:?}, row {i} {:?}", shaped[j], shaped[i]));
            }
        }
        Ok(())
    },
};

pub(super) const FINITE: Law = Law {
    name: "always_finite",
    says: "rewards are finite for all lengths",
    check: |strategy, case| {
        let extremes = [0, 1, u32::MAX - 1, u32::MAX];
        let extreme = |(row, rollout): (usize, &Rollout)| Rollout {
            length: extremes[(case.choice >> (2 * row)) as usize & 3],
            answer_length: Some(0),
            ..*rollout
        };
        let group: Vec<Rollout> = case.group.iter().enumerate().map(extreme).collect();
        let ctx = StepContext { max_completion_length: None, ..case.ctx };
        for shaped in [of(strategy, case)?, shape(strategy, &ctx, &group)?] {
            let is_finite = |s: &Shaped| s.total.is_finite() && s.parts.iter().all(|part| part.1.is_finite());
            if let Some(row) = shaped.iter().position(|s| !is_finite(s)) {
                return Err(format!("row {row} gets {:?}", shaped[row]));
            }
        }
        Ok(())
    },
};

pub(super) const CONSISTENT: Law = Law {
    name: "parts_and_masks_agree",
    says: "parts sum to the total, and masks fit together",
    check: |strategy, case| {
        let shaped = of(strategy, case)?;
        let slack = slack(&shaped);
        let is_consistent = |s: &Shaped| {
            let sum: f64 = s.parts.iter().map(|part| part.1).sum();
            (sum - s.total).abs() <= slack && (s.in_statistics || !s.in_loss) && (s.in_loss || s.total == 0.0)
        };
        match shaped.iter().position(|s| !is_consistent(s)) {
            None => Ok(()),
            Some(row) => Err(format!("row {row} gets {:?}", shaped[row])),
        }
    },
};

pub(super) const PURE: Law = Law {
    name: "shaping_is_pure",
    says: "the same group gives the same bits again",
    check: |strategy, case| {
        let mut out = of(strategy, case)?;
        let before = out.clone();
        strategy.shape(&case.ctx, &case.group, &mut out).map_err(|error| format!("refused: {error}"))?;
        if out == before { Ok(()) } else { Err(format!("first {before:?}, then {out:?}")) }
    },
};

pub(super) const LONGER: Law = Law {
    name: "longer_is_no_better",
    says: "among right rollouts of a group, a longer one never gets more",
    check: |strategy, case| {
        let shaped = of(strategy, case)?;
        let slack = slack(&shaped);
        let is_pair = |a: &Rollout, b: &Rollout| a.correct && b.correct && a.length < b.length;
        pair(case, &shaped, is_pair, |short, long| short >= long - slack)
    },
};

pub(super) const ABOVE: Law = Law {
    name: "right_above_wrong",
    says: "every right rollout gets more than every wrong one",
    check: |strategy, case| pair(case, &of(strategy, case)?, |a, b| a.correct && !b.correct, |right, wrong| right > wrong),
};

pub(super) const NOT_BELOW: Law = Law {
    name: "right_not_below_wrong",
    says: "no right rollout gets less than a wrong one",
    check: |strategy, case| {
        let shaped = of(strategy, case)?;
        let slack = slack(&shaped);
        pair(case, &shaped, |a, b| a.correct && !b.correct, |right, wrong| right >= wrong - slack)
    },
};

pub(super) const MEAN: Law = Law {
    name: "no_right_below_mean",
    says: "no right rollout gets less than the mean of its group",
    check: |strategy, case| {
        let shaped = of(strategy, case)?;
        let counted: Vec<f64> = shaped.iter().filter(|s| s.in_statistics).map(|s| s.total).collect();
        let (mean, slack) = (counted.iter().sum::<f64>() / counted.len().max(1) as f64, slack(&shaped));
        let is_below = |row: &usize| case.group[*row].correct && shaped[*row].in_loss && shaped[*row].total < mean - slack;
        match (0..shaped.len()).find(is_below) {
            None => Ok(()),
            Some(row) => Err(format!("row {row} gets {}, the mean is {mean}", shaped[row].total)),
        }
    },
};

pub(super) const SILENT: Law = Law {
    name: "silent_without_right",
    says: "a group without a right rollout is flat",
    check: |strategy, case| {
        let group: Vec<Rollout> = case.group.iter().map(|rollout| Rollout { correct: false, ..*rollout }).collect();
        let shaped = shape(strategy, &case.ctx, &group)?;
        let mut counted = shaped.iter().filter(|s| s.in_statistics).map(|s| s.total);
        let Some(first) = counted.next() else { return Ok(()) };
        match counted.find(|total| (total - first).abs() > slack(&shaped)) {
            None => Ok(()),
            Some(other) => Err(format!("all wrong, and yet {first} and {other}")),
        }
    },
};

/// Beside a deviation there is often a small constant in tokens, which does not scale.
const SCALE_SLACK: f64 = 1e-4;

pub(super) const SCALE: Law = Law {
    name: "scale_is_irrelevant",
    says: "multiplying all lengths, with budgets, references and limit, changes nothing",
    check: |strategy, case| {
        let by = 2 + (case.choice % 4) as u32;
        let scaled = |rollout: &Rollout| Rollout {
            length: by * rollout.length,
            answer_length: rollout.answer_length.map(|tokens| by * tokens),
            budget: rollout.budget.map(|tokens| by * tokens),
            reference: rollout.reference.map(|r| crate::Reference { mean_length: f64::from(by) * r.mean_length, ..r }),
            ..*rollout
        };
        let group: Vec<Rollout> = case.group.iter().map(scaled).collect();
        let ctx = StepContext { max_completion_length: case.ctx.max_completion_length.map(|limit| by * limit), ..case.ctx };
        let (here, there) = (of(strategy, case)?, shape(strategy, &ctx, &group)?);
        match (0..here.len()).find(|&row| differ(&here[row], &there[row], SCALE_SLACK)) {
            None => Ok(()),
            Some(row) => Err(format!("row {row} gets {}, and {} at {by} times the length", here[row].total, there[row].total)),
        }
    },
};

pub(super) const EXCLUDED: Law = Law {
    name: "excluded_are_irrelevant",
    says: "without what is excluded, the others get the same",
    check: |strategy, case| {
        let shaped = of(strategy, case)?;
        let kept: Vec<usize> = (0..shaped.len()).filter(|&row| shaped[row].in_statistics || shaped[row].in_loss).collect();
        if kept.is_empty() {
            return Ok(());
        }
        let group: Vec<Rollout> = kept.iter().map(|&row| case.group[row]).collect();
        let alone = shape(strategy, &case.ctx, &group)?;
        let slack = slack(&shaped);
        match kept.iter().zip(&alone).find(|(row, alone)| differ(&shaped[**row], alone, slack)) {
            None => Ok(()),
            Some((row, alone)) => Err(format!("row {row} gets {}, and {} without the excluded", shaped[*row].total, alone.total)),
        }
    },
};

pub(super) const SIGNS: Law = Law {
    name: "reweighting_keeps_signs",
    says: "reweighting leaves every advantage its sign",
    check: |strategy, case| {
        // −3 to 4, 0 among them, from the bits of the choice
        let drawn: Vec<f64> =
            (0..case.group.len()).map(|row| (case.choice.rotate_right(3 * row as u32) & 7) as f64 - 3.0).collect();
        let mut advantages = drawn.clone();
        strategy.reweight(&mut advantages, &case.group);
        if !strategy.reweights() && advantages != drawn {
            return Err(format!("`reweights` denies it, and yet {drawn:?} became {advantages:?}"));
        }
        let sign = |x: f64| (x > 0.0, x < 0.0);
        match (0..drawn.len()).find(|&row| !advantages[row].is_finite() || sign(drawn[row]) != sign(advantages[row])) {
            None => Ok(()),
            Some(row) => Err(format!("row {row}: {} became {}", drawn[row], advantages[row])),
        }
    },
};

/// All laws of one group, in the order of the table.
pub const ALL: &[Law] =
    &[ORDER, EQUALS, FINITE, CONSISTENT, PURE, LONGER, ABOVE, NOT_BELOW, MEAN, SILENT, SCALE, EXCLUDED, SIGNS];
