use proptest::prelude::*;

use super::*;
use crate::unit;

/// SplitMix64: the generator of these tests.
fn generator(mut state: u64) -> impl FnMut() -> f64 {
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        unit(z ^ (z >> 31))
    }
}

fn chain(prompt: &str) -> Chain {
    prompt.parse().unwrap()
}

#[test]
fn vocabulary_has_42_different_characters_and_holds_every_label() {
    let characters: BTreeSet<char> = VOCABULARY.chars().collect();
    assert_eq!((VOCABULARY.len(), characters.len()), (42, 42));
    assert!(VOCABULARY.ends_with(std::str::from_utf8(LABELS).unwrap()));
    let ids = [PAD, BEGIN, SEPARATOR, END].map(|mark| VOCABULARY.find(mark));
    assert_eq!(ids, [Some(0), Some(1), Some(2), Some(3)]);
}

#[test]
fn links_change_both_digits_without_carry() {
    for (prompt, states) in [
        ("^84a+7>", vec![51]),
        ("^44a*3b*9>", vec![22, 88]),
        ("^00a-9>", vec![11]),
        ("^95a+9b*7c-8>", vec![84, 68, 80]),
        ("^05a-5>", vec![50]),
    ] {
        assert_eq!(chain(prompt).states(), states, "{prompt}");
        assert_eq!(chain(prompt).answer(), format!("{:02}", states[states.len() - 1]));
    }
}

#[test]
fn a_chain_is_a_problem() {
    let problem = chain("^04a*3b*9>").problem();
    assert_eq!(problem.id, "chain-04a*3b*9");
    assert_eq!(problem.prompt, Prompt::Text("^04a*3b*9>".into()));
    assert_eq!((problem.answer.as_str(), problem.source.as_str(), problem.difficulty), ("08", "chain", Some(2)));
}

#[test]
fn each_style_has_its_form() {
    let chain = chain("^44a*3b*9>");
    let plain = Style { terse: 0.0, ..Style::TERSE };
    for (style, expected) in [
        (Style::TERSE, "a22b88#88$"),
        (plain, "a*344=22b*922=88#88$"),
        (Style { check: 1.0, ..plain }, "a*344=22?*344=22?*344=22b*922=88?*922=88?*922=88#88$"),
        (Style { skip: 1.0, ..Style::TERSE }, "b88#88$"),
        (Style { skip: 1.0, ..plain }, "b*922=88#88$"),
        (Style { restate: true, ..Style::TERSE }, ":44a*3b*9a22b88#88$"),
        (Style { redo: true, ..Style::TERSE }, "a22b88wa22b88#88$"),
        (Style { direct: true, restate: true, ..Style::TERSE }, "#88$"),
    ] {
        assert_eq!(solution(&mut generator(1), &chain, &style, 0.0), expected, "{style:?}");
    }
}

#[test]
fn a_slip_is_repaired_by_its_checks() {
    let style = Style { terse: 0.0, check: 1.0, ..Style::TERSE };
    let text = solution(&mut generator(3), &chain("^44a*3b*9>"), &style, 1.0);
    assert_ne!(&text[6..8], "22");
    assert_eq!(&text[8..24], "?*344=22?*344=22");
    assert_ne!(&text[30..32], "88");
    assert!(text.starts_with("a*344=") && text.ends_with("?*922=88#88$"), "{text}");
}

/// Quantiles of solution lengths that the Python prototype of the task printed over 2,000 samples.
#[test]
fn lengths_are_distributed_as_in_the_prototype() {
    for (links, expected) in [(4, [21, 56, 107]), (8, [41, 104, 197]), (12, [60, 154, 288])] {
        let mut draw = generator(u64::from(links));
        let mut lengths: Vec<usize> = (0..20_000)
            .map(|_| {
                let chain = Chain::sample(&mut draw, links).unwrap();
                let style = Style::sample(&mut draw);
                solution(&mut draw, &chain, &style, SLIP_PROBABILITY).len()
            })
            .collect();
        lengths.sort_unstable();
        for (found, expected) in [1000, 10_000, 19_000].map(|i| lengths[i]).into_iter().zip(expected) {
            let off = found.abs_diff(expected) as f64 / expected as f64;
            assert!(off < 0.08, "{links} links: {found} for {expected}");
        }
    }
}

#[test]
fn training_examples_have_the_stated_numbers_of_links() {
    let mut draw = generator(5);
    let mut counts = [0; 17];
    for _ in 0..20_000 {
        counts[sft_example(&mut draw, 16).unwrap().chain.links().len()] += 1;
    }
    // P(min(A, B) ≥ k) = (17 − k)/16 · (21 − k)/20
    let tail = |k: f64| (17.0 - k) / 16.0 * (21.0 - k) / 20.0;
    for (k, count) in counts.iter().enumerate().skip(1) {
        let expected = tail(k as f64) - tail(k as f64 + 1.0);
        assert!((f64::from(*count) / 20_000.0 - expected).abs() < 0.01, "{k} links: {count}");
    }
}

#[test]
fn evaluation_set_is_fixed_and_without_repeats() {
    let set = evaluation_set(&mut generator(9), &[1, 12], 100).unwrap();
    assert_eq!(set, evaluation_set(&mut generator(9), &[1, 12], 100).unwrap());
    let ids: BTreeSet<&str> = set.iter().map(|problem| problem.id.as_str()).collect();
    assert_eq!(ids.len(), 200);
    assert!(set[..100].iter().all(|problem| problem.difficulty == Some(1)));
    assert!(set[100..].iter().all(|problem| problem.difficulty == Some(12)));
}

#[test]
fn a_source_that_repeats_itself_gives_an_error_and_no_hang() {
    let error = evaluation_set(&mut || 0.5, &[3], 2).unwrap_err();
    assert_eq!(error.to_string(), "2 different chains of 3 links cannot be drawn: after 1 only repeats came");
    let example = sft_example(&mut || 0.8, 16).unwrap();
    assert!(example.solution.len() <= SOLUTION_LIMIT);
}

#[test]
fn a_number_of_links_outside_1_to_20_is_refused() {
    for links in [0, 21, u32::MAX] {
        for error in [
            Chain::sample(&mut generator(1), links).unwrap_err(),
            sft_example(&mut generator(1), links).unwrap_err(),
            evaluation_set(&mut generator(1), &[links], 1).unwrap_err(),
        ] {
            assert_eq!(error.to_string(), format!("a chain has 1 to 20 links, found {links}"));
        }
    }
}

#[test]
fn text_that_is_no_chain_prompt_is_refused() {
    let long = format!("^00{}>", LABELS.iter().map(|l| format!("{}+1", *l as char)).collect::<String>());
    assert_eq!(chain(&long).links().len(), 20);
    for (text, column, expected) in [
        ("", 1, "`^`"),
        ("44a*3>", 1, "`^`"),
        ("^4a*3>", 3, "a digit"),
        ("^44>", 4, "the label `a`"),
        ("^44b*3>", 4, "the label `a`"),
        ("^44a*3c*3>", 7, "the next label or `>`"),
        ("^44a*3", 7, "the next label or `>`"),
        ("^44a/3>", 5, "`+`, `-` or `*`"),
        ("^44a*2>", 6, "3, 7 or 9"),
        ("^44a+0>", 6, "a digit from 1"),
        ("^44a*3>x", 8, "the end"),
        ("^44ä*3>", 4, "the label `a`"),
        (&long.replace('>', "u+1>"), 64, "`>`"),
    ] {
        let error = text.parse::<Chain>().unwrap_err();
        let TaskError::ChainPrompt { column: found, expected: what, .. } = error else { panic!("{error}") };
        assert_eq!((found, what), (column, expected), "{text}");
    }
}

/// What a solution's parts say, read without the code that wrote them: whether each is true of the chain, and the answer.
fn check_solution(chain: &Chain, text: &str) -> Result<(), String> {
    let states = chain.states();
    let state = |at: usize| text.get(at..at + 2).and_then(|s| s.parse::<u8>().ok()).ok_or(format!("no state at {at}"));
    let (mut at, mut slip_of) = (0, None);
    let mut place = 0;
    while at < text.len() {
        let first = text.as_bytes()[at];
        match first {
            b':' => {
                let body = &chain.prompt()[1..];
                let body = &body[..body.len() - 1];
                if !text[at + 1..].starts_with(body) {
                    return Err("restated wrongly".into());
                }
                at += 1 + body.len();
            }
            b'w' => {
                at += 1;
                place = 0;
            }
            b'#' => {
                if slip_of.is_some() {
                    return Err("a slip was not repaired".into());
                }
                let right = state(at + 1)? == states[states.len() - 1] && &text[at + 3..] == "$";
                return if right { Ok(()) } else { Err("wrong answer".into()) };
            }
            _ => {
                if first != b'?' {
                    place = 1 + LABELS.iter().position(|l| *l == first).ok_or(format!("no label at {at}"))?;
                }
                let (link, before) = (chain.links()[place - 1], if place > 1 { states[place - 2] } else { chain.start() });
                if text[at + 1..].starts_with(&format!("{link}{before:02}=")) {
                    let right = state(at + 6)? == states[place - 1];
                    slip_of = if first == b'?' && slip_of == Some(place) && right { None } else { slip_of };
                    match (first, right) {
                        (_, true) => {}
                        (b'?', false) => return Err("a wrong check".into()),
                        _ => slip_of = Some(place),
                    }
                    at += 8;
                } else {
                    if state(at + 1)? != states[place - 1] || first == b'?' {
                        return Err(format!("wrong terse step at {at}"));
                    }
                    at += 3;
                }
            }
        }
    }
    Err("no answer".into())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn prompt_parses_to_its_chain(seed: u64, links in 1_u32..=20) {
        let sampled = Chain::sample(&mut generator(seed), links).unwrap();
        prop_assert_eq!(sampled.prompt().len() as u32, 3 + 3 * links + 1);
        prop_assert_eq!(chain(&sampled.prompt()), sampled);
    }

    #[test]
    fn every_solution_is_right_and_in_the_vocabulary(seed: u64, max_links in 1_u32..=20) {
        let example = sft_example(&mut generator(seed), max_links).unwrap();
        prop_assert!(example.chain.links().len() as u32 <= max_links);
        prop_assert!(example.solution.len() <= SOLUTION_LIMIT);
        prop_assert!(example.solution.chars().all(|c| VOCABULARY.contains(c)));
        prop_assert_eq!(check_solution(&example.chain, &example.solution), Ok(()), "{:?}", example);
    }

    #[test]
    fn every_link_can_be_undone(seed: u64) {
        let link = Link::sample(&mut generator(seed));
        let after: BTreeSet<u8> = (0..100).map(|state| link.apply(state)).collect();
        prop_assert_eq!(after.len(), 100);
    }

    #[test]
    fn any_text_parses_or_is_refused(text in "\\^?[0-9]{0,3}([a-z][-+*/][0-9]){0,22}>?.{0,2}") {
        if let Ok(chain) = text.parse::<Chain>() {
            prop_assert_eq!(chain.prompt(), text);
        }
    }
}
