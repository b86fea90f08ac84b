//! What can be wrong with what this crate is given.

use thiserror::Error;

/// Why something could not be made or read. Rows are positions in a group and places those in a data set, both from 0.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum DifficultyError {
    /// No gate has this name.
    #[error("unknown group gate `{name}`; known: {}", .known.join(", "))]
    UnknownGate {
        /// The name asked for.
        name: String,
        /// All names.
        known: Vec<&'static str>,
    },
    /// A group without rollouts.
    #[error("empty group: expected at least one rollout, found none")]
    EmptyGroup,
    /// A field has another number of rows than there are verdicts.
    #[error("expected {expected} values of `{field}`, one per verdict, found {found}")]
    GroupSize {
        /// The field.
        field: &'static str,
        /// Verdicts.
        expected: usize,
        /// Values.
        found: usize,
    },
    /// A reward is NaN or infinite.
    #[error("row {row} of the group: expected a finite reward, found {found}")]
    RewardNotFinite {
        /// The row.
        row: usize,
        /// The reward.
        found: f64,
    },
    /// A pass rate of no attempts.
    #[error("pass rate: expected at least 1 attempt, found 0")]
    NoAttempts,
    /// More right answers than attempts.
    #[error("pass rate: expected at most {attempts} right answers, one per attempt, found {correct}")]
    TooManyCorrect {
        /// Attempts.
        attempts: u32,
        /// Right answers.
        correct: u32,
    },
    /// A width of an interval that is none.
    #[error("pass rate: expected a finite z of at least 0, found {found}")]
    BadZ {
        /// The value.
        found: f64,
    },
    /// A rate that is none.
    #[error("expected a rate from 0 to 1, found {found}")]
    BadRate {
        /// The value.
        found: f64,
    },
    /// A rate of a problem that is none.
    #[error("problem at place {place}: expected a pass rate from 0 to 1, found {found}")]
    BadRateOf {
        /// The place.
        place: usize,
        /// The value.
        found: f64,
    },
    /// A threshold that no rate can be beside.
    #[error("expected a threshold from 0 to 1, found {found}")]
    BadThreshold {
        /// The value.
        found: f64,
    },
    /// A confidence that no interval has.
    #[error("expected a confidence above 0 and below 1, found {found}")]
    BadConfidence {
        /// The value.
        found: f64,
    },
    /// A prior that is no distribution.
    #[error("prior Beta({a}, {b}): expected two finite parameters above 0")]
    BadPrior {
        /// Its first parameter.
        a: f64,
        /// Its second.
        b: f64,
    },
    /// A number of attempts that is none.
    #[error("expected a finite number of attempts of at least 0, found {found}")]
    BadCount {
        /// The value.
        found: f64,
    },
    /// An error that no decision can be held to.
    #[error("expected an error above 0 and below 1/2, found {found}")]
    BadErrorBound {
        /// The value.
        found: f64,
    },
    /// An end of a band that is no rate.
    #[error("band: expected ends from 0 to 1, found {found}")]
    BandEnd {
        /// The end.
        found: f64,
    },
    /// A band without a number in it.
    #[error("band {band} is empty")]
    EmptyBand {
        /// The band.
        band: String,
    },
    /// A text that is no band.
    #[error("expected a band such as `(0.5, 1]`, found {text:?}")]
    BandSyntax {
        /// The text, its first 80 characters.
        text: String,
    },
    /// A band that no number of right answers falls into.
    #[error("band {band} keeps nothing: no number of right answers among {n} attempts has such a rate")]
    BandWithoutCount {
        /// The band.
        band: String,
        /// Attempts.
        n: u32,
    },
    /// A histogram without bars, or of too many.
    #[error("histogram: expected 1 to 1000 bars, found {found}")]
    BadBars {
        /// Bars.
        found: u32,
    },
    /// More problems than can be counted.
    #[error("{found} problems are more than can be counted")]
    TooManyProblems {
        /// Problems.
        found: u64,
    },
    /// No problems.
    #[error("expected at least one problem, found none")]
    NoProblems,
    /// Conditions of a measurement that cannot be.
    #[error("conditions of the attempts: {what} cannot be {found:?}")]
    BadCondition {
        /// Which.
        what: &'static str,
        /// Its value.
        found: String,
    },
    /// Attempts made under other conditions.
    #[error("attempts of another {what}: expected {ours:?}, found {theirs:?}; pass rates of different conditions do not add up")]
    OtherConditions {
        /// The first that differs.
        what: &'static str,
        /// That of the log.
        ours: String,
        /// That of the attempts.
        theirs: String,
    },
    /// A mixture of conditions beside another.
    #[error("attempts under {theirs} conditions cannot join a log of {ours}")]
    MixedConditions {
        /// Conditions of the log.
        ours: usize,
        /// Conditions of the attempts.
        theirs: usize,
    },
    /// Two different attempts of the same name.
    #[error("problem `{problem}`, sample {sample}: two different attempts")]
    ConflictingAttempt {
        /// The problem.
        problem: String,
        /// The sample index.
        sample: u32,
    },
    /// A list of a record that is too long or too short.
    #[error("record of problem `{problem}`: expected {expected} values of `{field}`, one per attempt, found {found}")]
    RecordLength {
        /// The problem.
        problem: String,
        /// The list.
        field: &'static str,
        /// Attempts.
        expected: u32,
        /// Values.
        found: usize,
    },
    /// A record whose right answers are not as many as it says.
    #[error("record of problem `{problem}`: it says {expected} right answers and has {found}")]
    RecordCount {
        /// The problem.
        problem: String,
        /// What it says.
        expected: u32,
        /// What it has.
        found: usize,
    },
    /// A record whose samples are not in order.
    #[error("record of problem `{problem}`: sample {second} comes after sample {first}; expected rising samples")]
    RecordOrder {
        /// The problem.
        problem: String,
        /// A sample index.
        first: u32,
        /// The one behind it.
        second: u32,
    },
    /// Sizes that are no screening.
    #[error("screening: expected at least 2 rollouts to screen with, and fewer than in all, found {screen} of {total}")]
    BadScreening {
        /// Rollouts to screen with.
        screen: u32,
        /// Rollouts in all.
        total: u32,
    },
    /// More screening rollouts than there were to be.
    #[error("screening: expected at most {screen} rollouts, found {found}")]
    TooManyScreened {
        /// Rollouts to screen with.
        screen: u32,
        /// Rollouts found.
        found: u32,
    },
    /// A refill of nothing.
    #[error("refill: expected at least 1 group wanted, found 0")]
    NoGroupsWanted,
    /// A round of sampling that cannot have been.
    #[error("refill: a round of {sampled} groups cannot keep {kept}")]
    BadRound {
        /// Groups sampled.
        sampled: u32,
        /// Groups kept.
        kept: u32,
    },
    /// Counts that no refill can have.
    #[error("refill: {rounds} rounds of sampling cannot have sampled {sampled} groups and kept {kept}")]
    BadRefill {
        /// Rounds.
        rounds: u32,
        /// Groups sampled.
        sampled: u64,
        /// Groups kept.
        kept: u64,
    },
    /// Groups too small for any signal.
    #[error("expected groups of at least 2 rollouts, found {found}")]
    GroupTooSmall {
        /// Rollouts.
        found: u32,
    },
    /// Problems without a rate where each must have one.
    #[error("{unknown} of {problems} problems have no pass rate")]
    UnknownRates {
        /// Problems without.
        unknown: usize,
        /// Problems in all.
        problems: usize,
    },
    /// A share to begin with that is none.
    #[error("curriculum: expected a share of the problems above 0 and up to 1 to begin with, found {found}")]
    BadStart {
        /// The share.
        found: f64,
    },
    /// A curriculum without steps.
    #[error("curriculum: expected at least 1 step, found 0")]
    NoSteps,
    /// A text that is no stage.
    #[error("curriculum: expected a stage such as `100: (0.5, 1]`, found {text:?}")]
    StageSyntax {
        /// The text, its first 80 characters.
        text: String,
    },
    /// A schedule that does not begin at the beginning.
    #[error("curriculum: expected a first stage from step 0, found {}", .found.map_or("none".to_owned(), |step| format!("step {step}")))]
    FirstStage {
        /// Its first step; `None` without a stage.
        found: Option<u32>,
    },
    /// Stages that are not in order.
    #[error("curriculum: a stage from step {second} comes after one from step {first}; expected rising steps")]
    StageOrder {
        /// The first step of a stage.
        first: u32,
        /// That of the next.
        second: u32,
    },
    /// A stage without problems.
    #[error("curriculum: no problem has a pass rate in {band}, the band from step {from} on")]
    EmptyStage {
        /// Its first step.
        from: u32,
        /// Its band.
        band: String,
    },
    /// A rest of no steps.
    #[error("pools: expected a rest of at least 1 step, found 0")]
    NoRest,
    /// A problem that is not in the data set.
    #[error("expected a place below {problems}, found {place}")]
    NoSuchProblem {
        /// The place.
        place: usize,
        /// Problems in the data set.
        problems: usize,
    },
    /// The state of another sampler.
    #[error("the state of a sampler: expected {expected}, found {found}")]
    StateOfAnother {
        /// Name and version.
        expected: String,
        /// Name and version.
        found: String,
    },
    /// A state that no sampler can have.
    #[error("the state of a sampler: {what}")]
    BadState {
        /// What is wrong.
        what: String,
    },
}
