//! Numbers as people read them.

/// What a quantity is counted in, which says how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Tokens: one decimal.
    Tokens,
    /// A share between 0 and 1: three decimals.
    Share,
    /// Nats: three decimals.
    Nats,
    /// Anything else: four digits.
    Number,
}

impl Unit {
    /// The number in words.
    pub fn text(self, value: f64) -> String {
        match self {
            Self::Tokens if value.abs() < 10_000.0 => format!("{value:.1}"),
            Self::Share | Self::Nats if value.abs() < 1000.0 => format!("{value:.3}"),
            _ => four_digits(value),
        }
    }

    /// The same with a sign.
    pub fn signed(self, value: f64) -> String {
        let text = self.text(value.abs());
        // what rounds to nothing has no sign
        let is_nothing = text.bytes().all(|b| matches!(b, b'0' | b'.'));
        match value {
            _ if is_nothing => text,
            v if v < 0.0 => format!("\u{2212}{text}"),
            _ => format!("+{text}"),
        }
    }

    /// Its name beside an axis; empty for a plain number.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Share => "share",
            Self::Nats => "nats",
            Self::Number => "",
        }
    }
}

/// Four digits, with a power of ten where the number is very small or very large.
pub fn four_digits(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        v if !(1e-3..1e9).contains(&v) => format!("{value:.2e}"),
        v if v >= 1e3 => grouped_signed(value),
        v if v >= 100.0 => format!("{value:.1}"),
        v if v >= 10.0 => format!("{value:.2}"),
        v if v >= 1.0 => format!("{value:.3}"),
        _ => format!("{value:.4}"),
    }
}

fn grouped_signed(value: f64) -> String {
    let text = grouped(value.abs().round() as u64);
    if value < 0.0 { format!("-{text}") } else { text }
}

/// `12345` → `12,345`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 step`, `2 steps`.
pub fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(number), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([Unit::Tokens.text(82.97), Unit::Share.text(0.6623), Unit::Tokens.text(12345.6)], ["83.0", "0.662", "12,346"]);
        assert_eq!(
            [0.0, 2e-4, 0.01234, 3.5, 45.678, 612.34, 10448.0, -10448.0, 3e12].map(four_digits),
            ["0", "2.00e-4", "0.0123", "3.500", "45.68", "612.3", "10,448", "-10,448", "3.00e12"]
        );
        assert_eq!(
            [Unit::Share.signed(0.2), Unit::Share.signed(-0.2), Unit::Share.signed(-1e-9)],
            ["+0.200", "\u{2212}0.200", "0.000"]
        );
        assert_eq!([counted(1, "step"), counted(2000, "step")], ["1 step", "2,000 steps"]);
    }
}
