//! Laws of samplers.

use proptest::prelude::*;

use super::{LawResult, holds, refused};
use crate::random::Bits;
use crate::{GroupOutcome, Sampler, SamplerState, Stream, Turn};

/// Makes the sampler under test, before its first step, for a data set of so many problems.
pub type Fresh<'a> = dyn Fn(usize) -> Box<dyn Sampler> + 'a;

/// The steps of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Walk {
    /// Problems of the data set.
    pub problems: usize,
    /// Key of all randomness.
    pub seed: u64,
    /// Problems that each step draws.
    pub counts: Vec<usize>,
    /// What decides how the groups turn out.
    pub luck: u64,
}

/// Data sets of 1 to 40 problems, 1 to 12 steps that draw up to 12 problems each.
pub fn walks() -> impl Strategy<Value = Walk> {
    let counts = prop::collection::vec(1..=12_usize, 1..=12);
    (1..=40_usize, any::<u64>(), counts, any::<u64>()).prop_map(|(problems, seed, counts, luck)| Walk {
        problems,
        seed,
        counts,
        luck,
    })
}

/// Streams of random numbers for tests, made from `seed`.
pub fn randomness(seed: u64) -> impl Fn(Stream) -> Bits {
    move |stream| {
        let name = match stream {
            Stream::Epoch(epoch) => mix(epoch),
            Stream::Step { step, round } => mix(!(u64::from(step) << 16 | u64::from(round))),
        };
        let mut counter = mix(seed) ^ name;
        Box::new(move || {
            counter = counter.wrapping_add(0x9e37_79b9_7f4a_7c15);
            mix(counter)
        })
    }
}

/// The finalizer of SplitMix64.
fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

impl Walk {
    /// Each step's turn, draw and outcomes, as `sampler` walks it.
    fn steps(&self, sampler: &mut dyn Sampler, mut each: impl FnMut(&dyn Sampler, Turn, &[usize]) -> LawResult) -> LawResult {
        let random = randomness(self.seed);
        let mut drawn = 0;
        for (step, &count) in self.counts.iter().enumerate() {
            let turn = Turn { step: step as u32, round: 0, drawn };
            let places = sampler.draw(turn, count, &random);
            each(sampler, turn, &places)?;
            sampler.observe(turn, &self.outcomes(turn, &places)).map_err(refused)?;
            drawn += count as u64;
        }
        Ok(())
    }

    fn outcomes(&self, turn: Turn, places: &[usize]) -> Vec<GroupOutcome> {
        let outcome = |(row, &problem): (usize, &usize)| {
            let luck = mix(self.luck ^ mix(u64::from(turn.step) << 32 | row as u64));
            let good = (luck % 9) as u32;
            GroupOutcome { problem, attempts: 8, good, kept: (1..8).contains(&good) && luck & 1024 == 0 }
        };
        places.iter().enumerate().map(outcome).collect()
    }

    fn draws(&self, sampler: &mut dyn Sampler) -> Result<Vec<Vec<usize>>, TestCaseError> {
        let mut all = Vec::new();
        self.steps(sampler, |_, _, places| {
            all.push(places.to_vec());
            Ok(())
        })?;
        Ok(all)
    }
}

/// As many problems as asked for come, and they are of the data set.
pub fn draws_what_is_asked(fresh: &Fresh<'_>, walk: &Walk) -> LawResult {
    for (places, &count) in walk.draws(&mut *fresh(walk.problems))?.iter().zip(&walk.counts) {
        let holds_true = places.len() == count && places.iter().all(|place| *place < walk.problems);
        holds(holds_true, || format!("{count} asked for: {places:?}"))?;
    }
    Ok(())
}

/// A draw made again is the same, and so is a run.
pub fn draws_the_same_again(fresh: &Fresh<'_>, walk: &Walk) -> LawResult {
    let random = randomness(walk.seed);
    walk.steps(&mut *fresh(walk.problems), |sampler, turn, places| {
        let before = sampler.save();
        let again = sampler.draw(turn, places.len(), &random);
        holds(again == places, || format!("{places:?}, then {again:?}"))?;
        holds(sampler.save() == before, || "drawing changes the state".to_owned())
    })?;
    let (first, second) = (walk.draws(&mut *fresh(walk.problems))?, walk.draws(&mut *fresh(walk.problems))?);
    holds(first == second, || format!("{first:?}, then {second:?}"))
}

/// A sampler that goes back to a saved state draws, reports and saves as the one that was saved; tried after each step.
pub fn resumes_exactly(fresh: &Fresh<'_>, walk: &Walk) -> LawResult {
    let mut running = fresh(walk.problems);
    let random = randomness(walk.seed);
    let mut drawn = 0;
    for (step, &count) in walk.counts.iter().enumerate() {
        let turn = Turn { step: step as u32, round: 0, drawn };
        let mut resumed = fresh(walk.problems);
        resumed.load(&running.save()).map_err(refused)?;
        holds(resumed.save() == running.save(), || format!("step {step}: the state changes when it is loaded"))?;
        holds(resumed.metrics(turn) == running.metrics(turn), || format!("step {step}: metrics"))?;
        let (a, b) = (running.draw(turn, count, &random), resumed.draw(turn, count, &random));
        holds(a == b, || format!("step {step}: {a:?} and {b:?}"))?;
        let outcomes = walk.outcomes(turn, &a);
        running.observe(turn, &outcomes).map_err(refused)?;
        resumed.observe(turn, &outcomes).map_err(refused)?;
        holds(resumed.save() == running.save(), || format!("step {step}: observing diverges"))?;
        drawn += count as u64;
    }
    Ok(())
}

/// The state of a sampler of another name or version is refused, and changes nothing.
pub fn refuses_states_of_others(fresh: &Fresh<'_>, walk: &Walk) -> LawResult {
    let mut sampler = fresh(walk.problems);
    walk.draws(&mut *sampler)?;
    let state = sampler.save();
    let others = [
        SamplerState { sampler: format!("not {}", state.sampler), ..state.clone() },
        SamplerState { version: state.version + 1, ..state.clone() },
    ];
    for other in others {
        holds(sampler.load(&other).is_err(), || format!("loaded {other:?}"))?;
        holds(sampler.save() == state, || "a state that was refused changed it".to_owned())?;
    }
    Ok(())
}

/// Another seed draws other problems. (Of 40 problems a hundred are drawn, so that it cannot be chance.)
pub fn follows_the_seed(fresh: &Fresh<'_>, walk: &Walk) -> LawResult {
    let longer = Walk { problems: 40, counts: vec![10; 10], ..walk.clone() };
    let other = Walk { seed: walk.seed ^ 1, ..longer.clone() };
    let (first, second) = (longer.draws(&mut *fresh(40))?, other.draws(&mut *fresh(40))?);
    holds(first != second, || format!("{first:?} from both seeds"))
}

/// No problem comes a second time before all have come once: after each step the numbers of times differ by 1 at most.
pub fn comes_once_per_epoch(fresh: &Fresh<'_>, walk: &Walk) -> LawResult {
    let mut times = vec![0_u32; walk.problems];
    for place in walk.draws(&mut *fresh(walk.problems))?.into_iter().flatten() {
        times[place] += 1;
        let (least, most) = (times.iter().min(), times.iter().max());
        let differ = most.zip(least).map_or(0, |(most, least)| most - least);
        holds(differ <= 1, || format!("problem {place} comes too often: {times:?}"))?;
    }
    Ok(())
}

/// In a step that draws no more problems than there are, none comes twice.
pub fn comes_once_per_step(fresh: &Fresh<'_>, walk: &Walk) -> LawResult {
    for places in walk.draws(&mut *fresh(walk.problems))?.iter().filter(|places| places.len() <= walk.problems) {
        let mut once = places.clone();
        once.sort_unstable();
        once.dedup();
        holds(once.len() == places.len(), || format!("{places:?}"))?;
    }
    Ok(())
}
