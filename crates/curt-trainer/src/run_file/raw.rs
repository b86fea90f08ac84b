//! What the user typed, key by key, with the place of each value.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Origin, Place, RunFileError};
use super::keys::{self, Key};

/// A run file as typed, `--set`s included: known keys, whose values are not checked yet.
#[derive(Clone, Debug)]
pub struct RunFile {
    pub(super) name: String,
    /// By canonical full name.
    pub(super) given: BTreeMap<String, Given>,
}

/// One value as typed.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub value: Value,
    pub origin: Origin,
    /// With its section.
    pub spelled: String,
}

/// A TOML value of the kinds that settings have; the text of a number is kept for messages.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Integer(i128),
    Number(f64),
    Flag(bool),
    List(Vec<Value>),
    /// Names and values, in the order of the names.
    Table(Vec<(String, Value)>),
    /// A date, which no setting is.
    Other(&'static str),
}

impl RunFile {
    /// What this text says; `name` is the file in messages.
    ///
    /// # Errors
    /// Text that is not TOML, unknown sections and keys, keys given twice.
    pub fn parse(text: &str, name: &str) -> Result<RunFile, RunFileError> {
        let table = DeTable::parse(text).map_err(|error| {
            let (line, column) = line_and_column(text, error.span().unwrap_or_default().start);
            RunFileError::Syntax { file: name.to_owned(), line, column, message: error.message().to_owned() }
        })?;
        let mut file = RunFile { name: name.to_owned(), given: BTreeMap::new() };
        for (key, value) in table.get_ref() {
            let origin = |span: Range<usize>| Origin::Line { file: name.to_owned(), line: line_and_column(text, span.start).0 };
            match value.get_ref() {
                DeValue::Table(section) if keys::find("", key.get_ref()).is_none() => {
                    file.section(key, section, &origin)?;
                }
                value => file.give("", key.get_ref(), Value::of(value), origin(key.span()))?,
            }
        }
        Ok(file)
    }

    /// Replaces a value by `section.key=value`. The value is TOML; what is not TOML is a string.
    ///
    /// # Errors
    /// No `=`, unknown sections and keys.
    pub fn set(&mut self, text: &str) -> Result<(), RunFileError> {
        let (key, value) = text.split_once('=').ok_or_else(|| RunFileError::SetSyntax { text: text.to_owned() })?;
        let (section, key) = key.trim().split_once('.').unwrap_or(("", key.trim()));
        if key.is_empty() {
            return Err(RunFileError::SetSyntax { text: text.to_owned() });
        }
        let origin = Origin::Set(text.to_owned());
        if !section.is_empty() {
            check_section(section, &origin)?;
        }
        let value = match DeValue::parse(value.trim()) {
            Ok(parsed) if !matches!(parsed.get_ref(), DeValue::Datetime(_)) => Value::of(parsed.get_ref()),
            _ => Value::Text(value.trim().to_owned()),
        };
        self.give(section, key, value, origin)
    }

    fn section(
        &mut self,
        name: &Spanned<std::borrow::Cow<'_, str>>,
        table: &DeTable<'_>,
        origin: &impl Fn(Range<usize>) -> Origin,
    ) -> Result<(), RunFileError> {
        check_section(name.get_ref(), &origin(name.span()))?;
        for (key, value) in table {
            self.give(name.get_ref(), key.get_ref(), Value::of(value.get_ref()), origin(key.span()))?;
        }
        Ok(())
    }

    fn give(&mut self, section: &str, name: &str, value: Value, origin: Origin) -> Result<(), RunFileError> {
        let spelled = keys::dotted(section, name);
        if section.is_empty() && keys::SECTIONS.contains(&name) {
            let place = Box::new(Place { origin, key: spelled, spelled: None });
            return Err(RunFileError::Mistyped { place, expected: "a section".to_owned(), found: value.describe() });
        }
        let Some(key) = keys::find(section, name) else {
            return Err(unknown(section, name, origin));
        };
        self.insert(key, Given { value, origin, spelled })
    }

    fn insert(&mut self, key: &Key, given: Given) -> Result<(), RunFileError> {
        let full_name = key.full_name();
        if let (Some(first), Origin::Line { .. }) = (self.given.get(&full_name), &given.origin)
            && let Origin::Line { line: first_line, .. } = first.origin
        {
            return Err(RunFileError::Duplicate { place: given.place(&full_name), first: first.spelled.clone(), first_line });
        }
        self.given.insert(full_name, given);
        Ok(())
    }
}

impl Given {
    /// The place of this value of the setting `key`.
    pub fn place(&self, key: &str) -> Box<Place> {
        let spelled = (self.spelled != key).then(|| self.spelled.clone());
        Box::new(Place { origin: self.origin.clone(), key: key.to_owned(), spelled })
    }
}

impl Value {
    fn of(value: &DeValue<'_>) -> Value {
        match value {
            DeValue::String(text) => Value::Text(text.clone().into_owned()),
            // Beyond 128 bits a number is out of every range; saturating keeps it so.
            DeValue::Integer(integer) => Value::Integer(
                i128::from_str_radix(integer.as_str(), integer.radix()).unwrap_or(if integer.as_str().starts_with('-') {
                    i128::MIN
                } else {
                    i128::MAX
                }),
            ),
            DeValue::Float(float) => float.as_str().parse().map_or(Value::Other("a number"), Value::Number),
            DeValue::Boolean(flag) => Value::Flag(*flag),
            DeValue::Array(list) => Value::List(list.iter().map(|value| Value::of(value.get_ref())).collect()),
            DeValue::Datetime(_) => Value::Other("a date"),
            DeValue::Table(table) => Value::Table(table.iter().map(|(name, value)| name_and_value(name, value)).collect()),
        }
    }

    /// The value with its type, for messages.
    pub fn describe(&self) -> String {
        match self {
            Value::Text(text) => {
                format!("the string {:?}", text.chars().take(80).collect::<String>())
            }
            Value::Integer(integer) => format!("the whole number {integer}"),
            Value::Number(number) => format!("the number {number}"),
            Value::Flag(flag) => format!("{flag}"),
            Value::List(list) => format!("a list of {}", list.len()),
            Value::Table(_) => "a table".to_owned(),
            Value::Other(kind) => (*kind).to_owned(),
        }
    }
}

fn name_and_value(name: &Spanned<std::borrow::Cow<'_, str>>, value: &Spanned<DeValue<'_>>) -> (String, Value) {
    (name.get_ref().clone().into_owned(), Value::of(value.get_ref()))
}

fn check_section(section: &str, origin: &Origin) -> Result<(), RunFileError> {
    if keys::SECTIONS.contains(&section) {
        return Ok(());
    }
    let nearest = keys::nearest(section, keys::SECTIONS.iter().copied()).map(str::to_owned);
    Err(RunFileError::UnknownSection { origin: origin.clone(), section: section.to_owned(), nearest })
}

fn unknown(section: &str, name: &str, origin: Origin) -> RunFileError {
    let key = keys::dotted(section, name);
    if matches!(section, "" | "rollout") && keys::FILTERS.contains(&name) {
        let place = Box::new(Place { origin, key, spelled: None });
        return RunFileError::FilterInTraining { place, filter: name.to_owned() };
    }
    if matches!(section, "" | "algo") && name == keys::NUM_ITERATIONS {
        return RunFileError::PassesOverBatch { place: Box::new(Place { origin, key, spelled: None }) };
    }
    RunFileError::UnknownKey { origin, key, nearest: keys::nearest_key(section, name) }
}

/// Both from 1; the column counts characters.
fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (1 + before.matches('\n').count(), 1 + before[line_start..].chars().count())
}
