//! Units: the names that are known, and what follows a value.

use super::super::expression::Function;
use super::commands::{BORDER, Bracket, Meaning, NO_GAP};
use super::lexer::Kind;
use super::reader::{Read, Reader};
use super::words;

/// Spellings of units, each row with the spelling that stands for all of them first. Sorted nowhere: looked through once per
/// answer that has words in it.
#[rustfmt::skip]
const UNITS: [&[&str]; 68] = [
    &["m", "meter", "meters", "metre", "metres"], &["cm", "centimeter", "centimeters", "centimetre", "centimetres"],
    &["mm", "millimeter", "millimeters", "millimetre", "millimetres"], &["dm", "decimeter", "decimeters", "decimetre", "decimetres"],
    &["km", "kilometer", "kilometers", "kilometre", "kilometres"], &["inch", "in", "inches"], &["foot", "ft", "feet"],
    &["yard", "yd", "yards"], &["mile", "mi", "miles"], &["nm"], &["unit", "units"],
    &["g", "gram", "grams"], &["kg", "kilogram", "kilograms", "kilo", "kilos"], &["mg", "milligram", "milligrams"],
    &["ton", "tons", "tonne", "tonnes"], &["pound", "pounds", "lb", "lbs"], &["ounce", "ounces", "oz"],
    &["L", "l", "liter", "liters", "litre", "litres"], &["mL", "ml", "milliliter", "milliliters", "cc"], &["gallon", "gallons", "gal"],
    &["quart", "quarts"], &["pint", "pints"], &["cup", "cups"], &["acre", "acres"], &["hectare", "hectares"],
    &["second", "seconds", "sec", "secs", "s"], &["minute", "minutes", "min", "mins"], &["hour", "hours", "hr", "hrs", "h"],
    &["day", "days"], &["week", "weeks"], &["month", "months"], &["year", "years", "yr", "yrs"], &["ms"],
    &["degree", "degrees", "deg"], &["radian", "radians", "rad"], &["celsius"], &["fahrenheit"],
    &["dollar", "dollars", "usd", "USD"], &["cent", "cents"], &["euro", "euros", "eur", "EUR"], &["pence"],
    &["yuan", "rmb", "RMB"], &["yen"], &["rupee", "rupees", "Rs"], &["ruble", "rubles"], &["won"], &["krona", "kronor"],
    &["mph"], &["kmh", "kph"], &["rpm"], &["Hz", "hertz"], &["kHz"], &["MHz"], &["N", "newton", "newtons"], &["J", "joule", "joules"],
    &["kJ"], &["W", "watt", "watts"], &["kW"], &["V", "volt", "volts"], &["A", "ampere", "amperes", "amp", "amps"], &["ohm", "ohms"],
    &["Pa", "pascal", "pascals"], &["kPa"], &["mol", "moles"], &["K", "kelvin"], &["eV"], &["am", "AM"], &["pm", "PM"],
];

/// Units that are read as such where they touch a number, without `\text`.
const TOUCHING: [&str; 6] = ["cm", "mm", "km", "kg", "mL", "ml"];

/// The one spelling of a unit, with its power or its divisor: `square cm` is `cm^2`, `miles per hour` is `mile/hour`.
pub fn unit_name(raw: &str) -> Option<String> {
    let clean: String = raw.chars().map(|c| if "~\\$.,;()".contains(c) { ' ' } else { c }).collect();
    let words: Vec<&str> = clean.split_whitespace().collect();
    match words.as_slice() {
        [] => None,
        [one] => simple(one),
        ["a" | "A", "m" | "M"] => Some("am".to_owned()),
        ["p" | "P", "m" | "M"] => Some("pm".to_owned()),
        ["square" | "sq", rest] => Some(format!("{}^2", simple(rest)?)),
        ["cubic" | "cu", rest] => Some(format!("{}^3", simple(rest)?)),
        [unit, "squared"] => Some(format!("{}^2", simple(unit)?)),
        [unit, "cubed"] => Some(format!("{}^3", simple(unit)?)),
        [above, "per" | "/" | "an" | "a" | "each", below] => Some(format!("{}/{}", simple(above)?, simple(below)?)),
        _ => None,
    }
}

/// A unit in one word: `cm`, `cm^2`, `cm2`, `m/s`.
fn simple(word: &str) -> Option<String> {
    if let Some((above, below)) = word.split_once('/') {
        return Some(format!("{}/{}", simple(above)?, simple(below)?));
    }
    let bare = word.trim_end_matches(['2', '3', '{', '}', '^']);
    let power: String = word[bare.len()..].chars().filter(char::is_ascii_digit).collect();
    let name = base(bare)?;
    Some(match power.as_str() {
        "" => name.to_owned(),
        power => format!("{name}^{power}"),
    })
}

fn base(word: &str) -> Option<&'static str> {
    let find = |word: &str| UNITS.iter().find(|row| row.contains(&word)).map(|row| row[0]);
    find(word).or_else(|| if word.len() > 2 { find(&word.to_ascii_lowercase()) } else { None })
}

impl Reader<'_> {
    /// Whether the letters `run`, which begin at the next token, are a word or a unit behind a value.
    pub fn is_word_or_unit(&self, run: &str) -> bool {
        if words::is_word(run) || self.time_mark().is_some() {
            return true;
        }
        let follows_number =
            self.next > 0 && matches!(self.tokens[self.next - 1].kind, Kind::Number(_) | Kind::Is(Meaning::Close(_)));
        let is_unit = if self.gap() == NO_GAP {
            TOUCHING.contains(&run)
        } else {
            base(run).is_some() && (run.len() > 1 || self.divided_unit(run.len()).is_some())
        };
        follows_number && is_unit && !self.is_ahead(run.len(), Meaning::Underscore)
    }

    /// The unit behind the slash that stands `ahead` of the next token: `h` of `km/h`.
    fn divided_unit(&self, ahead: usize) -> Option<(&'static str, usize)> {
        match (self.peek_ahead(ahead)?, self.peek_ahead(ahead + 1)?) {
            (Kind::Is(Meaning::Slash), Kind::Letter { run, first: true }) => base(run).map(|unit| (unit, run.len())),
            _ => None,
        }
    }

    /// `a.m.` or `p.m.`, if it is next, without its last point.
    fn time_mark(&self) -> Option<&'static str> {
        let mark = match self.peek()? {
            Kind::Letter { run: "a" | "A", first: true } => "am",
            Kind::Letter { run: "p" | "P", first: true } => "pm",
            _ => return None,
        };
        let is_m = matches!(self.peek_ahead(2), Some(Kind::Letter { run: "m" | "M", .. }));
        (self.is_ahead(1, Meaning::Point) && is_m).then_some(mark)
    }

    /// The unit that is next, behind a value: its spelling, empty for words that are no unit; none if neither is next.
    pub fn unit(&mut self) -> Read<Option<String>> {
        let Some(mut unit) = self.one_unit()? else { return Ok(None) };
        if let (false, Some((below, length))) = (unit.is_empty(), self.divided_unit(0)) {
            self.next += 1 + length;
            return Ok(Some(format!("{unit}/{below}{}", self.unit_power()?)));
        }
        if !unit.is_empty() && self.is(Meaning::Slash) {
            let start = self.next;
            self.next += 1;
            match self.one_unit()? {
                Some(below) if !below.is_empty() => unit = format!("{unit}/{below}"),
                _ => self.next = start,
            }
        }
        Ok(Some(unit))
    }

    fn one_unit(&mut self) -> Read<Option<String>> {
        if let Some(mark) = self.time_mark() {
            self.next += 3;
            return Ok(Some(mark.to_owned()));
        }
        let unit = match self.peek() {
            Some(Kind::Words { raw, .. }) => {
                self.next += 1;
                unit_name(raw)
            }
            Some(Kind::Letter { run, first: true }) if self.is_word_or_unit(run) => {
                let end = self.phrase_end();
                let phrase = &self.text[self.tokens[self.next].start..self.tokens[end - 1].end];
                let unit = unit_name(phrase);
                if unit.is_none() && !self.ends_item(end) {
                    return Ok(None);
                }
                self.next = end;
                unit
            }
            Some(Kind::Is(Meaning::Function(Function::Min))) if self.ends_item(self.next + 1) => {
                self.next += 1;
                Some("minute".to_owned())
            }
            Some(Kind::Is(Meaning::Currency(unit))) => {
                self.next += 1;
                return Ok(Some(unit.to_owned()));
            }
            _ => return Ok(None),
        };
        let Some(unit) = unit else { return Ok(Some(String::new())) };
        Ok(Some(unit + &self.unit_power()?))
    }

    /// `^2` behind a unit.
    fn unit_power(&mut self) -> Read<String> {
        if !self.is(Meaning::Caret) {
            return Ok(String::new());
        }
        let start = self.next;
        self.next += 1;
        let (digits, length) = match self.group_end()? {
            Some(end) if end == self.next + 2 => (self.peek_ahead(1), 3),
            Some(_) => (None, 0),
            None => (self.peek(), 1),
        };
        match digits {
            Some(Kind::Number(digits)) => {
                self.next += length;
                Ok(format!("^{digits}"))
            }
            _ => {
                self.next = start;
                Ok(String::new())
            }
        }
    }

    /// The token behind the letters that follow each other from the next token on, with only spaces between the runs.
    fn phrase_end(&self) -> usize {
        let is_part = |at: usize| match self.tokens[at].kind {
            Kind::Letter { .. } => self.tokens[at].gap & BORDER == 0 || at == self.next,
            _ => false,
        };
        (self.next..self.end).find(|&at| !is_part(at)).unwrap_or(self.end)
    }

    /// Whether nothing of the same item follows the token before `at`.
    pub fn ends_item(&self, at: usize) -> bool {
        match self.tokens.get(at).filter(|_| at < self.end).map(|token| token.kind) {
            None => true,
            Some(Kind::Is(meaning)) => matches!(
                meaning,
                Meaning::Comma
                    | Meaning::Semicolon
                    | Meaning::And
                    | Meaning::NewRow
                    | Meaning::Point
                    | Meaning::Close(Bracket::Group)
            ),
            Some(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_have_one_spelling() {
        for (raw, expected) in [
            ("cm", "cm"),
            (" square centimeters", "cm^2"),
            ("cm^2", "cm^2"),
            ("~m / s ", "m/second"),
            ("miles per hour", "mile/hour"),
            ("Dollars", "dollar"),
            ("sq. ft.", "foot^2"),
            ("cm^{3}", "cm^3"),
        ] {
            assert_eq!(unit_name(raw).as_deref(), Some(expected), "{raw}");
        }
        for raw in ["", "apples", "per", "square", "2"] {
            assert_eq!(unit_name(raw), None, "{raw}");
        }
    }
}
