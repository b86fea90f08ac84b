//! What `curt data inspect` finds: files are read once, problem by problem, and of each only hashes and lengths are kept.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Result;
use curt_task::{
    AnswerPart, Compression, FieldFacts, Format, LengthSummary, Lengths, NAMED, Problem, ReadOptions, ReadReport, Reader, Source,
    TextIndex,
};
use curt_verify::Verdict;
use curt_verify::math::{Math, Options, equivalent};
use serde::Serialize;

use crate::data_arguments::InspectArguments;
use crate::data_prompts::Prompts;

/// Everything that was found.
#[derive(Debug, Default, Serialize)]
pub struct Inspection {
    /// Problems of all files.
    pub problems: usize,
    /// What was read, file by file.
    pub files: Vec<FileFacts>,
    /// Lengths of the prompts in characters, without the suffix.
    pub characters: Option<LengthSummary>,
    /// The same in tokens, as the model reads them.
    pub tokens: Option<TokenFacts>,
    /// Problems with the text of an earlier one.
    pub duplicates: Pairs,
    /// Problems with the id of another problem in an earlier file.
    pub ids_of_other_files: Named<String>,
    /// Right answers, each judged by itself.
    pub golds: Option<Golds>,
    /// Problems that stand in files to evaluate on.
    pub overlap: Vec<Overlap>,
    /// Some prompts as the model reads them.
    pub prompts: Vec<RenderedPrompt>,
}

/// A file.
#[derive(Debug, Serialize)]
pub struct FileFacts {
    /// Its name.
    pub file: PathBuf,
    /// Lines, a list or a table.
    pub format: Format,
    /// How it is compressed.
    pub compression: Compression,
    /// Where its records have prompt and answer.
    pub form: String,
    /// The fields of its records.
    pub fields: Vec<FieldFacts>,
    /// Values of fields beyond those.
    pub unlisted_values: usize,
    /// Records, problems, repeated and bad records.
    pub report: ReadReport,
}

/// Lengths in tokens.
#[derive(Debug, Serialize)]
pub struct TokenFacts {
    /// The model that counts.
    pub model: String,
    /// Whether its chat template is part of the prompt.
    pub chat_template: bool,
    /// How they are spread.
    pub lengths: LengthSummary,
    /// The longest that is allowed.
    pub limit: u32,
    /// What is longer.
    pub too_long: Named<TooLong>,
}

/// A prompt that is too long.
#[derive(Debug, Serialize)]
pub struct TooLong {
    /// Where it stands.
    pub at: Spot,
    /// Its tokens.
    pub tokens: usize,
}

/// A problem of a file: its line where the file has lines, else its place among the records.
#[derive(Clone, Debug, Serialize)]
pub struct Spot {
    /// The file.
    pub file: PathBuf,
    /// The line or record, from 1.
    pub number: usize,
}

/// How many of something there are, and the first of them.
#[derive(Debug, Serialize)]
pub struct Named<T> {
    /// How many.
    pub count: usize,
    /// The first [`NAMED`].
    pub first: Vec<T>,
}

/// Problems with the text of others.
#[derive(Debug, Default, Serialize)]
pub struct Pairs {
    /// How many, and the first of them.
    pub found: Named<Pair>,
    /// How many are equal as they stand.
    pub letter_by_letter: usize,
    /// How many have another answer than the problem they equal, letter by letter.
    pub other_answer: usize,
}

/// Two problems of one text.
#[derive(Debug, Serialize)]
pub struct Pair {
    /// The one.
    pub at: Spot,
    /// The other.
    pub equals: Spot,
    /// Whether they are equal as they stand.
    pub letter_by_letter: bool,
    /// Whether their answers are equal, letter by letter.
    pub same_answer: bool,
}

/// Right answers, judged by themselves.
#[derive(Debug, Default, Serialize)]
pub struct Golds {
    /// Which the verifier cannot read or evaluate.
    pub ungradable: Named<Gold>,
    /// Which it can, but does not find equal to themselves.
    pub not_themselves: Named<Gold>,
}

/// A right answer with which something is wrong.
#[derive(Debug, Serialize)]
pub struct Gold {
    /// Where it stands.
    pub at: Spot,
    /// The answer.
    pub answer: String,
    /// What the verifier says.
    pub reason: String,
}

/// What a file to evaluate on shares with the problems.
#[derive(Debug, Serialize)]
pub struct Overlap {
    /// The file.
    pub file: PathBuf,
    /// Its problems.
    pub problems: usize,
    /// How many of them stand among the inspected problems.
    pub contained: usize,
    /// The inspected problems that equal one of them.
    pub pairs: Pairs,
}

/// A prompt as a model reads it.
#[derive(Debug, Serialize)]
pub struct RenderedPrompt {
    /// Where the problem stands.
    pub at: Spot,
    /// Its id.
    pub id: String,
    /// The text, with suffix and chat template.
    pub text: String,
    /// Its token ids, with a model.
    pub ids: Option<Vec<u32>>,
}

/// Reads all files.
///
/// # Errors
/// Those of the readers, of the model, and of a prompt that cannot be rendered.
pub fn inspect(arguments: &InspectArguments) -> Result<Inspection> {
    let mut search = Search::new(arguments)?;
    for pattern in &arguments.files {
        for file in Source::new(pattern).files()? {
            search.read(arguments, &file)?;
        }
    }
    Ok(search.end(arguments))
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
struct Search {
    inspection: Inspection,
    prompts: Prompts,
    evaluations: Vec<Evaluation>,
    texts: TextIndex<(usize, usize)>,
    ids: BTreeMap<String, u64>,
    characters: Lengths,
    tokens: Lengths,
    too_long: Named<TooLong>,
}

impl Search {
    fn new(arguments: &InspectArguments) -> Result<Search> {
        let prompts = Prompts::new(arguments)?;
        let mut evaluations = Vec::new();
        for pattern in &arguments.against {
            for file in Source::new(pattern).files()? {
                evaluations.push(evaluation(arguments, file)?);
            }
        }
        let golds = (arguments.golds == "math").then(Golds::default);
        Ok(Search {
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

    fn read(&mut self, arguments: &InspectArguments, file: &Path) -> Result<()> {
        let mut reader = Reader::open(file, &arguments.reading.options())?.counting_fields();
        while let Some(problem) = reader.next() {
            let spot = Spot { file: file.to_owned(), number: reader.number() };
            let part = reader.form().map_or(AnswerPart::Whole, |form| form.part);
            self.add(arguments, &problem?, &spot, part)?;
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

    fn add(&mut self, arguments: &InspectArguments, problem: &Problem, spot: &Spot, part: AnswerPart) -> Result<()> {
        self.inspection.problems += 1;
        self.characters.add(self.prompts.characters(problem));
        let shown = self.inspection.prompts.len() < arguments.prompts;
        if self.prompts.has_model() || shown {
            let (text, ids) = self.prompts.render(problem)?;
            if let Some(ids) = &ids {
                self.tokens.add(ids.len());
                if ids.len() > arguments.max_prompt_length as usize {
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

    fn end(self, arguments: &InspectArguments) -> Inspection {
        let overlap = self.evaluations.into_iter().map(|evaluation| Overlap {
            file: evaluation.file,
            problems: evaluation.problems,
            contained: evaluation.contained.len(),
            pairs: evaluation.pairs,
        });
        let tokens = self.tokens.summary().zip(arguments.model.clone()).map(|(lengths, model)| TokenFacts {
            model,
            chat_template: self.prompts.has_template(),
            lengths,
            limit: arguments.max_prompt_length,
            too_long: self.too_long,
        });
        Inspection { characters: self.characters.summary(), tokens, overlap: overlap.collect(), ..self.inspection }
    }
}

/// The texts of a file to evaluate on, in the field names that are known: it need not have those of the inspected files.
fn evaluation(arguments: &InspectArguments, file: PathBuf) -> Result<Evaluation> {
    let options = ReadOptions { skip_bad: arguments.reading.skip_bad, ..ReadOptions::default() };
    let (mut texts, mut problems) = (TextIndex::new(), 0);
    let mut reader = Reader::open(&file, &options)?;
    while let Some(problem) = reader.next() {
        texts.insert(&problem?, reader.number());
        problems += 1;
    }
    Ok(Evaluation { file, problems, texts, contained: BTreeSet::new(), pairs: Pairs::default() })
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self { count: 0, first: Vec::new() }
    }
}

impl<T> Named<T> {
    fn add(&mut self, item: impl FnOnce() -> T) {
        self.count += 1;
        if self.first.len() < NAMED {
            self.first.push(item());
        }
    }
}

impl Pairs {
    fn add(&mut self, at: &Spot, (equals, letter_by_letter, same_answer): (Spot, bool, bool)) {
        self.letter_by_letter += usize::from(letter_by_letter);
        self.other_answer += usize::from(!same_answer);
        self.found.add(|| Pair { at: at.clone(), equals, letter_by_letter, same_answer });
    }
}

impl Golds {
    /// Judges an answer by itself, where equal texts do not count as equal.
    fn judge(&mut self, answer: &str, part: AnswerPart, at: &Spot) {
        let options = Options { identity: false, ..Options::default() };
        let judgement = match part {
            AnswerPart::Whole | AnswerPart::Gsm8k => equivalent(answer, answer, &options),
            // a whole solution, in which the answer has to be found
            AnswerPart::LastTurn => Math { options, ..Math::default() }.judge(answer, answer).0,
        };
        let list = match judgement.verdict {
            Verdict::Correct => return,
            Verdict::Ungradable => &mut self.ungradable,
            Verdict::Wrong => &mut self.not_themselves,
        };
        list.add(|| Gold { at: at.clone(), answer: answer.to_owned(), reason: judgement.reason.to_string() });
    }
}
