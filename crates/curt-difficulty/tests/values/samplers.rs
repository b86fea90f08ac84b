//! What each sampler draws, what it refuses, and states through JSON.

use curt_difficulty::{
    Band, Bits, Curriculum, DifficultyError, Direction, GroupOutcome, Pools, Sampler, SamplerState, Stage, Stream, Turn, Uniform,
    Weighted, sampler_names,
};

fn random(stream: Stream) -> Bits {
    let mut x = match stream {
        Stream::Epoch(epoch) => epoch,
        Stream::Step { step, round } => (1 << 40) + (u64::from(step) << 16) + u64::from(round),
    };
    x = x.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678_9abc_def1;
    Box::new(move || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x.wrapping_mul(0x2545_f491_4f6c_dd1d)
    })
}

fn turn(step: u32, drawn: u64) -> Turn {
    Turn { step, round: 0, drawn }
}

fn outcome(problem: usize, good: u32) -> GroupOutcome {
    GroupOutcome { problem, attempts: 8, good, kept: good > 0 && good < 8 }
}

fn known(rates: &[f64]) -> Vec<Option<f64>> {
    rates.iter().copied().map(Some).collect()
}

#[test]
fn names_are_those_of_the_samplers() {
    let all: [Box<dyn Sampler>; 4] = [
        Box::new(Uniform::new(3).unwrap()),
        Box::new(Weighted::new(&[None], 8).unwrap()),
        Box::new(Curriculum::widening(&known(&[0.5]), Direction::EasyToHard, 0.5, 10).unwrap()),
        Box::new(Pools::new(3, 1).unwrap()),
    ];
    assert_eq!(all.map(|sampler| sampler.name()), sampler_names());
}

#[test]
fn weighted_draws_in_proportion_to_the_signal() {
    let sampler = Weighted::new(&known(&[0.5, 0.0, 0.1, 1.0, 0.02, 0.95]), 8).unwrap();
    let weights = sampler.weights().to_vec();
    let mut times = [0_u32; 6];
    let draws = 20_000;
    (0..draws).for_each(|step| times[sampler.draw(turn(step, 0), 1, &random)[0]] += 1);
    let sum: f64 = weights.iter().sum();
    for (place, (&count, weight)) in times.iter().zip(&weights).enumerate() {
        let (share, expected) = (f64::from(count) / f64::from(draws), weight / sum);
        // four standard errors
        let error = 4.0 * (expected * (1.0 - expected) / f64::from(draws)).sqrt();
        assert!((share - expected).abs() < error, "place {place}: {share} and {expected}");
    }
    assert!(weights[0] > 0.8 && weights[1] > 0.0 && weights[1] < 0.4, "{weights:?}");
    // a new round of the same step draws anew
    let round = |round| sampler.draw(Turn { step: 3, round, drawn: 0 }, 6, &random);
    assert_ne!(round(0), round(1));
}

#[test]
fn weighted_learns_what_became_of_its_groups() {
    let mut sampler = Weighted::new(&[None, Some(0.5), Some(0.0)], 8).unwrap();
    let before = sampler.weights().to_vec();
    // nothing known: E[1 − q⁸ − (1−q)⁸] with q ~ Beta(½, ½)
    assert!((before[0] - 0.607_238_769_531_25).abs() < 1e-12, "{before:?}");
    sampler.observe(turn(0, 0), &[outcome(1, 8), outcome(2, 4)]).unwrap();
    let after = sampler.weights().to_vec();
    assert!(after[0] == before[0] && after[1] < before[1] && after[2] > before[2], "{before:?}, then {after:?}");
    // always right: the weight falls, and old attempts fade
    let weights: Vec<f64> = (1..20)
        .map(|step| {
            sampler.observe(turn(step, 0), &[outcome(1, 8)]).unwrap();
            sampler.weights()[1]
        })
        .collect();
    assert!(weights.windows(2).all(|pair| pair[1] <= pair[0]) && weights[18] > 0.05, "{weights:?}");
    sampler.observe(turn(20, 0), &[outcome(1, 4)]).unwrap();
    assert!(sampler.weights()[1] > 2.0 * weights[18]);
    // a group of which nothing could be graded says nothing
    let state = sampler.save();
    sampler.observe(turn(21, 0), &[GroupOutcome { problem: 0, attempts: 0, good: 0, kept: false }]).unwrap();
    assert_eq!(sampler.save(), state);
}

#[test]
fn curriculum_widens_from_one_end() {
    let rates = known(&[0.2, 0.9, 0.5, 0.5, 0.0, 1.0, 0.7, 0.1]);
    let easy = Curriculum::widening(&rates, Direction::EasyToHard, 0.25, 12).unwrap();
    assert_eq!(easy.pool(0), [5, 1]);
    assert_eq!(easy.pool(4), [5, 1, 6, 2]);
    assert_eq!(easy.pool(12), [5, 1, 6, 2, 3, 0, 7, 4]);
    assert_eq!(easy.pool(u32::MAX), easy.pool(12));
    let hard = Curriculum::widening(&rates, Direction::HardToEasy, 0.25, 12).unwrap();
    assert_eq!((hard.pool(0), hard.pool(12).len()), (vec![4, 7], 8));
    let drawn = easy.draw(turn(0, 0), 5, &random);
    assert!(drawn.len() == 5 && drawn.iter().all(|place| [5, 1].contains(place)), "{drawn:?}");
    assert_eq!(
        easy.metrics(turn(0, 0)),
        [("pool", 2.0), ("pool_rate_mean", 0.95), ("pool_rate_min", 0.9), ("pool_rate_max", 1.0)]
    );
}

/// ⌈share · n⌉ in whole numbers: 0.07 of 100 is 7, though the product is a hair above in binary.
#[test]
fn curriculum_takes_no_problem_for_rounding() {
    for n in [1_u64, 2, 3, 7, 25, 50, 99, 100, 128, 1000] {
        let rates = known(&vec![0.5; n as usize]);
        for percent in 1..=100_u64 {
            for steps in [1, 3, 8, 10, 150_u32] {
                let pool = Curriculum::widening(&rates, Direction::EasyToHard, percent as f64 / 100.0, steps).unwrap();
                for step in [0, 1, steps / 3, steps / 2, steps - 1, steps] {
                    let (now, end) = (u64::from(step.min(steps)), u64::from(steps));
                    let expected = ((percent * end + (100 - percent) * now) * n).div_ceil(100 * end);
                    let found = pool.pool(step).len() as u64;
                    assert_eq!(found, expected, "{percent} % of {n} at step {step} of {steps}");
                }
            }
        }
    }
}

#[test]
fn curriculum_follows_a_schedule() {
    let rates = known(&[0.2, 0.9, 0.5, 0.6]);
    let stage = |from, band: &str| Stage { from, band: band.parse().unwrap() };
    let curriculum = Curriculum::stages(&rates, &[stage(0, "(0.5, 1]"), stage(10, "[0.2, 0.5]"), stage(20, "[0, 1]")]).unwrap();
    assert_eq!(curriculum.pool(9), [1, 3]);
    assert_eq!(curriculum.pool(10), [2, 0]);
    assert_eq!(curriculum.pool(20).len(), 4);
    let text = stage(10, "[0.2, 0.5]").to_string();
    assert_eq!((text.as_str(), text.parse::<Stage>().unwrap()), ("10: [0.2, 0.5]", stage(10, "[0.2, 0.5]")));
    for bad in ["10", "x: [0, 1]", "-1: [0, 1]"] {
        assert_eq!(bad.parse::<Stage>().unwrap_err(), DifficultyError::StageSyntax { text: bad.into() });
    }
    assert!(matches!("10: [1, 0]".parse::<Stage>().unwrap_err(), DifficultyError::EmptyBand { .. }));
}

#[test]
fn pools_rest_and_come_back() {
    let mut pools = Pools::new(4, 2).unwrap();
    let first = pools.draw(turn(0, 0), 2, &random);
    pools.observe(turn(0, 0), &[outcome(first[0], 0), outcome(first[1], 3)]).unwrap();
    assert_eq!(pools.metrics(turn(1, 2)), [("awake", 3.0), ("resting", 1.0), ("epoch", 0.5)]);
    // the other two, then a new epoch without the one that rests
    let second = pools.draw(turn(1, 2), 2, &random);
    assert!(second.iter().all(|place| !first.contains(place)), "{first:?}, {second:?}");
    pools.observe(turn(1, 2), &[outcome(second[0], 3), outcome(second[1], 3)]).unwrap();
    let third = pools.draw(turn(2, 4), 3, &random);
    assert!(!third.contains(&first[0]), "{first:?}, {third:?}");
    pools.observe(turn(2, 4), &third.iter().map(|&place| outcome(place, 3)).collect::<Vec<_>>()).unwrap();
    // two steps later it is back, and is all that is left of this epoch
    assert_eq!(pools.draw(turn(3, 7), 1, &random), [first[0]]);
}

#[test]
fn pools_wake_those_whose_rest_ends_first() {
    let mut pools = Pools::new(3, 5).unwrap();
    for step in 0..3 {
        let drawn = pools.draw(turn(step, u64::from(step)), 1, &random);
        assert_eq!(drawn, [pools_order(&pools)[0]]);
        pools.observe(turn(step, u64::from(step)), &[outcome(drawn[0], 0)]).unwrap();
    }
    // all rest; the first that fell asleep is woken, or all when all are asked for
    assert_eq!(pools.metrics(turn(3, 3))[0], ("awake", 0.0));
    let woken = pools.draw(turn(3, 3), 1, &random)[0];
    let wakes = pools.save().values;
    let soonest = wakes["wakes"].iter().copied().fold(f64::INFINITY, f64::min);
    let place = wakes["wakes"].iter().position(|step| *step == soonest).unwrap();
    assert_eq!(wakes["resting"][place] as usize, woken);
    let mut all = pools.draw(turn(3, 3), 3, &random);
    all.sort_unstable();
    assert_eq!(all, [0, 1, 2]);
}

/// What an epoch has left, in its order.
fn pools_order(pools: &Pools) -> Vec<usize> {
    let order = Uniform::new(3).unwrap().draw(turn(0, 0), 3, &random);
    let come = &pools.save().values["come"];
    order.into_iter().filter(|place| !come.contains(&(*place as f64))).collect()
}

/// Saved as JSON in the middle of an epoch, read, and on as if nothing had happened.
#[test]
fn states_survive_as_json_in_the_middle_of_an_epoch() {
    let rates: Vec<Option<f64>> = (0..23).map(|i| (i % 3 > 0).then(|| f64::from(i) / 23.0)).collect();
    let fresh: [Box<dyn Fn() -> Box<dyn Sampler>>; 3] = [
        Box::new(|| Box::new(Uniform::new(23).unwrap())),
        Box::new(move || Box::new(Weighted::new(&rates, 8).unwrap())),
        Box::new(|| Box::new(Pools::new(23, 3).unwrap())),
    ];
    for fresh in fresh {
        let mut running = fresh();
        for step in 0..12_u32 {
            let turn = turn(step, u64::from(step) * 5);
            let state: SamplerState = serde_json::from_str(&serde_json::to_string(&running.save()).unwrap()).unwrap();
            let mut resumed = fresh();
            resumed.load(&state).unwrap();
            let drawn = running.draw(turn, 5, &random);
            assert_eq!(resumed.draw(turn, 5, &random), drawn, "{} at step {step}", running.name());
            let outcomes: Vec<_> = drawn.iter().map(|&place| outcome(place, (place as u32 * 5 + step) % 9)).collect();
            running.observe(turn, &outcomes).unwrap();
        }
        let remembers = running.name() != "uniform";
        assert_eq!(!running.save().values.is_empty(), remembers, "{}", running.name());
    }
}

#[test]
fn states_that_cannot_be_are_refused_and_change_nothing() {
    let mut weighted: Box<dyn Sampler> = Box::new(Weighted::new(&[None; 4], 8).unwrap());
    weighted.observe(turn(0, 0), &[outcome(2, 3), outcome(3, 0)]).unwrap();
    let mut pools: Box<dyn Sampler> = Box::new(Pools::new(4, 2).unwrap());
    pools.observe(turn(0, 0), &[outcome(2, 3), outcome(3, 0)]).unwrap();
    type Change<'a> = (&'a str, Vec<f64>);
    let bad: [(&mut Box<dyn Sampler>, Vec<Change>); 2] = [
        (
            &mut weighted,
            vec![
                ("problem", vec![2.0, 4.0]),
                ("problem", vec![2.0, 2.0]),
                ("problem", vec![2.0]),
                ("problem", vec![2.5, 3.0]),
                ("good", vec![-1.0, 0.0]),
                ("bad", vec![f64::NAN, 0.0]),
                ("more", vec![]),
            ],
        ),
        (
            &mut pools,
            vec![
                ("epoch", vec![]),
                ("epoch", vec![-1.0]),
                ("come", vec![2.0, 4.0]),
                ("come", vec![2.0, 2.0]),
                ("resting", vec![0.0, 1.0]),
                ("wakes", vec![5e9]),
            ],
        ),
    ];
    for (sampler, changes) in bad {
        let good = sampler.save();
        for (list, numbers) in changes {
            let mut state = good.clone();
            state.values.insert(list.to_owned(), numbers.clone());
            let error = sampler.load(&state).unwrap_err();
            assert!(matches!(error, DifficultyError::BadState { .. }), "{list} {numbers:?}: {error}");
            assert_eq!(sampler.save(), good, "{list} {numbers:?}");
        }
        let mut missing = good.clone();
        missing.values.pop_first();
        assert!(matches!(sampler.load(&missing).unwrap_err(), DifficultyError::BadState { .. }));
        sampler.load(&good).unwrap();
    }
}

#[test]
fn outcomes_that_cannot_be_are_refused_and_change_nothing() {
    let samplers: [Box<dyn Sampler>; 2] = [Box::new(Weighted::new(&[None; 4], 8).unwrap()), Box::new(Pools::new(4, 2).unwrap())];
    for mut sampler in samplers {
        let before = sampler.save();
        let error = sampler.observe(turn(0, 0), &[outcome(0, 1), outcome(4, 1)]).unwrap_err();
        assert_eq!(error, DifficultyError::NoSuchProblem { place: 4, problems: 4 });
        let error = sampler.observe(turn(0, 0), &[outcome(0, 1), outcome(1, 9)]).unwrap_err();
        assert_eq!(error, DifficultyError::TooManyCorrect { attempts: 8, correct: 9 });
        assert_eq!(sampler.save(), before);
    }
}

#[test]
fn samplers_that_cannot_be_are_refused() {
    use DifficultyError::*;
    let rates = known(&[0.2, 0.9]);
    let stage = |from, band: Band| Stage { from, band };
    assert_eq!(Uniform::new(0).unwrap_err(), NoProblems);
    assert_eq!(Weighted::new(&[], 8).unwrap_err(), NoProblems);
    assert_eq!(Weighted::new(&rates, 1).unwrap_err(), GroupTooSmall { found: 1 });
    assert_eq!(Weighted::new(&known(&[0.5, 1.5]), 8).unwrap_err(), BadRateOf { place: 1, found: 1.5 });
    let widening =
        |rates: &[Option<f64>], start, steps| Curriculum::widening(rates, Direction::EasyToHard, start, steps).unwrap_err();
    assert_eq!(widening(&[None, Some(0.5), None], 0.5, 3), UnknownRates { unknown: 2, problems: 3 });
    assert_eq!(widening(&rates, 0.0, 3), BadStart { found: 0.0 });
    assert_eq!(widening(&rates, 1.01, 3), BadStart { found: 1.01 });
    assert_eq!(widening(&rates, 0.5, 0), NoSteps);
    assert_eq!(widening(&[], 0.5, 3), NoProblems);
    assert_eq!(Curriculum::stages(&rates, &[]).unwrap_err(), FirstStage { found: None });
    assert_eq!(Curriculum::stages(&rates, &[stage(1, Band::EASY)]).unwrap_err(), FirstStage { found: Some(1) });
    let twice = [stage(0, Band::EASY), stage(5, Band::HARD), stage(5, Band::EASY)];
    assert_eq!(Curriculum::stages(&rates, &twice).unwrap_err(), StageOrder { first: 5, second: 5 });
    let empty = [stage(0, Band::EASY), stage(5, Band::new(0.3..0.4).unwrap())];
    assert_eq!(Curriculum::stages(&rates, &empty).unwrap_err(), EmptyStage { from: 5, band: "[0.3, 0.4)".into() });
    assert_eq!(Pools::new(0, 1).unwrap_err(), NoProblems);
    assert_eq!(Pools::new(1, 0).unwrap_err(), NoRest);
}
