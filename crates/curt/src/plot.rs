//! A small plot made of letters: one panel per series, side by side.

use crate::terminal::Terminal;

/// Columns of a panel's drawing.
const WIDTH: usize = 32;
/// Rows of a panel's drawing.
const HEIGHT: usize = 6;
/// Letters left of the drawing: a label and the axis.
const MARGIN: usize = 8;

/// One series over the steps.
#[derive(Clone, Debug)]
pub struct Series<'a> {
    /// What it is.
    pub title: &'a str,
    /// One value per step, none negative.
    pub values: Vec<f64>,
    /// How an axis label is written.
    pub label: fn(f64) -> String,
}

/// The lines of all panels side by side, each from 0 up to its largest value; nothing for series below two steps.
///
/// A column that covers several steps shows their mean.
pub fn lines(terminal: &Terminal, series: &[Series<'_>]) -> Vec<String> {
    let panels: Vec<Vec<String>> = series.iter().filter(|s| s.values.len() > 1).map(|series| panel(terminal, series)).collect();
    let rows = panels.iter().map(Vec::len).max().unwrap_or(0);
    let line = |row: usize| panels.iter().map(|panel| panel[row].as_str()).collect::<Vec<_>>().join("  ");
    (0..rows).map(|row| line(row).trim_end().to_owned()).collect()
}

/// Lines of equal width: the title, the drawing, the steps.
fn panel(terminal: &Terminal, series: &Series<'_>) -> Vec<String> {
    let columns = columns(&series.values);
    let top = columns.iter().copied().fold(0.0, f64::max);
    let full_width = MARGIN + WIDTH;
    let mut lines = vec![format!("{:MARGIN$}{:WIDTH$}", "", series.title)];
    for row in (0..HEIGHT).rev() {
        let label = match row {
            _ if row + 1 == HEIGHT => (series.label)(top),
            0 => (series.label)(0.0),
            _ => String::new(),
        };
        let axis = terminal.either("│", "|");
        let drawing: String = columns.iter().map(|&value| cell(terminal, value, top, row)).collect();
        lines.push(format!("{label:>width$} {axis}{drawing:WIDTH$}", width = MARGIN - 2));
    }
    let (first, last) = ("step 1", series.values.len().to_string());
    let between = columns.len().saturating_sub(first.len() + last.len()).max(1);
    lines.push(format!("{:MARGIN$}{first}{}{last}", "", " ".repeat(between)));
    lines.into_iter().map(|line| format!("{line:full_width$}")).collect()
}

/// The values, averaged into at most [`WIDTH`] columns.
fn columns(values: &[f64]) -> Vec<f64> {
    let count = values.len().min(WIDTH);
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    (0..count).map(|c| mean(&values[c * values.len() / count..(c + 1) * values.len() / count])).collect()
}

/// What of a column that reaches `value` of `top` is seen in `row`, counted from the bottom.
fn cell(terminal: &Terminal, value: f64, top: f64, row: usize) -> char {
    const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let share = if top > 0.0 && value.is_finite() { value / top } else { 0.0 };
    let eighths = (share * (HEIGHT * 8) as f64).round() as usize;
    let here = eighths.saturating_sub(row * 8).min(8);
    match (terminal.unicode, here) {
        (true, _) => EIGHTHS[here],
        (false, 6..) => '#',
        (false, 2..) => '.',
        (false, _) => ' ',
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::tests::plain;

    fn series(values: Vec<f64>) -> Series<'static> {
        Series { title: "length", values, label: |x| format!("{x:.0}") }
    }

    #[test]
    fn a_falling_series_falls_on_the_screen() {
        let expected = [
            "        length",
            "    60 |#",
            "       |#",
            "       |##",
            "       |##",
            "       |###",
            "     0 |###",
            "        step 1 3",
        ];
        assert_eq!(lines(&plain(false), &[series(vec![60.0, 40.0, 20.0])]), expected);
    }

    #[test]
    fn eighths_are_drawn_where_letters_allow() {
        let drawn = lines(&plain(true), &[series(vec![48.0, 1.0])]);
        assert_eq!(drawn[1], "    48 │█");
        assert_eq!(drawn[6], "     0 │█▁");
    }

    #[test]
    fn many_steps_are_averaged_and_panels_stand_side_by_side() {
        let values: Vec<f64> = (0..150).map(|_| 7.0).collect();
        let drawn = lines(&plain(true), &[series(values.clone()), series(values)]);
        assert_eq!(drawn.len(), HEIGHT + 2);
        assert!(drawn[1].matches('█').count() == 2 * WIDTH, "{drawn:?}");
        assert!(drawn.iter().all(|line| line.chars().count() <= 2 * (MARGIN + WIDTH) + 2));
        assert!(drawn[HEIGHT + 1].ends_with("150"));
    }

    #[test]
    fn nothing_is_drawn_of_one_step_or_of_zeros() {
        assert!(lines(&plain(true), &[series(vec![3.0])]).is_empty());
        let zeros = lines(&plain(true), &[series(vec![0.0, 0.0])]);
        assert!(zeros[1..=HEIGHT].iter().all(|line| line.ends_with('│')), "{zeros:?}");
    }
}
