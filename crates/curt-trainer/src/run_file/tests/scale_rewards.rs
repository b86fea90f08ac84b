//! `algo.scale_rewards` beside estimators that divide by no deviation of its choice.

use super::*;

#[test]
fn a_scaling_that_the_estimator_does_not_take_is_refused() {
    for (sets, expected) in [
        (
            ["algo.advantage=dr_grpo", "algo.scale_rewards=batch"],
            "--set algo.scale_rewards=batch: `algo.scale_rewards`: neither `algo.advantage` = `dr_grpo` nor `algo.loss_type` = \
             `clip` has this parameter",
        ),
        (
            ["algo.advantage=rloo", "scale_rewards=none"],
            "--set scale_rewards=none: `scale_rewards` (`algo.scale_rewards`): neither `algo.advantage` = `rloo` nor \
             `algo.loss_type` = `clip` has this parameter",
        ),
    ] {
        assert_eq!(refused(&sets), expected);
    }
}

/// The default is in every `run.toml` that a run writes, and in TRL; no deviation is what Dr. GRPO divides by.
#[test]
fn a_scaling_that_says_nothing_else_than_the_estimator_is_taken() {
    for (advantage, scale) in [("dr_grpo", "group"), ("dr_grpo", "none"), ("rloo", "group"), ("grpo", "batch")] {
        let config = parse(&format!("{LEAST}[algo]\nadvantage = \"{advantage}\"\nscale_rewards = \"{scale}\"")).unwrap();
        let estimator = crate::trainer::estimator(&config.algo).unwrap();
        assert_eq!(estimator.name(), advantage);
    }
    for advantage in curt_advantage::estimator_names() {
        let config = RunFile::load(None, &[format!("algo.advantage={advantage}")]).unwrap();
        assert_eq!(parse(&config.to_toml().unwrap()).unwrap(), config, "{advantage}");
    }
}
