//! A place in a list of tokens.

use super::lexer::{Kind, Token};
use crate::LoadError;

pub struct Cursor {
    tokens: Vec<Token>,
    at: usize,
}

impl Cursor {
    pub fn new(tokens: Vec<Token>) -> Self {
        Cursor { tokens, at: 0 }
    }

    pub fn is_at_end(&self) -> bool {
        self.at >= self.tokens.len()
    }

    /// The line of the next token, or of the last one at the end.
    pub fn line(&self) -> u32 {
        self.tokens.get(self.at).or(self.tokens.last()).map_or(0, |token| token.line)
    }

    pub fn peek(&self) -> Option<&Kind> {
        self.tokens.get(self.at).map(|token| &token.kind)
    }

    pub fn peek_second(&self) -> Option<&Kind> {
        self.tokens.get(self.at + 1).map(|token| &token.kind)
    }

    pub fn skip(&mut self) {
        self.at += 1;
    }

    /// Whether the next token is this mark; then it is taken.
    pub fn take(&mut self, mark: char) -> bool {
        let is_next = self.peek() == Some(&Kind::Mark(mark));
        self.at += usize::from(is_next);
        is_next
    }

    pub fn expect(&mut self, mark: char) -> Result<(), LoadError> {
        if self.take(mark) { Ok(()) } else { Err(self.unexpected(&format!("`{mark}`"))) }
    }

    pub fn word(&mut self, what: &str) -> Result<String, LoadError> {
        match self.peek() {
            Some(Kind::Word(word)) => {
                let word = word.clone();
                self.at += 1;
                Ok(word)
            }
            _ => Err(self.unexpected(what)),
        }
    }

    /// A number without fraction, with or without sign.
    pub fn integer(&mut self, what: &str) -> Result<i128, LoadError> {
        let is_negative = self.take('-');
        let line = self.line();
        let word = self.word(what)?;
        let value = integer(&word).ok_or_else(|| LoadError::syntax(line, format!("{what} expected, found `{word}`")))?;
        Ok(if is_negative { -value } else { value })
    }

    /// The same for sizes and counts.
    pub fn size(&mut self, what: &str) -> Result<usize, LoadError> {
        let line = self.line();
        let value = self.integer(what)?;
        usize::try_from(value)
            .ok()
            .filter(|&size| size <= 1 << 32)
            .ok_or_else(|| LoadError::syntax(line, format!("{what} out of range: {value}")))
    }

    pub fn unexpected(&self, wanted: &str) -> LoadError {
        let found = match self.peek() {
            None => "the end of the file".to_owned(),
            Some(Kind::Word(word)) => format!("`{word}`"),
            Some(Kind::Text(text)) => format!("\"{text}\""),
            Some(Kind::Mark(mark)) => format!("`{mark}`"),
        };
        LoadError::syntax(self.line(), format!("{wanted} expected, found {found}"))
    }
}

/// The value of an integer constant: decimal, `0x`, `0b` or octal, with or without `U`.
pub fn integer(word: &str) -> Option<i128> {
    let word = word.strip_suffix('U').unwrap_or(word);
    let lower = word.to_ascii_lowercase();
    let (digits, radix) = if let Some(digits) = lower.strip_prefix("0x") {
        (digits, 16)
    } else if let Some(digits) = lower.strip_prefix("0b") {
        (digits, 2)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (&lower[1..], 8)
    } else {
        (lower.as_str(), 10)
    };
    u64::from_str_radix(digits, radix).ok().map(i128::from)
}
