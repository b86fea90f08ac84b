//! Equal problems: inside a data set, and between one to train on and one to evaluate on.

use std::collections::BTreeMap;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};

use crate::hash::fnv128;
use crate::{BRIEF_SUFFIX, Problem, Prompt, STEP_BY_STEP_SUFFIX};

/// What trainers append to problems: this project, and verl to GSM8K and to mathematics.
const INSTRUCTIONS: [&str; 4] = [
    STEP_BY_STEP_SUFFIX,
    BRIEF_SUFFIX,
    "Let's think step by step and output the final answer after \"####\".",
    "Let's think step by step and output the final answer within \\boxed{}.",
];

/// The text by which problems are compared: what the user says (a conversation's other turns are left out), in Unicode's form
/// NFKC, without any white space, and without the instructions at its end that trainers append.
///
/// So `$ x^2 $` and `$x²$` differ by their `^` only, and two problems that differ in capitals, in one comma or in their LaTeX are
/// different. Two texts that are the same problem in other words are never found.
pub fn normalized(prompt: &Prompt) -> String {
    let mut text = match prompt {
        Prompt::Text(text) => compact(text),
        Prompt::Messages(messages) => {
            messages.iter().filter(|message| message.role == "user").map(|message| compact(&message.content)).collect()
        }
    };
    for instruction in INSTRUCTIONS {
        let instruction = compact(instruction);
        if text.len() > instruction.len() && text.ends_with(&instruction) {
            text.truncate(text.len() - instruction.len());
        }
    }
    text
}

/// NFKC without white space.
fn compact(text: &str) -> String {
    let kept = |c: &char| !c.is_whitespace();
    match is_nfkc_quick(text.chars()) {
        IsNormalized::Yes => text.chars().filter(kept).collect(),
        _ => text.nfkc().filter(kept).collect(),
    }
}

/// Problems by their [`normalized`] text; of equal ones the first is kept. `T` says where a problem stands.
#[derive(Clone, Debug)]
pub struct TextIndex<T> {
    entries: BTreeMap<u128, Entry<T>>,
}

#[derive(Clone, Debug)]
struct Entry<T> {
    at: T,
    text: u128,
    answer: u128,
}

/// A problem of an index with the text of another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match<'a, T> {
    /// Where it stands.
    pub at: &'a T,
    /// Whether the prompts are equal as they stand too.
    pub same_text: bool,
    /// Whether the answers are equal, letter by letter.
    pub same_answer: bool,
}

impl<T> TextIndex<T> {
    /// An index of nothing.
    pub fn new() -> Self {
        Self { entries: BTreeMap::new() }
    }

    /// Adds a problem, unless there is one of the same text: then that is returned.
    pub fn insert(&mut self, problem: &Problem, at: T) -> Option<Match<'_, T>> {
        let (key, entry) = (key(problem), Entry { at, text: exact(&problem.prompt), answer: fnv128(problem.answer.as_bytes()) });
        match self.entries.entry(key) {
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(entry);
                None
            }
            std::collections::btree_map::Entry::Occupied(found) => Some(found.into_mut().compare(entry.text, entry.answer)),
        }
    }

    /// The problem of the same text, if there is one.
    pub fn find(&self, problem: &Problem) -> Option<Match<'_, T>> {
        let entry = self.entries.get(&key(problem))?;
        Some(entry.compare(exact(&problem.prompt), fnv128(problem.answer.as_bytes())))
    }

    /// How many different texts there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl<T> Default for TextIndex<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Entry<T> {
    fn compare(&self, text: u128, answer: u128) -> Match<'_, T> {
        Match { at: &self.at, same_text: self.text == text, same_answer: self.answer == answer }
    }
}

fn key(problem: &Problem) -> u128 {
    fnv128(normalized(&problem.prompt).as_bytes())
}

/// The hash of what is asked as it stands: of the text, or of what the user says.
fn exact(prompt: &Prompt) -> u128 {
    match prompt {
        Prompt::Text(text) => fnv128(text.as_bytes()),
        Prompt::Messages(messages) => {
            let said: Vec<&str> = messages.iter().filter(|m| m.role == "user").map(|m| m.content.as_str()).collect();
            fnv128(said.join("\n").as_bytes())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::Message;

    fn problem(prompt: Prompt, answer: &str) -> Problem {
        let (id, answer, source) = (String::new(), answer.into(), String::new());
        Problem { id, prompt, answer, source, difficulty: None, extra: Map::new() }
    }

    fn text(text: &str) -> Prompt {
        Prompt::Text(text.into())
    }

    #[test]
    fn spacing_width_and_instructions_do_not_count() {
        let asked = |role: &str, content: &str| Message { role: role.into(), content: content.into() };
        let conversation =
            Prompt::Messages(vec![asked("system", "Be kind."), asked("user", "Find $x$ ."), asked("assistant", "No.")]);
        for same in [
            text("Find $x$."),
            text(" Find\u{a0}$ x $\n."),
            text("Find $ｘ$."),
            text("Ｆind $x$."),
            text("Find $x$.").with_suffix(STEP_BY_STEP_SUFFIX),
            text("Find $x$. Let's think step by step and output the final answer after \"####\"."),
            conversation,
        ] {
            assert_eq!(normalized(&same), "Find$x$.", "{same:?}");
        }
        for other in ["find $x$.", "Find $x$", "Find $y$.", "Find $x$. Find $x$."] {
            assert_ne!(normalized(&text(other)), "Find$x$.", "{other}");
        }
        // what is nothing but an instruction is that problem
        assert!(!normalized(&text(BRIEF_SUFFIX)).is_empty());
    }

    #[test]
    fn an_index_finds_the_first_of_equal_problems() {
        let mut index = TextIndex::new();
        assert!(index.is_empty());
        assert_eq!(index.insert(&problem(text("1 + 1?"), "2"), 'a'), None);
        assert_eq!(index.insert(&problem(text("1 + 2?"), "3"), 'b'), None);
        let expected = |same_text, same_answer| Some(Match { at: &'a', same_text, same_answer });
        assert_eq!(index.insert(&problem(text("1 + 1?"), "2"), 'c'), expected(true, true));
        assert_eq!(index.insert(&problem(text("1+1?"), "3"), 'd'), expected(false, false));
        assert_eq!(index.find(&problem(text("1 +1?"), "2")), expected(false, true));
        assert_eq!(index.find(&problem(text("1 + 3?"), "2")), None);
        assert_eq!(index.len(), 2);
    }
}
