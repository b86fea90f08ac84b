//! `eval.json`: evaluations and comparisons as they are written and read.

use serde::{Deserialize, Serialize};

use crate::area::Regret;
use crate::distribution::LengthsByCorrectness;
use crate::{BootstrapInterval, BudgetRow, EvalError, Interval, PassAt, Power, ProblemSamples, Summary, regret};

/// The version of [`EvalReport`] that is written.
pub const REPORT_VERSION: u32 = 1;

/// Everything that one call of `curt eval` found: each model on each set of problems, and models side by side. Through JSON
/// each number comes back bit for bit only if `serde_json` is built with its feature `float_roundtrip`; without it some are off
/// by a last bit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvalReport {
    /// [`REPORT_VERSION`].
    pub version: u32,
    /// The program and its version.
    pub created_by: String,
    /// How samples were drawn and what was computed.
    pub settings: EvalSettings,
    /// One per model and set of problems, sets in order and models in order within them.
    pub entries: Vec<EvalEntry>,
    /// Pairs of entries, if any were asked for.
    pub comparisons: Vec<EvalComparison>,
}

/// How an evaluation was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvalSettings {
    /// Most tokens of a response.
    pub limit: u32,
    /// Token budgets, in increasing order.
    pub budgets: Vec<u32>,
    /// How responses were drawn; none for recorded ones.
    pub sampling: Option<EvalSampling>,
    /// How often problems are drawn again for bootstrap intervals.
    pub resamples: u32,
    /// Names those draws.
    pub bootstrap_seed: u64,
}

/// How responses are drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvalSampling {
    /// Samples per problem.
    pub n: usize,
    /// Temperature; 0 takes the most likely token.
    pub temperature: f64,
    /// Mass of the most likely tokens that are kept, 1 for all.
    pub top_p: f64,
    /// How many of the most likely tokens are kept, 0 for all.
    pub top_k: u32,
    /// Share of the most likely token's probability below which tokens are dropped.
    pub min_p: f64,
    /// Names the draws.
    pub seed: u64,
    /// Text behind each problem.
    pub prompt_suffix: String,
    /// Whether problems of files go through the model's chat template, where it has one.
    pub chat_template: bool,
}

/// One model on one set of problems.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvalEntry {
    /// The model's label.
    pub model: String,
    /// The label of the problems.
    pub data: String,
    /// Accuracy, Pass@k, lengths and rows by difficulty.
    pub summary: Summary,
    /// Majority@k for the k of `summary.pass_at`; empty where no answers are known.
    pub majority_at: Vec<PassAt>,
    /// The budget curve.
    pub budgets: Vec<BudgetRow>,
    /// The curve as single numbers.
    pub areas: Areas,
    /// Tokens of all samples per right one; none where none is right.
    pub tokens_per_correct: Option<f64>,
    /// Its bootstrap interval over problems.
    pub tokens_per_correct_interval: Option<BootstrapInterval>,
    /// Lengths of right samples and of the others.
    pub lengths: LengthsByCorrectness,
    /// Errors and what differences could be seen; none for one problem.
    pub power: Option<Power>,
    /// What a reader should know before believing the numbers, in words.
    pub warnings: Vec<String>,
    /// The samples, problem by problem, without their texts.
    pub per_problem: Vec<ProblemSamples>,
}

/// A budget curve as single numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Areas {
    /// Mean strict accuracy between the first and the last budget: [`crate::area_under_budgets`].
    pub budget_auc: f64,
    /// [`crate::auc_oaa`] with t_max = the generation limit.
    pub auc_oaa: f64,
    /// Its bootstrap interval; none for one problem.
    pub auc_oaa_interval: Option<BootstrapInterval>,
    /// How far the curve is below the best of all models on the same problems; none for a model alone.
    pub regret: Option<Regret>,
}

/// A difference of two models, after − before, with two intervals that should agree.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Mean over problems, its error and Student's interval.
    pub paired: Interval,
    /// The interval of the paired bootstrap.
    pub bootstrap: BootstrapInterval,
}

/// Lengths of right samples, over the problems that both models solved at least once.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SolvedLengths {
    /// How many problems both solved, at least 2.
    pub problems: usize,
    /// Mean over these problems of the mean length of right samples before.
    pub before: f64,
    /// The same after.
    pub after: f64,
    /// after − before.
    pub difference: Difference,
    /// after / before.
    pub ratio: f64,
    /// Its bootstrap interval.
    pub ratio_interval: BootstrapInterval,
}

/// The difference of strict accuracy at one budget.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BudgetDifference {
    /// B, in tokens.
    pub budget: u32,
    /// after − before.
    pub strict: Difference,
}

/// Two models on the same problems, paired problem by problem.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvalComparison {
    /// The label of the problems.
    pub data: String,
    /// The first model's label.
    pub before: String,
    /// The second model's label.
    pub after: String,
    /// How many problems there are.
    pub problems: usize,
    /// Difference of Mean@k.
    pub accuracy: Difference,
    /// The k of `pass_at_k`: the smaller number of samples per problem.
    pub k: usize,
    /// Difference of Pass@k.
    pub pass_at_k: Difference,
    /// Difference of mean length in tokens.
    pub length: Difference,
    /// Lengths where both are right; none below two such problems.
    pub solved_length: Option<SolvedLengths>,
    /// Difference of AUC_OAA up to the smaller of the two limits.
    pub auc_oaa: Difference,
    /// Differences of strict accuracy at the budgets that both have.
    pub budgets: Vec<BudgetDifference>,
    /// The smallest difference of Mean@k that these pairs of problems would show: [`crate::minimum_detectable`].
    pub minimum_detectable: f64,
    /// What was found, in words.
    pub words: Vec<String>,
}

impl EvalReport {
    /// A report without comparisons; entries of the same problems get their regret against each other.
    /// Errors: none for entries that were made with these settings; otherwise those of [`regret()`].
    pub fn new(created_by: String, settings: EvalSettings, mut entries: Vec<EvalEntry>) -> Result<Self, EvalError> {
        let sets: std::collections::BTreeSet<String> = entries.iter().map(|entry| entry.data.clone()).collect();
        for data in &sets {
            let curve = |entry: &EvalEntry| entry.budgets.iter().map(|row| row.strict).collect::<Vec<_>>();
            let curves: Vec<Vec<f64>> = entries.iter().filter(|entry| entry.data == *data).map(curve).collect();
            if curves.len() > 1 {
                let regrets = regret(&curves.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
                let of_set = entries.iter_mut().filter(|entry| entry.data == *data);
                of_set.zip(regrets).for_each(|(entry, regret)| entry.areas.regret = Some(regret));
            }
        }
        Ok(Self { version: REPORT_VERSION, created_by, settings, entries, comparisons: Vec::new() })
    }

    /// Itself, if its version is the one that is understood here. Error: [`EvalError::Version`].
    pub fn understood(self) -> Result<Self, EvalError> {
        if self.version == REPORT_VERSION {
            Ok(self)
        } else {
            Err(EvalError::Version { found: self.version, expected: REPORT_VERSION })
        }
    }
}
