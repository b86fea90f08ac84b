//! The parts in their order, what matters most first.

use std::process::Command;

use super::programs::Programs;
use super::running::{Outcome, Run, within};

/// The peer's script, which comes with this program.
const PEER: &str = include_str!("../../../benches/peers/gpu.py");

/// Trains twice and compares.
const SAME_RUN: &str = include_str!("same_run.sh");

/// Lines of a failed program that the page shows.
const SHOWN: usize = 30;

/// One program with what it is for.
pub struct Part {
    pub title: &'static str,
    pub about: &'static str,
    /// Seconds.
    pub limit: u64,
    runs: Runs,
}

enum Runs {
    /// A test program and a filter.
    Tests(&'static str, &'static [&'static str]),
    /// An example and its words; it prints Markdown.
    Example(&'static str, &'static [&'static str]),
    /// A training run on both devices; it prints Markdown.
    SameRun,
    /// PyTorch; it prints Markdown.
    Peer,
}

use Runs::{Example, Peer, SameRun, Tests};

/// All parts.
pub fn parts() -> Vec<Part> {
    let part = |title, limit, runs, about| Part { title, about, limit, runs };
    vec![
        part(
            "Tests of ops",
            240,
            // a kernel with a barrier left out is caught by the stand-in driver alone
            Tests("kernel_tests", &["cuda", "--skip", "missing_barrier"]),
            "Every op, forward and backward, has the bits of the CPU.",
        ),
        part(
            "Tests of models",
            90,
            Tests("model_tests", &["cuda::"]),
            "Tiny models generate, score and train with the bits of the CPU.",
        ),
        part(
            "A training run",
            120,
            SameRun,
            "The embedded run without its evaluations, on the device and on all cores of the CPU.",
        ),
        part(
            "Bits of a larger model",
            60,
            Example("cuda_model_speed", &["cpu", "small"]),
            "Qwen3 form, 512 wide, 6 layers, 4 heads over 2 of 128, 8,192 tokens; random weights; on the device and on the CPU.",
        ),
        part(
            "Bits of Qwen3-0.6B",
            60,
            Example("cuda_model_speed", &["same", "0.6b"]),
            "The shape of Qwen3-0.6B, random weights, on the device alone.",
        ),
        part(
            "Decoding, Qwen3-0.6B",
            60,
            Example("cuda_model_speed", &["decode", "0.6b"]),
            "Random weights, temperature 1. A step is one forward of all sequences, with the draw.",
        ),
        part(
            "Training, Qwen3-0.6B",
            60,
            Example("cuda_model_speed", &["train", "0.6b"]),
            "Random weights, AdamW, everything f32.",
        ),
        part(
            "Ops",
            90,
            Example("cuda_speed", &[]),
            "The sizes of Qwen3-0.6B. Calls are started one after the other, so that a time is the larger of the kernel's and of \
             what starting it takes. Bytes are what an op must read and write, each once.",
        ),
        part(
            "PyTorch",
            90,
            Peer,
            "The same sizes and the same work in PyTorch and transformers, f32 without TF32, eager, on the same device in the same \
             run. Its arithmetic is free to depend on the batch.",
        ),
        part("Decoding, Qwen3-1.7B", 60, Example("cuda_model_speed", &["decode", "1.7b"]), "As above."),
        part("Training, Qwen3-1.7B", 60, Example("cuda_model_speed", &["train", "1.7b"]), "As above."),
    ]
}

impl Part {
    /// What to start; the reason where it cannot be run here.
    pub fn command(&self, programs: &Programs, tiny: bool) -> Result<Command, String> {
        match self.runs {
            Tests(program, filter) => {
                let mut command = Command::new(programs.path(program));
                command.args(filter).env("CURT_FIXTURES", &programs.fixtures);
                if !tiny {
                    command.env("CURT_TEST_GPU", "1");
                }
                Ok(command)
            }
            Example(program, words) => {
                let mut command = Command::new(programs.path(program));
                match (tiny, words) {
                    (false, _) => command.args(words),
                    (true, [task, _]) => command.args([*task, "tiny", "--tiny"]),
                    (true, _) => command.arg("--tiny"),
                };
                Ok(command)
            }
            SameRun if tiny => Err("there is no GPU".to_owned()),
            SameRun => {
                let mut command = Command::new("sh");
                command.args(["-c", SAME_RUN]).env("CURT", programs.path("curt"));
                Ok(command)
            }
            Peer if tiny => Err("there is no GPU".to_owned()),
            Peer => {
                let asked = within(Command::new("python3").args(["-c", "import torch"]), std::time::Duration::from_secs(60));
                let mut command = Command::new("python3");
                command.args(["-c", PEER]).env("PYTHONUNBUFFERED", "1");
                if asked.outcome == Outcome::Passed { Ok(command) } else { Err("python3 here has no PyTorch".to_owned()) }
            }
        }
    }

    /// What the page shows of what it printed.
    pub fn body(&self, run: &Run) -> String {
        let failed = matches!(run.outcome, Outcome::Failed(_));
        let shown = match self.runs {
            Tests(..) if failed => fence(&run.stdout),
            Tests(..) => run.stdout.lines().filter(|line| line.starts_with("test result:")).map(counts).collect(),
            Example(..) | SameRun | Peer => run.stdout.trim_end().to_owned(),
        };
        match failed && !run.stderr.trim().is_empty() {
            true => format!("{shown}\n\n{}", fence(&run.stderr)),
            false => shown,
        }
    }
}

/// `17 passed; 0 failed` of the line in which a test program says so.
fn counts(line: &str) -> String {
    let said = line.trim_start_matches("test result: ").trim_start_matches("ok. ");
    said.split("; ").take(3).collect::<Vec<_>>().join("; ") + "."
}

/// The last lines as they are.
fn fence(text: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    format!("```text\n{}\n```", lines[lines.len().saturating_sub(SHOWN)..].join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(title: &str, outcome: Outcome, stdout: &str, stderr: &str) -> String {
        let part = parts().into_iter().find(|part| part.title == title).unwrap();
        part.body(&Run { outcome, stdout: stdout.into(), stderr: stderr.into() })
    }

    #[test]
    fn tests_show_their_counts_or_how_they_failed() {
        let passed =
            "running 2 tests\n..\ntest result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 9 filtered out; finished in 1s\n";
        assert_eq!(body("Tests of ops", Outcome::Passed, passed, "noise"), "2 passed; 0 failed; 1 ignored.");
        let failed = Outcome::Failed("exit status: 101".into());
        assert_eq!(body("Tests of ops", failed, "a\nb\n", ""), "```text\na\nb\n```");
    }

    #[test]
    fn examples_show_what_they_print_and_why_they_failed() {
        assert_eq!(body("Ops", Outcome::Passed, "| a |\n", "noise"), "| a |");
        let failed = body("Ops", Outcome::Failed("exit status: 1".into()), "| a |\n", "Error: x\n");
        assert_eq!(failed, "| a |\n\n```text\nError: x\n```");
        let long = (0..100).map(|i| format!("{i}\n")).collect::<String>();
        assert!(body("Ops", Outcome::Failed(String::new()), "", &long).contains("```text\n70\n"));
    }
}
