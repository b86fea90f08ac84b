//! From numbers to places, and the round numbers to write beside an axis.

/// Larger numbers are not drawn: their differences would overflow.
const LARGEST: f64 = 1e290;

/// A scale of an axis: straight, or by powers of two.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
    is_log: bool,
    is_whole: bool,
    decimals: usize,
}

impl Scale {
    /// A scale on which `low` lies at `from` and `high` at `to`. An interval of no width, or of numbers that are none, becomes
    /// one.
    pub fn linear(low: f64, high: f64, from: f64, to: f64) -> Self {
        let is_sound = low.abs() < LARGEST && high.abs() < LARGEST && low <= high;
        let (low, high) = if is_sound { (low, high) } else { (0.0, 1.0) };
        let (low, high) = if high - low <= 1e-12 * high.abs().max(low.abs()) { around(low) } else { (low, high) };
        let step = round_step(high - low, 5);
        Self { low, high, from, to, is_log: false, is_whole: false, decimals: decimals(step) }
    }

    /// The same for numbers that are whole, such as steps and tokens.
    pub fn whole(low: f64, high: f64, from: f64, to: f64) -> Self {
        Self { is_whole: true, decimals: 0, ..Self::linear(low, high, from, to) }
    }

    /// A scale by powers of two; for numbers above 0.
    pub fn log2(low: f64, high: f64, from: f64, to: f64) -> Self {
        let low = if (1.0 / LARGEST..LARGEST).contains(&low) { low } else { 1.0 };
        let high = if high < LARGEST && high > 1.001 * low { high } else { 2.0 * low };
        Self { low, high, from, to, is_log: true, is_whole: false, decimals: 0 }
    }

    /// The scale whose ends are round numbers at or beyond these.
    pub fn round(low: f64, high: f64, from: f64, to: f64) -> Self {
        let scale = Self::linear(low, high, from, to);
        let step = round_step(scale.high - scale.low, 5);
        let (low, high) = ((scale.low / step).floor() * step, (scale.high / step).ceil() * step);
        Self { low, high, decimals: decimals(step), ..scale }
    }

    /// Where a number lies; those beyond the ends lie at the ends.
    pub fn place(&self, value: f64) -> f64 {
        let map = |value: f64| if self.is_log { libm::log2(value.max(f64::MIN_POSITIVE)) } else { value };
        let share = (map(value) - map(self.low)) / (map(self.high) - map(self.low));
        self.from + share.clamp(0.0, 1.0) * (self.to - self.from)
    }

    /// About `wanted` round numbers between the ends.
    pub fn ticks(&self, wanted: usize) -> Vec<f64> {
        let step = round_step(self.high - self.low, wanted);
        let step = if self.is_whole { step.max(1.0) } else { step };
        let first = (self.low / step - 1e-9).ceil();
        let last = (self.high / step + 1e-9).floor();
        // by whole numbers, so that no error adds up
        let count = ((last - first).max(0.0) as usize).min(4 * wanted + 4);
        (0..=count).map(|i| (first + i as f64) * step).collect()
    }

    /// A number as the axis writes it.
    pub fn label(&self, value: f64) -> String {
        let value = if value == 0.0 { 0.0 } else { value };
        let decimals = self.decimals;
        match value.abs() {
            v if v >= 1e9 || (v > 0.0 && decimals > 5) => format!("{value:.1e}"),
            v if v >= 1e6 => format!("{}M", trimmed(value / 1e6)),
            v if v >= 1e4 => format!("{}k", trimmed(value / 1e3)),
            _ => format!("{value:.decimals$}").replace('-', "\u{2212}"),
        }
    }

    /// Both ends, and whether it goes by powers of two, as attributes for the read-out.
    pub fn attributes(&self) -> String {
        format!(" data-low=\"{}\" data-high=\"{}\" data-log=\"{}\"", self.low, self.high, u8::from(self.is_log))
    }
}

fn around(value: f64) -> (f64, f64) {
    let half = if value == 0.0 { 0.5 } else { value.abs() * 0.1 };
    (value - half, value + half)
}

fn trimmed(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// 1, 2 or 5 times a power of ten, so that `width` holds about `wanted` of them.
fn round_step(width: f64, wanted: usize) -> f64 {
    let rough = width / wanted.max(1) as f64;
    if !(rough.is_finite() && rough > 1e-290) {
        return 1.0;
    }
    let power = libm::exp10(libm::floor(libm::log10(rough)));
    match rough / power {
        m if m <= 1.0 + 1e-9 => power,
        m if m <= 2.0 + 1e-9 => 2.0 * power,
        m if m <= 5.0 + 1e-9 => 5.0 * power,
        _ => 10.0 * power,
    }
}

/// Decimals that tell multiples of `step` apart.
fn decimals(step: f64) -> usize {
    let exponent = libm::floor(libm::log10(step) + 1e-9);
    if exponent < 0.0 { (-exponent) as usize } else { 0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn whole_numbers_are_written_once_each() {
        for (high, expected) in
            [(2.0, "1 2"), (3.0, "1 2 3"), (4.0, "1 2 3 4"), (8.0, "1 2 3 4 5 6 7 8"), (60.0, "10 20 30 40 50 60")]
        {
            let scale = Scale::whole(1.0, high, 0.0, 100.0);
            let labels: Vec<String> = scale.ticks(7).into_iter().map(|tick| scale.label(tick)).collect();
            assert_eq!(labels.join(" "), expected);
        }
    }

    #[test]
    fn axes_have_round_numbers() {
        let labels = |low, high| {
            let scale = Scale::round(low, high, 0.0, 100.0);
            scale.ticks(5).into_iter().map(|tick| scale.label(tick)).collect::<Vec<_>>()
        };
        assert_eq!(labels(0.0, 83.0), ["0", "20", "40", "60", "80", "100"]);
        assert_eq!(labels(0.0, 1.0), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(-0.03, 0.09), ["\u{2212}0.05", "0.00", "0.05", "0.10"]);
        assert_eq!(labels(0.0, 30_000.0), ["0", "10k", "20k", "30k"]);
        assert!((4..=7).contains(&labels(2.0, 2.0).len()));
        assert_eq!(labels(0.0, f64::NAN), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
    }

    #[test]
    fn powers_of_two_are_evenly_spaced() {
        let scale = Scale::log2(16.0, 256.0, 0.0, 4.0);
        assert_eq!([16.0, 32.0, 128.0, 512.0].map(|value| scale.place(value)), [0.0, 1.0, 3.0, 4.0]);
    }

    proptest! {
        #[test]
        fn every_scale_places_inside_and_has_few_ticks(low in any::<f64>(), high in any::<f64>(), value in any::<f64>()) {
            for scale in [Scale::linear(low, high, 10.0, 0.0), Scale::round(low, high, 10.0, 0.0), Scale::log2(low, high, 10.0, 0.0)] {
                let place = scale.place(value);
                prop_assert!(place.is_nan() == value.is_nan() || (0.0..=10.0).contains(&place), "{place}");
                prop_assert!(scale.ticks(5).len() <= 25);
            }
        }
    }
}
