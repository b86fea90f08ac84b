//! `curt generate`: complete a prompt.

use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use curt_runtime::{ChatTemplate, Completion, DrawKey, GenerateRequest, Purpose, Sampling, Settings, StopReason, Tokenizer};
use serde_json::{Map, json};

use crate::arguments::{GenerateArguments, SamplingArguments};
use crate::exit::CommandError;
use crate::interrupt::Interrupt;
use crate::progress::generation_bar;
use crate::terminal::Terminal;
use crate::wiring::load_model;

/// Runs the command: completions go to standard output, remarks to standard error.
pub fn run(arguments: &GenerateArguments, terminal: &Terminal, interrupt: &Interrupt) -> Result<ExitCode> {
    let prompt = prompt(arguments)?;
    let mut model =
        load_model(&arguments.model, arguments.device.name(), arguments.device.threads.unwrap_or(0), Settings::default())?;
    let ids = match arguments.chat {
        true => model.tokenizer.encode(&chat_prompt(&arguments.model, model.folder.path(), &prompt)?, false)?,
        false => model.tokenizer.encode(&prompt, true)?,
    };
    check_room(arguments, ids.len(), model.facts.context)?;
    let request = request(arguments, ids);
    let bar = generation_bar(terminal, arguments.n);
    let completions = model.policy.generate(std::slice::from_ref(&request), &sampling(&arguments.sampling), &mut |progress| {
        bar.set_position(progress.finished as u64);
        bar.set_message(format!("{} tokens", progress.tokens));
        !interrupt.came()
    });
    bar.finish_and_clear();
    for (sample, completion) in completions?.iter().flatten().enumerate() {
        print(arguments, terminal, &model.tokenizer, &request.prompt, sample, completion)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The sampling that the options describe.
pub fn sampling(arguments: &SamplingArguments) -> Sampling {
    let SamplingArguments { temperature, top_p, top_k, min_p, .. } = *arguments;
    Sampling { temperature, top_k, top_p, min_p }
}

fn prompt(arguments: &GenerateArguments) -> Result<String> {
    let Some(path) = &arguments.prompt_file else {
        return Ok(arguments.prompt.clone().unwrap_or_default());
    };
    let mut text = String::new();
    let read = match path.as_os_str() == "-" {
        true => std::io::stdin().read_to_string(&mut text).map(|_| text),
        false => std::fs::read_to_string(path),
    };
    Ok(read.map_err(|source| CommandError::PromptFile { path: path.clone(), source })?)
}

/// Whether a prompt of `found` tokens is one, and leaves room for a completion.
fn check_room(arguments: &GenerateArguments, found: usize, context: usize) -> Result<(), CommandError> {
    let from = || match &arguments.prompt_file {
        Some(path) if path.as_os_str() == "-" => "standard input".to_owned(),
        Some(path) => path.display().to_string(),
        None => "--prompt".to_owned(),
    };
    match found {
        0 => Err(CommandError::NoPrompt { from: from() }),
        _ if found >= context => Err(CommandError::PromptBeyondContext { from: from(), found, context }),
        _ => Ok(()),
    }
}

/// The prompt as the one message of a user, in the template of the model in `folder`, which was typed as `model`.
fn chat_prompt(model: &str, folder: &Path, prompt: &str) -> Result<String> {
    let template = ChatTemplate::find(folder)?.ok_or_else(|| CommandError::NoChatTemplate { model: model.to_owned() })?;
    Ok(template.render(&[json!({ "role": "user", "content": prompt })], true, &Map::new())?)
}

fn request(arguments: &GenerateArguments, prompt: Vec<u32>) -> GenerateRequest {
    let key = DrawKey::new(arguments.sampling.seed, Purpose::Eval);
    let samples = (0..arguments.n as u32).map(|sample| DrawKey { sample, ..key }).collect();
    GenerateRequest { prompt, samples, max_new_tokens: arguments.max_new_tokens }
}

fn print(
    arguments: &GenerateArguments,
    terminal: &Terminal,
    tokenizer: &Tokenizer,
    prompt: &[u32],
    sample: usize,
    completion: &Completion,
) -> Result<()> {
    let why = match completion.stop {
        StopReason::Eos => "ended by itself",
        StopReason::Budget => "cut at --max-new-tokens",
        StopReason::Context => "cut at the end of the model's context",
    };
    if sample == 0 && arguments.show_ids {
        terminal.say(&format!("prompt ids: {prompt:?}"));
    }
    if arguments.n > 1 {
        terminal.say(&terminal.dim(&format!("--- completion {} of {}", sample + 1, arguments.n)));
    }
    terminal.say(&terminal.harmless(&tokenizer.decode(&completion.ids, true)?));
    if arguments.show_ids {
        terminal.say(&format!("completion ids: {:?}", completion.ids));
    }
    let _ = writeln!(std::io::stderr(), "{} tokens, {why}", completion.ids.len());
    Ok(())
}
