//! Curves over the steps: of one run several quantities in a chart, of several runs one quantity in each.

use crate::chart::{Band, Line, LineChart, Mark, Range, half_window};
use crate::curve::{Curve, Point};
use crate::number::{Unit, counted};
use crate::page::stages;
use crate::run::Run;

/// A chart: its name, title, unit, vertical axis, and the metrics in it with their names.
struct Chart {
    id: &'static str,
    title: &'static str,
    unit: Unit,
    range: Range,
    metrics: &'static [(&'static str, &'static str)],
}

const MAIN: [Chart; 4] = [
    Chart {
        id: "length",
        title: "Length of completions",
        unit: Unit::Tokens,
        range: Range::FromZero,
        metrics: &[("completions/mean_length", "mean length")],
    },
    Chart {
        id: "accuracy",
        title: "Accuracy of rollouts",
        unit: Unit::Share,
        range: Range::Share,
        metrics: &[("eff/accuracy", "right"), ("eff/accuracy_in_budget", "right and within L_T")],
    },
    Chart {
        id: "entropy",
        title: "Entropy",
        unit: Unit::Nats,
        range: Range::FromZero,
        metrics: &[("entropy", "entropy per token")],
    },
    Chart { id: "reward", title: "Reward", unit: Unit::Number, range: Range::Free, metrics: &[("reward", "mean reward")] },
];

const DIAGNOSTICS: [Chart; 6] = [
    Chart {
        id: "cut-off",
        title: "Too long",
        unit: Unit::Share,
        range: Range::FromZero,
        metrics: &[("eff/over_target_ratio", "longer than L_T"), ("completions/clipped_ratio", "cut off at the limit")],
    },
    Chart {
        id: "groups",
        title: "Groups",
        unit: Unit::Share,
        range: Range::Share,
        metrics: &[
            ("eff/frac_groups_kept", "trained on"),
            ("eff/frac_all_correct", "all right"),
            ("eff/frac_all_wrong", "all wrong"),
            ("eff/phantom_groups", "nothing right, yet rewards differ"),
        ],
    },
    Chart {
        id: "short-right",
        title: "Are short completions right?",
        unit: Unit::Share,
        range: Range::Free,
        metrics: &[("eff/p_correct_short_minus_long", "accuracy of the shortest third less that of the longest")],
    },
    Chart {
        id: "gradient",
        title: "Gradient norm",
        unit: Unit::Number,
        range: Range::FromZero,
        metrics: &[("grad_norm", "before clipping")],
    },
    Chart {
        id: "kl",
        title: "KL",
        unit: Unit::Nats,
        range: Range::Free,
        metrics: &[("approx_kl", "within a step"), ("kl", "to the first weights")],
    },
    Chart {
        id: "speed",
        title: "Speed",
        unit: Unit::Number,
        range: Range::FromZero,
        metrics: &[("time/tokens_per_second", "tokens a second")],
    },
];

/// Length, accuracy, entropy and reward, with the stages behind them.
pub fn main_curves(runs: &[Run]) -> String {
    let bands = if let [run] = runs { stages::bands(run) } else { Vec::new() };
    let charts = html(runs, &MAIN, &bands);
    if charts.is_empty() { charts } else { format!("{}{}", stages::legend(&bands), charts) }
}

/// What is looked at when something is odd.
pub fn diagnostics(runs: &[Run]) -> String {
    let charts = html(runs, &DIAGNOSTICS, &[]);
    match runs {
        [run] => charts + &others(run),
        _ => charts,
    }
}

fn html(runs: &[Run], charts: &[Chart], bands: &[Band]) -> String {
    let mut out = String::new();
    for chart in charts {
        if let [run] = runs {
            out += &of_run(run, chart, bands);
        } else {
            for (place, (metric, name)) in chart.metrics.iter().enumerate() {
                out += &of_runs(runs, chart, place, metric, name);
            }
        }
    }
    if out.is_empty() { out } else { format!("<div class=\"charts\">\n{out}</div>\n") }
}

/// Several quantities of one run.
fn of_run(run: &Run, chart: &Chart, bands: &[Band]) -> String {
    let mut metrics: Vec<(String, String)> =
        chart.metrics.iter().map(|(metric, name)| ((*metric).into(), (*name).into())).collect();
    if chart.id == "reward" {
        // one part is the reward itself
        let parts: Vec<&String> = run.metrics.curves.keys().filter(|name| reward_part(name).is_some()).collect();
        if parts.len() > 1 {
            metrics.extend(parts.iter().take(5).map(|name| ((*name).clone(), reward_part(name).unwrap_or_default().to_owned())));
        }
    }
    let lines = metrics.iter().enumerate().filter_map(|(color, (metric, name))| {
        let curve = run.metrics.curve(metric)?;
        Some(line(curve, name, (metric.clone(), 0), color))
    });
    let target = run.target_length().filter(|_| chart.id == "length").map(|target| (target, format!("L_T = {target}")));
    let mut chart = LineChart {
        id: chart.id,
        title: chart.title,
        unit: chart.unit,
        x_name: "step",
        is_log: false,
        range: chart.range,
        lines: lines.collect(),
        bands,
        target,
        note: None,
    };
    let mut notes = notes(&chart);
    for (metric, name) in &metrics {
        let missing = run.metrics.curves.get(metric).map_or(0, Curve::missing);
        if missing > 0 {
            notes.push(format!("{name}: {} not finite.", counted(missing, "value")));
        }
    }
    chart.note = (!notes.is_empty()).then(|| notes.join(" "));
    chart.html()
}

/// `length` of `rewards/length/mean`.
fn reward_part(name: &str) -> Option<&str> {
    name.strip_prefix("rewards/")?.strip_suffix("/mean")
}

/// One quantity of several runs.
fn of_runs(runs: &[Run], chart: &Chart, place: usize, metric: &str, name: &str) -> String {
    let has = |run: &Run| run.metrics.curve(metric).is_some();
    let lines = runs
        .iter()
        .enumerate()
        .filter_map(|(number, run)| Some(line(run.metrics.curve(metric)?, &run.name, (metric.to_owned(), number), number)));
    let id = if place == 0 { chart.id.to_owned() } else { format!("{}-{place}", chart.id) };
    let title = if chart.metrics.len() == 1 { chart.title.to_owned() } else { format!("{}: {name}", chart.title) };
    // one target for all, or none
    let targets: Vec<Option<f64>> = runs.iter().map(Run::target_length).collect();
    let first = targets.first().copied().flatten();
    let target = first.filter(|_| chart.id == "length" && targets.iter().all(|target| *target == first));
    let mut chart = LineChart {
        id: &id,
        title: &title,
        unit: chart.unit,
        x_name: "step",
        is_log: false,
        range: chart.range,
        lines: lines.collect(),
        bands: &[],
        target: target.map(|target| (target, format!("L_T = {target}"))),
        note: None,
    };
    let mut notes = notes(&chart);
    let without: Vec<&str> = runs.iter().filter(|run| !has(run)).map(Run::name).collect();
    if !without.is_empty() {
        notes.push(format!("Not recorded by {}.", without.join(", ")));
    }
    chart.note = (!notes.is_empty()).then(|| notes.join(" "));
    chart.html()
}

fn notes(chart: &LineChart<'_>) -> Vec<String> {
    let most = chart.lines.iter().map(|line| line.marks.len()).max().unwrap_or(0);
    let merged = chart.lines.iter().flat_map(|line| &line.marks).any(|mark| mark.first < mark.x);
    let half = half_window(most);
    let mut notes = Vec::new();
    if most > crate::chart::NOISY {
        let of = if merged { "point" } else { "step" };
        notes.push(format!("Thin: every {of}; thick: means of {} {of}s.", 2 * half + 1));
    }
    notes
}

/// The line of a curve; points of several steps show what lies between their extremes.
pub fn line(curve: &Curve, name: &str, metric: (String, usize), color: usize) -> Line {
    let mark = |point: &Point| Mark {
        x: f64::from(point.last),
        first: f64::from(point.first),
        y: point.value(),
        around: point.is_merged().then_some((point.low, point.high)),
    };
    let marks = curve.points().iter().map(mark).collect();
    Line { name: name.into(), metric: Some(metric), color, is_dashed: false, marks }
}

/// Every metric, drawn or not, in a row.
fn others(run: &Run) -> String {
    use std::fmt::Write;

    use crate::escape;
    use crate::number::four_digits;
    let mut out = String::from(
        "<details class=\"numbers all\"><summary>Every metric</summary><div class=\"scroll\" tabindex=\"0\" role=\"region\" \
         aria-label=\"Every metric\"><table><thead><tr><th scope=\"col\">metric</th><th scope=\"col\">values</th>\
         <th scope=\"col\">first</th><th scope=\"col\">last</th><th scope=\"col\">lowest</th><th scope=\"col\">highest</th></tr></thead><tbody>\n",
    );
    for (name, curve) in &run.metrics.curves {
        let (Some((first, last)), Some((low, high))) = (curve.ends(), curve.extremes()) else { continue };
        let values = curve.values();
        let _ = write!(
            out,
            "<tr><th scope=\"row\" data-all=\"{0}\">{0}</th><td data-v=\"{values}\">{values}</td>",
            escape::line(name)
        );
        for number in [first, last, low, high] {
            let _ = write!(out, "<td data-v=\"{number}\">{}</td>", four_digits(number));
        }
        out += "</tr>\n";
    }
    out + "</tbody></table></div></details>\n"
}
