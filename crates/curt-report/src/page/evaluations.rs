//! `eval.json`: models on sets of problems, and models side by side.

use std::fmt::Write;

use curt_eval::{Difference, EvalComparison, EvalEntry, LengthDistribution};

use crate::chart::{Line, LineChart, Mark, Range};
use crate::escape;
use crate::evaluation_file::EvaluationFile;
use crate::number::{Unit, grouped};

/// Entries in a chart, at most: as many as there are colours.
const MAX_LINES: usize = crate::chart::COLORS;

/// The section.
pub fn html(files: &[EvaluationFile]) -> String {
    let mut out = String::new();
    for (number, file) in files.iter().enumerate() {
        if files.len() > 1 {
            let _ = writeln!(out, "<h3 class=\"of-run\">{}</h3>", escape::line(&file.name));
        }
        let mut sets: Vec<&str> = Vec::new();
        for entry in &file.report.entries {
            if !sets.contains(&entry.data.as_str()) {
                sets.push(&entry.data);
            }
        }
        for (place, data) in sets.iter().enumerate() {
            let entries: Vec<&EvalEntry> = file.report.entries.iter().filter(|entry| entry.data == *data).collect();
            out += &of_set(data, &entries, &format!("eval-{number}-{place}"));
        }
        for comparison in &file.report.comparisons {
            out += &compared(comparison);
        }
    }
    out
}

/// The models on one set of problems.
fn of_set(data: &str, entries: &[&EvalEntry], id: &str) -> String {
    let mut out = format!("<h3 class=\"of-run\">{}</h3>\n{}", shown(data), table(entries));
    let budgets = |(color, entry): (usize, &&EvalEntry)| {
        let mark = |row: &curt_eval::BudgetRow| Mark {
            x: row.budget.into(),
            first: row.budget.into(),
            y: row.strict,
            around: row.interval.map(|interval| (interval.low.max(0.0), interval.high.min(1.0))),
        };
        let marks = entry.budgets.iter().filter(|row| row.budget > 0).map(mark).collect();
        Line { name: entry.model.clone(), metric: Some(("strict".into(), color)), color, is_dashed: false, marks }
    };
    let chart = LineChart {
        id: &format!("{id}-budgets"),
        title: "Right and ended within the budget",
        unit: Unit::Share,
        x_name: "budget in tokens",
        is_log: true,
        range: Range::Share,
        lines: entries.iter().take(MAX_LINES).enumerate().map(budgets).collect(),
        bands: &[],
        target: None,
        note: Some("Shaded: 95 % intervals over problems.".into()),
    };
    let mut charts = chart.html();
    for (kind, title) in [("right", "Lengths of right samples"), ("wrong", "Lengths of the others")] {
        charts += &lengths(entries, (id, kind), title, |entry| match kind {
            "right" => entry.lengths.correct.as_ref(),
            _ => entry.lengths.wrong.as_ref(),
        });
    }
    let _ = write!(out, "<div class=\"charts\">\n{charts}</div>\n");
    for (entry, warning) in entries.iter().flat_map(|entry| entry.warnings.iter().map(move |warning| (entry, warning))) {
        let _ = writeln!(out, "<p class=\"warning\"><b>{}:</b> {}</p>", shown(&entry.model), shown(warning));
    }
    out
}

/// The share of samples that are no longer, over the length.
fn lengths(
    entries: &[&EvalEntry],
    (set, kind): (&str, &str),
    title: &str,
    of: impl Fn(&EvalEntry) -> Option<&LengthDistribution>,
) -> String {
    let lines = entries.iter().take(MAX_LINES).enumerate().filter_map(|(color, entry)| {
        let points = of(entry)?.ecdf.iter().map(|point| Mark {
            x: point.length.into(),
            first: point.length.into(),
            y: point.share,
            around: None,
        });
        let metric = Some((format!("lengths/{kind}"), color));
        Some(Line { name: entry.model.clone(), metric, color, is_dashed: false, marks: points.collect() })
    });
    LineChart {
        id: &format!("{set}-{kind}"),
        title,
        unit: Unit::Share,
        x_name: "length in tokens",
        is_log: false,
        range: Range::Share,
        lines: lines.collect(),
        bands: &[],
        target: None,
        note: Some("The share that is no longer than this.".into()),
    }
    .html()
}

fn table(entries: &[&EvalEntry]) -> String {
    let mut out = "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Models\"><table class=\"wide\"><thead><tr>\
        <th scope=\"col\">model</th><th scope=\"col\">problems</th><th scope=\"col\">samples</th><th scope=\"col\">Mean@k</th>\
        <th scope=\"col\">Pass@k</th><th scope=\"col\">majority@k</th><th scope=\"col\">mean length</th><th scope=\"col\">cut off</th>\
        <th scope=\"col\">tokens per right</th><th scope=\"col\">AUC over budgets</th></tr></thead><tbody>\n"
        .to_owned();
    for (color, entry) in entries.iter().enumerate() {
        let summary = &entry.summary;
        let error = summary.standard_error.map_or(String::new(), |error| format!(" \u{b1} {error:.3}"));
        let (majority, pass) = (entry.majority_at.last().map(|at| at.value), summary.pass_at.last().map(|at| at.value));
        let cell = |value: Option<f64>, unit: Unit, more: &str| match value {
            Some(value) => format!("<td data-v=\"{value}\">{}{more}</td>", unit.text(value)),
            None => "<td>\u{2013}</td>".into(),
        };
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\"><i class=\"c{}\"></i> {}</th><td>{}</td><td>{}</td>{}{}{}{}{}{}{}</tr>",
            color % MAX_LINES,
            shown(&entry.model),
            grouped(summary.problems as u64),
            grouped(summary.samples_per_problem as u64),
            cell(Some(summary.mean_at_k), Unit::Share, &error),
            cell(pass, Unit::Share, ""),
            cell(majority, Unit::Share, ""),
            cell(Some(summary.length.mean), Unit::Tokens, ""),
            cell(Some(summary.truncation_rate), Unit::Share, ""),
            cell(entry.tokens_per_correct, Unit::Tokens, ""),
            cell(Some(entry.areas.budget_auc), Unit::Share, "")
        );
    }
    out + "</tbody></table></div>\n"
}

/// Two models side by side.
fn compared(comparison: &EvalComparison) -> String {
    let title = format!("{} \u{2192} {} on {}", comparison.before, comparison.after, comparison.data);
    let mut out = format!(
        "<h3 class=\"of-run\">{0}</h3>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{0}\"><table class=\"wide\"><thead><tr>\
         <th scope=\"col\">change</th><th scope=\"col\">mean</th><th scope=\"col\">95 % interval</th><th scope=\"col\">by bootstrap</th></tr></thead><tbody>\n",
        shown(&title)
    );
    let mut row = |name: &str, difference: &Difference, unit: Unit| {
        let (paired, bootstrap) = (&difference.paired, &difference.bootstrap);
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\">{}</th><td data-v=\"{}\">{}</td><td>{} to {}</td><td>{} to {}</td></tr>",
            escape::line(name),
            paired.mean,
            unit.signed(paired.mean),
            unit.signed(paired.low),
            unit.signed(paired.high),
            unit.signed(bootstrap.low),
            unit.signed(bootstrap.high)
        );
    };
    row("Mean@k", &comparison.accuracy, Unit::Share);
    row(&format!("Pass@{}", comparison.k), &comparison.pass_at_k, Unit::Share);
    row("mean length", &comparison.length, Unit::Tokens);
    if let Some(solved) = &comparison.solved_length {
        row("length where both are right", &solved.difference, Unit::Tokens);
    }
    for at in &comparison.budgets {
        row(&format!("right within {} tokens", grouped(at.budget.into())), &at.strict, Unit::Share);
    }
    out += "</tbody></table></div>\n";
    for words in &comparison.words {
        let _ = writeln!(out, "<p class=\"note\">{}</p>", shown(words));
    }
    out
}

fn shown(text: &str) -> String {
    escape::line(&escape::excerpt(text, 600))
}
