//! Answers as text: read, then compared.

use super::equal::{Judgement, Options, Reason, judge};
use super::read::{ReadOptions, read};

/// Whether `answer` says the same as `gold`; both are answers in LaTeX or plain notation, not whole solutions.
///
/// Nothing is given away: without a right answer, or with one that cannot be read, the verdict is [`crate::Verdict::Ungradable`]; an empty or
/// unreadable answer is [`crate::Verdict::Wrong`]. Equal texts are equal unless `options.identity` is off. The work is bounded by
/// `options.steps` and by the length and depth of what is read.
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
