//! The page: one HTML file that needs nothing else.

mod alarms;
mod budgets;
mod curves;
mod difficulty;
mod evaluations;
mod examples;
mod headline;
mod lengths;
mod settings;
mod stages;

use std::fmt::Write;

use crate::chart::COLORS;
use crate::error::ReportError;
use crate::escape;
use crate::evaluation_file::EvaluationFile;
use crate::number::{counted, grouped};
use crate::run::Run;
use crate::settings::Settings;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// SHA-256 of the script in base64: the page allows this script and no other, so that no text in it can become one.
const SCRIPT_HASH: &str = "sha256-DP4vQC/nbnfJEkEGV4yAZL8JDtmlwvTMFkx3IQv9ezI=";

/// What is reported: runs laid over each other, evaluations, or both.
#[derive(Debug)]
pub struct Page {
    runs: Vec<Run>,
    evaluations: Vec<EvaluationFile>,
    preset: Option<(String, Settings)>,
    made_by: String,
}

/// A part of the page; one without content is left out.
struct Section {
    id: &'static str,
    title: &'static str,
    html: String,
}

impl Page {
    /// A page about these runs and evaluations.
    ///
    /// # Errors
    /// There is none of either, or there are more runs than colours.
    pub fn new(runs: Vec<Run>, evaluations: Vec<EvaluationFile>) -> Result<Self, ReportError> {
        if runs.is_empty() && evaluations.is_empty() {
            return Err(ReportError::Nothing);
        }
        if runs.len() > COLORS {
            return Err(ReportError::TooManyRuns { found: runs.len(), most: COLORS });
        }
        let mut runs = runs;
        tell_apart(&mut runs);
        let made_by = concat!("curt-report ", env!("CARGO_PKG_VERSION")).to_owned();
        Ok(Self { runs, evaluations, preset: None, made_by })
    }

    /// Compares the settings of each run with those in this TOML text, which are called `name`.
    ///
    /// # Errors
    /// It is no TOML.
    pub fn with_preset(mut self, name: &str, toml: &str) -> Result<Self, ReportError> {
        self.preset = Some((name.to_owned(), Settings::parse(toml, name)?));
        Ok(self)
    }

    /// Says at the foot of the page which program made it.
    pub fn made_by(mut self, program: &str) -> Self {
        self.made_by = program.to_owned();
        self
    }

    /// The page. The same files give the same page, byte for byte.
    pub fn to_html(&self) -> String {
        let sections = self.sections();
        let title = escape::line(&self.title());
        let mut out = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
             script-src '{SCRIPT_HASH}'; img-src data:; base-uri 'none'; form-action 'none'\">\n\
             <title>{title}</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
             <a class=\"skip\" href=\"#main\">Skip to the content</a>\n"
        );
        self.header(&mut out, &title);
        out += "<nav aria-label=\"Sections\"><ul>";
        for section in &sections {
            let _ = write!(out, "<li><a href=\"#{}\">{}</a></li>", section.id, section.title);
        }
        out += "</ul></nav>\n<main id=\"main\">\n";
        for Section { id, title, html } in &sections {
            let _ = write!(out, "<section id=\"{id}\">\n<h2>{title}</h2>\n{html}</section>\n");
        }
        let made_by = escape::line(&self.made_by);
        let _ = write!(
            out,
            "</main>\n<footer><p>Made by {made_by}. Each chart has its numbers in a table below it; curves of more than {} steps show \
             means of neighbouring steps with their extremes.</p></footer>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n",
            grouped(crate::curve::MAX_POINTS as u64)
        );
        out
    }

    fn sections(&self) -> Vec<Section> {
        let of = |id, title, html| Section { id, title, html };
        let sections = [
            of("headline", "Before and after", headline::html(&self.runs)),
            of("alarms", "Alarms", alarms::html(&self.runs)),
            of("curves", "Training", curves::main_curves(&self.runs)),
            of("lengths", "Length by correctness", lengths::html(&self.runs)),
            of("budgets", "Accuracy within a budget", budgets::html(&self.runs)),
            of("difficulty", "By difficulty", difficulty::html(&self.runs)),
            of("examples", "Completions", examples::html(&self.runs)),
            of("diagnostics", "Diagnostics", curves::diagnostics(&self.runs)),
            of("evaluations", "Evaluations", evaluations::html(&self.evaluations)),
            of("settings", "Settings", settings::html(&self.runs, self.preset.as_ref())),
        ];
        sections.into_iter().filter(|section| !section.html.is_empty()).collect()
    }

    fn title(&self) -> String {
        match (&self.runs[..], &self.evaluations[..]) {
            ([run], _) => run.name.clone(),
            ([], [evaluation]) => evaluation.name.clone(),
            ([], evaluations) => counted(evaluations.len() as u64, "evaluation"),
            (runs, _) => format!("{} runs", runs.len()),
        }
    }

    fn header(&self, out: &mut String, title: &str) {
        // what it does is written where it can do it
        let _ = write!(
            out,
            "<header>\n<button id=\"theme\" type=\"button\" hidden>Theme</button>\n<p class=\"kind\">curt report</p>\n<h1>{title}</h1>\n"
        );
        if let [run] = &self.runs[..] {
            let facts = facts(run);
            if !facts.is_empty() {
                *out += "<dl class=\"facts\">";
                for (name, value) in facts {
                    let _ = write!(out, "<div><dt>{name}</dt><dd>{}</dd></div>", escape::line(&value));
                }
                *out += "</dl>\n";
            }
        } else if !self.runs.is_empty() {
            *out += "<ul class=\"legend runs\">";
            for (place, run) in self.runs.iter().enumerate() {
                let _ = write!(out, "<li><i class=\"c{place}\"></i>{}</li>", escape::line(&run.name));
            }
            *out += "</ul>\n";
        }
        for run in &self.runs {
            for note in run.notes() {
                let name = if self.runs.len() > 1 { format!("<b>{}:</b> ", escape::line(&run.name)) } else { String::new() };
                let _ = writeln!(out, "<p class=\"warning\">{name}{}</p>", escape::line(&note));
            }
        }
        *out += "</header>\n";
    }
}

/// What was run, in a few words each.
fn facts(run: &Run) -> Vec<(&'static str, String)> {
    let setting = |key: &str| run.setting(key);
    let steps = match run.planned_steps() {
        Some(planned) if planned != u64::from(run.metrics.steps) => {
            format!("{} of {}", grouped(run.metrics.steps.into()), grouped(planned))
        }
        _ => grouped(run.metrics.steps.into()),
    };
    let problems = setting("data.path").or_else(|| setting("data.task"));
    let reward = setting("reward.strategy").map(|strategy| match run.target_length() {
        Some(target) => format!("{strategy}, L_T = {target} tokens"),
        None => strategy,
    });
    let each = setting("rollout.prompts_per_step").zip(setting("rollout.num_generations"));
    let each = each.map(|(prompts, samples)| format!("{prompts} prompts \u{d7} {samples} completions"));
    let rows = [
        ("model", setting("model.path")),
        ("problems", problems),
        ("reward", reward),
        ("each step", each),
        ("steps", Some(steps)),
        ("seed", setting("seed")),
    ];
    rows.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// Gives runs of equal names others: with the folder above, else with a number.
fn tell_apart(runs: &mut [Run]) {
    let names: Vec<String> = runs.iter().map(|run| run.name.clone()).collect();
    let is_unique = |name: &str| names.iter().filter(|other| *other == name).count() == 1;
    for run in runs.iter_mut().filter(|run| !is_unique(&run.name)) {
        if let Some(above) = run.path.parent().and_then(|above| above.file_name()) {
            run.name = format!("{}/{}", above.to_string_lossy(), run.name);
        }
    }
    for place in 1..runs.len() {
        let (before, here) = runs.split_at_mut(place);
        let equal =
            before.iter().filter(|run| run.path.file_name() == here[0].path.file_name() && run.name == here[0].name).count();
        if equal > 0 {
            here[0].name = format!("{} ({})", here[0].name, equal + 1);
        }
    }
}
