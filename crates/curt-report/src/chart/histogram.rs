//! Lengths by correctness: right ones above the axis, the others below.

use std::fmt::Write;

use super::{BOTTOM, Figure, LEFT, RIGHT, Scale, TOP, svg_start, x_axis};
use crate::number::{counted, grouped};

/// Bars from the left end to the right.
pub const BINS: usize = 32;

/// Two histograms over one axis, as shares of all rollouts.
pub struct Histogram<'a> {
    /// Name in the page, unique.
    pub id: &'a str,
    /// What is drawn.
    pub title: &'a str,
    /// The right end of the axis in tokens.
    pub right: u32,
    /// The largest share that is drawn, so that charts can be compared.
    pub tallest: f64,
    /// How many rollouts lie in each bin: right ones.
    pub correct: [u64; BINS],
    /// The others.
    pub wrong: [u64; BINS],
    /// A length to compare with, and its name.
    pub target: Option<(f64, String)>,
}

/// The bin of a length, on an axis that ends at `right`; longer ones are in the last.
pub fn bin(length: u32, right: u32) -> usize {
    (u64::from(length) * BINS as u64 / u64::from(right.max(1) + 1)).min(BINS as u64 - 1) as usize
}

/// The first length of a bin.
fn edge(bin: usize, right: u32) -> u64 {
    (bin as u64 * (u64::from(right) + 1)).div_ceil(BINS as u64)
}

impl Histogram<'_> {
    /// The tallest bar, as a share of all.
    pub fn own_tallest(&self) -> f64 {
        let most = self.correct.iter().chain(&self.wrong).copied().max().unwrap_or(0);
        most as f64 / self.total().max(1) as f64
    }

    fn total(&self) -> u64 {
        self.correct.iter().chain(&self.wrong).sum()
    }

    /// The chart, or nothing of no rollouts.
    pub fn html(&self) -> String {
        let total = self.total();
        if total == 0 {
            return String::new();
        }
        let right: u64 = self.correct.iter().sum();
        let note = format!("{}, {} of them right.", counted(total, "rollout"), grouped(right));
        Figure {
            id: self.id,
            title: self.title,
            unit: "share of rollouts",
            legend: vec![("right bar".into(), "right".into()), ("wrong bar".into(), "wrong".into())],
            note: Some(&note),
            svg: self.svg(&note),
            table: self.table(),
        }
        .html()
    }

    fn svg(&self, description: &str) -> String {
        let x = Scale::whole(0.0, f64::from(self.right) + 1.0, LEFT, RIGHT);
        let middle = (TOP + BOTTOM) / 2.0;
        let (up, down) = (Scale::linear(0.0, self.tallest, middle, TOP), Scale::linear(0.0, self.tallest, middle, BOTTOM));
        let mut svg = svg_start(self.id, self.title, description, "");
        let ticks = up.ticks(2);
        for (scale, tick) in ticks.iter().map(|tick| (&up, tick)).chain(ticks[1..].iter().map(|tick| (&down, tick))) {
            let at = scale.place(*tick);
            let _ = write!(
                svg,
                "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{RIGHT}\"/><text class=\"tick\" x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 7.0,
                at + 4.0,
                up.label(*tick)
            );
        }
        x_axis(&mut svg, &x, "length in tokens", &x.ticks(7));
        let total = self.total() as f64;
        for (counts, scale, class) in [(&self.correct, &up, "right"), (&self.wrong, &down, "wrong")] {
            for (bin, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                let (from, to) = (x.place(edge(bin, self.right) as f64), x.place(edge(bin + 1, self.right) as f64));
                let end = scale.place(*count as f64 / total);
                let (top, height) = (end.min(middle), (end - middle).abs().max(0.6));
                let width = (to - from - 1.0).max(0.5);
                let _ = write!(
                    svg,
                    "<rect class=\"bar {class}\" x=\"{from:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>"
                );
            }
        }
        let _ = write!(svg, "<path class=\"axis\" d=\"M{LEFT} {middle:.1}H{RIGHT}\"/>");
        if let Some((target, name)) = self.target.as_ref().filter(|(target, _)| *target <= f64::from(self.right)) {
            let at = x.place(*target);
            let name = crate::escape::line(name);
            let _ = write!(
                svg,
                "<path class=\"target\" d=\"M{at:.1} {TOP}V{BOTTOM}\"/><text class=\"target-name\" x=\"{:.1}\" y=\"{:.0}\">{name}</text>",
                at + 4.0,
                TOP + 10.0
            );
        }
        svg + "</svg>"
    }

    fn table(&self) -> String {
        let mut out = "<table><thead><tr><th scope=\"col\">tokens</th><th scope=\"col\">right</th><th scope=\"col\">wrong</th></tr></thead><tbody>\n".to_owned();
        for (bin, (correct, wrong)) in self.correct.iter().zip(&self.wrong).enumerate() {
            let (from, to) = (edge(bin, self.right), edge(bin + 1, self.right));
            if from < to {
                let _ = writeln!(
                    out,
                    "<tr><th scope=\"row\">{from}\u{2013}{}</th><td data-v=\"{correct}\">{}</td><td data-v=\"{wrong}\">{}</td></tr>",
                    to - 1,
                    grouped(*correct),
                    grouped(*wrong)
                );
            }
        }
        out + "</tbody></table>"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_lies_between_the_edges_of_its_bin() {
        for right in [1, 5, 31, 32, 100, 256, 32_768] {
            for length in 0..=right {
                let bin = bin(length, right);
                assert!((edge(bin, right)..edge(bin + 1, right)).contains(&u64::from(length)), "{length} of {right}");
            }
            assert_eq!(bin(u32::MAX, right), BINS - 1);
        }
    }

    #[test]
    fn counts_are_in_the_table_and_nothing_is_drawn_of_none() {
        let mut histogram =
            Histogram { id: "h", title: "lengths", right: 63, tallest: 0.5, correct: [0; BINS], wrong: [0; BINS], target: None };
        assert!(histogram.html().is_empty());
        histogram.correct[1] = 1500;
        histogram.wrong[31] = 500;
        let html = histogram.html();
        assert!(
            html.contains("<th scope=\"row\">2\u{2013}3</th><td data-v=\"1500\">1,500</td><td data-v=\"0\">0</td>"),
            "{html}"
        );
        assert!(html.contains("2,000 rollouts, 1,500 of them right.") && histogram.own_tallest() == 0.75);
        assert_eq!(html.matches("<rect class=\"bar").count(), 2);
    }
}
