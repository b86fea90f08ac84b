//! What changed, first and large.

use std::fmt::Write;

use curt_eval::{Comparison, Groups, Interval, Sample, paired_difference, problem_passes};

use crate::curve::Curve;
use crate::escape;
use crate::events::Evaluation;
use crate::number::{Unit, counted, grouped};
use crate::run::Run;

/// Share of a run, at each of its ends, that stands for it where there are no evaluations.
const END: usize = 20;

/// A number before and after.
struct Card {
    /// Its name in the page's attributes.
    key: &'static str,
    name: String,
    unit: Unit,
    /// Whether more of it is better.
    more_is_better: bool,
    before: Option<f64>,
    after: f64,
    /// Of the change, where problems could be paired.
    interval: Option<Interval>,
}

/// The section.
pub fn html(runs: &[Run]) -> String {
    if let [run] = runs {
        let (cards, words) = of_run(run);
        if cards.is_empty() {
            return String::new();
        }
        let cards: String = cards.iter().map(card).collect();
        return format!("<div class=\"cards\">\n{cards}</div>\n<p class=\"note\">{}</p>\n", escape::line(&words));
    }
    table(runs)
}

/// The cards of a run and a sentence about where they come from.
fn of_run(run: &Run) -> (Vec<Card>, String) {
    if let Some((before, after)) = run.events.before_and_after() {
        let steps = counted(u64::from(after.step - before.step.min(after.step)), "step");
        let words = format!(
            "Evaluated before and after {steps} on the same {}, {} of each at most {} tokens long, with the same random numbers; \
             changes are paired by problem, in brackets their 95 % intervals.",
            counted(after.summary.problems as u64, "problem"),
            counted(after.summary.samples_per_problem as u64, "sample"),
            grouped(after.summary.limit.into())
        );
        return (of_evaluations(Some(before), after, run.target_length()), words);
    }
    if let Some(only) = run.events.newest() {
        let words = format!("One evaluation, after {}: there is none to compare it with.", counted(only.step.into(), "step"));
        return (of_evaluations(None, only, run.target_length()), words);
    }
    let rollouts = of_rollouts(run);
    (rollouts, "No evaluation is recorded: means of the rollouts of the first and of the last twentieth of the steps.".into())
}

fn of_evaluations(before: Option<&Evaluation>, after: &Evaluation, target: Option<f64>) -> Vec<Card> {
    let groups = before.and_then(|before| Some((before.groups.as_ref()?, after.groups.as_ref()?)));
    let change = groups.and_then(|(before, after)| Comparison::new(before, after).ok());
    // of a quantity with a value for each problem, where the problems are the same
    let paired = |values: &dyn Fn(&Groups) -> Option<Vec<f64>>| {
        let (before, after) = groups.filter(|_| change.is_some())?;
        paired_difference(&values(before)?, &values(after)?).ok()
    };
    let (old, new) = (before.map(|before| &before.summary), &after.summary);
    let k = new.samples_per_problem;
    let mut cards = vec![
        Card {
            key: "mean_length",
            name: "Mean length".into(),
            unit: Unit::Tokens,
            more_is_better: false,
            before: old.map(|old| old.length.mean),
            after: new.length.mean,
            interval: change.map(|change| change.length),
        },
        Card {
            key: "mean_at_k",
            name: format!("Mean@{k}"),
            unit: Unit::Share,
            more_is_better: true,
            before: old.map(|old| old.mean_at_k),
            after: new.mean_at_k,
            interval: change.map(|change| change.accuracy),
        },
    ];
    if let Some(pass) = new.pass_at.last().filter(|pass| pass.k > 1) {
        cards.push(Card {
            key: "pass_at_k",
            name: format!("Pass@{}", pass.k),
            unit: Unit::Share,
            more_is_better: true,
            before: old.and_then(|old| old.pass_at.iter().find(|at| at.k == pass.k)).map(|at| at.value),
            after: pass.value,
            interval: paired(&|groups| problem_passes(groups, pass.k).ok()),
        });
    }
    // the budget that the run was trained for, else the one in the middle
    let fits = |budget: u32| target.is_none_or(|target| f64::from(budget) <= target);
    let place = match target {
        Some(_) => new.budgets.iter().rposition(|at| fits(at.budget)).unwrap_or(0),
        None => new.budgets.len() / 2,
    };
    if let Some(at) = new.budgets.get(place) {
        cards.push(Card {
            key: "budget",
            name: format!("Right within {} tokens", grouped(at.budget.into())),
            unit: Unit::Share,
            more_is_better: true,
            before: old.and_then(|old| old.budgets.iter().find(|other| other.budget == at.budget)).map(|at| at.accuracy),
            after: at.accuracy,
            interval: paired(&|groups| Some(groups.iter().map(|(_, samples)| share_within(samples, at.budget)).collect())),
        });
    }
    cards
}

/// The share of a problem's samples that are right within a budget.
fn share_within(samples: &[Sample], budget: u32) -> f64 {
    samples.iter().filter(|sample| sample.correct_within(budget)).count() as f64 / samples.len().max(1) as f64
}

fn of_rollouts(run: &Run) -> Vec<Card> {
    let rows = [
        ("mean_length", "Mean length", "completions/mean_length", Unit::Tokens, false),
        ("accuracy", "Right", "eff/accuracy", Unit::Share, true),
        ("budget", "Right and within L_T", "eff/accuracy_in_budget", Unit::Share, true),
        ("entropy", "Entropy", "entropy", Unit::Nats, true),
    ];
    let card = |(key, name, metric, unit, more_is_better): (&'static str, &str, &str, Unit, bool)| {
        let (before, after) = ends(run.metrics.curve(metric)?);
        Some(Card { key, name: name.into(), unit, more_is_better, before: Some(before), after, interval: None })
    };
    rows.into_iter().filter_map(card).collect()
}

/// Means over both ends of a curve.
fn ends(curve: &Curve) -> (f64, f64) {
    let points = curve.points();
    let few = (points.len() / END).max(1);
    let mean = |points: &[crate::curve::Point]| points.iter().map(|point| point.value()).sum::<f64>() / points.len() as f64;
    (mean(&points[..few]), mean(&points[points.len() - few..]))
}

fn card(card: &Card) -> String {
    let (unit, key) = (card.unit, card.key);
    let name = escape::line(&card.name);
    let number = |end: &str, value: f64| {
        format!("<span class=\"{end}\" data-headline=\"{key}\" data-end=\"{end}\" data-v=\"{value}\">{}</span>", unit.text(value))
    };
    let of = if unit == Unit::Tokens { " <small>tokens</small>" } else { "" };
    let mut out = format!("<div class=\"card\"><h3>{name}</h3><p class=\"values\">");
    if let Some(before) = card.before {
        out += &number("before", before);
        out += " <span class=\"arrow\" aria-label=\"to\">\u{2192}</span> ";
    }
    let _ = write!(out, "{}{of}</p>", number("after", card.after));
    if let Some(before) = card.before {
        let _ = write!(out, "<p class=\"change {}\">{}</p>", judged(card, before), change(card, before));
    }
    out + "</div>\n"
}

fn change(card: &Card, before: f64) -> String {
    let difference = card.after - before;
    let mut text = card.unit.signed(difference);
    if card.unit == Unit::Tokens && before > 0.0 {
        let percent = (100.0 * difference / before).round();
        text += &format!(" ({}{} %)", if percent < 0.0 { "\u{2212}" } else { "+" }, percent.abs());
    }
    if let Some(interval) = card.interval {
        text += &format!(" [{} to {}]", card.unit.signed(interval.low), card.unit.signed(interval.high));
    }
    text
}

/// Better, worse, or neither: where there is an interval, only what it leaves no doubt of.
fn judged(card: &Card, before: f64) -> &'static str {
    let (low, high) = card.interval.map_or((card.after - before, card.after - before), |interval| (interval.low, interval.high));
    let (up, down) = if card.more_is_better { ("better", "worse") } else { ("worse", "better") };
    match (low > 0.0, high < 0.0) {
        (true, _) => up,
        (_, true) => down,
        _ => "same",
    }
}

/// A row for each run.
fn table(runs: &[Run]) -> String {
    let found: Vec<Vec<Card>> = runs.iter().map(|run| of_run(run).0).collect();
    let mut heads: Vec<(&'static str, String)> = Vec::new();
    for card in found.iter().flatten() {
        if !heads.iter().any(|(key, name)| *key == card.key && *name == card.name) {
            heads.push((card.key, card.name.clone()));
        }
    }
    if heads.is_empty() {
        return String::new();
    }
    let mut out = "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Before and after\"><table class=\"wide\"><thead><tr><th scope=\"col\">run</th>".to_owned();
    for (_, name) in &heads {
        let _ = write!(out, "<th scope=\"col\">{}</th>", escape::line(name));
    }
    out += "</tr></thead><tbody>\n";
    for (place, (run, cards)) in runs.iter().zip(&found).enumerate() {
        let _ = write!(out, "<tr><th scope=\"row\"><i class=\"c{place}\"></i> {}</th>", escape::line(&run.name));
        for (key, name) in &heads {
            match cards.iter().find(|card| card.key == *key && card.name == *name) {
                Some(card) => {
                    let before = card.before.map_or(String::new(), |before| format!("{} \u{2192} ", card.unit.text(before)));
                    let class = card.before.map_or("same", |before| judged(card, before));
                    let _ = write!(
                        out,
                        "<td data-run=\"{place}\" data-headline=\"{key}\" data-v=\"{}\">{before}<b class=\"{class}\">{}</b></td>",
                        card.after,
                        card.unit.text(card.after)
                    );
                }
                None => out += "<td></td>",
            }
        }
        out += "</tr>\n";
    }
    out + "</tbody></table></div>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length(before: f64, after: f64, interval: Option<(f64, f64)>) -> Card {
        let interval = interval.map(|(low, high)| Interval { mean: after - before, standard_error: 1.0, low, high, problems: 9 });
        let name = "Mean length".into();
        Card { key: "mean_length", name, unit: Unit::Tokens, more_is_better: false, before: Some(before), after, interval }
    }

    #[test]
    fn a_card_shows_both_ends_the_change_and_its_interval() {
        let html = card(&length(82.97, 21.2, Some((-66.3, -57.3))));
        assert!(html.contains("data-headline=\"mean_length\" data-end=\"before\" data-v=\"82.97\">83.0<"), "{html}");
        assert!(
            html.contains("<p class=\"change better\">\u{2212}61.8 (\u{2212}74 %) [\u{2212}66.3 to \u{2212}57.3]</p>"),
            "{html}"
        );
    }

    #[test]
    fn what_an_interval_leaves_in_doubt_is_not_called_better() {
        assert_eq!(judged(&length(50.0, 49.0, Some((-3.0, 1.0))), 50.0), "same");
        assert_eq!(judged(&length(50.0, 60.0, None), 50.0), "worse");
    }
}
