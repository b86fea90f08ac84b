//! What a model is asked: plain text or a conversation.

use serde::{Deserialize, Serialize};

/// Asks to think step by step and to put the final answer in `\boxed{}`, as the paper does (arXiv 2602.20945, appendix D).
/// The wording is the one that DeepSeek-R1 and Qwen recommend.
pub const STEP_BY_STEP_SUFFIX: &str = "\nPlease reason step by step, and put your final answer within \\boxed{}.";

/// Asks for brevity and a boxed answer; small models that box nothing under the longer suffix often do under this one.
pub const BRIEF_SUFFIX: &str = "\nBe brief. Put the final answer in \\boxed{}.";

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks: `system`, `user` or `assistant`.
    pub role: String,
    /// What is said.
    pub content: String,
}

/// What a model is asked. In JSON: a string, or a list of `{role, content}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Prompt {
    /// Text; whether a chat template wraps it is the caller's choice.
    Text(String),
    /// A conversation, for a chat template.
    Messages(Vec<Message>),
}

impl Prompt {
    /// The prompt with `suffix` appended verbatim to its text, or to its last message of role `user` (to none if there is
    /// none).
    pub fn with_suffix(&self, suffix: &str) -> Prompt {
        let mut prompt = self.clone();
        match &mut prompt {
            Prompt::Text(text) => text.push_str(suffix),
            Prompt::Messages(messages) => {
                if let Some(message) = messages.iter_mut().rev().find(|message| message.role == "user") {
                    message.content.push_str(suffix);
                }
            }
        }
        prompt
    }

    /// True where nothing is asked: only white space, or no message with content.
    pub fn is_blank(&self) -> bool {
        match self {
            Prompt::Text(text) => text.trim().is_empty(),
            Prompt::Messages(messages) => messages.iter().all(|message| message.content.trim().is_empty()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(role: &str, content: &str) -> Message {
        Message { role: role.into(), content: content.into() }
    }

    #[test]
    fn suffix_goes_to_the_last_user_message() {
        let asked = Prompt::Messages(vec![message("user", "a"), message("assistant", "b"), message("user", "c")]);
        let expected = Prompt::Messages(vec![message("user", "a"), message("assistant", "b"), message("user", "c!")]);
        assert_eq!(asked.with_suffix("!"), expected);
        assert_eq!(Prompt::Text("x".into()).with_suffix("!"), Prompt::Text("x!".into()));
        let system_only = Prompt::Messages(vec![message("system", "s")]);
        assert_eq!(system_only.with_suffix("!"), system_only);
    }

    #[test]
    fn blank_prompts_are_seen() {
        for (prompt, blank) in [
            (Prompt::Text(" \n".into()), true),
            (Prompt::Text("?".into()), false),
            (Prompt::Messages(vec![]), true),
            (Prompt::Messages(vec![message("user", " ")]), true),
            (Prompt::Messages(vec![message("user", "?")]), false),
        ] {
            assert_eq!(prompt.is_blank(), blank, "{prompt:?}");
        }
    }
}
