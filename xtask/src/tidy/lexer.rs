//! Enough of Rust's lexical grammar to tell code from what is said about code.

/// The text with comments, strings and character literals turned to blanks; lines stay where they are.
pub fn code_only(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut i = 0;
    while i < chars.len() {
        let end = literal_or_comment(&chars, i);
        if end > i {
            out.extend(chars[i..end].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
            i = end;
        } else {
            out.push(chars[i]);
            i += 1;
        }
    }
    out
}

/// The code with the bodies of `#[cfg(test)] mod` blanked as well.
pub fn without_test_modules(code: &str) -> String {
    let mut out = code.to_owned();
    let mut from = 0;
    while let Some(at) = out[from..].find("#[cfg(test)]").map(|at| from + at) {
        let body = out[at..].find(['{', ';']).map(|open| at + open);
        from = match body {
            Some(open) if out[at..open].split_whitespace().any(|word| word == "mod") => {
                let end = matching_brace(&out, open);
                let blank: String = out[at..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
                out.replace_range(at..end, &blank);
                at + blank.len()
            }
            _ => at + "#[cfg(test)]".len(),
        };
    }
    out
}

/// Line numbers (from 1) at which this word stands in code, not as a part of a longer word.
pub fn lines_with_word(code: &str, word: &str) -> Vec<usize> {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let found = |line: &str| {
        line.match_indices(word)
            .any(|(at, _)| !part(line[..at].chars().next_back()) && !part(line[at + word.len()..].chars().next()))
    };
    code.lines().enumerate().filter(|(_, line)| found(line)).map(|(i, _)| i + 1).collect()
}

/// Line numbers (from 1) of the lines that contain this text.
pub fn lines_containing(text: &str, part: &str) -> Vec<usize> {
    text.lines().enumerate().filter(|(_, line)| line.contains(part)).map(|(i, _)| i + 1).collect()
}

fn matching_brace(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, c) in code[open..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return open + at + c.len_utf8();
        }
    }
    code.len()
}

/// The end of the comment or literal that begins at `i`; `i` itself if none does.
fn literal_or_comment(chars: &[char], i: usize) -> usize {
    let next = chars.get(i + 1).copied();
    match chars[i] {
        '/' if next == Some('/') => position(chars, i, |c| c == '\n'),
        '/' if next == Some('*') => block_comment(chars, i),
        '"' => quoted(chars, i + 1, '"'),
        '\'' if next == Some('\\') => quoted(chars, i + 1, '\''),
        '\'' if chars.get(i + 2) == Some(&'\'') => i + 3,
        'r' if !is_word(chars, i) => raw_string(chars, i),
        _ => i,
    }
}

/// Whether the character before `i` continues an identifier; `b` and `c` may stand before a raw string.
fn is_word(chars: &[char], i: usize) -> bool {
    let before = |n: usize| i.checked_sub(n).map(|at| chars[at]).is_some_and(|c| c.is_alphanumeric() || c == '_');
    before(1) && (before(2) || !matches!(chars[i - 1], 'b' | 'c'))
}

fn position(chars: &[char], from: usize, stop: impl Fn(char) -> bool) -> usize {
    chars[from..].iter().position(|&c| stop(c)).map_or(chars.len(), |n| from + n)
}

fn block_comment(chars: &[char], start: usize) -> usize {
    let (mut depth, mut i) = (0_usize, start);
    while i + 1 < chars.len() {
        match (chars[i], chars[i + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                i += 1;
                continue;
            }
        }
        i += 2;
        if depth == 0 {
            return i;
        }
    }
    chars.len()
}

fn quoted(chars: &[char], from: usize, quote: char) -> usize {
    let mut i = from;
    while i < chars.len() && chars[i] != quote {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    (i + 1).min(chars.len())
}

fn raw_string(chars: &[char], start: usize) -> usize {
    let open = position(chars, start + 1, |c| c != '#');
    if chars.get(open) != Some(&'"') {
        return start;
    }
    let n_hashes = open - start - 1;
    let closes =
        |&at: &usize| chars[at] == '"' && chars[at + 1..].iter().take(n_hashes).filter(|&&c| c == '#').count() == n_hashes;
    (open + 1..chars.len()).find(closes).map_or(chars.len(), |at| at + 1 + n_hashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_become_blanks() {
        let check = |text: &str, expect: &str| {
            assert_eq!(code_only(text).split_whitespace().collect::<Vec<_>>().join(" "), expect, "{text}")
        };
        check("a // unsafe\nb", "a b");
        check("a /* x /* unsafe */ y */ b", "a b");
        check(r#"f("unsafe \" still", 'x', '\'', b"q") + 1"#, "f( , , , b ) + 1");
        check(r###"g(r#"un"safe"#, br"x", r"\") ; h"###, "g( , b , ) ; h");
        check("fn f<'a>(x: &'a str) {} //! doc", "fn f<'a>(x: &'a str) {}");
        check("\"never closed unsafe", "");
        check("bar\"x\"", "bar");
    }

    #[test]
    fn lines_keep_their_numbers() {
        let code = code_only("/* one\ntwo */ unsafe {\n\"three\nfour\" }\nunsafe_code\nunsafe");
        assert_eq!(lines_with_word(&code, "unsafe"), [2, 6]);
        assert_eq!(lines_containing(&code, "unsafe"), [2, 5, 6]);
    }

    #[test]
    fn test_modules_are_blanked_and_nothing_after_them() {
        let code = "fn a() {}\n#[cfg(test)]\nmod tests {\n fn b() { {} }\n}\nfn c() {}\n#[cfg(test)]\nfn d() {}\n#[cfg(test)]\nmod far;\n";
        let left = without_test_modules(code);
        assert_eq!(left.lines().count(), code.lines().count());
        assert!(left.contains("fn a") && left.contains("fn c") && left.contains("fn d") && !left.contains("fn b"), "{left}");
    }
}
