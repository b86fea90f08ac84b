//! `[verify]`.

use super::*;

#[test]
fn verifiers_have_what_they_need_and_sources_are_named_once() {
    let config = RunFile::load(None, &[r#"verify.sources=["leetcode=code", "web=exact"]"#.to_owned()]).unwrap();
    assert_eq!((config.verify.kind.as_str(), config.verify.sources.len()), ("chain", 2));
    let again = RunFile::parse(&config.to_toml().unwrap(), "again").unwrap().resolve().unwrap();
    assert_eq!(again, config);
    let both =
        ["verify.kind=command", r#"verify.sources=["a=code"]"#, r#"verify.command=["sh"]"#, r#"verify.interpreter=["py"]"#];
    let config = RunFile::load(None, &both.map(str::to_owned)).unwrap();
    assert_eq!((config.verify.command, config.verify.interpreter), (vec!["sh".to_owned()], vec!["py".to_owned()]));
    for (sets, expected) in [
        (&["verify.kind=maths"][..], "`verify.kind`: unknown word `maths`, did you mean `math`?; known: math, code, exact"),
        (&[r#"verify.sources=["a=maths"]"#][..], "`verify.sources`: unknown word `maths`, did you mean `math`?"),
        (&[r#"verify.sources=["a"]"#][..], "expected each source once, as \"source=kind\", found \"a\""),
        (&[r#"verify.sources=["a=math", "a=code"]"#][..], "expected each source once, as \"source=kind\", found \"a=code\""),
        (&["verify.sources=a"][..], "expected a list of strings, found the string \"a\""),
        (&["verify.sources=[1]"][..], "expected a list of strings, found the whole number 1"),
        (&["verify.kind=command"][..], "the verifier `command` needs one"),
        (&["verify.kind=command", r#"verify.command=[""]"#][..], "the verifier `command` needs one"),
        (
            &[r#"verify.command=["sh"]"#][..],
            "`verify.command`: given, but no problems have the verifier `command`, which it is for",
        ),
        (&[r#"verify.interpreter=["sh"]"#][..], "`verify.interpreter`: given, but no problems have the verifier `code`"),
        (
            &["verify.kind=code", r#"verify.interpreter=[""]"#][..],
            "`verify.interpreter`: expected a program and its arguments, found an empty name",
        ),
        (&["verify.timeout=0"][..], "expected a number of seconds above 0, up to 3600, found 0"),
        (&["verify.ungradable=skip"][..], "unknown word `skip`; known: wrong, drop"),
    ] {
        let found = refused(sets);
        assert!(found.contains(expected), "{found}");
    }
}
