//! Answers that are announced: "the answer is", "Final Answer:", `####`.

use super::items;

/// What is announced, and where it begins.
pub struct Announced<'a> {
    /// The answer.
    pub text: &'a str,
    /// The byte where the announcement begins.
    pub start: usize,
}

/// Most announcements that are looked at from the end, since one without a value is passed over.
const MAX_TRIES: usize = 16;

/// The last announcement in `text` that has a value behind it, which with `last_number` may be its last number.
pub fn last(text: &str, last_number: bool) -> Option<Announced<'_>> {
    let hashes = text.rfind("####").and_then(|start| {
        let line = text[start..].trim_start_matches('#').lines().find(|line| !line.trim().is_empty())?;
        value(line, last_number).map(|text| Announced { text, start })
    });
    let spoken = text.rmatch_indices("nswer").take(MAX_TRIES).find_map(|(at, word)| {
        let after = behind_phrase(text, at, at + word.len())?;
        value(sentence(after), last_number).map(|text| Announced { text, start: at })
    });
    match (hashes, spoken) {
        (Some(hashes), Some(spoken)) => Some(if hashes.start > spoken.start { hashes } else { spoken }),
        (found, None) | (None, found) => found,
    }
}

/// What follows an announcement whose "nswer" spans these bytes; none if it announces nothing.
fn behind_phrase(text: &str, start: usize, end: usize) -> Option<&str> {
    if !text[..start].ends_with(['A', 'a']) {
        return None;
    }
    let after = text[end..].trim_start_matches('s');
    let after = after.trim_start_matches(['*', '_', '}', ' ', '\t']);
    let said = ["is:", "are:", "is", "are", ":", "=", "would be", "will be"].iter().find_map(|verb| after.strip_prefix(verb));
    let said = said.filter(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()));
    // a heading on a line of its own
    let head = text[..start - 1].trim_end().as_bytes();
    let is_final = head.len() >= 5 && head[head.len() - 5..].eq_ignore_ascii_case(b"final");
    let is_heading = after.starts_with('\n') && is_final;
    let said = said.or(is_heading.then_some(after))?;
    Some(said.trim_start_matches([':', '*', '_', ' ', '\t', '\n', '\r']))
}

/// `text` up to the end of its first line or sentence, or to where it opens another turn.
fn sentence(text: &str) -> &str {
    let line = text.lines().next().unwrap_or("");
    // displayed mathematics may span lines
    let line = match text.strip_prefix("\\[").map(|_| "\\]").or(text.strip_prefix("$$").map(|_| "$$")) {
        Some(close) => text[2..].find(close).map_or(line, |at| &text[..at + 4]),
        None => line,
    };
    let line = line.split("<|").next().unwrap_or(line);
    let mut in_mathematics = false;
    let bytes = line.as_bytes();
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'$' if at == 0 || bytes[at - 1] != b'\\' => in_mathematics = !in_mathematics,
            b'.' | b'?' if !in_mathematics && bytes.get(at + 1).is_none_or(u8::is_ascii_whitespace) => return &line[..at],
            _ => {}
        }
    }
    line
}

/// The value in an announcement: all of it if that has no words or few; otherwise, with `last_number`, the values it begins with, or
/// its last values; otherwise its words, which with `last_number` are few. Where it says why, that is asked of what stands before the
/// reason; and of all of it where there is neither a value nor a word that is an answer by itself.
fn value(sentence: &str, last_number: bool) -> Option<&str> {
    let sentence = bare(sentence);
    if ["correct", "right", "wrong", "incorrect", "not"].iter().any(|word| sentence.starts_with(word)) {
        return None;
    }
    let answer = before_reason(sentence);
    if !last_number {
        return Some(answer).filter(|answer| !answer.is_empty());
    }
    let is_explained = answer.len() < sentence.len();
    match is_explained && items::last_run(answer).is_none() && !is_answer_word(answer) {
        true => values(sentence),
        false => values(answer),
    }
}

/// All of `sentence` if it has no words or few, otherwise the values it begins with, or its last values, or its few words.
fn values(sentence: &str) -> Option<&str> {
    const MAX_WORDS: usize = 6;
    if sentence.is_empty() {
        return None;
    }
    if items::is_answer(sentence) {
        return Some(sentence);
    }
    if let Some(run) = items::first_run(sentence).filter(|run| sentence.starts_with(*run)).or_else(|| items::last_run(sentence)) {
        return Some(run);
    }
    (sentence.split_whitespace().count() <= MAX_WORDS).then_some(sentence)
}

/// Whether a word alone answers a question: yes or no and the like, or the letter of a choice.
fn is_answer_word(word: &str) -> bool {
    let word = word.trim_matches(['(', ')', '$', '.']);
    let known = ["yes", "no", "true", "false", "odd", "even", "none", "infinite", "undefined", "impossible"];
    word.len() == 1 && word.starts_with(|c: char| c.is_ascii_alphabetic()) || known.iter().any(|k| k.eq_ignore_ascii_case(word))
}

/// `sentence` up to where it begins to say why, which does not belong to the answer; all of it if there is nothing before.
fn before_reason(sentence: &str) -> &str {
    let reason = [" because ", " since "].iter().filter_map(|word| sentence.find(word)).min();
    reason.map(|at| bare(&sentence[..at])).filter(|answer| !answer.is_empty()).unwrap_or(sentence)
}

/// Without space, marks of emphasis and closing punctuation around it.
fn bare(text: &str) -> &str {
    text.trim().trim_matches(['*', '_']).trim().trim_end_matches(['.', ',', ';']).trim()
}
