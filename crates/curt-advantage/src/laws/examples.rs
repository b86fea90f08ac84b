//! Strategies for examples as training makes them.

use proptest::prelude::*;

use crate::{Credit, RewardGroup, SampledTokens, SequenceView};

/// Steps of up to 5 groups of 1 to 24 rollouts with all fields filled.
///
/// Rewards are correctness plus, in two of three groups, a length term; they tie often and are multiples of 1/64, so that
/// differences are exact. Some groups are all right or all wrong. A fifth of the rollouts is masked, in one of the two ways.
/// Parts are `correctness` and `length`; lengths are 1 to 40 tokens, and now and then none.
pub fn groups() -> impl Strategy<Value = Vec<RewardGroup>> {
    prop::collection::vec(group(0..3), 1..6)
}

/// As [`groups`], with rewards of 0 and 1 alone.
pub fn correctness_groups() -> impl Strategy<Value = Vec<RewardGroup>> {
    prop::collection::vec(group(0..1), 1..6)
}

/// Shifts that lose no digit of the rewards of [`groups`].
pub fn shifts() -> impl Strategy<Value = f64> {
    (-3200..3200i32).prop_map(|steps| f64::from(steps) / 64.0)
}

/// Factors above 0 that lose no digit.
pub fn scales() -> impl Strategy<Value = f64> {
    (-6..7i32).prop_map(|exponent| libm::exp2(f64::from(exponent)))
}

fn group(shapings: std::ops::Range<u8>) -> impl Strategy<Value = RewardGroup> {
    let pass_rate = prop_oneof![1 => Just(0.0), 1 => Just(1.0), 4 => 0.05..0.95f64];
    let mask = prop_oneof![8 => Just((true, true)), 1 => Just((false, false)), 1 => Just((true, false))];
    let length = prop_oneof![15 => 1u32..41, 1 => Just(0)];
    let row = (0.0..1.0f64, length, mask, any::<u64>());
    (pass_rate, shapings, prop::collection::vec(row, 1..25)).prop_map(|(pass_rate, shaping, rows)| {
        let correct = |draw: f64| f64::from(u8::from(draw < pass_rate));
        let term = |draw: f64, length: u32| match shaping {
            0 => 0.0,
            1 => correct(draw) * f64::from(40 - length) / 64.0,
            _ => -f64::from(length) / 64.0,
        };
        RewardGroup {
            rewards: rows.iter().map(|row| correct(row.0) + term(row.0, row.1)).collect(),
            in_statistics: rows.iter().map(|row| row.2.0).collect(),
            in_loss: rows.iter().map(|row| row.2.1).collect(),
            lengths: rows.iter().map(|row| row.1).collect(),
            parts: vec![
                ("correctness".to_owned(), rows.iter().map(|row| correct(row.0)).collect()),
                ("length".to_owned(), rows.iter().map(|row| term(row.0, row.1)).collect()),
            ],
            tokens: rows.iter().map(|row| sampled_tokens(row.1, row.3)).collect(),
        }
    })
}

/// Tokens of mixed certainty; drawing each by proptest would be slow.
fn sampled_tokens(length: u32, mut seed: u64) -> SampledTokens {
    let mut uniform = || {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (seed >> 11) as f64 / (1u64 << 53) as f64
    };
    let mut tokens = SampledTokens::default();
    for _ in 0..length {
        let probability = 0.01 + 0.99 * uniform();
        tokens.logprobs.push(libm::log(probability));
        tokens.sum_p2.push(probability * probability + (1.0 - probability) * (1.0 - probability) * uniform());
    }
    tokens
}

/// A minibatch that owns its numbers; a [`SequenceView`] borrows them.
#[derive(Clone, Debug, PartialEq)]
pub struct Minibatch(pub Vec<SequenceData>);

/// One sequence of a [`Minibatch`]; every field of a [`SequenceView`] is there.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "named and explained as in SequenceView")]
pub struct SequenceData {
    pub current: Vec<f64>,
    pub behaviour: Vec<f64>,
    pub proximal: Vec<f64>,
    pub reference: Vec<f64>,
    pub entropy: Vec<f64>,
    pub sum_p2: Vec<f64>,
    pub credit: Credit,
    pub in_loss: bool,
}

impl Minibatch {
    /// The views that an objective takes.
    pub fn views(&self) -> Vec<SequenceView<'_>> {
        self.0.iter().map(SequenceData::view).collect()
    }

    /// The same with one advantage per sequence: where each token had its own, that of the first.
    pub fn with_sequence_credits(mut self) -> Self {
        for sequence in &mut self.0 {
            if let Credit::Tokens(advantages) = &sequence.credit {
                sequence.credit = Credit::Sequence(advantages.first().copied().unwrap_or(0.0));
            }
        }
        self
    }

    /// Where each token lies, as (sequence, token).
    pub(super) fn places(&self) -> Vec<(usize, usize)> {
        self.0.iter().enumerate().flat_map(|(i, s)| (0..s.current.len()).map(move |t| (i, t))).collect()
    }
}

impl SequenceData {
    fn view(&self) -> SequenceView<'_> {
        SequenceView {
            proximal: Some(&self.proximal),
            reference: Some(&self.reference),
            entropy: Some(&self.entropy),
            sum_p2: Some(&self.sum_p2),
            in_loss: self.in_loss,
            ..SequenceView::new(&self.current, &self.behaviour, &self.credit)
        }
    }
}

/// Minibatches of 1 to 8 sequences of up to 8 tokens, with ratios from e^−1.5 to e^1.5; some sequences are masked, some have
/// no advantage, some one per token.
pub fn minibatches() -> impl Strategy<Value = Minibatch> {
    minibatches_of(1.5)
}

/// As [`minibatches`], with ratios that no finite arithmetic can hold.
pub fn wild_minibatches() -> impl Strategy<Value = Minibatch> {
    minibatches_of(1e300)
}

fn minibatches_of(spread: f64) -> impl Strategy<Value = Minibatch> {
    let token = (-4.0..0.0f64, -spread..spread, -2.0..2.0f64, -0.5..0.5f64, -1.0..1.0f64, 0.0..3.0f64, 0.0..1.0f64);
    let sequence = (prop::collection::vec(token, 0..9), -3.0..3.0f64, 0..10u8, prop::bool::weighted(0.8));
    let sequence = sequence.prop_map(move |(tokens, advantage, kind, in_loss)| SequenceData {
        current: tokens.iter().map(|t| t.0 + t.1).collect(),
        behaviour: tokens.iter().map(|t| t.0).collect(),
        proximal: tokens.iter().map(|t| t.0 + t.3).collect(),
        reference: tokens.iter().map(|t| t.0 + t.1 + t.4).collect(),
        entropy: tokens.iter().map(|t| t.5).collect(),
        sum_p2: tokens.iter().map(|t| t.6).collect(),
        credit: match kind {
            0 | 1 => Credit::Sequence(0.0),
            2..=4 => Credit::Tokens(tokens.iter().map(|t| t.2).collect()),
            _ => Credit::Sequence(advantage),
        },
        in_loss,
    });
    prop::collection::vec(sequence, 1..9).prop_map(Minibatch)
}
