//! What `curt filter` did, as text and as a page that needs nothing else.

use std::fmt::Write;
use std::path::Path;

use curt_report::escaped;
use curt_trainer::filter::{Card, Histogram, Measurement, RateSource, WithoutVerdict};

use crate::header;
use crate::numbers::{counted, grouped, share, short};
use crate::table::Table;
use crate::terminal::Terminal;

const STYLE: &str = "\
body{font:15px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}\
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse}\
th,td{padding:.2rem .8rem .2rem 0;text-align:left;vertical-align:top}th{font-weight:600}\
td.n{text-align:right;font-variant-numeric:tabular-nums}svg{max-width:100%;height:auto}\
@media(prefers-color-scheme:dark){body{color:#ddd;background:#161616}text{fill:#ddd}.whisker{stroke:#ddd}}";

/// The lines of the terminal.
pub fn lines(terminal: &Terminal, card: &Card, folder: &Path) -> Vec<String> {
    let mut rows =
        vec![("problems", format!("{}, {} with a pass rate", grouped(card.problems as u64), grouped(card.rated as u64)))];
    for part in &card.parts {
        let (file, problems) = (folder.join(&part.file), counted(part.problems as u64, "problem"));
        rows.push(("kept", format!("{problems} with a rate in {}: {}", part.part.band, file.display())));
    }
    for dropped in &card.dropped {
        let place =
            if dropped.why.is_unrated() { format!(": {}", folder.join("unrated.jsonl").display()) } else { String::new() };
        rows.push(("dropped", format!("{} {}{place}", counted(dropped.problems as u64, "problem"), dropped.why.words())));
    }
    if card.repeated > 0 {
        rows.push(("repeated", format!("{} with id, prompt and answer of an earlier one", counted(card.repeated as u64, "row"))));
    }
    if card.bad > 0 {
        rows.push(("passed over", counted(card.bad as u64, "record") + " that cannot be read as a problem"));
    }
    if let RateSource::Measured(measurement) = &card.rates {
        rows.extend(measurement.without_verdict.iter().map(|failed| ("no verdict", no_verdict(failed))));
        rows.push(("cost", cost(measurement)));
    }
    rows.push(("card", folder.join("card.html").display().to_string()));
    let mut lines = header::labelled(terminal, &rows);
    if !card.levels.is_empty() {
        let mut table = Table::new(&["difficulty", "problems", "mean pass rate"]);
        for level in &card.levels {
            table.row([level.difficulty.to_string(), grouped(level.problems as u64), share(level.mean)]);
        }
        lines.extend(table.lines());
    }
    lines
}

fn cost(measurement: &Measurement) -> String {
    let planned = measurement.rollouts + measurement.rollouts_saved;
    let saved = match measurement.early_stop {
        true => format!(", {} of {} saved by early stopping", grouped(measurement.rollouts_saved), grouped(planned)),
        false => String::new(),
    };
    let (rollouts, tokens) = (counted(measurement.rollouts, "rollout"), short(measurement.tokens as f64));
    format!("{rollouts} of {tokens} tokens in all, {} cut by the cap{saved}", grouped(measurement.truncated))
}

/// What became of attempts on which the verifier failed, and why it did.
pub fn no_verdict(failed: &WithoutVerdict) -> String {
    let (attempts, reason) = (counted(failed.rollouts, "attempt"), &failed.reason);
    format!("no verdict on {attempts}, which do not count: {reason}; the same command makes them again")
}

/// The page.
pub fn page(card: &Card) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Filter card</title><style>{STYLE}</style></head><body>\n<h1>Filter card</h1>\n"
    );
    table(&mut page, &facts(card));
    if let Some(histogram) = &card.histogram {
        page += "<h2>Pass rates</h2>\n";
        bars(&mut page, histogram);
        page += "<p>Bars, with their numbers: problems; lines: 95 % Wilson intervals of each share, taking the problems for a sample.</p>\n";
    }
    page += "<h2>Kept</h2>\n<table><tr><th>file</th><th>pass rate</th><th>problems</th></tr>\n";
    for part in &card.parts {
        let (file, band) = (escaped(&part.file.display().to_string()), escaped(&part.part.band.to_string()));
        let _ = writeln!(page, "<tr><td>{file}</td><td>{band}</td><td class=\"n\">{}</td></tr>", grouped(part.problems as u64));
    }
    page += "</table>\n<h2>Dropped</h2>\n";
    dropped(&mut page, card);
    if !card.levels.is_empty() {
        page += "<h2>By difficulty</h2>\n<table><tr><th>difficulty</th><th>problems</th><th>mean pass rate</th></tr>\n";
        for level in &card.levels {
            let (problems, mean) = (grouped(level.problems as u64), share(level.mean));
            let row = [level.difficulty.to_string(), problems, mean].map(|cell| format!("<td class=\"n\">{cell}</td>"));
            let _ = writeln!(page, "<tr>{}</tr>", row.concat());
        }
        page += "</table>\n";
    }
    page + "</body></html>\n"
}

fn facts(card: &Card) -> Vec<(&'static str, String)> {
    let mut rows = vec![
        ("problems from", card.files.join(", ")),
        ("problems", format!("{}, {} with a pass rate", grouped(card.problems as u64), grouped(card.rated as u64))),
    ];
    match &card.rates {
        RateSource::Field { field, attempts } => {
            rows.push(("pass rates", format!("the field {field}")));
            rows.extend(attempts.map(|n| ("attempts", format!("{n} behind each rate"))));
        }
        RateSource::Measured(measurement) => {
            let conditions = &measurement.conditions;
            rows.extend([
                ("pass rates", "measured".to_owned()),
                ("model", conditions.model.clone()),
                ("cap", format!("{} tokens", grouped(conditions.cap.into()))),
                ("temperature", conditions.temperature.to_string()),
                ("top-p", conditions.top_p.to_string()),
                ("grader", conditions.grader.clone()),
                ("seed", conditions.seed.to_string()),
                ("attempts", format!("{} planned at each problem", measurement.attempts)),
                ("cost", cost(measurement)),
            ]);
            rows.extend(measurement.without_verdict.iter().map(|failed| ("no verdict", no_verdict(failed))));
        }
    }
    if card.repeated > 0 {
        rows.push(("repeated rows", grouped(card.repeated as u64)));
    }
    if card.bad > 0 {
        rows.push(("bad records passed over", grouped(card.bad as u64)));
    }
    rows.push(("made by", format!("curt {}", card.version)));
    rows
}

fn table(page: &mut String, rows: &[(&str, String)]) {
    *page += "<table>\n";
    for (label, text) in rows {
        let _ = writeln!(page, "<tr><th>{label}</th><td>{}</td></tr>", escaped(text));
    }
    *page += "</table>\n";
}

fn dropped(page: &mut String, card: &Card) {
    if card.dropped.is_empty() {
        *page += "<p>Nothing.</p>\n";
        return;
    }
    *page += "<table><tr><th>why</th><th>problems</th><th>the first</th></tr>\n";
    for kind in &card.dropped {
        let first = escaped(&kind.first.join(", "));
        let (why, problems) = (kind.why.words(), grouped(kind.problems as u64));
        let _ = writeln!(page, "<tr><td>{why}</td><td class=\"n\">{problems}</td><td>{first}</td></tr>");
    }
    *page += "</table>\n";
}

/// The histogram as a drawing: heights are shares of the tallest interval.
fn bars(page: &mut String, histogram: &Histogram) {
    let (width, height, bottom) = (720.0, 220.0, 240.0);
    let tallest = histogram.bars.iter().map(|bar| bar.share.high).fold(f64::MIN_POSITIVE, f64::max);
    let step = width / histogram.bars.len() as f64;
    let every = numbered(histogram, step);
    let _ = writeln!(
        page,
        "<svg viewBox=\"0 0 720 270\" width=\"720\" height=\"270\" role=\"img\" aria-label=\"Histogram of pass rates\">"
    );
    for (place, bar) in histogram.bars.iter().enumerate() {
        let (x, middle) = (place as f64 * step, (place as f64 + 0.5) * step);
        let y = |share: f64| bottom - share / tallest * height;
        let top = y(f64::from(bar.problems) / f64::from(histogram.problems));
        let _ = writeln!(
            page,
            "<rect x=\"{:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"#4a7fb5\">\
             <title>{:.3} to {:.3}: {}</title></rect>\
             <line class=\"whisker\" x1=\"{middle:.1}\" x2=\"{middle:.1}\" y1=\"{:.1}\" y2=\"{:.1}\" stroke=\"#222\"/>",
            x + 1.0,
            step - 2.0,
            bottom - top,
            bar.low,
            bar.high,
            counted(bar.problems.into(), "problem"),
            y(bar.share.low),
            y(bar.share.high),
        );
        if place % every == every / 2 {
            let (above, problems) = (y(bar.share.high) - 5.0, grouped(bar.problems.into()));
            let _ = writeln!(
                page,
                "<text x=\"{middle:.1}\" y=\"{above:.1}\" font-size=\"12\" text-anchor=\"middle\">{problems}</text>"
            );
        }
    }
    *page += "<text x=\"0\" y=\"258\" font-size=\"12\">0</text>";
    *page += "<text x=\"720\" y=\"258\" font-size=\"12\" text-anchor=\"end\">1</text></svg>\n";
}

/// Every how manyth bar has its number above it, so that the numbers do not run into each other; `step` is a bar's width.
fn numbered(histogram: &Histogram, step: f64) -> usize {
    let longest = histogram.bars.iter().map(|bar| grouped(bar.problems.into()).len()).max().unwrap_or(1);
    ((longest as f64 * 7.0 + 6.0) / step).ceil().max(1.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        assert_eq!(escaped("<a href='x'>&\"\n"), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;␊");
    }

    #[test]
    fn bars_have_their_numbers_where_there_is_room() {
        let drawn = |bars: u32| {
            let rates = (0..bars * 2000).map(|i| f64::from(i % bars) / f64::from(bars - 1));
            let mut page = String::new();
            super::bars(&mut page, &Histogram::new(rates, bars).unwrap());
            page.matches(">2,000</text>").count()
        };
        assert_eq!([drawn(9), drawn(17), drawn(33)], [9, 17, 16]);
    }
}
