//! Lines over steps as an SVG file: panels side by side. Equal numbers give equal bytes.

use std::fmt::Write;

/// One line of a panel.
pub struct Line {
    pub label: String,
    /// One value per step, none negative.
    pub values: Vec<f64>,
}

const WIDTH: f64 = 380.0;
const HEIGHT: f64 = 240.0;
/// Room around the drawing of a panel: left, top, right, bottom.
const MARGINS: [f64; 4] = [44.0, 30.0, 12.0, 28.0];
/// Told apart by people who see few colours, too.
const COLOURS: [&str; 5] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"];
/// Horizontal rules of a panel.
const RULES: u32 = 4;

/// The panels, each with its title. `boundary` is the number of steps before a dashed rule.
pub fn svg(panels: &[(&str, Vec<Line>)], boundary: Option<usize>) -> String {
    let full = WIDTH * panels.len() as f64;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {full:.0} {HEIGHT:.0}\" width=\"{full:.0}\" height=\"{HEIGHT:.0}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    for (place, (title, lines)) in panels.iter().enumerate() {
        let steps = lines.iter().map(|line| line.values.len()).max().unwrap_or(0);
        let largest = lines.iter().flat_map(|line| &line.values).copied().filter(|v| v.is_finite()).fold(0.0, f64::max);
        let panel = Panel { left: WIDTH * place as f64, steps, top: round_up(largest) };
        panel.frame(&mut text, title, boundary);
        lines.iter().enumerate().for_each(|(nth, line)| panel.line(&mut text, nth, line));
    }
    text.push_str("</svg>\n");
    text
}

/// Where values lie on the page.
struct Panel {
    left: f64,
    steps: usize,
    /// The value at the upper edge.
    top: f64,
}

impl Panel {
    /// Of the step with this index.
    fn x(&self, step: f64) -> f64 {
        let wide = WIDTH - MARGINS[0] - MARGINS[2];
        self.left + MARGINS[0] + wide * step / self.steps.saturating_sub(1).max(1) as f64
    }

    fn y(&self, value: f64) -> f64 {
        let high = HEIGHT - MARGINS[1] - MARGINS[3];
        MARGINS[1] + high * (1.0 - value / self.top)
    }

    /// The title, horizontal rules with their values, the first and the last step.
    fn frame(&self, text: &mut String, title: &str, boundary: Option<usize>) {
        let (left, right, bottom) = (self.x(0.0), self.left + WIDTH - MARGINS[2], self.y(0.0));
        write_text(text, [left, MARGINS[1] - 14.0], "start", "#222222", title);
        for rule in 0..=RULES {
            let value = self.top * f64::from(rule) / f64::from(RULES);
            let y = self.y(value);
            let _ = writeln!(text, "<path d=\"M{left:.1} {y:.1}H{right:.1}\" stroke=\"#dddddd\"/>");
            let label = if self.top > 2.0 { format!("{value:.0}") } else { format!("{value:.2}") };
            write_text(text, [left - 5.0, y + 4.0], "end", "#555555", &label);
        }
        write_text(text, [left, bottom + 16.0], "start", "#555555", "step 1");
        write_text(text, [right, bottom + 16.0], "end", "#555555", &self.steps.to_string());
        if let Some(boundary) = boundary.filter(|boundary| *boundary < self.steps) {
            let x = self.x(boundary as f64);
            let _ =
                writeln!(text, "<path d=\"M{x:.1} {:.1}V{bottom:.1}\" stroke=\"#888888\" stroke-dasharray=\"4 3\"/>", MARGINS[1]);
        }
    }

    fn line(&self, text: &mut String, nth: usize, line: &Line) {
        let colour = COLOURS[nth % COLOURS.len()];
        let points = line.values.iter().enumerate().filter(|(_, value)| value.is_finite());
        let points: Vec<String> =
            points.map(|(step, value)| format!("{:.1},{:.1}", self.x(step as f64), self.y(*value))).collect();
        let _ =
            writeln!(text, "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.2\"/>", points.join(" "));
        let right = self.left + WIDTH - MARGINS[2];
        write_text(text, [right - 52.0 * nth as f64, MARGINS[1] - 14.0], "end", colour, &line.label);
    }
}

fn write_text(text: &mut String, [x, y]: [f64; 2], anchor: &str, colour: &str, words: &str) {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(text, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{words}</text>");
}

/// The next larger number whose quarters are short: a share ends at 1, a length at a multiple of 20.
fn round_up(largest: f64) -> f64 {
    if largest <= 1.0 { 1.0 } else { (largest / 20.0).ceil() * 20.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_lies_left_and_the_largest_above() {
        let line = Line { label: "seed <1>".into(), values: vec![20.0, 10.0, 0.0] };
        let drawn = svg(&[("length", vec![line])], Some(1));
        assert!(drawn.contains("points=\"44.0,30.0 206.0,121.0 368.0,212.0\""), "{drawn}");
        assert!(drawn.contains("M206.0 30.0V212.0"), "the boundary: {drawn}");
        assert!(drawn.contains("seed &lt;1>"), "{drawn}");
    }

    #[test]
    fn nothing_to_draw_is_a_frame() {
        assert!(svg(&[("length", vec![Line { label: "a".into(), values: vec![] }])], Some(3)).ends_with("</svg>\n"));
        assert_eq!([0.0, 0.7, 1.0, 61.0].map(round_up), [1.0, 1.0, 1.0, 80.0]);
    }
}
