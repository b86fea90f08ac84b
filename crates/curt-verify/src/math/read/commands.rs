//! What a command or a word of the notation means.

use super::super::expression::{Constant, Function, RangeKind, Relation, SetOperation};
use super::tables::{COMMANDS, WORDS};

/// What a sign, a command or a known word means, wherever it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// `+`
    Plus,
    /// `−`
    Minus,
    /// `±`; false: `∓`
    PlusMinus(bool),
    /// `·`, `×`, `*`
    Times,
    /// `/`, `÷`
    Slash,
    /// `:`
    Colon,
    /// `mod` between two numbers
    Mod,
    /// `\pmod`: a modulus in a group follows
    Modulus,
    /// `,`
    Comma,
    /// `{,}`: a comma inside a number
    Thousands,
    /// `;`
    Semicolon,
    /// `and`, `or` between answers
    And,
    /// `\\`
    NewRow,
    /// `&`
    Ampersand,
    /// `^`
    Caret,
    /// `_`
    Underscore,
    /// `'`
    Prime,
    /// `!`
    Bang,
    /// `%`
    Percent,
    /// `°`
    Degree,
    /// A sign of money, before or behind an amount: its unit
    Currency(&'static str),
    /// A full stop that is not in a number
    Point,
    /// An opening bracket
    Open(Bracket),
    /// A closing bracket
    Close(Bracket),
    /// `|`, `\vert`: opens or closes
    Pipe,
    /// `\left|`, `\lvert`
    OpenPipe,
    /// `\right|`, `\rvert`
    ClosePipe,
    /// `\mid`: stands between
    Bar,
    /// A relation
    Relation(Relation),
    /// `\not`: the relation that follows does not hold
    Not,
    /// An operation on sets
    SetOperation(SetOperation),
    /// A variable with a name
    Symbol(&'static str),
    /// A constant
    Constant(Constant),
    /// `∅`
    EmptySet,
    /// A function that takes a bracket or the factors behind it
    Function(Function),
    /// `\frac`
    Fraction,
    /// `\binom`
    Binomial,
    /// `\sqrt`
    Root,
    /// `\sqrt[3]` as a word
    CubeRoot,
    /// `\over`; false: `\choose`
    Over(bool),
    /// `\sum`, `\prod`
    Big(RangeKind),
    /// `\int`
    Integral,
    /// `\lim`
    Limit,
    /// `\partial`
    Partial,
    /// `\bar{x}` and its kin: the mark; empty if it changes nothing
    Accent(&'static str),
    /// `\mathbf`: a letter in it is no constant
    Bold,
    /// `\mathbb`
    Blackboard,
    /// `\variable{name}`
    Variable,
    /// `\begin{…}`
    Begin(Environment),
    /// `\end{…}`
    End,
    /// `\ldots`
    Ellipsis,
    /// `\text` and its kin: words in braces follow
    Words,
    /// `\mathrm` and its kin: a name or words in braces follow
    Upright,
    /// Says nothing: `\displaystyle`, `\boxed`
    Nothing,
    /// `\left`, `\bigl`; `\right`
    Size(Side),
    /// `\quad`, `\,` …
    Space(u8),
    /// `\char"3B1`: a character by its code
    Character,
    /// `\hspace`, `\phantom`, `\label`: nothing, with its argument
    Swallow,
    /// `\begin`, `\end` themselves
    Environment(bool),
}

/// Where a size command puts its delimiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// `\left`
    Left,
    /// `\right`
    Right,
    /// `\middle`
    Middle,
    /// `\big`
    Any,
}

/// A kind of bracket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bracket {
    /// `( )`
    Round,
    /// `[ ]`
    Square,
    /// `\{ \}`
    Curly,
    /// `{ }`
    Group,
    /// `⌊ ⌋`
    Floor,
    /// `⌈ ⌉`
    Ceil,
    /// `⟨ ⟩`
    Angle,
    /// `\left.`, `\right.`
    Nothing,
}

/// What an environment holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// `pmatrix`, `array`, …
    Matrix,
    /// `vmatrix`
    Determinant,
    /// `aligned`, `cases`: rows that are read one by one
    Lines,
}

/// No space.
pub const NO_GAP: u8 = 0;
/// A space.
pub const SPACE: u8 = 1;
/// `\,`, `~`, `\ `, `\;`
pub const THIN: u8 = 2;
/// `\!`
pub const NEGATIVE: u8 = 4;
/// `\quad`
pub const WIDE: u8 = 8;
/// A dollar or another border of mathematics
pub const BORDER: u8 = 16;

/// The meaning of the command `\name`; none if it is not known.
pub fn command(name: &str) -> Option<Meaning> {
    look_up(&COMMANDS, name)
}

/// The meaning of `name` as a word of letters, without a backslash; none if it is not known.
pub fn word(name: &str) -> Option<Meaning> {
    look_up(&WORDS, name)
}

/// The longest known command that `name` begins with, for `\cdotx` and the like.
pub fn command_prefix(name: &str) -> Option<(&str, Meaning)> {
    (2..name.len()).rev().find_map(|length| Some((&name[..length], command(&name[..length])?)))
}

fn look_up(table: &[(&str, Meaning)], name: &str) -> Option<Meaning> {
    table.binary_search_by(|(known, _)| (*known).cmp(name)).ok().map(|i| table[i].1)
}
