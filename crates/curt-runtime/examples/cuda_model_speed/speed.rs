//! Tokens per second.

use std::error::Error;
use std::time::Instant;

use curt_kernels::Cuda;
use curt_runtime::{Policy, Sampling, TokenGradients, Transformer, Update};

use crate::shape::{Work, views};

const UPDATE: Update =
    Update { learning_rate: 1e-6, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weight_decay: 0.1, max_grad_norm: 1.0 };

/// Measurements of each; the fastest counts.
const REPEATS: usize = 2;

/// Sampling at temperature 1: prompts and new tokens, and the steps alone.
pub fn decode(model: &mut Transformer<Cuda>, work: &Work) -> Result<(), Box<dyn Error>> {
    let Work { prompt, new_tokens, .. } = work;
    println!("Each sequence has a prompt of {prompt} tokens of its own and {new_tokens} sampled tokens.\n");
    println!("| sequences at once | s | new tokens/s | ms per step | new tokens/s, steps alone |\n|---|---|---|---|---|");
    for &batch in work.batches {
        let requests = work.requests(batch, 1, false, model.config().vocab);
        let (mut whole, mut steps) = (f64::INFINITY, f64::INFINITY);
        // once more: the first makes the buffers
        for _ in 0..=REPEATS {
            let (start, mut first_step) = (Instant::now(), None);
            let done = model.generate(&requests, &Sampling::temperature(1.0), &mut |_| {
                first_step.get_or_insert_with(Instant::now);
                true
            })?;
            assert!(done.iter().flatten().all(|c| c.ids.len() == *new_tokens), "every sequence is as long as asked");
            whole = whole.min(start.elapsed().as_secs_f64());
            steps = steps.min(first_step.unwrap_or(start).elapsed().as_secs_f64());
        }
        // the first token comes with the prompt
        let count = new_tokens - 1;
        let rate = |tokens: usize, seconds: f64| tokens as f64 / seconds;
        println!(
            "| {batch} | {whole:.3} | {:.0} | {:.2} | {:.0} |",
            rate(batch * new_tokens, whole),
            steps / count as f64 * 1e3,
            rate(batch * count, steps)
        );
    }
    Ok(())
}

/// Forward, backward and update over packed sequences.
pub fn train(model: &mut Transformer<Cuda>, work: &Work) -> Result<(), Box<dyn Error>> {
    let (count, length) = work.trained;
    let tokens = work.training_tokens(model.config().vocab);
    let sequences = views(&tokens);
    let gradient = TokenGradients { d_logprob: vec![-1e-3; length - 1], d_entropy: vec![0.0; length - 1] };
    let gradients = vec![gradient; count];
    let (mut score, mut backward, mut update) = (f64::INFINITY, f64::INFINITY, f64::INFINITY);
    for _ in 0..=REPEATS {
        let start = Instant::now();
        model.score(&sequences, 1.0)?;
        score = score.min(start.elapsed().as_secs_f64());
        let start = Instant::now();
        model.backward(&sequences, &gradients, 1.0)?;
        backward = backward.min(start.elapsed().as_secs_f64());
        let start = Instant::now();
        model.apply_update(&UPDATE)?;
        update = update.min(start.elapsed().as_secs_f64());
    }
    let rate = |seconds: f64| (count * length) as f64 / seconds;
    println!("{count} × {length} tokens, all but each first one scored.\n");
    println!("| what | s | tokens/s |\n|---|---|---|");
    println!("| scoring | {score:.3} | {:.0} |", rate(score));
    println!("| forward and backward | {backward:.3} | {:.0} |", rate(backward));
    println!("| update | {update:.3} | – |");
    println!("| forward, backward and update | {:.3} | {:.0} |", backward + update, rate(backward + update));
    Ok(())
}
