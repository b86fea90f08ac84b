//! Some completions of an evaluation, to read: every evaluation of a run answers the same problems with the same draws, so the
//! completions of two of them stand side by side.

use curt_runtime::Tokenizer;
use serde_json::{Value, json};

use crate::verify::VerifiedGroup;

/// Problems, at most.
const MAX_PROBLEMS: usize = 12;
/// Characters of a completion or a prompt that are kept, at most.
const MAX_CHARACTERS: usize = 6000;

/// The first completion of the first problem of each difficulty, evenly spaced where there are many; of the first problems
/// where difficulties are not known. Nothing is picked by what the model wrote.
pub fn evaluation_examples(verified: &[VerifiedGroup], tokenizer: &Tokenizer) -> Value {
    let mut seen = Vec::new();
    let fresh = |group: &&VerifiedGroup| {
        let difficulty = group.group.selected.problem.difficulty;
        let is_fresh = difficulty.is_none() || !seen.contains(&difficulty);
        seen.push(difficulty);
        is_fresh && !group.verdicts.is_empty()
    };
    let groups: Vec<&VerifiedGroup> = verified.iter().filter(fresh).collect();
    let has_difficulties = groups.iter().all(|group| group.group.selected.problem.difficulty.is_some());
    let chosen: Vec<&VerifiedGroup> = match groups.len() {
        count if count > MAX_PROBLEMS && has_difficulties => {
            (0..MAX_PROBLEMS).map(|i| groups[i * (count - 1) / (MAX_PROBLEMS - 1)]).collect()
        }
        _ => groups.into_iter().take(MAX_PROBLEMS).collect(),
    };
    chosen.into_iter().map(|group| example(group, tokenizer)).collect()
}

fn example(group: &VerifiedGroup, tokenizer: &Tokenizer) -> Value {
    let (selected, verdict) = (&group.group.selected, &group.verdicts[0]);
    json!({
        "problem": selected.problem.id,
        "difficulty": selected.problem.difficulty,
        // what cannot be decoded could not have been encoded
        "prompt": excerpt(&tokenizer.decode(&selected.prompt_ids, false).unwrap_or_default()),
        "answer": selected.problem.answer,
        "text": excerpt(&group.texts[0]),
        "length": group.group.completions[0].ids.len(),
        "correct": verdict.is_correct(),
        "finished": verdict.finished,
    })
}

/// The text, or its beginning and its end.
fn excerpt(text: &str) -> String {
    let characters = text.chars().count();
    if characters <= MAX_CHARACTERS {
        return text.to_owned();
    }
    let (head, tail) = (MAX_CHARACTERS * 3 / 4, MAX_CHARACTERS / 4);
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(characters - tail).collect();
    format!("{start}\n\u{22ef} {} characters left out \u{22ef}\n{end}", characters - head - tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_keep_their_ends() {
        assert_eq!(excerpt("short"), "short");
        let text = format!("<{}>", "é".repeat(20_000));
        let cut = excerpt(&text);
        assert!(cut.starts_with('<') && cut.ends_with('>') && cut.contains("14002 characters left out"), "{cut}");
    }
}
