//! Group advantages and policy objectives for GRPO-style training: plain data in, plain data out.
//!
//! Two steps, two traits. An [`AdvantageEstimator`] turns the rewards of groups (the rollouts of one prompt each) into
//! [`Credit`]. An [`Objective`] takes the per-token facts of a whole minibatch and that credit, and gives for each token
//! its loss and the derivatives that a model needs: d loss / d log-probability and d loss / d entropy. The mathematics
//! never touches a tensor; whoever owns the model multiplies these numbers into its backward pass.
//!
//! All arithmetic is `f64`, from + − × ÷ √ and the `libm` crate, in a fixed order: the same bits on every platform.
//!
//! | estimator | type | advantage |
//! |---|---|---|
//! | `grpo` | [`Grpo`] | (r − μ) / (s + ε); deviation by group, by batch or none |
//! | `dr_grpo` | [`DrGrpo`] | r − μ |
//! | `rloo` | [`Rloo`] | r − mean of the others |
//! | `reinforce_plus_plus` | [`ReinforcePlusPlus`] | r whitened over the tokens of the batch |
//! | `reinforce_plus_plus_baseline` | [`ReinforcePlusPlusBaseline`] | r − μ whitened over the tokens of the batch |
//! | `batch_whitening` | [`BatchWhitening`] | (r − μ) / deviation of r − μ in the batch |
//! | `gdpo` | [`Gdpo`] | each part normalised by group, then the sum by batch |
//! | `opo` | [`Opo`] | r − length-weighted mean |
//! | `gpg` | [`Gpg`] | (r − μ) · groups / useful groups |
//! | `max_rl` | [`MaxRl`] | (r − μ) / μ |
//! | `pass_at_k` | [`PassAtK`] | the lead of the best, for the best alone |
//! | `optimal_token_baseline` | [`OptimalTokenBaseline`] | r − a baseline of each position |
//!
//! | objective | type | loss of a token |
//! |---|---|---|
//! | `clip` | [`Clip`] | clipped policy ratio of PPO, GRPO and DAPO, with an optional dual clip |
//! | `gspo` | [`Gspo`] | the same with one ratio per sequence |
//! | `cispo` | [`Cispo`] | −A ln π weighed by a clipped ratio |
//! | `sapo` | [`Sapo`] | a soft gate on the ratio |
//! | `gmpo` | [`Gmpo`] | geometric mean of clipped ratios |
//! | `gpg` | [`GpgLoss`] | −A ln π |
//! | `clip_cov` | [`ClipCov`] | `clip` without a few tokens of high covariance |
//! | `kl_cov` | [`KlCov`] | −ρA, with a penalty on the tokens of highest covariance |
//! | `decoupled_clip` | [`DecoupledClip`] | `clip` about the proximal policy, weighed to the behaviour policy |
//!
//! Around any objective: [`KlPenalty`] (a frozen reference), [`EntropyBonus`], [`OffPolicyMask`], [`ImportanceWeighted`]
//! (TIS, MIS, IcePop). Either kind can be built from its word: [`estimator_by_name`], [`objective_by_name`]. With the
//! feature `laws`, the module `laws` has what should hold of them as functions for proptest, for yours too.
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

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod aggregation;
mod credit;
mod error;
mod estimators;
#[cfg(feature = "laws")]
pub mod laws;
mod objective;
mod objectives;
mod parameters;
mod registry;
mod spread;
mod stats;

pub use aggregation::{Aggregation, Normalizer};
pub use credit::{AdvantageEstimator, Credit, RewardGroup, SampledTokens, check_groups};
pub use error::AdvantageError;
pub use estimators::{
    BatchWhitening, DrGrpo, Gdpo, Gpg, GpgCount, Grpo, MaxRl, Opo, OptimalTokenBaseline, PassAtK, ReinforcePlusPlus,
    ReinforcePlusPlusBaseline, Rloo, ScaleRewards,
};
pub use objective::{Evaluation, Objective, SequenceView, TokenGrad, check_minibatch};
pub use objectives::{
    Cispo, Clip, ClipCov, DecoupledClip, EntropyBonus, Gmpo, GpgLoss, Gspo, ImportanceLevel, ImportanceRule, ImportanceWeighted,
    ImportanceWeights, KlCov, KlEstimator, KlPenalty, LOG_RATIO_LIMIT, OffPolicyMask, Sapo,
};
pub use parameters::{Parameters, Value};
pub use registry::{
    estimator_by_name, estimator_names, estimator_parameters, objective_by_name, objective_names, objective_parameters,
};
pub use stats::ObjectiveStats;
