//! Measures pass rates: samples attempts until every label is decided.

use std::collections::{BTreeMap, VecDeque};
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
use crate::reasons::Reasons;
use crate::rollout::Group;
use crate::verifiers::Verifiers;
use crate::verify::{VerifiedGroup, verify};

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

/// Attempts of which not one has a verdict, after which nothing more is expected of a verifier.
const HOPELESS: u64 = 64;

/// The attempts at one problem, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    /// Whether its right answer cannot be graded: the problem then has no pass rate.
    pub ungradable: bool,
    /// Attempts without a verdict, because the verifier failed: they count in nothing else here.
    pub without_verdict: Reasons,
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

/// What came of some attempts at one problem.
#[derive(Default)]
pub(super) struct Judged {
    /// Those with a verdict.
    pub attempts: Vec<(u32, Attempt)>,
    /// Whether its right answer cannot be graded.
    pub ungradable: bool,
    /// Those without a verdict, because the verifier failed.
    without_verdict: Reasons,
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
        let stops = self.left(stops, measured);
        let within = |stop: &EarlyStop| stop.decide(measured.right, measured.wrong) == Some(Placement::Within);
        (0..stops.len()).filter(|part| stops[*part].as_ref().is_some_and(within)).collect()
    }

    /// When to stop without the attempts that have no verdict; `None` for a part into which no number of right ones falls then.
    fn left(&self, stops: &[EarlyStop], measured: &Measured) -> Vec<Option<EarlyStop>> {
        match measured.without_verdict.count() as u32 {
            0 => stops.iter().copied().map(Some).collect(),
            without => stops.iter().map(|stop| EarlyStop::new(stop.band(), stop.n().saturating_sub(without)).ok()).collect(),
        }
    }

    /// How many attempts to make next: the fewest after which all labels can be decided, so none is made in vain; 0 when they are.
    pub(super) fn next(&self, stops: &[EarlyStop], measured: &Measured) -> u32 {
        let (right, wrong) = (measured.right, measured.wrong);
        let left = self.attempts - measured.made();
        if measured.ungradable || !self.early_stop {
            return if measured.ungradable { 0 } else { left };
        }
        let stops = self.left(stops, measured);
        let decided = |right, wrong| stops.iter().flatten().all(|stop| stop.decide(right, wrong).is_some());
        let fewest = u32::from(right + wrong == 0);
        let can = |more: &u32| (0..=*more).any(|hits| decided(right + hits, wrong + more - hits));
        (fewest.min(left)..=left).find(can).unwrap_or(left)
    }
}

impl Measured {
    /// Attempts with a verdict.
    pub fn attempts(&self) -> u32 {
        self.right + self.wrong
    }

    /// Attempts that were made.
    pub fn made(&self) -> u32 {
        self.attempts() + self.without_verdict.count() as u32
    }

    /// Attempts whose text was judged: one that the cap cut is wrong whatever it says.
    fn judged(&self) -> u32 {
        self.attempts() - self.truncated
    }

    /// Right ones among the attempts that have a verdict; `None` where the right answer cannot be graded, where none was made,
    /// and where the verifier failed on all that the cap did not cut.
    pub fn rate(&self) -> Option<f64> {
        let known = !self.ungradable && self.attempts() > 0 && (self.judged() > 0 || self.without_verdict.count() == 0);
        known.then(|| f64::from(self.right) / f64::from(self.attempts()))
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
/// batches, order, threads or interruptions; equal problems have equal attempts. One on which the verifier fails is no attempt:
/// it is not written, so the next measurement makes it again. `watch` is asked at every decode step and ends everything when it
/// returns false.
///
/// # Errors
/// A plan that cannot be, whatever the policy or a verifier refuses, a verifier that fails on everything, and
/// [`PolicyError::Interrupted`].
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
    let (mut judged, mut without_verdict) = (0_u32, Reasons::default());
    // the batches are those of a measurement from scratch, whatever is known, so an interrupted one writes the same lines
    let mut open: VecDeque<usize> = (0..measured.len()).collect();
    while !open.is_empty() {
        let batch = next_batch(plan, &stops, &measured, &mut open);
        let mut sampler = Sampler { policy: &mut *policy, tokenizer, verifiers, problems, plan };
        let failed = sampler.fill(&batch, file, &mut progress, watch)?;
        for wanted in batch.iter().rev() {
            let counts = &mut measured[wanted.place];
            let before = counts.judged();
            let known = file.of(&problems.measurable[wanted.place].problem.id);
            let attempts = known.iter().flat_map(|known| known.samples.range(wanted.samples.clone()));
            attempts.for_each(|(_, attempt)| counts.add(*attempt));
            counts.ungradable = known.is_some_and(|known| known.ungradable);
            failed.get(&wanted.place).into_iter().for_each(|reasons| counts.without_verdict.extend(reasons));
            judged += counts.judged() - before;
            progress.rollouts += u64::from(wanted.samples.end - wanted.samples.start);
            match plan.next(&stops, counts) {
                0 => {
                    progress.decided += 1;
                    progress.saved += if counts.ungradable { 0 } else { u64::from(plan.attempts - counts.made()) };
                }
                _ => open.push_front(wanted.place),
            }
        }
        failed.values().for_each(|reasons| without_verdict.extend(reasons));
        if judged == 0 && without_verdict.count() >= if open.is_empty() { 1 } else { HOPELESS } {
            return Err(no_verdict(&without_verdict));
        }
        if !watch(&progress) {
            return Err(PolicyError::Interrupted.into());
        }
    }
    Ok(measured)
}

fn no_verdict(reasons: &Reasons) -> FilterError {
    let reason = reasons.most_frequent().unwrap_or_default().to_owned();
    FilterError::NoVerdict { attempts: reasons.count(), reason }
}

/// The next attempts, of the first open problems.
fn next_batch(plan: &FilterPlan, stops: &[EarlyStop], measured: &[Measured], open: &mut VecDeque<usize>) -> Vec<Wanted> {
    let (mut batch, mut rollouts) = (Vec::new(), 0);
    while rollouts < plan.batch.max(1) {
        let Some(place) = open.pop_front() else { break };
        let made = measured[place].made();
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
    /// Samples what the file lacks of a batch, and writes there what has a verdict; by place, what has none.
    fn fill(
        &mut self,
        batch: &[Wanted],
        file: &mut AttemptsFile,
        progress: &mut MeasureProgress,
        watch: &mut dyn FnMut(&MeasureProgress) -> bool,
    ) -> Result<BTreeMap<usize, Reasons>, FilterError> {
        let missing = |wanted: &Wanted| {
            let known = file.of(&self.problems.measurable[wanted.place].problem.id);
            let lacks = |sample: &u32| known.is_none_or(|known| !known.samples.contains_key(sample));
            (wanted.place, wanted.samples.clone().filter(lacks).collect::<Vec<u32>>())
        };
        let missing: Vec<(usize, Vec<u32>)> = batch.iter().map(missing).filter(|(_, samples)| !samples.is_empty()).collect();
        if missing.is_empty() {
            return Ok(BTreeMap::new());
        }
        let before = *progress;
        let completions = self.sample(&missing, &mut |now| {
            progress.tokens = before.tokens + now.tokens as u64;
            watch(&MeasureProgress { rollouts: before.rollouts + now.finished as u64, ..*progress })
        })?;
        let judged = self.judge(&missing, completions)?;
        let rows = missing.iter().zip(&judged).map(|((place, _), judged)| {
            let id = self.problems.measurable[*place].problem.id.as_str();
            (id, self.problems.digest_at(*place), judged)
        });
        file.append(rows)?;
        Ok(missing.iter().zip(judged).map(|((place, _), judged)| (*place, judged.without_verdict)).collect())
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

    fn judge(&self, missing: &[(usize, Vec<u32>)], completions: Vec<Vec<Completion>>) -> Result<Vec<Judged>, FilterError> {
        let selected = missing.iter().map(|(place, _)| self.problems.measurable[*place].clone());
        let groups = selected.zip(completions).map(|(selected, completions)| Group { selected, completions }).collect();
        let verified = verify(self.verifiers, self.tokenizer, groups)?;
        Ok(verified.iter().zip(missing).map(|(group, (_, samples))| self.judged(group, samples)).collect())
    }

    fn judged(&self, group: &VerifiedGroup, samples: &[u32]) -> Judged {
        let problem = &group.group.selected.problem;
        let may_fail = self.verifiers.of(&problem.source).may_fail(&problem.answer);
        let mut judged = Judged::default();
        for ((completion, verdict), sample) in group.group.completions.iter().zip(&group.verdicts).zip(samples) {
            let ungradable = verdict.verification.verdict == Verdict::Ungradable;
            if ungradable && may_fail {
                judged.without_verdict.add(verdict.verification.reason.as_deref());
                continue;
            }
            judged.ungradable |= ungradable;
            let (length, truncated) = (completion.ids.len() as u32, completion.stop != StopReason::Eos);
            judged.attempts.push((*sample, Attempt { correct: verdict.is_correct(), length, truncated }));
        }
        judged
    }
}
