//! The first completion of a prompt beside the last.

use std::fmt::Write;

use crate::escape;
use crate::events::EvaluationExample;
use crate::examples::{Completion, Pair};
use crate::number::{counted, four_digits, grouped};
use crate::run::Run;

/// Problems of an evaluation that are shown, at most.
const MAX_EVALUATED: usize = 6;
/// Characters of a prompt or an answer that are shown, at most.
const MAX_SHORT: usize = 1500;

/// The section; of several runs that of the first.
pub fn html(runs: &[Run]) -> String {
    let mut out = String::new();
    for run in runs {
        let part = evaluated(run) + &trained(run);
        if !part.is_empty() && runs.len() > 1 {
            let _ = writeln!(out, "<h3 class=\"of-run\">{}</h3>", escape::line(&run.name));
        }
        out += &part;
        if runs.len() > 1 && !out.is_empty() {
            // completions of many runs would bury everything else
            break;
        }
    }
    out
}

/// Problems of the evaluation, before and after.
fn evaluated(run: &Run) -> String {
    let Some((before, after)) = run.events.before_and_after() else { return String::new() };
    let pair = |old| {
        let old: &EvaluationExample = old;
        Some((old, after.examples.iter().find(|new| new.problem == old.problem)?))
    };
    let mut pairs: Vec<_> = before.examples.iter().filter_map(pair).collect();
    pairs.sort_by_key(|(old, _)| old.difficulty);
    if pairs.is_empty() {
        return String::new();
    }
    let mut out =
        "<p class=\"note\">Problems of the evaluation, answered with the same random numbers before and after.</p>\n".to_owned();
    for place in spread(pairs.len(), MAX_EVALUATED) {
        let (old, new) = pairs[place];
        let side = |example: &EvaluationExample, when: String| Side {
            when,
            correct: example.correct,
            length: example.length,
            ended: if example.finished { "ended by itself" } else { "cut off" }.into(),
            answer: None,
            rewards: Vec::new(),
            text: example.text.clone(),
        };
        let sides = [side(old, "before".into()), side(new, format!("after step {}", grouped(after.step.into())))];
        out += &card(&old.problem, old.difficulty, Some(&old.prompt), &old.answer, &sides);
    }
    out
}

/// Prompts of the training.
fn trained(run: &Run) -> String {
    let pairs = run.rollouts.examples.pairs();
    if pairs.is_empty() {
        return String::new();
    }
    let same = pairs.iter().filter(|pair| pair.same_prompt).count();
    let words = match (same, pairs.len() - same) {
        (_, 0) => {
            "Prompts of the training that came more than once: the first completion and the last, each the first of its group."
        }
        (0, _) => "No prompt of the training came twice: completions of equal difficulty, each the first of its group.",
        _ => {
            "Prompts of the training: the first completion and the last of the same prompt, then of different prompts of equal \
             difficulty. Each is the first of its group."
        }
    };
    let mut out = format!("<p class=\"note\">{words}</p>\n");
    for Pair { same_prompt, first, last } in &pairs {
        let sides = [side(first), side(last)];
        if *same_prompt {
            out += &card(&first.prompt_id, first.difficulty, first.prompt.as_deref(), &first.answer, &sides);
        } else {
            out += &two_prompts(first, last, &sides);
        }
    }
    out
}

/// A completion as it is shown.
struct Side {
    when: String,
    correct: bool,
    length: u32,
    ended: String,
    answer: Option<String>,
    rewards: Vec<(String, Option<f64>)>,
    text: String,
}

fn side(completion: &Completion) -> Side {
    let mut rewards: Vec<(String, Option<f64>)> = completion.rewards.iter().map(|(name, value)| (name.clone(), *value)).collect();
    rewards.push(("reward".into(), completion.shaped));
    rewards.push(("advantage".into(), completion.advantage.as_f64()));
    rewards.retain(|(name, value)| value.is_some() || !matches!(name.as_str(), "reward" | "advantage"));
    let mut ended = match completion.finish_reason.as_str() {
        "eos" => "ended by itself".to_owned(),
        "length" => "cut off".to_owned(),
        other => other.to_owned(),
    };
    if let Some(reason) = &completion.drop_reason {
        ended += &format!(", not trained on: {reason}");
    }
    Side {
        when: format!("step {}", grouped(completion.step.into())),
        correct: completion.correct,
        length: completion.length,
        ended,
        answer: completion.answer_extracted.clone(),
        rewards,
        text: completion.text.clone(),
    }
}

fn card(problem: &str, difficulty: Option<u32>, prompt: Option<&str>, answer: &str, sides: &[Side; 2]) -> String {
    let mut out = format!("<article class=\"example\">\n<h3>{}</h3>{}", short(problem), of_difficulty(difficulty));
    if let Some(prompt) = prompt.filter(|prompt| !prompt.is_empty()) {
        let _ = write!(
            out,
            "<pre class=\"prompt\" aria-label=\"prompt\">{}</pre>",
            escape::block(&escape::excerpt(prompt, MAX_SHORT))
        );
    }
    if !answer.is_empty() {
        let _ = write!(out, "<p class=\"answer\">right answer: <code>{}</code></p>", short(answer));
    }
    let _ = write!(out, "<div class=\"sides\">{}{}</div>\n</article>\n", side_html(&sides[0], ""), side_html(&sides[1], ""));
    out
}

/// Two problems that have only their difficulty in common.
fn two_prompts(first: &Completion, last: &Completion, sides: &[Side; 2]) -> String {
    let title = match first.difficulty {
        Some(difficulty) => format!("Two problems of difficulty {difficulty}"),
        None => "Two problems".into(),
    };
    let above = |completion: &Completion| {
        let prompt = completion.prompt.as_deref().filter(|prompt| !prompt.is_empty());
        let shown = match prompt {
            Some(prompt) => escape::block(&escape::excerpt(prompt, MAX_SHORT)),
            None => short(&completion.prompt_id),
        };
        let answer = if completion.answer.is_empty() {
            String::new()
        } else {
            format!("<p class=\"answer\">right answer: <code>{}</code></p>", short(&completion.answer))
        };
        format!("<pre class=\"prompt\" aria-label=\"prompt\">{shown}</pre>{answer}")
    };
    format!(
        "<article class=\"example\">\n<h3>{title}</h3><div class=\"sides\">{}{}</div>\n</article>\n",
        side_html(&sides[0], &above(first)),
        side_html(&sides[1], &above(last))
    )
}

fn side_html(side: &Side, above: &str) -> String {
    let (class, verdict) = if side.correct { ("right", "right") } else { ("wrong", "not right") };
    let mut out = format!(
        "<div class=\"side\">{above}<p class=\"meta\"><b>{}</b> <span class=\"verdict {class}\">{verdict}</span> \
         <span class=\"length\">{}</span> <span>{}</span></p>",
        escape::line(&side.when),
        counted(side.length.into(), "token"),
        short(&side.ended)
    );
    let _ = write!(
        out,
        "<pre class=\"completion\" tabindex=\"0\" aria-label=\"completion\">{}</pre>",
        escape::block(&escape::excerpt(&side.text, escape::MAX_CHARACTERS))
    );
    if side.answer.is_some() || !side.rewards.is_empty() {
        out += "<dl class=\"parts\">";
        if let Some(answer) = &side.answer {
            let _ = write!(out, "<div><dt>answer found</dt><dd><code>{}</code></dd></div>", short(answer));
        }
        for (name, value) in side.rewards.iter().take(12) {
            let value = value.map_or("not finite".to_owned(), four_digits);
            let _ = write!(out, "<div><dt>{}</dt><dd>{value}</dd></div>", short(name));
        }
        out += "</dl>";
    }
    out + "</div>\n"
}

fn short(text: &str) -> String {
    escape::line(&escape::excerpt(text, 200))
}

fn of_difficulty(difficulty: Option<u32>) -> String {
    difficulty.map_or(String::new(), |difficulty| format!("<span class=\"unit\">difficulty {difficulty}</span>"))
}

/// At most `most` of so many places, evenly spaced, both ends among them.
fn spread(count: usize, most: usize) -> Vec<usize> {
    if count <= most {
        return (0..count).collect();
    }
    (0..most).map(|i| i * (count - 1) / (most - 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_spread_from_end_to_end() {
        assert_eq!(spread(3, 6), [0, 1, 2]);
        assert_eq!(spread(11, 6), [0, 2, 4, 6, 8, 10]);
    }

    #[test]
    fn nothing_that_a_model_wrote_is_obeyed() {
        let hostile = "</script><img src=x onerror=alert(1)>\u{1b}[2J\u{202e}";
        let completion = Completion {
            text: hostile.into(),
            prompt_id: hostile.into(),
            answer: hostile.into(),
            answer_extracted: Some(hostile.into()),
            finish_reason: hostile.into(),
            drop_reason: Some(hostile.into()),
            rewards: [(hostile.to_owned(), None)].into(),
            prompt: Some(hostile.into()),
            ..Completion::default()
        };
        let sides = [side(&completion), side(&completion)];
        let html = card(hostile, None, Some(hostile), hostile, &sides) + &two_prompts(&completion, &completion, &sides);
        assert!(!html.contains("<img") && !html.contains("</script") && !html.contains(['\u{1b}', '\u{202e}']), "{html}");
        assert!(html.contains("&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;␛[2J⟨U+202E⟩"), "{html}");
    }
}
