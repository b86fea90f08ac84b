//! `curt verify`: verdicts on answers in a file, and where another verifier says something else.

use std::io::{BufWriter, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;
use curt_trainer::Verifiers;
use curt_trainer::config::VerifySection;
use curt_verify::command::{CommandLimits, CommandVerifier};
use curt_verify::math::{ExtractOptions, Math, Options, equivalent};
use curt_verify::{Response, Verdict, Verification, Verifier};
use serde_json::json;

use crate::arguments::VerifyArguments;
use crate::exit;
use crate::verify_rows::{Row, Rows};

/// Rows that are judged before more are read.
const ROWS: usize = 1024;

/// Characters of a text in a line of output.
const SHOWN: usize = 100;

/// Runs the command.
pub fn run(arguments: &VerifyArguments) -> Result<ExitCode> {
    exit::written(judge_rows(arguments))
}

fn judge_rows(arguments: &VerifyArguments) -> Result<()> {
    let mut rows = Rows::open(&arguments.file, arguments.golds)?;
    let verifier = verifier(arguments)?;
    let other = arguments.against.as_deref().map(other);
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut tally = Tally::default();
    loop {
        let batch = rows.next(ROWS)?;
        if batch.is_empty() {
            break;
        }
        let judged = judge(verifier.as_ref(), &batch);
        match &other {
            Some(other) => tally.compare(&batch, &judged, other, &mut out)?,
            None => batch.iter().zip(&judged).try_for_each(|(row, (verification, _))| {
                if arguments.json { writeln!(out, "{}", line(row, verification)) } else { Ok(()) }
            })?,
        }
        tally.add(&batch, judged, arguments.slowest);
    }
    if !arguments.json {
        tally.print(&mut out)?;
    }
    Ok(out.flush()?)
}

fn verifier(arguments: &VerifyArguments) -> Result<Box<dyn Verifier>> {
    if arguments.kind != "math" {
        let interpreter = arguments.interpreter.as_deref().unwrap_or_default().split_whitespace().map(str::to_owned).collect();
        let section = VerifySection::of(&arguments.kind, words(arguments.command.as_deref()), interpreter);
        return Ok(Verifiers::build(&arguments.kind, &section)?);
    }
    let options = Options {
        tolerance: arguments.tolerance,
        precision: arguments.precision,
        // a gold against itself: that the same text is equal would be no finding
        identity: !arguments.golds,
        ..Options::default()
    };
    if arguments.golds {
        return Ok(Box::new(Golds(options)));
    }
    let extract = ExtractOptions { strict: arguments.strict, ..ExtractOptions::default() };
    Ok(Box::new(Math { extract, options }))
}

/// Judges answers as they stand: a gold is no completion in which to look for one.
struct Golds(Options);

impl Verifier for Golds {
    fn name(&self) -> &'static str {
        "math"
    }

    fn verify(&self, answer: &str, response: &str, _: bool) -> Verification {
        let judgement = equivalent(answer, response, &self.0);
        let reason = (judgement.verdict != Verdict::Correct).then(|| judgement.reason.to_string());
        Verification { verdict: judgement.verdict, extracted: None, reason }
    }
}

/// Another verifier, run by the shell.
fn other(command: &str) -> CommandVerifier {
    CommandVerifier::new(words(Some(command)), CommandLimits::default())
}

fn words(command: Option<&str>) -> Vec<String> {
    command.map_or_else(Vec::new, |command| ["sh", "-c", command].map(str::to_owned).to_vec())
}

/// The verdicts in order, each with the time it took; where several are judged at once, with its share.
fn judge(verifier: &dyn Verifier, rows: &[Row]) -> Vec<(Verification, Duration)> {
    let responses = rows.iter().map(|row| Response { answer: &row.gold, text: &row.answer, finished: true });
    if matches!(verifier.name(), "code" | "command") {
        let start = Instant::now();
        let all = verifier.verify_all(&responses.collect::<Vec<_>>());
        let share = start.elapsed() / rows.len().max(1) as u32;
        return all.into_iter().map(|verification| (verification, share)).collect();
    }
    let timed = |response: Response<'_>| {
        let start = Instant::now();
        (verifier.verify(response.answer, response.text, response.finished), start.elapsed())
    };
    responses.map(timed).collect()
}

fn line(row: &Row, verification: &Verification) -> serde_json::Value {
    json!({
        "id": row.id,
        "verdict": verification.verdict,
        "reason": verification.reason,
        "extracted": verification.extracted,
    })
}

/// What was found so far.
#[derive(Default)]
struct Tally {
    correct: usize,
    wrong: usize,
    ungradable: usize,
    time: Duration,
    /// The slowest first.
    slowest: Vec<(Duration, String)>,
    other_time: Duration,
    disagreements: Option<usize>,
}

impl Tally {
    fn add(&mut self, rows: &[Row], judged: Vec<(Verification, Duration)>, slowest: usize) {
        for (row, (verification, time)) in rows.iter().zip(judged) {
            *match verification.verdict {
                Verdict::Correct => &mut self.correct,
                Verdict::Wrong => &mut self.wrong,
                Verdict::Ungradable => &mut self.ungradable,
            } += 1;
            self.time += time;
            if self.slowest.len() < slowest || self.slowest.last().is_some_and(|(least, _)| time > *least) {
                self.slowest.push((time, shown_row(row)));
                self.slowest.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
                self.slowest.truncate(slowest);
            }
        }
    }

    /// Asks the other verifier and prints where it says something else.
    fn compare(
        &mut self,
        rows: &[Row],
        judged: &[(Verification, Duration)],
        other: &CommandVerifier,
        out: &mut impl Write,
    ) -> std::io::Result<()> {
        let responses: Vec<Response<'_>> =
            rows.iter().map(|row| Response { answer: &row.gold, text: &row.answer, finished: true }).collect();
        let start = Instant::now();
        let theirs = other.verify_all(&responses);
        self.other_time += start.elapsed();
        let disagreements = self.disagreements.get_or_insert(0);
        for ((row, (ours, _)), theirs) in rows.iter().zip(judged).zip(theirs) {
            if ours.verdict != theirs.verdict {
                *disagreements += 1;
                writeln!(out, "  {}: here {}, there {}", shown_row(row), said(ours), said(&theirs))?;
            }
        }
        Ok(())
    }

    fn print(&self, out: &mut impl Write) -> std::io::Result<()> {
        let count = self.correct + self.wrong + self.ungradable;
        let rate = |time: Duration| count as f64 / time.as_secs_f64().max(1e-9);
        for (word, number) in [("correct", self.correct), ("wrong", self.wrong), ("ungradable", self.ungradable)] {
            writeln!(out, "  {word:<12} {number:>8}")?;
        }
        writeln!(out, "  {:<12} {count:>8}  {:.0} a second", "rows", rate(self.time))?;
        if let Some(disagreements) = self.disagreements {
            writeln!(
                out,
                "  {:<12} {disagreements:>8}  the other verifier: {:.0} a second",
                "disagreements",
                rate(self.other_time)
            )?;
        }
        for (time, row) in &self.slowest {
            writeln!(out, "  {:>9.3} ms  {row}", time.as_secs_f64() * 1e3)?;
        }
        Ok(())
    }
}

fn said(verification: &Verification) -> String {
    let word = match verification.verdict {
        Verdict::Correct => "correct",
        Verdict::Wrong => "wrong",
        Verdict::Ungradable => "ungradable",
    };
    match &verification.reason {
        Some(reason) => format!("{word} ({})", shown(reason)),
        None => word.to_owned(),
    }
}

fn shown_row(row: &Row) -> String {
    let id = row.id.as_str().map_or_else(|| row.id.to_string(), str::to_owned);
    format!("{}: gold {}, answer {}", shown(&id), shown(&row.gold), shown(&row.answer))
}

/// The end of a text, without control characters that a terminal would obey.
fn shown(text: &str) -> String {
    let count = text.chars().count();
    let end: String = text.chars().skip(count.saturating_sub(SHOWN)).collect();
    let cut = if count > SHOWN { "…" } else { "" };
    format!("{cut}{}", end.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_model_is_escaped_and_cut_at_its_beginning() {
        assert_eq!(shown("a\u{1b}[31m\nb"), "a\\u{1b}[31m\\nb");
        assert_eq!(shown(&"x".repeat(SHOWN)), "x".repeat(SHOWN));
        assert_eq!(shown(&format!("{}y", "x".repeat(SHOWN))), format!("…{}y", "x".repeat(SHOWN - 1)));
    }
}
