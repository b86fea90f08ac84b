//! What is read as what.

use super::*;

#[test]
fn hostile_texts_end() {
    let long = |piece: &str| piece.repeat(MAX_BYTES / piece.len());
    for piece in [
        "{",
        "}",
        "(",
        "\\frac{",
        "\\frac",
        "\\text{",
        "-",
        "!",
        "^",
        "x^",
        "2^",
        "|",
        "||",
        "_",
        "\\sqrt",
        "\\left(",
        "1,",
        "1 ",
        "\\begin{array}",
        "$",
        "\\",
        "\\int ",
        "\\sum",
        "\\boxed{",
        "[",
        "\\{",
        "x_",
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
    ] {
        let _ = read(&long(piece), &ReadOptions::default());
        let _ = read(&format!("x{}", &long(piece)[piece.len()..]), &ReadOptions::default());
    }
}
