//! `update`: minibatches → new weights.
//!
//! While the weights are those that sampled, the log-probabilities that the decode steps stored *are* the current ones
//! (invariant 1), so no scoring pass is run and every ratio is exactly 1. After the first update of a batch the
//! minibatch is scored. The objective sees the whole minibatch once; gradients then flow micro-batch by micro-batch. A
//! sequence belongs to one minibatch of its batch, so a frozen reference scores it once.

use curt_advantage::{Objective, ObjectiveStats, SequenceView, TokenGrad};
use curt_runtime::{Policy, PolicyError, Sequence, TokenFacts, TokenGradients, Update, UpdateNorms};

use crate::error::TrainError;
use crate::pack::{Minibatch, PackedSequence, micro_batches};
use crate::trainer::Reference;

/// What the current weights, or those of the reference, say of one sequence.
struct Current {
    logprob: Vec<f64>,
    entropy: Vec<f64>,
    sum_p2: Vec<f64>,
}

/// What an update of one minibatch did.
#[derive(Clone, Debug)]
pub struct UpdateReport {
    /// Sums and counts of the objective.
    pub stats: ObjectiveStats,
    /// Gradient norm and clipping; `None` when nothing had a gradient and the weights were left alone.
    pub norms: Option<UpdateNorms>,
    /// Learning rate of the update.
    pub learning_rate: f64,
    /// Sequences that went through forward and backward.
    pub trained_sequences: usize,
    /// Their tokens, prompts included.
    pub trained_tokens: usize,
    /// Largest |training pass − decode step| of a log-probability, while the weights are those that sampled.
    pub mismatch_max: f64,
    /// Sum and count of the same.
    pub mismatch_sum: (f64, u64),
}

/// How minibatches become updates.
#[derive(Clone, Copy, Debug)]
pub struct UpdatePlan {
    /// Tokens of one forward and backward pass.
    pub micro_tokens: usize,
    /// `1 / temperature` of sampling.
    pub inverse_temperature: f64,
}

/// Updates the policy once from `minibatch`; `reference` is what the objective's KL term needs.
///
/// # Errors
/// A gradient or log-probability that is not finite, named; an objective that lacks a fact. The weights are then unchanged.
pub fn update(
    policy: &mut dyn Policy,
    reference: Option<&mut Reference>,
    objective: &dyn Objective,
    minibatch: &Minibatch,
    optimizer: &Update,
    plan: &UpdatePlan,
) -> Result<UpdateReport, TrainError> {
    let mut report = UpdateReport {
        stats: ObjectiveStats::default(),
        norms: None,
        learning_rate: optimizer.learning_rate,
        trained_sequences: 0,
        trained_tokens: 0,
        mismatch_max: 0.0,
        mismatch_sum: (0.0, 0),
    };
    if minibatch.sequences.is_empty() {
        return Ok(report);
    }
    let current = current(policy, &minibatch.sequences, plan)?;
    let reference = match reference {
        Some(frozen) => Some(scored(|packed| frozen.policy.score(packed, plan.inverse_temperature), &minibatch.sequences, plan)?),
        None => None,
    };
    let views = views(&minibatch.sequences, &current, reference.as_deref());
    let evaluation = objective.evaluate(&views, &minibatch.normalizer)?;
    report.stats = evaluation.stats;
    // sequences without a gradient were counted in the normalizer and need no work
    let active: Vec<(&PackedSequence, TokenGradients)> =
        minibatch.sequences.iter().zip(&evaluation.tokens).filter_map(|(s, t)| Some((s, gradients(t)?))).collect();
    let lengths: Vec<usize> = active.iter().map(|(s, _)| s.tokens.len()).collect();
    for range in micro_batches(&lengths, plan.micro_tokens) {
        backward(policy, &active[range], plan, &mut report)?;
    }
    if !active.is_empty() {
        report.norms = Some(policy.apply(optimizer)?);
    }
    Ok(report)
}

fn current(policy: &mut dyn Policy, sequences: &[PackedSequence], plan: &UpdatePlan) -> Result<Vec<Current>, TrainError> {
    let version = policy.version();
    if sequences.iter().all(|s| s.policy_version == version) {
        let stored =
            |s: &PackedSequence| Current { logprob: s.behaviour.clone(), entropy: s.entropy.clone(), sum_p2: s.sum_p2.clone() };
        return Ok(sequences.iter().map(stored).collect());
    }
    scored(|packed| policy.score(packed, plan.inverse_temperature), sequences, plan)
}

/// The sequences scored by `score`, micro-batch by micro-batch.
fn scored<F>(mut score: F, sequences: &[PackedSequence], plan: &UpdatePlan) -> Result<Vec<Current>, TrainError>
where
    F: FnMut(&[Sequence<'_>]) -> Result<Vec<TokenFacts>, PolicyError>,
{
    let lengths: Vec<usize> = sequences.iter().map(|s| s.tokens.len()).collect();
    let mut scored = Vec::with_capacity(sequences.len());
    for range in micro_batches(&lengths, plan.micro_tokens) {
        let packed: Vec<Sequence<'_>> = sequences[range].iter().map(PackedSequence::view).collect();
        let wide = |x: Vec<f32>| x.into_iter().map(f64::from).collect();
        scored.extend(score(&packed)?.into_iter().map(|facts| Current {
            logprob: wide(facts.logprob),
            entropy: wide(facts.entropy),
            sum_p2: wide(facts.sum_p2),
        }));
    }
    Ok(scored)
}

fn views<'a>(sequences: &'a [PackedSequence], current: &'a [Current], reference: Option<&'a [Current]>) -> Vec<SequenceView<'a>> {
    let view = |(i, (sequence, current)): (usize, (&'a PackedSequence, &'a Current))| SequenceView {
        // rollouts are of the weights that the batch of updates begins with, so what they stored is both
        proximal: Some(&sequence.behaviour),
        reference: reference.map(|reference| &reference[i].logprob[..]),
        entropy: Some(&current.entropy),
        sum_p2: Some(&current.sum_p2),
        ..SequenceView::new(&current.logprob, &sequence.behaviour, &sequence.credit)
    };
    sequences.iter().zip(current).enumerate().map(view).collect()
}

/// The gradients of one sequence as the policy takes them; `None` when all are zero.
fn gradients(tokens: &[TokenGrad]) -> Option<TokenGradients> {
    let any = tokens.iter().any(|t| t.d_logprob != 0.0 || t.d_entropy != 0.0);
    any.then(|| TokenGradients {
        d_logprob: tokens.iter().map(|t| t.d_logprob as f32).collect(),
        d_entropy: tokens.iter().map(|t| t.d_entropy as f32).collect(),
    })
}

fn backward(
    policy: &mut dyn Policy,
    batch: &[(&PackedSequence, TokenGradients)],
    plan: &UpdatePlan,
    report: &mut UpdateReport,
) -> Result<(), TrainError> {
    let sequences: Vec<Sequence<'_>> = batch.iter().map(|(s, _)| s.view()).collect();
    let gradients: Vec<TokenGradients> = batch.iter().map(|(_, g)| g.clone()).collect();
    let version = policy.version();
    let facts = policy.backward(&sequences, &gradients, plan.inverse_temperature)?;
    report.trained_sequences += batch.len();
    report.trained_tokens += sequences.iter().map(|s| s.tokens.len()).sum::<usize>();
    for ((sequence, _), facts) in batch.iter().zip(&facts).filter(|((s, _), _)| s.policy_version == version) {
        for (&stored, &now) in sequence.behaviour.iter().zip(&facts.logprob) {
            let difference = (f64::from(now) - stored).abs();
            report.mismatch_max = report.mismatch_max.max(difference);
            report.mismatch_sum.0 += difference;
            report.mismatch_sum.1 += 1;
        }
    }
    Ok(())
}
