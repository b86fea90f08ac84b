//! Whole models with random weights on CUDA device 0: what they do per second, and whether their bits are the right ones.
//!
//! `cargo run --release --package curt-runtime --example cuda_model_speed --features speed -- decode|train|same|cpu SHAPE`.
//! A fourth word `--tiny` takes the stand-in driver of the tests and little work, to try the program with the shape `tiny`.

mod bits;
mod shape;
mod speed;

use std::error::Error;

use curt_kernels::{Cpu, Cuda};
use shape::{Work, random_model};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (task, name, work) = match words[..] {
        [task, name] => (task, name, Work::full()),
        [task, name, "--tiny"] => {
            stand_in_cuda::install()?;
            (task, name, Work::tiny())
        }
        _ => return Err("expected: decode|train|same|cpu SHAPE [--tiny]".into()),
    };
    let config = shape::config(name)?;
    let cuda = Cuda::new(0)?;
    let mut model = random_model(cuda, config.clone())?;
    println!("{:.0} M weights, f32.\n", model.num_parameters() as f64 / 1e6);
    match task {
        "decode" => speed::decode(&mut model, &work),
        "train" => speed::train(&mut model, &work),
        "same" => bits::generated_is_scored(&mut model, &work),
        "cpu" => {
            let threads = std::thread::available_parallelism()?.get();
            bits::is_as_on_the_cpu(&mut model, &mut random_model(Cpu::<f32>::new(threads)?, config)?, &work)
        }
        _ => Err(format!("{task}: not decode, train, same or cpu").into()),
    }
}
