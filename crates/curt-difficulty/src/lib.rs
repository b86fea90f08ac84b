//! Which prompts are worth training on: pass rates and group gates. Plain data in, plain data out.
//!
//! A [`PassRate`] says how hard a prompt is for a model, with an interval and a [`Label`]. A [`Gate`] looks at one finished
//! group (all rollouts of one prompt, after reward shaping) and says whether it is trained on, and if not, why.
//!
//! | word | type | keeps a group iff |
//! |---|---|---|
//! | `any_correct_and_spread` | [`AnyCorrectAndSpread`] | some rollout is right, and the shaped rewards differ (the default) |
//! | `mixed_outcome` | [`MixedOutcome`] | some rollout is right and some is wrong |
//! | `reward_std` | [`RewardStd`] | the shaped rewards differ |
//! | `none` | [`NoGate`] | always |
//!
//! ```
//! use curt_difficulty::{Admission, AnyCorrectAndSpread, Gate, GateFacts, Label, PassRate};
//!
//! // All wrong, yet a length-shaped reward tells them apart: the signal would be "be short", not "be right".
//! let phantom = GateFacts::new(&[false, false], &[0.0, -0.4], &[true, true])?;
//! assert_eq!(AnyCorrectAndSpread.admit(&phantom), Admission::AllWrong);
//!
//! // All right, one of them too long: this is what a truncation reward teaches with.
//! let mixed_lengths = GateFacts::new(&[true, true], &[1.0, 0.0], &[true, true])?;
//! assert!(AnyCorrectAndSpread.admit(&mixed_lengths).is_kept());
//!
//! assert_eq!(PassRate::new(8, 5)?.label(), Label::Easy);
//! assert_eq!(PassRate::new(8, 4)?.label(), Label::Hard);
//! # Ok::<(), curt_difficulty::DifficultyError>(())
//! ```

mod any_correct_and_spread;
mod error;
mod gate;
mod mixed_outcome;
mod none;
mod pass_rate;
mod reward_std;

pub use any_correct_and_spread::AnyCorrectAndSpread;
pub use error::DifficultyError;
pub use gate::{Admission, Gate, GateFacts, by_name, names};
pub use mixed_outcome::MixedOutcome;
pub use none::NoGate;
pub use pass_rate::{Interval, Label, PassRate};
pub use reward_std::RewardStd;
