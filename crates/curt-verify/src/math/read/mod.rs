//! Reads an answer in LaTeX or in plain notation into an [`Expression`].
//!
//! One reader serves both notations, since answers mix them (`2*sqrt(3)`, `\frac{1}{2}x + pi`). Where notation is
//! ambiguous, these rules decide:
//!
//! - **Letters side by side are a product**: `xy` is x·y and `ab(c+d)` too. Names of functions and of Greek letters are
//!   known when they stand alone (`sin x`, `pi`, `2pi r`). An answer that is nothing but words is an [`Expression::Text`].
//! - **Application**: `f(x)`, `g(x)`, `h(x)`, `F(x)`, `G(x)`, `H(x)` (with primes or subscripts) are functions without a
//!   meaning; every other letter before a parenthesis multiplies: `x(y-1)`, `\theta(x+y)`.
//! - **`e` and `i` are constants**, unless they have a subscript, are set in bold or count a sum or product around them.
//! - **A named function** takes what is in the bracket behind it, otherwise the factors that follow without an operator, up
//!   to the next function: `\sin 2x \cos y` is sin(2x)·cos(y); `\ln 2 / 3` is ln(2)/3. `\sin^{-1}` is the inverse, another
//!   power is that of the value. `\log` without a base has base 10.
//! - **Division**: `a/b c` is (a/b)·c, `a/bc` without space is a/(bc), and a number over a number without space is a fraction
//!   of its own: `1/2x` is x/2.
//! - **`mod`** binds as `·` does, after a leading sign: `-7 mod 5` is 3.
//! - **Numbers**: groups of three digits joined by `,` (no space; only outside of brackets), `{,}`, `,\!`, `\,` or a space are
//!   one number; `1234,56` and `1.234,56` have a decimal comma; `2\frac{1}{3}` and `2 1/3` are mixed numbers when the fraction
//!   is proper; `1.5E3` and `1.5e-3` are powers of ten, while `2e-1` is 2e − 1; `1011_2` is in base 2.
//! - **TeX arguments** without braces are one digit for `\frac` and `\binom` (`\frac12`), the whole number for `^`, `_` and
//!   `\sqrt` (`10^12`, `\sqrt19`).
//! - **Brackets**: `(a, b)` is a tuple, `[a, b]`, `(a, b]`, `[a, b)`, `]a, b[` are intervals; `[a]` and `(a)` are a;
//!   `\{…\}` is a set, but groups where it is a factor; `{a, b}` is a set too.
//! - **Lists**: `,`, `or`, `and`, wide space (`\quad`) and new lines separate items; `;` separates groups of them:
//!   `1,2;3,4` lists two tuples. `x = 1, 2` is x = (the list 1, 2).
//! - **Words** after a value are its unit if they are known as one, and are left out otherwise (`17 \text{ apples}`).
//!
//! Work is bounded: text beyond [`ReadOptions::max_bytes`] is refused, nesting beyond [`ReadOptions::max_depth`] too; time is
//! linear in the text; no text panics.

mod atoms;
mod brackets;
mod commands;
mod fractions;
mod functions;
mod letters;
mod lexer;
mod lists;
mod matrices;
mod numbers;
mod pairs;
mod powers;
mod products;
mod ranges;
mod reader;
mod sums;
mod tables;
mod unicode;
mod units;
mod words;

#[cfg(test)]
mod tests;

use super::expression::Expression;
use reader::Reader;
pub(super) use words::is_word;

/// Longest answer that is read, unless told otherwise.
pub const MAX_BYTES: usize = 4096;

/// Deepest nesting that is read, unless told otherwise.
pub const MAX_DEPTH: u32 = 64;

/// Greatest height of a tree that is handed out, so that what walks it needs no guard of its own.
pub const MAX_HEIGHT: usize = 400;

/// How an answer is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadOptions {
    /// Longer text is refused.
    pub max_bytes: usize,
    /// Deeper nesting is refused; values above [`MAX_DEPTH`] count as that.
    pub max_depth: u32,
    /// Whether `1,000` is one number; otherwise it is a list of two.
    pub thousands: bool,
}

impl Default for ReadOptions {
    fn default() -> Self {
        ReadOptions { max_bytes: MAX_BYTES, max_depth: MAX_DEPTH, thousands: true }
    }
}

/// Why a text is not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at byte {position}")]
pub struct Unreadable {
    /// What is wrong.
    pub reason: Reason,
    /// Where: bytes from the start of the text.
    pub position: usize,
}

/// What is wrong with a text that is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Nothing is left when spacing, dollars and the like are taken away.
    #[error("nothing to read")]
    Empty,
    /// More bytes than [`ReadOptions::max_bytes`].
    #[error("too long")]
    TooLong,
    /// More nesting than [`ReadOptions::max_depth`].
    #[error("nested too deep")]
    TooDeep,
    /// Something that cannot stand here.
    #[error("not expected here")]
    Unexpected,
    /// The text ends where more has to come.
    #[error("unfinished")]
    Unfinished,
    /// Words between mathematics.
    #[error("words")]
    Words,
}

/// What `text` says. An answer in words is an [`Expression::Text`], as is one that mixes words and mathematics in a way that
/// is not understood.
///
/// Errors: the text is empty, too long or too deep, or neither mathematics nor words.
///
/// ```
/// use curt_verify::math::{Expression, ReadOptions, read};
///
/// let answer = read(r"\frac{\sqrt{3}}{2}", &ReadOptions::default())?;
/// assert!(matches!(answer, Expression::Quotient(..)));
/// assert!(read(r"\frac{1}{", &ReadOptions::default()).is_err());
/// # Ok::<(), curt_verify::math::Unreadable>(())
/// ```
pub fn read(text: &str, options: &ReadOptions) -> Result<Expression, Unreadable> {
    if text.len() > options.max_bytes {
        return Err(Unreadable { reason: Reason::TooLong, position: options.max_bytes });
    }
    let spelled = unicode::spell_out(text);
    let tokens = lexer::tokens(&spelled.text);
    if let Some(answer) = words::only_words(&spelled.text, &tokens) {
        return Ok(answer);
    }
    let max_depth = options.max_depth.min(MAX_DEPTH);
    let found = Reader::new(&spelled.text, tokens, max_depth, options.thousands).answer();
    match found {
        Ok(answer) if answer.height() <= MAX_HEIGHT => Ok(answer),
        Ok(_) => Err(Unreadable { reason: Reason::TooDeep, position: 0 }),
        Err(error) => match words::as_text(&spelled.text) {
            Some(words) if error.reason != Reason::TooDeep => Ok(Expression::Text(words)),
            None if error.reason == Reason::Words => Ok(Expression::Text(words::canonical(&spelled.text))),
            _ => Err(Unreadable { position: spelled.origin(error.position).min(text.len()), ..error }),
        },
    }
}
