//! The last `\boxed{…}` of a text.

use super::MAX_ANSWER_BYTES;

/// What the last `\boxed` of `text` holds: none if there is no `\boxed`; `Some(None)` if it is never closed or longer than
/// [`MAX_ANSWER_BYTES`]. `\boxed 5` holds the next word. Escaped braces (`\{`) do not count. Linear time.
pub(super) fn last_boxed(text: &str) -> Option<Option<&str>> {
    const COMMAND: &str = "\\boxed";
    let after = text[text.rfind(COMMAND)? + COMMAND.len()..].trim_start();
    let Some(content) = after.strip_prefix('{') else {
        let word = after.split_whitespace().next().unwrap_or("").trim_end_matches(['$', '.', ',']);
        return Some((word.len() <= MAX_ANSWER_BYTES).then_some(word));
    };
    let mut depth = 1;
    let mut escaped = false;
    for (at, byte) in content.bytes().enumerate().take(MAX_ANSWER_BYTES + 1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(Some(&content[..at]));
        }
    }
    Some(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_box_is_matched_by_its_braces() {
        let long = "x".repeat(MAX_ANSWER_BYTES);
        for (text, expected) in [
            ("no box", None),
            ("\\boxed{5}", Some(Some("5"))),
            ("\\boxed{4} then \\boxed{\\frac{1}{2}}.", Some(Some("\\frac{1}{2}"))),
            ("\\boxed {5}", Some(Some("5"))),
            ("\\boxed 5$.", Some(Some("5"))),
            ("\\boxed", Some(Some(""))),
            ("\\boxed{}", Some(Some(""))),
            ("\\boxed{\\{1, 2\\}}", Some(Some("\\{1, 2\\}"))),
            ("\\boxed{\\\\}", Some(Some("\\\\"))),
            ("\\boxed{\\boxed{7}}", Some(Some("7"))),
            ("\\boxed{é}", Some(Some("é"))),
            ("\\boxed{5", Some(None)),
            ("\\boxed{4} \\boxed{5", Some(None)),
            (&format!("\\boxed{{{long}}}"), Some(Some(long.as_str()))),
            (&format!("\\boxed{{{long}y}}"), Some(None)),
        ] {
            assert_eq!(last_boxed(text), expected, "{text}");
        }
    }
}
