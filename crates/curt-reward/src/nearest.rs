//! The nearest of some names, for error messages.

/// The name with the least edit distance to `word`, if the distance is at most a third of the longer of the two
/// (rounded up); the first of several.
pub(crate) fn nearest(word: &str, names: &[&'static str]) -> Option<&'static str> {
    // A hostile word must not make this slow.
    let word: Vec<char> = word.chars().take(64).collect();
    let close = |name: &&'static str| {
        let distance = edit_distance(&word, name);
        (distance <= word.len().max(name.len()).div_ceil(3)).then_some((distance, *name))
    };
    names.iter().filter_map(close).min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

/// Levenshtein distance, one row of the table at a time.
fn edit_distance(word: &[char], name: &str) -> usize {
    let mut row: Vec<usize> = (0..=word.len()).collect();
    for (i, n) in name.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, w) in word.iter().enumerate() {
            let substituted = diagonal + usize::from(*w != n);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[word.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_name_or_none() {
        let names = ["truncation", "minus_i", "minus_lc"];
        for (word, expected) in [
            ("truncaton", Some("truncation")),
            ("truncation", Some("truncation")),
            ("minus_ic", Some("minus_i")),
            ("minus-lc", Some("minus_lc")),
            ("kimi", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, &names), expected, "{word:?}");
        }
        assert_eq!(nearest(&"x".repeat(1_000_000), &names), None);
    }

    #[test]
    fn edit_distances() {
        for (word, name, expected) in [("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("flaw", "lawn", 2)] {
            assert_eq!(edit_distance(&word.chars().collect::<Vec<_>>(), name), expected, "{word} {name}");
        }
    }
}
