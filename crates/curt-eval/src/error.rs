//! What can be wrong with the numbers handed in.

/// Why an evaluation cannot be computed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EvalError {
    /// No samples, or no values.
    #[error("nothing to evaluate: expected at least one {0}")]
    Empty(&'static str),
    /// Problems with different numbers of samples.
    #[error("problem {problem} has {found} samples, expected {expected} as problem {first} has")]
    Ragged {
        /// The problem that differs.
        problem: usize,
        /// Its number of samples.
        found: usize,
        /// The number that the first problem has.
        expected: usize,
        /// The first problem.
        first: usize,
    },
    /// An answer that stands behind the end of its response.
    #[error("a sample of problem {problem} has its answer at token {at}, expected at most its length {length}")]
    AnswerBeyondEnd {
        /// The problem.
        problem: usize,
        /// Where the answer is said to stand.
        at: u32,
        /// Length of the sample.
        length: u32,
    },
    /// Pass@k or majority@k for a k that the samples do not support.
    #[error("Pass@{k} and majority@{k} need 1 ≤ k ≤ samples per problem, found {samples} samples per problem")]
    PassK {
        /// The k asked for.
        k: usize,
        /// Samples per problem.
        samples: usize,
    },
    /// A sample longer than the generation limit.
    #[error("a sample of problem {problem} has {length} tokens, expected at most the generation limit {limit}")]
    BeyondLimit {
        /// The problem.
        problem: usize,
        /// Length of the sample.
        length: u32,
        /// The limit.
        limit: u32,
    },
    /// A budget that the generation limit does not cover.
    #[error("budget {budget} is beyond the generation limit {limit}: nothing was seen past the limit")]
    BudgetBeyondLimit {
        /// The budget.
        budget: u32,
        /// The limit.
        limit: u32,
    },
    /// Budgets that do not rise.
    #[error("budget {found} stands after {before}: expected budgets in increasing order, each once")]
    BudgetsOutOfOrder {
        /// The budget before it.
        before: u32,
        /// The budget that is not larger.
        found: u32,
    },
    /// Majority@k of samples whose answers nobody recorded.
    #[error("majority@k needs the answer of at least one sample, found none")]
    NoAnswers,
    /// Facts of a problem's samples that do not fit together.
    #[error("problem `{problem}`: {found} values of {what} for {expected} samples")]
    UnevenFacts {
        /// The problem.
        problem: String,
        /// What is uneven.
        what: &'static str,
        /// Values found.
        found: usize,
        /// Samples.
        expected: usize,
    },
    /// Problems, known by name, with different numbers of samples.
    #[error("problem `{problem}` has {found} samples, expected {expected} as problem `{first}` has")]
    UnevenSamples {
        /// The problem that differs.
        problem: String,
        /// Its number of samples.
        found: usize,
        /// The number that the first problem has, at least 1.
        expected: usize,
        /// The first problem.
        first: String,
    },
    /// Two problems of one name.
    #[error("problem `{problem}` is there twice")]
    ProblemTwice {
        /// Its name.
        problem: String,
    },
    /// Two evaluations that do not have the same problems.
    #[error("`{before}` and `{after}` are not of the same problems: `{problem}` is in one of them only, or another one there")]
    OtherProblems {
        /// The first evaluation.
        before: String,
        /// The second.
        after: String,
        /// The first problem that only one has.
        problem: String,
    },
    /// An evaluation of another version than this program writes.
    #[error("an evaluation of version {found}, expected {expected}")]
    Version {
        /// Its version.
        found: u32,
        /// The version that is understood.
        expected: u32,
    },
    /// A problem without a difficulty.
    #[error("problem {problem} has no difficulty: found {found} difficulties")]
    NoDifficulty {
        /// The problem.
        problem: usize,
        /// How many difficulties there are.
        found: usize,
    },
    /// Two evaluations of different problems.
    #[error("the evaluations are not of the same problems: problem {problem} is in one of them only")]
    DifferentProblems {
        /// The first problem that only one has.
        problem: usize,
    },
    /// Two series of different lengths.
    #[error("expected as many values of {second} as of {first}, found {found} for {expected}")]
    Unequal {
        /// The first series.
        first: &'static str,
        /// The second series.
        second: &'static str,
        /// Values of the first.
        expected: usize,
        /// Values of the second.
        found: usize,
    },
    /// A value that is not a finite number.
    #[error("value {index} of {series} is {value}, expected a finite number")]
    NotFinite {
        /// The series.
        series: &'static str,
        /// Place in it, from 0.
        index: usize,
        /// The value.
        value: f64,
    },
    /// Too few values.
    #[error("expected at least {expected} {what}, found {found}")]
    TooFew {
        /// What is counted.
        what: &'static str,
        /// How many are needed.
        expected: usize,
        /// How many there are.
        found: usize,
    },
}
