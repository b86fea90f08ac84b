//! What holds for every valid configuration, and for any text at all.

use curt_difficulty::Direction;
use curt_eval::{Action, Alarm};
use curt_reward::{Parameters, Preset};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;

fn finite(range: std::ops::Range<f64>) -> impl Strategy<Value = f64> {
    range.prop_map(|x| if x == 0.0 { 0.0 } else { x })
}

fn samplers() -> impl Strategy<Value = SamplerSection> {
    let direction = select(vec![Direction::EasyToHard, Direction::HardToEasy]);
    let stages = select(vec![vec!["0: (0.5, 1]"], vec!["0: [0, 0.25)", "7: [0.1, 0.6]", "4294967295: [1, 1]"]]);
    prop_oneof![
        Just(SamplerSection::Uniform),
        Just(SamplerSection::Weighted),
        (direction, finite(0.001..1.0), 1..999_u32).prop_map(|(direction, start, steps)| SamplerSection::Widening {
            direction,
            start,
            steps
        }),
        stages.prop_map(|texts| SamplerSection::Stages { stages: texts.iter().map(|text| text.parse().unwrap()).collect() }),
        (1..999_u32).prop_map(|rest| SamplerSection::Pools { rest }),
    ]
}

prop_compose! {
    fn data_and_eval()(
        jsonl in any::<bool>(),
        path in "[ -~é]{1,20}",
        eval_path in proptest::option::of("[a-z\"\\\\\n]{1,9}"),
        fewest in 1..=20_u32,
        more in 0..20_u32,
        key in "[a-z._]{0,9}",
        suffix in ".{0,9}",
        chat_template in any::<bool>(),
        limit in 50..1000_usize,
        budgets in subsequence((1..=50).collect::<Vec<u32>>(), 1..9),
        links in subsequence((1..=20).collect::<Vec<u32>>(), 1..9),
        numbers in (0..9_u32, any::<bool>(), 1..99_usize, 1..99_usize, finite(0.0..2.0), finite(0.001..1.0), 0..99_u32, finite(0.0..0.999)),
        seed in any::<u64>(),
        sampler in samplers(),
        sources in proptest::collection::vec(("[ -~é]{1,9}", finite(0.0..9.0), proptest::option::of("[ -~é]{0,9}")), 0..4),
    ) -> (DataSection, EvalSection) {
        let (every, enabled, n, problems, temperature, top_p, top_k, min_p) = numbers;
        let data = DataSection {
            task: if jsonl { TaskKind::Jsonl } else { TaskKind::Chain },
            path: (jsonl && sources.is_empty()).then(|| path.into()),
            sources: sources.into_iter().filter(|_| jsonl).map(|(path, weight, name)| SourceSection { path: path.into(), weight, name }).collect(),
            links: [fewest, (fewest + more).min(20)],
            prompt_key: key.clone(),
            answer_key: key.clone(),
            pass_rate_field: key,
            sampler: if jsonl { sampler } else { SamplerSection::Uniform },
            prompt_suffix: suffix,
            chat_template,
            filter_overlong_prompts: !chat_template,
        };
        let path = eval_path.filter(|_| jsonl).map(Into::into);
        let eval = EvalSection {
            every, enabled, n, max_completion_length: limit, budgets, problems, links, path, temperature, top_p, top_k, min_p, seed,
        };
        (data, eval)
    }
}

prop_compose! {
    fn rollout_and_algo()(
        updates in 1..9_usize,
        multiple in 1..9_usize,
        sizes in (2..99_usize, 1..9999_usize, 1..9999_usize, 1..999_usize, finite(0.001..3.0)),
        group_filter in select(GROUP_FILTERS.iter().map(|(_, filter)| *filter).collect::<Vec<_>>()),
        scale_rewards in select(vec![ScaleRewards::Group, ScaleRewards::Batch, ScaleRewards::None]),
        loss_aggregation in select(vec![LossAggregation::TokenMean, LossAggregation::SeqMeanTokenMean, LossAggregation::SeqMeanTokenSum, LossAggregation::SeqMeanTokenSumNorm]),
        normalizer in select(vec![NormalizerKind::All, NormalizerKind::Active]),
        (beta, entropy_bonus, off_policy_mask_threshold) in
            (finite(0.0..1.0), finite(-1.0..1.0), proptest::option::of(finite(0.0..1.0))),
        kl_estimator in select(curt_advantage::KlEstimator::WORDS.map(|(_, kl)| kl).to_vec()),
        (advantage_epsilon, epsilon, epsilon_high) in (finite(0.0..1.0), finite(0.0..0.999), finite(0.0..9.0)),
    ) -> (RolloutSection, AlgoSection) {
        let (num_generations, max_completion_length, max_prompt_length, max_sequences, temperature) = sizes;
        let prompts_per_step = updates * multiple;
        let rollout = RolloutSection {
            num_generations, screening: if num_generations > 4 { num_generations / 2 } else { 0 }, refill_rounds: updates as u32 - 1, prompts_per_step, max_completion_length, max_prompt_length, temperature, group_filter, max_sequences,
        };
        let algo = AlgoSection {
            advantage: "grpo".into(), scale_rewards, advantage_epsilon, loss_type: "clip".into(), epsilon, epsilon_high,
            loss_aggregation, normalizer, updates_per_batch: updates, beta, kl_estimator, entropy_bonus,
            off_policy_mask_threshold, parameters: curt_advantage::Parameters::new(),
        };
        (rollout, algo)
    }
}

/// A strategy's own parameters: its presets, the target and the limit.
fn own_parameters(strategy: &str, target: usize, limit: usize) -> Parameters {
    let mut given = Parameters::new();
    for parameter in curt_reward::parameters_of(strategy).unwrap() {
        match parameter.preset {
            Preset::Target => given = given.with(parameter.name, target as u32),
            Preset::Limit => given = given.with(parameter.name, limit as u32),
            _ => {}
        }
    }
    let all = curt_reward::resolved(strategy, &given).unwrap();
    let own = all.iter().filter(|(name, _)| *name != "target_length" && *name != "masking");
    own.fold(Parameters::new(), |own, (name, value)| own.with(name, value.clone()))
}

prop_compose! {
    fn verify()(
        kind in select(vec!["math", "code", "exact", "chain", "command"]),
        source in proptest::option::of("[ -<>-~é]{1,9}"),
        drop in any::<bool>(),
        timeout in finite(1e-3..3600.0),
        workers in 0..99_usize,
    ) -> VerifySection {
        VerifySection {
            kind: kind.into(),
            sources: source.iter().map(|source| format!("{source}=exact")).collect(),
            ungradable: if drop { Ungradable::Drop } else { Ungradable::Wrong },
            command: if kind == "command" { vec!["sh".into(), "-c".into(), "cat é".into()] } else { Vec::new() },
            interpreter: if kind == "code" { vec!["pypy3".into(), "-é".into()] } else { Vec::new() },
            timeout,
            workers,
        }
    }
}

prop_compose! {
    fn alarms()(
        enabled in any::<bool>(),
        actions in proptest::collection::vec(proptest::option::of(select(Action::WORDS.map(|(_, action)| action).to_vec())), Alarm::ALL.len()),
        action in select(Action::WORDS.map(|(_, action)| action).to_vec()),
        window in 1..99_u32,
        patience in 1..9_u32,
        trap in finite(0.0..1.0),
    ) -> AlarmsSection {
        let own = Alarm::ALL.into_iter().zip(actions).filter_map(|(alarm, own)| Some((AlarmsSection::action_key(alarm), own?)));
        let mut section = AlarmsSection { enabled, action, window, patience, actions: own.collect(), ..AlarmsSection::default() };
        section.thresholds.insert(AlarmsSection::threshold_key(Alarm::Trap), trap);
        section
    }
}

prop_compose! {
    fn configs()(
        (data, eval) in data_and_eval(),
        (rollout, algo) in rollout_and_algo(),
        output_dir in "[ -~é]{1,20}",
        seed in any::<u64>(),
        path in select(vec!["embedded:good", "embedded:weak", "a folder/é"]),
        device in select(vec!["auto", "cpu"]),
        threads in 0..64_usize,
        strategy in select(curt_reward::names()),
        zero_after in any::<bool>(),
        target in 1..99_usize,
        cosine in any::<bool>(),
        train in (1..9999_u32, finite(1e-12..1.0), 0..999_u32, finite(0.0..1.0), finite(0.0..0.999), finite(0.0..0.999), finite(1e-38..1.0), finite(0.1..9.0)),
        spare in 0..9999_usize,
        checkpoint in (0..99_u32, 0..99_usize),
        flags in any::<[bool; 3]>(),
        verify in verify(),
        alarms in alarms(),
    ) -> Config {
        let (steps, learning_rate, warmup_steps, weight_decay, adam_beta1, adam_beta2, adam_epsilon, max_grad_norm) = train;
        Config {
            output_dir: output_dir.into(),
            seed,
            model: ModelSection { path: path.into(), device: device.into(), threads },
            reward: RewardSection {
                strategy: strategy.into(),
                parameters: own_parameters(strategy, target.min(rollout.max_completion_length), rollout.max_completion_length),
                target_length: target.min(rollout.max_completion_length),
                masking: if zero_after { MaskingMode::ZeroAfter } else { MaskingMode::Exclude },
            },
            train: TrainSection {
                steps, learning_rate, warmup_steps, weight_decay, adam_beta1, adam_beta2, adam_epsilon, max_grad_norm,
                lr_scheduler_type: if cosine { LrScheduler::Cosine } else { LrScheduler::Constant },
                micro_tokens: rollout.max_prompt_length + rollout.max_completion_length + spare,
                recompute_activations: flags[0],
            },
            checkpoint: CheckpointSection { save_steps: checkpoint.0, save_total_limit: checkpoint.1 },
            log: LogSection { completions: flags[1], tensorboard: flags[2] },
            alarms,
            data, verify, rollout, algo, eval,
        }
    }
}

proptest! {
    #[test]
    fn written_configuration_reads_back_equal(config in configs()) {
        let text = config.to_toml().unwrap();
        prop_assert_eq!(parse(&text).unwrap(), config);
    }

    #[test]
    fn any_text_is_refused_or_read(text in "\\PC{0,60}") {
        let _ = parse(&text);
        let _ = RunFile::parse(LEAST, "run.toml").unwrap().set(&text);
    }
}
