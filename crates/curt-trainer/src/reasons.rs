//! Why verifiers had no verdict, counted.

use std::collections::BTreeMap;

use curt_verify::{Verdict, Verification};

/// Letters of a reason that are kept.
const LETTERS: usize = 300;

/// Responses without a verdict ([`Verdict::Ungradable`]), by the reason that the verifier gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reasons(BTreeMap<String, u64>);

impl Reasons {
    /// Those among `verifications`.
    pub fn of<'a>(verifications: impl IntoIterator<Item = &'a Verification>) -> Self {
        let mut reasons = Self::default();
        let without = verifications.into_iter().filter(|verification| verification.verdict == Verdict::Ungradable);
        without.for_each(|verification| reasons.add(verification.reason.as_deref()));
        reasons
    }

    /// One more response without a verdict. The reason may be a program's own words, so nothing in it can steer a terminal.
    pub fn add(&mut self, reason: Option<&str>) {
        let shown = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
        let text: String = reason.unwrap_or("the verifier gave no reason").trim().chars().take(LETTERS).map(shown).collect();
        *self.0.entry(text).or_default() += 1;
    }

    /// These and `others`.
    pub fn extend(&mut self, others: &Self) {
        others.0.iter().for_each(|(reason, count)| *self.0.entry(reason.clone()).or_default() += count);
    }

    /// Responses without a verdict.
    pub fn count(&self) -> u64 {
        self.0.values().sum()
    }

    /// The most frequent reason, of equals the first by its letters; none where everything has a verdict.
    pub fn most_frequent(&self) -> Option<&str> {
        let most = self.0.values().max()?;
        self.0.iter().find(|(_, count)| *count == most).map(|(reason, _)| reason.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_reason_is_named_in_one_harmless_line() {
        let mut reasons = Reasons::default();
        assert_eq!((reasons.count(), reasons.most_frequent()), (0, None));
        [Some("b"), None, Some("a"), Some("\x1b[2J\nb "), Some("a"), Some("b")]
            .into_iter()
            .for_each(|reason| reasons.add(reason));
        assert_eq!((reasons.count(), reasons.most_frequent()), (6, Some("a")));
        let mut others = Reasons::default();
        [Some("\x1b[2J\nb"); 3].into_iter().for_each(|reason| others.add(reason));
        reasons.extend(&others);
        assert_eq!((reasons.count(), reasons.most_frequent()), (9, Some("\\u{1b}[2J\\nb")));
    }

    #[test]
    fn what_has_a_verdict_has_no_reason() {
        let verification = |verdict, reason: &str| Verification { verdict, extracted: None, reason: Some(reason.to_owned()) };
        let all = [verification(Verdict::Wrong, "it is not"), verification(Verdict::Ungradable, "it died")];
        let reasons = Reasons::of(&all);
        assert_eq!((reasons.count(), reasons.most_frequent()), (1, Some("it died")));
    }
}
