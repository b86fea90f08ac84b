use std::collections::BTreeSet;
use std::io::Read;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::run_file::RunFile;

fn config(root: &Path) -> Config {
    RunFile::load(None, &[format!("output_dir={:?}", root.to_str().unwrap())]).unwrap()
}

fn new_run() -> (TempDir, Config, RunDirectory) {
    let folder = tempfile::tempdir().unwrap();
    let config = config(&folder.path().join("a/run"));
    let directory = RunDirectory::create(&config).unwrap();
    (folder, config, directory)
}

/// What a step writes.
fn write_step(directory: &mut RunDirectory, step: u32) {
    directory.rollouts(step, &[json!({"step": step, "ids": [1, 2, 3]}), json!({"step": step})]).unwrap();
    directory.metrics(step, &[("time/step".into(), 0.5), ("reward".into(), 1.0 / f64::from(step))]).unwrap();
    directory.event(step, "evaluation", json!({"mean": step})).unwrap();
}

/// Every file and its bytes, without the clock of the TensorBoard file.
fn contents(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for folder in [root.to_owned(), root.join(ROLLOUTS)] {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
            let bytes = fs::read(&path).unwrap();
            let without_clock = path.ends_with(TENSORBOARD).then(|| vec![0; bytes.len()]);
            files.insert(path.strip_prefix(root).unwrap().to_owned(), without_clock.unwrap_or(bytes));
        }
    }
    files
}

#[test]
fn a_run_writes_what_it_says() {
    let (_folder, config, mut directory) = new_run();
    write_step(&mut directory, 1);
    let root = directory.path();
    assert_eq!(RunFile::load(Some(&root.join(RUN_FILE)), &[]).unwrap(), config);
    let metrics = fs::read_to_string(root.join(METRICS)).unwrap();
    assert_eq!(metrics, "{\"step\":1,\"reward\":1.0,\"time/step\":0.5}\n");
    let events = fs::read_to_string(root.join(EVENTS)).unwrap();
    assert_eq!(events, "{\"step\":1,\"event\":\"evaluation\",\"detail\":{\"mean\":1}}\n");
    let mut rollouts = String::new();
    let compressed = File::open(root.join("rollouts/step_00001.jsonl.zst")).unwrap();
    zstd::Decoder::new(compressed).unwrap().read_to_string(&mut rollouts).unwrap();
    assert_eq!(rollouts, "{\"step\":1,\"ids\":[1,2,3]}\n{\"step\":1}\n");
    assert!(fs::read(root.join(TENSORBOARD)).unwrap().len() > 40);
    assert_eq!(directory.read_metrics().unwrap()[0].get("reward"), Some(1.0));
}

#[test]
fn events_are_found_by_step_and_kind() {
    let (_folder, _, mut directory) = new_run();
    write_step(&mut directory, 1);
    directory.event(1, "evaluation", json!("again")).unwrap();
    fs::OpenOptions::new().append(true).open(directory.path().join(EVENTS)).unwrap().write_all(b"{\"st").unwrap();
    assert_eq!(directory.find_event(1, "evaluation").unwrap(), Some(json!("again")));
    assert_eq!(directory.find_event(2, "evaluation").unwrap(), None);
    assert_eq!(directory.find_event(1, "alarm").unwrap(), None);
}

#[test]
fn no_tensorboard_file_unless_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.log.tensorboard = false;
    let mut directory = RunDirectory::create(&config).unwrap();
    write_step(&mut directory, 1);
    assert!(!folder.path().join(TENSORBOARD).exists());
    assert!(!directory.positions().unwrap().contains_key(TENSORBOARD));
}

/// A run that had one and goes on without it does not lose what is in it.
#[test]
fn a_tensorboard_file_that_is_not_written_any_more_is_kept() {
    let (_folder, mut config, mut directory) = new_run();
    write_step(&mut directory, 1);
    drop(directory);
    let file = config.output_dir.join(TENSORBOARD);
    let then = fs::read(&file).unwrap();
    assert!(!then.is_empty());
    config.log.tensorboard = false;
    let mut without = RunDirectory::open(&config, &BTreeMap::new()).unwrap();
    write_step(&mut without, 2);
    let positions = without.positions().unwrap();
    without.cut_back(&positions, 2).unwrap();
    assert_eq!(fs::read(&file).unwrap(), then);
}

#[test]
fn a_run_is_of_one_process_at_a_time() {
    let (_folder, config, directory) = new_run();
    let error = RunDirectory::open(&config, &BTreeMap::new()).unwrap_err();
    assert!(matches!(&error, RunDirectoryError::InUse { path } if *path == config.output_dir), "{error}");
    drop(directory);
    RunDirectory::open(&config, &BTreeMap::new()).unwrap();
}

#[test]
fn occupied_directory() {
    let (_folder, mut config, _) = new_run();
    let root = config.output_dir.clone();
    let error = RunDirectory::create(&config).unwrap_err();
    assert!(matches!(&error, RunDirectoryError::Occupied { path } if *path == root), "{error}");
    for remains in [RUN_FILE, METRICS, "checkpoint-5"] {
        let folder = tempfile::tempdir().unwrap();
        config.output_dir = folder.path().to_owned();
        fs::create_dir(folder.path().join(remains)).unwrap();
        assert!(matches!(RunDirectory::create(&config), Err(RunDirectoryError::Occupied { .. })), "{remains}");
    }
}

#[test]
fn runs_that_begin_at_once_claim_different_directories() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = folder.path().join("runs/embedded");
    let claimed: BTreeSet<PathBuf> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| claim(&wanted).unwrap())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(claimed, numbered(&wanted).take(4).collect());
    assert!(claimed.iter().all(|path| path.is_dir()));
    assert_eq!(numbered(&wanted).nth(2), Some(folder.path().join("runs/embedded-3")));
}

#[test]
fn other_files_do_not_occupy_a_directory() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("notes.txt"), "mine").unwrap();
    RunDirectory::create(&config(folder.path())).unwrap();
    assert_eq!(fs::read(folder.path().join("notes.txt")).unwrap(), b"mine");
}

#[test]
fn no_run_to_resume() {
    let folder = tempfile::tempdir().unwrap();
    let error = RunDirectory::open(&config(folder.path()), &BTreeMap::new()).unwrap_err().to_string();
    assert!(error.ends_with("holds no run to resume: no run.toml"), "{error}");
}

#[test]
fn unwritable_directory_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = RunDirectory::create(&config(&file.join("run"))).unwrap_err();
    assert!(matches!(&error, RunDirectoryError::Io { path, .. } if path.starts_with(&file)), "{error}");
    assert!(error.to_string().contains("cannot be read or written"), "{error}");
}

/// `/dev/full` refuses every write as a full disk does.
#[cfg(target_os = "linux")]
#[test]
fn full_disk_is_named_and_leaves_no_half_file() {
    let full = |path: &Path| {
        let _ = fs::remove_file(path);
        std::os::unix::fs::symlink("/dev/full", path).unwrap();
    };
    for name in [METRICS, EVENTS, TENSORBOARD] {
        let (_folder, config, _) = new_run();
        full(&config.output_dir.join(name));
        let mut directory = RunDirectory::open(&config, &BTreeMap::new()).unwrap();
        let written = match name {
            EVENTS => directory.event(1, "evaluation", json!({})),
            _ => directory.metrics(1, &[("reward".into(), 1.0)]),
        };
        let error = written.unwrap_err();
        assert!(
            matches!(&error, RunDirectoryError::Io { path, source } if path.ends_with(name)
            && source.kind() == io::ErrorKind::StorageFull),
            "{error}"
        );
    }
    let (_folder, _, mut directory) = new_run();
    full(&directory.path().join("rollouts/step_00001.jsonl.zst.tmp"));
    let error = directory.rollouts(1, &[json!({"text": "x".repeat(1 << 20)})]).unwrap_err();
    assert!(
        matches!(&error, RunDirectoryError::Io { path, source } if path.ends_with("step_00001.jsonl.zst")
        && source.kind() == io::ErrorKind::StorageFull),
        "{error}"
    );
    assert_eq!(fs::read_dir(directory.path().join(ROLLOUTS)).unwrap().count(), 0);
}

#[test]
fn cut_back_takes_back_what_came_after_a_checkpoint() {
    let (_folder, config, mut directory) = new_run();
    (1..=3).for_each(|step| write_step(&mut directory, step));
    let positions = directory.positions().unwrap();
    let then = contents(directory.path());
    (4..=5).for_each(|step| write_step(&mut directory, step));
    drop(directory);
    // what a kill in the middle of a write leaves
    for name in [METRICS, EVENTS, TENSORBOARD] {
        OpenOptions::new().append(true).open(config.output_dir.join(name)).unwrap().write_all(b"{\"torn").unwrap();
    }
    fs::write(config.output_dir.join("rollouts/step_00006.jsonl.zst.tmp"), b"torn").unwrap();
    let mut resumed = RunDirectory::open(&config, &BTreeMap::new()).unwrap();
    resumed.cut_back(&positions, 3).unwrap();
    assert_eq!(contents(resumed.path()), then);
}

#[test]
fn cut_back_to_nothing_is_a_new_run() {
    let (_folder, config, mut directory) = new_run();
    let then = contents(directory.path());
    (1..=3).for_each(|step| write_step(&mut directory, step));
    drop(directory);
    let mut resumed = RunDirectory::open(&config, &BTreeMap::new()).unwrap();
    resumed.cut_back(&BTreeMap::new(), 0).unwrap();
    assert_eq!(contents(resumed.path()), then);
    write_step(&mut resumed, 1);
    let (_other_folder, _, mut other) = new_run();
    write_step(&mut other, 1);
    let (mut left, mut right) = (contents(resumed.path()), contents(other.path()));
    left.remove(Path::new(RUN_FILE)); // names the output directory
    right.remove(Path::new(RUN_FILE));
    assert_eq!(left, right);
}

#[test]
fn file_shorter_than_the_checkpoint_says() {
    let (_folder, config, mut directory) = new_run();
    (1..=2).for_each(|step| write_step(&mut directory, step));
    let positions = directory.positions().unwrap();
    drop(directory);
    for name in [METRICS, EVENTS, TENSORBOARD] {
        let path = config.output_dir.join(name);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        let before = contents(&config.output_dir);
        let error = RunDirectory::open(&config, &BTreeMap::new()).unwrap().cut_back(&positions, 2).unwrap_err();
        let expected = whole.len() as u64;
        assert!(
            matches!(&error, RunDirectoryError::TooShort { path, expected: e, found } if path.ends_with(name)
            && (*e, *found) == (expected, expected - 1)),
            "{error}"
        );
        assert_eq!(contents(&config.output_dir), before, "nothing is cut when one file is too short");
        fs::write(&path, whole).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    #[test]
    fn run_that_was_cut_back_ends_like_one_that_was_not(checkpoint in 0..5_u32, killed in 0..5_u32, last in 5..8_u32) {
        let (_folder, config, mut directory) = new_run();
        (1..=checkpoint).for_each(|step| write_step(&mut directory, step));
        let positions = directory.positions().unwrap();
        (checkpoint + 1..=checkpoint + killed).for_each(|step| write_step(&mut directory, step));
        drop(directory);
        let mut resumed = RunDirectory::open(&config, &BTreeMap::new()).unwrap();
        resumed.cut_back(&positions, checkpoint).unwrap();
        (checkpoint + 1..=last).for_each(|step| write_step(&mut resumed, step));
        let (_other_folder, other_config, mut uninterrupted) = new_run();
        (1..=last).for_each(|step| write_step(&mut uninterrupted, step));
        let (mut left, mut right) = (contents(&config.output_dir), contents(&other_config.output_dir));
        left.remove(Path::new(RUN_FILE));
        right.remove(Path::new(RUN_FILE));
        prop_assert_eq!(left, right);
        prop_assert_eq!(resumed.positions().unwrap(), uninterrupted.positions().unwrap());
    }
}

#[test]
fn a_refused_run_directory_is_left_as_it_was() {
    let (_folder, mut config, mut directory) = new_run();
    write_step(&mut directory, 1);
    let root = config.output_dir.clone();
    fs::remove_file(root.join(TENSORBOARD)).unwrap();
    let before = contents(&root);
    config.seed += 1;
    let positions = BTreeMap::from([(METRICS.to_owned(), 10_000)]);
    let error = RunDirectory::open(&config, &positions).unwrap_err();
    assert!(matches!(error, RunDirectoryError::TooShort { expected: 10_000, .. }), "{error}");
    assert_eq!(contents(&root), before);
}

#[test]
fn evaluations_are_no_steps() {
    let (_folder, _, mut directory) = new_run();
    directory.metrics(0, &[("eval/chain/mean@8".into(), 0.5)]).unwrap();
    write_step(&mut directory, 1);
    directory.metrics(1, &[("eval/chain/mean@8".into(), 0.5)]).unwrap();
    write_step(&mut directory, 2);
    assert_eq!(recorded_steps(directory.path()).unwrap(), 2);
    let evaluations: Vec<bool> = directory.read_metrics().unwrap().iter().map(MetricsRow::is_evaluation).collect();
    assert_eq!(evaluations, [true, false, true, false]);
}
