//! Whether two expressions have the same value, wherever their symbols are defined.
//!
//! In this order, until one decides:
//! 1. exact fractions, if there are no symbols;
//! 2. residues modulo two primes of 62 bits at random points ([`Modular`]): equal residues mean equal functions but for a
//!    chance of at most (d/2^61)² for rational functions of degree d; different ones mean different functions, where only
//!    fractions, i, π, e and whole powers occur;
//! 3. symbols of which factorials, binomials, floors or bounds of sums are taken stand for whole numbers: exact fractions
//!    at four points of whole numbers from 4 to 40;
//! 4. complex numbers with bounds on their errors ([`Precise`]), at two points (one without symbols): different values
//!    are different for certain; equal means that no difference shows at 340 bits (102 digits) below the larger of the
//!    two values, or below 1 where both vanish.
//!
//! Symbols stand for positive numbers, unless an absolute value or a sign occurs. Points at which a root or logarithm of
//! real numbers is not real are used only if there are no others.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::Zero;

use super::ball::Ball;
use super::budget::{Budget, Obstacle, Outcome};
use super::evaluate::evaluate;
use super::exact::Exact;
use super::modular::Modular;
use super::options::Options;
use super::points::{Kind, N_SCALES, Points};
use super::precise::{Precise, Value};
use super::tree::Survey;
use crate::math::expression::Expression;

/// Precisions in bits: the first only refutes.
const PRECISIONS: [u32; 3] = [128, 416, 1100];

/// Values whose difference is not seen this many bits below them are equal.
const EQUAL_BITS: i64 = 340;

/// Points of whole numbers at which functions of whole numbers must agree.
const WHOLE_POINTS: usize = 4;

/// Points tried before a function counts as undefined everywhere.
const ATTEMPTS: u64 = 24;

/// One judgement: its options, its budget and its random points.
pub struct Comparison<'a> {
    /// What counts as equal.
    pub options: &'a Options,
    /// Steps left.
    pub budget: Budget,
    /// All points are drawn from this.
    pub seed: u64,
    /// Whether residues may decide; without them only what can be evaluated is equal.
    pub residues: bool,
}

impl Comparison<'_> {
    /// Whether the two are equal in value, or as near as the options ask.
    pub fn same_value(&self, a: &Expression, b: &Expression) -> Outcome<bool> {
        let survey = Survey::of(a)?.or(Survey::of(b)?);
        self.budget.spend(survey.size)?;
        if self.options.identity && a == b || self.exactly_same(a, b, survey)? {
            return Ok(true);
        }
        if self.options.is_exact() { Ok(false) } else { self.close(a, b) }
    }

    fn exactly_same(&self, a: &Expression, b: &Expression, survey: Survey) -> Outcome<bool> {
        if !survey.symbols {
            match (self.exact(a), self.exact(b)) {
                (Ok(a), Ok(b)) => return Ok(a == b),
                (Err(Obstacle::Size | Obstacle::Steps), _) | (_, Err(Obstacle::Size | Obstacle::Steps)) => {
                    if let Some(same) = self.by_residues(a, b)? {
                        return Ok(same);
                    }
                }
                _ => {}
            }
            return self.at_points(a, b, survey);
        }
        if let Some(same) = self.by_residues(a, b)? {
            return Ok(same);
        }
        if survey.whole {
            match self.at_whole_points(a, b) {
                Err(Obstacle::Undefined | Obstacle::Unsupported) => {}
                found => return found,
            }
        }
        self.at_points(a, b, survey)
    }

    /// The exact value of an expression without symbols, for a quarter of the steps at most.
    pub fn exact(&self, expression: &Expression) -> Outcome<BigRational> {
        self.budget.with_a_quarter(|budget| evaluate(&Exact { budget, points: None }, expression))
    }

    /// By residues; none if they do not decide.
    fn by_residues(&self, a: &Expression, b: &Expression) -> Outcome<Option<bool>> {
        let mut agreed = 0;
        for attempt in 0..if self.residues { 6 } else { 0 } {
            let modular = Modular::new(&self.budget, self.seed.wrapping_add(attempt));
            match (evaluate(&modular, a), evaluate(&modular, b)) {
                (Ok(a), Ok(b)) if a.residue == b.residue => agreed += 1,
                (Ok(_), Ok(_)) => return Ok(modular.is_conclusive().then_some(false)),
                (Err(Obstacle::Steps), _) | (_, Err(Obstacle::Steps)) => return Err(Obstacle::Steps),
                (Err(Obstacle::Undefined), _) | (_, Err(Obstacle::Undefined)) => {}
                _ => return Ok(None),
            }
            if agreed == 2 {
                return Ok(Some(true));
            }
        }
        Ok(None)
    }

    fn at_whole_points(&self, a: &Expression, b: &Expression) -> Outcome<bool> {
        let (mut agreed, mut last) = (0, Obstacle::Undefined);
        for attempt in 0..ATTEMPTS {
            let points = Points { seed: self.seed.wrapping_add(attempt), kind: Kind::Whole };
            let exact = Exact { budget: &self.budget, points: Some(points) };
            let same = match (evaluate(&exact, a), evaluate(&exact, b)) {
                (Ok(a), Ok(b)) => Ok(a == b),
                (Err(Obstacle::Steps), _) | (_, Err(Obstacle::Steps)) => Err(Obstacle::Steps),
                (Err(Obstacle::Undefined), _) | (_, Err(Obstacle::Undefined)) => Err(Obstacle::Undefined),
                _ => self.same_at(a, b, points).map(|(same, _)| same),
            };
            match same {
                Ok(false) => return Ok(false),
                Ok(true) => agreed += 1,
                Err(Obstacle::Steps) => return Err(Obstacle::Steps),
                Err(obstacle) => last = obstacle,
            }
            if agreed == WHOLE_POINTS {
                return Ok(true);
            }
        }
        Err(last)
    }

    /// By many digits, at points where the functions are real if they are real anywhere.
    fn at_points(&self, a: &Expression, b: &Expression, survey: Survey) -> Outcome<bool> {
        if !survey.symbols {
            return self.same_at(a, b, self.points(0, Kind::Positive(0))).map(|(same, _)| same);
        }
        let (mut real, mut complex, mut last) = (0, Vec::new(), Obstacle::Undefined);
        let signed = if survey.absolute { 2 } else { 0 };
        let wanted = 2 + signed;
        let kinds = (0..signed).map(|_| Kind::Signed).chain((0..2 * N_SCALES).map(|i| Kind::Positive(i / 2)));
        for (attempt, kind) in kinds.enumerate() {
            match self.same_at(a, b, self.points(attempt as u64, kind)) {
                Ok((same, true)) if !survey.imaginary => complex.push(same),
                Ok((false, _)) => return Ok(false),
                Ok((true, _)) => real += 1,
                Err(Obstacle::Steps) => return Err(Obstacle::Steps),
                Err(obstacle) => last = obstacle,
            }
            if real == wanted {
                return Ok(true);
            }
        }
        match (real, complex.as_slice()) {
            (0, []) => Err(last),
            (0, values) => Ok(values.iter().all(|same| *same)),
            _ => Ok(true),
        }
    }

    fn points(&self, attempt: u64, kind: Kind) -> Points {
        Points { seed: self.seed.wrapping_add(attempt), kind }
    }

    /// Whether the two agree at one point, and whether a real function left the reals there.
    fn same_at(&self, a: &Expression, b: &Expression, points: Points) -> Outcome<(bool, bool)> {
        let mut last = Obstacle::Precision;
        for bits in PRECISIONS {
            let precise = Precise::new(&self.budget, bits, points);
            let (x, y) = match (evaluate(&precise, a), evaluate(&precise, b)) {
                (Ok(x), Ok(y)) => (x, y),
                // more digits may tell a small divisor from 0
                (Err(obstacle @ (Obstacle::Precision | Obstacle::Undefined)), _)
                | (_, Err(obstacle @ (Obstacle::Precision | Obstacle::Undefined))) => {
                    last = obstacle;
                    continue;
                }
                (Err(obstacle), _) | (_, Err(obstacle)) => return Err(obstacle),
            };
            if let (Value::Small(x), Value::Small(y)) = (&x, &y) {
                return Ok((x == y, precise.left_reals()));
            }
            let (x, y) = (precise.ball(&x)?, precise.ball(&y)?);
            let difference = x.subtract(&y, bits)?;
            if !difference.touches_zero() {
                return Ok((false, precise.left_reals()));
            }
            let size = [&x.re, &x.im, &y.re, &y.im].map(Ball::magnitude).into_iter().max().unwrap_or(0);
            let error = difference.re.radius().max(difference.im.radius());
            // numbers that may both be 0 are compared with 1
            let size = if x.touches_zero() && y.touches_zero() { 0 } else { size };
            if error.is_none_or(|error| error <= size - EQUAL_BITS) {
                return Ok((true, precise.left_reals()));
            }
            last = Obstacle::Precision;
        }
        Err(last)
    }

    /// Whether the two are as near as the options ask, at one point if there are symbols.
    fn close(&self, gold: &Expression, answer: &Expression) -> Outcome<bool> {
        let bits = PRECISIONS[1];
        let precise = Precise::new(&self.budget, bits, self.points(0, Kind::Positive(0)));
        let (gold, answer) = (evaluate(&precise, gold)?, evaluate(&precise, answer)?);
        let (gold, answer) = (precise.ball(&gold)?, precise.ball(&answer)?);
        let distance = gold.subtract(&answer, bits)?.size(bits)?;
        let within = |bound: Ball| Ok(!bound.subtract(&distance, bits)?.is_negative());
        if let Some(decimals) = self.options.precision {
            let ten = num_traits::pow(BigInt::from(10), decimals.min(100) as usize);
            if within(Ball::fraction(&BigRational::new(BigInt::from(1), ten * 2), bits)?)? {
                return Ok(true);
            }
        }
        match self.options.tolerance.and_then(BigRational::from_float) {
            Some(tolerance) => within(gold.size(bits)?.multiply(&Ball::fraction(&tolerance, bits)?, bits)?),
            None => Ok(false),
        }
    }

    /// −1, 0 or 1 as the real expression is negative, zero or positive, at one point if there are symbols.
    pub fn sign(&self, expression: &Expression) -> Outcome<i8> {
        if let Ok(exact) = self.exact(expression) {
            return Ok(if exact.is_zero() { 0 } else { 1 - 2 * i8::from(exact < BigRational::zero()) });
        }
        let mut last = Obstacle::Precision;
        for bits in PRECISIONS {
            let precise = Precise::new(&self.budget, bits, self.points(0, Kind::Positive(0)));
            let value = match evaluate(&precise, expression).and_then(|value| precise.real(&value)) {
                Ok(value) => value,
                Err(obstacle) => {
                    last = obstacle;
                    continue;
                }
            };
            match value.sign() {
                Some(num_bigint::Sign::Minus) => return Ok(-1),
                Some(_) => return Ok(1),
                None if value.radius().is_none_or(|error| error <= -EQUAL_BITS) => return Ok(0),
                None => {}
            }
        }
        Err(last)
    }
}
