//! Reading and indexing a data set of DeepScaleR's size, and looking for the problems of an evaluation in it.
//!
//! The problems are made here, as long as DeepScaleR's on average; `CURT_PROBLEMS=FILE` takes a file instead.

use std::hint::black_box;
use std::io::Cursor;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use curt_task::{Problem, ReadOptions, Reader, TextIndex};

/// Problems of DeepScaleR, as far as they are at hand.
const PROBLEMS: usize = 39_041;
const EVALUATION: usize = 5_000;

/// JSON lines that look like DeepScaleR and are the same in every run; one problem in ten has a letter beyond ASCII.
fn made() -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let mut lines = String::new();
    for n in 0..PROBLEMS {
        let sentence =
            format!("Let $x_{{{n}}}$ be such that $\\\\frac{{x}}{{{}}} + \\\\sqrt{{{}}} = {}$. ", next() % 97, next(), next());
        let letter = if n % 10 == 0 { "é" } else { "e" };
        lines.push_str(&format!(
            "{{\"id\": \"made-{n}\", \"problem\": \"{}Find th{letter} value.\", \"answer\": \"{}\", \"source\": \"made\", \"level\": {}, \
             \"pass_rate\": 0.{}}}\n",
            sentence.repeat(1 + (next() % 5) as usize),
            next() % 1000,
            n % 5 + 1,
            next() % 1000
        ));
    }
    lines.into_bytes()
}

fn data() -> Vec<u8> {
    match std::env::var_os("CURT_PROBLEMS") {
        Some(file) => std::fs::read(&file).unwrap_or_else(|error| panic!("CURT_PROBLEMS={}: {error}", file.display())),
        None => made(),
    }
}

fn problems(data: &[u8]) -> Vec<Problem> {
    let reader = Reader::new(Cursor::new(data.to_vec()), "problems".as_ref(), &ReadOptions::default()).expect("a data set");
    reader.collect::<Result<_, _>>().expect("problems")
}

fn index(problems: &[Problem]) -> TextIndex<usize> {
    let mut index = TextIndex::new();
    for (place, problem) in problems.iter().enumerate() {
        index.insert(problem, place);
    }
    index
}

fn reading(criterion: &mut Criterion) {
    let data = data();
    let all = problems(&data);
    let mut bench = criterion.benchmark_group("data");
    bench.sample_size(20);
    bench.throughput(Throughput::Elements(all.len() as u64));
    bench.bench_function("load", |bencher| bencher.iter(|| black_box(problems(&data))));
    bench.bench_function("load and index", |bencher| bencher.iter(|| black_box(index(&problems(&data)))));
    let zstd = zstd::encode_all(&data[..], 3).expect("memory");
    bench.bench_function("load from zstd", |bencher| bencher.iter(|| black_box(problems(&zstd))));
    bench.bench_function("index", |bencher| bencher.iter(|| black_box(index(&all))));
    bench.finish();
}

/// Every tenth problem to evaluate on is one of the data set.
fn overlap(criterion: &mut Criterion) {
    let all = problems(&data());
    let mut evaluation: Vec<Problem> = all.iter().cycle().take(EVALUATION).cloned().collect();
    for (place, problem) in evaluation.iter_mut().enumerate().filter(|(place, _)| place % 10 != 0) {
        problem.prompt = problem.prompt.with_suffix(&format!(" Then add {place}."));
    }
    let mut bench = criterion.benchmark_group("data");
    bench.sample_size(20);
    bench.throughput(Throughput::Elements(all.len() as u64));
    bench.bench_function("overlap with 5000", |bencher| {
        bencher.iter(|| {
            let index = index(&evaluation);
            black_box(all.iter().filter(|problem| index.find(problem).is_some()).count())
        });
    });
    bench.finish();
}

criterion_group!(benches, reading, overlap);
criterion_main!(benches);
