//! Which tokens move the entropy: the covariance of advantage and log-probability.

use crate::SequenceView;

/// A token in the loss, as (sequence, token), with its share of the covariance.
pub(super) struct Covariance {
    pub place: (usize, usize),
    pub value: f64,
}

/// (A − mean A) · (ln π − mean ln π) of each token in the loss, both means over all of them, in order.
///
/// The entropy of a softmax policy falls by about the learning rate times the mean of these (arXiv 2505.22617).
pub(super) fn covariances(minibatch: &[SequenceView<'_>]) -> Vec<Covariance> {
    let places = || {
        let sequences = minibatch.iter().enumerate().filter(|(_, view)| view.in_loss);
        sequences.flat_map(|(i, view)| (0..view.current.len()).map(move |t| (i, t, view)))
    };
    let n = places().count().max(1) as f64;
    let advantage = places().map(|(_, t, view)| view.credit.at(t)).sum::<f64>() / n;
    let logprob = places().map(|(_, t, view)| view.current[t]).sum::<f64>() / n;
    let value = |t: usize, view: &SequenceView<'_>| (view.credit.at(t) - advantage) * (view.current[t] - logprob);
    places().map(|(i, t, view)| Covariance { place: (i, t), value: value(t, view) }).collect()
}

/// How many tokens a share of `n` is: rounded down, at least 1.
pub(super) fn share(ratio: f64, n: usize) -> usize {
    ((ratio * n as f64) as usize).max(1)
}
