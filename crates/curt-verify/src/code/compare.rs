//! Whether an output or an answer is right, as online judges see it.

use super::asserts::Expected;
use super::literal::Value;

/// Beyond this many items in any order with a tolerance, only exact order counts: matching them takes squared time.
const MAX_MATCHED: usize = 2_000;

/// How leniently outputs and answers are compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Leniency {
    /// Numbers with a decimal point count as equal within this, absolutely or relatively to the right one.
    pub tolerance: Option<f64>,
    /// Lines of an output, or items of a list, may stand in any order.
    pub any_order: bool,
}

impl Leniency {
    /// Printed text: spaces at the ends of lines and empty lines at the end do not count.
    pub fn texts_agree(self, expected: &str, found: &str) -> bool {
        let (expected, found) = (lines(expected), lines(found));
        self.lists_agree(&expected, &found, |a, b| self.lines_agree(a, b))
    }

    /// An answer of a function.
    pub fn answer_agrees(self, expected: &Expected, found: &Value) -> bool {
        match expected {
            Expected::Truth(truth) => found.is_true() == *truth,
            Expected::Near(right, bound) => found.number().is_some_and(|found| (found - right).abs() <= *bound),
            Expected::Equal(Value::List(expected)) if self.any_order => match found {
                Value::List(found) => self.lists_agree(expected, found, |a, b| self.values_agree(a, b)),
                _ => false,
            },
            Expected::Equal(expected) => self.values_agree(expected, found),
        }
    }

    fn lists_agree<T: Ordered>(self, expected: &[T], found: &[T], agree: impl Fn(&T, &T) -> bool) -> bool {
        if expected.len() != found.len() {
            return false;
        }
        if !self.any_order || (self.tolerance.is_some() && expected.len() > MAX_MATCHED) {
            return expected.iter().zip(found).all(|(a, b)| agree(a, b));
        }
        if self.tolerance.is_none() {
            let sorted = |items: &[T]| {
                let mut keys: Vec<String> = items.iter().map(T::key).collect();
                keys.sort();
                keys
            };
            return sorted(expected) == sorted(found);
        }
        let mut free = vec![true; found.len()];
        expected.iter().all(|wanted| {
            let place = (0..found.len()).find(|&i| free[i] && agree(wanted, &found[i]));
            place.map(|i| free[i] = false).is_some()
        })
    }

    /// With a tolerance, by words; a word that reads as a number agrees with a number near it.
    fn lines_agree(self, expected: &str, found: &str) -> bool {
        if expected == found {
            return true;
        }
        let Some(tolerance) = self.tolerance else { return false };
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let (expected, found) = (words(expected), words(found));
        expected.len() == found.len()
            && expected.iter().zip(&found).all(|(a, b)| a == b || numbers_agree(decimal(a, b), tolerance))
    }

    fn values_agree(self, expected: &Value, found: &Value) -> bool {
        let Some(tolerance) = self.tolerance else { return expected.normal() == found.normal() };
        let all = |a: &[Value], b: &[Value]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| self.values_agree(a, b));
        match (expected, found) {
            (Value::List(a), Value::List(b)) | (Value::Tuple(a), Value::Tuple(b)) => all(a, b),
            (Value::Dict(a), Value::Dict(b)) => {
                let mut sorted = [a.clone(), b.clone()];
                sorted.iter_mut().for_each(|entries| entries.sort_by_key(|(key, _)| key.normal()));
                let [a, b] = sorted;
                let pairs = || a.iter().zip(&b);
                a.len() == b.len() && pairs().all(|(a, b)| a.0.normal() == b.0.normal() && self.values_agree(&a.1, &b.1))
            }
            (Value::Float(_), _) | (_, Value::Float(_)) if expected.number().is_some() && found.number().is_some() => {
                expected.normal() == found.normal() || numbers_agree(expected.number().zip(found.number()), tolerance)
            }
            _ => expected.normal() == found.normal(),
        }
    }
}

/// What can be compared regardless of order: equal keys are equal items.
trait Ordered {
    fn key(&self) -> String;
}

impl Ordered for &str {
    fn key(&self) -> String {
        (*self).to_owned()
    }
}

impl Ordered for Value {
    fn key(&self) -> String {
        self.normal()
    }
}

/// Lines without spaces at their ends, and without empty ones at the end.
fn lines(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    while lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    lines
}

/// Both as numbers, if both are and one is not whole.
fn decimal(expected: &str, found: &str) -> Option<(f64, f64)> {
    let is_number = |word: &str| word.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'));
    let is_decimal = |word: &str| word.contains(['.', 'e', 'E']);
    if !(is_number(expected) && is_number(found)) || !(is_decimal(expected) || is_decimal(found)) {
        return None;
    }
    Some((expected.parse().ok()?, found.parse().ok()?))
}

fn numbers_agree(pair: Option<(f64, f64)>, tolerance: f64) -> bool {
    pair.is_some_and(|(right, found)| (found - right).abs() <= tolerance * right.abs().max(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leniency(tolerance: Option<f64>, any_order: bool) -> Leniency {
        Leniency { tolerance, any_order }
    }

    #[test]
    fn printed_text_is_judged_as_judges_do() {
        let exact = leniency(None, false);
        for (expected, found, agree) in [
            ("1 2\n3\n", "1 2\n3", true),
            ("1 2\n3", "1 2  \n3\t\r\n\n\n", true),
            ("1 2", "1  2", false),
            ("1 2", " 1 2", false),
            ("a\n\nb", "a\nb", false),
            ("Yes", "yes", false),
            ("", "\n", true),
            ("", "0", false),
            ("0.5", "0.50", false),
        ] {
            assert_eq!(exact.texts_agree(expected, found), agree, "{expected:?} {found:?}");
        }
    }

    #[test]
    fn tolerance_and_any_order_are_options() {
        for (tolerance, any_order, expected, found, agree) in [
            (Some(1e-6), false, "0.5 x", "0.5000001  x", true),
            (Some(1e-6), false, "1e9", "1000000100", true),
            (Some(1e-6), false, "0.5", "0.51", false),
            (Some(1e-6), false, "1000000001", "1000000000", false),
            (Some(1e-6), false, "0.5", "nan", false),
            (Some(1e-6), false, "inf", "1.0", false),
            (None, true, "a\nb\na", "a\na\nb", true),
            (None, true, "a\nb\na", "a\nb\nb", false),
            (Some(0.1), true, "1.0\n2.0", "2.01\n1.01", true),
            (Some(0.1), true, "1.0\n2.0", "1.01\n1.01", false),
        ] {
            assert_eq!(leniency(tolerance, any_order).texts_agree(expected, found), agree, "{expected:?} {found:?}");
        }
    }

    #[test]
    fn answers_are_compared_as_python_does_unless_asked() {
        let agree = |leniency: Leniency, expected: &str, found: &str| {
            leniency.answer_agrees(&Expected::Equal(Value::parse(expected).unwrap()), &Value::parse(found).unwrap())
        };
        assert!(agree(leniency(None, false), "[1, {2: 3.0}]", "[True, {2: 3}]"));
        assert!(!agree(leniency(None, false), "[1, 2]", "[2, 1]"));
        assert!(agree(leniency(None, true), "[[1], [2]]", "[[2], [1]]"));
        assert!(!agree(leniency(None, true), "[[1], [2]]", "([2], [1])"));
        assert!(!agree(leniency(None, false), "0.3", "0.30000000000000004"));
        assert!(agree(leniency(Some(1e-5), false), "[{'a': 0.3}]", "[{'a': 0.30000000000000004}]"));
        assert!(!agree(leniency(Some(1e-5), false), "[3]", "[4]"));
        assert!(leniency(None, false).answer_agrees(&Expected::Near(0.5, 0.1), &Value::Float(0.55)));
        assert!(!leniency(None, false).answer_agrees(&Expected::Near(0.5, 0.1), &Value::Float(f64::NAN)));
        assert!(leniency(None, false).answer_agrees(&Expected::Truth(false), &Value::List(Vec::new())));
    }
}
