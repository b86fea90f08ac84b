//! What an inspection finds.

use std::path::PathBuf;

use curt_task::{AnswerPart, Compression, FieldFacts, Format, LengthSummary, NAMED, ReadReport};
use curt_verify::Verdict;
use curt_verify::math::{Math, Options, equivalent};
use serde::Serialize;

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

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self { count: 0, first: Vec::new() }
    }
}

impl<T> Named<T> {
    pub(super) fn add(&mut self, item: impl FnOnce() -> T) {
        self.count += 1;
        if self.first.len() < NAMED {
            self.first.push(item());
        }
    }
}

impl Pairs {
    pub(super) fn add(&mut self, at: &Spot, (equals, letter_by_letter, same_answer): (Spot, bool, bool)) {
        self.letter_by_letter += usize::from(letter_by_letter);
        self.other_answer += usize::from(!same_answer);
        self.found.add(|| Pair { at: at.clone(), equals, letter_by_letter, same_answer });
    }
}

impl Golds {
    /// Judges an answer by itself, where equal texts do not count as equal.
    pub(super) fn judge(&mut self, answer: &str, part: AnswerPart, at: &Spot) {
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
