//! The samples of an evaluation, by name of problem → everything that is said of them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::budget::budget_curve;
use crate::distribution::lengths_by_correctness;
use crate::report::{Areas, EvalEntry, EvalSettings};
use crate::{
    Bootstrap, EvalError, Groups, PassAt, Power, Sample, Spread, Summary, area_under_budgets, auc_oaa, clustered_error,
    majority_at_k, problem_accuracies, problem_auc_oaa, spread, summarize, tokens_per_correct,
};

/// The samples of one problem: one value per sample in each list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProblemSamples {
    /// The problem's name, the same for every model.
    pub problem: String,
    /// A hash of its text and its right answer: two evaluations that both have one are paired only where it is the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// How hard it is, on the data set's own scale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difficulty: Option<u32>,
    /// What it shares with problems that are like it, such as the text that they are about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Tokens, with the stop token.
    pub lengths: Vec<u32>,
    /// The verdicts.
    pub correct: Vec<bool>,
    /// Whether each ended by itself.
    pub finished: Vec<bool>,
    /// See [`Sample::answer_at`]; empty where nothing is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answer_at: Vec<Option<u32>>,
    /// See [`Sample::answer`]; empty where nothing is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<Option<u32>>,
}

impl ProblemSamples {
    fn check(&self) -> Result<(), EvalError> {
        let expected = self.lengths.len();
        let optional = |count: usize| if count == 0 { expected } else { count };
        let lists = [
            ("correct", self.correct.len()),
            ("finished", self.finished.len()),
            ("answer_at", optional(self.answer_at.len())),
            ("answers", optional(self.answers.len())),
        ];
        match lists.into_iter().find(|(_, found)| *found != expected) {
            None => Ok(()),
            Some((what, found)) => Err(EvalError::UnevenFacts { problem: self.problem.clone(), what, found, expected }),
        }
    }

    fn samples(&self, problem: usize) -> impl Iterator<Item = Sample> {
        (0..self.lengths.len()).map(move |i| Sample {
            answer_at: self.answer_at.get(i).copied().flatten(),
            answer: self.answers.get(i).copied().flatten(),
            ..Sample::new(problem, self.lengths[i], self.correct[i], self.finished[i])
        })
    }
}

/// The samples as groups, where problem i is `problems[i]`. Errors: those of [`Groups::new`], [`EvalError::UnevenFacts`],
/// [`EvalError::UnevenSamples`], [`EvalError::ProblemTwice`].
pub fn groups_of(problems: &[ProblemSamples]) -> Result<Groups, EvalError> {
    let mut names = BTreeSet::new();
    for problem in problems {
        problem.check()?;
        if !names.insert(&problem.problem) {
            return Err(EvalError::ProblemTwice { problem: problem.problem.clone() });
        }
    }
    if let Some(first) = problems.first() {
        let expected = first.lengths.len().max(1);
        if let Some(uneven) = problems.iter().find(|problem| problem.lengths.len() != expected) {
            let (problem, found) = (uneven.problem.clone(), uneven.lengths.len());
            return Err(EvalError::UnevenSamples { problem, found, expected, first: first.problem.clone() });
        }
    }
    let samples: Vec<Sample> = problems.iter().enumerate().flat_map(|(i, problem)| problem.samples(i)).collect();
    Groups::new(&samples)
}

impl EvalEntry {
    /// Everything about one model on one set of problems. The order of problems and samples changes nothing but the order of
    /// `per_problem`, which is sorted by name.
    /// Errors: those of [`groups_of`], [`summarize`] and [`budget_curve`].
    pub fn new(
        model: String,
        data: String,
        mut problems: Vec<ProblemSamples>,
        settings: &EvalSettings,
    ) -> Result<Self, EvalError> {
        problems.sort_by(|a, b| a.problem.cmp(&b.problem));
        let groups = groups_of(&problems)?;
        let difficulty: Option<Vec<u32>> = problems.iter().map(|problem| problem.difficulty).collect();
        let summary = summarize(&groups, settings.limit, &settings.budgets, &difficulty.unwrap_or_default())?;
        let budgets = budget_curve(&groups, settings.limit, &settings.budgets)?;
        let strict: Vec<f64> = budgets.iter().map(|row| row.strict).collect();
        let bootstrap = settings.bootstrap();
        let oaa = problem_auc_oaa(&groups, settings.limit)?;
        let areas = Areas {
            budget_auc: area_under_budgets(&settings.budgets, &strict)?,
            auc_oaa: auc_oaa(&groups, settings.limit)?,
            auc_oaa_interval: bootstrap.means(&[&oaa]).ok().and_then(|found| found.first().copied()),
            regret: None,
        };
        let power = power(&groups, &problems)?;
        let per_correct = tokens_per_correct(&groups);
        let (tokens, right) = tokens_and_right(&groups);
        let interval = per_correct.and_then(|_| bootstrap.ratio(&tokens, &right).ok());
        let mut entry = Self {
            model,
            data,
            majority_at: majority(&groups, &summary)?,
            areas,
            tokens_per_correct: per_correct,
            tokens_per_correct_interval: interval,
            lengths: lengths_by_correctness(&groups, settings.limit),
            power,
            warnings: Vec::new(),
            budgets,
            summary,
            per_problem: problems,
        };
        entry.warnings = warnings(&entry);
        Ok(entry)
    }
}

impl EvalSettings {
    /// The bootstrap that these settings ask for.
    pub fn bootstrap(&self) -> Bootstrap {
        Bootstrap { resamples: self.resamples, seed: self.bootstrap_seed }
    }
}

fn majority(groups: &Groups, summary: &Summary) -> Result<Vec<PassAt>, EvalError> {
    let at = |pass: &PassAt| Ok(PassAt { k: pass.k, value: majority_at_k(groups, pass.k)? });
    match summary.pass_at.iter().map(at).collect() {
        Err(EvalError::NoAnswers) => Ok(Vec::new()),
        found => found,
    }
}

/// None for one problem.
fn power(groups: &Groups, problems: &[ProblemSamples]) -> Result<Option<Power>, EvalError> {
    let spread: Spread = match spread(groups) {
        Err(EvalError::TooFew { .. }) => return Ok(None),
        found => found?,
    };
    let names: Option<Vec<&str>> = problems.iter().map(|problem| problem.cluster.as_deref()).collect();
    let clusters = names.map(|names| crate::answer_numbers(names.into_iter().map(Some)));
    let clusters: Option<Vec<u32>> = clusters.and_then(|numbers| numbers.into_iter().collect());
    let clustered = clusters.map(|clusters| clustered_error(&problem_accuracies(groups), &clusters)).transpose()?;
    Ok(Some(Power::new(groups.problems(), spread, clustered)))
}

/// Per problem: tokens of all samples, and right samples.
fn tokens_and_right(groups: &Groups) -> (Vec<f64>, Vec<f64>) {
    let of = |(_, samples): (usize, &[Sample])| {
        let tokens: u64 = samples.iter().map(|sample| u64::from(sample.length)).sum();
        (tokens as f64, samples.iter().filter(|sample| sample.correct).count() as f64)
    };
    groups.iter().map(of).unzip()
}

/// Above this share of samples that the limit cut, accuracy at the limit says little about the model.
const MUCH_CUT: f64 = 0.1;

fn warnings(entry: &EvalEntry) -> Vec<String> {
    let summary = &entry.summary;
    let (problems, k) = (summary.problems, summary.samples_per_problem);
    let mut warnings = Vec::new();
    match &entry.power {
        Some(power) if problems < 100 || power.spread.deviation == 0.0 => warnings.push(power.words.clone()),
        Some(_) => {}
        None => warnings.push("1 problem: nothing can be said of how far the numbers may be off".to_owned()),
    }
    if k == 1 {
        warnings.push("1 sample per problem: how much a model varies on one problem is not known; Pass@k needs more".to_owned());
    }
    if summary.truncation_rate > MUCH_CUT {
        let percent = 100.0 * summary.truncation_rate;
        warnings.push(format!(
            "{percent:.0} % of samples were cut off at {} tokens: accuracy is that of the limit, not of the model",
            summary.limit
        ));
    }
    if entry.budgets.iter().any(|row| row.lenient_unknown > 0.0) {
        warnings.push(
            "some right samples do not say where their answer stands (`answer_at`): lenient accuracy is a lower bound".to_owned(),
        );
    }
    warnings
}
