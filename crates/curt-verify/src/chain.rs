//! The verifier of the synthetic chain task: the text must end exactly in `#RR$`.

use crate::{Verdict, Verification, Verifier};

/// Correct if the response, decoded with special tokens, ends in `#RR$` with the two right digits RR.
///
/// `$` is the stop token, so a response that was cut cannot be correct and `finished` is not looked at. Nothing before the
/// last four characters counts. Ungradable if the right answer is not two digits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Chain;

impl Verifier for Chain {
    fn name(&self) -> &'static str {
        "chain"
    }

    fn reads_special_tokens(&self) -> bool {
        true
    }

    fn verify(&self, answer: &str, response: &str, _finished: bool) -> Verification {
        let extracted = match response.as_bytes() {
            [.., b'#', tens, ones, b'$'] if tens.is_ascii_digit() && ones.is_ascii_digit() => {
                Some(format!("{}{}", char::from(*tens), char::from(*ones)))
            }
            _ => None,
        };
        let gradable = answer.len() == 2 && answer.bytes().all(|byte| byte.is_ascii_digit());
        let verdict = match &extracted {
            _ if !gradable => Verdict::Ungradable,
            Some(found) if found == answer => Verdict::Correct,
            _ => Verdict::Wrong,
        };
        Verification { verdict, extracted, reason: None }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_exact_ending_counts() {
        for (answer, response, verdict, extracted) in [
            ("88", "a22b88#88$", Verdict::Correct, Some("88")),
            ("88", "#88$", Verdict::Correct, Some("88")),
            ("08", "#08$", Verdict::Correct, Some("08")),
            ("88", "a22b88#87$", Verdict::Wrong, Some("87")),
            ("88", "a22b88#88", Verdict::Wrong, None),
            ("88", "a22b88#88$$", Verdict::Wrong, None),
            ("88", "a22b88#88$ ", Verdict::Wrong, None),
            ("88", "a22b88$", Verdict::Wrong, None),
            ("08", "#8$", Verdict::Wrong, None),
            ("88", "#xx$", Verdict::Wrong, None),
            ("88", "#é$", Verdict::Wrong, None),
            ("88", "", Verdict::Wrong, None),
            ("", "#88$", Verdict::Ungradable, Some("88")),
            ("8", "#88$", Verdict::Ungradable, Some("88")),
            ("é", "#88$", Verdict::Ungradable, Some("88")),
        ] {
            for finished in [true, false] {
                let expected = Verification { verdict, extracted: extracted.map(str::to_string), reason: None };
                assert_eq!(Chain.verify(answer, response, finished), expected, "{answer} {response}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_stands_before_the_answer_changes_nothing(before: String, answer in "[0-9]{2}", said in "[0-9]{2}") {
            let found = Chain.verify(&answer, &format!("{before}#{said}$"), true);
            prop_assert_eq!(found.verdict == Verdict::Correct, answer == said);
        }

        #[test]
        fn any_text_gives_a_verdict(answer: String, response: String, finished: bool) {
            Chain.verify(&answer, &response, finished);
        }
    }
}
