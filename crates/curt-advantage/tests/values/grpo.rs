//! Group advantages: values known by hand, closed forms, and laws.

use curt_advantage::{AdvantageEstimator, Credit, Grpo, RewardGroup, ScaleRewards};
use proptest::prelude::*;

fn group(rewards: &[f64]) -> RewardGroup {
    RewardGroup::new(rewards.to_vec(), vec![1; rewards.len()])
}

fn advantages(estimator: &Grpo, groups: &[RewardGroup]) -> Vec<Vec<f64>> {
    let number = |credit: Credit| match credit {
        Credit::Sequence(advantage) => advantage,
        Credit::Tokens(_) => panic!("grpo gives one number per sequence"),
    };
    estimator.estimate(groups).unwrap().into_iter().map(|g| g.into_iter().map(number).collect()).collect()
}

fn scaled(scale: ScaleRewards, epsilon: f64, rewards: &[f64]) -> Vec<f64> {
    advantages(&Grpo::new(scale, epsilon).unwrap(), &[group(rewards)]).remove(0)
}

fn close(found: &[f64], expected: &[f64], tolerance: f64) -> bool {
    found.len() == expected.len() && found.iter().zip(expected).all(|(f, e)| (f - e).abs() <= tolerance)
}

#[test]
fn known_values() {
    // Mean 1/2, sample deviation √(1/3 · 4 · 1/4) = 1/√3.
    let third = 1.0 / 3f64.sqrt();
    let a = 0.5 / (third + 1e-6);
    assert!(close(&scaled(ScaleRewards::Group, 1e-6, &[1.0, 0.0, 0.0, 1.0]), &[a, -a, -a, a], 1e-15));
    let a = 0.5 / (third + 1e-4);
    assert!(close(&scaled(ScaleRewards::Group, 1e-4, &[1.0, 0.0, 0.0, 1.0]), &[a, -a, -a, a], 1e-15));
    assert_eq!(scaled(ScaleRewards::None, 1e-6, &[1.0, 0.0, 0.5, 0.5]), [0.5, -0.5, 0.0, 0.0]);
    // Batch: group means 1/2 and 2, one deviation of {0, 1, 1, 3} about 5/4: √((25 + 1 + 1 + 49)/16/3) = √(19/12).
    let batch = Grpo::new(ScaleRewards::Batch, 0.0).unwrap();
    let s = (19.0 / 12.0f64).sqrt();
    let found = advantages(&batch, &[group(&[0.0, 1.0]), group(&[1.0, 3.0])]);
    assert!(close(&found.concat(), &[-0.5 / s, 0.5 / s, -1.0 / s, 1.0 / s], 1e-15));
}

#[test]
fn defaults_are_group_scaling_and_verls_epsilon() {
    assert_eq!(Grpo::default(), Grpo::new(ScaleRewards::Group, 1e-6).unwrap());
    assert_eq!(Grpo::default().name(), "grpo");
}

#[test]
fn constant_groups_are_exactly_zero() {
    // Naive f32 sums give up to 0.056 here, because the mean is rounded.
    for (value, sizes) in [(0.3, &[1, 2, 6, 7, 12, 24][..]), (0.7, &[7]), (0.1, &[3, 10]), (-1e9, &[5]), (0.0, &[1, 8])] {
        for &n in sizes {
            for scale in [ScaleRewards::Group, ScaleRewards::Batch, ScaleRewards::None] {
                for epsilon in [0.0, 1e-6] {
                    let found = scaled(scale, epsilon, &vec![value; n]);
                    assert!(found.iter().all(|a| a.to_bits() == 0), "{value} × {n}, {scale:?}: {found:?}");
                }
            }
        }
    }
}

#[test]
fn a_flat_group_stays_zero_beside_others() {
    for scale in [ScaleRewards::Group, ScaleRewards::Batch, ScaleRewards::None] {
        let groups = [group(&[0.3; 7]), group(&[1.0, 0.0])];
        let found = advantages(&Grpo::new(scale, 1e-6).unwrap(), &groups);
        assert_eq!(found[0], [0.0; 7], "{scale:?}");
        assert!(found[1][0] > 0.0 && found[1][1] < 0.0, "{scale:?}");
    }
}

#[test]
fn masked_rollouts_get_zero_and_a_kept_set_below_two_gives_nothing() {
    // Excluded: the statistics are those of rows 0 and 2.
    let mut excluded = group(&[1.0, 9.0, 0.0]);
    (excluded.in_statistics[1], excluded.in_loss[1]) = (false, false);
    let pair = scaled(ScaleRewards::Group, 1e-6, &[1.0, 0.0]);
    assert_eq!(advantages(&Grpo::default(), &[excluded]), [[pair[0], 0.0, pair[1]]]);

    // Zeroed after: the statistics are those of all rows, the advantage of row 1 is dropped.
    let mut zeroed = group(&[1.0, 0.0, 0.0]);
    zeroed.in_loss[1] = false;
    let full = scaled(ScaleRewards::Group, 1e-6, &[1.0, 0.0, 0.0]);
    assert_eq!(advantages(&Grpo::default(), &[zeroed]), [[full[0], 0.0, full[2]]]);

    for keep in 0..=1 {
        let mut few = group(&[1.0, 0.0, 0.5]);
        few.in_statistics = (0..3).map(|row| row < keep).collect();
        assert_eq!(advantages(&Grpo::default(), &[few]), [[0.0; 3]], "{keep} kept");
    }
}

#[test]
fn differences_whose_squares_vanish_give_zero_and_not_infinity() {
    for scale in [ScaleRewards::Group, ScaleRewards::Batch] {
        assert_eq!(scaled(scale, 0.0, &[1e-200, 2e-200, 0.0]), [0.0; 3], "{scale:?}");
    }
}

#[test]
fn no_groups_give_no_credit() {
    assert!(Grpo::default().estimate(&[]).unwrap().is_empty());
}

#[test]
fn closed_forms_for_binary_rewards() {
    for n in 2..=33usize {
        for k in 1..n {
            let rewards: Vec<f64> = (0..n).map(|i| f64::from(u8::from(i < k))).collect();
            let found = scaled(ScaleRewards::Group, 0.0, &rewards);
            let (nf, kf) = (n as f64, k as f64);
            let positive = ((nf - kf) * (nf - 1.0) / (kf * nf)).sqrt();
            let negative = -(kf * (nf - 1.0) / ((nf - kf) * nf)).sqrt();
            for (i, a) in found.iter().enumerate() {
                let expected = if i < k { positive } else { negative };
                assert!((a - expected).abs() < 1e-12, "{k} of {n}: {a} against {expected}");
            }
        }
    }
    // A lone right answer of 4, 8, 16, 24: (N − 1)/√N.
    for (n, expected) in [(4, 1.5), (8, 2.475), (16, 3.75), (24, 4.695)] {
        let mut rewards = vec![0.0; n];
        rewards[n / 2] = 1.0;
        assert!((scaled(ScaleRewards::Group, 0.0, &rewards)[n / 2] - expected).abs() < 5e-4);
    }
}

#[test]
fn a_large_offset_costs_no_accuracy() {
    // 1e12 + 0.6, the mean, is no f64; the differences are exact.
    let plain = scaled(ScaleRewards::Group, 1e-6, &[1.0, 0.0, 0.0, 1.0, 1.0]);
    let lifted: Vec<f64> = [1.0, 0.0, 0.0, 1.0, 1.0].iter().map(|r| r + 1e12).collect();
    assert!(close(&scaled(ScaleRewards::Group, 1e-6, &lifted), &plain, 1e-9));
}

const SCALES: [ScaleRewards; 3] = [ScaleRewards::Group, ScaleRewards::Batch, ScaleRewards::None];

/// Up to 5 groups of 1 to 24 rollouts; rewards tie often; rows are excluded, or zeroed after, or kept.
fn groups() -> impl Strategy<Value = Vec<RewardGroup>> {
    let reward = prop_oneof![Just(0.0), Just(1.0), Just(0.3), -2.0..2.0f64];
    let row = (reward, prop_oneof![4 => Just((true, true)), 1 => Just((false, false)), 1 => Just((true, false))], 1u32..99);
    let group = prop::collection::vec(row, 1..25).prop_map(|rows| RewardGroup {
        rewards: rows.iter().map(|row| row.0).collect(),
        in_statistics: rows.iter().map(|row| row.1.0).collect(),
        in_loss: rows.iter().map(|row| row.1.1).collect(),
        lengths: rows.iter().map(|row| row.2).collect(),
        parts: Vec::new(),
        tokens: Vec::new(),
    });
    prop::collection::vec(group, 1..6)
}

/// Whether the kept rewards are equal or differ by enough for a quotient of differences to be accurate.
fn well_spread(groups: &[RewardGroup]) -> bool {
    groups.iter().all(|group| {
        let (low, high) = group.counted().fold((f64::MAX, f64::MIN), |(l, h), r| (l.min(r), h.max(r)));
        group.is_flat() || high - low > 1e-3
    })
}

fn all_close(a: &[Vec<f64>], b: &[Vec<f64>], tolerance: f64) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| close(a, b, tolerance))
}

proptest! {
    #[test]
    fn counted_advantages_of_a_group_sum_to_zero(mut groups in groups()) {
        // What is zeroed after the statistics is left out of this sum, so nothing is.
        for group in &mut groups {
            group.in_loss.clone_from(&group.in_statistics);
        }
        for scale in SCALES {
            for advantages in advantages(&Grpo::new(scale, 1e-6).unwrap(), &groups) {
                let largest = advantages.iter().fold(1.0, |m: f64, a| m.max(a.abs()));
                prop_assert!(advantages.iter().sum::<f64>().abs() < 1e-9 * largest, "{:?}", scale);
            }
        }
    }

    #[test]
    fn deviation_of_a_group_is_one(groups in groups()) {
        prop_assume!(well_spread(&groups));
        for (group, advantages) in groups.iter().zip(advantages(&Grpo::new(ScaleRewards::Group, 0.0).unwrap(), &groups)) {
            let zeroed = group.in_statistics.iter().zip(&group.in_loss).any(|(s, l)| *s && !*l);
            if !group.is_flat() && !zeroed {
                let n = group.counted().count() as f64;
                let squares: f64 = advantages.iter().map(|a| a * a).sum();
                prop_assert!((squares - (n - 1.0)).abs() < 1e-9 * n, "ΣA² = {} of {}", squares, n);
            }
        }
    }

    #[test]
    fn advantages_are_bounded(groups in groups()) {
        for (group, advantages) in groups.iter().zip(advantages(&Grpo::default(), &groups)) {
            let n = group.counted().count() as f64;
            prop_assert!(advantages.iter().all(|a| a.abs() <= (n - 1.0) / n.sqrt() + 1e-9 || *a == 0.0));
        }
    }

    #[test]
    fn a_common_shift_changes_nothing(groups in groups(), shift in -50.0..50.0f64) {
        prop_assume!(well_spread(&groups));
        let mut shifted = groups.clone();
        shifted.iter_mut().flat_map(|g| &mut g.rewards).for_each(|r| *r += shift);
        for scale in SCALES {
            let estimator = Grpo::new(scale, 1e-6).unwrap();
            prop_assert!(all_close(&advantages(&estimator, &groups), &advantages(&estimator, &shifted), 1e-8), "{:?}", scale);
        }
    }

    #[test]
    fn a_positive_scale_changes_nothing_as_epsilon_goes_to_zero(groups in groups(), factor in 0.01..100.0f64) {
        prop_assume!(well_spread(&groups));
        let mut wider = groups.clone();
        wider.iter_mut().flat_map(|g| &mut g.rewards).for_each(|r| *r *= factor);
        for scale in [ScaleRewards::Group, ScaleRewards::Batch] {
            let estimator = Grpo::new(scale, 0.0).unwrap();
            prop_assert!(all_close(&advantages(&estimator, &groups), &advantages(&estimator, &wider), 1e-8), "{:?}", scale);
        }
        // Without a deviation the advantages scale along.
        let none = Grpo::new(ScaleRewards::None, 0.0).unwrap();
        let expected: Vec<Vec<f64>> =
            advantages(&none, &groups).iter().map(|g| g.iter().map(|a| a * factor).collect()).collect();
        prop_assert!(all_close(&expected, &advantages(&none, &wider), 1e-8 * factor.max(1.0)));
    }

    #[test]
    fn permuting_a_group_permutes_its_advantages(groups in groups(), turn in any::<usize>()) {
        let mut turned = groups.clone();
        for g in &mut turned {
            let by = turn % g.rewards.len();
            g.rewards.rotate_left(by);
            g.in_statistics.rotate_left(by);
            g.in_loss.rotate_left(by);
            g.lengths.rotate_left(by);
        }
        for scale in SCALES {
            let estimator = Grpo::new(scale, 1e-6).unwrap();
            let mut expected = advantages(&estimator, &groups);
            expected.iter_mut().for_each(|a| { let by = turn % a.len(); a.rotate_left(by) });
            prop_assert!(all_close(&expected, &advantages(&estimator, &turned), 1e-9), "{:?}", scale);
        }
    }

    #[test]
    fn masked_rows_get_zero_and_excluded_ones_change_nobody(groups in groups(), other in -9.0..9.0f64) {
        let mut changed = groups.clone();
        for g in &mut changed {
            for row in 0..g.rewards.len() {
                if !g.in_statistics[row] {
                    (g.rewards[row], g.lengths[row]) = (other, 7);
                }
            }
        }
        for scale in SCALES {
            let estimator = Grpo::new(scale, 1e-6).unwrap();
            let found = advantages(&estimator, &groups);
            prop_assert_eq!(&found, &advantages(&estimator, &changed));
            for (group, a) in groups.iter().zip(found) {
                prop_assert!((0..a.len()).all(|i| (group.in_statistics[i] && group.in_loss[i]) || a[i] == 0.0));
            }
        }
    }

    #[test]
    fn equal_rewards_get_equal_bits_and_larger_ones_no_less(groups in groups()) {
        for (group, a) in groups.iter().zip(advantages(&Grpo::default(), &groups)) {
            let kept: Vec<usize> = (0..a.len()).filter(|&i| group.in_statistics[i] && group.in_loss[i]).collect();
            for &i in &kept {
                for &j in &kept {
                    prop_assert!(group.rewards[i] != group.rewards[j] || a[i].to_bits() == a[j].to_bits());
                    prop_assert!(group.rewards[i] <= group.rewards[j] || a[i] >= a[j]);
                }
            }
        }
    }

    #[test]
    fn finite_rewards_give_finite_advantages(exponents in prop::collection::vec(-100i32..=100, 1..25), seed in any::<u64>()) {
        let sign = |i: usize| if seed >> (i % 64) & 1 == 1 { -1.0 } else { 1.0 };
        let rewards: Vec<f64> =
            exponents.iter().enumerate().map(|(i, e)| sign(i) * format!("1e{e}").parse::<f64>().unwrap()).collect();
        for scale in SCALES {
            prop_assert!(scaled(scale, 1e-6, &rewards).iter().all(|a| a.is_finite()));
        }
    }
}
