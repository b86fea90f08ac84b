//! Which prompts are worth training on. Plain data in, plain data out: no tensors, no files, no clock, and no random numbers
//! of its own.
//!
//! A prompt teaches by the differences within its group of rollouts. One that is always solved and one that never is give
//! none; before a run they can be filtered out, within it they can be drawn less often, and what is sampled for nothing can
//! be dropped. In words of this crate:
//!
//! | word | type | what it is |
//! |---|---|---|
//! | pass rate | [`PassRate`] | right answers among attempts, with [Wilson](PassRate::wilson)'s and [Jeffreys](PassRate::jeffreys)' intervals |
//! | label | [`Label`] | Easy (more than half right) or Hard, the halves of arXiv 2602.20945 |
//! | band | [`Band`] | a range of pass rates, such as `(0.5, 1]` |
//! | early stop | [`EarlyStop`] | leaves out the attempts that cannot change where a rate lies |
//! | posterior | [`Posterior`], [`Sequential`] | P(p > τ) after some attempts; stopping once that is sure enough |
//! | attempts | [`AttemptLog`] | what was sampled, under which [`Conditions`]; logs merge |
//! | estimator | [`DifficultyEstimator`] | what is known of a problem → how hard it is |
//! | signal | [`useful_share`] | 1 − q^N − (1−q)^N: how likely N rollouts teach anything |
//! | gate | [`Gate`] | which finished groups are trained on |
//! | sampler | [`Sampler`] | which problems the next step draws |
//! | screening | [`Screening`] | a few rollouts first, the rest where they tell something |
//! | refill | [`Refill`] | further prompts in place of dropped ones, up to a limit |
//! | histogram | [`Histogram`] | how the rates of a data set are spread |
//!
//! Before a run: measure, label, rank.
//!
//! ```
//! use curt_difficulty::{Attempt, AttemptLog, Band, Conditions, EarlyStop, Label, Placement, useful_share};
//!
//! let under = Conditions {
//!     model: "tiny-good".into(), cap: 256, temperature: 1.0, top_p: 1.0, grader: "chain 1".into(), seed: 0,
//! };
//! // Of 8 attempts, five right ones decide that the problem is easy.
//! let stop = EarlyStop::new(Band::EASY, 8)?;
//! let mut log = AttemptLog::new();
//! for (sample, length) in [40, 55, 31, 78, 46].into_iter().enumerate() {
//!     let tally = log.tally("44a3*b9");
//!     assert_eq!(stop.decide(tally.correct, tally.attempts - tally.correct), None);
//!     log.add(&under, "44a3*b9", sample as u32, Attempt { correct: true, length, truncated: false })?;
//! }
//! assert_eq!(stop.decide(5, 0), Some(Placement::Within));
//! assert_eq!(log.pass_rate("44a3*b9").unwrap().label(), Label::Easy);
//!
//! // Under a reward for right answers within 48 tokens three of the five are good; a group of 8 will likely be mixed.
//! let good = log.pass_rate_within("44a3*b9", 48).unwrap();
//! assert!(useful_share(good.rate(), 8)? > 0.98);
//! # Ok::<(), curt_difficulty::DifficultyError>(())
//! ```
//!
//! Within a run: gates after the rollout, samplers before it. Stateful samplers are saved and loaded, and go on exactly.
//!
//! | gate | type | keeps a group iff |
//! |---|---|---|
//! | `any_correct_and_spread` | [`AnyCorrectAndSpread`] | some rollout is right, and the shaped rewards differ (the default) |
//! | `mixed_outcome` | [`MixedOutcome`] | some rollout is right and some is wrong |
//! | `reward_std` | [`RewardStd`] | the shaped rewards differ |
//! | `none` | [`NoGate`] | always |
//!
//! | sampler | type | draws | remembers |
//! |---|---|---|---|
//! | `uniform` | [`Uniform`] | shuffled epochs (the default) | nothing |
//! | `weighted` | [`Weighted`] | by expected signal | what became of each problem's groups |
//! | `curriculum` | [`Curriculum`] | from a pool that changes with the steps | nothing |
//! | `pools` | [`Pools`] | shuffled epochs without the problems that gave no signal, which rest | who has come, who rests |
//!
//! ```
//! use curt_difficulty::{Admission, AnyCorrectAndSpread, Bits, Gate, GateFacts, GroupOutcome, Pools, Sampler, Stream, Turn};
//!
//! // All wrong, yet a length-shaped reward tells them apart: the signal would be "be short", not "be right".
//! let phantom = GateFacts::new(&[false, false], &[0.0, -0.4], &[true, true])?;
//! assert_eq!(AnyCorrectAndSpread.admit(&phantom), Admission::AllWrong);
//!
//! // All right, one of them too long: this is what a truncation reward teaches with.
//! let mixed_lengths = GateFacts::new(&[true, true], &[1.0, 0.0], &[true, true])?;
//! assert!(AnyCorrectAndSpread.admit(&mixed_lengths).is_kept());
//!
//! // A counter stands in for a random generator.
//! let random = |_: Stream| -> Bits {
//!     let mut x = 7_u64;
//!     Box::new(move || { x = x.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407); x })
//! };
//! let mut pools = Pools::new(3, 2)?;
//! let turn = Turn { step: 0, round: 0, drawn: 0 };
//! let drawn = pools.draw(turn, 2, &random);
//! let dull = GroupOutcome { problem: drawn[0], attempts: 8, good: 0, kept: false };
//! let mixed = GroupOutcome { problem: drawn[1], attempts: 8, good: 3, kept: true };
//! pools.observe(turn, &[dull, mixed])?;
//! let next = pools.draw(Turn { step: 1, round: 0, drawn: 2 }, 2, &random);
//! assert!(!next.contains(&drawn[0])); // it rests
//! # Ok::<(), curt_difficulty::DifficultyError>(())
//! ```
//!
//! With the feature `laws`, your own estimators, gates and samplers can be tested for what should hold of them.

/// The examples of the README are tests too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod any_correct_and_spread;
mod attempt_log;
mod attempt_record;
mod band;
mod beta;
mod early_stop;
mod error;
mod estimator;
mod gate;
mod histogram;
#[cfg(feature = "laws")]
pub mod laws;
mod mixed_outcome;
mod none;
mod pass_rate;
mod posterior;
mod random;
mod refill;
mod reward_std;
mod sampler;
mod samplers;
mod screening;
mod sequential;
mod signal;

pub use any_correct_and_spread::AnyCorrectAndSpread;
pub use attempt_log::{Attempt, AttemptLog, Tally};
pub use attempt_record::{AttemptRecord, Conditions};
pub use band::{Band, Placement};
pub use early_stop::EarlyStop;
pub use error::DifficultyError;
pub use estimator::{Bayes, Column, DifficultyEstimator, Estimate, Evidence, Observed};
pub use gate::{Admission, Gate, GateFacts, by_name, names};
pub use histogram::{Bar, Histogram};
pub use mixed_outcome::MixedOutcome;
pub use none::NoGate;
pub use pass_rate::{Interval, Label, PassRate};
pub use posterior::{Posterior, Prior};
pub use random::{Bits, Randomness, Stream};
pub use refill::{Refill, RefillCost, RefillStep};
pub use reward_std::RewardStd;
pub use sampler::{GroupOutcome, Sampler, SamplerState, Turn};
pub use samplers::{Curriculum, Direction, Pools, Stage, Uniform, Weighted, sampler_names};
pub use screening::{Screened, Screening, ScreeningCost};
pub use sequential::{Sequential, Side};
pub use signal::{oversampling, rank_by_signal, useful_share};
