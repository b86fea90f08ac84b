//! Verdicts on answers: simple, algebraic, hostile, and whole responses.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use curt_verify::math::{Math, Options, equivalent};
use curt_verify::{Verdict, Verifier};

/// Numbers as most data sets have them.
const SIMPLE: [(&str, &str, Verdict); 10] = [
    ("42", "42.0", Verdict::Correct),
    ("42", "43", Verdict::Wrong),
    ("1000", "1,000", Verdict::Correct),
    (r"\frac{3}{4}", "0.75", Verdict::Correct),
    (r"\frac{3}{4}", "3/4", Verdict::Correct),
    ("-7", "$7$", Verdict::Wrong),
    ("18", r"\$18.00", Verdict::Correct),
    ("50", r"50\%", Verdict::Correct),
    (r"2\frac{1}{2}", "5/2", Verdict::Correct),
    ("120", r"120 \text{ cm}", Verdict::Correct),
];

/// What takes evaluation: radicals, polynomials, points, regions, relations, trigonometry.
const ALGEBRAIC: [(&str, &str, Verdict); 10] = [
    (r"2\sqrt{2}", r"\sqrt{8}", Verdict::Correct),
    (r"\frac{\sqrt{3}}{3}", r"\frac{1}{\sqrt{3}}", Verdict::Correct),
    (r"\frac{\sqrt{3}}{3}", r"\frac{1}{\sqrt{2}}", Verdict::Wrong),
    ("(x+1)(x-2)(x+3)", "x^3 + 2x^2 - 5x - 6", Verdict::Correct),
    (r"\frac{a^2-b^2}{a-b}", "a + b", Verdict::Correct),
    (r"\frac{x^2+1}{x-1}", r"\frac{x^2-1}{x-1}", Verdict::Wrong),
    (r"\left(3, \frac{\pi}{2}\right)", r"(3, 0.5\pi)", Verdict::Correct),
    (r"(-\infty, 1] \cup [10, \infty)", r"[10, \infty) \cup (-\infty, 1]", Verdict::Correct),
    ("2x + 4y - 3 = 0", r"y = -\frac{1}{2}x + \frac{3}{4}", Verdict::Correct),
    (r"\sin 2x", r"2 \sin x \cos x", Verdict::Correct),
];

/// What is made to take long.
fn hostile() -> Vec<String> {
    let sum = |term: &dyn Fn(u32) -> String| (1..150).map(term).collect::<Vec<_>>().join("+");
    let list = |term: &dyn Fn(u32) -> String| (1..150).map(term).collect::<Vec<_>>().join(", ");
    vec![
        "9^{9^{9^9}}".into(),
        "(10^{10^{10}})!".into(),
        "3200!".into(),
        r"\binom{3000}{1500}".into(),
        "9".repeat(4000),
        format!("0.{}", "7".repeat(4000)),
        format!("{}7{}", r"\frac{1}{".repeat(10_000), "}".repeat(10_000)),
        format!("{}x{}", r"\sqrt{1+".repeat(50), "}".repeat(50)),
        sum(&|n| format!(r"\sqrt{{{n}}}")),
        sum(&|n| format!(r"\sin {n}")),
        sum(&|n| format!(r"\frac{{1}}{{{}}}", 1_000_003 + 2 * n)),
        list(&|n| format!(r"\sqrt{{{n}}}")),
        format!(r"\left\{{{}\right\}}", list(&|n| n.to_string())),
        r"\sum_{k=1}^{2000} \frac{1}{k}".into(),
        r"\sum_{a=1}^{1000}\sum_{b=1}^{1000}\sum_{c=1}^{1000} \frac{1}{a+b+c}".into(),
        r"\prod_{k=1}^{1999} k!".into(),
        "x^{x^{x^x}}".into(),
        r"\binom{n}{k} \cdot n! \cdot (n-900)!".into(),
        "{".repeat(4000),
        "(".repeat(4000),
    ]
}

fn verdicts(criterion: &mut Criterion, name: &str, pairs: &[(&str, &str, Verdict)]) {
    let options = Options::default();
    for (gold, answer, wanted) in pairs {
        assert_eq!(equivalent(gold, answer, &options).verdict, *wanted, "{gold} and {answer}");
    }
    let mut bench = criterion.benchmark_group("verify");
    bench.throughput(Throughput::Elements(pairs.len() as u64));
    bench.bench_function(name, |bencher| {
        bencher.iter(|| {
            for (gold, answer, _) in pairs {
                black_box(equivalent(gold, answer, &options));
            }
        });
    });
    bench.finish();
}

fn simple(criterion: &mut Criterion) {
    verdicts(criterion, "simple", &SIMPLE);
}

fn algebraic(criterion: &mut Criterion) {
    verdicts(criterion, "algebraic", &ALGEBRAIC);
}

/// One by one, each as gold and as answer: the slowest is the bound on any.
fn adversarial(criterion: &mut Criterion) {
    let options = Options { identity: false, ..Options::default() };
    let mut bench = criterion.benchmark_group("verify/hostile");
    bench.sample_size(20);
    for text in hostile() {
        let name: String = text.chars().take(40).collect();
        bench.bench_function(name, |bencher| {
            bencher.iter(|| black_box([equivalent(&text, &text, &options), equivalent("7", &text, &options)]));
        });
    }
    bench.finish();
}

fn responses(criterion: &mut Criterion) {
    let step = r"Then $x^2 - 5x + 6 = 0$, so that $(x-2)(x-3) = 0$ and $x = 2$ or $x = 3$. ";
    let response = format!(r"{}The larger is $\boxed{{3}}$.", step.repeat(40));
    let math = Math::default();
    assert_eq!(math.verify("3", &response, true).verdict, Verdict::Correct);
    let mut bench = criterion.benchmark_group("verify");
    bench.throughput(Throughput::Elements(1));
    bench.bench_function("response", |bencher| bencher.iter(|| black_box(math.verify("3", &response, true))));
    bench.finish();
}

criterion_group!(benches, simple, algebraic, adversarial, responses);
criterion_main!(benches);
