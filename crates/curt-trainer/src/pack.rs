//! `pack`: credited groups → the minibatches of the optimizer updates.
//!
//! Sequences keep the canonical order of the step (prompt by prompt, sample by sample), whatever order they were
//! generated in, and lie one after the other without padding.

use curt_advantage::{Credit, Normalizer};
use curt_runtime::Sequence;

use crate::config::NormalizerKind;
use crate::credit::CreditedGroup;

/// One completion that is in the loss.
#[derive(Clone, Debug)]
pub struct PackedSequence {
    /// Prompt and completion ids.
    pub tokens: Vec<u32>,
    /// How many of them are the prompt.
    pub prompt_length: usize,
    /// Log-probabilities that the decode steps stored.
    pub behaviour: Vec<f64>,
    /// Entropies that the decode steps stored.
    pub entropy: Vec<f64>,
    /// Σp² that the decode steps stored.
    pub sum_p2: Vec<f64>,
    /// The weights that drew it.
    pub policy_version: u64,
    /// Its advantage.
    pub credit: Credit,
}

impl PackedSequence {
    /// The view that the policy takes.
    pub fn view(&self) -> Sequence<'_> {
        Sequence { tokens: &self.tokens, prompt_length: self.prompt_length }
    }
}

/// What one optimizer update is computed from.
#[derive(Clone, Debug)]
pub struct Minibatch {
    /// All admitted, in-loss completions of its share of the prompts.
    pub sequences: Vec<PackedSequence>,
    /// The denominator of the loss, fixed before any sequence is skipped or split off.
    pub normalizer: Normalizer,
}

/// Splits the groups into `updates` shares of equal numbers of prompts, in order, as nearly as that can be. Where a step was
/// refilled, those that the gate dropped are in no share: others were sampled in their place.
pub fn pack(groups: &[CreditedGroup], updates: usize, kind: NormalizerKind) -> Vec<Minibatch> {
    let refilled = groups.iter().any(|group| group.shaped.verified.group.selected.round > 0);
    let shared: Vec<&CreditedGroup> = groups.iter().filter(|group| !refilled || group.admission.is_kept()).collect();
    let end = |share: usize| shared.len() * share / updates;
    (0..updates).map(|share| minibatch(&shared[end(share)..end(share + 1)], kind)).collect()
}

fn minibatch(groups: &[&CreditedGroup], kind: NormalizerKind) -> Minibatch {
    let mut sequences = Vec::new();
    for group in groups {
        let rollout = &group.shaped.verified.group;
        for (sample, completion) in rollout.completions.iter().enumerate() {
            if group.in_loss(sample) {
                let kept = group.trained_length(sample);
                sequences.push(sequence(&rollout.selected.prompt_ids, completion, kept, group.credits[sample].clone()));
            }
        }
    }
    let mut normalizer = Normalizer::default();
    for sequence in &sequences {
        if kind == NormalizerKind::All || !sequence.credit.is_zero() {
            normalizer.count(sequence.behaviour.len());
        }
    }
    Minibatch { sequences, normalizer }
}

/// The first `kept` tokens of a completion.
fn sequence(prompt: &[u32], completion: &curt_runtime::Completion, kept: usize, credit: Credit) -> PackedSequence {
    let wide = |x: &[f32]| x.iter().take(kept).map(|&v| f64::from(v)).collect();
    PackedSequence {
        tokens: [prompt, &completion.ids[..kept]].concat(),
        prompt_length: prompt.len(),
        behaviour: wide(&completion.logprobs),
        entropy: wide(&completion.entropies),
        sum_p2: wide(&completion.sum_p2),
        policy_version: completion.policy_version,
        credit,
    }
}

/// Consecutive ranges of sequences with at most `micro_tokens` tokens each, and at least one sequence.
pub fn micro_batches(lengths: &[usize], micro_tokens: usize) -> Vec<std::ops::Range<usize>> {
    let mut ranges = Vec::new();
    let (mut start, mut tokens) = (0, 0);
    for (i, &length) in lengths.iter().enumerate() {
        if i > start && tokens + length > micro_tokens {
            ranges.push(start..i);
            (start, tokens) = (i, 0);
        }
        tokens += length;
    }
    if start < lengths.len() {
        ranges.push(start..lengths.len());
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::micro_batches;

    #[test]
    fn micro_batches_cover_everything_once_and_respect_the_limit() {
        for (lengths, limit, ends) in [
            (vec![], 10, vec![]),
            (vec![5, 5, 5], 10, vec![2, 3]),
            (vec![50], 10, vec![1]),
            (vec![1, 50, 1], 10, vec![1, 2, 3]),
            (vec![3, 3, 3, 1], 10, vec![4]),
        ] {
            let ranges = micro_batches(&lengths, limit);
            assert_eq!(ranges.iter().map(|r| r.end).collect::<Vec<_>>(), ends, "{lengths:?}");
            let starts: Vec<usize> = ranges.iter().map(|r| r.start).collect();
            let before: Vec<usize> = std::iter::once(0).chain(ends).take(ranges.len()).collect();
            assert_eq!(starts, before, "{lengths:?}");
        }
    }
}
