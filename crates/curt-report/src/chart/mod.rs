//! Charts as static SVG that takes its colours from the page, each with its numbers in a table beside it.
//!
//! Drawn by hand and not by a library of plots, because those write colours and fonts into the drawing: a page that turns dark or
//! is printed would keep them.

mod histogram;
mod line;
mod paired;
mod scale;

pub use histogram::{BINS, Histogram, bin};
pub use line::{Band, Line, LineChart, Mark, NOISY, Range, half_window};
pub use paired::{PairedChart, PairedRow};
pub use scale::Scale;

use std::fmt::Write;

use crate::escape;

/// Colours that can be told apart; `page.css` has them by number.
pub const COLORS: usize = 8;

/// Units of the drawing, wide and high.
const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 260.0;
/// Where the axes are.
const LEFT: f64 = 54.0;
const RIGHT: f64 = WIDTH - 12.0;
const TOP: f64 = 20.0;
const BOTTOM: f64 = HEIGHT - 38.0;

/// What stands around a drawing.
struct Figure<'a> {
    id: &'a str,
    title: &'a str,
    unit: &'a str,
    /// Class of the colour and name.
    legend: Vec<(String, String)>,
    note: Option<&'a str>,
    svg: String,
    table: String,
}

impl Figure<'_> {
    fn html(&self) -> String {
        let (id, title) = (self.id, escape::line(self.title));
        let mut out = format!("<figure class=\"chart\" id=\"{id}\">\n<figcaption><h3>{title}</h3>");
        if !self.unit.is_empty() {
            let _ = write!(out, "<span class=\"unit\">{}</span>", escape::line(self.unit));
        }
        out += "</figcaption>\n";
        if !self.legend.is_empty() {
            out += "<ul class=\"legend\">";
            for (class, name) in &self.legend {
                let _ = write!(out, "<li><i class=\"{class}\"></i>{}</li>", escape::line(name));
            }
            out += "</ul>\n";
        }
        let _ = write!(out, "<div class=\"plot\">{}</div>\n<p class=\"readout\" aria-live=\"polite\"></p>\n", self.svg);
        if let Some(note) = self.note {
            let _ = writeln!(out, "<p class=\"note\">{}</p>", escape::line(note));
        }
        let _ = write!(
            out,
            "<details class=\"numbers\"><summary>Numbers</summary><div class=\"scroll\" tabindex=\"0\" role=\"region\" \
             aria-label=\"Numbers of {title}\">{}</div></details>\n</figure>\n",
            self.table
        );
        out
    }
}

/// The start of a drawing, with its alternative in words.
fn svg_start(id: &str, title: &str, description: &str, data: &str) -> String {
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\"{data}>\
         <title id=\"{id}-t\">{}</title><desc id=\"{id}-d\">{}</desc>\n",
        escape::line(title),
        escape::line(description)
    )
}

/// The lines and numbers of the vertical axis.
fn y_axis(svg: &mut String, y: &Scale) {
    for tick in y.ticks(5) {
        let at = y.place(tick);
        let label = y.label(tick);
        let _ = writeln!(
            svg,
            "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{RIGHT}\"/><text class=\"tick\" x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
            LEFT - 7.0,
            at + 4.0
        );
    }
}

/// The numbers of the horizontal axis and its name.
fn x_axis(svg: &mut String, x: &Scale, name: &str, ticks: &[f64]) {
    let _ = write!(svg, "<path class=\"axis\" d=\"M{LEFT} {BOTTOM}H{RIGHT}\"/>");
    for (i, tick) in ticks.iter().enumerate() {
        let at = x.place(*tick);
        let class = if i % 2 == 1 { "tick odd" } else { "tick" };
        let _ = write!(
            svg,
            "<path class=\"axis\" d=\"M{at:.1} {BOTTOM}v4\"/><text class=\"{class}\" x=\"{at:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{}</text>",
            BOTTOM + 17.0,
            x.label(*tick)
        );
    }
    let _ = writeln!(
        svg,
        "<text class=\"name\" x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\">{}</text>",
        (LEFT + RIGHT) / 2.0,
        HEIGHT - 4.0,
        escape::line(name)
    );
}

/// The class of a colour.
fn color(number: usize) -> String {
    format!("c{}", number % COLORS)
}
