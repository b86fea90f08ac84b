//! Recorded rollouts under any reward strategy: scores for another trainer, and a comparison before a run is paid for.
//!
//! A recording is JSON lines, one rollout each: `group`, `correct`, `length`, and whatever else is known (`step`, `truncated`
//! or `finish_reason`, `answer_length`, `budget`, `repetition`, `reference`). The files that `curt train` leaves under
//! `rollouts/` are read as well, once decompressed. Rows of a group stand together.
//!
//! [`score()`] answers each row with its reward and advantage. [`Lab`] replays every strategy over the same rows and reports
//! what each would have taught; [`Trap`] asks the one question that decides whether training collapses: among short answers,
//! does it matter whether they are right? (arXiv 2602.20945: masking all wrong answers, or all short wrong ones, teaches that
//! short is correct.)
//!
//! What a recording cannot show: it was made by some model. The statistics describe the first steps that a strategy would
//! take from there, not where training ends.
//!
//! ```
//! use curt_lab::{Lab, Reader, Verdict};
//!
//! let rows = r#"
//! {"group": 1, "correct": true,  "length": 30}
//! {"group": 1, "correct": true,  "length": 90}
//! {"group": 1, "correct": false, "length": 20}
//! {"group": 1, "correct": false, "length": 95}
//! "#;
//! let mut lab = Lab::new(50, None); // L_T = 50 tokens
//! lab.add_all();
//! lab.read(&mut Reader::new("example", rows.as_bytes()))?;
//! let report = lab.report();
//! let verdict = |name: &str| report.strategies.iter().find(|s| s.strategy == name).map(|s| s.verdict);
//! assert_eq!(verdict("truncation"), Some(Verdict::Clear));
//! assert_eq!(verdict("minus_i, exclude"), Some(Verdict::Trap));
//! # Ok::<(), curt_lab::LabError>(())
//! ```

mod at_limit;
mod comparison;
mod error;
mod lab;
mod read;
mod replay;
mod row;
mod score;
mod trap;

pub use comparison::{CELLS, CellReport, CurvePoint, StrategyReport};
pub use error::LabError;
pub use lab::{Lab, LabReport};
pub use read::{Reader, RecordedGroup, RecordedStep};
pub use replay::{Replay, ReplayedGroup};
pub use row::GroupName;
pub use score::{ScoreError, score};
pub use trap::{Trap, Verdict};
