//! `cargo xtask results rewards`: how long each reward strategy takes for a step of 1,000 groups of 24 rollouts.

use std::path::PathBuf;

use anyhow::{Result, ensure};

use super::criterion::{self, Measurements};
use super::machine::Machine;
use super::page::table;
use super::speed_row::NOT_MEASURED;
use super::{PAGE, Part, median};

#[derive(clap::Args)]
pub struct Options {
    /// Where criterion wrote [default: criterion/ of the target folder]
    #[arg(long, value_name = "DIR")]
    criterion: Option<PathBuf>,
    /// Write the table into docs/results.md instead of printing it
    #[arg(long)]
    write: bool,
}

/// What a strategy without a memory may take, with GRPO's advantages.
const TARGET_MS: f64 = 1.0;

/// As typed in the workspace.
const COMMAND: &str = "cargo bench -p curt-benches --bench reward";

/// Prints or writes the table.
pub fn run(options: &Options) -> Result<()> {
    let measurements = criterion::read(&options.criterion.clone().unwrap_or_else(criterion::default_folder))?;
    let content = format!("{} `{COMMAND}`.\n\n{}", Machine::here()?.line(), content(&measurements)?);
    Part { page: PAGE, name: "rewards", content, attachment: None }.publish(options.write)
}

fn content(measurements: &Measurements) -> Result<String> {
    let measured = |name: &str| measurements.get(&format!("reward/{name}"));
    let rows = curt_reward::names().into_iter().map(|name| match measured(name) {
        None => vec![format!("`{name}`"), NOT_MEASURED.to_owned(), NOT_MEASURED.to_owned(), NOT_MEASURED.to_owned()],
        Some(bench) => {
            let ms = 1e3 * bench.seconds;
            let each = bench.amount.map_or(NOT_MEASURED.to_owned(), |rollouts| format!("{:.0}", 1e9 * bench.seconds / rollouts));
            vec![format!("`{name}`"), format!("{ms:.2}"), each, if ms <= TARGET_MS { "yes" } else { "**no**" }.to_owned()]
        }
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let times: Vec<f64> = curt_reward::names().into_iter().filter_map(|name| Some(1e3 * measured(name)?.seconds)).collect();
    ensure!(!times.is_empty(), "nothing was measured: run `{COMMAND}` first");
    let slowest = times.iter().copied().fold(0.0, f64::max);
    let summary = format!("The slowest takes {slowest:.2} ms, the median {:.2} ms.", median(times).unwrap_or_default());
    let heads = ["strategy", "ms", "ns a rollout", &format!("≤ {TARGET_MS} ms?")];
    Ok(format!("{}\n\n{summary}", table(&heads, &rows)))
}

#[cfg(test)]
mod tests {
    use super::super::criterion::Measurement;
    use super::*;

    #[test]
    fn every_strategy_has_a_row_measured_or_not() {
        let bench = |ms: f64| Measurement { seconds: 1e-3 * ms, amount: Some(24_000.0) };
        let measured = [("reward/kimi".to_owned(), bench(0.48)), ("reward/cosine".to_owned(), bench(1.2))];
        let text = content(&measured.into_iter().collect()).unwrap();
        for line in ["| `kimi` | 0.48 | 20 | yes |", "| `cosine` | 1.20 | 50 | **no** |", "| `hapo` | not measured |"] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        assert!(text.ends_with("The slowest takes 1.20 ms, the median 0.84 ms."), "{text}");
        assert_eq!(text.lines().count(), 2 + curt_reward::names().len() + 2);
        assert!(content(&Measurements::new()).is_err());
    }
}
