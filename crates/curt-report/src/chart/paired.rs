//! Two numbers for each row, before and after, joined by a line.

use std::fmt::Write;

use super::{Figure, LEFT, RIGHT, Scale, WIDTH, color, svg_start};
use crate::escape;
use crate::number::Unit;

/// Height of a row.
const ROW: f64 = 24.0;
const TOP: f64 = 8.0;

/// A chart of rows, each with numbers before and after.
pub struct PairedChart<'a> {
    /// Name in the page, unique.
    pub id: &'a str,
    /// What is drawn.
    pub title: &'a str,
    /// What it is counted in.
    pub unit: Unit,
    /// What the rows are.
    pub row_name: &'a str,
    /// The right end of the axis, at least.
    pub most: f64,
    /// What the two numbers are called.
    pub ends: [String; 2],
    /// The rows.
    pub rows: Vec<PairedRow>,
}

/// A row.
pub struct PairedRow {
    /// Its name.
    pub name: String,
    /// The number of its colour.
    pub color: usize,
    /// Before; none where there is one number only.
    pub before: Option<f64>,
    /// After.
    pub after: f64,
}

impl PairedChart<'_> {
    /// The chart, or nothing of no rows.
    pub fn html(&self) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let has_before = self.rows.iter().any(|row| row.before.is_some());
        let mut legend = vec![("ring".to_owned(), self.ends[0].clone()), ("disc".to_owned(), self.ends[1].clone())];
        if !has_before {
            legend.clear();
        }
        Figure {
            id: self.id,
            title: self.title,
            unit: self.unit.name(),
            legend,
            note: None,
            svg: self.svg(),
            table: self.table(has_before),
        }
        .html()
    }

    fn svg(&self) -> String {
        let numbers = self.rows.iter().flat_map(|row| row.before.into_iter().chain([row.after]));
        let x = Scale::round(0.0, numbers.fold(self.most, f64::max), LEFT, RIGHT - 8.0);
        let bottom = TOP + ROW * self.rows.len() as f64;
        let height = bottom + 40.0;
        let mut svg = svg_start(self.id, self.title, &self.description(), "");
        // as high as its rows
        svg =
            svg.replacen(&format!("viewBox=\"0 0 {WIDTH} {}\"", super::HEIGHT), &format!("viewBox=\"0 0 {WIDTH} {height}\""), 1);
        for tick in x.ticks(5) {
            let at = x.place(tick);
            let _ = write!(
                svg,
                "<path class=\"grid\" d=\"M{at:.1} {TOP}V{bottom}\"/><text class=\"tick\" x=\"{at:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{}</text>",
                bottom + 16.0,
                x.label(tick)
            );
        }
        for (place, row) in self.rows.iter().enumerate() {
            let y = TOP + ROW * (place as f64 + 0.5);
            let (class, after) = (color(row.color), x.place(row.after));
            let _ = write!(
                svg,
                "<text class=\"tick\" x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 9.0,
                y + 4.0,
                escape::line(&row.name)
            );
            if let Some(before) = row.before.map(|before| x.place(before)) {
                let _ = write!(
                    svg,
                    "<path class=\"line joined {class}\" d=\"M{before:.1} {y:.1}H{after:.1}\"/><circle class=\"ring {class}\" cx=\"{before:.1}\" cy=\"{y:.1}\" r=\"4.5\"/>"
                );
            }
            let _ = writeln!(svg, "<circle class=\"dot {class}\" cx=\"{after:.1}\" cy=\"{y:.1}\" r=\"5\"/>");
        }
        let _ = write!(
            svg,
            "<text class=\"name\" x=\"{LEFT}\" y=\"{:.0}\" text-anchor=\"end\">{}</text></svg>",
            bottom + 34.0,
            escape::line(self.row_name)
        );
        svg
    }

    fn description(&self) -> String {
        let of_row = |row: &PairedRow| match row.before {
            Some(before) => {
                format!("{} {}: {} to {}", self.row_name, row.name, self.unit.text(before), self.unit.text(row.after))
            }
            None => format!("{} {}: {}", self.row_name, row.name, self.unit.text(row.after)),
        };
        self.rows.iter().map(of_row).collect::<Vec<_>>().join("; ")
    }

    fn table(&self, has_before: bool) -> String {
        let head = |name: &str| format!("<th scope=\"col\">{}</th>", escape::line(name));
        let before = if has_before { head(&self.ends[0]) } else { String::new() };
        let mut out = format!("<table><thead><tr>{}{before}{}</tr></thead><tbody>\n", head(self.row_name), head(&self.ends[1]));
        for row in &self.rows {
            let cell = |value: f64| format!("<td data-v=\"{value}\">{}</td>", self.unit.text(value));
            let before = match (has_before, row.before) {
                (false, _) => String::new(),
                (true, None) => "<td></td>".into(),
                (true, Some(before)) => cell(before),
            };
            let _ = writeln!(out, "<tr><th scope=\"row\">{}</th>{before}{}</tr>", escape::line(&row.name), cell(row.after));
        }
        out + "</tbody></table>"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(rows: Vec<PairedRow>) -> PairedChart<'static> {
        let ends = ["before".into(), "after".into()];
        PairedChart { id: "p", title: "T", unit: Unit::Share, row_name: "difficulty", most: 1.0, ends, rows }
    }

    #[test]
    fn rows_are_drawn_told_and_tabled() {
        let row = |name: &str, before, after| PairedRow { name: name.into(), color: 0, before, after };
        let html = chart(vec![row("1", Some(0.25), 0.75), row("<2>", None, 0.5)]).html();
        assert!(html.contains("difficulty 1: 0.250 to 0.750; difficulty &lt;2&gt;: 0.500"), "{html}");
        assert!(html.contains("<td data-v=\"0.25\">0.250</td><td data-v=\"0.75\">0.750</td>"), "{html}");
        assert!(html.contains("<td></td><td data-v=\"0.5\">0.500</td>"), "{html}");
        assert_eq!((html.matches("class=\"ring c0\"").count(), html.matches("class=\"dot c0\"").count()), (1, 2));
        assert!(html.contains("viewBox=\"0 0 560 96\""), "{html}");
    }

    #[test]
    fn nothing_is_drawn_of_no_rows() {
        assert!(chart(Vec::new()).html().is_empty());
    }
}
