//! A policy that answers as a test wrote it down and keeps a list of what it was told, and groups made by hand.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use curt_reward::{ProblemKey, Rollout, Shaped};
use curt_runtime::{
    Completion, GenerateProgress, GenerateRequest, Policy, PolicyCounters, PolicyError, Sampling, Sequence, StopReason,
    TokenFacts, TokenGradients, Update, UpdateNorms,
};
use curt_task::{Problem, Prompt};
use curt_verify::{Verdict, Verification, Verifier};

use crate::rollout::Group;
use crate::select::Selected;
use crate::shape::ShapedGroup;
use crate::verify::{CompletionVerdict, VerifiedGroup};

/// The log-probability that every scripted token was drawn with.
pub const LOGPROB: f32 = -1.0;

/// A completion to be: whether it begins with the token `right`, how long it is, why it ended.
#[derive(Clone, Copy, Debug)]
pub struct Draft(pub bool, pub usize, pub StopReason);

/// One sequence of a `backward` call.
#[derive(Clone, Debug, PartialEq)]
pub struct Pushed {
    pub tokens: Vec<u32>,
    pub prompt_length: usize,
    pub d_logprob: Vec<f32>,
}

/// What the policy was told, in order.
#[derive(Debug, Default)]
pub struct Log {
    pub requests: Vec<GenerateRequest>,
    pub samplings: Vec<Sampling>,
    /// Sequences of each `score` call.
    pub scored: Vec<usize>,
    pub backward: Vec<Vec<Pushed>>,
    pub applied: Vec<Update>,
}

/// `drafts` are the completions of the requests in turn, over all calls of `generate`, and from the beginning again.
pub struct Scripted {
    pub drafts: Vec<Vec<Draft>>,
    pub right: u32,
    pub wrong: u32,
    /// What an update adds to each log-probability.
    pub shift: f32,
    pub log: Rc<RefCell<Log>>,
}

impl Scripted {
    fn completion(&self, Draft(right, length, stop): Draft) -> Completion {
        let mut ids = vec![self.wrong; length];
        ids[0] = if right { self.right } else { self.wrong };
        let (entropies, sum_p2) = (vec![0.5; length], vec![0.25; length]);
        Completion { ids, logprobs: vec![LOGPROB; length], entropies, sum_p2, stop, policy_version: self.version() }
    }

    fn facts(&self, sequence: &Sequence<'_>) -> TokenFacts {
        let n = sequence.completion_length();
        let now = LOGPROB + self.shift * self.version() as f32;
        TokenFacts { logprob: vec![now; n], entropy: vec![0.5; n], sum_p2: vec![0.25; n] }
    }
}

impl Policy for Scripted {
    fn generate(
        &mut self,
        requests: &[GenerateRequest],
        sampling: &Sampling,
        _: &mut dyn FnMut(GenerateProgress) -> bool,
    ) -> Result<Vec<Vec<Completion>>, PolicyError> {
        let earlier = self.log.borrow().requests.len();
        self.log.borrow_mut().requests.extend_from_slice(requests);
        self.log.borrow_mut().samplings.push(*sampling);
        let drafts = |request: usize| &self.drafts[(earlier + request) % self.drafts.len()];
        let completions = |request| drafts(request).iter().map(|draft| self.completion(*draft)).collect();
        Ok((0..requests.len()).map(completions).collect())
    }

    fn score(&mut self, sequences: &[Sequence<'_>], _: f64) -> Result<Vec<TokenFacts>, PolicyError> {
        self.log.borrow_mut().scored.push(sequences.len());
        Ok(sequences.iter().map(|s| self.facts(s)).collect())
    }

    fn backward(&mut self, s: &[Sequence<'_>], gradients: &[TokenGradients], _: f64) -> Result<Vec<TokenFacts>, PolicyError> {
        let pushed = s.iter().zip(gradients).map(|(s, g)| Pushed {
            tokens: s.tokens.to_vec(),
            prompt_length: s.prompt_length,
            d_logprob: g.d_logprob.clone(),
        });
        self.log.borrow_mut().backward.push(pushed.collect());
        Ok(s.iter().map(|s| self.facts(s)).collect())
    }

    fn apply(&mut self, update: &Update) -> Result<UpdateNorms, PolicyError> {
        self.log.borrow_mut().applied.push(*update);
        Ok(UpdateNorms { grad_norm: 1.0, grad_scale: 1.0 })
    }

    fn version(&self) -> u64 {
        self.log.borrow().applied.len() as u64
    }

    fn counters(&self) -> PolicyCounters {
        PolicyCounters { scoring_passes: self.log.borrow().scored.len() as u64, ..PolicyCounters::default() }
    }

    fn save_weights(&self, _: &Path) -> Result<(), PolicyError> {
        Ok(())
    }

    fn save_optimizer(&self, _: &Path) -> Result<(), PolicyError> {
        Ok(())
    }

    fn restore(&mut self, _: &Path) -> Result<(), PolicyError> {
        Ok(())
    }

    fn context_length(&self) -> usize {
        1 << 20
    }
}

/// Calls every completion right whose text begins with `1`, whether it ended or not.
pub struct BeginsWithOne;

impl Verifier for BeginsWithOne {
    fn name(&self) -> &'static str {
        "begins_with_one"
    }

    fn verify(&self, _: &str, response: &str, _: bool) -> Verification {
        let verdict = if response.starts_with('1') { Verdict::Correct } else { Verdict::Wrong };
        Verification { verdict, extracted: None, reason: None }
    }
}

/// How a rollout of a hand-made group is masked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mask {
    No,
    Exclude,
    ZeroAfter,
}

/// One rollout of a hand-made group.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub reward: f64,
    pub correct: bool,
    pub length: u32,
    pub mask: Mask,
}

/// A rollout that is right where its reward is above 0.
pub fn row(reward: f64, length: u32, mask: Mask) -> Row {
    Row { reward, correct: reward > 0.0, length, mask }
}

/// A problem with this prompt, by name.
pub fn selected(name: &str, prompt_ids: &[u32]) -> Selected {
    let (id, prompt, answer) = (name.to_owned(), Prompt::Text(name.to_owned()), "1".to_owned());
    let problem = Problem { id, prompt, answer, source: String::new(), difficulty: None, extra: serde_json::Map::default() };
    Selected {
        place: 0,
        key: problem.key().0,
        problem: Arc::new(problem),
        round: 0,
        occurrence: 0,
        prompt_ids: prompt_ids.to_vec(),
    }
}

/// A shaped group with these rollouts; sample i of it is made of the token `100 · number + i`.
pub fn shaped(number: u32, rows: &[Row]) -> ShapedGroup {
    let selected = selected(&format!("problem {number}"), &[number, 7]);
    let completion = |(i, row): (usize, &Row)| {
        let n = row.length as usize;
        Completion {
            ids: vec![100 * number + i as u32; n],
            logprobs: vec![-1.0 - i as f32; n],
            entropies: vec![0.5; n],
            sum_p2: vec![0.25; n],
            stop: StopReason::Eos,
            policy_version: 3,
        }
    };
    let verdict = |row: &Row| {
        let verdict = if row.correct { Verdict::Correct } else { Verdict::Wrong };
        CompletionVerdict { verification: Verification { verdict, extracted: None, reason: None }, finished: true, counts: true }
    };
    let key = ProblemKey(selected.key);
    let group = Group { selected, completions: rows.iter().enumerate().map(completion).collect() };
    ShapedGroup {
        verified: VerifiedGroup {
            group,
            verdicts: rows.iter().map(verdict).collect(),
            texts: vec![String::new(); rows.len()],
            left_out: None,
        },
        rollouts: rows.iter().map(|row| Rollout::new(key, row.correct, row.length)).collect(),
        shaped: rows.iter().map(shaped_reward).collect(),
    }
}

fn shaped_reward(row: &Row) -> Shaped {
    Shaped {
        total: row.reward,
        parts: vec![("correctness", row.reward)],
        in_statistics: row.mask != Mask::Exclude,
        in_loss: row.mask == Mask::No,
        cut_at: None,
    }
}
