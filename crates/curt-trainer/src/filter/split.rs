//! Measured problems → files and card.

use std::collections::BTreeMap;
use std::path::Path;

use super::card::{Card, Dropped, DroppedList, LevelRate, Measurement, PartFacts, RateSource, WithoutVerdict, histogram};
use super::error::FilterError;
use super::files::RowFile;
use super::measure::{FilterPlan, Measured};
use super::part::{Part, paper_rule};
use super::problems::Encoded;
use super::row::{RowFacts, problem_row};
use crate::reasons::Reasons;

/// Writes each measured problem with its pass rate to the files of its parts in `folder`, and those without a rate to
/// `unrated.jsonl`; returns what to say of it. `files` names where the problems came from; how many rows of theirs are repeated or
/// bad is for the caller to add.
///
/// # Errors
/// A file that cannot be written; a band that keeps nothing (the paper's two halves may be empty). The folder then has its old
/// files still.
pub fn split_measured(
    folder: &Path,
    files: Vec<String>,
    problems: &Encoded,
    measured: &[Measured],
    plan: &FilterPlan,
) -> Result<Card, FilterError> {
    let stops = plan.stops()?;
    let mut output = Output::create(folder, &plan.parts)?;
    for problem in &problems.unfit {
        output.drop(Dropped::Prompt, || problem.id.clone(), &[&problem_row(problem, None)])?;
    }
    let (mut rates, mut levels) = (Vec::new(), BTreeMap::<u32, (usize, f64)>::new());
    for (selected, counts) in problems.measurable.iter().zip(measured) {
        let (problem, id) = (&selected.problem, || selected.problem.id.clone());
        let Some(pass_rate) = counts.rate() else {
            let why = if counts.ungradable { Dropped::Ungradable } else { Dropped::NoVerdict };
            output.drop(why, id, &[&problem_row(problem, None)])?;
            continue;
        };
        rates.push(pass_rate);
        if let Some(difficulty) = problem.difficulty {
            // only where one rule stopped the attempts is it known how the rate leans
            let one_rule = plan.early_stop && plan.parts == paper_rule() && counts.without_verdict.count() == 0;
            let unbiased = if one_rule { stops[0].unbiased_rate(counts.right, counts.wrong) } else { None };
            let level = levels.entry(difficulty).or_default();
            *level = (level.0 + 1, level.1 + unbiased.unwrap_or(pass_rate));
        }
        let facts = RowFacts { pass_rate, n_trials: Some(counts.attempts()), pass_len_mean: Some(counts.right_length()) };
        output.rated(&plan.parts_of(&stops, counts), id, &[&problem_row(problem, Some(&facts))])?;
    }
    let card = Card {
        version: env!("CARGO_PKG_VERSION"),
        files,
        problems: problems.measurable.len() + problems.unfit.len(),
        rated: rates.len(),
        rates: RateSource::Measured(measurement(measured, plan)),
        parts: Vec::new(),
        dropped: Vec::new(),
        repeated: 0,
        bad: 0,
        histogram: histogram(&rates, Some(plan.attempts)),
        levels: levels
            .into_iter()
            .map(|(difficulty, (problems, sum))| LevelRate { difficulty, problems, mean: sum / problems as f64 })
            .collect(),
    };
    output.finish(&rates, card)
}

fn measurement(measured: &[Measured], plan: &FilterPlan) -> Measurement {
    let sum = |of: fn(&Measured) -> u64| measured.iter().map(of).sum::<u64>();
    let planned = |counts: &&Measured| !counts.ungradable;
    let saved = measured.iter().filter(planned).map(|counts| u64::from(plan.attempts - counts.made())).sum();
    let mut failed = Reasons::default();
    measured.iter().for_each(|counts| failed.extend(&counts.without_verdict));
    let reason = failed.most_frequent().map(str::to_owned);
    Measurement {
        conditions: plan.conditions.clone(),
        attempts: plan.attempts,
        early_stop: plan.early_stop,
        rollouts: sum(|counts| u64::from(counts.attempts())),
        rollouts_saved: saved,
        tokens: sum(|counts| counts.tokens),
        truncated: sum(|counts| u64::from(counts.truncated)),
        without_verdict: reason.map(|reason| WithoutVerdict { rollouts: failed.count(), reason }),
    }
}

/// The files of a filter while they are written.
pub(super) struct Output {
    parts: Vec<(Part, RowFile)>,
    unrated: RowFile,
    dropped: DroppedList,
    // after the files, which are taken out of it before
    _folder: super::files::Folder,
}

/// Where its files can be cut back to.
pub(super) struct OutputMark(Vec<super::files::Mark>, DroppedList);

impl Output {
    pub fn create(folder: &Path, parts: &[Part]) -> Result<Self, FilterError> {
        super::part::check_parts(parts, None)?;
        let made = super::files::Folder::create(folder)?;
        let part = |part: &Part| Ok((part.clone(), RowFile::create(folder, &part.name)?));
        let parts = parts.iter().map(part).collect::<Result<_, FilterError>>()?;
        Ok(Self { parts, unrated: RowFile::create(folder, "unrated")?, dropped: DroppedList::default(), _folder: made })
    }

    /// A problem that goes into these parts.
    pub fn rated(&mut self, parts: &[usize], id: impl FnOnce() -> String, row: &[&[u8]]) -> Result<(), FilterError> {
        if parts.is_empty() {
            self.dropped.add(Dropped::OutsideBands, id);
        }
        parts.iter().try_for_each(|part| self.parts[*part].1.row(row))
    }

    /// A problem without a rate.
    pub fn drop(&mut self, why: Dropped, id: impl FnOnce() -> String, row: &[&[u8]]) -> Result<(), FilterError> {
        self.dropped.add(why, id);
        self.unrated.row(row)
    }

    pub fn mark(&mut self) -> Result<OutputMark, FilterError> {
        let files = self.parts.iter_mut().map(|(_, file)| file).chain([&mut self.unrated]);
        Ok(OutputMark(files.map(RowFile::mark).collect::<Result<_, _>>()?, self.dropped.clone()))
    }

    /// Takes everything after the mark back.
    pub fn cut(&mut self, mark: &OutputMark) -> Result<(), FilterError> {
        self.dropped = mark.1.clone();
        let files = self.parts.iter_mut().map(|(_, file)| file).chain([&mut self.unrated]);
        files.zip(&mark.0).try_for_each(|(file, mark)| file.cut(*mark))
    }

    /// Puts all files where they belong, and completes the card.
    pub fn finish(self, rates: &[f64], card: Card) -> Result<Card, FilterError> {
        let facts = |(part, file): &(Part, RowFile)| PartFacts {
            part: part.clone(),
            file: format!("{}.jsonl", part.name).into(),
            problems: file.rows(),
        };
        let parts: Vec<PartFacts> = self.parts.iter().map(facts).collect();
        let typed: Vec<Part> = self.parts.iter().map(|(part, _)| part.clone()).collect();
        let empty = parts.iter().find(|part| part.problems == 0 && typed != paper_rule());
        if let Some(PartFacts { part, .. }) = empty {
            let ends = |pick: fn(f64, f64) -> f64, from: f64| rates.iter().copied().fold(from, pick);
            let (name, band, rated) = (part.name.clone(), part.band.to_string(), rates.len());
            return Err(FilterError::KeepsNothing { name, band, rated, low: ends(f64::min, 1.0), high: ends(f64::max, 0.0) });
        }
        self.parts.into_iter().try_for_each(|(_, file)| file.finish(false))?;
        self.unrated.finish(true)?;
        Ok(Card { parts, dropped: self.dropped.into_list(), ..card })
    }
}
