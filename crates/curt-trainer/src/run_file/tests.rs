mod laws;
mod sampler;
mod scale_rewards;
mod verify;

use super::resolve::GROUP_FILTERS;
use super::*;
use crate::config::*;

/// The least that a run file must say.
const LEAST: &str = "output_dir = \"out\"\n[rollout]\nmax_completion_length = 64\n";

fn parse(text: &str) -> Result<Config, RunFileError> {
    RunFile::parse(text, "run.toml")?.resolve()
}

/// The error of the least run file with `sets`.
fn refused(sets: &[&str]) -> String {
    let mut file = RunFile::parse(LEAST, "run.toml").unwrap();
    let outcome = sets.iter().try_for_each(|set| file.set(set)).and_then(|()| file.resolve());
    outcome.expect_err("must be refused").to_string()
}

#[test]
fn epsilon_high_is_epsilon_unless_given() {
    for (sets, expected) in [
        (&[][..], (0.2, 0.2)),
        (&["algo.epsilon=0.3"], (0.3, 0.3)),
        (&["algo.epsilon=0.3", "algo.epsilon_high=0.28"], (0.3, 0.28)),
    ] {
        let mut file = RunFile::parse(LEAST, "run.toml").unwrap();
        sets.iter().for_each(|set| file.set(set).unwrap());
        let algo = file.resolve().unwrap().algo;
        assert_eq!((algo.epsilon, algo.epsilon_high), expected, "{sets:?}");
    }
}

#[test]
fn every_estimator_and_objective_can_be_chosen_by_its_word() {
    for advantage in curt_advantage::estimator_names() {
        let algo = RunFile::load(None, &[format!("algo.advantage={advantage}")]).unwrap().algo;
        assert_eq!(crate::trainer::estimator(&algo).unwrap().name(), advantage);
    }
    for loss_type in curt_advantage::objective_names() {
        let least = format!("{LEAST}[algo]\nloss_type = \"{loss_type}\"");
        let algo = parse(&least).unwrap().algo;
        let plain = crate::trainer::objective(&algo, 64).unwrap();
        assert_eq!(plain.name(), loss_type);
        let mode = curt_advantage::Aggregation::TokenMean;
        let default = curt_advantage::objective_by_name(loss_type, &curt_advantage::Parameters::new(), mode).unwrap();
        assert_eq!(format!("{plain:?}"), format!("{default:?}"), "defaults of {loss_type}");
    }
}

#[test]
fn a_parameter_that_nothing_takes_is_refused() {
    for (sets, expected) in [
        (
            &["algo.delta=3.0", "algo.loss_type=gspo"][..],
            "--set algo.delta=3.0: `algo.delta`: neither `algo.advantage` = `grpo` nor",
        ),
        (
            &["algo.delta=1.1"],
            "--set algo.delta=1.1: `algo.delta`: `delta` must be a finite number above 1 + epsilon_high, found 1.1",
        ),
        (&["algo.delta=much"], "--set algo.delta=much: `algo.delta`: `delta` must be a number, found `much`"),
        (
            &["algo.loss_type=sapo", "algo.sapo_temperature_pos=0"],
            "--set algo.sapo_temperature_pos=0: `algo.sapo_temperature_pos`: `sapo_temperature_pos` must be a finite number above 0",
        ),
    ] {
        let found = refused(sets);
        assert!(found.starts_with(expected), "{found}");
    }
}

#[test]
fn embedded_is_the_main_run() {
    let config = RunFile::load(None, &[]).unwrap();
    assert_eq!((config.model.path.as_str(), config.data.task, config.data.links), ("embedded:good", TaskKind::Chain, [1, 10]));
    assert_eq!((config.rollout.prompts_per_step, config.rollout.num_generations), (16, 8));
    assert_eq!((config.rollout.max_completion_length, config.reward.target_length), (256, 48));
    assert_eq!((config.reward.strategy.as_str(), config.rollout.group_filter), ("truncation", GroupFilter::AnyCorrectAndSpread));
    assert_eq!((config.algo.epsilon, config.algo.epsilon_high, config.algo.updates_per_batch), (0.2, 0.2, 1));
    assert_eq!(config.algo.loss_aggregation, LossAggregation::TokenMean);
    assert_eq!((config.train.steps, config.train.learning_rate, config.train.weight_decay), (150, 2e-4, 0.0));
    assert_eq!((config.train.adam_beta1, config.train.adam_beta2, config.train.max_grad_norm), (0.9, 0.95, 1.0));
    assert_eq!(config.eval.links.len() * config.eval.problems, 288);
    assert_eq!((config.eval.n, config.eval.max_completion_length), (8, 256));
    assert_eq!(config.eval.budgets, [16, 32, 48, 64, 96, 128, 192, 256]);
}

#[test]
fn embedded_states_every_key_that_a_chain_run_uses() {
    let mut written: toml::Table = RunFile::load(None, &[]).unwrap().to_toml().unwrap().parse().unwrap();
    for key in
        ["prompt_key", "answer_key", "prompt_suffix", "chat_template", "filter_overlong_prompts", "pass_rate_field", "sampler"]
    {
        written["data"].as_table_mut().unwrap().remove(key).unwrap();
    }
    // it follows the task, or problems of one's own would be judged as chains
    assert_eq!(written["verify"].as_table_mut().unwrap().remove("kind"), Some("chain".into()));
    assert_eq!(EMBEDDED.parse::<toml::Table>().unwrap(), written);
    let own = RunFile::load(None, &["data.task=jsonl".to_owned(), "data.path=x".to_owned()]).unwrap();
    assert_eq!(own.verify.kind, "math");
}

#[test]
fn least_run_file_gets_defaults() {
    let config = parse(LEAST).unwrap();
    assert_eq!((config.seed, config.model.path.as_str(), config.data.task), (42, "embedded:good", TaskKind::Chain));
    assert_eq!((config.reward.target_length, config.eval.max_completion_length), (64, 64));
    assert_eq!(config.eval.budgets, [4, 8, 16, 32, 64]);
    assert_eq!(config.eval.links, (1..=10).collect::<Vec<_>>());
    assert_eq!(config.train.micro_tokens, 4096);
    let short = parse(&LEAST.replace("64", "3")).unwrap();
    assert_eq!(short.eval.budgets, [1, 3]);
}

#[test]
fn a_checkpoint_or_a_path_means_jsonl() {
    let by_path = parse(&format!("{LEAST}[data]\npath = \"p.jsonl\"")).unwrap();
    assert_eq!((by_path.data.task, by_path.data.chat_template), (TaskKind::Jsonl, true));
    assert!(by_path.data.prompt_suffix.contains("\\boxed{}"));
    for kind in ["code", "exact", "chain"] {
        let config = parse(&format!("{LEAST}[data]\npath = \"p.jsonl\"\n[verify]\nkind = \"{kind}\"")).unwrap();
        assert_eq!(config.data.prompt_suffix, "", "{kind}");
    }
    let by_model = parse(&format!("{LEAST}[model]\npath = \"smollm2\"\n[data]\npath = \"p.jsonl\"")).unwrap();
    assert_eq!(by_model.data.task, TaskKind::Jsonl);
    assert!(refused(&["model.path=smollm2"]).contains("needs `data.path`"));
}

#[test]
fn aliases_of_trl_mean_the_same_at_the_top_and_in_their_section() {
    for (canonical, alias) in [
        ("train.steps=7", "max_steps=7"),
        ("train.steps=7", "train.max_steps=7"),
        ("eval.every=7", "eval_steps=7"),
        ("eval.every=7", "eval.eval_steps=7"),
        ("eval.n=7", "num_generations_eval=7"),
        ("log.completions=false", "log_completions=false"),
        ("train.recompute_activations=true", "gradient_checkpointing=true"),
        ("model.path=embedded:weak", "model_name_or_path=embedded:weak"),
        ("rollout.num_generations=7", "num_generations=7"),
        ("rollout.max_completion_length=65", "max_completion_length=65"),
        ("rollout.temperature=0.5", "temperature=0.5"),
        ("algo.scale_rewards=none", "scale_rewards=none"),
        ("algo.epsilon_high=0.28", "epsilon_high=0.28"),
        ("algo.beta=0.04", "beta=0.04"),
        ("algo.delta=3.0", "delta=3.0"),
        ("train.learning_rate=1e-3", "learning_rate=1e-3"),
        ("checkpoint.save_steps=7", "save_steps=7"),
    ] {
        let with = |set: &str| {
            let mut file = RunFile::parse(LEAST, "run.toml").unwrap();
            file.set(set).unwrap();
            file.resolve().unwrap()
        };
        assert_ne!(with(canonical), parse(LEAST).unwrap(), "{canonical}");
        assert_eq!(with(canonical), with(alias), "{alias}");
        let (key, value) = alias.split_once('=').unwrap();
        let quoted =
            if value.parse::<f64>().is_ok() || value.parse::<bool>().is_ok() { value.to_owned() } else { format!("{value:?}") };
        if !key.contains('.') && key != "max_completion_length" {
            assert_eq!(parse(&format!("{key} = {quoted}\n{LEAST}")).unwrap(), with(canonical), "{key}");
        }
    }
}

#[test]
fn unknown_key_names_line_and_nearest() {
    for (line, expected) in [
        ("[train]\nstep = 3", "run.toml:5: unknown key `train.step`, did you mean `train.steps`?"),
        ("[train]\nsteps = 3\nmax_step = 4", "run.toml:6: unknown key `train.max_step`, did you mean `train.steps`?"),
        ("[train]\ntemperature = 3", "run.toml:5: unknown key `train.temperature`, did you mean `rollout.temperature`?"),
        ("[eval]\nxyzzy = 3", "run.toml:5: unknown key `eval.xyzzy`"),
        ("[algo]\nloss_agregation = 3", "run.toml:5: unknown key `algo.loss_agregation`, did you mean `algo.loss_aggregation`?"),
    ] {
        assert_eq!(parse(&format!("{LEAST}{line}")).unwrap_err().to_string(), expected);
    }
    let top = parse(&format!("strategy = 1\n{LEAST}")).unwrap_err().to_string();
    assert_eq!(top, "run.toml:1: unknown key `strategy`, did you mean `reward.strategy`?");
    let long = parse(&format!("{} = 1\n{LEAST}", "x".repeat(100_000))).unwrap_err();
    assert!(matches!(long, RunFileError::UnknownKey { nearest: None, .. }));
}

#[test]
fn unknown_section_names_line_and_nearest() {
    let error = parse(&format!("{LEAST}\n[trian]\nsteps = 3")).unwrap_err().to_string();
    assert_eq!(
        error,
        "run.toml:5: unknown section [trian], did you mean `train`?; \
         known: model, data, verify, rollout, reward, algo, train, checkpoint, eval, log, alarms"
    );
    assert!(refused(&["trian.steps=3"]).starts_with("--set trian.steps=3: unknown section [trian], did you mean `train`?"));
}

#[test]
fn section_that_is_no_table() {
    let error = parse("train = 3").unwrap_err().to_string();
    assert_eq!(error, "run.toml:1: `train`: expected a section, found the whole number 3");
    assert!(parse("[[train]]\nsteps = 3").unwrap_err().to_string().contains("expected a section, found a list of 1"));
}

#[test]
fn mistyped_value_names_key_expected_and_found() {
    for (set, expected) in [
        ("train.steps=1O", "`train.steps`: expected a number of steps, at least 1, found the string \"1O\""),
        ("train.steps=3.5", "`train.steps`: expected a number of steps, at least 1, found the number 3.5"),
        ("max_steps=true", "`max_steps` (`train.steps`): expected a number of steps, at least 1, found true"),
        ("train.learning_rate=fast", "`train.learning_rate`: expected a number, found the string \"fast\""),
        ("eval.enabled=1", "`eval.enabled`: expected true or false, found the whole number 1"),
        ("output_dir=5", "`output_dir`: expected a string, found the whole number 5"),
        ("eval.budgets=64", "`eval.budgets`: expected a list of whole numbers, found the whole number 64"),
        ("eval.budgets=[1, x]", "`eval.budgets`: expected a list of whole numbers, found the string \"[1, x]\""),
        ("eval.budgets=[1, 2.5]", "`eval.budgets`: expected budgets in tokens, at least 1, found the number 2.5"),
        ("data.links=[1, 2, 3]", "`data.links`: expected [fewest, most], a list of 2, found a list of 3"),
        ("train.steps={a = 1}", "`train.steps`: expected a number of steps, at least 1, found a table"),
    ] {
        assert_eq!(refused(&[set]), format!("--set {set}: {expected}"));
    }
    let in_file = parse(&format!("{LEAST}temperature = \"hot\"")).unwrap_err().to_string();
    assert_eq!(in_file, "run.toml:4: `rollout.temperature`: expected a number, found the string \"hot\"");
    let date = parse(&format!("{LEAST}temperature = 2024-01-01")).unwrap_err().to_string();
    assert_eq!(date, "run.toml:4: `rollout.temperature`: expected a number, found a date");
}

#[test]
fn numbers_out_of_range() {
    for (set, expected) in [
        ("rollout.max_completion_length=0", "a length limit in tokens, at least 1, found 0"),
        ("rollout.max_completion_length=-5", "a length limit in tokens, at least 1, found -5"),
        ("reward.target_length=0", "a target length in tokens, at least 1, found 0"),
        ("reward.target_length=-48", "a target length in tokens, at least 1, found -48"),
        ("rollout.num_generations=0", "a number of rollouts per prompt, 2 to a million, found 0"),
        ("rollout.prompts_per_step=0", "a number of prompts, 1 to a million, found 0"),
        ("rollout.max_sequences=0", "a number of sequences, 1 to a million, found 0"),
        ("rollout.temperature=0", "a temperature above 0, in f32 and with an inverse there, found 0"),
        ("rollout.temperature=-0.1", "a temperature above 0, in f32 and with an inverse there, found -0.1"),
        ("rollout.temperature=nan", "a temperature above 0, in f32 and with an inverse there, found NaN"),
        ("algo.epsilon=1", "a clip from 0 to below 1, found 1"),
        ("algo.epsilon=-0.2", "a clip from 0 to below 1, found -0.2"),
        ("algo.epsilon_high=-0.1", "a clip from 0, found -0.1"),
        ("algo.advantage_epsilon=-1", "a number from 0, found -1"),
        ("algo.beta=-0.1", "a weight from 0, found -0.1"),
        ("algo.off_policy_mask_threshold=-1", "a number of nats from 0, found -1"),
        ("algo.entropy_bonus=nan", "a finite number, found NaN"),
        ("algo.updates_per_batch=0", "a number of updates, at least 1, found 0"),
        (
            "rollout.temperature=1e-40",
            "a temperature above 0, in f32 and with an inverse there, found 0.0000000000000000000000000000000000000001",
        ),
        (
            "train.learning_rate=1e-60",
            "a learning rate above 0 and finite in f32, found 0.000000000000000000000000000000000000000000000000000000000001",
        ),
        ("train.learning_rate=0", "a learning rate above 0 and finite in f32, found 0"),
        ("train.learning_rate=-1e-4", "a learning rate above 0 and finite in f32, found -0.0001"),
        ("train.learning_rate=inf", "a learning rate above 0 and finite in f32, found inf"),
        ("train.learning_rate=1e999", "a learning rate above 0 and finite in f32, found inf"),
        ("train.adam_beta1=1", "a decay from 0 to below 1, found 1"),
        ("train.adam_beta2=-0.1", "a decay from 0 to below 1, found -0.1"),
        ("train.adam_epsilon=0", "a number above 0 and finite in f32, found 0"),
        (
            "train.adam_epsilon=1e-60",
            "a number above 0 and finite in f32, found 0.000000000000000000000000000000000000000000000000000000000001",
        ),
        ("train.max_grad_norm=0", "a finite gradient norm above 0, found 0"),
        ("train.weight_decay=-0.1", "a finite weight decay from 0, found -0.1"),
        ("train.steps=0", "a number of steps, at least 1, found 0"),
        ("train.steps=4294967296", "a number of steps, at least 1, found 4294967296"),
        ("train.warmup_steps=-1", "a number of updates, at least 0, found -1"),
        ("data.links=[0, 5]", "a number of links from 1 to 20, found 0"),
        ("data.links=[1, 21]", "a number of links from 1 to 20, found 21"),
        ("eval.links=[21]", "a number of links from 1 to 20, found 21"),
        ("eval.n=0", "a number of samples per problem, 1 to a million, found 0"),
        ("eval.top_p=0", "a probability above 0, 1 for off, found 0"),
        ("eval.top_p=1.1", "a probability above 0, 1 for off, found 1.1"),
        ("eval.min_p=1", "a share below 1, 0 for off, found 1"),
        ("eval.temperature=-1", "a temperature, 0 for greedy, found -1"),
        ("seed=-1", "a whole number from 0 to 18446744073709551615, found -1"),
        ("seed=18446744073709551616", "a whole number from 0 to 18446744073709551615, found 18446744073709551616"),
        ("output_dir=", "a path, found an empty string"),
    ] {
        let key = set.split_once('=').unwrap().0;
        assert_eq!(refused(&[set]), format!("--set {set}: `{key}`: expected {expected}"));
    }
    assert!(refused(&[&format!("seed=1{}", "0".repeat(60))]).contains("expected a whole number from 0 to"));
}

#[test]
fn unknown_words_name_the_nearest_and_all() {
    for (set, expected) in [
        ("reward.strategy=truncaton", "unknown word `truncaton`, did you mean `truncation`?; known: correctness, truncation, "),
        ("rollout.group_filter=any", "unknown word `any`; known: any_correct_and_spread, mixed_outcome, reward_std, none"),
        ("algo.advantage=gprpo", "unknown word `gprpo`, did you mean `grpo`?; known: grpo, dr_grpo, "),
        ("algo.loss_type=dapo", "unknown word `dapo`, did you mean `sapo`?; known: clip, gspo, "),
        ("algo.kl_estimator=k4", "unknown word `k4`, did you mean `k1`?; known: k1, abs, k2, k3, k1+, k3+"),
        ("algo.loss_aggregation=token_mean", "unknown word `token_mean`, did you mean `token-mean`?; known: token-mean, "),
        ("train.lr_scheduler_type=linear", "unknown word `linear`; known: constant, cosine"),
        ("model.path=embedded:god", "unknown word `embedded:god`, did you mean `embedded:good`?; known: "),
        ("model.device=gpu", "unknown word `gpu`, did you mean `cpu`?; known: auto, cpu"),
        ("data.task=json", "unknown word `json`, did you mean `jsonl`?; known: chain, jsonl"),
        ("reward.masking=zero", "unknown word `zero`; known: exclude, zero_after"),
    ] {
        let key = set.split_once('=').unwrap().0;
        let found = refused(&[set]);
        assert!(found.starts_with(&format!("--set {set}: `{key}`: {expected}")), "{found}");
    }
}

#[test]
fn words_are_those_of_the_crates() {
    assert_eq!(
        GROUP_FILTERS.iter().map(|(word, _)| *word).collect::<std::collections::BTreeSet<_>>(),
        curt_difficulty::names().into_iter().collect()
    );
    for strategy in curt_reward::names() {
        let config = RunFile::load(None, &[format!("reward.strategy={strategy}")]).unwrap();
        assert_eq!(config.reward.strategy, strategy);
    }
}

#[test]
fn a_strategy_takes_its_own_parameters_and_no_other() {
    let reward = |sets: &[&str]| {
        let sets: Vec<String> = sets.iter().map(|set| format!("reward.{set}")).collect();
        RunFile::load(None, &sets).map(|config| config.reward).map_err(|error| error.to_string())
    };
    let kimi = reward(&["strategy=kimi", "alpha=0.25"]).unwrap().parameters;
    assert_eq!(kimi, curt_reward::Parameters::new().with("alpha", 0.25).with("warmup_steps", 0));
    // the limit of the embedded run is 256, its target 48
    let cosine = reward(&["strategy=dapo_overlong"]).unwrap().parameters;
    let expected = curt_reward::Parameters::new().with("max_length", 256).with("buffer", 51).with("factor", 1);
    assert_eq!(cosine, expected);
    let pruned = reward(&["strategy=think_prune", "end_length=40"]).unwrap().parameters;
    assert_eq!((pruned.get("start_length"), pruned.get("end_length")), (Some(&48.into()), Some(&40.into())));
    for (sets, start) in [
        (&["alpha=0.5"][..], "--set reward.alpha=0.5: `reward.alpha`: reward strategy `truncation` has no parameter `alpha`"),
        (&["strategy=kimi", "alpha=-1"], "--set reward.alpha=-1: `reward.alpha`: reward strategy `kimi`: `alpha` must be"),
        (&["strategy=kimi", "alpha=much"], "--set reward.alpha=much: `reward.alpha`: reward strategy `kimi`: `alpha` must be"),
        (&["strategy=kimi", "alpha=[1]"], "--set reward.alpha=[1]: `reward.alpha`: expected a number or a word, found a list"),
        (&["strategy=kimi", "alhpa=1"], "--set reward.alhpa=1: unknown key `reward.alhpa`, did you mean `reward.alpha`?"),
        (
            &["strategy=think_prune", "end_length=49"],
            "--set reward.end_length=49: `reward.end_length`: reward strategy `think_prune`",
        ),
    ] {
        let error = reward(sets).unwrap_err();
        assert!(error.starts_with(start), "{error}");
    }
}

#[test]
fn malformed_toml_names_line_and_column() {
    let error = parse("seed = 1\noutput_dir = = 2").unwrap_err().to_string();
    assert!(error.starts_with("run.toml:2:14: not TOML: "), "{error}");
    let twice = parse("seed = 1\nseed = 2").unwrap_err().to_string();
    assert!(twice.starts_with("run.toml:2:1: not TOML: duplicate key"), "{twice}");
}

#[test]
fn unreadable_file_is_named() {
    let error = RunFile::load(Some(Path::new("/nonexistent/run.toml")), &[]).unwrap_err().to_string();
    assert!(error.starts_with("/nonexistent/run.toml: cannot be read: "), "{error}");
}

#[test]
fn set_without_key_or_equals() {
    for set in ["train.steps", "=3", "train.=3", ""] {
        assert_eq!(refused(&[set]), format!("--set {set}: expected `section.key=value`"));
    }
}

#[test]
fn last_set_counts_and_bare_words_are_strings() {
    let mut file = RunFile::parse(LEAST, "run.toml").unwrap();
    for set in ["train.steps=3", "max_steps = 4", "output_dir=runs/2024 a", "eval.budgets=[1, 2]", "model.path=\"embedded:weak\""]
    {
        file.set(set).unwrap();
    }
    let config = file.resolve().unwrap();
    assert_eq!((config.train.steps, config.output_dir.to_str().unwrap()), (4, "runs/2024 a"));
    assert_eq!((config.eval.budgets, config.model.path.as_str()), (vec![1, 2], "embedded:weak"));
    file.set("output_dir=2024-01-01").unwrap();
    assert_eq!(file.resolve().unwrap().output_dir.to_str().unwrap(), "2024-01-01");
}

#[test]
fn one_setting_under_two_names() {
    let error = parse(&format!("max_steps = 3\n{LEAST}[train]\nsteps = 3")).unwrap_err().to_string();
    assert_eq!(error, "run.toml:6: `train.steps`: already given as `max_steps` in line 1");
}

#[test]
fn keys_without_default_are_missing() {
    let error = parse("output_dir = \"out\"").unwrap_err().to_string();
    assert_eq!(error, "run.toml: `rollout.max_completion_length` is missing: expected the length limit of a rollout in tokens");
    let error = parse("[rollout]\nmax_completion_length = 64").unwrap_err().to_string();
    assert_eq!(error, "run.toml: `output_dir` is missing: expected a folder for what the run writes");
}

#[test]
fn group_of_one() {
    assert!(refused(&["num_generations=1"]).contains("a group of 1 gives no signal"));
    assert!(refused(&["rollout.num_generations=1000001"]).contains("2 to a million, found 1000001"));
    let step = refused(&["rollout.num_generations=5000", "rollout.prompts_per_step=2001"]);
    assert!(step.contains("2001 prompts of 5000 rollouts") && step.contains("at most 10000000 rollouts"), "{step}");
}

#[test]
fn filters_in_training() {
    for set in ["rollout.top_k=50", "rollout.top_p=0.9", "rollout.min_p=0.1", "top_k=50"] {
        let error = refused(&[set]);
        assert!(
            error.contains("drawn from the whole distribution") && error.contains("`eval.top_k`") == set.contains("top_k"),
            "{error}"
        );
    }
}

#[test]
fn passes_over_a_batch() {
    for set in ["num_iterations=2", "algo.num_iterations=1"] {
        let error = refused(&[set]);
        assert!(error.contains("num_iterations") && error.contains("`algo.updates_per_batch`"), "{error}");
    }
    // elsewhere it is a key like any other that does not exist
    assert!(refused(&["train.num_iterations=2"]).contains("unknown key"));
}

#[test]
fn target_above_limit() {
    let error = refused(&["reward.target_length=65"]);
    assert!(error.contains("a target of 65 tokens above the limit of `rollout.max_completion_length` = 64"), "{error}");
}

#[test]
fn prompts_not_divisible_by_updates() {
    let error = refused(&["algo.updates_per_batch=3"]);
    assert_eq!(
        error,
        "run.toml: `rollout.prompts_per_step`, by default: 16 prompts per step cannot be divided by `algo.updates_per_batch` = 3"
    );
    assert!(refused(&["rollout.prompts_per_step=2", "algo.updates_per_batch=4"]).contains("2 prompts per step"));
}

#[test]
fn micro_tokens_below_one_sequence() {
    let error = refused(&["train.micro_tokens=1087"]);
    assert!(error.contains("1087 tokens cannot hold one sequence: expected at least 1088"), "{error}");
}

#[test]
fn links_reversed() {
    assert!(refused(&["data.links=[5, 4]"]).contains("expected [fewest, most] with fewest ≤ most, found [5, 4]"));
}

#[test]
fn jsonl_without_path() {
    assert!(refused(&["data.task=jsonl"]).contains("--set data.task=jsonl: `data.task`: task `jsonl` needs `data.path`"));
}

#[test]
fn path_without_jsonl() {
    for sets in [&["data.task=chain", "data.path=p.jsonl"][..], &["eval.path=p.jsonl"]] {
        assert!(refused(sets).contains("task `chain` draws its problems and reads no file"));
    }
}

#[test]
fn devices_have_a_number() {
    for device in ["cuda", "cuda:", "cuda:x", "cuda:-1", "cuda:12345", "gpu"] {
        let said = refused(&[&format!("model.device={device}")]);
        assert!(said.contains("or cuda:N such as cuda:0") && said.contains(device), "{said}");
    }
    for device in ["auto", "cpu", "cuda:0", "cuda:12"] {
        let sets = [format!("model.device={device}")];
        assert_eq!(RunFile::load(None, &sets).unwrap().model.device, device);
    }
}

#[test]
fn empty_lists() {
    assert!(refused(&["eval.budgets=[]"]).contains("expected at least one budget in tokens, found an empty list"));
    assert!(refused(&["eval.links=[]"]).contains("expected at least one number of links, found an empty list"));
}

#[test]
fn budget_above_limit() {
    assert!(
        refused(&["eval.budgets=[32, 65]"])
            .contains("a budget of 65 tokens above the limit of `eval.max_completion_length` = 64")
    );
}

#[test]
fn lists_that_do_not_rise() {
    assert!(refused(&["eval.budgets=[32, 32]"]).contains("expected a rising list, found 32 after 32"));
    assert!(refused(&["eval.links=[3, 1]"]).contains("expected a rising list, found 1 after 3"));
}

#[cfg(unix)]
#[test]
fn path_that_toml_cannot_express() {
    use std::os::unix::ffi::OsStringExt;
    let mut config = RunFile::load(None, &[]).unwrap();
    config.output_dir = std::ffi::OsString::from_vec(vec![b'a', 0xff]).into();
    assert!(matches!(config.to_toml(), Err(RunFileError::NotWritable { .. })));
}
