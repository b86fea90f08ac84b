//! `[algo]`: the advantage estimator, the objective, and what belongs to single ones of them.

use curt_advantage::{AdvantageError, KlEstimator, Parameters};

use super::error::RunFileError;
use super::raw::RunFile;
use super::reader::{AT_LEAST_ONE, Words};
use crate::config::{AlgoSection, LossAggregation, NormalizerKind, RolloutSection, ScaleRewards};
use crate::trainer::{estimator, objective};

const SCALES: &Words<ScaleRewards> =
    &[("group", ScaleRewards::Group), ("batch", ScaleRewards::Batch), ("none", ScaleRewards::None)];
const AGGREGATIONS: &Words<LossAggregation> = &[
    ("token-mean", LossAggregation::TokenMean),
    ("seq-mean-token-mean", LossAggregation::SeqMeanTokenMean),
    ("seq-mean-token-sum", LossAggregation::SeqMeanTokenSum),
    ("seq-mean-token-sum-norm", LossAggregation::SeqMeanTokenSumNorm),
];
const NORMALIZERS: &Words<NormalizerKind> = &[("all", NormalizerKind::All), ("active", NormalizerKind::Active)];

/// Settings of `[algo]` that belong to single estimators and objectives, and have the defaults of `curt-advantage`.
const OWN_PARAMETERS: &[&str] = &[
    "delta",
    "sapo_temperature_pos",
    "sapo_temperature_neg",
    "cov_ratio",
    "cov_low",
    "cov_high",
    "kl_cov_coefficient",
    "importance_cap",
    "gpg_count",
    "f_norm",
    "pass_at_k_scale",
];
const TRL_LOSS_TYPES: &str =
    "TRL's loss types are `algo.loss_aggregation` here: `dapo` is `token-mean`, `grpo` is `seq-mean-token-mean`";

impl RunFile {
    pub(super) fn algo(&self, rollout: &RolloutSection) -> Result<AlgoSection, RunFileError> {
        let advantage = self.name("algo.advantage", &curt_advantage::estimator_names(), "grpo", None)?;
        let loss_type = self.name("algo.loss_type", &curt_advantage::objective_names(), "clip", Some(TRL_LOSS_TYPES))?;
        let (low, high) = default_clip(&loss_type);
        let epsilon = self.number("algo.epsilon", |e| (0.0..1.0).contains(&e), "a clip from 0 to below 1", low)?;
        // as in TRL: symmetric unless said otherwise
        let high = high.filter(|_| loss_type == "cispo" || epsilon == low).unwrap_or(epsilon);
        let threshold = "algo.off_policy_mask_threshold";
        let algo = AlgoSection {
            scale_rewards: self.word("algo.scale_rewards", SCALES, ScaleRewards::Group)?,
            advantage_epsilon: self.number(
                "algo.advantage_epsilon",
                |e| e >= 0.0,
                "a number from 0",
                default_epsilon(&advantage),
            )?,
            epsilon,
            epsilon_high: self.number("algo.epsilon_high", |e| e >= 0.0, "a clip from 0", high)?,
            loss_aggregation: self.word("algo.loss_aggregation", AGGREGATIONS, LossAggregation::TokenMean)?,
            normalizer: self.word("algo.normalizer", NORMALIZERS, NormalizerKind::All)?,
            updates_per_batch: self
                .integer("algo.updates_per_batch", AT_LEAST_ONE, "a number of updates, at least 1")?
                .unwrap_or(1),
            beta: self.number("algo.beta", |b| b >= 0.0, "a weight from 0", 0.0)?,
            kl_estimator: self.word("algo.kl_estimator", &KlEstimator::WORDS, KlEstimator::K3)?,
            entropy_bonus: self.number("algo.entropy_bonus", |_| true, "a finite number", 0.0)?,
            off_policy_mask_threshold: match self.is_given(threshold) {
                true => Some(self.number(threshold, |t| t >= 0.0, "a number of nats from 0", 0.0)?),
                false => None,
            },
            parameters: self.own_parameters()?,
            advantage,
            loss_type,
        };
        self.check_algo(&algo, rollout.max_completion_length)?;
        Ok(algo)
    }

    /// The parameters of single estimators and objectives that are given.
    fn own_parameters(&self) -> Result<Parameters, RunFileError> {
        let mut parameters = Parameters::new();
        for name in OWN_PARAMETERS {
            if let Some(value) = self.algo_parameter(&format!("algo.{name}"))? {
                parameters = parameters.with(name, value);
            }
        }
        Ok(parameters)
    }

    /// Whether both can be built, and neither a parameter was given in vain.
    fn check_algo(&self, algo: &AlgoSection, limit: usize) -> Result<(), RunFileError> {
        let refused = |source: AdvantageError| {
            let key = match &source {
                AdvantageError::BadSetting { setting, .. } if self.is_given(&format!("algo.{setting}")) => {
                    format!("algo.{setting}")
                }
                _ => "algo.loss_type".to_owned(),
            };
            RunFileError::Algorithm { place: self.place(&key), source: Box::new(source) }
        };
        estimator(algo).map_err(refused)?;
        objective(algo, limit).map_err(refused)?;
        let takes = |name: &str| {
            let estimator = curt_advantage::estimator_parameters(&algo.advantage).unwrap_or_default();
            let objective = curt_advantage::objective_parameters(&algo.loss_type).unwrap_or_default();
            estimator.contains(&name) || objective.contains(&name)
        };
        match algo.parameters.names().find(|name| !takes(name)) {
            None => Ok(()),
            Some(name) => Err(RunFileError::NotTaken {
                place: self.place(&format!("algo.{name}")),
                advantage: algo.advantage.clone(),
                loss_type: algo.loss_type.clone(),
            }),
        }
    }
}

/// `epsilon`, and `epsilon_high` where that is not the same, of an objective.
fn default_clip(loss_type: &str) -> (f64, Option<f64>) {
    match loss_type {
        "gspo" => (3e-4, Some(4e-4)),
        "gmpo" => (0.4, None),
        "cispo" => (0.2, Some(4.0)),
        _ => (0.2, None),
    }
}

/// `advantage_epsilon` of an estimator.
fn default_epsilon(advantage: &str) -> f64 {
    match advantage {
        "reinforce_plus_plus" | "reinforce_plus_plus_baseline" => 1e-8,
        "batch_whitening" | "gdpo" => 1e-4,
        _ => 1e-6,
    }
}
