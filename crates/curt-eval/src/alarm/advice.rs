//! From an alarm to the likely cause, the key to change and what to change it to.

use super::Alarm;
use crate::detector::{Column, Means};

/// What is known of the settings of a run; whatever is `None` is not known, and advice is then in general words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunFacts {
    /// `reward.strategy`.
    pub strategy: Option<String>,
    /// Whether masked rollouts stay out of the statistics of their group: `reward.masking = "exclude"`.
    pub masking_excludes: Option<bool>,
    /// `train.learning_rate`.
    pub learning_rate: Option<f64>,
    /// `algo.updates_per_batch`.
    pub updates_per_batch: Option<u32>,
    /// `reward.target_length`.
    pub target_length: Option<u32>,
    /// `verify.kind`, if it judges all problems.
    pub verifier: Option<String>,
    /// `rollout.max_completion_length`.
    pub max_completion_length: Option<u32>,
    /// `data.links` of a run on chains.
    pub links: Option<[u32; 2]>,
    /// Whether the problems grow harder on purpose, so that accuracy may fall: a curriculum.
    pub curriculum: bool,
    /// Whether the objective's clip is so narrow that much is clipped in a sound run: GSPO's ranges are 3e-4 and 4e-4 of the
    /// ratio of whole rollouts.
    pub narrow_clip: bool,
}

/// What to say beside an alarm.
#[derive(Clone, Debug, PartialEq)]
pub struct Advice {
    /// What is likely behind it.
    pub cause: String,
    /// The key of the run file to change.
    pub key: &'static str,
    /// What to change it to.
    pub change: String,
}

/// Below this share of right and short rollouts, what goes wrong is blamed on the problems.
const SPARSE: f64 = 0.05;

/// The advice for `alarm` in a run with these facts, whose last steps had these means.
pub fn advice(alarm: Alarm, facts: &RunFacts, means: &Means) -> Advice {
    match alarm {
        Alarm::Nan => lower_rate(facts, "an update was too large for the weights to take"),
        Alarm::Ungradable => ungradable(facts),
        Alarm::Trap => trap(facts),
        Alarm::Collapse | Alarm::EntropyRise => unstable(facts, means),
        Alarm::EntropyFall => Advice {
            cause: "the policy has become nearly certain of every token, and explores no more".into(),
            key: "algo.entropy_bonus",
            change: "0.001, or stop here: there may be nothing left to learn".into(),
        },
        Alarm::LengthRebound => rebound(facts),
        Alarm::RewardDensity => sparse(facts, means),
        Alarm::Signal => no_signal(facts, means),
        Alarm::Truncation => truncation(facts),
        Alarm::PhantomGroups => Advice {
            cause: "groups without a right answer are trained on: what they teach is how to be wrong".into(),
            key: "rollout.group_filter",
            change: "\"any_correct_and_spread\"".into(),
        },
        Alarm::OffPolicy => off_policy(facts),
    }
}

fn lower_rate(facts: &RunFacts, cause: &str) -> Advice {
    let change = match facts.learning_rate {
        Some(rate) => format!("{:e}, half of what it is", rate / 2.0),
        None => "half of what it is".into(),
    };
    Advice { cause: cause.into(), key: "train.learning_rate", change }
}

fn ungradable(facts: &RunFacts) -> Advice {
    let (cause, key, change) = match facts.verifier.as_deref() {
        Some("command") => (
            "the verifier's program fails, is too slow, or cannot read right answers",
            "verify.command",
            "one that answers as docs/verify.md says",
        ),
        Some("code") => {
            ("the sandbox fails, or right answers are no tests", "verify.kind", "what docs/verify.md has for these problems")
        }
        Some(_) => (
            "right answers cannot be read by this verifier",
            "verify.kind",
            "one of docs/verify.md that can; `curt data` names such problems",
        ),
        None => (
            "the verifier fails, or cannot read the right answers",
            "verify.kind",
            "one that works here, or verify.command (docs/verify.md)",
        ),
    };
    Advice { cause: cause.into(), key, change: change.into() }
}

fn trap(facts: &RunFacts) -> Advice {
    let strategy = facts.strategy.as_deref().unwrap_or("the reward strategy");
    match facts.masking_excludes {
        Some(false) => Advice {
            cause: format!("{strategy} gives short wrong answers as much as short right ones: short becomes correct"),
            key: "reward.strategy",
            change: "\"truncation\"".into(),
        },
        _ => Advice {
            cause: format!("{strategy} leaves wrong answers out of the statistics: short becomes correct, right or wrong"),
            key: "reward.masking",
            change: "\"zero_after\", or reward.strategy to \"truncation\"".into(),
        },
    }
}

/// For a policy that loses what it knew.
fn unstable(facts: &RunFacts, means: &Means) -> Advice {
    if means.get(Column::ToldApart).is_some_and(|share| share < Alarm::Trap.default_threshold()) {
        return trap(facts);
    }
    if facts.updates_per_batch.is_some_and(|updates| updates > 1) {
        return off_policy(facts);
    }
    if means.get(Column::InBudget).is_some_and(|density| density < SPARSE) {
        return easier(facts, "with so little reward the few right answers that are short teach shortness alone");
    }
    lower_rate(facts, "the updates are too large for the policy to keep what it knows")
}

fn off_policy(facts: &RunFacts) -> Advice {
    match facts.updates_per_batch {
        Some(1) => lower_rate(facts, "single updates move the policy far"),
        updates => {
            let now = updates.map_or(String::new(), |updates| format!(", now {updates}"));
            Advice {
                cause: "several updates on the same rollouts take the policy far from the one that sampled them".into(),
                key: "algo.updates_per_batch",
                change: format!("1{now}; or train.learning_rate to less"),
            }
        }
    }
}

fn easier(facts: &RunFacts, cause: &str) -> Advice {
    let (cause, key) = (cause.to_owned(), if facts.links.is_some() { "data.links" } else { "data.path" });
    let change = match facts.links {
        Some([fewest, most]) => {
            let easy = (most / 2).max(1);
            format!("[{}, {easy}], now [{fewest}, {most}]", fewest.min(easy.div_ceil(2)))
        }
        None => "problems with a pass rate above 0.5, as `curt filter --measure` finds them".into(),
    };
    Advice { cause, key, change }
}

fn sparse(facts: &RunFacts, means: &Means) -> Advice {
    let density = means.get(Column::InBudget).unwrap_or(0.0);
    match (means.get(Column::Accuracy), means.get(Column::CorrectLength)) {
        // right answers are there, and too long
        (Some(accuracy), Some(length)) if accuracy > 4.0 * density && accuracy > SPARSE => {
            let now = facts.target_length.map_or(String::new(), |target| format!(", now {target}"));
            Advice {
                cause: "right answers are there, but nearly all are longer than the target".into(),
                key: "reward.target_length",
                change: format!("about {length:.0}, the median length of right answers{now}"),
            }
        }
        _ => easier(facts, "the problems are too hard for this model: hardly a rollout is right"),
    }
}

fn no_signal(facts: &RunFacts, means: &Means) -> Advice {
    let share = |column| means.get(column).unwrap_or(0.0);
    let (right, wrong) = (share(Column::AllCorrect), share(Column::AllWrong));
    if means.get(Column::InBudget).is_some_and(|density| density < SPARSE) && right < 0.5 {
        return sparse(facts, means);
    }
    if wrong >= 0.5 {
        return easier(facts, "in most groups no rollout is right");
    }
    if right >= 0.5 {
        return Advice {
            cause: "in most groups every rollout is right and earns the same: the problems have become too easy".into(),
            key: if facts.links.is_some() { "data.links" } else { "data.path" },
            change: "harder problems; or a shorter reward.target_length; or stop here".into(),
        };
    }
    let strategy = facts.strategy.as_deref().unwrap_or("the reward strategy");
    Advice {
        cause: format!("{strategy} gives the rollouts of a group that it does not mask the same reward, right or wrong"),
        key: "reward.strategy",
        change: "\"truncation\"".into(),
    }
}

fn rebound(facts: &RunFacts) -> Advice {
    if facts.updates_per_batch.is_some_and(|updates| updates > 1) {
        return off_policy(facts);
    }
    match facts.strategy.as_deref() {
        Some("correctness" | "minus_lc_li") => Advice {
            cause: "nothing in the reward holds the length".into(),
            key: "reward.strategy",
            change: "\"truncation\"".into(),
        },
        _ => lower_rate(facts, "the policy has left the lengths that were rewarded"),
    }
}

fn truncation(facts: &RunFacts) -> Advice {
    let limit = facts.max_completion_length;
    let change = limit.map_or_else(|| "twice what it is".to_owned(), |limit| format!("{}, now {limit}", limit.saturating_mul(2)));
    Advice {
        cause: "answers do not end within the limit, so that nothing is seen of most of them".into(),
        key: "rollout.max_completion_length",
        change,
    }
}
