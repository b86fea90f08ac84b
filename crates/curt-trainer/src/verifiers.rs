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
    /// A verifier that cannot work here: one of code without a way to run code safely, a program that cannot be started.
    pub fn new(section: &VerifySection) -> Result<Self, TrainError> {
        let mut verifiers = Self { ungradable: section.ungradable, ..Self::one(Self::build(&section.kind, section)?) };
        for (source, kind) in section.sources.iter().filter_map(|source| split_source(source)) {
            verifiers.all.push(Self::build(kind, section)?);
            verifiers.sources.push(source.to_owned());
        }
        Ok(verifiers)
    }

    /// The verifier called `kind`, with the settings of `section`.
    ///
    /// # Errors
    /// A word that names none, or a verifier that cannot work here.
    pub fn build(kind: &str, section: &VerifySection) -> Result<Box<dyn Verifier>, TrainError> {
        match kind {
            "chain" => Ok(Box::new(curt_verify::Chain)),
            "exact" => Ok(Box::new(curt_verify::Exact)),
            "math" => Ok(Box::new(curt_verify::math::Math::default())),
            #[cfg(unix)]
            "code" => code(section),
            #[cfg(unix)]
            "command" => command(section),
            _ => Err(TrainError::NoVerifier { kind: kind.to_owned(), why: "there is none of this name here".to_owned() }),
        }
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

#[cfg(unix)]
fn refused(kind: &str, why: impl ToString) -> TrainError {
    TrainError::NoVerifier { kind: kind.to_owned(), why: why.to_string() }
}

/// Refuses to start a run whose programs could not be run.
#[cfg(unix)]
fn code(section: &VerifySection) -> Result<Box<dyn Verifier>, TrainError> {
    use curt_verify::code::{CodeOptions, CodeVerifier, Interpreter, Limits};
    let seconds = section.timeout;
    let limits = Limits { cpu_seconds: seconds, wall_seconds: 3.0 * seconds, ..Limits::default() };
    let mut options = CodeOptions::default();
    if section.workers > 0 {
        options.workers = section.workers;
    }
    let verifier = CodeVerifier::new(Interpreter::of(&section.interpreter), limits, options);
    verifier.available().map_err(|why| refused("code", why))?;
    Ok(Box::new(verifier))
}

/// Refuses to start a run whose verifier cannot be started.
#[cfg(unix)]
fn command(section: &VerifySection) -> Result<Box<dyn Verifier>, TrainError> {
    use curt_verify::command::{CommandLimits, CommandVerifier};
    let mut limits = CommandLimits { seconds: section.timeout, ..CommandLimits::default() };
    if section.workers > 0 {
        limits.workers = section.workers;
    }
    let verifier = CommandVerifier::new(section.command.clone(), limits);
    verifier.available().map_err(|why| refused("command", why))?;
    Ok(Box::new(verifier))
}
