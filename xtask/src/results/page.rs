//! The page as text: what stands between two markers, and tables in Markdown.

use anyhow::{Result, bail};

/// `text` with `content` in place of what stands between the lines `<!-- begin NAME -->` and `<!-- end NAME -->`.
///
/// # Errors
/// A marker that is missing, there twice, or behind its end: then nobody can say what should be replaced.
pub fn replace_between(text: &str, name: &str, content: &str) -> Result<String> {
    let (begin, end) = (format!("<!-- begin {name} -->"), format!("<!-- end {name} -->"));
    let (start, stop) = (only_line(text, &begin)?, only_line(text, &end)?);
    if stop < start {
        bail!("`{end}` comes before `{begin}`");
    }
    let lines: Vec<&str> = text.lines().collect();
    let parts = [&lines[..=start], &["", content.trim_end(), ""], &lines[stop..]];
    Ok(parts.concat().join("\n") + "\n")
}

/// The place of the one line that is this marker.
fn only_line(text: &str, marker: &str) -> Result<usize> {
    let mut places = text.lines().enumerate().filter(|(_, line)| line.trim() == marker).map(|(place, _)| place);
    match (places.next(), places.next()) {
        (Some(place), None) => Ok(place),
        (None, _) => bail!("no line `{marker}`"),
        (Some(_), Some(_)) => bail!("more than one line `{marker}`"),
    }
}

/// A table in Markdown.
pub fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |", cells.iter().map(|cell| escaped(cell)).collect::<Vec<_>>().join(" | "));
    let heads: Vec<String> = heads.iter().map(|&head| head.to_owned()).collect();
    let rule = format!("|{}", "---|".repeat(heads.len()));
    [line(&heads), rule].into_iter().chain(rows.iter().map(|row| line(row))).collect::<Vec<_>>().join("\n")
}

/// A cell must not end early.
fn escaped(cell: &str) -> String {
    cell.replace('|', "\\|").replace('\n', " ")
}

/// `12345` → `12,345`; the fraction is dropped.
pub fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# A\n<!-- begin speed -->\nold\n<!-- end speed -->\nrest\n";

    #[test]
    fn only_what_stands_between_the_markers_changes() {
        let new = replace_between(PAGE, "speed", "new\n").unwrap();
        assert_eq!(new, "# A\n<!-- begin speed -->\n\nnew\n\n<!-- end speed -->\nrest\n");
        assert_eq!(replace_between(&new, "speed", "new").unwrap(), new, "a second time changes nothing");
    }

    #[test]
    fn markers_that_do_not_enclose_are_refused() {
        let check = |text: &str, name: &str, expected: &str| {
            assert_eq!(replace_between(text, name, "x").unwrap_err().to_string(), expected);
        };
        check(PAGE, "memory", "no line `<!-- begin memory -->`");
        check("<!-- begin a -->\n", "a", "no line `<!-- end a -->`");
        check("<!-- end a -->\n<!-- begin a -->\n", "a", "`<!-- end a -->` comes before `<!-- begin a -->`");
        check(&PAGE.repeat(2), "speed", "more than one line `<!-- begin speed -->`");
    }

    #[test]
    fn a_table_is_lines_of_cells() {
        let made = table(&["a", "b"], &[vec!["1".into(), "x|y".into()]]);
        assert_eq!(made, "| a | b |\n|---|---|\n| 1 | x\\|y |");
    }

    #[test]
    fn thousands_are_grouped() {
        let cases = [(0.4, "0"), (950.4, "950"), (1234.0, "1,234"), (1_234_567.0, "1,234,567")];
        for (number, expected) in cases {
            assert_eq!(grouped(number), expected);
        }
    }
}
