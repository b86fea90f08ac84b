//! The verifier of numeric answers: the last `\boxed{…}`, else the last number, compared exactly.

mod boxed;
mod number;
#[cfg(test)]
mod tests;

use crate::{Verdict, Verification, Verifier};

/// How much of the end of a response is looked at.
pub const MAX_RESPONSE_BYTES: usize = 1 << 16;

/// The longest answer that is read, in a box or as the right answer.
pub const MAX_ANSWER_BYTES: usize = 1 << 10;

/// Correct if the response's answer equals the right answer.
///
/// The answer of a response is the content of its last `\boxed{…}` (or of `\boxed 5`), else the last number in its text.
/// Numbers are compared exactly, as fractions of whole numbers: `0.50`, `.5`, `1/2`, `\frac{1}{2}` and `\dfrac12` are equal,
/// so are `1,000`, `1000`, `\$1000.00` and `1{,}000`; a percent sign, degrees and a unit in `\text{…}` or in letters are
/// dropped. No rounding: `0.33` is not `1/3`. A right answer that is no number is compared with the content of the box as text
/// without spacing. From a right answer in a box, or after `####`, that part is taken.
///
/// Wrong: no answer, or an unfinished response, even one that has a box (it did not end within its budget).
/// Ungradable: an empty or too long right answer.
///
/// Only the last [`MAX_RESPONSE_BYTES`] are read, numbers of more than 100 digits are none, and time is linear.
#[derive(Clone, Copy, Debug, Default)]
pub struct Numeric;

impl Verifier for Numeric {
    fn name(&self) -> &'static str {
        "numeric"
    }

    fn verify(&self, answer: &str, response: &str, finished: bool) -> Verification {
        let response = end_of(response, MAX_RESPONSE_BYTES);
        let boxed = boxed::last_boxed(response);
        let extracted = match &boxed {
            Some(content) => content.map(str::to_string),
            None => number::last(response).map(str::to_string),
        };
        let answer = bare_answer(answer);
        if answer.is_empty() || answer.len() > MAX_ANSWER_BYTES {
            return Verification { verdict: Verdict::Ungradable, extracted, reason: None };
        }
        let equal = match (&extracted, number::parse(&clean(&answer))) {
            (None, _) => false,
            (Some(found), Some(right)) => number::parse(&clean(found)).is_some_and(|found| found == right),
            // words are an answer only where the response says so
            (Some(found), None) => boxed.is_some() && spaceless(found) == spaceless(&answer),
        };
        let verdict = if equal && finished { Verdict::Correct } else { Verdict::Wrong };
        Verification { verdict, extracted, reason: None }
    }
}

/// The answer in a reference: the content of its last box, what follows its last `####`, or all of it.
fn bare_answer(answer: &str) -> String {
    let answer = match boxed::last_boxed(answer) {
        Some(content) => content.unwrap_or(""),
        None => answer.rsplit_once("####").map_or(answer, |(_, last)| last),
    };
    answer.trim().to_string()
}

/// The last `count` bytes of `text`, or a few less where a character would be cut.
fn end_of(text: &str, count: usize) -> &str {
    let mut start = text.len().saturating_sub(count);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..]
}

/// The text without LaTeX's spacing and sizing, dollar signs and a full stop at the end; spaces stay.
fn clean(text: &str) -> String {
    let mut text = text.replace("\\$", "").replace('$', "").replace("{,}", ",");
    for (from, to) in [
        ("\\!", ""),
        ("\\,", ""),
        ("\\;", " "),
        ("\\:", " "),
        ("\\ ", " "),
        ("~", " "),
        ("\\left", ""),
        ("\\right", ""),
        ("\\dfrac", "\\frac"),
        ("\\tfrac", "\\frac"),
    ] {
        text = text.replace(from, to);
    }
    let text = text.trim().trim_end_matches('.').trim_end();
    // x = 5 names a variable; 2x = 5 or a = b = 5 does not
    match text.split_once('=') {
        Some((name, value)) if name.trim().len() == 1 && name.trim().as_bytes()[0].is_ascii_alphabetic() => value.trim().into(),
        _ => unwrapped(text).into(),
    }
}

/// The inside of a text that is `\text{…}` or the like as a whole.
fn unwrapped(text: &str) -> &str {
    ["\\text{", "\\textbf{", "\\mathrm{", "\\mbox{"]
        .iter()
        .find_map(|command| text.strip_prefix(command)?.strip_suffix('}'))
        .filter(|inside| !inside.contains(['{', '}']))
        .unwrap_or(text)
}

fn spaceless(text: &str) -> String {
    clean(text).chars().filter(|c| !c.is_whitespace()).collect()
}
