//! Problems for reasoning models: dataset readers, prompts and synthetic tasks.
//!
//! Plain data in and out: no tensors, no clock, no network, and no random generator of its own. Whoever samples hands in a
//! [`Draw`], a closure that returns uniform numbers in \[0, 1), so the caller alone owns the randomness and the values drawn
//! never change with the version of a library.
//!
//! [`Reader`] reads a file of problems one by one, whatever its format: JSON lines or one JSON list in the field names of
//! DeepScaleR, GSM8K, verl, TRL and others, with the feature `parquet` also parquet, all plain or compressed. [`read_sources`]
//! mixes several files; [`TextIndex`] finds equal problems.
//!
//! ```
//! use curt_task::{chain::Chain, ReadOptions, Reader};
//!
//! let chain: Chain = "^44a*3b*9>".parse()?;
//! assert_eq!(chain.answer(), "88");
//!
//! let mut state = 7_u64;
//! let mut draw = || {
//!     state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
//!     curt_task::unit(state)
//! };
//! assert_eq!(Chain::sample(&mut draw, 5)?.links().len(), 5);
//!
//! let file = r#"{"problem": "How many is 7 + 7?", "answer": 14, "grade": "easy"}"#;
//! let reader = Reader::new(file.as_bytes(), "numbers.jsonl".as_ref(), &ReadOptions::default())?;
//! let problems = reader.collect::<Result<Vec<_>, _>>()?;
//! assert_eq!(problems[0].answer, "14");
//! assert_eq!(problems[0].extra["grade"], "easy");
//! # Ok::<(), curt_task::TaskError>(())
//! ```

pub mod chain;
mod draw;
mod error;
mod field_table;
mod hash;
mod lengths;
mod place;
mod problem;
mod prompt;
mod read;
mod source;
mod text_index;

pub use draw::{Draw, unit};
pub use error::TaskError;
pub use field_table::{FieldFacts, FieldTable};
pub use lengths::{LengthFilter, LengthSummary, Lengths};
pub use place::Place;
pub use problem::{Problem, ProblemKey};
pub use prompt::{BRIEF_SUFFIX, Message, Prompt, STEP_BY_STEP_SUFFIX};
#[cfg(feature = "parquet")]
pub use read::panic_is_damaged_parquet;
pub use read::{
    ANSWER_NAMES, AnswerPart, Bad, Compression, FieldNames, Form, Format, NAMED, PROMPT_NAMES, ReadOptions, ReadReport, Reader,
    Repeated, open_unpacked,
};
pub use source::{FileReport, MAX_WEIGHT, Mix, Source, read_sources};
pub use text_index::{Match, TextIndex, normalized};
