//! Laws of gates.

use proptest::prelude::*;

use super::{LawResult, holds, refused};
use crate::{Admission, Gate, GateFacts};

/// The facts of one finished group.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupData {
    /// Verdicts.
    pub correct: Vec<bool>,
    /// Shaped rewards.
    pub rewards: Vec<f64>,
    /// Which count in the statistics.
    pub in_statistics: Vec<bool>,
}

/// Groups of 1 to 24 rollouts: rewards that often tie, rollouts that are masked, groups all right and all wrong.
pub fn groups() -> impl Strategy<Value = GroupData> {
    let reward = prop_oneof![Just(0.0), Just(1.0), Just(0.3), -2.0..2.0_f64];
    let rows = prop::collection::vec((any::<bool>(), reward, prop::bool::weighted(0.8)), 1..25);
    (rows, 0..6_u8).prop_map(|(rows, verdicts)| GroupData {
        correct: rows.iter().map(|row| if verdicts < 2 { verdicts == 0 } else { row.0 }).collect(),
        rewards: rows.iter().map(|row| row.1).collect(),
        in_statistics: rows.iter().map(|row| row.2).collect(),
    })
}

fn admit(gate: &dyn Gate, group: &GroupData) -> Result<Admission, TestCaseError> {
    Ok(gate.admit(&GateFacts::new(&group.correct, &group.rewards, &group.in_statistics).map_err(refused)?))
}

fn same(gate: &dyn Gate, before: &GroupData, after: &GroupData) -> LawResult {
    let (a, b) = (admit(gate, before)?, admit(gate, after)?);
    holds(a == b, || format!("{a:?}, and {b:?} for {after:?}"))
}

/// The order of the rollouts changes nothing. (They are turned by `turn` places and the first and last exchanged.)
pub fn order_is_irrelevant(gate: &dyn Gate, group: &GroupData, turn: usize) -> LawResult {
    let n = group.correct.len();
    let place = |row: usize| match (row + turn) % n {
        0 => n - 1,
        last if last == n - 1 => 0,
        other => other,
    };
    let turned = GroupData {
        correct: (0..n).map(|row| group.correct[place(row)]).collect(),
        rewards: (0..n).map(|row| group.rewards[place(row)]).collect(),
        in_statistics: (0..n).map(|row| group.in_statistics[place(row)]).collect(),
    };
    same(gate, group, &turned)
}

/// A group without a right answer is dropped, whatever its rewards: no signal without a right answer.
pub fn dropped_without_right(gate: &dyn Gate, group: &GroupData) -> LawResult {
    let wrong = GroupData { correct: vec![false; group.correct.len()], ..group.clone() };
    let admission = admit(gate, &wrong)?;
    holds(!admission.is_kept(), || format!("kept: {wrong:?}"))
}

/// A group whose counted rewards are all equal is dropped: its advantages are 0.
pub fn dropped_when_flat(gate: &dyn Gate, group: &GroupData) -> LawResult {
    let flat = GroupData { rewards: vec![0.3; group.rewards.len()], ..group.clone() };
    let admission = admit(gate, &flat)?;
    holds(!admission.is_kept(), || format!("kept: {flat:?}"))
}

/// The reason for a drop is true of the group.
pub fn reasons_are_true(gate: &dyn Gate, group: &GroupData) -> LawResult {
    let admission = admit(gate, group)?;
    let mut counted = group.rewards.iter().zip(&group.in_statistics).filter(|(_, counts)| **counts).map(|(reward, _)| reward);
    let first = counted.next();
    let is_true = match admission {
        Admission::Kept => true,
        Admission::AllWrong => !group.correct.contains(&true),
        Admission::AllCorrect => !group.correct.contains(&false),
        Admission::NoSpread => counted.all(|reward| Some(reward) == first),
        // a gate sees whole groups of graded rollouts only
        Admission::Ungradable | Admission::Screened | Admission::Surplus => false,
    };
    holds(is_true, || format!("{admission:?}"))
}

/// The rewards of rollouts that do not count change nothing.
pub fn masked_rewards_are_irrelevant(gate: &dyn Gate, group: &GroupData) -> LawResult {
    let change = |(reward, counts): (&f64, &bool)| if *counts { *reward } else { reward + 7.0 };
    let changed = GroupData { rewards: group.rewards.iter().zip(&group.in_statistics).map(change).collect(), ..group.clone() };
    same(gate, group, &changed)
}

/// Multiplying all rewards by 4, which rounds nothing, changes nothing.
pub fn scale_is_irrelevant(gate: &dyn Gate, group: &GroupData) -> LawResult {
    let scaled = GroupData { rewards: group.rewards.iter().map(|reward| 4.0 * reward).collect(), ..group.clone() };
    same(gate, group, &scaled)
}
