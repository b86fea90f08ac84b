//! The laws of verifiers over those of this crate, and over ones that break them.

use std::time::Instant;

use curt_verify::{VERIFIERS, Verdict, Verification, Verifier, laws, verifier};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

fn runner() -> TestRunner {
    TestRunner::new(Config { failure_persistence: None, ..Config::default() })
}

/// Runs a law of `verifier`, and says so for `cargo xtask laws`.
fn keeps<S: Strategy>(verifier: &str, name: &str, examples: &S, law: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let started = Instant::now();
    runner().run(examples, law).unwrap_or_else(|error| panic!("{verifier}, {name}: {error}"));
    let (cases, seconds) = (Config::default().cases, started.elapsed().as_secs_f64());
    println!("law\tverifier\t{name}\t`{verifier}`\tholds\t{cases}\t{seconds:.3}");
}

#[test]
fn ours_keep_all_laws() {
    let pair = || (laws::answers(), laws::responses());
    for name in VERIFIERS {
        let verifier = &*verifier(name).unwrap();
        keeps(name, "nothing is given away", &laws::answers(), |answer| laws::nothing_is_given_away(verifier, &answer));
        keeps(name, "unfinished is not correct", &pair(), |(answer, text)| {
            laws::unfinished_is_not_correct(verifier, &answer, &text)
        });
        keeps(name, "judges the same again", &pair(), |(answer, text)| laws::judges_the_same_again(verifier, &answer, &text));
        let many = proptest::collection::vec(pair(), 0..5);
        keeps(name, "judges all as each", &many, |pairs| laws::judges_all_as_each(verifier, &pairs));
    }
}

/// Says what it was told to say of the n-th question.
struct Told(fn(usize) -> Verdict, std::sync::atomic::AtomicUsize);

impl Verifier for Told {
    fn name(&self) -> &'static str {
        "told"
    }

    fn verify(&self, _: &str, _: &str, _: bool) -> Verification {
        let asked = self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Verification { verdict: self.0(asked), extracted: None, reason: None }
    }
}

fn reason<T: std::fmt::Debug>(result: Result<(), TestError<T>>) -> String {
    match result {
        Err(TestError::Fail(reason, _)) => reason.message().to_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_law_that_is_broken_says_what_was_found() {
    let told = |verdict| Told(verdict, 0.into());
    let always = told(|_| Verdict::Correct);
    let given = runner().run(&laws::answers(), |answer| laws::nothing_is_given_away(&always, &answer));
    assert!(reason(given).contains("is given away to \"\""));
    let cut = runner().run(&laws::responses(), |text| laws::unfinished_is_not_correct(&always, "7", &text));
    assert!(reason(cut).contains("did not end and is \"7\""));
    let fickle = told(|asked| if asked % 2 == 0 { Verdict::Correct } else { Verdict::Wrong });
    let again = runner().run(&laws::responses(), |text| laws::judges_the_same_again(&fickle, "7", &text));
    assert!(reason(again).contains("then"));
    let three = [("7", "7"), ("7", "8"), ("7", "9")].map(|(answer, text)| (answer.to_owned(), text.to_owned()));
    let all = laws::judges_all_as_each(&told(|asked| if asked < 3 { Verdict::Correct } else { Verdict::Wrong }), &three);
    assert!(all.unwrap_err().to_string().contains("one by one"));
}
