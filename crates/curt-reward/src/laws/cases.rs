//! Groups as they come out of training, and their edges.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde::{Deserialize, Serialize};

use crate::{ProblemKey, Reference, Rollout, StepContext};

/// What one law is tested on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// The step; its limit is the longest possible completion.
    pub ctx: StepContext,
    /// The group; every optional fact is there.
    pub group: Vec<Rollout>,
    /// For what a law chooses itself, such as an order.
    pub choice: u64,
}

/// Lengths around which groups are drawn, in tokens.
const CENTRES: [u32; 6] = [16, 64, 256, 1024, 4096, 16384];

/// Before the group is put together: where its length lies, verdict, share of the answer, repetition, was it cut.
type Row = (u8, f64, bool, f64, f64, bool);

fn row() -> impl Strategy<Value = Row> {
    let repetition = prop_oneof![3 => Just(0.0), 1 => Just(0.2), 1 => 0.0..1.0_f64];
    (0..10_u8, 0.0..1.0_f64, any::<bool>(), 0.0..1.0_f64, repetition, any::<bool>())
}

/// Cases for every law: 1 to 24 rollouts; lengths that often tie, and often lie at, just below and just above a centre; groups
/// all right, all wrong, of equal length, of short ones with one at the limit. What is cut has the length of the limit and is
/// seldom right. There are few problems, so that a memory of them is of use.
pub fn cases() -> impl Strategy<Value = Case> {
    let group = (0..CENTRES.len(), prop::collection::vec(row(), 1..=24), 0..8_u8, 0..8_u8);
    let facts = (0..4_u64, 0..300_u64, 0.0..1.0_f64, 0.0..2.0_f64, 0.0..2.0_f64, 0.0..=1.0_f64);
    (group, facts, any::<u64>()).prop_map(|((centre, rows, verdicts, lengths), facts, choice)| {
        let (problem, step, accuracy, budget, mean_length, reference) = facts;
        let centre = CENTRES[centre];
        let limit = 2 * centre;
        let share = |share: f64, of: u32| (share * f64::from(of)) as u32;
        let length = |(kind, place, ..): Row| match kind {
            0 => 0,
            1 => centre - 1,
            2 => centre,
            3 => centre + 1,
            4 => limit,
            5 => share(place, centre / 4),
            _ => share(place, limit),
        };
        let first = length(rows[0]);
        let rollout = |(place, row): (usize, Row)| {
            let is_first = place == 0;
            let (_, _, right, answer, repetition, cut) = row;
            let length = match lengths {
                0 => first,
                1 if is_first => limit,
                1 => share(row.1, centre / 8),
                _ => length(row),
            };
            let truncated = cut && length == limit;
            let right = match verdicts {
                0 => true,
                1 => false,
                _ => right,
            };
            Rollout {
                truncated,
                answer_length: Some(share(answer, length)),
                budget: Some(share(budget, centre).max(1)),
                repetition: Some(repetition),
                reference: Some(Reference { mean_length: mean_length * f64::from(centre), accuracy: reference }),
                // a lenient grader finds an answer in one of several that were cut
                ..Rollout::new(ProblemKey(problem), right && (!truncated || answer < 0.25), length)
            }
        };
        let ctx = StepContext { step, max_completion_length: Some(limit), accuracy: Some(accuracy) };
        Case { ctx, group: rows.into_iter().enumerate().map(rollout).collect(), choice }
    })
}

/// The next case of a runner.
pub(super) fn draw(runner: &mut TestRunner) -> Case {
    cases().new_tree(runner).expect("nothing is filtered out").current()
}
