//! `run.toml`: what a run was made with, and how that differs from other settings.

use std::path::Path;

use toml::{Table, Value};

use crate::error::ReportError;

/// The settings of a run: keys such as `train.steps`, in the order of the file, with their values as TOML writes them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    rows: Vec<(String, String)>,
    table: Table,
}

/// A setting that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference<'a> {
    /// The key.
    pub key: &'a str,
    /// Its value in the settings compared with; `None` where they have none.
    pub there: Option<&'a str>,
    /// Its value here.
    pub here: Option<&'a str>,
}

impl Settings {
    /// The settings in a TOML text called `name`.
    ///
    /// # Errors
    /// It is no TOML.
    pub fn parse(text: &str, name: &str) -> Result<Self, ReportError> {
        let table: Table = text.parse().map_err(|error: toml::de::Error| ReportError::Settings {
            name: name.into(),
            problem: error.message().lines().collect::<Vec<_>>().join(" "),
        })?;
        let mut rows = Vec::new();
        flatten("", &table, &mut rows);
        Ok(Self { rows, table })
    }

    /// Those of a file; `None` where there is no file.
    ///
    /// # Errors
    /// It cannot be read, or is no TOML.
    pub fn read(path: &Path) -> Result<Option<Self>, ReportError> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, &path.display().to_string()).map(Some),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(ReportError::read(path)(error)),
        }
    }

    /// Keys with values.
    pub fn rows(&self) -> &[(String, String)] {
        &self.rows
    }

    /// The value of a key such as `train.steps` as text, strings without their quotes.
    pub fn text(&self, key: &str) -> Option<String> {
        self.value(key).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    }

    /// The value of a key as a whole number.
    pub fn number(&self, key: &str) -> Option<u64> {
        self.value(key)?.as_integer().and_then(|number| u64::try_from(number).ok())
    }

    fn value(&self, key: &str) -> Option<&Value> {
        let mut names = key.split('.');
        let first = self.table.get(names.next()?)?;
        names.try_fold(first, |value, name| value.get(name))
    }

    /// The keys whose values differ from `other`, in the order of this file, then those that only `other` has.
    pub fn differences<'a>(&'a self, other: &'a Self) -> Vec<Difference<'a>> {
        let find = |rows: &'a [(String, String)], key: &str| rows.iter().find(|row| row.0 == key).map(|row| row.1.as_str());
        let here =
            self.rows.iter().map(|(key, value)| Difference { key, there: find(&other.rows, key), here: Some(value.as_str()) });
        let gone = other.rows.iter().filter(|row| find(&self.rows, &row.0).is_none());
        let gone = gone.map(|(key, value)| Difference { key, there: Some(value.as_str()), here: None });
        here.filter(|row| row.there != row.here).chain(gone).collect()
    }
}

fn flatten(prefix: &str, table: &Table, rows: &mut Vec<(String, String)>) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            Value::Table(table) => flatten(&key, table, rows),
            value => rows.push((key, value.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Settings {
        Settings::parse(text, "test").unwrap()
    }

    #[test]
    fn keys_are_flat_and_in_order() {
        let found = settings("seed = 0\n[train]\nsteps = 5\nrate = 0.5\n[data]\npath = \"a\"\nlinks = [1, 2]\n");
        let rows: Vec<(&str, &str)> = found.rows().iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let expected =
            [("seed", "0"), ("train.steps", "5"), ("train.rate", "0.5"), ("data.path", "\"a\""), ("data.links", "[1, 2]")];
        assert_eq!(rows, expected);
        assert_eq!((found.number("train.steps"), found.text("data.path").as_deref()), (Some(5), Some("a")));
        assert_eq!((found.number("train.nothing"), found.number("seed.x")), (None, None));
    }

    #[test]
    fn differences_are_those_of_values() {
        let (here, there) = (settings("a = 1\nb = 2\nc = 3\n"), settings("b = 2\nc = 4\nd = 5\n"));
        let found = here.differences(&there);
        let rows: Vec<_> = found.iter().map(|row| (row.key, row.there, row.here)).collect();
        assert_eq!(rows, [("a", None, Some("1")), ("c", Some("4"), Some("3")), ("d", Some("5"), None)]);
        assert!(here.differences(&here).is_empty());
    }

    #[test]
    fn what_is_no_toml_is_said_in_a_line() {
        let error = Settings::parse("seed = = 1", "run.toml").unwrap_err().to_string();
        assert!(error.starts_with("run.toml: no run file: ") && !error.contains('\n'), "{error}");
    }
}
