//! The binary as a test sees it.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A call of the binary.
pub struct Call(Command);

/// How a call ended.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// A call in `folder`, without settings of the environment that change what is printed.
pub fn curt(folder: &Path) -> Call {
    started_by(&[], folder)
}

/// The same, where the program is the last argument of `launcher`.
pub fn started_by(launcher: &[&str], folder: &Path) -> Call {
    let program = env!("CARGO_BIN_EXE_curt");
    let mut command = Command::new(launcher.first().unwrap_or(&program));
    command.args(launcher.get(1..).unwrap_or_default());
    if !launcher.is_empty() {
        command.arg(program);
    }
    command.current_dir(folder).env_remove("RUST_LOG").env_remove("RUST_BACKTRACE").env("LC_ALL", "C");
    Call(command)
}

impl Call {
    pub fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.0.args(arguments);
        self
    }

    pub fn run(self) -> Run {
        self.run_with("")
    }

    /// Runs it with `input` on its standard input.
    pub fn run_with(mut self, input: &str) -> Run {
        let mut child = self.0.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // a process that ends before it has read everything is its own matter
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Sends an interrupt as soon as a line of standard output holds `text`, and waits for the end.
    #[cfg(unix)]
    pub fn interrupted_after(mut self, text: &str) -> Run {
        let mut child = self.0.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        while !stdout.lines().last().unwrap_or_default().contains(text) {
            assert!(lines.read_line(&mut stdout).unwrap() > 0, "it ended without {text}:\n{stdout}");
        }
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        lines.read_to_string(&mut stdout).unwrap();
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        Run { code: child.wait().unwrap().code(), stdout, stderr }
    }
}

impl Run {
    /// Itself, having ended with `code`.
    #[track_caller]
    pub fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}

/// Settings of a run of two steps of 2 × 2 rollouts, each saved, that takes a moment.
pub fn small_run() -> [&'static str; 8] {
    [
        "--set=train.steps=2",
        "--set=rollout.prompts_per_step=2",
        "--set=rollout.num_generations=2",
        "--set=rollout.max_completion_length=16",
        "--set=reward.target_length=8",
        "--set=rollout.group_filter=none",
        "--set=eval.enabled=false",
        "--set=checkpoint.save_steps=1",
    ]
}

/// A run of [`small_run`] into `output`, with more arguments.
pub fn train(output: &Path, more: &[&str]) -> Run {
    train_by(&[], output, more)
}

/// The same, started by `launcher`.
pub fn train_by(launcher: &[&str], output: &Path, more: &[&str]) -> Run {
    let call = started_by(launcher, output.parent().unwrap()).args(["train", "--output-dir"]).args([output]);
    call.args(small_run()).args(more).run()
}

/// A copy of the good embedded model in `root/name`, then damaged by `damage`.
pub fn model_copy(root: &Path, name: &str, damage: impl FnOnce(&Path)) {
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/tiny-good");
    let folder = root.join(name);
    fs::create_dir(&folder).unwrap();
    for file in fs::read_dir(source).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), folder.join(file.file_name())).unwrap();
    }
    damage(&folder);
}
