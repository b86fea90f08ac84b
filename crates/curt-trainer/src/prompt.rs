//! Problem → token ids of its prompt.

use curt_runtime::{ChatTemplate, Tokenizer};
use curt_task::{Message, Problem, Prompt};

use crate::error::TrainError;

/// Renders and encodes prompts; the ids are the truth from here on.
#[derive(Debug)]
pub struct PromptEncoder {
    tokenizer: Tokenizer,
    template: Option<ChatTemplate>,
    suffix: String,
    max_prompt_length: usize,
}

impl PromptEncoder {
    /// An encoder; without a `template`, text goes to the tokenizer as it is.
    pub fn new(tokenizer: Tokenizer, template: Option<ChatTemplate>, suffix: String, max_prompt_length: usize) -> Self {
        Self { tokenizer, template, suffix, max_prompt_length }
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Token ids of the problem's prompt.
    ///
    /// # Errors
    /// An empty or too long prompt, a conversation without a chat template, or a template that fails; all name the problem.
    pub fn encode(&self, problem: &Problem) -> Result<Vec<u32>, TrainError> {
        let text = self.render(problem)?;
        // a template writes its own special tokens; text without one gets those that the tokenizer would add
        let ids = self.tokenizer.encode(&text, self.template.is_none())?;
        let id = || problem.id.clone();
        match ids.len() {
            0 => Err(TrainError::EmptyPrompt { problem: id() }),
            found if found > self.max_prompt_length => {
                Err(TrainError::PromptTooLong { problem: id(), found, limit: self.max_prompt_length })
            }
            _ => Ok(ids),
        }
    }

    fn render(&self, problem: &Problem) -> Result<String, TrainError> {
        let prompt = problem.prompt.with_suffix(&self.suffix);
        let Some(template) = &self.template else {
            return match prompt {
                Prompt::Text(text) => Ok(text),
                Prompt::Messages(_) => Err(TrainError::NoChatTemplate { problem: problem.id.clone() }),
            };
        };
        let messages = match prompt {
            Prompt::Text(content) => vec![Message { role: "user".into(), content }],
            Prompt::Messages(messages) => messages,
        };
        let messages: Vec<_> =
            messages.into_iter().map(|m| serde_json::json!({ "role": m.role, "content": m.content })).collect();
        Ok(template.render(&messages, true, &serde_json::Map::new())?)
    }
}
