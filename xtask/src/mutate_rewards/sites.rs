//! Where a reward can be made wrong: the numbers and the comparisons of its source, one edit each.

use crate::tidy::lexer::{code_only, without_test_modules};

/// One edit of one file.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// File name, such as `hapo.rs`.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// What stands there, and what it becomes.
    pub from: String,
    pub to: String,
    /// The line after the edit, without the blanks around it: what a proof of equivalence is about.
    pub edited: String,
    /// Of the first character.
    at: usize,
}

impl Site {
    /// The file's text with the edit.
    pub fn apply(&self, text: &str) -> String {
        let chars: Vec<char> = text.chars().collect();
        let (before, after) = (&chars[..self.at], &chars[self.at + self.from.chars().count()..]);
        before.iter().copied().chain(self.to.chars()).chain(after.iter().copied()).collect()
    }
}

/// What stands for a comparison in rustfmt's layout, and what it becomes.
const COMPARISONS: [(&str, &str); 9] = [
    (" < ", " <= "),
    (" <= ", " < "),
    (" > ", " >= "),
    (" >= ", " > "),
    (" == ", " != "),
    (" != ", " == "),
    (".max(", ".min("),
    (".min(", ".max("),
    ("..=", ".."),
];

/// All edits of a file, in the order of the text; tests, comments and strings are left alone.
pub fn of_text(file: &str, text: &str) -> Vec<Site> {
    let code: Vec<char> = without_test_modules(&code_only(text)).chars().collect();
    let mut sites = Vec::new();
    let mut at = 0;
    while at < code.len() {
        let found = comparison(&code, at).or_else(|| number(&code, at));
        let Some((from, to)) = found else {
            at += 1;
            continue;
        };
        let n = from.chars().count();
        // the blank after a comparison may be the one before the next
        let step = if from.ends_with(' ') { n - 1 } else { n };
        sites.push(site(file, text, at, from, to));
        at += step;
    }
    sites
}

fn site(file: &str, text: &str, at: usize, from: String, to: String) -> Site {
    let line = text.chars().take(at).filter(|&c| c == '\n').count() + 1;
    let site = Site { file: file.to_owned(), line, from, to, edited: String::new(), at };
    let edited = site.apply(text).lines().nth(line - 1).unwrap_or_default().trim().to_owned();
    Site { edited, ..site }
}

fn comparison(code: &[char], at: usize) -> Option<(String, String)> {
    let stands = |word: &str| word.chars().enumerate().all(|(i, c)| code.get(at + i) == Some(&c));
    let (from, to) = COMPARISONS.iter().find(|(from, _)| stands(from))?;
    Some(((*from).to_owned(), (*to).to_owned()))
}

/// A literal number that begins at `at`, and another one: a whole number plus 1, any other doubled, 0.0 as 1.0.
fn number(code: &[char], at: usize) -> Option<(String, String)> {
    let before = at.checked_sub(1).map(|place| code[place]);
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    // neither in a name nor the place in a tuple; a range ends in a point too
    let after_point = before == Some('.') && at.checked_sub(2).map(|place| code[place]) != Some('.');
    if !code[at].is_ascii_digit() || before.is_some_and(is_part) || after_point {
        return None;
    }
    let mut end = at;
    while end < code.len() {
        let c = code[end];
        let next_is_digit = code.get(end + 1).is_some_and(char::is_ascii_digit);
        let is_exponent_sign = c == '-' && code[end - 1] == 'e' && code[at + 1] != 'x' && next_is_digit;
        if !(is_part(c) || (c == '.' && next_is_digit) || is_exponent_sign) {
            break;
        }
        end += 1;
    }
    let from: String = code[at..end].iter().collect();
    let to = other(&from)?;
    Some((from, to))
}

/// Another number in the same form.
fn other(literal: &str) -> Option<String> {
    let plain = literal.replace('_', "");
    let suffix = ["u32", "u64", "usize", "f64"].into_iter().find(|suffix| plain.ends_with(suffix)).unwrap_or_default();
    let digits = plain.strip_suffix(suffix)?;
    if let Some(hex) = digits.strip_prefix("0x") {
        return Some(format!("0x{:X}{suffix}", u64::from_str_radix(hex, 16).ok()? ^ 2));
    }
    if suffix != "f64"
        && let Ok(whole) = digits.parse::<u64>()
    {
        return Some(format!("{}{suffix}", whole + 1));
    }
    let value: f64 = digits.parse().ok()?;
    Some(format!("{:?}{suffix}", if value == 0.0 { 1.0 } else { 2.0 * value }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edits(text: &str) -> Vec<String> {
        of_text("a.rs", text).iter().map(|site| site.edited.clone()).collect()
    }

    #[test]
    fn numbers_and_comparisons_are_edited_one_at_a_time() {
        assert_eq!(edits("if x <= 0.5 {"), ["if x < 0.5 {", "if x <= 1.0 {"]);
        assert_eq!(edits("a > b == c"), ["a >= b == c", "a > b != c"]);
        assert_eq!(
            edits("x.max(0.0).min(2)"),
            ["x.min(0.0).min(2)", "x.max(1.0).min(2)", "x.max(0.0).max(2)", "x.max(0.0).min(3)"]
        );
        assert_eq!(edits("(-1.0..=0.0)"), ["(-2.0..=0.0)", "(-1.0..0.0)", "(-1.0..=1.0)"]);
        assert_eq!(edits("const E: f64 = 1e-6;"), ["const E: f64 = 2e-6;"]);
        assert_eq!(edits("0x9E37_79B9"), ["0x9E3779BB"]);
        assert_eq!(edits("(1_u64 << 53)"), ["(2u64 << 53)", "(1_u64 << 54)"]);
        assert_eq!(edits("0..n"), ["1..n"]);
        assert_eq!(edits("b = [x; 16_384];"), ["b = [x; 16385];"]);
    }

    #[test]
    fn names_types_places_comments_strings_and_tests_are_left_alone() {
        for text in [
            "fn f<'a>(x: Vec<u32>) -> f64 {",
            "row.0 + row.1.0",
            "// 1 < 2",
            "\"1 < 2\"",
            "l1_exact",
            "a => b",
            "x << y",
            "#[cfg(test)]\nmod tests {\n let x = 1 < 2;\n}\n",
        ] {
            assert_eq!(edits(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn an_edit_is_made_where_it_was_found() {
        let text = "/// λ ≥ 0\nlet x = 3;\nlet y = x < 4;\n";
        let sites = of_text("a.rs", text);
        let shown: Vec<(usize, &str, &str)> = sites.iter().map(|s| (s.line, s.from.as_str(), s.to.as_str())).collect();
        assert_eq!(shown, [(2, "3", "4"), (3, " < ", " <= "), (3, "4", "5")]);
        assert_eq!(sites[1].apply(text), text.replace("x < 4", "x <= 4"));
    }
}
