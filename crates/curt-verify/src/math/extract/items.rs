//! Mathematics and numbers in prose, and what of them stands together.

use super::super::read::is_word;

/// Longest text that is taken for an answer as a whole, in bytes.
const MAX_ANSWER: usize = 512;

/// Most words of a text that is taken for an answer though it has words.
const MAX_WORDS: usize = 3;

/// A piece of mathematics or a number: its first byte and the byte behind it.
#[derive(Clone, Copy)]
struct Item {
    start: usize,
    end: usize,
}

/// Whether `text` is an answer as a whole: short, and without words or with few.
pub fn is_answer(text: &str) -> bool {
    if text.is_empty() || text.len() > MAX_ANSWER {
        return false;
    }
    if !has_words(text) {
        return true;
    }
    // with mathematics in it, the words are about that
    text.split_whitespace().count() <= MAX_WORDS && !text.contains(['$', '=', '\\'])
}

/// Whether `text` has words outside of commands and of `\text{…}`, other than `and` and `or`.
fn has_words(text: &str) -> bool {
    let mut before = ' ';
    let mut start = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match (c.is_ascii_alphabetic(), start) {
            (true, None) => start = Some((at, before)),
            (true, Some(_)) => {}
            (false, Some((from, mark))) => {
                let run = &text[from..at];
                if mark != '\\' && mark != '{' && is_word(run) {
                    return true;
                }
                start = None;
            }
            (false, None) => {}
        }
        if !c.is_ascii_alphabetic() {
            before = c;
        }
    }
    false
}

/// The first items of `text` that stand together, with a percent sign behind them.
pub fn first_run(text: &str) -> Option<&str> {
    let mut run: Option<Item> = None;
    for item in Scan::of(text) {
        match &mut run {
            Some(run) if joins(&text[run.end..item.start]) => run.end = item.end,
            Some(_) => break,
            None => run = Some(item),
        }
    }
    run.map(|run| whole(text, run))
}

/// The last items of `text` that stand together, with a percent sign behind them.
pub fn last_run(text: &str) -> Option<&str> {
    let mut run: Option<Item> = None;
    for item in Scan::of(text) {
        match &mut run {
            Some(run) if joins(&text[run.end..item.start]) => run.end = item.end,
            _ => run = Some(item),
        }
    }
    run.map(|run| whole(text, run))
}

/// Whether items with `between` them are listed together.
fn joins(between: &str) -> bool {
    const MAX_BETWEEN: usize = 16;
    if between.len() > MAX_BETWEEN || between.contains('\n') {
        return false;
    }
    let listed = between.trim();
    let listed = listed.strip_prefix([',', ';']).unwrap_or(listed).trim();
    matches!(listed, "" | "and" | "or" | "&") && between.contains([',', ';', 'a', 'o', '&'])
}

/// The text of a run, with the brackets that it stands in and a percent sign behind it.
fn whole(text: &str, run: Item) -> &str {
    let Item { mut start, mut end } = run;
    let bytes = text.as_bytes();
    let opens = start > 0 && matches!(bytes[start - 1], b'(' | b'[');
    let closes = bytes.get(end).is_some_and(|byte| matches!(byte, b')' | b']'));
    if opens && closes && text[start..end].contains(',') {
        (start, end) = (start - 1, end + 1);
    }
    let after = &text[end..];
    for sign in ["%", " %", "\\%", " \\%", " percent"] {
        if after.starts_with(sign) {
            end += sign.len();
            break;
        }
    }
    text[start..end].trim()
}

/// Items from left to right. Linear: each byte is passed once, and a search for the end of mathematics stays on its line.
struct Scan<'a> {
    text: &'a str,
    at: usize,
    /// Up to which byte each of the three ways to close mathematics is known not to stand.
    barren: [usize; 4],
}

impl Iterator for Scan<'_> {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        let bytes = self.text.as_bytes();
        while self.at < bytes.len() {
            let start = self.at;
            match bytes[start] {
                b'\\' => {
                    let close = match bytes.get(start + 1) {
                        Some(b'(') => "\\)",
                        Some(b'[') => "\\]",
                        _ => {
                            self.at += 2;
                            continue;
                        }
                    };
                    self.at += 2;
                    if let Some(item) = self.closed(start, close) {
                        return Some(item);
                    }
                }
                b'$' => {
                    let close = if bytes.get(start + 1) == Some(&b'$') { "$$" } else { "$" };
                    self.at += close.len();
                    if let Some(item) = self.closed(start, close) {
                        return Some(item);
                    }
                }
                byte if byte.is_ascii_digit() || byte == b'.' && bytes.get(start + 1).is_some_and(u8::is_ascii_digit) => {
                    self.number();
                    let follows_letter = start > 0 && (bytes[start - 1].is_ascii_alphabetic() || bytes[start - 1] == b'_');
                    if !follows_letter {
                        let signed =
                            start > 0 && bytes[start - 1] == b'-' && (start < 2 || !bytes[start - 2].is_ascii_alphanumeric());
                        return Some(Item { start: start - usize::from(signed), end: self.at });
                    }
                }
                _ => self.at += 1,
            }
        }
        None
    }
}

impl<'a> Scan<'a> {
    fn of(text: &'a str) -> Self {
        Scan { text, at: 0, barren: [0; 4] }
    }

    /// Mathematics from `start`, whose opening has been passed, to `close`; none if it is empty or not closed soon.
    fn closed(&mut self, start: usize, close: &str) -> Option<Item> {
        let rest = &self.text[self.at..];
        let mut limit = rest.len().min(MAX_ANSWER);
        while !rest.is_char_boundary(limit) {
            limit -= 1;
        }
        let known = ["$", "$$", "\\)", "\\]"].iter().position(|known| *known == close).unwrap_or(0);
        let near = &rest[..limit];
        let mut from = self.barren[known].saturating_sub(self.at).min(limit);
        let length = loop {
            let Some(found) = near[from..].find(close) else {
                // the last byte may be the first of a close
                let mut last = limit.saturating_sub(1);
                while !near.is_char_boundary(last) {
                    last -= 1;
                }
                self.barren[known] = self.at + last;
                return None;
            };
            let at = from + found;
            // `\$` is no border
            if close.starts_with('$') && near[..at].ends_with('\\') {
                from = at + 1;
                continue;
            }
            break at;
        };
        if near[..length].contains("\n\n") {
            return None;
        }
        self.at += length + close.len();
        (!near[..length].trim().is_empty()).then_some(Item { start, end: self.at })
    }

    /// Passes a number: digits, groups of digits, decimals, `/` and a denominator.
    fn number(&mut self) {
        let bytes = self.text.as_bytes();
        let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
        while self.at < bytes.len() {
            let joins = match bytes[self.at] {
                b'0'..=b'9' => true,
                b'.' | b'/' => digit(self.at + 1),
                // a group of three digits, after which no fourth comes
                b',' => (1..=3).all(|ahead| digit(self.at + ahead)) && !digit(self.at + 4),
                _ => false,
            };
            if !joins {
                return;
            }
            self.at += 1;
        }
    }
}
