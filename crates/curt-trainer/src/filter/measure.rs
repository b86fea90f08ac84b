//! Measures pass rates: samples attempts until every label is decided.

use std::collections::VecDeque;
use std::ops::Range;

use curt_difficulty::{Attempt, Conditions, EarlyStop, Placement};
use curt_runtime::{
    Completion, DrawKey, GenerateProgress, GenerateRequest, Policy, PolicyError, Purpose, Sampling, StopReason, Tokenizer,
};
use curt_verify::Verdict;

use super::attempts_file::AttemptsFile;
use super::error::FilterError;
use super::part::{Part, check_parts};
use super::problems::Encoded;
use crate::rollout::Group;
use crate::verifiers::Verifiers;
use crate::verify::verify;

/// What is measured, and how.
#[derive(Clone, Debug)]
pub struct FilterPlan {
    /// Model, cap, temperature, grader, seed.
    pub conditions: Conditions,
    /// Attempts at each problem, N.
    pub attempts: u32,
    /// Where the pass rates go.
    pub parts: Vec<Part>,
    /// Whether attempts are left out that cannot change into which parts a problem goes.
    pub early_stop: bool,
    /// Completions that are sampled at once; changes no attempt, only what a kill can cost.
    pub batch: usize,
}

/// The attempts at one problem, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// Right ones.
    pub right: u32,
    /// Wrong ones.
    pub wrong: u32,
    /// Those that the cap cut.
    pub truncated: u32,
    /// Tokens of all.
    pub tokens: u64,
    /// Tokens of the right ones.
    pub right_tokens: u64,
    /// Whether the verifier could say nothing of one of them: the problem then has no pass rate.
    pub ungradable: bool,
}

/// How far a measurement is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MeasureProgress {
    /// Problems to measure.
    pub problems: usize,
    /// Those whose label is decided.
    pub decided: usize,
    /// Completions so far, those that were known included.
    pub rollouts: u64,
    /// Completions that early stopping saved so far.
    pub saved: u64,
    /// Tokens sampled by this process.
    pub tokens: u64,
}

/// Some attempts at one problem.
struct Wanted {
    place: usize,
    samples: Range<u32>,
}

/// What came of one attempt.
#[derive(Clone, Copy)]
struct Judged {
    attempt: Attempt,
    ungradable: bool,
}

impl FilterPlan {
    /// When to stop, for each part.
    ///
    /// # Errors
    /// Conditions that cannot be, two parts of one name, a band into which no number of right answers of N falls.
    pub fn stops(&self) -> Result<Vec<EarlyStop>, FilterError> {
        self.conditions.check()?;
        check_parts(&self.parts, Some(self.attempts))?;
        Ok(self.parts.iter().map(|part| EarlyStop::new(part.band, self.attempts)).collect::<Result<_, _>>()?)
    }

    /// The parts that so many attempts put a problem into; by the plan's own stopping rule they are decided.
    pub(super) fn parts_of(&self, stops: &[EarlyStop], measured: &Measured) -> Vec<usize> {
        let within = |stop: &EarlyStop| stop.decide(measured.right, measured.wrong) == Some(Placement::Within);
        (0..stops.len()).filter(|part| within(&stops[*part])).collect()
    }

    /// How many attempts to make next: the fewest after which all labels can be decided, so none is made in vain; 0 when they are.
    pub(super) fn next(&self, stops: &[EarlyStop], measured: &Measured) -> u32 {
        let (right, wrong) = (measured.right, measured.wrong);
        let left = self.attempts - right - wrong;
        if measured.ungradable || !self.early_stop {
            return if measured.ungradable { 0 } else { left };
        }
        let decided = |right, wrong| stops.iter().all(|stop| stop.decide(right, wrong).is_some());
        let fewest = u32::from(right + wrong == 0);
        let can = |more: &u32| (0..=*more).any(|hits| decided(right + hits, wrong + more - hits));
        (fewest.min(left)..=left).find(can).unwrap_or(left)
    }
}

impl Measured {
    /// Attempts.
    pub fn attempts(&self) -> u32 {
        self.right + self.wrong
    }

    /// Right ones among the attempts that were made; `None` without attempts.
    pub fn rate(&self) -> Option<f64> {
        (self.attempts() > 0).then(|| f64::from(self.right) / f64::from(self.attempts()))
    }

    /// Mean tokens of the right ones; `None` where there are none.
    pub fn right_length(&self) -> Option<f64> {
        (self.right > 0).then(|| self.right_tokens as f64 / f64::from(self.right))
    }

    fn add(&mut self, attempt: Attempt) {
        let tokens = u64::from(attempt.length);
        self.right += u32::from(attempt.correct);
        self.wrong += u32::from(!attempt.correct);
        self.truncated += u32::from(attempt.truncated);
        self.tokens += tokens;
        self.right_tokens += if attempt.correct { tokens } else { 0 };
    }
}

/// Attempts at every problem until it is decided into which parts it goes, as counts in the order of the problems. Attempts in
/// `file` are used, others are sampled and written there, batch by batch.
///
/// Which attempts are right depends on the plan's conditions, the problem's prompt and answer, and the sample's number, not on
/// batches, order, threads or interruptions; equal problems have equal attempts. `watch` is asked at every decode step and ends
/// everything when it returns false.
///
/// # Errors
/// A plan that cannot be, whatever the policy or a verifier refuses, and [`PolicyError::Interrupted`].
pub fn measure(
    policy: &mut dyn Policy,
    tokenizer: &Tokenizer,
    verifiers: &Verifiers,
    problems: &Encoded,
    plan: &FilterPlan,
    file: &mut AttemptsFile,
    watch: &mut dyn FnMut(&MeasureProgress) -> bool,
) -> Result<Vec<Measured>, FilterError> {
    let stops = plan.stops()?;
    let mut measured = vec![Measured::default(); problems.measurable.len()];
    let mut progress = MeasureProgress { problems: measured.len(), ..MeasureProgress::default() };
    // the batches are those of a measurement from scratch, whatever is known, so an interrupted one writes the same lines
    let mut open: VecDeque<usize> = (0..measured.len()).collect();
    while !open.is_empty() {
        let batch = next_batch(plan, &stops, &measured, &mut open);
        let mut sampler = Sampler { policy: &mut *policy, tokenizer, verifiers, problems, plan };
        sampler.fill(&batch, file, &mut progress, watch)?;
        for wanted in batch.iter().rev() {
            let counts = &mut measured[wanted.place];
            let known = file.of(&problems.measurable[wanted.place].problem.id);
            let attempts = known.iter().flat_map(|known| known.samples.range(wanted.samples.clone()));
            attempts.for_each(|(_, attempt)| counts.add(*attempt));
            counts.ungradable = known.is_some_and(|known| known.ungradable);
            progress.rollouts += u64::from(wanted.samples.end - wanted.samples.start);
            match plan.next(&stops, counts) {
                0 => {
                    progress.decided += 1;
                    progress.saved += if counts.ungradable { 0 } else { u64::from(plan.attempts - counts.attempts()) };
                }
                _ => open.push_front(wanted.place),
            }
        }
        if !watch(&progress) {
            return Err(PolicyError::Interrupted.into());
        }
    }
    Ok(measured)
}

/// The next attempts, of the first open problems.
fn next_batch(plan: &FilterPlan, stops: &[EarlyStop], measured: &[Measured], open: &mut VecDeque<usize>) -> Vec<Wanted> {
    let (mut batch, mut rollouts) = (Vec::new(), 0);
    while rollouts < plan.batch.max(1) {
        let Some(place) = open.pop_front() else { break };
        let made = measured[place].attempts();
        let more = plan.next(stops, &measured[place]);
        rollouts += more as usize;
        batch.push(Wanted { place, samples: made..made + more });
    }
    batch
}

/// Who samples and judges.
struct Sampler<'a> {
    policy: &'a mut dyn Policy,
    tokenizer: &'a Tokenizer,
    verifiers: &'a Verifiers,
    problems: &'a Encoded,
    plan: &'a FilterPlan,
}

impl Sampler<'_> {
    /// Samples what the file lacks of a batch, and writes it there.
    fn fill(
        &mut self,
        batch: &[Wanted],
        file: &mut AttemptsFile,
        progress: &mut MeasureProgress,
        watch: &mut dyn FnMut(&MeasureProgress) -> bool,
    ) -> Result<(), FilterError> {
        let missing = |wanted: &Wanted| {
            let known = file.of(&self.problems.measurable[wanted.place].problem.id);
            let lacks = |sample: &u32| known.is_none_or(|known| !known.samples.contains_key(sample));
            (wanted.place, wanted.samples.clone().filter(lacks).collect::<Vec<u32>>())
        };
        let missing: Vec<(usize, Vec<u32>)> = batch.iter().map(missing).filter(|(_, samples)| !samples.is_empty()).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let before = *progress;
        let completions = self.sample(&missing, &mut |now| {
            progress.tokens = before.tokens + now.tokens as u64;
            watch(&MeasureProgress { rollouts: before.rollouts + now.finished as u64, ..*progress })
        })?;
        let judged = self.judge(&missing, completions)?;
        let rows = missing.iter().zip(judged).map(|((place, samples), judged)| {
            let id = self.problems.measurable[*place].problem.id.as_str();
            let ungradable = judged.iter().any(|judged| judged.ungradable);
            let attempts: Vec<_> = samples.iter().zip(judged).map(|(sample, judged)| (*sample, judged.attempt)).collect();
            (id, self.problems.digest_at(*place), attempts, ungradable)
        });
        file.append(rows)
    }

    fn sample(
        &mut self,
        missing: &[(usize, Vec<u32>)],
        keep_going: &mut dyn FnMut(GenerateProgress) -> bool,
    ) -> Result<Vec<Vec<Completion>>, FilterError> {
        let conditions = &self.plan.conditions;
        let request = |(place, samples): &(usize, Vec<u32>)| {
            let selected = &self.problems.measurable[*place];
            // equal problems draw equal numbers, so the label of one does not depend on how many stand before it
            let key = DrawKey { problem: selected.key, ..DrawKey::new(conditions.seed, Purpose::Filter) };
            GenerateRequest {
                prompt: selected.prompt_ids.clone(),
                samples: samples.iter().map(|sample| DrawKey { sample: *sample, ..key }).collect(),
                max_new_tokens: conditions.cap as usize,
            }
        };
        let requests: Vec<GenerateRequest> = missing.iter().map(request).collect();
        let sampling = Sampling { top_p: conditions.top_p, ..Sampling::temperature(conditions.temperature) };
        Ok(self.policy.generate(&requests, &sampling, keep_going)?)
    }

    fn judge(&self, missing: &[(usize, Vec<u32>)], completions: Vec<Vec<Completion>>) -> Result<Vec<Vec<Judged>>, FilterError> {
        let selected = missing.iter().map(|(place, _)| self.problems.measurable[*place].clone());
        let groups = selected.zip(completions).map(|(selected, completions)| Group { selected, completions }).collect();
        let verified = verify(self.verifiers, self.tokenizer, groups)?;
        let judged = verified.iter().map(|group| {
            let of_group = group.group.completions.iter().zip(&group.verdicts);
            let judged = of_group.map(|(completion, verdict)| Judged {
                attempt: Attempt {
                    correct: verdict.is_correct(),
                    length: completion.ids.len() as u32,
                    truncated: completion.stop != StopReason::Eos,
                },
                ungradable: verdict.verification.verdict == Verdict::Ungradable,
            });
            judged.collect()
        });
        Ok(judged.collect())
    }
}
