//! Text of other processes in reasons.

/// The first `max` characters of a text without spaces at its end, on one line between backticks; `…` follows if that is not all.
pub(crate) fn quoted(text: &str, max: usize) -> String {
    let text = text.trim_end();
    let escape = |c: char| match c {
        '\'' | '"' => c.to_string(),
        c => c.escape_debug().to_string(),
    };
    let shown: String = text.chars().take(max).map(escape).collect();
    let more = if text.chars().nth(max).is_some() { "…" } else { "" };
    format!("`{shown}`{more}")
}

/// The last line that is not empty, quoted.
pub(crate) fn last_line(text: &[u8], max: usize) -> String {
    let text = String::from_utf8_lossy(text);
    quoted(text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default(), max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_text_is_short_and_on_one_line() {
        assert_eq!(quoted("it's\n\u{202e}\0", 10), "`it's\\n\\u{202e}\\0`");
        assert_eq!(quoted("abc", 2), "`ab`…");
        assert_eq!(last_line(b"a\nb\xff\n \n", 9), "`b\u{fffd}`");
    }
}
