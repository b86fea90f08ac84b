//! Text from models, data sets and file names, as a page shows it and does not obey it.

use std::borrow::Cow;

/// Characters of a text that are shown, at most.
pub const MAX_CHARACTERS: usize = 6000;

/// `text` on one line, for elements and for attributes in double quotes: markup is escaped, and every character that is not seen
/// or moves others (controls, line ends, zero widths, writing directions) becomes one that is seen.
pub fn line(text: &str) -> String {
    escape(text, false)
}

/// The same, with line ends and tabs as they are; for `<pre>`.
pub fn block(text: &str) -> String {
    escape(text, true)
}

/// The text if it has at most `most` characters, else its beginning and its end with a word on what lies between.
pub fn excerpt(text: &str, most: usize) -> Cow<'_, str> {
    let characters = text.chars().count();
    if characters <= most {
        return Cow::Borrowed(text);
    }
    let (head, tail) = (most * 3 / 4, most / 4);
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(characters - tail).collect();
    let left_out = crate::number::grouped((characters - head - tail) as u64);
    Cow::Owned(format!("{start}\n\u{22ef} {left_out} characters left out \u{22ef}\n{end}"))
}

fn escape(text: &str, keeps_lines: bool) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' if keeps_lines => out.push(c),
            // the pictures of the control characters stand in their order
            '\0'..='\u{1f}' => out.extend(char::from_u32(0x2400 + u32::from(c))),
            '\u{7f}' => out.push('\u{2421}'),
            c if is_unseen(c) => out.push_str(&format!("\u{27e8}U+{:04X}\u{27e9}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

/// Whether a character beyond ASCII cannot be seen, or changes where and how others are seen.
fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{80}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{fffe}'..='\u{ffff}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn markup_stays_text() {
        assert_eq!(line("</script><a href='x'>&\""), "&lt;/script&gt;&lt;a href=&#39;x&#39;&gt;&amp;&quot;");
    }

    #[test]
    fn what_steers_a_terminal_or_a_line_is_seen() {
        assert_eq!(line("a\x1b[2J\u{9b}\r\nb\0\x7f"), "a␛[2J⟨U+009B⟩␍␊b␀␡");
        assert_eq!(block("a\tb\nc\r"), "a\tb\nc␍");
        assert_eq!(line("\u{202e}evil\u{2066}\u{200b}"), "⟨U+202E⟩evil⟨U+2066⟩⟨U+200B⟩");
        assert_eq!(line("tag\u{e0041}"), "tag⟨U+E0041⟩");
        assert_eq!(line("größe ∑ 数"), "größe ∑ 数");
    }

    #[test]
    fn long_texts_are_cut_in_the_middle() {
        assert_eq!(excerpt("short", 5), "short");
        let cut = excerpt("aaaaaaabbbbbbbbbbbbbcc", 8);
        assert_eq!(cut, "aaaaaa\n⋯ 14 characters left out ⋯\ncc");
        assert!(excerpt(&"é".repeat(1_000_000), MAX_CHARACTERS).chars().count() < MAX_CHARACTERS + 60);
    }

    proptest! {
        #[test]
        fn nothing_that_a_page_obeys_comes_through(text in any::<String>()) {
            for shown in [line(&text), block(&text)] {
                prop_assert!(!shown.contains(['<', '>', '"', '\'']));
                prop_assert!(shown.chars().all(|c| c == '\n' || c == '\t' || !c.is_control()));
                prop_assert!(!shown.chars().any(is_unseen));
            }
        }
    }
}
