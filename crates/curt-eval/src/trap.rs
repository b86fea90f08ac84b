//! The trap test of a step that was trained on: does it still tell right from wrong among short answers?
//!
//! Where it does not, all that is learned about short answers is that they are short: the short-is-correct trap
//! (arXiv 2602.20945, section 3.2).

/// What a step made of one rollout.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrainedRollout {
    /// Its tokens.
    pub length: u32,
    /// Whether it is right.
    pub correct: bool,
    /// Whether it was trained on: its group was admitted, and it is not masked.
    pub in_loss: bool,
    /// Whether others are measured against it: its group was admitted, and its reward counts in the statistics.
    pub in_statistics: bool,
    /// Its advantage.
    pub advantage: f64,
}

/// The trap test over the groups of a step. Short is a length of at most L_T.
///
/// A rollout that is masked out of the loss alone counts with an advantage of 0: nothing pushes it, but the others are measured
/// against it. One that is out of the statistics too does not count.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TrapTest {
    /// Groups with a short right and a short wrong rollout, trained on or not.
    pub comparable_groups: u32,
    /// Of these, the groups in which the short right ones have a larger mean advantage than the short wrong ones, where some of
    /// both count.
    pub told_apart_groups: u32,
    /// Of the comparable groups, those where some of both kinds count, so that the difference of advantages is defined.
    pub defined_groups: u32,
    gap_sum: f64,
}

impl TrapTest {
    /// Takes in a group.
    pub fn add(&mut self, target_length: u32, group: &[TrainedRollout]) {
        let mut present = [false; 2];
        let mut sums = [(0.0, 0_u32); 2];
        for rollout in group.iter().filter(|rollout| rollout.length <= target_length) {
            let kind = usize::from(rollout.correct);
            present[kind] = true;
            if rollout.in_loss || rollout.in_statistics {
                sums[kind].0 += if rollout.in_loss { rollout.advantage } else { 0.0 };
                sums[kind].1 += 1;
            }
        }
        self.comparable_groups += u32::from(present == [true; 2]);
        let [(wrong, n_wrong), (right, n_right)] = sums;
        if n_wrong > 0 && n_right > 0 {
            let gap = right / f64::from(n_right) - wrong / f64::from(n_wrong);
            self.defined_groups += 1;
            self.told_apart_groups += u32::from(gap > 0.0);
            self.gap_sum += gap;
        }
    }

    /// Of the comparable groups, the share that is told apart: near 0 is the trap. `None` without a comparable group.
    pub fn told_apart(&self) -> Option<f64> {
        (self.comparable_groups > 0).then(|| f64::from(self.told_apart_groups) / f64::from(self.comparable_groups))
    }

    /// The trap statistic of `curt lab`: the mean over groups of the difference of mean advantages; `None` where it is
    /// defined in no group.
    pub fn advantage_gap(&self) -> Option<f64> {
        (self.defined_groups > 0).then(|| self.gap_sum / f64::from(self.defined_groups))
    }
}

/// The correlation of advantage and length among the rollouts of a group that are trained on, in \[−1, 1\]; `None` where one
/// of the two does not vary, decided by max == min. Near −1, what a group teaches is to be short.
pub fn advantage_length_correlation(group: &[TrainedRollout]) -> Option<f64> {
    let trained = || group.iter().filter(|rollout| rollout.in_loss);
    let first = trained().next()?;
    if trained().all(|r| r.advantage == first.advantage) || trained().all(|r| r.length == first.length) {
        return None;
    }
    let largest = trained().fold(0.0, |largest: f64, rollout| largest.max(rollout.advantage.abs()));
    // the squares of others are lost, or infinite
    let scale = if (1e-100..=1e100).contains(&largest) { 1.0 } else { largest };
    let rows: Vec<(f64, f64)> = trained().map(|r| (r.advantage / scale, f64::from(r.length))).collect();
    let n = rows.len() as f64;
    let (a, l) = rows.iter().fold((0.0, 0.0), |(a, l), row| (a + row.0, l + row.1));
    let deviations = rows.iter().map(|row| (row.0 - a / n, row.1 - l / n));
    let [aa, ll, al] = deviations.fold([0.0; 3], |[aa, ll, al], (a, l)| [aa + a * a, ll + l * l, al + a * l]);
    (aa > 0.0 && ll > 0.0).then(|| al / (aa * ll).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rollout(length: u32, correct: bool, in_loss: bool, advantage: f64) -> TrainedRollout {
        TrainedRollout { length, correct, in_loss, in_statistics: in_loss, advantage }
    }

    #[test]
    fn a_group_is_told_apart_by_the_advantages_of_its_short_rollouts() {
        let right = rollout(8, true, true, 0.5);
        let long = rollout(9, true, true, -9.0);
        let cases = [
            // told apart, by 0.5 − (−1)
            (vec![right, rollout(8, false, true, -1.0), long], (1, 1, Some(1.5))),
            // the wrong one is masked but counts in the statistics, in an admitted group
            (vec![right, TrainedRollout { in_statistics: true, ..rollout(8, false, false, -1.0) }, long], (1, 1, Some(0.5))),
            // the wrong one is masked and does not count, or is as good as the right one
            (vec![right, rollout(8, false, false, -1.0), long], (1, 0, None)),
            (vec![right, rollout(8, false, true, 0.5), long], (1, 0, Some(0.0))),
            // nothing to compare: no short wrong one
            (vec![right, rollout(9, false, true, -1.0)], (0, 0, None)),
            (vec![], (0, 0, None)),
        ];
        for (group, (comparable, told_apart, gap)) in cases {
            let mut test = TrapTest::default();
            test.add(8, &group);
            assert_eq!((test.comparable_groups, test.told_apart_groups, test.advantage_gap()), (comparable, told_apart, gap));
            assert_eq!(test.told_apart(), (comparable > 0).then_some(f64::from(told_apart)));
        }
    }

    fn correlation(rows: &[(u32, f64)]) -> Option<f64> {
        let group: Vec<TrainedRollout> = rows.iter().map(|row| rollout(row.0, true, true, row.1)).collect();
        advantage_length_correlation(&group)
    }

    #[test]
    fn rounding_is_no_correlation() {
        assert_eq!(correlation(&[(5, 0.1), (7, 0.1), (8, 0.1)]), None);
        assert_eq!(correlation(&[(5, 0.1), (5, 0.2), (5, -0.1)]), None);
        // three lengths whose mean is not one of them
        assert_eq!(correlation(&[(u32::MAX, 0.1), (u32::MAX, 0.2), (u32::MAX, -0.1)]), None);
    }

    #[test]
    fn correlation_does_not_depend_on_the_scale() {
        for scale in [1e-320, 1e-200, 1.0, 1e200, f64::MAX] {
            assert_eq!(correlation(&[(1, scale), (2, 0.0), (3, -scale)]), Some(-1.0), "{scale:e}");
            let found = correlation(&[(1, scale), (2, -scale), (4, 0.0)]).unwrap();
            assert!((found + 0.327_326_835).abs() < 1e-6, "{scale:e}: {found}");
        }
    }

    #[test]
    fn correlation_is_that_of_the_trained_rollouts() {
        let falling = [rollout(1, true, true, 1.0), rollout(2, true, true, 0.0), rollout(3, false, true, -1.0)];
        assert_eq!(advantage_length_correlation(&falling), Some(-1.0));
        let with_masked = [&falling[..], &[rollout(100, false, false, 7.0)]].concat();
        assert_eq!(advantage_length_correlation(&with_masked), Some(-1.0));
        for degenerate in [&falling[..1], &[falling[0], falling[0]], &[]] {
            assert_eq!(advantage_length_correlation(degenerate), None);
        }
    }
}
