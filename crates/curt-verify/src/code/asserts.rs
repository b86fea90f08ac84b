//! Tests that are written as Python's `assert`: what is called is told apart from what is expected.
//!
//! The right answers must not enter the sandbox, and a program must not be asked whether it is right: an object of its own may
//! claim to equal anything. So a line is split into an expression that is evaluated inside and comes back as plain data, and a
//! literal with which that is compared outside. A line that cannot be split so is an error, which makes its problem ungradable.

use super::literal::Value;
use super::problem::UnreadableTests;

/// The calls of a problem, in order, on one function.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Calls {
    /// The expression that gives the function `candidate`, as `Solution().f`; none where the calls name it themselves.
    pub entry: Option<String>,
    pub tests: Vec<Call>,
}

/// An expression to evaluate inside, and what is right.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Call {
    pub expression: String,
    pub expected: Expected,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expected {
    Equal(Value),
    Truth(bool),
    Near(f64, f64),
}

impl Calls {
    /// Python source for the launcher: `__entry__`, and `__calls__` from the test at `start` on.
    pub fn source(&self, start: usize) -> String {
        let entry = self.entry.as_deref().unwrap_or("None");
        let mut source = format!("__entry__ = lambda: (\n{entry}\n)\n__calls__ = [\n");
        for call in &self.tests[start..] {
            source.push_str(&format!("lambda candidate: (\n{}\n),\n", call.expression));
        }
        source.push_str("]\n");
        source
    }
}

/// Reads the source of tests. Error: the first line that is none of the forms.
pub(super) fn read(source: &str) -> Result<Calls, UnreadableTests> {
    let mut calls = Calls { entry: None, tests: Vec::new() };
    for (number, line) in logical_lines(source) {
        let unreadable = || {
            let shown: String = line.chars().take(80).collect();
            UnreadableTests(format!("line {number} does not compare a call with plain data: {shown}"))
        };
        if line.is_empty() || line == "pass" || line.starts_with("def check(candidate)") && line.ends_with(':') {
            continue;
        }
        let entry = line.strip_prefix("check(").and_then(|rest| rest.strip_suffix(')'));
        match (entry, line.strip_prefix("assert")) {
            (Some(entry), _) if calls.entry.is_none() && !entry.trim().is_empty() => calls.entry = Some(entry.trim().to_owned()),
            (None, Some(test)) if test.starts_with([' ', '(']) => calls.tests.push(call(test).ok_or_else(unreadable)?),
            _ => return Err(unreadable()),
        }
    }
    Ok(calls)
}

/// What follows `assert`; none if it has no form that is known.
fn call(test: &str) -> Option<Call> {
    let test = unwrapped(before(test, ",").trim());
    if let Some((left, right)) = split(test, "==").or_else(|| split(test, " is ")) {
        let (expression, expected) = match (Value::parse(left), Value::parse(right)) {
            (None, Some(expected)) => (left, expected),
            (Some(expected), None) => (right, expected),
            _ => return None,
        };
        return evaluable(expression).map(|expression| Call { expression, expected: Expected::Equal(expected) });
    }
    if let Some((difference, bound)) = split(test, "<=").or_else(|| split(test, "<")) {
        return near(difference.trim(), bound.trim());
    }
    let (expression, truth) = match test.strip_prefix("not ") {
        Some(rest) => (rest, false),
        None => (test, true),
    };
    evaluable(expression).map(|expression| Call { expression, expected: Expected::Truth(truth) })
}

/// `abs(CALL - NUMBER)` and a bound.
fn near(difference: &str, bound: &str) -> Option<Call> {
    let inner = difference.strip_prefix("abs(")?.strip_suffix(')')?;
    let (left, right) = split(inner, " - ")?;
    let (expression, expected) = match (Value::parse(left), Value::parse(right)) {
        (None, Some(expected)) => (left, expected),
        (Some(expected), None) => (right, expected),
        _ => return None,
    };
    let expected = Expected::Near(expected.number()?, Value::parse(bound)?.number()?);
    evaluable(expression).map(|expression| Call { expression, expected })
}

/// The expression, if it is a call and compares nothing, so that it cannot hold what is right.
fn evaluable(expression: &str) -> Option<String> {
    let expression = expression.trim();
    let mut marks = marks(expression);
    let compares = marks.any(|(at, depth)| {
        let rest = &expression[at..];
        let words = ["==", "!=", "<", ">", " in ", " is ", " and ", " or ", " not ", " if ", ":=", "lambda"];
        depth < 0 || words.iter().any(|word| rest.starts_with(word))
    });
    let calls = expression.starts_with(|c: char| c.is_alphabetic() || c == '_') && expression.contains('(');
    (calls && !compares && balanced(expression)).then(|| expression.to_owned())
}

/// The text without parentheses around all of it.
fn unwrapped(text: &str) -> &str {
    let inner = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    match inner {
        Some(inner) if balanced(inner) && before(inner, ",").len() == inner.len() => unwrapped(inner.trim()),
        _ => text,
    }
}

/// What stands before `word` outside brackets and strings, or all.
fn before<'a>(text: &'a str, word: &str) -> &'a str {
    split(text, word).map_or(text, |(before, _)| before)
}

/// The two sides of the first `word` outside brackets and strings.
fn split<'a>(text: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    let (at, _) = marks(text).find(|&(at, depth)| depth == 0 && text[at..].starts_with(word))?;
    Some((&text[..at], &text[at + word.len()..]))
}

/// Whether every bracket is closed that is opened, and no other.
fn balanced(text: &str) -> bool {
    let mut last = 0;
    for (at, depth) in marks(text) {
        let closes = text[at..].starts_with([')', ']', '}']);
        last = depth - i32::from(closes);
        if last < 0 {
            return false;
        }
        last += i32::from(text[at..].starts_with(['(', '[', '{']));
    }
    last == 0
}

/// The places of characters outside strings and comments, each with the number of brackets open before it.
fn marks(text: &str) -> impl Iterator<Item = (usize, i32)> {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0);
    std::iter::from_fn(move || {
        loop {
            let byte = *bytes.get(at)?;
            let here = (at, depth);
            match byte {
                b'"' | b'\'' => {
                    at = string_end(bytes, at);
                    // the opening quote is a mark, so that a string counts as something
                    return Some(here);
                }
                b'#' => at += bytes[at..].iter().position(|&b| b == b'\n').unwrap_or(bytes.len() - at),
                _ => {
                    depth += i32::from(matches!(byte, b'(' | b'[' | b'{')) - i32::from(matches!(byte, b')' | b']' | b'}'));
                    at += 1;
                    if text.is_char_boundary(here.0) {
                        return Some(here);
                    }
                }
            }
        }
    })
}

/// The place after the string that begins at `start`, or the end of the text.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let quote = bytes[start];
    let triple = bytes[start..].starts_with(&[quote; 3]);
    let length = if triple { 3 } else { 1 };
    let mut at = start + length;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            _ if bytes[at..].starts_with(&[quote; 3][..length]) => return at + length,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Lines of Python, trimmed and without comments, each with its number from 1; one in brackets or strings may span several.
fn logical_lines(source: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let (mut start, mut text, mut number) = (1, String::new(), 1);
    let mut last = 0;
    let mut end_line = |text: &mut String, start: usize| lines.push((start, std::mem::take(text).trim().to_owned()));
    let all: Vec<(usize, i32)> = marks(source).collect();
    for (i, &(at, depth)) in all.iter().enumerate() {
        // a comment lies between this mark and the next, unless it is a string
        let next = all.get(i + 1).map_or(source.len(), |&(next, _)| next);
        let piece = &source[at..next];
        number += source[last..at].matches('\n').count();
        last = at;
        if piece.starts_with('\n') && depth <= 0 {
            end_line(&mut text, start);
            start = number + 1;
        } else if piece.starts_with(['"', '\'']) {
            text.push_str(&source[at..string_end(source.as_bytes(), at)]);
        } else {
            text.extend(piece.chars().next());
        }
    }
    end_line(&mut text, start);
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn only(test: &str) -> Option<(String, Expected)> {
        let call = call(test)?;
        Some((call.expression, call.expected))
    }

    fn equal(literal: &str) -> Expected {
        Expected::Equal(Value::parse(literal).unwrap())
    }

    #[test]
    fn a_test_is_split_into_a_call_and_what_is_right() {
        for (test, expression, expected) in [
            (" candidate(nums = [3,1], k = 2) == 4", "candidate(nums = [3,1], k = 2)", equal("4")),
            (" candidate(s = \"a == b, (\") == \"x,y\"", "candidate(s = \"a == b, (\")", equal("'x,y'")),
            (" candidate(1) == 2, \"message == 3\"", "candidate(1)", equal("2")),
            ("(candidate(1) == [1,\n2])", "candidate(1)", equal("[1, 2]")),
            (" 5 == f(2)", "f(2)", equal("5")),
            (" f(2) is None", "f(2)", equal("None")),
            (" set(f([1], (2,))) == set((4, 5))", "set(f([1], (2,)))", equal("{4, 5}")),
            (" candidate('x')", "candidate('x')", Expected::Truth(true)),
            (" not candidate('x')", "candidate('x')", Expected::Truth(false)),
            (" abs(candidate(3.5) - 0.5) < 1e-6", "candidate(3.5)", Expected::Near(0.5, 1e-6)),
        ] {
            assert_eq!(only(test), Some((expression.to_owned(), expected)), "{test}");
        }
    }

    #[test]
    fn what_would_take_the_answer_inside_is_refused() {
        for test in [
            " candidate(1) == 2 and candidate(2) == 3",
            " candidate(1) == g(2)",
            " (candidate(1) == 4) == True",
            " all(candidate(x) == y for x, y in [(1, 2)])",
            " candidate(1) < 3",
            " candidate(1) in [1, 2]",
            " 1 == 1",
            " candidate(1) != 3",
            " abs(candidate(1) - g(2)) < 1",
            " [candidate(1), 2] == [2, 2]",
            " candidate(1)) or (1",
            " candidate(1",
            " ",
        ] {
            assert_eq!(only(test), None, "{test}");
        }
    }

    #[test]
    fn a_whole_check_is_read() {
        let source = "\n\ndef check(candidate):  # tests\n    assert candidate(a = [1,\n        2]) == 3  # three\n    assert candidate(\
                      b = '#') == \"#\"\n    pass\n\n\ncheck(Solution().f)\n";
        let calls = read(source).unwrap();
        assert_eq!(calls.entry.as_deref(), Some("Solution().f"));
        assert_eq!(calls.tests.len(), 2);
        assert_eq!(calls.tests[0].expression, "candidate(a = [1,\n        2])");
        assert_eq!(calls.tests[1].expected, equal("'#'"));
        assert!(!calls.source(0).contains("three") && calls.source(1).matches("lambda candidate").count() == 1);

        let plain = read("assert f(1) == 2\nassert f(2) == 3").unwrap();
        assert_eq!((plain.entry, plain.tests.len()), (None, 2));
        let error = read("def check(candidate):\n    x = 1\n").unwrap_err();
        assert_eq!(error.to_string(), "unreadable tests: line 2 does not compare a call with plain data: x = 1");
    }

    proptest! {
        #[test]
        fn any_text_is_read(text: String, marks in "(assert |candidate\\(|\\)|==|'|\"|\n|#|\\\\|é|,| |\\[|\\]|not |1){0,40}") {
            let _ = (read(&text), read(&marks));
        }
    }
}
