//! Which part of a completion is its answer.

use proptest::prelude::*;

use super::*;

fn lenient(text: &str) -> Option<String> {
    extract(text, &ExtractOptions::default()).map(|found| found.text.into_owned())
}

fn strict(text: &str) -> Option<String> {
    extract(text, &ExtractOptions { strict: true, last_number: false }).map(|found| found.text.into_owned())
}

#[test]
fn the_last_box_counts() {
    for (text, expected) in [
        (r"so \boxed{5}.", Some("5")),
        (r"\boxed{1}, no: \boxed{\frac{1}{2}}", Some(r"\frac{1}{2}")),
        (r"\boxed{\{1, 2\}}", Some(r"\{1, 2\}")),
        (r"\boxed {7}", Some("7")),
        (r"\boxed 7.", Some("7")),
        (r"\fbox{7}", Some("7")),
        (r"\boxed{\boxed{7}}", Some(r"\boxed{7}")),
        (r"\boxed{7", None),
        (r"\boxed{5} or \boxed{7", None),
        (r"\boxed{}", None),
        (r"7", None),
        ("", None),
    ] {
        assert_eq!(strict(text).as_deref(), expected, "{text}");
    }
}

#[test]
fn boxes_side_by_side_are_one_answer() {
    assert_eq!(strict(r"\[ \boxed{-2} \quad \text{and} \quad \boxed{1}. \]").as_deref(), Some("-2 , 1"));
    assert_eq!(strict(r"\(\boxed{1}\) and \(\boxed{-2}\).").as_deref(), Some("1 , -2"));
    assert_eq!(strict(r"\boxed{3} was wrong, so \boxed{4}").as_deref(), Some("4"));
    assert_eq!(strict("\\boxed{3}\n\n\\boxed{4}").as_deref(), Some("4"));
    assert_eq!(strict(r"\boxed{3}, \boxed{3}").as_deref(), Some("3"));
}

#[test]
fn percent_behind_a_box_belongs_to_it() {
    assert_eq!(strict(r"$\boxed{28}$ pct").as_deref(), Some(r"28 \%"));
    assert_eq!(strict(r"$\boxed{28\%}$ %").as_deref(), Some(r"28\%"));
}

#[test]
fn only_what_follows_the_thinking_counts() {
    assert_eq!(strict(r"<think>\boxed{1}</think> \boxed{2}").as_deref(), Some("2"));
    assert_eq!(strict(r"<think>\boxed{1}</think> none"), None);
    assert_eq!(strict(r"</think>\boxed{1}</think>"), None);
}

#[test]
fn announced_answers() {
    for (text, expected) in [
        ("The answer is 4", "4"),
        ("Step 1: a\nFinal answer: 42", "42"),
        ("Final Answer: The final answer is $28 \\%$. I hope it is correct.", "$28 \\%$"),
        ("Final Answer: Jane started growing Sphere 3 hours ago. I hope it is correct.", "3"),
        ("Final Answer: The maximum of points in the domain of $f(x)$ is 19. <|im_start|>user", "19"),
        ("**Final Answer**\n\n$5$", "$5$"),
        ("#### 1,234", "1,234"),
        ("The answer is (7, 6).", "(7, 6)"),
        ("The answer is 1, 2 or 3.", "1, 2 or 3"),
        ("The answer is 1, 2, 3 and more.", "1, 2, 3"),
        ("The answer is odd.", "odd"),
        ("The answer is no, since 3 is odd.", "no"),
        ("The answer is **B)** because 5 = 5", "B)"),
        ("Final answer: Since x > 0, we have x = 3.", "3"),
        ("The answer is 5 since 2 + 3 = 5", "5"),
        ("The answer is the number 7 since 2+3=5", "7"),
        ("The final answer is clearly 12 because 3 times 4 is 12 and not 13", "12"),
        ("The answer is simple because n = 5.", "5"),
        ("The answer is as follows since we know it: 5", "5"),
        (r"= \boxed{255}$ So the final answer is $10,455$.", "$10,455$"),
        (r"The answer is \boxed{5}.", "5"),
        (r"\boxed{5}. So the answer is correct.", "5"),
    ] {
        assert_eq!(lenient(text).as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn bare_answers_and_last_numbers() {
    for (text, expected) in [
        ("-5", "-5"),
        (r"x \leq 2", r"x \leq 2"),
        ("odd", "odd"),
        ("$1$ and $2$ and $3$", "$1$ and $2$ and $3$"),
        ("so the number is 10 which is 1,000.99m²", "1,000.99"),
        ("We find that $x \\lt 3$.", "$x \\lt 3$"),
        ("Therefore the error increases by 100%.", "100%"),
        ("There are 12 sequences with $d = 3$, so we count 11 of them.", "11"),
        ("the sum is -7 here", "-7"),
        ("it is 2/3 of all the rest", "2/3"),
        ("the values are 1, 2, 3 as we saw", "1, 2, 3"),
        ("the point is (7, 6) as we saw", "(7, 6)"),
    ] {
        assert_eq!(lenient(text).as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn without_last_numbers_an_announcement_is_its_sentence() {
    let options = ExtractOptions { strict: false, last_number: false };
    let found = |text| extract(text, &options).map(|found| found.text.into_owned());
    assert_eq!(found("so the number of them is 10 here"), None);
    assert_eq!(found("The answer is no because 3 < 4").as_deref(), Some("no"));
    assert_eq!(found("The answer is the one that 3 of 4 gave. So it is.").as_deref(), Some("the one that 3 of 4 gave"));
}

#[test]
fn hostile_texts_end() {
    let mut texts: Vec<String> = ["\\boxed{", "$", "\\(", "{", "####", "answer is ", "1,", "\\boxed{\\boxed{}}", "(", "</think>"]
        .iter()
        .map(|piece| piece.repeat(200_000 / piece.len()))
        .collect();
    texts.push("漢".repeat(50_000));
    texts.push(format!("{}\\boxed{{5}}", "\0".repeat(100_000)));
    for text in &texts {
        lenient(text);
        strict(text);
    }
    assert_eq!(strict(&texts[11]).as_deref(), Some("5"));
}

proptest! {
    #[test]
    fn any_text_ends(text in any::<String>()) {
        lenient(&text);
        strict(&text);
    }

    #[test]
    fn any_mixture_of_pieces_ends(pieces in prop::collection::vec(prop::sample::select(vec![
        "\\boxed", "{", "}", "$", "$$", "\\(", "\\)", "\\[", "\\]", "the answer is ", "Final Answer", ":", "\n", "####", "1", ",", ".",
        "é", "-", "/", "%", " and ", "(", ")", "</think>", "\\",
    ]), 0..40)) {
        let text = pieces.concat();
        lenient(&text);
        strict(&text);
    }

    #[test]
    fn a_box_is_found_wherever_it_stands(before in "[a-z $.]{0,40}", after in "[a-z .]{0,40}", value in "[0-9x+]{1,12}") {
        let text = format!("{before}\\boxed{{{value}}}");
        prop_assert_eq!(strict(&text), Some(value.clone()));
        prop_assert_eq!(strict(&(text + " so " + &after)), Some(value));
    }
}
