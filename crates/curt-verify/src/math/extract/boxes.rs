//! The last `\boxed{…}`, or the boxes that stand side by side at the end.

use crate::math::braces::closing_brace;
use std::borrow::Cow;

use super::{Extracted, Found};

/// Farthest that two boxes may stand apart to be read as one answer, in bytes.
const MAX_APART: usize = 48;

/// How many boxes before it a box is compared with, to be left out if it repeats one.
const MAX_COMPARED: usize = 64;

/// The boxes that make the answer.
pub struct Boxes<'a> {
    /// Their contents, in order; none if the last box is never closed.
    contents: Option<Vec<&'a str>>,
    /// Whether `percent` stands behind the last.
    percent: bool,
}

impl<'a> Boxes<'a> {
    /// What the boxes say; none if they say nothing.
    pub fn answer(self) -> Option<Extracted<'a>> {
        let mut contents = self.contents?;
        contents.retain(|content| !content.trim().is_empty());
        let text = match contents.as_slice() {
            [] => return None,
            [one] if !self.percent => Cow::Borrowed(*one),
            several => Cow::Owned(several.join(" , ") + if self.percent { " \\%" } else { "" }),
        };
        Some(Extracted { text, found: Found::Boxed })
    }
}

/// Where the last box of `text` begins.
pub fn last_start(text: &str) -> Option<usize> {
    text.rfind("\\boxed").max(text.rfind("\\fbox"))
}

/// The last boxes of `text`; none if it has none.
pub fn last(text: &str) -> Option<Boxes<'_>> {
    let last = last_start(text)?;
    let mut contents: Vec<&str> = Vec::new();
    // the byte behind the box before
    let mut before: Option<usize> = None;
    let mut at = first_near(text, last);
    loop {
        let Some((content, end)) = content(text, at) else {
            return Some(Boxes { contents: None, percent: false });
        };
        if before.is_some_and(|before| !joins(&text[before..at])) {
            contents.clear();
        }
        if !contents.iter().rev().take(MAX_COMPARED).any(|known| *known == content) {
            contents.push(content);
        }
        before = Some(end);
        match next_start(text, end) {
            Some(next) => at = next,
            None => {
                let percent = is_percent(&text[end..]) && !content.trim_end().ends_with(['%', '}']);
                return Some(Boxes { contents: Some(contents), percent });
            }
        }
    }
}

/// The first box from which on the boxes up to `last` could make one answer: at most a line before it.
fn first_near(text: &str, last: usize) -> usize {
    let line = text[..last].rfind('\n').map_or(0, |at| at + 1);
    next_start(text, line).unwrap_or(last)
}

fn next_start(text: &str, from: usize) -> Option<usize> {
    text[from..].match_indices("box").find_map(|(at, _)| {
        let (before, here) = text.split_at(from + at);
        let is_boxed = here.starts_with("boxed") && before.ends_with('\\');
        let start = before.len() - if is_boxed { 1 } else { 2.min(before.len()) };
        ((is_boxed || before.ends_with("\\f")) && start >= from).then_some(start)
    })
}

/// What the box at `at` holds, and the byte behind it; none if it is never closed. `\boxed 5` holds the next word.
fn content(text: &str, at: usize) -> Option<(&str, usize)> {
    let name = if text[at..].starts_with("\\boxed") { "\\boxed" } else { "\\fbox" };
    let after = text[at + name.len()..].trim_start();
    let start = text.len() - after.len();
    let Some(inner) = after.strip_prefix('{') else {
        let word = after.split([' ', '\n', '\t', '$']).next().unwrap_or("").trim_end_matches(['.', ',']);
        return Some((word, start + word.len()));
    };
    let end = closing_brace(inner)?;
    Some((&inner[..end], start + end + 2))
}

/// Whether boxes with `between` them are one answer: nothing but signs, `and`, `or`.
fn joins(between: &str) -> bool {
    if between.len() > MAX_APART || between.contains("\n\n") || between.trim().is_empty() {
        return false;
    }
    let between = without_name(between);
    let words = between.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    let mut says_more = words.filter(|word| !matches!(*word, "and" | "or" | "text" | "quad" | "qquad" | "mathrm" | "mbox"));
    says_more.next().is_none() && !between.bytes().any(|byte| byte.is_ascii_digit() || byte == b'=')
}

/// Without the name that the next box gives a value to, as in `and y_2 =`.
fn without_name(between: &str) -> &str {
    let Some(before) = between.trim_end().strip_suffix('=') else { return between };
    let bare = before.trim_end().trim_end_matches(|c: char| c.is_ascii_digit() || "_{}".contains(c));
    let name = bare.len() - bare.trim_end_matches(|c: char| c.is_ascii_alphabetic()).len();
    if (1..=2).contains(&name) && !bare.ends_with("or") { &bare[..bare.len() - name] } else { between }
}

/// Whether a sign of percent or the word comes next.
pub fn is_percent(after: &str) -> bool {
    let after = after.trim_start_matches(['$', ' ', '\\', '~', ')', ']']);
    ["%", "percent", "pct"].iter().any(|sign| after.starts_with(sign))
}
