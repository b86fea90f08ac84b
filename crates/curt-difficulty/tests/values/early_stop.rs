//! Early stopping decides what all attempts decide, and what it leaves can be corrected for.

use curt_difficulty::{Band, EarlyStop, Label, PassRate, Placement};
use proptest::prelude::*;

/// The first attempts that decide a sequence of verdicts: right, wrong, placement.
fn run(stop: &EarlyStop, n: u32, verdicts: u32) -> (u32, u32, Placement) {
    let (mut right, mut wrong) = (0, 0);
    for i in 0..=n {
        if let Some(placement) = stop.decide(right, wrong) {
            return (right, wrong, placement);
        }
        if verdicts >> i & 1 == 1 { right += 1 } else { wrong += 1 }
    }
    panic!("{n} attempts decide nothing");
}

fn bands() -> Vec<Band> {
    ["(0.5, 1]", "[0, 0.5]", "[0.1, 0.6]", "(0, 1)", "[0.25, 0.75)", "[0, 1]", "(0.3, 0.7]", "[1, 1]", "[0, 0]"]
        .map(|text| text.parse().unwrap())
        .to_vec()
}

#[test]
fn labels_are_those_of_all_attempts_in_every_sequence_up_to_ten() {
    let mut sequences = 0;
    for band in bands() {
        for n in 1..=10_u32 {
            let Ok(stop) = EarlyStop::new(band, n) else { continue };
            for verdicts in 0..1_u32 << n {
                let full = band.place(f64::from(verdicts.count_ones()) / f64::from(n));
                assert_eq!(run(&stop, n, verdicts).2, full, "{band}, {n} attempts, {verdicts:b}");
                sequences += 1;
            }
        }
    }
    assert!(sequences > 10_000, "{sequences}");
}

#[test]
fn a_decision_is_final_and_comes_as_early_as_it_can() {
    for band in bands() {
        for n in 1..=10_u32 {
            let Ok(stop) = EarlyStop::new(band, n) else { continue };
            for (right, wrong) in (0..=n).flat_map(|right| (0..=n - right).map(move |wrong| (right, wrong))) {
                let rest = n - right - wrong;
                let ends: Vec<Placement> = (right..=right + rest).map(|k| band.place(f64::from(k) / f64::from(n))).collect();
                let settled = ends.iter().all(|end| *end == ends[0]).then_some(ends[0]);
                assert_eq!(stop.decide(right, wrong), settled, "{band}, {right} right and {wrong} wrong of {n}");
            }
        }
    }
}

#[test]
fn five_right_or_four_wrong_of_eight_decide_the_paper_s_rule() {
    let stop = EarlyStop::new(Band::EASY, 8).unwrap();
    for (right, wrong, expected) in [
        (5, 0, Some(Placement::Within)),
        (5, 3, Some(Placement::Within)),
        (4, 3, None),
        (4, 4, Some(Placement::Below)),
        (0, 4, Some(Placement::Below)),
        (4, 0, None),
    ] {
        assert_eq!(stop.decide(right, wrong), expected, "{right} right, {wrong} wrong");
    }
    for k in 0..=8 {
        let easy = PassRate::new(8, k).unwrap().label() == Label::Easy;
        assert_eq!(stop.decide(k, 8 - k) == Some(Placement::Within), easy, "{k}");
    }
}

/// ⌊τN⌋ + 1 for thresholds whose products with N are exact.
#[test]
fn a_threshold_needs_the_next_whole_number() {
    for (tau, n, need) in [(0.5, 8, 5), (0.5, 7, 4), (0.25, 8, 3), (0.75, 16, 13), (0.0, 5, 1)] {
        let band = Band::new((std::ops::Bound::Excluded(tau), std::ops::Bound::Included(1.0))).unwrap();
        assert_eq!(band.counts(n).unwrap(), (need, n), "{tau} of {n}");
    }
    // 29/100 is not above 0.29, though 0.29 · 100 is below 29 in binary
    let band: Band = "(0.29, 1]".parse().unwrap();
    assert_eq!(band.counts(100).unwrap().0, 30);
}

/// Over all ways that attempts can go, the corrected rate is p on average; right / n is not.
#[test]
fn the_corrected_rate_is_unbiased() {
    for (band, n) in [(Band::EASY, 8), (Band::HARD, 5), ("[0.25, 0.75)".parse().unwrap(), 9), ("(0, 1)".parse().unwrap(), 6)] {
        let stop = EarlyStop::new(band, n).unwrap();
        for p in [0.03, 0.3, 0.5, 0.77] {
            let (mut corrected, mut plain) = (0.0, 0.0);
            for verdicts in 0..1_u32 << n {
                let weight: f64 = (0..n).map(|i| if verdicts >> i & 1 == 1 { p } else { 1.0 - p }).product();
                let (right, wrong, _) = run(&stop, n, verdicts);
                corrected += weight * stop.unbiased_rate(right, wrong).unwrap();
                plain += weight * f64::from(right) / f64::from(right + wrong);
            }
            assert!((corrected - p).abs() < 1e-12, "{band} of {n} at {p}: {corrected}");
            assert!(p == 0.5 || (plain - p).abs() > 1e-4, "{band} of {n} at {p}: {plain}");
        }
    }
    let stop = EarlyStop::new(Band::EASY, 8).unwrap();
    assert_eq!(stop.unbiased_rate(5, 2), Some(4.0 / 6.0));
    assert_eq!(stop.unbiased_rate(3, 4), Some(3.0 / 6.0));
    assert_eq!((stop.unbiased_rate(3, 3), stop.unbiased_rate(6, 0)), (None, None));
}

#[test]
fn what_is_decided_before_the_first_attempt_has_no_rate() {
    let stop = EarlyStop::new("[0, 1]".parse().unwrap(), 8).unwrap();
    assert_eq!(stop.decide(0, 0), Some(Placement::Within));
    assert_eq!(stop.unbiased_rate(0, 0), None);
    assert_eq!(stop.expected_attempts(0.3).unwrap(), 0.0);
}

proptest! {
    #[test]
    fn order_does_not_matter(n in 1..40_u32, verdicts: u64, turn in 0..40_u32, band in 0..9_usize) {
        let Ok(stop) = EarlyStop::new(bands()[band], n) else { return Ok(()) };
        let verdicts: Vec<bool> = (0..n).map(|i| verdicts >> i & 1 == 1).collect();
        let mut turned = verdicts.clone();
        turned.rotate_left((turn % n) as usize);
        turned.reverse();
        let label = |verdicts: &[bool]| {
            let (mut right, mut wrong) = (0, 0);
            verdicts.iter().find_map(|v| {
                if *v { right += 1 } else { wrong += 1 }
                stop.decide(right, wrong)
            })
        };
        prop_assert!(label(&verdicts).is_some());
        prop_assert_eq!(label(&verdicts), label(&turned));
    }

    #[test]
    fn bands_survive_as_text(low in 0.0..0.5_f64, width in 0.01..0.5_f64, ends in 0..4_u8) {
        let (open, close) = ([ "[", "(" ][ends as usize % 2], ["]", ")"][ends as usize / 2]);
        let band: Band = format!("{open}{low}, {}{close}", low + width).parse().unwrap();
        prop_assert_eq!(band.to_string().parse::<Band>().unwrap(), band);
        let json = serde_json::to_string(&band).unwrap();
        prop_assert_eq!(serde_json::from_str::<Band>(&json).unwrap(), band);
    }
}
