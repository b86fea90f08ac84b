//! `cargo xtask results`: the tables of docs/results.md, from what was measured.
//!
//! What stands there between two markers is written from the files that benches, the scripts of other software, training runs
//! and recorded checks leave. What was not measured has a row that says so.

mod checks;
mod criterion;
mod data;
mod embedded;
mod lab;
pub mod machine;
mod memory;
pub mod page;
mod peers;
mod plot;
mod printed;
mod products;
mod rewards;
mod run_directory;
mod shape;
mod speed;
mod speed_row;
mod steps;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use clap::Subcommand;

use self::page::replace_between;
use crate::workspace::root;

/// The page that holds the tables.
pub const PAGE: &str = "docs/results.md";

#[derive(clap::Args)]
pub struct Options {
    #[command(subcommand)]
    table: Table,
}

#[derive(Subcommand)]
enum Table {
    /// Speed beside the machine's peak and beside other software, with the targets
    Speed(speed::Options),
    /// What the embedded run changed, one row per run
    Embedded(embedded::Options),
    /// What the reward lab says of the embedded run, and its speed
    Lab(lab::Options),
    /// How long problems take to read, to compare and to filter
    Data(data::Options),
    /// How long each reward strategy takes
    Rewards(rewards::Options),
    /// Memory of training, by counting and as measured
    Memory(memory::Options),
    /// The checks that are too long for every change, and when they last held
    Checks(checks::Options),
}

/// Prints a table, or writes it into the page.
pub fn run(options: &Options) -> Result<()> {
    match &options.table {
        Table::Speed(options) => speed::run(options),
        Table::Embedded(options) => embedded::run(options),
        Table::Lab(options) => lab::run(options),
        Table::Data(options) => data::run(options),
        Table::Rewards(options) => rewards::run(options),
        Table::Memory(options) => memory::run(options),
        Table::Checks(options) => checks::run(options),
    }
}

/// Numbers below what is asked for that look random and are the same each time.
fn made_numbers() -> impl FnMut(u64) -> u64 {
    let mut state = 1_u64;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    }
}

/// What a sub-command made: a part of a page, and a file beside the page if the part needs one.
struct Part {
    /// Relative to the root.
    page: &'static str,
    /// The name in the markers.
    name: &'static str,
    content: String,
    /// Name and text of a file beside the page.
    attachment: Option<(&'static str, String)>,
}

impl Part {
    /// Shows the part on the terminal, or writes it.
    fn publish(&self, write: bool) -> Result<()> {
        if !write {
            println!("{}", self.content);
            return Ok(());
        }
        self.write(&root())?;
        println!("results: wrote the part `{}` of {}", self.name, self.page);
        Ok(())
    }

    /// Puts the part between its markers in the page below `root`, after the file that the part names.
    ///
    /// # Errors
    /// The page lacks the markers; then nothing is written.
    fn write(&self, root: &Path) -> Result<()> {
        let page = root.join(self.page);
        let replaced = replace_between(&read_named(&page)?, self.name, &self.content).with_context(|| self.page.to_owned())?;
        if let Some((name, text)) = &self.attachment {
            write_file(&page.with_file_name(name), text)?;
        }
        write_file(&page, &replaced)
    }
}

fn write_file(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
}

fn read_named(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}

/// The middle one of these values, the mean of the two middle ones where there is no single one; none of none.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.len() {
        0 => None,
        n if n % 2 == 1 => Some(values[half]),
        _ => Some((values[half - 1] + values[half]) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_written_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let docs = folder.path().join("docs");
        fs::create_dir(&docs).unwrap();
        let names = || fs::read_dir(&docs).unwrap().count();
        let part = Part { page: PAGE, name: "embedded", content: "new".into(), attachment: Some(("plot.svg", "<svg/>".into())) };

        let unmarked = "<!-- begin embedded -->\nold\n";
        fs::write(docs.join("results.md"), unmarked).unwrap();
        let message = format!("{:#}", part.write(folder.path()).unwrap_err());
        assert_eq!(message, "docs/results.md: no line `<!-- end embedded -->`");
        assert_eq!((fs::read_to_string(docs.join("results.md")).unwrap().as_str(), names()), (unmarked, 1));

        fs::write(docs.join("results.md"), format!("{unmarked}<!-- end embedded -->\n")).unwrap();
        part.write(folder.path()).unwrap();
        assert!(fs::read_to_string(docs.join("results.md")).unwrap().contains("\nnew\n"));
        assert_eq!(names(), 2);
    }

    #[test]
    fn the_median_is_the_middle() {
        let cases = [(vec![], None), (vec![3.0, 1.0, 9.0], Some(3.0)), (vec![4.0, 1.0], Some(2.5))];
        for (values, expected) in cases {
            assert_eq!(median(values), expected);
        }
    }
}
