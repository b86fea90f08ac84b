//! `data/code/`: programs known to be right, judged in the sandbox; then each with one operator changed.
//!
//! A judge that passes everything would pass the first half, one that fails everything the second. Not every mutant is wrong:
//! a few tests cannot see it, or it means the same; so their number is fixed instead.

mod mutate;
mod programs;

use std::path::Path;

use anyhow::{Context, Result, ensure};
use curt_verify::Verdict;
use curt_verify::code::{CodeOptions, CodeProblem, CodeVerifier, Interpreter, Judgement, Limits, Tests};
use serde_json::Value;

use super::Ledger;
use mutate::mutant;

const CALLS: &str = "data/code/code_leetcode_test.jsonl";
const N_SOLUTIONS: usize = 200;
/// Solutions that fail their tests, and why that is right.
const INVALID: [(&str, &str); 1] = [("leetcode-126", "uses the package sortedcontainers")];
/// How many of the valid solutions' mutants fail, of so many that there are: some programs have no operator.
const N_CAUGHT: (usize, usize) = (170, 194);
/// The same of the programs on standard input and output.
const N_CAUGHT_STREAMS: (usize, usize) = (10, programs::PROGRAMS.len());

/// Solutions of functions, programs of ours that read and print, and the mutants of both.
pub fn compare(folder: &Path, ledger: &mut Ledger) -> Result<()> {
    // enough for any of these, so that an endless mutant costs little
    let limits = Limits { cpu_seconds: 2.0, wall_seconds: 20.0, ..Limits::default() };
    let verifier = CodeVerifier::new(Interpreter::default(), limits, CodeOptions::default());
    verifier.available().context("nothing can be judged")?;
    functions(folder, &verifier, ledger)?;
    streams(folder, &verifier, ledger)
}

fn functions(folder: &Path, verifier: &CodeVerifier, ledger: &mut Ledger) -> Result<()> {
    let rows = rows(&folder.join(CALLS))?;
    let solution = |row: &Value| row["solutions"].as_str().unwrap_or_default().to_owned();
    let problems = rows
        .iter()
        .map(|row| Ok((serde_json::from_value::<CodeProblem>(row.clone())?, solution(row))))
        .collect::<Result<Vec<_>>>()
        .context(CALLS)?;
    let judged = judge(verifier, &problems);
    ledger.open(CALLS, N_SOLUTIONS);
    for ((problem, _), judged) in problems.iter().zip(&judged) {
        let invalid = INVALID.iter().any(|(id, _)| *id == problem.id);
        let expected = if invalid { Verdict::Wrong } else { Verdict::Correct };
        ledger.holds(&problem.id, judged.verdict == expected, || format!("{judged:?}"));
    }
    let is_valid = |(problem, _): &(CodeProblem, String)| INVALID.iter().all(|(id, _)| *id != problem.id);
    let valid = problems.into_iter().filter(is_valid).collect();
    mutants(verifier, CALLS, N_CAUGHT, valid, ledger);
    Ok(())
}

fn streams(folder: &Path, verifier: &CodeVerifier, ledger: &mut Ledger) -> Result<()> {
    let mut problems = Vec::new();
    for file in ["data/code/code_codeforces_test.jsonl", "data/code/code_code_contests_test.jsonl"] {
        for row in rows(&folder.join(file))? {
            let Some((_, program)) = programs::PROGRAMS.iter().find(|(id, _)| row["id"] == *id) else { continue };
            problems.push((serde_json::from_value::<CodeProblem>(row).context(file)?, (*program).to_owned()));
        }
    }
    ledger.open("data/code, programs that read and print", programs::PROGRAMS.len());
    for ((problem, _), judged) in problems.iter().zip(&judge(verifier, &problems)) {
        ledger.holds(&problem.id, judged.verdict == Verdict::Correct, || format!("{judged:?}"));
    }
    mutants(verifier, "data/code, programs that read and print", N_CAUGHT_STREAMS, problems, ledger);
    Ok(())
}

/// Judges a mutant of each program and compares how many fail.
fn mutants(
    verifier: &CodeVerifier,
    file: &str,
    expected: (usize, usize),
    problems: Vec<(CodeProblem, String)>,
    ledger: &mut Ledger,
) {
    let mutants: Vec<_> =
        problems.into_iter().enumerate().filter_map(|(i, (problem, program))| Some((problem, mutant(&program, i)?))).collect();
    let judged = judge(verifier, &mutants);
    let of = |verdict| judged.iter().filter(|judged| judged.verdict == verdict).count();
    let found = (of(Verdict::Wrong), mutants.len());
    println!("     {file}: of {} mutants {} fail", found.1, found.0);
    ledger.open(&format!("{file}, mutants"), 1);
    ledger.holds("how many fail", found == expected && of(Verdict::Ungradable) == 0, || {
        let passed = mutants.iter().zip(&judged).filter(|(_, judged)| judged.verdict != Verdict::Wrong);
        let passed: Vec<&str> = passed.map(|((problem, _), _)| problem.id.as_str()).collect();
        format!("found {found:?}, expected {expected:?}; these passed: {}", passed.join(", "))
    });
}

fn judge(verifier: &CodeVerifier, items: &[(CodeProblem, String)]) -> Vec<Judgement> {
    let items: Vec<(&Tests, &str)> = items.iter().map(|(problem, program)| (&problem.tests, program.as_str())).collect();
    verifier.judge_all(&items)
}

fn rows(file: &Path) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{}", file.display()))?;
    let rows = text.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>();
    let rows = rows.with_context(|| format!("{}", file.display()))?;
    ensure!(!rows.is_empty(), "{} is empty", file.display());
    Ok(rows)
}
