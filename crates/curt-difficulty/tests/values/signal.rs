//! Expected signal, screening, refill, histograms and estimators.

use curt_difficulty::{
    Admission, Bayes, Column, DifficultyEstimator, Evidence, Histogram, Observed, PassRate, Refill, RefillCost, RefillStep,
    Screened, Screening, oversampling, rank_by_signal, useful_share,
};
use proptest::prelude::*;

#[test]
fn ranking_puts_the_middle_first_and_keeps_ties() {
    assert_eq!(rank_by_signal(&[0.0, 0.75, 0.5, 1.0, 0.25, 0.4], 8).unwrap(), [2, 5, 1, 4, 0, 3]);
    assert_eq!(rank_by_signal(&[], 8).unwrap(), [0; 0]);
    // with one rollout nothing has signal
    assert_eq!(rank_by_signal(&[0.2, 0.5], 1).unwrap(), [0, 1]);
}

#[test]
fn oversampling_is_groups_per_useful_one() {
    assert_eq!(oversampling(&[0.5], 2).unwrap(), Some(2.0));
    assert_eq!(oversampling(&[0.5, 0.0], 2).unwrap(), Some(4.0));
    assert_eq!(oversampling(&[0.0, 1.0], 8).unwrap(), None);
}

/// Small rates keep their digits: N q to first order.
#[test]
fn rare_answers_have_a_share_of_n_times_q() {
    for q in [1e-300, 1e-20, 1e-12] {
        let share = useful_share(q, 8).unwrap();
        assert!((share / (8.0 * q) - 1.0).abs() < 1e-11, "{q}: {share}");
    }
}

#[test]
fn screening_continues_with_what_is_mixed() {
    let screening = Screening::new(4, 24).unwrap();
    assert_eq!((screening.screen(), screening.total()), (4, 24));
    assert_eq!(screening.decide(0, 4).unwrap(), Screened::Drop(Admission::AllWrong));
    for right in 1..4 {
        assert_eq!(screening.decide(right, 4).unwrap(), Screened::Continue(20));
    }
    assert_eq!(screening.decide(4, 4).unwrap(), Screened::Drop(Admission::AllCorrect));
    // of three that count, three are all
    assert_eq!(screening.decide(3, 3).unwrap(), Screened::Drop(Admission::AllCorrect));
    assert_eq!(screening.decide(0, 0).unwrap(), Screened::Drop(Admission::AllWrong));
}

/// Every sequence of 8 verdicts: what goes on is mixed; shares, costs and losses are those of the formulas.
#[test]
fn screening_costs_what_it_says() {
    for (screen, total) in [(2, 8), (3, 8), (7, 8)] {
        let screening = Screening::new(screen, total).unwrap();
        for p in [0.02_f64, 0.4, 0.9] {
            let (mut kept, mut rollouts, mut mixed, mut lost) = (0.0, 0.0, 0.0, 0.0);
            for verdicts in 0..1_u32 << total {
                let weight: f64 = (0..total).map(|i| if verdicts >> i & 1 == 1 { p } else { 1.0 - p }).product();
                let is_mixed = (1..total).contains(&verdicts.count_ones());
                mixed += if is_mixed { weight } else { 0.0 };
                match screening.decide((verdicts & ((1 << screen) - 1)).count_ones(), screen).unwrap() {
                    Screened::Continue(more) => {
                        assert!(is_mixed && screen + more == total);
                        kept += weight;
                        rollouts += weight * f64::from(total);
                    }
                    Screened::Drop(_) => {
                        rollouts += weight * f64::from(screen);
                        lost += if is_mixed { weight } else { 0.0 };
                    }
                }
            }
            let cost = screening.expected_cost(p).unwrap();
            for (found, expected) in [(cost.kept, kept), (cost.rollouts, rollouts), (cost.lost, lost / mixed)] {
                assert!((found - expected).abs() < 1e-12, "{screen} of {total} at {p}: {found} and {expected}");
            }
        }
    }
    assert_eq!(Screening::new(2, 8).unwrap().expected_cost(0.0).unwrap().lost, 0.0);
}

#[test]
fn refill_stops_at_its_limit() {
    let mut refill = Refill::new(8, 1).unwrap();
    assert_eq!(refill.plan(), RefillStep::Sample(8));
    refill.sampled(8, 0).unwrap();
    // nothing was kept: as much as a round may have
    assert_eq!(refill.plan(), RefillStep::Sample(32));
    refill.sampled(32, 5).unwrap();
    assert_eq!(refill.plan(), RefillStep::GiveUp);
    let cost = refill.cost();
    assert_eq!((cost.refills, cost.sampled, cost.kept, cost.missing, cost.surplus), (1, 40, 5, 3, 0));
    assert_eq!(cost.oversampling, Some(8.0));
    let mut none = Refill::new(8, 0).unwrap();
    none.sampled(8, 7).unwrap();
    assert_eq!(none.plan(), RefillStep::GiveUp);
}

#[test]
fn a_refill_and_its_cost_go_through_json() {
    let mut refill = Refill::new(8, 3).unwrap();
    for kept in [0, 0, 5] {
        let (plan, cost) = (serde_json::to_string(&refill).unwrap(), serde_json::to_string(&refill.cost()).unwrap());
        assert_eq!(serde_json::from_str::<Refill>(&plan).unwrap(), refill);
        // before the first kept group there is no number of groups for each
        assert_eq!(refill.cost().oversampling, None);
        assert_eq!(serde_json::from_str::<RefillCost>(&cost).unwrap(), refill.cost());
        refill.sampled(8, kept).unwrap();
    }
    assert_eq!(refill.cost().oversampling, Some(24.0 / 5.0));
    let json = serde_json::to_string(&refill.cost()).unwrap();
    assert_eq!(serde_json::from_str::<RefillCost>(&json).unwrap(), refill.cost());
}

#[test]
fn histograms_give_each_count_a_bar() {
    for n in 1..=64_u32 {
        let rates = (0..=n).map(|k| PassRate::new(n, k).unwrap().rate());
        let histogram = Histogram::new(rates, n + 1).unwrap();
        assert!(histogram.bars.iter().all(|bar| bar.problems == 1), "{n}: {histogram:?}");
    }
    let histogram = Histogram::new([0.0, 0.5, 0.5, 1.0], 2).unwrap();
    assert_eq!(histogram.problems, 4);
    let [low, high] = histogram.bars[..] else { panic!("{histogram:?}") };
    assert_eq!((low.low, low.high, low.problems), (0.0, 0.5, 1));
    assert_eq!((high.low, high.high, high.problems), (0.5, 1.0, 3));
    assert!(low.share.low < 0.25 && 0.25 < low.share.high);
    let json = serde_json::to_string(&histogram).unwrap();
    assert_eq!(serde_json::from_str::<Histogram>(&json).unwrap(), histogram);
}

/// Of 0.29 and 100 bars the product is below 29 in binary, and the bar of 0.29 begins at 0.29 all the same.
#[test]
fn the_ends_of_a_bar_decide_what_it_holds() {
    let mut rates: Vec<f64> = (1..=128_u32).flat_map(|n| (0..=n).map(move |k| f64::from(k) / f64::from(n))).collect();
    rates.sort_by(f64::total_cmp);
    let below = |end: f64| rates.partition_point(|rate| *rate < end);
    for n in 1..=200 {
        let histogram = Histogram::new(rates.iter().copied(), n).unwrap();
        for (k, bar) in histogram.bars.iter().enumerate() {
            assert_eq!((bar.low, bar.high), (k as f64 / f64::from(n), (k + 1) as f64 / f64::from(n)));
            let beyond = if k + 1 == n as usize { rates.len() } else { below(bar.high) };
            assert_eq!(bar.problems as usize, beyond - below(bar.low), "bar {k} of {n}: {bar:?}");
        }
    }
}

#[test]
fn estimators_say_what_they_know() {
    let rate = PassRate::new(8, 8).unwrap();
    let both = Evidence::new(Some(rate), Some(0.25)).unwrap();
    assert_eq!(Observed.estimate(&both).unwrap().rate, 1.0);
    assert_eq!(Bayes::default().estimate(&both).unwrap().rate, 8.5 / 9.0);
    let column = Column.estimate(&both).unwrap();
    assert_eq!((column.rate, column.interval), (0.25, None));
    assert_eq!(Column.estimate(&Evidence::new(Some(rate), None).unwrap()), None);
    assert_eq!([Observed.name(), Bayes::default().name(), Column.name()], ["observed", "bayes", "column"]);
}

proptest! {
    #[test]
    fn shares_mirror_and_grow_with_the_group(q in 0.0..=1.0_f64, n in 2..200_u32) {
        let share = useful_share(q, n).unwrap();
        prop_assert!((0.0..=1.0).contains(&share));
        prop_assert!((share - useful_share(1.0 - q, n).unwrap()).abs() < 1e-12);
        prop_assert!(useful_share(q, n + 1).unwrap() >= share - 1e-15);
        // no group does better than one of problems solved half the time
        prop_assert!(share <= useful_share(0.5, n).unwrap() + 1e-15);
    }

    #[test]
    fn refill_ends_and_counts_right(wanted in 1..50_u32, limit in 0..6_u32, keeps in prop::collection::vec(0.0..=1.0_f64, 8)) {
        let mut refill = Refill::new(wanted, limit).unwrap();
        let (mut rounds, mut sampled, mut kept) = (0, 0_u64, 0_u64);
        while let RefillStep::Sample(groups) = refill.plan() {
            prop_assert!(groups >= 1 && groups <= wanted * Refill::LARGEST_ROUND);
            let keep = (keeps[rounds] * f64::from(groups)) as u32;
            refill.sampled(groups, keep).unwrap();
            (rounds, sampled, kept) = (rounds + 1, sampled + u64::from(groups), kept + u64::from(keep));
        }
        prop_assert!(rounds <= limit as usize + 1);
        prop_assert_eq!(refill.plan() == RefillStep::Full, kept >= u64::from(wanted));
        let cost = refill.cost();
        prop_assert_eq!((cost.sampled, cost.kept, cost.refills as usize), (sampled, kept, rounds - 1));
        prop_assert_eq!(kept + cost.missing, u64::from(wanted) + cost.surplus);
    }
}
