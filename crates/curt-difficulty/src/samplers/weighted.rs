//! `weighted`: more often what will teach more.

use std::collections::BTreeMap;

use crate::random::uniform;
use crate::sampler::{bad_state, check_outcomes, whole_numbers};
use crate::{DifficultyError, GroupOutcome, Posterior, Prior, Randomness, Sampler, SamplerState, Stream, Turn, signal};

/// Draws a problem with a probability in proportion to the **signal that its group is expected to give**:
/// w = E\[1 − q^N − (1−q)^N\] with q ~ Beta(½ + good, ½ + bad) ([`Posterior::expected_signal`]).
///
/// What is known of q is a pass rate of the data set, which counts as [`Weighted::KNOWN_ATTEMPTS`] attempts, and what became of
/// the problem's own groups since. The policy changes, so each new group halves the weight of what was known before
/// ([`Weighted::MEMORY`]). A problem of which nothing is known has q ~ Beta(½, ½). No weight is 0, so nothing is lost for good.
///
/// Within a step no problem comes twice until all have come. Draws without replacement are exponential races: the `count`
/// smallest of −ln(1−u)/w.
#[derive(Clone, Debug, PartialEq)]
pub struct Weighted {
    group_size: u32,
    known: Vec<Option<f64>>,
    /// Good and bad attempts of the problems that were drawn, old ones counting less.
    seen: BTreeMap<usize, [f64; 2]>,
    weights: Vec<f64>,
}

impl Weighted {
    /// As many attempts a pass rate of the data set is worth: the paper's 8.
    pub const KNOWN_ATTEMPTS: f64 = 8.0;
    /// What is left of older attempts when new ones come.
    pub const MEMORY: f64 = 0.5;

    /// Over problems with these pass rates, where known, for groups of `group_size`.
    ///
    /// # Errors
    /// No problems, a rate outside \[0, 1\] (its place is named), groups of fewer than 2, which never give signal.
    pub fn new(rates: &[Option<f64>], group_size: u32) -> Result<Self, DifficultyError> {
        check_rates(rates)?;
        if group_size < 2 {
            return Err(DifficultyError::GroupTooSmall { found: group_size });
        }
        let mut sampler = Self { group_size, known: rates.to_vec(), seen: BTreeMap::new(), weights: Vec::new() };
        sampler.weigh_all();
        Ok(sampler)
    }

    /// The weight of each problem.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    fn evidence(&self, problem: usize) -> [f64; 2] {
        let known = self.known[problem].map(|q| [Self::KNOWN_ATTEMPTS * q, Self::KNOWN_ATTEMPTS * (1.0 - q)]);
        self.seen.get(&problem).copied().or(known).unwrap_or_default()
    }

    fn weight(&self, problem: usize) -> f64 {
        let [good, bad] = self.evidence(problem);
        // counts are never negative or infinite
        Posterior::new(Prior::JEFFREYS, good, bad).map_or(0.0, |posterior| posterior.expected_signal(self.group_size))
    }

    fn weigh_all(&mut self) {
        self.weights = (0..self.known.len()).map(|problem| self.weight(problem)).collect();
    }
}

/// Rates, where known, that are some.
pub(super) fn check_rates(rates: &[Option<f64>]) -> Result<(), DifficultyError> {
    if rates.is_empty() {
        return Err(DifficultyError::NoProblems);
    }
    let bad =
        rates.iter().enumerate().find_map(|(place, rate)| rate.filter(|q| signal::checked(*q).is_err()).map(|q| (place, q)));
    match bad {
        Some((place, found)) => Err(DifficultyError::BadRateOf { place, found }),
        None => Ok(()),
    }
}

impl Sampler for Weighted {
    fn name(&self) -> &'static str {
        "weighted"
    }

    fn draw(&self, turn: Turn, count: usize, random: &Randomness<'_>) -> Vec<usize> {
        let mut bits = random(Stream::Step { step: turn.step, round: turn.round });
        let mut drawn = Vec::with_capacity(count);
        while drawn.len() < count {
            let race = |(place, weight): (usize, &f64)| (-libm::log1p(-uniform(&mut bits)) / weight, place);
            let mut finish: Vec<(f64, usize)> = self.weights.iter().enumerate().map(race).collect();
            finish.sort_unstable_by(|(t, i), (u, j)| t.total_cmp(u).then(i.cmp(j)));
            drawn.extend(finish.into_iter().take(count - drawn.len()).map(|(_, place)| place));
        }
        drawn
    }

    fn observe(&mut self, _: Turn, outcomes: &[GroupOutcome]) -> Result<(), DifficultyError> {
        check_outcomes(outcomes, self.known.len())?;
        for outcome in outcomes.iter().filter(|outcome| outcome.attempts > 0) {
            let [good, bad] = self.evidence(outcome.problem).map(|count| Self::MEMORY * count);
            let now = [good + f64::from(outcome.good), bad + f64::from(outcome.attempts - outcome.good)];
            self.seen.insert(outcome.problem, now);
            self.weights[outcome.problem] = self.weight(outcome.problem);
        }
        Ok(())
    }

    fn save(&self) -> SamplerState {
        SamplerState::without_memory(self.name())
            .with("problem", self.seen.keys().map(|problem| *problem as f64))
            .with("good", self.seen.values().map(|counts| counts[0]))
            .with("bad", self.seen.values().map(|counts| counts[1]))
    }

    fn load(&mut self, state: &SamplerState) -> Result<(), DifficultyError> {
        let lists = state.expect(self.name(), &["problem", "good", "bad"])?;
        let (good, bad) = (lists[1], lists[2]);
        let problems = whole_numbers("problem", lists[0], self.known.len() as u64 - 1)?;
        if good.len() != problems.len() || bad.len() != problems.len() {
            return Err(bad_state("lists of different lengths".to_owned()));
        }
        if let Some(found) = good.iter().chain(bad).find(|count| !(count.is_finite() && **count >= 0.0)) {
            return Err(bad_state(format!("expected a count of at least 0, found {found}")));
        }
        let counts = good.iter().zip(bad).map(|(good, bad)| [*good, *bad]);
        let seen: BTreeMap<usize, [f64; 2]> = problems.iter().map(|problem| *problem as usize).zip(counts).collect();
        if seen.len() != problems.len() {
            return Err(bad_state("a problem comes twice".to_owned()));
        }
        self.seen = seen;
        self.weigh_all();
        Ok(())
    }

    fn metrics(&self, _: Turn) -> Vec<(&'static str, f64)> {
        let n = self.weights.len() as f64;
        let sum: f64 = self.weights.iter().sum();
        // of a draw, and of a draw of uniform
        let drawn = self.weights.iter().map(|w| w * w).sum::<f64>() / sum;
        vec![("expected_signal", drawn), ("mean_signal", sum / n), ("problems_seen", self.seen.len() as f64)]
    }
}
