//! The mutants: which invariant of docs/architecture.md each breaks, by which edit, and which test must then fail.

use super::Mutant;

const ONE_FORWARD: &str = "cargo test --package curt-runtime --test model one_forward::";

const ONE_FORWARD_LARGE: &str = "cargo test --package curt-runtime --test model one_forward_large::";

pub const MUTANTS: [Mutant; 15] = [
    Mutant {
        invariant: Some(1),
        name: "decode walks the key pages backwards",
        file: "crates/curt-kernels/src/ops/attention/forward.rs",
        edits: &[
            // one page at a time gives the same bits; the order is what is broken
            ("const BLOCK: usize = 8;", "const BLOCK: usize = 1;"),
            (
                "for page in (0..end).step_by(BLOCK) {",
                "for page in 0..end {\n            let page = if block.rows == 1 { end - 1 - page } else { page };",
            ),
        ],
        test: ONE_FORWARD,
    },
    Mutant {
        invariant: Some(1),
        name: "the GEMM splits k when there are few rows",
        file: "crates/curt-kernels/src/ops/linear/tile.rs",
        edits: &[
            (
                "let end = chains::<R, V, 0, PACK>(end, a, column, fetch.1..sweep.depth, sweep, 0);",
                "let cut = if sweep.rows < 4 { fetch.1.max(sweep.depth / 2) } else { sweep.depth };\n        \
                 let end = chains::<R, V, 0, PACK>(end, a, column, fetch.1..cut, sweep, 0);\n        \
                 let zero = [[[0.0f32; LANES]; V]; R];\n        \
                 let late = chains::<R, V, 0, PACK>(zero, a, column, cut..sweep.depth, sweep, 0);",
            ),
            (
                "let mut lanes = end[r][v];",
                "let mut lanes = end[r][v];\n                for l in 0..LANES {\n                    \
                 lanes[l] += late[r][v][l];\n                }",
            ),
        ],
        test: ONE_FORWARD,
    },
    Mutant {
        invariant: Some(1),
        name: "decode reduces the vocabulary by another chunk than scoring",
        file: "crates/curt-kernels/src/ops/lm_head/cpu.rs",
        edits: &[(
            "let merged = path.run(Merge(statistics));",
            "let parts = line[..vocab].chunks(16).map(|part| {\n        let mut copy = [0.0; COLUMNS];\n        \
             copy[..part.len()].copy_from_slice(part);\n        scale_and_reduce(path, lanes(&mut copy, part.len()), 1.0)\n    });\n    \
             let merged = path.run(Merge(&parts.collect::<Vec<_>>()));",
        )],
        test: ONE_FORWARD,
    },
    Mutant {
        invariant: Some(1),
        name: "decode rounds the log-sum of a vocabulary of many chunks",
        file: "crates/curt-kernels/src/ops/lm_head/cpu.rs",
        edits: &[(
            "let merged = self.path().run(Merge(parts));",
            "let merged = self.path().run(Merge(parts));\n                \
             let merged = RowStatistics { lse: f64::from(merged.lse as f32), ..merged };",
        )],
        test: ONE_FORWARD_LARGE,
    },
    Mutant {
        invariant: Some(2),
        name: "a stop token ends a completion without being in it",
        file: "crates/curt-runtime/src/generate/sequence.rs",
        edits: &[(
            "let stop = self.stop?;",
            "let stop = self.stop?;\n        let end = self.ids.len() - usize::from(stop == StopReason::Eos);\n        \
             self.ids.truncate(end);\n        self.logprobs.truncate(end);\n        \
             self.entropies.truncate(end);\n        self.sum_p2.truncate(end);",
        )],
        test: "cargo test --package curt-runtime --test model generate::any_stop_token",
    },
    Mutant {
        invariant: Some(2),
        name: "the last action of a completion is left out of the loss",
        file: "crates/curt-trainer/src/pack.rs",
        edits: &[("    let wide = |x: &[f32]|", "    let kept = kept.saturating_sub(1);\n    let wide = |x: &[f32]|")],
        test: "cargo test --package curt-trainer --lib pack",
    },
    Mutant {
        invariant: Some(4),
        name: "equal problems of a step get equal draws",
        file: "crates/curt-runtime/src/random.rs",
        edits: &[("bytes[20..24].copy_from_slice(&self.occurrence.to_le_bytes());", "")],
        test: "cargo test --package curt-runtime --test model generate::equal_problems",
    },
    Mutant {
        invariant: Some(5),
        name: "a norm's gradient is summed by one partial sum per thread",
        file: "crates/curt-kernels/src/ops/rms_norm/cpu.rs",
        edits: &[
            (
                "let mut partials = vec![0.0; rows.div_ceil(DWEIGHT_ROWS) * width];",
                "let block = rows.div_ceil(crate::Backend::threads(self)).max(1);\n        \
                 let mut partials = vec![0.0; rows.div_ceil(block) * width];",
            ),
            ("self.for_each_block(rows, DWEIGHT_ROWS, 4 * rows * width,", "self.for_each_block(rows, block, 4 * rows * width,"),
            ("shared.range(task.start / DWEIGHT_ROWS * width, width)", "shared.range(task.start / block * width, width)"),
        ],
        test: "cargo test --package curt-runtime --test model gradients::recomputation_and_threads_change_no_bit",
    },
    Mutant {
        invariant: Some(5),
        name: "a tokenizer draws which merges it takes",
        file: "crates/curt-runtime/src/tokenizer.rs",
        edits: &[("            without_dropout(&mut inner);\n", "            let _ = without_dropout;\n")],
        test: "cargo test --package curt-runtime --lib the_dropout_of_the_file",
    },
    Mutant {
        invariant: Some(7),
        name: "a chunk is the whole vocabulary",
        file: "crates/curt-kernels/src/ops/lm_head/mod.rs",
        edits: &[("pub const VOCAB_CHUNK: usize = 512;", "pub const VOCAB_CHUNK: usize = 1 << 18;")],
        test: "cargo test --package curt-runtime --test model tokens_by_vocabulary",
    },
    Mutant {
        invariant: Some(8),
        name: "tokens without signal are not in the normalizer",
        file: "crates/curt-trainer/src/pack.rs",
        edits: &[(
            "if kind == NormalizerKind::All || !sequence.credit.is_zero() {",
            "if kind == NormalizerKind::All && !sequence.credit.is_zero() {",
        )],
        test: "cargo test --package curt-trainer --lib normalizer",
    },
    Mutant {
        invariant: Some(9),
        name: "a checkpoint is written in its place, not aside",
        file: "crates/curt-runtime/src/checkpoint/staging.rs",
        edits: &[
            ("let staging = sibling(target, \"tmp\");", "let staging = target.to_path_buf();"),
            ("replace_directory(&self.staging, &self.target)?;", "sync_directory(&self.target)?;"),
        ],
        test: "cargo test --package curt-runtime --lib a_committed_folder",
    },
    Mutant {
        invariant: Some(9),
        name: "a resume leaves the records of later steps",
        file: "crates/curt-trainer/src/run.rs",
        edits: &[("directory.cut_back(&found.state.positions, found.state.step)?;", "")],
        test: "cargo test --package curt-trainer --test runs an_interrupted_run",
    },
    Mutant {
        invariant: Some(9),
        name: "a sampler that is resumed forgets who rests",
        file: "crates/curt-difficulty/src/samplers/pools.rs",
        edits: &[(
            "(self.epoch, self.come, self.wakes) = (epoch, come_once, wakes);",
            "(self.epoch, self.come) = (epoch, come_once);",
        )],
        test: "cargo test --package curt-trainer --test runs samplers_resume",
    },
    Mutant {
        invariant: Some(9),
        name: "a refill that is cut off leaves the sampler told of it",
        file: "crates/curt-trainer/src/refill.rs",
        edits: &[("run.source.load(memory.as_ref(), refilled)?;", "let _ = (memory, refilled);")],
        test: "cargo test --package curt-trainer --test runs a_run_with_refills",
    },
];
