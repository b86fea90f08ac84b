//! Finds the answer in a completion.
//!
//! The rules do not know the right answer, and what is listed together stays together: of `1, 2 or 3` all three are the
//! answer. Strict: only the last `\boxed{…}`. Lenient: what follows the last "answer is" or `####` up to a "because" or "since", if
//! it stands behind the last box (of more words than an answer has, the values that they begin or end with); the box; a text that is
//! nothing but an answer; the last mathematics or number.
//!
//! Work is bounded: at most the last [`MAX_TAIL`] bytes are looked at, in linear time.

mod boxes;
mod items;
mod phrases;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

/// How much of the end of a text is looked at, in bytes.
pub const MAX_TAIL: usize = 64 * 1024;

/// The mark behind which the answer stands when there is one.
const END_OF_THINKING: &str = "</think>";

/// How an answer is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtractOptions {
    /// Only the last box counts.
    pub strict: bool,
    /// Whether the last number counts, or the last mathematics, where nothing else is found: in the sentence behind the last
    /// "answer is", or in the text. Only if not strict.
    pub last_number: bool,
}

impl Default for ExtractOptions {
    fn default() -> Self {
        ExtractOptions { strict: false, last_number: true }
    }
}

/// Where an answer was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// In the last box, or in boxes that stand side by side.
    Boxed,
    /// Behind "answer is" and the like, or `####`.
    Announced,
    /// The whole text is the answer.
    Whole,
    /// In the last mathematics, or it is the last number.
    Last,
}

/// An answer found in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extracted<'a> {
    /// The answer, as it stands in the text. Boxes side by side are joined by commas.
    pub text: Cow<'a, str>,
    /// Where it was found.
    pub found: Found,
}

/// The answer in `text`; none if it has none, if its last box is empty or never closed.
///
/// ```
/// use curt_verify::math::{ExtractOptions, extract};
///
/// let options = ExtractOptions::default();
/// let text = |completion| extract(completion, &options).map(|found| found.text.into_owned());
/// assert_eq!(text(r"Thus $x = \boxed{\frac{1}{2}}$."), Some(r"\frac{1}{2}".to_string()));
/// assert_eq!(text("The answer is 3 apples."), Some("3 apples".to_string()));
/// assert_eq!(text(""), None);
/// ```
pub fn extract<'a>(text: &'a str, options: &ExtractOptions) -> Option<Extracted<'a>> {
    let text = tail(text);
    let text = text.rfind(END_OF_THINKING).map_or(text, |at| &text[at + END_OF_THINKING.len()..]);
    let text = text.trim();
    if options.strict {
        return boxes::last(text)?.answer();
    }
    if let Some(announced) = phrases::last(text, options.last_number)
        && boxes::last_start(text).is_none_or(|start| start < announced.start)
    {
        return Some(Extracted { text: Cow::Borrowed(announced.text), found: Found::Announced });
    }
    if let Some(last) = boxes::last(text) {
        return last.answer();
    }
    if items::is_answer(text) {
        return Some(Extracted { text: Cow::Borrowed(text), found: Found::Whole });
    }
    let last = items::last_run(text).filter(|_| options.last_number)?;
    Some(Extracted { text: Cow::Borrowed(last), found: Found::Last })
}

/// The last [`MAX_TAIL`] bytes of `text`, from a whole character on.
fn tail(text: &str) -> &str {
    let mut start = text.len().saturating_sub(MAX_TAIL);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..]
}
