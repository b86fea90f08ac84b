//! What a run or an evaluation found, in tables.

use curt_eval::{Comparison, Interval, Stages, Summary};
use curt_trainer::Evaluation;

use crate::numbers::{counted, share, signed, tokens};
use crate::table::Table;
use crate::terminal::Terminal;

/// One row: what it is, and how to read it from a summary.
type Row = (String, Box<dyn Fn(&Summary) -> String>);

/// The rows of an evaluation; `like` says which k and budgets there are.
fn rows(like: &Summary) -> Vec<Row> {
    let optional = |value: Option<f64>| value.map_or("-".to_owned(), tokens);
    let mut rows: Vec<Row> = vec![
        ("mean length in tokens".into(), Box::new(|s| tokens(s.length.mean))),
        ("  of right completions".into(), Box::new(move |s| optional(s.length.mean_correct))),
        ("  of the others".into(), Box::new(move |s| optional(s.length.mean_wrong))),
        (format!("cut off at {} tokens", like.limit), Box::new(|s| share(s.truncation_rate))),
        (format!("Mean@{}", like.samples_per_problem), Box::new(|s| share(s.mean_at_k))),
    ];
    if let Some(pass) = like.pass_at.last().filter(|pass| pass.k > 1) {
        let value = |s: &Summary| s.pass_at.last().map_or("-".into(), |pass| share(pass.value));
        rows.push((format!("Pass@{}", pass.k), Box::new(value)));
    }
    for (place, at) in like.budgets.iter().enumerate() {
        let value = move |s: &Summary| s.budgets.get(place).map_or("-".into(), |at| share(at.accuracy));
        rows.push((format!("right within {:>4} tokens", at.budget), Box::new(value)));
    }
    rows
}

/// The table of one evaluation, with a row per difficulty where difficulties are known.
pub fn evaluation(terminal: &Terminal, summary: &Summary) -> Vec<String> {
    let mut table = Table::default();
    for (label, value) in rows(summary) {
        table.row([label, value(summary)]);
    }
    let mut lines = table.lines();
    if let Some(error) = summary.standard_error {
        lines.push(format!("  (standard error of Mean@{}: {})", summary.samples_per_problem, share(error)));
    }
    if !summary.by_difficulty.is_empty() {
        let k = summary.samples_per_problem;
        let mut table = Table::new(&["difficulty", "problems", &format!("Mean@{k}"), &format!("Pass@{k}"), "mean length"]);
        for row in &summary.by_difficulty {
            let (difficulty, problems) = (row.difficulty.to_string(), row.problems.to_string());
            table.row([difficulty, problems, share(row.mean_at_k), share(row.pass_at_k), tokens(row.mean_length)]);
        }
        lines.push(String::new());
        lines.extend(with_bold_heads(terminal, table.lines()));
    }
    lines
}

/// The table before → after, with paired differences and their 95 % intervals.
pub fn comparison(terminal: &Terminal, before: &Evaluation, after: &Evaluation) -> Vec<String> {
    let change = Comparison::new(&before.groups, &after.groups).ok();
    let mut table = Table::new(&["", "before", "after", "change", "95 % interval"]);
    for (label, value) in rows(&after.summary) {
        let interval = match label.as_str() {
            "mean length in tokens" => change.map(|c| cells(&c.length, 1, terminal)),
            "  of right completions" => None,
            label if label.starts_with("Mean@") => change.map(|c| cells(&c.accuracy, 3, terminal)),
            _ => None,
        };
        let [difference, interval] = interval.unwrap_or_default();
        table.row([label, value(&before.summary), value(&after.summary), difference, interval]);
    }
    if let Some(solved) = change.and_then(|c| c.solved_length) {
        let [difference, interval] = cells(&solved, 1, terminal);
        table.row(["length where both are right".into(), String::new(), String::new(), difference, interval]);
    }
    let mut lines = with_bold_heads(terminal, table.lines());
    let summary = &after.summary;
    let (problems, samples) =
        (counted(summary.problems as u64, "problem"), counted(summary.samples_per_problem as u64, "sample"));
    lines.push(terminal.dim(&format!("  {problems}, {samples} of each; differences are paired by problem")));
    lines
}

fn cells(interval: &Interval, decimals: usize, terminal: &Terminal) -> [String; 2] {
    let end = |value| signed(value, decimals);
    let dots = terminal.either("…", "to");
    [end(interval.mean), format!("{} {dots} {}", end(interval.low), end(interval.high))]
}

fn with_bold_heads(terminal: &Terminal, mut lines: Vec<String>) -> Vec<String> {
    if let Some(heads) = lines.first_mut() {
        *heads = terminal.bold(heads);
    }
    lines
}

/// The two stages of a run, in words; `target` is L_T.
pub fn stages(terminal: &Terminal, stages: &Stages, target: usize) -> Vec<String> {
    let Stages { steps, boundary, start_length, boundary_length, end_length, boundary_accuracy, end_accuracy, .. } = stages;
    let arrow = terminal.either("→", "->");
    let fall = stages.share_of_fall.map_or(String::new(), |share| format!(", {:.0} % of its fall", 100.0 * share));
    let first =
        format!("stage 1, steps 1 to {boundary}: length {} {arrow} {}{fall}", tokens(*start_length), tokens(*boundary_length));
    let second = format!(
        "stage 2, steps {} to {steps}: length {} {arrow} {}, right within {target} tokens {} {arrow} {}",
        boundary + 1,
        tokens(*boundary_length),
        tokens(*end_length),
        share(*boundary_accuracy),
        share(*end_accuracy)
    );
    let verdict = match stages.both_seen() {
        true => terminal.green("both stages are seen: length adapts first, then accuracy grows at constant length"),
        false => "the two stages (length falls first, then accuracy grows) are not both seen in this run".into(),
    };
    [first, second, verdict].map(|line| format!("  {line}")).to_vec()
}

#[cfg(test)]
mod tests {
    use curt_eval::{Groups, Sample, summarize};

    use super::*;
    use crate::terminal::tests::plain;

    fn found(lengths: [u32; 4], correct: [bool; 4]) -> Evaluation {
        let samples: Vec<Sample> = lengths
            .into_iter()
            .zip(correct)
            .enumerate()
            .map(|(i, (length, correct))| Sample::new(i / 2, length, correct, length < 64))
            .collect();
        let groups = Groups::new(&samples).unwrap();
        let summary = summarize(&groups, 64, &[16, 32], &[1, 2]).unwrap();
        Evaluation { summary, groups, verified: Vec::new() }
    }

    #[test]
    fn before_and_after_stand_side_by_side_with_paired_intervals() {
        let (before, after) = (found([60, 64, 50, 20], [true, false, true, false]), found([10, 10, 20, 30], [true; 4]));
        let lines = comparison(&plain(false), &before, &after);
        let normal: Vec<String> = lines.iter().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        let cells = |label: &str| normal.iter().find(|line| line.starts_with(label)).unwrap().as_str();
        assert_eq!(cells("mean length"), "mean length in tokens 48.5 17.5 -31.0 -297.8 to +235.8");
        assert_eq!(cells("Mean@2"), "Mean@2 0.500 1.000 +0.500 +0.500 to +0.500");
        assert_eq!(cells("Pass@2"), "Pass@2 1.000 1.000");
        assert_eq!(cells("cut off"), "cut off at 64 tokens 0.250 0.000");
        assert_eq!(cells("right within 16"), "right within 16 tokens 0.000 0.500");
        assert_eq!(cells("right within 32"), "right within 32 tokens 0.000 1.000");
        assert!(lines.iter().all(|line| line.chars().count() < 90), "{lines:#?}");
    }

    #[test]
    fn an_evaluation_has_a_row_per_difficulty() {
        let lines = evaluation(&plain(false), &found([10, 10, 20, 30], [true, true, true, false]).summary);
        assert!(lines.iter().any(|line| line.split_whitespace().eq(["2", "1", "0.500", "1.000", "25.0"])), "{lines:#?}");
    }

    #[test]
    fn stages_are_told_in_words() {
        let lengths: Vec<f64> = (0..30).map(|step| if step < 10 { 80.0 - 6.0 * f64::from(step) } else { 20.0 }).collect();
        let accuracies: Vec<f64> = (0..30).map(|step| 0.6 + 0.01 * f64::from(step)).collect();
        let found = curt_eval::stages(&lengths, &accuracies).unwrap();
        let lines = stages(&plain(false), &found, 48);
        assert_eq!(lines[0], "  stage 1, steps 1 to 10: length 80.0 -> 20.0, 100 % of its fall");
        assert_eq!(lines[1], "  stage 2, steps 11 to 30: length 20.0 -> 20.0, right within 48 tokens 0.705 -> 0.885");
        assert!(lines[2].contains("both stages are seen"));
    }
}
