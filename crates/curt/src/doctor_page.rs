//! What `curt doctor` prints.

use curt_trainer::config::Config;
use curt_trainer::doctor::{About, Arithmetic, Examination, Finding, MemoryEstimate, ProbeFacts, TinyStep};

use crate::doctor::Checkup;
use crate::header::labelled;
use crate::numbers::{counted, grouped, share, short, tokens};
use crate::table::Table;
use crate::terminal::Terminal;

/// Ids of a prompt that are shown.
const IDS: usize = 24;
/// Characters of a prompt that are shown.
const CHARACTERS: usize = 240;

/// The whole page.
pub fn lines(terminal: &Terminal, config: &Config, checkup: &Checkup) -> Vec<String> {
    let mut lines = vec![terminal.bold(&checkup.run_file)];
    let mut rows = arithmetic(terminal, &checkup.arithmetic);
    rows.extend(checkup.parameters.map(|count| ("model", format!("{}: {} weights", config.model.path, short(count as f64)))));
    if let Some(examination) = &checkup.examination {
        rows.extend(examined(terminal, examination));
    }
    rows.push(("probe", probed(checkup.probe.as_ref())));
    lines.extend(labelled(terminal, &rows));
    if let Some(estimate) = &checkup.memory_at_most {
        lines.push(String::new());
        lines.extend(memory(terminal, estimate, checkup.memory_as_probed.as_ref(), checkup.machine_memory));
    }
    lines.push(String::new());
    lines.extend(findings(terminal, &checkup.findings, checkup.refused.is_some()));
    lines
}

/// The sums, in words.
fn arithmetic(terminal: &Terminal, sums: &Arithmetic) -> Vec<(&'static str, String)> {
    let times = terminal.either("×", "x");
    let updates = match sums.updates {
        1 => "1 update on all of them".to_owned(),
        updates => format!("{updates} updates on {} each", counted(sums.rollouts_per_update, "rollout")),
    };
    let mut rows = vec![
        (
            "each step",
            format!(
                "{} {times} {} = {} of at most {} tokens: {} tokens to generate at most",
                counted(sums.prompts, "prompt"),
                sums.samples,
                counted(sums.rollouts, "rollout"),
                grouped(sums.limit),
                grouped(sums.generated)
            ),
        ),
        (
            "",
            format!(
                "{updates}: at most {} tokens with their prompts, in {} of {} tokens",
                grouped(sums.tokens_per_update),
                if sums.passes_per_update == 1 {
                    "1 pass".to_owned()
                } else {
                    format!("{} passes", grouped(sums.passes_per_update))
                },
                grouped(sums.micro_tokens)
            ),
        ),
        (
            "the run",
            format!(
                "{}: {} and {}",
                counted(sums.steps, "step"),
                counted(sums.all_rollouts, "rollout"),
                counted(sums.all_updates, "update")
            ),
        ),
    ];
    rows.push((
        "evaluation",
        match &sums.evaluation {
            None => "none".to_owned(),
            Some(e) => format!(
                "{} {times} {} = {} of at most {} tokens, {} times: {:.1} for each rollout of the run",
                counted(e.problems, "problem"),
                e.samples,
                counted(e.completions, "completion"),
                grouped(e.limit),
                e.times,
                e.per_rollout
            ),
        },
    ));
    rows
}

fn examined(terminal: &Terminal, found: &Examination) -> Vec<(&'static str, String)> {
    let limits = &found.limits;
    let room = limits.context.saturating_sub(found.longest_prompt);
    let binds = match room < limits.budget {
        true => format!("the context of {} tokens, with prompts of up to {}", limits.context, found.longest_prompt),
        false => format!("rollout.max_completion_length; the context would leave {}", counted(room as u64, "token")),
    };
    let target = match limits.target == limits.budget {
        true => "L_T is the same: whoever ends in time and is right is rewarded".to_owned(),
        false => format!("rewarded up to {} (L_T)", counted(limits.target as u64, "token")),
    };
    let eos = found.eos.iter().map(|eos| format!("{} ({}; {})", terminal.harmless(&eos.token), eos.id, eos.named_by.join(", ")));
    let eos: Vec<String> = eos.collect();
    let prompt = &found.prompt;
    let text: String = prompt.text.chars().take(CHARACTERS).collect();
    let more = if prompt.text.chars().nth(CHARACTERS).is_some() { " …" } else { "" };
    let ids: Vec<String> = prompt.ids.iter().take(IDS).map(u32::to_string).collect();
    let bos = match prompt.bos {
        None => "the tokenizer names no token that begins a text".to_owned(),
        Some(id) => format!("the token that begins a text ({id}) is there {}", counted(prompt.bos_count as u64, "time")),
    };
    let golds = match &found.golds {
        None => "drawn with the problems, or judged by another program: not checked".to_owned(),
        Some(golds) => format!("{} of {} are right by themselves", grouped(golds.right as u64), grouped(golds.checked as u64)),
    };
    vec![
        ("ends at", if eos.is_empty() { "nothing".to_owned() } else { eos.join(", ") }),
        ("limit", format!("{} tokens by {binds}", grouped(limits.budget.min(room) as u64))),
        ("", target),
        (
            "prompt",
            format!("of problem `{}`: {}; {bos}", one_line(terminal, &prompt.problem), counted(prompt.ids.len() as u64, "token")),
        ),
        ("", format!("{}{more}", one_line(terminal, &text))),
        ("", format!("[{}{}]", ids.join(", "), if prompt.ids.len() > IDS { ", …" } else { "" })),
        ("right answers", golds),
    ]
}

/// Text of a data set, in one line that cannot steer the terminal.
fn one_line(terminal: &Terminal, text: &str) -> String {
    terminal.harmless(&text.replace('\n', "\\n"))
}

fn probed(facts: Option<&ProbeFacts>) -> String {
    let Some(p) = facts else { return "none: it needs the weights, and data that fit; --probe makes one".to_owned() };
    let without = if p.ungradable > 0.0 { format!(", {} without a verdict", share(p.ungradable)) } else { String::new() };
    format!(
        "{} of {}: mean length {}, {} cut off, {} right, {} right and short{without}; of the groups {} would be trained on ({} all right, {} all wrong)",
        counted(p.rollouts as u64, "rollout"),
        counted(p.prompts as u64, "prompt"),
        tokens(p.mean_length),
        share(p.truncated),
        share(p.right),
        share(p.right_and_short),
        share(p.kept),
        share(p.all_right),
        share(p.all_wrong)
    )
}

fn memory(terminal: &Terminal, most: &MemoryEstimate, probed: Option<&MemoryEstimate>, machine: Option<usize>) -> Vec<String> {
    let mut heads = vec!["memory", "at most"];
    heads.extend(probed.map(|_| "as probed"));
    heads.push("counted as");
    let mut table = Table::new(&heads);
    for (place, part) in most.parts.iter().enumerate() {
        let expected = probed.map(|estimate| &estimate.parts[place]);
        let mut row = vec![part.what.to_owned(), mib(part.bytes)];
        row.extend(expected.map(|part| mib(part.bytes)));
        row.push(expected.unwrap_or(part).how.clone());
        table.row(row);
    }
    let mut sum = vec!["in all".to_owned(), mib(most.total)];
    sum.extend(probed.map(|estimate| mib(estimate.total)));
    sum.extend(machine.map(|bytes| format!("this machine has {}", mib(bytes))));
    table.row(sum);
    let mut lines = table.lines();
    if let Some(first) = lines.first_mut() {
        *first = terminal.bold(first);
    }
    lines
}

fn mib(bytes: usize) -> String {
    format!("{} MiB", grouped((bytes >> 20) as u64))
}

/// The finding of a machine that is too small.
pub fn too_little_memory(needed: usize, there: usize) -> Finding {
    Finding {
        about: About::Settings,
        what: format!("about {} are needed, and this machine has {}", mib(needed), mib(there)),
        key: "train.recompute_activations",
        change: "true; or train.micro_tokens and rollout.max_sequences to less".into(),
    }
}

fn findings(terminal: &Terminal, findings: &[Finding], refused: bool) -> Vec<String> {
    if findings.is_empty() && !refused {
        return vec![format!("  {}", terminal.green("nothing found that is likely a mistake"))];
    }
    let line = |finding: &Finding| {
        let fix = if finding.key.is_empty() { String::new() } else { format!("; change {} to {}", finding.key, finding.change) };
        format!("  {} {}{fix}", terminal.red("!"), one_line(terminal, &finding.what))
    };
    findings.iter().map(line).collect()
}

/// What the tiny step of a dry run did.
pub fn tiny_step(step: &TinyStep) -> String {
    let how = if step.is_made_up { " with made-up advantages, for no group had signal" } else { "" };
    let norm = step.grad_norm.map_or(String::new(), |norm| format!(", gradient norm {norm:.3}"));
    let update = format!("{} trained on{how}{norm}", counted(step.trained as u64, "rollout"));
    format!(
        "dry run: one tiny step of {} ({}) works: {update}; nothing was written",
        counted(step.rollouts as u64, "rollout"),
        counted(step.tokens as u64, "token")
    )
}
