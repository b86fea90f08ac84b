//! One problem, and the number by which it is known.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::Prompt;
use crate::hash::Fnv64;

/// One problem with its right answer. As JSON: `id`, `prompt`, `answer`, `source`, `difficulty`, then the fields of `extra`;
/// [`crate::Reader`] reads back exactly this problem.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Problem {
    /// Name of the problem, unique in its data set.
    pub id: String,
    /// What the model is asked.
    pub prompt: Prompt,
    /// The right answer, as the verifier of the task reads it.
    pub answer: String,
    /// Where the problem comes from; empty if not known.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// How hard the problem is, on the data set's own scale (for the chain task: the number of links).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difficulty: Option<u32>,
    /// Every other field of the record, as it was read.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// A stable 64-bit name of a problem, equal on every machine and in every version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ProblemKey(pub u64);

impl ProblemKey {
    /// The id of a problem whose record has none: 16 hexadecimal digits.
    pub fn id(self) -> String {
        format!("{:016x}", self.0)
    }
}

impl Problem {
    /// The key of this problem: 64-bit FNV-1a over its prompt and its answer.
    ///
    /// Two problems with equal prompt and equal answer have equal keys, whatever their `id`, `source`, `difficulty` and
    /// `extra` are. The bytes hashed are: one byte for the kind of prompt (0 text, 1 messages); the text, or each message's
    /// role and content; the answer. Each string goes in as its length in bytes (u64, little endian) and its UTF-8 bytes, so
    /// no two different problems give the same bytes.
    pub fn key(&self) -> ProblemKey {
        let mut hash = Fnv64::new();
        match &self.prompt {
            Prompt::Text(text) => {
                hash.bytes(&[0]);
                hash.string(text);
            }
            Prompt::Messages(messages) => {
                hash.bytes(&[1]);
                for message in messages {
                    hash.string(&message.role);
                    hash.string(&message.content);
                }
            }
        }
        hash.string(&self.answer);
        ProblemKey(hash.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Message;

    fn problem(prompt: Prompt, answer: &str) -> Problem {
        Problem { id: "1".into(), prompt, answer: answer.into(), source: String::new(), difficulty: None, extra: Map::new() }
    }

    #[test]
    fn key_follows_prompt_and_answer_only() {
        let text = |text: &str| Prompt::Text(text.into());
        let mut other = problem(text("1 + 1?"), "2");
        other.id = "another".into();
        other.difficulty = Some(3);
        assert_eq!(problem(text("1 + 1?"), "2").key(), other.key());
        let message = Message { role: "user".into(), content: "1 + 1?".into() };
        let different = [
            problem(text("1 + 1?"), "2"),
            problem(text("1 + 1?2"), ""),
            problem(text("1 + 1?"), "3"),
            problem(Prompt::Messages(vec![message]), "2"),
        ];
        for (i, a) in different.iter().enumerate() {
            for b in &different[i + 1..] {
                assert_ne!(a.key(), b.key(), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn key_never_changes() {
        // computed apart from this code, in Python
        assert_eq!(problem(Prompt::Text("1 + 1?".into()), "2").key(), ProblemKey(0xc8f7_a74a_0c2f_1a60));
        assert_eq!(ProblemKey(0x0012).id(), "0000000000000012");
    }
}
