//! Plain data of Python: what a test expects and what a program answers, read and compared outside the sandbox.

/// Nesting that is read.
const MAX_DEPTH: usize = 100;

/// A value. Numbers are kept as Python compares them: `1 == 1.0 == True`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    None,
    Bool(bool),
    /// Decimal digits without leading zeros, `-` before negative ones.
    Int(String),
    Float(f64),
    /// Code points, so that lone surrogates can be held.
    Str(Vec<u32>),
    Bytes(Vec<u8>),
    List(Vec<Value>),
    Tuple(Vec<Value>),
    Dict(Vec<(Value, Value)>),
    Set(Vec<Value>),
}

impl Value {
    /// Reads a literal; none if the text is not one, or is nested more than 100 deep.
    pub fn parse(text: &str) -> Option<Value> {
        let mut reader = Reader { rest: text.trim().as_bytes(), depth: 0 };
        let value = reader.value()?;
        reader.space();
        reader.rest.is_empty().then_some(value)
    }

    /// What `bool(value)` is.
    pub fn is_true(&self) -> bool {
        match self {
            Value::None => false,
            Value::Bool(value) => *value,
            Value::Int(digits) => digits != "0",
            Value::Float(value) => *value != 0.0,
            Value::Str(text) => !text.is_empty(),
            Value::Bytes(bytes) => !bytes.is_empty(),
            Value::List(items) | Value::Tuple(items) | Value::Set(items) => !items.is_empty(),
            Value::Dict(entries) => !entries.is_empty(),
        }
    }

    /// The number, if it is one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Value::Bool(value) => Some(f64::from(u8::from(*value))),
            Value::Int(digits) => digits.parse().ok(),
            Value::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// For people.
    pub fn shown(&self) -> String {
        let all = |items: &[Value]| items.iter().map(Value::shown).collect::<Vec<_>>().join(", ");
        match self {
            Value::None => "None".to_owned(),
            Value::Bool(true) => "True".to_owned(),
            Value::Bool(false) => "False".to_owned(),
            Value::Int(digits) => digits.clone(),
            Value::Float(value) => format!("{value:?}"),
            Value::Str(text) => {
                let text: String = text.iter().map(|&c| char::from_u32(c).unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
                format!("'{text}'")
            }
            Value::Bytes(bytes) => format!("{} bytes", bytes.len()),
            Value::List(items) => format!("[{}]", all(items)),
            Value::Tuple(items) => format!("({})", all(items)),
            Value::Set(items) => format!("{{{}}}", all(items)),
            Value::Dict(entries) => {
                let entries = entries.iter().map(|(key, value)| format!("{}: {}", key.shown(), value.shown()));
                format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
            }
        }
    }

    /// A text that two values share exactly if Python's `==` holds between them (and for not-a-number).
    pub fn normal(&self) -> String {
        let all = |items: &[Value]| items.iter().map(Value::normal).collect::<Vec<_>>();
        match self {
            Value::None => "None".to_owned(),
            Value::Bool(value) => u8::from(*value).to_string(),
            Value::Int(digits) => digits.clone(),
            Value::Float(value) if *value == 0.0 => "0".to_owned(),
            Value::Float(value) if value.is_finite() && value.trunc() == *value => format!("{value:.0}"),
            Value::Float(value) => format!("{value:?}"),
            Value::Str(text) => format!("s{text:?}"),
            Value::Bytes(bytes) => format!("b{bytes:?}"),
            Value::List(items) => format!("[{}]", all(items).join(",")),
            Value::Tuple(items) => format!("({})", all(items).join(",")),
            Value::Set(items) => {
                let mut items = all(items);
                items.sort();
                items.dedup();
                format!("{{{}}}", items.join(","))
            }
            Value::Dict(entries) => {
                // of equal keys the last counts
                let map: std::collections::BTreeMap<_, _> = entries.iter().map(|(k, v)| (k.normal(), v.normal())).collect();
                format!("d{map:?}")
            }
        }
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    depth: usize,
}

impl Reader<'_> {
    fn space(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }

    /// Whether `word` comes next; it is passed then.
    fn take(&mut self, word: &str) -> bool {
        self.space();
        let rest = self.rest.strip_prefix(word.as_bytes());
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn value(&mut self) -> Option<Value> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let value = self.any();
        self.depth -= 1;
        value
    }

    fn any(&mut self) -> Option<Value> {
        self.space();
        for (word, value) in [("None", Value::None), ("True", Value::Bool(true)), ("False", Value::Bool(false))] {
            if self.take(word) {
                return Some(value);
            }
        }
        match *self.rest.first()? {
            b'[' => self.items("[", "]").map(|(items, _)| Value::List(items)),
            b'(' => {
                let (mut items, comma) = self.items("(", ")")?;
                if items.len() == 1 && !comma { items.pop() } else { Some(Value::Tuple(items)) }
            }
            b'{' => self.braces(),
            b'"' | b'\'' => self.strings(),
            b'b' => {
                self.take("b");
                let text = self.string(true)?;
                Some(Value::Bytes(text.into_iter().map(u8::try_from).collect::<Result<_, _>>().ok()?))
            }
            b's' | b'f' if self.take("set") || self.take("frozenset") => self.set(),
            b'f' if self.take("float") => self.float_of_text(),
            _ => self.number(),
        }
    }

    /// The values between two brackets, and whether a comma follows the last.
    fn items(&mut self, open: &str, close: &str) -> Option<(Vec<Value>, bool)> {
        self.take(open).then_some(())?;
        let (mut items, mut comma) = (Vec::new(), false);
        while !self.take(close) {
            if !items.is_empty() && !comma {
                return None;
            }
            items.push(self.value()?);
            comma = self.take(",");
        }
        Some((items, comma))
    }

    fn braces(&mut self) -> Option<Value> {
        self.take("{");
        if self.take("}") {
            return Some(Value::Dict(Vec::new()));
        }
        let first = self.value()?;
        if self.take(":") {
            let mut entries = vec![(first, self.value()?)];
            while self.take(",") && !self.rest.trim_ascii_start().starts_with(b"}") {
                let key = self.value()?;
                self.take(":").then_some(())?;
                entries.push((key, self.value()?));
            }
            return self.take("}").then_some(Value::Dict(entries));
        }
        let mut items = vec![first];
        while self.take(",") && !self.rest.trim_ascii_start().starts_with(b"}") {
            items.push(self.value()?);
        }
        self.take("}").then_some(Value::Set(items))
    }

    /// What follows `set`: nothing, or one list, tuple or set in parentheses.
    fn set(&mut self) -> Option<Value> {
        let (mut given, _) = self.items("(", ")")?;
        match (given.len(), given.pop()) {
            (0, _) => Some(Value::Set(Vec::new())),
            (1, Some(Value::List(items) | Value::Tuple(items) | Value::Set(items))) => Some(Value::Set(items)),
            _ => None,
        }
    }

    /// What follows `float`: a text in parentheses, `("inf")`.
    fn float_of_text(&mut self) -> Option<Value> {
        let (given, _) = self.items("(", ")")?;
        match &given[..] {
            [Value::Str(text)] => {
                let text: Option<String> = text.iter().map(|&c| char::from_u32(c)).collect();
                text?.trim().parse().ok().map(Value::Float)
            }
            [number] => number.number().map(Value::Float),
            _ => None,
        }
    }

    fn number(&mut self) -> Option<Value> {
        let mut negative = false;
        while let Some(sign) = ["-", "+"].into_iter().find(|sign| self.take(sign)) {
            negative ^= sign == "-";
        }
        self.space();
        let is_part = |rest: &[u8], at: usize| {
            let exponent = at > 0 && rest[at - 1].eq_ignore_ascii_case(&b'e');
            rest[at].is_ascii_alphanumeric() || matches!(rest[at], b'.' | b'_') || (exponent && matches!(rest[at], b'+' | b'-'))
        };
        let end = (0..self.rest.len()).find(|&at| !is_part(self.rest, at)).unwrap_or(self.rest.len());
        let text: String = std::str::from_utf8(&self.rest[..end]).ok()?.chars().filter(|&c| c != '_').collect();
        self.rest = &self.rest[end..];
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            let digits = text.trim_start_matches('0');
            let digits = if digits.is_empty() { "0" } else { digits };
            let sign = if negative && digits != "0" { "-" } else { "" };
            return Some(Value::Int(format!("{sign}{digits}")));
        }
        let reads = text.starts_with(|c: char| c.is_ascii_digit() || c == '.') || text == "inf" || text == "nan";
        let value: f64 = text.parse().ok().filter(|_| reads)?;
        Some(Value::Float(if negative { -value } else { value }))
    }

    /// Strings beside each other are one.
    fn strings(&mut self) -> Option<Value> {
        let mut text = self.string(false)?;
        self.space();
        while matches!(self.rest.first(), Some(b'"' | b'\'')) {
            text.extend(self.string(false)?);
            self.space();
        }
        Some(Value::Str(text))
    }

    /// Code points between quotes, one or three, or the bytes of a `b` string.
    fn string(&mut self, bytes: bool) -> Option<Vec<u32>> {
        let quote = [r#"""""#, "'''", "\"", "'"].into_iter().find(|quote| self.rest.starts_with(quote.as_bytes()))?;
        self.rest = &self.rest[quote.len()..];
        let mut text = Vec::new();
        loop {
            if let Some(rest) = self.rest.strip_prefix(quote.as_bytes()) {
                self.rest = rest;
                return Some(text);
            }
            match *self.rest.first()? {
                b'\\' => text.extend(self.escape(bytes)?),
                b'\n' if quote.len() == 1 => return None,
                _ => {
                    let length = self.rest.iter().skip(1).take_while(|&&byte| byte & 0xc0 == 0x80).count() + 1;
                    let (character, rest) = self.rest.split_at(length);
                    text.push(std::str::from_utf8(character).ok()?.chars().next()?.into());
                    self.rest = rest;
                }
            }
        }
    }

    /// What a backslash and what follows it stand for.
    fn escape(&mut self, bytes: bool) -> Option<Vec<u32>> {
        let letter = *self.rest.get(1)?;
        self.rest = &self.rest[2..];
        let code = match letter {
            b'\n' => return Some(Vec::new()),
            b'a' => 7,
            b'b' => 8,
            b't' => 9,
            b'n' => 10,
            b'v' => 11,
            b'f' => 12,
            b'r' => 13,
            b'\\' | b'\'' | b'"' => letter.into(),
            b'x' => self.hex(2)?,
            b'u' if !bytes => self.hex(4)?,
            b'U' if !bytes => self.hex(8)?,
            b'0'..=b'7' => {
                let more = self.rest.iter().take(2).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
                let digits = self.rest[..more].iter().fold(u32::from(letter - b'0'), |n, byte| n * 8 + u32::from(byte - b'0'));
                self.rest = &self.rest[more..];
                digits
            }
            b'N' => return None,
            // as Python has it, an unknown escape is a backslash and the letter
            _ if letter.is_ascii() => return Some(vec![u32::from(b'\\'), letter.into()]),
            _ => return None,
        };
        Some(vec![code])
    }

    fn hex(&mut self, n_digits: usize) -> Option<u32> {
        let digits = std::str::from_utf8(self.rest.get(..n_digits)?).ok()?;
        self.rest = &self.rest[n_digits..];
        digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn equal(a: &str, b: &str) -> bool {
        Value::parse(a).expect(a).normal() == Value::parse(b).expect(b).normal()
    }

    #[test]
    fn equality_is_pythons() {
        for (a, b) in [
            ("1", "1.0"),
            ("True", "1"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("1e3", "1_000"),
            ("9007199254740993", "9007199254740993"),
            ("1e22", "10000000000000000000000"),
            ("[1, 2,]", "[1,2]"),
            ("(1)", "1"),
            ("'a'", "\"a\""),
            ("'\\x61\\n'", "\"\"\"a\n\"\"\""),
            ("'a' 'b'", "'ab'"),
            ("{1, 2}", "set([2, 1, 1])"),
            ("set()", "frozenset(())"),
            ("{'a': 1, 'b': [2]}", "{\"b\": [2.0], \"a\": True}"),
            ("float('inf')", "inf"),
            ("float(\"-inf\")", "-inf"),
            ("b'\\xff'", "b'\\377'"),
            ("'\\ud800'", "'\\ud800'"),
            ("'é'", "'\\xe9'"),
        ] {
            assert!(equal(a, b), "{a} {b}");
        }
        for (a, b) in [
            ("[1]", "(1,)"),
            ("1", "'1'"),
            ("[]", "{}"),
            ("{}", "set()"),
            ("None", "False"),
            ("9007199254740993", "9007199254740992.0"),
            ("[1,2]", "[2,1]"),
            ("0.1", "0.10000000000000002"),
            ("b'a'", "'a'"),
            ("[[1],2]", "[[1,2]]"),
            ("['a,b']", "['a','b']"),
        ] {
            assert!(!equal(a, b), "{a} {b}");
        }
    }

    #[test]
    fn what_is_no_literal_is_none() {
        let deep = "[".repeat(100_000);
        for text in
            ["", "x", "1 2", "[1", "1+1", "[1 2]", "'a", "f(1)", "{1:}", "infinity", "--", "'\\x4'", "0x1g", deep.as_str()]
        {
            assert_eq!(Value::parse(text), None, "{}", &text[..text.len().min(20)]);
        }
    }

    #[test]
    fn truth_is_pythons() {
        for (text, truth) in [("0", false), ("0.0", false), ("''", false), ("[]", false), ("None", false), ("[0]", true)] {
            assert_eq!(Value::parse(text).unwrap().is_true(), truth, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text: String, marks in "[\\[\\](){}'\"\\\\,:0-9a-z.eE+ -]{0,60}") {
            Value::parse(&text);
            Value::parse(&marks);
        }

        #[test]
        fn whole_numbers_are_exact(a: i128, b: i128) {
            prop_assert_eq!(equal(&a.to_string(), &b.to_string()), a == b);
        }
    }
}
