//! Where a group of LaTeX ends.

/// The place of the brace that closes the group whose content begins `text`; none if it is never closed. A backslash takes the
/// brace behind it out of the count.
pub(super) fn closing_brace(text: &str) -> Option<usize> {
    let mut depth = 1_usize;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::closing_brace;

    #[test]
    fn nested_and_escaped_braces_close_nothing() {
        assert_eq!(closing_brace("a{b}c}d}"), Some(5));
        assert_eq!(closing_brace(r"\}a\\}"), Some(5));
        assert_eq!(closing_brace("a{b}"), None);
        assert_eq!(closing_brace(""), None);
    }
}
