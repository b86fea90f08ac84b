//! Prompts of problems as a model reads them.

use curt_runtime::{ChatTemplate, Tokenizer};
use curt_task::{Problem, Prompt};

use super::InspectionPlan;
use crate::error::TrainError;
use crate::prompt::PromptEncoder;

/// Renders prompts, with a model or without one.
pub(super) struct Prompts {
    suffix: String,
    encoder: Option<PromptEncoder>,
    has_template: bool,
}

impl Prompts {
    /// With the tokenizer and the chat template of the model that was asked for; its weights are not read.
    ///
    /// # Errors
    /// A folder without tokenizer, a damaged tokenizer or template.
    pub fn new(plan: &InspectionPlan<'_>) -> Result<Prompts, TrainError> {
        let suffix = plan.prompt_suffix.to_owned();
        let Some(model) = plan.model else { return Ok(Prompts { suffix, encoder: None, has_template: false }) };
        let tokenizer = Tokenizer::load(model.folder)?;
        let template = if model.chat_template { ChatTemplate::find(model.folder)? } else { None };
        let has_template = template.is_some();
        // what is too long is counted here, not refused
        let encoder = PromptEncoder::new(tokenizer, template, suffix.clone(), usize::MAX);
        Ok(Prompts { suffix, encoder: Some(encoder), has_template })
    }

    /// Whether there is a model.
    pub fn has_model(&self) -> bool {
        self.encoder.is_some()
    }

    /// Whether that model has a chat template that is used.
    pub fn has_template(&self) -> bool {
        self.has_template
    }

    /// The token ids of the prompt; without a model its text.
    ///
    /// # Errors
    /// A conversation for a model without a chat template, or a template that fails.
    pub fn render(&self, problem: &Problem) -> Result<(Option<String>, Option<Vec<u32>>), TrainError> {
        if let Some(encoder) = &self.encoder {
            return Ok((None, Some(encoder.encode(problem)?)));
        }
        let text = match problem.prompt.with_suffix(&self.suffix) {
            Prompt::Text(text) => text,
            Prompt::Messages(messages) => {
                let turns: Vec<String> =
                    messages.iter().map(|message| format!("{}: {}", message.role, message.content)).collect();
                turns.join("\n")
            }
        };
        Ok((Some(text), None))
    }

    /// The text of a rendered prompt: what its ids say, special tokens too, for the ids are what the model reads.
    ///
    /// # Errors
    /// Ids that the tokenizer does not know.
    pub fn text(&self, text: Option<String>, ids: Option<&[u32]>) -> Result<String, TrainError> {
        match (&self.encoder, ids) {
            (Some(encoder), Some(ids)) => Ok(encoder.tokenizer().decode(ids, false)?),
            _ => Ok(text.unwrap_or_default()),
        }
    }
}

/// The characters of what is asked: of the text, or of all turns.
pub(super) fn characters(problem: &Problem) -> usize {
    match &problem.prompt {
        Prompt::Text(text) => text.chars().count(),
        Prompt::Messages(messages) => messages.iter().map(|message| message.content.chars().count()).sum(),
    }
}
