//! docs/strategies.md is the registry, written out. With `CURT_BLESS=1` it is written, else compared.

use curt_reward::{Facts, Parameters, Preset, by_name, names, parameters_of, resolved};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/strategies.md");

fn enough(name: &str) -> Parameters {
    let required = parameters_of(name).unwrap().iter().filter(|p| matches!(p.preset, Preset::Target | Preset::Limit));
    required.fold(Parameters::new(), |given, parameter| given.with(parameter.name, 100))
}

fn type_name(word: &str) -> String {
    let capital = |part: &str| part[..1].to_uppercase() + &part[1..];
    word.split('_').map(capital).collect()
}

fn page() -> String {
    let mut page = String::from("| word in the run file | type | parameters and presets | needs |\n|---|---|---|---|\n");
    for name in names() {
        let of = |p: &curt_reward::Parameter| format!("`{}` ({})", p.name, p.preset);
        let parameters: Vec<String> = parameters_of(name).unwrap().iter().map(of).collect();
        let needs = by_name(name, &enough(name)).unwrap().needs().missing_from(&Facts::BASIC);
        let needs: Vec<String> = needs.iter().map(|fact| format!("`{fact}`")).collect();
        let or_dash = |list: Vec<String>| if list.is_empty() { "–".to_owned() } else { list.join(", ") };
        let row = format!("| `{name}` | [`{0}`] | {1} | {2} |\n", type_name(name), or_dash(parameters), or_dash(needs));
        page.push_str(&row);
    }
    page
}

#[test]
fn the_page_is_the_registry() {
    if std::env::var_os("CURT_BLESS").is_some() {
        std::fs::write(PAGE, page()).unwrap();
    }
    assert_eq!(std::fs::read_to_string(PAGE).unwrap(), page(), "run again with CURT_BLESS=1 and look at the difference");
}

/// Numbers of papers: `2602.20945`.
fn papers(text: &str) -> Vec<&str> {
    let words = text.split(|c: char| !c.is_ascii_digit() && c != '.').map(|word| word.trim_matches('.'));
    words.filter(|word| word.len() == 10 && word.find('.') == Some(4)).collect()
}

#[test]
fn every_strategy_has_its_formula_and_its_paper() {
    let crate_dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(crate_dir.join("docs/formulas.md")).unwrap();
    let lines: Vec<(&str, &str)> = page.split("\n- `").skip(1).map(|line| line.split_once('`').unwrap()).collect();
    assert_eq!(lines.iter().map(|(name, _)| *name).collect::<Vec<_>>(), names());
    for (name, line) in lines {
        let source = std::fs::read_to_string(crate_dir.join(format!("src/strategies/{name}.rs"))).unwrap();
        let cited = papers(line);
        assert!(!cited.is_empty() || line.contains("no paper") || line.contains("no arXiv number"), "{name}: {line}");
        for paper in cited {
            assert!(papers(&source).contains(&paper), "{name}: {paper} is not the source that its file names");
        }
    }
}

#[test]
fn names_are_unique_and_those_of_the_built() {
    let mut sorted = names();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), names().len());
    for name in names() {
        assert_eq!(by_name(name, &enough(name)).unwrap().name(), name);
    }
}

#[test]
fn resolved_parameters_build_the_same_strategy() {
    for name in names() {
        let full = resolved(name, &enough(name)).unwrap();
        assert_eq!(full.iter().count(), parameters_of(name).unwrap().len(), "{name}");
        let (written, preset) = (by_name(name, &full).unwrap(), by_name(name, &enough(name)).unwrap());
        assert_eq!(format!("{written:?}"), format!("{preset:?}"));
    }
    let shares = resolved("dapo_overlong", &Parameters::new().with("max_length", 20_480)).unwrap();
    assert_eq!(shares.get("buffer"), Some(&4096.into()));
    assert_eq!(resolved("dapo_overlong", &Parameters::new()).unwrap().get("buffer"), None);
    // a share is at least one token
    assert_eq!(resolved("da_dler", &Parameters::new().with("hard_length", 1)).unwrap().get("easy_length"), Some(&1.into()));
}
