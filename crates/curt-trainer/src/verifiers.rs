//! The verifiers of a run: a usual one, and others for single sources of problems.

use curt_verify::Verifier;

use crate::config::{Ungradable, VerifySection};
use crate::error::TrainError;
use crate::run_file::split_source;

/// Which verifier judges the completions of which problems.
pub struct Verifiers {
    /// The usual one first, then those of `sources`.
    all: Vec<Box<dyn Verifier>>,
    sources: Vec<String>,
    /// What becomes of completions that cannot be graded.
    pub ungradable: Ungradable,
}

impl Verifiers {
    /// One verifier for all problems; what it cannot grade is wrong.
    pub fn one(verifier: Box<dyn Verifier>) -> Self {
        Self { all: vec![verifier], sources: Vec::new(), ungradable: Ungradable::Wrong }
    }

    /// Those of a configuration.
    ///
    /// # Errors
    /// A verifier that cannot work here, such as one of code without a way to run code safely.
    pub fn new(section: &VerifySection) -> Result<Self, TrainError> {
        let mut verifiers = Self { ungradable: section.ungradable, ..Self::one(build(&section.kind, section)?) };
        for (source, kind) in section.sources.iter().filter_map(|source| split_source(source)) {
            verifiers.all.push(build(kind, section)?);
            verifiers.sources.push(source.to_owned());
        }
        Ok(verifiers)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.all.len()
    }

    /// Verifier `number`.
    ///
    /// # Panics
    /// There are fewer.
    pub fn at(&self, number: usize) -> &dyn Verifier {
        self.all[number].as_ref()
    }

    /// The number of the verifier of problems of `source`.
    pub fn number_of(&self, source: &str) -> usize {
        self.sources.iter().position(|other| other == source).map_or(0, |i| i + 1)
    }

    /// The verifier of problems of `source`.
    pub fn of(&self, source: &str) -> &dyn Verifier {
        self.at(self.number_of(source))
    }
}

fn build(kind: &str, section: &VerifySection) -> Result<Box<dyn Verifier>, TrainError> {
    let _ = section;
    Ok(match kind {
        "chain" => Box::new(curt_verify::Chain),
        _ => Box::new(curt_verify::Numeric),
    })
}
