//! Every key that a run file may have, with the spellings of TRL that mean the same, but for what the comments here say.

use std::sync::LazyLock;

/// One setting: where it lives, what it is called, and what else it may be called.
#[derive(Debug)]
pub(super) struct Key {
    /// The section; empty for the top of the file.
    pub section: &'static str,
    /// The canonical name, written back.
    pub name: &'static str,
    /// Other names of TRL, accepted in the section and at the top of the file.
    pub aliases: &'static [&'static str],
    /// Whether TRL has the canonical name too, so that it is accepted at the top of the file.
    pub flat: bool,
}

const fn ours(section: &'static str, name: &'static str) -> Key {
    Key { section, name, aliases: &[], flat: false }
}

const fn trl(section: &'static str, name: &'static str) -> Key {
    Key { section, name, aliases: &[], flat: true }
}

const fn alias(section: &'static str, name: &'static str, aliases: &'static [&'static str]) -> Key {
    Key { section, name, aliases, flat: false }
}

pub(super) static SECTIONS: &[&str] =
    &["model", "data", "verify", "rollout", "reward", "algo", "train", "checkpoint", "eval", "log", "alarms"];

/// Settings of TRL that filter the distribution. Rollouts are drawn from the distribution that the loss is about.
pub(super) static FILTERS: &[&str] = &["top_k", "top_p", "min_p"];

/// TRL's name for passes over a batch of rollouts. Ours splits the batch into shares, each seen once, so it is no alias.
pub(super) const NUM_ITERATIONS: &str = "num_iterations";

pub(super) static KEYS: &[Key] = &[
    ours("", "output_dir"),
    ours("", "seed"),
    alias("model", "path", &["model_name_or_path"]),
    ours("model", "device"),
    ours("model", "threads"),
    ours("data", "task"),
    ours("data", "path"),
    ours("data", "sources"),
    ours("data", "links"),
    ours("data", "prompt_key"),
    ours("data", "answer_key"),
    ours("data", "prompt_suffix"),
    ours("data", "chat_template"),
    ours("data", "filter_overlong_prompts"),
    ours("data", "pass_rate_field"),
    ours("data", "sampler"),
    ours("data", "sampler_direction"),
    ours("data", "sampler_start"),
    ours("data", "sampler_steps"),
    ours("data", "sampler_stages"),
    ours("data", "sampler_rest"),
    ours("verify", "kind"),
    ours("verify", "sources"),
    ours("verify", "ungradable"),
    ours("verify", "command"),
    ours("verify", "interpreter"),
    ours("verify", "timeout"),
    ours("verify", "workers"),
    trl("rollout", "num_generations"),
    ours("rollout", "screening"),
    ours("rollout", "refill_rounds"),
    ours("rollout", "prompts_per_step"),
    trl("rollout", "max_completion_length"),
    // older TRL cuts a longer prompt from the left; here it is an error before the run starts
    trl("rollout", "max_prompt_length"),
    trl("rollout", "temperature"),
    ours("rollout", "group_filter"),
    ours("rollout", "max_sequences"),
    ours("reward", "strategy"),
    ours("reward", "target_length"),
    ours("reward", "masking"),
    ours("algo", "advantage"),
    trl("algo", "scale_rewards"),
    ours("algo", "advantage_epsilon"),
    ours("algo", "loss_type"),
    trl("algo", "epsilon"),
    trl("algo", "epsilon_high"),
    ours("algo", "loss_aggregation"),
    ours("algo", "normalizer"),
    ours("algo", "updates_per_batch"),
    trl("algo", "beta"),
    ours("algo", "kl_estimator"),
    ours("algo", "entropy_bonus"),
    trl("algo", "off_policy_mask_threshold"),
    trl("algo", "delta"),
    trl("algo", "sapo_temperature_pos"),
    trl("algo", "sapo_temperature_neg"),
    ours("algo", "cov_ratio"),
    ours("algo", "cov_low"),
    ours("algo", "cov_high"),
    ours("algo", "kl_cov_coefficient"),
    ours("algo", "importance_cap"),
    ours("algo", "gpg_count"),
    ours("algo", "f_norm"),
    ours("algo", "pass_at_k_scale"),
    // TRL counts optimizer updates, and -1 means by epochs; here a step is one batch of rollouts, with updates_per_batch of
    // them: the same number where that is 1, as in TRL without reuse
    alias("train", "steps", &["max_steps"]),
    trl("train", "learning_rate"),
    // optimizer updates, as in TRL, but whole ones: a share of the run (below 1) is not taken; the first update has 1/W of
    // the peak and not 0
    trl("train", "warmup_steps"),
    // `constant` is what TRL calls constant_with_warmup: its constant has no warm-up
    trl("train", "lr_scheduler_type"),
    trl("train", "weight_decay"),
    trl("train", "adam_beta1"),
    trl("train", "adam_beta2"),
    trl("train", "adam_epsilon"),
    trl("train", "max_grad_norm"),
    ours("train", "micro_tokens"),
    alias("train", "recompute_activations", &["gradient_checkpointing"]),
    // steps as above, where TRL counts optimizer updates; eval_steps too
    trl("checkpoint", "save_steps"),
    trl("checkpoint", "save_total_limit"),
    ours("eval", "enabled"),
    alias("eval", "every", &["eval_steps"]),
    alias("eval", "n", &["num_generations_eval"]),
    ours("eval", "max_completion_length"),
    ours("eval", "budgets"),
    ours("eval", "problems"),
    ours("eval", "links"),
    ours("eval", "path"),
    ours("eval", "temperature"),
    ours("eval", "top_p"),
    ours("eval", "top_k"),
    ours("eval", "min_p"),
    ours("eval", "seed"),
    alias("log", "completions", &["log_completions"]),
    ours("log", "tensorboard"),
    ours("alarms", "enabled"),
    ours("alarms", "action"),
    ours("alarms", "window"),
    ours("alarms", "patience"),
    ours("alarms", "nan_action"),
    ours("alarms", "ungradable_threshold"),
    ours("alarms", "ungradable_action"),
    ours("alarms", "trap_threshold"),
    ours("alarms", "trap_action"),
    ours("alarms", "collapse_threshold"),
    ours("alarms", "collapse_action"),
    ours("alarms", "entropy_rise_threshold"),
    ours("alarms", "entropy_rise_action"),
    ours("alarms", "entropy_fall_threshold"),
    ours("alarms", "entropy_fall_action"),
    ours("alarms", "length_rebound_threshold"),
    ours("alarms", "length_rebound_action"),
    ours("alarms", "reward_density_threshold"),
    ours("alarms", "reward_density_action"),
    ours("alarms", "signal_threshold"),
    ours("alarms", "signal_action"),
    ours("alarms", "truncation_threshold"),
    ours("alarms", "truncation_action"),
    ours("alarms", "phantom_groups_threshold"),
    ours("alarms", "phantom_groups_action"),
    ours("alarms", "off_policy_threshold"),
    ours("alarms", "off_policy_action"),
];

/// The parameters of reward strategies that are no key of [`KEYS`]: settings of `[reward]` too.
static PARAMETERS: LazyLock<Vec<Key>> = LazyLock::new(|| {
    let all = curt_reward::names().into_iter().filter_map(|name| curt_reward::parameters_of(name).ok()).flatten();
    let mut names: Vec<&str> = all.map(|parameter| parameter.name).collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| !KEYS.iter().any(|key| key.section == REWARD && key.name == *name));
    names.into_iter().map(|name| ours(REWARD, name)).collect()
});

const REWARD: &str = "reward";

/// The names of the settings of `[reward]` that are parameters of single strategies.
pub(super) fn parameters() -> impl Iterator<Item = &'static str> {
    PARAMETERS.iter().map(|key| key.name)
}

fn all(section: &str) -> impl Iterator<Item = &'static Key> {
    KEYS.iter().chain(PARAMETERS.iter().filter(move |_| section == REWARD))
}

impl Key {
    /// `section.name`, or the name alone at the top of the file.
    pub fn full_name(&self) -> String {
        dotted(self.section, self.name)
    }

    fn spellings(&self) -> impl Iterator<Item = &'static str> {
        [self.name].into_iter().chain(self.aliases.iter().copied())
    }

    fn answers_to(&self, section: &str, name: &str) -> bool {
        let aliased = self.aliases.contains(&name);
        match section {
            "" if self.section.is_empty() => self.name == name,
            "" => aliased || (self.flat && self.name == name),
            _ => self.section == section && (aliased || self.name == name),
        }
    }
}

/// The key that `name` means in `section` (empty: at the top of the file).
pub(super) fn find(section: &str, name: &str) -> Option<&'static Key> {
    all(section).find(|key| key.answers_to(section, name))
}

/// `section.name`, or the name alone at the top of the file.
pub(super) fn dotted(section: &str, name: &str) -> String {
    if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") }
}

/// What to write instead of an unknown key: a near name of the same section, or the same name where it belongs.
pub(super) fn nearest_key(section: &str, name: &str) -> Option<String> {
    let here = all(section).filter(|key| section.is_empty() || key.section == section);
    let spellings: Vec<(&str, &Key)> = here.flat_map(|key| key.spellings().map(move |spelling| (spelling, key))).collect();
    let near = nearest(name, spellings.iter().map(|(spelling, _)| *spelling));
    let near = near.and_then(|near| spellings.iter().find(|(spelling, _)| *spelling == near)).map(|(_, key)| *key);
    let same = KEYS.iter().find(|key| key.spellings().any(|spelling| spelling == name));
    let best = if section.is_empty() { same.or(near) } else { near.or(same) };
    best.map(Key::full_name)
}

/// The word of `known` with the least edit distance to `word`, where that is at most a third of the longer of the two;
/// the first of several.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Longer words are not slips of the finger, and a hostile one must not make this slow.
    let length = word.chars().count();
    if length > 64 {
        return None;
    }
    let close = |name: &'a str| {
        let distance = strsim::osa_distance(word, name);
        (distance <= length.max(name.len()).div_ceil(3)).then_some((distance, name))
    };
    known.into_iter().filter_map(close).min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}
