//! One step in the numbers that the detector looks at.

use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A metric that the detector reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Mean length of all rollouts in tokens.
    Length,
    /// Share of right rollouts.
    Accuracy,
    /// Share of rollouts that are right and short (L ≤ L_T): the density of positive signal.
    InBudget,
    /// Median length of the right rollouts.
    CorrectLength,
    /// Share of rollouts that the limit cut off.
    Clipped,
    /// Mean entropy of the policy over sampled tokens, in nats.
    Entropy,
    /// Share of groups that were trained on.
    Kept,
    /// Share of groups without a wrong rollout.
    AllCorrect,
    /// Share of groups without a right rollout.
    AllWrong,
    /// Share of groups that were trained on although no rollout of theirs is right.
    PhantomKept,
    /// Groups with a short right and a short wrong rollout.
    Comparable,
    /// Share of these that the advantages tell apart.
    ToldApart,
    /// Share of tokens whose ratio was clipped.
    ClipRegion,
    /// Mean loss.
    Loss,
    /// Mean norm of the gradient.
    GradNorm,
    /// Mean reward.
    Reward,
    /// Rollouts of which the verifier could say nothing.
    Ungradable,
    /// Tokens of all rollouts.
    Tokens,
}

/// How many columns there are.
const COLUMNS: usize = 18;

/// What names of metrics of an evaluation begin with.
const EVALUATION: &str = "eval/";

impl Column {
    /// Every column.
    pub const ALL: [Column; COLUMNS] = [
        Column::Length,
        Column::Accuracy,
        Column::InBudget,
        Column::CorrectLength,
        Column::Clipped,
        Column::Entropy,
        Column::Kept,
        Column::AllCorrect,
        Column::AllWrong,
        Column::PhantomKept,
        Column::Comparable,
        Column::ToldApart,
        Column::ClipRegion,
        Column::Loss,
        Column::GradNorm,
        Column::Reward,
        Column::Ungradable,
        Column::Tokens,
    ];

    /// Its name in `metrics.jsonl`.
    pub fn name(self) -> &'static str {
        match self {
            Column::Length => "completions/mean_length",
            Column::Accuracy => "eff/accuracy",
            Column::InBudget => "eff/accuracy_in_budget",
            Column::CorrectLength => "eff/len_correct_p50",
            Column::Clipped => "completions/clipped_ratio",
            Column::Entropy => "entropy",
            Column::Kept => "eff/frac_groups_kept",
            Column::AllCorrect => "eff/frac_all_correct",
            Column::AllWrong => "eff/frac_all_wrong",
            Column::PhantomKept => "eff/phantom_groups_kept",
            Column::Comparable => "eff/trap/comparable_groups",
            Column::ToldApart => "eff/trap/told_apart",
            Column::ClipRegion => "clip_ratio/region_mean",
            Column::Loss => "loss",
            Column::GradNorm => "grad_norm",
            Column::Reward => "reward",
            Column::Ungradable => "eff/ungradable",
            Column::Tokens => "eff/completion_tokens",
        }
    }

    fn find(name: &str) -> Option<Column> {
        Self::ALL.into_iter().find(|column| column.name() == name)
    }
}

/// What a row says of one column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Reading {
    /// Nothing.
    #[default]
    Absent,
    /// A number that is none: NaN or infinite, `null` in `metrics.jsonl`.
    NotFinite,
    /// A number.
    Number(f64),
}

/// The row of one step. It reads itself from a line of `metrics.jsonl`, and passes over whatever the detector does not need.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observation {
    /// The step, from 1.
    pub step: u32,
    /// Whether it is the row of an evaluation, which is no step.
    pub is_evaluation: bool,
    values: [Reading; COLUMNS],
}

impl Observation {
    /// The row of `step` from metrics by name.
    pub fn new<'a>(step: u32, metrics: impl IntoIterator<Item = (&'a str, f64)>) -> Self {
        let mut row = Self { step, ..Self::default() };
        for (name, value) in metrics {
            row.is_evaluation |= name.starts_with(EVALUATION);
            if let Some(column) = Column::find(name) {
                row.put(column, Some(value));
            }
        }
        row
    }

    /// What the row says of `column`.
    pub fn reading(&self, column: Column) -> Reading {
        self.values[column as usize]
    }

    /// The finite number of `column`.
    pub fn get(&self, column: Column) -> Option<f64> {
        match self.reading(column) {
            Reading::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The columns whose number is none.
    pub fn not_finite(&self) -> impl Iterator<Item = Column> + '_ {
        Column::ALL.into_iter().filter(|column| self.reading(*column) == Reading::NotFinite)
    }

    /// How many rollouts the step has, by their tokens and their mean length; `None` of no tokens.
    pub(super) fn rollouts(&self) -> Option<f64> {
        let (tokens, length) = (self.get(Column::Tokens)?, self.get(Column::Length)?);
        (length > 0.0).then(|| tokens / length)
    }

    fn put(&mut self, column: Column, value: Option<f64>) {
        let finite = value.filter(|number| number.is_finite());
        self.values[column as usize] = finite.map_or(Reading::NotFinite, Reading::Number);
    }
}

impl<'de> Deserialize<'de> for Observation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RowVisitor)
    }
}

impl Serialize for Observation {
    /// The line of `metrics.jsonl` with the detector's columns alone.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("step", &self.step)?;
        for column in Column::ALL {
            match self.reading(column) {
                Reading::Absent => {}
                Reading::NotFinite => map.serialize_entry(column.name(), &None::<f64>)?,
                Reading::Number(number) => map.serialize_entry(column.name(), &number)?,
            }
        }
        map.end()
    }
}

/// The name of a metric, as far as it matters.
enum Name {
    Step,
    Known(Column),
    Evaluation,
    Other,
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor)
    }
}

struct NameVisitor;

impl Visitor<'_> for NameVisitor {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a metric")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Name, E> {
        Ok(match Column::find(name) {
            _ if name == "step" => Name::Step,
            Some(column) => Name::Known(column),
            None if name.starts_with(EVALUATION) => Name::Evaluation,
            None => Name::Other,
        })
    }
}

struct RowVisitor;

impl<'de> Visitor<'de> for RowVisitor {
    type Value = Observation;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row of metrics: a map of names to numbers, with a whole number `step`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Observation, A::Error> {
        let mut row = Observation::default();
        let mut step = None;
        while let Some(name) = map.next_key::<Name>()? {
            match name {
                Name::Step => step = Some(map.next_value::<u32>()?),
                Name::Known(column) => row.put(column, map.next_value::<Option<f64>>()?),
                Name::Evaluation | Name::Other => {
                    row.is_evaluation |= matches!(name, Name::Evaluation);
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        row.step = step.ok_or_else(|| serde::de::Error::missing_field("step"))?;
        Ok(row)
    }
}
