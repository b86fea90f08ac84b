//! The lines that the scripts of benches/peers print: the same work in other software.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;

use super::median;

/// One measurement. What a script does not say is `null` in `facts`.
#[derive(Clone, Debug)]
pub struct Peer {
    facts: Value,
    tokens: f64,
    seconds: f64,
    cpu_seconds: f64,
}

/// The software that did some work fastest, by the medians of its measurements.
#[derive(Clone, Debug, PartialEq)]
pub struct Baseline {
    pub name: String,
    /// Tokens per second.
    pub rate: f64,
    /// Of one measurement.
    pub seconds: f64,
    /// Tokens of one measurement.
    pub tokens: f64,
}

impl Peer {
    /// Whether this fact is a text that equals `expected`.
    pub fn says(&self, fact: &str, expected: &str) -> bool {
        self.facts[fact].as_str() == Some(expected)
    }

    /// Whether this fact is a number that equals `expected`.
    pub fn counts(&self, fact: &str, expected: usize) -> bool {
        self.facts[fact].as_u64() == Some(expected as u64)
    }

    /// Whether the script said anything of it.
    pub fn has(&self, fact: &str) -> bool {
        !self.facts[fact].is_null()
    }

    /// A fact as text, for the line above the table.
    pub fn text(&self, fact: &str) -> Option<&str> {
        self.facts[fact].as_str()
    }

    /// The clock that is fairest to the peer: at one thread a busy machine does not make its CPU time longer; at two it
    /// would count the waiting of idle threads.
    fn fair_seconds(&self) -> f64 {
        if self.counts("threads", 1) { self.seconds.min(self.cpu_seconds) } else { self.seconds }
    }
}

/// All measurements of a file; lines that are no JSON objects are passed over, such as warnings.
///
/// # Errors
/// An object that is torn or lacks the time or the tokens.
pub fn parse(text: &str) -> Result<Vec<Peer>> {
    let lines = text.lines().enumerate().filter(|(_, line)| line.trim_start().starts_with('{'));
    lines.map(|(place, line)| measurement(line).with_context(|| format!("line {}", place + 1))).collect()
}

fn measurement(line: &str) -> Result<Peer> {
    let facts: Value = serde_json::from_str(line).context("not JSON")?;
    let number = |name: &str| facts[name].as_f64().with_context(|| format!("no number `{name}`"));
    let (tokens, seconds, cpu_seconds) = (number("tokens")?, number("seconds")?, number("cpu_seconds")?);
    Ok(Peer { tokens, seconds, cpu_seconds, facts })
}

/// The fastest software of those measurements; none where there are none.
pub fn fastest<'a>(measurements: impl Iterator<Item = &'a Peer>) -> Option<Baseline> {
    let mut by_name: BTreeMap<&str, Vec<&Peer>> = BTreeMap::new();
    for peer in measurements {
        by_name.entry(peer.text("peer").unwrap_or("unnamed")).or_default().push(peer);
    }
    let baselines = by_name.into_iter().filter_map(|(name, peers)| baseline(name, &peers));
    baselines.max_by(|a, b| a.rate.total_cmp(&b.rate))
}

fn baseline(name: &str, peers: &[&Peer]) -> Option<Baseline> {
    let middle = |value: fn(&Peer) -> f64| median(peers.iter().map(|peer| value(peer)).collect());
    Some(Baseline {
        name: name.to_owned(),
        rate: middle(|peer| peer.tokens / peer.fair_seconds())?,
        seconds: middle(Peer::fair_seconds)?,
        tokens: middle(|peer| peer.tokens)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = r#"
{"peer": "torch plain module", "what": "generate", "model": "random", "batch": 128, "tokens": 8192, "seconds": 2.0, "cpu_seconds": 1.0, "threads": 1}
{"peer": "torch plain module", "what": "generate", "model": "random", "batch": 128, "tokens": 8192, "seconds": 1.6, "cpu_seconds": 1.7, "threads": 1}
warning: something
{"peer": "transformers generate", "what": "generate", "model": "random", "batch": 128, "tokens": 8192, "seconds": 4.0, "cpu_seconds": 4.0, "threads": 1}
{"peer": "transformers", "what": "train", "batch_tokens": 2560, "tokens": 2560, "seconds": 20.0, "cpu_seconds": 40.0, "threads": 2}
"#;

    #[test]
    fn the_fastest_software_is_the_baseline() {
        let peers = parse(LINES).unwrap();
        let found = fastest(peers.iter().filter(|peer| peer.says("what", "generate"))).unwrap();
        let rate = (8192.0 / 1.0 + 8192.0 / 1.6) / 2.0;
        assert_eq!(found, Baseline { name: "torch plain module".into(), rate, seconds: 1.3, tokens: 8192.0 });
        let two = fastest(peers.iter().filter(|peer| peer.counts("threads", 2))).unwrap();
        assert_eq!((two.name.as_str(), two.rate), ("transformers", 128.0));
        assert_eq!(fastest(peers.iter().filter(|peer| peer.says("what", "grpo step"))), None);
        assert!(peers[0].has("model") && !peers[3].has("model"));
    }

    #[test]
    fn torn_lines_are_named() {
        let message = |text: &str| format!("{:#}", parse(text).unwrap_err());
        assert!(message("x\n{\"peer\": ").starts_with("line 2: not JSON"), "{}", message("x\n{\"peer\": "));
        assert_eq!(message("{\"tokens\": 3, \"seconds\": 1}"), "line 1: no number `cpu_seconds`");
    }
}
