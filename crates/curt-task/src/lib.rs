//! Problems for reasoning models: dataset readers, prompts and synthetic tasks.
//!
//! Plain data in and out: no tensors, no clock, no network, and no random generator of its own. Whoever samples hands in a
//! [`Draw`], a closure that returns uniform numbers in \[0, 1), so the caller alone owns the randomness and the values drawn
//! never change with the version of a library.
//!
//! ```
//! use curt_task::{chain::Chain, parse_jsonl, FieldNames};
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
//! let problems = parse_jsonl(file.as_bytes(), "numbers.jsonl".as_ref(), &FieldNames::default())?;
//! assert_eq!(problems[0].answer, "14");
//! assert_eq!(problems[0].extra["grade"], "easy");
//! # Ok::<(), curt_task::TaskError>(())
//! ```

pub mod chain;
mod draw;
mod error;
mod jsonl;
mod problem;
mod prompt;

pub use draw::{Draw, unit};
pub use error::TaskError;
pub use jsonl::{FieldNames, parse_jsonl, read_jsonl};
pub use problem::{Problem, ProblemKey};
pub use prompt::{BRIEF_SUFFIX, Message, Prompt, STEP_BY_STEP_SUFFIX};
