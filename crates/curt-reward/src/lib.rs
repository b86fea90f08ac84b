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
//! A wrong rollout is one that was not judged right: an answer that could not be graded is wrong.
//!
#![doc = include_str!("../docs/strategies.md")]
//!
//! The rows of Table 1 of *The Art of Efficient Reasoning* (arXiv 2602.20945); "–" is masked, in one of the two ways of
//! [`Masking`]. In that table I is incorrect, C correct, S short, L long, and `-X` reads "X is removed".
//!
//! | word | correct, short | correct, long | wrong, short | wrong, long |
//! |---|---|---|---|---|
//! | `truncation` ("Vanilla") | 1 | 0 | 0 | 0 |
//! | `minus_i` | 1 | 0 | – | – |
//! | `minus_lc` | 1 | – | 0 | 0 |
//! | `minus_lc_si` | 1 | – | – | 0 |
//! | `minus_lc_li` | 1 | – | 0 | – |
//! | `truncation` with L_T = L_R | 1 | cannot occur | 0 | 0: cut, so no answer |
//!
//! Left out, each for a reason: DeCS (arXiv 2509.25827) marks redundant tokens with a second model; REO-RL (2506.07104) and
//! the summaries of AnytimeReasoner (2505.13438) grade answers forced at budgets, which a rollout does not hold; DRPO
//! (2510.04474) is an objective and TLDR (2506.02678) a mixture of training data, so neither is a reward; ACOER (2606.22716)
//! and the calibration of GR3 have no formula that could be verified.
//!
//! Laws that rewards may keep are in the module `laws` (feature `laws`), for your own strategies too.
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

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod cells;
mod error;
#[cfg(feature = "laws")]
pub mod laws;
mod nearest;
mod parameters;
mod registry;
mod repetition;
mod rollout;
mod state;
mod statistics;
mod strategies;
mod strategy;
mod trap;

pub use cells::{Cell, Cells, Masking};
pub use error::RewardError;
pub use parameters::{Parameter, Parameters, Preset, Value};
pub use registry::{by_name, names, parameters_of, resolved};
pub use repetition::{REPETITION_N_GRAM, repetition};
pub use rollout::{Facts, GroupFacts, PartName, ProblemKey, Reference, Rollout, Shaped, StepContext};
pub use strategies::{
    ADlp, Alp, AroraZanette, ArtLaserD, ConciseR, Correctness, Cosine, DaDler, DapoOverlong, Diet, Dler, Dot, Gfpo, Gr3,
    GrpoLead, Hapo, Kimi, L1Exact, L1Max, Laser, LaserD, LaserDe, LcR1, MinusI, MinusLc, MinusLcLi, MinusLcSi, NemotronBonus,
    O1Pruner, OverlongFilter, PrimeLinear, Qglas, QuantileTarget, ShortRl, ShorterBetter, SmartThinker, StopProperly, ThinkPrune,
    Truncation,
};
pub use strategy::{RewardStrategy, StrategyState, check_group};
pub use trap::makes_short_is_correct_trap;
