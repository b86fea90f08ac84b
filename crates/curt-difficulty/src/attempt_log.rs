//! What was sampled to measure difficulty, and under which conditions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{AttemptRecord, Conditions, DifficultyError, PassRate};

/// One attempt at a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Whether the answer is right.
    pub correct: bool,
    /// Tokens of the completion.
    pub length: u32,
    /// Whether the cap cut it.
    pub truncated: bool,
}

/// All attempts at one problem under the same conditions, by sample index.
type Samples = BTreeMap<u32, Attempt>;

/// Attempts at many problems. As JSON it is the list of its [records](AttemptLog::records).
///
/// A log belongs to one set of [`Conditions`], because a pass rate does; logs of others merge only by force, and are then
/// kept apart inside. An attempt is named by conditions (seed included), problem and sample index: to merge the same attempts
/// again changes nothing, and merging is associative and commutative.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<AttemptRecord>", into = "Vec<AttemptRecord>")]
pub struct AttemptLog {
    parts: BTreeMap<Conditions, BTreeMap<String, Samples>>,
}

/// The attempts at one problem, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Attempts.
    pub attempts: u32,
    /// Right ones.
    pub correct: u32,
    /// Those that the cap cut.
    pub truncated: u32,
    /// Tokens of all.
    pub tokens: u64,
}

impl AttemptLog {
    /// A log without attempts. It merges with any.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes one attempt; one that is there already changes nothing.
    ///
    /// # Errors
    /// Conditions that are none, or others than those of the log; another attempt of the same name.
    pub fn add(&mut self, under: &Conditions, problem: &str, sample: u32, attempt: Attempt) -> Result<(), DifficultyError> {
        under.check()?;
        self.check_conditions([under])?;
        self.check_attempt(under, problem, sample, attempt)?;
        self.insert(under, problem, sample, attempt);
        Ok(())
    }

    /// Adds the attempts of another log.
    ///
    /// # Errors
    /// A log of other conditions (the first that differs is named); two different attempts of the same name. The log is then
    /// as it was.
    pub fn merge(&mut self, other: &AttemptLog) -> Result<(), DifficultyError> {
        if !other.parts.is_empty() {
            self.check_conditions(other.parts.keys())?;
        }
        self.merge_forced(other)
    }

    /// The same, whatever the conditions. Pass rates are then those of a mixture.
    ///
    /// # Errors
    /// Two different attempts of the same name. The log is then as it was.
    pub fn merge_forced(&mut self, other: &AttemptLog) -> Result<(), DifficultyError> {
        for (under, problem, sample, attempt) in other.attempts() {
            self.check_attempt(under, problem, sample, attempt)?;
        }
        for (under, problem, sample, attempt) in other.attempts() {
            self.insert(under, problem, sample, attempt);
        }
        Ok(())
    }

    /// The conditions of the attempts: one set, more after a merge by force, none in an empty log.
    pub fn conditions(&self) -> impl Iterator<Item = &Conditions> {
        self.parts.keys()
    }

    /// The names of all problems, in order, each once.
    pub fn problems(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.parts.values().flat_map(|part| part.keys().map(String::as_str)).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The attempts at a problem, in order of their sample indices (after a merge by force: by conditions first).
    pub fn of(&self, problem: &str) -> impl Iterator<Item = (u32, Attempt)> {
        let samples = self.parts.values().filter_map(move |part| part.get(problem));
        samples.flatten().map(|(sample, attempt)| (*sample, *attempt))
    }

    /// The attempts at a problem, counted; all 0 where there are none.
    pub fn tally(&self, problem: &str) -> Tally {
        self.of(problem).fold(Tally::default(), |tally, (_, attempt)| Tally {
            attempts: tally.attempts + 1,
            correct: tally.correct + u32::from(attempt.correct),
            truncated: tally.truncated + u32::from(attempt.truncated),
            tokens: tally.tokens + u64::from(attempt.length),
        })
    }

    /// The pass rate of a problem; `None` where it was not attempted. After an early stop it leans to the side that stopped:
    /// see [`EarlyStop::unbiased_rate`](crate::EarlyStop::unbiased_rate).
    pub fn pass_rate(&self, problem: &str) -> Option<PassRate> {
        let tally = self.tally(problem);
        PassRate::new(tally.attempts, tally.correct).ok()
    }

    /// How often a problem was solved within `target_length` tokens: q of [`useful_share`](crate::useful_share) for a
    /// truncation reward with that L_T. `None` where it was not attempted.
    pub fn pass_rate_within(&self, problem: &str, target_length: u32) -> Option<PassRate> {
        let (mut n, mut good) = (0, 0);
        for (_, attempt) in self.of(problem) {
            n += 1;
            good += u32::from(attempt.correct && attempt.length <= target_length);
        }
        PassRate::new(n, good).ok()
    }

    /// A record per problem (and set of conditions), in order of their names.
    pub fn records(&self) -> impl Iterator<Item = AttemptRecord> {
        let problems = self.parts.iter().flat_map(|(under, part)| part.iter().map(move |(id, samples)| (under, id, samples)));
        problems.map(|(under, id, samples)| AttemptRecord::new(under, id, samples.iter().map(|(s, a)| (*s, *a))))
    }

    /// Adds the attempts of a record.
    ///
    /// # Errors
    /// A record that contradicts itself; and as [`AttemptLog::merge`].
    pub fn add_record(&mut self, record: &AttemptRecord) -> Result<(), DifficultyError> {
        self.merge(&Self::of_record(record)?)
    }

    fn of_record(record: &AttemptRecord) -> Result<Self, DifficultyError> {
        record.conditions.check()?;
        let mut log = AttemptLog::new();
        for (sample, attempt) in record.attempts()? {
            log.add(&record.conditions, &record.id, sample, attempt)?;
        }
        Ok(log)
    }

    fn attempts(&self) -> impl Iterator<Item = (&Conditions, &str, u32, Attempt)> {
        self.parts.iter().flat_map(|(under, part)| {
            part.iter().flat_map(move |(problem, samples)| {
                samples.iter().map(move |(sample, attempt)| (under, problem.as_str(), *sample, *attempt))
            })
        })
    }

    fn insert(&mut self, under: &Conditions, problem: &str, sample: u32, attempt: Attempt) {
        if !self.parts.contains_key(under) {
            self.parts.insert(under.clone(), BTreeMap::new());
        }
        let Some(part) = self.parts.get_mut(under) else { return };
        match part.get_mut(problem) {
            Some(samples) => _ = samples.insert(sample, attempt),
            None => _ = part.insert(problem.to_owned(), BTreeMap::from([(sample, attempt)])),
        }
    }

    /// Either log is empty, or both have the same conditions.
    fn check_conditions<'a>(&self, other: impl IntoIterator<Item = &'a Conditions>) -> Result<(), DifficultyError> {
        let mut others = other.into_iter();
        for (n, ours) in self.parts.keys().enumerate() {
            match others.next() {
                Some(theirs) => ours.same_as(theirs)?,
                None => return Err(DifficultyError::MixedConditions { ours: self.parts.len(), theirs: n }),
            }
        }
        match others.count() {
            more if more > 0 && !self.parts.is_empty() => {
                Err(DifficultyError::MixedConditions { ours: self.parts.len(), theirs: self.parts.len() + more })
            }
            _ => Ok(()),
        }
    }

    fn check_attempt(&self, under: &Conditions, problem: &str, sample: u32, attempt: Attempt) -> Result<(), DifficultyError> {
        let known = self.parts.get(under).and_then(|part| part.get(problem)?.get(&sample));
        match known {
            Some(other) if *other != attempt => Err(DifficultyError::ConflictingAttempt { problem: problem.to_owned(), sample }),
            _ => Ok(()),
        }
    }
}

impl From<AttemptLog> for Vec<AttemptRecord> {
    fn from(log: AttemptLog) -> Self {
        log.records().collect()
    }
}

impl TryFrom<Vec<AttemptRecord>> for AttemptLog {
    type Error = DifficultyError;

    /// Records of several conditions were merged by force before, and are so again.
    fn try_from(records: Vec<AttemptRecord>) -> Result<Self, DifficultyError> {
        let mut log = AttemptLog::new();
        for record in &records {
            log.merge_forced(&Self::of_record(record)?)?;
        }
        Ok(log)
    }
}
