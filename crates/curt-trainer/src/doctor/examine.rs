//! Model folder, tokenizer and problems, as training would find them.

use std::path::Path;

use curt_runtime::{
    Checkpoint, Completion, GenerateProgress, GenerateRequest, GenerationConfig, ModelConfig, Policy, PolicyCounters,
    PolicyError, Sampling, Sequence, TokenFacts, TokenGradients, Tokenizer, Update, UpdateNorms,
};
use curt_task::Problem;
use curt_verify::math::{Options, equivalent};
use curt_verify::{Verdict, Verification};
use serde::Serialize;

use super::Finding;
use crate::config::Config;
use crate::error::TrainError;
use crate::select::{ProblemSource, Selected, select};
use crate::trainer::Trainer;

/// Right answers that are checked at most.
const MOST_GOLDS: usize = 20_000;
/// Right answers that are named at most.
const NAMED: usize = 3;

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub struct Examination {
    /// Which limit ends a completion.
    pub limits: Limits,
    /// The tokens that end a completion.
    pub eos: Vec<EosToken>,
    /// A prompt of the first step, as the model reads it.
    pub prompt: RenderedPrompt,
    /// The longest prompt of the first step, in tokens.
    pub longest_prompt: usize,
    /// Right answers, each judged by itself; `None` where they are drawn, or another program judges.
    pub golds: Option<Golds>,
    /// Problems of the data set; `None` where they are drawn.
    pub problems: Option<usize>,
    /// What is likely a mistake.
    pub findings: Vec<Finding>,
}

/// Which limit ends a completion.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Limits {
    /// `rollout.max_completion_length`: L_R.
    pub budget: usize,
    /// The model's context.
    pub context: usize,
    /// `rollout.max_prompt_length`.
    pub max_prompt: usize,
    /// `reward.target_length`: L_T.
    pub target: usize,
}

/// A token that ends a completion.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EosToken {
    /// Its id.
    pub id: u32,
    /// How the tokenizer spells it.
    pub token: String,
    /// The files that name it.
    pub named_by: Vec<&'static str>,
}

/// A prompt as the model reads it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RenderedPrompt {
    /// The problem's id.
    pub problem: String,
    /// Its tokens.
    pub ids: Vec<u32>,
    /// Their text, special tokens included. It comes from a data set: show it with care.
    pub text: String,
    /// The token that begins a text, where the tokenizer has one.
    pub bos: Option<u32>,
    /// How often it is there, anywhere.
    pub bos_count: usize,
}

impl RenderedPrompt {
    /// How many of the first tokens begin a text. Later ones may be right: some templates begin each message with the same token.
    pub fn bos_first(&self) -> usize {
        self.ids.iter().take_while(|id| Some(**id) == self.bos).count()
    }
}

/// Right answers, each judged by itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Golds {
    /// How many were judged.
    pub checked: usize,
    /// How many are found equal to themselves.
    pub right: usize,
    /// The first that are not, with why.
    pub first: Vec<String>,
}

/// Examines the model in `folder` and the problems of `config`, without reading weights.
///
/// # Errors
/// Whatever training would refuse.
pub fn examine(config: &Config, folder: &Path) -> Result<Examination, TrainError> {
    let model = ModelConfig::load(folder)?;
    let tokenizer = Tokenizer::load(folder)?;
    tokenizer.check_vocab(model.vocab)?;
    check_tensors(folder, &model)?;
    let eos = eos(folder, &model, &tokenizer)?;
    let context = model.max_position_embeddings;
    let trainer = Trainer::new(config.clone(), Box::new(WithoutWeights { context }), tokenizer, folder)?;
    let first = select(
        &trainer.source,
        &trainer.encoder,
        config.seed,
        trainer.source.turn(0, config.rollout.prompts_per_step),
        config.rollout.prompts_per_step,
        [],
    )?;
    let prompt = rendered(&trainer, &first[0])?;
    let (golds, problems) = match &trainer.source {
        ProblemSource::Chain { .. } => (None, None),
        ProblemSource::Dataset(dataset) => (golds(&trainer, dataset.problems()), Some(dataset.problems().len())),
    };
    let limits = Limits {
        budget: config.rollout.max_completion_length,
        context,
        max_prompt: config.rollout.max_prompt_length,
        target: config.reward.target_length,
    };
    let longest_prompt = first.iter().map(|selected| selected.prompt_ids.len()).max().unwrap_or(0);
    let mut examination = Examination { limits, eos, prompt, longest_prompt, golds, problems, findings: Vec::new() };
    examination.findings = findings(config, &examination);
    Ok(examination)
}

/// Whether the folder has every weight in its shape and a number type that is read; headers alone are read.
fn check_tensors(folder: &Path, model: &ModelConfig) -> Result<(), TrainError> {
    let checkpoint = Checkpoint::open(folder)?;
    for (name, shape) in model.tensors() {
        checkpoint.check(&name, &shape)?;
    }
    Ok(())
}

fn eos(folder: &Path, model: &ModelConfig, tokenizer: &Tokenizer) -> Result<Vec<EosToken>, TrainError> {
    let generation = GenerationConfig::load(folder, model.vocab)?;
    let ids = curt_runtime::eos_token_ids(model, generation.as_ref(), Some(tokenizer));
    let named_by = |id: u32| {
        let in_generation = generation.as_ref().is_some_and(|generation| generation.eos_token_ids.contains(&id));
        let files = [
            ("config.json", model.eos_token_ids.contains(&id)),
            ("generation_config.json", in_generation),
            ("tokenizer_config.json", tokenizer.eos_token_id() == Some(id)),
        ];
        files.into_iter().filter(|(_, names)| *names).map(|(file, _)| file).collect()
    };
    let token = |id| EosToken { id, token: tokenizer.id_to_token(id).unwrap_or_default(), named_by: named_by(id) };
    Ok(ids.into_iter().map(token).collect())
}

fn rendered(trainer: &Trainer, selected: &Selected) -> Result<RenderedPrompt, TrainError> {
    let tokenizer = trainer.encoder.tokenizer();
    let ids = selected.prompt_ids.clone();
    let bos = tokenizer.special_token_id("bos_token");
    let bos_count = ids.iter().filter(|id| Some(**id) == bos).count();
    Ok(RenderedPrompt { problem: selected.problem.id.clone(), text: tokenizer.decode(&ids, false)?, ids, bos, bos_count })
}

/// `None` where no problem has a verifier whose answers can be judged by themselves.
fn golds(trainer: &Trainer, problems: &[std::sync::Arc<Problem>]) -> Option<Golds> {
    let mut golds = Golds::default();
    for problem in problems.iter().take(MOST_GOLDS) {
        let verifier = trainer.verifiers.of(&problem.source);
        let answer = &problem.answer;
        let found = match verifier.name() {
            "math" => {
                // that the same text is equal would be no finding
                let judged = equivalent(answer, answer, &Options { identity: false, ..Options::default() });
                Verification { verdict: judged.verdict, extracted: None, reason: Some(judged.reason.to_string()) }
            }
            "exact" => verifier.verify(answer, answer, true),
            _ => continue,
        };
        golds.checked += 1;
        golds.right += usize::from(found.verdict == Verdict::Correct);
        if found.verdict != Verdict::Correct && golds.first.len() < NAMED {
            let why = found.reason.unwrap_or_else(|| "not equal to itself".to_owned());
            let short: String = answer.chars().take(60).collect();
            golds.first.push(format!("problem `{}`: {short:?}: {why}", problem.id));
        }
    }
    (golds.checked > 0).then_some(golds)
}

fn findings(config: &Config, examination: &Examination) -> Vec<Finding> {
    let mut found = Vec::new();
    if examination.eos.is_empty() {
        let what = "no token ends a completion: every rollout runs into the limit and is wrong";
        found.push(Finding::data(what, "model.path", "a folder whose generation_config.json has eos_token_id"));
    }
    let RenderedPrompt { problem, .. } = &examination.prompt;
    let first = examination.prompt.bos_first();
    if first > 1 {
        let what = format!("the prompt of problem `{problem}` begins with {first} tokens that begin a text; the model saw one");
        found.push(Finding::data(what, "data.chat_template", "a template or prompts without it: the tokenizer adds its own"));
    }
    if let Some(golds) = &examination.golds {
        let bad = golds.checked - golds.right;
        if bad > 0 {
            let first = golds.first.join("; ");
            let what = format!("{bad} of {} right answers cannot be graded, so that nothing is right: {first}", golds.checked);
            found.push(Finding::data(what, "data.path", "problems that `curt data inspect` finds nothing wrong with"));
        }
    }
    let per_step = config.rollout.prompts_per_step;
    if examination.problems.is_some_and(|problems| problems < per_step) {
        let problems = examination.problems.unwrap_or(0);
        let what = format!("a step takes {per_step} prompts and the data set has {problems} problems: they repeat within a step");
        found.push(Finding::settings(what, "rollout.prompts_per_step", format!("at most {problems}")));
    }
    found
}

/// Stands for a model where none is needed.
struct WithoutWeights {
    context: usize,
}

/// What is said where weights are asked for after all.
fn nothing<T>() -> Result<T, PolicyError> {
    Err(PolicyError::Interrupted)
}

impl Policy for WithoutWeights {
    fn generate(
        &mut self,
        _: &[GenerateRequest],
        _: &Sampling,
        _: &mut dyn FnMut(GenerateProgress) -> bool,
    ) -> Result<Vec<Vec<Completion>>, PolicyError> {
        nothing()
    }

    fn score(&mut self, _: &[Sequence<'_>], _: f64) -> Result<Vec<TokenFacts>, PolicyError> {
        nothing()
    }

    fn backward(&mut self, _: &[Sequence<'_>], _: &[TokenGradients], _: f64) -> Result<Vec<TokenFacts>, PolicyError> {
        nothing()
    }

    fn apply(&mut self, _: &Update) -> Result<UpdateNorms, PolicyError> {
        nothing()
    }

    fn version(&self) -> u64 {
        0
    }

    fn counters(&self) -> PolicyCounters {
        PolicyCounters::default()
    }

    fn save_weights(&self, _: &Path) -> Result<(), PolicyError> {
        nothing()
    }

    fn save_optimizer(&self, _: &Path) -> Result<(), PolicyError> {
        nothing()
    }

    fn restore(&mut self, _: &Path) -> Result<(), PolicyError> {
        nothing()
    }

    fn context_length(&self) -> usize {
        self.context
    }
}
