//! What criterion left: the median time of each bench and what an iteration processes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::workspace::root;

/// One bench.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measurement {
    /// Median of an iteration.
    pub seconds: f64,
    /// Tokens or bytes of an iteration; none where the bench names no throughput.
    pub amount: Option<f64>,
}

impl Measurement {
    /// Tokens or bytes per second.
    pub fn rate(&self) -> Option<f64> {
        self.amount.map(|amount| amount / self.seconds)
    }
}

/// Benches by full name, such as `tiny/generate/1 threads/128`.
pub type Measurements = BTreeMap<String, Measurement>;

/// Where criterion writes, by its own rules.
pub fn default_folder() -> PathBuf {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let target = || variable("CARGO_TARGET_DIR").unwrap_or_else(|| root().join("target")).join("criterion");
    variable("CRITERION_HOME").unwrap_or_else(target)
}

/// The newest measurement of every bench below `folder`; none if there is no such folder.
pub fn read(folder: &Path) -> Result<Measurements> {
    let mut found = Measurements::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop().filter(|folder| folder.is_dir()) {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if !path.is_dir() {
                continue;
            }
            if path.ends_with("new") && path.join("benchmark.json").is_file() {
                let (name, measurement) = read_bench(&path)?;
                found.insert(name, measurement);
            }
            folders.push(path);
        }
    }
    Ok(found)
}

fn read_bench(folder: &Path) -> Result<(String, Measurement)> {
    let text = |name: &str| {
        let path = folder.join(name);
        fs::read_to_string(&path).with_context(|| path.display().to_string())
    };
    parse(&text("benchmark.json")?, &text("estimates.json")?).with_context(|| folder.display().to_string())
}

/// The two files of a bench; criterion counts in nanoseconds.
fn parse(benchmark: &str, estimates: &str) -> Result<(String, Measurement)> {
    let (benchmark, estimates): (Value, Value) = (serde_json::from_str(benchmark)?, serde_json::from_str(estimates)?);
    let name = benchmark["full_id"].as_str().context("benchmark.json: no full_id")?.to_owned();
    let nanoseconds = estimates["median"]["point_estimate"].as_f64().context("estimates.json: no median")?;
    let throughput = benchmark["throughput"].as_object();
    let amount = throughput.and_then(|kinds| kinds.values().next()).and_then(Value::as_f64);
    Ok((name, Measurement { seconds: nanoseconds * 1e-9, amount }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BENCHMARK: &str = r#"{"group_id":"tiny/generate/1 threads","function_id":null,"value_str":"128",
        "throughput":{"Elements":8192},"full_id":"tiny/generate/1 threads/128","directory_name":"x","title":"x"}"#;
    const ESTIMATES: &str = r#"{"mean":{"point_estimate":9e7},"median":{"confidence_interval":{},"point_estimate":8e7}}"#;

    #[test]
    fn a_bench_is_its_median_and_its_amount() {
        let (name, measured) = parse(BENCHMARK, ESTIMATES).unwrap();
        assert_eq!((name.as_str(), measured.amount), ("tiny/generate/1 threads/128", Some(8192.0)));
        assert!((measured.rate().unwrap() - 102_400.0).abs() < 1e-6);
        let silent = BENCHMARK.replace(r#"{"Elements":8192}"#, "null");
        assert_eq!(parse(&silent, ESTIMATES).unwrap().1.rate(), None);
        assert_eq!(parse(BENCHMARK, "{}").unwrap_err().to_string(), "estimates.json: no median");
    }

    #[test]
    fn every_folder_below_is_read_and_none_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(&folder.path().join("criterion")).unwrap().is_empty());
        let new = folder.path().join("criterion/group/128/new");
        fs::create_dir_all(&new).unwrap();
        fs::write(new.join("benchmark.json"), BENCHMARK).unwrap();
        fs::write(new.join("estimates.json"), ESTIMATES).unwrap();
        let found = read(&folder.path().join("criterion")).unwrap();
        assert_eq!(found.keys().collect::<Vec<_>>(), ["tiny/generate/1 threads/128"]);
    }
}
