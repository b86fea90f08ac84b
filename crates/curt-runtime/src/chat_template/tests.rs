use std::fs;

use serde_json::{Value as Json, json};

use super::*;

fn template(source: &str) -> Result<ChatTemplate, RuntimeError> {
    let special = [("bos_token".to_string(), "<s>".to_string())].into();
    ChatTemplate::new(Path::new("chat_template.jinja"), source, special)
}

fn render(source: &str, messages: Json, variables: Json) -> Result<String, RuntimeError> {
    template(source)?.render(messages.as_array().unwrap(), true, variables.as_object().unwrap())
}

/// Each expected text was made by transformers 5.23 / Jinja2 3.1.6.
#[test]
fn templates_mean_what_they_mean_in_python() {
    let messages = json!([{"role": "user", "content": "a</think>\n\nb "}, {"role": "assistant", "content": "é"}]);
    for (source, want) in [
        (
            "{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m['content'] }}{% endfor %}",
            "<s>[user]a</think>\n\nb [assistant]é",
        ),
        ("{% for m in messages[::-1] %}{{ m.role[0] }}{{ loop.index0 }}{% endfor %}", "a0u1"),
        ("{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}", "2"),
        ("{{ messages[0].content.split('</think>')[-1].lstrip('\\n') + '|' }}", "b |"),
        ("{{ messages[0].content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].strip() }}", "a"),
        ("{{ messages[0].content.startswith('a<') and messages[0].content.endswith(' ') }}", "True"),
        ("{% for m in messages %}{% if loop.first %}{% continue %}{% endif %}{{ m.role }}{% endfor %}", "assistant"),
        ("{% for m in messages %}{{ loop.previtem.role if loop.previtem is defined else '-' }}{% break %}{% endfor %}", "-"),
        ("  {% if true %}\n  x\n  {%- endif %}\ny\n", "  xy"),
        ("{% macro f(x) %}<{{ x }}>{% endmacro %}{{ f(1) }}{{ f('b') }}", "<1><b>"),
        ("{{ none }} {{ true }} {{ [] | length }} {{ missing }} {{ 7 // 2 }} {{ 'x' ~ 1 }}", "None True 0  3 x1"),
        ("{{ add_generation_prompt is defined and tools is none and documents is none }}", "True"),
        ("{{ 'y' if enable_thinking is defined and enable_thinking is false else 'n' }}", "y"),
        ("{{ value | tojson }}", r#"{"z": [1, 2.0, 1e+16, 1e-05, "<é>'\n"], "a": {}, "e": [], "n": null, "t": true}"#),
        ("{{ value.z | tojson(separators=[',', ':'], ensure_ascii=true) }}", r#"[1,2.0,1e+16,1e-05,"<\u00e9>'\n"]"#),
        (
            "{{ value | tojson(indent=2, sort_keys=true) }}",
            "{\n  \"a\": {},\n  \"e\": [],\n  \"n\": null,\n  \"t\": true,\n  \"z\": [\n    1,\n    2.0,\n    1e+16,\n    1e-05,\n    \"<é>'\\n\"\n  ]\n}",
        ),
        ("{% for k, v in value.a.items() %}{{ k }}{% else %}none{% endfor %}{{ value.get('q', 'd') }}", "noned"),
        ("{{ messages | map(attribute='role') | join(',') }}", "user,assistant"),
        ("{{ messages[0].content | trim }}|{{ 'Ab' | upper }}{{ 'Ab'.lower() }}", "a</think>\n\nb|ABab"),
    ] {
        let value = json!({"z": [1, 2.0, 1e16, 1e-5, "<é>'\n"], "a": {}, "e": [], "n": null, "t": true});
        let variables = json!({"enable_thinking": false, "value": value});
        assert_eq!(render(source, messages.clone(), variables).unwrap(), want, "{source}");
    }
}

#[test]
fn reasoning_is_known_under_the_name_that_templates_read() {
    for message in
        [json!({"reasoning_content": "r"}), json!({"thinking": "r"}), json!({"reasoning": "r", "reasoning_content": null})]
    {
        let text = render("{{ messages[0].reasoning_content }}{{ messages[0].thinking }}", json!([message]), json!({}));
        assert_eq!(text.unwrap(), "rr");
    }
    for message in [json!({"role": "user"}), json!({"role": "user", "reasoning_content": null})] {
        let text = render("{{ messages[0].reasoning_content is defined }}", json!([message]), json!({}));
        assert_eq!(text.unwrap(), "False");
    }
}

#[test]
fn templates_do_not_see_the_clock() {
    let source = "{{ strftime_now('%d %b %Y') if strftime_now is defined else '26 Jul 2024' }}";
    assert_eq!(render(source, json!([]), json!({})).unwrap(), "26 Jul 2024");
}

#[test]
fn the_template_is_found_where_checkpoints_keep_it() {
    let folder = tempfile::tempdir().unwrap();
    let error = ChatTemplate::load(folder.path()).unwrap_err();
    assert!(matches!(error, RuntimeError::MissingChatTemplate { .. }), "{error}");
    let load = |config: Json| {
        fs::write(folder.path().join("tokenizer_config.json"), config.to_string()).unwrap();
        ChatTemplate::load(folder.path())?.render(&[], false, &Map::new())
    };
    assert!(matches!(load(json!({"eos_token": "e"})).unwrap_err(), RuntimeError::MissingChatTemplate { .. }));
    assert_eq!(load(json!({"chat_template": "one {{ eos_token }}", "eos_token": {"content": "E"}})).unwrap(), "one E");
    let named = json!([{"name": "tool_use", "template": "no"}, {"name": "default", "template": "two"}]);
    assert_eq!(load(json!({"chat_template": named})).unwrap(), "two");
    fs::write(folder.path().join("chat_template.jinja"), "three {{ eos_token }}").unwrap();
    assert_eq!(load(json!({"chat_template": "one", "eos_token": "E"})).unwrap(), "three E");
}

#[test]
fn a_template_that_is_not_one_is_named_with_its_line() {
    let error = template("fine\n{% if %}").unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, RuntimeError::ChatTemplate { .. }), "{text}");
    assert!(text.contains("chat_template.jinja") && text.contains(":2"), "{text}");
}

#[test]
fn a_template_that_refuses_the_conversation_says_why() {
    let source = "{{ raise_exception('Conversation roles must alternate') }}";
    let text = render(source, json!([]), json!({})).unwrap_err().to_string();
    assert!(text.contains("Conversation roles must alternate"), "{text}");
    for source in ["{{ messages[0].content + 'x' }}", "{{ 'a' + none }}", "{{ no_such_function() }}", "{{ 1 | no_filter }}"] {
        let error = render(source, json!([{"role": "user"}]), json!({})).unwrap_err();
        assert!(matches!(error, RuntimeError::ChatTemplate { .. }), "{source}: {error}");
    }
}

#[test]
fn a_hostile_template_ends_with_an_error() {
    let nested = format!("{}1{}", "(".repeat(20_000), ")".repeat(20_000));
    for source in [
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}".to_string(),
        "{% for a in range(90000) %}{% for b in range(90000) %}{% endfor %}{% endfor %}".to_string(),
        "{% include 'chat_template' %}".to_string(),
        "{{ 'x' * 10000000000 }}".to_string(),
        "{{ [1] | tojson(indent=70000) }}".to_string(),
        format!("{{{{ {nested} }}}}"),
    ] {
        let error = render(&source, json!([]), json!({})).unwrap_err();
        assert!(matches!(error, RuntimeError::ChatTemplate { .. }), "{error}");
    }
}
