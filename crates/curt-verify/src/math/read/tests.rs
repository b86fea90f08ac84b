//! What is read as what.

use proptest::prelude::*;

use super::*;

/// What `text` is read as, in a short notation; the reason if it is not read.
fn said(text: &str) -> String {
    match read(text, &ReadOptions::default()) {
        Ok(expression) => brief(&expression),
        Err(error) => format!("unread: {}", error.reason),
    }
}

fn all(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(said(text), *expected, "{text}");
    }
}

fn list(parts: &[Expression]) -> String {
    parts.iter().map(brief).collect::<Vec<_>>().join(", ")
}

fn brief(expression: &Expression) -> String {
    use Expression::*;
    match expression {
        Number { value, decimal } => format!("{value}{}", if *decimal { "d" } else { "" }),
        Constant(constant) => format!("{constant:?}"),
        Symbol(name) => name.clone(),
        Sum(terms) => format!("Sum[{}]", list(terms)),
        Product(factors) => format!("Product[{}]", list(factors)),
        Quotient(a, b) => format!("({})/({})", brief(a), brief(b)),
        Power(a, b) => format!("({})^({})", brief(a), brief(b)),
        Negative(a) => format!("-({})", brief(a)),
        PlusMinus { left, right, upper } => {
            format!("{}{}({})", left.as_deref().map(brief).unwrap_or_default(), if *upper { "±" } else { "∓" }, brief(right))
        }
        Percent(a) => format!("{}%", brief(a)),
        Call(function, arguments) => format!("{function:?}[{}]", list(arguments)),
        Apply(name, arguments) => format!("{name}@({})", list(arguments)),
        Range { kind, variable, from, to, body } => {
            format!("{kind:?}({variable} {}..{}: {})", brief(from), brief(to), brief(body))
        }
        Integral { variable, bounds, body } => {
            let bounds = bounds.as_ref().map(|(low, high)| format!(" {}..{}", brief(low), brief(high))).unwrap_or_default();
            format!("Integral({variable}{bounds}: {})", brief(body))
        }
        Limit { variable, point, side, body } => format!("Limit({variable} {} {side}: {})", brief(point), brief(body)),
        Derivative { variable, body } => format!("d/d{variable}({})", brief(body)),
        Based { digits, base } => format!("{digits} in {base}"),
        Ratio(terms) => format!("Ratio[{}]", list(terms)),
        Tuple(items) => format!("Tuple({})", list(items)),
        Set(items) => format!("{{{}}}", list(items)),
        List(items) => format!("<{}>", list(items)),
        Interval { low, high, closed_low, closed_high } => {
            let (open, close) = (if *closed_low { '[' } else { '(' }, if *closed_high { ']' } else { ')' });
            format!("Interval{open}{}, {}{close}", brief(low), brief(high))
        }
        SetBuilder { element, condition } => format!("{{{} | {}}}", brief(element), brief(condition)),
        NumberSet(letter) => format!("the {letter}"),
        SetOperation(operation, sets) => format!("{operation:?}[{}]", list(sets)),
        Matrix(rows) => format!("Matrix[{}]", rows.iter().map(|row| list(row)).collect::<Vec<_>>().join("; ")),
        Relation { operands, relations } => format!("{relations:?}({})", list(operands)),
        Choice(letter) => format!("choice {letter}"),
        Labelled(letter, value) => format!("choice {letter}: {}", brief(value)),
        Text(words) => format!("\"{words}\""),
        Quantity(value, unit) => format!("{} in {unit}", brief(value)),
    }
}

#[test]
fn numbers() {
    all(&[
        ("12", "12"),
        ("007", "7"),
        ("-3.5", "-(7/2d)"),
        (".5", "1/2d"),
        ("5.", "5"),
        ("1,000", "1000"),
        ("1,000,000.5", "2000001/2d"),
        ("1 000", "1000"),
        ("1\\,000", "1000"),
        ("1~000", "1000"),
        ("1{,}000", "1000"),
        ("14 {, }916", "14916"),
        ("12,\\!000,\\! 003", "12000003"),
        ("1000,99", "100099/100d"),
        ("1.000,99", "100099/100d"),
        ("１２．５", "25/2d"),
        ("٣٤", "34"),
        ("0.\\overline{3}", "1/3d"),
        ("0.1\\overline{6}", "1/6d"),
        ("0.\\dot{1}4\\dot{2}", "142/999d"),
        ("3.14\\ldots", "157/50d"),
        ("2.5E2", "250d"),
        ("6.02e23", "602000000000000000000000d"),
        ("1e-5", "1/100000d"),
        ("2e-1", "Sum[Product[2, E], -(1)]"),
        ("2e", "Product[2, E]"),
        ("1E999", "Product[1, (10)^(999)]"),
        ("4.8 \\times 10^{8}", "Product[24/5d, (10)^(8)]"),
        ("1011_2", "1011 in 2"),
        ("1011_{(2)}", "1011 in 2"),
        ("(1011)_2", "1011 in 2"),
        ("1A3_{16}", "1A3 in 16"),
        ("90_n", "90_n"),
    ]);
}

#[test]
fn commas_that_separate() {
    all(&[
        ("32, 349", "<32, 349>"),
        ("1,2,3", "<1, 2, 3>"),
        ("1,000,50", "<1, 0, 50>"),
        ("(1,000)", "Tuple(1, 0)"),
        ("\\max(9,876,543)", "Max[9, 876, 543]"),
        ("$69$,$845$", "<69, 845>"),
        ("21,16", "<21, 16>"),
    ]);
    let apart = ReadOptions { thousands: false, ..ReadOptions::default() };
    assert_eq!(brief(&read("1,000", &apart).unwrap()), "<1, 0>");
    assert_eq!(brief(&read("1{,}000", &apart).unwrap()), "1000");
}

#[test]
fn fractions() {
    all(&[
        ("\\frac{1}{2}", "(1)/(2)"),
        ("\\dfrac12", "(1)/(2)"),
        ("\\tfrac 1 2", "(1)/(2)"),
        ("\\frac1{10}", "(1)/(10)"),
        ("\\frac{10}3", "(10)/(3)"),
        ("\\frac123", "Product[(1)/(2), 3]"),
        ("\\frac ab", "(a)/(b)"),
        ("\\frac\\pi2", "(Pi)/(2)"),
        ("{a \\over b}", "(a)/(b)"),
        ("½", "(1)/(2)"),
        ("2½", "Sum[2, (1)/(2)]"),
        ("2\\frac{1}{3}", "Sum[2, (1)/(3)]"),
        ("-2 1/3", "-(Sum[2, (1)/(3)])"),
        ("2\\frac{4}{3}", "Product[2, (4)/(3)]"),
        ("3.1 \\frac{1}{2}", "Product[31/10d, (1)/(2)]"),
        ("3 1\\frac{1}{2}", "Product[3, Sum[1, (1)/(2)]]"),
        ("1/2x", "Product[(1)/(2), x]"),
        ("1 / 2x", "(1)/(Product[2, x])"),
        ("a/2b", "(a)/(Product[2, b])"),
        ("a/b c", "Product[(a)/(b), c]"),
        ("a/b/c", "(a)/(Product[b, c])"),
        ("a \\div b", "(a)/(b)"),
        ("a*b/c*d", "Product[a, (b)/(c), d]"),
    ]);
}

#[test]
fn sums_products_powers() {
    all(&[
        ("a - b + c", "Sum[a, -(b), c]"),
        ("2--3", "Sum[2, -(-(3))]"),
        ("2 * -3", "Product[2, -(3)]"),
        ("--x", "x"),
        ("2xy", "Product[2, x, y]"),
        ("2x2", "Product[2, x, 2]"),
        ("x^{2}", "(x)^(2)"),
        ("x**2", "(x)^(2)"),
        ("x²", "(x)^(2)"),
        ("-x^2", "-((x)^(2))"),
        ("10^12", "(10)^(12)"),
        ("10^-3", "(10)^(-(3))"),
        ("x^2y", "Product[(x)^(2), y]"),
        ("2^3^4", "(2)^((3)^(4))"),
        ("2^{3^{4}}", "(2)^((3)^(4))"),
        ("e^{i\\pi}", "(E)^(Product[I, Pi])"),
        ("\\left\\{1+2\\right\\}\\left\\{3-4\\right\\}", "Product[Sum[1, 2], Sum[3, -(4)]]"),
        ("[1+2][3-4]", "Product[Sum[1, 2], Sum[3, -(4)]]"),
        ("1 \\pm \\sqrt{19}", "1±(Root[19, 2])"),
        ("\\pm 3", "±(3)"),
        ("a \\mp b", "a∓(b)"),
        ("100!", "Factorial[100]"),
        ("x!!", "DoubleFactorial[x]"),
        ("x!!!", "Factorial[Factorial[Factorial[x]]]"),
        ("17 \\bmod 5", "Mod[17, 5]"),
        ("-7 mod 5", "Mod[-(7), 5]"),
        ("1+1\\mod 2", "Sum[1, Mod[1, 2]]"),
        ("a : b : 2", "Ratio[a, b, 2]"),
        ("234 × 345", "Product[234, 345]"),
        ("3 4", "unread: not expected here"),
    ]);
}

#[test]
fn functions() {
    all(&[
        ("\\sqrt 2+\\sqrt5", "Sum[Root[2, 2], Root[5, 2]]"),
        ("\\sqrt19", "Root[19, 2]"),
        ("√3", "Root[3, 2]"),
        ("sqrt(3)/2", "(Root[3, 2])/(2)"),
        ("\\sqrt[3]{x}", "Root[x, 3]"),
        ("\\sin^2 x \\cos y", "Product[(Sin[x])^(2), Cos[y]]"),
        ("\\sin^{-1} a", "Asin[a]"),
        ("\\sin 2x", "Sin[Product[2, x]]"),
        ("\\sin(x)^2", "(Sin[x])^(2)"),
        ("sinx", "Sin[x]"),
        ("\\operatorname{arcsinh}(1)", "Asinh[1]"),
        ("\\ln 2 / 3", "(Ln[2])/(3)"),
        ("\\log xy", "Log[Product[x, y], 10]"),
        ("\\log_28", "Log[8, 2]"),
        ("\\log_{2} 8", "Log[8, 2]"),
        ("\\log_2(8)", "Log[8, 2]"),
        ("\\cos 60^\\circ", "Cos[Degrees[60]]"),
        ("\\binom{16}{2}", "Binomial[16, 2]"),
        ("\\binom52", "Binomial[5, 2]"),
        ("{n \\choose k}", "Binomial[n, k]"),
        ("\\operatorname{lcm}(6, 4)", "Lcm[6, 4]"),
        ("\\lfloor x \\rfloor", "Floor[x]"),
        ("\\left\\lceil x \\right\\rceil", "Ceil[x]"),
        ("|x||y|", "Product[Abs[x], Abs[y]]"),
        ("||x||y||", "Abs[Product[Abs[x], Abs[y]]]"),
        ("\\left|x + y\\right|", "Abs[Sum[x, y]]"),
        ("\\vertx\\vert", "Abs[x]"),
        ("f(x)", "f@(x)"),
        ("f'(x, y)", "f'@(x, y)"),
        ("x(y-1)", "Product[x, Sum[y, -(1)]]"),
    ]);
}

#[test]
fn ranges_integrals_limits() {
    all(&[
        ("\\sum_{k=1}^{10} k^2", "Sum(k 1..10: (k)^(2))"),
        ("\\sum^3_{i = 1} i + 1", "Sum[Sum(i 1..3: i), 1]"),
        ("\\prod_{a=b}^c x", "Product(a b..c: x)"),
        ("\\int_{a}^b x dx", "Integral(x a..b: x)"),
        ("\\int \\frac{3 dz}{z}", "Integral(z: (3)/(z))"),
        ("\\int x + a dx", "Integral(x: Sum[x, a])"),
        ("\\int_0^7 dx", "Integral(x 0..7: 1)"),
        ("\\int x d\\theta", "Integral(theta: x)"),
        ("\\int x", "unread: unfinished"),
        ("\\lim_{x \\to 3^{+}} a", "Limit(x 3 1: a)"),
        ("\\lim_{x \\to \\infty} \\frac{1}{x}", "Limit(x Infinity 0: (1)/(x))"),
        ("\\frac{d}{dx} [ \\tan x ]", "d/dx(Tan[x])"),
        ("\\frac{dy}{dx}", "d/dx(y)"),
    ]);
}

#[test]
fn sets_and_tuples() {
    all(&[
        ("(1,2)", "Tuple(1, 2)"),
        ("(a;b;c)", "Tuple(a, b, c)"),
        ("[a, b)", "Interval[a, b)"),
        ("\\left(0, 1\\right]", "Interval(0, 1]"),
        ("]1,2[", "Interval(1, 2)"),
        ("[a]", "a"),
        ("\\{1, 2\\}", "{1, 2}"),
        ("{1,2}", "{1, 2}"),
        ("\\emptyset", "{}"),
        ("∅", "{}"),
        ("\\mathbb{R}", "the R"),
        ("\\{x \\mid x > 3\\}", "{x | [Greater](x, 3)}"),
        ("\\{x : x > 3, x < 5\\}", "{x | <[Greater](x, 3), [Less](x, 5)>}"),
        ("\\{x | |x| < 3\\}", "{x | [Less](Abs[x], 3)}"),
        ("[0,1] \\cup [2,3] ∪ {5}", "Union[Interval[0, 1], Interval[2, 3], {5}]"),
        ("(1,2)U(3,4)", "Union[Tuple(1, 2), Tuple(3, 4)]"),
        ("\\mathbb{R} \\setminus \\{0\\}", "Difference[the R, {0}]"),
        ("\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", "Matrix[1, 2; 3, 4]"),
        ("\\left[\\begin{array}{cc}1 & 2 \\\\3 & 4\\end{array}\\right]", "Matrix[1, 2; 3, 4]"),
        ("\\begin{vmatrix} 2 & 1 \\\\ 1 & 2 \\end{vmatrix}", "Determinant[Matrix[2, 1; 1, 2]]"),
        ("\\begin{pmatrix}1&2\\\\3\\end{pmatrix}", "unread: not expected here"),
        ("\\left\\{\\begin{array}{l} x=1 \\\\ y=2\\end{array}\\right.", "<[Equal](x, 1), [Equal](y, 2)>"),
        ("\\begin{cases} x=1 \\\\ y=2\\end{cases}", "<[Equal](x, 1), [Equal](y, 2)>"),
    ]);
}

#[test]
fn relations_and_lists() {
    all(&[
        ("x = 3", "[Equal](x, 3)"),
        ("= 3", "3"),
        ("-5 \\le x < 3", "[LessEqual, Less](-(5), x, 3)"),
        ("x <= 2", "[LessEqual](x, 2)"),
        ("x ≥ 2", "[GreaterEqual](x, 2)"),
        ("x != 3", "[NotEqual](x, 3)"),
        ("x \\not= 3", "[NotEqual](x, 3)"),
        ("x \\in [1,2]", "[In](x, Interval[1, 2])"),
        ("x \\equiv 3 \\pmod{7}", "[Congruent, Congruent](x, 3, 7)"),
        ("3 (mod 7)", "[Congruent](3, 7)"),
        ("3 \\mid n", "[Divides](3, n)"),
        ("x=1 \\text{ or } x=2", "<[Equal](x, 1), [Equal](x, 2)>"),
        ("1, 2, and 3", "<1, 2, 3>"),
        ("$1$ and $2$", "<1, 2>"),
        ("17 or 18", "<17, 18>"),
        ("1,2;3,4", "<Tuple(1, 2), Tuple(3, 4)>"),
        ("-12;-11", "<-(12), -(11)>"),
        ("p=5,q=2;p=7,q=2", "<Tuple([Equal](p, 5), [Equal](q, 2)), Tuple([Equal](p, 7), [Equal](q, 2))>"),
        ("a=4,\\,-8", "[Equal](a, <4, -(8)>)"),
        ("k \\in 1,2", "[In](k, {1, 2})"),
        ("a_3 = 2, \\quad a_4 = 1", "<[Equal](a_3, 2), [Equal](a_4, 1)>"),
        ("S_1 = 1 \\quad S_2 = 2", "<[Equal](S_1, 1), [Equal](S_2, 2)>"),
    ]);
}

#[test]
fn names() {
    all(&[
        ("x_1", "x_1"),
        ("x_{i,j}^2", "(x_i,j)^(2)"),
        ("x^2_i", "(x_i)^(2)"),
        ("\\alpha _{23}", "alpha_23"),
        ("h_\\theta", "h_theta"),
        ("\\overline{x}_n", "bar{x}_n"),
        ("\\overline{z+1}", "Conjugate[Sum[z, 1]]"),
        ("\\vec{a}", "a"),
        ("\\mathbf{i}", "i"),
        ("i", "I"),
        ("\\mathrm{E}", "E"),
        ("n^{\\prime}", "n'"),
        ("\\variable{x_1}", "x_1"),
        ("\\zzz", "zzz"),
        ("k_{\\mathrm{B}} T", "Product[k_B, T]"),
        ("\\mathbb{R}^+", "R^+"),
        ("\\textcolor{red}{x}", "x"),
    ]);
}

#[test]
fn units_and_money() {
    all(&[
        ("28\\%", "28%"),
        ("28 percent", "28%"),
        ("$28$ %", "28%"),
        ("\\$1,000.99", "100099/100d in dollar"),
        ("$124.36", "3109/25d"),
        ("5 €", "5 in euro"),
        ("5 \\text{ cm}^2", "5 in cm^2"),
        ("450 \\mathrm{~cm}^{2}", "450 in cm^2"),
        ("3 \\text{ m}/\\text{s}", "3 in m/second"),
        ("35 cm", "35 in cm"),
        ("35cm", "35 in cm"),
        ("60 km/h", "60 in km/hour"),
        ("9.8 m/s^2", "49/5d in m/second^2"),
        ("7:30 PM", "Ratio[7, 30 in pm]"),
        ("2mg", "Product[2, m, g]"),
        ("32\\text{ square cm}", "32 in cm^2"),
        ("480 + 480\\sqrt{3}\\text{ feet}", "Sum[480, Product[480, Root[3, 2]]] in foot"),
        ("9 min", "9 in minute"),
        ("9\\text{ min}", "9 in minute"),
        ("90^\\circ", "90 in degree"),
        ("45°", "45 in degree"),
        ("25^{\\circ} \\mathrm{C}", "25 in celsius"),
        ("16''", "16 in ''"),
        ("7:55 \\text{ p.m.}", "Ratio[7, 55 in pm]"),
        ("4:40 a.m.", "Ratio[4, 40 in am]"),
        ("$5\\text{:}30\\text{ p.m.}$", "Ratio[5, 30 in pm]"),
        ("17\\text{ apples}", "17"),
        ("20 apples", "20"),
        ("11^{\\text{th}}", "11"),
        ("82 \\mathrm{~m}", "82 in m"),
        ("0.64N", "Product[16/25d, N]"),
    ]);
}

#[test]
fn words_and_choices() {
    all(&[
        ("\\text{(B)}", "choice B"),
        ("\\textbf{B}", "choice B"),
        ("(B)", "choice B"),
        ("B", "B"),
        ("\\text{A, C}", "<choice A, choice C>"),
        ("\\textbf{(D)}\\ 12", "choice D: 12"),
        ("\\text{odd}", "\"odd\""),
        ("Even", "\"even\""),
        ("no solution", "\"no solution\""),
        ("\\text{13}", "13"),
        ("\\text{Area} = 5", "[Equal](\"area\", 5)"),
        ("\\text{The points form a hexagon}", "\"the points form a hexagon\""),
        ("x if n is even", "\"x if n is even\""),
        ("xyz", "Product[x, y, z]"),
        ("just 42", "\"just 42\""),
        ("\\sqrt{x}\\text{ for }x>0", "\"sqrt x for x>0\""),
        ("\\begin{cases} 1, & x > 0 \\\\ 0, & x = 0 \\end{cases}", "\"begin cases 1,& x > 0 0,& x = 0 end cases\""),
    ]);
}

#[test]
fn what_sets_an_answer_changes_nothing() {
    let plain = said("(\\frac{1}{2}, 3)");
    for text in [
        "$(\\frac{1}{2}, 3)$",
        "\\[ \\left( \\dfrac{1}{2} , 3 \\right) \\]",
        "\\boxed{(\\frac{1}{2}, 3)}.",
        "\\displaystyle \\bigl(\\tfrac12,\\;3\\bigr)",
        "\\mleft(\\frac{1}{2}, \\!3\\mright)",
        "(1/2, 3)",
        "{(\\frac{1}{2}, 3)}",
        "\\\\left( \\\\frac{1}{2}, 3 \\\\right)",
    ] {
        assert_eq!(said(text), plain, "{text}");
    }
}

#[test]
fn what_is_not_read_says_why() {
    let options = ReadOptions::default();
    let error = |text: &str| read(text, &options).map(|found| brief(&found)).unwrap_err();
    assert_eq!(error("").reason, Reason::Empty);
    assert_eq!(error(" $ $ ").reason, Reason::Empty);
    assert_eq!(error("1+").reason, Reason::Unfinished);
    assert_eq!(error("π+)").position, 3);
    assert_eq!(error("}{").reason, Reason::Unexpected);
    assert_eq!(error(&"1".repeat(MAX_BYTES + 1)), Unreadable { reason: Reason::TooLong, position: MAX_BYTES });
    assert_eq!(error(&"(".repeat(100)).reason, Reason::TooDeep);
    assert_eq!(error("1+)").to_string(), "not expected here at byte 2");
    // cut off in a last group
    assert_eq!(said("\\frac{1}{2"), "(1)/(2)");
    let shallow = ReadOptions { max_depth: 3, ..options };
    assert_eq!(read("((((1))))", &shallow).unwrap_err().reason, Reason::TooDeep);
    assert!(read("((1))", &shallow).is_ok());
}

#[test]
fn hostile_texts_end() {
    let pieces = [
        "{",
        "}",
        "(",
        ")",
        "\\frac{",
        "\\frac",
        "\\frac{1}{",
        "\\text{",
        "\\mathrm{",
        "-",
        "!",
        "^",
        "x^",
        "2^",
        "|",
        "||",
        "|x",
        "_",
        "x_",
        "\\sqrt",
        "\\sqrt[",
        "\\left(",
        "\\left|",
        "\\left\\{",
        "1,",
        "1 ",
        "12,",
        "\\begin{array}",
        "\\begin{cases}x&",
        "$",
        "\\",
        "\\\\",
        "\\int ",
        "\\sum",
        "\\sum_{k=1}^",
        "\\lim_{x\\to",
        "\\boxed{",
        "[",
        "]",
        "\\{",
        "\\bar",
        "'",
        "x!",
        "1/",
        "a=",
        "\\cup A",
        "\\cup A\\cap B",
        "\u{202e}",
        "漢",
        "\0",
        "and ",
        "\\pm ",
        "%",
        "\\mathrm{m}/",
        "word ",
        "\\binom",
        "f(",
        "\\sin",
        "\\log_",
        ":",
        ";",
    ];
    for piece in pieces {
        let text = piece.repeat(MAX_BYTES / piece.len());
        for text in [text.clone(), format!("x{}", &text[piece.len()..]), format!("{{1{}", &text[2 * piece.len()..])] {
            if let Ok(expression) = read(&text, &ReadOptions::default()) {
                assert!(expression.height() <= MAX_HEIGHT, "{piece}");
            }
        }
    }
    let fractions = "\\frac{1}{".repeat(10_000) + "1" + &"}".repeat(10_000);
    assert_eq!(read(&fractions, &ReadOptions::default()).unwrap_err().reason, Reason::TooLong);
    let unbounded = ReadOptions { max_bytes: usize::MAX, ..ReadOptions::default() };
    assert_eq!(read(&fractions, &unbounded).unwrap_err().reason, Reason::TooDeep);
    assert!(read(&"9".repeat(1 << 20), &ReadOptions::default()).is_err());
    assert_eq!(said("9^9^9^9"), "(9)^((9)^((9)^(9)))");
    assert_eq!(said("10^{10^{10}}!"), "Factorial[(10)^((10)^(10))]");
    assert_eq!(said("\\boxed{\\boxed{}}"), "unread: unfinished");
}

const PIECES: [&str; 64] = [
    "1",
    "23",
    ".5",
    "1,000",
    "x",
    "e",
    "i",
    "dx",
    "f",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "\\{",
    "\\}",
    "+",
    "-",
    "*",
    "/",
    "^",
    "_",
    "!",
    "'",
    "%",
    "|",
    "=",
    "<",
    ",",
    ";",
    ":",
    ".",
    "&",
    "\\\\",
    "$",
    "\\$",
    " ",
    "\\quad ",
    "\\frac",
    "\\sqrt",
    "\\left",
    "\\right",
    "\\sin",
    "\\log",
    "\\pm ",
    "\\cup ",
    "\\in ",
    "\\int ",
    "\\sum_{k=1}^{n}",
    "\\lim_{x \\to 0}",
    "\\text{",
    "\\mathrm{cm}",
    "\\begin{pmatrix}",
    "\\end{pmatrix}",
    "\\begin{cases}",
    "\\end{cases}",
    "\\overline",
    "\\pi",
    "^\\circ",
    "mod",
    " or ",
    "\\binom",
    "½",
];

proptest! {
    #[test]
    fn any_text_ends(text in any::<String>()) {
        let _ = read(&text, &ReadOptions::default());
    }

    #[test]
    fn any_mixture_of_pieces_ends(pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..60)) {
        let text = pieces.concat();
        match read(&text, &ReadOptions::default()) {
            Ok(expression) => prop_assert!(expression.height() <= MAX_HEIGHT),
            Err(error) => prop_assert!(error.position <= text.len()),
        }
    }

    #[test]
    fn braces_dollars_and_sizes_change_nothing(pieces in prop::collection::vec(prop::sample::select(vec!["x", "+1", "(y)", "\\frac{1}{2}", "^2"]), 1..8)) {
        let text = pieces.concat();
        let plain = said(&text);
        prop_assert_eq!(said(&format!("${text}$")), plain.clone());
        prop_assert_eq!(said(&text.replace('(', "\\left(").replace(')', "\\right)")), plain.clone());
        prop_assert_eq!(said(&text.replace("frac", "dfrac")), plain.clone());
        prop_assert_eq!(said(&format!(" {text} ")), plain.clone());
        if !plain.starts_with("unread") {
            prop_assert_eq!(said(&format!("{{{text}}}")), plain);
        }
    }
}
