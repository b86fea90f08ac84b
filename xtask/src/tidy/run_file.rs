//! docs/run_file.md against the keys that a run file may have.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::Violation;
use crate::workspace::Workspace;

const PAGE: &str = "docs/run_file.md";
const KEYS: &str = "crates/curt-trainer/src/run_file/keys.rs";

/// A row of the page, by its key.
struct Row<'a> {
    line: usize,
    /// Compared by a test, because the rules run on text alone.
    #[cfg_attr(not(test), expect(dead_code))]
    default: &'a str,
    aliases: Vec<String>,
}

/// Every key of the sources has a row with its names in TRL, and every row is a key of the sources.
pub fn keys(workspace: &Workspace) -> Result<Vec<Violation>> {
    let text = |path: &str| workspace.files.get(path).with_context(|| format!("no {path}"));
    let (known, rows) = (known(text(KEYS)?)?, rows(text(PAGE)?));
    let mut found = Vec::new();
    for (key, aliases) in &known {
        match rows.get(key) {
            None => found.push(Violation::new(PAGE, 0, format!("no row for `{key}`"))),
            Some(row) if row.aliases != *aliases => {
                let what = format!("the names of `{key}` in TRL are {aliases:?}, the page says {:?}", row.aliases);
                found.push(Violation::new(PAGE, row.line, what));
            }
            Some(_) => {}
        }
    }
    let gone = rows.iter().filter(|(key, _)| !known.contains_key(*key));
    found.extend(gone.map(|(key, row)| Violation::new(PAGE, row.line, format!("`{key}` is no key of a run file"))));
    Ok(found)
}

/// Each key with its names in TRL, from lines such as `trl("train", "weight_decay"),` and `alias("train", "steps", &["max_steps"]),`.
fn known(sources: &str) -> Result<BTreeMap<String, Vec<String>>> {
    let table = sources.split_once("KEYS: &[Key] = &[").and_then(|(_, rest)| rest.split_once("\n];")).context("no table KEYS")?;
    let mut known = BTreeMap::new();
    for line in table.0.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")) {
        let words: Vec<String> = line.split('"').skip(1).step_by(2).map(str::to_owned).collect();
        let [section, name, aliases @ ..] = &words[..] else { anyhow::bail!("{KEYS}: {line}") };
        let aliases = if line.starts_with("trl(") { vec![name.clone()] } else { aliases.to_vec() };
        known.insert(if section.is_empty() { name.clone() } else { format!("{section}.{name}") }, aliases);
    }
    Ok(known)
}

fn rows(page: &str) -> BTreeMap<String, Row<'_>> {
    fn row((i, line): (usize, &str)) -> Option<(String, Row<'_>)> {
        let cells: Vec<&str> = line.strip_prefix("| `")?.split('|').map(str::trim).collect();
        let [key, default, aliases, ..] = cells[..] else { return None };
        let aliases = aliases.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        Some((key.strip_suffix('`')?.to_owned(), Row { line: i + 1, default, aliases }))
    }
    page.lines().enumerate().filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use curt_trainer::run_file::RunFile;

    use super::*;
    use crate::workspace::root;

    const SOURCES: &str = "static KEYS: &[Key] = &[\n    ours(\"\", \"seed\"),\n    // why\n    trl(\"train\", \"weight_decay\"),\n    \
        alias(\"train\", \"steps\", &[\"max_steps\"]),\n];\n";
    const TRUE_PAGE: &str = "| key | default | name of TRL | meaning |\n|---|---|---|---|\n| `seed` | `42` | – | x |\n\
        | `train.weight_decay` | `0.0` | `weight_decay` | x |\n| `train.steps` | `150` | `max_steps` | x |\n";

    fn check(page: &str, expected: &[&str]) {
        let found = keys(&Workspace::of(&[(KEYS, SOURCES), (PAGE, page)])).unwrap();
        assert_eq!(found.iter().map(Violation::to_string).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_page_lists_the_keys_of_the_sources() {
        check(TRUE_PAGE, &[]);
        check(
            &TRUE_PAGE.replace("`seed`", "`sed`"),
            &["docs/run_file.md: no row for `seed`", "docs/run_file.md:3: `sed` is no key of a run file"],
        );
        check(
            &TRUE_PAGE.replace("`max_steps`", "–"),
            &["docs/run_file.md:5: the names of `train.steps` in TRL are [\"max_steps\"], the page says []"],
        );
        assert!(keys(&Workspace::of(&[(KEYS, "x"), (PAGE, TRUE_PAGE)])).is_err());
    }

    /// A default that is a value is the one of the least run file; one that names a key has that key's value.
    #[test]
    fn the_defaults_of_the_page_are_the_real_ones() {
        let page = std::fs::read_to_string(root().join(PAGE)).unwrap();
        let least = RunFile::parse("output_dir = \"x\"\n[rollout]\nmax_completion_length = 64\n", "least").unwrap();
        let written: toml::Table = least.resolve().unwrap().to_toml().unwrap().parse().unwrap();
        let value = |key: &str| {
            let (section, name) = key.split_once('.').map_or((None, key), |(section, name)| (Some(section), name));
            section.map_or(Some(&written), |section| written.get(section)?.as_table())?.get(name).cloned()
        };
        let mut n_compared = 0;
        for (key, row) in rows(&page) {
            let code = row.default.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')).filter(|code| !code.contains('`'));
            let Some(code) = code else { continue };
            let said = value(code).unwrap_or_else(|| format!("x = {code}").parse::<toml::Table>().unwrap()["x"].clone());
            assert_eq!(Some(said), value(&key), "{key}");
            n_compared += 1;
        }
        assert!(n_compared > 40, "{n_compared}");
    }
}
