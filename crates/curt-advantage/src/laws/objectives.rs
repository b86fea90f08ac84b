//! Laws of objectives.

use proptest::test_runner::TestCaseError;

use super::{LawResult, Minibatch, holds, refused};
use crate::{Aggregation, Credit, Evaluation, Normalizer, Objective, ObjectiveStats, SequenceView, TokenGrad};

/// Step of the finite differences.
const STEP: f64 = 1e-5;

fn evaluate(objective: &dyn Objective, views: &[SequenceView<'_>], norm: &Normalizer) -> Result<Evaluation, TestCaseError> {
    objective.evaluate(views, norm).map_err(refused)
}

/// Which branch each token is on, as far as counts and zeros tell: a derivative exists only within one.
fn branch(evaluation: &Evaluation) -> (u64, u64, u64, u64, Vec<bool>) {
    let s = &evaluation.stats;
    let zeros = evaluation.tokens.iter().flatten().map(|token| token.d_logprob == 0.0).collect();
    (s.clipped_low, s.clipped_high, s.clipped_dual, s.masked, zeros)
}

/// `d_logprob` of one token (the `pick`-th, modulo their number) is the central difference of the loss. Where the slope jumps, as
/// that of |x| does at 0, the difference lies between the slopes of both sides; where the loss itself may jump, because the two
/// sides are on different branches, nothing is said. Not for objectives that hold a weight constant in the derivative (`cispo`),
/// and for `gspo` only with one advantage per sequence.
pub fn slope_is_the_derivative(objective: &dyn Objective, minibatch: &Minibatch, pick: usize) -> LawResult {
    let places = minibatch.places();
    let Some(&(i, t)) = places.get(pick % places.len().max(1)) else { return Ok(()) };
    let norm = Normalizer::all(&minibatch.views());
    let slope = evaluate(objective, &minibatch.views(), &norm)?.tokens[i][t].d_logprob;
    let mut moved = minibatch.clone();
    let mut at = |x: f64| {
        moved.0[i].current[t] = x;
        evaluate(objective, &moved.views(), &norm)
    };
    let centre = minibatch.0[i].current[t];
    let (up, down) = (at(centre + STEP)?, at(centre - STEP)?);
    if branch(&up) != branch(&down) {
        return Ok(());
    }
    let sides = [up.tokens[i][t].d_logprob, down.tokens[i][t].d_logprob];
    let (least, most) = sides.iter().fold((slope, slope), |(least, most), side| (side.min(least), side.max(most)));
    let numeric = (up.loss() - down.loss()) / (2.0 * STEP);
    let nearest = match numeric {
        _ if slope.is_nan() => slope,
        x if x < least => least,
        x if x > most => most,
        x => x,
    };
    agree(numeric, nearest)
}

/// `d_entropy` of one token is the central difference of the loss.
pub fn entropy_slope_is_the_derivative(objective: &dyn Objective, minibatch: &Minibatch, pick: usize) -> LawResult {
    let places = minibatch.places();
    let Some(&(i, t)) = places.get(pick % places.len().max(1)) else { return Ok(()) };
    let norm = Normalizer::all(&minibatch.views());
    let slope = evaluate(objective, &minibatch.views(), &norm)?.tokens[i][t].d_entropy;
    let mut moved = minibatch.clone();
    let mut at = |x: f64| {
        moved.0[i].entropy[t] = x;
        evaluate(objective, &moved.views(), &norm).map(|evaluation| evaluation.loss())
    };
    let centre = minibatch.0[i].entropy[t];
    agree((at(centre + STEP)? - at(centre - STEP)?) / (2.0 * STEP), slope)
}

fn agree(numeric: f64, slope: f64) -> LawResult {
    holds((numeric - slope).abs() <= 1e-7 * (1.0 + slope.abs()), || format!("difference quotient {numeric}, slope {slope}"))
}

/// Evaluating parts of `size` sequences gives the numbers that evaluating the whole gives, bit for bit, and the same counts;
/// of objectives that are minibatch-wide nothing is said.
pub fn cut_into_micro_batches(objective: &dyn Objective, minibatch: &Minibatch, size: usize) -> LawResult {
    if objective.is_minibatch_wide() {
        return Ok(());
    }
    let views = minibatch.views();
    let norm = Normalizer::all(&views);
    let whole = evaluate(objective, &views, &norm)?;
    let (mut tokens, mut stats) = (Vec::new(), ObjectiveStats::default());
    for part in views.chunks(size.max(1)) {
        let part = evaluate(objective, part, &norm)?;
        tokens.extend(part.tokens);
        stats.merge(&part.stats);
    }
    holds(tokens == whole.tokens, || format!("{tokens:?} and {:?}", whole.tokens))?;
    let counts = |s: &ObjectiveStats| {
        (s.tokens, s.clipped_low, s.clipped_high, s.clipped_dual, s.masked, s.reference_tokens, s.ratio_min, s.ratio_max)
    };
    holds(counts(&stats) == counts(&whole.stats), || format!("{stats:?} and {:?}", whole.stats))?;
    holds((stats.loss - whole.loss()).abs() <= 1e-9 * (1.0 + whole.loss().abs()), || format!("{stats:?} and {:?}", whole.stats))
}

/// Sequences out of the loss get exactly 0, and their numbers change nobody.
pub fn masked_sequences_change_nobody(objective: &dyn Objective, minibatch: &Minibatch, other: f64) -> LawResult {
    let mut changed = minibatch.clone();
    for sequence in changed.0.iter_mut().filter(|sequence| !sequence.in_loss) {
        sequence.credit = Credit::Sequence(other);
        sequence.current.iter_mut().for_each(|logprob| *logprob -= 0.5);
        sequence.entropy.iter_mut().for_each(|entropy| *entropy += 0.5);
    }
    let norm = Normalizer::all(&minibatch.views());
    let (before, after) = (evaluate(objective, &minibatch.views(), &norm)?, evaluate(objective, &changed.views(), &norm)?);
    holds(before == after, || format!("{before:?} and {after:?}"))?;
    let masked = minibatch.0.iter().zip(&before.tokens).filter(|(sequence, _)| !sequence.in_loss);
    let mut tokens = masked.flat_map(|(_, tokens)| tokens);
    holds(tokens.all(|token| *token == TokenGrad::default()), || "a masked token has a gradient".to_owned())
}

/// A sequence without an advantage has no gradient and no loss, so that leaving it out saves work and changes nothing; not
/// for objectives with a term of their own (`kl_cov`, a KL term, an entropy bonus).
pub fn without_advantage_without_gradient(objective: &dyn Objective, minibatch: &Minibatch) -> LawResult {
    let views = minibatch.views();
    let evaluation = evaluate(objective, &views, &Normalizer::all(&views))?;
    for (view, tokens) in views.iter().zip(&evaluation.tokens) {
        holds(!view.credit.is_zero() || tokens.iter().all(|t| *t == TokenGrad::default()), || format!("{tokens:?}"))?;
    }
    Ok(())
}

/// On policy every ratio is 1 and every slope −A times the weight of `aggregation`: the policy gradient. For one advantage
/// per sequence.
pub fn on_policy_slope_is_minus_advantage(
    objective: &dyn Objective,
    minibatch: &Minibatch,
    aggregation: Aggregation,
) -> LawResult {
    let mut on_policy = minibatch.clone().with_sequence_credits();
    for sequence in &mut on_policy.0 {
        sequence.behaviour.clone_from(&sequence.current);
        sequence.proximal.clone_from(&sequence.current);
    }
    let views = on_policy.views();
    let norm = Normalizer::all(&views);
    let evaluation = evaluate(objective, &views, &norm)?;
    for (view, tokens) in views.iter().zip(&evaluation.tokens).filter(|(view, _)| view.in_loss) {
        let expected = -view.credit.at(0) * aggregation.weight(tokens.len(), &norm);
        let near = |found: f64| (found - expected).abs() <= 1e-12 * (1.0 + expected.abs());
        holds(tokens.iter().all(|token| near(token.d_logprob)), || format!("{tokens:?}, expected {expected}"))?;
    }
    Ok(())
}

/// A minibatch with nothing in the loss is 0, and not NaN.
pub fn nothing_in_the_loss_is_zero(objective: &dyn Objective, minibatch: &Minibatch) -> LawResult {
    let mut masked = minibatch.clone();
    masked.0.iter_mut().for_each(|sequence| sequence.in_loss = false);
    let evaluation = evaluate(objective, &masked.views(), &Normalizer::default())?;
    let all_zero = evaluation.tokens.iter().flatten().all(|token| *token == TokenGrad::default());
    holds(all_zero && evaluation.stats.loss == 0.0 && evaluation.stats.tokens == 0, || format!("{evaluation:?}"))
}

/// Finite numbers give finite numbers, however far apart; try it with [`wild_minibatches`](super::wild_minibatches).
pub fn stays_finite(objective: &dyn Objective, minibatch: &Minibatch) -> LawResult {
    let views = minibatch.views();
    let evaluation = evaluate(objective, &views, &Normalizer::all(&views))?;
    let finite = |token: &TokenGrad| token.loss.is_finite() && token.d_logprob.is_finite() && token.d_entropy.is_finite();
    holds(evaluation.tokens.iter().flatten().all(finite) && evaluation.loss().is_finite(), || format!("{evaluation:?}"))
}
