//! `exact`: the same text.

use crate::math::{ExtractOptions, extract};
use crate::{Verdict, Verification, Verifier};

/// Correct if the response's answer is the right answer, letter for letter but for spacing.
///
/// The answer is what follows the last "answer is" or `####`, to the end of its sentence or to a "because" or "since", if that stands
/// behind the last box; else the content of the last box, where boxes side by side are joined by ` , `; else the whole response,
/// behind `</think>` if it thinks aloud. Nothing is calculated: `0.5` is not `1/2`.
///
/// Wrong: another text, an empty response, one that did not end. Ungradable: an empty right answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Exact;

impl Verifier for Exact {
    fn name(&self) -> &'static str {
        "exact"
    }

    fn verify(&self, answer: &str, response: &str, finished: bool) -> Verification {
        let found = extract(response, &ExtractOptions { strict: false, last_number: false });
        let whole = response.rsplit("</think>").next().unwrap_or(response);
        let extracted = found.map_or_else(|| whole.trim().to_owned(), |found| found.text.into_owned());
        let is_same = extracted.split_whitespace().eq(answer.split_whitespace());
        let (verdict, reason) = match () {
            () if answer.trim().is_empty() => (Verdict::Ungradable, Some("there is no right answer")),
            () if !finished => (Verdict::Wrong, Some("the response did not end")),
            () if extracted.is_empty() => (Verdict::Wrong, Some("there is no answer")),
            () if is_same => (Verdict::Correct, None),
            () => (Verdict::Wrong, Some("another text")),
        };
        let extracted = Some(extracted).filter(|text| !text.is_empty());
        Verification { verdict, extracted, reason: reason.map(str::to_owned) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_text_is_correct() {
        let verdict = |answer: &str, response: &str| Exact.verify(answer, response, true).verdict;
        assert_eq!(verdict("blue whale", r"It is \boxed{blue  whale}."), Verdict::Correct);
        assert_eq!(verdict("blue whale", "<think>red?</think>\nblue whale\n"), Verdict::Correct);
        assert_eq!(verdict("B", "The answer is B"), Verdict::Correct);
        assert_eq!(verdict("no", "The answer is no, since 3 is odd."), Verdict::Correct);
        assert_eq!(verdict("3", "The answer is no, since 3 is odd."), Verdict::Wrong);
        assert_eq!(verdict("4", "The answer is at most 4"), Verdict::Wrong);
        assert_eq!(verdict("5 , 6", r"\boxed{5} or \boxed{6}"), Verdict::Correct);
        assert_eq!(verdict("1/2", r"\boxed{0.5}"), Verdict::Wrong);
        assert_eq!(verdict("B", "The answer is b"), Verdict::Wrong);
        assert_eq!(verdict("B", ""), Verdict::Wrong);
        assert_eq!(verdict(" ", ""), Verdict::Ungradable);
        assert_eq!(Exact.verify("B", r"\boxed{B}", false).verdict, Verdict::Wrong);
    }
}
