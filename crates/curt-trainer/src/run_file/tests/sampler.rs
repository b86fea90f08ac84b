//! `data.sampler`.

use curt_difficulty::{Direction, sampler_names};

use super::*;

fn sampler(sets: &[&str]) -> SamplerSection {
    let sets: Vec<String> = ["data.task=jsonl", "data.path=x"].iter().chain(sets).map(|set| (*set).to_owned()).collect();
    RunFile::load(None, &sets).unwrap().data.sampler
}

#[test]
fn samplers_have_their_own_keys_and_defaults() {
    assert_eq!(sampler(&[]), SamplerSection::Uniform);
    assert_eq!(sampler(&["data.sampler=weighted"]), SamplerSection::Weighted);
    assert_eq!(sampler(&["data.sampler=pools"]), SamplerSection::Pools { rest: 8 });
    assert_eq!(sampler(&["data.sampler=pools", "data.sampler_rest=3"]), SamplerSection::Pools { rest: 3 });
    // the steps are those of the run
    let widening = SamplerSection::Widening { direction: Direction::EasyToHard, start: 0.25, steps: 77 };
    assert_eq!(sampler(&["data.sampler=curriculum", "train.steps=77"]), widening);
    let widening = SamplerSection::Widening { direction: Direction::HardToEasy, start: 0.5, steps: 9 };
    let sets = ["data.sampler_direction=hard_to_easy", "data.sampler_start=0.5", "data.sampler_steps=9"];
    assert_eq!(sampler(&[&["data.sampler=curriculum"][..], &sets].concat()), widening);
    let staged = sampler(&["data.sampler=curriculum", "data.sampler_stages=['0: (0.5, 1]', '50: [0, 1]']"]);
    let SamplerSection::Stages { stages } = staged else { panic!("{staged:?}") };
    assert_eq!(stages.iter().map(ToString::to_string).collect::<Vec<_>>(), ["0: (0.5, 1]", "50: [0, 1]"]);
    for word in sampler_names() {
        sampler(&[&format!("data.sampler={word}")]);
    }
}

#[test]
fn what_a_sampler_does_not_take_or_understand_is_refused() {
    for (sets, expected) in [
        (&["data.sampler=wieghted"][..], "`data.sampler`: unknown word `wieghted`, did you mean `weighted`?; known: uniform, "),
        (&["data.sampler_rest=3"], "`data.sampler_rest`: given, but the sampler `uniform` does not take it"),
        (
            &["data.sampler_start=0.5", "data.sampler=pools"],
            "`data.sampler_start`: given, but the sampler `pools` does not take it",
        ),
        (
            &["data.sampler_steps=5", "data.sampler=curriculum", "data.sampler_stages=['0: [0, 1]']"],
            "`data.sampler_steps`: given, but the sampler `curriculum` with stages does not take it",
        ),
        (&["data.sampler_rest=0", "data.sampler=pools"], "`data.sampler_rest`: expected a number of steps, at least 1, found 0"),
        (
            &["data.sampler_start=0", "data.sampler=curriculum"],
            "`data.sampler_start`: expected a share of the problems above 0, up to 1, found 0",
        ),
        (&["data.sampler_direction=up", "data.sampler=curriculum"], "unknown word `up`; known: easy_to_hard, hard_to_easy"),
        (
            &["data.sampler_stages=['0 (0.5, 1]']", "data.sampler=curriculum"],
            "`data.sampler_stages`: curriculum: expected a stage such as `100: (0.5, 1]`, found \"0 (0.5, 1]\"",
        ),
        (&["data.sampler_stages=['0: (1, 0]']", "data.sampler=curriculum"], "`data.sampler_stages`: band (1, 0] is empty"),
        (
            &["data.sampler_stages=['5: [0, 1]']", "data.sampler=curriculum"],
            "`data.sampler_stages`: curriculum: expected a first stage from step 0, found step 5",
        ),
        (&["data.sampler_stages=[]", "data.sampler=curriculum"], "expected a first stage from step 0, found none"),
        (
            &["data.sampler_stages=['0: [0, 1]', '0: [0, 1]']", "data.sampler=curriculum"],
            "a stage from step 0 comes after one from step 0; expected rising steps",
        ),
    ] {
        let found = refused(&[&["data.path=x"][..], sets].concat());
        assert!(found.starts_with(&format!("--set {}", sets[0])) && found.contains(expected), "{found}");
    }
    for (screening, expected) in [
        ("1", "screening: expected at least 2 rollouts to screen with, and fewer than in all, found 1 of 8"),
        ("8", "screening: expected at least 2 rollouts to screen with, and fewer than in all, found 8 of 8"),
        ("-1", "expected a number of rollouts, 0 for off, found -1"),
    ] {
        let set = format!("rollout.screening={screening}");
        assert_eq!(refused(&[&set]), format!("--set {set}: `rollout.screening`: {expected}"));
    }
    // the least run file trains an embedded model, on chains
    assert_eq!(
        refused(&["data.sampler=weighted"]),
        "--set data.sampler=weighted: `data.sampler`: task `chain` draws its problems afresh, and has no data set to sample: \
         expected `uniform`"
    );
}
