//! `cargo +nightly fuzz run verify`: any two texts are judged, both ways and as a response; nothing may panic.

#![no_main]

use curt_verify::Verifier;
use curt_verify::math::{Math, Options, equivalent};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let (gold, answer) = text.split_once('\n').unwrap_or(("7", &text));
    let options = Options { identity: false, ..Options::default() };
    equivalent(gold, answer, &options);
    equivalent(answer, answer, &options);
    Math::default().verify(gold, answer, true);
});
