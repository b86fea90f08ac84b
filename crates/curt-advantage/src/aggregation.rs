//! How token losses become one number: the mode, and the counts it divides by.

use serde::{Deserialize, Serialize};

use crate::{AdvantageError, SequenceView};

/// How the losses ℓ of tokens are summed up. With T all action tokens and B all sequences of the optimizer update (a
/// [`Normalizer`]), and L_i the tokens of sequence i, each token is multiplied by a weight:
///
/// | word | weight | also known as |
/// |---|---|---|
/// | `token-mean` | 1 / T | DAPO; TRL `dapo`, `bnpo`; verl's default |
/// | `seq-mean-token-mean` | 1 / (B · L_i) | GRPO paper; TRL `grpo` |
/// | `seq-mean-token-sum` | 1 / B | |
/// | `seq-mean-token-sum-norm` | 1 / (B · `length`) | Dr. GRPO; TRL `dr_grpo` with `length` = the generation cap; **not** verl's |
///
/// The words are verl's, but its `seq-mean-token-sum-norm` is Σℓ / `length`, a weight of 1 / `length`: it does not divide by
/// B. Its loss and its gradient are B times those here, at the same `length`.
///
/// With `token-mean` a sequence pulls in proportion to its length; with `seq-mean-token-mean` each token of a long wrong
/// rollout is pushed 1/L_i as hard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aggregation {
    /// Mean over all tokens.
    #[default]
    TokenMean,
    /// Mean over sequences of the mean over their tokens.
    SeqMeanTokenMean,
    /// Mean over sequences of the sum over their tokens.
    SeqMeanTokenSum,
    /// Mean over sequences of the sum over their tokens, divided by a constant length.
    SeqMeanTokenSumNorm {
        /// The constant, in tokens, at least 1.
        length: u32,
    },
}

impl Aggregation {
    /// The mode of this word (see the table, aliases of TRL included); `length` is used by `seq-mean-token-sum-norm`.
    ///
    /// # Errors
    /// A word that is none of these; a `length` of 0 where it is used.
    pub fn from_word(word: &str, length: u32) -> Result<Self, AdvantageError> {
        let mode = match word {
            "token-mean" | "dapo" | "bnpo" => Aggregation::TokenMean,
            "seq-mean-token-mean" | "grpo" => Aggregation::SeqMeanTokenMean,
            "seq-mean-token-sum" => Aggregation::SeqMeanTokenSum,
            "seq-mean-token-sum-norm" | "dr_grpo" => Aggregation::SeqMeanTokenSumNorm { length },
            _ => {
                return Err(AdvantageError::BadSetting {
                    setting: "aggregation",
                    expected: "`token-mean`, `seq-mean-token-mean`, `seq-mean-token-sum` or `seq-mean-token-sum-norm`",
                    found: format!("`{word}`"),
                });
            }
        };
        mode.checked()
    }

    /// The word of this mode.
    pub fn word(&self) -> &'static str {
        match self {
            Aggregation::TokenMean => "token-mean",
            Aggregation::SeqMeanTokenMean => "seq-mean-token-mean",
            Aggregation::SeqMeanTokenSum => "seq-mean-token-sum",
            Aggregation::SeqMeanTokenSumNorm { .. } => "seq-mean-token-sum-norm",
        }
    }

    /// The number by which each token of a sequence of `tokens` tokens is multiplied; 0 where the normalizer counts
    /// nothing, so that a fully masked batch gives 0 and not NaN.
    pub fn weight(&self, tokens: usize, norm: &Normalizer) -> f64 {
        let denominator = match *self {
            Aggregation::TokenMean => norm.action_tokens as f64,
            Aggregation::SeqMeanTokenMean => norm.sequences as f64 * tokens as f64,
            Aggregation::SeqMeanTokenSum => norm.sequences as f64,
            Aggregation::SeqMeanTokenSumNorm { length } => norm.sequences as f64 * f64::from(length),
        };
        if denominator > 0.0 { 1.0 / denominator } else { 0.0 }
    }

    pub(crate) fn checked(self) -> Result<Self, AdvantageError> {
        match self {
            Aggregation::SeqMeanTokenSumNorm { length: 0 } => Err(AdvantageError::BadSetting {
                setting: "length of seq-mean-token-sum-norm",
                expected: "at least 1 token",
                found: "0".to_owned(),
            }),
            mode => Ok(mode),
        }
    }
}

/// What one optimizer update divides by: counts over **all** of its sequences in the loss, however they are cut into
/// micro-batches. Counting per micro-batch would make the gradient depend on how they are cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Normalizer {
    /// Action tokens (sampled ones, the stop token included).
    pub action_tokens: u64,
    /// Sequences with at least one action token.
    pub sequences: u64,
}

impl Normalizer {
    /// The counts over all sequences in the loss, those with zero advantage included: the default. Leaving signal-free
    /// sequences out of the computation then saves work and changes no gradient.
    pub fn all(sequences: &[SequenceView<'_>]) -> Self {
        let mut norm = Self::default();
        sequences.iter().filter(|sequence| sequence.in_loss).for_each(|sequence| norm.count(sequence.current.len()));
        norm
    }

    /// The counts over the sequences in the loss that have any advantage. Each step then has the same size however many
    /// groups were flat.
    pub fn active(sequences: &[SequenceView<'_>]) -> Self {
        let mut norm = Self::default();
        let active = sequences.iter().filter(|sequence| sequence.in_loss && !sequence.credit.is_zero());
        active.for_each(|sequence| norm.count(sequence.current.len()));
        norm
    }

    /// Adds one sequence in the loss, of this many action tokens; one without tokens counts for nothing.
    pub fn count(&mut self, tokens: usize) {
        self.action_tokens += tokens as u64;
        self.sequences += u64::from(tokens > 0);
    }
}
