//! The parts that a data set is split into.

use std::str::FromStr;

use curt_difficulty::{Band, DifficultyError};
use serde::Serialize;

use super::error::FilterError;

/// Names that other files of the folder have.
const TAKEN: [&str; 3] = ["unrated", "attempts", "card"];

/// The problems whose pass rate lies in a band; they are written to `NAME.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// Its pass rates.
    pub band: Band,
}

/// The split of arXiv 2602.20945, §3.1: `easy`, more than half of the attempts right, and `hard`, the rest.
pub fn paper_rule() -> Vec<Part> {
    vec![Part { name: "easy".to_owned(), band: Band::EASY }, Part { name: "hard".to_owned(), band: Band::HARD }]
}

impl FromStr for Part {
    type Err = FilterError;

    /// `NAME=LO..HI` or `LO..HI`, both ends included, or a band as it is written elsewhere, such as `NAME=(0.5, 1]`. Without a
    /// name it is `LO-HI`.
    ///
    /// # Errors
    /// Text of another form; an empty band; a name that is no name of a file here.
    fn from_str(text: &str) -> Result<Self, FilterError> {
        let (name, range) = match text.split_once('=') {
            Some((name, range)) => (Some(name), range),
            None => (None, text),
        };
        let band = match range.split_once("..") {
            Some((low, high)) => {
                let end =
                    |text: &str| text.trim().parse::<f64>().map_err(|_| DifficultyError::BandSyntax { text: range.to_owned() });
                Band::new(end(low)?..=end(high)?)?
            }
            None => range.parse()?,
        };
        let unnamed = || range.replace("..", "-").chars().filter(|c| !"[]() ".contains(*c)).collect::<String>().replace(',', "-");
        let name = name.map_or_else(unnamed, str::to_owned);
        let letters = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let is_name = name.chars().all(letters) && name.starts_with(|c: char| c.is_ascii_alphanumeric());
        match is_name && !TAKEN.contains(&name.as_str()) {
            true => Ok(Part { name, band }),
            false => Err(FilterError::PartName { name }),
        }
    }
}

/// Whether a data set can be split into these parts, by `attempts` attempts at each problem where that is known.
///
/// # Errors
/// Two parts of one name; a band into which no number of right answers falls.
pub fn check_parts(parts: &[Part], attempts: Option<u32>) -> Result<(), FilterError> {
    if let Some(attempts) = attempts {
        parts.iter().try_for_each(|part| part.band.counts(attempts).map(|_| ()))?;
    }
    let again = |(n, part): (usize, &Part)| parts[..n].iter().any(|other| other.name == part.name).then(|| part.name.clone());
    match parts.iter().enumerate().find_map(again) {
        Some(name) => Err(FilterError::PartTwice { name }),
        None => Ok(()),
    }
}
