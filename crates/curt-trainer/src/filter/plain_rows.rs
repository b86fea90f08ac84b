//! Rows of JSON of which a pass rate is wanted and nothing else: each is parsed once, without keeping it.
//!
//! Only rows that are as plain as they can be are handled here: prompt and answer as text under the names that the first row has.
//! Whatever is not goes to [`curt_task::Reader`], which knows all forms and says what is wrong.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use curt_task::{ANSWER_NAMES, AnswerPart, Form, PROMPT_NAMES};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::row::OWN;

/// How the plain rows of a file look.
#[derive(Debug)]
pub(super) struct PlainForm {
    prompt: String,
    answer: String,
    field: String,
}

/// What is wanted of a row.
#[derive(Debug, Default, PartialEq)]
pub(super) struct PlainRow {
    /// The value of the field; `None` where it is absent or null.
    pub rate: Option<Value>,
    /// A hash of the id.
    pub id: Option<u64>,
    /// A hash of prompt and answer.
    pub content: u64,
    /// Whether one of the fields that a filter writes is there, the wanted one left out.
    pub has_own: bool,
}

impl PlainForm {
    /// The form of the plain rows of a file with such a first row, if it can have any.
    pub fn of(form: &Form, field: &str) -> Option<Self> {
        let is_plain = |name: &str| !name.contains('.') && name != "id";
        let fits = is_plain(&form.prompt) && is_plain(&form.answer) && form.prompt != form.answer;
        let taken = [form.prompt.as_str(), form.answer.as_str(), "id", "extra_info"].contains(&field);
        let plain = fits && !taken && !form.conversation && form.part == AnswerPart::Whole;
        plain.then(|| Self { prompt: form.prompt.clone(), answer: form.answer.clone(), field: field.to_owned() })
    }

    /// What is wanted of the row; `None` if it is not plain.
    pub fn parse(&self, line: &str) -> Option<PlainRow> {
        let mut json = serde_json::Deserializer::from_str(line);
        let row = RowSeed(self).deserialize(&mut json).ok()??;
        json.end().ok()?;
        Some(row)
    }

    fn key(&self, name: &str) -> Key {
        // a name that the reader prefers to the chosen one; of `reward_model.ground_truth` a row shows the first part
        let before = |names: &[&str], chosen: &str| {
            let chosen = names.iter().position(|other| *other == chosen).unwrap_or(0);
            names[..chosen].iter().any(|other| other.split('.').next() == Some(name))
        };
        match name {
            _ if name == self.field => Key::Rate,
            _ if name == self.prompt => Key::Prompt,
            _ if name == self.answer => Key::Answer,
            "id" => Key::Id,
            "extra_info" => Key::Rival,
            _ if before(&PROMPT_NAMES, &self.prompt) || before(&ANSWER_NAMES, &self.answer) => Key::Rival,
            _ if OWN.contains(&name) => Key::Own,
            _ => Key::Other,
        }
    }
}

enum Key {
    Rate,
    Prompt,
    Answer,
    Id,
    /// Of which the reader would have to say what it means.
    Rival,
    /// A field that a filter writes.
    Own,
    Other,
}

struct KeySeed<'a>(&'a PlainForm);

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Key, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E>(self, name: &str) -> Result<Key, E> {
        Ok(self.0.key(name))
    }
}

struct RowSeed<'a>(&'a PlainForm);

impl<'de> DeserializeSeed<'de> for RowSeed<'_> {
    type Value = Option<PlainRow>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RowSeed<'_> {
    type Value = Option<PlainRow>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut row, mut plain) = (PlainRow::default(), true);
        let (mut prompt, mut answer) = (None, None);
        while let Some(key) = map.next_key_seed(KeySeed(self.0))? {
            match key {
                Key::Rate => row.rate = Some(map.next_value::<Value>()?).filter(|value| !value.is_null()),
                Key::Prompt => prompt = Some(map.next_value_seed(TextSeed)?),
                Key::Answer => answer = Some(map.next_value_seed(TextSeed)?),
                Key::Id => match map.next_value_seed(TextSeed)? {
                    Text::Hash { hash, .. } => row.id = Some(hash),
                    Text::Null => {}
                    Text::Else => plain = false,
                },
                Key::Rival => {
                    map.next_value::<IgnoredAny>()?;
                    plain = false;
                }
                Key::Own => {
                    map.next_value::<IgnoredAny>()?;
                    row.has_own = true;
                }
                Key::Other => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        match (prompt, answer) {
            (Some(Text::Hash { hash: prompt, blank: false }), Some(Text::Hash { hash: answer, .. })) if plain => {
                row.content = combined(prompt, answer);
                Ok(Some(row))
            }
            _ => Ok(None),
        }
    }
}

/// A text, or a whole number as text, as a hash.
enum Text {
    Hash { hash: u64, blank: bool },
    Null,
    Else,
}

struct TextSeed;

impl<'de> DeserializeSeed<'de> for TextSeed {
    type Value = Text;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Text, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for TextSeed {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Text, E> {
        Ok(Text::Hash { hash: hashed(text), blank: text.trim_ascii().is_empty() })
    }

    fn visit_u64<E>(self, number: u64) -> Result<Text, E> {
        Ok(Text::Hash { hash: hashed(&number.to_string()), blank: false })
    }

    fn visit_i64<E>(self, number: i64) -> Result<Text, E> {
        Ok(Text::Hash { hash: hashed(&number.to_string()), blank: false })
    }

    fn visit_f64<E>(self, _: f64) -> Result<Text, E> {
        Ok(Text::Else)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Text, E> {
        Ok(Text::Else)
    }

    fn visit_unit<E>(self) -> Result<Text, E> {
        Ok(Text::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Text, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Text::Else)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Text, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Text::Else)
    }
}

/// A hash that lives no longer than this process.
pub(super) fn hashed(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// One of two.
pub(super) fn combined(first: u64, second: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    (first, second).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> PlainForm {
        PlainForm { prompt: "problem".into(), answer: "answer".into(), field: "rate".into() }
    }

    #[test]
    fn plain_rows_give_what_is_wanted_of_them() {
        let row = form().parse(r#"{"id": 7, "problem": "1+1?", "answer": 2, "rate": 0.5, "more": [{"rate": 1}]}"#).unwrap();
        assert_eq!((row.rate, row.id, row.has_own), (Some(Value::from(0.5)), Some(hashed("7")), false));
        assert_eq!(row.content, combined(hashed("1+1?"), hashed("2")));
        let row = form().parse(r#"{"problem": "1+1?", "answer": "2", "rate": null, "n_trials": 8}"#).unwrap();
        assert_eq!((row.rate, row.id, row.has_own), (None, None, true));
    }

    #[test]
    fn what_the_reader_has_to_judge_is_not_plain() {
        for line in [
            r#"{"problem": "1+1?"}"#,
            r#"{"problem": " ", "answer": "2"}"#,
            r#"{"problem": ["1+1?"], "answer": "2"}"#,
            r#"{"problem": "1+1?", "answer": 2.5}"#,
            r#"{"problem": "1+1?", "answer": "2", "prompt": "x"}"#,
            r#"{"problem": "1+1?", "answer": "2", "extra_info": {"index": 1}}"#,
            r#"{"problem": "1+1?", "answer": "2", "id": [1]}"#,
            r#"{"problem": "1+1?", "answer": "2"} x"#,
            r#"["problem"]"#,
            r#"{"problem": "1+1?", "#,
        ] {
            assert_eq!(form().parse(line), None, "{line}");
        }
    }
}
