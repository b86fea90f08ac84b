//! Answers as text: read, then compared.

use crate::{Verdict, Verification, Verifier};

use super::equal::{Judgement, Options, Reason, judge};
use super::extract::{ExtractOptions, extract};
use super::read::{ReadOptions, read};

/// Whether `answer` says the same as `gold`; both are answers in LaTeX or plain notation, not whole solutions.
///
/// Nothing is given away: without a right answer, or with one that cannot be read, the verdict is
/// [`crate::Verdict::Ungradable`]; an empty or unreadable answer is [`crate::Verdict::Wrong`]. Equal texts are equal
/// unless `options.identity` is off. The work is bounded by `options.steps` and by the length and depth of what is read.
///
/// ```
/// use curt_verify::Verdict;
/// use curt_verify::math::{Options, equivalent};
///
/// let options = Options::default();
/// assert_eq!(equivalent(r"\frac{\sqrt{2}}{2}", "1/sqrt(2)", &options).verdict, Verdict::Correct);
/// assert_eq!(equivalent("(x+1)^2", "x^2 + 2x + 1", &options).verdict, Verdict::Correct);
/// assert_eq!(equivalent("1/3", "0.33", &options).verdict, Verdict::Wrong);
/// assert_eq!(equivalent("", "5", &options).verdict, Verdict::Ungradable);
/// ```
pub fn equivalent(gold: &str, answer: &str, options: &Options) -> Judgement {
    let (gold, answer) = (gold.trim(), answer.trim());
    if gold.is_empty() {
        return Reason::NoGold.judgement();
    }
    if answer.is_empty() {
        return Reason::NoAnswer.judgement();
    }
    if options.identity && gold == answer {
        return Reason::Equal.judgement();
    }
    let reading = ReadOptions::default();
    let Ok(gold) = read(gold, &reading) else { return Reason::GoldUnreadable.judgement() };
    let Ok(answer) = read(answer, &reading) else { return Reason::AnswerUnreadable.judgement() };
    judge(&gold, &answer, options)
}

/// Correct if the answer found in the response says the same as the right answer: [`extract`], then [`equivalent`].
///
/// The right answer may be a whole solution: then the answer found in it counts. Wrong: no answer, or an unfinished
/// response. Ungradable: a right answer that is empty or cannot be read or evaluated; see [`Math::judge`] for the reason.
#[derive(Clone, Copy, Debug, Default)]
pub struct Math {
    /// Where the answer in a response is looked for.
    pub extract: ExtractOptions,
    /// What counts as equal.
    pub options: Options,
}

impl Math {
    /// The judgement on a whole response and the answer found in it.
    pub fn judge(&self, answer: &str, response: &str) -> (Judgement, Option<String>) {
        let of_gold = ExtractOptions { strict: false, last_number: false };
        let gold = extract(answer, &of_gold).map_or(answer.into(), |found| found.text);
        match extract(response, &self.extract) {
            Some(found) => (equivalent(&gold, &found.text, &self.options), Some(found.text.into_owned())),
            None => (equivalent(&gold, "", &self.options), None),
        }
    }
}

impl Verifier for Math {
    fn name(&self) -> &'static str {
        "math"
    }

    fn verify(&self, answer: &str, response: &str, finished: bool) -> Verification {
        let (judgement, extracted) = self.judge(answer, response);
        let verdict = match judgement.verdict {
            Verdict::Correct if !finished => Verdict::Wrong,
            verdict => verdict,
        };
        Verification { verdict, extracted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(answer: &str, response: &str) -> Verdict {
        Math::default().verify(answer, response, true).verdict
    }

    #[test]
    fn a_response_is_judged_by_its_answer() {
        assert_eq!(verdict(r"\frac{1}{2}", r"So it is $\boxed{0.5}$."), Verdict::Correct);
        assert_eq!(verdict("#### 18", "18 eggs, then 2.\n#### 18"), Verdict::Correct);
        assert_eq!(verdict(r"Hence $x = \boxed{3}$.", "The answer is 3."), Verdict::Correct);
        assert_eq!(verdict("18", "She has 18, and sells 2. The answer is 16."), Verdict::Wrong);
    }

    #[test]
    fn nothing_is_given_away() {
        assert_eq!(verdict("18", ""), Verdict::Wrong);
        assert_eq!(verdict("18", r"\boxed{}"), Verdict::Wrong);
        assert_eq!(verdict("", "18"), Verdict::Ungradable);
        assert_eq!(verdict(r"\frac{1}{", r"\boxed{7}"), Verdict::Ungradable);
        assert_eq!(verdict("3", r"\boxed{1, 2, 3, 4, 5}"), Verdict::Wrong, "a list with the right answer in it");
        assert_eq!(Math::default().verify("18", r"\boxed{18}", false).verdict, Verdict::Wrong, "unfinished");
    }
}
