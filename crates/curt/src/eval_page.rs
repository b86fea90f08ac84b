//! What an evaluation found, as tables.

use curt_eval::{BudgetRow, Difference, EvalComparison, EvalEntry, EvalReport, Interval, LengthDistribution};

use crate::numbers::{counted, grouped, share, signed, tokens};
use crate::table::Table;
use crate::terminal::Terminal;

/// Letters of a line of prose.
const WIDTH: usize = 100;

/// The lines of a report; `comparisons_only` leaves out the evaluations themselves.
pub fn page(terminal: &Terminal, report: &EvalReport, comparisons_only: bool) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in report.entries.iter().filter(|_| !comparisons_only) {
        lines.push(String::new());
        lines.extend(entry_lines(terminal, entry));
    }
    for comparison in &report.comparisons {
        lines.push(String::new());
        lines.extend(comparison_lines(terminal, comparison));
    }
    lines
}

fn entry_lines(terminal: &Terminal, entry: &EvalEntry) -> Vec<String> {
    let summary = &entry.summary;
    let (model, data) = (plain(&entry.model), plain(&entry.data));
    let (problems, samples) = (summary.problems as u64, summary.samples_per_problem as u64);
    let of =
        format!("{}, {} of each, at most {} tokens", counted(problems, "problem"), counted(samples, "sample"), summary.limit);
    let mut lines = vec![format!("  {}: {of}", terminal.bold(&format!("{model} on {data}"))), String::new()];
    lines.extend(with_bold_heads(terminal, length_table(entry).lines()));
    lines.push(String::new());
    lines.extend(number_table(terminal, entry).lines());
    lines.push(String::new());
    lines.extend(with_bold_heads(terminal, budget_table(terminal, entry).lines()));
    if !summary.by_difficulty.is_empty() {
        let mut table = Table::new(&["difficulty", "problems", &at("Mean", samples), &at("Pass", samples), "mean length"]);
        for row in &summary.by_difficulty {
            let (difficulty, problems) = (row.difficulty.to_string(), row.problems.to_string());
            table.row([difficulty, problems, share(row.mean_at_k), share(row.pass_at_k), tokens(row.mean_length)]);
        }
        lines.push(String::new());
        lines.extend(with_bold_heads(terminal, table.lines()));
    }
    let words = entry.power.as_ref().map(|power| &power.words).filter(|words| !entry.warnings.contains(words));
    for (mark, text) in entry.warnings.iter().map(|text| ("note: ", text)).chain(words.map(|words| ("", words))) {
        lines.push(String::new());
        lines.extend(prose(terminal, &format!("{mark}{text}")));
    }
    lines
}

fn length_table(entry: &EvalEntry) -> Table {
    let lengths = &entry.lengths;
    let columns = [Some(&lengths.all), lengths.correct.as_ref(), lengths.wrong.as_ref()];
    let mut table = Table::new(&["", "all", "right", "others"]);
    let mut row = |label: &str, cell: &dyn Fn(&LengthDistribution) -> String| {
        let cells = columns.iter().map(|column| column.map_or("-".to_owned(), cell));
        table.row(std::iter::once(label.to_owned()).chain(cells));
    };
    row("samples", &|lengths| grouped(lengths.samples as u64));
    row("mean length in tokens", &|lengths| tokens(lengths.mean));
    for percent in [10_u32, 50, 90] {
        let quantile = |lengths: &LengthDistribution| {
            let found = lengths.quantiles.iter().find(|q| (q.share * 100.0 - f64::from(percent)).abs() < 0.5);
            found.map_or("-".to_owned(), |quantile| grouped(quantile.length.into()))
        };
        row(&format!("  {percent} % are at most"), &quantile);
    }
    table
}

fn number_table(terminal: &Terminal, entry: &EvalEntry) -> Table {
    let summary = &entry.summary;
    let samples = summary.samples_per_problem as u64;
    let mut table = Table::new(&["", "", "95 % interval"]);
    let last = entry.budgets.last().and_then(|row| row.interval);
    // the interval of the last budget is that of Mean@k where nothing right was cut
    let of_mean = last.filter(|interval| interval.mean == summary.mean_at_k);
    table.row([at("Mean", samples), share(summary.mean_at_k), of_mean.map_or(String::new(), |i| between(terminal, &i, share))]);
    for pass in summary.pass_at.iter().filter(|pass| pass.k > 1) {
        table.row([at("Pass", pass.k as u64), share(pass.value)]);
    }
    for majority in entry.majority_at.iter().filter(|majority| majority.k > 2) {
        table.row([at("majority", majority.k as u64), share(majority.value)]);
    }
    let ends = |low: f64, high: f64, text: fn(f64) -> String| format!("{} {} {}", text(low), dots(terminal), text(high));
    if let Some(cost) = entry.tokens_per_correct {
        let interval = entry.tokens_per_correct_interval.map(|i| ends(i.low, i.high, tokens));
        table.row(["tokens per right answer".to_owned(), tokens(cost), interval.unwrap_or_default()]);
    }
    let interval = entry.areas.auc_oaa_interval.map(|i| ends(i.low, i.high, share));
    table.row([format!("AUC_OAA up to {} tokens", summary.limit), share(entry.areas.auc_oaa), interval.unwrap_or_default()]);
    if let Some(regret) = entry.areas.regret.and_then(|regret| regret.share) {
        table.row(["REG, share of the best curve".to_owned(), share(regret)]);
    }
    table.row([format!("cut off at {} tokens", summary.limit), share(summary.truncation_rate)]);
    table
}

fn budget_table(terminal: &Terminal, entry: &EvalEntry) -> Table {
    let samples = entry.summary.samples_per_problem as u64;
    let differs = |row: &BudgetRow| row.lenient != row.strict || row.lenient_unknown > 0.0;
    let with_lenient = entry.budgets.iter().any(differs);
    let mut heads = vec!["budget".to_owned(), "right".to_owned(), "95 % interval".to_owned()];
    heads.extend(with_lenient.then(|| "lenient".to_owned()));
    heads.extend([at("Pass", samples), "cut off".to_owned(), "mean tokens".to_owned()]);
    let mut table = Table::default();
    table.row(heads);
    for row in &entry.budgets {
        let interval = row.interval.map_or(String::new(), |interval| between(terminal, &interval, share));
        let mut cells = vec![grouped(row.budget.into()), share(row.strict), interval];
        let bound = if row.lenient_unknown > 0.0 { terminal.either("≥ ", ">= ") } else { "" };
        cells.extend(with_lenient.then(|| format!("{bound}{}", share(row.lenient))));
        cells.extend([share(row.pass_at_k), share(row.truncation_rate), tokens(row.mean_tokens)]);
        table.row(cells);
    }
    table
}

fn comparison_lines(terminal: &Terminal, comparison: &EvalComparison) -> Vec<String> {
    let EvalComparison { data, before, after, problems, .. } = comparison;
    let (data, before, after) = (plain(data), plain(before), plain(after));
    let title = format!("{before} {} {after} on {data}", terminal.either("→", "->"));
    let paired = format!("{}, differences are paired by problem", counted(*problems as u64, "problem"));
    let mut lines = vec![format!("  {}: {paired}", terminal.bold(&title)), String::new()];
    let mut table = Table::new(&["", "change", "95 % interval", "bootstrap"]);
    let mut row = |label: String, difference: &Difference, decimals: usize| {
        let end = |value| signed(value, decimals);
        let ends = |low, high| format!("{} {} {}", end(low), dots(terminal), end(high));
        let (paired, bootstrap) = (&difference.paired, &difference.bootstrap);
        table.row([label, end(paired.mean), ends(paired.low, paired.high), ends(bootstrap.low, bootstrap.high)]);
    };
    row("Mean@k".to_owned(), &comparison.accuracy, 3);
    row(at("Pass", comparison.k as u64), &comparison.pass_at_k, 3);
    row("mean length in tokens".to_owned(), &comparison.length, 1);
    if let Some(solved) = &comparison.solved_length {
        row("  where both are right".to_owned(), &solved.difference, 1);
    }
    row("AUC_OAA".to_owned(), &comparison.auc_oaa, 3);
    for at in &comparison.budgets {
        row(format!("right within {:>4} tokens", at.budget), &at.strict, 3);
    }
    lines.extend(with_bold_heads(terminal, table.lines()));
    lines.push(String::new());
    for words in &comparison.words {
        lines.extend(prose(terminal, words));
    }
    lines
}

fn at(metric: &str, k: u64) -> String {
    format!("{metric}@{k}")
}

fn dots(terminal: &Terminal) -> &str {
    terminal.either("…", "to")
}

fn between(terminal: &Terminal, interval: &Interval, text: fn(f64) -> String) -> String {
    format!("{} {} {}", text(interval.low.max(0.0)), dots(terminal), text(interval.high))
}

/// A label, which may come from a file of anyone's: control characters are shown and not obeyed.
fn plain(label: &str) -> String {
    label.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() }).collect()
}

fn with_bold_heads(terminal: &Terminal, mut lines: Vec<String>) -> Vec<String> {
    if let Some(heads) = lines.first_mut() {
        *heads = terminal.bold(heads);
    }
    lines
}

/// Words in lines of at most [`WIDTH`] letters, indented.
fn prose(terminal: &Terminal, text: &str) -> Vec<String> {
    let text = if terminal.unicode { text.to_owned() } else { text.replace('±', "+-") };
    let mut lines = vec![String::from(" ")];
    for word in text.split_whitespace() {
        if lines.last().is_some_and(|line| line.chars().count() + word.chars().count() >= WIDTH) {
            lines.push(String::from(" "));
        }
        if let Some(line) = lines.last_mut() {
            line.push(' ');
            line.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use curt_eval::{EvalSettings, ProblemSamples};

    use super::*;
    use crate::terminal::tests::plain as plain_terminal;

    fn report() -> EvalReport {
        let settings = EvalSettings { limit: 64, budgets: vec![16, 64], sampling: None, resamples: 100, bootstrap_seed: 0 };
        let problem = |name: &str, lengths: [u32; 2], correct: [bool; 2]| ProblemSamples {
            problem: name.to_owned(),
            difficulty: Some(3),
            lengths: lengths.to_vec(),
            correct: correct.to_vec(),
            finished: vec![true; 2],
            answer_at: vec![correct[0].then_some(8), None],
            ..ProblemSamples::default()
        };
        let entry =
            |model: &str, problems| EvalEntry::new(model.to_owned(), "set\x1b[2J".to_owned(), problems, &settings).unwrap();
        let before = entry("a", vec![problem("p", [60, 64], [true, false]), problem("q", [50, 20], [true, false])]);
        let after = entry("b", vec![problem("p", [10, 10], [true, true]), problem("q", [20, 30], [true, true])]);
        let comparisons = vec![EvalComparison::new(&before, &after, settings.bootstrap()).unwrap()];
        let report = EvalReport::new("curt".to_owned(), settings, vec![before, after]).unwrap();
        EvalReport { comparisons, ..report }
    }

    fn normal(lines: &[String]) -> Vec<String> {
        lines.iter().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn an_evaluation_is_told_in_tables() {
        let lines = page(&plain_terminal(false), &report(), false);
        let found = normal(&lines);
        for expected in [
            "a on set\\u{1b}[2J: 2 problems, 2 samples of each, at most 64 tokens",
            "all right others",
            "mean length in tokens 48.5 55.0 42.0",
            "50 % are at most 50 50 20",
            "Mean@2 0.500 0.500 to 0.500",
            "Pass@2 1.000",
            "tokens per right answer 97.0",
            "budget right 95 % interval lenient Pass@2 cut off mean tokens",
            "16 0.000 0.000 to 0.000 0.500 0.000 1.000 16.0",
            "difficulty problems Mean@2 Pass@2 mean length",
            "3 2 0.500 1.000 48.5",
        ] {
            assert!(found.iter().any(|line| line.starts_with(expected)), "no {expected} in {found:#?}");
        }
        assert!(found.iter().any(|line| line.starts_with("note: 2 problems, which all score alike: intervals of")), "{found:#?}");
        assert!(lines.iter().all(|line| line.chars().count() <= WIDTH && line.chars().all(|c| !c.is_control())), "{lines:#?}");
    }

    #[test]
    fn a_comparison_is_told_in_a_table_and_in_words() {
        let found = normal(&page(&plain_terminal(false), &report(), true));
        assert!(found[1].starts_with("a -> b on set"), "{found:#?}");
        for expected in [
            "change 95 % interval bootstrap",
            "Mean@k +0.500 +0.500 to +0.500 +0.500 to +0.500",
            "mean length in tokens -31.0 -297.8 to +235.8",
            "where both are right -37.5",
            "right within 16 tokens +0.500",
            "2 problems, paired: Mean@k changes by +50.0 points",
            "where both are right (2 problems) length changes by a factor of 0.32",
        ] {
            assert!(found.iter().any(|line| line.starts_with(expected)), "no {expected} in {found:#?}");
        }
        assert!(!found.iter().any(|line| line.starts_with("budget right")));
    }
}
