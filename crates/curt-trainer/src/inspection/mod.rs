//! What files of problems hold: fields, lengths, equal problems, right answers that cannot be graded, overlap with problems to
//! evaluate on.

mod findings;
mod prompts;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use curt_task::{AnswerPart, Lengths, Problem, ReadOptions, Reader, Source, TextIndex};

pub use findings::{FileFacts, Gold, Golds, Inspection, Named, Overlap, Pair, Pairs, RenderedPrompt, Spot, TokenFacts, TooLong};

use crate::error::TrainError;
use prompts::{Prompts, characters};

/// What is inspected, and how.
#[derive(Clone, Copy, Debug)]
pub struct InspectionPlan<'a> {
    /// Files, or patterns of names.
    pub files: &'a [PathBuf],
    /// Files to evaluate on, in the field names that are known, whatever those of the inspected files are.
    pub against: &'a [PathBuf],
    /// How files are read.
    pub read: &'a ReadOptions,
    /// Whether each right answer is judged by itself, as mathematics.
    pub judges_golds: bool,
    /// How many prompts are shown.
    pub prompts: usize,
    /// What prompts end with.
    pub prompt_suffix: &'a str,
    /// What counts tokens.
    pub model: Option<TokenCounter<'a>>,
}

/// A model whose tokenizer and chat template are used; its weights are not read.
#[derive(Clone, Copy, Debug)]
pub struct TokenCounter<'a> {
    /// Its name in what is found.
    pub name: &'a str,
    /// Its folder.
    pub folder: &'a Path,
    /// Whether its chat template, if it has one, is part of the prompts.
    pub chat_template: bool,
    /// Prompts of more tokens are counted and named.
    pub limit: u32,
}

/// Reads all files, problem by problem: of each only hashes and lengths are kept.
///
/// # Errors
/// Those of the readers, of the model, and of a prompt that cannot be rendered.
pub fn inspect(plan: &InspectionPlan<'_>) -> Result<Inspection, TrainError> {
    let mut search = Search::new(plan)?;
    for pattern in plan.files {
        for file in Source::new(pattern).files()? {
            search.read(&file)?;
        }
    }
    Ok(search.end())
}

/// A file to evaluate on.
struct Evaluation {
    file: PathBuf,
    problems: usize,
    texts: TextIndex<usize>,
    contained: BTreeSet<usize>,
    pairs: Pairs,
}

/// The inspection as far as it is.
struct Search<'a> {
    plan: &'a InspectionPlan<'a>,
    inspection: Inspection,
    prompts: Prompts,
    evaluations: Vec<Evaluation>,
    texts: TextIndex<(usize, usize)>,
    ids: BTreeMap<String, u64>,
    characters: Lengths,
    tokens: Lengths,
    too_long: Named<TooLong>,
}

impl<'a> Search<'a> {
    fn new(plan: &'a InspectionPlan<'a>) -> Result<Self, TrainError> {
        let prompts = Prompts::new(plan)?;
        let mut evaluations = Vec::new();
        for pattern in plan.against {
            for file in Source::new(pattern).files()? {
                evaluations.push(evaluation(plan, file)?);
            }
        }
        let golds = plan.judges_golds.then(Golds::default);
        Ok(Search {
            plan,
            inspection: Inspection { golds, ..Inspection::default() },
            prompts,
            evaluations,
            texts: TextIndex::new(),
            ids: BTreeMap::new(),
            characters: Lengths::default(),
            tokens: Lengths::default(),
            too_long: Named::default(),
        })
    }

    fn read(&mut self, file: &Path) -> Result<(), TrainError> {
        let mut reader = Reader::open(file, self.plan.read)?.counting_fields();
        while let Some(problem) = reader.next() {
            let spot = Spot { file: file.to_owned(), number: reader.number() };
            let part = reader.form().map_or(AnswerPart::Whole, |form| form.part);
            self.add(&problem?, &spot, part)?;
        }
        let table = reader.field_table().cloned().unwrap_or_default();
        self.inspection.files.push(FileFacts {
            file: file.to_owned(),
            format: reader.format(),
            compression: reader.compression(),
            form: reader.form().map(ToString::to_string).unwrap_or_default(),
            fields: table.fields().into_iter().cloned().collect(),
            unlisted_values: table.unlisted(),
            report: reader.report().clone(),
        });
        Ok(())
    }

    fn add(&mut self, problem: &Problem, spot: &Spot, part: AnswerPart) -> Result<(), TrainError> {
        self.inspection.problems += 1;
        self.characters.add(characters(problem));
        let shown = self.inspection.prompts.len() < self.plan.prompts;
        if self.prompts.has_model() || shown {
            let (text, ids) = self.prompts.render(problem)?;
            if let Some(ids) = &ids {
                self.tokens.add(ids.len());
                if self.plan.model.is_some_and(|model| ids.len() > model.limit as usize) {
                    self.too_long.add(|| TooLong { at: spot.clone(), tokens: ids.len() });
                }
            }
            if shown {
                let text = self.prompts.text(text, ids.as_deref())?;
                self.inspection.prompts.push(RenderedPrompt { at: spot.clone(), id: problem.id.clone(), text, ids });
            }
        }
        self.compare(problem, spot);
        if let Some(golds) = &mut self.inspection.golds {
            golds.judge(&problem.answer, part, spot);
        }
        Ok(())
    }

    /// Looks for the problem among those before it and those to evaluate on.
    fn compare(&mut self, problem: &Problem, spot: &Spot) {
        let file = self.inspection.files.len();
        if let Some(found) = self.texts.insert(problem, (file, spot.number)) {
            let (first_file, number) = *found.at;
            let earlier = self.inspection.files.get(first_file).map_or(&spot.file, |facts| &facts.file).clone();
            let pair = (Spot { file: earlier, number }, found.same_text, found.same_answer);
            self.inspection.duplicates.add(spot, pair);
        }
        match self.ids.get(&problem.id) {
            // a file in itself has no two, or the reader would have said so
            Some(key) if *key != problem.key().0 => self.inspection.ids_of_other_files.add(|| problem.id.clone()),
            Some(_) => {}
            None => {
                self.ids.insert(problem.id.clone(), problem.key().0);
            }
        }
        for evaluation in &mut self.evaluations {
            if let Some(found) = evaluation.texts.find(problem) {
                let number = *found.at;
                evaluation.contained.insert(number);
                evaluation.pairs.add(spot, (Spot { file: evaluation.file.clone(), number }, found.same_text, found.same_answer));
            }
        }
    }

    fn end(self) -> Inspection {
        let overlap = self.evaluations.into_iter().map(|evaluation| Overlap {
            file: evaluation.file,
            problems: evaluation.problems,
            contained: evaluation.contained.len(),
            pairs: evaluation.pairs,
        });
        let tokens = self.tokens.summary().zip(self.plan.model).map(|(lengths, model)| TokenFacts {
            model: model.name.to_owned(),
            chat_template: self.prompts.has_template(),
            lengths,
            limit: model.limit,
            too_long: self.too_long,
        });
        Inspection { characters: self.characters.summary(), tokens, overlap: overlap.collect(), ..self.inspection }
    }
}

/// The texts of a file to evaluate on, in the field names that are known: it need not have those of the inspected files.
fn evaluation(plan: &InspectionPlan<'_>, file: PathBuf) -> Result<Evaluation, TrainError> {
    let options = ReadOptions { skip_bad: plan.read.skip_bad, ..ReadOptions::default() };
    let (mut texts, mut problems) = (TextIndex::new(), 0);
    let mut reader = Reader::open(&file, &options)?;
    while let Some(problem) = reader.next() {
        texts.insert(&problem?, reader.number());
        problems += 1;
    }
    Ok(Evaluation { file, problems, texts, contained: BTreeSet::new(), pairs: Pairs::default() })
}
