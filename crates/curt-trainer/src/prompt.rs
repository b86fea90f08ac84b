//! Problem → token ids of its prompt.

use curt_runtime::{ChatTemplate, RuntimeError, Tokenizer};
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

    /// Most tokens of a prompt.
    pub fn max_prompt_length(&self) -> usize {
        self.max_prompt_length
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
        let (ids, limit) = (self.encode_any_length(problem)?, self.max_prompt_length);
        match ids.len() {
            found if found > limit => Err(TrainError::PromptTooLong { problem: problem.id.clone(), found, limit }),
            _ => Ok(ids),
        }
    }

    /// Token ids of the problem's prompt, however many.
    ///
    /// # Errors
    /// Those of [`PromptEncoder::encode`], but for a long prompt.
    pub fn encode_any_length(&self, problem: &Problem) -> Result<Vec<u32>, TrainError> {
        let text = self.render(problem)?;
        // a template writes its own special tokens; text without one gets those that the tokenizer would add
        let ids = self.tokenizer.encode(&text, self.template.is_none()).map_err(prompt_error(problem))?;
        if ids.is_empty() {
            return Err(TrainError::EmptyPrompt { problem: problem.id.clone() });
        }
        Ok(ids)
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
        template.render(&messages, true, &serde_json::Map::new()).map_err(prompt_error(problem))
    }
}

/// The error of a problem whose prompt cannot be rendered or encoded.
fn prompt_error(problem: &Problem) -> impl FnOnce(RuntimeError) -> TrainError + '_ {
    |source| TrainError::Prompt { problem: problem.id.clone(), source: Box::new(source) }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use serde_json::{Value, json};

    use super::*;

    /// The tokenizer of the chain task, and the same with a post-processor that puts `^` before every text.
    fn tokenizers(folder: &Path) -> [Tokenizer; 2] {
        let chain = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/tiny-good");
        let mut file: Value = serde_json::from_slice(&fs::read(chain.join("tokenizer.json")).unwrap()).unwrap();
        let (bos, text) =
            (json!({ "SpecialToken": { "id": "^", "type_id": 0 } }), json!({ "Sequence": { "id": "A", "type_id": 0 } }));
        file["post_processor"] = json!({
            "type": "TemplateProcessing",
            "single": [bos, text],
            "pair": [bos, text, { "Sequence": { "id": "B", "type_id": 1 } }],
            "special_tokens": { "^": { "id": "^", "ids": [1], "tokens": ["^"] } },
        });
        fs::write(folder.join("tokenizer.json"), file.to_string()).unwrap();
        [Tokenizer::load(&chain).unwrap(), Tokenizer::load(folder).unwrap()]
    }

    fn problem(prompt: Prompt) -> Problem {
        let (id, answer, source) = ("p-1".into(), "7".into(), String::new());
        Problem { id, prompt, answer, source, difficulty: None, extra: serde_json::Map::new() }
    }

    #[test]
    fn a_prompt_that_cannot_be_rendered_or_encoded_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("chat_template.jinja"), "{{ raise_exception('no system turn') }}").unwrap();
        let template = ChatTemplate::load(folder.path()).unwrap();
        let model = json!({"type": "WordLevel", "vocab": {"one": 0}, "unk_token": "[UNK]"});
        let words = json!({"version": "1.0", "added_tokens": [], "model": model});
        fs::write(folder.path().join("tokenizer.json"), words.to_string()).unwrap();
        for (template, reason) in [(Some(template), "no system turn"), (None, "[UNK]")] {
            let encoder = PromptEncoder::new(Tokenizer::load(folder.path()).unwrap(), template, String::new(), 9);
            let error = encoder.encode(&problem(Prompt::Text("two".into()))).unwrap_err();
            assert!(matches!(&error, TrainError::Prompt { problem, .. } if problem == "p-1"), "{error}");
            assert!(error.to_string().contains(reason), "{error}");
        }
    }

    #[test]
    fn text_without_a_template_gets_the_special_tokens_of_its_tokenizer() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("chat_template.jinja"), "{% for m in messages %}{{ m.content }}{% endfor %}").unwrap();
        let template = || ChatTemplate::load(folder.path()).unwrap();
        let [chain, with_bos] = tokenizers(folder.path());
        assert_eq!(chain.token_to_id("^"), Some(1));
        let plain = chain.encode("44>", false).unwrap();
        let framed = [&[1], &plain[..]].concat();
        for (tokenizer, template, expected) in [
            (&with_bos, None, &framed),
            (&with_bos, Some(template()), &plain),
            // a tokenizer that adds nothing: the chain task keeps its ids
            (&chain, None, &plain),
            (&chain, Some(template()), &plain),
        ] {
            let encoder = PromptEncoder::new(tokenizer.clone(), template, ">".into(), 16);
            assert_eq!(&encoder.encode(&problem(Prompt::Text("44".into()))).unwrap(), expected);
        }
    }

    #[test]
    fn a_conversation_needs_a_chat_template() {
        let folder = tempfile::tempdir().unwrap();
        let [chain, _] = tokenizers(folder.path());
        let encoder = PromptEncoder::new(chain, None, String::new(), 16);
        let conversation = Prompt::Messages(vec![Message { role: "user".into(), content: "44>".into() }]);
        let error = encoder.encode(&problem(conversation)).unwrap_err();
        assert!(matches!(&error, TrainError::NoChatTemplate { problem } if problem == "p-1"), "{error}");
        assert!(error.to_string().contains("no chat template"), "{error}");
    }
}
