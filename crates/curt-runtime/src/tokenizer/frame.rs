//! The tokens that frame a text, which the library takes as they are and fails on later.

use serde_json::Value;
use tokenizers::PostProcessorWrapper;

/// One more than the largest id that `processor` puts around a text, or why it cannot frame one.
pub(super) fn frame_end(processor: Option<&PostProcessorWrapper>) -> Result<usize, String> {
    // what the library understood: it takes some processors whatever type the file gives them
    let processor = serde_json::to_value(processor).map_err(|error| format!("post_processor: {error}"))?;
    end_of(&processor)
}

fn end_of(processor: &Value) -> Result<usize, String> {
    let end = |ids: &mut dyn Iterator<Item = u64>| ids.map(|id| id as usize + 1).max().unwrap_or(0);
    match processor["type"].as_str() {
        Some("Sequence") => {
            let mut processors = processor["processors"].as_array().into_iter().flatten();
            processors.try_fold(0, |end, processor| Ok(end.max(end_of(processor)?)))
        }
        Some("BertProcessing" | "RobertaProcessing") => {
            Ok(end(&mut ["sep", "cls"].into_iter().filter_map(|token| processor[token][1].as_u64())))
        }
        Some("TemplateProcessing") => {
            check_template(processor)?;
            let tokens = processor["special_tokens"].as_object().into_iter().flat_map(|tokens| tokens.values());
            let ids = tokens.flat_map(|token| token["ids"].as_array().into_iter().flatten());
            Ok(end(&mut ids.filter_map(Value::as_u64)))
        }
        _ => Ok(0),
    }
}

/// Refuses a template that names what is not there.
fn check_template(template: &Value) -> Result<(), String> {
    let pieces = |form: &str| template[form].as_array().cloned().unwrap_or_default();
    for piece in [pieces("single"), pieces("pair")].concat() {
        if let Some(id) = piece["SpecialToken"]["id"].as_str().filter(|id| template["special_tokens"].get(*id).is_none()) {
            return Err(format!("post_processor: the token `{id}` is not among its special_tokens"));
        }
    }
    if pieces("single").iter().any(|piece| piece["Sequence"]["id"] == "B") {
        return Err("post_processor: `single` has a place for a second text".into());
    }
    Ok(())
}
