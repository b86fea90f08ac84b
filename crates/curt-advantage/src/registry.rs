//! From the word in a run file to an estimator or an objective: the two tables.

use crate::{
    AdvantageError, AdvantageEstimator, Aggregation, BatchWhitening, Cispo, Clip, ClipCov, DecoupledClip, DrGrpo, Gdpo, Gmpo,
    Gpg, GpgCount, GpgLoss, Grpo, Gspo, KlCov, MaxRl, Objective, Opo, OptimalTokenBaseline, Parameters, PassAtK,
    ReinforcePlusPlus, ReinforcePlusPlusBaseline, Rloo, Sapo, ScaleRewards,
};

/// What a word builds.
struct Entry<T: ?Sized> {
    name: &'static str,
    parameters: &'static [&'static str],
    build: fn(&Parameters, Aggregation) -> Result<Box<T>, AdvantageError>,
}

const EPSILON: &str = "advantage_epsilon";

static ESTIMATORS: &[Entry<dyn AdvantageEstimator>] = &[
    Entry { name: "grpo", parameters: &["scale_rewards", EPSILON], build: |p, _| Ok(Box::new(grpo(p)?)) },
    Entry { name: "dr_grpo", parameters: &[], build: |_, _| Ok(Box::new(DrGrpo)) },
    Entry { name: "rloo", parameters: &[], build: |_, _| Ok(Box::new(Rloo)) },
    Entry {
        name: "reinforce_plus_plus",
        parameters: &[EPSILON],
        build: |p, _| Ok(Box::new(ReinforcePlusPlus::new(p.number(EPSILON, 1e-8)?)?)),
    },
    Entry {
        name: "reinforce_plus_plus_baseline",
        parameters: &[EPSILON],
        build: |p, _| Ok(Box::new(ReinforcePlusPlusBaseline::new(p.number(EPSILON, 1e-8)?)?)),
    },
    Entry {
        name: "batch_whitening",
        parameters: &[EPSILON],
        build: |p, _| Ok(Box::new(BatchWhitening::new(p.number(EPSILON, 1e-4)?)?)),
    },
    Entry {
        name: "gdpo",
        parameters: &[EPSILON],
        build: |p, _| Ok(Box::new(Gdpo::new(p.number(EPSILON, 1e-4)?, Default::default())?)),
    },
    Entry { name: "opo", parameters: &[], build: |_, _| Ok(Box::new(Opo)) },
    Entry { name: "gpg", parameters: &["gpg_count", "f_norm"], build: |p, _| Ok(Box::new(gpg(p)?)) },
    Entry { name: "max_rl", parameters: &[], build: |_, _| Ok(Box::new(MaxRl)) },
    Entry {
        name: "pass_at_k",
        parameters: &["pass_at_k_scale", EPSILON],
        build: |p, _| Ok(Box::new(PassAtK::new(p.flag("pass_at_k_scale", true)?, p.number(EPSILON, 1e-6)?)?)),
    },
    Entry { name: "optimal_token_baseline", parameters: &[], build: |_, _| Ok(Box::new(OptimalTokenBaseline)) },
];

static OBJECTIVES: &[Entry<dyn Objective>] = &[
    Entry { name: "clip", parameters: &["epsilon", "epsilon_high", "delta"], build: |p, a| Ok(Box::new(clip(p, a)?)) },
    Entry {
        name: "gspo",
        parameters: &["epsilon", "epsilon_high"],
        build: |p, a| Ok(Box::new(Gspo::new(p.number("epsilon", 3e-4)?, p.number("epsilon_high", 4e-4)?, a)?)),
    },
    Entry {
        name: "cispo",
        parameters: &["epsilon", "epsilon_high"],
        build: |p, a| Ok(Box::new(Cispo::new(p.optional("epsilon")?, p.number("epsilon_high", 4.0)?, a)?)),
    },
    Entry {
        name: "sapo",
        parameters: &["sapo_temperature_pos", "sapo_temperature_neg"],
        build: |p, a| {
            Ok(Box::new(Sapo::new(p.number("sapo_temperature_pos", 1.0)?, p.number("sapo_temperature_neg", 1.05)?, a)?))
        },
    },
    Entry {
        name: "gmpo",
        parameters: &["epsilon", "epsilon_high"],
        build: |p, a| Ok(Box::new(Gmpo::new(p.number("epsilon", 0.4)?, p.number("epsilon_high", 0.4)?, a)?)),
    },
    Entry { name: "gpg", parameters: &[], build: |_, a| Ok(Box::new(GpgLoss::new(a)?)) },
    Entry {
        name: "clip_cov",
        parameters: &["epsilon", "epsilon_high", "delta", "cov_ratio", "cov_low", "cov_high"],
        build: |p, a| {
            let (ratio, low, high) = (p.number("cov_ratio", 2e-4)?, p.number("cov_low", 1.0)?, p.number("cov_high", 5.0)?);
            Ok(Box::new(ClipCov::new(clip(p, a)?, ratio, low, high)?))
        },
    },
    Entry {
        name: "kl_cov",
        parameters: &["cov_ratio", "kl_cov_coefficient"],
        build: |p, a| Ok(Box::new(KlCov::new(p.number("cov_ratio", 2e-4)?, p.number("kl_cov_coefficient", 1.0)?, a)?)),
    },
    Entry {
        name: "decoupled_clip",
        parameters: &["epsilon", "epsilon_high", "delta", "importance_cap"],
        build: |p, a| Ok(Box::new(DecoupledClip::new(clip(p, a)?, p.number("importance_cap", 5.0)?)?)),
    },
];

fn grpo(p: &Parameters) -> Result<Grpo, AdvantageError> {
    let words = [("group", ScaleRewards::Group), ("batch", ScaleRewards::Batch), ("none", ScaleRewards::None)];
    Grpo::new(p.word("scale_rewards", &words, "`group`, `batch` or `none`")?, p.number(EPSILON, 1e-6)?)
}

fn gpg(p: &Parameters) -> Result<Gpg, AdvantageError> {
    let words = [("useful_groups", GpgCount::UsefulGroups), ("nonzero_rewards", GpgCount::NonzeroRewards)];
    Gpg::new(p.word("gpg_count", &words, "`useful_groups` or `nonzero_rewards`")?, p.number("f_norm", 1.0)?)
}

/// ε_high is ε unless given, as in TRL.
fn clip(p: &Parameters, aggregation: Aggregation) -> Result<Clip, AdvantageError> {
    let epsilon = p.number("epsilon", 0.2)?;
    Clip::new(epsilon, p.number("epsilon_high", epsilon)?, p.optional("delta")?, aggregation)
}

/// The estimator of this word, built from these parameters; those that are not given have their defaults.
///
/// # Errors
/// An unknown word (the nearest is suggested, all are listed), a parameter that this estimator does not have, one of the
/// wrong type or out of its range.
pub fn estimator_by_name(name: &str, parameters: &Parameters) -> Result<Box<dyn AdvantageEstimator>, AdvantageError> {
    build(ESTIMATORS, ESTIMATOR, name, parameters, Aggregation::default())
}

/// The objective of this word with this aggregation, built from these parameters; those that are not given have their
/// defaults.
///
/// Of `clip`, `clip_cov` and `decoupled_clip` `epsilon` is 0.2, and `epsilon_high` is `epsilon` unless given, as in TRL; the
/// clip-higher of DAPO, which [`Clip::default`] has, is `epsilon_high` = 0.28. `gspo`, `cispo` and `gmpo` keep the
/// `epsilon_high` of their papers whatever `epsilon` is.
///
/// # Errors
/// As [`estimator_by_name`]; an aggregation of length 0.
pub fn objective_by_name(
    name: &str,
    parameters: &Parameters,
    aggregation: Aggregation,
) -> Result<Box<dyn Objective>, AdvantageError> {
    build(OBJECTIVES, OBJECTIVE, name, parameters, aggregation)
}

/// The words of all estimators, in the order of the documentation.
pub fn estimator_names() -> Vec<&'static str> {
    ESTIMATORS.iter().map(|entry| entry.name).collect()
}

/// The words of all objectives, in the order of the documentation.
pub fn objective_names() -> Vec<&'static str> {
    OBJECTIVES.iter().map(|entry| entry.name).collect()
}

/// The names of the parameters of an estimator.
///
/// # Errors
/// An unknown word.
pub fn estimator_parameters(name: &str) -> Result<&'static [&'static str], AdvantageError> {
    Ok(find(ESTIMATORS, ESTIMATOR, name)?.parameters)
}

/// The names of the parameters of an objective.
///
/// # Errors
/// An unknown word.
pub fn objective_parameters(name: &str) -> Result<&'static [&'static str], AdvantageError> {
    Ok(find(OBJECTIVES, OBJECTIVE, name)?.parameters)
}

const ESTIMATOR: &str = "advantage estimator";
const OBJECTIVE: &str = "objective";

fn build<T: ?Sized>(
    table: &'static [Entry<T>],
    kind: &'static str,
    name: &str,
    parameters: &Parameters,
    aggregation: Aggregation,
) -> Result<Box<T>, AdvantageError> {
    let entry = find(table, kind, name)?;
    match parameters.names().find(|given| !entry.parameters.contains(given)) {
        None => (entry.build)(parameters, aggregation),
        Some(unknown) => Err(AdvantageError::UnknownParameter {
            of: entry.name,
            parameter: unknown.to_owned(),
            nearest: nearest(unknown, entry.parameters),
            known: entry.parameters.to_vec(),
        }),
    }
}

fn find<T: ?Sized>(table: &'static [Entry<T>], kind: &'static str, name: &str) -> Result<&'static Entry<T>, AdvantageError> {
    table.iter().find(|entry| entry.name == name).ok_or_else(|| {
        let known: Vec<&'static str> = table.iter().map(|entry| entry.name).collect();
        let nearest = nearest(name, &known);
        AdvantageError::UnknownName { kind, name: name.chars().take(80).collect(), nearest, known }
    })
}

/// The name with the least edit distance, where that is at most a third of the longer of the two; the first of several.
fn nearest(word: &str, names: &[&'static str]) -> Option<&'static str> {
    // a hostile word must not make this slow
    let length = word.chars().take(65).count();
    let close = |name: &&'static str| {
        let distance = strsim::osa_distance(word, name);
        (distance <= length.max(name.len()).div_ceil(3)).then_some((distance, *name))
    };
    if length > 64 { None } else { names.iter().filter_map(close).min_by_key(|(distance, _)| *distance).map(|(_, name)| name) }
}
