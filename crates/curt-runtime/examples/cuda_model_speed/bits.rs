//! Comparisons bit by bit.

use std::error::Error;

use curt_kernels::{Cpu, Cuda, Ops};
use curt_runtime::{Completion, GenerateRequest, Policy, Sampling, Sequence, TokenFacts, TokenGradients, Transformer};

use crate::shape::{Work, views};

fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|v| v.to_bits()).collect()
}

/// Fails, naming the first place, unless both have the same bits.
fn expect_same(what: &str, got: &[f32], want: &[f32]) -> Result<(), Box<dyn Error>> {
    if got.len() != want.len() {
        return Err(format!("{what}: {} numbers, not {}", got.len(), want.len()).into());
    }
    match bits(got).iter().zip(bits(want)).position(|(&got, want)| got != want) {
        None => Ok(()),
        Some(i) => Err(format!("{what}, number {i} of {}: {:e}, not {:e}", got.len(), got[i], want[i]).into()),
    }
}

/// Prompt with completion, and the prompt's length.
fn whole(requests: &[GenerateRequest], done: &[Vec<Completion>]) -> Vec<(Vec<u32>, usize)> {
    let of_group = |(r, group): (&GenerateRequest, &Vec<Completion>)| {
        group.iter().map(|c| ([&r.prompt[..], &c.ids[..]].concat(), r.prompt.len())).collect::<Vec<_>>()
    };
    requests.iter().zip(done).flat_map(of_group).collect()
}

/// Sampled tokens have the log-probability, entropy and Σp² that scoring and the forward of training give them.
pub fn generated_is_scored(model: &mut Transformer<Cuda>, work: &Work) -> Result<(), Box<dyn Error>> {
    let sampling = Sampling::temperature(0.9);
    let requests = work.requests(work.compared, 2, true, model.config().vocab);
    let done = model.generate(&requests, &sampling, &mut |_| true)?;
    let tokens = whole(&requests, &done);
    let sequences: Vec<Sequence<'_>> =
        tokens.iter().map(|(tokens, prompt)| Sequence { tokens, prompt_length: *prompt }).collect();
    let zeros = |s: &Sequence<'_>| vec![0.0; s.completion_length()];
    let gradients: Vec<TokenGradients> =
        sequences.iter().map(|s| TokenGradients { d_logprob: zeros(s), d_entropy: zeros(s) }).collect();
    let together = model.score(&sequences, sampling.inverse_temperature())?;
    let trained = model.backward(&sequences, &gradients, sampling.inverse_temperature())?;
    let mut count = 0;
    for (i, completion) in done.iter().flatten().enumerate() {
        let alone = &model.score(&sequences[i..=i], sampling.inverse_temperature())?[0];
        for (how, facts) in [("scored alone", alone), ("scored together", &together[i]), ("trained on", &trained[i])] {
            expect_same(&format!("log-probability, {how}, sample {i}"), &facts.logprob, &completion.logprobs)?;
            expect_same(&format!("entropy, {how}, sample {i}"), &facts.entropy, &completion.entropies)?;
            expect_same(&format!("Σp², {how}, sample {i}"), &facts.sum_p2, &completion.sum_p2)?;
        }
        count += completion.ids.len();
    }
    println!(
        "{count} sampled tokens in {} sequences: log-probability, entropy and Σp² as sampled, scored together, scored alone",
        done.len() * 2
    );
    println!("and in the forward of training have the same bits.");
    Ok(())
}

/// What a training pass leaves: the facts of its forward and the gradients.
fn train<B: Ops<Real = f32>>(model: &mut Transformer<B>, tokens: &[Vec<u32>]) -> Result<Vec<Vec<f32>>, Box<dyn Error>> {
    let sequences = views(tokens);
    let value = |i: usize| (i * 7 % 11) as f32 / 8.0 - 0.6;
    let gradient = |s: &Sequence<'_>| TokenGradients {
        d_logprob: (0..s.completion_length()).map(value).collect(),
        d_entropy: (0..s.completion_length()).map(|i| value(i + 3)).collect(),
    };
    let gradients: Vec<TokenGradients> = sequences.iter().map(gradient).collect();
    let facts: Vec<TokenFacts> = model.backward_tokens(&sequences, &gradients, 1.1)?;
    // a sum of nothing is 0 or −0, which the backward does not tell apart
    let summed = model.gradients().into_iter().map(|g| g.iter().map(|x| x + 0.0).collect());
    Ok(facts.into_iter().flat_map(|f| [f.logprob, f.entropy, f.sum_p2]).chain(summed).collect())
}

/// Sampled tokens with their facts, and the gradients of a training pass, are those of the CPU.
pub fn is_as_on_the_cpu(
    model: &mut Transformer<Cuda>,
    on_cpu: &mut Transformer<Cpu<f32>>,
    work: &Work,
) -> Result<(), Box<dyn Error>> {
    let requests = work.requests(work.compared, 2, true, model.config().vocab);
    let sampling = Sampling::temperature(0.9);
    let got = model.generate(&requests, &sampling, &mut |_| true)?;
    let want = on_cpu.generate(&requests, &sampling, &mut |_| true)?;
    let mut count = 0;
    for (i, (got, want)) in got.iter().flatten().zip(want.iter().flatten()).enumerate() {
        if got.ids != want.ids {
            return Err(format!("sample {i}: tokens {:?}, not {:?}", got.ids, want.ids).into());
        }
        expect_same(&format!("log-probability, sample {i}"), &got.logprobs, &want.logprobs)?;
        expect_same(&format!("entropy, sample {i}"), &got.entropies, &want.entropies)?;
        expect_same(&format!("Σp², sample {i}"), &got.sum_p2, &want.sum_p2)?;
        count += got.ids.len();
    }
    let tokens: Vec<Vec<u32>> = whole(&requests, &want).into_iter().map(|(tokens, _)| tokens).collect();
    let (got, want) = (train(model, &tokens)?, train(on_cpu, &tokens)?);
    for (i, (got, want)) in got.iter().zip(&want).enumerate() {
        expect_same(&format!("training pass, array {i}"), got, want)?;
    }
    let numbers: usize = want.iter().map(Vec::len).sum();
    println!(
        "{count} sampled tokens, their log-probabilities, entropies and Σp², and {numbers} numbers of a training pass (facts and"
    );
    println!("gradients) have the bits of the CPU.");
    Ok(())
}
