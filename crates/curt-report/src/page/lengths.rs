//! Lengths of right and wrong rollouts: over the steps, and at both ends of the run.

use crate::chart::{BINS, Histogram, Line, LineChart, Range, bin};
use crate::number::{Unit, grouped};
use crate::page::curves;
use crate::rollouts::{Counts, Lengths};
use crate::run::Run;

/// The share of rollouts that the axis of the histograms takes in.
const SHOWN: f64 = 0.995;

/// The section.
pub fn html(runs: &[Run]) -> String {
    let charts = match runs {
        [run] => over_time(run) + &at_both_ends(run),
        runs => medians(runs, "correct", "right") + &medians(runs, "wrong", "wrong"),
    };
    if charts.is_empty() { charts } else { format!("<div class=\"charts\">\n{charts}</div>\n") }
}

/// Medians with the tenths at both ends.
fn over_time(run: &Run) -> String {
    let lines = [("correct", "right", 0), ("wrong", "wrong", 1)].into_iter().filter_map(|(kind, name, color)| {
        let curve = |quantile: &str| run.metrics.curve(&format!("eff/len_{kind}_{quantile}"));
        let median = curve("p50")?;
        let metric = format!("eff/len_{kind}_p50");
        let mut line = curves::line(median, name, (metric, 0), color);
        // quantiles stand in the same rows, so their points are those of the median
        if let (Some(low), Some(high)) = (curve("p10"), curve("p90"))
            && [low, high].iter().all(|curve| curve.points().len() == line.marks.len())
        {
            for (mark, (low, high)) in line.marks.iter_mut().zip(low.points().iter().zip(high.points())) {
                mark.around = Some((low.value(), high.value()));
            }
        }
        Some(line)
    });
    let target = run.target_length().map(|target| (target, format!("L_T = {target}")));
    LineChart {
        id: "length-by-correctness",
        title: "Length of right and wrong rollouts",
        unit: Unit::Tokens,
        x_name: "step",
        is_log: false,
        range: Range::FromZero,
        lines: lines.collect(),
        bands: &[],
        target,
        note: Some("Medians; shaded: from the shortest tenth to the longest.".into()),
    }
    .html()
}

/// The medians of one kind, a line for each run.
fn medians(runs: &[Run], kind: &str, name: &str) -> String {
    let metric = format!("eff/len_{kind}_p50");
    let lines: Vec<Line> = runs
        .iter()
        .enumerate()
        .filter_map(|(number, run)| Some(curves::line(run.metrics.curve(&metric)?, run.name(), (metric.clone(), number), number)))
        .collect();
    LineChart {
        id: &format!("length-{name}"),
        title: &format!("Median length of {name} rollouts"),
        unit: Unit::Tokens,
        x_name: "step",
        is_log: false,
        range: Range::FromZero,
        lines,
        bands: &[],
        target: None,
        note: None,
    }
    .html()
}

/// Histograms over the first steps and over the last, on the same axes.
fn at_both_ends(run: &Run) -> String {
    let ends = &run.rollouts.ends;
    let right = ends.iter().filter_map(|lengths| quantile(lengths, SHOWN)).max();
    let Some(right) = right.map(|right| right.max(run.target_length().map_or(1, |target| target as u32))) else {
        return String::new();
    };
    let target = run.target_length().map(|target| (target, format!("L_T = {target}")));
    let names = ["first", "last"].map(|word| word.to_owned());
    let mut histograms: Vec<(String, Histogram<'_>)> = Vec::new();
    for ((lengths, word), id) in ends.iter().zip(&names).zip(["histogram-first", "histogram-last"]) {
        let Some((first, last)) = lengths.steps else { continue };
        let title = match last - first {
            0 => format!("Lengths at step {}", grouped(first.into())),
            _ => format!("Lengths over the {word} steps, {} to {}", grouped(first.into()), grouped(last.into())),
        };
        let (correct, wrong) = (binned(&lengths.correct, right), binned(&lengths.wrong, right));
        let histogram = Histogram { id, title: "", right, tallest: 0.0, correct, wrong, target: target.clone() };
        histograms.push((title, histogram));
    }
    let tallest = histograms.iter().map(|(_, histogram)| histogram.own_tallest()).fold(0.0, f64::max);
    histograms.into_iter().map(|(title, histogram)| Histogram { title: &title, tallest, ..histogram }.html()).collect()
}

fn binned(counts: &Counts, right: u32) -> [u64; BINS] {
    let mut bins = [0; BINS];
    counts.iter().for_each(|(length, count)| bins[bin(*length, right)] += count);
    bins
}

/// The smallest length that this share of the rollouts does not exceed.
fn quantile(lengths: &Lengths, share: f64) -> Option<u32> {
    let mut all = lengths.correct.clone();
    lengths.wrong.iter().for_each(|(length, count)| *all.entry(*length).or_default() += count);
    let total: u64 = all.values().sum();
    let mut seen = 0;
    all.into_iter().find_map(|(length, count)| {
        seen += count;
        (seen as f64 >= share * total as f64).then_some(length)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_lengths_that_occur() {
        let lengths = Lengths { steps: Some((1, 1)), correct: [(5, 98), (900, 1)].into(), wrong: [(7, 1)].into() };
        assert_eq!((quantile(&lengths, 0.995), quantile(&lengths, 0.5), quantile(&lengths, 0.99)), (Some(900), Some(5), Some(7)));
        assert_eq!(quantile(&Lengths::default(), 0.5), None);
    }
}
