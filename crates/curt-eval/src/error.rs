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
    /// Pass@k for a k that the samples do not support.
    #[error("Pass@{k} needs 1 ≤ k ≤ samples per problem, found {samples} samples per problem")]
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
