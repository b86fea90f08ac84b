//! `algo.scale_rewards` beside estimators that divide by no deviation of its choice.

use super::*;

/// It is in every `run.toml` that a run writes, and a run must be able to go on: what says nothing is warned of.
#[test]
fn a_scaling_that_says_nothing_is_taken() {
    for (advantage, scale) in [("dr_grpo", "batch"), ("rloo", "none"), ("rloo", "group"), ("grpo", "batch")] {
        let config = parse(&format!("{LEAST}[algo]\nadvantage = \"{advantage}\"\nscale_rewards = \"{scale}\"")).unwrap();
        assert_eq!(crate::trainer::estimator(&config.algo).unwrap().name(), advantage);
    }
    for advantage in curt_advantage::estimator_names() {
        let config = RunFile::load(None, &[format!("algo.advantage={advantage}")]).unwrap();
        assert_eq!(parse(&config.to_toml().unwrap()).unwrap(), config, "{advantage}");
    }
}
