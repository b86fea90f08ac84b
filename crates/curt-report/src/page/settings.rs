//! What the runs were made with, and how that differs from a preset and from each other.

use std::fmt::Write;

use crate::escape;
use crate::run::Run;
use crate::settings::{Difference, Settings};

/// Characters of a value that are shown, at most.
const MAX_CHARACTERS: usize = 400;

/// The section.
pub fn html(runs: &[Run], preset: Option<&(String, Settings)>) -> String {
    let with: Vec<(&Run, &Settings)> = runs.iter().filter_map(|run| Some((run, run.settings.as_ref()?))).collect();
    let mut out = String::new();
    if let [(_, settings)] = &with[..] {
        if let Some((name, preset)) = preset {
            out += &differences(&settings.differences(preset), name, "this run");
        }
    } else if let [(first, base), others @ ..] = &with[..] {
        for (run, settings) in others {
            let differences_of_run = settings.differences(base);
            out += &differences(&differences_of_run, &first.name, &run.name);
        }
    }
    for (run, settings) in &with {
        let summary = if with.len() > 1 { format!("All settings of {}", run.name) } else { "All settings".into() };
        let _ = writeln!(
            out,
            "<details class=\"numbers\"><summary>{0}</summary><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{0}\">\
             <table class=\"settings\"><tbody>",
            escape::line(&summary)
        );
        for (key, value) in settings.rows() {
            let _ = writeln!(out, "<tr><th scope=\"row\"><code>{}</code></th><td>{}</td></tr>", shown(key), code(Some(value)));
        }
        out += "</tbody></table></div></details>\n";
    }
    out
}

fn differences(rows: &[Difference<'_>], there: &str, here: &str) -> String {
    let (there, here) = (escape::line(there), escape::line(here));
    if rows.is_empty() {
        return format!("<p class=\"note\">The settings of {here} are those of {there}.</p>\n");
    }
    let mut out = format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Settings that differ\"><table class=\"settings\">\
         <caption>Where {here} differs from {there}</caption><thead><tr><th scope=\"col\">setting</th>\
         <th scope=\"col\">{there}</th><th scope=\"col\">{here}</th></tr></thead><tbody>\n"
    );
    for row in rows {
        let (there, here) = (code(row.there), code(row.here));
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\"><code>{}</code></th><td class=\"was\">{there}</td><td>{here}</td></tr>",
            shown(row.key)
        );
    }
    out + "</tbody></table></div>\n"
}

fn code(value: Option<&str>) -> String {
    value.map_or("\u{2013}".into(), |value| format!("<code>{}</code>", shown(value)))
}

fn shown(text: &str) -> String {
    escape::line(&escape::excerpt(text, MAX_CHARACTERS))
}
