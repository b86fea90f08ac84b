//! The stages of a run as bands behind its curves.

use crate::chart::Band;
use crate::run::Run;

/// The bands: what the detector recorded, else the two stages that the whole run shows.
pub fn bands(run: &Run) -> Vec<Band> {
    let recorded = &run.events.stages;
    let steps = f64::from(run.metrics.steps);
    if recorded.is_empty() {
        return in_hindsight(run, steps);
    }
    let ends = recorded.iter().skip(1).map(|next| f64::from(next.since)).chain([steps]);
    let band = |(stage, to): (&crate::events::Stage, f64)| {
        let from = f64::from(stage.since);
        (from <= to).then(|| Band { from, to, class: class(&stage.state), name: stage.state.clone() })
    };
    recorded.iter().zip(ends).filter_map(band).collect()
}

/// The two stages by the whole run, where both are seen.
fn in_hindsight(run: &Run, steps: f64) -> Vec<Band> {
    let curve = |name: &str| run.metrics.curve(name).map(|curve| curve.points());
    let (Some(lengths), Some(accuracies)) = (curve("completions/mean_length"), curve("eff/accuracy_in_budget")) else {
        return Vec::new();
    };
    let values = |points: &[crate::curve::Point]| points.iter().map(|point| point.value()).collect::<Vec<_>>();
    match curt_eval::stages(&values(lengths), &values(accuracies)) {
        Ok(stages) if stages.both_seen() => {
            let boundary = f64::from(lengths[stages.boundary].first);
            vec![
                Band { from: f64::from(lengths[0].first), to: boundary, class: "adapting", name: "adapting".into() },
                Band { from: boundary, to: steps, class: "refining", name: "refining".into() },
            ]
        }
        _ => Vec::new(),
    }
}

/// The states that have a colour of their own.
fn class(state: &str) -> &'static str {
    ["adapting", "refining", "rebound", "collapsing", "exploding"].into_iter().find(|known| *known == state).unwrap_or("other")
}

/// What the bands mean.
pub fn legend(bands: &[Band]) -> String {
    let mut seen: Vec<&str> = Vec::new();
    let mut out = String::new();
    for band in bands.iter().filter(|band| !band.name.is_empty()) {
        if !seen.contains(&band.class) {
            seen.push(band.class);
            out += &format!(
                "<li><i class=\"stage {}\"></i><b>{}</b> {}</li>",
                band.class,
                crate::escape::line(&band.name),
                meaning(band.class)
            );
        }
    }
    if out.is_empty() { out } else { format!("<ul class=\"legend stages\">{out}</ul>\n") }
}

fn meaning(class: &str) -> &'static str {
    match class {
        "adapting" => "length adapts to the reward",
        "refining" => "accuracy grows at constant length",
        "rebound" => "length grows again",
        "collapsing" => "answers are short and no longer right",
        "exploding" => "length or entropy runs away",
        _ => "",
    }
}
