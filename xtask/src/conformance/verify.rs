//! `data/verify`, `data/datasets`: verdicts of `curt_verify::math` against labels that others gave.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use curt_verify::math::equal::Reason;
use curt_verify::math::{Expression, ExtractOptions, Options, ReadOptions, equivalent, extract, read};
use curt_verify::{Verdict, verifier};
use serde_json::Value;

use super::Ledger;

const CASES: &str = "data/verify/cases_dev.jsonl";
const SOLUTIONS: &str = "data/verify/graded_gsm8k_outputs.jsonl";
const DATASETS: &str = "data/datasets";

/// Cases of [`CASES`] that are not contested.
const N_CASES: usize = 225;
const N_SOLUTIONS: usize = 5276;

/// Cases on which we disagree with the label, each with the reason; at most three.
const DISAGREEMENTS: [(u64, &str); 3] = [
    (29, "a line break within \\( \\) does not make an answer unreadable"),
    (254, "1 + 1/e is not 1 - 1/e: the label is a slip"),
    (330, "0.6054 is cos^10(pi/10) rounded to four digits, and no rounding was asked for"),
];

/// Golds of each data set, and how many of a hundred must equal themselves.
const N_DATASETS: usize = 11;
const SHARE: f64 = 0.99;

/// All comparisons of these files.
pub fn compare(folder: &Path, ledger: &mut Ledger) -> Result<()> {
    cases(folder, ledger)?;
    solutions(folder, ledger)?;
    golds(folder, ledger)
}

fn rows(path: &Path) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let row = |(i, line)| serde_json::from_str(line).with_context(|| format!("{}:{}", path.display(), i + 1));
    text.lines().enumerate().map(row).collect()
}

fn text<'a>(row: &'a Value, field: &str) -> Result<&'a str> {
    row[field].as_str().with_context(|| format!("no `{field}` in {row}"))
}

/// Labels of seven projects, a line of the ledger for each.
fn cases(folder: &Path, ledger: &mut Ledger) -> Result<()> {
    let mut by_origin: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for row in rows(&folder.join(CASES))? {
        if row["contested"] != true {
            let origin = text(&row, "origin")?;
            let project = origin.split(':').next().unwrap_or(origin);
            by_origin.entry(project.to_owned()).or_default().push(row);
        }
    }
    let n: usize = by_origin.values().map(Vec::len).sum();
    ensure!(n == N_CASES, "{n} cases in {CASES}, not {N_CASES}");
    for (origin, rows) in &by_origin {
        let is_known = |row: &&Value| DISAGREEMENTS.iter().any(|(id, _)| row["id"] == *id);
        let known = rows.iter().filter(is_known).count();
        ledger.open(&format!("{CASES} {origin}"), rows.len() - known);
        for row in rows {
            let (judgement, label) = (case(row)?, row["equal"] == true);
            let agrees = (judgement.0 == Verdict::Correct) == label;
            let what = format!("case {}", row["id"]);
            if is_known(&row) && !agrees {
                let why = DISAGREEMENTS.iter().find(|(id, _)| row["id"] == *id).map_or("", |(_, why)| why);
                println!("     {what} of {origin} differs: {why}");
                continue;
            }
            ledger.holds(&what, agrees, || format!("labelled {label}; {}: {} | {}", judgement.1, row["gold"], row["pred"]));
        }
    }
    Ok(())
}

/// The verdict on one case. Both sides are texts in which an answer is looked for; the last number or formula of a text without
/// a mark counts only where the case is about whole completions.
fn case(row: &Value) -> Result<(Verdict, String)> {
    let options = Options {
        precision: row["opts"]["precision"].as_u64().map(|n| n as u32),
        strict: row["opts"]["strict"] != false,
        ..Options::default()
    };
    let lenient = ExtractOptions { strict: false, last_number: true };
    let of_answer = ExtractOptions { last_number: row["opts"].is_object(), ..lenient };
    let (gold, answer) = (text(row, "gold")?, text(row, "pred")?);
    let gold = extract(gold, &lenient).map(|found| found.text).unwrap_or_default();
    let answer = extract(answer, &of_answer).map(|found| found.text).unwrap_or_default();
    let judgement = equivalent(&gold, &answer, &options);
    Ok((judgement.verdict, format!("{} ({gold} | {answer})", judgement.reason)))
}

/// Whole solutions with a verdict.
fn solutions(folder: &Path, ledger: &mut Ledger) -> Result<()> {
    let math = verifier("math")?;
    ledger.open(SOLUTIONS, N_SOLUTIONS);
    for (i, row) in rows(&folder.join(SOLUTIONS))?.iter().enumerate() {
        let (gold, solution) = (text(row, "gold")?, text(row, "pred")?);
        let found = math.verify(gold, solution, true);
        let agrees = (found.verdict == Verdict::Correct) == (row["equal"] == true);
        ledger.holds(&format!("line {}", i + 1), agrees, || {
            format!("labelled {}; {:?}, not {gold}", row["equal"], found.extracted)
        });
    }
    Ok(())
}

/// Every right answer of every data set against itself, without the short cuts for equal texts and trees.
fn golds(folder: &Path, ledger: &mut Ledger) -> Result<()> {
    let options = Options { identity: false, ..Options::default() };
    let folder = folder.join(DATASETS);
    let mut files: Vec<_> = std::fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    ledger.open(&format!("{DATASETS} against themselves"), N_DATASETS);
    for path in files {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let rows = rows(&path)?;
        let (mut correct, mut mathematics) = (0, 0);
        let mut others: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for row in &rows {
            let gold = text(row, "answer")?;
            let is_mathematics = !matches!(read(gold, &ReadOptions::default()), Ok(Expression::Text(_)) | Err(_));
            mathematics += usize::from(is_mathematics);
            let judgement = equivalent(gold, gold, &options);
            if judgement.reason == Reason::Equal {
                correct += 1;
            } else {
                others.entry(judgement.reason.to_string()).or_default().push(gold.to_owned());
            }
        }
        let n = rows.len();
        let percent = |part: usize| 100.0 * part as f64 / n.max(1) as f64;
        println!("     {name}: {correct}/{n} ({:.2} %), read as mathematics {:.2} %", percent(correct), percent(mathematics));
        for (reason, golds) in &others {
            println!("       {} {reason}: {}", golds.len(), golds.iter().take(4).cloned().collect::<Vec<_>>().join(" ; "));
        }
        ledger.holds(&name, n > 0 && percent(correct) >= 100.0 * SHARE, || format!("{correct} of {n}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_disagreements() {
        assert!(DISAGREEMENTS.len() <= 3);
    }

    #[test]
    fn a_wrong_label_is_a_disagreement() {
        let row = |equal: bool| serde_json::json!({"gold": "1/2", "pred": "0.5", "equal": equal, "id": 0});
        for label in [true, false] {
            let agrees = (case(&row(label)).unwrap().0 == Verdict::Correct) == label;
            assert_eq!(agrees, label);
        }
    }
}
