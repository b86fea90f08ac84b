//! Table 1 of arXiv 2602.20945, exhaustively: rows × cells × both ways of masking, with lengths around the target.

use curt_reward::{Cell, Masking, MinusI, MinusLc, MinusLcLi, MinusLcSi, Truncation};
use curt_reward::{Cells, Parameters, ProblemKey, RewardStrategy, Rollout, Shaped, StepContext, by_name};

const TARGET: u32 = 48;

/// The table as the paper prints it, `–` written as `None`: correct short, correct long, wrong short, wrong long.
const TABLE_1: [(&str, [Option<f64>; 4]); 5] = [
    ("truncation", [Some(1.0), Some(0.0), Some(0.0), Some(0.0)]),
    ("minus_i", [Some(1.0), Some(0.0), None, None]),
    ("minus_lc", [Some(1.0), None, Some(0.0), Some(0.0)]),
    ("minus_lc_si", [Some(1.0), None, None, Some(0.0)]),
    ("minus_lc_li", [Some(1.0), None, Some(0.0), None]),
];

/// Verdict, lengths of the cell, column of the table. L = L_T is short.
const CELLS: [(bool, &[u32], usize); 4] = [
    (true, &[0, 1, TARGET - 1, TARGET], 0),
    (true, &[TARGET + 1, 10 * TARGET, u32::MAX], 1),
    (false, &[0, 1, TARGET - 1, TARGET], 2),
    (false, &[TARGET + 1, 10 * TARGET, u32::MAX], 3),
];

fn shape_one(strategy: &dyn RewardStrategy, correct: bool, length: u32) -> Shaped {
    // What was in the output before must not matter.
    let mut out = [Shaped { total: 7.0, parts: vec![("old", 7.0)], in_statistics: false, in_loss: false, cut_at: Some(3) }];
    strategy.shape(&StepContext::default(), &[Rollout::new(ProblemKey(1), correct, length)], &mut out).unwrap();
    let [shaped] = out;
    shaped
}

#[test]
fn every_row_cell_and_masking() {
    for (name, row) in TABLE_1 {
        for masking in ["exclude", "zero_after"] {
            let parameters = Parameters::new().with("target_length", TARGET);
            let parameters = if name == "truncation" { parameters } else { parameters.with("masking", masking) };
            let strategy = by_name(name, &parameters).unwrap();
            for (correct, lengths, column) in CELLS {
                for &length in lengths {
                    let what = format!("{name} {masking} correct={correct} length={length}");
                    let shaped = shape_one(&*strategy, correct, length);
                    assert_eq!(shaped.total, row[column].unwrap_or(0.0), "{what}");
                    assert_eq!(shaped.in_loss, row[column].is_some(), "{what}");
                    assert_eq!(shaped.in_statistics, row[column].is_some() || masking == "zero_after", "{what}");
                    assert_eq!(shaped.cut_at, None, "{what}");
                    assert_eq!(shaped.parts.iter().map(|part| part.1).sum::<f64>(), shaped.total, "{what}");
                    assert_eq!(shaped.parts[0], ("correctness", f64::from(u8::from(correct))), "{what}");
                }
            }
        }
    }
}

#[test]
fn masking_is_exclude_when_not_said() {
    let strategy = by_name("minus_i", &Parameters::new().with("target_length", TARGET)).unwrap();
    assert!(!shape_one(&*strategy, false, 1).in_statistics);
    assert_eq!(Masking::default(), Masking::Exclude);
}

#[test]
fn constructors_and_names_agree_with_the_table() {
    let built: [(Box<dyn RewardStrategy>, Cells); 5] = [
        (Box::new(Truncation::new(TARGET).unwrap()), Truncation::CELLS),
        (Box::new(MinusI::new(TARGET, Masking::Exclude).unwrap()), MinusI::CELLS),
        (Box::new(MinusLc::new(TARGET, Masking::Exclude).unwrap()), MinusLc::CELLS),
        (Box::new(MinusLcSi::new(TARGET, Masking::Exclude).unwrap()), MinusLcSi::CELLS),
        (Box::new(MinusLcLi::new(TARGET, Masking::Exclude).unwrap()), MinusLcLi::CELLS),
    ];
    let cells = [Cell::CorrectShort, Cell::CorrectLong, Cell::WrongShort, Cell::WrongLong];
    for ((strategy, row), (name, expected)) in built.iter().zip(TABLE_1) {
        assert_eq!(strategy.name(), name);
        assert_eq!(cells.map(|cell| row.at(cell)), expected, "{name}");
    }
}

#[test]
fn correctness_ignores_length() {
    let strategy = by_name("correctness", &Parameters::new()).unwrap();
    for (correct, lengths, _) in CELLS {
        for &length in lengths {
            let shaped = shape_one(&*strategy, correct, length);
            let total = f64::from(u8::from(correct));
            assert_eq!(shaped, Shaped { total, parts: vec![("correctness", total)], ..Shaped::default() });
        }
    }
}
