//! The rows of one pass, on the device.

use curt_kernels::ops::attention::SequencePlan;
use curt_kernels::{DeviceError, Ops};

use crate::policy::{PolicyError, Sequence};

/// Token ids, positions and places of the rows of one pass.
#[derive(Debug)]
pub(crate) struct RowBatch<B: Ops> {
    pub rows: usize,
    pub ids: B::Ids,
    pub positions: B::Ids,
    pub slots: B::Ids,
    pub sequences: B::Sequences,
    /// One more than the largest position.
    pub max_positions: usize,
}

impl<B: Ops> RowBatch<B> {
    /// Brings `ids` and the plan that says where they belong to the device.
    pub fn new(backend: &B, ids: &[u32], plan: &SequencePlan) -> Result<Self, DeviceError> {
        debug_assert_eq!(ids.len(), plan.rows());
        let positions = plan.positions();
        Ok(Self {
            rows: ids.len(),
            ids: backend.upload_ids(ids)?,
            max_positions: positions.iter().max().map_or(0, |&p| p as usize + 1),
            positions: backend.upload_ids(&positions)?,
            slots: backend.upload_ids(&plan.slots())?,
            sequences: backend.sequences(plan)?,
        })
    }
}

/// Packed sequences, and which of their rows predict a completion token.
#[derive(Debug)]
pub(crate) struct PackedSequences {
    pub ids: Vec<u32>,
    pub plan: SequencePlan,
    /// Rows whose output is scored, in order of sequence and token.
    pub scored_rows: Vec<u32>,
    /// The token that each scored row predicts.
    pub targets: Vec<u32>,
    /// Scored rows per sequence.
    pub completion_lengths: Vec<usize>,
}

impl PackedSequences {
    /// Packs sequences one after the other without padding. The last token predicts nothing and gets no row.
    pub fn new(sequences: &[Sequence<'_>], vocab: usize, context: usize) -> Result<Self, PolicyError> {
        let mut packed = Self {
            ids: Vec::new(),
            plan: SequencePlan::default(),
            scored_rows: Vec::new(),
            targets: Vec::new(),
            completion_lengths: Vec::new(),
        };
        let mut lengths = Vec::with_capacity(sequences.len());
        for (index, sequence) in sequences.iter().enumerate() {
            check(index, sequence, vocab, context)?;
            let first_row = packed.ids.len();
            let inputs = &sequence.tokens[..sequence.tokens.len() - 1];
            packed.ids.extend_from_slice(inputs);
            packed.scored_rows.extend((first_row + sequence.prompt_length - 1..packed.ids.len()).map(|r| r as u32));
            packed.targets.extend_from_slice(&sequence.tokens[sequence.prompt_length..]);
            packed.completion_lengths.push(sequence.completion_length());
            lengths.push(inputs.len());
        }
        packed.plan = SequencePlan::packed(&lengths);
        Ok(packed)
    }
}

fn check(index: usize, sequence: &Sequence<'_>, vocab: usize, context: usize) -> Result<(), PolicyError> {
    let length = sequence.tokens.len();
    if sequence.prompt_length == 0 {
        return Err(PolicyError::EmptyPrompt { what: "sequence", index });
    }
    if sequence.prompt_length >= length {
        return Err(PolicyError::EmptyCompletion { index, length });
    }
    if length > context {
        return Err(PolicyError::TooLong { what: "sequence", index, length, context });
    }
    check_tokens("sequence", index, sequence.tokens, vocab)
}

/// Refuses ids that the vocabulary does not have.
pub(crate) fn check_tokens(what: &'static str, index: usize, tokens: &[u32], vocab: usize) -> Result<(), PolicyError> {
    match tokens.iter().position(|&t| t as usize >= vocab) {
        Some(position) => Err(PolicyError::TokenOutOfRange { what, index, position, token: tokens[position], vocab }),
        None => Ok(()),
    }
}
