//! Characters beyond ASCII, spelled out as LaTeX.

use std::borrow::Cow;

/// A text in which mathematical characters are spelled out.
pub struct Spelled<'a> {
    /// The text.
    pub text: Cow<'a, str>,
    /// (byte here, byte in the original) behind each character that was spelled out.
    shifts: Vec<(usize, usize)>,
}

impl Spelled<'_> {
    /// The byte of the original text that stands at byte `position` of this one.
    pub fn origin(&self, position: usize) -> usize {
        match self.shifts.partition_point(|(here, _)| *here <= position).checked_sub(1) {
            None => position,
            Some(i) => self.shifts[i].1 + (position - self.shifts[i].0),
        }
    }
}

/// `text` with mathematical characters as LaTeX commands, digits of other scripts and full-width characters as ASCII, raised
/// and lowered digits as `^{…}` and `_{…}`, invisible characters left out, and control characters as spaces.
pub fn spell_out(text: &str) -> Spelled<'_> {
    if text.bytes().all(|byte| byte.is_ascii() && byte >= b' ') {
        return Spelled { text: Cow::Borrowed(text), shifts: Vec::new() };
    }
    let mut spelled = String::with_capacity(text.len() + 16);
    let mut shifts = Vec::new();
    // `^` or `_` while a group of raised or lowered characters is open
    let mut shift = None;
    for (at, c) in text.char_indices() {
        let shifted = shifted(c);
        if shift.is_some() && shift != shifted.map(|(mark, _)| mark) {
            spelled.push('}');
            shift = None;
        }
        match shifted {
            Some((mark, c)) => {
                if shift.is_none() {
                    spelled.extend([mark, '{']);
                    shift = Some(mark);
                }
                spelled.push(c);
            }
            None if c.is_ascii_control() => spelled.push(' '),
            None if c.is_ascii() => spelled.push(c),
            None => match command(c) {
                Some(command) => spelled.push_str(command),
                None => spelled.push(ascii(c)),
            },
        }
        if !c.is_ascii() {
            shifts.push((spelled.len(), at + c.len_utf8()));
        }
    }
    if shift.is_some() {
        spelled.push('}');
    }
    Spelled { text: Cow::Owned(spelled), shifts }
}

/// A raised or lowered character: its mark and the plain character.
fn shifted(c: char) -> Option<(char, char)> {
    Some(match c {
        '⁰' => ('^', '0'),
        '¹' => ('^', '1'),
        '²' => ('^', '2'),
        '³' => ('^', '3'),
        '⁴'..='⁹' => ('^', digit(c, '⁰')),
        '⁺' => ('^', '+'),
        '⁻' => ('^', '-'),
        '⁽' => ('^', '('),
        '⁾' => ('^', ')'),
        'ⁿ' => ('^', 'n'),
        'ⁱ' => ('^', 'i'),
        '₀'..='₉' => ('_', digit(c, '₀')),
        'ₙ' => ('_', 'n'),
        'ₖ' => ('_', 'k'),
        'ᵢ' => ('_', 'i'),
        'ⱼ' => ('_', 'j'),
        'ₓ' => ('_', 'x'),
        _ => return None,
    })
}

fn digit(c: char, zero: char) -> char {
    char::from(b'0' + (u32::from(c) - u32::from(zero)) as u8)
}

/// The ASCII character that `c` is a form of, otherwise `c`.
fn ascii(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from((u32::from(c) - 0xff01 + 0x21) as u8),
        '٠'..='٩' => digit(c, '٠'),
        '۰'..='۹' => digit(c, '۰'),
        '०'..='९' => digit(c, '०'),
        '−' | '–' | '—' | '‐' | '‑' | '‒' | '﹣' => '-',
        '\'' | '‘' | '’' | '′' | '´' => '\'',
        '“' | '”' => '"',
        '∶' => ':',
        '⁄' | '∕' => '/',
        '∗' => '*',
        '∣' => '|',
        _ if c.is_whitespace() || c.is_control() => ' ',
        _ => c,
    }
}

/// The spelling of a mathematical character.
#[rustfmt::skip]
pub fn command(c: char) -> Option<&'static str> {
    Some(match c {
        // invisible: joiners, byte order marks, direction marks
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => "",
        '，' | '、' => ", ", '；' => "; ", '。' => ". ", '″' => "''",
        '×' | '✕' | '⨯' => "\\times ", '·' | '⋅' | '∙' | '•' | '∘' => "\\cdot ", '÷' => "\\div ",
        '±' => "\\pm ", '∓' => "\\mp ", '√' => "\\sqrt ", '∛' => "\\sqrt[3] ", '∜' => "\\sqrt[4] ",
        '≤' | '≦' | '⩽' => "\\le ", '≥' | '≧' | '⩾' => "\\ge ", '≠' => "\\ne ", '≈' | '≃' => "\\approx ",
        '≡' => "\\equiv ", '∈' => "\\in ", '∉' => "\\notin ", '⊂' => "\\subset ", '⊆' => "\\subseteq ",
        '∪' | '⋃' => "\\cup ", '∩' | '⋂' => "\\cap ", '∖' => "\\setminus ", '∅' | '⌀' => "\\emptyset ",
        '∞' => "\\infty ", '∑' => "\\sum ", '∏' => "\\prod ", '∫' => "\\int ", '∂' => "\\partial ",
        '→' | '⟶' => "\\to ", '⇒' | '⟹' => "\\Rightarrow ", '⇔' | '⟺' => "\\iff ",
        '°' | 'º' | '˚' => "^{\\circ}", '…' | '⋯' => "\\ldots ", '∠' => "\\angle ", '△' | '∆' => "\\triangle ",
        '⌊' => "\\lfloor ", '⌋' => "\\rfloor ", '⌈' => "\\lceil ", '⌉' => "\\rceil ", '⟨' => "\\langle ", '⟩' => "\\rangle ",
        '€' => "\\euro ", '£' | '￡' => "\\pounds ", '¥' | '￥' => "\\yen ", '¢' => "\\text{cents}",
        '½' => "\\frac{1}{2}", '⅓' => "\\frac{1}{3}", '⅔' => "\\frac{2}{3}", '¼' => "\\frac{1}{4}", '¾' => "\\frac{3}{4}",
        '⅕' => "\\frac{1}{5}", '⅖' => "\\frac{2}{5}", '⅗' => "\\frac{3}{5}", '⅘' => "\\frac{4}{5}", '⅙' => "\\frac{1}{6}",
        '⅚' => "\\frac{5}{6}", '⅛' => "\\frac{1}{8}", '⅜' => "\\frac{3}{8}", '⅝' => "\\frac{5}{8}", '⅞' => "\\frac{7}{8}",
        'ℝ' => "\\mathbb{R}", 'ℤ' => "\\mathbb{Z}", 'ℕ' => "\\mathbb{N}", 'ℚ' => "\\mathbb{Q}", 'ℂ' => "\\mathbb{C}",
        'α' => "\\alpha ", 'β' => "\\beta ", 'γ' => "\\gamma ", 'δ' => "\\delta ", 'ε' | 'ϵ' | 'Ɛ' | 'ɛ' => "\\epsilon ",
        'ζ' => "\\zeta ", 'η' => "\\eta ", 'θ' | 'ϑ' => "\\theta ", 'ι' => "\\iota ", 'κ' => "\\kappa ", 'λ' => "\\lambda ",
        'μ' | 'µ' => "\\mu ", 'ν' => "\\nu ", 'ξ' => "\\xi ", 'π' | '𝜋' | '𝝅' => "\\pi ", 'ρ' => "\\rho ",
        'σ' | 'ς' => "\\sigma ", 'τ' => "\\tau ", 'υ' => "\\upsilon ", 'φ' | 'ϕ' => "\\phi ", 'χ' => "\\chi ",
        'ψ' => "\\psi ", 'ω' => "\\omega ", 'Γ' => "\\Gamma ", 'Δ' => "\\Delta ", 'Θ' => "\\Theta ", 'Λ' => "\\Lambda ",
        'Ξ' => "\\Xi ", 'Π' => "\\Pi ", 'Σ' => "\\Sigma ", 'Φ' => "\\Phi ", 'Ψ' => "\\Psi ", 'Ω' => "\\Omega ",
        'ℓ' => "\\ell ", 'ħ' | 'ℏ' => "\\hbar ",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mathematical_characters_are_spelled_out() {
        for (text, expected) in [
            ("2x", "2x"),
            ("x²³+1", "x^{23}+1"),
            ("a₁₂²", "a_{12}^{2}"),
            ("−√3", "-\\sqrt 3"),
            ("１２．５％", "12.5%"),
            ("٣٤", "34"),
            ("\u{202e}5\u{0}", "5 "),
            ("2½", "2\\frac{1}{2}"),
            ("x²", "x^{2}"),
            ("漢", "漢"),
        ] {
            assert_eq!(spell_out(text).text, expected);
        }
    }

    #[test]
    fn a_position_leads_back_to_the_original() {
        let spelled = spell_out("π+漢)");
        assert_eq!(spelled.text, "\\pi +漢)");
        assert_eq!(spelled.origin(0), 0);
        assert_eq!(spelled.origin(4), 2);
        assert_eq!(spelled.origin(8), 6);
    }
}
