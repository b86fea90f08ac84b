//! Laws of equivalence that hold for any answer.

use curt_verify::math::{Math, Options, equivalent};
use curt_verify::{Verdict, Verifier};
use proptest::prelude::*;

/// Without the short cuts for equal texts and trees.
fn evaluated() -> Options {
    Options { identity: false, ..Options::default() }
}

fn verdict(gold: &str, answer: &str) -> Verdict {
    equivalent(gold, answer, &evaluated()).verdict
}

/// Values in LaTeX: numbers, fractions, roots, π, powers, and sums and products of them, with x or without.
fn value(symbols: bool) -> impl Strategy<Value = String> {
    let atom = prop_oneof![
        4 => (1_u32..200).prop_map(|n| n.to_string()),
        1 => (1_u32..9, 1_u32..99).prop_map(|(a, b)| format!("{a}.{b:02}")),
        1 => Just("\\pi".to_owned()),
        1 => (2_u32..30).prop_map(|n| format!("\\sqrt{{{n}}}")),
        1 => Just(if symbols { "x" } else { "7" }.to_owned()),
        1 => Just(if symbols { "y_1" } else { "\\sin 2" }.to_owned()),
    ];
    atom.prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("\\frac{{{a}}}{{{b}}}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} + {b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("\\left({a}\\right)\\cdot\\left({b}\\right)")),
            (inner.clone(), 2_u32..4).prop_map(|(a, n)| format!("\\left({a}\\right)^{{{n}}}")),
            inner.prop_map(|a| format!("\\sqrt{{{a}}}")),
        ]
    })
}

/// A value, or a point, a set, an interval or a relation of values.
fn answer() -> impl Strategy<Value = String> {
    let two = || (value(false), value(false));
    prop_oneof![
        4 => value(true),
        1 => two().prop_map(|(a, b)| format!("\\left({a}, {b}\\right)")),
        1 => two().prop_map(|(a, b)| format!("\\left\\{{{a}, {b}\\right\\}}")),
        1 => two().prop_map(|(a, b)| format!("\\left[{a}, 1000+{b}\\right)")),
        1 => value(false).prop_map(|a| format!("x = {a}")),
        1 => value(false).prop_map(|a| format!("x \\ge {a}")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn an_answer_is_equal_to_itself(a in answer()) {
        prop_assert_eq!(verdict(&a, &a), Verdict::Correct);
    }

    #[test]
    fn order_does_not_matter(a in answer(), b in answer()) {
        prop_assert_eq!(verdict(&a, &b), verdict(&b, &a));
    }

    #[test]
    fn writing_does_not_matter(a in answer()) {
        let bare = a.replace("\\left", "").replace("\\right", "");
        let writings = [
            a.replace("\\frac", "\\dfrac"),
            a.replace("\\frac", "\\tfrac"),
            bare.clone(),
            bare.replace(" + ", "+"),
            format!("  {} ", a.replace(" + ", "  +  ")),
            format!("${a}$"),
            format!("$${a}$$"),
            format!("\\({a}\\)"),
            format!("{{{bare}}}"),
            format!("{a}."),
        ];
        for writing in writings {
            // braces with a comma between them are a set
            if !(writing.starts_with('{') && a.contains(',')) {
                prop_assert_eq!(verdict(&a, &writing), Verdict::Correct, "{}", writing);
            }
        }
    }

    #[test]
    fn one_more_is_wrong(a in value(true)) {
        prop_assert_eq!(verdict(&a, &format!("{a} + 1")), Verdict::Wrong);
        prop_assert_eq!(verdict(&format!("{a} + 1"), &a), Verdict::Wrong);
    }

    #[test]
    fn a_dropped_sign_is_wrong(a in value(true)) {
        prop_assert_eq!(verdict(&format!("-({a})"), &a), Verdict::Wrong);
    }

    #[test]
    fn swapped_coordinates_are_wrong(a in value(true)) {
        prop_assert_eq!(verdict(&format!("({a}, {a} + 1)"), &format!("({a} + 1, {a})")), Verdict::Wrong);
    }

    #[test]
    fn another_end_is_wrong(a in value(false)) {
        let (open, closed) = (format!("({a}, {a} + 1]"), format!("[{a}, {a} + 1]"));
        prop_assert_eq!(verdict(&open, &closed), Verdict::Wrong);
        prop_assert_eq!(verdict(&closed, &open), Verdict::Wrong);
        prop_assert_eq!(verdict(&format!("x > {a}"), &format!("x \\ge {a}")), Verdict::Wrong);
    }

    #[test]
    fn one_of_many_is_wrong(a in value(false)) {
        prop_assert_eq!(verdict(&a, &format!("{a}, {a} + 1, {a} + 2")), Verdict::Wrong);
    }

    #[test]
    fn no_text_panics(gold in ".{0,60}", answer in ".{0,200}") {
        equivalent(&gold, &answer, &evaluated());
        Math::default().verify(&gold, &answer, true);
    }

    #[test]
    fn no_mathematical_text_panics(
        gold in "[-+*/^_=<>(){}\\[\\],.;:!|%$0-9a-ex π∞°½²√−]{0,24}",
        answer in "(\\\\(frac|sqrt|left|right|boxed|text|sum|int|lim|binom|cup|in|pm|log|sin)|[-+*/^_=<>(){}\\[\\],!|0-9x ]){0,24}",
    ) {
        equivalent(&gold, &answer, &evaluated());
        equivalent(&answer, &gold, &evaluated());
        equivalent(&answer, &answer, &evaluated());
    }
}
