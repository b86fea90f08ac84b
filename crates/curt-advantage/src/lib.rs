//! Group advantages and policy objectives for GRPO-style training: plain data in, plain data out.
//!
//! Two steps, two traits. An [`AdvantageEstimator`] turns the rewards of groups (the rollouts of one prompt each) into
//! [`Credit`]. An [`Objective`] takes the per-token facts of a whole minibatch and that credit, and gives for each token
//! its loss and the derivatives that a model needs: d loss / d log-probability and d loss / d entropy. The mathematics
//! never touches a tensor; whoever owns the model multiplies these numbers into its backward pass.
//!
//! All arithmetic is `f64`, from + − × ÷ √ and the `libm` crate, in a fixed order: the same bits on every platform.
//!
//! | word | type | what |
//! |---|---|---|
//! | `grpo` | [`Grpo`] | group-normalised advantages; deviation by group, by batch or none |
//! | `clip` | [`Clip`] | clipped policy ratio of PPO, GRPO and DAPO, with an optional dual clip |
//!
//! ```
//! use curt_advantage::{AdvantageEstimator, Clip, Grpo, Normalizer, Objective, RewardGroup, SequenceView};
//!
//! // One prompt, two rollouts of 2 and 3 tokens; the first was right.
//! let credits = Grpo::default().estimate(&[RewardGroup::new(vec![1.0, 0.0], vec![2, 3])])?;
//!
//! // On policy the log-probabilities now are those of sampling, so each ratio is exactly 1.
//! let logprobs = [vec![-0.5, -1.0], vec![-0.25, -2.0, -0.75]];
//! let minibatch: Vec<SequenceView> =
//!     logprobs.iter().zip(&credits[0]).map(|(lp, credit)| SequenceView::new(lp, lp, credit)).collect();
//! let norm = Normalizer::all(&minibatch);
//! let evaluation = Clip::default().evaluate(&minibatch, &norm)?;
//!
//! // −A / (tokens of the whole update): the gradient of the policy, per token.
//! let advantage = credits[0][0].at(0);
//! assert_eq!(evaluation.tokens[0][1].d_logprob, -advantage / 5.0);
//! assert_eq!(evaluation.stats.mean_ratio(), Some(1.0));
//! # Ok::<(), curt_advantage::AdvantageError>(())
//! ```

mod aggregation;
mod clip;
mod credit;
mod error;
mod grpo;
mod objective;
mod stats;

pub use aggregation::{Aggregation, Normalizer};
pub use clip::{Clip, LOG_RATIO_LIMIT};
pub use credit::{AdvantageEstimator, Credit, RewardGroup, check_groups};
pub use error::AdvantageError;
pub use grpo::{Grpo, ScaleRewards};
pub use objective::{Evaluation, Objective, SequenceView, TokenGrad, check_minibatch};
pub use stats::ObjectiveStats;
