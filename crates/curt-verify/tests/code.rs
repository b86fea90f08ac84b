//! Programs judged in the sandbox; where it is missing, that nothing is run.
#![cfg(unix)]

use curt_verify::code::{CodeOptions, CodeVerifier, Interpreter, Judgement, Limits, StreamTest, TestVerdict, Tests};
use curt_verify::{Question, Verdict, Verifier};

/// The verifier, or none where there is no sandbox and `CURT_REQUIRE_SANDBOX` does not ask for one.
fn sandboxed(limits: Limits, options: CodeOptions) -> Option<CodeVerifier> {
    let verifier = CodeVerifier::new(Interpreter::default(), limits, options);
    match verifier.available() {
        Ok(()) => Some(verifier),
        Err(why) if std::env::var_os("CURT_REQUIRE_SANDBOX").is_some() => panic!("{why}"),
        Err(why) => {
            eprintln!("only the refusal is tested, because code cannot be run here: {why}");
            let refused = verifier.judge(&streams(&[("", "1")]), "print(1)");
            assert_eq!((refused.verdict, refused.reason), (Verdict::Ungradable, Some(why.to_string())));
            None
        }
    }
}

fn streams(tests: &[(&str, &str)]) -> Tests {
    Tests::streams(tests.iter().map(|(i, o)| StreamTest { input: (*i).to_owned(), output: (*o).to_owned() }).collect())
}

fn functional(source: &str) -> Tests {
    Tests::parse(&serde_json::json!({ "functional": source }).to_string()).unwrap()
}

fn options() -> CodeOptions {
    CodeOptions { workers: 2, ..CodeOptions::default() }
}

#[track_caller]
fn expect(judged: &Judgement, verdict: Verdict, why: &str) {
    let reason = judged.reason.clone().unwrap_or_default();
    assert!(judged.verdict == verdict && reason.contains(why), "{judged:?}, expected {verdict:?} and `{why}`");
}

#[test]
fn programs_that_read_and_print() {
    let Some(verifier) = sandboxed(Limits::default(), options()) else { return };
    let sum = streams(&[("1 2\n", "3"), ("-5 5", "0\n")]);
    for (program, verdict, why) in [
        ("print(sum(map(int, input().split())))", Verdict::Correct, ""),
        ("import sys\na, b = map(int, sys.stdin.buffer.read().split())\nsys.stdout.write(str(a + b))", Verdict::Correct, ""),
        ("a, b = map(int, open(0).read().split())\nprint(a + b, ' \\n\\n')\nexit()", Verdict::Correct, ""),
        ("a, b = map(int, open('/dev/stdin').read().split())\nprint(a + b)\nquit()", Verdict::Correct, ""),
        ("if __name__ == '__main__':\n    print(sum(map(int, input().split())))", Verdict::Correct, ""),
        ("def f(n):\n    return n and f(n - 1)\nimport sys\nsys.setrecursionlimit(10**6)\nf(50000)\nprint(eval(input().replace(' ', '+')))", Verdict::Correct, ""),
        ("import threading\nthreading.stack_size(1 << 26)\nt = threading.Thread(target=lambda: print(eval(input().replace(' ', '+'))))\nt.start()\nt.join()", Verdict::Correct, ""),
        ("print(3)", Verdict::Wrong, "test 2 of 2: expected `0`, found `3`"),
        ("print('3'", Verdict::Wrong, "test 1 of 2: exit code 1: `SyntaxError"),
        ("raise ValueError('no')", Verdict::Wrong, "test 1 of 2: exit code 1: `ValueError: no`"),
        ("print(3)\nexit(3)", Verdict::Wrong, "test 1 of 2: exit code 3"),
        ("", Verdict::Wrong, "expected `3`, found ``"),
        ("print(3)\0", Verdict::Wrong, "test 1 of 2: exit code 1"),
        ("print(numbers)", Verdict::Wrong, "NameError"),
        ("print(sys.argv, launch)", Verdict::Wrong, "NameError"),
    ] {
        expect(&verifier.judge(&sum, program), verdict, why);
    }
}
