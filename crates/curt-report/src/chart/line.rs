//! Lines over steps or budgets.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{BOTTOM, Figure, LEFT, RIGHT, Scale, TOP, WIDTH, color, svg_start, x_axis, y_axis};
use crate::escape;
use crate::number::Unit;

/// Lines with more marks than this are drawn thin, with a running mean over them.
pub const NOISY: usize = 40;
/// Parts of a line that a running mean covers: one step in so many.
const MEANS: usize = 20;

/// A chart of lines.
pub struct LineChart<'a> {
    /// Name in the page, unique.
    pub id: &'a str,
    /// What is drawn.
    pub title: &'a str,
    /// What it is counted in.
    pub unit: Unit,
    /// The name of the horizontal axis.
    pub x_name: &'a str,
    /// Whether the horizontal axis goes by powers of two, with a number below each mark.
    pub is_log: bool,
    /// Where the vertical axis begins and ends.
    pub range: Range,
    /// The lines.
    pub lines: Vec<Line>,
    /// Stages behind them.
    pub bands: &'a [Band],
    /// A number to compare with, and its name.
    pub target: Option<(f64, String)>,
    /// A sentence below.
    pub note: Option<String>,
}

/// Where a vertical axis begins and ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Range {
    /// From 0 to above the largest number.
    FromZero,
    /// From 0 to 1.
    Share,
    /// Around the numbers.
    Free,
}

/// A line.
pub struct Line {
    /// Its name.
    pub name: String,
    /// The metric that it shows and the number of its run, as attributes of its column.
    pub metric: Option<(String, usize)>,
    /// The number of its colour.
    pub color: usize,
    /// Whether it is dashed.
    pub is_dashed: bool,
    /// From left to right.
    pub marks: Vec<Mark>,
}

/// A place on a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mark {
    /// Where; of several steps the last.
    pub x: f64,
    /// Of several steps the first.
    pub first: f64,
    /// The number.
    pub y: f64,
    /// What lies around it: an interval, quantiles, the extremes of several steps.
    pub around: Option<(f64, f64)>,
}

/// A stage: from a place to another, its colour's class and its name.
#[derive(Clone, Debug, PartialEq)]
pub struct Band {
    /// First step.
    pub from: f64,
    /// Last step.
    pub to: f64,
    /// The state.
    pub class: &'static str,
    /// Its name.
    pub name: String,
}

impl LineChart<'_> {
    /// The chart, or nothing where no line has a mark.
    pub fn html(mut self) -> String {
        self.lines.retain(|line| !line.marks.is_empty());
        if self.lines.is_empty() {
            return String::new();
        }
        let legend =
            |line: &Line| (format!("{}{}", color(line.color), if line.is_dashed { " dashed" } else { "" }), line.name.clone());
        Figure {
            id: self.id,
            title: self.title,
            unit: self.unit.name(),
            legend: self.lines.iter().map(legend).collect(),
            note: self.note.as_deref(),
            svg: self.svg(),
            table: self.table(),
        }
        .html()
    }

    fn svg(&self) -> String {
        let (x, y) = (self.x_scale(), self.y_scale());
        let data = format!("{} data-left=\"{}\" data-width=\"{}\"", x.attributes(), LEFT / WIDTH, (RIGHT - LEFT) / WIDTH);
        let mut svg = svg_start(self.id, self.title, &self.description(), &data);
        for band in self.bands {
            let (from, to) = (x.place(band.from), x.place(band.to));
            let _ = write!(
                svg,
                "<rect class=\"stage {}\" x=\"{from:.1}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{:.0}\"/>",
                band.class,
                (to - from).max(0.5),
                BOTTOM - TOP
            );
            // a name only where there is room for it
            if to - from > 7.0 * band.name.chars().count() as f64 {
                let name = escape::line(&band.name);
                let _ = write!(svg, "<text class=\"stage-name\" x=\"{:.1}\" y=\"{:.0}\">{name}</text>", from + 4.0, TOP - 6.0);
            }
        }
        y_axis(&mut svg, &y);
        x_axis(&mut svg, &x, self.x_name, &self.x_ticks(&x));
        if let Some((target, name)) = &self.target {
            let at = y.place(*target);
            let _ = writeln!(
                svg,
                "<path class=\"target\" d=\"M{LEFT} {at:.1}H{RIGHT}\"/><text class=\"target-name\" x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                RIGHT - 2.0,
                at - 5.0,
                escape::line(name)
            );
        }
        for line in &self.lines {
            draw(&mut svg, line, &x, &y);
        }
        let _ = write!(svg, "<path class=\"cursor\" d=\"M0 {TOP}V{BOTTOM}\"/></svg>");
        svg
    }

    fn marks(&self) -> impl Iterator<Item = &Mark> {
        self.lines.iter().flat_map(|line| &line.marks)
    }

    fn x_scale(&self) -> Scale {
        let low = self.marks().map(|mark| mark.first).fold(f64::INFINITY, f64::min);
        let high = self.marks().map(|mark| mark.x).fold(f64::NEG_INFINITY, f64::max);
        if self.is_log { Scale::log2(low, high, LEFT + 12.0, RIGHT - 12.0) } else { Scale::whole(low, high, LEFT, RIGHT) }
    }

    /// Round numbers; on an axis by powers of two the marks themselves, where they are not too close.
    fn x_ticks(&self, x: &Scale) -> Vec<f64> {
        if !self.is_log {
            return x.ticks(7);
        }
        let mut places: Vec<f64> = self.marks().map(|mark| mark.x).collect();
        places.sort_by(f64::total_cmp);
        let mut kept: Vec<f64> = Vec::new();
        for place in places {
            if kept.last().is_none_or(|last| x.place(place) - x.place(*last) > 30.0) {
                kept.push(place);
            }
        }
        kept
    }

    fn y_scale(&self) -> Scale {
        let ends = self.marks().flat_map(|mark| {
            let (low, high) = mark.around.unwrap_or((mark.y, mark.y));
            [low, high]
        });
        let (low, high) = ends
            .filter(|end| end.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), end| (low.min(end), high.max(end)));
        // a target far beyond the numbers would press them flat
        let high = self.target.iter().map(|(target, _)| *target).filter(|target| *target < 2.0 * high).fold(high, f64::max);
        match self.range {
            Range::Share => Scale::round(0.0, 1.0, BOTTOM, TOP),
            Range::FromZero => Scale::round(low.min(0.0), high.max(1e-12), BOTTOM, TOP),
            Range::Free => Scale::round(low, high, BOTTOM, TOP),
        }
    }

    /// The drawing in words.
    fn description(&self) -> String {
        let of_line = |line: &Line| {
            let (first, last) = (line.marks.first()?, line.marks.last()?);
            let by_value = |a: &&Mark, b: &&Mark| a.y.total_cmp(&b.y);
            let (lowest, highest) = (line.marks.iter().min_by(by_value)?, line.marks.iter().max_by(by_value)?);
            let text = |value| self.unit.text(value);
            Some(format!(
                "{}: from {} at {} {} to {} at {} {}; lowest {} at {}, highest {} at {}.",
                line.name,
                text(first.y),
                self.x_name,
                first.x,
                text(last.y),
                self.x_name,
                last.x,
                text(lowest.y),
                lowest.x,
                text(highest.y),
                highest.x
            ))
        };
        self.lines.iter().filter_map(of_line).collect::<Vec<_>>().join(" ")
    }

    /// A row for each place on the horizontal axis, a column for each line. Numbers are there to the last digit as attributes.
    fn table(&self) -> String {
        let mut out = format!("<table><thead><tr><th scope=\"col\">{}</th>", escape::line(self.x_name));
        for line in &self.lines {
            let data = line
                .metric
                .as_ref()
                .map_or(String::new(), |(metric, run)| format!(" data-metric=\"{}\" data-run=\"{run}\"", escape::line(metric)));
            let _ = write!(out, "<th scope=\"col\"{data}>{}</th>", escape::line(&line.name));
        }
        out += "</tr></thead><tbody>\n";
        // places are finite and not negative, so their bits are in their order
        let mut rows: BTreeMap<u64, Vec<Option<&Mark>>> = BTreeMap::new();
        for (column, line) in self.lines.iter().enumerate() {
            for mark in &line.marks {
                let row = rows.entry(mark.x.to_bits()).or_insert_with(|| vec![None; self.lines.len()]);
                row[column] = Some(mark);
            }
        }
        for (x, row) in rows {
            let x = f64::from_bits(x);
            let first = row.iter().flatten().map(|mark| mark.first).fold(x, f64::min);
            let label = if first < x { format!("{first}\u{2013}{x}") } else { format!("{x}") };
            let _ = write!(out, "<tr><th scope=\"row\" data-x=\"{x}\">{label}</th>");
            for mark in row {
                self.cell(&mut out, mark);
            }
            out += "</tr>\n";
        }
        out + "</tbody></table>"
    }

    fn cell(&self, out: &mut String, mark: Option<&Mark>) {
        let Some(mark) = mark else {
            *out += "<td></td>";
            return;
        };
        let text = |value| self.unit.text(value);
        match mark.around {
            None => {
                let _ = write!(out, "<td data-v=\"{}\">{}</td>", mark.y, text(mark.y));
            }
            Some((low, high)) => {
                let _ = write!(
                    out,
                    "<td data-v=\"{}\" data-low=\"{low}\" data-high=\"{high}\">{} <span class=\"around\">{} to {}</span></td>",
                    mark.y,
                    text(mark.y),
                    text(low),
                    text(high)
                );
            }
        }
    }
}

fn draw(svg: &mut String, line: &Line, x: &Scale, y: &Scale) {
    let class = color(line.color);
    if line.marks.iter().any(|mark| mark.around.is_some()) {
        let ends = |mark: &Mark| mark.around.unwrap_or((mark.y, mark.y));
        let upper = line.marks.iter().map(|mark| (x.place(mark.x), y.place(ends(mark).1)));
        let lower = line.marks.iter().rev().map(|mark| (x.place(mark.x), y.place(ends(mark).0)));
        let _ = writeln!(svg, "<path class=\"around {class}\" d=\"{}Z\"/>", path(upper.chain(lower)));
    }
    let places = |values: &[f64]| -> String {
        path(line.marks.iter().zip(values).map(|(mark, value)| (x.place((mark.x + mark.first) / 2.0), y.place(*value))))
    };
    let values: Vec<f64> = line.marks.iter().map(|mark| mark.y).collect();
    let dashed = if line.is_dashed { " dashed" } else { "" };
    if values.len() > NOISY {
        let _ = writeln!(svg, "<path class=\"line thin {class}\" d=\"{}\"/>", places(&values));
        let _ = writeln!(svg, "<path class=\"line{dashed} {class}\" d=\"{}\"/>", places(&running_means(&values)));
    } else {
        let _ = writeln!(svg, "<path class=\"line{dashed} {class}\" d=\"{}\"/>", places(&values));
        for mark in &line.marks {
            let _ = write!(
                svg,
                "<circle class=\"dot {class}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\"/>",
                x.place(mark.x),
                y.place(mark.y)
            );
        }
    }
}

fn path(places: impl Iterator<Item = (f64, f64)>) -> String {
    let mut out = String::new();
    for (x, y) in places {
        let _ = write!(out, "{}{x:.1} {y:.1}", if out.is_empty() { 'M' } else { 'L' });
    }
    out
}

/// Steps on each side that a running mean over so many values takes in.
pub fn half_window(values: usize) -> usize {
    values / MEANS / 2
}

/// The mean of each value and its neighbours on both sides, fewer at the ends.
fn running_means(values: &[f64]) -> Vec<f64> {
    let half = half_window(values.len());
    let mean = |i: usize| {
        let reach = half.min(i).min(values.len() - 1 - i);
        let part = &values[i - reach..=i + reach];
        part.iter().sum::<f64>() / part.len() as f64
    };
    (0..values.len()).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(values: &[f64]) -> LineChart<'static> {
        let mark = |(step, y): (usize, &f64)| Mark { x: step as f64, first: step as f64, y: *y, around: None };
        let marks = (1..).zip(values).map(mark).collect();
        let line = Line { name: "a<b".into(), metric: Some(("m/\"x".into(), 2)), color: 1, is_dashed: false, marks };
        LineChart {
            id: "c1",
            title: "T",
            unit: Unit::Share,
            x_name: "step",
            is_log: false,
            range: Range::Share,
            lines: vec![line],
            bands: &[],
            target: None,
            note: None,
        }
    }

    #[test]
    fn numbers_are_in_the_table_to_the_last_digit() {
        let html = chart(&[0.1, 1.0 / 3.0]).html();
        assert!(html.contains("<th scope=\"row\" data-x=\"2\">2</th><td data-v=\"0.3333333333333333\">0.333</td>"), "{html}");
        assert!(html.contains("data-metric=\"m/&quot;x\" data-run=\"2\">a&lt;b</th>"), "{html}");
    }

    #[test]
    fn the_drawing_is_told_in_words() {
        let html = chart(&[0.5, 0.25, 1.0]).html();
        let words = "a&lt;b: from 0.500 at step 1 to 1.000 at step 3; lowest 0.250 at 2, highest 1.000 at 3.";
        assert!(html.contains(words), "{html}");
        assert!(html.contains("role=\"img\" aria-labelledby=\"c1-t c1-d\""));
    }

    #[test]
    fn a_chart_without_a_number_is_left_out() {
        assert!(chart(&[]).html().is_empty());
    }

    #[test]
    fn noisy_lines_get_a_running_mean() {
        let values: Vec<f64> = (0..100).map(|i| f64::from(i % 2)).collect();
        assert_eq!(chart(&values).html().matches("<path class=\"line").count(), 2);
        assert_eq!(chart(&values[..9]).html().matches("<path class=\"line").count(), 1);
        let means = running_means(&values);
        assert!(means[5..95].iter().all(|mean| (mean - 0.5).abs() < 0.11), "{means:?}");
        assert_eq!((means[0], means[99]), (0.0, 1.0));
    }
}
