use std::fs;
use std::io::Write;
use std::path::Path;

use half::{bf16, f16};
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Checkpoint, Dtype, SavedFiles, StagingDirectory, TensorLayout, replace_directory, write_checkpoint, write_tensors};
use crate::error::RuntimeError;

/// A safetensors file with the given header and data.
fn raw_file(folder: &Path, name: &str, header: &str, data: &[u8]) {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(data);
    fs::write(folder.join(name), bytes).unwrap();
}

fn layout(tensors: &[(&str, &[usize])]) -> Vec<TensorLayout> {
    tensors.iter().map(|(name, shape)| (name.to_string(), shape.to_vec())).collect()
}

/// Numbers that tell their tensor and place and are exact in every type.
fn numbers(tensor: usize, len: usize) -> Vec<f32> {
    (0..len).map(|i| (tensor * 64 + i % 61) as f32 * 0.5).collect()
}

fn model() -> Vec<TensorLayout> {
    layout(&[("b.weight", &[3, 5]), ("a.weight", &[7]), ("empty", &[0, 4]), ("c.weight", &[2, 1, 17]), ("scalar", &[])])
}

fn save(folder: &Path, dtype: Dtype, max_shard_bytes: usize) {
    let model = model();
    let fetch = |i: usize, out: &mut Vec<f32>| out.extend(numbers(i, model[i].1.iter().product()));
    write_checkpoint(folder, &SavedFiles::default(), &model, dtype, max_shard_bytes, fetch).unwrap();
}

fn saved(dtype: Dtype, max_shard_bytes: usize) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    save(folder.path(), dtype, max_shard_bytes);
    folder
}

#[test]
fn what_was_written_is_read_back() {
    for dtype in [Dtype::F32, Dtype::Bf16, Dtype::F16] {
        for max_shard_bytes in [1, 40, 1 << 30] {
            let folder = saved(dtype, max_shard_bytes);
            let checkpoint = Checkpoint::open(folder.path()).unwrap();
            assert_eq!(checkpoint.names().collect::<Vec<_>>(), ["a.weight", "b.weight", "c.weight", "empty", "scalar"]);
            assert_eq!((checkpoint.contains("a.weight"), checkpoint.contains("d")), (true, false));
            for (i, (name, shape)) in model().iter().enumerate() {
                assert_eq!(checkpoint.shape(name), Some(&shape[..]));
                assert_eq!(checkpoint.tensor(name, shape).unwrap(), numbers(i, shape.iter().product()), "{name}");
            }
            let mut rows = [0.0; 5];
            checkpoint.read_rows(&mut rows, "b.weight", &[3, 5], 1..2).unwrap();
            assert_eq!(rows[..], numbers(0, 15)[5..10]);
            let shards = fs::read_dir(folder.path()).unwrap().count();
            assert_eq!(shards == 1, max_shard_bytes > 1000);
        }
    }
}

#[test]
fn equal_input_gives_equal_bytes() {
    let (one, two) = (saved(Dtype::Bf16, 40), saved(Dtype::Bf16, 40));
    let mut files: Vec<_> = fs::read_dir(one.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files.len(), 5, "{files:?}");
    for file in files {
        assert_eq!(fs::read(one.path().join(&file)).unwrap(), fs::read(two.path().join(&file)).unwrap());
    }
}

#[test]
fn the_safetensors_library_opens_what_is_written() {
    let folder = saved(Dtype::F32, 1 << 30);
    let bytes = fs::read(folder.path().join("model.safetensors")).unwrap();
    let (header, metadata) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    assert_eq!(header % 8, 0);
    assert_eq!(metadata.metadata().as_ref().unwrap()["format"], "pt");
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let want: Vec<u8> = numbers(1, 7).into_iter().flat_map(f32::to_le_bytes).collect();
    assert_eq!(tensors.tensor("a.weight").unwrap().data(), want);
}

#[test]
fn a_tensor_longer_than_one_chunk_is_read_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("optimizer.state");
    let len = (1 << 19) + 3;
    let values = numbers(5, len);
    write_tensors(&path, &layout(&[("x", &[len])]), Dtype::F16, |_, out| out.extend(&values)).unwrap();
    assert_eq!(Checkpoint::open_file(&path).unwrap().tensor("x", &[len]).unwrap(), values);
}

#[test]
fn the_config_is_written_back_with_the_type_of_the_weights() {
    for (raw, want) in [
        (json!({"z": {"rope_theta": 1e6}, "dtype": "float32"}), json!({"z": {"rope_theta": 1e6}, "dtype": "bfloat16"})),
        (json!({"torch_dtype": "float16", "a": 1}), json!({"torch_dtype": "bfloat16", "a": 1})),
        (json!({"a": 1}), json!({"a": 1, "torch_dtype": "bfloat16"})),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let source = tempfile::tempdir().unwrap();
        let tokenizer = source.path().join("tokenizer.json");
        fs::write(&tokenizer, "any bytes").unwrap();
        let generation = json!({"eos_token_id": [1, 2]});
        let copied = [super::FileCopy::read(&tokenizer).unwrap()];
        let files = SavedFiles { config: raw.as_object(), generation_config: generation.as_object(), copied: &copied };
        write_checkpoint(folder.path(), &files, &[], Dtype::Bf16, 1, |_, _| ()).unwrap();
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        // compared as text: the order of the keys is kept too
        assert_eq!(read("config.json"), format!("{want:#}\n"));
        assert_eq!(serde_json::from_str::<Value>(&read("generation_config.json")).unwrap(), generation);
        assert_eq!(read("tokenizer.json"), "any bytes");
    }
}

#[test]
fn a_missing_weight_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = Checkpoint::open(folder.path()).unwrap_err();
    assert!(matches!(&error, RuntimeError::MissingFile { path, .. } if path.ends_with("model.safetensors")), "{error}");
}

#[test]
fn a_file_truncated_anywhere_is_named() {
    let folder = saved(Dtype::F32, 1 << 30);
    let path = folder.path().join("model.safetensors");
    let whole = fs::read(&path).unwrap();
    for keep in [0, 7, 8, 100, whole.len() - 1] {
        fs::write(&path, &whole[..keep]).unwrap();
        match Checkpoint::open(folder.path()).unwrap_err() {
            RuntimeError::TruncatedFile { expected, found, .. } => {
                assert!(found == keep as u64 && expected > found && expected <= whole.len() as u64)
            }
            other => panic!("{keep}: {other}"),
        }
    }
}

#[test]
fn a_file_truncated_after_it_was_opened_is_named() {
    let folder = saved(Dtype::F32, 1 << 30);
    let checkpoint = Checkpoint::open(folder.path()).unwrap();
    let path = folder.path().join("model.safetensors");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 100]).unwrap();
    let error = checkpoint.tensor("c.weight", &[2, 1, 17]).unwrap_err();
    assert!(matches!(error, RuntimeError::TruncatedFile { .. }), "{error}");
}

#[test]
fn a_damaged_header_is_named() {
    let huge = [u64::MAX.to_le_bytes().as_slice(), b"{}"].concat();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("model.safetensors"), huge).unwrap();
    assert!(matches!(Checkpoint::open(folder.path()).unwrap_err(), RuntimeError::DamagedHeader { .. }));
    let max = usize::MAX;
    let overflow = format!(r#"{{"x":{{"dtype":"F32","shape":[{max},{max}],"data_offsets":[0,4]}}}}"#);
    for (header, data) in [
        ("not json", 0),
        ("[]", 0),
        (r#"{"x":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}}"#, 4),
        (r#"{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, 4),
        (r#"{"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, 8),
        (r#"{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 5),
        (r#"{"x":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, 4),
        (overflow.as_str(), 4),
    ] {
        raw_file(folder.path(), "model.safetensors", header, &vec![0; data]);
        let error = Checkpoint::open(folder.path()).unwrap_err();
        assert!(matches!(error, RuntimeError::DamagedHeader { .. }), "{header}: {error}");
    }
}

#[test]
fn a_missing_tensor_is_named() {
    let folder = saved(Dtype::F32, 1 << 30);
    let error = Checkpoint::open(folder.path()).unwrap().tensor("d.weight", &[1]).unwrap_err();
    assert!(matches!(&error, RuntimeError::MissingTensor { tensor, .. } if tensor == "d.weight"), "{error}");
}

#[test]
fn a_wrong_shape_is_named() {
    let folder = saved(Dtype::F32, 1 << 30);
    let error = Checkpoint::open(folder.path()).unwrap().tensor("b.weight", &[5, 3]).unwrap_err();
    let named = "tensor `b.weight`: expected shape [5, 3], found [3, 5]";
    assert!(matches!(error, RuntimeError::WrongShape { .. }) && error.to_string().contains(named), "{error}");
}

#[test]
fn a_wrong_dtype_is_named() {
    let folder = tempfile::tempdir().unwrap();
    raw_file(folder.path(), "model.safetensors", r#"{"x":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}"#, &[0; 8]);
    let error = Checkpoint::open(folder.path()).unwrap().tensor("x", &[1]).unwrap_err();
    assert!(matches!(&error, RuntimeError::WrongDtype { found, .. } if found == "I64"), "{error}");
}

#[test]
fn a_weight_that_is_not_finite_is_named() {
    let element = |dtype: &str, bad: f32| match dtype {
        "F32" => bad.to_le_bytes().to_vec(),
        "BF16" => bf16::from_f32(bad).to_le_bytes().to_vec(),
        _ => f16::from_f32(bad).to_le_bytes().to_vec(),
    };
    for dtype in ["F32", "BF16", "F16"] {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let folder = tempfile::tempdir().unwrap();
            let data: Vec<u8> = [1.0, 2.0, 3.0, bad, 5.0].into_iter().flat_map(|x| element(dtype, x)).collect();
            let header = format!(r#"{{"x":{{"dtype":"{dtype}","shape":[5],"data_offsets":[0,{}]}}}}"#, data.len());
            raw_file(folder.path(), "model.safetensors", &header, &data);
            match Checkpoint::open(folder.path()).unwrap().tensor("x", &[5]).unwrap_err() {
                RuntimeError::NonFiniteWeight { tensor, index, value, .. } => {
                    assert_eq!((&tensor[..], index, value.to_string()), ("x", 3, bad.to_string()))
                }
                other => panic!("{other}"),
            }
        }
    }
}

#[test]
fn a_weight_that_is_not_finite_is_not_saved() {
    for (dtype, bad) in [(Dtype::F32, f32::NAN), (Dtype::Bf16, f32::MAX), (Dtype::F16, 65_520.0)] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        let fetch = |_: usize, out: &mut Vec<f32>| out.extend([1.0, 2.0, bad]);
        match write_tensors(&path, &layout(&[("x", &[3])]), dtype, fetch).unwrap_err() {
            RuntimeError::NonFiniteWeight { tensor, index, .. } => assert_eq!((&tensor[..], index), ("x", 2)),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn an_index_that_names_a_missing_shard_is_refused() {
    let folder = saved(Dtype::F32, 40);
    fs::remove_file(folder.path().join("model-00002-of-00004.safetensors")).unwrap();
    match Checkpoint::open(folder.path()).unwrap_err() {
        RuntimeError::MissingShard { shard, tensor, .. } => {
            assert_eq!((&shard[..], &tensor[..]), ("model-00002-of-00004.safetensors", "a.weight"))
        }
        other => panic!("{other}"),
    }
}

#[test]
fn an_index_that_leads_out_of_the_folder_is_refused() {
    let folder = saved(Dtype::F32, 1 << 30);
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    for shard in ["../model.safetensors", folder.path().join("model.safetensors").to_str().unwrap(), ".", ""] {
        let index = json!({"weight_map": {"a.weight": shard}}).to_string();
        fs::write(inner.join("model.safetensors.index.json"), index).unwrap();
        assert!(matches!(Checkpoint::open(&inner).unwrap_err(), RuntimeError::MissingShard { .. }), "{shard}");
    }
}

#[test]
fn an_index_that_names_a_missing_tensor_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    raw_file(folder.path(), "s.safetensors", r#"{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, &[0; 4]);
    let index = json!({"weight_map": {"x": "s.safetensors", "y": "s.safetensors"}}).to_string();
    fs::write(folder.path().join("model.safetensors.index.json"), index).unwrap();
    let error = Checkpoint::open(folder.path()).unwrap_err();
    assert!(matches!(&error, RuntimeError::MissingTensor { tensor, .. } if tensor == "y"), "{error}");
}

#[test]
fn an_index_that_is_not_one_is_refused() {
    for index in [json!({}), json!({"weight_map": []}), json!({"weight_map": {"x": 3}})] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("model.safetensors.index.json"), index.to_string()).unwrap();
        let error = Checkpoint::open(folder.path()).unwrap_err();
        assert!(matches!(&error, RuntimeError::Key { key, .. } if key == "weight_map"), "{index}: {error}");
    }
}

#[test]
fn tensors_that_are_not_used_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let tensors = layout(&[("x", &[1]), ("lm_head.weight", &[1]), ("l.0.rotary_emb.inv_freq", &[1]), ("extra", &[1])]);
    let path = folder.path().join("model.safetensors");
    write_tensors(&path, &tensors, Dtype::F32, |_, out| out.push(0.0)).unwrap();
    assert_eq!(Checkpoint::open(folder.path()).unwrap().unexpected(["x"]), ["extra"]);
}

/// `/dev/full` refuses every byte as a full disk does.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_named() {
    for file in ["model.safetensors", "config.json"] {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/dev/full", folder.path().join(file)).unwrap();
        let config = json!({"a": 1});
        let files = SavedFiles { config: config.as_object(), ..SavedFiles::default() };
        let fetch = |i: usize, out: &mut Vec<f32>| out.extend(numbers(i, model()[i].1.iter().product()));
        let error = write_checkpoint(folder.path(), &files, &model(), Dtype::F32, 1 << 30, fetch).unwrap_err();
        assert!(matches!(&error, RuntimeError::DiskFull { path } if path.ends_with(file)), "{error}");
    }
}

#[test]
fn an_unwritable_place_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = StagingDirectory::create(&file.join("checkpoint-1")).unwrap_err();
    assert!(matches!(&error, RuntimeError::Write { path, .. } if path.ends_with("checkpoint-1.tmp")), "{error}");
    let error = write_tensors(&folder.path().join("none/x.safetensors"), &[], Dtype::F32, |_, _| ()).unwrap_err();
    assert!(matches!(error, RuntimeError::Write { .. }), "{error}");
}

#[test]
fn a_failed_save_leaves_the_old_folder_and_nothing_else() {
    let root = tempfile::tempdir().unwrap();
    let target = root.path().join("checkpoint-1");
    fs::create_dir(&target).unwrap();
    save(&target, Dtype::F32, 40);
    let staging = StagingDirectory::create(&target).unwrap();
    save(staging.path(), Dtype::F32, 1 << 30);
    drop(staging);
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    assert!(target.join("model.safetensors.index.json").exists());
}

#[test]
fn a_committed_folder_takes_the_place_of_the_old() {
    let root = tempfile::tempdir().unwrap();
    let target = root.path().join("checkpoint-1");
    for text in ["first", "second"] {
        let staging = StagingDirectory::create(&target).unwrap();
        fs::File::create(staging.path().join(text)).unwrap().write_all(text.as_bytes()).unwrap();
        // until then nothing is in its place but the old
        assert!(!target.join(text).exists() && target.exists() == (text == "second"));
        staging.commit().unwrap();
        let names: Vec<_> = fs::read_dir(&target).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, [text]);
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }
}

#[test]
fn leftovers_of_a_killed_save_are_cleared() {
    let root = tempfile::tempdir().unwrap();
    let target = root.path().join("checkpoint-1");
    // killed between the renames: the old folder is aside, the new one not yet in place
    fs::create_dir(root.path().join("checkpoint-1.old")).unwrap();
    fs::write(root.path().join("checkpoint-1.old/old"), "").unwrap();
    fs::create_dir(root.path().join("checkpoint-1.tmp")).unwrap();
    fs::write(root.path().join("checkpoint-1.tmp/part"), "").unwrap();
    let staging = StagingDirectory::create(&target).unwrap();
    assert!(target.join("old").exists());
    assert_eq!(fs::read_dir(staging.path()).unwrap().count(), 0);
}

#[test]
fn replacing_by_a_folder_that_does_not_exist_keeps_the_old() {
    let root = tempfile::tempdir().unwrap();
    let target = root.path().join("checkpoint-1");
    fs::create_dir(&target).unwrap();
    fs::write(target.join("old"), "").unwrap();
    assert!(replace_directory(&root.path().join("nothing"), &target).is_err());
    assert!(target.join("old").exists());
}

proptest! {
    // every case syncs files to disk, which is slow
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Any f32 file survives, and a bf16 file holds the nearest bf16.
    #[test]
    fn saving_rounds_to_the_nearest(values in prop::collection::vec(-1e30f32..1e30, 0..40), shard in 1usize..200) {
        let folder = tempfile::tempdir().unwrap();
        let tensors = layout(&[("x", &[values.len()]), ("y", &[values.len()])]);
        for (dtype, rounded) in [
            (Dtype::F32, values.clone()),
            (Dtype::Bf16, values.iter().map(|&x| bf16::from_f32(x).to_f32()).collect()),
        ] {
            let staging = StagingDirectory::create(&folder.path().join("model")).unwrap();
            let fetch = |_: usize, out: &mut Vec<f32>| out.extend(&values);
            write_checkpoint(staging.path(), &SavedFiles::default(), &tensors, dtype, shard, fetch).unwrap();
            staging.commit().unwrap();
            let checkpoint = Checkpoint::open(&folder.path().join("model")).unwrap();
            for name in ["x", "y"] {
                prop_assert_eq!(&checkpoint.tensor(name, &[values.len()]).unwrap(), &rounded);
            }
        }
    }
}
