//! The last steps of a run, and what is compared of them.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::observation::{Column, Observation};

/// Means of the last steps, by column; by default of no step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Means([Option<f64>; Column::ALL.len()]);

impl Means {
    /// The mean of `column` over the steps that have a finite number of it; `None` where none has.
    pub fn get(&self, column: Column) -> Option<f64> {
        self.0[column as usize]
    }

    /// Of the steps in `rows`. What was told apart is weighted by the groups that could be.
    pub(super) fn of<'a>(rows: impl Iterator<Item = &'a Observation> + Clone) -> Self {
        let mean = |column: Column| {
            let values = rows.clone().filter_map(|row| Some((row.get(column)?, weight(row, column)?)));
            let (sum, weights) =
                values.fold((0.0, 0.0), |(sum, weights), (value, weight)| (sum + value * weight, weights + weight));
            (weights > 0.0).then(|| sum / weights)
        };
        Self(Column::ALL.map(mean))
    }
}

fn weight(row: &Observation, column: Column) -> Option<f64> {
    if column == Column::ToldApart { row.get(Column::Comparable) } else { Some(1.0) }
}

/// Where the run began and the best it was; all that the detector remembers beyond the last steps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Landmarks {
    pub start_length: Option<f64>,
    pub start_entropy: Option<f64>,
    pub shortest: Option<f64>,
    /// The share of right and short rollouts over the window that was the shortest.
    pub shortest_in_budget: Option<f64>,
    pub best_accuracy: Option<f64>,
}

/// The last `2 × window` steps, the newest last.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Recent {
    rows: VecDeque<Observation>,
    /// Steps seen in all.
    seen: u32,
}

impl Recent {
    pub fn push(&mut self, row: &Observation, window: u32) {
        self.rows.push_back(row.clone());
        while self.rows.len() > 2 * window as usize {
            self.rows.pop_front();
        }
        self.seen = self.seen.saturating_add(1);
    }

    /// Steps seen in all.
    pub fn seen(&self) -> u32 {
        self.seen
    }

    /// The last `count` steps.
    pub fn last(&self, count: usize) -> impl Iterator<Item = &Observation> + Clone {
        self.rows.range(self.rows.len().saturating_sub(count)..)
    }

    /// The `count` steps before the last `count`.
    pub fn before(&self, count: usize) -> impl Iterator<Item = &Observation> + Clone {
        let end = self.rows.len().saturating_sub(count);
        self.rows.range(end.saturating_sub(count)..end)
    }

    /// Of the rollouts of the last `count` steps, the share without a verdict.
    pub fn ungradable(&self, count: usize) -> Option<f64> {
        let known = self.last(count).filter_map(|row| Some((row.get(Column::Ungradable)?, row.rollouts()?)));
        let (without, all) = known.fold((0.0, 0.0), |sum, row| (sum.0 + row.0, sum.1 + row.1));
        (all > 0.0).then(|| without / all)
    }

    /// Groups among the last `count` steps in which right could be told from wrong.
    pub fn comparable_groups(&self, count: usize) -> f64 {
        self.last(count).filter_map(|row| row.get(Column::Comparable)).sum()
    }
}
