//! From the word in a run file to a strategy: the one table.

use crate::nearest::nearest;
use crate::{Correctness, MinusI, MinusLc, MinusLcLi, MinusLcSi, Parameters, RewardError, RewardStrategy, Truncation};

struct Entry {
    name: &'static str,
    parameters: &'static [&'static str],
    build: fn(&Parameters) -> Result<Box<dyn RewardStrategy>, RewardError>,
}

const TARGET: &[&str] = &["target_length"];
const TARGET_AND_MASKING: &[&str] = &["target_length", "masking"];

static STRATEGIES: &[Entry] = &[
    Entry { name: "correctness", parameters: &[], build: |_| Ok(Box::new(Correctness)) },
    Entry {
        name: "truncation",
        parameters: TARGET,
        build: |p| Ok(Box::new(Truncation::new(p.length("truncation", "target_length")?)?)),
    },
    Entry {
        name: "minus_i",
        parameters: TARGET_AND_MASKING,
        build: |p| Ok(Box::new(MinusI::new(p.length("minus_i", "target_length")?, p.masking("minus_i")?)?)),
    },
    Entry {
        name: "minus_lc",
        parameters: TARGET_AND_MASKING,
        build: |p| Ok(Box::new(MinusLc::new(p.length("minus_lc", "target_length")?, p.masking("minus_lc")?)?)),
    },
    Entry {
        name: "minus_lc_si",
        parameters: TARGET_AND_MASKING,
        build: |p| Ok(Box::new(MinusLcSi::new(p.length("minus_lc_si", "target_length")?, p.masking("minus_lc_si")?)?)),
    },
    Entry {
        name: "minus_lc_li",
        parameters: TARGET_AND_MASKING,
        build: |p| Ok(Box::new(MinusLcLi::new(p.length("minus_lc_li", "target_length")?, p.masking("minus_lc_li")?)?)),
    },
];

/// The strategy of this name, built from these parameters.
///
/// # Errors
/// An unknown name (the nearest is suggested, all are listed), a parameter that this strategy does not have, a missing
/// one, or one out of its range.
pub fn by_name(name: &str, parameters: &Parameters) -> Result<Box<dyn RewardStrategy>, RewardError> {
    let entry = entry(name)?;
    parameters.expect_only(entry.name, entry.parameters)?;
    (entry.build)(parameters)
}

/// The names of all strategies, in the order of the documentation.
pub fn names() -> Vec<&'static str> {
    STRATEGIES.iter().map(|entry| entry.name).collect()
}

/// The names of the parameters of a strategy.
///
/// # Errors
/// An unknown name, as in [`by_name`].
pub fn parameters_of(name: &str) -> Result<&'static [&'static str], RewardError> {
    Ok(entry(name)?.parameters)
}

fn entry(name: &str) -> Result<&'static Entry, RewardError> {
    STRATEGIES.iter().find(|entry| entry.name == name).ok_or_else(|| {
        let known = names();
        RewardError::UnknownStrategy { name: name.to_owned(), nearest: nearest(name, &known), known }
    })
}
