//! `[verify]`.

use super::*;

#[test]
fn verifiers_have_what_they_need_and_sources_are_named_once() {
    let config = RunFile::load(None, &[r#"verify.sources=["leetcode=code", "web=exact"]"#.to_owned()]).unwrap();
    assert_eq!((config.verify.kind.as_str(), config.verify.sources.len()), ("chain", 2));
    let again = RunFile::parse(&config.to_toml().unwrap(), "again").unwrap().resolve().unwrap();
    assert_eq!(again, config);
    for (sets, expected) in [
        (&["verify.kind=maths"][..], "`verify.kind`: unknown word `maths`, did you mean `math`?; known: math, code, exact"),
        (&[r#"verify.sources=["a=maths"]"#][..], "`verify.sources`: unknown word `maths`, did you mean `math`?"),
        (&[r#"verify.sources=["a"]"#][..], "expected each source once, as \"source=kind\", found \"a\""),
        (&[r#"verify.sources=["a=math", "a=code"]"#][..], "expected each source once, as \"source=kind\", found \"a=code\""),
        (&["verify.sources=a"][..], "expected a list of strings, found the string \"a\""),
        (&["verify.sources=[1]"][..], "expected a list of strings, found the whole number 1"),
        (&["verify.kind=command"][..], "the verifier `command` needs one"),
        (&["verify.kind=command", r#"verify.command=[""]"#][..], "the verifier `command` needs one"),
        (&[r#"verify.command=["sh"]"#][..], "given, but the verifier `chain` runs none"),
        (
            &["verify.kind=command", r#"verify.sources=["a=code"]"#, r#"verify.command=["sh"]"#][..],
            "would be the verifier of `command` and the interpreter of `code` at once",
        ),
        (&["verify.timeout=0"][..], "expected a number of seconds above 0, up to 3600, found 0"),
        (&["verify.ungradable=skip"][..], "unknown word `skip`; known: wrong, drop"),
    ] {
        let found = refused(sets);
        assert!(found.contains(expected), "{found}");
    }
}
