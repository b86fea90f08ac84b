//! Where a run computes: the first GPU that works, the one that was asked for, or the CPU; the bytes are the same.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::binary::{started_by, train_by};

/// Name and bytes of every file in `folder`.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).unwrap())).collect()
}

/// Two steps of 2 × 4 rollouts on the PTX that ships, below an unmodified driver interface.
#[test]
fn a_run_on_cuda_has_the_bytes_of_one_on_the_cpu() {
    let root = tempfile::tempdir().unwrap();
    let (on_cpu, on_cuda) = (root.path().join("cpu"), root.path().join("cuda"));
    let more = ["--set=rollout.num_generations=4", "--device"];
    train_by(&[], &on_cpu, &[&more[..], &["cpu"]].concat()).ends_with(0);
    let library = format!("LD_LIBRARY_PATH={}", stand_in_cuda::library_folder().unwrap().display());
    let launcher = ["env", &library, "STAND_IN_CUDA_COUNT_TRAFFIC=0"];
    let run = train_by(&launcher, &on_cuda, &[&more[..], &["cuda:0"]].concat()).ends_with(0);
    assert!(run.stdout.contains("cuda:0, "), "{}", run.stdout);
    for weights in ["model.safetensors", "optimizer.state"] {
        let of = |run: &Path| fs::read(run.join("checkpoint-2").join(weights)).unwrap();
        assert!(of(&on_cpu) == of(&on_cuda), "{weights} differs");
    }
    let rollouts = files(&on_cpu.join("rollouts"));
    assert_eq!(rollouts.len(), 2);
    assert!(rollouts == files(&on_cuda.join("rollouts")), "rollouts differ");
}

#[test]
fn without_a_gpu_auto_says_that_it_chose_the_cpu_and_why() {
    let root = tempfile::tempdir().unwrap();
    // hides the devices of a machine that has some
    let run = train_by(&["env", "CUDA_VISIBLE_DEVICES="], &root.path().join("run"), &["--dry-run"]).ends_with(0);
    assert!(run.stdout.contains("cpu (no CUDA d"), "{}", run.stdout);
}

/// The CUDA kernels hold heads of up to 128. The weights do not fit the configuration either, which is found where it is read.
#[test]
fn heads_that_the_gpu_cannot_hold_are_refused_or_left_to_the_cpu() {
    let root = tempfile::tempdir().unwrap();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/tiny-good");
    for (name, bytes) in files(&fixture) {
        fs::write(root.path().join(name), bytes).unwrap();
    }
    let config = root.path().join("config.json");
    let mut fields: serde_json::Value = serde_json::from_slice(&fs::read(&config).unwrap()).unwrap();
    fields["head_dim"] = 256.into();
    fs::write(config, fields.to_string()).unwrap();
    let library = format!("LD_LIBRARY_PATH={}", stand_in_cuda::library_folder().unwrap().display());
    let generate = |device| {
        let call = started_by(&["env", &library], root.path());
        call.args(["generate", ".", "--prompt", "^4>", "--device", device]).run().ends_with(3).stderr
    };
    let refused = generate("cuda:0");
    assert!(refused.contains("`head_dim` is 256") && refused.contains("at most 128"), "{refused}");
    let on_cpu = generate("auto");
    assert!(on_cpu.contains("q_proj") && !on_cpu.contains("head_dim"), "{on_cpu}");
}
