//! `data/verify/latex_parse_dev.jsonl`: LaTeX that we read, against what sympy printed of it.
//!
//! Each file of tests that the cases come from has a fixed number of them, and the cases that miss are listed with their
//! reasons: one that is not listed is a failure, and so is one that is listed and holds.

mod divisors;
mod sympy;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use curt_verify::Verdict;
use curt_verify::math::expression::{Expression, Relation};
use curt_verify::math::{Options, ReadOptions, judge, read};
use serde_json::Value;

use super::Ledger;

const FILE: &str = "data/verify/latex_parse_dev.jsonl";

/// Files of tests and how many cases come from each.
#[rustfmt::skip]
const ORIGINS: [(&str, usize); 20] = [
    ("abs_test.py", 45), ("all_good_test.py", 119), ("atom_expr_test.py", 90), ("binomial_test.py", 1), ("boxed_test.py", 7),
    ("ceil_test.py", 37), ("exp_test.py", 6), ("floor_test.py", 43), ("gcd_test.py", 75), ("greek_test.py", 3),
    ("grouping_test.py", 34), ("lcm_test.py", 76), ("max_test.py", 28), ("min_test.py", 27), ("mixed_fraction_test.py", 4),
    ("mod_test.py", 24), ("pi_test.py", 1), ("set_test.py", 42), ("trig_test.py", 1), ("variable_test.py", 11),
];

/// Why a case misses.
#[derive(Clone, Copy, Debug)]
enum Miss {
    /// A name that stands for something else there: `I` for i, small letters for capitals.
    Name,
    /// A divisor of a polynomial with decimal coefficients, which sympy takes for 1.
    DecimalDivisor,
}

/// Cases that miss.
const MISSES: [(u64, Miss); 5] = [
    (165, Miss::Name),
    (667, Miss::DecimalDivisor),
    (668, Miss::DecimalDivisor),
    (857, Miss::DecimalDivisor),
    (1085, Miss::Name),
];

/// Least share of cases that hold, in all and in each file, in percent.
const LEAST: (usize, usize) = (90, 85);

/// Compares each case, prints the shares and the misses by reason.
pub fn compare(folder: &Path, ledger: &mut Ledger) -> Result<()> {
    let text = std::fs::read_to_string(folder.join(FILE)).context(FILE)?;
    let mut by_origin: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in text.lines() {
        let case: Value = serde_json::from_str(line).context(FILE)?;
        let origin = case["origin"].as_str().and_then(|origin| origin.split("tests/").nth(1)).unwrap_or_default();
        by_origin.entry(origin.split("::").next().unwrap_or_default().to_owned()).or_default().push(case);
    }
    let (mut n_held, mut n_cases) = (0, 0);
    for (origin, n_expected) in ORIGINS {
        let cases = by_origin.remove(origin).unwrap_or_default();
        let n_known = cases.iter().filter(|case| known_miss(case).is_some()).count();
        ledger.open(&format!("verify/latex/{origin}"), n_expected - n_known.min(n_expected));
        let held = cases.iter().filter(|case| compare_one(case, ledger)).count();
        ensure!(100 * held >= LEAST.1 * cases.len(), "{origin}: {held} of {} cases hold, less than {} %", cases.len(), LEAST.1);
        n_held += held;
        n_cases += cases.len();
    }
    ensure!(by_origin.is_empty(), "{FILE}: cases of {:?}, which nobody counted", by_origin.keys());
    ensure!(100 * n_held >= LEAST.0 * n_cases, "{n_held} of {n_cases} cases hold, less than {} %", LEAST.0);
    println!("     verify/latex: {n_held} of {n_cases} cases hold ({:.1} %)", 100.0 * n_held as f64 / n_cases.max(1) as f64);
    Ok(())
}

/// Whether the case holds. A known miss is left out of the ledger, unless it holds.
fn compare_one(case: &Value, ledger: &mut Ledger) -> bool {
    let (latex, printed) = (case["latex"].as_str().unwrap_or_default(), case["sympy"].as_str().unwrap_or_default());
    let said = why_not(latex, printed);
    let name = format!("case {}", case["id"]);
    match (known_miss(case), &said) {
        (None, _) => {
            ledger.holds(&name, said.is_none(), || format!("{latex} is not {printed}: {}", said.as_deref().unwrap_or("")))
        }
        (Some(miss), None) => ledger.holds(&name, false, || format!("{latex} is {printed}, though listed as {miss:?}")),
        (Some(miss), Some(_)) => println!("     {name} misses ({miss:?}): {latex} is not {printed}"),
    }
    said.is_none()
}

fn known_miss(case: &Value) -> Option<Miss> {
    let id = case["id"].as_u64();
    MISSES.iter().find(|(miss, _)| Some(*miss) == id).map(|(_, miss)| *miss)
}

/// Why `latex` does not say what sympy `printed`; none if it does.
fn why_not(latex: &str, printed: &str) -> Option<String> {
    let found = match read(latex, &ReadOptions::default()) {
        Ok(found) => divisors::settled(found),
        Err(error) => return Some(error.to_string()),
    };
    let expected = match sympy::parse(printed) {
        Ok(expected) => expected,
        Err(error) => return Some(format!("sympy's text is not read: {error}")),
    };
    // sympy prints 15 digits of what it has evaluated
    let tolerance = printed.contains('.').then_some(1e-12);
    let options = Options { tolerance, ..Options::default() };
    let said = judge(&expected, &found, &options);
    // it prints membership as an equation
    let member = as_member(&expected).filter(|_| said.verdict != Verdict::Correct);
    let said = member.map_or(said, |expected| judge(&expected, &found, &options));
    (said.verdict != Verdict::Correct).then(|| format!("{:?}, read as {found:?}", said.reason))
}

/// `Eq(x, {1, 2})` as x ∈ {1, 2}.
fn as_member(expected: &Expression) -> Option<Expression> {
    let Expression::Relation { operands, relations } = expected else { return None };
    let is_set = matches!(operands.last(), Some(Expression::Set(_) | Expression::SetOperation(..) | Expression::Interval { .. }));
    (is_set && *relations == [Relation::Equal])
        .then(|| Expression::Relation { operands: operands.clone(), relations: vec![Relation::In] })
}
