//! Where a record keeps prompt, answer and the rest, in this project and in others.

use serde_json::{Map, Value};

/// Where TRL and verl, DeepScaleR, GSM8K, and ROLL and the `messages` form keep the prompt; the first that is present counts.
pub const PROMPT_NAMES: [&str; 4] = ["prompt", "problem", "question", "messages"];
/// Where this project, DeepScaleR and GSM8K, verl, ROLL and TRL keep the answer; the first that is present counts.
pub const ANSWER_NAMES: [&str; 4] = ["answer", "reward_model.ground_truth", "ground_truth", "solution"];
/// Ours, then verl's.
pub(crate) const ID_NAMES: [&str; 2] = ["id", "extra_info.index"];
/// Ours, then verl's.
pub(crate) const SOURCE_NAMES: [&str; 2] = ["source", "data_source"];
/// Ours and ROLL's.
pub(crate) const DIFFICULTY_NAMES: [&str; 1] = ["difficulty"];

/// The names of the fields of a record. `None` looks for the names that this project and its peers use; a dot goes into a
/// nested object (`reward_model.ground_truth`). A name that is given must be there, except `id`, `source` and `difficulty`,
/// which a record may always lack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldNames {
    /// The prompt, a string or a list of `{role, content}`. By default `prompt`, `problem`, `question` or `messages`.
    pub prompt: Option<String>,
    /// The answer, a string (an empty one is left to the verifier) or a number. By default `answer`,
    /// `reward_model.ground_truth`, `ground_truth` or `solution`; where the prompt is `messages` and there is none of them, the
    /// last turn, if it is the assistant's.
    pub answer: Option<String>,
    /// The id, a string or a whole number. By default `id` or `extra_info.index`; a record without gets
    /// [`ProblemKey::id`](crate::ProblemKey::id), which its prompt and answer decide.
    pub id: Option<String>,
    /// The source, a string. By default `source` or `data_source`.
    pub source: Option<String>,
    /// The difficulty, a whole number ≥ 0. By default `difficulty`, left in `extra` where it is something else.
    pub difficulty: Option<String>,
}

/// The first name of a field that is there and not null: `name` where one is given, else one of `names`.
pub(crate) fn locate<'a>(record: &Map<String, Value>, name: Option<&'a str>, names: &[&'a str]) -> Option<&'a str> {
    let is_there = |name: &&str| value_of(record, name).is_some_and(|value| !value.is_null());
    match name {
        Some(name) => Some(name).filter(is_there),
        None => names.iter().copied().find(is_there),
    }
}

/// The value of a field that [`locate`] found: taken out of the record, or copied where it lies in an object, which stays.
pub(crate) fn take(record: &mut Map<String, Value>, name: &str) -> Option<Value> {
    record.shift_remove(name).or_else(|| value_of(record, name).cloned())
}

/// The value of a field; a dot in `name` goes into an object, unless there is a field with that dot in its name.
pub(crate) fn value_of<'a>(record: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    record.get(name).or_else(|| {
        let (first, rest) = name.split_once('.')?;
        rest.split('.').try_fold(record.get(first)?, |value, key| value.get(key))
    })
}

/// Up to twelve names, as an error message lists them.
pub(crate) fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.take(12).map(|name| format!("`{}`", name.escape_debug())).collect();
    if names.is_empty() { "none".to_string() } else { names.join(", ") }
}
