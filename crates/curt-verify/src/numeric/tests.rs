use proptest::prelude::*;

use super::*;

fn check(answer: &str, response: &str, verdict: Verdict, extracted: Option<&str>) {
    let expected = Verification { verdict, extracted: extracted.map(str::to_string), reason: None };
    assert_eq!(Numeric.verify(answer, response, true), expected, "answer {answer}, response {response}");
}

fn boxed(answer: &str, content: &str) -> Verdict {
    Numeric.verify(answer, &format!("so \\boxed{{{content}}}"), true).verdict
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
        ("5", "5+0"),
        ("5", "10^5"),
        ("5", "(5, 6)"),
        ("5", "2x = 5"),
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
fn an_answer_in_words_is_compared_with_the_box_as_text() {
    for (answer, content, verdict) in [
        ("\\left( 3, \\frac{\\pi}{2} \\right)", "(3,\\dfrac{\\pi}{2})", Verdict::Correct),
        ("A", "\\text{A}", Verdict::Correct),
        ("x^2+1", "x^2 + 1.", Verdict::Correct),
        ("x^2+1", "1+x^2", Verdict::Wrong),
        ("\\frac{1}{23}x", "\\frac{12}{3}x", Verdict::Wrong),
    ] {
        assert_eq!(boxed(answer, content), verdict, "{answer} {content}");
    }
    check("A", "the answer is A", Verdict::Wrong, None);
    check("no solution, 7", "7", Verdict::Wrong, Some("7"));
}

#[test]
fn without_a_box_the_last_number_counts() {
    for (answer, response, extracted) in [
        ("26", "2 * 13 = $<<13*2=26>>26\nA: 26", "26"),
        ("26", "It is 26.", "26"),
        ("26", "It is $26.", "$26"),
        ("26", "so she has 26 eggs left...", "26"),
        ("5", "wait ...5", "5"),
        ("1234567", "about 1,234,567, then", "1,234,567"),
        ("3", "1,2,3", "3"),
        ("678", "1,234,5678 and 678", "678"),
        ("3", "5-3", "3"),
        ("-3", "5 is more than -3", "-3"),
        ("-3", "(-3)", "-3"),
        ("-3", "it is \u{2212}3", "\u{2212}3"),
        ("-3", "-$3", "-$3"),
        ("0.75", "exactly 3/4 of it", "3/4"),
        ("0.75", "$\\frac{3}{4}$", "$\\frac{3}{4}"),
        ("50", "that is 50%", "50"),
        ("5", "2 \\times5", "5"),
        ("15", "答案是15。", "15"),
        ("3", "\\frac{x}{3}", "3"),
    ] {
        check(answer, response, Verdict::Correct, Some(extracted));
    }
}

#[test]
fn a_box_is_preferred_to_a_later_number() {
    check("4", "\\boxed{4}, checked 3 times", Verdict::Correct, Some("4"));
    check("3", "\\boxed{4}, checked 3 times", Verdict::Wrong, Some("4"));
    check("3", "\\boxed{4, checked 3 times", Verdict::Wrong, None);
}

#[test]
fn no_answer_is_wrong() {
    for response in ["", " \n", "I do not know", "\\boxed{}", "$", "-", "\\frac"] {
        assert_eq!(Numeric.verify("5", response, true).verdict, Verdict::Wrong, "{response}");
    }
}

#[test]
fn an_unfinished_response_is_wrong_and_its_answer_is_told() {
    let found = Numeric.verify("5", "\\boxed{5} and so", false);
    assert_eq!(found, Verification { verdict: Verdict::Wrong, extracted: Some("5".into()), reason: None });
}

#[test]
fn a_right_answer_that_cannot_be_read_is_ungradable() {
    for answer in ["", "  ", "\\boxed{}", "\\boxed{5", "####", &"5".repeat(MAX_ANSWER_BYTES + 1)] {
        for response in ["", "\\boxed{}", "5"] {
            assert_eq!(Numeric.verify(answer, response, true).verdict, Verdict::Ungradable, "{answer}");
        }
    }
}

#[test]
fn only_the_end_of_a_long_response_is_read() {
    let far = format!("\\boxed{{5}}{}", "é".repeat(MAX_RESPONSE_BYTES));
    check("5", &far, Verdict::Wrong, None);
    let near = format!("{}\\boxed{{5}}", "é".repeat(MAX_RESPONSE_BYTES));
    check("5", &near, Verdict::Correct, Some("5"));
}

#[test]
fn hostile_texts_get_a_verdict() {
    let times = |piece: &str| piece.repeat(MAX_RESPONSE_BYTES / piece.len());
    for piece in ["\\boxed{", "{", "\\frac{", "-", "$", "1/", "1,", "9", ".", "1,234", "\\", "0/0", "\u{2212}"] {
        assert_eq!(Numeric.verify("5", &times(piece), true).verdict, Verdict::Wrong, "{piece}");
    }
}

/// `numerator / denominator` with a denominator of the form 2^a·5^b, written as a decimal.
fn decimal_text(numerator: i64, places: usize) -> String {
    let digits = format!("{:0width$}", numerator.unsigned_abs(), width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    format!("{}{whole}.{fraction}", if numerator < 0 { "-" } else { "" })
}

proptest! {
    #[test]
    fn any_text_gives_a_verdict(answer: String, response: String, finished: bool) {
        Numeric.verify(&answer, &response, finished);
    }

    #[test]
    fn any_text_of_the_grammars_own_pieces_gives_a_verdict(
        response in "([0-9,./$%\\-+{} =\u{2212}é]|\\\\frac|\\\\boxed|\\\\text|1000){0,40}"
    ) {
        let found = Numeric.verify("5", &response, true);
        if let Some(extracted) = found.extracted {
            prop_assert!(response.contains(&extracted));
        }
    }

    #[test]
    fn one_value_in_two_forms_is_equal_and_its_neighbour_is_not(numerator in -1_000_000_i64..1_000_000, places in 1_usize..5, scale in 1_i64..50) {
        let power: i64 = (0..places).map(|_| 10).product();
        let decimal = decimal_text(numerator, places);
        let fraction = format!("{}\\frac{{{}}}{{{}}}", if numerator < 0 { "-" } else { "" }, numerator.abs() * scale, power * scale);
        prop_assert_eq!(boxed(&decimal, &fraction), Verdict::Correct);
        prop_assert_eq!(boxed(&fraction, &decimal), Verdict::Correct);
        prop_assert_eq!(boxed(&decimal_text(numerator + 1, places), &fraction), Verdict::Wrong);
    }

    #[test]
    fn thousands_separators_change_nothing(number in 0_u64..10_000_000_000, before in "[a-z ]{0,9} ") {
        let plain = number.to_string();
        let mut grouped = String::new();
        for (i, digit) in plain.chars().enumerate() {
            if i > 0 && (plain.len() - i) % 3 == 0 {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        let found = Numeric.verify(&plain, &format!("{before}{grouped}."), true);
        prop_assert_eq!(found, Verification { verdict: Verdict::Correct, extracted: Some(grouped), reason: None });
    }
}
