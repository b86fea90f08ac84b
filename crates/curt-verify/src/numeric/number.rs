//! Numbers in text, as exact fractions of whole numbers of any size up to 100 digits a part.

use std::ops::Range;

const MAX_DIGITS: usize = 100;

/// A fraction: sign, and numerator and denominator as decimal digits (most significant first, no leading zeros).
#[derive(Clone, Debug)]
pub(super) struct Number {
    negative: bool,
    numerator: Vec<u8>,
    denominator: Vec<u8>,
}

impl PartialEq for Number {
    /// a/b = c/d if a·d = c·b; zero has no sign.
    fn eq(&self, other: &Number) -> bool {
        let same_sign = self.negative == other.negative || self.numerator.is_empty();
        same_sign && product(&self.numerator, &other.denominator) == product(&other.numerator, &self.denominator)
    }
}

/// The number that `text` is as a whole, but for a percent sign, degrees, or a unit behind it.
pub(super) fn parse(text: &str) -> Option<Number> {
    let literal = literal(text.as_bytes(), 0)?;
    if !is_unit(text.get(literal.end..)?) {
        return None;
    }
    literal.number(text.as_bytes())
}

/// The last number in `text`, as it stands there. One pass from the front, since `5-3` holds 3 and `(-3` holds −3.
pub(super) fn last(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let mut found = None;
    let mut at = 0;
    while at < bytes.len() {
        match literal(bytes, at) {
            Some(literal) => {
                found = Some(at..literal.end);
                at = literal.end;
            }
            None => at += 1,
        }
    }
    text.get(found?)
}

/// Where the digits of `12,345.67` stand; separators lie between those of the whole part.
struct Decimal {
    whole: Range<usize>,
    fraction: Range<usize>,
}

/// Where a number stands in a text.
struct Literal {
    negative: bool,
    numerator: Decimal,
    denominator: Option<Decimal>,
    end: usize,
}

impl Decimal {
    /// All its digits, and how many of them are behind the point.
    fn digits(&self, bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
        if self.whole.len() + self.fraction.len() > MAX_DIGITS {
            return None;
        }
        let whole = bytes[self.whole.clone()].iter().filter(|byte| byte.is_ascii_digit());
        let digits = whole.chain(&bytes[self.fraction.clone()]).map(|byte| byte - b'0').collect();
        Some((digits, self.fraction.len()))
    }
}

impl Literal {
    /// Its value; none if a part has too many digits or the denominator is zero.
    fn number(&self, bytes: &[u8]) -> Option<Number> {
        let (mut numerator, behind) = self.numerator.digits(bytes)?;
        let (mut denominator, denominator_behind) = match &self.denominator {
            Some(denominator) => denominator.digits(bytes)?,
            None => (vec![1], 0),
        };
        // (a / 10^p) / (b / 10^q) = a·10^q / (b·10^p)
        numerator.extend(vec![0; denominator_behind]);
        denominator.extend(vec![0; behind]);
        let (numerator, denominator) = (stripped(numerator), stripped(denominator));
        (!denominator.is_empty()).then_some(Number { negative: self.negative, numerator, denominator })
    }
}

/// The number that begins at `at`: sign, dollar sign, then `\frac{a}{b}`, `a/b` or `a`. A minus behind a letter, a digit or
/// a closing bracket subtracts and begins none. Looks at each byte a bounded number of times.
fn literal(bytes: &[u8], at: usize) -> Option<Literal> {
    let (mut at, before) = (at, if at == 0 { b' ' } else { bytes[at - 1] });
    let mut negative = false;
    if let Some((minus, length)) = sign(bytes.get(at..)?) {
        if before.is_ascii_alphanumeric() || matches!(before, b')' | b']' | b'}') {
            return None;
        }
        negative = minus;
        at += length;
    } else if bytes.get(at) == Some(&b'.') && before == b'.' {
        return None; // the last dot of an ellipsis
    }
    at += [&b"\\$"[..], b"$"].iter().find(|dollar| bytes[at..].starts_with(dollar)).map_or(0, |dollar| dollar.len());
    if let Some(command) = [&b"\\frac"[..], b"\\dfrac", b"\\tfrac"].iter().find(|command| bytes[at..].starts_with(command)) {
        let (numerator, end) = argument(bytes, at + command.len())?;
        let (denominator, end) = argument(bytes, end)?;
        return Some(Literal { negative, numerator, denominator: Some(denominator), end });
    }
    let (numerator, end) = decimal(bytes, at)?;
    if bytes.get(end) == Some(&b'/')
        && let Some((denominator, end)) = decimal(bytes, end + 1)
    {
        return Some(Literal { negative, numerator, denominator: Some(denominator), end });
    }
    Some(Literal { negative, numerator, denominator: None, end })
}

/// Whether the text begins with a minus (or a plus), and its length.
fn sign(bytes: &[u8]) -> Option<(bool, usize)> {
    match bytes {
        [b'-', ..] => Some((true, 1)),
        [b'+', ..] => Some((false, 1)),
        [0xe2, 0x88, 0x92, ..] => Some((true, 3)), // U+2212 minus sign
        _ => None,
    }
}

/// `{12}` or one digit, and where it ends.
fn argument(bytes: &[u8], at: usize) -> Option<(Decimal, usize)> {
    match bytes.get(at)? {
        b'{' => {
            let (decimal, end) = decimal(bytes, at + 1)?;
            (bytes.get(end) == Some(&b'}')).then_some((decimal, end + 1))
        }
        digit if digit.is_ascii_digit() => Some((Decimal { whole: at..at + 1, fraction: at..at }, at + 1)),
        _ => None,
    }
}

/// Digits, with commas only before groups of three, then perhaps a point and more digits; and where they end.
fn decimal(bytes: &[u8], at: usize) -> Option<(Decimal, usize)> {
    let mut end = digits_end(bytes, at);
    if (1..=3).contains(&(end - at)) {
        while bytes.get(end) == Some(&b',') && digits_end_within(bytes, end + 1, 4) == end + 4 {
            end += 4;
        }
    }
    let whole = at..end;
    let mut fraction = end..end;
    if bytes.get(end) == Some(&b'.') {
        fraction = end + 1..digits_end(bytes, end + 1);
    }
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let end = if fraction.is_empty() { whole.end } else { fraction.end };
    Some((Decimal { whole, fraction }, end))
}

fn digits_end(bytes: &[u8], at: usize) -> usize {
    digits_end_within(bytes, at, usize::MAX)
}

/// Where the digits from `at` end, looking at no more than `limit`.
fn digits_end_within(bytes: &[u8], at: usize, limit: usize) -> usize {
    at + bytes.get(at..).unwrap_or(&[]).iter().take(limit).take_while(|byte| byte.is_ascii_digit()).count()
}

/// Nothing, a percent sign, degrees, `\text{ cm}`, or words behind a space.
fn is_unit(text: &str) -> bool {
    let unit = text.trim();
    let worded = |c: char| c.is_alphabetic() || c == ' ' || c == '.';
    matches!(unit, "" | "%" | "\\%" | "°" | "^\\circ" | "^{\\circ}")
        || ["\\text{", "\\mathrm{", "\\mbox{"]
            .iter()
            .find_map(|command| unit.strip_prefix(command)?.split_once('}'))
            .is_some_and(|(_, rest)| matches!(rest, "" | "^2" | "^3" | "^{2}" | "^{3}"))
        || (text.starts_with(' ') && unit.chars().all(worded))
}

fn stripped(mut digits: Vec<u8>) -> Vec<u8> {
    let zeros = digits.iter().take_while(|digit| **digit == 0).count();
    digits.drain(..zeros);
    digits
}

/// The product of two whole numbers of at most 200 digits, digit by digit.
fn product(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut sums = vec![0_u32; a.len() + b.len()];
    for (i, x) in a.iter().enumerate() {
        for (j, y) in b.iter().enumerate() {
            sums[i + j + 1] += u32::from(*x) * u32::from(*y);
        }
    }
    for at in (1..sums.len()).rev() {
        sums[at - 1] += sums[at] / 10;
        sums[at] %= 10;
    }
    stripped(sums.into_iter().map(|digit| digit as u8).collect())
}
