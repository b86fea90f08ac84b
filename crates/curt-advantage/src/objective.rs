//! From per-token facts to gradients: the data and the joint.

use std::fmt::Debug;

use crate::{AdvantageError, Credit, Normalizer, ObjectiveStats};

/// What an objective may know of one sequence. Slices hold one number per action token, in order; logarithms are natural
/// and taken after the temperature of sampling.
#[derive(Clone, Copy, Debug)]
pub struct SequenceView<'a> {
    /// Log-probability of each token under the weights being trained.
    pub current: &'a [f64],
    /// Log-probability stored when the token was sampled.
    pub behaviour: &'a [f64],
    /// Log-probability under the weights at the start of this batch of updates, for decoupled objectives.
    pub proximal: Option<&'a [f64]>,
    /// Log-probability under a frozen reference, for objectives with a KL term.
    pub reference: Option<&'a [f64]>,
    /// Entropy of the distribution the token was drawn from, in nats.
    pub entropy: Option<&'a [f64]>,
    /// Σp² of that distribution: the probability that two draws agree.
    pub sum_p2: Option<&'a [f64]>,
    /// Its advantage.
    pub credit: &'a Credit,
    /// Is it trained on? If not, each of its tokens gets exactly 0.
    pub in_loss: bool,
}

impl<'a> SequenceView<'a> {
    /// A sequence in the loss with the facts that every objective reads, and no others.
    pub fn new(current: &'a [f64], behaviour: &'a [f64], credit: &'a Credit) -> Self {
        Self { current, behaviour, proximal: None, reference: None, entropy: None, sum_p2: None, credit, in_loss: true }
    }
}

/// What an objective says of one token. All three are already divided by the normalizer: they add up over tokens,
/// sequences and micro-batches.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TokenGrad {
    /// Its share of the loss (to be minimised).
    pub loss: f64,
    /// d loss / d `current`.
    pub d_logprob: f64,
    /// d loss / d `entropy`.
    pub d_entropy: f64,
}

impl TokenGrad {
    /// All three times `factor`.
    pub fn times(self, factor: f64) -> Self {
        // one without derivative stays +0, whatever the sign of the factor
        let scaled = |value: f64| if value == 0.0 { 0.0 } else { value * factor };
        Self { loss: scaled(self.loss), d_logprob: scaled(self.d_logprob), d_entropy: scaled(self.d_entropy) }
    }
}

/// The loss of a minibatch, token by token.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// `tokens[i][t]` belongs to token t of sequence i.
    pub tokens: Vec<Vec<TokenGrad>>,
    /// Counts and sums for metrics.
    pub stats: ObjectiveStats,
}

impl Evaluation {
    /// The loss: the sum over all tokens.
    pub fn loss(&self) -> f64 {
        self.stats.loss
    }

    /// Sums the loss up again, after tokens were changed.
    pub(crate) fn sum_up(mut self) -> Self {
        self.stats.loss = self.tokens.iter().flatten().map(|token| token.loss).sum();
        self
    }
}

/// A policy loss, with its gradient.
pub trait Objective: Debug + Send + Sync {
    /// The word for it in a run file.
    fn name(&self) -> &'static str;

    /// Loss and derivatives for each token. `norm` counts the whole optimizer update ([`Normalizer::all`]), of which
    /// `minibatch` may be a part: evaluating the parts gives the numbers that evaluating the whole would, unless
    /// [`is_minibatch_wide`](Self::is_minibatch_wide).
    ///
    /// # Errors
    /// What [`check_minibatch`] refuses.
    fn evaluate(&self, minibatch: &[SequenceView<'_>], norm: &Normalizer) -> Result<Evaluation, AdvantageError>;

    /// Whether a token's loss depends on tokens of other sequences beyond the normalizer, so that the whole optimizer update
    /// must be evaluated in one call. How forward and backward are then cut into micro-batches still changes nothing.
    fn is_minibatch_wide(&self) -> bool {
        false
    }
}

impl<T: Objective + ?Sized> Objective for Box<T> {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn evaluate(&self, minibatch: &[SequenceView<'_>], norm: &Normalizer) -> Result<Evaluation, AdvantageError> {
        (**self).evaluate(minibatch, norm)
    }

    fn is_minibatch_wide(&self) -> bool {
        (**self).is_minibatch_wide()
    }
}

/// Refuses what no objective can use; members call it first, and so should yours.
///
/// # Errors
/// No sequences; a per-token field with another length than `current`; a number that is not finite (in masked sequences
/// too); a normalizer that counts less than the sequences in the loss that have an advantage. Sequences and tokens are
/// named from 0.
pub fn check_minibatch(minibatch: &[SequenceView<'_>], norm: &Normalizer) -> Result<(), AdvantageError> {
    if minibatch.is_empty() {
        return Err(AdvantageError::EmptyMinibatch);
    }
    for (sequence, view) in minibatch.iter().enumerate() {
        check_sequence(sequence, view)?;
    }
    let held = Normalizer::active(minibatch);
    let counts = [("action tokens", held.action_tokens, norm.action_tokens), ("sequences", held.sequences, norm.sequences)];
    match counts.into_iter().find(|(_, held, counted)| held > counted) {
        Some((unit, expected, found)) => Err(AdvantageError::NormalizerTooSmall { unit, expected, found }),
        None => Ok(()),
    }
}

fn check_sequence(sequence: usize, view: &SequenceView<'_>) -> Result<(), AdvantageError> {
    let expected = view.current.len();
    let single;
    let advantage = match view.credit {
        Credit::Sequence(value) => {
            single = [*value];
            &single[..]
        }
        Credit::Tokens(values) => values,
    };
    let per_sequence = matches!(view.credit, Credit::Sequence(_));
    let fields = [
        ("current", Some(view.current)),
        ("behaviour", Some(view.behaviour)),
        ("proximal", view.proximal),
        ("reference", view.reference),
        ("entropy", view.entropy),
        ("sum_p2", view.sum_p2),
        ("advantage", Some(advantage)),
    ];
    for (field, values) in fields {
        let Some(values) = values else { continue };
        if values.len() != expected && !(field == "advantage" && per_sequence) {
            return Err(AdvantageError::SequenceSize { sequence, field, expected, found: values.len() });
        }
        if let Some(token) = values.iter().position(|value| !value.is_finite()) {
            return Err(AdvantageError::NotFinite { sequence, token, field, found: values[token] });
        }
    }
    Ok(())
}
