//! Length-aware reward shaping for reasoning models: plain data in, plain data out.
//!
//! A [`RewardStrategy`] looks at one **group** (all rollouts of one prompt) and gives each rollout a [`Shaped`] reward:
//! a number, the named parts it is the sum of, and two masks. `in_statistics` says whether the rollout counts in the mean
//! and deviation of its group; `in_loss` says whether its tokens are trained on. There are no tensors, no files, no
//! clock and no random numbers here, so the crate fits any trainer.
//!
//! Lengths are counted in tokens of the model's own tokenizer, the stop token included. A rollout is **short** iff
//! `length <= target_length` (L ≤ L_T) and **long** otherwise.
//!
//! | word in the run file | type | correct, short | correct, long | wrong, short | wrong, long |
//! |---|---|---|---|---|---|
//! | `correctness` | [`Correctness`] | 1 | 1 | 0 | 0 |
//! | `truncation` | [`Truncation`] | 1 | 0 | 0 | 0 |
//! | `minus_i` | [`MinusI`] | 1 | 0 | – | – |
//! | `minus_lc` | [`MinusLc`] | 1 | – | 0 | 0 |
//! | `minus_lc_si` | [`MinusLcSi`] | 1 | – | – | 0 |
//! | `minus_lc_li` | [`MinusLcLi`] | 1 | – | 0 | – |
//!
//! The last five rows are Table 1 of *The Art of Efficient Reasoning* (arXiv 2602.20945); "–" is masked, in one of the
//! two ways of [`Masking`]. In that table I is incorrect, C correct, S short, L long, and `-X` reads "X is removed".
//!
//! ```
//! use curt_reward::{ProblemKey, RewardStrategy, Rollout, Shaped, StepContext, Truncation};
//!
//! let strategy = Truncation::new(100)?; // L_T = 100 tokens
//! let problem = ProblemKey(7);
//! let group = [
//!     Rollout::new(problem, true, 80),   // right and short
//!     Rollout::new(problem, true, 101),  // right, one token too long
//!     Rollout::new(problem, false, 60),  // wrong
//! ];
//! let mut shaped = vec![Shaped::default(); group.len()];
//! strategy.shape(&StepContext::default(), &group, &mut shaped)?;
//! let totals: Vec<f64> = shaped.iter().map(|s| s.total).collect();
//! assert_eq!(totals, [1.0, 0.0, 0.0]);
//! # Ok::<(), curt_reward::RewardError>(())
//! ```
//!
//! A strategy can be chosen by the word of a run file; a wrong word is answered with the nearest right one:
//!
//! ```
//! use curt_reward::{Parameters, by_name};
//!
//! let parameters = Parameters::new().with("target_length", 4096).with("masking", "zero_after");
//! assert_eq!(by_name("minus_lc", &parameters)?.name(), "minus_lc");
//! let error = by_name("truncaton", &parameters).unwrap_err().to_string();
//! assert!(error.contains("did you mean `truncation`"), "{error}");
//! # Ok::<(), curt_reward::RewardError>(())
//! ```

mod cells;
mod correctness;
mod error;
mod minus_i;
mod minus_lc;
mod minus_lc_li;
mod minus_lc_si;
mod nearest;
mod parameters;
mod registry;
mod rollout;
mod strategy;
mod truncation;

pub use cells::{Cell, Cells, Masking};
pub use correctness::Correctness;
pub use error::RewardError;
pub use minus_i::MinusI;
pub use minus_lc::MinusLc;
pub use minus_lc_li::MinusLcLi;
pub use minus_lc_si::MinusLcSi;
pub use parameters::{Parameters, Value};
pub use registry::{by_name, names, parameters_of};
pub use rollout::{Facts, GroupFacts, PartName, ProblemKey, Reference, Rollout, Shaped, StepContext};
pub use strategy::{RewardStrategy, StrategyState, check_group};
pub use truncation::Truncation;
