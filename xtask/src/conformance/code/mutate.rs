//! One operator of a Python program, changed.

/// What becomes of what; the longer operators first, because the first that matches is taken. Those that become themselves
/// are passed over.
const OPERATORS: [(&str, &str); 30] = [
    ("->", "->"),
    (":=", ":="),
    ("**", "**"),
    ("//=", "*="),
    ("<<=", ">>="),
    (">>=", "<<="),
    ("<<", ">>"),
    (">>", "<<"),
    ("+=", "-="),
    ("-=", "+="),
    ("*=", "+="),
    ("|=", "&="),
    ("&=", "|="),
    ("^=", "|="),
    ("%=", "%="),
    ("/=", "/="),
    ("==", "!="),
    ("!=", "=="),
    ("<=", "<"),
    (">=", ">"),
    ("<", "<="),
    (">", ">="),
    ("//", "*"),
    ("+", "-"),
    ("-", "+"),
    ("*", "+"),
    ("%", "*"),
    ("^", "|"),
    (" and ", " or "),
    (" or ", " and "),
];

/// The program with one operator changed, the `i`th of them, counted around; none if it has none.
pub fn mutant(program: &str, i: usize) -> Option<String> {
    let sites = sites(program);
    let (at, from, to) = sites.get(i.checked_rem(sites.len())?)?;
    Some(format!("{}{to}{}", &program[..*at], &program[at + from.len()..]))
}

/// The operators between two operands: where, what, and what it becomes; none in strings and comments.
fn sites(program: &str) -> Vec<(usize, &'static str, &'static str)> {
    let mut sites = Vec::new();
    let mut at = 0;
    // whether what stands before can be a left operand
    let mut operand = false;
    while let Some(next) = program[at..].chars().next() {
        let rest = &program[at..];
        if next == '#' {
            at += rest.find('\n').unwrap_or(rest.len());
        } else if next == '"' || next == '\'' {
            at += string_length(rest);
            operand = true;
        } else if let Some((from, to)) = OPERATORS.iter().find(|(from, _)| rest.starts_with(from)) {
            if operand && from != to {
                sites.push((at, *from, *to));
            }
            at += from.len();
            operand = false;
        } else {
            at += next.len_utf8();
            if next != ' ' {
                operand = next.is_alphanumeric() || matches!(next, '_' | ')' | ']' | '}');
            }
        }
    }
    sites
}

fn string_length(rest: &str) -> usize {
    let quote = &rest[..1];
    let quote = if rest.starts_with(&quote.repeat(3)) { quote.repeat(3) } else { quote.to_owned() };
    let mut at = quote.len();
    while at < rest.len() && !rest[at..].starts_with(&quote) {
        let skipped = usize::from(rest[at..].starts_with('\\'));
        at += rest[at..].chars().take(1 + skipped).map(char::len_utf8).sum::<usize>();
    }
    (at + quote.len()).min(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operator_is_changed_alone() {
        let program = "def f(*a, b=-1) -> int:  # 1 + 1\n    return 'a+b' if x <= -y and a[0]+1 else z**2 // 3\n";
        let mutants: Vec<String> = (0..4).map(|i| mutant(program, i).unwrap()).collect();
        let changed = ["x < -y", " -y or a", "a[0]-1", "z**2 * 3"];
        for (mutant, changed) in mutants.iter().zip(changed) {
            assert!(mutant.contains(changed), "{mutant}");
            let common = mutant.bytes().zip(program.bytes()).take_while(|(a, b)| a == b).count();
            assert!(common > 30, "{mutant}");
        }
        assert_eq!(mutant(program, 4), Some(mutants[0].clone()));
        assert_eq!(mutant("print('é\\'+', \"\"\"1 < 2\"\"\")", 0), None);
        assert_eq!(mutant("", 3), None);
    }
}
