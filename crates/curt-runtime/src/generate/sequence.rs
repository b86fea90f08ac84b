//! One sequence on its way.

use crate::policy::{Completion, StopReason};

/// A token that a decode step drew, with what the step knows of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drawn {
    pub token: u32,
    pub logprob: f32,
    pub entropy: f32,
    pub sum_p2: f32,
    pub version: u64,
}

/// A sequence that has its first token and may want more.
#[derive(Debug)]
pub(crate) struct Running {
    pub request: usize,
    pub sample: usize,
    pub pages: Vec<u32>,
    /// Tokens whose keys and values are in the pages; the newest token is not.
    pub length: usize,
    pub ids: Vec<u32>,
    logprobs: Vec<f32>,
    entropies: Vec<f32>,
    sum_p2: Vec<f32>,
    stop: Option<StopReason>,
    version: u64,
}

impl Running {
    /// A sequence whose prompt of `length` tokens lies in `pages`.
    pub fn new(request: usize, sample: usize, pages: Vec<u32>, length: usize) -> Self {
        Self {
            request,
            sample,
            pages,
            length,
            ids: Vec::new(),
            logprobs: Vec::new(),
            entropies: Vec::new(),
            sum_p2: Vec::new(),
            stop: None,
            version: 0,
        }
    }

    /// Appends a token and decides whether it is the last.
    pub fn push(&mut self, drawn: Drawn, stops: &[u32], max_new_tokens: usize, context: usize) {
        self.ids.push(drawn.token);
        self.logprobs.push(drawn.logprob);
        self.entropies.push(drawn.entropy);
        self.sum_p2.push(drawn.sum_p2);
        self.version = drawn.version;
        self.stop = if stops.contains(&drawn.token) {
            Some(StopReason::Eos)
        } else if self.ids.len() >= max_new_tokens {
            Some(StopReason::Budget)
        } else if self.length + 1 >= context {
            // `length` tokens lie in the pages and the newest would be next; the one after it has no position
            Some(StopReason::Context)
        } else {
            None
        };
    }

    /// Whether the last token was the last.
    pub fn ended(&self) -> bool {
        self.stop.is_some()
    }

    /// Takes the completion out, once it has ended.
    pub fn completion(&mut self) -> Option<Completion> {
        let stop = self.stop?;
        Some(Completion {
            ids: std::mem::take(&mut self.ids),
            logprobs: std::mem::take(&mut self.logprobs),
            entropies: std::mem::take(&mut self.entropies),
            sum_p2: std::mem::take(&mut self.sum_p2),
            stop,
            policy_version: self.version,
        })
    }
}
