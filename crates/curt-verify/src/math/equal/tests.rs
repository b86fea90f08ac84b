//! Laws on hand-built trees; what is written as text is tested with the reader.

use num_bigint::BigInt;
use num_rational::BigRational;

use super::{Obstacle, Options, Reason, judge};
use crate::Verdict;
use crate::math::expression::{Constant, Expression, Function, RangeKind, Relation, SetOperation};
use Expression as E;

fn n(value: i64) -> E {
    q(value, 1)
}

fn q(top: i64, bottom: i64) -> E {
    E::Number { value: BigRational::new(BigInt::from(top), BigInt::from(bottom)), decimal: false }
}

fn x() -> E {
    symbol("x")
}

fn symbol(name: &str) -> E {
    E::Symbol(name.to_owned())
}

fn pi() -> E {
    E::Constant(Constant::Pi)
}

fn infinity() -> E {
    E::Constant(Constant::Infinity)
}

fn sum<const N: usize>(parts: [E; N]) -> E {
    E::Sum(parts.into())
}

fn product<const N: usize>(parts: [E; N]) -> E {
    E::Product(parts.into())
}

fn over(a: E, b: E) -> E {
    E::Quotient(Box::new(a), Box::new(b))
}

fn power(a: E, b: E) -> E {
    E::Power(Box::new(a), Box::new(b))
}

fn minus(a: E) -> E {
    E::Negative(Box::new(a))
}

fn call<const N: usize>(function: Function, arguments: [E; N]) -> E {
    E::Call(function, arguments.into())
}

fn root(a: E) -> E {
    call(Function::Root, [a, n(2)])
}

fn list<const N: usize>(parts: [E; N]) -> E {
    E::List(parts.into())
}

fn set<const N: usize>(parts: [E; N]) -> E {
    E::Set(parts.into())
}

fn point<const N: usize>(parts: [E; N]) -> E {
    E::Tuple(parts.into())
}

fn interval(low: E, high: E, closed_low: bool, closed_high: bool) -> E {
    E::Interval { low: Box::new(low), high: Box::new(high), closed_low, closed_high }
}

fn relation(left: E, relation: Relation, right: E) -> E {
    E::Relation { operands: vec![left, right], relations: vec![relation] }
}

fn equal(left: E, right: E) -> E {
    relation(left, Relation::Equal, right)
}

fn plus_minus(left: Option<E>, right: E) -> E {
    E::PlusMinus { left: left.map(Box::new), right: Box::new(right), upper: true }
}

/// The verdict both ways, without the short cut of equal trees.
#[track_caller]
fn verdict(gold: &E, answer: &E) -> Verdict {
    let options = Options { identity: false, ..Options::default() };
    let forth = judge(gold, answer, &options);
    let back = judge(answer, gold, &options);
    assert_eq!(forth.verdict, back.verdict, "one way {forth:?}, the other {back:?}\n{gold:?}\n{answer:?}");
    assert_eq!(judge(gold, gold, &options).reason, Reason::Equal, "not itself: {gold:?}");
    assert_eq!(judge(answer, answer, &options).reason, Reason::Equal, "not itself: {answer:?}");
    forth.verdict
}

#[track_caller]
fn same(gold: E, answer: E) {
    assert_eq!(verdict(&gold, &answer), Verdict::Correct, "{gold:?}\n{answer:?}");
}

#[track_caller]
fn differ(gold: E, answer: E) {
    assert_eq!(verdict(&gold, &answer), Verdict::Wrong, "{gold:?}\n{answer:?}");
}

#[test]
fn fractions_are_exact() {
    same(over(n(1), n(2)), q(1, 2));
    same(sum([q(1, 3), q(1, 6)]), over(n(1), n(2)));
    same(power(n(2), minus(n(3))), q(1, 8));
    differ(q(33, 100), over(n(1), n(3)));
    same(call(Function::Root, [n(27), n(3)]), n(3));
    same(call(Function::Binomial, [n(10), n(4)]), n(210));
    same(call(Function::Factorial, [n(5)]), n(120));
    same(call(Function::Mod, [n(-7), n(5)]), n(3));
    same(call(Function::Gcd, [n(12), n(18)]), n(6));
    same(call(Function::Floor, [q(-7, 2)]), n(-4));
    same(E::Based { digits: "1011".into(), base: 2 }, n(11));
    same(E::Based { digits: "11.1".into(), base: 2 }, q(7, 2));
}

#[test]
fn numbers_too_large_to_write_are_compared_by_residues() {
    same(power(n(2), n(1_000_000)), power(n(4), n(500_000)));
    differ(power(n(2), n(1_000_000)), power(n(4), n(500_001)));
    differ(power(n(9), power(n(9), n(9))), n(9));
    same(sum([power(n(9), power(n(9), n(9))), n(1)]), sum([n(1), power(n(9), power(n(9), n(9)))]));
}

#[test]
fn towers_end_within_the_budget() {
    let nine = |inner| power(n(9), inner);
    let tower = nine(nine(nine(n(9))));
    let huge = call(Function::Factorial, [power(n(10), power(n(10), n(10)))]);
    for gold in [tower, huge] {
        assert_eq!(judge(&gold, &gold, &Options::default()).reason, Reason::Equal);
        assert!(matches!(judge(&gold, &n(1), &Options::default()).reason, Reason::GoldHasNoValue(_)), "{gold:?}");
        assert!(matches!(judge(&n(1), &gold, &Options::default()).reason, Reason::AnswerHasNoValue(_)), "{gold:?}");
    }
    let nothing = over(n(1), sum([n(1), n(-1)]));
    assert_eq!(judge(&nothing, &n(1), &Options::default()).reason, Reason::GoldHasNoValue(Obstacle::Undefined));
    let mut deep = x();
    for _ in 0..5000 {
        deep = over(n(1), deep);
    }
    assert_eq!(judge(&n(1), &deep, &Options::default()).reason, Reason::AnswerHasNoValue(Obstacle::Size));
    std::mem::forget(deep);
}

#[test]
fn polynomials_and_rational_functions() {
    same(power(sum([x(), n(1)]), n(2)), sum([power(x(), n(2)), product([n(2), x()]), n(1)]));
    differ(power(sum([x(), n(1)]), n(2)), sum([power(x(), n(2)), n(1)]));
    same(over(sum([power(x(), n(2)), n(-1)]), sum([x(), n(-1)])), sum([x(), n(1)]));
    same(product([symbol("a_1"), symbol("b")]), product([symbol("b"), symbol("a_1")]));
    differ(sum([x(), n(1)]), sum([symbol("y"), n(1)]));
    same(power(x(), n(100_000)), product([power(x(), n(99_999)), x()]));
    differ(x(), sum([x(), n((1 << 61) - 1)]));
}

#[test]
fn irrational_values() {
    same(root(n(8)), product([n(2), root(n(2))]));
    same(over(n(1), root(n(2))), over(root(n(2)), n(2)));
    differ(root(n(2)), q(141_421_356_237, 100_000_000_000));
    same(root(sum([n(3), product([n(2), root(n(2))])])), sum([n(1), root(n(2))]));
    same(sum([power(root(n(3)), n(2)), n(-3)]), n(0));
    same(call(Function::Sin, [over(pi(), n(6))]), q(1, 2));
    same(call(Function::Cos, [call(Function::Degrees, [n(60)])]), q(1, 2));
    same(call(Function::Log, [n(8), n(2)]), n(3));
    same(call(Function::Log, [n(1000), n(10)]), n(3));
    same(call(Function::Atan, [n(1)]), over(pi(), n(4)));
    same(call(Function::Acos, [q(-1, 2)]), over(product([n(2), pi()]), n(3)));
    same(power(E::Constant(Constant::E), product([E::Constant(Constant::I), pi()])), n(-1));
    differ(pi(), q(355, 113));
    differ(power(E::Constant(Constant::E), n(-300)), power(E::Constant(Constant::E), n(-301)));
    same(call(Function::Root, [n(-8), n(3)]), n(-2));
    same(power(n(-8), q(1, 3)), n(-2));
    same(root(n(-4)), product([n(2), E::Constant(Constant::I)]));
    same(call(Function::Floor, [product([n(10), pi()])]), n(31));
    same(call(Function::Max, [root(n(2)), q(3, 2)]), q(3, 2));
    same(power(sum([E::Constant(Constant::I), n(1)]), n(2)), product([n(2), E::Constant(Constant::I)]));
}

#[test]
fn functions_of_symbols() {
    let (sin, cos) = (call(Function::Sin, [x()]), call(Function::Cos, [x()]));
    same(sum([power(sin.clone(), n(2)), power(cos.clone(), n(2))]), n(1));
    same(sum([power(call(Function::Tan, [x()]), n(2)), n(1)]), power(call(Function::Sec, [x()]), n(2)));
    same(call(Function::Sin, [product([n(2), x()])]), product([n(2), sin.clone(), cos.clone()]));
    differ(sin.clone(), cos);
    same(root(product([x(), symbol("y")])), product([root(x()), root(symbol("y"))]));
    same(root(x()), power(x(), q(1, 2)));
    same(call(Function::Ln, [power(x(), n(2))]), product([n(2), call(Function::Ln, [x()])]));
    differ(call(Function::Abs, [x()]), x());
    same(call(Function::Abs, [x()]), root(power(x(), n(2))));
    same(power(n(2), sum([x(), n(1)])), product([n(2), power(n(2), x())]));
    same(E::Derivative { variable: "x".into(), body: Box::new(power(x(), n(3))) }, product([n(3), power(x(), n(2))]));
    same(E::Apply("f".into(), vec![sum([x(), n(1)])]), E::Apply("f".into(), vec![sum([n(1), x()])]));
    differ(E::Apply("f".into(), vec![x()]), E::Apply("g".into(), vec![x()]));
    // (n − 1)!/k! · n/(n − k)!
    let factorial = |inner| call(Function::Factorial, [inner]);
    let (m, k) = (symbol("n"), symbol("k"));
    let rest = factorial(sum([m.clone(), minus(k.clone())]));
    let first = product([over(factorial(sum([m.clone(), n(-1)])), factorial(k.clone())), over(m.clone(), rest.clone())]);
    same(first.clone(), over(factorial(m.clone()), product([factorial(k.clone()), rest])));
    same(first, call(Function::Binomial, [m, k]));
    // √(x − 3) √(x − 2) is √((x − 3) (x − 2)) where all are real
    let (a, b) = (sum([x(), n(-3)]), sum([x(), n(-2)]));
    same(product([root(a.clone()), root(b.clone())]), root(product([a, b])));
}

#[test]
fn sums_and_bound_variables() {
    let range = |variable: &str, to: E, body: E| E::Range {
        kind: RangeKind::Sum,
        variable: variable.into(),
        from: Box::new(n(1)),
        to: Box::new(to),
        body: Box::new(body),
    };
    let k = || symbol("k");
    same(range("k", n(100), k()), n(5050));
    same(range("k", symbol("n"), k()), over(product([symbol("n"), sum([symbol("n"), n(1)])]), n(2)));
    differ(range("k", symbol("n"), k()), over(power(symbol("n"), n(2)), n(2)));
    same(range("k", infinity(), over(n(1), power(k(), n(3)))), range("j", infinity(), power(symbol("j"), n(-3))));
    differ(range("k", infinity(), over(n(1), power(k(), n(3)))), range("j", infinity(), power(symbol("j"), n(-2))));
    let integral = |variable: &str, body: E| E::Integral {
        variable: variable.into(),
        bounds: Some((Box::new(n(0)), Box::new(n(1)))),
        body: Box::new(body),
    };
    same(integral("t", power(symbol("t"), n(2))), integral("u", product([symbol("u"), symbol("u")])));
    differ(integral("t", power(symbol("t"), n(2))), integral("u", power(symbol("u"), n(3))));
}

#[test]
fn collections() {
    same(list([n(1), n(2), n(3)]), list([n(3), n(2), n(1)]));
    same(list([n(1), n(2)]), set([n(2), n(1)]));
    differ(list([n(1), n(2)]), list([n(1), n(3)]));
    differ(list([n(1), n(2)]), n(1));
    differ(list([n(2), n(2)]), list([n(2)]));
    same(set([n(2), n(2)]), set([n(2)]));
    same(set([n(2)]), n(2));
    same(point([n(1), q(1, 2)]), point([n(1), over(n(1), n(2))]));
    differ(point([n(1), n(2)]), point([n(2), n(1)]));
    differ(point([n(3), n(1)]), set([n(1), n(3)]));
    differ(point([n(3), n(1)]), list([n(1), n(3)]));
    same(plus_minus(None, n(2)), set([n(-2), n(2)]));
    same(plus_minus(Some(n(1)), root(n(19))), list([sum([n(1), root(n(19))]), sum([n(1), minus(root(n(19)))])]));
    same(set([plus_minus(Some(n(1)), root(n(5))), n(-2)]), set([n(-2), plus_minus(Some(n(1)), root(n(5)))]));
    differ(plus_minus(None, n(2)), n(2));
    same(list([list([n(21), n(16)]), n(11)]), list([n(21), n(16), n(11)]));
    same(
        list([
            list([equal(symbol("p"), n(5)), equal(symbol("q"), n(2))]),
            list([equal(symbol("p"), n(7)), equal(symbol("q"), n(2))]),
        ]),
        list([point([n(5), n(2)]), point([n(7), n(2)])]),
    );
    differ(list([equal(symbol("p"), n(5)), equal(symbol("q"), n(2))]), list([n(2), n(5)]));
    same(list([equal(symbol("p"), n(5)), equal(symbol("q"), n(2))]), list([equal(symbol("q"), n(2)), equal(symbol("p"), n(5))]));
    let matrix = |rows: [[i64; 2]; 2]| E::Matrix(rows.iter().map(|row| row.iter().map(|&entry| n(entry)).collect()).collect());
    same(matrix([[1, 0], [0, 1]]), product([matrix([[1, 0], [0, 1]]), matrix([[1, 0], [0, 1]])]));
    same(power(matrix([[1, 1], [1, 0]]), n(5)), matrix([[8, 5], [5, 3]]));
    differ(matrix([[1, 2], [3, 4]]), matrix([[1, 2], [3, 5]]));
    same(call(Function::Determinant, [matrix([[1, 2], [3, 4]])]), n(-2));
    same(E::Matrix(vec![vec![n(1)], vec![n(2)]]), point([n(1), n(2)]));
    same(E::Ratio(vec![n(2), n(4)]), E::Ratio(vec![n(1), n(2)]));
    same(E::Ratio(vec![n(11), n(21)]), over(n(11), n(21)));
    differ(E::Ratio(vec![n(12), n(0)]), E::Ratio(vec![n(6), n(0)]));
}

#[test]
fn relations() {
    same(equal(x(), n(3)), n(3));
    differ(equal(x(), n(3)), equal(symbol("y"), n(3)));
    differ(equal(sum([product([n(11), symbol("a")]), symbol("c")]), n(7)), n(7));
    let line = equal(sum([product([n(2), x()]), product([n(4), symbol("y")]), n(-3)]), n(0));
    let solved = equal(symbol("y"), sum([product([q(-1, 2), x()]), q(3, 4)]));
    same(line.clone(), solved.clone());
    differ(line, equal(symbol("y"), sum([product([q(-1, 2), x()]), q(1, 4)])));
    same(equal(E::Apply("f".into(), vec![x()]), power(x(), n(2))), power(x(), n(2)));
    same(equal(E::Apply("f".into(), vec![x()]), power(x(), n(2))), equal(symbol("y"), power(x(), n(2))));
    same(relation(x(), Relation::Less, n(3)), relation(n(3), Relation::Greater, x()));
    differ(relation(x(), Relation::Less, n(3)), relation(x(), Relation::LessEqual, n(3)));
    differ(relation(x(), Relation::Less, n(3)), relation(x(), Relation::Greater, n(3)));
    same(relation(product([n(2), x()]), Relation::Greater, n(6)), relation(x(), Relation::Greater, n(3)));
    differ(relation(product([n(-2), x()]), Relation::Greater, n(6)), relation(x(), Relation::Greater, n(-3)));
    same(relation(x(), Relation::NotEqual, n(3)), relation(n(3), Relation::NotEqual, x()));
    let chain = |operands: [E; 3]| E::Relation { operands: operands.into(), relations: vec![Relation::Equal; 2] };
    same(chain([x(), sum([n(5), n(6)]), n(11)]), n(11));
    let about = E::Relation { operands: vec![x(), q(1, 3), q(3, 10)], relations: vec![Relation::Equal, Relation::Approximately] };
    same(about, q(1, 3));
    same(equal(over(symbol("NO"), symbol("BO")), n(2)), n(2));
}

#[test]
fn regions() {
    same(relation(x(), Relation::Greater, n(3)), interval(n(3), infinity(), false, false));
    same(point([n(1), n(2)]), interval(n(1), n(2), false, false));
    differ(point([n(1), n(2)]), interval(n(1), n(2), true, false));
    differ(interval(n(0), n(9), true, false), interval(n(0), n(1), true, false));
    let union = |parts: Vec<E>| E::SetOperation(SetOperation::Union, parts);
    let left = interval(minus(infinity()), n(1), false, true);
    let right = interval(root(n(100)), infinity(), true, false);
    same(union(vec![left.clone(), right.clone()]), union(vec![right.clone(), left.clone()]));
    same(union(vec![interval(n(0), n(1), true, true), interval(n(1), n(2), false, true)]), interval(n(0), n(2), true, true));
    differ(union(vec![interval(n(0), n(1), true, false), interval(n(1), n(2), false, true)]), interval(n(0), n(2), true, true));
    same(
        list([relation(x(), Relation::LessEqual, n(1)), relation(x(), Relation::GreaterEqual, n(10))]),
        union(vec![left, right]),
    );
    let (above, below) = (relation(x(), Relation::Greater, n(1)), relation(x(), Relation::LessEqual, n(2)));
    same(list([above, below]), interval(n(1), n(2), false, true));
    let size = |than| relation(call(Function::Abs, [x()]), than, n(2));
    same(size(Relation::Less), interval(n(-2), n(2), false, false));
    let outside = vec![interval(minus(infinity()), n(-2), false, true), interval(n(2), infinity(), true, false)];
    same(size(Relation::GreaterEqual), union(outside));
    let real = || E::NumberSet('R');
    let without = E::SetOperation(SetOperation::Difference, vec![real(), set([n(3)])]);
    same(without.clone(), relation(x(), Relation::NotEqual, n(3)));
    same(without, union(vec![interval(n(3), infinity(), false, false), interval(minus(infinity()), n(3), false, false)]));
    same(interval(minus(infinity()), infinity(), false, false), real());
    same(
        interval(symbol("a"), sum([symbol("a"), n(1)]), true, false),
        interval(symbol("a"), sum([n(1), symbol("a")]), true, false),
    );
    let inside = E::Relation { operands: vec![n(-793), symbol("a"), n(10)], relations: vec![Relation::Less; 2] };
    same(inside, point([n(-793), n(10)]));
    same(relation(x(), Relation::In, interval(n(0), n(1), true, true)), interval(n(0), n(1), true, true));
}

#[test]
fn words_units_and_percent() {
    let text = |text: &str| E::Text(text.to_owned());
    same(text("even"), product([symbol("E"), symbol("v"), E::Constant(Constant::E), symbol("n")]));
    differ(text("odd"), text("oddd"));
    same(E::Choice('B'), text("b"));
    same(E::Choice('B'), symbol("B"));
    differ(E::Choice('B'), E::Choice('C'));
    differ(text("thirteen"), n(13));
    let quantity = |value: E, unit: &str| E::Quantity(Box::new(value), unit.to_owned());
    same(quantity(n(5), "cm"), n(5));
    same(quantity(n(5), "m"), quantity(n(500), "cm"));
    differ(quantity(n(5), "m"), quantity(n(5), "cm"));
    same(quantity(n(5), "m^2"), quantity(n(50_000), "cm^2"));
    same(quantity(n(36), "km/hour"), quantity(n(10), "m/second"));
    differ(quantity(n(5), "apple"), quantity(n(5), "pear"));
    let percent = |value: E| E::Percent(Box::new(value));
    same(percent(n(50)), n(50));
    same(percent(n(50)), q(1, 2));
    differ(percent(n(50)), percent(n(5)));
    same(quantity(n(45), "degree"), n(45));
    same(call(Function::Degrees, [n(180)]), pi());
}

#[test]
fn tolerance_only_where_asked() {
    let third = over(n(1), n(3));
    let at = |precision| Options { precision: Some(precision), ..Options::default() };
    assert_eq!(judge(&third, &q(33, 100), &at(2)).verdict, Verdict::Correct);
    assert_eq!(judge(&third, &q(33, 100), &at(3)).verdict, Verdict::Wrong);
    let share = Options { tolerance: Some(0.02), ..Options::default() };
    assert_eq!(judge(&third, &q(33, 100), &share).verdict, Verdict::Correct);
    assert_eq!(judge(&third, &q(3, 10), &share).verdict, Verdict::Wrong);
    assert_eq!(judge(&third, &q(33, 100), &Options::default()).verdict, Verdict::Wrong);
}

#[test]
fn names_do_not_matter_when_not_strict() {
    let f = |argument| E::Apply("f".into(), vec![argument]);
    let loose = Options { strict: false, ..Options::default() };
    assert_eq!(judge(&f(x()), &f(symbol("y")), &loose).verdict, Verdict::Correct);
    assert_eq!(judge(&f(x()), &f(symbol("y")), &Options::default()).verdict, Verdict::Wrong);
    assert_eq!(judge(&sum([x(), symbol("y")]), &sum([x(), x()]), &loose).verdict, Verdict::Wrong);
}
