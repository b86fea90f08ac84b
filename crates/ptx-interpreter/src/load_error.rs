//! Why a module cannot be loaded.

/// A module that is wrong, or that asks for what this interpreter does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// The text is not PTX.
    #[error("PTX line {line}: {what}")]
    Syntax {
        /// Line of the text, from 1.
        line: u32,
        /// What is wrong.
        what: String,
    },
    /// No instruction of this name is known.
    #[error("PTX line {line}: instruction `{opcode}` is not known")]
    UnknownInstruction {
        /// Line of the text, from 1.
        line: u32,
        /// Opcode with its modifiers.
        opcode: String,
    },
    /// The instruction is known, this form of it is not.
    #[error("PTX line {line}: `{opcode}`: {what}")]
    UnknownForm {
        /// Line of the text, from 1.
        line: u32,
        /// Opcode with its modifiers.
        opcode: String,
        /// Which part is not known or wrong.
        what: String,
    },
    /// A name that nothing declares.
    #[error("PTX line {line}: `{name}` is not declared")]
    UnknownName {
        /// Line of the text, from 1.
        line: u32,
        /// The name.
        name: String,
    },
}

impl LoadError {
    pub(crate) fn syntax(line: u32, what: impl Into<String>) -> Self {
        LoadError::Syntax { line, what: what.into() }
    }
}
