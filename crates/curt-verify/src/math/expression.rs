//! What an answer says, read but not yet evaluated: the tree that `read` makes and `equal` compares.

use num_rational::BigRational;

/// A mathematical object as it was written. Nothing is simplified here: `1+1` is a [`Expression::Sum`] of two numbers.
#[derive(Clone, Debug, PartialEq, Hash)]
#[allow(missing_docs, reason = "the line above a variant says what its fields are")]
pub enum Expression {
    /// An exact number: `12`, `0.5`, `1,000`, `6.02E23`. `decimal` if it was written with a decimal point or an exponent.
    Number { value: BigRational, decimal: bool },
    /// π, e, i, ∞.
    Constant(Constant),
    /// A variable with its subscript and accents, in one spelling: `x`, `x_1`, `alpha`, `bar{x}_{ij}`.
    Symbol(String),
    /// `a + b − c`: terms; a subtracted term is a [`Expression::Negative`].
    Sum(Vec<Expression>),
    /// `a b · c`: factors, in the order in which they stand.
    Product(Vec<Expression>),
    /// `a / b`, `\frac{a}{b}`, `a : b` is a [`Expression::Ratio`] instead.
    Quotient(Box<Expression>, Box<Expression>),
    /// `a^b`.
    Power(Box<Expression>, Box<Expression>),
    /// `−a`.
    Negative(Box<Expression>),
    /// `a ± b` (`a` absent in `± b`); `upper` is the sign that goes with the upper signs elsewhere: false for `∓`.
    PlusMinus { left: Option<Box<Expression>>, right: Box<Expression>, upper: bool },
    /// `a %`.
    Percent(Box<Expression>),
    /// A named function with its arguments; `\sqrt[n]{x}` is `Root [x, n]`, `\log_b x` is `Log [x, b]`.
    Call(Function, Vec<Expression>),
    /// `f(x)` of a function without a meaning of its own.
    Apply(String, Vec<Expression>),
    /// `\sum_{variable=from}^{to} body` and the product; `to` may be ∞.
    Range { kind: RangeKind, variable: String, from: Box<Expression>, to: Box<Expression>, body: Box<Expression> },
    /// `\int_{from}^{to} body d variable`; without bounds: indefinite.
    Integral { variable: String, bounds: Option<(Box<Expression>, Box<Expression>)>, body: Box<Expression> },
    /// `\lim_{variable \to point} body`; `side` +1, −1 or 0 (both).
    Limit { variable: String, point: Box<Expression>, side: i8, body: Box<Expression> },
    /// `d body / d variable`.
    Derivative { variable: String, body: Box<Expression> },
    /// A number in another base: `1011_2`; digits as written.
    Based { digits: String, base: u32 },
    /// `a : b : c`.
    Ratio(Vec<Expression>),
    /// `(a, b, c)`: ordered.
    Tuple(Vec<Expression>),
    /// `{a, b, c}` or ∅: unordered.
    Set(Vec<Expression>),
    /// `a, b, c` or `a or b` without brackets: several answers.
    List(Vec<Expression>),
    /// `[a, b)` and its kin. `(a, b)` reads as a [`Expression::Tuple`]; `equal` lets it stand for an open interval where the other side is one.
    Interval { low: Box<Expression>, high: Box<Expression>, closed_low: bool, closed_high: bool },
    /// `{element | condition}`.
    SetBuilder { element: Box<Expression>, condition: Box<Expression> },
    /// `\mathbb{R}` and its kin: `R`, `Q`, `Z`, `N`, `C`.
    NumberSet(char),
    /// A ∪ B, A ∩ B, A ∖ B.
    SetOperation(SetOperation, Vec<Expression>),
    /// Rows of a matrix, vector or determinant array, all of one length.
    Matrix(Vec<Vec<Expression>>),
    /// `a < b ≤ c`: one more operand than relations.
    Relation { operands: Vec<Expression>, relations: Vec<Relation> },
    /// `A`…`Z` as the letter of a choice, where it was written as one: `(B)`, `\text{B}`, `\textbf{(B)}`.
    Choice(char),
    /// A value behind the letter of its choice: `\textbf{(B)}\ 5`.
    Labelled(char, Box<Expression>),
    /// Words: what is not mathematics, with its spacing collapsed and in lower case.
    Text(String),
    /// A value with a unit that was recognised, in one spelling: `5 \text{ cm}` has `cm`, an angle `degree`, money `dollar`.
    Quantity(Box<Expression>, String),
}

impl Expression {
    /// Calls `visit` with each direct part, from left to right.
    pub fn parts<'a>(&'a self, visit: &mut dyn FnMut(&'a Expression)) {
        use Expression::*;
        match self {
            Number { .. } | Constant(_) | Symbol(_) | Based { .. } | NumberSet(_) | Choice(_) | Text(_) => {}
            Sum(all)
            | Product(all)
            | Call(_, all)
            | Apply(_, all)
            | Ratio(all)
            | Tuple(all)
            | Set(all)
            | List(all)
            | SetOperation(_, all) => all.iter().for_each(visit),
            Relation { operands, .. } => operands.iter().for_each(visit),
            Matrix(rows) => rows.iter().flatten().for_each(visit),
            Negative(only) | Percent(only) | Quantity(only, _) | Labelled(_, only) => visit(only),
            Quotient(first, second) | Power(first, second) => [first, second].into_iter().for_each(|part| visit(part)),
            PlusMinus { left, right, .. } => {
                left.iter().for_each(|part| visit(part));
                visit(right);
            }
            Range { from, to, body, .. } => [from, to, body].into_iter().for_each(|part| visit(part)),
            Integral { bounds, body, .. } => {
                bounds.iter().for_each(|(low, high)| [low, high].into_iter().for_each(|part| visit(part)));
                visit(body);
            }
            Limit { point, body, .. } => [point, body].into_iter().for_each(|part| visit(part)),
            Derivative { body, .. } => visit(body),
            Interval { low, high, .. } => [low, high].into_iter().for_each(|part| visit(part)),
            SetBuilder { element, condition } => [element, condition].into_iter().for_each(|part| visit(part)),
        }
    }

    /// The number of levels of the tree: 1 for a number. Recursive: only for trees whose height is bounded already.
    pub fn height(&self) -> usize {
        let mut below = 0;
        self.parts(&mut |part| below = below.max(part.height()));
        below + 1
    }
}

/// A constant of mathematics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Constant {
    /// π
    Pi,
    /// e
    E,
    /// i
    I,
    /// ∞
    Infinity,
}

/// A sum or a product over a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RangeKind {
    /// Σ
    Sum,
    /// Π
    Product,
}

/// An operation on sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SetOperation {
    /// ∪
    Union,
    /// ∩
    Intersection,
    /// ∖
    Difference,
}

/// A relation between two neighbours of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Relation {
    /// =
    Equal,
    /// ≠
    NotEqual,
    /// <
    Less,
    /// ≤
    LessEqual,
    /// >
    Greater,
    /// ≥
    GreaterEqual,
    /// ≈
    Approximately,
    /// ≡ (mod …): the modulus is the last operand of the chain, joined by this too.
    Congruent,
    /// ∈
    In,
    /// ∉
    NotIn,
    /// ⊂, ⊆
    Subset,
    /// ∣, divides
    Divides,
    /// → , ⇒, ⇔ and other arrows
    Arrow,
}

/// A function with a meaning of its own. Arguments in the order of [`Expression::Call`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[rustfmt::skip]
#[allow(missing_docs, reason = "the line above several variants says what their arguments are")]
pub enum Function {
    /// `Root [x, n]`, `Log [x, base]` (`\log x`: base 10 by sympy's rule of the references), `Ln [x]`, `Exp [x]`
    Root, Log, Ln, Exp,
    /// Trigonometric functions.
    Sin, Cos, Tan, Cot, Sec, Csc,
    /// Their inverses.
    Asin, Acos, Atan, Acot, Asec, Acsc,
    /// Hyperbolic functions and their inverses.
    Sinh, Cosh, Tanh, Coth, Sech, Csch, Asinh, Acosh, Atanh,
    /// `Abs [x]`, `Floor [x]`, `Ceil [x]`, `Factorial [n]`, `DoubleFactorial [n]`, `Binomial [n, k]`
    Abs, Floor, Ceil, Factorial, DoubleFactorial, Binomial,
    /// `Permutations [n, k]`, `Gcd […]`, `Lcm […]`, `Max […]`, `Min […]`, `Mod [a, b]`
    Permutations, Gcd, Lcm, Max, Min, Mod,
    /// `Re [z]`, `Im [z]`, `Conjugate [z]`, `Determinant [matrix]`, `Transpose [matrix]`, `Sign [x]`
    Re, Im, Conjugate, Determinant, Transpose, Sign,
    /// Degrees as an angle: `Degrees [x]` is x written with `^\circ` inside a trigonometric function
    Degrees,
}
