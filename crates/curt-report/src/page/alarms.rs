//! Alarms: what was seen, why, and what to change.

use std::fmt::Write;

use crate::escape;
use crate::events::Alarm;
use crate::number::four_digits;
use crate::run::Run;

/// Characters of a field that are shown, at most.
const MAX_CHARACTERS: usize = 600;

/// The section; nothing where no run raised one.
pub fn html(runs: &[Run]) -> String {
    let mut out = String::new();
    for run in runs {
        for alarm in &run.events.alarms {
            let of_run = if runs.len() > 1 { format!(" in {}", run.name) } else { String::new() };
            out += &one(alarm, &of_run);
        }
    }
    if out.is_empty() { out } else { format!("<ol class=\"alarms\">\n{out}</ol>\n") }
}

fn one(alarm: &Alarm, of_run: &str) -> String {
    let text = |text: &str| escape::line(&escape::excerpt(text, MAX_CHARACTERS));
    let mut out = format!("<li><h3>{} <span class=\"unit\">step {}{}</span>", text(&alarm.alarm), alarm.step, text(of_run));
    if !alarm.action.is_empty() {
        let _ = write!(out, " <span class=\"verdict wrong\">{}</span>", text(&alarm.action));
    }
    let _ = write!(out, "</h3><p>{}</p>", text(&alarm.message));
    if let (Some(value), Some(threshold)) = (alarm.value, alarm.threshold) {
        let _ = write!(out, "<p class=\"note\">{} against a threshold of {}</p>", four_digits(value), four_digits(threshold));
    }
    if !alarm.cause.is_empty() {
        let _ = write!(out, "<p><b>Likely cause:</b> {}</p>", text(&alarm.cause));
    }
    if !alarm.key.is_empty() || !alarm.change.is_empty() {
        let _ = write!(out, "<p><b>Change</b> <code>{}</code>: {}</p>", text(&alarm.key), text(&alarm.change));
    }
    out + "</li>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_says_what_was_seen_and_what_to_change() {
        let alarm = Alarm {
            step: 40,
            alarm: "collapse".into(),
            message: "right answers become rare <b>".into(),
            cause: "truncated answers are masked".into(),
            key: "reward.masking".into(),
            change: "none".into(),
            action: "pause".into(),
            value: Some(0.125),
            threshold: Some(0.2),
        };
        let html = one(&alarm, "");
        for part in [
            "collapse",
            "step 40",
            "pause",
            "become rare &lt;b&gt;",
            "0.1250 against a threshold of 0.2000",
            "<code>reward.masking</code>: none",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
    }
}
