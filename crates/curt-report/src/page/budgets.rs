//! Accuracy if answers had to end within a budget, before and after.

use curt_eval::budget_curve;

use crate::chart::{Line, LineChart, Mark, Range};
use crate::events::Evaluation;
use crate::number::Unit;
use crate::run::Run;

/// The colour of what was before.
const BEFORE: usize = 5;

/// The section.
pub fn html(runs: &[Run]) -> String {
    let mut lines = Vec::new();
    for (number, run) in runs.iter().enumerate() {
        let several = runs.len() > 1;
        let name = |when: &str| if several { format!("{}, {when}", run.name) } else { when.to_owned() };
        let color = if several { number } else { 0 };
        match run.events.before_and_after() {
            Some((before, after)) => {
                let old = if several { color } else { BEFORE };
                lines.push(Line { is_dashed: true, ..line(before, &name("before"), old, number) });
                lines.push(line(after, &name(&format!("after step {}", after.step)), color, number));
            }
            None => {
                lines.extend(run.events.newest().map(|only| line(only, &name(&format!("step {}", only.step)), color, number)))
            }
        }
    }
    let targets: Vec<Option<f64>> = runs.iter().map(Run::target_length).collect();
    let same_target = targets.first().copied().flatten().filter(|_| targets.iter().all(|target| *target == targets[0]));
    let trained_for = same_target.map_or(String::new(), |target| format!(" The rewards asked for {target} tokens."));
    let chart = LineChart {
        id: "budget-curve",
        title: "Right and ended within the budget",
        unit: Unit::Share,
        x_name: "budget in tokens",
        is_log: true,
        range: Range::Share,
        lines,
        bands: &[],
        target: None,
        note: Some(format!("Shaded: 95 % intervals over problems. All budgets come from one generation.{trained_for}")),
    };
    let html = chart.html();
    if html.is_empty() { html } else { format!("<div class=\"charts\">\n{html}</div>\n") }
}

fn line(evaluation: &Evaluation, name: &str, color: usize, run: usize) -> Line {
    let summary = &evaluation.summary;
    let budgets: Vec<u32> = summary.budgets.iter().map(|at| at.budget).collect();
    let rows = evaluation.groups.as_ref().and_then(|groups| budget_curve(groups, summary.limit, &budgets).ok());
    let mark = |(place, at): (usize, &curt_eval::BudgetAccuracy)| {
        let interval = rows.as_ref().and_then(|rows| rows.get(place)?.interval);
        let around = interval.map(|interval| (interval.low.max(0.0), interval.high.min(1.0)));
        Mark { x: at.budget.into(), first: at.budget.into(), y: at.accuracy, around }
    };
    let marks = summary.budgets.iter().enumerate().filter(|(_, at)| at.budget > 0).map(mark).collect();
    Line {
        name: name.into(),
        metric: Some((format!("budgets of step {}", evaluation.step), run)),
        color,
        is_dashed: false,
        marks,
    }
}
