//! Whole responses of the plain kind that data sets of numbers ask for.

use super::Math;
use crate::{Verdict, Verifier};

fn check(answer: &str, response: &str, verdict: Verdict) {
    let found = Math::default().verify(answer, response, true);
    assert_eq!(found.verdict, verdict, "answer {answer}, response {response}: {found:?}");
}

fn boxed(answer: &str, content: &str) -> Verdict {
    Math::default().verify(answer, &format!("so \\boxed{{{content}}}"), true).verdict
}

#[test]
fn equal_numbers_in_a_box_are_correct() {
    for (answer, content) in [
        ("5", "5"),
        ("5", " 5. "),
        ("5", "05.00"),
        ("5", "+5"),
        ("-5", "-5"),
        ("-5", "\u{2212}5"),
        ("0", "-0"),
        ("0.5", ".5"),
        ("0.5", "1/2"),
        ("0.5", "\\frac{1}{2}"),
        ("0.5", "\\dfrac12"),
        ("-1/2", "-\\tfrac{1}{2}"),
        ("\\frac{10}{4}", "2.5"),
        ("2/3", "4/6"),
        ("1.5/2", "0.75"),
        ("1000", "1,000"),
        ("1000", "1{,}000"),
        ("1000", "1,\\!000"),
        ("1000", "\\$1,000.00"),
        ("1,000,000", "1000000"),
        ("$-5$", "-\\$5"),
        ("50", "50\\%"),
        ("50%", "50"),
        ("90", "90^\\circ"),
        ("18", "18 dollars"),
        ("18", "18\\text{ cm}^2"),
        ("18", "18\\ \\text{cm}"),
        ("18", "x = 18"),
        ("18", "\\text{18}"),
        ("18", "\\left 18 \\right"),
        ("18\\text{ cm}", "18"),
        ("2 + 2 = \\boxed{4}", "4"),
        ("She has 70 + 2 of them\n#### 72", "72"),
        ("123456789012345678901234567890.1", "123456789012345678901234567890.10"),
    ] {
        assert_eq!(boxed(answer, content), Verdict::Correct, "{answer} {content}");
    }
}

#[test]
fn different_numbers_and_other_texts_in_a_box_are_wrong() {
    for (answer, content) in [
        ("5", "6"),
        ("5", "-5"),
        ("5", ""),
        ("5", "55"),
        ("5", "5x"),
        ("5", "10^5"),
        ("5", "(5, 6)"),
        ("12", "1,2"),
        ("1000", "10,00"),
        ("0.33", "1/3"),
        ("0.1", "0.1000000000000000055511151231257827"),
        ("9007199254740993", "9007199254740992"),
        ("1", "1/0"),
        ("0", "0/0"),
        ("7", "\\frac{7}{}"),
    ] {
        assert_eq!(boxed(answer, content), Verdict::Wrong, "{answer} {content}");
    }
}

#[test]
fn without_a_box_the_last_mathematics_or_number_counts() {
    for (answer, response) in [
        ("26", "2 * 13 = $<<13*2=26>>26\nA: 26"),
        ("26", "It is 26."),
        ("26", "It is $26."),
        ("26", "so she has 26 eggs left..."),
        ("5", "wait ...5"),
        ("1234567", "about 1,234,567, then"),
        ("-3", "5 is more than -3"),
        ("-3", "(-3)"),
        ("-3", "it is \u{2212}3"),
        ("-3", "-$3"),
        ("0.75", "exactly 3/4 of it"),
        ("0.75", "$\\frac{3}{4}$"),
        ("50", "that is 50%"),
        ("15", "答案是15。"),
    ] {
        check(answer, response, Verdict::Correct);
    }
}

#[test]
fn a_box_is_preferred_to_a_later_number() {
    check("4", "\\boxed{4}, checked 3 times", Verdict::Correct);
    check("3", "\\boxed{4}, checked 3 times", Verdict::Wrong);
    check("3", "\\boxed{4, checked 3 times", Verdict::Wrong);
}
