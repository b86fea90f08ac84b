//! Which fields records have, how often, and of which types.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

/// Different names that are kept; more are only counted.
const MAX_NAMES: usize = 200;

/// The fields of many records, those of objects inside them under `outer.inner`.
#[derive(Clone, Debug, Default)]
pub struct FieldTable {
    facts: BTreeMap<String, (usize, FieldFacts)>,
    unlisted: usize,
}

/// What is known of a field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FieldFacts {
    /// Its name.
    pub name: String,
    /// Records that have it, with a value.
    pub present: usize,
    /// How many of these values are of which type: `string`, `whole number`, `number`, `boolean`, `list`, `object`.
    pub types: BTreeMap<&'static str, usize>,
}

impl FieldTable {
    /// Adds a record.
    pub fn add(&mut self, record: &Map<String, Value>) {
        for (name, value) in record {
            self.add_value(name, value);
            if let Value::Object(inner) = value {
                for (key, value) in inner {
                    self.add_value(&format!("{name}.{key}"), value);
                }
            }
        }
    }

    fn add_value(&mut self, name: &str, value: &Value) {
        let Some(kind) = kind(value) else { return };
        if let Some((_, facts)) = self.facts.get_mut(name) {
            facts.add(kind);
        } else if self.facts.len() < MAX_NAMES {
            let mut facts = FieldFacts { name: name.to_owned(), ..FieldFacts::default() };
            facts.add(kind);
            self.facts.insert(name.to_owned(), (self.facts.len(), facts));
        } else {
            self.unlisted += 1;
        }
    }

    /// The fields in the order in which they were met.
    pub fn fields(&self) -> Vec<&FieldFacts> {
        let mut fields: Vec<_> = self.facts.values().collect();
        fields.sort_by_key(|(order, _)| *order);
        fields.into_iter().map(|(_, facts)| facts).collect()
    }

    /// Values of fields that are not listed, because there are too many different names.
    pub fn unlisted(&self) -> usize {
        self.unlisted
    }
}

impl FieldFacts {
    fn add(&mut self, kind: &'static str) {
        self.present += 1;
        *self.types.entry(kind).or_insert(0) += 1;
    }
}

fn kind(value: &Value) -> Option<&'static str> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "whole number",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(records: &[&str]) -> FieldTable {
        let mut table = FieldTable::default();
        for record in records {
            table.add(&serde_json::from_str(record).unwrap());
        }
        table
    }

    #[test]
    fn fields_are_counted_by_name_and_type() {
        let table = table(&[r#"{"b": "x", "a": 1, "o": {"i": true}}"#, r#"{"a": 1.5, "b": null, "l": []}"#]);
        let found: Vec<String> = table.fields().iter().map(|f| format!("{} {} {:?}", f.name, f.present, f.types)).collect();
        assert_eq!(
            found,
            [
                r#"b 1 {"string": 1}"#,
                r#"a 2 {"number": 1, "whole number": 1}"#,
                r#"o 1 {"object": 1}"#,
                r#"o.i 1 {"boolean": 1}"#,
                r#"l 1 {"list": 1}"#,
            ]
        );
        assert_eq!(table.unlisted(), 0);
    }

    #[test]
    fn names_without_end_are_not_kept() {
        let records: Vec<String> = (0..MAX_NAMES + 5).map(|n| format!(r#"{{"field {n}": 1}}"#)).collect();
        let table = table(&records.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!((table.fields().len(), table.unlisted()), (MAX_NAMES, 5));
    }
}
