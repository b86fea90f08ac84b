//! Two models on the same problems, paired.

use crate::report::{BudgetDifference, Difference, EvalComparison, EvalEntry, SolvedLengths};
use crate::{
    Bootstrap, EvalError, Groups, ProblemSamples, groups_of, minimum_detectable, paired_difference, problem_accuracies,
    problem_auc_oaa, problem_lengths, problem_passes,
};
use crate::{metrics::problem_values, summary::solved_lengths};

impl EvalComparison {
    /// The change from `before` to `after`, which must have the same problems; the numbers of samples may differ.
    /// Errors: [`EvalError::OtherProblems`]; [`EvalError::TooFew`] for one problem or no resamples; those of [`groups_of`].
    pub fn new(before: &EvalEntry, after: &EvalEntry, bootstrap: Bootstrap) -> Result<Self, EvalError> {
        let (one, two) = (by_name(before), by_name(after));
        let (before_groups, after_groups) = (groups_of(&one)?, groups_of(&two)?);
        let labels = |problem| EvalError::OtherProblems { before: before.model.clone(), after: after.model.clone(), problem };
        check_same_problems(&one, &two).map_err(labels)?;
        let pair = Pair { before: before_groups, after: after_groups, bootstrap };
        let limit = before.summary.limit.min(after.summary.limit);
        let k = pair.before.samples_per_problem().min(pair.after.samples_per_problem());
        let shared = |row: &&crate::BudgetRow| after.budgets.iter().any(|other| other.budget == row.budget);
        let at = |row: &crate::BudgetRow| {
            let budget = row.budget;
            let strict = pair.of(|groups| Ok(problem_values(groups, |sample| sample.correct_within(budget))))?;
            Ok(BudgetDifference { budget, strict })
        };
        let accuracy = pair.of(|groups| Ok(problem_accuracies(groups)))?;
        let mut comparison = Self {
            data: after.data.clone(),
            before: before.model.clone(),
            after: after.model.clone(),
            problems: pair.before.problems(),
            accuracy,
            k,
            pass_at_k: pair.of(|groups| problem_passes(groups, k))?,
            length: pair.of(|groups| Ok(problem_lengths(groups)))?,
            solved_length: pair.solved_lengths()?,
            auc_oaa: pair.of(|groups| problem_auc_oaa(groups, limit))?,
            budgets: before.budgets.iter().filter(shared).map(at).collect::<Result<_, EvalError>>()?,
            minimum_detectable: minimum_detectable(accuracy.paired.standard_error),
            words: Vec::new(),
        };
        comparison.words = words(&comparison);
        Ok(comparison)
    }
}

/// The problems by name: an entry that was read, not made here, may have them in another order.
fn by_name(entry: &EvalEntry) -> Vec<ProblemSamples> {
    let mut problems = entry.per_problem.clone();
    problems.sort_by(|a, b| a.problem.cmp(&b.problem));
    problems
}

/// Refuses two lists, sorted by name, of which one has a problem that the other lacks, or another one under its name.
fn check_same_problems(before: &[ProblemSamples], after: &[ProblemSamples]) -> Result<(), String> {
    let lacks = |list: &[ProblemSamples], one: &ProblemSamples| {
        let found = list.binary_search_by(|other| other.problem.cmp(&one.problem)).ok().map(|at| &list[at]);
        // a key that nobody recorded says nothing
        found.is_none_or(|other| matches!((&one.key, &other.key), (Some(one), Some(other)) if one != other))
    };
    let unshared = before.iter().find(|one| lacks(after, one)).or_else(|| after.iter().find(|one| lacks(before, one)));
    unshared.map_or(Ok(()), |one| Err(one.problem.clone()))
}

struct Pair {
    before: Groups,
    after: Groups,
    bootstrap: Bootstrap,
}

impl Pair {
    /// The difference of a number per problem.
    fn of(&self, values: impl Fn(&Groups) -> Result<Vec<f64>, EvalError>) -> Result<Difference, EvalError> {
        self.difference(&values(&self.before)?, &values(&self.after)?)
    }

    fn difference(&self, before: &[f64], after: &[f64]) -> Result<Difference, EvalError> {
        let paired = paired_difference(before, after)?;
        let change = |(before, after): (&f64, &f64)| if paired.standard_error == 0.0 { paired.mean } else { after - before };
        let changes: Vec<f64> = before.iter().zip(after).map(change).collect();
        let [bootstrap] = self.bootstrap.means(&[&changes])?[..] else {
            return Err(EvalError::Empty("series"));
        };
        Ok(Difference { paired, bootstrap })
    }

    fn solved_lengths(&self) -> Result<Option<SolvedLengths>, EvalError> {
        let (before, after) = solved_lengths(&self.before, &self.after);
        if before.len() < 2 {
            return Ok(None);
        }
        let mean = |lengths: &[f64]| lengths.iter().sum::<f64>() / lengths.len() as f64;
        let (mean_before, mean_after) = (mean(&before), mean(&after));
        // a right response of no tokens is no response, yet nothing here forbids it
        let Ok(ratio_interval) = self.bootstrap.ratio(&after, &before) else { return Ok(None) };
        Ok(Some(SolvedLengths {
            problems: before.len(),
            before: mean_before,
            after: mean_after,
            difference: self.difference(&before, &after)?,
            ratio: mean_after / mean_before,
            ratio_interval,
        }))
    }
}

fn words(comparison: &EvalComparison) -> Vec<String> {
    let points = |share: f64| format!("{:+.1}", 100.0 * share);
    let accuracy = &comparison.accuracy.paired;
    let changes = format!("{} problems, paired: Mean@k changes by {} points", comparison.problems, points(accuracy.mean));
    let clear = accuracy.low > 0.0 || accuracy.high < 0.0;
    let mut words = if accuracy.standard_error == 0.0 {
        vec![format!("{changes}, in all of them alike: an interval of no width says nothing of how far that may be off")]
    } else {
        vec![
            format!(
                "{changes}, 95 % interval {} to {}: {}",
                points(accuracy.low),
                points(accuracy.high),
                if clear { "a clear difference" } else { "no clear difference" }
            ),
            format!(
                "these pairs would show a difference of {:.1} points in four of five evaluations (5 % level)",
                100.0 * comparison.minimum_detectable
            ),
        ]
    };
    if let Some(solved) = &comparison.solved_length {
        words.push(format!(
            "where both are right ({} problems) length changes by a factor of {:.2}, 95 % interval {:.2} to {:.2}",
            solved.problems, solved.ratio, solved.ratio_interval.low, solved.ratio_interval.high
        ));
    }
    words
}
