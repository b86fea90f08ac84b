//! Whole pages of run directories.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use crate::{Page, ReportError, read_eval, read_run};

const HOSTILE: &str = "</script><script>hacked=1</script><img src=x onerror=hacked=1>\u{1b}[31m\u{202e}\0";

/// A run directory of `steps` steps with two evaluations, two groups of two rollouts a step, stages and an alarm. Texts are
/// hostile.
fn run_directory(root: &Path, name: &str, steps: u32) -> PathBuf {
    let run = root.join(name);
    fs::create_dir_all(run.join("rollouts")).unwrap();
    let settings = format!(
        "seed = 0\n[model]\npath = {HOSTILE:?}\n[reward]\nstrategy = \"truncation\"\ntarget_length = 48\n[train]\nsteps = {steps}\n"
    );
    // TOML has other escapes than Rust
    fs::write(
        run.join("run.toml"),
        settings.replace("\\u{1b}", "\\u001b").replace("\\u{202e}", "\\u202e").replace("\\0", "\\u0000"),
    )
    .unwrap();
    let mut metrics = String::new();
    for step in 1..=steps {
        let (length, accuracy) = (20.0 + 60.0 / f64::from(step), 1.0 - 0.5 / f64::from(step));
        let _ = writeln!(
            metrics,
            "{{\"step\":{step},\"reward\":{accuracy},\"rewards/correctness/mean\":{accuracy},\"rewards/length/mean\":-0.25,\
             \"completions/mean_length\":{length},\"eff/accuracy\":{accuracy},\"eff/accuracy_in_budget\":{accuracy},\
             \"eff/len_correct_p10\":5.0,\"eff/len_correct_p50\":{length},\"eff/len_correct_p90\":99.0,\"entropy\":0.1,\"loss\":null}}"
        );
        let mut rollouts = String::new();
        for group in 0..2 {
            for sample in 0..2 {
                let row = serde_json::json!({
                    "step": step, "prompt_id": HOSTILE, "problem_key": format!("{}", group * (step % 3 + 1)), "sample_index": sample,
                    "difficulty": group, "prompt_ids": [1, 2], "completion_ids": [3, 4], "finish_reason": "eos", "verdict": "correct",
                    "correct": sample == 0, "length": 10 + step, "answer": HOSTILE, "answer_extracted": HOSTILE,
                    "rewards": {"correctness": 1.0, HOSTILE: null}, "shaped": 0.5, "advantage": [0.5, 0.25], "kept": true, "text": HOSTILE,
                });
                let _ = writeln!(rollouts, "{row}");
            }
        }
        let packed = zstd::encode_all(rollouts.as_bytes(), 1).unwrap();
        fs::write(run.join(format!("rollouts/step_{step:05}.jsonl.zst")), packed).unwrap();
    }
    fs::write(run.join("metrics.jsonl"), metrics).unwrap();
    let stage = |state: &str, since: u32| {
        let detail = serde_json::json!({"state": state, "since": since});
        serde_json::json!({"step": since, "event": "stage", "detail": detail})
    };
    let alarm = serde_json::json!({"alarm": HOSTILE, "message": HOSTILE, "cause": HOSTILE, "key": HOSTILE, "change": HOSTILE, "action": HOSTILE});
    let events = [
        evaluation(0, 60),
        stage("adapting", 1),
        stage(HOSTILE, steps / 2),
        serde_json::json!({"step": 2, "event": "alarm", "detail": alarm}),
        evaluation(steps, 20),
    ];
    fs::write(run.join("events.jsonl"), events.map(|event| format!("{event}\n")).concat()).unwrap();
    run
}

/// Two problems, two samples of each, of about this length.
fn evaluation(step: u32, length: u32) -> serde_json::Value {
    let example = serde_json::json!({
        "problem": HOSTILE, "difficulty": 1, "prompt": HOSTILE, "answer": HOSTILE, "text": HOSTILE, "length": length,
        "correct": true, "finished": true,
    });
    let row = serde_json::json!({"difficulty": 1, "problems": 2, "mean_at_k": 0.75, "pass_at_k": 1.0, "mean_length": length});
    serde_json::json!({"step": step, "event": "evaluation", "detail": {
        "problems": 2, "samples_per_problem": 2, "limit": 64, "mean_at_k": 0.75, "standard_error": 0.25,
        "pass_at": [{"k": 1, "value": 0.75}, {"k": 2, "value": 1.0}], "truncation_rate": 0.0,
        "length": {"mean": f64::from(length) + 0.5, "mean_correct": null, "mean_wrong": null, "quantiles": []},
        "budgets": [{"budget": 32, "accuracy": 0.5}, {"budget": 64, "accuracy": 0.75}], "by_difficulty": [row],
        "samples": {"length": [[length, length], [length + 1, length + 1]], "correct": [[1, 1], [1, 0]], "finished": [[1, 1], [1, 1]]},
        "settings": {"n": 2}, "examples": [example],
    }})
}

fn page(runs: &[PathBuf]) -> String {
    let runs = runs.iter().map(|run| read_run(run).unwrap()).collect();
    Page::new(runs, Vec::new()).unwrap().with_preset("the preset", "seed = 1\n").unwrap().to_html()
}

/// What stands between tags, and the tags; style and script are taken out.
fn tags(html: &str) -> Vec<String> {
    let mut html = html.to_owned();
    for name in ["style", "script"] {
        let (start, end) = (html.find(&format!("<{name}>")).unwrap(), html.find(&format!("</{name}>")).unwrap());
        html.replace_range(start + name.len() + 2..end, "");
    }
    html.split('<').skip(1).map(|part| part.split('>').next().unwrap().to_owned()).collect()
}

#[test]
fn every_element_is_closed_and_every_name_is_unique() {
    let root = tempfile::tempdir().unwrap();
    let runs = [run_directory(root.path(), "a", 60), run_directory(root.path(), "b", 7)];
    for html in [page(&runs[..1]), page(&runs)] {
        let mut open: Vec<String> = Vec::new();
        let mut ids: Vec<String> = Vec::new();
        for tag in tags(&html) {
            let name = tag.split([' ', '/', '\n']).next().unwrap().to_owned();
            if let Some(closed) = tag.strip_prefix('/') {
                assert_eq!(open.pop().as_deref(), Some(closed), "inside {open:?}");
            } else if !tag.ends_with('/') && !["!doctype", "meta", "link"].contains(&name.as_str()) {
                open.push(name);
            }
            if let Some(id) = tag.split(" id=\"").nth(1).and_then(|rest| rest.split('"').next()) {
                assert!(!ids.contains(&id.to_owned()), "{id} twice");
                ids.push(id.to_owned());
            }
        }
        assert!(open.is_empty(), "{open:?}");
        // what is pointed at is there
        for target in html.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            assert!(ids.iter().any(|id| id == target), "{target}");
        }
    }
}

#[test]
fn the_page_needs_nothing_and_allows_its_own_script_alone() {
    let root = tempfile::tempdir().unwrap();
    let html = page(&[run_directory(root.path(), "a", 5)]);
    for refused in ["http:", "https:", "src=\"", "url(", "@import", "<iframe", "<object", "<form", " on"] {
        let found: Vec<&str> = tags_of_interest(&html).filter(|tag| tag.contains(refused)).collect();
        assert!(found.is_empty(), "{refused}: {found:?}");
    }
    let script = html.split("<script>").nth(1).unwrap().split("</script>").next().unwrap();
    let allowed = html.split("script-src '").nth(1).unwrap().split('\'').next().unwrap();
    assert_eq!(allowed, format!("sha256-{}", base64(&sha256(script))), "the hash of page.js is out of date");
}

/// Tags and styles, without the text between them.
fn tags_of_interest(html: &str) -> impl Iterator<Item = &str> {
    html.split('<').filter_map(|part| part.split('>').next())
}

fn sha256(text: &str) -> Vec<u8> {
    use sha2::Digest;
    sha2::Sha256::digest(text.as_bytes()).to_vec()
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().chain(&[0, 0]).take(3).fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
        for place in 0..4 {
            let letter = char::from(LETTERS[(word >> (18 - 6 * place) & 63) as usize]);
            out.push(if place <= chunk.len() { letter } else { '=' });
        }
    }
    out
}

#[test]
fn nothing_that_a_model_wrote_reaches_the_page_as_markup() {
    let root = tempfile::tempdir().unwrap();
    let runs = [run_directory(root.path(), "a", 5), run_directory(root.path(), "b", 5)];
    for html in [page(&runs[..1]), page(&runs)] {
        assert_eq!((html.matches("<script").count(), html.matches("</script").count()), (1, 1));
        assert!(!html.contains("<img") && !html.contains(['\u{1b}', '\u{202e}', '\0']));
        assert!(html.contains("&lt;/script&gt;&lt;script&gt;hacked=1"), "the text itself is shown");
    }
}

#[test]
fn the_numbers_of_metrics_are_on_the_page_to_the_last_digit() {
    let root = tempfile::tempdir().unwrap();
    let html = page(&[run_directory(root.path(), "a", 60)]);
    for step in [1_u32, 7, 60] {
        let length = 20.0 + 60.0 / f64::from(step);
        assert!(html.contains(&format!("data-x=\"{step}\">{step}</th><td data-v=\"{length}\">")), "step {step}");
    }
    for part in [
        "data-headline=\"mean_length\" data-end=\"before\" data-v=\"60.5\"",
        "data-metric=\"rewards/length/mean\"",
        "Where this run differs from the preset",
        "95 % intervals",
        "class=\"stage adapting\"",
        "difficulty",
    ] {
        assert!(html.contains(part), "{part}");
    }
}

#[test]
fn runs_with_different_metrics_are_laid_over_each_other() {
    let root = tempfile::tempdir().unwrap();
    let (a, b) = (run_directory(root.path(), "one/run", 8), run_directory(root.path(), "two/run", 4));
    let text = fs::read_to_string(b.join("metrics.jsonl")).unwrap();
    fs::write(b.join("metrics.jsonl"), text.replace("\"entropy\":0.1,", "\"other\":2.5,")).unwrap();
    let html = page(&[a, b]);
    assert!(html.contains("one/run") && html.contains("two/run"), "runs of equal names are told apart");
    assert!(html.contains("Not recorded by two/run."), "{html}");
    let shared = "data-metric=\"completions/mean_length\" data-run=";
    assert!(html.contains(&format!("{shared}\"0\"")) && html.contains(&format!("{shared}\"1\"")));
}

#[test]
fn a_page_is_about_something_and_not_about_too_much() {
    assert!(matches!(Page::new(Vec::new(), Vec::new()).unwrap_err(), ReportError::Nothing));
    let root = tempfile::tempdir().unwrap();
    let run = read_run(&run_directory(root.path(), "a", 1)).unwrap();
    let error = Page::new(vec![run; 9], Vec::new()).unwrap_err();
    assert!(matches!(error, ReportError::TooManyRuns { found: 9, most: 8 }), "{error}");
}

#[test]
fn the_same_files_give_the_same_page() {
    let root = tempfile::tempdir().unwrap();
    let run = run_directory(root.path(), "a", 6);
    assert_eq!(page(std::slice::from_ref(&run)), page(&[run]));
}

#[test]
fn a_run_that_is_only_a_row_of_metrics_has_a_page() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("metrics.jsonl"), "{\"step\":1,\"reward\":0.5}\n").unwrap();
    let html = Page::new(vec![read_run(root.path()).unwrap()], Vec::new()).unwrap().to_html();
    assert!(html.contains("data-v=\"0.5\"") && html.contains("no recorded rollouts"));
}

#[test]
fn a_long_run_stays_small() {
    let root = tempfile::tempdir().unwrap();
    let row = |step: u32| format!("{{\"step\":{step},\"completions/mean_length\":{},\"reward\":0.123456789}}\n", step % 977);
    let metrics: String = (1..=20_000).map(row).collect();
    fs::write(root.path().join("metrics.jsonl"), metrics).unwrap();
    let html = Page::new(vec![read_run(root.path()).unwrap()], Vec::new()).unwrap().to_html();
    assert!(html.len() < 300_000, "{}", html.len());
    assert!(html.contains("data-low=\"0\"") && html.contains("data-high=\"976\""), "extremes are kept");
}

/// An `eval.json` of two models on ten problems, with a comparison.
fn evaluation_file(root: &Path) -> PathBuf {
    use curt_eval::{Bootstrap, EvalComparison, EvalEntry, EvalReport, EvalSettings, ProblemSamples};
    let settings = EvalSettings { limit: 64, budgets: vec![16, 32, 64], sampling: None, resamples: 50, bootstrap_seed: 0 };
    let entry = |model: &str, length: u32| {
        let problem = |place: u32| ProblemSamples {
            problem: format!("{HOSTILE}{place}"),
            lengths: vec![length, length + place],
            correct: vec![place < 8, place < 5],
            finished: vec![true, true],
            ..ProblemSamples::default()
        };
        let problems = (0..10).map(problem).collect();
        EvalEntry::new(format!("{model} {HOSTILE}"), format!("data {HOSTILE}"), problems, &settings).unwrap()
    };
    let (before, after) = (entry("old", 40), entry("new", 20));
    let comparison = EvalComparison::new(&before, &after, Bootstrap { resamples: 50, seed: 0 }).unwrap();
    let mut report = EvalReport::new("test".into(), settings.clone(), vec![before, after]).unwrap();
    report.comparisons.push(comparison);
    let path = root.join("eval.json");
    fs::write(&path, serde_json::to_string(&report).unwrap()).unwrap();
    path
}

#[test]
fn an_evaluation_has_a_page_with_models_side_by_side() {
    let root = tempfile::tempdir().unwrap();
    let file = read_eval(&evaluation_file(root.path())).unwrap();
    let html = Page::new(Vec::new(), vec![file]).unwrap().to_html();
    for part in ["data-v=\"0.65\">0.650", "old", "new", "\u{2212}20.0", "right within 32 tokens", "Lengths of right samples"] {
        assert!(html.contains(part), "{part}");
    }
    assert!(!html.contains("<img") && html.matches("<script").count() == 1);
}
