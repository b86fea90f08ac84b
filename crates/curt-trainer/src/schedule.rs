//! The learning rate of each update.

use crate::config::{LrScheduler, TrainSection};

/// Learning rates by update. With peak η, W updates of warm-up and T updates in all, update u (from 0) has
///
/// - η · (u + 1) / W for u < W: linear, and never 0, so that no update is wasted;
/// - then η (`constant`), or η · (1 + cos(π · (u − W) / (T − W))) / 2 (`cosine`), which would reach 0 at u = T, right after
///   the last update, as in transformers. Beyond T it stays 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    peak: f64,
    warmup: u64,
    updates: u64,
    kind: LrScheduler,
}

impl Schedule {
    /// The schedule of a run with `updates_per_batch` updates in each step.
    ///
    /// ```
    /// use curt_trainer::{Schedule, run_file::RunFile};
    ///
    /// let config = RunFile::load(None, &["train.warmup_steps=4".to_owned()])?;
    /// let schedule = Schedule::new(&config.train, config.algo.updates_per_batch);
    /// assert_eq!((schedule.at(0), schedule.at(3), schedule.at(149)), (0.5e-4, 2e-4, 2e-4));
    /// # Ok::<(), curt_trainer::run_file::RunFileError>(())
    /// ```
    pub fn new(train: &TrainSection, updates_per_batch: usize) -> Self {
        Self {
            peak: train.learning_rate,
            warmup: u64::from(train.warmup_steps),
            updates: u64::from(train.steps) * updates_per_batch as u64,
            kind: train.lr_scheduler_type,
        }
    }

    /// The learning rate of update `update`, counted from 0 over the whole run.
    pub fn at(&self, update: u64) -> f64 {
        if update < self.warmup {
            return self.peak * ((update + 1) as f64 / self.warmup as f64);
        }
        match self.kind {
            LrScheduler::Constant => self.peak,
            LrScheduler::Cosine if update >= self.updates => 0.0,
            LrScheduler::Cosine => {
                let progress = (update - self.warmup) as f64 / (self.updates - self.warmup) as f64;
                self.peak * (0.5 * (1.0 + libm::cos(std::f64::consts::PI * progress)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(warmup: u64, updates: u64, kind: LrScheduler) -> Schedule {
        Schedule { peak: 2e-4, warmup, updates, kind }
    }

    #[test]
    fn ends_of_the_parts() {
        for (warmup, kind, update, expected) in [
            (0, LrScheduler::Constant, 0, 1.0),
            (0, LrScheduler::Constant, 99, 1.0),
            (0, LrScheduler::Cosine, 0, 1.0),
            (0, LrScheduler::Cosine, 50, 0.5),
            (0, LrScheduler::Cosine, 100, 0.0),
            (0, LrScheduler::Cosine, 1000, 0.0),
            (10, LrScheduler::Constant, 0, 0.1),
            (10, LrScheduler::Cosine, 4, 0.5),
            (10, LrScheduler::Cosine, 9, 1.0),
            (10, LrScheduler::Cosine, 10, 1.0),
            (10, LrScheduler::Cosine, 55, 0.5),
            (10, LrScheduler::Cosine, 100, 0.0),
        ] {
            let found = schedule(warmup, 100, kind).at(update) / 2e-4;
            assert!((found - expected).abs() < 1e-15, "warm-up {warmup}, {kind:?}, update {update}: {found}");
        }
    }

    #[test]
    fn last_update_of_a_cosine_is_small_and_not_wasted() {
        let last = schedule(0, 100, LrScheduler::Cosine).at(99);
        assert!(last > 0.0 && last < 2e-4 * 3e-4, "{last}");
    }

    #[test]
    fn warm_up_longer_than_the_run_never_reaches_the_peak() {
        let schedule = schedule(200, 100, LrScheduler::Cosine);
        assert_eq!((schedule.at(99), schedule.at(199), schedule.at(200)), (1e-4, 2e-4, 0.0));
    }

    #[test]
    fn never_rises_after_the_warm_up() {
        let schedule = schedule(7, 331, LrScheduler::Cosine);
        let rates: Vec<f64> = (0..340).map(|update| schedule.at(update)).collect();
        assert!(rates[..7].windows(2).all(|pair| pair[0] < pair[1]));
        assert!(rates[7..331].windows(2).all(|pair| pair[0] > pair[1]));
    }
}
