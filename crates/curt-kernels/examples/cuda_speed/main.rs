//! Times every op of the CUDA backend on device 0 at the sizes of a 0.6 B model, beside a plain copy, as a Markdown table:
//! `cargo run --release --package curt-kernels --example cuda_speed --features speed`. With `--tiny`, to try the program, tiny sizes on the
//! stand-in driver of the tests.

mod compute_bound;
mod memory_bound;

use std::time::Instant;

use curt_kernels::{Backend, Cuda, DeviceError};

/// What the ops are timed at.
struct Sizes {
    rows: [usize; 3],
    width: usize,
    ffn: usize,
    heads: usize,
    kv_heads: usize,
    head_dim: usize,
    vocab: usize,
    /// Tokens of each of the sequences that the last of `rows` is made of, and before each row that is alone.
    context: usize,
    /// The copy's numbers.
    copied: usize,
}

/// Qwen3-0.6B.
const FULL: Sizes = Sizes {
    rows: [1, 32, 4096],
    width: 1024,
    ffn: 3072,
    heads: 16,
    kv_heads: 8,
    head_dim: 128,
    vocab: 151_936,
    context: 1024,
    copied: 256 << 20,
};

const TINY: Sizes =
    Sizes { rows: [1, 3, 20], width: 32, ffn: 48, heads: 2, kv_heads: 1, head_dim: 16, vocab: 61, context: 10, copied: 1000 };

impl Sizes {
    /// Width of the fused projection.
    fn fused(&self) -> usize {
        (self.heads + 2 * self.kv_heads) * self.head_dim
    }

    /// The most rows.
    fn most_rows(&self) -> usize {
        self.rows[2]
    }
}

/// Times calls on one device.
struct Clock<'a> {
    cuda: &'a Cuda,
    sizes: &'a Sizes,
}

impl Clock<'_> {
    /// Prints what a call of `job` takes and what it moves and computes per second. After one call to warm up and one to guess
    /// from: three times as many calls as fill 10 ms, one after the other without waiting; the fastest counts.
    fn time(&self, name: &str, rows: usize, bytes: usize, operations: usize, mut job: impl FnMut()) -> Result<(), DeviceError> {
        let mut seconds = |calls: usize| {
            let start = Instant::now();
            (0..calls).for_each(|_| job());
            self.cuda.synchronize()?;
            Ok::<f64, DeviceError>(start.elapsed().as_secs_f64() / calls as f64)
        };
        seconds(1)?;
        let calls = ((0.01 / seconds(1)?) as usize).clamp(1, 50);
        let mut best = f64::INFINITY;
        for _ in 0..3 {
            best = best.min(seconds(calls)?);
        }
        let rate = |amount: usize, unit: f64| match amount {
            0 => "–".to_owned(),
            amount => format!("{:.1}", amount as f64 / best / unit),
        };
        println!("| {name} | {rows} | {:.4} | {} | {} |", best * 1e3, rate(bytes, 1e9), rate(operations, 1e12));
        Ok(())
    }

    /// Numbers of both signs that are no trouble to any op.
    fn numbers(&self, len: usize) -> Result<<Cuda as Backend>::Buffer, DeviceError> {
        self.cuda.upload(&(0..len).map(|i| ((i * 7919) % 1009) as f32 / 504.0 - 1.0).collect::<Vec<_>>())
    }

    fn zeros(&self, len: usize) -> Result<<Cuda as Backend>::Buffer, DeviceError> {
        self.cuda.zeros(len)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sizes = match std::env::args().nth(1).as_deref() {
        None => &FULL,
        Some("--tiny") => {
            stand_in_cuda::install()?;
            &TINY
        }
        Some(word) => return Err(format!("{word}: only --tiny is known").into()),
    };
    let cuda = &Cuda::new(0)?;
    let clock = &Clock { cuda, sizes };
    println!("{}; arrays that fit its cache come from there.\n", cuda.name());
    println!("| op | rows | ms | GB/s | TFLOP/s |\n|---|---|---|---|---|");
    memory_bound::run(clock)?;
    compute_bound::linear(clock)?;
    compute_bound::attention(clock)?;
    compute_bound::head(clock)?;
    Ok(())
}
