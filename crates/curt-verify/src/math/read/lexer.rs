//! Text into tokens: one pass, linear.

use super::super::expression::{Constant, Relation};
use super::commands::{
    BORDER, Bracket, Environment, Meaning, NEGATIVE, NO_GAP, SPACE, Side, THIN, command, command_prefix, word,
};
use super::pairs::{n_unclosed, pair};
use crate::math::braces::closing_brace;

/// A token and where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Token<'a> {
    /// What it is.
    pub kind: Kind<'a>,
    /// First byte.
    pub start: usize,
    /// Byte behind the last.
    pub end: usize,
    /// What stands between it and the token before: a sum of the constants of [`super::commands`].
    pub gap: u8,
    /// Of an opening bracket: the index of the bracket that closes it, [`NONE`] if none does. Of a [`Meaning::Pipe`]: how many
    /// of these follow in the same bracket, itself counted.
    pub partner: usize,
}

/// No partner.
pub const NONE: usize = usize::MAX;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind<'a> {
    /// Digits, with at most one point among or before them.
    Number(&'a str),
    /// The first letter of `run`, which goes on to the end of the letters that stand together; `first` if it begins there.
    Letter { run: &'a str, first: bool },
    /// What the braces of `\text` and its kin hold; `upright` for `\mathrm` and its kin.
    Words { raw: &'a str, upright: bool },
    /// A command that is not known: its name.
    Unknown(&'a str),
    /// A character that says nothing in mathematics.
    Other(char),
    /// Something with a meaning.
    Is(Meaning),
}

/// The tokens of `text`, with brackets and bars paired.
pub fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut lexer =
        Lexer { text, at: 0, gap: NO_GAP, tokens: Vec::with_capacity(text.len() / 2 + 4), environments: 0, n_open: 0 };
    while lexer.at < text.len() {
        lexer.step();
    }
    let mut tokens = lexer.tokens;
    for _ in 0..n_unclosed(&tokens) {
        let kind = Kind::Is(Meaning::Close(Bracket::Group));
        tokens.push(Token { kind, start: text.len(), end: text.len(), gap: NO_GAP, partner: NONE });
    }
    pair(&mut tokens);
    tokens
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    gap: u8,
    tokens: Vec<Token<'a>>,
    environments: usize,
    /// Arguments that were never closed; after a few no more are looked for, since each costs a pass.
    n_open: usize,
}

impl<'a> Lexer<'a> {
    fn step(&mut self) {
        let rest = &self.text[self.at..];
        let first = rest.as_bytes()[0];
        match first {
            b' ' | b'\t' | b'\n' | b'\r' => self.skip(1, SPACE),
            b'~' => self.skip(1, THIN),
            b'$' => self.skip(1, BORDER),
            b'\\' => self.backslash(rest),
            b'0'..=b'9' => self.number(rest),
            b'.' if rest.len() > 1 && rest.as_bytes()[1].is_ascii_digit() => self.number(rest),
            b'.' if rest.starts_with("...") => self.push(3, Kind::Is(Meaning::Ellipsis)),
            b'A'..=b'Z' | b'a'..=b'z' => self.letters(rest),
            _ => self.sign(rest),
        }
    }

    fn skip(&mut self, length: usize, gap: u8) {
        self.at += length;
        self.gap |= gap;
    }

    fn push(&mut self, length: usize, kind: Kind<'a>) {
        let (start, end) = (self.at, self.at + length);
        self.tokens.push(Token { kind, start, end, gap: self.gap, partner: NONE });
        self.at = end;
        self.gap = NO_GAP;
    }

    fn number(&mut self, rest: &'a str) {
        let digits = |from: usize| rest.as_bytes()[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let mut length = digits(0);
        if rest.as_bytes().get(length) == Some(&b'.') {
            let decimals = digits(length + 1);
            if decimals > 0 {
                length += 1 + decimals;
            }
        }
        self.push(length, Kind::Number(&rest[..length]));
    }

    fn letters(&mut self, rest: &'a str) {
        let length = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let run = &rest[..length];
        if length > 1
            && let Some(meaning) = word(run)
        {
            return self.push(length, Kind::Is(meaning));
        }
        // a known function or π with one letter behind it: `sinx`, `2pir`
        if length > 2
            && let Some(meaning @ (Meaning::Function(_) | Meaning::Constant(Constant::Pi))) = word(&run[..length - 1])
        {
            self.push(length - 1, Kind::Is(meaning));
            return self.push(1, Kind::Letter { run: &run[length - 1..], first: true });
        }
        for i in 0..length {
            self.push(1, Kind::Letter { run: &run[i..], first: i == 0 });
        }
    }

    fn sign(&mut self, rest: &'a str) {
        const LONG: [(&str, Meaning); 10] = [
            ("+/-", Meaning::PlusMinus(true)),
            ("<=>", Meaning::Relation(Relation::Arrow)),
            ("<=", Meaning::Relation(Relation::LessEqual)),
            (">=", Meaning::Relation(Relation::GreaterEqual)),
            ("=<", Meaning::Relation(Relation::LessEqual)),
            ("!=", Meaning::Relation(Relation::NotEqual)),
            ("==", Meaning::Relation(Relation::Equal)),
            ("=>", Meaning::Relation(Relation::Arrow)),
            ("->", Meaning::Relation(Relation::Arrow)),
            ("**", Meaning::Caret),
        ];
        for (sign, meaning) in LONG {
            if rest.starts_with(sign) {
                return self.push(sign.len(), Kind::Is(meaning));
            }
        }
        let meaning = match rest.as_bytes()[0] {
            b'+' => Meaning::Plus,
            b'-' => Meaning::Minus,
            b'*' => Meaning::Times,
            b'/' => Meaning::Slash,
            b':' => Meaning::Colon,
            b',' => Meaning::Comma,
            b';' => Meaning::Semicolon,
            b'.' => Meaning::Point,
            b'&' => Meaning::Ampersand,
            b'^' => Meaning::Caret,
            b'_' => Meaning::Underscore,
            b'\'' => Meaning::Prime,
            b'!' => Meaning::Bang,
            b'%' => Meaning::Percent,
            b'|' => Meaning::Pipe,
            b'(' => Meaning::Open(Bracket::Round),
            b')' => Meaning::Close(Bracket::Round),
            b'[' => Meaning::Open(Bracket::Square),
            b']' => Meaning::Close(Bracket::Square),
            b'{' => return self.open_group(rest),
            b'}' => Meaning::Close(Bracket::Group),
            b'=' => Meaning::Relation(Relation::Equal),
            b'<' => Meaning::Relation(Relation::Less),
            b'>' => Meaning::Relation(Relation::Greater),
            _ => {
                let c = rest.chars().next().unwrap_or(' ');
                return self.push(c.len_utf8(), Kind::Other(c));
            }
        };
        self.push(1, Kind::Is(meaning));
    }

    /// `{`, unless it only holds a comma and spaces: then that comma is inside a number.
    fn open_group(&mut self, rest: &'a str) {
        let inner = rest[1..].trim_start_matches(' ');
        if let Some(behind) = inner.strip_prefix(',')
            && let Some(end) = behind.trim_start_matches(' ').strip_prefix('}')
        {
            return self.push(rest.len() - end.len(), Kind::Is(Meaning::Thousands));
        }
        self.push(1, Kind::Is(Meaning::Open(Bracket::Group)));
    }

    fn backslash(&mut self, rest: &'a str) {
        let Some(second) = rest[1..].chars().next() else {
            return self.skip(1, SPACE);
        };
        match second {
            'A'..='Z' | 'a'..='z' => self.command(rest, 1),
            '\\' if self.environments == 0 && doubled(&rest[2..]) => self.command(rest, 2),
            '\\' => self.push(2, Kind::Is(Meaning::NewRow)),
            ',' | ' ' | ';' | ':' | '>' | '/' => self.skip(2, THIN),
            '!' => self.skip(2, NEGATIVE),
            '(' | ')' | '[' | ']' => self.skip(2, BORDER),
            '{' => self.push(2, Kind::Is(Meaning::Open(Bracket::Curly))),
            '}' => self.push(2, Kind::Is(Meaning::Close(Bracket::Curly))),
            '|' => self.push(2, Kind::Is(Meaning::Pipe)),
            '%' => self.push(2, Kind::Is(Meaning::Percent)),
            '$' => self.push(2, Kind::Is(Meaning::Currency("dollar"))),
            '&' => self.push(2, Kind::Is(Meaning::And)),
            _ => self.skip(1, NO_GAP),
        }
    }

    /// A command whose name begins `slashes` bytes into `rest`.
    fn command(&mut self, rest: &'a str, slashes: usize) {
        let length = rest[slashes..].bytes().take_while(u8::is_ascii_alphabetic).count();
        let name = &rest[slashes..slashes + length];
        if let Some(meaning) = command(name) {
            return self.meaning(slashes + length, meaning);
        }
        match command_prefix(name) {
            Some((known, meaning)) => self.meaning(slashes + known.len(), meaning),
            None => self.push(slashes + length, Kind::Unknown(name)),
        }
    }

    fn meaning(&mut self, length: usize, meaning: Meaning) {
        match meaning {
            Meaning::Nothing => self.skip(length, NO_GAP),
            Meaning::Space(gap) => self.skip(length, gap),
            Meaning::Swallow => {
                self.skip(length, SPACE);
                self.braces();
            }
            Meaning::Size(side) => self.size(length, side),
            Meaning::Character => self.character(length),
            Meaning::Words => self.words(length, false),
            Meaning::Upright => self.words(length, true),
            Meaning::Environment(begins) => self.environment(length, begins),
            _ => self.push(length, Kind::Is(meaning)),
        }
    }

    /// `\char"3B1`, if that character has a spelling of its own.
    fn character(&mut self, length: usize) {
        let rest = self.text[self.at + length..].trim_start();
        let hex = rest.strip_prefix('"').unwrap_or("");
        let digits = hex.bytes().take_while(u8::is_ascii_hexdigit).count();
        let code = u32::from_str_radix(&hex[..digits], 16).ok().and_then(char::from_u32);
        let meaning = code.and_then(super::unicode::command).and_then(|name| command(name.trim_matches(['\\', ' '])));
        match meaning {
            Some(meaning) => self.push(self.text.len() - self.at - rest.len() + 1 + digits, Kind::Is(meaning)),
            None => self.push(length, Kind::Unknown("char")),
        }
    }

    /// `\left` and its kin with what they size.
    fn size(&mut self, length: usize, side: Side) {
        self.skip(length, NO_GAP);
        let trimmed = self.text[self.at..].trim_start();
        let spaces = self.text.len() - self.at - trimmed.len();
        let (pipe, bracket) = match side {
            Side::Left => (Meaning::OpenPipe, Meaning::Open(Bracket::Nothing)),
            Side::Right => (Meaning::ClosePipe, Meaning::Close(Bracket::Nothing)),
            Side::Middle => (Meaning::Bar, Meaning::Bar),
            Side::Any => return,
        };
        // `\vertx` is the bar and an x
        let bars = ["|", "\\|", "\\vert", "\\lvert", "\\rvert", "\\Vert", "\\mid"];
        if let Some(bar) = bars.into_iter().find(|bar| trimmed.starts_with(bar)) {
            return self.push(spaces + bar.len(), Kind::Is(pipe));
        }
        if trimmed.starts_with('.') {
            self.push(spaces + 1, Kind::Is(bracket));
        } else if trimmed.starts_with('{') && side == Side::Left {
            self.push(spaces + 1, Kind::Is(Meaning::Open(Bracket::Curly)));
        } else if trimmed.starts_with('}') && side == Side::Right {
            self.push(spaces + 1, Kind::Is(Meaning::Close(Bracket::Curly)));
        }
    }

    /// What the braces at this place hold, with both of them passed; none, and nothing passed, if there are none.
    fn braces(&mut self) -> Option<&'a str> {
        const MAX_OPEN: usize = 8;
        if self.n_open >= MAX_OPEN {
            return None;
        }
        let trimmed = self.text[self.at..].trim_start();
        let content = trimmed.strip_prefix('{')?;
        if let Some(end) = closing_brace(content) {
            self.at = self.text.len() - content.len() + end + 1;
            return Some(&content[..end]);
        }
        self.n_open += 1;
        None
    }

    /// `\text{…}` and `\mathrm{…}` as one token, or as what a known name in them means.
    fn words(&mut self, length: usize, upright: bool) {
        let start = self.at;
        self.at += length;
        if self.text[self.at..].starts_with('*') {
            self.at += 1;
        }
        let Some(raw) = self.braces() else { return };
        let end = self.at;
        self.at = start;
        let name = raw.trim_matches([' ', '~', '\\', ',', ';']);
        if name.is_empty() {
            self.at = end;
            self.gap |= SPACE;
            if raw.contains([',', ';']) {
                self.push(0, Kind::Is(Meaning::Comma));
            }
            return;
        }
        if name == ":" {
            return self.push(end - start, Kind::Is(Meaning::Colon));
        }
        let is_mathematics = |byte: u8| byte.is_ascii_digit() || b"\\^_+={}()".contains(&byte);
        let is_minute = name == "min" && !self.text[end..].trim_start().starts_with(['(', '{', '[', '\\', '_']);
        let kind = match word(name).or_else(|| if upright { command(name) } else { None }) {
            _ if upright && name.bytes().any(is_mathematics) => {
                // letters and numbers set upright: only the command goes
                self.at = end - raw.len() - 2;
                return;
            }
            Some(meaning) if !matches!(meaning, Meaning::Nothing | Meaning::Space(_) | Meaning::Symbol(_)) && !is_minute => {
                Kind::Is(meaning)
            }
            _ if upright && name.len() == 1 && name.as_bytes()[0].is_ascii_alphabetic() && !self.is_upright_unit(name) => {
                Kind::Letter { run: name, first: true }
            }
            _ => Kind::Words { raw, upright },
        };
        self.push(end - start, kind);
    }

    /// Whether an upright letter behind a number is its unit: `82 \mathrm{~m}`.
    fn is_upright_unit(&self, letter: &str) -> bool {
        let follows_number = self.tokens.last().is_some_and(|token| matches!(token.kind, Kind::Number(_)));
        follows_number && matches!(letter, "m" | "s" | "g" | "h" | "L" | "N" | "J" | "W" | "V" | "K")
    }

    fn environment(&mut self, length: usize, begins: bool) {
        let start = self.at;
        self.at += length;
        let name = self.braces().unwrap_or("").trim_end_matches('*');
        if !begins {
            self.environments = self.environments.saturating_sub(1);
            let end = self.at;
            self.at = start;
            return self.push(end - start, Kind::Is(Meaning::End));
        }
        self.environments += 1;
        let kind = match name {
            "matrix" | "pmatrix" | "bmatrix" | "Bmatrix" | "smallmatrix" => Environment::Matrix,
            "array" | "tabular" => {
                self.braces();
                Environment::Matrix
            }
            "vmatrix" | "Vmatrix" => Environment::Determinant,
            _ => Environment::Lines,
        };
        let end = self.at;
        self.at = start;
        self.push(end - start, Kind::Is(Meaning::Begin(kind)));
    }
}

/// Whether `rest`, behind two backslashes, is the name of a command that was escaped twice.
fn doubled(rest: &str) -> bool {
    let length = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
    length > 1 && command(&rest[..length]).is_some()
}
