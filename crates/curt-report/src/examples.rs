//! Completions to read: the first and the last of the same prompt.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// Prompts that are watched for, at most.
const MAX_PROMPTS: usize = 512;
/// Difficulties of which a pair is kept, at most.
const MAX_DIFFICULTIES: usize = 64;
/// Pairs that are shown, at most.
const MAX_PAIRS: usize = 6;
/// Tokens of a prompt that are kept, at most, and characters of a text.
const MAX_IDS: usize = 4096;
const MAX_TEXT: usize = 40_000;

/// A recorded completion, with all that a reader wants to know of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Completion {
    /// The step.
    pub step: u32,
    /// The problem's name.
    pub prompt_id: String,
    /// The problem's key.
    pub problem_key: String,
    /// The problem's difficulty.
    pub difficulty: Option<u32>,
    /// The prompt in tokens.
    pub prompt_ids: Vec<u32>,
    /// The prompt in words, where somebody decoded it.
    #[serde(skip)]
    pub prompt: Option<String>,
    /// What the model wrote.
    pub text: String,
    /// Its length in tokens.
    pub length: u32,
    /// Why it ended.
    pub finish_reason: String,
    /// The verdict.
    pub correct: bool,
    /// The verdict in a word.
    pub verdict: String,
    /// The right answer.
    pub answer: String,
    /// The answer found in the text.
    pub answer_extracted: Option<String>,
    /// The reward's parts; `None` where one was not finite.
    pub rewards: BTreeMap<String, Option<f64>>,
    /// The reward.
    pub shaped: Option<f64>,
    /// One number, or one for each token.
    pub advantage: Value,
    /// Whether it was trained on.
    pub kept: Option<bool>,
    /// Why not.
    pub drop_reason: Option<String>,
}

impl Completion {
    /// Without what a page would not show.
    fn bounded(mut self) -> Self {
        self.prompt_ids.truncate(MAX_IDS);
        if self.text.chars().count() > MAX_TEXT {
            self.text = crate::escape::excerpt(&self.text, MAX_TEXT).into_owned();
        }
        if !self.advantage.is_number() {
            self.advantage = Value::Null;
        }
        self
    }
}

/// Two completions side by side.
#[derive(Clone, Debug)]
pub struct Pair {
    /// Whether they answer the same prompt; else only their difficulty is the same.
    pub same_prompt: bool,
    /// The early one.
    pub first: Completion,
    /// The late one.
    pub last: Completion,
}

/// Candidates among completions that come in the order of their steps.
#[derive(Clone, Debug, Default)]
pub struct Examples {
    prompts: BTreeMap<String, (Completion, Option<Completion>)>,
    difficulties: BTreeMap<Option<u32>, (Completion, Option<Completion>)>,
    newest: BTreeMap<Option<u32>, u32>,
}

/// The two fields that say whether a line is a candidate.
#[derive(Deserialize)]
struct Key {
    #[serde(default)]
    problem_key: String,
    #[serde(default)]
    difficulty: Option<u32>,
}

impl Examples {
    /// Offers the completion in a line of `step`, which is at an end of the run (0: the first, 1: the last) or between;
    /// `read` reads the line, which is not done for most.
    pub fn offer<E>(
        &mut self,
        step: u32,
        end: Option<usize>,
        line: &[u8],
        read: impl Fn() -> Result<Completion, E>,
    ) -> Result<(), E> {
        // what cannot be told apart is no candidate; a line that cannot be read is found by `read` of somebody else
        let Ok(Key { problem_key, difficulty }) = serde_json::from_slice::<Key>(line) else { return Ok(()) };
        let is_early = end == Some(0);
        if let Some((first, last)) = self.prompts.get_mut(&problem_key) {
            if first.step < step {
                *last = Some(read()?.bounded());
            }
        } else if self.prompts.len() < MAX_PROMPTS && !problem_key.is_empty() && (is_early || end.is_none()) {
            self.prompts.insert(problem_key, (read()?.bounded(), None));
        }
        let known = self.difficulties.contains_key(&difficulty);
        if is_early && !known && self.difficulties.len() < MAX_DIFFICULTIES {
            self.difficulties.insert(difficulty, (read()?.bounded(), None));
        } else if end == Some(1) && known && self.newest.get(&difficulty) != Some(&step) {
            // one of each step, the first
            self.newest.insert(difficulty, step);
            if let Some((_, last)) = self.difficulties.get_mut(&difficulty) {
                *last = Some(read()?.bounded());
            }
        }
        Ok(())
    }

    /// The pairs to show: of equal prompts those that are furthest apart, one of each difficulty first; where these are few,
    /// pairs of equal difficulty. The easiest come first.
    pub fn pairs(&self) -> Vec<Pair> {
        let whole = |same_prompt| {
            move |(first, last): &(Completion, Option<Completion>)| {
                Some(Pair { same_prompt, first: first.clone(), last: last.clone()? })
            }
        };
        let mut same: Vec<Pair> = self.prompts.values().filter_map(whole(true)).collect();
        same.sort_by_key(|pair| std::cmp::Reverse(pair.last.step - pair.first.step));
        let alike: Vec<Pair> = self.difficulties.values().filter_map(whole(false)).collect();
        let mut chosen: Vec<Pair> = Vec::new();
        let mut take = |pairs: &[Pair], most: usize, repeats: bool| {
            for pair in pairs {
                let known = |c: &Pair| c.first.difficulty == pair.first.difficulty;
                let taken = |c: &Pair| c.same_prompt == pair.same_prompt && c.first.problem_key == pair.first.problem_key;
                let fits = !chosen.iter().any(taken) && (repeats || !chosen.iter().any(known));
                if chosen.len() < most && fits {
                    chosen.push(pair.clone());
                }
            }
        };
        take(&same, MAX_PAIRS, false);
        take(&spread(&alike), MAX_PAIRS, false);
        take(&same, MAX_PAIRS, true);
        chosen.sort_by_key(|pair| (!pair.same_prompt, pair.first.difficulty));
        chosen
    }

    /// Puts the prompts of the candidates into words.
    pub fn decode(&mut self, decode: &dyn Fn(&[u32]) -> Option<String>) {
        let of_prompts = self.prompts.values_mut().filter(|pair| pair.1.is_some());
        for (first, last) in of_prompts.chain(self.difficulties.values_mut()) {
            for completion in std::iter::once(first).chain(last) {
                completion.prompt = decode(&completion.prompt_ids);
            }
        }
    }
}

/// The pairs in another order: the hardest, the easiest, then those in between.
fn spread(pairs: &[Pair]) -> Vec<Pair> {
    let mut order: Vec<usize> = (0..pairs.len()).collect();
    let middle = pairs.len() / 2;
    order.sort_by_key(|&place| std::cmp::Reverse((2 * place + 1).abs_diff(2 * middle)));
    order.into_iter().map(|place| pairs[place].clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(examples: &mut Examples, step: u32, end: Option<usize>, key: &str, difficulty: u32) {
        let line = format!(
            "{{\"problem_key\":\"{key}\",\"difficulty\":{difficulty},\"step\":{step},\"text\":\"of {step}\",\"length\":3}}"
        );
        examples.offer(step, end, line.as_bytes(), || serde_json::from_str(&line)).unwrap();
    }

    #[test]
    fn the_same_prompt_stands_beside_itself_first_and_last() {
        let mut examples = Examples::default();
        for (step, end, key) in [(1, Some(0), "a"), (2, None, "b"), (5, None, "a"), (9, Some(1), "a"), (9, Some(1), "c")] {
            offer(&mut examples, step, end, key, 4);
        }
        examples.decode(&|ids| Some(format!("{ids:?}")));
        let pairs = examples.pairs();
        assert_eq!(pairs.len(), 1);
        assert!(pairs[0].same_prompt && pairs[0].first.prompt.as_deref() == Some("[]"));
        assert_eq!((pairs[0].first.text.as_str(), pairs[0].last.text.as_str()), ("of 1", "of 9"));
    }

    #[test]
    fn where_no_prompt_comes_again_equal_difficulty_is_enough() {
        let mut examples = Examples::default();
        for difficulty in 1..=10 {
            offer(&mut examples, 1, Some(0), &format!("early {difficulty}"), difficulty);
            offer(&mut examples, 9, Some(1), &format!("late {difficulty}"), difficulty);
        }
        let pairs = examples.pairs();
        assert_eq!(pairs.len(), MAX_PAIRS);
        assert!(pairs.iter().all(|pair| !pair.same_prompt && pair.first.difficulty == pair.last.difficulty));
        let difficulties: Vec<_> = pairs.iter().filter_map(|pair| pair.first.difficulty).collect();
        assert!(difficulties.contains(&1) && difficulties.contains(&10) && difficulties.is_sorted(), "{difficulties:?}");
    }

    #[test]
    fn candidates_are_bounded() {
        let mut examples = Examples::default();
        for i in 0..2000 {
            offer(&mut examples, 1, Some(0), &format!("{i}"), i);
        }
        assert_eq!((examples.prompts.len(), examples.difficulties.len()), (MAX_PROMPTS, MAX_DIFFICULTIES));
    }
}
