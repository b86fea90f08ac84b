//! `tokenizers/`: conversations rendered and encoded as transformers does it, recorded in fixtures/reference/chat.json.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use curt_runtime::{ChatTemplate, Tokenizer};
use serde_json::{Map, Value};

use super::Ledger;
use crate::workspace;

const RECORDING: &str = "fixtures/reference/chat.json";
const TOKENIZERS: [&str; 3] = ["qwen3", "qwen2_5", "deepseek_r1_distill_qwen"];
const N_CONVERSATIONS: usize = 40;

/// The rendered text and the ids of each recorded conversation, for each tokenizer.
pub fn compare(folder: &Path, ledger: &mut Ledger) -> Result<()> {
    let text = std::fs::read_to_string(workspace::root().join(RECORDING)).context(RECORDING)?;
    let recorded: Vec<Value> = serde_json::from_str(&text).context(RECORDING)?;
    let mut by_tokenizer: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for conversation in &recorded {
        by_tokenizer.entry(conversation["tokenizer"].as_str().unwrap_or_default()).or_default().push(conversation);
    }
    for name in TOKENIZERS {
        let tokenizer_folder = folder.join("tokenizers").join(name);
        let template = ChatTemplate::load(&tokenizer_folder)?;
        let tokenizer = Tokenizer::load(&tokenizer_folder)?;
        ledger.open(&format!("tokenizers/{name}"), 2 * N_CONVERSATIONS);
        for (i, conversation) in by_tokenizer.remove(name).unwrap_or_default().into_iter().enumerate() {
            compare_one(&template, &tokenizer, i, conversation, ledger)?;
        }
    }
    Ok(())
}

fn compare_one(template: &ChatTemplate, tokenizer: &Tokenizer, i: usize, recorded: &Value, ledger: &mut Ledger) -> Result<()> {
    let messages = recorded["messages"].as_array().with_context(|| format!("{RECORDING}: conversation {i} has no messages"))?;
    let mut variables = Map::new();
    if !recorded["enable_thinking"].is_null() {
        variables.insert("enable_thinking".to_owned(), recorded["enable_thinking"].clone());
    }
    let prompted = recorded["add_generation_prompt"].as_bool().unwrap_or_default();
    let found = template.render(messages, prompted, &variables).map_err(|error| error.to_string());
    let want = recorded["text"].as_str();
    ledger.holds(&format!("conversation {i}: text"), found.as_deref().ok() == want, || {
        format!("found {found:?}, expected {want:?}")
    });
    // the recorded text is encoded, so that a template's mistake is not counted twice
    let ids = tokenizer.encode(want.unwrap_or_default(), false)?;
    let same = recorded["ids"]
        .as_array()
        .is_some_and(|want| want.iter().map(Value::as_u64).eq(ids.iter().map(|&id| Some(u64::from(id)))));
    ledger.holds(&format!("conversation {i}: ids"), same, || format!("found {ids:?}, expected {}", recorded["ids"]));
    Ok(())
}
