//! The problems of a run's files, each one that the model can be asked.

use std::path::PathBuf;
use std::sync::Arc;

use curt_task::{FieldNames, LengthFilter, Place, Problem, ReadOptions, Source, read_sources};

use crate::config::DataSection;
use crate::error::TrainError;
use crate::prompt::PromptEncoder;

/// The problems of files, and where they stand.
pub(crate) struct ProblemFiles {
    /// Each as often as the weight of its source says, in the order of the mix.
    pub problems: Vec<Arc<Problem>>,
    /// Every problem once, with its place.
    places: Vec<(Arc<Problem>, Place)>,
    /// The first source.
    file: PathBuf,
}

impl ProblemFiles {
    /// Reads `sources` with the field names of `data`.
    pub fn read(data: &DataSection, sources: &[Source]) -> Result<Self, TrainError> {
        let named = |key: &str| (key != "auto").then(|| key.to_owned());
        let fields = FieldNames { prompt: named(&data.prompt_key), answer: named(&data.answer_key), ..FieldNames::default() };
        let mix = read_sources(sources, &ReadOptions { fields, skip_bad: false })?;
        for file in &mix.files {
            let repeated = file.report.repeated.count + file.elsewhere;
            if repeated > 0 {
                tracing::warn!(
                    "{}: {repeated} records repeat a problem with its id and answer; it counts once",
                    file.file.display()
                );
            }
        }
        let places: Vec<_> = mix.problems.into_iter().map(Arc::new).zip(mix.places).collect();
        let problems = mix.order.into_iter().map(|place| places[place].0.clone()).collect();
        let file = sources.first().map(|source| source.pattern.clone()).unwrap_or_default();
        Ok(Self { problems, places, file })
    }

    /// Encodes the prompts of the first `most` problems, so that a bad one is found before the run and not in the middle of it;
    /// problems whose prompts are too long are left out if `leave_out` says so.
    pub fn check_prompts(&mut self, encoder: &PromptEncoder, leave_out: bool, most: usize) -> Result<(), TrainError> {
        if leave_out {
            self.leave_out_long(encoder)?;
        } else {
            let bad = self.problems.iter().take(most).find_map(|problem| encoder.encode(problem).err());
            if let Some(error) = bad {
                return Err(self.locate(error));
            }
        }
        self.problems.truncate(most);
        Ok(())
    }

    fn leave_out_long(&mut self, encoder: &PromptEncoder) -> Result<(), TrainError> {
        let (count, limit) = (self.problems.len(), encoder.max_prompt_length());
        let mut filter = LengthFilter::new(limit, |problem: &Problem| encoder.encode_any_length(problem).map(|ids| ids.len()));
        let mut kept = Vec::with_capacity(count);
        for problem in &self.problems {
            if filter.keeps(problem).map_err(|error| self.locate(error))? {
                kept.push(problem.clone());
            }
        }
        if kept.is_empty() {
            return Err(TrainError::AllPromptsTooLong { file: self.file.clone(), problems: count, limit });
        }
        if let Some((id, length)) = filter.first.first() {
            let dropped = filter.dropped;
            let first = self.place(id).map_or_else(|| id.clone(), |place| format!("{place} (`{id}`)"));
            tracing::warn!(
                "{}: {dropped} of {count} problems are left out, for their prompts have more tokens than \
                 rollout.max_prompt_length = {limit}, the first {first} with {length}",
                self.file.display()
            );
        }
        self.problems = kept;
        Ok(())
    }

    /// `error` with the place of the problem that it is about, if it is about one.
    pub fn locate(&self, error: TrainError) -> TrainError {
        let place = error.problem().and_then(|id| self.place(id));
        error.at(place)
    }

    fn place(&self, id: &str) -> Option<&Place> {
        self.places.iter().find(|(problem, _)| problem.id == id).map(|(_, place)| place)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use curt_runtime::Tokenizer;

    use super::*;
    use crate::run_file::RunFile;

    #[test]
    fn a_prompt_that_is_too_long_is_found_at_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("two.jsonl");
        fs::write(&file, "{\"problem\":\"4\",\"answer\":\"4\"}\n\n{\"problem\":\"4444\",\"answer\":\"4\"}\n").unwrap();
        let config = RunFile::load(None, &[]).unwrap();
        let tokenizer = Tokenizer::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/tiny-good")).unwrap();
        let encoder = PromptEncoder::new(tokenizer, None, String::new(), 3);
        let read = || ProblemFiles::read(&config.data, &[Source::new(&file)]).unwrap();

        let error = read().check_prompts(&encoder, false, usize::MAX).unwrap_err();
        let TrainError::InFile { place, source } = &error else { panic!("{error}") };
        assert_eq!(place.line, Some(3));
        assert!(matches!(**source, TrainError::PromptTooLong { found: 4, limit: 3, .. }), "{error}");
        assert!(error.to_string().starts_with(&format!("{}:3: problem `", file.display())), "{error}");

        // a problem that is not used, and one that is left out
        for (leave_out, most) in [(false, 1), (true, usize::MAX)] {
            let mut files = read();
            files.check_prompts(&encoder, leave_out, most).unwrap();
            assert_eq!(files.problems.len(), 1);
        }
    }
}
