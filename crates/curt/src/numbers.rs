//! Numbers as people read them.

pub use curt_report::{counted, grouped};

/// Three digits with a suffix: `950`, `71.2k`, `1.23M`, `135M`.
pub fn short(number: f64) -> String {
    let (scaled, suffix) = match number {
        n if n >= 1e9 => (n / 1e9, "G"),
        n if n >= 1e6 => (n / 1e6, "M"),
        n if n >= 1e3 => (n / 1e3, "k"),
        n => return format!("{n:.0}"),
    };
    match scaled {
        s if s < 10.0 => format!("{s:.2}{suffix}"),
        s if s < 100.0 => format!("{s:.1}{suffix}"),
        s => format!("{s:.0}{suffix}"),
    }
}

/// A share, as `0.812`.
pub fn share(value: f64) -> String {
    format!("{value:.3}")
}

/// A mean number of tokens, as `21.4`.
pub fn tokens(value: f64) -> String {
    format!("{value:.1}")
}

/// With its sign, as `+0.213`.
pub fn signed(value: f64, decimals: usize) -> String {
    let text = format!("{value:+.decimals$}");
    // what rounds to nothing has no sign
    if text.bytes().all(|b| matches!(b, b'+' | b'-' | b'0' | b'.')) { text[1..].to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        let groups = [(0, "0"), (999, "999"), (1000, "1,000"), (19_200, "19,200"), (1_234_567, "1,234,567")];
        for (number, expected) in groups {
            assert_eq!(grouped(number), expected);
        }
        let shorts = [(0.0, "0"), (950.4, "950"), (1234.0, "1.23k"), (71_234.0, "71.2k"), (557_568.0, "558k"), (134.5e6, "134M")];
        for (number, expected) in shorts {
            assert_eq!(short(number), expected);
        }
        assert_eq!([signed(0.21, 3), signed(-61.74, 1), signed(-0.0001, 3)], ["+0.210", "-61.7", "0.000"]);
        assert_eq!([counted(1, "step"), counted(2, "step")], ["1 step", "2 steps"]);
    }
}
