//! `oracles/grpo_oracles.json`: every function of it. Advantages, aggregations, KL estimates, losses and their gradients of
//! verl and TRL, in f64.
//!
//! Where we differ by convention, the comparison is with a golden of our own: see [`CONVENTIONS`].

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use curt_advantage::{
    AdvantageEstimator, Aggregation, Cispo, Clip, Credit, DrGrpo, Gmpo, Gpg, GpgCount, GpgLoss, Grpo, Gspo, KlEstimator,
    KlPenalty, Normalizer, Objective, Opo, PassAtK, ReinforcePlusPlusBaseline, RewardGroup, Rloo, Sapo, ScaleRewards,
    SequenceView,
};
use serde_json::Value;

use super::Ledger;

const FILE: &str = "oracles/grpo_oracles.json";
/// 8 advantages of verl, one of them twice and two by conventions of ours; 3 of TRL; 4 aggregations; 7 KL estimates; 13
/// losses of verl and 14 of TRL, each loss with its gradient; that nothing of 6 sections was left out.
const N_EXPECTED: usize = 10 + 3 + 4 + 7 + 2 * (13 + 14) + 6;
const TOLERANCE: f64 = 1e-9;

/// verl divides by a spread plus 1e-6, TRL by one plus 1e-4.
const VERL_EPSILON: f64 = 1e-6;
const TRL_EPSILON: f64 = 1e-4;

/// What is defined otherwise here, and why; at most ten.
const CONVENTIONS: [(&str, &str); 2] = [
    (
        "grpo_vectorized_std",
        "verl's faster twin floors the variance and so differs from verl's own grpo_std; we have one definition",
    ),
    (
        "reinforce_plus_plus_baseline, flat groups",
        "exactly 0 here; in verl they get the mean of the batch, which says nothing of them",
    ),
];

/// The inputs of every case: groups of four rollouts, each row cut to its true length.
struct Inputs {
    document: Value,
    groups: Vec<RewardGroup>,
    lengths: Vec<usize>,
    /// Tokens of the padded rows: the constant of `seq-mean-token-sum-norm`.
    width: usize,
    old_logprobs: Vec<Vec<f64>>,
    logprobs: Vec<Vec<f64>>,
    ref_logprobs: Vec<Vec<f64>>,
}

/// All comparisons of this file.
pub fn compare(folder: &Path, ledger: &mut Ledger) -> Result<()> {
    let path = folder.join(FILE);
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let inputs = Inputs::new(serde_json::from_str(&text).with_context(|| FILE)?)?;
    ledger.open(FILE, N_EXPECTED);
    verl_advantages(&inputs, ledger)?;
    trl_advantages(&inputs, ledger)?;
    aggregations(&inputs, ledger)?;
    kl_estimates(&inputs, ledger)?;
    verl_losses(&inputs, ledger)?;
    trl_losses(&inputs, ledger)?;
    for (name, why) in CONVENTIONS {
        println!("     differs by convention: {name}: {why}");
    }
    Ok(())
}

fn verl_advantages(inputs: &Inputs, ledger: &mut Ledger) -> Result<()> {
    let grpo = |scale| Grpo::new(scale, VERL_EPSILON);
    let same: [(&str, Box<dyn AdvantageEstimator>); 7] = [
        ("grpo_std", Box::new(grpo(ScaleRewards::Group)?)),
        ("grpo_nostd", Box::new(grpo(ScaleRewards::None)?)),
        ("grpo_nostd", Box::new(DrGrpo)),
        ("rloo", Box::new(Rloo)),
        ("opo", Box::new(Opo)),
        ("gpg", Box::new(Gpg::new(GpgCount::NonzeroRewards, 1.0)?)),
        ("grpo_passk", Box::new(PassAtK::new(true, VERL_EPSILON)?)),
    ];
    let wanted = |name: &str| Ok::<_, anyhow::Error>(cut(&table(&inputs.document["verl"]["advantages"][name])?, &inputs.lengths));
    for (name, estimator) in &same {
        let found = inputs.token_advantages(estimator.as_ref())?;
        ledger.within(&format!("verl {name} by {}", estimator.name()), distance(&found, &wanted(name)?), TOLERANCE);
    }

    // rewards 1, 0, 1, ½; 1, 1, 1, 0; 0, 0, 0, 0: mean and sample deviation by hand
    let (first, second) = ((0.6875f64 / 3.0).sqrt() + VERL_EPSILON, 0.5 + VERL_EPSILON);
    let golden = [0.375 / first, -0.625 / first, 0.375 / first, -0.125 / first, 0.25 / second, 0.25 / second, 0.25 / second];
    let golden = golden.into_iter().chain([-0.75 / second, 0.0, 0.0, 0.0, 0.0]).zip(&inputs.lengths).map(|(a, &n)| vec![a; n]);
    let found = inputs.token_advantages(&grpo(ScaleRewards::Group)?)?;
    ledger.within("golden for grpo_vectorized_std", distance(&found, &golden.collect::<Vec<_>>()), TOLERANCE);

    let found = inputs.token_advantages(&ReinforcePlusPlusBaseline::default())?;
    let want = wanted("reinforce_plus_plus_baseline")?;
    let with_signal = inputs.groups.iter().take_while(|group| !group.is_flat()).map(|group| group.rewards.len()).sum::<usize>();
    let what = "verl reinforce_plus_plus_baseline, groups with signal";
    ledger.within(what, distance(&found[..with_signal], &want[..with_signal]), TOLERANCE);
    let zeros = found[with_signal..].iter().flatten().all(|advantage| *advantage == 0.0);
    ledger.holds("golden for reinforce_plus_plus_baseline, flat groups", zeros && with_signal == 8, || "not 0".into());

    let compared = same.iter().map(|(name, _)| *name).chain(["grpo_vectorized_std", "reinforce_plus_plus_baseline"]);
    nothing_left_out(&inputs.document["verl"]["advantages"], "verl.advantages", compared, ledger);
    Ok(())
}

fn trl_advantages(inputs: &Inputs, ledger: &mut Ledger) -> Result<()> {
    let scales = [("group", ScaleRewards::Group), ("batch", ScaleRewards::Batch), ("none", ScaleRewards::None)];
    for (name, scale) in scales {
        let want = row(&inputs.document["trl"]["advantages"][name])?;
        let found: Vec<f64> = inputs.credits(&Grpo::new(scale, TRL_EPSILON)?)?.iter().map(|c| c.at(0)).collect();
        ledger.within(&format!("trl {name}"), distance(&[found], &[want]), TOLERANCE);
    }
    nothing_left_out(&inputs.document["trl"]["advantages"], "trl.advantages", scales.map(|(name, _)| name), ledger);
    Ok(())
}

/// One comparison: that these are all names of a section of the file.
fn nothing_left_out<'a>(section: &Value, what: &str, compared: impl IntoIterator<Item = &'a str>, ledger: &mut Ledger) {
    let names: BTreeSet<&str> = section.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    let compared: BTreeSet<&str> = compared.into_iter().collect();
    ledger.holds(&format!("all of {what}"), names == compared, || format!("there: {names:?}, compared: {compared:?}"));
}

fn aggregations(inputs: &Inputs, ledger: &mut Ledger) -> Result<()> {
    let losses = cut(&table(&inputs.document["inputs"]["loss_mat"])?, &inputs.lengths);
    let norm = Normalizer { action_tokens: inputs.lengths.iter().sum::<usize>() as u64, sequences: losses.len() as u64 };
    for word in MODES {
        let mode = Aggregation::from_word(word, inputs.width as u32)?;
        let found: f64 = losses.iter().map(|row| row.iter().sum::<f64>() * mode.weight(row.len(), &norm)).sum();
        let want = inputs.document["verl"]["agg"][word].as_f64().with_context(|| format!("verl.agg.{word}"))?;
        ledger.within(&format!("verl agg {word}"), (found - want).abs(), TOLERANCE);
    }
    nothing_left_out(&inputs.document["verl"]["agg"], "verl.agg", MODES, ledger);
    Ok(())
}

const MODES: [&str; 4] = ["token-mean", "seq-mean-token-sum", "seq-mean-token-mean", "seq-mean-token-sum-norm"];

fn kl_estimates(inputs: &Inputs, ledger: &mut Ledger) -> Result<()> {
    use KlEstimator::{Abs, K1, K2, K3};
    let names = [("kl", K1), ("k1", K1), ("abs", Abs), ("mse", K2), ("k2", K2), ("low_var_kl", K3), ("k3", K3)];
    for (name, estimator) in names {
        let want = cut(&table(&inputs.document["verl"]["kl"][name])?, &inputs.lengths);
        let row = |(now, reference): (&Vec<f64>, &Vec<f64>)| {
            now.iter().zip(reference).map(|(now, reference)| estimator.at(now - reference).0).collect()
        };
        let found: Vec<Vec<f64>> = inputs.logprobs.iter().zip(&inputs.ref_logprobs).map(row).collect();
        ledger.within(&format!("verl kl {name}"), distance(&found, &want), TOLERANCE);
    }
    nothing_left_out(&inputs.document["verl"]["kl"], "verl.kl", names.map(|(name, _)| name), ledger);
    Ok(())
}

fn verl_losses(inputs: &Inputs, ledger: &mut Ledger) -> Result<()> {
    let credits = inputs.credits(&Grpo::new(ScaleRewards::Group, VERL_EPSILON)?)?;
    let mut cases: Vec<(String, Box<dyn Objective>)> = Vec::new();
    for word in MODES {
        for (high, text) in [(0.2, "0.2"), (0.28, "0.28")] {
            let clip = Clip::new(0.2, high, Some(3.0), Aggregation::from_word(word, inputs.width as u32)?)?;
            cases.push((format!("clip 0.2/{text} c=3 {word}"), Box::new(clip)));
        }
    }
    let (by_token, by_sequence) = (Aggregation::TokenMean, Aggregation::SeqMeanTokenMean);
    let others: [(&str, Box<dyn Objective>); 5] = [
        ("gspo", Box::new(Gspo::new(0.2, 0.28, by_sequence)?)),
        ("sapo", Box::new(Sapo::new(1.0, 1.05, by_sequence)?)),
        ("geo_mean", Box::new(Gmpo::new(0.2, 0.28, by_sequence)?)),
        ("cispo", Box::new(Cispo::new(Some(0.2), 0.28, by_token)?)),
        ("gpg", Box::new(GpgLoss::new(by_token)?)),
    ];
    let named = |name| format!("{name} (default aggregation, ActorConfig clip 0.2/0.28)");
    cases.extend(others.into_iter().map(|(name, objective)| (named(name), objective)));
    for (key, objective) in &cases {
        let want = &inputs.document["verl"]["policy_loss"][key];
        loss(inputs, &format!("verl {key}"), want, &credits, objective.as_ref(), ledger)?;
    }
    let compared = cases.iter().map(|(key, _)| key.as_str());
    nothing_left_out(&inputs.document["verl"]["policy_loss"], "verl.policy_loss", compared, ledger);
    Ok(())
}

fn trl_losses(inputs: &Inputs, ledger: &mut Ledger) -> Result<()> {
    let credits = inputs.credits(&Grpo::new(ScaleRewards::Group, TRL_EPSILON)?)?;
    let mode = |word| Aggregation::from_word(word, inputs.width as u32);
    let clip = |word| anyhow::Ok(Box::new(Clip::new(0.2, 0.28, None, mode(word)?)?) as Box<dyn Objective>);
    let mut compared = Vec::new();
    for (beta, text) in [(0.0, "0.0"), (0.04, "0.04")] {
        let cases: [(&str, Box<dyn Objective>, Aggregation); 7] = [
            ("grpo token", clip("grpo")?, mode("grpo")?),
            ("bnpo token", clip("bnpo")?, mode("bnpo")?),
            ("dr_grpo token", clip("dr_grpo")?, mode("dr_grpo")?),
            ("dapo token", clip("dapo")?, mode("dapo")?),
            // TRL's epsilon_high of 5 is the cap itself
            ("cispo token", Box::new(Cispo::new(None, 4.0, mode("dapo")?)?), mode("dapo")?),
            ("sapo token", Box::new(Sapo::new(1.0, 1.05, mode("grpo")?)?), mode("grpo")?),
            ("grpo sequence", Box::new(Gspo::new(0.2, 0.28, mode("grpo")?)?), mode("grpo")?),
        ];
        for (name, objective, aggregation) in cases {
            let key = format!("{name} beta={text}");
            let objective = KlPenalty::new(objective, beta, KlEstimator::K3, aggregation)?;
            loss(inputs, &format!("trl {key}"), &inputs.document["trl"]["loss"][&key], &credits, &objective, ledger)?;
            compared.push(key);
        }
    }
    nothing_left_out(&inputs.document["trl"]["loss"], "trl.loss", compared.iter().map(String::as_str), ledger);
    Ok(())
}

/// Two comparisons: the loss, and its derivative with respect to every log-probability, padding included.
fn loss(
    inputs: &Inputs,
    name: &str,
    want: &Value,
    credits: &[Credit],
    objective: &dyn Objective,
    ledger: &mut Ledger,
) -> Result<()> {
    let view = |i: usize| SequenceView {
        reference: Some(&inputs.ref_logprobs[i]),
        ..SequenceView::new(&inputs.logprobs[i], &inputs.old_logprobs[i], &credits[i])
    };
    let views: Vec<SequenceView<'_>> = (0..credits.len()).map(view).collect();
    let evaluation = objective.evaluate(&views, &Normalizer::all(&views))?;
    let want_loss = want["loss"].as_f64().with_context(|| format!("{name}: no loss"))?;
    ledger.within(&format!("{name}: loss"), (evaluation.loss() - want_loss).abs(), TOLERANCE);
    let padded = |tokens: &Vec<curt_advantage::TokenGrad>| {
        (0..inputs.width).map(|t| tokens.get(t).map_or(0.0, |token| token.d_logprob)).collect()
    };
    let found: Vec<Vec<f64>> = evaluation.tokens.iter().map(padded).collect();
    ledger.within(&format!("{name}: gradient"), distance(&found, &table(&want["grad_logp"])?), TOLERANCE);
    Ok(())
}

impl Inputs {
    fn new(document: Value) -> Result<Self> {
        let inputs = &document["inputs"];
        let lengths: Vec<usize> = table(&inputs["mask"])?.iter().map(|row| row.iter().sum::<f64>() as usize).collect();
        let (rewards, groups) = (row(&inputs["reward"])?, row(&inputs["group"])?);
        let mut by_group: Vec<(f64, Vec<f64>, Vec<u32>)> = Vec::new();
        for ((&reward, &group), &length) in rewards.iter().zip(&groups).zip(&lengths) {
            if by_group.last().is_none_or(|last| last.0 != group) {
                by_group.push((group, Vec::new(), Vec::new()));
            }
            let last = by_group.last_mut().expect("pushed above");
            last.1.push(reward);
            last.2.push(length as u32);
        }
        Ok(Inputs {
            groups: by_group.into_iter().map(|(_, rewards, lengths)| RewardGroup::new(rewards, lengths)).collect(),
            width: table(&inputs["mask"])?.first().map_or(0, Vec::len),
            old_logprobs: cut(&table(&inputs["old_logp"])?, &lengths),
            logprobs: cut(&table(&inputs["logp"])?, &lengths),
            ref_logprobs: cut(&table(&inputs["ref_logp"])?, &lengths),
            lengths,
            document,
        })
    }

    /// One advantage per rollout, in the order of the file.
    fn credits(&self, estimator: &dyn AdvantageEstimator) -> Result<Vec<Credit>> {
        Ok(estimator.estimate(&self.groups)?.concat())
    }

    /// One advantage per token, as verl has them.
    fn token_advantages(&self, estimator: &dyn AdvantageEstimator) -> Result<Vec<Vec<f64>>> {
        let rows = self.credits(estimator)?;
        Ok(rows.iter().zip(&self.lengths).map(|(credit, &n)| (0..n).map(|t| credit.at(t)).collect()).collect())
    }
}

/// The largest difference of two tables; infinite where their shapes differ, NaN where an entry is.
fn distance(a: &[Vec<f64>], b: &[Vec<f64>]) -> f64 {
    if a.len() != b.len() || a.iter().zip(b).any(|(x, y)| x.len() != y.len()) {
        return f64::INFINITY;
    }
    let differences = a.iter().flatten().zip(b.iter().flatten()).map(|(x, y)| (x - y).abs());
    differences.fold(0.0, |worst, d| if d > worst || d.is_nan() { d } else { worst })
}

fn cut(rows: &[Vec<f64>], lengths: &[usize]) -> Vec<Vec<f64>> {
    rows.iter().zip(lengths).map(|(row, &n)| row[..n.min(row.len())].to_vec()).collect()
}

fn row(value: &Value) -> Result<Vec<f64>> {
    let numbers = value.as_array().with_context(|| format!("{FILE}: expected numbers, found {value}"))?;
    numbers.iter().map(|x| x.as_f64().with_context(|| format!("{FILE}: expected a number, found {x}"))).collect()
}

fn table(value: &Value) -> Result<Vec<Vec<f64>>> {
    let rows = value.as_array().with_context(|| format!("{FILE}: expected rows of numbers, found {value}"))?;
    rows.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_conventions_differ() {
        let n = CONVENTIONS.len();
        assert!(n <= 10, "{n}");
    }

    #[test]
    fn a_function_that_is_not_compared_is_missed() {
        let section = serde_json::json!({"a": 1, "b": 2});
        for (compared, missed) in [(vec!["a", "b"], 0), (vec!["a"], 1), (vec!["a", "b", "c"], 1)] {
            let mut ledger = Ledger::default();
            ledger.open(FILE, 1);
            nothing_left_out(&section, "x", compared, &mut ledger);
            assert_eq!(ledger.print(), missed);
        }
    }

    #[test]
    fn a_distance_hides_nothing() {
        assert_eq!(distance(&[vec![1.0, 2.0]], &[vec![1.0, 2.5]]), 0.5);
        assert_eq!(distance(&[vec![1.0]], &[vec![1.0, 2.0]]), f64::INFINITY);
        assert_eq!(distance(&[vec![1.0]], &[]), f64::INFINITY);
        assert!(distance(&[vec![9.0, f64::NAN, 1.0]], &[vec![0.0, 0.0, 0.0]]).is_nan());
    }
}
