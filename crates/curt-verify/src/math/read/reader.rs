//! The state of reading: a cursor over tokens, and what surrounds it.

use super::super::expression::Expression;
use super::commands::{BORDER, Bracket, Meaning, NO_GAP, WIDE};
use super::lexer::{Kind, NONE, Token};
use super::{Reason, Unreadable};

/// What a rule of the grammar gives.
pub type Read<T = Expression> = Result<T, Unreadable>;

/// Reads tokens by recursive descent. Every cycle of rules passes through [`Reader::deeper`], which counts.
pub struct Reader<'a> {
    pub text: &'a str,
    pub tokens: Vec<Token<'a>>,
    /// The token that is read next.
    pub next: usize,
    /// The first token that is out of bounds.
    pub end: usize,
    depth: u32,
    max_depth: u32,
    /// Whether a comma between groups of three digits may be part of a number here.
    pub thousands: bool,
    /// Inside how many arguments of trigonometric functions this is, where degrees are angles.
    pub angle: u32,
    /// Bars that are open in this bracket.
    pub pipes: usize,
    /// Whether an interval written with reversed brackets is open: `]0, 1[`.
    pub reversed: bool,
    /// Whether a bar or a colon ends what is read, as in `\{x | x > 0\}`.
    pub in_set: bool,
    /// Whether `&` only aligns.
    pub in_lines: bool,
    /// The counters of the sums and products around.
    pub counters: Vec<String>,
    /// Whether anything is divided by `\over` or `\choose`.
    pub divides: bool,
    /// The differential of the integral around, once it is met: `Some(None)` until then.
    pub differential: Option<Option<String>>,
}

impl<'a> Reader<'a> {
    pub fn new(text: &'a str, tokens: Vec<Token<'a>>, max_depth: u32, thousands: bool) -> Self {
        let end = tokens.len();
        let divides = tokens.iter().any(|token| matches!(token.kind, Kind::Is(Meaning::Over(_))));
        Reader {
            text,
            tokens,
            next: 0,
            end,
            depth: 0,
            max_depth,
            thousands,
            angle: 0,
            pipes: 0,
            reversed: false,
            in_set: false,
            in_lines: false,
            counters: Vec::new(),
            divides,
            differential: None,
        }
    }

    /// The token `ahead` of the next one.
    pub fn token(&self, ahead: usize) -> Option<&Token<'a>> {
        let at = self.next + ahead;
        if at < self.end { self.tokens.get(at) } else { None }
    }

    /// What the next token is.
    pub fn peek(&self) -> Option<Kind<'a>> {
        self.token(0).map(|token| token.kind)
    }

    /// What the token `ahead` of the next one is.
    pub fn peek_ahead(&self, ahead: usize) -> Option<Kind<'a>> {
        self.token(ahead).map(|token| token.kind)
    }

    /// The meaning of the next token, if it has one.
    pub fn meaning(&self) -> Option<Meaning> {
        match self.peek() {
            Some(Kind::Is(meaning)) => Some(meaning),
            _ => None,
        }
    }

    /// Whether the next token means this.
    pub fn is(&self, meaning: Meaning) -> bool {
        self.peek() == Some(Kind::Is(meaning))
    }

    /// Whether the token `ahead` of the next one means this.
    pub fn is_ahead(&self, ahead: usize, meaning: Meaning) -> bool {
        self.peek_ahead(ahead) == Some(Kind::Is(meaning))
    }

    /// Passes the next token if it means this.
    pub fn take(&mut self, meaning: Meaning) -> bool {
        let is = self.is(meaning);
        self.next += usize::from(is);
        is
    }

    /// Passes the next token, which has to mean this.
    pub fn expect(&mut self, meaning: Meaning) -> Read<()> {
        if self.take(meaning) { Ok(()) } else { self.unexpected() }
    }

    /// The space before the next token.
    pub fn gap(&self) -> u8 {
        self.token(0).map_or(NO_GAP, |token| token.gap)
    }

    /// Whether the next token cannot be part of the term before it.
    pub fn is_apart(&self) -> bool {
        self.gap() & (WIDE | BORDER) != 0
    }

    /// Fails at the next token.
    pub fn unexpected<T>(&self) -> Read<T> {
        self.fail(if self.next < self.end { Reason::Unexpected } else { Reason::Unfinished })
    }

    /// Fails at the next token, for this reason.
    pub fn fail<T>(&self, reason: Reason) -> Read<T> {
        let position = self.tokens.get(self.next).map_or(self.text.len(), |token| token.start);
        Err(Unreadable { reason, position })
    }

    /// Reads one level deeper.
    pub fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        if self.depth >= self.max_depth {
            return self.fail(Reason::TooDeep);
        }
        self.depth += 1;
        let found = read(self);
        self.depth -= 1;
        found
    }

    /// Reads all of the tokens up to `end`, which is passed too.
    pub fn within<T>(&mut self, end: usize, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        let outer_end = std::mem::replace(&mut self.end, end);
        let outer = (self.pipes, self.in_set, self.thousands);
        (self.pipes, self.in_set, self.thousands) = (0, false, false);
        let found = read(self).and_then(|found| if self.next == end { Ok(found) } else { self.unexpected() });
        self.end = outer_end;
        (self.pipes, self.in_set, self.thousands) = outer;
        self.next = end + 1;
        found
    }

    /// The index of the brace that closes the group which is next; none if no group is next.
    pub fn group_end(&self) -> Read<Option<usize>> {
        match self.token(0) {
            Some(token) if token.kind == Kind::Is(Meaning::Open(Bracket::Group)) => {
                if token.partner == NONE || token.partner >= self.end {
                    return self.fail(Reason::Unfinished);
                }
                Ok(Some(token.partner))
            }
            _ => Ok(None),
        }
    }

    /// What the group that is next holds, as an answer of its own; none if no group is next.
    pub fn group(&mut self) -> Read<Option<Expression>> {
        let Some(end) = self.group_end()? else { return Ok(None) };
        self.next += 1;
        self.deeper(|reader| reader.within(end, Self::list)).map(Some)
    }
}
