//! The program in a response.

/// How much of the end of a response is looked at.
pub const MAX_RESPONSE_BYTES: usize = 1 << 18;

/// The content of the last closed block between lines of three or more backticks whose opening line names one of `languages`,
/// or none; only what follows the last `</think>` counts, and nothing where thinking began and did not end.
///
/// None: there is no such block. Linear in the last [`MAX_RESPONSE_BYTES`] of the response.
pub fn program(response: &str, languages: &[String]) -> Option<String> {
    let mut start = response.len().saturating_sub(MAX_RESPONSE_BYTES);
    while !response.is_char_boundary(start) {
        start += 1;
    }
    let answer = match response[start..].rsplit_once("</think>") {
        Some((_, answer)) => answer,
        None if response.contains("<think>") => return None,
        None => &response[start..],
    };
    let mut found = None;
    let mut open: Option<(usize, bool, Vec<&str>)> = None;
    for line in answer.lines() {
        let bare = line.trim();
        let ticks = bare.len() - bare.trim_start_matches('`').len();
        let word = bare[ticks..].trim();
        match &mut open {
            None if ticks >= 3 && !word.contains('`') => open = Some((ticks, counts(word, languages), Vec::new())),
            Some((opening, wanted, lines)) if ticks >= *opening && word.is_empty() => {
                if *wanted {
                    found = Some(lines.join("\n") + "\n");
                }
                open = None;
            }
            Some((_, _, lines)) => lines.push(line),
            None => {}
        }
    }
    found
}

/// Whether a block opened with `word` is a program: the language, with whatever attributes follow it.
fn counts(word: &str, languages: &[String]) -> bool {
    let language = word.split(|c: char| c.is_whitespace() || matches!(c, ',' | '{' | ':')).next().unwrap_or_default();
    word.is_empty() || languages.iter().any(|known| known.eq_ignore_ascii_case(language))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(response: &str) -> Option<String> {
        program(response, &["python".to_owned(), "py".to_owned()])
    }

    #[test]
    fn the_last_block_of_the_language_counts() {
        for (response, expected) in [
            ("", None),
            ("print(1)", None),
            ("```python\nprint(1)\n```", Some("print(1)\n")),
            ("```\nprint(1)\n```\n", Some("print(1)\n")),
            ("```Python title=a.py\nprint(1)\n```\n", Some("print(1)\n")),
            ("a\n```py\nprint(1)\n```\nb\n```python\nif 1:\n    print(2)\n\n```\nc", Some("if 1:\n    print(2)\n\n")),
            ("```python\nprint(1)\n```\nIt prints:\n```text\n1\n```\n", Some("print(1)\n")),
            ("```python\nprint(1)\n```\n```python\nprint(", Some("print(1)\n")),
            ("```python\nprint(1)", None),
            ("````python\n'''\n```\n'''\n````", Some("'''\n```\n'''\n")),
            ("Use ```x``` inline.\n```python\nprint(1)\n```", Some("print(1)\n")),
            ("<think>\n```python\nprint(1)\n```\n</think>\nNo.", None),
            ("<think>\n```python\nprint(1)\n```\n", None),
            ("<think></think>\n```python\nprint(2)\n```\n", Some("print(2)\n")),
            ("```rust\nfn main() {}\n```", None),
        ] {
            assert_eq!(found(response).as_deref(), expected, "{response}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(response: String, blocks in "(```|python|\n|</think>|<think>| x){0,40}") {
            found(&response);
            found(&blocks);
        }

        #[test]
        fn what_is_fenced_comes_back(lines in prop::collection::vec("[a-z =()]{0,20}", 0..8)) {
            let code = lines.join("\n") + "\n";
            prop_assert_eq!(found(&format!("Here.\n```python\n{code}```\nDone.")), Some(code));
        }
    }
}
