//! Programs judged in the sandbox; where it is missing, that nothing is run.
#![cfg(unix)]

use curt_verify::code::{CodeOptions, CodeVerifier, Interpreter, Judgement, Limits, StreamTest, TestVerdict, Tests};
use curt_verify::{Response, Verdict, Verifier};

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
        (
            "def f(n):\n    return n and f(n - 1)\nimport sys\nsys.setrecursionlimit(10**6)\nf(50000)\nprint(eval(input().replace(' ', '+')))",
            Verdict::Correct,
            "",
        ),
        (
            "import threading\nthreading.stack_size(1 << 26)\nt = threading.Thread(target=lambda: print(eval(input().replace(' ', '+'))))\nt.start()\nt.join()",
            Verdict::Correct,
            "",
        ),
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

#[test]
fn functions_that_are_called() {
    let Some(verifier) = sandboxed(Limits::default(), options()) else { return };
    let tests = functional(
        "def check(candidate):\n    assert candidate(nums = [3,1], k = 2) == 4\n    assert candidate(nums = [], k = 0) == 0\n\n\
         check(Solution().f)\n",
    );
    let class = |body: &str| format!("class Solution:\n    def f(self, nums: List[int], k: int) -> int:\n{body}\n");
    for (program, verdict, why) in [
        (class("        print('noise')\n        return sum(nums)"), Verdict::Correct, ""),
        (class("        return sum(Counter(nums).elements()) + 0 * (inf if k > 5 else 1)"), Verdict::Correct, ""),
        (class("        return float(sum(nums))"), Verdict::Correct, ""),
        (class("        return str(sum(nums))"), Verdict::Wrong, "test 1 of 2: expected `4`, found `'4'`"),
        (class("        return 4"), Verdict::Wrong, "test 2 of 2: expected `0`, found `4`"),
        (class("        return nums[0] + nums[1]"), Verdict::Wrong, "test 2 of 2: `IndexError: list index out of range`"),
        (
            class("        return object()"),
            Verdict::Wrong,
            "test 1 of 2: `TypeError: the answer is no plain data but of type object`",
        ),
        (class("        return (x := [1], x.append(x), x)[2]"), Verdict::Wrong, "RecursionError"),
        ("class Solution: pass".to_owned(), Verdict::Wrong, "test 1 of 2: `AttributeError"),
        ("def f(): pass".to_owned(), Verdict::Wrong, "test 1 of 2: `NameError: name 'Solution' is not defined`"),
        ("class Solution".to_owned(), Verdict::Wrong, "test 1 of 2: `SyntaxError"),
    ] {
        expect(&verifier.judge(&tests, &program), verdict, why);
    }
    let plain = functional("assert join(['a', 'é'], sep = '\\n') == 'a\\né'\nassert set(join('ab')) == {'a', 'b'}");
    let join = "def join(parts, sep=''):\n    return sep.join(parts)";
    expect(&verifier.judge(&plain, join), Verdict::Correct, "");
}

#[test]
fn every_test_has_its_verdict() {
    let all = CodeOptions { stop_at_first_failure: false, ..options() };
    let Some(verifier) = sandboxed(Limits { wall_seconds: 2.0, ..Limits::default() }, all) else { return };
    let tests = functional("assert f(0) == 1\nassert f(1) == 1\nassert f(2) == 1\nassert f(3) == 1\nassert f(4) == 1");
    let program =
        "import os\ndef f(n):\n    if n == 1: os._exit(0)\n    if n == 2:\n        while True: pass\n    return 1 + (n == 3)";
    let judged = verifier.judge(&tests, program);
    let failed = |why: &str| TestVerdict::Failed(why.to_owned());
    assert_eq!(
        judged.tests,
        [
            TestVerdict::Passed,
            failed("the program ended before it answered"),
            failed("no end after 2 s"),
            failed("expected `1`, found `2`"),
            TestVerdict::Passed,
        ]
    );
    let program = "n = int(input())\nassert n != 1\nprint(n)";
    let judged = verifier.judge(&streams(&[("0", "0"), ("1", "1"), ("2", "2")]), program);
    assert_eq!(judged.tests[0], TestVerdict::Passed);
    assert_eq!(judged.tests[1], failed("exit code 1: `AssertionError`"));
    assert_eq!(judged.tests[2], TestVerdict::Passed);
    assert_eq!((judged.verdict, &judged.reason.unwrap()[..12]), (Verdict::Wrong, "test 2 of 3:"));
}

#[test]
fn a_program_cannot_claim_to_be_right() {
    let Some(verifier) = sandboxed(Limits::default(), options()) else { return };
    let tests = functional("def check(candidate):\n    assert candidate(6) == 720\n    assert candidate(5) == 120\ncheck(f)");
    for program in [
        "import sys; sys.exit(0)",
        "import os; os._exit(0)",
        "def f(n):\n    import os\n    os._exit(0)",
        "def f(n):\n    raise SystemExit(0)",
        "class Any:\n    def __eq__(self, other): return True\ndef f(n): return Any()",
        "class Any(int):\n    def __eq__(self, other): return True\n    def __hash__(self): return 720\ndef f(n): return Any(3)",
        "class Any(str):\n    def __eq__(self, other): return True\n    def __repr__(self): return '720'\ndef f(n): return Any('720')",
        "class Any(list):\n    def __repr__(self): return '720'\ndef f(n): return Any([720])",
        // says that all is well on every file there is
        "import os\nfor fd in range(64):\n    try: os.write(fd, b'started\\npassed\\nok\\nTrue\\n')\n    except OSError: pass\ndef f(n): return True",
        "import builtins\nbuiltins.compile = builtins.exec = lambda *a: True\ndef f(n): return None",
        "import sys\nfor frame in [sys._getframe(i) for i in range(3)]:\n    for name, value in list(frame.f_locals.items()):\n        if name == 'say':\n            value('passed'); value('value True'); value('value True')\ndef f(n): return 0",
        "__calls__ = []\ndef f(n): return 0",
        "def f(n): return {'verdict': 'correct'}",
        "import atexit\natexit.register(lambda: print('value 720'))\n",
        "def check(candidate): pass\ndef f(n): return 1",
    ] {
        expect(&verifier.judge(&tests, program), Verdict::Wrong, "");
    }
}

#[test]
fn equal_programs_have_equal_outputs() {
    let Some(verifier) = sandboxed(Limits::default(), options()) else { return };
    let program = "print(*{str(i) for i in range(50)})";
    let judge = |_| verifier.judge(&streams(&[("", "")]), program).reason.unwrap();
    let reasons: Vec<String> = (0..3).map(judge).collect();
    assert!(reasons.iter().all(|reason| *reason == reasons[0]), "{reasons:?}");
}

#[test]
fn a_response_is_judged_by_its_last_block() {
    let Some(verifier) = sandboxed(Limits::default(), options()) else { return };
    let answer = r#"{"inputs": ["1 2", "3 4"], "outputs": ["3", "7"]}"#;
    let right = "<think>\n```python\nprint(0)\n```\n</think>\nSo:\n```python\nprint(sum(map(int, input().split())))\n```";
    let verdicts = verifier.verify_all(&[
        Response { answer, text: right, finished: true },
        Response { answer, text: right, finished: false },
        Response { answer, text: "print(3)", finished: true },
        Response { answer, text: "", finished: true },
        Response { answer: "[]", text: right, finished: true },
    ]);
    let words: Vec<_> = verdicts.iter().map(|found| (found.verdict, found.reason.as_deref())).collect();
    assert_eq!(
        words,
        [
            (Verdict::Correct, None),
            (Verdict::Wrong, Some("the response did not end")),
            (Verdict::Wrong, Some("no code block")),
            (Verdict::Wrong, Some("no code block")),
            (Verdict::Ungradable, Some("unreadable tests: there is none")),
        ]
    );
    assert_eq!(verdicts[0].extracted.as_deref(), Some("print(sum(map(int, input().split())))\n"));
}

#[test]
fn other_interpreters_run_too() {
    let Some(_) = sandboxed(Limits::default(), options()) else { return };
    let shell = |command: &str| Interpreter {
        command: vec![command.to_owned()],
        suffix: ".sh".to_owned(),
        languages: vec!["sh".to_owned()],
        ..Interpreter::default()
    };
    let verifier = CodeVerifier::new(shell("/bin/sh"), Limits::default(), options());
    let sum = streams(&[("1 2", "3")]);
    expect(&verifier.judge(&sum, "read a b\necho $((a + b))"), Verdict::Correct, "");
    expect(&verifier.judge(&sum, "read a b\necho $((a - b))"), Verdict::Wrong, "found `-1`");
    expect(&verifier.judge(&sum, "(echo 3)"), Verdict::Wrong, "fork");
    expect(&verifier.judge(&functional("assert f(1) == 2"), "f() { echo 2; }"), Verdict::Ungradable, "a function of Python");
    let verifier = CodeVerifier::new(shell("/bin/sh"), Limits { processes: 8, ..Limits::default() }, options());
    expect(&verifier.judge(&sum, "(echo 3)"), Verdict::Correct, "");
    let verifier = CodeVerifier::new(shell("/bin/no-such-shell"), Limits::default(), options());
    expect(&verifier.judge(&sum, "echo 3"), Verdict::Ungradable, "the interpreter cannot run an empty program");
    let python = Interpreter { python: "/usr/bin/no-such-python".into(), ..Interpreter::default() };
    let verifier = CodeVerifier::new(python, Limits::default(), options());
    expect(&verifier.judge(&sum, "print(3)"), Verdict::Ungradable, "no-such-python");
}

#[test]
fn many_programs_keep_their_order_and_are_quick() {
    let Some(verifier) = sandboxed(Limits::default(), options()) else { return };
    let (n, tests) = (60, streams(&[("", "7")]));
    let programs: Vec<String> = (0..n).map(|i| format!("print({})", if i % 4 == 0 { 7 } else { i + 100 })).collect();
    let items: Vec<(&Tests, &str)> = programs.iter().map(|program| (&tests, program.as_str())).collect();
    let started = std::time::Instant::now();
    let judged = verifier.judge_all(&items);
    let seconds = started.elapsed().as_secs_f64();
    println!("{n} short programs in {seconds:.2} s: {:.0} a second", f64::from(n) / seconds);
    for (i, judged) in judged.iter().enumerate() {
        let verdict = if i % 4 == 0 { Verdict::Correct } else { Verdict::Wrong };
        expect(judged, verdict, if i % 4 == 0 { "" } else { "found" });
    }
}
