//! `oracles/grpo_oracles.json`: advantages, aggregations, clipped losses and their gradients of verl and TRL, in f64.
//!
//! Left out because it is defined otherwise: verl's `grpo_vectorized_std` differs from verl's own `grpo_std` by 9e-8.

use std::path::Path;

use anyhow::{Context, Result};
use curt_advantage::{
    AdvantageEstimator, Aggregation, Clip, Credit, Grpo, Normalizer, Objective, RewardGroup, ScaleRewards, SequenceView,
};
use serde_json::Value;

use super::Ledger;

const FILE: &str = "oracles/grpo_oracles.json";
/// 5 advantages, 4 aggregations, 8 losses of verl and 4 of TRL, each loss with its gradient.
const N_EXPECTED: usize = 5 + 4 + 2 * (8 + 4);
const TOLERANCE: f64 = 1e-9;

/// verl divides by a spread plus 1e-6, TRL by one plus 1e-4.
const VERL_EPSILON: f64 = 1e-6;
const TRL_EPSILON: f64 = 1e-4;

/// The inputs of every case: groups of four rollouts, each row cut to its true length.
struct Inputs {
    document: Value,
    groups: Vec<RewardGroup>,
    lengths: Vec<usize>,
    /// Tokens of the padded rows: the constant of `seq-mean-token-sum-norm`.
    width: usize,
    old_logprobs: Vec<Vec<f64>>,
    logprobs: Vec<Vec<f64>>,
}

/// All comparisons of this file.
pub fn compare(folder: &Path, ledger: &mut Ledger) -> Result<()> {
    let path = folder.join(FILE);
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let inputs = Inputs::new(serde_json::from_str(&text).with_context(|| FILE)?)?;
    ledger.open(FILE, N_EXPECTED);
    advantages(&inputs, ledger)?;
    aggregations(&inputs, ledger)?;
    losses(&inputs, ledger)
}

fn advantages(inputs: &Inputs, ledger: &mut Ledger) -> Result<()> {
    let verl = [("grpo_std", ScaleRewards::Group), ("grpo_nostd", ScaleRewards::None)];
    for (name, scale) in verl {
        let want = cut(&table(&inputs.document["verl"]["advantages"][name])?, &inputs.lengths);
        let found: Vec<Vec<f64>> = inputs
            .credits(scale, VERL_EPSILON)?
            .iter()
            .zip(&inputs.lengths)
            .map(|(c, &n)| (0..n).map(|t| c.at(t)).collect())
            .collect();
        ledger.within(&format!("verl {name}"), distance(&found, &want), TOLERANCE);
    }
    for (name, scale) in [("group", ScaleRewards::Group), ("batch", ScaleRewards::Batch), ("none", ScaleRewards::None)] {
        let want = row(&inputs.document["trl"]["advantages"][name])?;
        let found: Vec<f64> = inputs.credits(scale, TRL_EPSILON)?.iter().map(|c| c.at(0)).collect();
        ledger.within(&format!("trl {name}"), distance(&[found], &[want]), TOLERANCE);
    }
    Ok(())
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
    Ok(())
}

const MODES: [&str; 4] = ["token-mean", "seq-mean-token-sum", "seq-mean-token-mean", "seq-mean-token-sum-norm"];

fn losses(inputs: &Inputs, ledger: &mut Ledger) -> Result<()> {
    let credits = inputs.credits(ScaleRewards::Group, VERL_EPSILON)?;
    for word in MODES {
        for (high, text) in [(0.2, "0.2"), (0.28, "0.28")] {
            let key = format!("clip 0.2/{text} c=3 {word}");
            let clip = Clip::new(0.2, high, Some(3.0), Aggregation::from_word(word, inputs.width as u32)?)?;
            loss(inputs, &format!("verl {key}"), &inputs.document["verl"]["policy_loss"][&key], &credits, &clip, ledger)?;
        }
    }
    let credits = inputs.credits(ScaleRewards::Group, TRL_EPSILON)?;
    for word in ["dapo", "grpo", "bnpo", "dr_grpo"] {
        let key = format!("{word} token beta=0.0");
        let clip = Clip::new(0.2, 0.28, None, Aggregation::from_word(word, inputs.width as u32)?)?;
        loss(inputs, &format!("trl {key}"), &inputs.document["trl"]["loss"][&key], &credits, &clip, ledger)?;
    }
    Ok(())
}

/// Two comparisons: the loss, and its derivative with respect to every log-probability, padding included.
fn loss(inputs: &Inputs, name: &str, want: &Value, credits: &[Credit], clip: &Clip, ledger: &mut Ledger) -> Result<()> {
    let rows = inputs.logprobs.iter().zip(&inputs.old_logprobs).zip(credits);
    let views: Vec<SequenceView<'_>> = rows.map(|((new, old), credit)| SequenceView::new(new, old, credit)).collect();
    let evaluation = clip.evaluate(&views, &Normalizer::all(&views))?;
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
            lengths,
            document,
        })
    }

    /// One advantage per rollout, in the order of the file.
    fn credits(&self, scale: ScaleRewards, epsilon: f64) -> Result<Vec<Credit>> {
        Ok(Grpo::new(scale, epsilon)?.estimate(&self.groups)?.concat())
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
    fn a_distance_hides_nothing() {
        assert_eq!(distance(&[vec![1.0, 2.0]], &[vec![1.0, 2.5]]), 0.5);
        assert_eq!(distance(&[vec![1.0]], &[vec![1.0, 2.0]]), f64::INFINITY);
        assert_eq!(distance(&[vec![1.0]], &[]), f64::INFINITY);
        assert!(distance(&[vec![9.0, f64::NAN, 1.0]], &[vec![0.0, 0.0, 0.0]]).is_nan());
    }
}
