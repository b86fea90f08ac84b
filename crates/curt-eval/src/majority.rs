//! Majority@k: how often the most common answer of k samples is right.

use std::collections::BTreeMap;

use crate::{EvalError, Groups, Sample};

/// Majority@k in \[0, 1\]: the mean over problems of the chance that, of k of the n samples drawn without repetition, the most
/// common answer is right; answers that are equally common have equal chances (cons@k, maj@k; self-consistency, arXiv
/// 2203.11171). Exact, not sampled. All correct samples give one answer; samples without an answer do not vote, and where none
/// votes there is no right answer.
/// Errors: [`EvalError::PassK`] unless 1 ≤ k ≤ n, [`EvalError::NoAnswers`].
pub fn majority_at_k(groups: &Groups, k: usize) -> Result<f64, EvalError> {
    let samples = groups.samples_per_problem();
    if !(1..=samples).contains(&k) {
        return Err(EvalError::PassK { k, samples });
    }
    if groups.samples().all(|sample| sample.answer.is_none()) {
        return Err(EvalError::NoAnswers);
    }
    let mut problems_with: BTreeMap<Votes, u32> = BTreeMap::new();
    for (_, group) in groups.iter() {
        *problems_with.entry(Votes::of(group)).or_insert(0) += 1;
    }
    let sum: f64 = problems_with.iter().map(|(votes, problems)| f64::from(*problems) * votes.majority_is_right(k)).sum();
    Ok(sum / groups.problems() as f64)
}

/// The answers of one problem, counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Votes {
    right: usize,
    /// Samples of each wrong answer, most first.
    wrong: Vec<usize>,
    silent: usize,
}

impl Votes {
    fn of(group: &[Sample]) -> Self {
        let right = group.iter().filter(|sample| sample.correct).count();
        let mut by_answer: BTreeMap<u32, usize> = BTreeMap::new();
        for answer in group.iter().filter(|sample| !sample.correct).filter_map(|sample| sample.answer) {
            *by_answer.entry(answer).or_insert(0) += 1;
        }
        let mut wrong: Vec<usize> = by_answer.into_values().collect();
        wrong.sort_unstable_by(|a, b| b.cmp(a));
        let silent = group.len() - right - wrong.iter().sum::<usize>();
        Self { right, wrong, silent }
    }

    /// The chance that the most common answer of k samples is right.
    ///
    /// The counts of answers among k drawn samples have the law of independent Binomial(class size, p) counts, given that they
    /// sum to k; p = k/n makes that condition likely, so nothing under- or overflows however many samples there are.
    fn majority_is_right(&self, k: usize) -> f64 {
        let n = self.right + self.wrong.iter().sum::<usize>() + self.silent;
        if self.right == 0 {
            return 0.0;
        }
        let p = k as f64 / n as f64;
        let right = binomial(self.right, p);
        let wrong: Vec<Vec<f64>> = self.wrong.iter().map(|size| binomial(*size, p)).collect();
        let silent = binomial(self.silent, p);
        let wins = (1..=self.right.min(k)).map(|votes| right[votes] * self.others(votes, k - votes, &wrong, &silent));
        (wins.sum::<f64>() / binomial(n, p)[k]).min(1.0)
    }

    /// Weight of all ways in which the other samples are `rest` of those drawn and no wrong answer has more than `votes`;
    /// each way divided by the number of answers that share the first place.
    fn others(&self, votes: usize, rest: usize, wrong: &[Vec<f64>], silent: &[f64]) -> f64 {
        // weight[ties][drawn]
        let mut weight = vec![vec![0.0; rest + 1]];
        for (drawn, chance) in silent.iter().enumerate().take(rest + 1) {
            weight[0][drawn] = *chance;
        }
        for chances in wrong {
            let mut next = vec![vec![0.0; rest + 1]; weight.len() + usize::from(chances.len() > votes)];
            for (ties, row) in weight.iter().enumerate() {
                for (drawn, so_far) in row.iter().enumerate().filter(|(_, so_far)| **so_far > 0.0) {
                    for (more, chance) in chances.iter().enumerate().take(votes.min(rest - drawn) + 1) {
                        next[ties + usize::from(more == votes)][drawn + more] += so_far * chance;
                    }
                }
            }
            weight = next;
        }
        weight.iter().enumerate().map(|(ties, row)| row[rest] / (ties + 1) as f64).sum()
    }
}

/// The probabilities of 0 ..= size successes in `size` tries with chance `p`, from the most likely one outwards.
fn binomial(size: usize, p: f64) -> Vec<f64> {
    let mut chances = vec![0.0; size + 1];
    if p >= 1.0 {
        chances[size] = 1.0;
        return chances;
    }
    let mode = (((size + 1) as f64 * p) as usize).min(size);
    let odds = p / (1.0 - p);
    chances[mode] = 1.0;
    for i in mode + 1..=size {
        chances[i] = chances[i - 1] * odds * (size - i + 1) as f64 / i as f64;
    }
    for i in (0..mode).rev() {
        chances[i] = chances[i + 1] * (i + 1) as f64 / (size - i) as f64 / odds;
    }
    let sum: f64 = chances.iter().sum();
    chances.iter_mut().for_each(|chance| *chance /= sum);
    chances
}

/// Numbers for the answers to one problem: equal texts, but for spaces at their ends, get equal numbers.
pub fn answer_numbers<'a>(answers: impl IntoIterator<Item = Option<&'a str>>) -> Vec<Option<u32>> {
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    let mut number = |text: &'a str| {
        let next = seen.len() as u32;
        *seen.entry(text.trim()).or_insert(next)
    };
    answers.into_iter().map(|answer| answer.map(&mut number)).collect()
}
