//! Advantage against length, right and wrong rollouts, a panel for each strategy, as SVG.

use anyhow::{Result, anyhow};
use curt_lab::{CurvePoint, LabReport, StrategyReport, Verdict};
use plotters::coord::Shift;
use plotters::prelude::*;

const COLUMNS: usize = 3;
const PANEL: (u32, u32) = (340, 220);
/// Told apart by people who see few colours, too.
const CORRECT: RGBColor = RGBColor(0, 114, 178);
const WRONG: RGBColor = RGBColor(213, 94, 0);
const FRAME: RGBColor = RGBColor(130, 130, 130);

/// The drawing. Equal reports give equal bytes.
///
/// # Errors
/// None that depends on the report: what the drawing library says.
pub fn svg(report: &LabReport) -> Result<String> {
    let rows = report.strategies.len().div_ceil(COLUMNS).max(1);
    let mut text = String::new();
    {
        let size = (PANEL.0 * COLUMNS as u32, PANEL.1 * rows as u32);
        let root = SVGBackend::with_string(&mut text, size).into_drawing_area();
        root.fill(&WHITE).map_err(|error| anyhow!("{error}"))?;
        for (panel, strategy) in root.split_evenly((rows, COLUMNS)).iter().zip(&report.strategies) {
            draw(panel, strategy, report.target_length).map_err(|error| anyhow!("{error}"))?;
        }
        root.present().map_err(|error| anyhow!("{error}"))?;
    }
    Ok(text)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type DrawError<'a> = Box<dyn std::error::Error>;

fn draw<'a>(panel: &Area<'a>, strategy: &StrategyReport, target_length: u32) -> Result<(), DrawError<'a>> {
    let means = strategy.curve.iter().flat_map(|point| [point.correct.1, point.wrong.1]).flatten();
    let high = means.fold(0.5_f64, |high, mean| high.max(mean.abs())) * 1.1;
    let right = strategy.curve.last().map_or(1.0, |point| f64::from(point.length)).max(f64::from(target_length) * 1.5);
    let title = match strategy.verdict {
        Verdict::Trap => format!("{}: trap", strategy.strategy),
        _ => strategy.strategy.clone(),
    };
    let mut chart = ChartBuilder::on(panel)
        .caption(title, ("sans-serif", 14))
        .margin(8)
        .x_label_area_size(30)
        .y_label_area_size(42)
        .build_cartesian_2d(0.0..right, -high..1.4 * high)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(WHITE)
        .x_labels(5)
        .y_labels(5)
        .x_desc("length (tokens)")
        .y_desc("mean advantage")
        .label_style(("sans-serif", 10))
        .axis_style(FRAME)
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| format!("{y:.1}"))
        .draw()?;
    let target = f64::from(target_length);
    chart.draw_series(LineSeries::new([(target, -high), (target, 1.4 * high)], FRAME))?;
    for (label, colour, kind) in [("right", CORRECT, 0), ("wrong", WRONG, 1)] {
        let at = |point: &CurvePoint| Some((f64::from(point.length), [point.correct.1, point.wrong.1][kind]?));
        let points: Vec<(f64, f64)> = strategy.curve.iter().filter_map(at).collect();
        chart.draw_series(points.iter().map(|&point| Circle::new(point, 2, colour.filled())))?;
        let line = chart.draw_series(LineSeries::new(points, colour.stroke_width(2)))?;
        line.label(label).legend(move |(x, y)| PathElement::new([(x, y), (x + 12, y)], colour.stroke_width(2)));
    }
    // above the curves
    chart.configure_series_labels().position(SeriesLabelPosition::UpperRight).label_font(("sans-serif", 10)).draw()?;
    Ok(())
}
