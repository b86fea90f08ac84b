//! What must not change between the parts of a resumed run.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::config::{Config, LrScheduler};

/// Sections and keys that change where, how fast or how much is written, and no step of training.
const FREE: &[&str] = &[
    "output_dir",
    "model.path", // weights come from the checkpoint, which must be of the same model; the tokenizer has a fingerprint of its own
    "model.device",
    "model.threads",
    "data.path", // so has the data set
    "data.sources",
    "data.filter_overlong_prompts",
    "data.pass_rate_field", // and so have the pass rates, where a sampler looks at them
    "verify.timeout",
    "verify.workers",
    "rollout.max_sequences",
    "checkpoint",
    "eval",
    "log",
    "alarms", // a resumed run is watched as if it had been so from the start
];

/// Every key of the configuration that training depends on, `section.key`, with its value as JSON. The number of steps is
/// free where the learning rate does not depend on it, so that a finished run can be continued.
pub fn config_fingerprints(config: &Config) -> BTreeMap<String, String> {
    let mut fingerprints = BTreeMap::new();
    // a configuration holds nothing that JSON cannot hold, except a path that is not Unicode: both are free keys
    let mut config_without_paths = config.clone();
    config_without_paths.output_dir = Default::default();
    config_without_paths.data.path = None;
    config_without_paths.data.sources = Vec::new();
    config_without_paths.eval.path = None;
    let sections = serde_json::to_value(&config_without_paths).unwrap_or_default();
    collect("", &sections, &mut fingerprints);
    if config.train.lr_scheduler_type == LrScheduler::Constant {
        fingerprints.remove("train.steps");
    }
    fingerprints
}

fn collect(name: &str, value: &Value, into: &mut BTreeMap<String, String>) {
    if FREE.contains(&name) {
        return;
    }
    let Value::Object(section) = value else {
        into.insert(name.to_owned(), value.to_string());
        return;
    };
    for (key, value) in section {
        let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
        collect(&name, value, into);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run_file::RunFile;

    fn fingerprints(set: &str) -> BTreeMap<String, String> {
        config_fingerprints(&RunFile::load(None, &[set.to_owned()]).unwrap())
    }

    #[test]
    fn what_training_depends_on_is_in() {
        let before = fingerprints("seed=0");
        for set in [
            "seed=1",
            "data.links=[1, 9]",
            "rollout.temperature=0.9",
            "rollout.max_completion_length=255",
            "reward.target_length=47",
            "algo.normalizer=active",
            "train.learning_rate=1e-4",
            "train.micro_tokens=4095",
        ] {
            let after = fingerprints(set);
            let differing: Vec<&String> = after.keys().filter(|key| after.get(*key) != before.get(*key)).collect();
            // the limit of evaluation follows that of rollouts unless it is given, and is free anyway
            assert_eq!(differing, [set.split_once('=').unwrap().0], "{set}");
        }
    }

    #[test]
    fn what_it_does_not_depend_on_is_out() {
        let before = fingerprints("seed=0");
        for set in [
            "output_dir=elsewhere",
            "model.threads=3",
            "rollout.max_sequences=7",
            "checkpoint.save_steps=7",
            "eval.n=2",
            "log.completions=false",
            "alarms.action=stop",
            "alarms.trap_threshold=0.25",
            "train.steps=300",
        ] {
            assert_eq!(fingerprints(set), before, "{set}");
        }
        assert!(fingerprints("lr_scheduler_type=cosine").contains_key("train.steps"));
    }
}
