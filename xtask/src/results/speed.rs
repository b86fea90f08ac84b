//! `cargo xtask results speed`: ours beside the peak and beside other software.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::criterion::{self, Measurements};
use super::machine::Machine;
use super::page::{grouped, table};
use super::peers::{self, Peer, fastest};
use super::printed::Ceiling;
use super::printed::{self, Share};
use super::products;
use super::run_directory::Run;
use super::shape::Shape;
use super::speed_row::{Goal, HEADS, Row, counted_threads};
use super::steps::step_row;
use super::{PAGE, Part, median, read_named};

#[derive(clap::Args)]
pub struct Options {
    /// Lines that the scripts of benches/peers printed; may be given several times
    #[arg(long, value_name = "PEERS.jsonl")]
    peers: Vec<PathBuf>,
    /// What the benches gemm, attention and lm_head printed; may be given several times
    #[arg(long, value_name = "BENCH.txt")]
    printed: Vec<PathBuf>,
    /// Run directory of the tiny model, for the time of a GRPO step
    #[arg(long, value_name = "DIR")]
    tiny_run: Option<PathBuf>,
    /// Run directory of SmolLM2-135M
    #[arg(long, value_name = "DIR")]
    smollm2_run: Option<PathBuf>,
    /// Where criterion wrote [default: criterion/ of the target folder]
    #[arg(long, value_name = "DIR")]
    criterion: Option<PathBuf>,
    /// Write the table into docs/results.md instead of printing it
    #[arg(long)]
    write: bool,
}

/// Everything that was measured.
#[derive(Default)]
struct Measured {
    benches: Measurements,
    shares: Vec<Share>,
    peers: Vec<Peer>,
    tiny_run: Option<Run>,
    smollm2_run: Option<Run>,
}

/// Prints or writes the table.
pub fn run(options: &Options) -> Result<()> {
    let machine = Machine::here()?;
    let measured = Measured::read(options)?;
    let rows: Vec<Vec<String>> = measured.rows(machine.cores).iter().map(Row::cells).collect();
    let lines = [vec![machine.line()], measured.remarks(&machine.cpu)].concat();
    let mut parts = vec![lines.join("\n"), table(&HEADS, &rows)];
    parts.extend(measured.shares_of_the_peak(&Shape::tiny()?));
    let content = parts.join("\n\n");
    Part { page: PAGE, name: "speed", content, attachment: None }.publish(options.write)
}

impl Measured {
    fn read(options: &Options) -> Result<Self> {
        let mut measured = Measured {
            benches: criterion::read(&options.criterion.clone().unwrap_or_else(criterion::default_folder))?,
            tiny_run: options.tiny_run.as_deref().map(Run::read).transpose()?,
            smollm2_run: options.smollm2_run.as_deref().map(Run::read).transpose()?,
            ..Measured::default()
        };
        for path in &options.peers {
            measured.peers.extend(peers::parse(&read_named(path)?).with_context(|| path.display().to_string())?);
        }
        for path in &options.printed {
            measured.shares.extend(printed::parse(&read_named(path)?));
        }
        Ok(measured)
    }

    fn rows(&self, cores: usize) -> Vec<Row> {
        let models = vec![
            self.generate("tiny", 1, 128, &[Goal::Rate(70e3), Goal::Ratio(8.0)]),
            self.train("tiny", 1, 8192, &[Goal::Rate(40e3), Goal::Ratio(2.9)]),
            step_row("tiny", self.tiny_run.as_ref(), &self.peers, cores, 5.0),
            self.generate("smollm2", 2, 32, &[Goal::Rate(900.0), Goal::Ratio(4.7)]),
            self.train("smollm2", 2, 2560, &[Goal::Rate(380.0), Goal::Ratio(2.8)]),
            step_row("smollm2", self.smollm2_run.as_ref(), &self.peers, cores, 4.0),
        ];
        [products::products(&self.shares), models, products::ops(&self.shares, &self.benches)].concat()
    }

    /// Generated tokens per second; the peers' lines with as many new tokens, else with any number, which is then said.
    fn generate(&self, model: &str, threads: usize, batch: usize, goals: &[Goal]) -> Row {
        let what = format!("{model}: generate, batch {batch}, {}", counted_threads(threads));
        let row = Row::new(what, format!("cargo bench -p curt-benches --bench model -- {model}"), goals);
        let bench = self.benches.get(&format!("{model}/generate/{threads} threads/{batch}"));
        let new_tokens = bench.and_then(|bench| bench.amount).map_or(0, |tokens| tokens as usize / batch);
        let of_batch = |peer: &&Peer| peer.says("what", "generate") && peer.counts("batch", batch) && is_of(peer, model);
        let candidates = || self.peers.iter().filter(of_batch).filter(|peer| peer.counts("threads", threads));
        let equal = fastest(candidates().filter(|peer| peer.counts("new_tokens", new_tokens)));
        let note = if equal.is_some() { "" } else { ", another number of new tokens" };
        self.beside(row, bench.and_then(criterion::Measurement::rate), equal.or_else(|| fastest(candidates())), note)
    }

    /// Trained tokens per second; `batch_tokens` is the peers' size of a batch, nearest to ours.
    fn train(&self, model: &str, threads: usize, batch_tokens: usize, goals: &[Goal]) -> Row {
        let what = format!("{model}: train, {}", counted_threads(threads));
        let row = Row::new(what, format!("cargo bench -p curt-benches --bench model -- {model}"), goals);
        let (prefix, suffix) = (format!("{model}/"), format!(" tokens/{threads} threads/train"));
        let bench = self.benches.iter().find(|(name, _)| name.starts_with(&prefix) && name.ends_with(&suffix));
        let of_batch = |peer: &&Peer| {
            peer.says("what", "train") && peer.counts("batch_tokens", batch_tokens) && peer.counts("threads", threads)
        };
        self.beside(row, bench.and_then(|(_, bench)| bench.rate()), fastest(self.peers.iter().filter(of_batch)), "")
    }

    fn beside(&self, row: Row, rate: Option<f64>, peer: Option<peers::Baseline>, note: &str) -> Row {
        let ours = rate.map(|rate| format!("{} tokens/s", grouped(rate)));
        let other = peer.as_ref().map(|peer| format!("{}: {} tokens/s{note}", peer.name, grouped(peer.rate)));
        let ratio = rate.zip(peer).map(|(rate, peer)| rate / peer.rate);
        Row { ours, other, rate, ratio, ..row }
    }

    /// How far the tiny model is from the peak of a core, in words; none without both measurements.
    fn shares_of_the_peak(&self, tiny: &Shape) -> Option<String> {
        let of_one = |share: &&Share| share.against == Ceiling::Peak && share.threads == 1;
        let peak = median(self.shares.iter().filter(of_one).map(|share| share.ceiling).collect())?;
        let rows = self.rows(1);
        let sentence = |what: &str, verb: &str, operations: f64| {
            let rate = rows.iter().find(|row| row.what.starts_with(what))?.rate?;
            let reached = rate * operations * 1e-9;
            Some(format!(
                "A {verb} token of the tiny model takes {:.2} MFLOP of products: {} tokens/s are {reached:.0} GFLOP/s, {:.0} % of \
                 the peak of a core ({peak:.0}).",
                operations * 1e-6,
                grouped(rate),
                100.0 * reached / peak
            ))
        };
        let sentences = [
            sentence("tiny: generate", "generated", tiny.forward_operations()),
            sentence("tiny: train", "trained", tiny.training_operations()),
        ];
        let sentences: Vec<String> = sentences.into_iter().flatten().collect();
        (!sentences.is_empty()).then(|| sentences.join(" ") + " Attention and the rest are not counted.")
    }

    /// The peers' versions, and a warning where they ran on another CPU: ratios of one do not hold on the other.
    fn remarks(&self, cpu: &str) -> Vec<String> {
        let all = |fact| self.peers.iter().filter_map(|peer| peer.text(fact)).collect::<BTreeSet<_>>();
        let mut lines: Vec<String> = all("torch").into_iter().map(|version| format!("Peers: torch {version}.")).collect();
        let others = all("cpu").into_iter().filter(|other| *other != cpu);
        lines.extend(others.map(|other| format!("**Some peers were measured on another CPU: {other}.**")));
        lines
    }
}

/// Generation lines of the tiny model name its weights, those of SmolLM2 do not. Lines with trained weights end their rows
/// early, which our bench does not, so only random weights are compared.
fn is_of(peer: &Peer, model: &str) -> bool {
    if model == "tiny" { peer.says("model", "random") } else { !peer.has("model") }
}

#[cfg(test)]
mod tests {
    use super::super::criterion::Measurement;
    use super::*;

    const PEERS: &str = r#"
{"peer": "torch plain module", "what": "generate", "model": "random", "batch": 128, "new_tokens": 64, "tokens": 8192, "seconds": 1.0, "cpu_seconds": 1.0, "threads": 1, "torch": "2.13.0", "cpu": "A"}
{"peer": "torch plain module", "what": "generate", "model": "random", "batch": 128, "new_tokens": 256, "tokens": 32768, "seconds": 2.0, "cpu_seconds": 2.0, "threads": 1, "torch": "2.13.0", "cpu": "A"}
{"peer": "transformers generate", "what": "generate", "batch": 32, "new_tokens": 256, "tokens": 8192, "seconds": 41.0, "cpu_seconds": 82.0, "threads": 2, "cpu": "B"}
{"peer": "transformers", "what": "train", "batch_tokens": 2560, "tokens": 2560, "seconds": 20.0, "cpu_seconds": 40.0, "threads": 2}
"#;

    fn measured() -> Measured {
        let benches = [
            ("tiny/generate/1 threads/128", 0.1, 8192.0),
            ("smollm2/generate/2 threads/32", 2.0, 2048.0),
            ("smollm2/8x320 tokens/2 threads/score", 1.0, 2560.0),
            ("smollm2/8x320 tokens/2 threads/train", 6.4, 2560.0),
        ];
        let benches = benches.map(|(name, seconds, amount)| (name.to_owned(), Measurement { seconds, amount: Some(amount) }));
        Measured { benches: benches.into_iter().collect(), peers: peers::parse(PEERS).unwrap(), ..Measured::default() }
    }

    fn cells(what: &str) -> Vec<String> {
        let rows = measured().rows(2);
        rows.iter().find(|row| row.what.starts_with(what)).unwrap().cells()
    }

    #[test]
    fn models_stand_beside_equal_work() {
        let tiny = cells("tiny: generate");
        assert_eq!(tiny[2..5], ["81,920 tokens/s", "torch plain module: 8,192 tokens/s", "10.00"]);
        assert_eq!(tiny[6], "yes");
        assert_eq!(cells("smollm2: generate")[3], "transformers generate: 200 tokens/s, another number of new tokens");
        assert_eq!(cells("smollm2: train")[2..5], ["400 tokens/s", "transformers: 128 tokens/s", "3.12"]);
    }

    #[test]
    fn every_target_has_a_row_measured_or_not() {
        let rows = Measured::default().rows(2);
        assert_eq!(rows.iter().filter(|row| !row.goals.is_empty()).count(), 11);
        assert!(rows.iter().all(|row| row.cells()[2] == "not measured"));
        assert_eq!(cells("tiny: train")[6], "not measured");
    }

    #[test]
    fn the_share_of_the_peak_is_counted() {
        let mut measured = measured();
        let tiny = Shape::tiny().unwrap();
        assert_eq!(measured.shares_of_the_peak(&tiny), None);
        measured.shares = printed::parse("TABLE forward/576x1536/128/1t   150.0 GFLOP/s = 0.94 of the peak 160\n");
        let text = measured.shares_of_the_peak(&tiny).unwrap();
        let reached = 81_920.0 * tiny.forward_operations() * 1e-9;
        let expected = format!("81,920 tokens/s are {reached:.0} GFLOP/s, {:.0} % of the peak of a core (160).", reached / 1.6);
        assert!(text.contains(&expected), "{text}");
    }

    #[test]
    fn another_cpu_is_told() {
        let lines = measured().remarks("A");
        assert_eq!(lines, ["Peers: torch 2.13.0.", "**Some peers were measured on another CPU: B.**"]);
    }
}
