//! Hostile answers: a verdict within the budget, and never the right one.

use curt_verify::math::equal::Reason;
use curt_verify::math::{Math, Options, equivalent};
use curt_verify::{Verdict, Verifier};

fn evaluated() -> Options {
    Options { identity: false, ..Options::default() }
}

/// Not correct, whatever else: none of these answers may pass for 7.
#[track_caller]
fn is_no_seven(answer: &str) {
    let found = equivalent("7", answer, &evaluated());
    assert_eq!(found.verdict, Verdict::Wrong, "{:?} {}", found.reason, answer.chars().take(40).collect::<String>());
    assert_ne!(Math::default().verify("7", &format!("\\boxed{{{answer}}}"), true).verdict, Verdict::Correct);
    // as the right answer it is graded or not, but it does not make 7 right
    assert_ne!(equivalent(answer, "7", &evaluated()).verdict, Verdict::Correct);
}

#[test]
fn unbalanced_braces() {
    for answer in ["{", "}", "\\frac{7}{", "\\sqrt{", "((((7", "7))))", "\\left(7", "\\boxed{7", "[7", "\\{7", "{{{{7}"] {
        equivalent("7", answer, &evaluated());
        equivalent(answer, "7", &evaluated());
    }
    is_no_seven("\\frac{7}{");
    is_no_seven("{");
}

#[test]
fn a_megabyte_of_digits() {
    let digits = "9".repeat(1 << 20);
    is_no_seven(&digits);
    is_no_seven(&format!("0.{digits}"));
    is_no_seven(&format!("7.{}1", "0".repeat(1 << 20)));
    assert_eq!(equivalent(&digits, "7", &evaluated()).verdict, Verdict::Ungradable);
}

#[test]
fn towers_and_factorials() {
    is_no_seven("9^{9^{9^9}}");
    is_no_seven("9^9^9^9");
    is_no_seven("10^{10^{10}}!");
    is_no_seven("(10^{10^{10}})!");
    is_no_seven("((((9!)!)!)!)!");
    is_no_seven("2^{1000000000}");
    is_no_seven("\\binom{10^{9}}{5 \\cdot 10^{8}}");
    is_no_seven("\\sum_{k=1}^{10^{12}} k");
    is_no_seven("\\sum_{a=1}^{1000}\\sum_{b=1}^{1000}\\sum_{c=1}^{1000} \\frac{1}{a+b+c}");
    is_no_seven("\\prod_{k=1}^{1999} k!");
    is_no_seven("1.5E999999999");
}

#[test]
fn ten_thousand_levels() {
    is_no_seven(&format!("{}8{}", "\\frac{1}{".repeat(10_000), "}".repeat(10_000)));
    is_no_seven(&format!("{}8{}", "(".repeat(10_000), ")".repeat(10_000)));
    is_no_seven(&format!("{}8{}", "\\sqrt{".repeat(60), "}".repeat(60)));
    is_no_seven(&"-".repeat(10_001));
    is_no_seven(&format!("{}8", "2^".repeat(10_000)));
}

#[test]
fn strange_characters() {
    is_no_seven("\0");
    is_no_seven("7\0\08");
    is_no_seven(&String::from_utf8_lossy(b"\xff\xfe8\x80"));
    is_no_seven("\u{202e}8");
    is_no_seven("\u{ff18}");
    assert_eq!(
        equivalent("1000", "\u{ff11}\u{ff10}\u{ff10}\u{ff10}", &evaluated()).verdict,
        Verdict::Correct,
        "full-width digits"
    );
}

#[test]
fn empty_answers() {
    for answer in ["", " ", "$$", "\\boxed{}", "\\boxed{\\boxed{}}", "{}", "\\text{}", "\n\t"] {
        assert_eq!(equivalent("7", answer, &Options::default()).verdict, Verdict::Wrong, "{answer:?}");
        assert_ne!(equivalent(answer, "7", &Options::default()).verdict, Verdict::Correct, "{answer:?}");
        assert_eq!(Math::default().verify("7", answer, true).verdict, Verdict::Wrong, "{answer:?}");
    }
    assert_eq!(equivalent("", "7", &Options::default()).verdict, Verdict::Ungradable);
}

#[test]
fn many_values_with_the_right_one_among_them() {
    let many = (1..=300).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
    for answer in [many.as_str(), "6 or 7", "7, 8", "7 \\text{ or } 8", "\\{6, 7\\}", "x = 7, y = 8", "7 7"] {
        is_no_seven(answer);
    }
}

#[test]
fn large_collections() {
    let roots = |order: &mut dyn Iterator<Item = u32>| order.map(|n| format!("\\sqrt{{{n}}}")).collect::<Vec<_>>().join(", ");
    let (up, down) = (roots(&mut (2..120)), roots(&mut (2..120).rev()));
    // right, but comparing each with each may be too much work
    assert_ne!(equivalent(&up, &down, &evaluated()).reason, Reason::Different);
    is_no_seven(&up);
}
