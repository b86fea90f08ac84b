//! A record → a problem.

use std::fmt;

use serde_json::{Map, Value};

use super::fields::{
    ANSWER_NAMES, DIFFICULTY_NAMES, FieldNames, ID_NAMES, PROMPT_NAMES, SOURCE_NAMES, listed, locate, take, value_of,
};
use crate::place::Place;
use crate::{Message, Problem, Prompt, TaskError};

/// What stands before the answer at the end of a solution of GSM8K.
const GSM8K_MARK: &str = "####";

/// An object of a file, and where it stands.
pub(crate) struct Record {
    pub place: Place,
    pub fields: Map<String, Value>,
}

/// Where a record has its prompt and its answer: the same in all records of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// The name of the prompt's field.
    pub prompt: String,
    /// Whether the prompt is a conversation rather than text.
    pub conversation: bool,
    /// The name of the answer's field.
    pub answer: String,
    /// What of that field is the answer.
    pub part: AnswerPart,
}

/// What of its field is the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerPart {
    /// All of it.
    Whole,
    /// What follows the last `####`, as in GSM8K.
    Gsm8k,
    /// The last turn, which the assistant speaks.
    LastTurn,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.conversation { " (a conversation)" } else { "" };
        let part = match self.part {
            AnswerPart::Whole => "",
            AnswerPart::Gsm8k => " (after ####)",
            AnswerPart::LastTurn => " (the assistant's last turn)",
        };
        let (prompt, answer) = (self.prompt.escape_debug(), self.answer.escape_debug());
        write!(f, "the prompt is `{prompt}`{kind}, the answer `{answer}`{part}")
    }
}

impl Record {
    /// The problem that this record is, and where it had its prompt and its answer.
    pub fn problem(mut self, names: &FieldNames) -> Result<(Problem, Form), TaskError> {
        let prompt_name = self.name(names.prompt.as_deref(), &PROMPT_NAMES);
        let prompt_name = prompt_name.ok_or_else(|| self.missing("prompt", &names.prompt, &PROMPT_NAMES))?;
        let answer_name = self.name(names.answer.as_deref(), &ANSWER_NAMES);
        let ends_in_answer = answer_name.is_none() && names.answer.is_none() && prompt_name == "messages";
        if answer_name.is_none() && !ends_in_answer {
            return Err(self.missing("answer", &names.answer, &ANSWER_NAMES));
        }
        let prompt = take(&mut self.fields, &prompt_name).unwrap_or_default();
        let mut prompt = self.prompt(&prompt_name, prompt)?;
        let last_turn = if prompt_name == "messages" { last_turn(&mut prompt) } else { None };
        let (answer, solution, part) = match answer_name.as_deref() {
            Some(name) => {
                let value = take(&mut self.fields, name).unwrap_or_default();
                let answer = self.answer(name, value)?;
                match gsm8k(&prompt_name, name, &answer) {
                    Some((solution, answer)) => (answer, Some(solution), AnswerPart::Gsm8k),
                    None => (answer, last_turn, AnswerPart::Whole),
                }
            }
            None => {
                let turn = last_turn.ok_or_else(|| self.missing("answer", &names.answer, &ANSWER_NAMES))?;
                (turn, None, AnswerPart::LastTurn)
            }
        };
        if prompt.is_blank() {
            return Err(TaskError::EmptyPrompt { place: self.place, field: prompt_name });
        }
        let conversation = matches!(prompt, Prompt::Messages(_));
        let answer_name = answer_name.unwrap_or_else(|| prompt_name.clone());
        let form = Form { prompt: prompt_name, conversation, answer: answer_name, part };
        Ok((self.finish(names, prompt, answer, solution)?, form))
    }

    /// The problem with prompt and answer, which are no longer among the fields.
    fn finish(
        mut self,
        names: &FieldNames,
        prompt: Prompt,
        answer: String,
        solution: Option<String>,
    ) -> Result<Problem, TaskError> {
        let id = self.text(names.id.as_deref(), &ID_NAMES)?;
        let source = self.text(names.source.as_deref(), &SOURCE_NAMES)?.unwrap_or_default();
        let difficulty = self.difficulty(names)?;
        let given_id = id.is_some();
        let id = id.unwrap_or_default();
        let mut problem = Problem { id, prompt, answer, source, difficulty, extra: self.fields };
        if !given_id {
            problem.id = problem.key().id();
        }
        if let Some(solution) = solution {
            keep(&mut problem.extra, "solution", solution);
        }
        Ok(problem.without_shadowed_fields())
    }

    fn name(&self, name: Option<&str>, names: &[&str]) -> Option<String> {
        locate(&self.fields, name, names).map(str::to_owned)
    }

    fn prompt(&self, name: &str, value: Value) -> Result<Prompt, TaskError> {
        const EXPECTED: &str = "a string or a list of {\"role\": string, \"content\": string}";
        match value {
            Value::String(text) => Ok(Prompt::Text(text)),
            Value::Array(turns) => {
                let messages: Option<Vec<Message>> = turns.iter().map(message).collect();
                messages.map(Prompt::Messages).ok_or_else(|| self.wrong_type(name, EXPECTED, &Value::Array(turns)))
            }
            other => Err(self.wrong_type(name, EXPECTED, &other)),
        }
    }

    /// May be empty, as one of MATH's is: such a problem is ungradable, which is for the verifier to say.
    fn answer(&self, name: &str, value: Value) -> Result<String, TaskError> {
        match value {
            Value::String(text) => Ok(text),
            Value::Number(ref number) => exact_text(number).ok_or_else(|| {
                self.wrong_type(name, "a string, or a number of at most 15 digits (write longer ones as strings)", &value)
            }),
            other => Err(self.wrong_type(name, "a string or a number", &other)),
        }
    }

    /// A string, or a whole number as text, taken out of the record.
    fn text(&mut self, name: Option<&str>, names: &[&str]) -> Result<Option<String>, TaskError> {
        let Some(name) = self.name(name, names) else { return Ok(None) };
        match take(&mut self.fields, &name).unwrap_or_default() {
            Value::String(text) => Ok(Some(text)),
            Value::Number(number) if !number.is_f64() => Ok(Some(number.to_string())),
            other => Err(self.wrong_type(&name, "a string or a whole number", &other)),
        }
    }

    /// A whole number; otherwise an error where the caller named the field, and left in the record where not.
    fn difficulty(&mut self, names: &FieldNames) -> Result<Option<u32>, TaskError> {
        let Some(name) = self.name(names.difficulty.as_deref(), &DIFFICULTY_NAMES) else { return Ok(None) };
        let number = value_of(&self.fields, &name).and_then(Value::as_f64);
        // MATH's levels come as 5.0 from some exporters
        match number.filter(|x| *x >= 0.0 && *x <= f64::from(u32::MAX) && x.fract() == 0.0) {
            Some(number) => {
                take(&mut self.fields, &name);
                Ok(Some(number as u32))
            }
            None if names.difficulty.is_none() => Ok(None),
            None => {
                let value = take(&mut self.fields, &name).unwrap_or_default();
                Err(self.wrong_type(&name, "a whole number from 0", &value))
            }
        }
    }

    fn missing(&self, role: &'static str, name: &Option<String>, names: &[&str]) -> TaskError {
        TaskError::MissingField {
            place: self.place.clone(),
            role,
            expected: match name {
                Some(name) => format!("`{}`", name.escape_debug()),
                None => listed(names.iter().copied()),
            }
            .into(),
            found: listed(self.fields.iter().filter(|(_, value)| !value.is_null()).map(|(name, _)| name.as_str())).into(),
        }
    }

    fn wrong_type(&self, field: &str, expected: &'static str, value: &Value) -> TaskError {
        let found = match value {
            Value::Number(number) => format!("the number {number}").into(),
            other => kind(other).into(),
        };
        TaskError::WrongType { place: self.place.clone(), field: field.escape_debug().to_string().into(), expected, found }
    }
}

impl Problem {
    /// Drops what could not be written back: where the caller names other fields, `extra` may hold one of our names.
    fn without_shadowed_fields(mut self) -> Problem {
        for name in ["id", "prompt", "answer"] {
            self.extra.shift_remove(name);
        }
        if !self.source.is_empty() {
            self.extra.shift_remove("source");
        }
        if self.difficulty.is_some() {
            self.extra.shift_remove("difficulty");
        }
        self
    }
}

/// The last turn of a conversation, taken out of it, if it is the assistant's.
fn last_turn(prompt: &mut Prompt) -> Option<String> {
    match prompt {
        Prompt::Messages(messages) => messages.pop_if(|message| message.role == "assistant").map(|message| message.content),
        Prompt::Text(_) => None,
    }
}

/// Solution and answer in the form of GSM8K.
fn gsm8k(prompt_name: &str, answer_name: &str, answer: &str) -> Option<(String, String)> {
    if prompt_name != "question" || answer_name != "answer" {
        return None;
    }
    let (solution, answer) = answer.rsplit_once(GSM8K_MARK)?;
    Some((solution.trim_end().to_owned(), answer.trim().to_owned()))
}

/// Puts `value` into `extra` as `name`, with `_` at its end as long as there is such a field.
fn keep(extra: &mut Map<String, Value>, name: &str, value: String) {
    let mut name = name.to_owned();
    while extra.contains_key(&name) {
        name.push('_');
    }
    extra.insert(name, Value::String(value));
}

/// A turn: its content is a string or, as OpenAI has it, a list of `{"type": "text", "text": string}`, which are joined.
fn message(value: &Value) -> Option<Message> {
    let content = match value.get("content")? {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(|part| part.get("text")?.as_str()).collect::<Option<String>>()?,
        _ => return None,
    };
    Some(Message { role: value.get("role")?.as_str()?.to_owned(), content })
}

/// The number in digits; none where reading it as f64 may have changed it.
fn exact_text(number: &serde_json::Number) -> Option<String> {
    if !number.is_f64() {
        return Some(number.to_string());
    }
    let text = number.as_f64()?.to_string();
    let digits = text.trim_start_matches(['-', '0', '.']).bytes().filter(u8::is_ascii_digit).count();
    (digits <= 15).then_some(text)
}

/// The kind of a value, with its article.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
