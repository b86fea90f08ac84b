//! Which laws hold for which strategy: docs/laws.md is made by running them, and each one that is broken has a counter-example
//! in counter_examples.json. With `CURT_BLESS=1` both are written, else compared.

use std::time::Instant;

use curt_reward::laws::{self, Case};
use curt_reward::{GroupFacts, Parameters, Preset, ProblemKey, RewardStrategy, Rollout, Shaped, StepContext};
use curt_reward::{by_name, names, parameters_of};
use proptest::test_runner::Config;
use serde::{Deserialize, Serialize};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/laws.md");
const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/counter_examples.json");

/// A row of the table.
struct Row {
    name: &'static str,
    parameters: Parameters,
}

impl Row {
    /// The strategy as the table names it.
    fn title(&self) -> String {
        let masking = if self.parameters.get("masking").is_some() { ", `zero_after`" } else { "" };
        format!("`{}`{masking}", self.name)
    }
}

/// A group for which a law is false.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Example {
    strategy: String,
    parameters: Parameters,
    /// Whether the strategy has seen the steps of [`remember`].
    has_memory: bool,
    law: String,
    case: Case,
    what: String,
}

/// Every strategy as preset, with L_T = 1,024 and L_R = 32,768; both ways of masking.
fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for name in names() {
        let known = parameters_of(name).unwrap();
        let mut parameters = Parameters::new();
        for parameter in known {
            match parameter.preset {
                Preset::Target => parameters = parameters.with(parameter.name, 1024),
                Preset::Limit => parameters = parameters.with(parameter.name, 32768),
                _ => {}
            }
        }
        rows.push(Row { name, parameters: parameters.clone() });
        if known.iter().any(|parameter| parameter.name == "masking") {
            rows.push(Row { name, parameters: parameters.with("masking", "zero_after") });
        }
    }
    rows
}

/// Shows a strategy two steps of all levels of difficulty, so that its memory is not empty.
fn remember(strategy: &mut dyn RewardStrategy) {
    let group = |problem: u64, right: u32, scale: u32| -> Vec<Rollout> {
        let rollout = |i: u32| Rollout::new(ProblemKey(problem), i < right, scale * (i + 1));
        let supplied = |r: Rollout| Rollout { repetition: Some(0.0), answer_length: Some(1), budget: Some(1), ..r };
        (0..6).map(|i| supplied(rollout(i))).collect()
    };
    for (step, scale) in [(0, 200), (1, 150)] {
        let groups = [group(0, 6, scale), group(1, 4, scale), group(2, 3, scale), group(3, 1, scale)];
        let ctx = StepContext { step, max_completion_length: None, accuracy: Some(14.0 / 24.0) };
        let shaped: Vec<Vec<Shaped>> = groups
            .iter()
            .map(|group| {
                let mut out = vec![Shaped::default(); group.len()];
                if !strategy.needs().reference {
                    strategy.shape(&ctx, group, &mut out).unwrap();
                }
                out
            })
            .collect();
        let facts: Vec<GroupFacts<'_>> = groups.iter().zip(&shaped).map(|(group, shaped)| GroupFacts { group, shaped }).collect();
        strategy.observe(&facts);
    }
}

fn build(row: &Row, has_memory: bool) -> Box<dyn RewardStrategy> {
    let mut strategy = by_name(row.name, &row.parameters).unwrap();
    if has_memory {
        remember(&mut *strategy);
    }
    strategy
}

fn committed() -> Vec<Example> {
    serde_json::from_str(&std::fs::read_to_string(EXAMPLES).unwrap()).unwrap()
}

/// Whether the law holds before the first step and with a memory; a counter-example if not: one that is committed and still
/// is one, else the first that is found. A rare one, once found, is so known to runs with few cases.
fn test(law: &laws::Law, row: &Row, committed: &[Example]) -> Option<Example> {
    let fresh = build(row, false);
    let is_stateless = build(row, true).save() == fresh.save();
    let memories = if is_stateless { &[false][..] } else { &[false, true] };
    let started = Instant::now();
    let of_this = |example: &&Example| {
        (example.strategy.as_str(), &example.parameters, example.law.as_str()) == (row.name, &row.parameters, law.name)
            && (law.check)(&*build(row, example.has_memory), &example.case).is_err()
    };
    let search = || {
        memories.iter().find_map(|&has_memory| {
            let broken = law.test(&*build(row, has_memory)).err()?;
            let (strategy, parameters, law) = (row.name.to_owned(), row.parameters.clone(), law.name.to_owned());
            Some(Example { strategy, parameters, has_memory, law, case: broken.case, what: broken.what })
        })
    };
    let found = committed.iter().find(of_this).cloned().or_else(search);
    let (outcome, cases) = (if found.is_some() { "broken" } else { "holds" }, Config::default().cases);
    // for `cargo xtask laws`
    let seconds = started.elapsed().as_secs_f64();
    println!("law\treward\t{}\t{}\t{outcome}\t{cases}\t{seconds:.3}", law.name, row.title());
    found
}

fn page(rows: &[Row], broken: &[Vec<bool>]) -> String {
    let mut page = String::from("## Which laws hold for which strategy\n\n");
    page.push_str(
        "Found by running them on groups of 1 to 24: ● holds, ○ has a counter-example in `tests/counter_examples.json`. ",
    );
    page.push_str("Strategies\nhave their presets, L_T = 1,024 and L_R = 32,768; ");
    page.push_str("those with a memory are tested before the first step and with one.\n\n");
    for (number, law) in laws::ALL.iter().enumerate() {
        page.push_str(&format!("{}. `{}`: {}.\n", number + 1, law.name, law.says));
    }
    page.push_str("\n| strategy |");
    (1..=laws::ALL.len()).for_each(|number| page.push_str(&format!(" {number} |")));
    page.push_str("\n|---|");
    page.push_str(&"---|".repeat(laws::ALL.len()));
    for (row, broken) in rows.iter().zip(broken) {
        page.push_str(&format!("\n| {} |", row.title()));
        broken.iter().for_each(|broken| page.push_str(if *broken { " ○ |" } else { " ● |" }));
    }
    page.push('\n');
    page
}

#[test]
fn the_table_is_what_running_the_laws_gives() {
    let (rows, committed) = (rows(), committed());
    let mut examples = Vec::new();
    let mut broken = Vec::new();
    for row in &rows {
        let found: Vec<Option<Example>> = laws::ALL.iter().map(|law| test(law, row, &committed)).collect();
        broken.push(found.iter().map(Option::is_some).collect());
        examples.extend(found.into_iter().flatten());
    }
    let page = page(&rows, &broken);
    if std::env::var_os("CURT_BLESS").is_some() {
        std::fs::write(PAGE, &page).unwrap();
        let lines: Vec<String> = examples.iter().map(|example| serde_json::to_string(example).unwrap()).collect();
        std::fs::write(EXAMPLES, format!("[\n{}\n]\n", lines.join(",\n"))).unwrap();
    }
    assert_eq!(std::fs::read_to_string(PAGE).unwrap(), page, "run again with CURT_BLESS=1 and look at the difference");
}

#[test]
fn every_counter_example_breaks_its_law() {
    let examples = committed();
    let circles: usize =
        std::fs::read_to_string(PAGE).unwrap().lines().filter(|l| l.starts_with("| `")).map(|l| l.matches('○').count()).sum();
    assert_eq!(examples.len(), circles);
    let rows = rows();
    for example in examples {
        let row = rows.iter().find(|row| row.name == example.strategy && row.parameters == example.parameters).unwrap();
        let law = laws::ALL.iter().find(|law| law.name == example.law).unwrap();
        let outcome = (law.check)(&*build(row, example.has_memory), &example.case);
        assert!(outcome.is_err(), "{example:?}");
    }
}

/// What the papers and the arithmetic say, beside what was found: a table that agrees with a broken law would not.
#[test]
fn the_table_agrees_with_theory() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let holds = |strategy: &str, law: &str| {
        let place = laws::ALL.iter().position(|known| known.name == law).unwrap();
        let row = page.lines().find(|line| line.starts_with(&format!("| `{strategy}` |"))).unwrap();
        row.split('|').nth(place + 2).unwrap().contains('●')
    };
    for (strategy, law, expected) in [
        ("truncation", "longer_is_no_better", true),
        ("truncation", "right_above_wrong", false),
        ("truncation", "right_not_below_wrong", true),
        ("truncation", "no_right_below_mean", false),
        ("minus_lc", "no_right_below_mean", true),
        ("minus_lc_si", "no_right_below_mean", true),
        ("minus_lc_li", "right_above_wrong", true),
        ("kimi", "longer_is_no_better", true),
        ("kimi", "right_above_wrong", true),
        ("kimi", "no_right_below_mean", false),
        ("kimi", "scale_is_irrelevant", true),
        ("kimi", "silent_without_right", false),
        ("laser", "right_above_wrong", true),
        ("laser", "scale_is_irrelevant", false),
        ("art_laser_d", "right_above_wrong", true),
        ("art_laser_d", "silent_without_right", false),
        ("l1_exact", "longer_is_no_better", false),
        ("l1_exact", "right_above_wrong", false),
        ("l1_max", "right_not_below_wrong", true),
        ("cosine", "longer_is_no_better", true),
        ("cosine", "silent_without_right", false),
        ("dapo_overlong", "right_above_wrong", true),
        ("dapo_overlong", "no_right_below_mean", false),
        ("arora_zanette", "right_above_wrong", true),
        ("arora_zanette", "scale_is_irrelevant", true),
        ("shorter_better", "longer_is_no_better", true),
        ("shorter_better", "right_above_wrong", false),
        ("grpo_lead", "right_above_wrong", true),
        ("grpo_lead", "scale_is_irrelevant", false),
        ("o1_pruner", "longer_is_no_better", true),
        ("o1_pruner", "right_above_wrong", false),
        // no length counts as one token
        ("o1_pruner", "scale_is_irrelevant", false),
        ("alp", "right_above_wrong", true),
        ("prime_linear", "right_above_wrong", true),
        ("prime_linear", "scale_is_irrelevant", true),
        ("short_rl", "right_above_wrong", true),
        ("hapo", "right_above_wrong", true),
        ("hapo", "longer_is_no_better", true),
        ("gr3", "right_above_wrong", true),
        ("gr3", "scale_is_irrelevant", true),
        ("smart_thinker", "no_right_below_mean", true),
        ("smart_thinker", "right_not_below_wrong", true),
        ("dot", "no_right_below_mean", false),
        ("dot", "longer_is_no_better", true),
        ("dot", "scale_is_irrelevant", false),
        ("smart_thinker", "scale_is_irrelevant", true),
        ("qglas", "no_right_below_mean", true),
        ("gfpo", "order_is_irrelevant", false),
        ("gfpo", "no_right_below_mean", true),
    ] {
        assert_eq!(holds(strategy, law), expected, "{strategy} {law}");
    }
}
