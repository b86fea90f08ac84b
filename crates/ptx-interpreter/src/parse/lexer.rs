//! Text to tokens.

use crate::LoadError;

/// A token with its line, counted from 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    pub line: u32,
    pub kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// An opcode with its dots, a directive, a name, a register or a number without sign.
    Word(String),
    /// What stood between quotes.
    Text(String),
    /// One of `, ; : { } [ ] ( ) + - ! @ | = < >`.
    Mark(char),
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '$' | '%' | '.')
}

/// The tokens of a module, comments left out.
///
/// # Errors
/// A character that PTX does not have, a comment or a text without end.
pub fn tokens(source: &str) -> Result<Vec<Token>, LoadError> {
    let mut found = Vec::new();
    let mut line = 1;
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        if c == '\n' {
            line += 1;
            rest = &rest[1..];
        } else if c.is_whitespace() || c == '\0' {
            rest = &rest[c.len_utf8()..];
        } else if rest.starts_with("//") {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
        } else if let Some(body) = rest.strip_prefix("/*") {
            let end = body.find("*/").ok_or(LoadError::syntax(line, "a comment without end"))?;
            line += body[..end].matches('\n').count() as u32;
            rest = &body[end + 2..];
        } else if let Some(body) = rest.strip_prefix('"') {
            let end = body.find('"').ok_or(LoadError::syntax(line, "a text without end"))?;
            found.push(Token { line, kind: Kind::Text(body[..end].to_owned()) });
            rest = &body[end + 1..];
        } else if is_word(c) {
            let end = word_end(rest);
            found.push(Token { line, kind: Kind::Word(rest[..end].to_owned()) });
            rest = &rest[end..];
        } else if ",;:{}[]()+-!@|=<>".contains(c) {
            found.push(Token { line, kind: Kind::Mark(c) });
            rest = &rest[1..];
        } else {
            return Err(LoadError::syntax(line, format!("unexpected character {c:?}")));
        }
    }
    Ok(found)
}

/// A word may contain `::`, as in `.shared::cta`, but no single colon, which ends a label.
fn word_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut end = 0;
    while end < bytes.len() {
        if is_word(bytes[end] as char) {
            end += 1;
        } else if bytes[end..].starts_with(b"::") {
            end += 2;
        } else {
            break;
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_marks_lines_and_comments() {
        let found = tokens("ld.shared::cta.f32 %f1, [%rd2+-4]; // x\n/* a\nb */ $L1: .file 1 \"a b\"").unwrap();
        let words: Vec<String> = found
            .iter()
            .map(|token| match &token.kind {
                Kind::Word(word) => word.clone(),
                Kind::Text(text) => format!("<{text}>"),
                Kind::Mark(c) => c.to_string(),
            })
            .collect();
        let expected = "ld.shared::cta.f32 %f1 , [ %rd2 + - 4 ] ; $L1 : .file 1 <a b>";
        assert_eq!(words.join(" "), expected);
        assert_eq!(found.last().unwrap().line, 3);
    }

    #[test]
    fn what_is_not_ptx_is_named() {
        assert!(tokens("add ?").unwrap_err().to_string().contains("'?'"));
        assert!(tokens("/* ").is_err());
        assert!(tokens("\"").is_err());
    }
}
