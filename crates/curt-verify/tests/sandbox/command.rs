//! A verifier in another process, with processes that misbehave.
#![cfg(unix)]

use std::time::{Duration, Instant};

use curt_verify::command::{CommandLimits, CommandVerifier};
use curt_verify::{Response, Verdict, Verifier};

/// Answers every question correctly: the id is the number of the question of this process, given a first id.
const HONEST: &str = r#"
while read -r question; do
  id=${question#*:}
  id=${id%%,*}
  case $question in
    *right*) echo "{\"id\": $id, \"verdict\": \"correct\"}" ;;
    *die*) echo 'out of luck' >&2; exit 3 ;;
    *hang*) sleep 1000 ;;
    *stop*) exec >&-; sleep 1000 ;;
    *flood*) while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done ;;
    *endless*) while :; do printf xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done ;;
    *complain*) while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx >&2; done ;;
    *garbage*) echo 'verdict: correct' ;;
    *other*) echo "{\"id\": 0, \"verdict\": \"correct\"}" ;;
    *word*) echo "{\"id\": $id, \"verdict\": \"maybe\"}" ;;
    *twice*) echo "{\"id\": $id, \"verdict\": \"correct\"}"; echo "{\"id\": $id, \"verdict\": \"correct\"}" ;;
    *unsure*) echo "{\"id\": $id, \"verdict\": \"ungradable\", \"reason\": \"no idea\"}" ;;
    *) echo "{\"id\": $id, \"verdict\": \"wrong\", \"reason\": \"not it\", \"more\": [1]}" ;;
  esac
done
"#;

fn limits() -> CommandLimits {
    CommandLimits { seconds: 1.0, start_seconds: 1.0, output_bytes: 10_000, memory_bytes: None, workers: 2 }
}

fn verifier(limits: CommandLimits) -> CommandVerifier {
    CommandVerifier::new(["sh", "-c", HONEST].map(str::to_owned).to_vec(), limits)
}

fn ask(verifier: &CommandVerifier, answer: &str) -> (Verdict, String) {
    let found = verifier.verify("gold", answer, true);
    (found.verdict, found.reason.unwrap_or_default())
}

#[test]
fn verdicts_come_back() {
    let verifier = verifier(limits());
    assert_eq!(ask(&verifier, "right"), (Verdict::Correct, String::new()));
    assert_eq!(ask(&verifier, "left\n\"}{\0é"), (Verdict::Wrong, "not it".to_owned()));
    assert_eq!(ask(&verifier, "unsure"), (Verdict::Ungradable, "no idea".to_owned()));
    assert_eq!(ask(&verifier, &format!("{}right", "x".repeat(100_000))), (Verdict::Correct, String::new()));
}

/// And it has the time of a start for its first verdict.
#[test]
fn a_program_that_cannot_be_started_is_told_before_it_is_asked() {
    let nobody = CommandVerifier::new(vec!["/no/such/program".to_owned()], limits());
    let why = nobody.available().unwrap_err();
    assert!(why.starts_with("the verifier `/no/such/program` cannot be started: "), "{why}");
    let started = format!("sleep 1.3; {HONEST}");
    let slow = CommandVerifier::new(["sh", "-c", &started].map(str::to_owned).to_vec(), limits());
    assert_eq!(slow.available(), Ok(()));
    assert_eq!(ask(&slow, "right"), (Verdict::Correct, String::new()));
}

#[test]
fn what_needs_no_asking_is_not_asked() {
    let nobody = CommandVerifier::new(vec!["/no/such/program".to_owned()], limits());
    assert_eq!(ask(&nobody, " \n"), (Verdict::Wrong, "an empty response".to_owned()));
    let unfinished = nobody.verify("gold", "right", false);
    assert_eq!((unfinished.verdict, unfinished.reason.as_deref()), (Verdict::Wrong, Some("the response did not end")));
    let (verdict, why) = ask(&nobody, "right");
    assert!(verdict == Verdict::Ungradable && why.contains("/no/such/program"), "{why}");
    let (verdict, why) = ask(&CommandVerifier::new(Vec::new(), limits()), "right");
    assert!(verdict == Verdict::Ungradable && why.contains("empty"), "{why}");
}

#[test]
fn misbehaviour_is_ungradable_with_a_reason_and_the_next_question_is_answered() {
    let verifier = verifier(limits());
    for (answer, why) in [
        ("die", "ended with exit status: 3: `out of luck`"),
        ("hang", "did not answer in"),
        ("stop", "closed its output"),
        ("flood", "no verdict"),
        ("endless", "more than it may"),
        ("complain", "more than it may"),
        ("garbage", "wrote no verdict (expected value at line 1 column 1): `verdict: correct`"),
        ("other", "answered question 0 instead of"),
        ("word", "unknown variant `maybe`"),
    ] {
        let started = Instant::now();
        let (verdict, reason) = ask(&verifier, answer);
        assert!(verdict == Verdict::Ungradable && reason.contains(why), "{answer}: {verdict:?} {reason}");
        assert!(started.elapsed() < Duration::from_secs(8), "{answer}: {:?}", started.elapsed());
        assert_eq!(ask(&verifier, "right"), (Verdict::Correct, String::new()), "after {answer}");
    }
    // an answer too many is not taken for that of the next question
    assert_eq!(ask(&verifier, "twice").0, Verdict::Correct);
    assert_ne!(ask(&verifier, "left").0, Verdict::Correct);
    assert_eq!(ask(&verifier, "right").0, Verdict::Correct);
}

/// The line and what follows it come in one piece, which is beyond the limit, and the line is not.
#[test]
fn a_line_within_the_limit_counts_whatever_follows_it() {
    let script = r#"read -r question; printf '%s\n%100s' '{"id": 1, "verdict": "correct"}' x; sleep 1000"#;
    let ask_with = |output_bytes| {
        let limits = CommandLimits { output_bytes, workers: 1, ..limits() };
        ask(&CommandVerifier::new(["sh", "-c", script].map(str::to_owned).to_vec(), limits), "x")
    };
    assert_eq!(ask_with(40), (Verdict::Correct, String::new()));
    let (verdict, why) = ask_with(20);
    assert!(verdict == Verdict::Ungradable && why.contains("more than it may"), "{why}");
}

#[test]
fn many_questions_keep_their_order() {
    let verifier = verifier(limits());
    let answers: Vec<String> = (0..60).map(|i| if i % 3 == 0 { format!("right {i}") } else { format!("left {i}") }).collect();
    let questions: Vec<Response<'_>> = answers.iter().map(|text| Response { answer: "gold", text, finished: true }).collect();
    let verdicts: Vec<Verdict> = verifier.verify_all(&questions).into_iter().map(|found| found.verdict).collect();
    let expected: Vec<Verdict> = (0..60).map(|i| if i % 3 == 0 { Verdict::Correct } else { Verdict::Wrong }).collect();
    assert_eq!(verdicts, expected);
}

#[test]
#[cfg(target_os = "linux")]
fn nothing_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("alive");
    // two processes of the group write as long as they live
    let script = format!("(while :; do date +%N > {0}; sleep 0.05; done) & {HONEST}", mark.display());
    let verifier = CommandVerifier::new(["sh", "-c", &script].map(str::to_owned).to_vec(), limits());
    assert_eq!(ask(&verifier, "right").0, Verdict::Correct);
    drop(verifier);
    let before = std::fs::read(&mark).unwrap_or_default();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(before, std::fs::read(&mark).unwrap_or_default(), "a process of the group is still running");
}

#[test]
#[cfg(target_os = "linux")]
fn memory_is_limited_where_asked() {
    let script = r#"read -r question; head -c 400000000 /dev/zero | tail -c 300000000 > /dev/null 2>&1 || { echo 'no memory' >&2; exit 1; }
        echo '{"id": 1, "verdict": "correct"}'"#;
    let ask_with = |memory_bytes| {
        let limits = CommandLimits { seconds: 20.0, memory_bytes, ..limits() };
        ask(&CommandVerifier::new(["sh", "-c", script].map(str::to_owned).to_vec(), limits), "x")
    };
    assert_eq!(ask_with(None), (Verdict::Correct, String::new()));
    let (verdict, why) = ask_with(Some(100 << 20));
    assert!(verdict == Verdict::Ungradable && why.contains("no memory"), "{verdict:?} {why}");
}
