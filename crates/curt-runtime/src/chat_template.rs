//! Conversations → prompt text, by the Jinja template of a checkpoint, as transformers' `apply_chat_template` does it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, Value};
use serde::Serialize;
use serde_json::{Map, ser::Serializer};

use crate::config::{MAX_CONFIG_BYTES, read_text};
use crate::error::RuntimeError;
use crate::tokenizer::{read_tokenizer_config, special_tokens};

mod python_json;

use python_json::PythonJson;

/// Template instructions per rendering: hundreds of times what a long conversation needs, a second or two of work.
const FUEL: u64 = 20_000_000;
/// Depth of macro calls and includes.
const RECURSION: usize = 100;
/// The most spaces that `tojson` indents a level by.
const MAX_INDENT: usize = 64;
/// The name of the template inside the engine.
const NAME: &str = "chat_template";
/// Names under which messages carry their reasoning; templates read the first.
const REASONING: [&str; 3] = ["reasoning_content", "thinking", "reasoning"];

/// The compiled chat template of a checkpoint.
///
/// Differences from Jinja2: `strftime_now` is not defined (a prompt must not depend on the clock; templates that test for
/// it use their fixed date), and a template may spend a bounded number of instructions and of nested calls.
///
/// What a template may build is **not** bounded, because the engine counts instructions and not the size of values: one
/// that doubles a text dozens of times, or puts lists into lists without end, exhausts memory or the stack and ends the
/// process. Render only templates of checkpoints that you would otherwise trust.
#[derive(Debug, Clone)]
pub struct ChatTemplate {
    environment: Environment<'static>,
    path: PathBuf,
    special_tokens: BTreeMap<String, String>,
}

impl ChatTemplate {
    /// The folder's template: `chat_template.jinja`, else `chat_template` of `tokenizer_config.json` (a string, or a list of
    /// named ones of which `default` is taken). Its special tokens are known to the template under their names.
    ///
    /// Errors: no template, unreadable file, a syntax error.
    pub fn load(folder: &Path) -> Result<Self, RuntimeError> {
        Self::find(folder)?.ok_or_else(|| RuntimeError::MissingChatTemplate { path: folder.to_path_buf() })
    }

    /// The same, or none where the folder has none.
    ///
    /// Errors: unreadable file, a syntax error.
    pub fn find(folder: &Path) -> Result<Option<Self>, RuntimeError> {
        let config = read_tokenizer_config(folder)?.unwrap_or_default();
        let file = folder.join("chat_template.jinja");
        let (path, source) = if file.exists() {
            let source = read_text(&file, "the chat template", MAX_CONFIG_BYTES)?;
            (file, Some(source))
        } else {
            (folder.join("tokenizer_config.json"), template_of(&config))
        };
        source.map(|source| Self::new(&path, &source, special_tokens(&config))).transpose()
    }

    /// The template in `source`; `path` names it in errors. Errors: a syntax error.
    pub fn new(path: &Path, source: &str, special_tokens: BTreeMap<String, String>) -> Result<Self, RuntimeError> {
        let mut environment = Environment::new();
        environment.set_trim_blocks(true);
        environment.set_lstrip_blocks(true);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(RECURSION);
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.set_formatter(format_as_python);
        environment.add_filter("tojson", tojson);
        environment.add_function("raise_exception", raise_exception);
        let added = environment.add_template_owned(NAME, source.to_string());
        added.map_err(|error| failed(path, &error))?;
        Ok(Self { environment, path: path.to_path_buf(), special_tokens })
    }

    /// The prompt text of a conversation: JSON objects with `role`, `content` and what else the template reads.
    ///
    /// `variables` are further names for the template, such as `enable_thinking` or `tools`; they win over special tokens.
    /// Errors: the template raises an exception, does something impossible, or does not end.
    pub fn render(
        &self,
        messages: &[serde_json::Value],
        add_generation_prompt: bool,
        variables: &Map<String, serde_json::Value>,
    ) -> Result<String, RuntimeError> {
        let mut context: BTreeMap<&str, Value> = BTreeMap::from([("tools", Value::from(())), ("documents", Value::from(()))]);
        context.extend(self.special_tokens.iter().map(|(name, token)| (&name[..], Value::from(&token[..]))));
        context.extend(variables.iter().map(|(name, value)| (&name[..], Value::from_serialize(value))));
        let messages: Vec<_> = messages.iter().map(normalized).collect();
        context.insert("messages", Value::from_serialize(&messages));
        context.insert("add_generation_prompt", Value::from(add_generation_prompt));
        let rendered = self.environment.get_template(NAME).and_then(|template| template.render(context));
        rendered.map_err(|error| failed(&self.path, &error))
    }
}

/// The `chat_template` of a tokenizer config.
fn template_of(config: &Map<String, serde_json::Value>) -> Option<String> {
    let template = match config.get("chat_template")? {
        serde_json::Value::Array(named) => named.iter().find(|entry| entry["name"] == "default")?.get("template")?,
        single => single,
    };
    template.as_str().map(str::to_string)
}

/// The message as transformers 5 passes it: without null fields, its reasoning under the names that templates read.
fn normalized(message: &serde_json::Value) -> serde_json::Value {
    let mut message = message.clone();
    if let Some(fields) = message.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
        let reasoning = REASONING.iter().find_map(|name| fields.get(*name).cloned());
        if let Some(reasoning) = reasoning {
            fields.entry("thinking").or_insert_with(|| reasoning.clone());
            fields.insert("reasoning_content".to_string(), reasoning);
        }
    }
    message
}

/// The engine's error with its chain of causes and the line in the template.
fn failed(path: &Path, error: &Error) -> RuntimeError {
    let mut reason = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        reason = format!("{reason}: {cause}");
        source = cause.source();
    }
    RuntimeError::ChatTemplate { path: path.to_path_buf(), reason }
}

/// Writes none and booleans as Python spells them.
fn format_as_python(out: &mut Output<'_>, state: &State<'_, '_>, value: &Value) -> Result<(), Error> {
    let word = match value.kind() {
        ValueKind::None => "None",
        ValueKind::Bool if value.is_true() => "True",
        ValueKind::Bool => "False",
        _ => return minijinja::escape_formatter(out, state, value),
    };
    out.write_str(word).map_err(Error::from)
}

/// The function with which templates refuse a conversation.
fn raise_exception(message: String) -> Result<Value, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, message))
}

/// Python's `json.dumps`, which transformers puts in the place of Jinja's HTML-escaping filter.
fn tojson(value: &Value, options: Kwargs) -> Result<String, Error> {
    let indent: Option<usize> = options.get("indent")?;
    let ensure_ascii: Option<bool> = options.get("ensure_ascii")?;
    let sort_keys: Option<bool> = options.get("sort_keys")?;
    let separators: Option<Vec<String>> = options.get("separators")?;
    options.assert_all_used()?;
    if let Some(indent) = indent.filter(|&indent| indent > MAX_INDENT) {
        let message = format!("tojson: an indent of {indent} spaces; at most {MAX_INDENT} are allowed");
        return Err(Error::new(ErrorKind::InvalidOperation, message));
    }
    let failed = |error: serde_json::Error| Error::new(ErrorKind::BadSerialization, error.to_string());
    let mut value = serde_json::to_value(value).map_err(failed)?;
    if sort_keys.unwrap_or(false) {
        value.sort_all_objects();
    }
    let mut bytes = Vec::new();
    let format = PythonJson::new(indent, ensure_ascii.unwrap_or(false), separators);
    value.serialize(&mut Serializer::with_formatter(&mut bytes, format)).map_err(failed)?;
    String::from_utf8(bytes).map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))
}

#[cfg(test)]
mod tests;
