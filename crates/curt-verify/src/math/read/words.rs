//! Answers in words.

use super::super::expression::Expression;
use super::ReadOptions;
use super::commands::{Bracket, Meaning, command};
use super::lexer::{Kind, Token};

/// Short words that are never a product of letters.
const SHORT: [&str; 24] = [
    "is", "of", "if", "no", "to", "the", "for", "all", "any", "are", "not", "but", "yes", "one", "two", "six", "ten", "odd",
    "day", "has", "was", "its", "can", "per",
];

/// Whether letters that stand together are a word rather than a product: four or more with a vowel, neither all capitals
/// nor in the order of the alphabet (`abcd`), or one of a few short ones.
pub fn is_word(run: &str) -> bool {
    if run.len() < 2 {
        return false;
    }
    if run.len() < 4 {
        let mut lower = [0; 3];
        run.bytes().zip(&mut lower).for_each(|(byte, slot)| *slot = byte.to_ascii_lowercase());
        let has_capital_inside = run.bytes().skip(1).any(|byte| byte.is_ascii_uppercase());
        return !has_capital_inside && SHORT.iter().any(|word| word.as_bytes() == &lower[..run.len()]);
    }
    let has_vowel = run.bytes().any(|byte| b"aeiouyAEIOUY".contains(&byte));
    let has_capital_inside = run.bytes().skip(1).any(|byte| byte.is_ascii_uppercase());
    has_vowel && !has_capital_inside && !run.bytes().is_sorted()
}

/// The answer if it is nothing but words: a choice or a text. None if there is anything else.
pub fn only_words(text: &str, tokens: &[Token]) -> Option<Expression> {
    use Meaning::{Close, Open, Point};
    const OPEN: Kind = Kind::Is(Open(Bracket::Round));
    const CLOSE: Kind = Kind::Is(Close(Bracket::Round));
    let kinds = |range: std::ops::Range<usize>| tokens.get(range).unwrap_or_default().iter().map(|token| token.kind);
    match tokens {
        [] => return None,
        [words] if matches!(words.kind, Kind::Words { .. }) => {
            let Kind::Words { raw, .. } = words.kind else { return None };
            return Some(inside(raw));
        }
        [open, Token { kind: Kind::Letter { run, first: true }, .. }, close] if open.kind == OPEN && close.kind == CLOSE => {
            let letter = run.as_bytes()[0];
            return letter.is_ascii_uppercase().then_some(Expression::Choice(letter as char));
        }
        _ => {}
    }
    let is_letter = |kind| matches!(kind, Kind::Letter { .. } | Kind::Is(Point | Meaning::And));
    if !kinds(0..tokens.len()).all(is_letter) {
        return None;
    }
    let mut runs = kinds(0..tokens.len()).filter_map(|kind| match kind {
        Kind::Letter { run, first: true } => Some(run),
        _ => None,
    });
    let first = runs.next()?;
    let has_word = is_word(first) || runs.any(is_word);
    // one short word alone: `even` is found above, `sad` and `Tom` here
    let is_short_word = tokens.len() == first.len()
        && first.len() == 3
        && first.bytes().any(|byte| b"aeiouyAEIOUY".contains(&byte))
        && first.bytes().skip(1).all(|byte| byte.is_ascii_lowercase())
        && !first.bytes().is_sorted();
    if has_word || is_short_word { as_text(text).map(Expression::Text) } else { None }
}

/// What the braces of `\text` say when nothing stands beside it: a choice, mathematics, or words.
fn inside(raw: &str) -> Expression {
    // deeper nests of `\text` stay text
    let n_nested = raw.matches("\\text").count() + raw.matches("\\mathrm").count();
    if n_nested < 2
        && raw.bytes().any(|byte| byte.is_ascii_digit() || b"\\$".contains(&byte))
        && let Ok(found) = super::read(raw, &ReadOptions::default())
    {
        return found;
    }
    let choices: Option<Vec<Expression>> = raw.split(',').map(|part| choice(part.trim_start_matches(" and "))).collect();
    match choices {
        Some(choices) if choices.len() > 1 => Expression::List(choices),
        _ => text_or_choice(raw),
    }
}

/// `B`, `(B)`: a choice; other words: a text.
pub fn text_or_choice(raw: &str) -> Expression {
    choice(raw).unwrap_or_else(|| Expression::Text(canonical(raw)))
}

fn choice(raw: &str) -> Option<Expression> {
    match raw.trim_matches([' ', '~', '.', '(', ')', '\\']).as_bytes() {
        [letter] if letter.is_ascii_uppercase() => Some(Expression::Choice(*letter as char)),
        _ => None,
    }
}

/// `text` as words, see [`canonical`]; none if it has no words.
pub fn as_text(text: &str) -> Option<String> {
    let has_words = text.contains("\\text")
        || text.contains("\\mathrm")
        || text.contains("\\mbox")
        || text.chars().any(|c| c.is_alphabetic() && !c.is_ascii());
    let has_run = || runs(text).any(is_word);
    let has_time = || ["a.m", "p.m"].iter().any(|time| text.contains(time));
    (has_words || has_run() || has_time()).then(|| canonical(text))
}

/// Letters that stand together, but for the names of commands and environments.
fn runs(text: &str) -> impl Iterator<Item = &str> {
    let mut at = 0;
    text.split(|c: char| !c.is_ascii_alphabetic()).filter(move |run| {
        let before = &text[..at];
        at += run.len();
        at += text[at..].chars().next().map_or(0, char::len_utf8);
        !["\\", "\\begin{", "\\end{"].iter().any(|mark| before.ends_with(mark))
    })
}

/// `text` in lower case, with its spacing collapsed and without the commands that only set it.
pub fn canonical(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '\\' => {
                let length = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
                let says_nothing = match command(&rest[..length]) {
                    Some(
                        Meaning::Words
                        | Meaning::Upright
                        | Meaning::Bold
                        | Meaning::Nothing
                        | Meaning::Space(_)
                        | Meaning::Size(_)
                        | Meaning::Swallow,
                    ) => true,
                    Some(_) => false,
                    None => length == 0,
                };
                if says_nothing {
                    out.push(' ');
                    let skipped = if length > 0 {
                        length
                    } else {
                        rest.chars().next().filter(|c| " ,;:!()[]".contains(*c)).map_or(0, char::len_utf8)
                    };
                    rest = &rest[skipped..];
                }
            }
            '{' | '}' | '$' | '~' | '"' => out.push(' '),
            c => out.extend(c.to_lowercase()),
        }
    }
    let words: Vec<&str> = out.split_whitespace().collect();
    words.join(" ").replace(" ,", ",").replace(", ", ",").trim_end_matches(['.', ',', ';', '!']).trim_end().to_owned()
}
