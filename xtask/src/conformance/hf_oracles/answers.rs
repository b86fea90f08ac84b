//! What our runtime says of a checkpoint, on any backend, and how that compares.

use std::path::Path;

use anyhow::Result;
use curt_kernels::Ops;
use curt_runtime::{
    Checkpoint, Completion, DrawKey, GenerateRequest, ModelConfig, Policy, PolicyError, Purpose, Sampling, Settings, TokenFacts,
    TokenGradients, Transformer,
};

use super::oracle::Oracle;
use crate::conformance::Ledger;

/// Rows of each oracle; their greedy continuations start from this many tokens.
const N_ROWS: usize = 2;
const GREEDY_PROMPT: usize = 5;

/// max|Δ| over max|reference|, for what the forward gives.
const FORWARD_TOLERANCE: f64 = 2e-5;
/// ‖Δ‖ over ‖reference‖, for each gradient.
const GRADIENT_TOLERANCE: f64 = 1e-4;

/// All that is compared, row by row of the oracle.
pub struct Answers {
    logits: Vec<Vec<f32>>,
    facts: Vec<TokenFacts>,
    gradients: Vec<Gradient>,
    greedy: Vec<Completion>,
}

/// The gradient of one tensor of the checkpoint.
struct Gradient {
    tensor: String,
    shape: Vec<usize>,
    values: Vec<f32>,
}

impl Answers {
    /// Runs the checkpoint in `folder` with the architecture `config` on `backend`.
    pub fn of<B: Ops<Real = f32>>(backend: B, folder: &Path, config: ModelConfig, oracle: &Oracle) -> Result<Self> {
        let checkpoint = Checkpoint::open(folder)?;
        let mut source = |name: &str, shape: &[usize]| checkpoint.tensor(name, shape).map_err(PolicyError::from);
        // no stop ids: the recorded continuations walk past EOS
        let mut model = Transformer::from_source(backend, config, Vec::new(), Settings::default(), &mut source)?;
        let logits = |tokens: &Vec<u32>| model.logits(tokens).map(|logits| logits.into_iter().collect());
        let logits = oracle.rows.iter().map(logits).collect::<Result<_, _>>()?;
        let facts = model.score(&oracle.sequences(), 1.0)?;
        let gradients = gradients(&mut model, oracle)?;
        Ok(Answers { logits, facts, gradients, greedy: greedy(&mut model, oracle)? })
    }

    /// The number of comparisons of [`Answers::compare`] for a checkpoint of so many tensors.
    pub fn n_compared(n_tensors: usize) -> usize {
        3 + n_tensors + N_ROWS
    }

    /// Compares with transformers.
    pub fn compare(&self, oracle: &Oracle, ledger: &mut Ledger) -> Result<()> {
        relative_maximum("logits", &self.logits, &oracle.of_tokens("logits", 0)?, ledger);
        relative_maximum("logprobs", &self.of_facts(|f| &f.logprob), &oracle.of_tokens("logprobs", 1)?, ledger);
        relative_maximum("entropy", &self.of_facts(|f| &f.entropy), &oracle.of_tokens("entropy", 1)?, ledger);
        for gradient in &self.gradients {
            gradient.compare(oracle, ledger)?;
        }
        for (row, (found, want)) in self.greedy.iter().zip(oracle.greedy()?).enumerate() {
            let same = found.ids.iter().map(|&id| f64::from(id)).eq(want.iter().copied());
            ledger.holds(&continuation(row), same, || format!("found {:?}, expected {want:?}", found.ids));
        }
        Ok(())
    }

    /// The number of comparisons of [`Answers::compare_bits`] for a checkpoint of so many tensors.
    pub fn n_compared_bits(n_tensors: usize) -> usize {
        4 + n_tensors + N_ROWS
    }

    /// Compares with what another backend said, bit by bit.
    pub fn compare_bits(&self, other: &Answers, ledger: &mut Ledger) {
        same_bits("logits", &self.logits, &other.logits, ledger);
        let mut facts = |what: &str, kind: fn(&TokenFacts) -> &Vec<f32>| {
            same_bits(what, &self.of_facts(kind), &other.of_facts(kind), ledger);
        };
        facts("logprobs", |f| &f.logprob);
        facts("entropy", |f| &f.entropy);
        facts("Σp²", |f| &f.sum_p2);
        for (found, want) in self.gradients.iter().zip(&other.gradients) {
            same_bits(&found.what(), &[signless_zeros(&found.values)], &[signless_zeros(&want.values)], ledger);
        }
        for (row, (found, want)) in self.greedy.iter().zip(&other.greedy).enumerate() {
            let numbers =
                |c: &Completion| [&c.logprobs, &c.entropies, &c.sum_p2].map(|x| x.iter().map(|x| x.to_bits()).collect());
            let (found_numbers, want_numbers): ([Vec<u32>; 3], [Vec<u32>; 3]) = (numbers(found), numbers(want));
            let same = found.ids == want.ids && found_numbers == want_numbers;
            ledger.holds(&continuation(row), same, || format!("found {found:?}, expected {want:?}"));
        }
    }

    fn of_facts(&self, kind: impl Fn(&TokenFacts) -> &Vec<f32>) -> Vec<Vec<f32>> {
        self.facts.iter().map(|facts| kind(facts).clone()).collect()
    }
}

impl Gradient {
    fn what(&self) -> String {
        format!("gradient of {}", self.tensor)
    }

    fn compare(&self, oracle: &Oracle, ledger: &mut Ledger) -> Result<()> {
        let want = oracle.file.tensor(&format!("grad.{}", self.tensor))?;
        let norm = |squares: &mut dyn Iterator<Item = f64>| squares.map(|x| x * x).sum::<f64>().sqrt();
        let difference = norm(&mut self.values.iter().zip(&want.values).map(|(&x, y)| f64::from(x) - y));
        let difference = if want.shape == self.shape { difference } else { f64::INFINITY };
        ledger.within(&self.what(), difference, GRADIENT_TOLERANCE * norm(&mut want.values.iter().copied()));
        Ok(())
    }
}

/// loss = −Σ weights · logprob, so d loss / d logprob = −weights.
fn gradients<B: Ops<Real = f32>>(model: &mut Transformer<B>, oracle: &Oracle) -> Result<Vec<Gradient>> {
    let weights = oracle.of_tokens("weights", 1)?;
    let derivatives = weights
        .iter()
        .map(|row| TokenGradients { d_logprob: row.iter().map(|&w| -w as f32).collect(), d_entropy: vec![0.0; row.len()] });
    model.backward(&oracle.sequences(), &derivatives.collect::<Vec<_>>(), 1.0)?;
    let mut gradients = Vec::new();
    for (parameter, gradient) in model.parameters().iter().zip(model.gradients()) {
        for part in &parameter.parts {
            let values = gradient[part.offset..part.offset + part.len()].to_vec();
            gradients.push(Gradient { tensor: part.name.clone(), shape: part.shape.clone(), values });
        }
    }
    Ok(gradients)
}

fn greedy<B: Ops<Real = f32>>(model: &mut Transformer<B>, oracle: &Oracle) -> Result<Vec<Completion>> {
    let request = |(tokens, want): (&Vec<u32>, Vec<f64>)| GenerateRequest {
        prompt: tokens[..GREEDY_PROMPT].to_vec(),
        samples: vec![DrawKey::new(0, Purpose::Eval)],
        max_new_tokens: want.len(),
    };
    let requests: Vec<GenerateRequest> = oracle.rows.iter().zip(oracle.greedy()?).map(request).collect();
    Ok(model.generate(&requests, &Sampling::greedy(), &mut |_| true)?.into_iter().flatten().collect())
}

fn continuation(row: usize) -> String {
    format!("greedy continuation {row}")
}

/// One comparison over all rows: max|Δ| ≤ tolerance · max|reference|.
fn relative_maximum(what: &str, found: &[Vec<f32>], want: &[Vec<f64>], ledger: &mut Ledger) {
    let same_lengths = found.iter().map(Vec::len).eq(want.iter().map(Vec::len));
    let differences = found.iter().flatten().zip(want.iter().flatten()).map(|(&x, y)| (f64::from(x) - y).abs());
    let worst = differences.fold(0.0, |worst, d| if d > worst || d.is_nan() { d } else { worst });
    let largest = want.iter().flatten().fold(0.0_f64, |largest, y| largest.max(y.abs()));
    ledger.within(what, if same_lengths { worst } else { f64::INFINITY }, FORWARD_TOLERANCE * largest);
}

/// One comparison over all rows: as many numbers, each of the same bits.
fn same_bits(what: &str, found: &[Vec<f32>], want: &[Vec<f32>], ledger: &mut Ledger) {
    let same_lengths = found.iter().map(Vec::len).eq(want.iter().map(Vec::len));
    let differs = |(found, want): &(&f32, &f32)| found.to_bits() != want.to_bits();
    let first = found.iter().flatten().zip(want.iter().flatten()).find(differs);
    ledger.holds(what, same_lengths && first.is_none(), || match first {
        Some((found, want)) => format!("found {found:e}, the CPU has {want:e}"),
        None => "another number of numbers".to_owned(),
    });
}

/// A sum of nothing is 0 or −0, which the backward does not tell apart.
fn signless_zeros(x: &[f32]) -> Vec<f32> {
    x.iter().map(|x| x + 0.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missed(compare: impl FnOnce(&mut Ledger)) -> usize {
        let mut ledger = Ledger::default();
        ledger.open("file", 1);
        compare(&mut ledger);
        ledger.print()
    }

    #[test]
    fn bits_are_compared_and_not_values() {
        let bits = |found: &[Vec<f32>], want: &[Vec<f32>]| missed(|ledger| same_bits("x", found, want, ledger));
        let nan = f32::NAN;
        assert_eq!(bits(&[vec![1.0, nan], vec![]], &[vec![1.0, nan], vec![]]), 0);
        assert_eq!(bits(&[vec![0.0]], &[vec![-0.0]]), 1);
        assert_eq!(bits(&[vec![1.0]], &[vec![1.0 + f32::EPSILON]]), 1);
        assert_eq!(bits(&[vec![1.0], vec![2.0]], &[vec![1.0, 2.0]]), 1, "rows of other lengths");
        assert_eq!(bits(&[], &[vec![]]), 1, "no rows");
        let signless = |x: f32| signless_zeros(&[x])[0].to_bits();
        assert_eq!([-0.0, -1.0].map(signless), [0.0_f32, -1.0].map(f32::to_bits));
    }

    #[test]
    fn closeness_is_relative_to_the_largest_reference() {
        let close = |found: &[Vec<f32>], want: &[Vec<f64>]| missed(|ledger| relative_maximum("x", found, want, ledger));
        assert_eq!(close(&[vec![1.000_015, 0.000_015]], &[vec![1.0, 0.0]]), 0);
        assert_eq!(close(&[vec![1.0, 0.000_03]], &[vec![1.0, 0.0]]), 1);
        assert_eq!(close(&[vec![1.0, f32::NAN]], &[vec![1.0, 0.0]]), 1);
        assert_eq!(close(&[vec![1.0]], &[vec![1.0, 0.0]]), 1, "a number too few");
    }
}
