//! `cargo xtask report-page`: the page of a run, opened in headless Chromium.
//!
//! A short embedded run is made, and pages of it: as it is, laid over a second one, and with texts that try to become markup; and
//! a page of an evaluation of two models, as it is and with such labels. In each there must be no message on the console and no
//! request but that for the page itself; every number must be that of `metrics.jsonl` or `eval.json`, in its attribute to the last
//! bit and in its text as far as it is written; nothing may be wider than the screen; dark must be dark; the charts must be read by
//! keyboard. Screenshots are left in `target/report-page`, to look at.

mod evaluation;
mod numbers;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::binary;

const BROWSER: &str = include_str!("browser.py");
/// What the browser is called where it is installed.
const PROGRAMS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// A run of a few seconds with everything that a page shows.
const RUN: [&str; 10] = [
    "train.steps=45",
    "rollout.prompts_per_step=4",
    "rollout.num_generations=4",
    "rollout.max_completion_length=64",
    "reward.target_length=32",
    "checkpoint.save_steps=0",
    "eval.problems=2",
    "eval.n=2",
    "eval.max_completion_length=64",
    "eval.budgets=[16,32,64]",
];

/// An evaluation of two models with everything that a page shows of it.
const EVALUATION: [&str; 13] = [
    "eval",
    "embedded:weak",
    "embedded:good",
    "--problems",
    "2",
    "--n",
    "4",
    "--limit",
    "64",
    "--budgets",
    "16,32,64",
    "--output",
    "evaluation",
];

/// What a page must have.
struct Kind {
    charts: u64,
    sections: &'static [&'static str],
    /// Cards of the headline, at least.
    cards: usize,
}

const OF_RUN: Kind = Kind { charts: 10, sections: &OF_RUNS_SECTIONS, cards: 6 };
const OF_RUNS: Kind = Kind { cards: 0, ..OF_RUN };
const OF_RUNS_SECTIONS: [&str; 8] =
    ["headline", "curves", "lengths", "budgets", "difficulty", "examples", "diagnostics", "settings"];
const OF_EVALUATION: Kind = Kind { charts: 3, sections: &["evaluations"], cards: 0 };

/// What a text must not do to a page.
const HOSTILE: &str = "</script><script>var hacked=1</script><img src=x onerror=\"hacked=1\">\u{1b}[31m\u{202e}";

/// A share of white above which a page is light, and below which it is dark.
const LIGHT: f64 = 0.8;
const DARK: f64 = 0.2;

#[derive(clap::Args)]
pub struct Options {
    /// Look at the page of this run too
    #[arg(long, value_name = "RUN")]
    run: Option<PathBuf>,
    /// Copy the picture of its top there, for the README
    #[arg(long, value_name = "OUT.png", requires = "run")]
    picture: Option<PathBuf>,
    /// The browser, instead of the first that is found
    #[arg(long, value_name = "PROGRAM")]
    browser: Option<PathBuf>,
    /// The program, instead of building it
    #[arg(long)]
    binary: Option<PathBuf>,
}

/// Makes the pages and looks at them; in a few words what was seen.
pub fn run(options: &Options) -> Result<String> {
    let browser = options.browser.clone().map_or_else(find_browser, Ok)?;
    let binary = options.binary.clone().map_or_else(binary::build, Ok)?;
    let folder = binary::fresh_folder("report-page")?;
    fs::write(folder.join("browser.py"), BROWSER)?;
    let look = Look { browser, folder: &folder, binary };
    look.train("run", 0)?;
    look.train("other", 1)?;
    make_hostile(&folder.join("run"), &folder.join("hostile"))?;
    let mut n_numbers = 0;
    n_numbers += look.at("run", &["run"])?;
    n_numbers += look.at("overlay", &["run", "other"])?;
    n_numbers += look.at("hostile", &["hostile"])?;
    n_numbers += look.at_evaluations()?;
    if let Some(run) = &options.run {
        let run = run.canonicalize().with_context(|| run.display().to_string())?;
        n_numbers += look.at("given", &[&run.to_string_lossy()])?;
    }
    if let Some(picture) = &options.picture {
        fs::copy(folder.join("given/top.png"), picture).with_context(|| picture.display().to_string())?;
    }
    Ok(format!(
        "{n_numbers} numbers are those of metrics.jsonl and eval.json; no message, no request; screenshots in {}",
        folder.display()
    ))
}

fn find_browser() -> Result<PathBuf> {
    let answers = |name: &&&str| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success());
    let found = PROGRAMS.iter().find(answers).map(PathBuf::from);
    found.with_context(|| format!("no browser: none of {} is installed; --browser names another", PROGRAMS.join(", ")))
}

struct Look<'a> {
    browser: PathBuf,
    folder: &'a Path,
    binary: PathBuf,
}

impl Look<'_> {
    /// A short embedded run; it writes a page of its own.
    fn train(&self, name: &str, seed: u32) -> Result<()> {
        let seed = format!("seed={seed}");
        let mut words = vec!["train", "--output-dir", name, "--set", &seed];
        RUN.iter().for_each(|set| words.extend(["--set", set]));
        let stdout = self.curt(&words)?;
        let page = self.folder.join(name).join("report.html");
        ensure!(page.is_file(), "{}: the run left no page", page.display());
        ensure!(stdout.contains("report.html"), "the run does not say where its page is:\n{stdout}");
        Ok(())
    }

    /// What `curt` prints with these words, which it must do without an error.
    fn curt(&self, words: &[&str]) -> Result<String> {
        let found = binary::finish(&mut binary::command(&self.binary, self.folder, words))?;
        ensure!(found.code == Some(0), "exit code {:?} of {words:?}\n{}", found.code, found.stderr);
        Ok(found.stdout)
    }

    /// The page of these runs: written, opened, checked; the numbers compared.
    fn at(&self, name: &str, runs: &[&str]) -> Result<usize> {
        let folders: Vec<PathBuf> = runs.iter().map(|run| self.folder.join(run)).collect();
        let kind = if runs.len() == 1 { &OF_RUN } else { &OF_RUNS };
        self.page(name, runs, kind, |seen| numbers::compare(seen, &folders))
    }

    /// The page of an evaluation of two models, and of one whose labels try to become markup.
    fn at_evaluations(&self) -> Result<usize> {
        self.curt(&EVALUATION)?;
        let mut report: Value = serde_json::from_slice(&fs::read(self.folder.join("evaluation/eval.json"))?)?;
        let mut n_numbers = self.page("eval", &["evaluation"], &OF_EVALUATION, |seen| evaluation::compare(seen, &report))?;
        poison(&mut report, &["model", "data", "before", "after", "created_by"]);
        fs::write(self.folder.join("hostile.json"), report.to_string())?;
        n_numbers += self.page("hostile-eval", &["hostile.json"], &OF_EVALUATION, |seen| evaluation::compare(seen, &report))?;
        Ok(n_numbers)
    }

    /// The page of these sources: written, opened, checked; how many numbers `compare` found in it.
    fn page(&self, name: &str, sources: &[&str], kind: &Kind, compare: impl Fn(&Value) -> Result<usize>) -> Result<usize> {
        let page = format!("{name}.html");
        self.curt(&[&["report"], sources, &["-o", &page]].concat())?;
        let seen = self.open(&page, name)?;
        let faults = faults(&seen, kind);
        if !faults.is_empty() {
            bail!("{page}:\n  {}", faults.join("\n  "));
        }
        let n_numbers = compare(&seen).with_context(|| page.clone())?;
        let bytes = fs::metadata(self.folder.join(&page))?.len();
        println!("ok   {page}: {} kB, {} charts, {n_numbers} numbers, {}", bytes / 1000, seen["charts"], seen["version"]);
        Ok(n_numbers)
    }

    fn open(&self, page: &str, pictures: &str) -> Result<Value> {
        let mut command = Command::new("python3");
        command.arg("browser.py").arg(&self.browser).args([page, pictures]).current_dir(self.folder);
        let output = command.output().context("cannot start python3")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{}: {command:?}\n{said}", output.status);
        serde_json::from_slice(&output.stdout).with_context(|| format!("browser.py: {said}"))
    }
}

/// What is wrong with an opened page of this kind.
fn faults(seen: &Value, kind: &Kind) -> Vec<String> {
    let mut faults: Vec<String> = Vec::new();
    let mut must = |holds: bool, fault: String| faults.extend((!holds).then_some(fault));
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    must(seen["problems"].as_array().is_some_and(Vec::is_empty), format!("the console says {}", seen["problems"]));
    let one_file = |requests: &Vec<Value>| {
        let real: Vec<&str> = requests.iter().filter_map(Value::as_str).filter(|url| !url.starts_with("data:")).collect();
        matches!(&real[..], [url] if url.starts_with("file://"))
    };
    must(seen["requests"].as_array().is_some_and(one_file), format!("requests: {}", seen["requests"]));
    must(seen["hacked"] == false && seen["scripts"] == 1, format!("a text became a script: {}", seen["scripts"]));
    let charts = seen["charts"].as_u64().unwrap_or(0);
    must(charts >= kind.charts, format!("only {charts} charts"));
    must(seen["described"] == charts && seen["tables"] == charts, "a chart lacks its title, its words or its table".into());
    let mut wanted = kind.sections.to_vec();
    wanted.retain(|section| !seen["sections"].as_array().into_iter().flatten().any(|found| found == section));
    must(wanted.is_empty(), format!("sections that are missing: {}", wanted.join(", ")));
    for (width, overflow) in seen["overflow"].as_object().into_iter().flatten() {
        must(overflow == 0, format!("{overflow} pixels too wide on a screen of {width}"));
    }
    let (light, dark) = (number(&seen["light"]), number(&seen["dark"]));
    must(light > LIGHT && dark < DARK, format!("light is {light:.2}, dark is {dark:.2}"));
    let button: Vec<f64> = seen["button"].as_array().into_iter().flatten().map(number).collect();
    let turns = matches!(button[..], [a, b, c] if a > LIGHT && b < DARK && c < DARK);
    must(turns, format!("the button gives {button:?}, expected light, dark, and the system's dark"));
    must(seen["focus"] == true, "no chart can be reached by keyboard".into());
    let readout = seen["readout"].as_str().unwrap_or_default();
    must(!readout.is_empty() && seen["second_row"] != "", format!("two arrow keys read out `{readout}`"));
    must(number(&seen["pdf"]) > 10_000.0, "it does not print".into());
    must(seen["headline"].as_array().is_some_and(|cards| cards.len() >= kind.cards), "too few cards".into());
    faults
}

/// A copy of a run whose texts try to become markup.
fn make_hostile(run: &Path, copy: &Path) -> Result<()> {
    fs::create_dir_all(copy.join("rollouts"))?;
    for name in ["run.toml", "metrics.jsonl"] {
        fs::copy(run.join(name), copy.join(name))?;
    }
    let changed = |text: &str, names: &[&str]| -> Result<String> {
        let mut out = String::new();
        for line in text.lines() {
            let mut value: Value = serde_json::from_str(line)?;
            poison(&mut value, names);
            out += &format!("{value}\n");
        }
        Ok(out)
    };
    let names = ["text", "prompt_id", "prompt", "problem", "answer", "answer_extracted", "finish_reason", "drop_reason"];
    let events = changed(&fs::read_to_string(run.join("events.jsonl"))?, &names)?;
    let alarm =
        serde_json::json!({"step": 3, "event": "alarm", "detail": {"alarm": HOSTILE, "message": HOSTILE, "key": HOSTILE}});
    fs::write(copy.join("events.jsonl"), format!("{events}{alarm}\n"))?;
    for entry in fs::read_dir(run.join("rollouts"))? {
        let path = entry?.path();
        let text = zstd::decode_all(fs::File::open(&path)?)?;
        let text = changed(&String::from_utf8(text)?, &names)?;
        let name = path.file_name().context("a file without a name")?;
        fs::write(copy.join("rollouts").join(name), zstd::encode_all(text.as_bytes(), 1)?)?;
    }
    Ok(())
}

/// Replaces every text with one of these names.
fn poison(value: &mut Value, names: &[&str]) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                if names.contains(&name.as_str()) && field.is_string() {
                    *field = HOSTILE.into();
                } else {
                    poison(field, names);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| poison(value, names)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_replaced_wherever_they_are() {
        let mut value = json!({"a": [{"text": "x", "length": 1}], "text": 5});
        poison(&mut value, &["text"]);
        assert_eq!(value, json!({"a": [{"text": HOSTILE, "length": 1}], "text": 5}));
    }

    #[test]
    fn each_fault_of_a_page_is_found() {
        let good = json!({
            "problems": [], "requests": ["file:///a", "data:,"], "hacked": false, "scripts": 1, "charts": 12, "described": 12,
            "tables": 12, "sections": OF_RUN.sections, "overflow": {"360": 0, "1280": 0}, "light": 0.96, "dark": 0.01,
            "button": [0.96, 0.01, 0.01], "focus": true, "readout": "step 2", "second_row": "2", "pdf": 90_000,
            "headline": [1, 2, 3, 4, 5, 6],
        });
        assert_eq!(faults(&good, &OF_RUN), Vec::<String>::new());
        for (name, bad) in [
            ("problems", json!(["log: refused"])),
            ("requests", json!(["file:///a", "https://b"])),
            ("hacked", json!(true)),
            ("charts", json!(3)),
            ("described", json!(11)),
            ("sections", json!(["headline"])),
            ("overflow", json!({"360": 12})),
            ("dark", json!(0.9)),
            ("button", json!([0.96, 0.96, 0.96])),
            ("focus", json!(false)),
            ("readout", json!("")),
            ("pdf", json!(0)),
            ("headline", json!([])),
        ] {
            let mut page = good.clone();
            page[name] = bad;
            assert!(!faults(&page, &OF_RUN).is_empty(), "{name}");
        }
    }
}
