//! The findings of `curt data inspect` as text. Whatever comes from a file is shown and never obeyed by a terminal.

use curt_task::{Compression, LengthSummary};
use curt_trainer::inspection::{FileFacts, Gold, Golds, Inspection, Named, Overlap, Pairs, RenderedPrompt, Spot, TokenFacts};

use crate::numbers::{counted, grouped};
use crate::table::Table;
use crate::terminal::Terminal;

/// Findings of one kind that are shown; `--json` has more.
const SHOWN: usize = 5;

/// Characters of a text in one line.
const WIDTH: usize = 90;

/// The page.
pub fn lines(terminal: &Terminal, inspection: &Inspection) -> Vec<String> {
    let mut lines = Vec::new();
    for file in &inspection.files {
        lines.extend(file_lines(terminal, file));
    }
    lines.extend(length_lines(terminal, inspection));
    lines.extend(duplicate_lines(terminal, inspection));
    if let Some(golds) = &inspection.golds {
        lines.extend(gold_lines(terminal, golds, inspection.problems));
    }
    for overlap in &inspection.overlap {
        lines.extend(overlap_lines(terminal, overlap));
    }
    for prompt in &inspection.prompts {
        lines.extend(prompt_lines(terminal, prompt));
    }
    lines
}

fn file_lines(terminal: &Terminal, facts: &FileFacts) -> Vec<String> {
    let packed = if facts.compression == Compression::None { String::new() } else { format!(" in {}", facts.compression) };
    let report = &facts.report;
    let (records, problems) = (counted(report.records as u64, "record"), counted(report.problems as u64, "problem"));
    let mut lines = vec![
        terminal.bold(&format!("{}: {}{packed}, {records}, {problems}", facts.file.display(), facts.format)),
        format!("  {}", safe(terminal, &facts.form)),
    ];
    let mut table = Table::new(&["field", "present", "types"]);
    for field in &facts.fields {
        let types: Vec<String> = match field.types.len() {
            1 => field.types.keys().map(|kind| (*kind).to_owned()).collect(),
            _ => field.types.iter().map(|(kind, count)| format!("{kind} {}", grouped(*count as u64))).collect(),
        };
        table.row([safe(terminal, &field.name), grouped(field.present as u64), types.join(", ")]);
    }
    lines.extend(table.lines());
    if facts.unlisted_values > 0 {
        lines.push(format!("  {} of other fields", counted(facts.unlisted_values as u64, "value")));
    }
    if report.repeated.count > 0 {
        lines.push(format!(
            "  {}, with id, prompt and answer of an earlier one",
            counted(report.repeated.count as u64, "repeated record")
        ));
        let pair = |(number, first): &(usize, usize)| format!("    {number} repeats {first}");
        lines.extend(report.repeated.first.iter().take(SHOWN).map(pair));
    }
    if report.bad.count > 0 {
        lines.push(terminal.red(&format!("  {} passed over", counted(report.bad.count as u64, "bad record"))));
        lines.extend(report.bad.first.iter().take(SHOWN).map(|error| format!("    {}", safe(terminal, error))));
    }
    lines.push(String::new());
    lines
}

fn length_lines(terminal: &Terminal, inspection: &Inspection) -> Vec<String> {
    let mut table = Table::new(&["length of prompts", "shortest", "median", "90 %", "99 %", "longest", "mean"]);
    let mut row = |name: String, lengths: &LengthSummary| {
        let numbers = [lengths.shortest, lengths.median, lengths.p90, lengths.p99, lengths.longest];
        let numbers = numbers.map(|number| grouped(u64::from(number)));
        table.row([name].into_iter().chain(numbers).chain([format!("{:.1}", lengths.mean)]));
    };
    if let Some(characters) = &inspection.characters {
        row("in characters".to_owned(), characters);
    }
    if let Some(tokens) = &inspection.tokens {
        row(format!("in tokens of {}", tokens.model), &tokens.lengths);
    }
    let mut lines = table.lines();
    lines.extend(inspection.tokens.iter().flat_map(|tokens| too_long_lines(terminal, tokens)));
    lines
}

fn too_long_lines(terminal: &Terminal, tokens: &TokenFacts) -> Vec<String> {
    let template = if tokens.chat_template { "with its chat template" } else { "without a chat template" };
    let (count, limit) = (counted(tokens.too_long.count as u64, "prompt"), grouped(u64::from(tokens.limit)));
    let line = format!("  {count} of more than {limit} tokens, {template} and with the suffix");
    let row = |long: &curt_trainer::inspection::TooLong| format!("{}: {} tokens", spot(&long.at), grouped(long.tokens as u64));
    listed(terminal, line, &tokens.too_long, row)
}

fn duplicate_lines(terminal: &Terminal, inspection: &Inspection) -> Vec<String> {
    let mut lines = vec![terminal.bold("duplicates")];
    let duplicates = &inspection.duplicates;
    let line = format!(
        "  {} with the text of an earlier one, {} letter by letter, {} with another answer",
        counted(duplicates.found.count as u64, "problem"),
        grouped(duplicates.letter_by_letter as u64),
        grouped(duplicates.other_answer as u64)
    );
    lines.extend(pair_lines(terminal, line, duplicates));
    let ids = &inspection.ids_of_other_files;
    if ids.count > 0 {
        let line = format!("  {} with the id of another problem in an earlier file", counted(ids.count as u64, "problem"));
        lines.extend(listed(terminal, line, ids, |id| one_line(id)));
    }
    lines
}

fn overlap_lines(terminal: &Terminal, overlap: &Overlap) -> Vec<String> {
    let mut lines = vec![terminal.bold(&format!("overlap with {}", overlap.file.display()))];
    let line = format!(
        "  {} of its {} in what was inspected: {} with the text of one, {} letter by letter, {} with another answer",
        grouped(overlap.contained as u64),
        counted(overlap.problems as u64, "problem"),
        counted(overlap.pairs.found.count as u64, "problem"),
        grouped(overlap.pairs.letter_by_letter as u64),
        grouped(overlap.pairs.other_answer as u64)
    );
    lines.extend(pair_lines(terminal, line, &overlap.pairs));
    lines
}

fn pair_lines(terminal: &Terminal, line: String, pairs: &Pairs) -> Vec<String> {
    listed(terminal, line, &pairs.found, |pair| {
        let but = if pair.same_answer { "" } else { ", but for the answer" };
        format!("{} equals {}{but}", spot(&pair.at), spot(&pair.equals))
    })
}

fn gold_lines(terminal: &Terminal, golds: &Golds, problems: usize) -> Vec<String> {
    let row = |gold: &Gold| format!("{}: {} ({})", spot(&gold.at), one_line(&gold.answer), one_line(&gold.reason));
    let of = format!("of {}", counted(problems as u64, "right answer"));
    let mut lines = vec![terminal.bold("right answers, as mathematics")];
    let line = format!("  {} {of} cannot be graded", grouped(golds.ungradable.count as u64));
    lines.extend(listed(terminal, line, &golds.ungradable, row));
    let line = format!("  {} {of} not found equal to themselves", grouped(golds.not_themselves.count as u64));
    lines.extend(listed(terminal, line, &golds.not_themselves, row));
    lines
}

fn prompt_lines(terminal: &Terminal, prompt: &RenderedPrompt) -> Vec<String> {
    let length = prompt.ids.as_ref().map_or(String::new(), |ids| format!(", {}", counted(ids.len() as u64, "token")));
    let mut lines = vec![
        String::new(),
        terminal.bold(&format!("prompt of {}, id {}{length}", spot(&prompt.at), safe(terminal, &one_line(&prompt.id)))),
    ];
    lines.extend(terminal.harmless(&prompt.text).lines().map(|line| format!("  {line}")));
    if let Some(ids) = &prompt.ids {
        lines.push(terminal.dim(&format!("  {ids:?}")));
    }
    lines
}

/// A line, and below it the first of what it counts.
fn listed<T>(terminal: &Terminal, line: String, named: &Named<T>, row: impl Fn(&T) -> String) -> Vec<String> {
    let mut lines = vec![line];
    lines.extend(named.first.iter().take(SHOWN).map(|item| format!("    {}", safe(terminal, &row(item)))));
    if named.count > SHOWN {
        let hint = if named.first.len() > SHOWN { "; --json names more" } else { "" };
        lines.push(terminal.dim(&format!("    and {} more{hint}", grouped((named.count - SHOWN) as u64))));
    }
    lines
}

fn spot(spot: &Spot) -> String {
    format!("{}:{}", spot.file.display(), spot.number)
}

/// The beginning of a text, in one line.
fn one_line(text: &str) -> String {
    let mut line: String = text.chars().take(WIDTH).flat_map(shown).collect();
    if text.chars().nth(WIDTH).is_some() {
        line.push('…');
    }
    line
}

/// Line ends and tabs as `\n` and `\t`.
fn shown(c: char) -> impl Iterator<Item = char> {
    let escaped = matches!(c, '\n' | '\r' | '\t').then(|| c.escape_default());
    escaped.is_none().then_some(c).into_iter().chain(escaped.into_iter().flatten())
}

/// One line that a terminal shows and does not obey.
fn safe(terminal: &Terminal, text: &str) -> String {
    terminal.harmless(&text.chars().flat_map(shown).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::tests::plain;

    #[test]
    fn what_a_file_says_stays_in_its_line_and_steers_nothing() {
        assert_eq!(one_line("a\nb\tc"), "a\\nb\\tc");
        assert_eq!(one_line(&"x".repeat(WIDTH)), "x".repeat(WIDTH));
        assert_eq!(one_line(&"x".repeat(WIDTH + 1)), format!("{}…", "x".repeat(WIDTH)));
        assert_eq!(safe(&plain(true), "a\n\x1b[2Jb"), "a\\n\\u{1b}[2Jb");
        let at = Spot { file: "f".into(), number: 1 };
        let prompt = RenderedPrompt { at, id: "i\x1b]0;".into(), text: "1\n\x1b[2J".into(), ids: Some(vec![7]) };
        assert_eq!(
            prompt_lines(&plain(true), &prompt),
            ["", "prompt of f:1, id i\\u{1b}]0;, 1 token", "  1", "  \\u{1b}[2J", "  [7]"]
        );
    }

    #[test]
    fn long_lists_say_how_long_they_are() {
        let named = Named { count: 30, first: (0..20).collect() };
        let lines = listed(&plain(true), "  30 numbers".into(), &named, |n| n.to_string());
        assert_eq!(lines.len(), 2 + SHOWN);
        assert_eq!(lines.last().unwrap(), "    and 25 more; --json names more");
    }
}
