use curt_verify::math::{
    Options,
    expression::{Expression as E, *},
    judge,
};
use num_bigint::BigInt;
use num_rational::BigRational;
fn n(v: i64) -> E {
    E::Number { value: BigRational::from_integer(BigInt::from(v)), decimal: false }
}
fn x(s: &str) -> E {
    E::Symbol(s.into())
}
fn pw(a: E, b: E) -> E {
    E::Power(Box::new(a), Box::new(b))
}
fn ov(a: E, b: E) -> E {
    E::Quotient(Box::new(a), Box::new(b))
}
fn rt(a: E) -> E {
    E::Call(Function::Root, vec![a, n(2)])
}
fn c(f: Function, a: E) -> E {
    E::Call(f, vec![a])
}
fn rg(from: E, to: E, v: &str, b: E) -> E {
    E::Range { kind: RangeKind::Sum, variable: v.into(), from: Box::new(from), to: Box::new(to), body: Box::new(b) }
}
fn main() {
    let mut cases: Vec<(&str, E, E)> = vec![];
    cases.push(("simple int", n(42), ov(n(84), n(2))));
    cases.push(("decimal", E::Number { value: BigRational::new(1.into(), 3.into()), decimal: false }, ov(n(1), n(3))));
    cases.push((
        "poly",
        pw(E::Sum(vec![x("x"), n(1)]), n(2)),
        E::Sum(vec![pw(x("x"), n(2)), E::Product(vec![n(2), x("x")]), n(1)]),
    ));
    cases.push((
        "poly differ",
        pw(E::Sum(vec![x("x"), n(1)]), n(2)),
        E::Sum(vec![pw(x("x"), n(2)), E::Product(vec![n(3), x("x")]), n(1)]),
    ));
    cases.push(("sqrt8", rt(n(8)), E::Product(vec![n(2), rt(n(2))])));
    cases.push(("sqrt differ", rt(n(8)), E::Product(vec![n(3), rt(n(2))])));
    cases.push(("trig", E::Sum(vec![pw(c(Function::Sin, x("x")), n(2)), pw(c(Function::Cos, x("x")), n(2))]), n(1)));
    cases.push(("trig const", c(Function::Sin, ov(E::Constant(Constant::Pi), n(6))), ov(n(1), n(2))));
    cases.push((
        "e^(i pi)",
        pw(E::Constant(Constant::E), E::Product(vec![E::Constant(Constant::I), E::Constant(Constant::Pi)])),
        n(-1),
    ));
    cases.push(("log", E::Call(Function::Log, vec![n(8), n(2)]), n(3)));
    cases.push(("cis", E::Sum((1..300).map(|k| rt(n(k))).collect()), E::Sum((1..300).rev().map(|k| rt(n(k))).collect())));
    cases.push((
        "many sin",
        E::Sum((1..200).map(|k| c(Function::Sin, n(k))).collect()),
        E::Sum((1..200).rev().map(|k| c(Function::Sin, n(k))).collect()),
    ));
    cases.push((
        "many sin differ",
        E::Sum((1..200).map(|k| c(Function::Sin, n(k))).collect()),
        E::Sum((2..201).rev().map(|k| c(Function::Sin, n(k))).collect()),
    ));
    let mut nest = x("x");
    for _ in 0..60 {
        nest = rt(E::Sum(vec![nest, n(1)]));
    }
    cases.push(("nested roots", nest.clone(), E::Sum(vec![nest.clone(), n(1)])));
    cases.push(("nested roots2", nest.clone(), E::Sum(vec![nest.clone(), n(0)])));
    cases.push(("3200!", c(Function::Factorial, n(3200)), c(Function::Factorial, n(3199))));
    cases.push((
        "C(3000,1500)",
        E::Call(Function::Binomial, vec![n(3000), n(1500)]),
        E::Call(Function::Binomial, vec![n(3000), n(1499)]),
    ));
    cases.push(("harmonic", rg(n(1), n(2000), "k", ov(n(1), x("k"))), n(3)));
    cases.push(("double sum", rg(n(1), n(1500), "k", rg(n(1), n(1500), "j", ov(n(1), E::Sum(vec![x("k"), x("j")])))), n(3)));
    cases.push(("sum roots", rg(n(1), n(1900), "k", rt(x("k"))), n(3)));
    cases.push(("tower", pw(n(9), pw(n(9), pw(n(9), n(9)))), n(3)));
    cases.push(("big power", pw(n(3), n(20000)), pw(n(3), n(20001))));
    cases.push((
        "big frac power",
        pw(ov(n(3), n(7)), n(10000)),
        E::Sum(vec![pw(ov(n(5), n(7)), n(10000)), pw(ov(n(5), n(11)), n(5000))]),
    ));
    cases.push(("frac chain", E::Sum((1..400).map(|k| ov(n(1), n(1000003 + 2 * k))).collect()), n(3)));
    cases.push(("sets", E::Set((1..200).map(n).collect()), E::Set((1..200).rev().map(n).collect())));
    cases.push(("sets roots", E::Set((1..200).map(|k| rt(n(k))).collect()), E::Set((1..200).rev().map(|k| rt(n(k))).collect())));
    cases.push((
        "prod",
        E::Product((1..400).map(|k| E::Sum(vec![x("x"), n(k)])).collect()),
        E::Product((1..400).rev().map(|k| E::Sum(vec![x("x"), n(k)])).collect()),
    ));
    cases.push(("x^x^x", pw(x("x"), pw(x("x"), x("x"))), pw(x("x"), pw(x("x"), pw(x("x"), x("x"))))));
    cases.push((
        "cancel",
        E::Sum(vec![pw(E::Constant(Constant::E), n(700)), n(1), E::Negative(Box::new(pw(E::Constant(Constant::E), n(700))))]),
        n(1),
    ));
    cases.push(("undefined", ov(x("x"), E::Sum(vec![x("x"), E::Negative(Box::new(x("x")))])), c(Function::Sin, x("x"))));
    cases.push(("whole undefined", c(Function::Factorial, E::Sum(vec![x("n"), n(-5000)])), n(1)));
    let o = Options { identity: false, ..Options::default() };
    for (name, a, b) in &cases {
        let mut j = judge(a, b, &o);
        let mut best = f64::MAX;
        let mut reps = 0;
        let t0 = std::time::Instant::now();
        while reps < 3 || t0.elapsed().as_millis() < 30 {
            let t = std::time::Instant::now();
            j = judge(a, b, &o);
            best = best.min(t.elapsed().as_secs_f64());
            reps += 1;
        }
        println!("{name:20} {:10.1} us  {:?}", best * 1e6, j);
    }
}
