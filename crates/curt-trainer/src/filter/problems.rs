//! The problems that are measured, as the model reads them, and the model's name.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use curt_runtime::random::uniform_from;
use curt_runtime::{ChatTemplate, DrawKey, Purpose, Tokenizer};
use curt_task::{Place, Problem, chain};
use sha2::{Digest, Sha256};

use super::error::{FilterError, on};
use crate::error::TrainError;
use crate::prompt::PromptEncoder;
use crate::select::Selected;
use crate::verifiers::Verifiers;

/// Problems with the token ids of their prompts.
#[derive(Clone, Debug, Default)]
pub struct Encoded {
    /// Those that can be measured.
    pub measurable: Vec<Selected>,
    /// Those whose prompt is empty or too long.
    pub unfit: Vec<Arc<Problem>>,
    /// Of each measurable one, a digest of token ids and right answer.
    digests: Vec<String>,
    places: BTreeMap<String, usize>,
}

impl Encoded {
    /// The digest of the problem of this id; none if it is not among the measurable.
    pub(super) fn digest(&self, id: &str) -> Option<&str> {
        self.places.get(id).map(|place| self.digest_at(*place))
    }

    /// Whether the verifier of the problem of this id may have a verdict where it had none before.
    pub(super) fn may_fail(&self, id: &str, verifiers: &Verifiers) -> bool {
        let problem = self.places.get(id).map(|place| &self.measurable[*place].problem);
        problem.is_some_and(|problem| verifiers.of(&problem.source).may_fail(&problem.answer))
    }

    pub(super) fn digest_at(&self, place: usize) -> &str {
        &self.digests[place]
    }
}

/// Problems as the model reads them: with `suffix`, in `template`; prompts that leave fewer than `cap` tokens of the `context` are
/// not fit. `places` says where each problem stands, and is empty for problems of no file.
///
/// # Errors
/// No problem that is fit, for a cap of `cap`; a conversation without a chat template; a template that fails.
pub fn encode(
    problems: Vec<Problem>,
    places: &[Place],
    tokenizer: &Tokenizer,
    template: Option<ChatTemplate>,
    suffix: &str,
    context: usize,
    cap: u32,
) -> Result<Encoded, FilterError> {
    let room = context.saturating_sub(cap as usize);
    let encoder = PromptEncoder::new(tokenizer.clone(), template, suffix.to_owned(), room);
    let (mut encoded, all) = (Encoded::default(), problems.len());
    for (place, problem) in problems.into_iter().map(Arc::new).enumerate() {
        let prompt_ids = match encoder.encode(&problem) {
            Ok(ids) => ids,
            Err(TrainError::EmptyPrompt { .. } | TrainError::PromptTooLong { .. }) => {
                encoded.unfit.push(problem);
                continue;
            }
            Err(error) => return Err(error.at(places.get(place)).into()),
        };
        encoded.places.insert(problem.id.clone(), encoded.measurable.len());
        encoded.digests.push(digest(&prompt_ids, &problem.answer));
        encoded.measurable.push(Selected { key: problem.key().0, place, round: 0, occurrence: 0, prompt_ids, problem });
    }
    match encoded.measurable.is_empty() {
        true => Err(FilterError::NothingToMeasure { problems: all, cap }),
        false => Ok(encoded),
    }
}

/// `problems` different chains, as many of each number of links from `fewest` to `most`: the same for the same seed.
///
/// # Errors
/// A number of links that there is not; problems that cannot be spread evenly; more chains than there are.
pub fn chains(fewest: u32, most: u32, problems: usize, seed: u64) -> Result<Vec<Problem>, FilterError> {
    let links: Vec<u32> = (fewest..=most).collect();
    let per = problems.checked_div(links.len()).unwrap_or(0);
    if per * links.len() != problems || per == 0 {
        let (fewer, more) = (per.max(1) * links.len(), (per + 1) * links.len());
        return Err(FilterError::UnevenChains { problems, links: links.len(), fewer, more });
    }
    // a step that no measurement draws with
    let mut generator = DrawKey { step: u32::MAX, ..DrawKey::new(seed, Purpose::Filter) }.generator();
    Ok(chain::evaluation_set(&mut || uniform_from(&mut generator), &links, per)?)
}

/// `word`, or the last part of a path, with a digest of the model's files: what a pass rate belongs to.
///
/// # Errors
/// A file that cannot be read.
pub fn model_name(word: &str, folder: &Path) -> Result<String, FilterError> {
    let listed = fs::read_dir(folder).and_then(|files| files.map(|file| Ok(file?.path())).collect::<io::Result<Vec<PathBuf>>>());
    let mut files = listed.map_err(on(folder))?;
    let matters = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.ends_with(".safetensors") || matches!(name, "config.json" | "generation_config.json" | "tokenizer.json")
    };
    files.retain(matters);
    files.sort();
    let mut sha = Sha256::new();
    for file in &files {
        let mut bytes = File::open(file).map_err(on(file))?;
        let mut own = Sha256::new();
        io::copy(&mut bytes, &mut Hashed(&mut own)).map_err(on(file))?;
        sha.update(file.file_name().unwrap_or_default().as_encoded_bytes());
        sha.update(own.finalize());
    }
    let name =
        if word.starts_with("embedded:") { word } else { Path::new(word).file_name().and_then(|n| n.to_str()).unwrap_or(word) };
    Ok(format!("{name}@{}", hex(&sha.finalize()[..8])))
}

/// A digest as something to write into.
struct Hashed<'a>(&'a mut Sha256);

impl io::Write for Hashed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn digest(ids: &[u32], answer: &str) -> String {
    let mut sha = Sha256::new();
    sha.update((ids.len() as u64).to_le_bytes());
    ids.iter().for_each(|id| sha.update(id.to_le_bytes()));
    sha.update(answer);
    hex(&sha.finalize()[..8])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
