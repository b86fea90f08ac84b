//! The plain f64 twin: one row of logits at a time, textbook formulas.

use super::{Draw, HeadFacts, LmHead, LmHeadShape};
use crate::ops::linear::{Linear, LinearShape};
use crate::{Backend, Buffer, Cpu};

/// The scaled logits and the probabilities of one row.
struct Row {
    logits: Vec<f64>,
    probabilities: Vec<f64>,
    lse: f64,
}

impl Row {
    fn new(cpu: &Cpu<f64>, x: &[f64], weight: &<Cpu<f64> as Linear>::Packed, row: usize, shape: LmHeadShape) -> Self {
        let LmHeadShape { vocab, width, inv_temperature, .. } = shape;
        let x = cpu.upload(&x[row * width..(row + 1) * width]).expect("one row");
        let mut y = cpu.zeros(vocab).expect("one row of logits");
        cpu.linear_forward(&mut y, &x, weight, None, LinearShape { rows: 1, n: vocab, k: width });
        let logits: Vec<f64> = y.iter().map(|z| z * inv_temperature).collect();
        let max = logits.iter().fold(f64::NEG_INFINITY, |m, &z| m.max(z));
        let lse = max + libm::log(logits.iter().map(|z| libm::exp(z - max)).sum::<f64>());
        let probabilities = logits.iter().map(|z| libm::exp(z - lse)).collect();
        Self { logits, probabilities, lse }
    }

    fn entropy(&self) -> f64 {
        let terms = self.probabilities.iter().zip(&self.logits);
        terms.map(|(&p, z)| if p == 0.0 { 0.0 } else { -p * (z - self.lse) }).sum()
    }

    fn write_facts(&self, facts: &mut HeadFacts<Cpu<f64>>, row: usize, target: usize) {
        facts.logprob[row] = self.logits[target] - self.lse;
        facts.entropy[row] = self.entropy();
        facts.sum_p2[row] = self.probabilities.iter().map(|p| p * p).sum();
        facts.lse[row] = self.lse;
    }

    /// All tokens, most likely first, lower ids first among equals.
    fn ranking(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.logits.len()).collect();
        order.sort_by(|&a, &b| self.logits[b].total_cmp(&self.logits[a]).then(a.cmp(&b)));
        order
    }

    /// The tokens that the filters leave, in token order.
    fn kept(&self, top_k: u32, top_p: f64, min_p: f64) -> Vec<usize> {
        let mut ranking = self.ranking();
        if top_k > 0 {
            ranking.truncate(top_k as usize);
        }
        let mass: f64 = ranking.iter().map(|&v| self.probabilities[v]).sum();
        let floor = min_p * self.probabilities[ranking[0]];
        let mut before = 0.0;
        let mut kept = Vec::new();
        for (rank, &v) in ranking.iter().enumerate() {
            let inside = rank == 0 || before < top_p * mass;
            if inside && self.probabilities[v] >= floor {
                kept.push(v);
            }
            before += self.probabilities[v];
        }
        kept.sort_unstable();
        kept
    }

    fn inverse_cdf(&self, tokens: &[usize], u: f64) -> usize {
        let total: f64 = tokens.iter().map(|&v| self.probabilities[v]).sum();
        let mut sum = 0.0;
        let mut last = 0;
        for &v in tokens.iter().filter(|&&v| self.probabilities[v] > 0.0) {
            sum += self.probabilities[v];
            last = v;
            if sum > u * total {
                break;
            }
        }
        last
    }

    fn draw(&self, draw: Draw) -> usize {
        match draw {
            Draw::Greedy => self.ranking()[0],
            Draw::Uniform(u) => self.inverse_cdf(&(0..self.logits.len()).collect::<Vec<_>>(), u),
            Draw::Filtered { u, top_k, top_p, min_p } => self.inverse_cdf(&self.kept(top_k, top_p, min_p), u),
        }
    }
}

impl LmHead for Cpu<f64> {
    fn lm_head_forward(
        &self,
        facts: &mut HeadFacts<Self>,
        x: &Buffer<f64>,
        weight: &Self::Packed,
        targets: &Vec<u32>,
        shape: LmHeadShape,
    ) {
        for row in 0..shape.rows {
            Row::new(self, x, weight, row, shape).write_facts(facts, row, targets[row] as usize);
        }
    }

    fn lm_head_backward(
        &self,
        dx: &mut Buffer<f64>,
        dweight: &mut Buffer<f64>,
        dlogprob: &Buffer<f64>,
        dentropy: &Buffer<f64>,
        facts: &HeadFacts<Self>,
        x: &Buffer<f64>,
        weight: &Buffer<f64>,
        packed: &Self::Packed,
        targets: &Vec<u32>,
        shape: LmHeadShape,
    ) {
        let LmHeadShape { rows, vocab, width, inv_temperature } = shape;
        dx[..rows * width].fill(0.0);
        for r in (0..rows).filter(|&r| dlogprob[r] != 0.0 || dentropy[r] != 0.0) {
            let row = Row::new(self, x, packed, r, shape);
            for v in 0..vocab {
                let p = row.probabilities[v];
                let hit = if v == targets[r] as usize { 1.0 } else { 0.0 };
                let surprise = if p == 0.0 { 0.0 } else { row.logits[v] - facts.lse[r] + facts.entropy[r] };
                let dz = (dlogprob[r] * (hit - p) - dentropy[r] * p * surprise) * inv_temperature;
                for k in 0..width {
                    dx[r * width + k] += dz * weight[v * width + k];
                    dweight[v * width + k] += dz * x[r * width + k];
                }
            }
        }
    }

    fn lm_head_sample(
        &self,
        tokens: &mut [u32],
        facts: &mut HeadFacts<Self>,
        x: &Buffer<f64>,
        weight: &Self::Packed,
        draws: &[Draw],
        shape: LmHeadShape,
    ) {
        for r in 0..shape.rows {
            let row = Row::new(self, x, weight, r, shape);
            let token = row.draw(draws[r]);
            row.write_facts(facts, r, token);
            tokens[r] = token as u32;
        }
    }
}
