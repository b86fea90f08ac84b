//! What a command is about to do, in words.

use curt_trainer::config::{Config, GroupFilter, SamplerSection};
use curt_trainer::{ProblemSource, Trainer};

use crate::numbers::{counted, grouped, short};
use crate::terminal::Terminal;
use crate::wiring::ModelFacts;

/// Lines that say what the run of `trainer` will do.
pub fn training(terminal: &Terminal, trainer: &Trainer, facts: &ModelFacts) -> Vec<String> {
    let config = &trainer.config;
    let times = terminal.either("×", "x");
    let rows = [
        ("model", model(facts)),
        ("problems", problems(trainer)),
        ("each step", each_step(config, times)),
        ("reward", reward(config)),
        ("training", updates(config)),
        ("evaluation", evaluation(config, trainer.evaluation_set.len(), times)),
        ("runs on", device(facts)),
        ("output", config.output_dir.display().to_string()),
    ];
    let title = format!("curt {}: GRPO on a reasoner that is to be brief and right", env!("CARGO_PKG_VERSION"));
    std::iter::once(terminal.bold(&title)).chain(labelled(terminal, &rows)).collect()
}

/// The rows with aligned labels.
pub fn labelled(terminal: &Terminal, rows: &[(&str, String)]) -> Vec<String> {
    let width = rows.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
    rows.iter().map(|(label, text)| format!("  {}  {text}", terminal.dim(&format!("{label:width$}")))).collect()
}

/// The model in words.
pub fn model(facts: &ModelFacts) -> String {
    let ModelFacts { path, family, layers, width, context, .. } = facts;
    let size = short(facts.parameters as f64);
    format!("{path}: {size} parameters, {family}, {layers} layers of width {width}, context {}", grouped(*context as u64))
}

/// The device in words.
pub fn device(facts: &ModelFacts) -> String {
    facts.device.clone()
}

fn problems(trainer: &Trainer) -> String {
    let data = &trainer.config.data;
    match &trainer.source {
        ProblemSource::Chain { min_links, max_links } => {
            format!("chains of {min_links} to {max_links} operations on two digits, drawn afresh each step")
        }
        ProblemSource::Dataset(dataset) => {
            let order = match data.sampler {
                SamplerSection::Uniform => "in shuffled epochs",
                SamplerSection::Weighted => "drawn by expected signal",
                SamplerSection::Widening { .. } | SamplerSection::Stages { .. } => "in a curriculum of pass rates",
                SamplerSection::Pools { .. } => "in shuffled epochs; those without signal rest",
            };
            let files: Vec<String> = data.files().iter().map(|source| source.pattern.display().to_string()).collect();
            format!("{} of {}, {order}", counted(dataset.problems().len() as u64, "problem"), files.join(", "))
        }
    }
}

fn each_step(config: &Config, times: &str) -> String {
    let rollout = &config.rollout;
    let (prompts, samples) = (rollout.prompts_per_step, rollout.num_generations);
    let (limit, temperature) = (rollout.max_completion_length, rollout.temperature);
    let (of_prompts, rollouts) = (counted(prompts as u64, "prompt"), grouped((prompts * samples) as u64));
    format!("{of_prompts} {times} {samples} = {rollouts} rollouts of at most {limit} tokens at temperature {temperature}")
}

fn reward(config: &Config) -> String {
    let groups = match config.rollout.group_filter {
        GroupFilter::AnyCorrectAndSpread => "trains on groups with a right answer and unequal rewards",
        GroupFilter::None => "trains on all groups",
        GroupFilter::MixedOutcome => "trains on groups with right and wrong answers",
        GroupFilter::RewardStd => "trains on groups with unequal rewards",
    };
    let (strategy, target) = (&config.reward.strategy, config.reward.target_length);
    format!("{strategy}, target length {target} tokens; {groups}")
}

fn updates(config: &Config) -> String {
    let (steps, updates) = (u64::from(config.train.steps), config.algo.updates_per_batch);
    let each = match updates {
        1 => "1 update each, on policy".into(),
        _ => format!("{updates} updates each"),
    };
    let (rate, low, high) = (config.train.learning_rate, config.algo.epsilon, config.algo.epsilon_high);
    let objective = match config.algo.loss_type.as_str() {
        "clip" => format!("ratios clipped at -{low}/+{high}"),
        word => format!("objective {word}"),
    };
    let beta = config.algo.beta;
    let kl = if beta == 0.0 { String::new() } else { format!(", KL to the first weights times {beta}") };
    format!("{}, {each}, learning rate {rate:e}, {objective}{kl}", counted(steps, "step"))
}

fn evaluation(config: &Config, problems: usize, times: &str) -> String {
    let eval = &config.eval;
    if !eval.enabled {
        return "none".into();
    }
    let when = match eval.every {
        0 => "before and after".into(),
        every => format!("before, after and every {}", counted(u64::from(every), "step")),
    };
    let of_problems = counted(problems as u64, "problem");
    format!("{of_problems} {times} {} samples of at most {} tokens, {when}", eval.n, eval.max_completion_length)
}
