//! Rows of whole GRPO steps: ours from a run directory, TRL's from its script.

use super::median;
use super::page::grouped;
use super::peers::{Peer, fastest};
use super::run_directory::Run;
use super::speed_row::{Goal, Row, counted_threads};

/// The row of `model`, from a run if there is one.
///
/// The ratio compares sampled tokens per second of whole steps: it is the ratio of step times where both sample equally
/// many tokens, and is not moved by completions that end early.
pub fn step_row(model: &str, run: Option<&Run>, peers: &[Peer], cores: usize, least: f64) -> Row {
    let threads = run.map_or(cores, |run| run.threads(cores));
    let what = format!("{model}: GRPO step, {}", counted_threads(threads));
    let command = if model == "tiny" { "cargo run --release -- train" } else { "cargo run --release -- train RUN.toml" };
    let mut row = Row::new(what, command, &[Goal::Ratio(least)]);
    if let Some((text, rate)) = run.and_then(ours) {
        (row.ours, row.rate) = (Some(text), Some(rate));
    }
    let of_model = |peer: &&Peer| peer.says("what", "grpo step") && peer.says("model", model) && peer.counts("threads", threads);
    if let Some(peer) = fastest(peers.iter().filter(of_model)) {
        row.other = Some(format!("{}: {:.2} s, {} tokens sampled and trained", peer.name, peer.seconds, grouped(peer.tokens)));
        row.ratio = row.rate.map(|rate| rate / peer.rate);
    }
    row.remark = " by sampled tokens/s".to_owned();
    row
}

/// What a step of ours took and did, and its sampled tokens per second; medians over the steps.
fn ours(run: &Run) -> Option<(String, f64)> {
    let middle = |name: &str| median(run.series(name));
    let (seconds, rate) = (middle("time/step_time")?, middle("time/tokens_per_second")?);
    let trained = middle("eff/trained_tokens").map_or(String::new(), |tokens| format!(", {} trained", grouped(tokens)));
    let setting = |key: &str| run.setting(&format!("rollout.{key}")).unwrap_or(0);
    let shape = ["prompts_per_step", "num_generations", "max_completion_length"].map(|key| setting(key).to_string()).join("×");
    Some((format!("{seconds:.2} s, {} tokens sampled{trained} (≤ {shape})", grouped(rate * seconds)), rate))
}

#[cfg(test)]
mod tests {
    use super::super::peers::parse;
    use super::super::run_directory::tests::sample_run;
    use super::*;

    const TRL: &str = r#"{"peer": "trl 1.16.0", "what": "grpo step", "model": "tiny", "shape": "16x8x192", "tokens": 24576, "seconds": 2.66, "cpu_seconds": 2.5, "threads": 1}"#;

    #[test]
    fn steps_are_compared_at_equal_threads() {
        let folder = tempfile::tempdir().unwrap();
        let run = Run::read(&sample_run(folder.path(), 1)).unwrap();
        let cells = step_row("tiny", Some(&run), &parse(TRL).unwrap(), 2, 5.0).cells();
        assert_eq!(cells[0], "tiny: GRPO step, 1 thread");
        assert_eq!(cells[2], "0.50 s, 24,576 tokens sampled, 12,288 trained (≤ 16×8×192)");
        assert_eq!(cells[3], "trl 1.16.0: 2.50 s, 24,576 tokens sampled and trained");
        assert_eq!(cells[4..], ["5.00 by sampled tokens/s", "≥ 5 ×", "yes"]);
        let other_threads = parse(&TRL.replace("\"threads\": 1", "\"threads\": 2")).unwrap();
        assert_eq!(step_row("tiny", Some(&run), &other_threads, 2, 5.0).cells()[3], "not measured");
        assert_eq!(step_row("tiny", None, &other_threads, 2, 5.0).cells()[6], "not measured");
    }
}
